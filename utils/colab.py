"""The packages that the notebooks need: Colab installs them, elsewhere one sentence says how."""

import importlib
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

# What the notebooks import; pip knows each by the same name. torch and numpy are not in the list:
# Colab's own are built for its GPUs and must stay as they are.
NEEDED = ["accelerate", "altair", "datasets", "fsrs", "ipywidgets", "matplotlib", "sacrebleu"]
NEEDED += ["safetensors", "seaborn", "tokenizers", "tqdm"]
EDITION = 2  # of the course that lies here; each notebook says to which it belongs


def on_colab() -> bool:
    """Whether this Python runs on Colab (or on a service built on Colab's image)."""
    return bool(find_spec("google") and find_spec("google.colab"))


def prepare(edition: int = EDITION) -> None:
    """On Colab, install the missing ones of the packages in `NEEDED`; elsewhere, say how to do it.

    edition: the notebook's; where the course that lies here is another, a sentence says so.
    Raises RuntimeError on Colab when pip cannot install them, ModuleNotFoundError elsewhere when
    one is missing: each with one clear sentence.
    """
    if edition != EDITION:
        print(
            f"This notebook belongs to edition {edition} of the course, its code here is edition "
            f"{EDITION}'s: open today's notebooks, {address()}"
        )
    if not on_colab():
        return say_what_is_missing()
    print(
        "On Colab: File → Save a copy in Drive keeps your answers; next time open that copy (in "
        "Drive, folder Colab Notebooks), for a badge opens an unsolved notebook. Edit → Clear all "
        "outputs keeps your predictions honest."
    )
    missing = [package for package in NEEDED if find_spec(package) is None]
    if not missing:
        return
    names = ", ".join(missing)
    print(f"Installing {names} …")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *missing]
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stderr)
        raise RuntimeError(
            f"pip could not install {names}: check the connection and run this cell again."
        )
    importlib.invalidate_caches()


def address() -> str:
    """Where the course is published: [project.urls] in pyproject.toml says so."""
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf8")
    return re.search('^repository = "(.*)"$', text, re.MULTILINE)[1]


def say_what_is_missing() -> None:
    """Raises ModuleNotFoundError when a package is missing that the notebooks cannot do without."""
    needed = {"torch", "numpy", *NEEDED} - {"ipywidgets"}  # which only the controls need
    missing = sorted(module for module in needed if find_spec(module) is None)
    if missing:
        python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
        raise ModuleNotFoundError(
            f"This notebook's Python lacks {', '.join(missing)}: in the folder "
            f"{Path(__file__).parents[1]} run  {python} -m pip install -r requirements.txt "
            "-c constraints.txt  and then this cell again, or open the course by  make lab."
        )

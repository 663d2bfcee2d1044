"""The set-up on Colab: install the packages that the notebooks need and Colab does not have."""

import importlib
import subprocess
import sys
from importlib.util import find_spec

# What the notebooks import, by import name and by the name that pip knows. torch and numpy are
# not in the list: Colab's own are built for its GPUs and must stay as they are.
NEEDED = {
    "accelerate": "accelerate",
    "datasets": "datasets",
    "ipywidgets": "ipywidgets",
    "matplotlib": "matplotlib",
    "sacrebleu": "sacrebleu",
    "safetensors": "safetensors",
    "seaborn": "seaborn",
    "tokenizers": "tokenizers",
    "tqdm": "tqdm",
}


def on_colab() -> bool:
    """Whether this Python runs on Colab (or on a service built on Colab's image)."""
    return bool(find_spec("google") and find_spec("google.colab"))


def prepare() -> None:
    """On Colab, install the missing ones of the packages in `NEEDED`; elsewhere do nothing.

    Elsewhere `requirements.txt` has been installed, and nobody wants a notebook to install more.
    Raises RuntimeError with one clear sentence when pip cannot install them.
    """
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if not missing or not on_colab():
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

"""Ruff finds nothing to say about code and notebooks, and formats every line."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff(command):
    ruff = [sys.executable, "-m", "ruff", *command, "."]
    done = subprocess.run(ruff, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_line_is_kept_from_the_formatter():
    mark = "# fmt" + ": "  # in two parts, or it would be found here
    written = ("transformer", "runs", "build", "dist", "venv")  # from the notebooks, or no source
    folders = [path for path in ROOT.iterdir() if path.name[0] != "." and path.name not in written]
    kept = [
        str(path.relative_to(ROOT))
        for kind in ("*.py", "*.ipynb")
        for path in [*ROOT.glob(kind), *(p for folder in folders for p in folder.rglob(kind))]
        if mark in path.read_text(encoding="utf-8")
    ]
    assert not kept, f"let ruff format these, without {mark}skip: {', '.join(kept)}"

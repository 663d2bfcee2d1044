"""Every notebook with each code cell executed twice in a row, as a reader does who tries things: no
error, and what nbval compares is the same both times."""

import configparser
import copy
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tools.notebooks import notebooks

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.long


def sanitised(text: str) -> str:
    """The text as nbval compares it."""
    rules = configparser.ConfigParser(interpolation=None)
    rules.read(ROOT / "tests" / "nbval_sanitize.cfg")
    for rule in rules.sections():
        text = re.sub(rules[rule]["regex"], rules[rule]["replace"], text)
    return text


def words(cell: nbformat.NotebookNode) -> tuple[str, list[str]]:
    """What a cell has printed, and its results as text."""
    printed = [out.text for out in cell.outputs if out.get("name") == "stdout"]
    results = [out.data.get("text/plain", "") for out in cell.outputs if "data" in out]
    return sanitised("".join(printed)), [sanitised(text) for text in results]


def run_twice(path: Path) -> dict[str, str]:
    """Run each code cell twice; return the ids of the cells that fail, and how."""
    book = nbformat.read(path, 4)
    stored = [cell for cell in book.cells if cell.cell_type == "code"]
    doubled = [copy.deepcopy(cell) for cell in stored for _ in range(2)]
    for cell in doubled[1::2]:
        cell.id += "-again"
    book.cells = doubled
    folder = {"metadata": {"path": str(path.parent)}}
    limits = {"timeout": 1800, "startup_timeout": 600}
    NotebookClient(book, resources=folder, allow_errors=True, **limits).execute()
    failed = {}
    for cell, first, again in zip(stored, doubled[::2], doubled[1::2], strict=True):
        for which, run in (("the first time", first), ("the second time", again)):
            errors = [f"{o.ename}: {o.evalue}" for o in run.outputs if o.output_type == "error"]
            compared = "nbval-ignore-output" not in cell.metadata.get("tags", [])
            if cell.id not in failed and errors:
                failed[cell.id] = f"{which}: {errors[0]}"
            elif cell.id not in failed and compared and words(run) != words(cell):
                failed[cell.id] = f"{which}: {words(run)} instead of {words(cell)}"
    return failed


@pytest.mark.parametrize("path", notebooks(ROOT), ids=lambda path: path.stem)
def test_every_cell_can_be_run_twice(path, course):
    failed = [
        f"{cell} {how[:1000]}" for cell, how in run_twice(course / path.relative_to(ROOT)).items()
    ]
    assert not failed, "\n".join(["run twice in a row, these cells fail:", *failed])

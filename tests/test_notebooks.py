"""What every notebook keeps to besides running: stored runs, short cells, a badge, plain words."""

import re
from pathlib import Path

import nbformat
import pytest

from utils.notebooks import address
from utils.sliders import VIEW

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
IGNORED = "nbval-ignore-output"

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == kind]


def shown(cell: nbformat.NotebookNode) -> str:
    """A cell as a failing test names it."""
    return cell.source[:200]


@every_notebook
def test_every_cell_was_run_from_top_to_bottom(path):
    code = cells(path, "code")
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        wrong = [output for output in cell.outputs if output.output_type == "error"]
        assert not wrong, shown(cell)


@every_notebook
def test_cells_are_short_and_the_file_is_small(path):
    for cell in cells(path, "code"):
        assert len(cell.source.splitlines()) <= 40, shown(cell)
    assert path.stat().st_size < 1_000_000


@every_notebook
def test_output_that_differs_between_machines_is_asserted(path):
    """In the same cell, or in the first cell after it whose output is compared."""
    code = cells(path, "code")
    for cell, following in zip(code, [*code[1:], None], strict=True):
        if IGNORED in cell.metadata.get("tags", []) and "assert " not in cell.source:
            assert following is not None, f"the last cell is ignored: {shown(cell)}"
            goes_on = IGNORED in following.metadata.get("tags", [])
            assert goes_on or "assert " in following.source, shown(cell)


@every_notebook
def test_no_stored_output_names_an_object_or_a_machine(path):
    for cell in cells(path, "code"):
        for output in cell.outputs:
            assert VIEW not in output.get("data", {}), shown(cell)  # its number changes each run
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            if "image/png" in output.get("data", {}):
                continue  # its text names the figure's type, and nobody sees it
            found = re.search(r" at 0x[0-9a-f]|(^|\s)(/tmp/|/home/|/Users/)", text)
            assert not found, shown(cell)


@every_notebook
def test_the_first_cell_has_title_and_badge(path):
    first = nbformat.read(path, 4).cells[0]
    assert first.cell_type == "markdown"
    assert re.match(rf"# {path.stem[:2]} · \S", first.source)
    slug = address(ROOT).removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{slug}"
    badge = "https://colab.research.google.com/assets/colab-badge.svg"
    line = f"[![Open in Colab]({badge})]({colab}/blob/main/notebooks/{path.name})"
    assert line in first.source.splitlines()


@every_notebook
def test_words_and_alt_texts(path):
    for cell in cells(path, "markdown"):
        word = re.search(r"\b(simply|just|obviously)\b", cell.source, re.IGNORECASE)
        assert not word, f"says {word[0]!r}: {shown(cell)}"
        bare = re.search(r"!\[\s*\]\(", cell.source)
        assert not bare, f"a picture has no alt text: {shown(cell)}"

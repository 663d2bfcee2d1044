"""What every notebook keeps to besides running: stored runs, short cells, a badge, plain words."""

import ast
import dis
import re
from collections import Counter
from pathlib import Path
from types import CodeType
from typing import NamedTuple

import nbformat
import pytest

from tools.notebooks import address, notebooks
from utils.sliders import VIEW

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = notebooks(ROOT)
IGNORED = "nbval-ignore-output"
# Cells, and words of prose, at most
BUDGET = (110, 4_500)
PATH = {
    "01_math": (100, 4_300),
    "02_attention": (100, 4_200),
    "03_heads": (100, 4_000),
    "04_encoder": (105, 4_300),
    "05_decoder": (115, 4_500),
    "06_training": (130, 5_000),
    "07_inference": (130, 5_000),
    "08_by_heart": (60, 2_500),
}
PATH_WORDS = 32_500  # of 01 to 08 together

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == kind]


class Statement(NamedTuple):
    """One statement at a notebook's top level."""

    tree: ast.stmt
    binds: set[str]  # the names that it gives to something
    reads: set[str]  # the notebook's names that a function in it looks up when it is called
    stub: bool  # of an exercise


def statements(path: Path) -> list[Statement]:
    found = []
    for cell in cells(path, "code"):
        stub = "exercise" in cell.metadata.get("tags", [])
        for tree in ast.parse(cell.source).body:
            code = compile(ast.Module([tree], []), cell.id, "exec")
            binds = {op.argval for op in dis.get_instructions(code) if op.opname == "STORE_NAME"}
            found.append(Statement(tree, binds, looked_up(code), stub))
    return found


def looked_up(code: CodeType, in_function: bool = False) -> set[str]:
    names = {op.argval for op in dis.get_instructions(code) if op.opname == "LOAD_GLOBAL"}
    names = names if in_function else set()
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            at_once = inner.co_name.endswith(("comp>", "genexpr>"))  # a comprehension
            names |= looked_up(inner, in_function or not at_once)
    return names


def definitions(lines: list[Statement]) -> dict[str, set[str]]:
    """The names of functions and classes, and what each looks up."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {line.tree.name: line.reads for line in lines if isinstance(line.tree, kinds)}


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
def test_a_notebook_does_not_grow(path):
    most_cells, most_words = PATH.get(path.stem, BUDGET)
    words = sum(len(cell.source.split()) for cell in cells(path, "markdown"))
    assert len(nbformat.read(path, 4).cells) <= most_cells
    assert words <= most_words


def test_the_path_is_one_that_a_reader_can_walk():
    path = [file for file in NOTEBOOKS if file.stem in PATH]
    words = sum(len(cell.source.split()) for file in path for cell in cells(file, "markdown"))
    assert len(path) == len(PATH) and words <= PATH_WORDS


@every_notebook
def test_output_that_differs_between_machines_is_asserted(path):
    """In the same cell, or in the first cell after it whose output is compared."""
    code = cells(path, "code")
    for cell, following in zip(code, [*code[1:], None], strict=True):
        assert cell.outputs or IGNORED not in cell.metadata.get("tags", []), shown(cell)
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
    lab = "Lab " if path.parent.name == "labs" else ""
    assert re.match(rf"# {lab}{path.stem[:2]} · \S", first.source)
    slug = address(ROOT).removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{slug}"
    badge = "https://colab.research.google.com/assets/colab-badge.svg"
    line = f"[![Open in Colab]({badge})]({colab}/blob/main/{path.relative_to(ROOT).as_posix()})"
    assert line in first.source.splitlines()


@every_notebook
def test_words_and_alt_texts(path):
    for cell in cells(path, "markdown"):
        word = re.search(r"\b(simply|just|obviously)\b", cell.source, re.IGNORECASE)
        assert not word, f"says {word[0]!r}: {shown(cell)}"
        bare = re.search(r"!\[\s*\]\(", cell.source)
        assert not bare, f"a picture has no alt text: {shown(cell)}"


@every_notebook
def test_a_function_that_others_call_keeps_its_name(path):
    """Neither a value nor another function takes it, or the others would call that."""
    lines = statements(path)
    times = Counter(name for line in lines for name in line.binds)
    needed = definitions(lines).keys() & set().union(*(line.reads for line in lines))
    taken = sorted(name for name in needed if times[name] > 1)
    assert not taken, f"bound more than once: {taken}"


@every_notebook
def test_a_stub_has_a_name_of_its_own(path):
    """Run again, it takes nothing from the cells below."""
    lines = statements(path)
    times = Counter(name for line in lines for name in line.binds)
    stubs = set().union(*(line.binds for line in lines if line.stub))
    assert stubs and not [name for name in stubs if times[name] > 1]


@every_notebook
def test_a_control_works_after_run_all(path):
    """What its function looks up, and what that looks up in turn, is not bound again below it."""
    lines = statements(path)
    reads = definitions(lines)
    for place, line in enumerate(lines):
        names = {node.id for node in ast.walk(line.tree) if isinstance(node, ast.Name)}
        if names & {"sliders", "explore"}:
            needed, new = set(), names & reads.keys()
            while new:
                needed |= new
                new = set().union(*(reads.get(name, set()) for name in new)) - needed
            taken = sorted(needed & set().union(*(below.binds for below in lines[place + 1 :])))
            assert not taken, f"{ast.unparse(line.tree)} reads {taken}, bound again below it"


@every_notebook
def test_a_package_that_not_everyone_has_is_asked_for_in_words(path):
    code = "\n".join(cell.source for cell in cells(path, "code"))
    if found := re.search(r"^(?:from|import) transformers\b", code, re.MULTILINE):
        assert 'need("transformers"' in code[: found.start()]


@every_notebook
def test_it_imports_no_benchmark(path):
    """Notebooks read the results of benchmarks; what measures is not theirs."""
    code = "\n".join(cell.source for cell in cells(path, "code"))
    assert not re.search(r"^\s*(from|import) benchmarks", code, re.MULTILINE)

"""Every exercise of every notebook: the solution is accepted, the folded one and the file's, the
stub is "not solved yet", and each mistake is refused with its own words. And how exercises are
written down and found."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import exercises
from exercises import find
from exercises.check import Exercise, edited, exercise, question, source, verdict
from tools.notebooks import notebooks
from transformer.attention import causal_mask
from transformer.decoder import DecoderLayer, greedy_decode

ROOT = Path(__file__).parents[2]
NOTEBOOKS = notebooks(ROOT)
CHECK = re.compile(r'^check\("([\w.]+)", (\w+)\)$', re.MULTILINE)
SOLUTION = re.compile(r"<summary>Solution</summary>(.*?)</details>", re.DOTALL)
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


class Found:
    """An exercise in a notebook: its number, what is handed to check, and the cells around."""

    def __init__(self, notebook: Path, number: str, answer: str, cells: list, place: int) -> None:
        self.notebook, self.number, self.answer = notebook, number, answer
        self.before, self.after, self.output = cells[:place], cells[place:], cells[place].outputs

    def definitions(self) -> dict:
        """The imports, functions and classes of the cells before: what a solution may use."""
        names: dict = {}
        for cell in self.before:
            if cell.cell_type == "code":
                kept = [node for node in ast.parse(cell.source).body if isinstance(node, KEPT)]
                exec(compile(ast.Module(kept, []), self.notebook.name, "exec"), names)
        return names

    def solution(self) -> str:
        """The code in the first solution folded behind the check (or between stub and check)."""
        texts = [c.source for c in self.after if c.cell_type == "markdown"]
        folded = next(match for match in map(SOLUTION.search, texts) if match)
        return "\n".join(CODE.findall(folded[1]))


ALL = [
    Found(notebook, number, answer, cells, place)
    for notebook in NOTEBOOKS
    for cells in [nbformat.read(notebook, as_version=4).cells]
    for place, cell in enumerate(cells)
    if cell.cell_type == "code"
    for number, answer in CHECK.findall(cell.source)
]
every = pytest.mark.parametrize("found", ALL, ids=lambda found: found.number)


def test_each_notebook_has_exercises_and_each_exercise_a_place():
    numbers = [found.number for found in ALL]
    assert len(set(numbers)) == len(numbers)
    for notebook in (path for path in NOTEBOOKS if path.parent.name != "labs"):
        count = sum(number.startswith(f"{int(notebook.name[:2])}.") for number in numbers)
        assert count >= 2 or (notebook.stem, count) == ("08_by_heart", 1)
    with pytest.raises(ValueError) as known:
        find("none")
    assert sorted(re.findall(r"\d+\.\w+", str(known.value))) == sorted(numbers)


@every
def test_the_solution_is_accepted(found):
    names = found.definitions()
    exec(found.solution(), names)
    for answer in (eval(found.answer, names), find(found.number).solution):
        said = verdict(find(found.number), answer)
        assert said.startswith(f"● {found.number} correct."), said


@every
def test_the_stub_is_not_solved_yet(found):
    assert f"○ {found.number} not solved yet" in "".join(o.get("text", "") for o in found.output)


@every
def test_each_mistake_is_refused_with_its_own_words(found):
    exercise = find(found.number)
    assert len(exercise.mistakes) >= 4  # as CONTRIBUTING.md says
    for message, mistake in exercise.mistakes.items():
        assert verdict(exercise, mistake) == f"✗ {found.number} {message}"


def shown(code: str, name: str) -> str | None:
    """The definition of that name in the code, without decorators, docstrings and comments."""
    for node in ast.parse(code).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            node.decorator_list = []
            for inner in ast.walk(node):
                if isinstance(inner, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(inner):
                    inner.body = inner.body[1:]
            return ast.unparse(node)
    return None


@every
def test_a_folded_block_is_the_exported_one(found):
    """Where a solution shows a block of transformer/ under its own name."""
    block = find(found.number).solution
    if getattr(block, "__module__", "").startswith("transformer."):
        folded = shown(found.solution(), block.__name__)
        assert folded in (None, shown(source(block), block.__name__))


def test_blocks_are_compared_without_docstrings_and_decorators():
    code = "@staticmethod\n" + source(causal_mask).replace("Position i", "Another text")
    assert shown(code, "causal_mask") == shown(source(causal_mask), "causal_mask")
    assert shown(code.replace("tril", "triu"), "causal_mask") != shown(code, "causal_mask")
    assert shown(code, "padding_mask") is None


@exercise(
    "0.1",
    cases=[(3,), (4,)],
    wrong={
        ("4", "3"): "four is not three.",
        (("4 *", "n +"), ("+ 4", "+ n")): "n three times.",
        str: "no text.",
    },
    praise="4 and 4.",
)
def four(n):
    return 4 * n + 4


def test_an_edit_changes_every_occurrence_and_nothing_above_the_definition():
    assert isinstance(four, Exercise) and four.results(four.solution) == [16, 20]
    not_three, three_times, text = four.mistakes.values()
    assert not_three(4) == 15
    assert three_times(3) == 9 and three_times(4) == 12
    assert text is str
    assert verdict(four, lambda n: 4 * (n + 1)) == "● 0.1 correct. 4 and 4."
    assert verdict(four, lambda n: 3 * (n + 1)) == "✗ 0.1 four is not three."
    assert source(four.solution) == "def four(n):\n    return 4 * n + 4\n"


@pytest.mark.parametrize("edit", [("praise", ""), (("4 *", "3 *"), ("4 *", "2 *"))])
def test_an_edit_that_finds_nothing_is_an_error(edit):
    with pytest.raises(ValueError, match="an edit of four looks for '.*', which is not there"):
        edited(four.solution, edit)


def test_a_block_is_edited_in_its_own_module():
    one_norm = edited(DecoderLayer, (("norm2", "norm1"), ("norm3", "norm1")))
    names = {name.split(".")[0] for name, _ in one_norm(4, 1, 4).named_parameters()}
    assert names == {"self_attention", "cross_attention", "feed_forward", "norm1"}
    assert hasattr(DecoderLayer(4, 1, 4), "norm3")
    assert source(greedy_decode).startswith("def greedy_decode(")  # it has a decorator
    assert edited(greedy_decode, ("argmax", "argmin")).__globals__["DecoderLayer"] is DecoderLayer


def test_a_question_has_a_plain_answer():
    asked = question("0.2", [1, 2], wrong={(2, 1): "the wrong way round."}, praise="One, two.")
    assert verdict(asked, (1, 2)) == "● 0.2 correct. One, two."
    assert verdict(asked, [2, 1]) == "✗ 0.2 the wrong way round."


def test_of_all_files_only_the_one_that_is_asked_for_is_read():
    code = """
import sys, exercises
read = lambda: [name for name in sys.modules if name.startswith("exercises.ex")]
print(read())
exercises.check("3.1", 4)
print(read())
"""
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    before, *_, after = done.stdout.splitlines()
    assert (before, after) == ("[]", "['exercises.ex03_heads', 'exercises.ex03_heads_at_work']")


def test_a_new_notebook_is_its_file_and_nothing_else(tmp_path, monkeypatch):
    code = 'from exercises.check import question\nASKED = question("99.1", 4, wrong={5: "no."})\n'
    (tmp_path / "ex99_new.py").write_text(code, encoding="utf8")
    monkeypatch.setattr(exercises, "__path__", [*exercises.__path__, str(tmp_path)])
    assert find("99.1").solution == 4
    assert list(exercises.exercises())[-1] == "99.1"
    del sys.modules["exercises.ex99_new"]

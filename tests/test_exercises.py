"""Every exercise of every notebook: the folded solution is accepted, the stub is "not solved yet",
and each mistake that the check knows is refused with that mistake's own words."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from utils.checks import Exercise, find, verdict

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
CHECK = re.compile(r'^check\("([\d.]+)", (\w+)(?:, (\w+))?\)$', re.MULTILINE)
SOLUTION = re.compile(r"<summary>Solution</summary>(.*?)</details>", re.DOTALL)
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
KEPT = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


class Found:
    """An exercise in a notebook: its number, what is handed to check, and the cells around."""

    def __init__(
        self, notebook: Path, number: str, answer: str, own: str, cells: list, place: int
    ) -> None:
        self.notebook, self.number, self.answer, self.own = notebook, number, answer, own
        self.before, self.after, self.output = cells[:place], cells[place:], cells[place].outputs

    def definitions(self) -> dict:
        """The imports, functions and classes of the cells before: what a solution may use."""
        names: dict = {}
        for cell in self.before:
            if cell.cell_type == "code":
                kept = [node for node in ast.parse(cell.source).body if isinstance(node, KEPT)]
                exec(compile(ast.Module(kept, []), self.notebook.name, "exec"), names)
        return names

    def exercise(self) -> Exercise:
        """As the notebook checks it: against its own version, where it names one."""
        exercise = find(self.number)
        return replace(exercise, solution=self.definitions()[self.own]) if self.own else exercise

    def solution(self) -> str:
        """The code in the first solution folded behind the check (or between stub and check)."""
        texts = [c.source for c in self.after if c.cell_type == "markdown"]
        folded = next(match for match in map(SOLUTION.search, texts) if match)
        return "\n".join(CODE.findall(folded[1]))


ALL = [
    Found(notebook, number, answer, own, cells, place)
    for notebook in NOTEBOOKS
    for cells in [nbformat.read(notebook, as_version=4).cells]
    for place, cell in enumerate(cells)
    if cell.cell_type == "code"
    for number, answer, own in CHECK.findall(cell.source)
]
every = pytest.mark.parametrize("found", ALL, ids=lambda found: found.number)


def test_each_notebook_has_exercises_and_each_exercise_a_place():
    numbers = [found.number for found in ALL]
    assert len(set(numbers)) == len(numbers)
    for notebook in NOTEBOOKS:
        assert sum(number.startswith(f"{int(notebook.name[:2])}.") for number in numbers) >= 2
    with pytest.raises(ValueError) as known:
        find("none")
    assert sorted(re.findall(r"\d+\.\d+", str(known.value))) == sorted(numbers)


@every
def test_the_solution_is_accepted(found):
    names = found.definitions()
    exec(found.solution(), names)
    said = verdict(found.exercise(), eval(found.answer, names))
    assert said.startswith(f"● {found.number} correct."), said


@every
def test_the_stub_is_not_solved_yet(found):
    assert f"○ {found.number} not solved yet" in "".join(o.get("text", "") for o in found.output)


@every
def test_each_mistake_is_refused_with_its_own_words(found):
    exercise = found.exercise()
    assert len(exercise.mistakes) >= 3
    for message, mistake in exercise.mistakes.items():
        assert verdict(exercise, mistake) == f"✗ {found.number} {message}"

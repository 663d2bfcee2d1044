"""Two editions of the notebooks from the one source, path and labs: `make editions`.

dist/learner   outputs, solutions and answers cut, hints kept; cells marked for nbgrader; where a
               folded cell holds an answer and goes into the package, its import in its place
dist/teacher   each stub replaced by its solution, executed; in EXERCISES.md what each check knows
dist/nbgrader  a course folder of nbgrader's: the learner's edition, one assignment a notebook

    python -m tools.editions [name …] [--only learner]   # for example: 02 05 labs/06
    python -m tools.editions --table                     # the exercises' table in TEACHING.md
"""

import argparse
import os
import posixpath
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from benchmarks.table import fill
from exercises import find
from tools.notebooks import ROOT, address, choose, execute, notebooks, write

PAGE = "TEACHING.md"
HEADING = re.compile(
    r"^#+ ✎ Exercise (\d+\.\w+) · (.+?) +(●[●○]{2}) · (\d+) minutes?$", re.MULTILINE
)
CHECK = re.compile(r'^check\("(\d+\.\w+)", (\w+)')
FOLD = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.DOTALL)
CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)\s]+)\)")
NEIGHBOUR = re.compile(r"\]\((?:\.\./|labs/)?(\w+)\.ipynb\)")
KEPT = ("Hint", "Change it", "Rows")  # how the folds begin that stay in the learner's edition
ANSWERS = ("Solution", "Answer")  # folds that go whole; of all others the question stays
# What is said above a folded cell with an exercise's answer; the module it goes into; its names
GIVEN = re.compile(r"the course's|ours, in|holds the|the answer", re.IGNORECASE)
MODULE = re.compile(r"^#\| default_exp (\w+)$", re.MULTILINE)
NAMES = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)
IMPORT = """# @title The course's own, imported: its code would give the answer away
from transformer.{} import {}"""
NOTE = "*The learner's edition: you see what a cell prints when you have run it.*"
# What a notebook says of its folds, and what stands there where the answers are cut
WORDS = {"hint and solution are folded": "hints are folded", ", then unfold:": ":"}
CONFIG = r'''"""nbgrader's settings, written by `make editions`."""

import os

c = get_config()
c.CourseDirectory.course_id = "transformer-by-heart"
c.ClearSolutions.enabled = False  # the stubs stand in the notebooks, and run unsolved
c.Execute.timeout = 1800  # seconds a cell: some train a model
# zip_collect: NAME.zip is NAME's; a folder inside it does not matter
zipped = r".*[/\\]extracted[/\\](?P<student_id>[^/\\]+)[/\\](.*[/\\])?(?P<file_id>[^/\\]+)\.ipynb$"
c.FileNameCollectorPlugin.named_regexp = zipped
os.environ["BY_HEART_DIR"] = os.path.abspath("by-heart")  # not your own, which cells also open
'''


@dataclass
class Exercise:
    """An exercise as it stands in a notebook. name: what is handed to check; solution: its code."""

    number: str
    title: str
    difficulty: str
    minutes: int
    name: str
    stub: NotebookNode
    check: NotebookNode
    solution: str

    @property
    def points(self) -> int:
        return self.difficulty.count("●")


def exercises_of(notebook: NotebookNode) -> list[Exercise]:
    """The notebook's exercises, in their order: heading, stub, check, folded solution each.

    Raises ValueError where one of them is missing.
    """
    headings, stubs, checks, solutions = [], [], [], []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            headings += HEADING.findall(cell.source)
            folds = [body for title, body in FOLD.findall(cell.source) if title == "Solution"]
            solutions += ["\n".join(CODE.findall(body)).rstrip() for body in folds]
        elif "exercise" in tags:
            stubs.append(cell)
        elif "check" in tags:
            checks.append(cell)
    found = []
    for heading, stub, check, solution in zip(headings, stubs, checks, solutions, strict=True):
        number, title, difficulty, minutes = heading
        asked = CHECK.match(check.source)
        if asked is None or asked[1] != number or not solution:
            raise ValueError(f"exercise {number} lacks a stub, a check or a solution of its own")
        found.append(
            Exercise(number, title, difficulty, int(minutes), asked[2], stub, check, solution)
        )
    return found


def learner(notebook: NotebookNode) -> None:
    """Make it the learner's edition: outputs, solutions and answers cut, cells marked."""
    for cell in given(notebook):
        [module] = MODULE.findall("\n".join(each.source for each in notebook.cells))
        cell.source = IMPORT.format(module, ", ".join(NAMES.findall(cell.source)))
    notebook.cells[0].source += f"\n\n{NOTE}"
    for exercise in exercises_of(notebook):
        name = exercise.number.replace(".", "-")
        mark(exercise.stub, f"answer-{name}", solution=True)
        mark(exercise.check, f"check-{name}", grade=True, locked=True, points=exercise.points)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        else:
            cell.source = without_answers(cell.source)


def given(notebook: NotebookNode) -> list[NotebookNode]:
    """The folded cells of the package that hold an exercise's answer, as the text above says."""
    found = []
    for above, cell in pairwise(notebook.cells):
        told = FOLD.sub("", above.source) if above.cell_type == "markdown" else ""
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        exported = cell.source.startswith("#| export")
        if hidden and exported and "fold" in told.lower() and GIVEN.search(told):
            found.append(cell)
    return found


def mark(cell: NotebookNode, name: str, **roles: bool | int) -> None:
    """Write nbgrader's metadata into a cell; the name stays from edition to edition."""
    unset = {"grade": False, "solution": False, "locked": False, "task": False}
    cell.metadata["nbgrader"] = {"schema_version": 3, "grade_id": name, **unset, **roles}


def without_answers(text: str) -> str:
    """A cell's text, with those of its folds that hold no answer, and the others' questions."""
    for old, new in WORDS.items():
        text = text.replace(old, new)
    parts, end = [], 0
    for fold in FOLD.finditer(text):
        parts += [text[end : fold.start()], without_answer(fold[0], fold[1])]
        end = fold.end()
    parts.append(text[end:])
    return "\n\n".join(part.strip("\n") for part in parts if part.strip())


def without_answer(fold: str, title: str) -> str:
    if title.startswith(KEPT):
        return fold
    if title in ANSWERS:
        return ""
    return title if title[0].isdigit() else f"- {title}"


def teacher(notebook: NotebookNode, folder: Path) -> None:
    """Make it the teacher's edition: solved, and executed in that folder.

    Raises ValueError where a check then says anything but ●.
    """
    for exercise in exercises_of(notebook):
        exercise.stub.source = exercise.solution
    execute(notebook, folder)
    wrong = [each.number for each in exercises_of(notebook) if "● " not in printed(each.check)]
    if wrong:
        raise ValueError(f"the folded solution is refused: {', '.join(wrong)}")


def printed(cell: NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def links(text: str, folder: str, course: str) -> str:
    """The text, its links that lead out of the notebooks made absolute. folder: its notebook's;
    course: the address of the repository."""

    def absolute(link: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[1]))
        return link[0] if target.startswith("notebooks/") else f"]({course}/blob/main/{target})"

    return LINK.sub(absolute, text)


def read(path: Path, root: Path = ROOT, branch: str = "main") -> NotebookNode:
    """A notebook of root's, with links that hold wherever its edition lies. branch: the one on
    which that edition is published: its badges open it there."""
    notebook = nbformat.read(path, as_version=4)
    course, folder = address(root), path.parent.relative_to(root).as_posix()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = links(cell.source, folder, course)
            cell.source = text.replace("/blob/main/notebooks/", f"/blob/{branch}/notebooks/")
    return notebook


def save(notebook: NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, nbformat.writes(notebook) + "\n")


def write_learner(path: Path, root: Path = ROOT, branch: str = "main") -> None:
    """Write the learner's edition of a notebook, and the same as an assignment of nbgrader's."""
    notebook = read(path, root, branch)
    learner(notebook)
    save(notebook, root / "dist" / "learner" / path.relative_to(root / "notebooks"))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":  # there, each notebook has a folder
            cell.source = NEIGHBOUR.sub(r"](../\1/\1.ipynb)", cell.source)
    save(notebook, root / "dist" / "nbgrader" / "source" / path.stem / path.name)
    write(root / "dist" / "nbgrader" / "nbgrader_config.py", CONFIG)


def write_teacher(path: Path, root: Path = ROOT) -> None:
    """Write the teacher's edition of a notebook, executed where it then lies."""
    notebook = read(path, root)
    place = root / "dist" / "teacher" / path.relative_to(root / "notebooks")
    place.parent.mkdir(parents=True, exist_ok=True)
    teacher(notebook, place.parent)
    save(notebook, place)


def titled(root: Path = ROOT) -> Iterator[tuple[str, list[Exercise]]]:
    """The title of each notebook of root's, and its exercises."""
    for path in notebooks(root):
        notebook = nbformat.read(path, as_version=4)
        yield notebook.cells[0].source.splitlines()[0].removeprefix("# "), exercises_of(notebook)


def table(root: Path = ROOT) -> str:
    """A line an exercise: what is asked for, points, minutes, how many mistakes its check knows."""
    lines = ["| exercise | asks for | points | minutes | mistakes |", "|---|---|---|---|---|"]
    for title, found in titled(root):
        lines.append(f"| **{title}** | | {sum(each.points for each in found)} | | |")
        for each in found:
            mistakes = len(find(each.number).mistakes)
            asked = f"{each.number} {each.title} | `{each.name}`"
            lines.append(f"| {asked} | {each.points} | {each.minutes} | {mistakes} |")
    return "\n".join(lines)


def exercises_page(root: Path = ROOT) -> str:
    """A page in Markdown: of each exercise, what is asked and what its check may say."""
    told = (
        "In the words of its check: first when an answer is right, then of each mistake it knows."
    )
    parts = ["# What each exercise tests", told]
    for title, found in titled(root):
        parts.append(f"## {title}")
        for each in found:
            points = "1 point" if each.points == 1 else f"{each.points} points"
            parts.append(f"### {each.number} · {each.title}")
            tested = find(each.number)
            parts.append(f"`{each.name}`, {points}, {each.minutes} minutes. *{tested.praise}*")
            parts.append("\n".join(f"- {said}" for said in tested.mistakes))
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="how notebooks' names begin (default: all)")
    parser.add_argument("--only", choices=["learner", "teacher"], help="default: both editions")
    parser.add_argument(
        "--branch", default="main", help="where the learner's edition is published as notebooks/"
    )
    parser.add_argument("--table", action="store_true", help=f"only the table in {PAGE}")
    arguments = parser.parse_args()
    if arguments.table:
        page = ROOT / PAGE
        return write(page, fill(page.read_text(encoding="utf-8"), {"exercises": table()}))
    with tempfile.TemporaryDirectory() as practised:
        os.environ["BY_HEART_DIR"] = practised  # notebook 08 would write into the maintainer's own
        try:
            chosen = choose(ROOT, arguments.names)
            for path in chosen:
                if arguments.only != "teacher":
                    write_learner(path, ROOT, arguments.branch)
            for path in chosen:
                if arguments.only != "learner":
                    print(f"{path.name} …", flush=True)
                    write_teacher(path, ROOT)
        except ValueError as error:
            sys.exit(str(error))
    if arguments.only != "learner":
        write(ROOT / "dist" / "teacher" / "EXERCISES.md", exercises_page())
    print(f"{len(chosen)} notebooks: {ROOT / 'dist'}")


if __name__ == "__main__":
    main()

"""The editions of every notebook, executed where they lie; and nbgrader itself, on one of them."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from tools import editions
from tools.editions import exercises_of
from tools.notebooks import execute, notebooks

ROOT = Path(__file__).parents[2]
NAME = "02_attention"
pytestmark = pytest.mark.long
every_notebook = pytest.mark.parametrize("path", notebooks(ROOT), ids=lambda path: path.stem)


def signs(notebook: nbformat.NotebookNode) -> set[str]:
    """The first letters of what the checks have printed, and of an error, if there is one."""
    checks = [cell for cell in notebook.cells if "check" in cell.metadata.get("tags", [])]
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    errors = [output.ename for output in outputs if output.output_type == "error"]
    return {editions.printed(cell)[:1] for cell in checks} | set(errors)


@every_notebook
def test_the_learner_s_runs_and_every_check_says_not_solved_yet(path, course):
    editions.write_learner(course / path.relative_to(ROOT), course)
    place = course / "dist" / "learner" / path.relative_to(ROOT / "notebooks")
    notebook = nbformat.read(place, as_version=4)
    execute(notebook, place.parent)
    assert signs(notebook) == {"○"}


@every_notebook
def test_the_teacher_s_is_executed_and_every_check_says_correct(path, course):
    editions.write_teacher(course / path.relative_to(ROOT), course)
    notebook = nbformat.read(
        course / "dist" / "teacher" / path.relative_to(ROOT / "notebooks"), as_version=4
    )
    assert signs(notebook) == {"●"}
    for cell in notebook.cells:
        lines = editions.printed(cell).splitlines() if cell.cell_type == "code" else []
        assert not any(line.startswith("○") for line in lines), lines  # no milestone waits, either
        if "check" in cell.metadata.get("tags", []):
            names = [output.get("name") for output in cell.outputs]
            assert names == ["stdout"], "nbgrader gives no point where something stands in stderr"


@pytest.fixture
def classroom(course) -> Path:
    """A course folder of nbgrader's, in which one notebook is released."""
    pytest.importorskip("nbgrader", reason="nbgrader is not installed: it needs Python 3.11")
    editions.write_learner(course / "notebooks" / f"{NAME}.ipynb", course)
    folder = course / "dist" / "nbgrader"
    nbgrader(folder, "generate_assignment", NAME)
    return folder


def nbgrader(folder: Path, *arguments: str) -> str:
    """Run one of its commands as in an activated .venv: it calls alembic by its name alone."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "nbgrader", *arguments]
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def hand_in(classroom: Path, student: str, solved: list[str], wrong: str = "") -> None:
    """The released notebook with the solutions of some exercises, and a wrong answer to one."""
    released = nbformat.read(classroom / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    source = nbformat.read(ROOT / "notebooks" / f"{NAME}.ipynb", as_version=4)
    stubs = {
        cell.metadata.nbgrader.grade_id: cell
        for cell in released.cells
        if "nbgrader" in cell.metadata
    }
    for exercise in exercises_of(source):
        stub = stubs[f"answer-{exercise.number.replace('.', '-')}"]
        assert stub.source == exercise.stub.source, "release has changed the stub"
        if exercise.number in solved:
            stub.source = exercise.solution
        elif exercise.number == wrong:
            stub.source = exercise.solution.replace(".tril()", ".triu()")
    place = classroom / "submitted" / student / NAME / f"{NAME}.ipynb"
    place.parent.mkdir(parents=True)
    nbformat.write(released, place)


def test_nbgrader_grades_by_the_checks(classroom):
    """Exercises 2.1 to 2.5 give 1, 1, 2, 2 and 3 points."""
    from nbgrader.api import Gradebook

    every = ["2.1", "2.2", "2.3", "2.4", "2.5"]
    hand_in(classroom, "solved", every)
    hand_in(classroom, "half", ["2.1", "2.2", "2.4"], wrong="2.3")
    hand_in(classroom, "untouched", [])
    nbgrader(classroom, "autograde", NAME)
    with Gradebook(f"sqlite:///{classroom / 'gradebook.db'}") as book:
        assert book.find_assignment(NAME).max_score == 9
        scores = {each.student.id: each.score for each in book.assignment_submissions(NAME)}
        half = book.find_submission_notebook(NAME, NAME, "half")
        assert not any(grade.needs_manual_grade for grade in half.grades)
        given = {grade.name: grade.score for grade in half.grades}
    assert scores == {"solved": 9, "half": 4, "untouched": 0}
    assert list(given.values()) == [1, 1, 0, 2, 0] and list(given)[0] == "check-2-1"


def test_nbgrader_validates_what_a_learner_has(classroom):
    hand_in(classroom, "some", ["2.1", "2.3"])
    hand_in(classroom, "all", ["2.1", "2.2", "2.3", "2.4", "2.5"])
    some, every = (
        nbgrader(classroom, "validate", f"submitted/{student}/{NAME}/{NAME}.ipynb")
        for student in ("some", "all")
    )
    assert "VALIDATION FAILED ON 3 CELL(S)" in some
    assert all(f"exercise {number} is not solved" in some for number in ("2.2", "2.4", "2.5"))
    assert "Success! Your notebook passes all the tests." in every


@pytest.mark.parametrize("inside", [f"{NAME}.ipynb", f"{NAME}/{NAME}.ipynb"])
def test_nbgrader_collects_zips_by_their_names(inside, classroom):
    archive = classroom / "downloaded" / NAME / "archive"
    archive.mkdir(parents=True)
    with zipfile.ZipFile(archive / "ada.zip", "w") as file:
        file.write(classroom / "release" / NAME / f"{NAME}.ipynb", inside)
    nbgrader(classroom, "zip_collect", NAME)
    assert (classroom / "submitted" / "ada" / NAME / f"{NAME}.ipynb").exists()

"""The two editions: what the learner's keeps and lacks, how nbgrader's checks raise, the table."""

import re
import shutil
import warnings
from pathlib import Path

import nbformat
import pytest
from test_readme import minutes

from benchmarks.table import fill
from exercises import check, find
from exercises.check import Exercise
from tools import editions, notebooks
from tools.editions import FOLD, exercises_of

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = notebooks.notebooks(ROOT)
TEACHING = (ROOT / editions.PAGE).read_text(encoding="utf-8")
# Of the plan: the notebook where one begins, its last section, the exercises, the minutes
LESSON = re.compile(
    r"^\| (\d+) \| (?:\[.*\]\((.*?)\), to (\d+)|from \d+):.*? \| (.*?) \| (\d+) \|$",
    re.MULTILINE,
)
# Of notebook 02: title, set-up, imports, exercises 2.1 and 2.3
SMALL = """9a9fedf2 01e3eef3 60010e20 ae46330a 75d7dca5 d47f9730 103dc4bf 2ef2a013
e6ac2ec3 7667397a 7e88c299 7bd3231e""".split()

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    """The learner's edition of this course's notebooks, published on a branch."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    shutil.copy(ROOT / "pyproject.toml", root)
    for path in notebooks.notebooks(root):
        editions.write_learner(path, root, "learner")
    return root / "dist"


def source_and_learners(dist: Path, path: Path) -> tuple[nbformat.NotebookNode, ...]:
    place = dist / "learner" / path.relative_to(ROOT / "notebooks")
    return nbformat.read(path, as_version=4), nbformat.read(place, as_version=4)


def texts(notebook: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def links(notebook: nbformat.NotebookNode) -> list[str]:
    return re.findall(r"\]\(([^)\s#]+)\)", texts(notebook))


@every_notebook
def test_the_learner_s_has_no_solution_no_answer_no_output(dist, path):
    source, learners = source_and_learners(dist, path)
    folds = dict(FOLD.findall(texts(source)))
    kept = dict(FOLD.findall(texts(learners)))
    assert not any(cell.outputs or cell.execution_count for cell in code(learners))
    given = [cell.id for cell in editions.given(source)]
    for own, cell in zip(code(source), code(learners), strict=True):
        if own.id in given:
            assert cell.source.startswith("# @title The course's own, imported")
        else:
            assert cell.source == own.source  # a solved stub would differ; the set-up cell must not
        assert {**cell.metadata, "nbgrader": 0} == {**own.metadata, "nbgrader": 0}
    nbformat.validate(learners)
    for exercise in exercises_of(source):
        assert exercise.solution not in texts(learners)
        assert exercise.stub.source != exercise.solution
    for title, body in folds.items():
        assert (body.strip() in texts(learners)) == title.startswith(("Hint", "Change it", "Rows"))
        if "?" in title:
            assert title in texts(learners)
    assert all(body == folds[title] for title, body in kept.items())


def lines(code: str) -> set[str]:
    """What a piece of code does, line by line, without names and comments."""
    left = [line.split("  #")[0].strip() for line in code.splitlines()]
    empty = ("", "return None", "else:")
    return {each for each in left if each not in empty and not re.match(r"def |class |#", each)}


def test_of_the_folded_cells_one_holds_an_answer_still(dist):
    """That of 6.A calls the learner's own. The page for teachers names it."""
    found = []
    for path in NOTEBOOKS:
        source, learners = source_and_learners(dist, path)
        folded = [cell for cell in code(learners) if "jupyter" in cell.metadata]
        for exercise in exercises_of(source):
            asked = lines(exercise.solution)
            if any(2 * len(asked & lines(cell.source)) >= len(asked) for cell in folded):
                found.append(exercise.number)
    assert found == ["6.A"] and "6.A" in TEACHING.split("## Seven")[0]


def test_an_import_takes_the_place_of_each_cell_with_an_answer(dist):
    count = 0
    for path in NOTEBOOKS:
        source, learners = source_and_learners(dist, path)
        cells = {cell.id: cell for cell in learners.cells}
        for cell in editions.given(source):
            title, line = cells[cell.id].source.splitlines()
            place: dict = {}
            exec(line, place) if path.stem != "08_since_2017" else compile(line, "cell", "exec")
            assert all(f"{name}" in line for name in editions.NAMES.findall(cell.source))
            assert title.startswith("# @title")
            count += 1
    assert f"for {count} exercises" in TEACHING


@every_notebook
def test_the_learner_s_keeps_every_hint_and_all_other_text(dist, path):
    source, learners = map(texts, source_and_learners(dist, path))
    assert learners.count("<summary>Hint") == source.count("<summary>Hint") > 0
    there = learners.splitlines()
    for old, new in editions.WORDS.items():
        source = source.replace(old, new)
    for line in FOLD.sub("", source).splitlines():
        assert line in there or "](" in line, line


@every_notebook
def test_each_exercise_has_a_hint_and_then_its_solution(path):
    text = texts(nbformat.read(path, as_version=4))
    _, *parts = re.split(r"^(?=#+ ✎ Exercise )", text, flags=re.MULTILINE)
    assert parts
    for part in parts:
        hint, solution = (part.find(f"<summary>{name}") for name in ("Hint", "Solution"))
        assert 0 < hint < solution, part.splitlines()[0]


def test_written_anew_the_editions_leave_a_class_s_work_alone(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(editions, "ROOT", tmp_path)
    monkeypatch.setenv("BY_HEART_DIR", str(tmp_path))  # main sets it; it is put back
    monkeypatch.setattr("sys.argv", ["editions", "02", "--only", "learner"])
    editions.main()
    course = tmp_path / "dist" / "nbgrader"
    assert (course / "source" / "02_attention" / "02_attention.ipynb").exists()
    theirs = [course / "gradebook.db"]
    for step in ("release", "submitted/ada", "autograded/ada", "feedback/ada"):
        theirs.append(course / step / "02_attention" / "02_attention.ipynb")
    for path in theirs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("theirs", encoding="utf-8")
    editions.main()
    assert [path.read_text(encoding="utf-8") for path in theirs] == ["theirs"] * len(theirs)


def test_what_stands_for_the_notebooks_words_on_folds_has_its_words():
    said = "".join(texts(nbformat.read(path, as_version=4)) for path in NOTEBOOKS)
    assert all(old in said for old in editions.WORDS)


def test_of_the_folds_hints_stay_and_questions():
    hint, kept = "<details><summary>Hint</summary>\n\nh\n\n</details>", "Answer, then unfold:"
    solution = "<details><summary>Solution</summary>\n\ns\n\n</details>"
    questions = [f"<details><summary>{q}</summary>\n\na\n\n</details>" for q in ("1. Why?", "How?")]
    text = "\n".join([kept, hint, solution, *questions, "", "After."])
    left = ["Answer:", hint, "1. Why?", "- How?", "After."]
    assert editions.without_answers(text) == "\n\n".join(left)
    assert editions.without_answers(solution) == ""
    assert editions.without_answers("a\n\n\nb") == "a\n\n\nb"


@every_notebook
def test_nbgrader_finds_stubs_and_checks_with_points_by_difficulty(dist, path):
    source, learners = source_and_learners(dist, path)
    marked = [cell.metadata.get("nbgrader") for cell in learners.cells]
    names = [each["grade_id"] for each in marked if each]
    assert len(names) == len(set(names)) == 2 * len(exercises_of(source))
    for exercise in exercises_of(source):
        name = exercise.number.replace(".", "-")
        [stub] = [each for each in marked if each and each["grade_id"] == f"answer-{name}"]
        [graded] = [each for each in marked if each and each["grade_id"] == f"check-{name}"]
        assert stub["solution"] and not stub["grade"] and not stub["locked"]
        assert graded["grade"] and graded["locked"] and not graded["solution"]
        assert graded["points"] == {"●○○": 1, "●●○": 2, "●●●": 3}[exercise.difficulty]


@every_notebook
def test_links_lead_somewhere_and_the_badge_opens_the_edition(dist, path):
    inside = path.relative_to(ROOT / "notebooks")
    course = notebooks.address(ROOT)
    both = [dist / "learner" / inside, dist / "nbgrader" / "source" / path.stem / path.name]
    for place in both:
        notebook = nbformat.read(place, as_version=4)
        for link in links(notebook):
            if link.startswith(f"{course}/blob/main/"):
                assert (ROOT / link.removeprefix(f"{course}/blob/main/")).exists(), link
            elif not link.startswith("http"):
                assert (place.parent / link).exists(), link
        slug = course.removeprefix("https://github.com/")
        badge = f"https://colab.research.google.com/github/{slug}/blob/learner/notebooks/"
        assert badge + inside.as_posix() in links(notebook)
        assert "/blob/main/notebooks" not in texts(notebook)


def test_without_a_branch_the_badge_opens_the_notebook_itself():
    path = NOTEBOOKS[0]
    read, stored = editions.read(path), nbformat.read(path, as_version=4)
    assert read.cells[0].source == stored.cells[0].source


def small() -> nbformat.NotebookNode:
    notebook = nbformat.read(ROOT / "notebooks" / "02_attention.ipynb", as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id in SMALL]
    assert [cell.id for cell in notebook.cells] == SMALL
    notebook.cells[3].source = "from exercises import check"  # and no import that takes long
    return notebook


def test_the_learner_s_runs_unsolved_and_the_teacher_s_is_solved():
    learners, teachers = small(), small()
    editions.learner(learners)
    notebooks.execute(learners, ROOT / "notebooks")
    editions.teacher(teachers, ROOT / "notebooks")
    for notebook, sign in ((learners, "○"), (teachers, "●")):
        checks = [c for c in notebook.cells if "check" in c.metadata.get("tags", [])]
        assert [editions.printed(cell)[:5] for cell in checks] == [f"{sign} 2.1", f"{sign} 2.3"]


def test_a_solution_that_is_refused_stops_the_teacher_s(monkeypatch):
    def execute(notebook, folder):
        for exercise, sign in zip(exercises_of(notebook), "●✗", strict=True):
            text = f"{sign} {exercise.number} as it is."
            exercise.check.outputs = [nbformat.v4.new_output("stream", text=text)]

    monkeypatch.setattr(editions, "execute", execute)
    with pytest.raises(ValueError, match="the folded solution is refused: 2.3"):
        editions.teacher(small(), ROOT / "notebooks")


@pytest.mark.parametrize("part", ["heading", "stub", "check", "solution"])
def test_an_exercise_that_lacks_a_part_is_an_error(part):
    notebook = small()
    gone = {"heading": 4, "stub": 5, "check": 6, "solution": 7}
    del notebook.cells[gone[part]]
    with pytest.raises(ValueError):
        exercises_of(notebook)


@pytest.mark.parametrize("by", ["autograde", "validate"])
@pytest.mark.parametrize(("answer", "sign"), [(None, "○"), (4, "✗")])
def test_under_nbgrader_a_check_raises_after_it_has_printed(by, answer, sign, monkeypatch, capsys):
    monkeypatch.setenv("NBGRADER_EXECUTION", by)
    with pytest.raises(AssertionError, match=r"exercise 1\.1 is not solved"):
        check("1.1", answer)
    assert capsys.readouterr().out.startswith(f"{sign} 1.1 ")
    check("1.1", 3.5)
    assert capsys.readouterr().out.startswith("● 1.1 ")
    monkeypatch.delenv("NBGRADER_EXECUTION")
    check("1.1", answer)


def test_under_nbgrader_a_warning_costs_no_point(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    warned = Exercise("0.1", 4, adapt=lambda answer: warnings.warn("old", stacklevel=1) or answer)
    monkeypatch.setattr("exercises.find", lambda number: warned)
    with warnings.catch_warnings(record=True) as caught:
        check("0.1", 4)
    assert not caught


def test_the_teacher_s_page_is_short_and_its_table_is_that_of_the_notebooks():
    fresh = fill(TEACHING, {"exercises": editions.table()})
    assert fresh == TEACHING, "run: python -m tools.editions --table"
    words = fill(TEACHING, {"exercises": ""}).replace("|", " ").split()
    assert len(words) <= 900


def test_the_plan_takes_each_section_and_exercise_of_the_path_once():
    """Its lessons' exercises and minutes are those of the notebooks' sections."""
    path, first = None, 0
    planned = []
    for _, name, last, numbers, told in LESSON.findall(TEACHING):
        if name:
            path, first = ROOT / name, 0
        sections = by_sections(path)[first : int(last) + 1 if last else None]
        found = [each for section in sections for each in section[1]]
        assert numbers.replace(" to ", ", ").split(", ") == [found[0], found[-1]][: len(found)]
        assert int(told) == pytest.approx(sum(section[0] for section in sections), abs=3)
        first = int(last or 0) + 1
        planned += found
    asked = [e.number for p in NOTEBOOKS[:7] for e in exercises_of(nbformat.read(p, 4))]
    assert planned == asked


def test_a_lesson_ends_where_its_notebook_says_that_one_may_stop():
    ends = {name: int(last) for _, name, last, _, _ in LESSON.findall(TEACHING) if name}
    found = 0
    for name, last in ends.items():
        text = texts(nbformat.read(ROOT / name, as_version=4))
        said = [int(n) for n in re.findall(r"place to stop.*? after section (\d+)", text)]
        said += [
            int(n) for n in re.findall(r"[Aa]fter section (\d+) is a good place to stop", text)
        ]
        for before in re.split(r"^\W*This is a good place to stop", text, flags=re.MULTILINE)[:-1]:
            said.append(int(re.findall(r"^## (\d+)", before, re.MULTILINE)[-1]))
        assert set(said) <= {last}, name
        found += bool(said)
    assert found == 7


def by_sections(path: Path) -> list[tuple[float, list[str]]]:
    """Minutes and exercises of a path notebook's numbered sections: what stands before the first
    is 0, a recap belongs to the last."""
    sections: list[tuple[list[str], list[str]]] = [([], [])]
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            sections[-1][1].append(cell.source)
            continue
        for part in re.split(r"^(?=## \d)", cell.source, flags=re.MULTILINE):
            if re.match(r"## \d", part):
                sections.append(([], []))
            sections[-1][0].append(part)
    return [
        (minutes(text, lines), [found[0] for found in editions.HEADING.findall("\n".join(text))])
        for text, lines in sections
    ]


def test_the_page_of_exercises_names_every_mistake():
    page = editions.exercises_page()
    for path in NOTEBOOKS:
        for exercise in exercises_of(nbformat.read(path, as_version=4)):
            assert f"### {exercise.number} · {exercise.title}\n" in page
            for said in find(exercise.number).mistakes:
                assert f"\n- {said}\n" in page, said

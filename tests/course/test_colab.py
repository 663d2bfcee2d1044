"""The way through Colab, run for real: a notebook alone in an empty folder, a stand-in for
google.colab, and git told to take this working tree for the repository's address."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tools.notebooks import address
from utils import colab

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = "01_math.ipynb"
LEFT_OUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    "__pycache__",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    ".ipynb_checkpoints",
    "checkpoints",
    "runs",
    "build",
    "dist",
)

colab_is_linux = pytest.mark.skipif(
    sys.platform == "win32", reason="the set-up cell fetches on Colab only, and Colab is Linux"
)


def git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "gc.auto=0"]
    command = ["git", *author, "-c", "commit.gpgsign=false", "-C", str(folder), *arguments]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", env=clean)
    return done.stdout


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """A repository that holds this working tree, also what is not committed yet."""
    folder = tmp_path_factory.mktemp("published") / "course"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "the working tree")
    return folder


@pytest.fixture
def colab_folder(tmp_path, monkeypatch) -> Path:
    """An empty folder with one notebook in it, and a Python in which google.colab exists."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)  # as a hook of git sets them
    stand_in = tmp_path / "site" / "google" / "colab"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab_today")  # Colab sets it
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "0")
    content = tmp_path / "content"
    content.mkdir()
    shutil.copy(ROOT / "notebooks" / NOTEBOOK, content)
    return content


def point_address_at(place: str, monkeypatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{place}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", address(ROOT))


def execute(folder: Path, *, only_setup: bool = False, after: str = "") -> nbformat.NotebookNode:
    notebook = nbformat.read(folder / NOTEBOOK, as_version=4)
    if only_setup:
        first = next(cell for cell in notebook.cells if cell.cell_type == "code")
        notebook.cells = [first]
    if after:
        notebook.cells.append(nbformat.v4.new_code_cell(after))
    where = {"metadata": {"path": str(folder)}}
    run = NotebookClient(
        notebook, timeout=600, startup_timeout=600, resources=where, coalesce_streams=True
    )
    return run.execute()  # else one print may come in two pieces


@colab_is_linux
def test_a_notebook_alone_fetches_the_course_and_runs(published, colab_folder, monkeypatch):
    point_address_at(published.as_uri(), monkeypatch)
    show = (
        "from transformer import attention; import utils; print(utils.__file__, attention.__file__)"
    )
    notebook = execute(colab_folder, after=show)
    printed = notebook.cells[-1].outputs[0].text.split()
    course = colab_folder / "transformer-by-heart"
    assert printed == [str(course / "utils/__init__.py"), str(course / "transformer/attention.py")]
    assert {path.name for path in colab_folder.iterdir()} == {NOTEBOOK, "transformer-by-heart"}


@colab_is_linux
def test_a_second_run_does_not_fetch_again(published, colab_folder, monkeypatch):
    point_address_at(published.as_uri(), monkeypatch)
    execute(colab_folder, only_setup=True)
    mine = colab_folder / "transformer-by-heart" / "mine.txt"
    mine.write_text("a learner's own file", encoding="utf-8")
    point_address_at("file:///nowhere", monkeypatch)
    execute(colab_folder, only_setup=True)
    assert mine.exists()


@colab_is_linux
def test_an_interrupted_fetch_is_done_again(published, colab_folder, monkeypatch):
    point_address_at(published.as_uri(), monkeypatch)
    (colab_folder / ".part" / "utils").mkdir(parents=True)
    (colab_folder / ".part" / "utils" / "colab.py").write_text("half a fi", encoding="utf-8")
    execute(colab_folder, only_setup=True)
    course = colab_folder / "transformer-by-heart"
    assert (course / "utils" / "colab.py").read_bytes() == Path(colab.__file__).read_bytes()
    assert not (colab_folder / ".part").exists()


@colab_is_linux
def test_an_unreachable_address_gives_one_clear_sentence(colab_folder, monkeypatch):
    point_address_at("file:///nowhere", monkeypatch)
    with pytest.raises(CellExecutionError) as caught:
        execute(colab_folder, only_setup=True)
    assert caught.value.ename == "AssertionError"
    assert caught.value.evalue.startswith("The course's code is missing. Beside this notebook, run")
    assert [path.name for path in colab_folder.iterdir()] == [NOTEBOOK]


class Pip:
    """Stands in for subprocess.run: remembers the command, answers as told."""

    def __init__(self, returncode: int = 0):
        self.returncode, self.commands = returncode, []

    def __call__(self, command, **options):
        self.commands.append(command)
        return subprocess.CompletedProcess(command, self.returncode, "", "no route to host")


@pytest.fixture
def on_colab_without(monkeypatch):
    def make(*absent: str, returncode: int = 0) -> Pip:
        found = importlib.util.find_spec
        present = {"google", "google.colab"}
        monkeypatch.setattr(
            colab,
            "find_spec",
            lambda name: None if name in absent else name in present or found(name),
        )
        pip = Pip(returncode)
        monkeypatch.setattr(colab.subprocess, "run", pip)
        return pip

    return make


def test_prepare_with_nothing_missing_calls_no_pip(on_colab_without, capsys):
    pip = on_colab_without()
    colab.prepare()
    assert pip.commands == []
    said = capsys.readouterr().out
    assert said.startswith("On Colab: File → Save a copy in Drive keeps your answers")
    assert said.count("\n") == 1


@pytest.mark.parametrize("where", [(), ("google",)], ids=["on Colab", "elsewhere"])
def test_a_notebook_of_another_edition_is_told_where_todays_are(where, on_colab_without, capsys):
    on_colab_without(*where)
    colab.prepare(edition=colab.EDITION)
    assert "edition" not in capsys.readouterr().out
    colab.prepare(edition=1)
    said = capsys.readouterr().out.splitlines()[0]
    assert said.startswith("This notebook belongs to edition 1 of the course, its code here is")
    assert said.endswith(f"open today's notebooks, {address(ROOT)}")


def test_prepare_installs_what_is_missing_and_only_that(on_colab_without):
    pip = on_colab_without("sacrebleu")
    colab.prepare()
    assert pip.commands == [[sys.executable, "-m", "pip", "install", "--quiet", "sacrebleu"]]


def test_prepare_never_installs_torch_or_numpy(on_colab_without):
    pip = on_colab_without("torch", "numpy")
    colab.prepare()
    assert pip.commands == []


def test_prepare_without_network_says_so(on_colab_without, capsys):
    on_colab_without("sacrebleu", returncode=1)
    with pytest.raises(RuntimeError, match=r"^pip could not install sacrebleu: check the connect"):
        colab.prepare()
    assert "no route to host" in capsys.readouterr().out


def test_elsewhere_prepare_installs_and_says_nothing(on_colab_without, capsys):
    pip = on_colab_without("google")
    colab.prepare()
    assert pip.commands == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("missing", "named"),
    [
        (["sacrebleu"], "sacrebleu"),
        (["torch", "numpy"], "numpy, torch"),
        (["tqdm", "torch", "ipywidgets"], "torch, tqdm"),
    ],
)
def test_elsewhere_prepare_names_what_is_missing(missing, named, on_colab_without):
    pip = on_colab_without("google", *missing)
    with pytest.raises(ModuleNotFoundError) as caught:
        colab.prepare()
    said = str(caught.value)
    assert said.startswith(f"This notebook's Python lacks {named}: in the folder {ROOT} run  ")
    assert f"  {sys.executable} -m pip install -r requirements.txt -c constraints.txt  " in said
    assert "make lab" in said and "\n" not in said
    assert pip.commands == []


def test_a_python_in_a_folder_with_a_space_is_quoted(on_colab_without, monkeypatch):
    on_colab_without("google", "torch")
    monkeypatch.setattr(sys, "executable", "/my course/python")
    with pytest.raises(ModuleNotFoundError, match='run  "/my course/python" -m pip'):
        colab.prepare()


def test_elsewhere_the_notebooks_run_without_ipywidgets(on_colab_without):
    """utils.sliders and utils.explorer then say that there are no controls."""
    on_colab_without("google", "ipywidgets")
    colab.prepare()

"""The set-up cell is the same in every notebook, and every address agrees with pyproject.toml."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools import notebooks
from utils import colab

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = notebooks.notebooks(ROOT)


def setup_cell(path: Path):
    return next(cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")


def test_the_same_short_cell_in_every_notebook_folded_and_it_prints_nothing():
    cells = {path.name: setup_cell(path) for path in NOTEBOOKS}
    first = cells["01_math.ipynb"].source
    assert f"prepare(edition={colab.EDITION})" in first
    assert len([line for line in first.splitlines() if line]) <= 12
    for cell in cells.values():
        assert cell.metadata["cellView"] == "form" and cell.metadata.jupyter["source_hidden"]
    different = [name for name, cell in cells.items() if cell.source != first]
    assert not different, f"their set-up cell is not that of 01_math: {different}"
    printed = [name for name, cell in cells.items() if cell.outputs]
    assert not printed, f"their set-up cell has stored output: {printed}"


def test_addresses_agree_with_pyproject():
    address = notebooks.address(ROOT)
    assert f'ADDRESS = "{address}"' in setup_cell(ROOT / "notebooks" / "01_math.ipynb").source
    slug = address.removeprefix("https://github.com/")
    for path in [*(ROOT / name for name in notebooks.PAGES), *NOTEBOOKS]:
        found = set(notebooks.STAMPED.findall(path.read_text(encoding="utf-8")))
        assert found == {slug}, f"{path.name} says {found}: run `make stamp`"


def test_stamp_changes_every_address(tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    for name in notebooks.PAGES:
        shutil.copy(ROOT / name, tmp_path)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    new = "https://github.com/someone/their-fork"
    (tmp_path / "pyproject.toml").write_text(
        text.replace(notebooks.address(ROOT), new), encoding="utf-8"
    )
    changed = notebooks.stamp(tmp_path)
    assert [path.name for path in changed] == [*notebooks.PAGES, *(path.name for path in NOTEBOOKS)]
    for path in changed:
        text = path.read_text(encoding="utf-8")
        assert notebooks.address(ROOT) not in text
        assert path.name != "README.md" or "(https://someone.github.io/their-fork/)" in text
        assert set(notebooks.STAMPED.findall(text)) == {"someone/their-fork"}
    assert f'ADDRESS = "{new}"' in setup_cell(tmp_path / "notebooks" / "01_math.ipynb").source
    assert notebooks.stamp(tmp_path) == []


def test_stamp_needs_an_address_on_github(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    with pytest.raises(ValueError, match="needs a line  repository = "):
        notebooks.stamp(tmp_path)


def run_cell(folder: Path, after: str = "", before: str = "") -> subprocess.CompletedProcess:
    source = before + setup_cell(NOTEBOOKS[0]).source + after
    command = [sys.executable, "-I", "-X", "utf8", "-c", source]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")


def test_elsewhere_it_finds_the_course_above():
    done = run_cell(ROOT / "notebooks", "\nimport utils; print(utils.__file__)")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).parent == ROOT / "utils"


def test_elsewhere_without_the_course_one_clear_sentence(tmp_path):
    done = run_cell(tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode != 0
    assert re.match(r"AssertionError: The course's code is missing\. .* run  git clone http", last)
    assert list(tmp_path.iterdir()) == []


def copy_of_the_course(folder: Path) -> Path:
    """What the set-up cell needs of the course, with a `utils` that says where it lies."""
    (folder / "utils").mkdir(parents=True)
    for name in ("__init__.py", "colab.py"):
        shutil.copy(ROOT / "utils" / name, folder / "utils")
    return folder


def course_found_from(folder: Path) -> Path:
    done = run_cell(folder, "\nimport utils; print(utils.__file__)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1, "the cell itself prints nothing"
    return Path(done.stdout.strip()).parents[1]


@pytest.mark.parametrize(
    "name", ["transformer-by-heart", "transformer-by-heart-main", "Kurs [1]", "zwölf Köpfe"]
)
def test_a_kernel_that_starts_above_the_course_finds_it(name, tmp_path):
    """As VS Code may do with the folder of an unpacked ZIP."""
    (tmp_path / "a file").touch()
    (tmp_path / "other" / "utils").mkdir(parents=True)
    course = copy_of_the_course(tmp_path / name)
    assert course_found_from(tmp_path) == course


def test_of_several_copies_the_one_above_wins_then_the_first_by_name(tmp_path):
    outer = copy_of_the_course(tmp_path / "outer")
    for name in ("b", "a", "transformer-by-heart", ".part"):
        copy_of_the_course(outer / name)
    (outer / "c").mkdir()
    assert course_found_from(outer) == outer
    assert course_found_from(outer / "c") == outer
    shutil.rmtree(outer / "utils")
    assert course_found_from(outer) == outer / "a"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_may_not_be_read_does_no_harm(tmp_path):
    locked = copy_of_the_course(tmp_path / "a")
    course = copy_of_the_course(tmp_path / "b")
    locked.chmod(0)
    try:
        assert course_found_from(tmp_path) == course
    finally:
        locked.chmod(0o700)


def test_elsewhere_a_missing_package_gives_one_clear_sentence():
    hidden = "import sys; sys.modules['sacrebleu'] = None\n"
    done = run_cell(ROOT / "notebooks", before=hidden)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode != 0
    assert last.startswith("ModuleNotFoundError: This notebook's Python lacks sacrebleu: ")
    assert "-m pip install -r requirements.txt -c constraints.txt" in last
    assert sys.executable in last and str(ROOT) in last

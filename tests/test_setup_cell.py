"""The set-up cell is the same in every notebook, and every address agrees with pyproject.toml."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from utils import notebooks

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def setup_cell(path: Path):
    return next(cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")


def test_the_same_cell_in_every_notebook_and_it_prints_nothing():
    assert len(NOTEBOOKS) == 7
    cells = {path.name: setup_cell(path) for path in NOTEBOOKS}
    first = cells["01_math.ipynb"].source
    assert "prepare()" in first
    different = [name for name, cell in cells.items() if cell.source != first]
    assert not different, f"their set-up cell is not that of 01_math: {different}"
    printed = [name for name, cell in cells.items() if cell.outputs]
    assert not printed, f"their set-up cell has stored output: {printed}"


def test_addresses_agree_with_pyproject():
    address = notebooks.address(ROOT)
    assert f'ADDRESS = "{address}"' in setup_cell(ROOT / "notebooks" / "01_math.ipynb").source
    slug = address.removeprefix("https://github.com/")
    for path in [ROOT / "README.md", *NOTEBOOKS]:
        found = set(notebooks.STAMPED.findall(path.read_text(encoding="utf-8")))
        assert found == {slug}, f"{path.name} says {found}: run `make stamp`"


def test_stamp_changes_every_address(tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    shutil.copy(ROOT / "README.md", tmp_path)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    new = "https://github.com/someone/their-fork"
    (tmp_path / "pyproject.toml").write_text(
        text.replace(notebooks.address(ROOT), new), encoding="utf-8"
    )
    changed = notebooks.stamp(tmp_path)
    assert [path.name for path in changed] == ["README.md", *(path.name for path in NOTEBOOKS)]
    for path in changed:
        text = path.read_text(encoding="utf-8")
        assert notebooks.address(ROOT) not in text
        assert set(notebooks.STAMPED.findall(text)) == {"someone/their-fork"}
    assert f'ADDRESS = "{new}"' in setup_cell(tmp_path / "notebooks" / "01_math.ipynb").source
    assert notebooks.stamp(tmp_path) == []


def test_stamp_needs_an_address_on_github(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    with pytest.raises(ValueError, match="needs a line  repository = "):
        notebooks.stamp(tmp_path)


def run_cell(folder: Path, after: str = "") -> subprocess.CompletedProcess:
    source = setup_cell(NOTEBOOKS[0]).source + after
    command = [sys.executable, "-I", "-c", source]
    return subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")


def test_elsewhere_it_finds_the_course_above():
    done = run_cell(ROOT / "notebooks", "\nimport utils; print(utils.__file__)")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).parent == ROOT / "utils"


def test_elsewhere_without_the_course_one_clear_sentence(tmp_path):
    done = run_cell(tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode != 0
    assert re.match(r"FileNotFoundError: The course's code is missing: run  git clone http", last)
    assert list(tmp_path.iterdir()) == []

"""What the long tests share: a copy of the course to run notebooks in."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the course, so that runs beside each other share no folder they write to."""
    left_out = shutil.ignore_patterns(".*", "__pycache__", "runs", "build", "dist")
    return Path(shutil.copytree(ROOT, tmp_path / "course", ignore=left_out))

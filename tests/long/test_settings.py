"""What a notebook stores is also what other processors compute: each one compared under settings
that make this one add up its sums as they do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.notebooks import notebooks

ROOT = Path(__file__).parents[2]
# PyTorch without AVX, as on an old processor, or without AVX-512, as on many of today's; and MKL in
# an order that is the same on all of them
SETTINGS = ["ATEN_CPU_CAPABILITY=default", "ATEN_CPU_CAPABILITY=avx2", "MKL_CBWR=COMPATIBLE"]

pytestmark = pytest.mark.long


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("path", notebooks(ROOT), ids=lambda path: path.stem)
def test_a_notebook_computes_the_same_with_this_setting(path, setting, course):
    command = [sys.executable, "-m", "pytest", path.relative_to(ROOT)]
    environment = os.environ | dict([setting.split("=")])
    done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr

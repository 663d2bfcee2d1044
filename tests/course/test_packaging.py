"""`pip install .` and `pip install -e .` bring the model to other code."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "*.ipynb", "runs", "build", "dist", "*.egg-info"
)
# As another project would, from the folder where pip has put it: neither package nor .pth file
# is looked up in the repository
USE = """
import site, sys
site.addsitedir(sys.argv[1])
import by_heart.schedule, exercises, transformer.decoder, utils.data
print(transformer.decoder.__file__)
"""


@pytest.mark.parametrize("how", ["plain", "editable"])
def test_other_code_imports_an_installed_copy(how, tmp_path):
    copy, prefix = tmp_path / "copy", tmp_path / "prefix"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    install += ["--no-build-isolation", "--ignore-installed", "--prefix", str(prefix)]
    subprocess.run([*install, *(["--editable"] if how == "editable" else []), copy], check=True)

    [metadata] = prefix.rglob("METADATA")
    found = re.findall("^Requires-Dist: (.*)$", metadata.read_text(encoding="utf-8"), re.MULTILINE)
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    required = {Requirement(line) for line in lines if line and not line.startswith("#")}
    assert set(map(Requirement, found)) == required
    packages = metadata.parents[1]
    use = [sys.executable, "-c", USE, packages]
    done = subprocess.run(use, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(copy if how == "editable" else packages)

"""The requirements suit the Colab of today and are what the code imports; constraints.txt suits
them."""

import ast
import json
import os
import re
import runpy
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools.notebooks import notebooks
from utils.colab import NEEDED

ROOT = Path(__file__).resolve().parents[2]
# Colab's list of packages, which its maintainers publish; the weekly workflow fetches it
FREEZE = Path(
    os.environ.get("COLAB_FREEZE", ROOT.parent / "shared" / "data" / "colab" / "pip-freeze.gpu.txt")
)
OURS = {"by_heart", "command", "utils", "transformer", "exercises"}
OURS |= {"train", "translate", "benchmarks"}
DECK = ["blocks.py", "cards.py", "deck.py"]  # of by_heart: made with tools
# Installed with the set-up cell's packages' help or by Colab itself, imported for display or
# set-up; and of requirements-dev.txt what is used where it is installed: by command.scores, by
# labs 08
BESIDES = {"google", "IPython", "sacremoses", "transformers"}
DEV = "requirements-dev.txt"
colab_constraints = runpy.run_path(str(ROOT / ".github" / "colab_constraints.py"))["constraints"]


def requirements(name: str) -> list[Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]


def blocks() -> tuple[set[str], set[str]]:
    """The packages that are imported, and the tools: the two blocks of requirements.txt."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    imported, tools = re.split(r"^# What runs.*$", text, flags=re.MULTILINE)
    return tuple(
        {line.split(">=")[0] for line in block.splitlines() if line and not line.startswith("#")}
        for block in (imported, tools)
    )


def imports(source: str) -> set[str]:
    """Top-level names of the modules that Python code imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def imported_by_the_course() -> set[str]:
    names = set()
    for folder in ("utils", "transformer", "exercises", "command"):
        for path in (ROOT / folder).rglob("*.py"):
            names |= imports(path.read_text(encoding="utf-8"))
    for path in (ROOT / "by_heart").glob("*.py"):
        if path.name not in DECK:
            names |= imports(path.read_text(encoding="utf-8"))
    for script in ("train.py", "translate.py"):
        names |= imports((ROOT / script).read_text(encoding="utf-8"))
    for path in notebooks(ROOT):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                source = "".join(cell["source"])
                names |= imports(re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE))  # magics
    return names - OURS - BESIDES - set(sys.stdlib_module_names)


def test_what_the_course_imports_is_required_and_no_tool_is_imported():
    imported, tools = blocks()
    found = imported_by_the_course()
    assert found <= imported, f"missing from requirements.txt: {sorted(found - imported)}"
    assert not found & (tools | {requirement.name for requirement in requirements(DEV)})


def test_each_package_is_required_once_and_by_a_lower_bound():
    course, dev = requirements("requirements.txt"), requirements(DEV)
    for requirement in [*course, *dev]:
        # altair 6 writes a type of output that JupyterLab doesn't draw
        bounds = {"<", ">="} if requirement.name == "altair" else {">="}
        assert {bound.operator for bound in requirement.specifier} == bounds, str(requirement)
        assert requirement.url is None
    assert not any(requirement.marker for requirement in course)
    names = [canonicalize_name(requirement.name) for requirement in [*course, *dev]]
    assert len(names) == len(set(names))


def test_the_set_up_cell_knows_every_import_but_torch_and_numpy():
    imported, _ = blocks()
    there = {"torch", "numpy", "filelock"}  # the first two must stay Colab's; torch brings filelock
    assert set(NEEDED) == imported - there


def test_colab_s_list_becomes_constraints():
    freeze = (
        "# made by Colab\nabsl-py==1.4.0\nours @ https://x.org/ours-1.whl\ntorch==2.11.0+cu128\n"
    )
    assert colab_constraints(freeze) == "absl-py==1.4.0\ntorch==2.11.0\n"


@pytest.mark.skipif(
    not FREEZE.exists(),
    reason="Colab's list of packages is not here; the weekly workflow fetches it and runs this",
)
def test_colab_meets_the_requirements():
    pins = map(Requirement, colab_constraints(FREEZE.read_text(encoding="utf-8")).splitlines())
    colab = {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins}
    imported, tools = blocks()
    for requirement in requirements("requirements.txt"):
        name = canonicalize_name(requirement.name)
        if name in colab:  # so pip would leave it as it is
            assert requirement.specifier.contains(colab[name]), f"Colab has {name} {colab[name]}"
        else:
            installs = name in NEEDED or name in tools
            assert installs, f"Colab has no {name}, and nothing installs it"


def test_constraints_are_exact_plain_and_meet_the_requirements():
    constraints = requirements("constraints.txt")
    for requirement in constraints:
        [pin] = requirement.specifier
        assert pin.operator == "==", str(requirement)
        assert requirement.url is None and Version(pin.version).local is None
        # torch's CUDA packages differ from machine to machine: pip takes those that torch names
        assert not requirement.name.startswith(("nvidia", "cuda", "triton"))
    assert "://" not in (ROOT / "constraints.txt").read_text(encoding="utf-8")
    for full in ("3.10.0", "3.11.2", "3.11.9", "3.12.0", "3.13.0"):  # 3.11.2 is Debian 12's
        python = full.rsplit(".", 1)[0]
        here = {"python_version": python, "python_full_version": full, "sys_platform": "linux"}
        pins = [r for r in constraints if r.marker is None or r.marker.evaluate(here)]
        versions = {r.name: next(iter(r.specifier)).version for r in pins}
        assert len(versions) == len(pins), f"two versions of one package for Python {full}"
        for requirement in requirements("requirements.txt") + requirements(DEV):
            if requirement.marker and not requirement.marker.evaluate(here):
                continue
            version = versions[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(version), f"{requirement} but {version}"

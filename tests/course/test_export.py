"""transformer/ is what the notebooks export, and everything imports in one direction only."""

import ast
import re
import shutil
import sys
from pathlib import Path

import pytest

from tools.notebooks import export, notebooks

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = {"torch", "accelerate", "filelock", "safetensors", "tokenizers", "tqdm"}


def module_of(notebook: Path) -> str | None:
    """The module that a notebook exports, if it does."""
    found = re.search(r"#\| default_exp (\w+)", notebook.read_text(encoding="utf-8"))
    return found and found[1]


PATH = [module_of(p) for p in notebooks(ROOT) if p.parent.name != "labs" and module_of(p)]
LABS = [module_of(p) for p in notebooks(ROOT) if p.parent.name == "labs" and module_of(p)]


def imported(path: Path) -> set[str]:
    """Full names of what a module imports; relative imports as if written out."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = [path.parent.name] * node.level + [node.module or ""]
            names.add(".".join(part for part in parts if part))
    return names


def test_the_modules_are_what_the_notebooks_export(tmp_path):
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    exported = {path.name: path.read_bytes() for path in export(tmp_path)}
    assert sorted(exported) == sorted(f"{name}.py" for name in ["__init__", *PATH, *LABS])
    committed = {path.name: path.read_bytes() for path in (ROOT / "transformer").glob("*.py")}
    names = sorted({*exported, *committed})
    stale = [name for name in names if exported.get(name) != committed.get(name)]
    assert not stale, f"{stale} in transformer/ are not what the notebooks say: run `make export`"


@pytest.mark.parametrize("name", [*PATH, *LABS])
def test_a_module_imports_torch_and_earlier_modules_only(name):
    """One of the path those of earlier notebooks, one of a lab any of the path."""
    earlier = PATH[: PATH.index(name)] if name in PATH else PATH
    for module in imported(ROOT / "transformer" / f"{name}.py"):
        top = module.split(".")[0]
        mine = module in {f"transformer.{each}" for each in earlier}
        allowed = top in LIBRARIES or top in sys.stdlib_module_names or mine
        assert allowed, f"transformer/{name}.py imports {module}"


@pytest.mark.parametrize("path", sorted((ROOT / "utils").rglob("*.py")), ids=lambda path: path.stem)
def test_utils_never_imports_the_model(path):
    wrong = [module for module in imported(path) if module.split(".")[0] == "transformer"]
    assert not wrong, f"{path.name} imports {wrong}: hand it the model instead"

"""Adding a notebook or a lab means adding its file, and its exercises' file: nothing lists them."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools.notebooks import address

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "runs", "build", "dist", "assets")
EXERCISES = '''"""The exercises of a notebook that was added."""

from exercises.check import exercise


@exercise(
    "9.{number}",
    cases=[(3,), (5,)],
    wrong={{
        ("2 *", "3 *"): "three times.",
        (" * n", " + n"): "a sum.",
        ("2", "1"): "once.",
        ("2 * n", "n**2"): "the square.",
    }},
)
def double(n):
    return 2 * n
'''
SOLUTION = """<details><summary>Hint</summary>

Twice.

</details>
<details><summary>Solution</summary>

```python
def mine(n):
    return n + n
```

</details>"""


def new_notebook(place: str, number: int, title: str) -> nbformat.NotebookNode:
    """A notebook of a few cells with an exported module `added{number}` and an exercise."""
    setup = nbformat.read(ROOT / "notebooks" / "01_math.ipynb", 4)
    setup = next(cell for cell in setup.cells if cell.cell_type == "code")
    slug = address(ROOT).removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{slug}/blob/main/notebooks/{place}"
    badge = "https://colab.research.google.com/assets/colab-badge.svg"
    text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    exported = f"# | default_exp added{number}\n# | export\nimport torch\n\n\ndef one():\n"
    cells = [
        text(f"# {title}\n\n[![Open in Colab]({badge})]({colab})"),
        setup,
        code(exported.replace("# |", "#|") + "    return torch.ones(1)"),
        code("from exercises import check\n\none()"),
        text(f"### ✎ Exercise 9.{number} · Double  ●○○ · 2 minutes"),
        code("def mine(n):\n    return None  # your code", metadata={"tags": ["exercise"]}),
        code(f'check("9.{number}", mine)', metadata={"tags": ["check"]}),
        text(SOLUTION),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return nbformat.v4.new_notebook(cells=cells, metadata=kernel)


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("added") / "course"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    (folder / "notebooks" / "labs").mkdir(exist_ok=True)
    for place, number, title in (
        ("09_added.ipynb", 1, "09 · Added"),
        ("labs/09_try.ipynb", 2, "Lab 09 · Try"),
    ):
        nbformat.write(new_notebook(place, number, title), folder / "notebooks" / place)
        file = folder / "exercises" / f"ex{Path(place).stem}.py"
        file.write_text(EXERCISES.format(number=number), encoding="utf-8")
    return folder


def run(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


@pytest.mark.long  # it runs two notebooks
def test_their_files_are_enough(copy):
    run(copy, "tools.notebooks", "export")
    run(copy, "tools.notebooks", "run", "09", "labs/09")
    assert (copy / "transformer" / "added2.py").exists()
    files = ("course/test_notebooks", "course/test_export", "course/test_setup_cell")
    tests = [f"tests/{name}.py" for name in (*files, "exercises/test_exercises")]
    added = ["notebooks/09_added.ipynb", "notebooks/labs/09_try.ipynb"]
    theirs = "added or try or 9.1 or 9.2 or test_export or test_setup_cell or a_place"
    run(copy, "pytest", "-q", "-p", "no:cacheprovider", *added, *tests, "-k", theirs)

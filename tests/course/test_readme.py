"""The pages show what was measured, drawn and printed, and say what the notebooks say."""

import base64
import contextlib
import io
import math
import re
from dataclasses import asdict
from pathlib import Path

import nbformat
import pytest

import train
from benchmarks import table
from exercises import check
from tools import notebooks
from transformer.trainer import Recipe

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf8")
PAGES = ["README.md", "CONTRIBUTING.md", "TEACHING.md", "CHANGELOG.md", "benchmarks/README.md"]
# Its row in the README: the notebook, the minutes to run, the hours to read and solve
ROW = re.compile(
    r"^\| \[[^]]+\]\((notebooks/\d\d_\w+\.ipynb)\) \| .* \| (.*) \| ([\d.]+) h \|", re.M
)


@pytest.mark.parametrize("page", table.PAGES, ids=["README", "benchmarks"])
def test_its_tables_are_those_of_the_results(page):
    text = page.read_text(encoding="utf8")
    assert text == table.fill(text, table.tables()), "run: python -m benchmarks.table"


def test_every_table_stands_on_a_page():
    shown = [
        found[1] for page in table.PAGES for found in table.MARKED.findall(page.read_text("utf8"))
    ]
    assert sorted(shown) == sorted(table.tables())


def test_a_stale_table_is_written_anew():
    page = "before\n<!-- table: one -->\n\n| old |\n\n<!-- end -->\nafter\n"
    assert table.fill(page, {"one": "| new |"}) == page.replace("old", "new")


@pytest.mark.parametrize("options", table.TRAINED)
def test_a_recipe_s_options_are_those_of_its_result(options):
    run = table.read(table.TRAINED[options])["options"]
    now = vars(train.parse(["--data", "multi30k", "--recipe", "short", *options.split()]))
    then = {"norm": "before", "max_length": 256, "patience": 0}  # what came later, as it was
    then |= {"weight_decay": 0.01, "bpe_dropout": 0.0}
    for name in ("data", "beam", "alpha", *asdict(Recipe())):
        assert (then | run)[name] == now[name], name
    assert run["source"] == "en"


def test_it_is_one_page():
    assert len(README.split()) < 740 + 20 * len(ROW.findall(README))  # 900 for eight rows
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf8").split()) <= 700


def test_it_quotes_what_the_check_prints():
    [code] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {"check": check, "math": math})
    assert printed.getvalue().startswith("✗")
    assert f"```text\n{printed.getvalue()}```" in README


def test_its_minutes_are_those_of_the_notebooks():
    rows = ROW.findall(README)
    assert [file for file, _, _ in rows] == [
        path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    ]
    for file, run, hours in rows:
        cells = nbformat.read(ROOT / file, as_version=4).cells
        texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
        assert run in texts[0].lower(), f"{file} says another time than {run}"
        needed = minutes(texts, [cell.source for cell in cells if cell.cell_type == "code"])
        assert float(hours) * 60 == pytest.approx(needed, abs=20), f"{file}: {needed:.0f} minutes"


def minutes(texts: list[str], code: list[str]) -> float:
    """To read and solve, as the README estimates them."""
    words = sum(len(text.split()) for text in texts)
    lines = sum(bool(line.strip()) for cell in code for line in cell.splitlines())
    exercises = re.findall(r"^#+ ✎ Exercise .* · (\d+) minutes", "\n".join(texts), re.MULTILINE)
    return words / 150 + lines / 20 + sum(map(int, exercises))


def test_its_picture_is_the_one_in_notebook_07():
    cells = nbformat.read(ROOT / "notebooks" / "07_inference.ipynb", as_version=4).cells
    [cell] = [cell for cell in cells if "readme" in cell.metadata.get("tags", [])]
    [drawn] = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
    shown = (ROOT / "assets" / "cross_attention.png").read_bytes()
    assert shown == base64.b64decode(drawn), "run: python -m tools.notebooks picture"


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_links_to_is_there(page):
    text = (ROOT / page).read_text(encoding="utf8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("https://") and target != "../../issues":
            assert ((ROOT / page).parent / target).exists(), target


def test_the_citation_and_the_changelog_have_the_version_of_pyproject():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf8")
    [version] = re.findall(r'^version = "(.*)"$', project, re.MULTILINE)
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf8").splitlines()
    assert f"version: {version}" in citation
    assert f'repository-code: "{notebooks.address(ROOT)}"' in citation
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf8")
    assert re.findall(r"^## (\d[\d.]*)", changes, re.MULTILINE)[0] == version

"""What the site is made of; tests/long/test_site_in_a_browser.py builds it and opens it."""

import contextlib
import copy
import io
import json
import re

import pytest

from exercises import check
from exercises.last_evening import take_over
from tools import site
from tools.notebooks import ROOT, address, notebooks
from transformer.decoder import Transformer
from transformer.training import load_model, translate
from utils.data import DATA

PATH = ROOT / "notebooks" / "02_attention.ipynb"
CONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf8"))


@pytest.fixture(scope="module")
def pages() -> dict[str, tuple[list[dict], list[dict]]]:
    """Of each notebook its cells, and its cells on the site."""
    stored = {path: json.loads(path.read_text(encoding="utf8")) for path in notebooks()}
    return {
        path.name: (content["cells"], site.notebook(copy.deepcopy(content), path)["cells"])
        for path, content in stored.items()
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[03](03_heads.ipynb) [lab](labs/06_tokens.ipynb)", None),
        ("[tables](../benchmarks/README.md#multi30k)", None),
        ("[README](../README.md#the-path)", "[README](../index.md#the-path)"),
        ("[code](../train.py)", f"[code]({address()}/blob/main/train.py)"),
        ("[all](../benchmarks/results)", f"[all]({address()}/tree/main/benchmarks/results)"),
        ("[labs](labs) [labs](labs#a)", "[labs](../index.md#labs) [labs](../index.md#labs)"),
        ("[issue](../../issues)", f"[issue]({address()}/issues)"),
        (
            "[![Open in Colab](https://x.org/badge.svg)](https://y.org)",
            "[Open in Colab](https://y.org)",
        ),
        ("`layers[0](x)` [paper](https://x.org) [above](#here)", None),
    ],
)
def test_a_link_leads_to_a_page_or_to_the_repository(text, shown):
    assert site.markdown(text, PATH) == (shown or text)


def test_code_and_outputs_stay_as_they_are(pages):
    for stored, shown in pages.values():
        for before, after in zip(stored, shown, strict=True):
            if before["cell_type"] == "code":
                lines = "".join(before["source"]).splitlines(keepends=True)
                assert after["source"] == "".join(x for x in lines if not x.startswith("#|"))
                rest = [{**out, "data": dict(out.get("data", {}))} for out in after["outputs"]]
                kept = [out for out in before["outputs"] if not site.WAITS.match(site.said(out))]
                for was, out in zip(kept, rest, strict=True):
                    if site.VEGA_LITE in was.get("data", {}):
                        out["data"].pop("text/html")
                        out["data"][site.VEGA_LITE] = was["data"][site.VEGA_LITE]
                    assert out == {**was, "data": was.get("data", {})}


def test_nothing_is_said_to_who_runs_it(pages):
    said = (
        "not solved yet: replace",
        "Controls, when the notebook runs",
        "of the evenings before,",
    )
    stored = json.dumps([before for before, _ in pages.values()])
    shown = json.dumps([after for _, after in pages.values()])
    for words in (*said, "`#|"):
        assert words in stored and words not in shown


def test_a_folded_cell_is_folded_under_its_title(pages):
    for stored, shown in pages.values():
        for before, after in zip(stored, shown, strict=True):
            if "source_hidden" in before["metadata"].get("jupyter", {}):
                assert {"hide-input", "hide-cell"} & set(after["metadata"]["tags"])
        assert shown[1]["metadata"]["mystnb"]["code_prompt_show"] == "Set-up: run this first"


def folded(code: str, *texts: str, outputs=("one",), **metadata) -> tuple[list[str], str]:
    """The tags of a cell below these texts, and what its fold says."""
    cell = {"source": code, "outputs": outputs, "metadata": metadata}
    site.fold(cell, [*texts])
    return cell["metadata"]["tags"], cell["metadata"]["mystnb"]["code_prompt_show"]


def test_a_question_is_there_before_its_answer():
    ask = "Twice 2.\n\n*Before you run it:* is *it* 5?"
    says = "Show what comes out"
    assert folded("print(4)", ask, tags=["x"]) == (["x", "hide-output"], says)
    assert folded("print(4)", f"*{ask}") == (["hide-output"], says)
    hidden = {"jupyter": {"source_hidden": True}}
    assert folded("# @title Count\n4", ask, **hidden) == (["hide-cell"], "Count")
    assert folded("# @title Count\n4", "So.", **hidden) == (["hide-input"], "Count")
    for texts in ((ask, "Then:"), (f"{ask}\n\nSo.",)):
        assert folded("print(4)", *texts) == ([], says)
    assert folded("x = 4", ask, outputs=()) == ([], says)


def test_imports_at_the_top_are_folded_and_of_a_figure_the_picture_stays():
    imports = "from math import pi\n\nx = 1"
    assert folded(imports, "# 01") == (["hide-input"], "Imports and settings")
    assert folded(imports, "# 01", "## 1 · Why?")[0] == folded("x = 1", "# 01")[0] == []
    assert folded('show_figure("a")\nshow_figure("b")', "# 01")[0] == ["remove-input"]
    assert folded('show_figure("a")\nx = 1', "# 01")[0] == []


def test_every_picture_has_words(pages):
    for name, (_, shown) in pages.items():
        for cell in shown:
            pictures = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
            words = cell["metadata"].get("alts", [])
            assert len(words) == len(pictures) and all(len(alt) > 12 for alt in words), name


def test_a_picture_s_words_are_its_title_and_the_sentence_below_it_or_else_the_heading():
    code, heading = "x = 1\ntitle = \"It looks at 'Bark'\"\nheatmap(x, title)", "## 1 · Why?"
    below = "*Dark where **it** looks, at $n$.*\n\nSo."
    both = "It looks at 'Bark'. Dark where it looks, at n."
    assert site.caption(code, [heading, "", below], 1) == both
    assert site.caption("heatmap(x)", [heading, "", below], 1) == "Dark where it looks, at n."
    assert site.caption(code, [heading, ""], 1) == "It looks at 'Bark'."
    for other in ("So *it* looks.", "*Before you run it:* why?", ""):
        assert site.caption("heatmap(x)", [heading, "", other], 1) == "Picture: 1 · Why?"


def test_the_titles_of_a_picture_are_found_wherever_they_stand():
    code = (
        'for title in (1, 2):\n    heatmap(x, f"{n}", words, "All\\nof it", ax=ax, xlabel="no")\n'
    )
    code += 'ax.set(title="One", ylabel="no")\nfigure.suptitle("Both")\nprint("no")\n'
    assert sorted(site.titles(code)) == ["All of it", "Both", "One"]
    assert site.titles('titles = ["Left", "Right"]') == ["Left", "Right"]
    assert site.titles('title = f"{n}"\nheatmap(x, title=title)') == []


def test_the_explorer_holds_its_chart():
    chart = {"title": "a </script> b"}
    html = site.explorer(chart, ROOT / "notebooks" / "labs" / "06_tokens.ipynb")
    assert html.count("</script>") == 2 and 'src="../../_static/vega.js"' in html
    assert json.loads(re.search(r"json\">(.*?)</script>", html)[1]) == chart


def test_the_api_page_names_every_module():
    named = re.findall(r"automodule:: transformer\.(\w+)", site.api())
    assert named[:4] == ["attention", "heads", "encoder", "decoder"]
    assert sorted(named) == sorted(p.stem for p in (ROOT / "transformer").glob("[!_]*.py"))


def test_what_leads_nowhere_is_found(tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="one"></h1><a href="b.html#two"></a><a href="#one"></a><a href="https://x.org">'
        '<a href="c.html"></a><a href="b.html#three"></a><a href="#four"></a>'
        '<img src="b.html" alt="words"><img src="b.html" alt="b.html"><img src="d.png" alt="d">'
    )
    (tmp_path / "b.html").write_text('<a href="a.html?q#one" id="two"></a>')
    assert site.faults(tmp_path) == [
        "a.html: no alt text for b.html",
        "a.html: nothing at c.html",
        "a.html: nothing at b.html#three",
        "a.html: nothing at #four",
        "a.html: nothing at d.png",
    ]


def test_the_first_page_quotes_what_the_last_evening_says():
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        check("8.1", Transformer)
        take_over(Transformer)
    first = (ROOT / "site" / "index.md").read_text(encoding="utf8")
    assert f"```text\n{printed.getvalue()}```" in first


def test_the_first_page_quotes_the_translator():
    first = (ROOT / "site" / "index.md").read_text(encoding="utf8")
    [(english, german)] = re.findall(r"^([A-Z].*\.) → \*(.*)\*$", first, re.MULTILINE)
    assert translate(*load_model(DATA / "model"), [english]) == [german]


def test_the_container_ends_at_the_two_commands_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    [block] = re.findall(r"```\n((?:make .*\n)+)```", readme)
    commands = re.findall(r"^(make \w+)", block, re.MULTILINE)
    assert len(commands) == 2
    assert all(command in CONTAINER["postAttachCommand"] for command in commands)


def test_the_container_sets_up_what_make_does():
    makefile = (ROOT / "Makefile").read_text(encoding="utf8").replace("$(VENV)", ".venv")
    target = CONTAINER["postCreateCommand"].removeprefix("make ")
    assert f"\n{target}:" in makefile


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name
)
def test_a_workflow_pins_what_it_uses_and_begins_with_no_right_to_write(path):
    text = path.read_text(encoding="utf8")
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), action
    assert "\npermissions:\n  contents: read\n\n" in text

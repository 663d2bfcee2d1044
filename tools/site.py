"""Build the site: `make site`, or `python -m tools.site`, writes build/site.

The notebooks and pages are copied to build/site-source, where Sphinx reads them with site/conf.py;
nothing is executed. In the copy, folded cells are folded, and so is what a reader is to guess
first; what only helps who runs it is left out; pictures have their alt texts, the explorer is a
page's own, and links to what is no page lead to the repository.
"""

import ast
import importlib.util
import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tools.notebooks import ROOT, address, notebooks

SOURCE, SITE = ROOT / "build" / "site-source", ROOT / "build" / "site"
PAGES = [*ROOT.glob("*.md"), ROOT / "benchmarks" / "README.md", ROOT / "data" / "README.md"]
PICTURES = [ROOT / "assets" / "cross_attention.png", ROOT / "benchmarks" / "training_speed.png"]
LINK = re.compile(r"(?<=\]\()([^)#\s:]+)((?:#[^)\s]*)?\))")
BADGE = re.compile(r"\[!\[(Open in Colab)\]\([^)]*\)\]")
GUESS = re.compile(r"\*Before you run it.*\S\s*\Z")  # a text ends with it
DIRECTIVE = re.compile(r"^#\|.*\n", re.MULTILINE)
OF_DIRECTIVES = re.compile(r"^\(?(?:The|Cells marked) `#\|.*?\.\)?(?: |$)", re.MULTILINE)
# What a cell says that waits for its reader: an exercise's check, controls, a warm-up
WAITS = re.compile(r"○ \S+ not solved yet|Controls, when the notebook|Optional: a block of")
NAMES = ("title", "titles")
DRAWS = ("heatmap", "head_grid", "suptitle", "draw_losses")  # calls that are given a title as it is
VEGA_LITE = "application/vnd.vegalite.v5+json"
EXPLORER = """<div class="vega-lite"><script type="application/json">{}</script></div>
<script defer src="{}_static/vega.js"></script>"""


def stage(source: Path = SOURCE) -> None:
    """Fill a folder with what Sphinx reads: site/, the pages, the notebooks, the API page."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "site", source)
    for path in [*PAGES, *notebooks(), *PICTURES]:
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".png":
            shutil.copy(path, copy)
        elif path.suffix == ".md":
            copy.write_text(markdown(path.read_text(encoding="utf-8"), path), encoding="utf-8")
        else:
            content = json.loads(path.read_text(encoding="utf-8"))
            copy.write_text(json.dumps(notebook(content, path)), encoding="utf-8")
    (source / "api.md").write_text(api(), encoding="utf-8")
    scripts(source / "_static")


def markdown(text: str, path: Path) -> str:
    """The text of a page or a cell at `path`: a Colab badge as a plain link, nothing is fetched for
    it; a link to a file that is no page leads to the repository, README's to the first page."""

    def lead(link: re.Match) -> str:
        target = (path.parent / link[1]).resolve()
        if link[1] == "../../issues":  # on GitHub, from the README
            return f"{address()}/issues{link[2]}"
        if target == ROOT / "notebooks" / "labs":
            return f"{up(path)}index.md#labs)"
        if target == ROOT / "README.md":
            return f"{link[1].replace('README', 'index')}{link[2]}"
        if not target.exists() or target in [*PAGES, *notebooks(), *PICTURES]:
            return link[0]
        kind, name = "tree" if target.is_dir() else "blob", target.relative_to(ROOT).as_posix()
        return f"{address()}/{kind}/main/{name}{link[2]}"

    return LINK.sub(lead, BADGE.sub(r"[\1]", text))


def notebook(content: dict, path: Path) -> dict:
    """The notebook at `path` as the site shows it."""
    cells = content["cells"]
    texts = ["".join(cell["source"]) if cell["cell_type"] == "markdown" else "" for cell in cells]
    for place, cell in enumerate(cells):
        if cell["cell_type"] == "markdown":
            cell["source"] = markdown(OF_DIRECTIVES.sub("", texts[place]), path)
            continue
        metadata = cell["metadata"]
        cell["source"] = DIRECTIVE.sub("", "".join(cell["source"]))
        cell["outputs"] = [output for output in cell["outputs"] if not WAITS.match(said(output))]
        fold(cell, [text for text in texts[:place] if text])
        for output in cell["outputs"]:
            data = output.get("data", {})
            if VEGA_LITE in data:
                data["text/html"] = explorer(data.pop(VEGA_LITE), path)
        metadata["alts"] = [
            output["metadata"].get("image/png", {}).get("alt")
            or caption("".join(cell["source"]), texts, place)
            for output in cell["outputs"]
            if "image/png" in output.get("data", {})
        ]
    return content


def said(output: dict) -> str:
    """The plain text of an output."""
    return "".join(output.get("text") or output.get("data", {}).get("text/plain", ""))


def fold(cell: dict, texts: list[str]) -> None:
    """Fold what the notebook folds, the imports that open it and, after a question, the answer;
    of a figure only the picture stays. texts: the Markdown cells above."""
    code, metadata, tags = cell["source"], cell["metadata"], []
    prompt = "Show what comes out"
    guess = bool(cell["outputs"] and GUESS.search(texts[-1]))
    opens = code.startswith(("import ", "from ")) and "\n## " not in "\n".join(["", *texts])
    if opens or metadata.get("jupyter", {}).get("source_hidden"):
        title = re.match(r"#\s?@title (.*)", code)
        prompt = title[1] if title else "Imports and settings" if opens else "Code"
        tags.append("hide-cell" if guess else "hide-input")
    elif guess:
        tags.append("hide-output")
    elif all(line.startswith("show_figure(") for line in code.splitlines()):
        tags.append("remove-input")
    metadata["tags"] = [*metadata.get("tags", []), *tags]
    metadata["mystnb"] = {"code_prompt_show": prompt, "code_prompt_hide": prompt}


def caption(code: str, texts: list[str], place: int) -> str:
    """Words for the picture that code cell `place` draws: its title and the sentence in italics
    below it, or else the heading it stands under. texts: each cell's Markdown, "" for code."""
    title = titles(code)
    below = re.match(r'\*([^*].*?[.”"])\*(?:\s|$)', next(filter(None, texts[place:]), ""))
    heading = re.findall(r"^#+ (?!✎)(.*)", "\n".join(texts[:place]), re.MULTILINE)[-1]
    words = [*(f"{line}." for line in title), *([below[1]] if below else [])]
    return re.sub(r"[*`$]", "", " ".join(words)) or f"Picture: {heading}"


def titles(code: str) -> list[str]:
    """What a cell writes over its pictures, as far as it stands there in words."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in NAMES:
            found += getattr(node.value, "elts", [node.value])
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in DRAWS:
                found += node.args
            found += [given.value for given in node.keywords if given.arg == "title"]
    words = [node.value for node in found if isinstance(node, ast.Constant)]
    return [text.replace("\n", " ") for text in words if isinstance(text, str)]


def explorer(chart: dict, path: Path) -> str:
    """The HTML that draws a Vega-Lite chart in the page of the notebook at `path`."""
    return EXPLORER.format(json.dumps(chart).replace("</", r"<\/"), up(path))


def up(path: Path) -> str:
    """What leads from the folder of `path` to the root."""
    return "../" * len(path.relative_to(ROOT).parents[:-1])


def api() -> str:
    """The API page: the modules of transformer/ in the order of their notebooks, labs last."""
    known = {path.name: path for path in notebooks()}
    made = {}
    for module in (ROOT / "transformer").glob("[!_]*.py"):
        file = re.search(r"([\w]+\.ipynb)\.$", module.read_text(encoding="utf-8"), re.MULTILINE)[1]
        made[known[file]] = module.stem
    sections = [
        f"## transformer.{made[path]}\n\n"
        f"Written in [{path.stem.replace('_', ' ')}]({path.relative_to(ROOT).as_posix()}).\n\n"
        f"```{{eval-rst}}\n.. automodule:: transformer.{made[path]}\n   :members:\n```\n"
        for path in known.values()
        if path in made
    ]
    return "# The code\n\nWhat the notebooks export.\n\n" + "\n".join(sections)


def scripts(folder: Path) -> None:
    """Write the two programs that a page needs, from packages: MathJax, and Vega, Vega-Lite and
    vega-embed, in one file that also draws (site/explorer.js). Theirs is _static/LICENCES.txt."""
    import vl_convert

    draw = (ROOT / "site" / "explorer.js").read_text(encoding="utf-8")
    bundle = vl_convert.javascript_bundle(draw)
    alone = f"(() => {{{bundle}}})();\n"  # its names are no other program's
    (folder / "vega.js").write_text(alone, encoding="utf-8")
    package = Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
    mathjax, fonts = package / "static" / "mathjax", "output/chtml/fonts/woff-v2"
    shutil.copytree(mathjax / fonts, folder / "mathjax" / fonts)
    shutil.copy(mathjax / "tex-chtml.js", folder / "mathjax")


class Page(HTMLParser):
    """What a page leads to, and the names of its own places."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links, self.places, self.unnamed = [], {"", "top"}, []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        found = dict(attributes)
        self.places.add(found.get("id"))
        self.links += [found[name] for name in ("href", "src") if found.get(name)]
        if tag == "img" and found.get("alt", found.get("src")) == found.get("src"):  # Sphinx's way
            self.unnamed.append(found.get("src"))


def faults(site: Path = SITE) -> list[str]:
    """Links of the built pages to what is not there, and pictures without words."""
    pages = {
        path: Page(path.read_text(encoding="utf-8"))
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts  # there lie the theme's templates
    }
    found = []
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        found += [f"{name}: no alt text for {picture}" for picture in page.unnamed]
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            places = pages[target].places if target in pages else {unquote(parts.fragment)}
            if not target.exists() or unquote(parts.fragment) not in places:
                found.append(f"{name}: nothing at {link}")
    return found


def build() -> list[str]:
    """Build the site and return what is wrong with it; Sphinx's warnings are errors."""
    from sphinx.cmd.build import main as sphinx

    stage()
    shutil.rmtree(SITE, ignore_errors=True)
    folders = ["-d", str(SITE.with_name("site-cache")), str(SOURCE), str(SITE)]
    if sphinx(["-q", "-E", "-W", "--keep-going", *folders]):
        return ["Sphinx had something to say"]
    return faults()


if __name__ == "__main__":
    wrong = build()
    print("\n".join(wrong) or f"The site is in {SITE}: open index.html")
    sys.exit(bool(wrong))

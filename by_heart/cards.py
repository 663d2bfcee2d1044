"""What the Anki deck asks, read from the notebooks and the exported modules: nothing is written
twice. Each note has a key; by_heart/deck.json holds the guid that goes with it."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mistune

from .blocks import (
    FORMULAS,
    ROOT,
    blanked,
    definitions,
    functions,
    protected,
    signature,
    statements,
)

SHAPE = re.compile(r"\((?:batch|length,|…,|rows,|B,)[^()]*\)")
# Formulas in plain letters
SIZES = {
    r"√d_(\w)\b": r"$\\sqrt{d_\1}$",
    r"(?<![\w{])d_(k|v)\b": r"$d_\1$",
    r"(?<![\w{])d_(ff|model)\b": r"$d_\\text{\1}$",
}
QUESTION = re.compile(r"<details><summary>(.*?)</summary>\n+(.*?)\n+</details>", re.DOTALL)
markdown = mistune.create_markdown(escape=False, plugins=["math"])


@dataclass(frozen=True)
class Note:
    """key: the question, or what it is on, in words; its guid stays when these change a little.
    kind: recap, formula, shapes or line. fields: HTML."""

    key: str
    kind: str
    fields: tuple[str, ...]
    notebook: str  # its name, a tag


def recaps(root: Path = ROOT) -> Iterator[Note]:
    """The questions under the heading Recap of each notebook of the path."""
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            parts = re.split(r"^## Recap$", "".join(cell["source"]), flags=re.MULTILINE)
            if cell["cell_type"] != "markdown" or len(parts) != 2:
                continue
            recap = re.split(r"^#", parts[1], flags=re.MULTILINE)[0]
            for question, answer in QUESTION.findall(recap):
                question = re.sub(r"^\d+\. ", "", question)
                key = f"recap {path.stem[:2]} {re.sub('<.*?>', '', question)}"
                yield Note(key, "recap", (rendered(question), rendered(answer)), path.stem)


def rendered(text: str) -> str:
    """Markdown as HTML, its formulas, and sizes as √d_k, as Anki's MathJax takes them."""
    pieces = re.split(r"(\$[^$]+\$|`[^`]+`|<code>.*?</code>)", text)
    for place in range(0, len(pieces), 2):
        for size, tex in SIZES.items():
            pieces[place] = re.sub(size, tex, pieces[place])
    return markdown("".join(pieces)).strip().removeprefix("<p>").removesuffix("</p>")


def formulas(root: Path = ROOT) -> Iterator[Note]:
    for notebook, _, block in definitions(root):
        if tex := FORMULAS.get(block.name):
            front = f"Write the formula of <code>{block.name}</code>."
            yield Note(f"formula {block.name}", "formula", (front, rf"\[{tex}\]"), notebook)


def shapes(root: Path = ROOT) -> Iterator[Note]:
    """For each block whose docstring speaks of shapes: its call, and the docstring."""
    for notebook, _, block in definitions(root):
        nodes = [(block.name, block)] if isinstance(block, ast.ClassDef) else []
        for name, node in nodes + functions(block):
            words = ast.get_docstring(node) or ""
            if SHAPE.search(words):
                front = f"Which shapes go into <code>{name}</code>, and which come out?"
                front += f"<pre>{protected(signature(node))}</pre>"
                back = f"<pre>{protected(words)}</pre>"
                yield Note(f"shapes {name}", "shapes", (front, back), notebook)


def lines(root: Path = ROOT) -> Iterator[Note]:
    """For each line that computes something: its function, with what it computes blanked. What the
    line is called, and the shape that its comment says, stay."""
    for notebook, text, block in definitions(root):
        for name, function in functions(block):
            seen: Counter[str] = Counter()
            for node in statements(function):
                line = " ".join(ast.get_source_segment(text, node).split())
                seen[line] += 1
                again = f" ({seen[line]})" if seen[line] > 1 else ""
                field = blanked(text, function, node.value)
                yield Note(f"line {name} {line}{again}", "line", (field, name), notebook)


def notes(root: Path = ROOT) -> list[Note]:
    """Every card of the deck, notebook by notebook."""
    found = [*recaps(root), *formulas(root), *shapes(root), *lines(root)]
    return sorted(found, key=lambda note: note.notebook)

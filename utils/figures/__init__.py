"""The drawings of the course: SVG files, and the PNGs that `make figures` makes from them.

A drawing with several states, such as the map with another part lit in each notebook, gives one PNG
a state: `map.svg` gives `map-01.png`, `map-02.png`, … What a state lights has its name in
`data-lit`; the state's own <desc> ends the alt text that the drawing's <title> and <desc> begin.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from IPython.display import Image, display

FOLDER = Path(__file__).resolve().parent
SVG = "{http://www.w3.org/2000/svg}"


def figures() -> dict[str, tuple[Path, str]]:
    """The name of each figure, its SVG and its state, which is "" where there is only one."""
    found = {}
    for svg in sorted(FOLDER.glob("*.svg")):
        states = [group.get("data-lit") for group in _described(svg)] or [""]
        found |= {f"{svg.stem}-{state}".rstrip("-"): (svg, state) for state in states}
    return found


def alt_text(name: str) -> str:
    """What the figure shows, in words, as its SVG says it."""
    svg, state = figures()[name]
    root = ElementTree.parse(svg).getroot()
    parts = [root, *(group for group in _described(svg) if group.get("data-lit") == state)]
    words = [part.findtext(f"{SVG}{tag}", "") for part in parts for tag in ("title", "desc")]
    return " ".join(" ".join(words).split())


def width(svg: Path) -> int:
    """The width at which a drawing is shown, in pixels; its PNG has twice as many."""
    return int(ElementTree.parse(svg).getroot().get("viewBox").split()[2])


def show_figure(name: str) -> None:
    """Show a drawing of the course with its alt text. Raises ValueError for an unknown name.

    Example:
        >>> show_figure("map-03")
    """
    known = figures()
    if name not in known:
        raise ValueError(f"there is no figure {name!r}: choose one of {', '.join(known)}")
    # Colab's IPython knows no Image(alt=…), but every IPython hands metadata on to the page
    alt = {"alt": alt_text(name)}
    display(Image(FOLDER / f"{name}.png", width=width(known[name][0]), metadata=alt))


def _described(svg: Path) -> list[ElementTree.Element]:
    """The groups that stand for a state: each has a <desc>."""
    return ElementTree.parse(svg).getroot().findall(f"{SVG}g[{SVG}desc]")

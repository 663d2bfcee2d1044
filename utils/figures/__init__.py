"""The drawings of the course: SVG files, and the PNGs that `make figures` makes from them."""

import json
from pathlib import Path

from IPython.display import Image, display

FOLDER = Path(__file__).resolve().parent


def show_figure(name: str) -> None:
    """Show a drawing of the course with its alt text. Raises ValueError for an unknown name.

    Example:
        >>> show_figure("map-03")
    """
    known = json.loads((FOLDER / "figures.json").read_text(encoding="utf-8"))
    if name not in known:
        raise ValueError(f"there is no figure {name!r}: choose one of {', '.join(known)}")
    # Colab's IPython knows no Image(alt=…), but every IPython hands metadata on to the page
    words = {"alt": known[name]["alt"]}
    display(Image(FOLDER / f"{name}.png", width=known[name]["width"], metadata=words))

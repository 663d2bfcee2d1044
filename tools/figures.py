"""Draw the SVGs of utils/figures as PNGs, one a state, in a headless Chromium: `make figures`.

A drawing with several states, such as the map with another part lit in each notebook, gives one PNG
a state: `map.svg` gives `map-01.png`, `map-02.png`, … What a state lights has its name in
`data-lit`; the state's own <desc> ends the alt text that the drawing's <title> and <desc> begin.

Their alt texts and widths go into figures.json. A PNG carries the hash of its SVG, so that a test
finds a stale one without a browser.
"""

import hashlib
import io
import json
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from utils.figures import FOLDER

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
COLOURS = 26
LIGHT = """state => document.querySelectorAll(`[data-lit~="${state}"]`)
    .forEach(element => element.classList.add("lit"))"""

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


def _described(svg: Path) -> list[ElementTree.Element]:
    """The groups that stand for a state: each has a <desc>."""
    return ElementTree.parse(svg).getroot().findall(f"{SVG}g[{SVG}desc]")


def fingerprint(svg: Path) -> str:
    """The hash of a drawing; line ends make no difference."""
    return hashlib.sha256(svg.read_text(encoding="utf-8").encode()).hexdigest()


def draw() -> list[Path]:
    """Write the PNG of every figure, twice as fine as its SVG, and return the files."""
    from playwright.sync_api import sync_playwright

    files = []
    with sync_playwright() as playwright:
        system = next(filter(None, map(shutil.which, BROWSERS)), None)  # or else playwright's own
        browser = playwright.chromium.launch(executable_path=system, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1000, "height": 900}, device_scale_factor=2)
        for name, (svg, state) in figures().items():
            page.set_content(svg.read_text(encoding="utf-8"))
            page.add_style_tag(content=f"svg {{ width: {width(svg)}px }}")
            page.evaluate(LIGHT, state)
            shot = page.locator("svg").screenshot(omit_background=True)
            files.append(FOLDER / f"{name}.png")
            save(Image.open(io.BytesIO(shot)), svg, files[-1])
        browser.close()
    words = {
        name: {"width": width(svg), "alt": alt_text(name)} for name, (svg, _) in figures().items()
    }
    text = json.dumps(words, indent=1, ensure_ascii=False) + "\n"
    (FOLDER / "figures.json").write_text(text, encoding="utf-8", newline="\n")
    return files


def save(picture: Image.Image, svg: Path, file: Path) -> None:
    """Write a drawing small: with few colours, which is all it has, and with clear corners."""
    white = Image.new("RGBA", picture.size, "white")
    small = Image.alpha_composite(white, picture).convert("RGB").quantize(COLOURS)
    clear = picture.getchannel("A").point(lambda alpha: 255 * (alpha == 0))
    small.putpalette([*small.getpalette()[: 3 * COLOURS], 255, 255, 255])
    small.paste(COLOURS, mask=clear)
    info = PngInfo()
    info.add_text("svg", fingerprint(svg))
    small.save(file, optimize=True, transparency=COLOURS, pnginfo=info)


if __name__ == "__main__":
    for file in draw():
        print(f"{file.name}: {file.stat().st_size / 1000:.0f} kB")

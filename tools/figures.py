"""Draw the SVGs of utils/figures as PNGs, one a state, in a headless Chromium: `make figures`.

A PNG carries the hash of its SVG, so that a test finds a stale one without a browser.
"""

import hashlib
import io
import shutil
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from utils.figures import FOLDER, figures, width

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
COLOURS = 26
LIGHT = """state => document.querySelectorAll(`[data-lit~="${state}"]`)
    .forEach(element => element.classList.add("lit"))"""


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

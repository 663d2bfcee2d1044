"""The drawings: every PNG is that of its SVG, stands on a light card, and says what it shows."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from tools.figures import alt_text, figures, fingerprint
from utils import plots
from utils.figures import FOLDER, show_figure

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").rglob("*.ipynb"))


@pytest.mark.parametrize("name", figures())
def test_a_picture_is_a_small_light_card_drawn_from_its_svg(name):
    file = FOLDER / f"{name}.png"
    with Image.open(file) as picture:
        assert picture.text["svg"] == fingerprint(figures()[name][0]), "run `make figures`"
        picture = picture.convert("RGBA")
    assert file.stat().st_size <= 60_000
    assert picture.getpixel((0, 0))[3] == 0  # the corners are round
    for place in ((picture.width // 2, 8), (8, picture.height // 2)):
        assert picture.getpixel(place) == (255, 255, 255, 255)
    assert 100 < len(alt_text(name)) < 800


def test_there_is_a_picture_for_each_state_and_no_other():
    assert {file.stem for file in FOLDER.glob("*.png")} == set(figures())
    assert {f"map-0{notebook}" for notebook in range(1, 9)} < set(figures())
    known = json.loads((FOLDER / "figures.json").read_text(encoding="utf-8"))
    texts = {name: about["alt"] for name, about in known.items()}
    assert texts == {name: alt_text(name) for name in figures()}, "run `make figures`"
    assert len(set(texts.values())) == len(texts)


@pytest.mark.parametrize("svg", sorted(FOLDER.glob("*.svg")), ids=lambda svg: svg.stem)
def test_a_drawing_has_the_colours_of_the_palette(svg):
    palette = {colour for colour in vars(plots).values() if str(colour).startswith("#")}
    used = set(re.findall(r"#[0-9a-fA-F]{6}\b", svg.read_text(encoding="utf-8")))
    assert plots.BLUE in used and used <= palette | {"#ffffff"}


def test_a_figure_reaches_the_page_with_its_words(monkeypatch):
    shown = []
    monkeypatch.setattr("utils.figures.display", shown.append)
    show_figure("map-03")
    (picture,) = shown
    assert repr(picture) == "<IPython.core.display.Image object>"  # without an address
    _, metadata = picture._repr_mimebundle_()
    assert metadata["image/png"] == {"alt": alt_text("map-03"), "width": 850}
    with pytest.raises(ValueError, match="there is no figure 'map-9': choose one of cross-att"):
        show_figure("map-9")


def test_notebooks_show_figures_that_exist():
    cells = [cell for path in NOTEBOOKS for cell in nbformat.read(path, 4).cells]
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    calls = [call for source in code for call in re.findall(r"show_figure\((.*?)\)", source)]
    shown = {name for call in calls for name in re.findall(r'"([a-z0-9-]+)"', call)}
    assert {f"map-0{notebook}" for notebook in range(1, 9)} <= shown <= set(figures())

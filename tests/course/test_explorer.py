"""The attention explorer: the chart that the page gets, its menus, its data."""

import json
from pathlib import Path

import altair as alt
import nbformat
import numpy as np
import pytest
import torch

from utils.explorer import VEGA_LITE, Maps, explore

ROOT = Path(__file__).resolve().parents[2]
CROSS = "cross-attention"
WEIGHTS = torch.tensor([[0.0004, 0.9996, 0, 0], [0.25, 0.5, 0.12345, 0.12655], [0, 0, 0, 1.0]])


def maps(layers: int = 2, heads: int = 3) -> dict[str, Maps]:
    weights = WEIGHTS.repeat(layers, heads, 1, 1).requires_grad_()  # as a model gives them
    columns = ["der", "<b>", "der", "<end>"]
    return {CROSS: Maps(weights, ["the", "dog", "the"], columns, [(1, 1), (2, 3)])}


@pytest.fixture
def shown(monkeypatch):
    """What was displayed, instead of displaying it."""
    displayed = []
    monkeypatch.setattr("utils.explorer.display", lambda data, raw: displayed.append(data))
    return displayed


def test_the_chart_is_valid_and_each_choice_is_in_its_menus(shown):
    explore({"The dog.": maps(), "A dog.": maps()}, layer=1, head=2)
    spec = shown[0][VEGA_LITE]
    alt.LayerChart.from_dict(spec).to_dict()  # raises when it is not valid
    menus = {menu["name"]: (menu["value"], menu["bind"]["options"]) for menu in spec["params"]}
    assert menus["sentence"] == ("The dog.", ["The dog.", "A dog."])
    assert menus["kind"] == (CROSS, [CROSS])
    assert (menus["layer"], menus["head"]) == ((1, [0, 1]), (2, [0, 1, 2]))
    scale = spec["layer"][0]["encoding"]["color"]["scale"]
    assert (scale["domain"][0], scale["domain"][-1], scale["range"][0]) == (0, 1, "#ffffff")


def test_tokens_stay_in_order_and_apart_and_weights_have_three_digits(shown):
    explore({"The dog.": maps()})
    [row] = shown[0][VEGA_LITE]["data"]["values"]
    assert row["rows"] == ["00 the", "01 dog", "02 the"]
    assert row["columns"] == ["00 der", "01 <b>", "02 der", "03 <end>"]
    assert row["alignment"] == ["01 dog01 <b>", "02 the03 <end>"]
    assert row["weights"] == [["0 1000 0 0;250 500 123 127;0 0 0 1000"] * 3] * 2


def test_elsewhere_jupyter_draws_it_on_colab_the_page_fetches_what_draws(shown, monkeypatch):
    for colab in (False, True):
        monkeypatch.setattr("utils.explorer.on_colab", lambda colab=colab: colab)
        explore({"The dog.": maps()})
    assert list(shown[0]) == [VEGA_LITE, "text/plain"] and VEGA_LITE not in shown[1]
    assert "vega-embed" in shown[1]["text/html"] and CROSS in shown[1]["text/html"]


def test_a_sentence_cannot_end_the_script_it_stands_in(shown, monkeypatch):
    monkeypatch.setattr("utils.explorer.on_colab", lambda: True)
    explore({"a </script> b": maps()})
    assert "a <\\/script> b" in shown[0]["text/html"]
    assert "a </script> b" not in shown[0]["text/html"]


def test_more_tokens_than_two_digits_can_number():
    with pytest.raises(ValueError, match="more than 100 tokens"):
        Maps(torch.full((1, 1, 101, 1), 1.0), ["x"] * 101, ["y"])


def test_what_notebook_07_stores_is_small_and_needs_nothing_from_elsewhere():
    cells = nbformat.read(ROOT / "notebooks" / "07_inference.ipynb", as_version=4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    [spec] = [data[VEGA_LITE] for data in outputs if VEGA_LITE in data]
    assert len(json.dumps(spec)) < 250_000
    assert list(spec["data"]) == ["values"] and '"url"' not in json.dumps(spec)
    assert len(spec["data"]["values"]) == 3 * len(spec["params"][0]["bind"]["options"])


@pytest.mark.parametrize(
    "change, words",
    [
        ({"weights": np.eye(2)}, "2 dimensions, but 4 are needed"),
        ({"rows": ["x"]}, "2 rows but 1 row tokens"),
        ({"weights": np.full((1, 1, 2, 2), np.nan)}, "4 of 4 weights are NaN"),
        ({"weights": np.full((1, 1, 2, 2), -np.inf)}, "infinite numbers"),
        ({"alignment": [(0, 2)]}, r"cell \(0, 2\) but the heatmap has 2 rows"),
    ],
)
def test_maps_that_do_not_fit_are_refused(change, words):
    right = {"weights": np.ones((1, 1, 2, 2)) / 2, "rows": ["x", "y"], "columns": ["a", "b"]}
    with pytest.raises(ValueError, match=words):
        Maps(**(right | change))


@pytest.mark.parametrize(
    "sentences, start, words",
    [
        ({}, {}, "give at least one sentence"),
        ({"a": maps(), "b": {"self": maps()[CROSS]}}, {}, "the same kinds"),
        ({"a": maps(), "b": maps(heads=2)}, {}, "the same number of layers and heads"),
        ({"a": maps()}, {"layer": 2}, "no layer 2, head 0 in 2 layers of 3"),
    ],
)
def test_menus_that_would_lead_nowhere_are_refused(shown, sentences, start, words):
    with pytest.raises(ValueError, match=words):
        explore(sentences, **start)
    assert not shown

"""The attention explorer: what its menus show, and what stands where nothing runs."""

import base64
import re
from html import unescape

import numpy as np
import pytest
import torch

from utils.explorer import ALL, LONGEST, MEAN, Maps, explore
from utils.notebooks import smaller
from utils.sliders import VIEW

CROSS, SELF = "cross-attention", "self-attention"


@pytest.fixture
def shown(monkeypatch):
    """What was displayed, instead of displaying it."""
    displayed = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: displayed.append(data))
    return displayed


def weights_of(text: str) -> torch.Tensor:
    """(2 layers, 3 heads, words, words + 1), rows that sum to 1, other ones for each text."""
    words, generator = len(text.split()), torch.Generator().manual_seed(len(text))
    return torch.randn(2, 3, words, words + 1, generator=generator).softmax(-1)


def maps_of(text: str) -> dict[str, Maps]:
    words = text.split()
    if not words:
        raise ValueError("the sentence is empty")
    if "bug" in words:
        raise KeyError("bug")
    cross = Maps(weights_of(text), words, [*words, "<end>"], [(0, 1)], f"{text} → …")
    return {CROSS: cross, SELF: Maps(np.eye(len(words))[None, None], words, words)}


def titles(html: str) -> list[str]:
    """What the cells say under the pointer, row by row."""
    return [unescape(title) for title in re.findall(r'<td class="[^"]*" title="([^"]*)"', html)]


def expected(weights: torch.Tensor, rows: list[str], columns: list[str]) -> list[str]:
    return [
        f"“{row}” looks at “{column}”: {weights[i, j]:.2f}"
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    ]


def test_another_layer_or_head_shows_its_own_weights(shown):
    made = explore(maps_of, ["a dog sleeps"])
    words, weights = ["a", "dog", "sleeps"], weights_of("a dog sleeps")
    seen = set()
    for layer in range(2):
        for head in range(3):
            made["layer"].value, made["head"].value = layer, head
            html = made["picture"].value
            assert titles(html) == expected(weights[layer, head], words, [*words, "<end>"])
            assert f"cross-attention, layer {layer}, head {head}</p>" in html
            seen.add(html)
    assert len(seen) == 6
    made["head"].value = MEAN
    found = titles(made["picture"].value)
    assert found == expected(weights[1].double().mean(0), words, [*words, "<end>"])


def test_all_heads_stand_side_by_side(shown):
    made = explore(maps_of, ["a dog sleeps"], head=ALL)
    found = titles(made["picture"].value)
    assert len(found) == 3 * 3 * 4 and made["picture"].value.count("<table") == 3
    assert found[12] == f"head 1: “a” looks at “a”: {weights_of('a dog sleeps')[0, 1, 0, 0]:.2f}"


def test_colours_and_numbers_are_of_the_weight_on_a_scale_from_0_to_1(shown):
    maps = Maps([[[[0.0, 0.04, 0.96], [0.2, 0.5, 0.3]]]], ["x", "y"], ["a", "b", "c"], [(1, 2)])
    html = explore(lambda text: {SELF: maps}, ["x"])["picture"].value
    cells = re.findall(r'<td class="([^"]*)"[^>]*>([^<]*)</td>', html)
    assert cells == [
        ("c0", ""),
        ("c4", ""),
        ("c96", ".96"),
        ("c20", ".20"),
        ("c50", ".50"),
        ("c30 true", ".30"),
    ]
    assert html.count("true alignment") == 1 and '<th scope="row">y</th>' in html
    assert ".attention-explorer .c0 { background: #ffffff;" in html


def test_without_a_known_alignment_nothing_is_outlined(shown):
    made = explore(maps_of, ["a dog"], kind=SELF)
    assert "true alignment" not in made["picture"].value and ' true"' not in made["picture"].value


def test_everything_that_is_written_is_escaped(shown):
    bad = "<img/src=x>\"'&amp;"
    maps = Maps([[[[1.0]]]], [bad], [bad], note=bad)
    made = explore(lambda text: {bad: maps}, ["$x_1$ "])
    for head in (0, ALL):
        made["head"].value = head
        html = made["picture"].value
        assert "<img" not in html and "&lt;img/src=x&gt;&quot;&#x27;&amp;amp;" in html
        assert titles(html) == [f"{'head 0: ' * (head == ALL)}“{bad}” looks at “{bad}”: 1.00"]

    def refuses(text):
        if text != "fine":
            raise ValueError(bad)
        return {SELF: maps}

    made = explore(refuses, ["fine"])
    made["text"].value = "else"
    assert "<img" not in made["picture"].value and "&lt;img" in made["picture"].value


def test_a_sentence_of_the_menu_or_of_ones_own(shown):
    asked = []
    made = explore(lambda text: asked.append(text) or maps_of(text), ["a dog", "the cat sleeps"])
    made["sentence"].value = "the cat sleeps"
    assert made["text"].value == "the cat sleeps" and "“sleeps” looks" in made["picture"].value
    made["text"].value = "my own"
    assert made["sentence"].value is None and "“own” looks" in made["picture"].value
    made["text"].value = "a dog"
    assert made["sentence"].value == "a dog" and "“dog” looks" in made["picture"].value
    made["head"].value = 2
    assert asked == ["a dog", "the cat sleeps", "my own"]  # each one once


def test_menus_offer_what_there_is_and_keep_what_was_chosen(shown):
    made = explore(maps_of, ["a dog"], layer=1, head=2)
    assert [name for name, _ in made["head"].options] == ["head 0", "head 1", "head 2", MEAN, ALL]
    made["kind"].value = SELF  # of one layer and one head
    assert [name for name, _ in made["layer"].options] == ["layer 0"]
    assert (made["layer"].value, made["head"].value) == (0, 0)
    assert "self-attention, layer 0, head 0</p>" in made["picture"].value
    made["head"].value = MEAN
    made["kind"].value = CROSS
    assert len(made["layer"].options) == 2 and made["head"].value == MEAN
    made["text"].value = "another sentence"
    assert (made["kind"].value, made["head"].value) == (CROSS, MEAN)


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "No map for this sentence: the sentence is empty"),
        ("a bug", "No map for this sentence: KeyError: &#x27;bug&#x27;"),
        ("word " * (LONGEST + 1), f"at most {LONGEST} can be read: choose a shorter sentence"),
    ],
)
def test_an_error_is_shown_in_words_and_the_next_sentence_works(shown, text, words):
    made = explore(maps_of, ["a dog"])
    made["text"].value = text
    assert words in made["picture"].value and "<table" not in made["picture"].value
    made["head"].value = 1  # the menus stay alive
    made["sentence"].value = "a dog"
    assert "cross-attention, layer 0, head 1</p>" in made["picture"].value


def test_a_page_where_nothing_runs_shows_the_first_map(shown):
    for head in (1, ALL):
        explore(maps_of, ["a dog costs $5 or $6"], head=head)
    for data, name in zip(shown, ("head 1", ALL), strict=True):
        assert data["text/plain"] == (
            f"Attention explorer. Here: cross-attention, layer 0, {name}, “a dog costs $5 or $6”. "
            "When the notebook runs: menus for the sentence, kind, layer and head."
        )
        picture = base64.b64decode(data["image/png"])
        assert picture.startswith(b"\x89PNG") and len(smaller(data["image/png"])) < 40_000
        assert data[VIEW]["model_id"]


def test_without_ipywidgets_there_is_the_picture_and_a_sentence(shown, no_ipywidgets, capsys):
    assert explore(maps_of, ["a dog"]) is None
    assert capsys.readouterr().out == "No menus here: ipywidgets is not installed.\n"
    assert "image/png" in shown[0] and VIEW not in shown[0]


def test_tensors_of_half_precision_and_with_gradients_are_taken():
    weights = torch.full((1, 1, 2, 2), 0.5, dtype=torch.bfloat16, requires_grad=True)
    assert Maps(weights, "ab", "cd").of(0, 0).tolist() == [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"weights": np.eye(2)}, r"must be \(layers, heads, queries, keys\), not \(2, 2\)"),
        ({"weights": np.ones((0, 1, 2, 2))}, "not \\(0, 1, 2, 2\\)"),
        ({"rows": ["x"]}, "2 rows and 2 columns, but there are 1 row tokens and 2 column tokens"),
        ({"weights": np.full((1, 1, 2, 2), np.nan)}, "no finite numbers"),
        ({"alignment": [(0, 2)]}, r"cell \(0, 2\)"),
    ],
)
def test_maps_that_do_not_fit_are_refused(change, words):
    right = {"weights": np.ones((1, 1, 2, 2)) / 2, "rows": ["x", "y"], "columns": ["a", "b"]}
    with pytest.raises(ValueError, match=words):
        Maps(**(right | change))


@pytest.mark.parametrize(
    "sentences, options, words",
    [
        ([], {}, "give a list of sentences"),
        ("a dog", {}, "give a list of sentences"),
        ([""], {}, "the sentence is empty"),
        (["a dog"], {"kind": "cross"}, "no kind 'cross', only \\['cross-attention'"),
        (["a dog"], {"layer": 2}, "layers 0 to 1, not 2"),
        (["a dog"], {"head": 3}, "heads \\[0, 1, 2, .*not 3"),
    ],
)
def test_a_beginning_that_is_not_there_is_refused(shown, sentences, options, words):
    with pytest.raises(ValueError, match=words):
        explore(maps_of, sentences, **options)
    assert not shown

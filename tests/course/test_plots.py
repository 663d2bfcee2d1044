"""The pictures: they show what they were given, can be read, and say what they cannot draw."""

from itertools import pairwise

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from utils.plots import (
    BLUE,
    GREY,
    ORANGE,
    PADDING_GREY,
    bars,
    branches,
    curves,
    dots,
    head_grid,
    heatmap,
)

LABELS = {"xlabel": "step", "ylabel": "loss", "title": "It falls"}
LONG = ["Donaudampfschifffahrtsgesellschaft", "und", "Rindfleischetikettierung"]
TITLE = "A finding that needs many more words than the picture is wide, and then some"
SENTENCE = "the old dog that the small cat saw yesterday sleeps under the table".split()


@pytest.fixture(autouse=True)
def no_windows():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def tokens(count):
    return [f"t{n}" for n in range(count)]


def weights(*shape):
    return torch.softmax(torch.randn(*shape, generator=torch.Generator().manual_seed(0)), dim=-1)


def words(labels):
    return [label.get_text() for label in labels]


def assert_readable(figure):
    """Everything is on the page, and no label runs into the next."""
    figure.canvas.draw()
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn.x0 > -0.01 and drawn.y0 > -0.01 and drawn.x1 < width + 0.01
    assert drawn.y1 < height + 0.01, f"{drawn} leaves {width} x {height} inches"
    for ax in figure.axes:
        labels = [label for label in ax.get_xticklabels() if label.get_visible()]
        boxes = [label.get_window_extent() for label in labels]
        for left, right in pairwise(boxes):  # slanting lines of text keep their distance
            slants = labels[0].get_rotation() == 45
            assert right.x1 - left.x1 > 0.19 * figure.dpi if slants else left.x1 <= right.x0
        boxes = [label.get_window_extent() for label in ax.get_yticklabels() if label.get_visible()]
        for lower, upper in pairwise(sorted(boxes, key=lambda box: box.y0)):
            assert lower.y1 <= upper.y0 + 1


def test_rows_are_queries_columns_are_keys_and_dark_means_much():
    ax = heatmap([[0.0, 0.0, 0.4], [0.0, 0.0, 0.0]], ["q0", "q1"], ["k0", "k1", "k2"])
    assert words(ax.get_yticklabels()) == ["q0", "q1"] and ax.yaxis_inverted()
    assert words(ax.get_xticklabels()) == ["k0", "k1", "k2"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("queries", "keys")
    ax.figure.canvas.draw()
    cells = ax.collections[0]
    lightness = cells.get_facecolor()[:, :3].mean(-1)  # row by row
    assert lightness.argmin() == 2 and np.allclose(lightness[[0, 1, 3, 4, 5]], 1)
    assert (cells.norm.vmin, cells.norm.vmax) == (0, 1)  # whatever the weights are
    assert words(ax.texts) == ["0.00", "0.00", "0.40", "0.00", "0.00", "0.00"]


def test_numbers_stand_where_there_is_room_and_only_as_exact_as_they_are():
    assert words(heatmap(torch.ones(2, 2).tril().bool(), None, None).texts) == list("1011")
    assert not heatmap(weights(9, 9), tokens(9), tokens(9)).texts
    assert len(heatmap(weights(9, 9), tokens(9), tokens(9), annotate=True).texts) == 81
    assert words(heatmap([[0.5, -np.inf]], None, None).texts) == ["0.50", "−∞"]


def test_padding_is_hatched_grey_and_the_alignment_outlined():
    hidden = torch.tensor([False, False, False, True])
    ax = heatmap(weights(3, 4), tokens(3), tokens(4), padding=hidden, alignment=[(0, 2), (2, 1)])
    column = next(patch for patch in ax.patches if patch.get_fill())
    assert column.get_bbox().bounds == (3, 0, 1, 3) and column.get_hatch()
    assert np.allclose(column.get_facecolor()[:3], to_rgb(PADDING_GREY))
    squares = [patch.get_bbox() for patch in ax.patches if not patch.get_fill()]
    assert [(int(square.x0), int(square.y0)) for square in squares] == [(2, 0), (1, 2)]
    assert len(ax.texts) == 9  # no numbers in the padding


def test_the_colours_have_white_at_0_and_a_pointed_bar_beyond_the_scale():
    ax = heatmap([[-1.0, 0.0, 1.0]], None, None, scale=(-1, 1))
    ax.figure.canvas.draw()
    low, middle, high = ax.collections[0].get_facecolor()[:, :3]
    assert middle.min() > 0.94 and low[2] > low[0] and high[0] > high[2]  # blue, white, red
    for values, end in (([[0.2, 1.0]], "neither"), ([[0.2, 3.0]], "max"), ([[-1, 2]], "both")):
        assert heatmap(values, None, None).child_axes[0]._colorbar.extend == end


@pytest.mark.parametrize("heads", [1, 5, 8])
def test_a_head_grid_draws_every_head_on_one_scale(heads):
    figure = head_grid(weights(heads, 4, 6), tokens(4), tokens(6), TITLE, alignment=[(0, 2)])
    *panels, _ = figure.axes  # and one colour bar
    assert [ax.get_title() for ax in panels] == [f"head {h}" for h in range(heads)]
    assert {(ax.collections[0].norm.vmin, ax.collections[0].norm.vmax) for ax in panels} == {(0, 1)}
    assert [len(ax.patches) for ax in panels] == [1] * heads
    assert_readable(figure)


def test_bars_carry_their_values_and_curves_differ_in_more_than_colour():
    ax = bars([0.27, 4570], ["$", "b"], errors=[0.1, 2], ylabel="y", title="Bars")
    assert words(ax.texts) == ["0.27", "4,570"]
    series = {f"s{n}": np.arange(5) + n for n in range(7)}
    series["s0"] = [np.arange(5) - 1, np.arange(5) + 1]  # two runs: a band
    ax = curves(series, **LABELS)
    for kind in ("get_color", "get_marker"):
        assert len({getattr(line, kind)() for line in ax.lines}) == 7
    assert_readable(ax.figure)
    assert ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1
    assert len(ax.collections) == 1 and curves({"only": [1, 2]}, **LABELS).get_legend() is None


def test_dots_stand_row_by_row_with_their_mean_at_the_end():
    ax = dots({"a": [1, 2, 3], "$b": [4, 5]}, beside="a", xlabel="x", title=TITLE)
    assert [[*map(float, line.get_xdata())] for line in ax.lines] == [[1, 2, 3], [4, 5]]
    assert words(ax.texts) == ["2.00", "4.50"] and len(ax.patches) == 1
    top, bottom = (line.get_window_extent().y0 for line in ax.lines)
    assert top > bottom
    assert_readable(ax.figure)


def test_branches_show_the_best_path_what_is_kept_and_each_leafs_product():
    tree = {(): {"a": 0.6, "b": 0.4}, ("a",): {"c": 0.5, "d": 0.5}, ("b",): {"e": 1.0}}
    ax = branches(tree, ("b", "e"), [("a",)], "b wins")
    inks = {text.get_text(): text.get_color() for text in ax.texts}
    assert inks["b"] == inks["e = 0.400"] == ORANGE and inks["a"] == BLUE
    assert inks["c = 0.300"] == inks["d = 0.300"] == GREY
    thick = [line.get_linewidth() for line in ax.lines]
    assert len(thick) == 5 and max(thick) == 7  # the sure step


def test_long_and_many_tokens_stay_apart_and_on_the_page():
    assert_readable(heatmap(weights(3, 3), LONG, LONG, TITLE).figure)
    assert_readable(heatmap(weights(13, 13), SENTENCE, SENTENCE, TITLE).figure)
    assert_readable(heatmap(weights(34, 34), tokens(34), tokens(34), TITLE).figure)
    assert_readable(head_grid(weights(8, 13, 13), SENTENCE, SENTENCE, TITLE))
    assert_readable(
        bars([1, 2, 3], ["one", "Straßenbahn", "Rindfleisch"], ylabel="y", title=TITLE).figure
    )


def test_long_axes_get_few_numbers():
    ax = heatmap(np.zeros((100, 64)), None, None, scale=(-1, 1))
    assert words(ax.get_yticklabels()) == ["0", "20", "40", "60", "80"]
    assert_readable(ax.figure)


def test_given_axes_are_used():
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
    assert heatmap(weights(4, 4), tokens(4), tokens(4), TITLE, ax=left) is left
    heatmap(weights(4, 3), ["Donaudampfschiff"] * 4, ["Straßenbahn"] * 3, "Right", ax=right)
    assert_readable(figure)


def test_the_page_is_white_and_global_settings_are_left_alone():
    with plt.style.context("dark_background"):
        before = dict(matplotlib.rcParams)
        ax = heatmap(weights(2, 2), tokens(2), tokens(2), "Title")
        figures = [ax.figure, head_grid(weights(2, 2, 2), tokens(2), tokens(2))]
        figures += [
            curves({"a": [1, 2]}, **LABELS).figure,
            bars([1], "a", ylabel="", title="").figure,
        ]
        assert dict(matplotlib.rcParams) == before
        assert np.mean(to_rgb(ax.title.get_color())) < 0.3  # dark on white
    assert all(to_rgb(figure.get_facecolor()) == (1, 1, 1) for figure in figures)


REFUSED = {
    "the heatmap has 5 rows but 4 row tokens: give": lambda: heatmap(
        weights(5, 3), tokens(4), None
    ),
    "3 columns but 5 column tokens": lambda: heatmap(weights(2, 3), None, tokens(5)),
    "3 dimensions, but 2 are needed: pick one": lambda: heatmap(weights(2, 3, 3), None, None),
    r"shape \(4,\).*weights\[None\]": lambda: heatmap(weights(4), None, None),
    "1 of 2 weights are NaN": lambda: heatmap([[np.nan, 1.0]], None, None),
    r"padding has shape \(2,\)": lambda: heatmap(weights(2, 3), None, None, padding=[0, 1]),
    r"cell \(-1, 0\)": lambda: heatmap(weights(2, 3), None, None, alignment=[(-1, 0)]),
    r"keep its heads: weights\[0\]": lambda: head_grid(weights(1, 2, 3, 3), None, None),
    "2 heads but 1 names": lambda: head_grid(weights(2, 3, 3), None, None, names=["only"]),
    "give a dictionary": lambda: curves([1, 2], **LABELS),
    r"series 'a' has shape \(2,\): it needs 3": lambda: curves(
        {"a": [1, 2]}, x=[1, 2, 3], **LABELS
    ),
    "draw it with log=False": lambda: curves({"a": [1, 0]}, log=True, **LABELS),
    "2 values but 1 labels": lambda: bars([1, 2], ["a"], ylabel="y", title="t"),
    "nothing to draw in rows": lambda: dots({}, xlabel="x", title="t"),
    r"nothing to draw in \['a'\]": lambda: dots({"a": []}, xlabel="x", title="t"),
    "beside names 'b'": lambda: dots({"a": [1]}, beside="b", xlabel="x", title="t"),
    "2 values but 3 errors": lambda: bars([1, 2], "ab", errors=[1, 2, 3], ylabel="y", title="t"),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_drawn_is_said_before_a_figure_is_made(message):
    with pytest.raises(ValueError, match=message):
        REFUSED[message]()
    assert not plt.get_fignums()

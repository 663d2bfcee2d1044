"""The pictures: what they refuse, and that they show what they were given."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from utils import plots
from utils.plots import (
    PADDING_GREY,
    LiveCurves,
    bars,
    curves,
    head_grid,
    heatmap,
    transformer_map,
)

MAPS = ["math", "attention", "heads", "encoder", "decoder", "training", "inference"]
LABELS = {"xlabel": "step", "ylabel": "loss", "title": "It falls"}


@pytest.fixture(autouse=True)
def no_windows():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def tokens(count):
    return [f"t{n}" for n in range(count)]


def weights(*shape):
    return torch.softmax(torch.randn(*shape, generator=torch.Generator().manual_seed(0)), dim=-1)


def patches(ax, gid):
    return [patch for patch in ax.patches if patch.get_gid() == gid]


def cell_colours(ax, rows, columns):
    ax.figure.canvas.draw()
    return ax.collections[0].get_facecolors().reshape(rows, columns, 4)


def visible_texts(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def assert_nothing_clipped(figure):
    figure.canvas.draw()
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert drawn.x0 >= 0 and drawn.y0 >= 0, f"{drawn} leaves the page at the left or below"
    assert drawn.x1 <= width and drawn.y1 <= height, f"{drawn} leaves {width} x {height} inches"


# ---- heatmap: what it refuses -------------------------------------------------------------------


def test_too_few_row_tokens_says_both_numbers():
    with pytest.raises(ValueError) as error:
        heatmap(weights(5, 3), tokens(4), tokens(3))
    assert str(error.value) == (
        "the heatmap has 5 rows but 4 row tokens: give one token for each row of weights "
        "(rows are the query tokens), special tokens and padding included"
    )


def test_too_many_column_tokens_says_both_numbers():
    with pytest.raises(ValueError) as error:
        heatmap(weights(5, 3), tokens(5), tokens(5))
    assert str(error.value) == (
        "the heatmap has 3 columns but 5 column tokens: give one token for each column of weights "
        "(columns are the key tokens), special tokens and padding included"
    )


@pytest.mark.parametrize("shape", [(4,), (2, 3, 3), (1, 2, 3, 3)])
def test_weights_that_are_no_matrix(shape):
    with pytest.raises(ValueError) as error:
        heatmap(weights(*shape), tokens(3), tokens(3))
    assert f"shape {shape}" in str(error.value)
    advice = "pick one batch entry and one head: weights[0, h]"
    assert (advice if len(shape) > 2 else "weights[None]") in str(error.value)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_is_refused(bad):
    with pytest.raises(ValueError, match="1 of 4 weights are NaN or .infinity: look for a softmax"):
        heatmap([[0.5, 0.5], [bad, 0.5]], tokens(2), tokens(2))


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match=r"shape \(0, 3\): there is nothing to draw"):
        heatmap(np.zeros((0, 3)), [], tokens(3))


def test_padding_of_the_wrong_length():
    with pytest.raises(ValueError, match=r"3 columns but padding has shape \(2,\)"):
        heatmap(weights(2, 3), tokens(2), tokens(3), padding=[False, True])


@pytest.mark.parametrize("pair", [(2, 0), (0, 3), (-1, 0)])
def test_alignment_outside_the_heatmap(pair):
    with pytest.raises(ValueError, match="the heatmap has 2 rows and 3 columns"):
        heatmap(weights(2, 3), tokens(2), tokens(3), alignment=[pair])


def test_scale_out_of_order():
    with pytest.raises(ValueError, match=r"the scale is \(1, 0\): give \(low, high\)"):
        heatmap(weights(2, 3), tokens(2), tokens(3), scale=(1, 0))


# ---- heatmap: what it shows ---------------------------------------------------------------------


def test_rows_are_queries_and_columns_are_keys():
    values = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])  # query 0 looks at key 2
    ax = heatmap(values, ["q0", "q1"], ["k0", "k1", "k2"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["q0", "q1"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["k0", "k1", "k2"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("queries", "keys")
    assert ax.yaxis_inverted()  # the first query is on top
    lightness = cell_colours(ax, 2, 3)[..., :3].mean(-1)
    assert lightness.argmin() == 2  # row 0, column 2 is the dark one
    assert np.allclose(lightness[1], 1)  # 0 is white


def test_scale_stays_0_to_1_whatever_the_weights():
    ax = heatmap(0.2 * weights(3, 3), tokens(3), tokens(3))
    assert ax.collections[0].norm.vmin == 0
    assert ax.collections[0].norm.vmax == 1


def test_symmetric_scale_is_white_at_0():
    ax = heatmap([[-1.0, 0.0, 1.0]], None, None, scale=(-1, 1))
    low, middle, high = cell_colours(ax, 1, 3)[0, :, :3]
    assert middle.min() > 0.94
    assert low[2] > low[0] and high[0] > high[2]  # blue below, red above


def test_numbers_only_on_small_heatmaps():
    ax = heatmap([[0.123, 0.877]], ["a"], ["b", "c"])
    assert [text.get_text() for text in ax.texts] == ["0.12", "0.88"]
    assert not heatmap(weights(9, 9), tokens(9), tokens(9)).texts
    assert len(heatmap(weights(9, 9), tokens(9), tokens(9), annotate=True).texts) == 81


def test_a_mask_shows_whole_numbers():
    ax = heatmap(torch.ones(2, 2).tril().bool(), tokens(2), tokens(2))
    assert [text.get_text() for text in ax.texts] == ["1", "0", "1", "1"]


def test_masked_scores_are_grey_and_say_minus_infinity():
    ax = heatmap([[0.5, -np.inf], [0.5, 0.25]], tokens(2), tokens(2))
    assert "−∞" in [text.get_text() for text in ax.texts]
    assert cell_colours(ax, 2, 2)[0, 1, 3] == 0  # nothing drawn: the grey ground is seen
    assert np.allclose(ax.get_facecolor()[:3], to_rgb(PADDING_GREY))


def test_padding_columns_are_grey_and_hatched():
    padding = torch.tensor([False, False, True, True])
    ax = heatmap(weights(3, 4), tokens(3), tokens(4), padding=padding)
    columns = patches(ax, "padding")
    assert [patch.get_bbox().bounds for patch in columns] == [(2, 0, 1, 3), (3, 0, 1, 3)]
    assert all(np.allclose(patch.get_facecolor()[:3], to_rgb(PADDING_GREY)) for patch in columns)
    assert all(patch.get_hatch() for patch in columns)
    assert len(ax.texts) == 6  # no numbers in them


def test_alignment_squares_surround_their_cells():
    alignment = [(0, 3), (2, 1)]  # (row, column) in a heatmap that is not square
    ax = heatmap(weights(3, 5), tokens(3), tokens(5), alignment=alignment)
    squares = patches(ax, "alignment")
    middles = [(patch.get_bbox().x0 + 0.5, patch.get_bbox().y0 + 0.5) for patch in squares]
    expected = [(column + 0.56, row + 0.56) for row, column in alignment]
    assert np.allclose(middles, expected)
    assert not any(patch.get_fill() for patch in squares)


def test_numbers_beyond_the_scale_point_the_colour_bar():
    def extend(values, **options):
        return heatmap(values, None, None, **options).child_axes[0]._colorbar.extend

    assert extend([[0.2, 1.0]]) == "neither"
    assert extend([[0.2, 3.0]]) == "max"
    assert extend([[-2.0, 3.0]], scale=(-1, 1)) == "both"
    assert extend([[0.2, -np.inf]]) == "neither"


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_tensors_of_any_dtype_and_with_gradient(dtype):
    given = weights(2, 3).to(dtype).requires_grad_()
    ax = heatmap(given, tokens(2), tokens(3))
    assert np.allclose(ax.collections[0].get_array(), given.detach().double(), atol=1e-9)


def test_long_axes_get_few_numbers():
    ax = heatmap(np.zeros((100, 64)), None, None, scale=(-1, 1))
    assert [label.get_text() for label in ax.get_yticklabels()][:3] == ["0", "10", "20"]
    assert len(ax.get_xticks()) <= 10


def test_figure_grows_with_the_tokens():
    small = heatmap(weights(4, 4), tokens(4), tokens(4)).figure.get_size_inches()
    large = heatmap(weights(30, 30), tokens(30), tokens(30)).figure.get_size_inches()
    assert (large > small).all()


def test_a_dollar_in_a_token_is_no_formula():
    ax = heatmap(weights(1, 2), ["$a$"], ["$", "b"])
    assert_nothing_clipped(ax.figure)
    assert ax.get_yticklabels()[0]._preprocess_math(ax.get_yticklabels()[0].get_text())[1] is False


def test_titles_break_into_even_lines():
    ax = heatmap(weights(3, 3), tokens(3), tokens(3), "One two three four five six seven eight")
    assert ax.get_title() == "One two three four\nfive six seven eight"
    assert heatmap([[1]], ["a"], ["b"], "Its own\nline break").get_title() == "Its own\nline break"


def test_given_axes_are_used():
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
    ax = heatmap(weights(4, 4), tokens(4), tokens(4), "A longish title for the left one", ax=left)
    heatmap(weights(4, 4), ["Donaudampfschiff"] * 4, ["Straßenbahn"] * 4, "Right", ax=right)
    assert ax is left
    assert_nothing_clipped(figure)


LONG = ["Donaudampfschifffahrtsgesellschaft", "und", "Rindfleischetikettierung"]


@pytest.mark.parametrize("annotate", [True, False])
def test_long_tokens_and_titles_are_not_clipped(annotate):
    title = "A finding that needs many more words than the heatmap is wide, and then some"
    assert_nothing_clipped(heatmap(weights(3, 3), LONG, LONG, title, annotate=annotate).figure)
    assert_nothing_clipped(head_grid(weights(8, 3, 3), LONG, LONG, title))


# ---- head_grid ----------------------------------------------------------------------------------


@pytest.mark.parametrize("heads", [1, 2, 4, 5, 8, 16])
def test_head_grid_draws_every_head_on_one_scale(heads):
    figure = head_grid(weights(heads, 4, 6), tokens(4), tokens(6), "Heads differ")
    panels = [ax for ax in figure.axes if ax.get_title()]
    assert [ax.get_title() for ax in panels] == [f"head {h}" for h in range(heads)]
    assert {(ax.collections[0].norm.vmin, ax.collections[0].norm.vmax) for ax in panels} == {(0, 1)}
    assert len(figure.axes) == heads + 1  # one colour bar
    assert figure.get_suptitle() == "Heads differ"
    assert_nothing_clipped(figure)


def test_head_grid_marks_padding_and_alignment_in_every_panel():
    figure = head_grid(
        weights(2, 3, 4),
        tokens(3),
        tokens(4),
        names=["a", "b"],
        padding=[0, 0, 0, 1],
        alignment=[(0, 2)],
    )
    for ax in figure.axes[:2]:
        assert [patch.get_bbox().x0 for patch in patches(ax, "padding")] == [3]
        assert [patch.get_bbox().x0 for patch in patches(ax, "alignment")] == [2.06]


def test_six_heads_stand_in_two_even_rows():
    figure = head_grid(weights(6, 2, 2), tokens(2), tokens(2))
    assert len({round(ax.get_position().x0, 3) for ax in figure.axes[:6]}) == 3


def test_head_grid_refuses():
    with pytest.raises(ValueError, match=r"pick one batch entry and keep its heads: weights\[0\]"):
        head_grid(weights(1, 2, 3, 3), tokens(3), tokens(3))
    with pytest.raises(ValueError, match="the heatmap has 3 rows but 2 row tokens"):
        head_grid(weights(2, 3, 3), tokens(2), tokens(3))
    with pytest.raises(ValueError, match="2 heads but 1 names"):
        head_grid(weights(2, 3, 3), tokens(3), tokens(3), names=["only"])


# ---- curves and bars ----------------------------------------------------------------------------


def test_curves_differ_in_more_than_colour():
    ax = curves({f"s{n}": np.arange(5) + n for n in range(7)}, **LABELS)
    for kind in ("get_color", "get_marker", "get_linestyle"):
        kinds = {str(getattr(line, kind)()) for line in ax.lines}
        assert len(kinds) >= (4 if kind == "get_linestyle" else 7)
    assert_nothing_clipped(ax.figure)


def test_legend_stands_beside_the_data():
    ax = curves({"a": [1, 2], "b": [2, 1]}, bands={"a": ([0, 1], [2, 3])}, log=False, **LABELS)
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1
    assert len(ax.collections) == 1
    assert curves({"only": [1, 2]}, **LABELS).get_legend() is None


@pytest.mark.parametrize(
    ("series", "options", "words"),
    [
        ({}, {}, "there is no series to draw"),
        ([1, 2], {}, "give a dictionary"),
        ({"a": [1, 2]}, {"x": [1, 2, 3]}, r"series 'a' has shape \(2,\): it needs 3 points"),
        ({"a": [1, 2]}, {"bands": {"b": ([1, 2], [3, 4])}}, r"bands names \['b'\]"),
        ({"a": [1, 2]}, {"bands": {"a": ([1], [2])}}, r"band of 'a' has shape \(2, 1\)"),
        ({"a": [1, 0]}, {"log": True}, "draw it with log=False"),
    ],
)
def test_curves_refuses(series, options, words):
    with pytest.raises(ValueError, match=words):
        curves(series, **LABELS, **options)


def test_bars_carry_their_values():
    ax = bars([0.27, 4570], ["a", "b"], errors=[0.1, 2], ylabel="y", title="Bars", log=True)
    assert [text.get_text() for text in ax.texts] == ["0.27", "4,570"]
    assert ax.get_yscale() == "log"
    assert_nothing_clipped(ax.figure)


def test_bars_refuses():
    with pytest.raises(ValueError, match="there are 2 values but 1 labels"):
        bars([1, 2], ["a"], ylabel="y", title="t")
    with pytest.raises(ValueError, match="there are 2 values but 3 errors"):
        bars([1, 2], ["a", "b"], errors=[1, 2, 3], ylabel="y", title="t")
    with pytest.raises(ValueError, match="draw them with log=False"):
        bars([1, 0], ["a", "b"], ylabel="y", title="t", log=True)


# ---- curves that grow ---------------------------------------------------------------------------

PANELS = {"nats": ["training", "validation"], "BLEU": ["BLEU"]}
ROWS = [{"training": 3.0 / n, "validation": 2.0 / n, "BLEU": 10.0 * n} for n in (1, 2, 3)]


def test_live_curves_redraw_one_picture_in_place(monkeypatch):
    class Handle:
        def update(self, figure):
            assert_nothing_clipped(figure)
            updates.append(figure)

    shown, updates = [], []

    def display(figure, display_id):
        assert display_id
        assert_nothing_clipped(figure)
        shown.append(figure)
        return Handle()

    monkeypatch.setattr(plots, "display", display)
    live = LiveCurves(PANELS)
    for row in ROWS:
        live.add(row)
    assert len(shown) == 1 and len(updates) == 2
    assert not plt.get_fignums()  # nothing is left over for the cell to show again
    left, right = updates[-1].axes
    assert [list(line.get_ydata()) for line in left.lines] == [[3, 1.5, 1], [2, 1, 2 / 3]]
    assert list(right.lines[0].get_xdata()) == [1, 2, 3]
    assert right.get_title() == "epoch 3: BLEU 30" and right.get_ylabel() == "BLEU"


def test_live_curves_refuse_what_they_cannot_draw():
    with pytest.raises(ValueError, match="there is nothing to draw"):
        LiveCurves({})
    with pytest.raises(ValueError, match=r"the row has no \['BLEU'\], only \['training', 'vali"):
        LiveCurves(PANELS).add({"training": 1.0, "validation": 1.0})


# ---- the map ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lit", MAPS)
def test_map_fits_its_page(lit):
    figure = transformer_map(lit)
    assert_nothing_clipped(figure)
    assert figure.get_figwidth() == 8.5
    assert all(text.get_fontsize() >= 9 for text in visible_texts(figure))


@pytest.mark.parametrize("lit", MAPS)
def test_texts_of_the_map_stay_apart(lit):
    figure = transformer_map(lit)
    figure.canvas.draw()
    boxes = [(text.get_text(), text.get_window_extent()) for text in visible_texts(figure)]
    for n, (one, box) in enumerate(boxes):
        for other, second in boxes[:n]:
            assert not box.overlaps(second), f"{one!r} overlaps {other!r}"


def test_every_map_lights_something_else():
    def lit_texts(lit):
        texts = visible_texts(transformer_map(lit))
        return tuple(text.get_text() for text in texts if text.get_color() in ("white", "#0b5c7a"))

    assert len({lit_texts(lit) for lit in MAPS}) == len(MAPS)
    assert "cross-attention" in lit_texts("attention")
    assert "feed-forward" not in lit_texts("attention")


def test_unknown_part_of_the_map():
    with pytest.raises(ValueError) as error:
        transformer_map("embeddings")
    assert str(error.value) == (
        "the map has no part 'embeddings' to light: choose one of "
        '"math", "attention", "heads", "encoder", "decoder", "training", "inference"'
    )


# ---- manners ------------------------------------------------------------------------------------


def test_global_settings_are_left_alone_and_the_page_is_white():
    with plt.style.context("dark_background"):
        before = dict(matplotlib.rcParams)
        ax = heatmap(weights(2, 2), tokens(2), tokens(2), "Title")
        figures = [
            ax.figure,
            head_grid(weights(2, 2, 2), tokens(2), tokens(2)),
            curves({"a": [1, 2]}, **LABELS).figure,
            bars([1], ["a"], ylabel="y", title="t").figure,
            transformer_map("math"),
        ]
        assert dict(matplotlib.rcParams) == before
        assert np.mean(to_rgb(ax.title.get_color())) < 0.3  # dark on white
    assert all(to_rgb(figure.get_facecolor()) == (1, 1, 1) for figure in figures)

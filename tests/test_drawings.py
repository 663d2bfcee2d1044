"""The drawings of the parts: what they show, that they can be read, what they refuse."""

import io
from itertools import pairwise

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text

from utils.architecture import QUIET_LINE
from utils.drawings import (
    ACCENT,
    ACCENT_TINT,
    cross_attention_map,
    decoder_layer_map,
    encoder_layer_map,
    teacher_forcing_map,
)
from utils.plots import PADDING_GREY

SEEN, SAID = ["<start>", "der", "Hund", "schläft"], ["der", "Hund", "schläft", "<end>"]
PADDED = ["<start>", "er", "bellt", "<end>", "<pad>"], ["er", "bellt", "<end>", "<pad>", "<pad>"]
LONG = "der kleine Hund schläft heute Nachmittag lange unter dem Tisch <end>".split()
DRAWINGS = {
    "encoder, post-norm": lambda: encoder_layer_map(),
    "encoder, pre-norm": lambda: encoder_layer_map(norm_first=True),
    "decoder, post-norm": lambda: decoder_layer_map(),
    "decoder, pre-norm": lambda: decoder_layer_map(norm_first=True),
    "cross-attention": lambda: cross_attention_map(),
    "shift": lambda: teacher_forcing_map(SEEN, SAID),
    "shift with padding": lambda: teacher_forcing_map(*PADDED),
    "shift of one place": lambda: teacher_forcing_map(["<start>"], ["<end>"]),
    "shift of twelve places": lambda: teacher_forcing_map(["<start>", *LONG], [*LONG, "<pad>"]),
    "no shift": lambda: teacher_forcing_map(SAID, SAID),
}
every_drawing = pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
both_norms = pytest.mark.parametrize("norm_first", [False, True], ids=["post-norm", "pre-norm"])


@pytest.fixture(autouse=True)
def no_windows():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def visible_texts(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def words(figure):
    return [text.get_text() for text in visible_texts(figure)]


def upwards(figure, *wanted):
    """The wanted texts, from the lowest to the highest."""
    texts = [text for text in visible_texts(figure) if text.get_text() in wanted]
    return [text.get_text() for text in sorted(texts, key=lambda text: text.get_position()[1])]


def patches(figure, gid):
    return [patch for patch in figure.axes[0].patches if patch.get_gid() == gid]


def ends(arrow):
    """Where a line begins and where its head is."""
    vertices = arrow._path_original.vertices
    return vertices[0], vertices[-1]


def box(patch):
    return patch.get_path().get_extents()


# ---- every drawing ------------------------------------------------------------------------------


@every_drawing
def test_it_fits_its_page(draw):
    figure = draw()
    figure.canvas.draw()
    width, height = figure.get_size_inches()
    assert width <= 9 and height <= 8
    for text in visible_texts(figure):
        assert text.get_fontsize() >= 9, text
    for artist in (*visible_texts(figure), *figure.axes[0].patches):
        extent, whole = artist.get_window_extent(), figure.bbox
        assert extent.x0 >= 0 and extent.x1 <= whole.x1, artist
        assert extent.y0 >= 0 and extent.y1 <= whole.y1, artist


@every_drawing
def test_it_is_a_small_file(draw):
    file = io.BytesIO()
    draw().savefig(file, format="png", bbox_inches="tight")  # as a notebook stores it
    assert len(file.getvalue()) < 65_000  # about 60 kB; versions of matplotlib differ a little


@every_drawing
def test_texts_stay_apart(draw):
    figure = draw()
    figure.canvas.draw()
    boxes = [(text.get_text(), text.get_window_extent()) for text in visible_texts(figure)]
    for n, (one, extent) in enumerate(boxes):
        for other, second in boxes[:n]:
            assert not extent.overlaps(second), f"{one!r} overlaps {other!r}"


@every_drawing
def test_no_line_runs_through_a_text(draw):
    figure = draw()
    figure.canvas.draw()
    arrows = [patch for patch in figure.axes[0].patches if hasattr(patch, "get_arrowstyle")]
    assert arrows
    for arrow in arrows:
        path = arrow._path_original.transformed(figure.axes[0].transData)
        for text in visible_texts(figure):
            extent = text.get_window_extent()
            assert not path.intersects_bbox(extent, filled=False), text


@every_drawing
def test_the_page_is_white_and_global_settings_are_left_alone(draw):
    with plt.style.context("dark_background"):
        before = dict(matplotlib.rcParams)
        figure = draw()
        assert dict(matplotlib.rcParams) == before
    assert to_rgb(figure.get_facecolor()) == (1, 1, 1)
    assert {text.get_fontfamily()[0] for text in visible_texts(figure)} == {"DejaVu Sans"}


@every_drawing
def test_it_does_not_show_itself(draw, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("plt.show() was called"))
    assert isinstance(draw(), plt.Figure)


# ---- the layers ---------------------------------------------------------------------------------


def test_post_norm_stands_above_each_sublayer():
    assert upwards(encoder_layer_map(), "self-attention", "feed-forward", "norm") == [
        "self-attention",
        "norm",
        "feed-forward",
        "norm",
    ]
    names = ("masked self-attention", "cross-attention", "feed-forward", "norm")
    assert upwards(decoder_layer_map(), *names) == [
        "masked self-attention",
        "norm",
        "cross-attention",
        "norm",
        "feed-forward",
        "norm",
    ]


def test_pre_norm_stands_below_each_sublayer():
    assert upwards(encoder_layer_map(True), "self-attention", "feed-forward", "norm") == [
        "norm",
        "self-attention",
        "norm",
        "feed-forward",
    ]
    names = ("masked self-attention", "cross-attention", "feed-forward", "norm")
    assert upwards(decoder_layer_map(True), *names) == [
        "norm",
        "masked self-attention",
        "norm",
        "cross-attention",
        "norm",
        "feed-forward",
    ]


@both_norms
@pytest.mark.parametrize(("draw", "floors"), [(encoder_layer_map, 2), (decoder_layer_map, 3)])
def test_each_sublayer_has_a_skip_line_round_it(draw, floors, norm_first):
    figure = draw(norm_first)
    skips, sublayers = patches(figure, "skip"), patches(figure, "sublayer")
    norms = patches(figure, "norm")
    assert len(skips) == len(sublayers) == len(norms) == floors
    for skip, sublayer, norm in zip(skips, sublayers, norms, strict=True):
        (stream, start), (rim, end) = ends(skip)
        assert abs(rim - stream) == pytest.approx(1.2)  # the rim of the plus on the stream
        assert start < box(sublayer).y0 and box(sublayer).y1 < end
        # the norm is inside what the skip goes round (pre), or after it (post)
        assert (start < box(norm).y0 and box(norm).y1 < end) == norm_first
        assert not skip._path_original.intersects_bbox(box(sublayer), filled=False)


@both_norms
@pytest.mark.parametrize("draw", [encoder_layer_map, decoder_layer_map])
def test_the_way_of_the_skips_is_whole_and_meets_norms_only_in_post_norm(draw, norm_first):
    figure = draw(norm_first)
    orange = sorted(
        (patch for gid in ("skip", "stream") for patch in patches(figure, gid)),
        key=lambda patch: ends(patch)[0][1],
    )
    assert {to_hex(patch.get_edgecolor()) for patch in orange} == {ACCENT}
    gaps = [(ends(one)[1][1], ends(other)[0][1]) for one, other in pairwise(orange)]
    norms = [box(norm) for norm in patches(figure, "norm")]
    between = [any(np.allclose(gap, (norm.y0, norm.y1)) for norm in norms) for gap in gaps]
    assert sum(between) == (0 if norm_first else len(norms))
    assert all(upper - lower < 2.7 for lower, upper in gaps)  # a plus or a norm, no more


@both_norms
def test_layers_say_their_finding_and_their_shapes(norm_first):
    encoder, decoder = words(encoder_layer_map(norm_first)), words(decoder_layer_map(norm_first))
    title = (
        "Pre-norm: no skip line meets a norm"
        if norm_first
        else "Post-norm: every skip line runs into a norm"
    )
    where = "first in each branch" if norm_first else "after each +"
    for stack, texts in (("Encoder", encoder), ("Decoder", decoder)):
        assert title in texts
        assert f"{stack} layer: a norm stands {where}." in texts
        assert "(…, d_ff) inside" in texts
    assert encoder.count("(batch, length, d_model)") == 2  # at the entry and at the exit
    assert decoder.count("(batch, T, d_model)") == 2
    assert decoder.count("(batch, S, d_model)") == 1
    assert ("x = x + attention(norm(x))" in encoder) == norm_first
    assert ("x = norm(x + attention(x))" in encoder) != norm_first


@both_norms
def test_memory_enters_cross_attention_from_the_left_and_queries_from_below(norm_first):
    figure = decoder_layer_map(norm_first)
    (memory,) = patches(figure, "memory")
    (start, end), cross = ends(memory), box(patches(figure, "sublayer")[1])
    assert start[0] < end[0] == pytest.approx(cross.x0)
    assert start[1] == end[1] == pytest.approx((cross.y0 + cross.y1) / 2)
    places = {text.get_text(): text.get_position() for text in visible_texts(figure)}
    assert places["K, V"][0] < cross.x0
    assert places["Q"][1] < cross.y0 < places["cross-attention"][1]


# ---- cross-attention ----------------------------------------------------------------------------


def test_cross_attention_has_two_sources():
    figure = cross_attention_map()
    texts = words(figure)
    for text in (*SEEN, "the", "dog", "sleeps", "<end>", "Q", "cross-attention"):
        assert text in texts
    everything = "\n".join(texts)
    assert everything.count("(batch, T, d_model)") == 2  # the queries and what comes out
    assert everything.count("(batch, S, d_model)") == 1
    assert "weights (batch, heads, T, S)" in texts


def test_cross_attention_has_one_row_a_target_token_and_one_column_a_source_token():
    figure = cross_attention_map()
    cells = [box(cell) for cell in patches(figure, "weight")]
    assert len(cells) == 16
    queries, keys = patches(figure, "query"), patches(figure, "key")
    rows = sorted({round((cell.y0 + cell.y1) / 2, 6) for cell in cells})
    columns = sorted({round((cell.x0 + cell.x1) / 2, 6) for cell in cells})
    assert sorted((box(q).y0 + box(q).y1) / 2 for q in queries) == pytest.approx(rows)
    assert sorted((box(k).x0 + box(k).x1) / 2 for k in keys) == pytest.approx(columns)
    assert upwards(figure, *SEEN) == SEEN[::-1]  # the first query is on top
    (block,) = patches(figure, "cross-attention")
    for arrow in patches(figure, "Q"):
        assert ends(arrow)[1][0] == pytest.approx(box(block).x0)
    for arrow in patches(figure, "K, V"):
        assert ends(arrow)[1][1] == pytest.approx(box(block).y0)
    assert len(patches(figure, "Q")) == len(patches(figure, "out")) == 4
    assert len(patches(figure, "K, V")) == 4


def test_one_query_can_be_followed_to_its_vector():
    figure = cross_attention_map()
    orange = [cell for cell in patches(figure, "weight") if to_hex(cell.get_edgecolor()) == ACCENT]
    assert len(orange) == 4
    (token,) = [text for text in visible_texts(figure) if text.get_text() == "Hund"]
    for cell in orange:
        assert box(cell).y0 < token.get_position()[1] < box(cell).y1
        assert to_hex(cell.get_facecolor()) == ACCENT_TINT
    for gid in ("Q", "out"):
        colours = [to_hex(arrow.get_edgecolor()) == ACCENT for arrow in patches(figure, gid)]
        assert colours == [False, False, True, False]


# ---- teacher forcing ----------------------------------------------------------------------------


def row_of(figure, gid):
    """The texts in the boxes of one row, from left to right."""
    found = []
    for patch in sorted(patches(figure, gid), key=lambda patch: box(patch).x0):
        inside = [t for t in visible_texts(figure) if box(patch).contains(*t.get_position())]
        found += [text.get_text() for text in inside]
    return found


def test_both_rows_stand_in_order_and_what_is_said_stands_above():
    figure = teacher_forcing_map(SEEN, SAID)
    assert row_of(figure, "seen") == SEEN
    assert row_of(figure, "said") == SAID
    assert box(patches(figure, "said")[0]).y0 > box(patches(figure, "seen")[0]).y1
    assert len(patches(figure, "answer")) == 4


def test_each_token_said_leads_to_the_next_one_given():
    figure = teacher_forcing_map(SEEN, SAID)
    links, seen, said = (patches(figure, gid) for gid in ("becomes", "seen", "said"))
    assert len(links) == 3
    for place, link in enumerate(links):
        (start_x, start_y), (end_x, end_y) = ends(link)
        above, below = box(said[place]), box(seen[place + 1])
        assert above.x0 < start_x < above.x1 and start_y == pytest.approx(above.y0)
        assert below.x0 < end_x < below.x1 and end_y == pytest.approx(below.y1)
    assert "What must be said here is given one place later" in words(figure)


def test_padding_is_grey_and_does_not_count():
    figure = teacher_forcing_map(*PADDED)
    grey = [to_hex(patch.get_facecolor()) == PADDING_GREY for patch in patches(figure, "said")]
    assert grey == [False, False, False, True, True]
    grey = [to_hex(patch.get_facecolor()) == PADDING_GREY for patch in patches(figure, "seen")]
    assert grey == [False, False, False, False, True]
    assert words(figure).count("not counted\nin the loss") == 1  # one for the two side by side
    assert len(patches(figure, "answer")) == 3 and len(patches(figure, "not counted")) == 2
    colours = [to_hex(link.get_edgecolor()) for link in patches(figure, "becomes")]
    assert colours == [ACCENT] * 3 + [QUIET_LINE]
    assert "not counted\nin the loss" not in words(teacher_forcing_map(SEEN, SAID))


def test_rows_that_are_not_shifted_are_called_so():
    figure = teacher_forcing_map(SAID, SAID)
    assert "Not shifted by one place" in words(figure)
    assert any(text.startswith("At 3 of 3 places") for text in words(figure))
    assert not patches(figure, "becomes")
    # the padding of a shorter input is no mistake
    figure = teacher_forcing_map(["<start>", "er", "<pad>"], ["er", "<end>", "<pad>"])
    assert "What must be said here is given one place later" in words(figure)


def test_long_tokens_are_cut_to_their_place():
    long = "Donaudampfschifffahrtsgesellschaft"
    figure = teacher_forcing_map(["<start>"] + [long] * 11, [long] * 12)
    figure.canvas.draw()
    assert row_of(figure, "said")[0].startswith("Donau") and row_of(figure, "said")[0][-1] == "…"
    extents = [text.get_window_extent() for text in visible_texts(figure)]
    for patch in patches(figure, "said"):
        room = patch.get_window_extent()
        for extent in extents:
            if extent.overlaps(room):
                assert room.x0 < extent.x0 and extent.x1 < room.x1
    assert long in row_of(teacher_forcing_map(["<start>"], [long]), "said")


def test_a_dollar_in_a_token_is_no_formula():
    figure = teacher_forcing_map(["$a$", "", " "], ["", " ", "5 $"])
    for text in visible_texts(figure):
        assert text._preprocess_math(text.get_text())[1] is False


@pytest.mark.parametrize(
    ("seen", "said", "message"),
    [
        (SEEN, SAID[:3], "4 tokens are seen but 3 must be said: give one of each for every place"),
        ([], [], "there are no tokens to draw: give one place at least"),
        (["a"] * 13, ["a"] * 13, "13 places are too many to read: give at most 12"),
    ],
)
def test_rows_that_cannot_be_drawn(seen, said, message):
    with pytest.raises(ValueError) as error:
        teacher_forcing_map(seen, said)
    assert str(error.value).startswith(message)
    assert not plt.get_fignums()  # no half-drawn figure is left behind

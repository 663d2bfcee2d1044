"""The parts of the Transformer close up, drawn like the map: layers, cross-attention, the shift.

Every function returns the `Figure` it drew on, never calls `plt.show()`, and leaves matplotlib's
global settings alone. In a notebook, end the cell with `plt.show()`. What a picture is about has
its second colour: orange lines, which are also thicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from utils.architecture import (
    BAR_HEIGHT,
    FONT,
    QUIET,
    QUIET_BLOCK,
    QUIET_LINE,
    STRONG,
    TINT,
    Block,
    Line,
    Note,
    draw_block,
    draw_line,
    draw_note,
    draw_plus,
    draw_rounded,
    page,
)
from utils.plots import INK, PADDING_GREY

__all__ = ["cross_attention_map", "decoder_layer_map", "encoder_layer_map", "teacher_forcing_map"]

ACCENT, ACCENT_TINT = "#b34700", "#fbe8dc"
ACCENT_LINE = {"colour": ACCENT, "width": 2.4, "zorder": 2.6}
ACCENT_BLOCK = {"face": ACCENT_TINT, "edge": ACCENT, "ink": ACCENT}
PALE_BLOCK = {"face": "white", "edge": STRONG, "ink": STRONG}
MARGIN = 3.0  # one unit is a tenth of an inch, as in the map

# A layer: what stands on its stream, and how high above the point where the skip line forks off.
FIRST, STEP = 10.0, 17.2  # the lowest fork, and from one to the next
SUBLAYER_WIDTH, AROUND = 25.0, 15.2  # the second: from the stream to the line round it
POST_NORM = {"sublayer": 4.6, "plus": 9.9, "norm": 14.0}
PRE_NORM = {"norm": 3.1, "sublayer": 9.2, "plus": 14.5}
HALF = {"sublayer": 2.6, "plus": 1.2, "norm": BAR_HEIGHT / 2}  # half their heights

PAD, MOST_PLACES = "<pad>", 12


@dataclass(frozen=True)
class Sublayer:
    """A block of a layer: its name, the shape that it has inside, what enters, its formula."""

    name: str
    inside: str
    inputs: str
    post_norm: str
    pre_norm: str


ENCODER_LAYER = [
    Sublayer(
        "self-attention",
        "weights (…, length, length)",
        "Q, K, V",
        "x = norm(x + attention(x))",
        "x = x + attention(norm(x))",
    ),
    Sublayer(
        "feed-forward",
        "(…, d_ff) inside",
        "",
        "x = norm(x + feed_forward(x))",
        "x = x + feed_forward(norm(x))",
    ),
]
DECODER_LAYER = [
    Sublayer(
        "masked self-attention",
        "weights (…, T, T)",
        "Q, K, V",
        "x = norm(x + attention(x))",
        "x = x + attention(norm(x))",
    ),
    Sublayer(
        "cross-attention",
        "weights (…, T, S)",
        "Q",
        "x = norm(x + cross(x, memory))",
        "x = x + cross(norm(x), memory)",
    ),
    ENCODER_LAYER[1],
]


@mpl.rc_context(FONT)
def encoder_layer_map(norm_first: bool = False) -> Figure:
    """Draw one encoder layer: two sublayers, each with its skip line, its norm and its shapes.

    The skips are the orange lines that go round the sublayers. With post-norm they run into the
    norms; with pre-norm they go round them, and the stack of layers ends with a norm of its own,
    which is not drawn. Dropout is left out.

    Args:
        norm_first: False for post-norm, as in Vaswani et al. (2017), True for pre-norm.

    Returns:
        The figure, 6.7 inches wide.

    Example:
        >>> encoder_layer_map(norm_first=True);
    """
    x = 21.4
    ax, top = _layer_page(67, "encoder", len(ENCODER_LAYER), norm_first)
    _draw_layer(ax, x, -1, ENCODER_LAYER, norm_first)
    _draw_ends(ax, x, top, "(batch, length, d_model)", "one vector for each word")
    return ax.figure


@mpl.rc_context(FONT)
def decoder_layer_map(norm_first: bool = False) -> Figure:
    """Draw one decoder layer: three sublayers with skip lines, norms and shapes, and the memory.

    The memory enters from the left, as keys and values; the queries come from below. T is the
    number of target tokens, S of source tokens. Dropout is left out.

    Args:
        norm_first: False for post-norm, as in Vaswani et al. (2017), True for pre-norm.

    Returns:
        The figure, 8.5 inches wide.

    Example:
        >>> decoder_layer_map();
    """
    x = 37.6
    ax, top = _layer_page(85, "decoder", len(DECODER_LAYER), norm_first)
    _draw_layer(ax, x, 1, DECODER_LAYER, norm_first)
    _draw_ends(ax, x, top, "(batch, T, d_model)", "T target tokens")
    cross = FIRST + STEP + (PRE_NORM if norm_first else POST_NORM)["sublayer"]
    edge = x - SUBLAYER_WIDTH / 2
    draw_line(ax, Line("memory", ((12.6, cross), (edge, cross))))
    draw_note(ax, Note("memory", "K, V", edge - 5.2, cross + 1.3))
    draw_note(ax, Note("memory", "memory", MARGIN, cross, "left", bold=True))
    draw_note(ax, Note("memory", "(batch, S, d_model)", MARGIN, cross - 2.4, "left"), QUIET)
    return ax.figure


def _header(ax: Axes, title: str, sentence: str) -> None:
    """What the picture shows, in the upper left corner."""
    top = ax.get_ylim()[1]
    ax.text(MARGIN, top - 2.8, title, fontsize=13, weight="bold", color=STRONG, va="center")
    ax.text(MARGIN, top - 5.0, sentence, fontsize=10, color=INK, va="top", linespacing=1.4)


def _layer_page(width: float, stack: str, floors: int, norm_first: bool) -> tuple[Axes, float]:
    """Axes with a title that says where the norm stands; and the height of the layer's top."""
    top = FIRST + floors * STEP + 0.4
    ax = page(width, top + 13.4)
    if norm_first:
        title = "Pre-norm: no skip line meets a norm"
        sentence = f"{stack.capitalize()} layer: a norm stands first in each branch."
    else:
        title = "Post-norm: every skip line runs into a norm"
        sentence = f"{stack.capitalize()} layer: a norm stands after each +."
    _header(ax, title, sentence)
    return ax, top


def _draw_ends(ax: Axes, x: float, top: float, shape: str, caption: str) -> None:
    """What enters the layer below, and the same shape that leaves it above."""
    for y in (4.4, top + 3.9):
        draw_note(ax, Note("end", shape, x, y, bold=True))
    draw_note(ax, Note("end", caption, x, 2.4), QUIET)


def _draw_layer(
    ax: Axes, x: float, side: int, sublayers: Sequence[Sublayer], norm_first: bool
) -> None:
    """The stream at x, its sublayers from the bottom up, the skips round them (side: -1 left)."""
    bottom, top = FIRST - 2.0, FIRST + len(sublayers) * STEP + 0.4
    draw_rounded(
        ax,
        x + side * 1.6,
        (bottom + top) / 2,
        33.6,
        top - bottom,
        radius=1.6,
        facecolor=TINT,
        edgecolor=STRONG,
        linewidth=1.2,
        zorder=0,
        gid="frame",
    )
    formulas = x + side * 1.6 + 33.6 / 2 + 1.8
    heights = PRE_NORM if norm_first else POST_NORM
    below = 5.8
    for floor, sublayer in enumerate(sublayers):
        fork = FIRST + floor * STEP
        join, around = fork + heights["plus"], x + side * AROUND
        first, *_, last = heights
        skip = ((x, below), (x, fork), (around, fork), (around, join), (x + side * 1.2, join))
        draw_line(ax, Line("skip", skip), **ACCENT_LINE)
        middle = fork + heights["sublayer"]
        if floor == 0:
            draw_note(ax, Note("skip", "skip", around + side * 1.3, middle, turn=90), ACCENT)
        draw_line(ax, Line("branch", ((x, below), (x, fork + heights[first] - HALF[first]))))
        for lower, upper in pairwise(heights):
            ends = fork + heights[lower] + HALF[lower], fork + heights[upper] - HALF[upper]
            style = ACCENT_LINE if lower == "plus" else {}
            draw_line(
                ax, Line("stream" if style else "branch", tuple((x, y) for y in ends)), **style
            )
        block = Block("sublayer", sublayer.name, x, middle, SUBLAYER_WIDTH, 2 * HALF["sublayer"])
        draw_block(ax, block, rise=1.0)
        draw_note(ax, Note("sublayer", sublayer.inside, x, middle - 1.2), "white")
        draw_plus(ax, x, join, ACCENT)
        norm = Block("norm", "norm", x, fork + heights["norm"], 12.0, BAR_HEIGHT)
        draw_block(ax, norm, **(PALE_BLOCK if norm_first else ACCENT_BLOCK))
        inputs = middle - HALF["sublayer"] - 1.1
        draw_note(
            ax,
            Note(
                "inputs", sublayer.inputs, x - side * 0.9, inputs, "left" if side < 0 else "right"
            ),
        )
        formula = sublayer.pre_norm if norm_first else sublayer.post_norm
        draw_note(ax, Note("formula", formula, formulas, middle, "left"), INK)
        below = fork + heights[last] + HALF[last]
    draw_line(ax, Line("stream", ((x, below), (x, top + 2.6))), **ACCENT_LINE)


@mpl.rc_context(FONT)
def cross_attention_map() -> Figure:
    """Draw cross-attention between two sentences: who asks, who answers, and what comes out.

    The target's tokens are the rows (queries), the encoder's memory of the source's tokens the
    columns (keys and values), and each row gives one vector. One row is in the second colour, to be
    followed from its token to its vector. The cells stand for the weights and hold no numbers.

    Returns:
        The figure, 8.5 inches wide.

    Example:
        >>> cross_attention_map();
    """
    targets, sources = ["<start>", "der", "Hund", "schläft"], ["the", "dog", "sleeps", "<end>"]
    ax = page(85, 58.5)
    _header(
        ax,
        "Cross-attention: one sentence asks, the other answers",
        "Follow the orange row: Hund asks all four source tokens. Its row of weights sums to 1,\n"
        "and the values, mixed by these weights, become one vector.",
    )
    columns, rows = [28.5 + 9.2 * j for j in range(4)], [36.0 - 5.2 * i for i in range(4)]
    left, right, bottom, top = 22.5, 62.1, 17.2, 46.4
    middle = (left + right) / 2
    draw_rounded(
        ax,
        middle,
        (bottom + top) / 2,
        right - left,
        top - bottom,
        radius=0.9,
        facecolor=STRONG,
        edgecolor=STRONG,
        linewidth=1.2,
        zorder=2,
        gid="cross-attention",
    )
    draw_note(ax, Note("cross-attention", "cross-attention", middle, 44.0, bold=True), "white")
    words = "weights (batch, heads, T, S)"
    draw_note(ax, Note("cross-attention", words, middle, 41.4), "white")
    for token, y in zip(targets, rows, strict=True):
        followed = token == "Hund"
        block, line = (ACCENT_BLOCK, ACCENT_LINE) if followed else (PALE_BLOCK, {})
        draw_block(ax, Block("query", token, 9.4, y, 9.8, 3.4), **block)
        draw_line(ax, Line("Q", ((14.3, y), (left, y))), **line)
        draw_line(ax, Line("out", ((right, y), (68.2, y))), **line)
        fill = {"facecolor": block["face"], "edgecolor": block["edge"]}
        for x in columns:
            draw_rounded(ax, x, y, 8.4, 4.4, radius=0.5, lw=1.2, zorder=3, gid="weight", **fill)
        for x in range(6):
            draw_rounded(ax, 69.8 + 2 * x, y, 2, 2.4, radius=0.1, lw=1.2, zorder=3, **fill)
    for token, x in zip(sources, columns, strict=True):
        draw_block(ax, Block("key", token, x, 9.8, 8.2, 3.4), **PALE_BLOCK)
        draw_line(ax, Line("K, V", ((x, 11.5), (x, bottom))))
        draw_note(ax, Note("K, V", "K, V", x + 0.9, 14.0, "left"))
    draw_note(ax, Note("Q", "Q", (14.3 + left) / 2, rows[0] + 1.3))
    for x, y, bold, words in (
        (9.4, 44.0, "target tokens", "(batch, T, d_model)\nT queries: the rows"),
        (74.6, 44.0, "out", "(batch, T, d_model)\none for each target token"),
        (
            middle,
            6.2,
            "the encoder's memory of the source tokens",
            "(batch, S, d_model)\nS keys and values: the columns",
        ),
    ):
        draw_note(ax, Note("caption", bold, x, y, bold=True))
        draw_note(ax, Note("caption", words, x, y - 2.9), QUIET)
    return ax.figure


@mpl.rc_context(FONT)
def teacher_forcing_map(seen: Sequence[str], said: Sequence[str]) -> Figure:
    """Draw what the decoder is given in training and, above it, what it must say at each place.

    An orange line leads from each token that must be said to the token that it becomes, which is
    given one place later. There is no line where the next token given is another one; unless that
    is padding, the title then says that the rows are not shifted. `<pad>` is grey, and above it
    stands that it does not count in the loss. A token too long for its place ends with "…".

    Args:
        seen: the tokens that the decoder is given, from `<start>` on.
        said: the tokens that it must say, one for each token of seen.

    Returns:
        The figure, 6 to 9 inches wide.

    Raises:
        ValueError: no token, more than 12, or rows of different lengths.

    Example:
        >>> teacher_forcing_map(["<start>", "der", "Hund"], ["der", "Hund", "<end>"]);
    """
    seen, said = [str(token) for token in seen], [str(token) for token in said]
    places = _check_places(seen, said)
    widest = max(_width(token) for token in (*seen, *said))
    pitch = min(max(widest + 5.0, min(14.0, 54 / places)), 84 / places)  # from one to the next
    width = min(max(widest + 2.4, 6.6), pitch - 0.6)
    below, above = 7.6, 19.6
    raised = 4.0 if PAD in said else 0.0
    ax = page(round(max(60.0, places * pitch + 6), 1), above + raised + 15.6)
    left = MARGIN + width / 2
    _header(ax, *_shift_in_words(seen, said))
    for y, words in (
        (below - 3.8, "the decoder is given"),
        (above + 3.8 + raised, "the decoder must say"),
    ):
        draw_note(ax, Note("row", words, MARGIN, y, "left", bold=True))
    for place in range(places):
        x = left + place * pitch
        for part, token, y in (("seen", seen[place], below), ("said", said[place], above)):
            style = PALE_BLOCK | {"face": TINT} if part == "seen" else {}
            if token == PAD:
                style = QUIET_BLOCK | {"face": PADDING_GREY, "ink": "#4a5460"}
            label = _cut(token, width - 0.6).replace("$", r"\$")  # a $ would start a formula
            block = Block(part, label, x, y, width, 3.6)
            draw_block(ax, block, **style | {"weight": "normal"})
        counts = said[place] != PAD
        quiet = {"colour": QUIET_LINE, "width": 1.3}
        line = Line("answer" if counts else "not counted", ((x, below + 1.8), (x, above - 1.8)))
        draw_line(ax, line, **({} if counts else quiet))
        if place + 1 < places and said[place] == seen[place + 1]:
            ends = (x + 0.3 * width, above - 1.8), (x + pitch - 0.3 * width, below + 1.8)
            draw_line(ax, Line("becomes", ends), **(ACCENT_LINE if counts else quiet))
    for token, run in groupby(range(places), said.__getitem__):
        if token == PAD:
            run = list(run)
            x = left + pitch * (run[0] + run[-1]) / 2
            words = "not counted\nin the loss"
            draw_note(ax, Note("not counted", words, x, above + 3.9), QUIET)
    return ax.figure


def _check_places(seen: list[str], said: list[str]) -> int:
    """The number of places."""
    if len(seen) != len(said):
        raise ValueError(
            f"{len(seen)} tokens are seen but {len(said)} must be said: give one of each for every "
            "place, padding included"
        )
    if not seen:
        raise ValueError("there are no tokens to draw: give one place at least")
    if len(seen) > MOST_PLACES:
        raise ValueError(
            f"{len(seen)} places are too many to read: give at most {MOST_PLACES}, for example "
            f"seen[:{MOST_PLACES}] and said[:{MOST_PLACES}]"
        )
    return len(seen)


def _shift_in_words(seen: list[str], said: list[str]) -> tuple[str, str]:
    """Title and sentence: whether each token to be said is the next one given."""
    pairs = list(zip(said[:-1], seen[1:], strict=True))
    wrong = sum(token != given and given != PAD for token, given in pairs)
    if wrong:
        return "Not shifted by one place", (
            f"At {wrong} of {len(pairs)} places the token that must be said\n"
            "is not the one that is given at the next place."
        )
    return "What must be said here is given one place later", (
        "Upwards, blue: what is given, and what must be said there.\n"
        "Slanting, orange: the true token is given next, whatever was said."
    )


def _width(text: str) -> float:
    """The width of a text in tenths of an inch."""
    if not text.strip():
        return 0.0
    font = FontProperties(family=FONT["font.family"])
    path = TextPath((0, 0), text.replace("$", "S"), size=FONT["font.size"], prop=font)
    return path.get_extents().width / 7.2


def _cut(text: str, room: float) -> str:
    """The text, or as much of it as has room, with … at its end."""
    kept = len(text)
    while kept > 1 and _width(text[:kept] + "…" * (kept < len(text))) > room:
        kept -= 1
    return text[:kept] + "…" * (kept < len(text))

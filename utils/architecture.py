"""The map of the course: one drawing of the whole Transformer, with today's part lit.

The drawing is data: blocks, lines and notes, each a member of a named part. `LIT` says which parts
each notebook lights. All places are given, so the map is the same everywhere.
`utils.drawings` draws the parts close up, from the same blocks, lines and notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

STRONG, TINT = "#0b5c7a", "#e4f1f6"  # what is lit, and the ground of a lit stack
QUIET, QUIET_LINE, QUIET_GROUND = "#626c78", "#a7afb9", "#f7f8fa"
QUIET_BLOCK = {"face": "white", "edge": QUIET_LINE, "ink": QUIET, "weight": "normal"}
FONT = {"font.family": "DejaVu Sans", "font.size": 9.5}

# One unit is a tenth of an inch. Each stack has a stream that runs up through its blocks.
WIDTH, HEIGHT = 85.0, 67.5
STREAM = {"encoder": 18.5, "decoder": 50.5}
SIDE = {"encoder": -1, "decoder": 1}  # where the residuals go round: left, right
BOX_WIDTH, BOX_HEIGHT, BAR_HEIGHT = 18.0, 4.4, 2.6
FIRST, STEP = 21.4, 10.6  # the middle of the lowest sublayer, and from one to the next
EMBEDDING, PLUS, LINEAR, SOFTMAX, OUTPUT = 7.9, 12.4, 54.3, 59.0, 63.6
MEMORY, LOSS, LOOP = 34.5, 74.5, 82.5  # x of the lines between and beside the stacks


@dataclass(frozen=True)
class Block:
    """A box with its name in it, centred at (x, y)."""

    part: str
    text: str
    x: float
    y: float
    width: float = BOX_WIDTH
    height: float = BOX_HEIGHT


@dataclass(frozen=True)
class Line:
    """An arrow along points, with rounded corners."""

    part: str
    points: tuple[tuple[float, float], ...]
    dashed: bool = False


@dataclass(frozen=True)
class Note:
    """Text beside the drawing."""

    part: str
    text: str
    x: float
    y: float
    align: str = "center"
    turn: float = 0
    bold: bool = False


def _sublayer(stack: str, floor: int, name: str, text: str, inputs: str) -> list:
    """A block, its "add & norm" above, and the residual line that goes round the block."""
    x, y, side = STREAM[stack], FIRST + floor * STEP, SIDE[stack]
    fork, join, edge = y - 3.8, y + 4.9, x + side * BOX_WIDTH / 2
    around = edge + side * 2.2
    return [
        Block(f"{name} of {stack}", text, x, y),
        Block(f"norm of {stack}", "add & norm", x, join, height=BAR_HEIGHT),
        Line(f"flow of {stack}", ((x, y + 2.2), (x, join - 1.3))),
        Line(f"residual of {stack}", ((x, fork), (around, fork), (around, join), (edge, join))),
        Note(
            f"{name} of {stack}", inputs, x - side * 0.8, y - 3.2, "left" if side < 0 else "right"
        ),
    ]


def _stack(stack: str, sublayers: list[tuple[str, str, str]], tokens: str, caption: str) -> list:
    """Everything of one column, from its tokens at the bottom to its highest "add & norm"."""
    x, side = STREAM[stack], SIDE[stack]
    wave = x + side * 6.5
    tops = [4.6, EMBEDDING + BOX_HEIGHT / 2, PLUS + 1.2]
    tops += [FIRST + floor * STEP + 6.2 for floor in range(len(sublayers) - 1)]
    bottoms = [EMBEDDING - BOX_HEIGHT / 2, PLUS - 1.2]
    bottoms += [FIRST + floor * STEP - 2.2 for floor in range(len(sublayers))]
    elements = [
        Note(f"tokens of {stack}", tokens, x, 3.4, bold=True),
        Note(f"tokens of {stack}", caption, x, 1.4),
        Block(f"embedding of {stack}", "embedding", x, EMBEDDING),
        Line(f"position of {stack}", ((wave - side * 1.2, PLUS), (x + side * 1.2, PLUS))),
        Note(
            f"position of {stack}",
            "position",
            wave + side * 1.8,
            PLUS,
            "right" if side < 0 else "left",
        ),
        Note(
            f"frame of {stack}",
            f"{stack} × N",
            x - side * 10.3,
            16.4,
            "right" if side < 0 else "left",
            bold=True,
        ),
    ]
    for top, bottom in zip(tops, bottoms, strict=True):
        elements.append(Line(f"flow of {stack}", ((x, top), (x, bottom))))
    for floor, sublayer in enumerate(sublayers):
        elements += _sublayer(stack, floor, *sublayer)
    return elements


def _elements() -> list[Block | Line | Note]:
    """All blocks, lines and notes of the map."""
    left, right = STREAM["encoder"], STREAM["decoder"]
    cross = FIRST + STEP
    edge = right + BOX_WIDTH / 2
    feed_forward = ("feed-forward", "feed-forward", "")
    return [
        *_stack(
            "encoder",
            [("self-attention", "self-attention", "Q, K, V"), feed_forward],
            "the dog sleeps",
            "the sentence to translate",
        ),
        *_stack(
            "decoder",
            [
                ("self-attention", "masked self-attention", "Q, K, V"),
                ("cross-attention", "cross-attention", "Q"),
                feed_forward,
            ],
            "<start> der Hund schläft",
            "the translation so far",
        ),
        Line(
            "memory",
            (
                (left, FIRST + STEP + 6.2),
                (left, 43.0),
                (MEMORY, 43.0),
                (MEMORY, cross),
                (right - BOX_WIDTH / 2, cross),
            ),
        ),
        Note("memory", "memory", (left + MEMORY) / 2, 44.2),
        Note("memory", "K, V", 37.0, cross + 1.2),
        Line("flow of decoder", ((right, FIRST + 2 * STEP + 6.2), (right, LINEAR - 1.5))),
        Block("linear", "linear", right, LINEAR, height=3.0),
        Line("softmax", ((right, LINEAR + 1.5), (right, SOFTMAX - 1.5))),
        Block("softmax", "softmax", right, SOFTMAX, height=3.0),
        Line("softmax", ((right, SOFTMAX + 1.5), (right, OUTPUT - 1.1))),
        Note("probabilities", "der Hund schläft <end>", right, OUTPUT, bold=True),
        Note("probabilities", "the likeliest next tokens", right, OUTPUT + 2.1),
        Line("loss", ((edge, SOFTMAX), (LOSS, SOFTMAX), (LOSS, 53.2))),
        Block("loss", "loss", LOSS, 51.4, 9.0, 3.6),
        Line("loss", ((LOSS, 46.4), (LOSS, 49.6))),
        Note("loss", "the true\ntranslation", LOSS, 44.5),
        Line(
            "gradients",
            ((LOSS - 4.5, 51.4), (67.4, 51.4), (67.4, EMBEDDING), (edge, EMBEDDING)),
            dashed=True,
        ),
        Note("gradients", "gradients, back through every block", 68.8, 26.5, turn=90),
        Line("loop", ((right + 10, OUTPUT), (LOOP, OUTPUT), (LOOP, 3.4), (right + 10.2, 3.4))),
        Note("loop", "the chosen token goes back in", LOOP - 1.4, 26.5, turn=90),
    ]


# For each notebook: its number, the sentence beside the map, and patterns of the parts it lights.
LIT = {
    "math": (
        "01",
        "Words become vectors at the bottom.\nAt the top, scores become probabilities.",
        ["embedding of *", "linear", "softmax", "probabilities"],
    ),
    "attention": (
        "02",
        "Three boxes let words look at words.\nAll three compute the same function.",
        ["*-attention of *"],
    ),
    "heads": (
        "03",
        "The same three boxes, each split into\nheads that look at different things.",
        ["*-attention of *"],
    ),
    "encoder": (
        "04",
        "Reads the sentence and gives every word\na vector that knows the other words.",
        ["* of encoder", "memory"],
    ),
    "decoder": (
        "05",
        "Writes the translation: looks at its own\nwords so far and at the encoder's memory.",
        ["* of decoder", "memory", "linear", "softmax"],
    ),
    "training": (
        "06",
        "Probabilities meet the true translation.\nThe loss sends gradients back.",
        ["loss", "gradients", "softmax", "probabilities"],
    ),
    "inference": (
        "07",
        "The chosen token goes back in, and the\ndecoder runs again, until it says <end>.",
        ["loop", "probabilities", "tokens of decoder"],
    ),
}


def transformer_map(lit: str) -> Figure:
    """Draw the encoder–decoder Transformer with the part of one notebook lit.

    It holds what Figure 1 of Vaswani et al. (2017) holds, in a drawing of our own: the encoder on
    the left, the decoder on the right, the lines that go round each sublayer (the residuals), the
    memory that the encoder hands to the decoder, and beside them the way back: gradients in
    training, the chosen token in inference. The lit part is in a strong colour, the rest is grey.

    Args:
        lit: "math", "attention", "heads", "encoder", "decoder", "training" or "inference".

    Returns:
        The figure, 8.5 inches wide.

    Raises:
        ValueError: another name.

    Example:
        >>> transformer_map("attention");
    """
    if lit not in LIT:
        names = ", ".join(f'"{name}"' for name in LIT)
        raise ValueError(f"the map has no part {lit!r} to light: choose one of {names}")
    number, sentence, patterns = LIT[lit]

    def is_lit(part: str) -> bool:
        return any(fnmatch(part, pattern) for pattern in patterns)

    with mpl.rc_context(FONT):
        ax = page(WIDTH, HEIGHT)
        for stack, floors in (("encoder", 2), ("decoder", 3)):
            _draw_frame(ax, stack, floors, is_lit(f"frame of {stack}"))
            _draw_position(ax, stack, is_lit(f"position of {stack}"))
        for element in _elements():
            on = is_lit(element.part)
            if isinstance(element, Line):
                quiet = {"colour": QUIET_LINE, "width": 1.3, "zorder": 1.5}
                draw_line(ax, element, **({} if on else quiet))
            elif isinstance(element, Note):
                draw_note(ax, element, STRONG if on else QUIET)
            elif on and lit == "heads":
                draw_block(ax, element, rise=0.75)
                _draw_heads(ax, element)
            else:
                draw_block(ax, element, **({} if on else QUIET_BLOCK))
        ax.text(3, 64.6, f"{number} · {lit}", fontsize=19, weight="bold", color=STRONG, va="center")
        ax.text(3, 61.6, sentence, fontsize=10.5, color="#1f2933", va="top", linespacing=1.5)
    return ax.figure


def page(width: float, height: float) -> Axes:
    """White axes that fill a figure of their own; one unit is a tenth of an inch."""
    figure = plt.figure(figsize=(width / 10, height / 10), dpi=100, facecolor="white")
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    return ax


def draw_rounded(ax: Axes, x, y, width, height, *, radius: float, **style) -> None:
    """A box with round corners, centred at (x, y)."""
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={radius}",
            **style,
        )
    )


def _draw_frame(ax: Axes, stack: str, floors: int, lit: bool) -> None:
    """The card of a stack, with two more cards behind it: the layer comes N times."""
    bottom, top = 14.8, FIRST + (floors - 1) * STEP + 7.5
    x, y = STREAM[stack] + SIDE[stack] * 1.1, (bottom + top) / 2
    for behind in (2, 1, 0):
        draw_rounded(
            ax,
            x + 0.6 * behind,
            y + 0.6 * behind,
            24.6,
            top - bottom,
            radius=1.6,
            facecolor=TINT if lit else QUIET_GROUND,
            edgecolor=STRONG if lit else "#cfd5db",
            linewidth=1.2,
            zorder=0,
        )


def _draw_position(ax: Axes, stack: str, lit: bool) -> None:
    """The circle with + on the stream and the circle with a wave that is added there."""
    x, colour = STREAM[stack], STRONG if lit else QUIET_LINE
    wave = x + SIDE[stack] * 6.5
    draw_plus(ax, x, PLUS, colour)
    _draw_circle(ax, wave, PLUS, colour)
    t = np.linspace(-0.85, 0.85, 40)
    ax.plot(wave + t, PLUS + 0.55 * np.sin(t * np.pi / 0.85), color=colour, lw=1.6, zorder=4)


def _draw_circle(ax: Axes, x: float, y: float, colour: str) -> None:
    ax.add_patch(Circle((x, y), 1.2, facecolor="white", edgecolor=colour, lw=1.4, zorder=3))


def draw_plus(ax: Axes, x: float, y: float, colour: str = STRONG) -> None:
    """A circle with +: two vectors are added here."""
    _draw_circle(ax, x, y, colour)
    arm = np.array([-0.6, 0.6])
    for points in ((x + arm, y + 0 * arm), (x + 0 * arm, y + arm)):
        ax.plot(*points, color=colour, lw=1.6, zorder=4)


def draw_block(
    ax: Axes,
    block: Block,
    *,
    face: str = STRONG,
    edge: str = STRONG,
    ink: str = "white",
    weight: str = "bold",
    rise: float = -0.05,
) -> None:
    """The box and its name, which stands `rise` above the middle."""
    draw_rounded(
        ax,
        block.x,
        block.y,
        block.width,
        block.height,
        radius=0.9,
        facecolor=face,
        edgecolor=edge,
        linewidth=1.2,
        zorder=2,
        gid=block.part,
    )
    ax.text(
        block.x,
        block.y + rise,
        block.text,
        ha="center",
        va="center",
        color=ink,
        weight=weight,
        zorder=5,
    )


def _draw_heads(ax: Axes, block: Block) -> None:
    """Eight small boxes in a block."""
    for x in block.x + 2.0 * (np.arange(8) - 3.5):
        draw_rounded(ax, x, block.y - 1.15, 1.5, 1.0, radius=0.3, facecolor="white", lw=0, zorder=5)


def draw_line(
    ax: Axes, line: Line, colour: str = STRONG, width: float = 1.8, zorder: float = 2.5
) -> None:
    """The arrow, with its head at the last point."""
    style = {
        "color": colour,
        "linewidth": width,
        "joinstyle": "miter",
        "capstyle": "butt",
        "mutation_scale": 1,
        "zorder": zorder,
        "gid": line.part,
    }
    path, head = _rounded_path(line.points), "-|>,head_length=5,head_width=2.6"
    if not line.dashed:
        ax.add_patch(FancyArrowPatch(path=path, arrowstyle=head, **style))
        return
    *_, before, end = path.vertices
    stop = end + 1.2 * (before - end) / np.hypot(*(before - end))  # the head itself is solid
    shaft = Path([*path.vertices[:-1], stop], path.codes)
    ax.add_patch(FancyArrowPatch(path=shaft, arrowstyle="-", linestyle=(0, (4, 2)), **style))
    ax.add_patch(FancyArrowPatch(stop, end, arrowstyle=head, shrinkA=0, shrinkB=0, **style))


def _rounded_path(points, radius: float = 1.2) -> Path:
    """Straight pieces between the points, with every corner cut round."""
    points = np.array(points, dtype=float)
    places, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points[:-2], points[1:-1], points[2:], strict=True):
        for neighbour in (before, after):
            away = neighbour - corner
            places.append(corner + radius * away / np.hypot(*away))
            if neighbour is before:
                places.append(corner)
        codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
    return Path([*places, points[-1]], [*codes, Path.LINETO])


def draw_note(ax: Axes, note: Note, colour: str = STRONG) -> None:
    """The text, 9 pt, or 9.5 pt when it is bold."""
    ax.text(
        note.x,
        note.y,
        note.text,
        ha=note.align,
        va="center",
        rotation=note.turn,
        color=colour,
        weight="bold" if note.bold else "normal",
        zorder=5,
        fontsize=9.5 if note.bold else 9,
        linespacing=1.2,
    )

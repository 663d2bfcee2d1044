"""The pictures of the course, attention maps, curves and bars, and its one palette.

Every function returns the `Axes` or the `Figure` it drew on, never calls `plt.show()`, and leaves
matplotlib's global settings alone. In a notebook, end the cell with `plt.show()`, so that only the
picture is shown. Figures are white, so that they read the same on a light and on a dark page.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

# Choose the notebook's backend now: chosen inside the functions below, it would be forgotten when
# their rc_context ends, and only the first figure of a notebook would appear.
plt.switch_backend(plt.get_backend())

# Okabe and Ito's colours, which colour-blind readers can tell apart; neighbours in COLOURS also
# differ in lightness. The drawings in utils/figures have the same ones.
BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"
PINK, SKY, YELLOW = "#cc79a7", "#56b4e9", "#e69f00"
INK, GREY, LINE_GREY, PADDING_GREY = "#1f2933", "#616e7c", "#a7afb9", "#d3d7dc"
LIGHT_BLUE, LIGHT_ORANGE, LIGHT_GREY = "#e5f1f8", "#fbe3d3", "#f7f8fa"  # of the drawings alone
COLOURS = [BLUE, ORANGE, GREEN, PINK, SKY, YELLOW, "#000000"]
LINES = ["-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1))]
MARKERS = ["o", "s", "^", "D", "v", "p", "*"]
ALIGNMENT = "#e8590c"  # the squares: it stands out from every colour of the weights
# White at 0, then seaborn's mako, whose lightness falls evenly: dark means much.
WEIGHTS = LinearSegmentedColormap.from_list(
    "weights", ["#ffffff", *sns.color_palette("mako_r", 12).as_hex()[:-1]]
)
STYLE = {
    **{"font.family": "DejaVu Sans", "font.size": 10, "axes.titlesize": 11, "axes.titlepad": 10},
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    **{"axes.edgecolor": GREY, "axes.facecolor": "white", "axes.grid": False},
    **{"legend.frameon": False, "hatch.linewidth": 0.8},
}
LETTER = 0.086  # inches: the mean width of a letter in labels and titles
LIGHTNESS = 0.30, 0.59, 0.11  # of red, green and blue, as the eye sees them


def _array(values) -> np.ndarray:
    """Numbers from a tensor (any device or dtype, with or without gradient), array or list."""
    if hasattr(values, "detach"):
        return values.detach().cpu().double().numpy()
    if isinstance(values, (list, tuple)):
        return np.asarray([_array(value) for value in values], dtype=float)
    return np.asarray(values, dtype=float)


def checked(weights, dimensions: int, advice: str, rows, columns, padding, alignment) -> tuple:
    """What is drawn, as arrays and lists. Raises ValueError, in words, where it does not fit."""
    weights = _array(weights)
    if weights.ndim != dimensions:
        advice = advice if weights.ndim > dimensions else "weights[None] adds one"
        raise ValueError(
            f"the weights have shape {weights.shape}, that is {weights.ndim} dimensions, "
            f"but {dimensions} are needed: {advice}"
        )
    if bad := int((np.isnan(weights) | np.isposinf(weights)).sum()):
        raise ValueError(
            f"{bad} of {weights.size} weights are NaN or +infinity: look for a softmax over a row "
            "in which everything is masked"
        )
    height, width = weights.shape[-2:]
    for side, count, tokens in (("row", height, rows), ("column", width, columns)):
        if tokens is not None and len(tokens) != count:
            raise ValueError(
                f"the heatmap has {count} {side}s but {len(tokens)} {side} tokens: give one token "
                f"for each {side} of weights, special tokens and padding included (rows are the "
                "query tokens, columns the key tokens)"
            )
    padding = np.zeros(width, bool) if padding is None else _array(padding).astype(bool)
    if padding.shape != (width,):
        raise ValueError(
            f"the heatmap has {width} columns but padding has shape {padding.shape}: "
            "give one True (padding) or False for each column"
        )
    pairs = [(int(row), int(column)) for row, column in (() if alignment is None else alignment)]
    for row, column in pairs:
        if not (0 <= row < height and 0 <= column < width):
            raise ValueError(
                f"the alignment names cell ({row}, {column}) but the heatmap has {height} rows and "
                f"{width} columns: give pairs (row, column), counted from 0"
            )
    rows, columns = ([*map(_plain, side)] if side is not None else None for side in (rows, columns))
    return weights, rows, columns, padding, pairs


def _plain(label) -> str:
    return str(label).replace("$", r"\$")  # a $ would start a formula


def _figure(width: float, height: float) -> Figure:
    return plt.figure(figsize=(width, height), facecolor="white", layout="constrained")


def _laid_out(ax: Axes) -> float:
    """Let the figure keep its labels apart and on the page; return the width of ax in inches."""
    figure = ax.get_figure(root=True)
    if figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained")
    return ax.get_position().width * figure.get_figwidth()


def _wrap(title: str, inches: float) -> str:
    """The title in lines that fit the width, none with one word alone; its own breaks stay."""
    most = max(int(inches / LETTER), 20)  # letters on a line
    even = [len(line) // math.ceil((len(line) + 1) / most) + 8 for line in title.splitlines()]
    pairs = zip(title.splitlines(), even, strict=True)
    return "\n".join(textwrap.fill(line, min(letters, most)) for line, letters in pairs)


def _length(tokens: list[str] | None) -> float:
    """The inches that the longest token of an axis takes."""
    return LETTER * max(map(len, tokens or ["100"]))


def _turn_labels(axes: list[Axes]) -> None:
    """Turn the labels below the panels where some would run into each other."""
    figure = axes[0].get_figure(root=True)
    figure.draw_without_rendering()
    labels = [[label for label in ax.get_xticklabels() if label.get_visible()] for ax in axes]
    boxes = [[label.get_window_extent() for label in row] for row in labels]
    pairs = [pair for row in boxes for pair in pairwise(row)]
    if any(left.x1 + 3 > right.x0 for left, right in pairs):
        near = min(right.x0 + right.x1 - left.x0 - left.x1 for left, right in pairs) / 2
        turn = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        turn = turn if near > 0.2 * figure.dpi else {"rotation": 90}
        plt.setp([label for row in labels for label in row], **turn)


def _draw_cells(ax: Axes, weights, rows, columns, padding, pairs, annotate, norm, cmap) -> None:
    """The cells with their numbers and tokens; grey is what cannot be seen."""
    masked = np.isneginf(weights)
    seen = np.ma.masked_array(weights, masked | padding)
    lines = {"edgecolors": "#eceff2", "linewidth": 0.5} if max(weights.shape) <= 40 else {}
    mesh = ax.pcolormesh(seen, norm=norm, cmap=cmap, **lines)
    ax.invert_yaxis()
    ax.set_facecolor(PADDING_GREY)  # shows through where a cell is hidden
    ax.spines[:].set(linewidth=0.8, color=GREY)
    digits = ".0f" if np.all(seen == np.round(seen)) else ".2f"
    for (row, column), weight in np.ndenumerate(weights if annotate else []):
        if not padding[column]:
            number = "−∞" if masked[row, column] else f"{weight:{digits}}"
            ink = "white" if np.dot(mesh.cmap(norm(weight))[:3], LIGHTNESS) < 0.5 else INK
            ax.text(
                column + 0.5, row + 0.5, number, color=ink, fontsize=9, ha="center", va="center"
            )
    for column in np.flatnonzero(padding):
        grey = {"facecolor": PADDING_GREY, "edgecolor": "white", "hatch": "////", "linewidth": 0}
        ax.add_patch(Rectangle((column, 0), 1, len(weights), **grey))
    thick = 2.0 if max(weights.shape) <= 12 else 1.4
    line = {"edgecolor": ALIGNMENT, "linewidth": thick, "joinstyle": "miter", "zorder": 4}
    line["path_effects"] = [withStroke(linewidth=1.8 * thick, foreground="white")]
    for row, column in pairs:
        ax.add_patch(Rectangle((column + 0.06, row + 0.06), 0.88, 0.88, fill=False, **line))
    round_numbers = MaxNLocator(9, steps=[1, 2, 5, 10], integer=True)
    for axis, count, tokens in ((ax.yaxis, len(weights), rows), (ax.xaxis, len(padding), columns)):
        ticks = [int(tick) for tick in round_numbers.tick_values(0, count - 1) if 0 <= tick < count]
        places = range(0, count, math.ceil(count / 40)) if tokens else ticks
        labels = [tokens[place] for place in places] if tokens else ticks
        axis.set_ticks([place + 0.5 for place in places], labels)
    ax.tick_params(length=2, width=0.8, pad=3)


@mpl.rc_context(STYLE)
def heatmap(
    weights,
    rows: Sequence[str] | None,
    columns: Sequence[str] | None,
    title: str = "",
    *,
    ax: Axes | None = None,
    padding: Sequence[bool] | None = None,
    alignment: Iterable[tuple[int, int]] | None = None,
    annotate: bool | None = None,
    scale: tuple[float, float] = (0, 1),
    cmap: str | Colormap | None = None,
    xlabel: str = "keys",
    ylabel: str = "queries",
    colorbar: bool = True,
) -> Axes:
    """Draw a matrix as coloured cells: rows are queries, columns are keys, tokens on both axes.

    weights: (rows, columns) tensor, array or nested list. A cell of minus infinity (a masked score)
        is grey; numbers beyond the scale give the colour bar a pointed end.
    rows, columns: the query and the key tokens; None for a few round numbers instead.
    ax: axes to draw on; without it a figure that grows with the number of tokens is made.
    padding: (columns,) of bool, True where the column is padding: grey and hatched.
    alignment: pairs (row, column), counted from 0, that get an outlined square.
    annotate: whether to print the numbers; by default up to 8 × 8 cells, if there is room.
    scale: the numbers at the ends of the colours; (-1, 1) or another pair that is symmetric about 0
        gives two colours, with white at 0. cmap: another colour map.

    Raises ValueError when weights are no matrix or hold NaN or +infinity, and when tokens, padding
    or alignment do not fit them.

    Example:
        >>> heatmap([[0.9, 0.1], [0.4, 0.6]], ["ich", "bin"], ["I", "am"], alignment=[(0, 0)]);
    """
    advice = "pick one batch entry and one head: weights[0, h]"
    parts = checked(weights, 2, advice, rows, columns, padding, alignment)
    weights, rows, columns, *_ = parts
    norm = Normalize(*scale)
    cmap = cmap or ("RdBu_r" if math.isclose(-norm.vmin, norm.vmax) else WEIGHTS)
    if ax is None:
        cell = float(np.clip(5.6 / max(weights.shape), 0.22, 0.7))
        height, width = cell * np.array(weights.shape)
        height, width = height if rows else min(height, 4.6), width if columns else min(width, 5.6)
        title = _wrap(title, width + 1)
        below = _length(columns) if _length(columns) > cell else 0.2
        size = width + _length(rows) + 1.2, height + 0.7 * below + 0.7 + title.count("\n") / 5
        ax = _figure(*size).add_subplot()
    else:
        width = _laid_out(ax)
        title = _wrap(title, width + 0.2)
    if annotate is None:
        annotate = max(weights.shape) <= 8 and width / weights.shape[1] >= 0.34
    _draw_cells(ax, *parts, annotate, norm, cmap)
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if colorbar:
        finite, slack = weights[np.isfinite(weights)], 0.005 * (norm.vmax - norm.vmin)  # rounding
        low, high = (finite < norm.vmin - slack).any(), (finite > norm.vmax + slack).any()
        extend = ("neither", "min", "max", "both")[low + 2 * high]
        side = ax.inset_axes((1 + 0.14 / width, 0, 0.14 / width, 1))
        ax.figure.colorbar(ScalarMappable(norm, cmap), cax=side, extend=extend)
    _turn_labels([ax])
    return ax


@mpl.rc_context(STYLE)
def head_grid(
    weights,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str = "",
    *,
    names: Sequence[str] | None = None,
    padding: Sequence[bool] | None = None,
    alignment: Iterable[tuple[int, int]] | None = None,
) -> Figure:
    """Draw one heatmap a head, at most four side by side, on one colour scale from 0 to 1.

    weights: (heads, rows, columns) tensor, array or nested list.
    names: one title a panel; by default "head 0", "head 1", …
    rows, columns, padding, alignment: as for `heatmap`; the tokens stand at the outer panels.

    Raises ValueError as `heatmap` does, and for a wrong number of names.
    """
    advice = "pick one batch entry and keep its heads: weights[0]"
    weights, *same = checked(weights, 3, advice, rows, columns, padding, alignment)
    (heads, *shape), (rows, columns, *_) = weights.shape, same
    names = [f"head {h}" for h in range(heads)] if names is None else list(names)
    if len(names) != heads:
        raise ValueError(f"the weights have {heads} heads but {len(names)} names: give one a head")

    down = math.ceil(heads / 4)
    across = math.ceil(heads / down)  # six heads are 3 + 3, not 4 + 2
    cell = float(np.clip((2.8 if heads < 3 else 1.9) / max(shape), 0.15, 0.5))
    below = _length(columns) * (1 + (heads % across > 0))  # a gap below leaves labels above it
    width = across * (cell * shape[1] + 0.15) + _length(rows) + 1.1
    figure = _figure(width, down * (cell * shape[0] + 0.4) + below + 0.9)
    norm, panels = Normalize(0, 1), []
    for h in range(heads):
        ax = figure.add_subplot(down, across, h + 1, title=names[h])
        _draw_cells(ax, weights[h], *same, False, norm, WEIGHTS)
        left, last = h % across == 0, h + across >= heads
        ax.set(xlabel="keys" * last, ylabel="queries" * left)
        ax.tick_params(labelleft=left, labelbottom=last, labelsize=10 if cell >= 0.22 else 8)
        panels.append(ax)
    figure.colorbar(ScalarMappable(norm, WEIGHTS), ax=panels, fraction=0.02, aspect=40)
    figure.suptitle(_wrap(title, width / 1.1), fontsize=12)
    _turn_labels(panels)
    return figure


@mpl.rc_context(STYLE)
def curves(
    series: Mapping[str, Sequence],
    *,
    x: Sequence[float] | None = None,
    xlabel: str,
    ylabel: str,
    title: str,
    ax: Axes | None = None,
    log: bool = False,
) -> Axes:
    """Draw lines that differ in colour, stroke and marker, named beside the picture.

    series: {"label": (points,) numbers}, or (runs, points): their mean, and shaded what lies
        between the lowest and the highest run. One series needs no name in the picture.
    x: (points,) positions shared by all series; by default 0, 1, 2, …
    ax: axes to draw on; without it a new figure is made.
    log: whether the y axis is logarithmic.

    Raises ValueError when there is no series, when a number of points differs from x's, and for 0
    or less on a logarithmic axis.
    """
    if not isinstance(series, Mapping) or not series:
        raise ValueError("there is no series to draw: give a dictionary {label: numbers}")
    series = {label: _array(values) for label, values in series.items()}
    for label, values in series.items():
        if values.ndim not in (1, 2) or (x is not None and values.shape[-1] != len(x)):
            wanted = "one or two dimensions" if x is None else f"{len(x)} points, one for each x"
            raise ValueError(f"series {label!r} has shape {values.shape}: it needs {wanted}")
        if log and (values <= 0).any():
            raise ValueError(f"series {label!r} has numbers of 0 or less: draw it with log=False")

    ax = ax or _figure(7.0, 3.8).add_subplot()
    for n, (label, values) in enumerate(series.items()):
        runs = np.atleast_2d(values)  # (runs, points)
        places = np.arange(runs.shape[1]) if x is None else _array(x)
        every = max(len(places) // 8, 1)
        start = n * every // len(series)  # markers of neighbours do not sit on each other
        look = {"color": COLOURS[n % 7], "linestyle": LINES[n % 7], "marker": MARKERS[n % 7]}
        look |= {"lw": 2, "ms": 6, "mec": "white", "mew": 0.8, "markevery": (start, every)}
        ax.plot(places, runs.mean(axis=0), label=label, **look)
        if len(runs) > 1:
            edges = runs.min(axis=0), runs.max(axis=0)
            ax.fill_between(places, *edges, color=look["color"], alpha=0.18, lw=0)
    if log:
        ax.set_yscale("log")
    if x is None or np.all(_array(x) == np.round(_array(x))):
        ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
    if len(series) > 1:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), handlelength=3.2, borderaxespad=0)
    return _framed(ax, xlabel, ylabel, title)


@mpl.rc_context(STYLE)
def bars(
    values: Sequence[float],
    labels: Sequence[str],
    *,
    errors: Sequence[float] | None = None,
    ylabel: str,
    title: str,
    ax: Axes | None = None,
) -> Axes:
    """Draw one bar a value, with the value written on it.

    values: (bars,) numbers. labels: one name a bar. errors: (bars,) half lengths of error bars.
    ax: as for `curves`.

    Raises ValueError when there is another number of labels or errors than of values.
    """
    values, labels = _array(values), [_plain(label) for label in labels]
    errors = None if errors is None else _array(errors)
    for name, others in (("labels", labels), ("errors", errors)):
        if others is not None and len(others) != len(values):
            raise ValueError(
                f"there are {len(values)} values but {len(others)} {name}: give one for each value"
            )
    ax = ax or _figure(float(np.clip(0.9 * len(values) + 1.4, 4.5, 9.0)), 3.8).add_subplot()
    places, look = range(len(values)), {"ecolor": INK, "elinewidth": 1.5, "capsize": 5}
    drawn = ax.bar(places, values, 0.62, color=BLUE, yerr=errors, error_kw=look)
    ax.bar_label(drawn, labels=[_short(value) for value in values], padding=4)
    ax.margins(y=0.14)
    ax.set_xticks(places, labels)
    ax.tick_params(axis="x", length=0)
    _framed(ax, "", ylabel, title)
    _turn_labels([ax])
    return ax


@mpl.rc_context(STYLE)
def dots(
    rows: Mapping[str, Sequence[float]],
    *,
    beside: str | None = None,
    xlabel: str,
    title: str,
    ax: Axes | None = None,
) -> Axes:
    """Draw each row's values as dots on a line of its own, with their mean at its end.

    rows: {"label": (values,) numbers}, from the top down. ax: as for `curves`.
    beside: the row whose spread is shaded behind all of them.

    Raises ValueError when there is no row, an empty one, or none called as `beside` has it.
    """
    values = {label: _array(row) for label, row in rows.items()}
    if empty := [label for label, row in values.items() if not row.size] or not values:
        raise ValueError(f"there is nothing to draw in {empty if values else 'rows'}")
    if beside is not None and beside not in values:
        raise ValueError(f"beside names {beside!r}, but the rows are {[*values]}")
    ax = ax or _figure(6.0, 0.3 * len(values) + 1.2).add_subplot()
    if beside is not None:
        ax.axvspan(values[beside].min(), values[beside].max(), color=PADDING_GREY, alpha=0.6, lw=0)
    for place, row in enumerate(values.values()):
        ax.plot(row, [place] * len(row), "o", color=BLUE, ms=6, mec="white", mew=0.6, alpha=0.85)
        end = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": 9}
        ax.text(1.02, place, f"{row.mean():.2f}", **end)
    ax.set_yticks(range(len(values)), [_plain(label) for label in values])
    ax.set_ylim(len(values) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    return _framed(ax, xlabel, "", title)


@mpl.rc_context(STYLE)
def branches(
    tree: Mapping[tuple, Mapping[str, float]],
    best: tuple,
    kept: Iterable[tuple],
    title: str,
) -> Axes:
    """Draw what may be written, word by word: thick branches are likely, each leaf has its product.

    tree: {beginning: {next word: probability}}; () is the start, ("a",) follows it by a word.
    best: the path to draw in orange. kept: paths to draw in blue; the others are grey.
    """
    leaves = [(*path, word) for path, words in tree.items() for word in words]
    leaves = [path for path in leaves if path not in tree]
    paths = [path[:n] for path in leaves for n in range(len(path) + 1)]  # with their beginnings
    rows = {p: [n for n, leaf in enumerate(leaves) if leaf[: len(p)] == p] for p in paths}
    places = {path: (len(path), -sum(under) / len(under)) for path, under in rows.items()}
    ax = _figure(8.0, 0.5 * len(leaves) + 0.4).add_subplot()
    ax.text(*places[()], "<start>  ", ha="right", va="center")
    kept, box = {*kept}, {"facecolor": "white", "edgecolor": "none", "pad": 1}
    for path, (x, y) in places.items():
        if not path:
            continue
        p, (x0, y0) = tree[path[:-1]][path[-1]], places[path[:-1]]
        ink = ORANGE if path == best[: len(path)] else BLUE if path in kept else GREY
        ax.plot((x0, x), (y0, y), color=ink, lw=1 + 6 * p, zorder=1, solid_capstyle="round")
        middle = {"color": ink, "ha": "center", "va": "center", "bbox": box}
        ax.text((x0 + x) / 2, (y0 + y) / 2, f"{p:.2f}", **middle)
        steps = [tree[path[:n]][path[n]] for n in range(len(path))]
        name = _plain(path[-1]) + (f" = {math.prod(steps):.3f}" if path not in tree else "")
        ax.text(x + 0.03, y + 0.45 * (path in tree), name, color=ink, va="center")
    ax.set(xlim=(-0.35, max(map(len, leaves)) + 0.6), title=_wrap(title, 8.0))
    ax.axis("off")
    return ax


def _framed(ax: Axes, xlabel: str, ylabel: str, title: str) -> Axes:
    """What curves, bars and dots share: their names, an open frame, level lines."""
    ax.set(xlabel=xlabel, ylabel=ylabel, title=_wrap(title, _laid_out(ax) + 0.2))
    ax.tick_params(which="minor", length=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    ax.set_axisbelow(True)
    return ax


def _short(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"

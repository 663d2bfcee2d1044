"""The pictures of the course: attention maps, curves, bars and the map of the architecture.

Every function returns the `Axes` or the `Figure` it drew on, never calls `plt.show()`, and leaves
matplotlib's global settings alone. In a notebook, end the cell with `plt.show()`, so that only the
picture is shown. Figures are white, so that they read the same on a light and on a dark page.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from utils.architecture import transformer_map

# Choose the notebook's backend now: chosen inside the functions below, it would be forgotten when
# their rc_context ends, and only the first figure of a notebook would appear.
plt.switch_backend(plt.get_backend())

__all__ = ["LiveCurves", "bars", "curves", "head_grid", "heatmap", "transformer_map"]

INK, GREY, PADDING_GREY = "#1f2933", "#616e7c", "#d3d7dc"
ALIGNMENT = "#e8590c"
# Okabe and Ito's colours, ordered so that neighbours also differ in lightness.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000"]
LINES = ["-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1))]
MARKERS = ["o", "s", "^", "D", "v", "p", "*"]
# White at 0, then seaborn's mako, whose lightness falls evenly: dark means much.
WEIGHTS = LinearSegmentedColormap.from_list(
    "weights", ["#ffffff", *sns.color_palette("mako_r", 12).as_hex()[:-1]]
)

STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.facecolor": "white",
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "axes.grid": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.frameon": False,
    "hatch.linewidth": 0.8,
}


def _array(values) -> np.ndarray:
    """Numbers from a tensor (any device or dtype, with or without gradient), array or list."""
    if hasattr(values, "detach"):
        return values.detach().cpu().double().numpy()
    if isinstance(values, (list, tuple)):
        return np.asarray([_array(value) for value in values], dtype=float)
    return np.asarray(values, dtype=float)


def _check_numbers(values: np.ndarray, dimensions: int, advice: str) -> None:
    if values.ndim < dimensions:
        advice = "add a dimension of length 1: weights[None]"
    if values.ndim != dimensions:
        raise ValueError(
            f"the weights have shape {values.shape}, that is {values.ndim} dimensions, "
            f"but {dimensions} are needed: {advice}"
        )
    if values.size == 0:
        raise ValueError(f"the weights have shape {values.shape}: there is nothing to draw")
    if np.isnan(values).any() or np.isposinf(values).any():
        raise ValueError(
            f"{int((np.isnan(values) | np.isposinf(values)).sum())} of {values.size} weights are "
            "NaN or +infinity: look for a softmax over a row in which everything is masked"
        )


def _check_tokens(count: int, tokens: Sequence[str] | None, side: str) -> list[str] | None:
    if tokens is None:
        return None
    tokens = [str(token).replace("$", r"\$") for token in tokens]  # a $ would start a formula
    if len(tokens) != count:
        meaning = "query" if side == "row" else "key"
        raise ValueError(
            f"the heatmap has {count} {side}s but {len(tokens)} {side} tokens: give one token "
            f"for each {side} of weights ({side}s are the {meaning} tokens), special tokens and "
            f"padding included"
        )
    return tokens


def _check_overlays(shape, padding, alignment) -> tuple[np.ndarray, list[tuple[int, int]]]:
    rows, columns = shape
    padding = np.zeros(columns, bool) if padding is None else _array(padding).astype(bool)
    if padding.shape != (columns,):
        raise ValueError(
            f"the heatmap has {columns} columns but padding has shape {padding.shape}: "
            "give one True (padding) or False for each column"
        )
    pairs = [(int(row), int(column)) for row, column in (() if alignment is None else alignment)]
    for row, column in pairs:
        if not (0 <= row < rows and 0 <= column < columns):
            raise ValueError(
                f"the alignment names cell ({row}, {column}) but the heatmap has {rows} rows and "
                f"{columns} columns: give pairs (row, column), counted from 0"
            )
    return padding, pairs


def _laid_out(ax: Axes) -> Axes:
    """The axes, in a figure that keeps its labels apart and inside the page."""
    figure = ax.get_figure(root=True)
    if figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    return ax


def _bare_figure(width: float, height: float) -> Figure:
    """A white figure; for axes that fill it, `_fit` adds the room for their labels."""
    return plt.figure(figsize=(width, height), dpi=100, facecolor="white")


def _fit(figure: Figure, margin: float = 0.12) -> None:
    """Make the figure as large as all it holds; every axes keeps its size in inches."""
    box, old = figure.get_tightbbox(), figure.get_size_inches()
    corner, new = box.min - margin, box.size + 2 * margin
    places = [(ax, ax.get_position()) for ax in figure.axes]
    for text in figure.texts:
        text.set_position((np.array(text.get_position()) * old - corner) / new)
    for ax, place in places:
        ax.set_position([*((place.min * old - corner) / new), *(place.size * old / new)])
    figure.set_size_inches(new)


def _lines(text: str, inches: float, size: float) -> str:
    """The text broken into lines that fit the width, as even as they can be."""
    most = max(int(inches * 72 / (0.56 * size)), 14)

    def wrap(letters: int) -> list[str]:
        options = {"break_long_words": False, "break_on_hyphens": False}
        return [
            piece for line in text.splitlines() for piece in textwrap.wrap(line, letters, **options)
        ]

    fits = [letters for letters in range(1, most + 1) if len(wrap(letters)) <= len(wrap(most))]
    return "\n".join(wrap(min(fits)))


def _title(ax: Axes, title: str, inches: float | None = None) -> None:
    if inches is None:  # the room that the axes have in the figure
        grid, figure = ax.get_subplotspec(), ax.get_figure(root=True)
        place = grid.get_position(figure) if grid else ax.get_position()
        inches = place.width * figure.get_figwidth() + 0.2
    ax.set_title(_lines(title, inches, mpl.rcParams["axes.titlesize"]), pad=10)


def _colours(scale: tuple[float, float], cmap: str | Colormap | None):
    low, high = scale
    if not low < high:
        raise ValueError(f"the scale is ({low}, {high}): give (low, high) with low below high")
    if cmap is None:
        cmap = "RdBu_r" if math.isclose(-low, high) else WEIGHTS
    return cmap, Normalize(low, high)


def _tick_places(count: int, tokens: list[str] | None) -> list[int]:
    """Every token if there is room, else every n-th; without tokens, a few round numbers."""
    if tokens is not None:
        return list(range(0, count, math.ceil(count / 40)))
    steps = (round_number * 10**power for power in range(9) for round_number in (1, 2, 5))
    step = next(step for step in steps if count / step <= 10)
    return list(range(0, count, step))


def _label_ticks(ax: Axes, rows, columns, shape, cell: float, padding) -> None:
    """Tokens (or numbers) at the middle of their cells; columns turned when they are too wide."""
    places = _tick_places(shape[0], rows)
    ax.set_yticks([p + 0.5 for p in places], [rows[p] if rows else p for p in places], rotation=0)
    places = _tick_places(shape[1], columns)
    labels = [columns[p] if columns else str(p) for p in places]
    room = cell * (places[1] if len(places) > 1 else 1)  # inches from one label to the next
    size = 10 if room >= 0.22 else 8
    turn = {"rotation": 0, "ha": "center"}
    if max(map(len, labels)) * 0.62 * size / 72 > room - 0.06:
        turn = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    if turn["rotation"] and room < 0.2:
        turn = {"rotation": 90, "ha": "center"}
    ax.set_xticks([place + 0.5 for place in places], labels, **turn)
    ax.tick_params(length=2, width=0.8, pad=3, labelsize=size)
    for place, label in zip(places, ax.get_xticklabels(), strict=True):
        label.set_color("#7b8794" if padding[place] else INK)


def _cells(ax: Axes, weights, padding, pairs, *, annotate: bool, colours, cell: float) -> None:
    """The cells, their numbers, the grey of what is masked, the hatched padding, the squares."""
    cmap, norm = colours
    hidden = np.isneginf(weights) | padding
    whole = bool(np.all(weights[~hidden] == np.round(weights[~hidden])))
    ax.set_facecolor(PADDING_GREY)  # shows through where a cell is hidden
    sns.heatmap(
        np.where(hidden, 0.0, weights),
        mask=hidden,
        cmap=cmap,
        norm=norm,
        annot=annotate,
        fmt=".0f" if whole else ".2f",
        annot_kws={"fontsize": 9 if cell >= 0.4 else 8},
        cbar=False,
        linewidths=0.5 if max(weights.shape) <= 40 else 0,
        linecolor="#eceff2",
        xticklabels=False,
        yticklabels=False,
        ax=ax,
    )
    if annotate:
        for row, column in np.argwhere(np.isneginf(weights) & ~padding):
            ax.text(column + 0.5, row + 0.5, "−∞", ha="center", va="center", color=GREY)
    for column in np.flatnonzero(padding):
        ax.add_patch(
            Rectangle(
                (column, 0),
                1,
                len(weights),
                facecolor=PADDING_GREY,
                edgecolor="white",
                hatch="////",
                linewidth=0,
                gid="padding",
            )
        )
    line = 2.0 if cell >= 0.22 else 1.4
    for row, column in pairs:
        ax.add_patch(
            Rectangle(
                (column + 0.06, row + 0.06),
                0.88,
                0.88,
                fill=False,
                edgecolor=ALIGNMENT,
                linewidth=line,
                joinstyle="miter",
                gid="alignment",
                zorder=4,
                path_effects=[withStroke(linewidth=1.8 * line, foreground="white")],
            )
        )
    for spine in ax.spines.values():
        spine.set(visible=True, linewidth=0.8, color=GREY)


def _extend(weights: np.ndarray, norm: Normalize) -> str:
    """Which ends of the colour bar need an arrow because numbers lie beyond the scale."""
    slack = 0.005 * (norm.vmax - norm.vmin)  # rounding in half precision is no news
    below = bool((weights[np.isfinite(weights)] < norm.vmin - slack).any())
    above = bool((weights > norm.vmax + slack).any())
    return {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]


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

    Args:
        weights: (rows, columns) tensor, array or nested list. A cell of minus infinity (a masked
            score) is drawn grey; numbers beyond the scale give the colour bar a pointed end.
        rows: the query tokens, top to bottom; None for sparse numbers instead.
        columns: the key tokens, left to right; None for sparse numbers instead.
        title: what there is to see.
        ax: axes to draw on; without it a figure that grows with the number of tokens is made.
        padding: (columns,) of bool, True where the column is padding: drawn grey and hatched.
        alignment: pairs (row, column), counted from 0, that get an outlined square.
        annotate: whether to print the numbers; by default up to 8 × 8 cells, if there is room.
        scale: the numbers at the two ends of the colours. Symmetric about 0, as (-1, 1), it gives
            a map with two colours and white at 0.
        cmap: another colour map.
        xlabel, ylabel: the names of the axes.
        colorbar: whether to draw the colour bar.

    Returns:
        The axes.

    Raises:
        ValueError: weights that are not a matrix, or hold NaN or +infinity; another number of
            tokens than of rows or columns; padding of the wrong length; an alignment that points
            outside; a scale whose ends are not in order.

    Example:
        >>> heatmap([[0.9, 0.1], [0.4, 0.6]], ["ich", "bin"], ["I", "am"], alignment=[(0, 0)]);
    """
    weights = _array(weights)
    advice = "pick one batch entry and one head: weights[0, h]"
    _check_numbers(weights, 2, advice)
    rows = _check_tokens(weights.shape[0], rows, "row")
    columns = _check_tokens(weights.shape[1], columns, "column")
    padding, pairs = _check_overlays(weights.shape, padding, alignment)
    colours = _colours(scale, cmap)
    owns_figure = ax is None
    if owns_figure:
        cell, width, height = _size(weights.shape, rows, columns)
        ax = _bare_figure(width, height).add_axes((0, 0, 1, 1))
    else:
        ax = _laid_out(ax)
        width = ax.get_position().width * ax.get_figure(root=True).get_figwidth()
        cell = width / weights.shape[1]
    if annotate is None:
        annotate = bool(max(weights.shape) <= 8 and cell >= 0.34)
    _cells(ax, weights, padding, pairs, annotate=annotate, colours=colours, cell=cell)
    _label_ticks(ax, rows, columns, weights.shape, width / weights.shape[1], padding)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    _title(ax, title, width + 1.2 if owns_figure else None)
    if colorbar:
        cax = ax.inset_axes((1 + 0.14 / width, 0, 0.14 / width, 1))
        cmap, norm = colours
        bar = ax.figure.colorbar(ScalarMappable(norm, cmap), cax=cax, extend=_extend(weights, norm))
        _tidy(bar)
    if owns_figure:
        _fit(ax.figure)
    return ax


def _size(shape, rows, columns) -> tuple[float, float, float]:
    """Inches of one cell and of the whole: square cells for tokens, fine ones for long axes."""
    long = [tokens is None and n > 24 for n, tokens in zip(shape, (rows, columns), strict=True)]
    most = max((n for n, is_long in zip(shape, long, strict=True) if not is_long), default=1)
    cell = float(np.clip(5.6 / most, 0.22, 0.7))
    fine = np.clip(np.array(shape) * (0.05, 0.09), 2.4, (4.6, 6.2))
    height, width = np.where(long, fine, cell * np.array(shape))
    return cell, float(width), float(height)


def _tidy(bar) -> None:
    bar.outline.set(linewidth=0.8, edgecolor=GREY)
    bar.ax.tick_params(labelsize=9, length=2)


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
    columns_per_row: int = 4,
) -> Figure:
    """Draw one heatmap a head, side by side, on one colour scale from 0 to 1.

    Args:
        weights: (heads, rows, columns) tensor, array or nested list.
        rows, columns: the query and the key tokens, as for `heatmap`; written on the outer panels.
        title: what there is to see.
        names: one title a panel; by default "head 0", "head 1", …
        padding: (columns,) of bool, True where the column is padding.
        alignment: pairs (row, column) that get an outlined square in every panel.
        columns_per_row: how many panels may stand side by side.

    Returns:
        The figure.

    Raises:
        ValueError: weights that are not (heads, rows, columns), a wrong number of names, and all
            that `heatmap` raises.

    Example:
        >>> head_grid(torch.eye(3).expand(4, 3, 3), list("abc"), list("abc"), "Four copies");
    """
    weights = _array(weights)
    _check_numbers(weights, 3, "pick one batch entry and keep its heads: weights[0]")
    heads, *shape = weights.shape
    rows = _check_tokens(shape[0], rows, "row")
    columns = _check_tokens(shape[1], columns, "column")
    padding, pairs = _check_overlays(shape, padding, alignment)
    names = [f"head {h}" for h in range(heads)] if names is None else list(names)
    if len(names) != heads:
        raise ValueError(f"the weights have {heads} heads but {len(names)} names: give one a head")

    down = math.ceil(heads / columns_per_row)
    across = math.ceil(heads / down)  # six heads are 3 + 3, not 4 + 2
    cell = float(np.clip((2.8 if heads < 3 else 1.9) / max(shape), 0.15, 0.5))
    panel = np.array([cell * shape[1], cell * shape[0]])  # width and height in inches
    step = panel + (0.2, 0.45)
    width, height = step * (across, down) - (0.2, 0.45)
    figure = _bare_figure(width, height)
    colours = _colours((0, 1), None)
    for h in range(heads):
        column, row = h % across, h // across
        corner = (column * step[0], height - panel[1] - row * step[1])
        ax = figure.add_axes((*(corner / figure.get_size_inches()), *(panel / (width, height))))
        _cells(ax, weights[h], padding, pairs, annotate=False, colours=colours, cell=cell)
        _label_ticks(ax, rows, columns, shape, cell, padding)
        ax.set_title(names[h], fontsize=10, pad=5)
        outer_left, outer_below = column == 0, h + across >= heads
        ax.tick_params(labelleft=outer_left, labelbottom=outer_below)
        ax.set(xlabel="keys" if outer_below else "", ylabel="queries" if outer_left else "")
    cax = figure.add_axes((1 + 0.2 / width, 0, 0.14 / width, 1))
    _tidy(figure.colorbar(ScalarMappable(colours[1], colours[0]), cax=cax))
    heading = _lines(title, width + 1.2, 12)
    figure.suptitle(heading, x=0.5, y=1 + 0.38 / height, va="bottom", fontsize=12)
    _fit(figure)
    return figure


@mpl.rc_context(STYLE)
def curves(
    series: Mapping[str, Sequence[float]],
    *,
    x: Sequence[float] | None = None,
    xlabel: str,
    ylabel: str,
    title: str,
    ax: Axes | None = None,
    log: bool = False,
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
) -> Axes:
    """Draw lines that differ in colour, stroke and marker, named beside the picture.

    Args:
        series: {"label": (points,) numbers}. One series needs no name in the picture.
        x: (points,) positions shared by all series; by default 0, 1, 2, …
        xlabel, ylabel: the names of the axes.
        title: what there is to see.
        ax: axes to draw on; without it a new figure is made.
        log: whether the y axis is logarithmic.
        bands: {"label": (lower, upper)}, each (points,): shaded around the line of that label.

    Returns:
        The axes.

    Raises:
        ValueError: no series; a number of points that differs from x's or from the band's; a band
            for a label that is not there; numbers of 0 or less on a logarithmic axis.

    Example:
        >>> curves({"loss": [3, 2, 1.5]}, xlabel="epoch", ylabel="loss", title="It learns");
    """
    if not isinstance(series, Mapping) or not series:
        raise ValueError("there is no series to draw: give a dictionary {label: numbers}")
    series = {label: _array(values) for label, values in series.items()}
    bands = {label: _array(edges) for label, edges in (bands or {}).items()}
    if unknown := sorted(set(bands) - set(series)):
        raise ValueError(f"bands names {unknown}, but the series are {sorted(series)}")
    for label, values in series.items():
        if values.ndim != 1 or (x is not None and len(values) != len(x)):
            wanted = "one dimension" if x is None else f"{len(x)} points, one for each x"
            raise ValueError(f"series {label!r} has shape {values.shape}: it needs {wanted}")
        if label in bands and bands[label].shape != (2, len(values)):
            raise ValueError(
                f"the band of {label!r} has shape {bands[label].shape}: give (lower, upper), "
                f"each with {len(values)} points"
            )
        if log and (values <= 0).any():
            raise ValueError(f"series {label!r} has numbers of 0 or less: draw it with log=False")

    ax = _laid_out(ax or _bare_figure(7.0, 3.8).add_subplot())
    for n, (label, values) in enumerate(series.items()):
        places = np.arange(len(values)) if x is None else _array(x)
        every = max(len(values) // 8, 1)
        style = {"color": COLOURS[n % 7], "linestyle": LINES[n % 7], "marker": MARKERS[n % 7]}
        start = n * every // len(series)  # markers of neighbours do not sit on each other
        ax.plot(
            places,
            values,
            label=label,
            lw=2,
            ms=6,
            mec="white",
            mew=0.8,
            markevery=(start, every),
            **style,
        )
        if label in bands:
            ax.fill_between(places, *bands[label], color=style["color"], alpha=0.18, lw=0)
    if log:
        ax.set_yscale("log")
    if x is None or np.all(_array(x) == np.round(_array(x))):
        ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10], integer=True))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    _title(ax, title)
    _open_frame(ax)
    if len(series) > 1:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), handlelength=3.2, borderaxespad=0)
    return ax


class LiveCurves:
    """One picture that grows while a training runs: hand it a row of numbers after each epoch.

    Each row redraws the picture in its place, in Jupyter and in Colab; the last one stays.

    Args:
        panels: {"what a panel shows": the keys of the rows that are drawn in it}.
        xlabel: what one row stands for.

    Example:
        >>> live = LiveCurves({"nats a token": ["validation loss"], "BLEU": ["validation BLEU"]})
        >>> live.add({"validation loss": 2.5, "validation BLEU": 12.0})
    """

    def __init__(self, panels: Mapping[str, Sequence[str]], xlabel: str = "epoch") -> None:
        if not panels or not all(panels.values()):
            raise ValueError("there is nothing to draw: give {panel: names of its curves}")
        self.panels, self.xlabel, self.rows, self.shown = dict(panels), xlabel, [], None

    def add(self, row: Mapping[str, float]) -> None:
        """Draw the picture with one more row. Raises ValueError when the row lacks a number."""
        missing = [name for names in self.panels.values() for name in names if name not in row]
        if missing:
            raise ValueError(f"the row has no {missing}, only {sorted(row)}")
        self.rows.append(dict(row))
        figure = self.draw()
        if self.shown is None:
            self.shown = display(figure, display_id=True)
        else:
            self.shown.update(figure)
        plt.close(figure)  # or the notebook would show it once more at the end of the cell

    def draw(self) -> Figure:
        """The picture of all rows so far."""
        figure = _bare_figure(4.4 * len(self.panels), 3.2)
        axes = np.atleast_1d(figure.subplots(1, len(self.panels)))
        x = list(range(1, len(self.rows) + 1))
        for ax, (ylabel, names) in zip(axes, self.panels.items(), strict=True):
            series = {name: [row[name] for row in self.rows] for name in names}
            latest = ", ".join(f"{name} {_short(values[-1])}" for name, values in series.items())
            title = f"{self.xlabel} {len(self.rows)}: {latest}"
            curves(series, x=x, xlabel=self.xlabel, ylabel=ylabel, title=title, ax=ax)
        return figure


@mpl.rc_context(STYLE)
def bars(
    values: Sequence[float],
    labels: Sequence[str],
    *,
    errors: Sequence[float] | None = None,
    xlabel: str = "",
    ylabel: str,
    title: str,
    ax: Axes | None = None,
    log: bool = False,
) -> Axes:
    """Draw one bar a value, with the value written on it.

    Args:
        values: (bars,) numbers.
        labels: one name a bar.
        errors: (bars,) half lengths of the error bars.
        xlabel, ylabel: the names of the axes.
        title: what there is to see.
        ax: axes to draw on; without it a new figure is made.
        log: whether the y axis is logarithmic.

    Returns:
        The axes.

    Raises:
        ValueError: another number of labels or errors than of values; numbers of 0 or less on a
            logarithmic axis.

    Example:
        >>> bars([0.27, 0.95], ["1", "512"], xlabel="d", ylabel="top weight", title="It sharpens");
    """
    values = _array(values)
    errors = None if errors is None else _array(errors)
    labels = [str(label).replace("$", r"\$") for label in labels]
    for name, others in (("labels", labels), ("errors", errors)):
        if others is not None and len(others) != len(values):
            raise ValueError(
                f"there are {len(values)} values but {len(others)} {name}: give one for each value"
            )
    if log and (values <= 0).any():
        raise ValueError("there are values of 0 or less: draw them with log=False")
    width = float(np.clip(0.9 * len(values) + 1.4, 4.5, 9.0))
    ax = _laid_out(ax or _bare_figure(width, 3.8).add_subplot())
    drawn = ax.bar(
        range(len(values)),
        values,
        width=0.62,
        color=COLOURS[0],
        yerr=errors,
        log=log,
        error_kw={"ecolor": INK, "elinewidth": 1.5, "capsize": 5},
    )
    ax.bar_label(drawn, labels=[_short(value) for value in values], padding=4, fontsize=10)
    ax.margins(y=0.14)
    turned = max(map(len, labels)) * 0.62 * 10 / 72 > 0.78 * (width - 0.9) / len(values)
    turn = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if turned else {}
    ax.set_xticks(range(len(values)), labels, **turn)
    ax.tick_params(axis="x", length=0)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    _title(ax, title)
    _open_frame(ax)
    return ax


def _short(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def _open_frame(ax: Axes) -> None:
    ax.tick_params(which="minor", length=0)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    ax.set_axisbelow(True)

"""The attention explorer: menus for sentence, kind, layer and head over one attention map.

It knows no model. The caller hands in a function that turns a sentence into `Maps`; the explorer
draws them as an HTML table, so that a change of the menu needs no new figure, and a pointer on a
cell reads its weight at once.
"""

import base64
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_hex

from utils.plots import ALIGNMENT, GREY, INK, WEIGHTS, _array, _check_overlays, head_grid, heatmap
from utils.sliders import VIEW

MEAN, ALL = "mean of all heads", "all heads, side by side"
LONGEST = 60  # tokens a side: a larger table is slow in the browser, and nobody can read it
KEYS, QUERIES = "columns: the keys, what is looked at", "rows: the queries, who looks"


@dataclass
class Maps:
    """The attention of one kind in every layer and head, for one sentence.

    weights: (layers, heads, queries, keys) tensor, array or nested list; a row sums to 1.
    rows, columns: the query and the key tokens.
    alignment: pairs (row, column), counted from 0, that get an outlined cell.
    note: a line above the picture, for example the sentence and its translation.

    Raises ValueError when the weights have another shape, are no finite numbers, do not fit the
    tokens or the alignment, or have more than LONGEST rows or columns.
    """

    weights: Any
    rows: Sequence[str]
    columns: Sequence[str]
    alignment: Iterable[tuple[int, int]] = ()
    note: str = ""

    def __post_init__(self) -> None:
        self.weights = _array(self.weights)  # (layers, heads, queries, keys)
        self.rows, self.columns = list(map(str, self.rows)), list(map(str, self.columns))
        shape = self.weights.shape
        if len(shape) != 4 or 0 in shape:
            raise ValueError(f"weights must be (layers, heads, queries, keys), not {shape}")
        if shape[2:] != (len(self.rows), len(self.columns)):
            raise ValueError(
                f"the maps have {shape[2]} rows and {shape[3]} columns, but there are "
                f"{len(self.rows)} row tokens and {len(self.columns)} column tokens"
            )
        if max(shape[2:]) > LONGEST:
            raise ValueError(
                f"the map would have {shape[2]} rows and {shape[3]} columns; at most {LONGEST} can "
                "be read: choose a shorter sentence"
            )
        if not np.isfinite(self.weights).all():
            raise ValueError("there are weights that are no finite numbers")
        _, self.alignment = _check_overlays(shape[2:], None, self.alignment)

    def of(self, layer: int, head: int | str) -> np.ndarray:
        """(queries, keys) of one head, or of MEAN; of ALL: (heads, queries, keys)."""
        weights = self.weights[layer]  # (heads, queries, keys)
        return weights.mean(0) if head == MEAN else weights if head == ALL else weights[head]


def explore(
    maps_of: Callable[[str], dict[str, Maps]],
    sentences: Sequence[str],
    kind: str | None = None,
    layer: int = 0,
    head: int | str = 0,
) -> Any:
    """Show an attention map under menus for its sentence, kind, layer and head.

    maps_of: sentence → {kind: Maps}, such as {"cross-attention": Maps(…)}; called once a sentence.
        What it raises for a sentence that a reader picks or types is shown as words in the
        picture's place.
    sentences: what the first menu offers. The field below it takes any other sentence.
    kind, layer, head: where to begin; `kind` is by default the first one. head may also be MEAN
        or ALL, the last two entries of its menu.

    A page on which nothing runs shows the first map as a picture. Without ipywidgets one sentence
    says what is missing, under that picture.
    Returns the controls by name (for tests), None without ipywidgets.
    Raises ValueError when there is no sentence, or when no map is where to begin; and for the first
    sentence all that maps_of raises.
    """
    if isinstance(sentences, str) or not sentences:
        raise ValueError(f"give a list of sentences, at least one, not {sentences!r}")
    sentences = list(sentences)
    known = {sentences[0]: maps_of(sentences[0])}
    kind = next(iter(known[sentences[0]]), None) if kind is None else kind
    _check_start(known[sentences[0]], kind, layer, head)
    first = known[sentences[0]][kind]
    still = {
        "text/plain": f"Attention explorer. Here: {_title(kind, layer, head)}, “{sentences[0]}”. "
        "When the notebook runs: menus for the sentence, kind, layer and head.",
        "image/png": _still(first, kind, layer, head),
    }
    from IPython.display import display

    try:
        import ipywidgets as widgets
    except ImportError:
        display(still, raw=True)
        print("No menus here: ipywidgets is not installed.")
        return None

    made = {
        "sentence": widgets.Dropdown(options=sentences, description="sentence"),
        "text": widgets.Text(
            sentences[0],
            description="or your own",
            continuous_update=False,
            placeholder="type a sentence, then press Enter",
        ),
        "kind": widgets.Dropdown(options=[kind], description="kind"),
        "layer": widgets.Dropdown(options=[("", layer)], description="layer"),
        "head": widgets.Dropdown(options=[("", head)], description="head"),
    }
    for control, label, width in zip(
        made.values(), (80, 80, 80, 50, 50), (750, 750, 290, 190, 260), strict=True
    ):
        control.style = {"description_width": f"{label}px"}
        control.layout = {"width": f"min({width}px, 98%)"}
    picture = widgets.HTML()

    def draw() -> None:
        text = made["text"].value
        try:
            if text not in known:
                known[text] = maps_of(text)
            _offer(made["kind"], [(name, name) for name in known[text]])
            maps = known[text][made["kind"].value]
            _offer(made["layer"], [(f"layer {n}", n) for n in range(len(maps.weights))])
            _offer(made["head"], [(_head_name(n), n) for n in _heads(maps)])
            place = (made[name].value for name in ("kind", "layer", "head"))
            picture.value = _html(maps, *place)
        except Exception as error:  # of a reader's own sentence: say what is wrong, and go on
            picture.value = _words(error)

    def changed(change: dict) -> None:
        if change["owner"] is made["sentence"]:
            if change["new"] is not None:
                made["text"].value = change["new"]  # and this draws
            return
        if change["owner"] is made["text"]:
            made["sentence"].value = change["new"] if change["new"] in sentences else None
        draw()

    draw()
    for control in made.values():
        control.observe(changed, names="value")
    menus = widgets.HBox([made["kind"], made["layer"], made["head"]])
    menus.layout.flex_flow = "row wrap"
    box = widgets.VBox([made["sentence"], made["text"], menus, picture])
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display(still | {VIEW: view}, raw=True)
    return made | {"picture": picture}


def _offer(menu: Any, options: list[tuple[str, Any]]) -> None:
    """Put other options into a menu; what was chosen stays chosen where it is still offered."""
    if list(menu.options) != options:
        before, menu.options = menu.value, options
        if before in [value for _, value in options]:
            menu.value = before


def _heads(maps: Maps) -> list[int | str]:
    return [*range(maps.weights.shape[1]), MEAN, ALL]


def _head_name(head: int | str) -> str:
    return head if isinstance(head, str) else f"head {head}"


def _title(kind: str, layer: int, head: int | str) -> str:
    return f"{kind}, layer {layer}, {_head_name(head)}"


def _check_start(found: dict[str, Maps], kind: str | None, layer: int, head: int | str) -> None:
    if kind not in found:
        raise ValueError(f"there is no kind {kind!r}, only {list(found)}")
    if layer not in range(len(found[kind].weights)):
        raise ValueError(f"{kind} has layers 0 to {len(found[kind].weights) - 1}, not {layer!r}")
    if head not in _heads(found[kind]):
        raise ValueError(f"{kind} has heads {_heads(found[kind])}, not {head!r}")


def _still(maps: Maps, kind: str, layer: int, head: int | str) -> str:
    """The map as matplotlib draws it: PNG in base64, for pages on which nothing runs."""
    weights, title = maps.of(layer, head), _title(kind, layer, head)
    title += "\n" + maps.note.replace("$", r"\$")  # a $ would start a formula
    labels = (maps.rows, maps.columns, title.strip())
    if head == ALL:
        figure = head_grid(weights, *labels, alignment=maps.alignment)
    else:
        figure = heatmap(weights, *labels, alignment=maps.alignment).figure
    file = io.BytesIO()
    figure.savefig(file, format="png")
    plt.close(figure)  # or the notebook would show it once more at the end of the cell
    return base64.b64encode(file.getvalue()).decode()


# The picture in HTML. It stands on white, like the course's figures, so that a colour means the
# same on a light and on a dark page. A pointer needs CSS alone: the cell's title is also written
# into the line at the bottom, and its row and column labels light up.

STYLE = """
& { position: relative; display: inline-block; box-sizing: border-box; max-width: 100%;
  min-width: min(460px, 100%); margin: 8px 0; padding: 14px 20px 44px;
  border: 1px solid #d3d7dc; border-radius: 8px; background: #fff; color: INK;
  font: 13px/1.4 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
.widget-html-content:has(> &) { min-width: 0; }
& p { margin: 0 0 3px; color: INK; }
& .name { font-size: 16px; font-weight: 600; }
& .note { max-width: 760px; margin-bottom: 10px; color: GREY; }
& .words { font-size: 14px; }
& .axis { color: GREY; white-space: nowrap; text-align: center; }
& .map { display: grid; grid-template-columns: auto auto; justify-content: start; gap: 2px 6px;
  overflow-x: auto; padding: 2px; }
& .map > .axis:first-child { grid-column: 2; }
& .map > .axis.down { writing-mode: vertical-rl; transform: rotate(180deg); margin: 0; }
& .heads { display: flex; flex-wrap: wrap; gap: 14px 24px; max-width: 960px; }
& table { border-collapse: separate; border-spacing: 0; margin: 0; border: 0; width: auto; }
& tr, & tr:nth-child(even), & tr:hover { background: none; }
& th, & td { border: 0; padding: 0; font-size: 13px; font-weight: 400; line-height: 1.1;
  color: INK; background: none; }
& th { white-space: nowrap; max-width: 200px; overflow: hidden; text-overflow: ellipsis; }
& tbody th { text-align: right; padding: 0 7px; border-radius: 3px; }
& thead th { vertical-align: bottom; text-align: center; padding: 6px 0; border-radius: 3px; }
& thead span { display: inline-block; writing-mode: vertical-rl; transform: rotate(180deg);
  max-height: 150px; overflow: hidden; text-overflow: ellipsis; }
& td { width: var(--cell); min-width: var(--cell); height: var(--cell); text-align: center;
  font-size: 10px; box-shadow: inset 0 0 0 0.5px rgba(31, 41, 51, 0.14); cursor: crosshair; }
& td.true { box-shadow: inset 0 0 0 2.5px TRUE, inset 0 0 0 3.5px #fff; }
& .small td { box-shadow: inset 0 0 0 0.5px rgba(31, 41, 51, 0.08); }
& .small td.true { box-shadow: inset 0 0 0 1.5px TRUE; }
& td:hover { outline: 2px solid INK; outline-offset: 0; }
& td:hover::after, & .hint { position: absolute; left: 20px; bottom: 14px; font-size: 14px;
  line-height: 22px; white-space: nowrap; color: INK; }
& td:hover::after { content: attr(title); font-weight: 600; }
& .hint { color: GREY; }
& .scale { margin-top: 10px; color: GREY; }
& .scale i { display: inline-block; width: 110px; height: 12px; margin: 0 6px; vertical-align: -1px;
  background: RAMP; box-shadow: inset 0 0 0 0.5px GREY; }
& .scale b { display: inline-block; width: 12px; height: 12px; margin: 0 6px 0 16px;
  vertical-align: -1px; box-shadow: inset 0 0 0 2.5px TRUE; }
& tr:has(td:hover) th { background: LIT; }
&:has(td:hover) .hint { visibility: hidden; }
"""


def _style(columns: int) -> str:
    """The rules of the page, with the colours of the weights 0.00 to 1.00 and of each column."""
    shades = [WEIGHTS(level / 100) for level in range(101)]
    rules = [STYLE]
    for level, (red, green, blue, _) in enumerate(shades):
        ink = INK if 0.3 * red + 0.59 * green + 0.11 * blue > 0.42 else "#fff"
        rules.append(f"& .c{level} {{ background: {to_hex(shades[level])}; color: {ink}; }}\n")
    for place in range(2, columns + 2):  # the first child of a row is its label
        cell, label = f"td:nth-child({place})", f"th:nth-child({place})"
        rules.append(f"& .map:has({cell}:hover) {label} {{ background: LIT; }}\n")
    ramp = ", ".join(to_hex(shade) for shade in shades[::10])
    names = {
        "&": ".attention-explorer",
        "INK": INK,
        "GREY": GREY,
        "TRUE": ALIGNMENT,
        "LIT": "#ffdf80",
        "RAMP": f"linear-gradient(90deg, {ramp})",
    }
    return re.sub("&|INK|GREY|TRUE|LIT|RAMP", lambda found: names[found[0]], "".join(rules))


def _table(weights: np.ndarray, maps: Maps, cell: int, says: str = "") -> str:
    """One map. cell: the side of a cell in pixels; small ones get no numbers and no labels."""
    true, labels = set(maps.alignment), cell >= 18
    lines = []
    for i, row in enumerate(maps.rows):
        cells = [f'<th scope="row">{escape(row)}</th>'] if labels else []
        for j, column in enumerate(maps.columns):
            weight = weights[i, j]
            shade = f"c{round(100 * min(max(weight, 0), 1))}" + " true" * ((i, j) in true)
            number = f"{weight:.2f}".lstrip("0") if cell >= 26 and weight >= 0.05 else ""
            words = escape(f"{says}“{row}” looks at “{column}”: {weight:.2f}")
            cells.append(f'<td class="{shade}" title="{words}">{number}</td>')
        lines.append(f"<tr>{''.join(cells)}</tr>")
    keys = "".join(f'<th scope="col"><span>{escape(column)}</span></th>' for column in maps.columns)
    top = f"<thead><tr><th></th>{keys}</tr></thead>" if labels else ""
    return f'<table style="--cell: {cell}px">{top}<tbody>{"".join(lines)}</tbody></table>'


def _html(maps: Maps, kind: str, layer: int, head: int | str) -> str:
    """The whole picture of one head, or of all."""
    weights, longest = maps.of(layer, head), max(maps.weights.shape[2:])
    if head == ALL:
        cell = min(max(190 // longest, 5), 14)
        tables = [
            f"<div><p>head {n}</p>{_table(each, maps, cell, f'head {n}: ')}</div>"
            for n, each in enumerate(weights)
        ]
        body = f'<div class="heads small">{"".join(tables)}</div>'
    else:
        cell = min(max(600 // longest, 20), 32)
        body = (
            f'<div class="map"><p class="axis">{KEYS}</p><p class="axis down">{QUERIES}</p>'
            f"{_table(weights, maps, cell)}</div>"
        )
    note = f'<p class="note">{escape(maps.note)}</p>' if maps.note else ""
    true = "<b></b>true alignment" if maps.alignment else ""
    return (
        f'<div class="attention-explorer"><style>{_style(len(maps.columns))}</style>'
        f'<p class="name">{escape(_title(kind, layer, head))}</p>'
        f"{note}{body}"
        f'<p class="scale">weight 0<i></i>1{true}</p>'
        '<p class="hint">Rows look at columns. Point at a cell to read its weight.</p></div>'
    )


def _words(error: Exception) -> str:
    """What went wrong, in the picture's place."""
    kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
    return (
        f'<div class="attention-explorer"><style>{_style(0)}</style>'
        f'<p class="words" role="alert">No map for this sentence: {escape(f"{kind}{error}")}</p>'
        '<p class="hint">Change the sentence above and press Enter.</p></div>'
    )

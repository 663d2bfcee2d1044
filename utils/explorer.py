"""The attention explorer: a heatmap under menus for the sentence, the kind, the layer and the head.

It is handed the maps of several sentences, and the page holds them all: so the menus work without a
kernel, and in a notebook that was saved and opened again.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
from IPython.display import display
from matplotlib.colors import to_hex

from utils.colab import on_colab
from utils.plots import ALIGNMENT, INK, PADDING_GREY, WEIGHTS, checked

VEGA_LITE = "application/vnd.vegalite.v5+json"
WORDS = "The attention explorer: run this cell in JupyterLab, VS Code or Colab to see it."


@dataclass
class Maps:
    """The attention of one kind in every layer and head, for one sentence.

    weights: (layers, heads, queries, keys) tensor, array or nested list; a row sums to 1.
    rows, columns: the query tokens and the key tokens.
    alignment: pairs (row, column), counted from 0, whose cells are outlined.

    Raises ValueError when these do not fit each other, or a weight is NaN or infinite, and for
    more than 100 tokens.
    """

    weights: Any
    rows: Sequence[str]
    columns: Sequence[str]
    alignment: Iterable[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        advice = "(layers, heads, queries, keys)"
        self.weights, *_, self.alignment = checked(
            self.weights, 4, advice, self.rows, self.columns, None, self.alignment
        )
        if max(self.weights.shape[2:]) > 100:  # packed() numbers them in two digits
            raise ValueError("more than 100 tokens on a side: choose a shorter sentence")
        if np.isinf(self.weights).any():
            raise ValueError("there are infinite numbers: these are scores, not weights")

    def packed(self) -> dict[str, list]:
        """For the page. A head's weights are one string, in thousandths, with semicolons between
        its rows: a stored notebook would give each number of a list a line of its own."""
        # A number before each token keeps them in order, and repeated ones apart
        rows = [f"{i:02} {token}" for i, token in enumerate(self.rows)]
        columns = [f"{i:02} {token}" for i, token in enumerate(self.columns)]
        weights = [
            [";".join(" ".join(map(str, row)) for row in head) for head in layer]
            for layer in np.rint(1000 * self.weights).astype(int).tolist()
        ]
        alignment = [rows[i] + columns[j] for i, j in self.alignment]
        return {"rows": rows, "columns": columns, "weights": weights, "alignment": alignment}


class InScript(json.JSONEncoder):
    """JSON that cannot end the <script> that it stands in."""

    def encode(self, value: Any) -> str:
        return super().encode(value).replace("</", r"<\/")


def explore(sentences: Mapping[str, Mapping[str, Maps]], layer: int = 0, head: int = 0) -> None:
    """Show a heatmap with menus: rows are queries, columns are keys, a pointer reads a weight.

    sentences: sentence → kind → Maps, for example {"A dog barks.": {"cross-attention": Maps(…)}}.
    layer, head: where the menus begin, with the first sentence and its first kind.

    Raises ValueError when there is no sentence, when they differ in their kinds, or the maps in
    their number of layers or heads, and when there is no such layer or head.
    """
    kinds = {tuple(known) for known in sentences.values()}
    sizes = {maps.weights.shape[:2] for known in sentences.values() for maps in known.values()}
    if len(kinds) != 1 or len(sizes) != 1:
        raise ValueError(
            "give at least one sentence, each with the same kinds, and all maps with the same "
            f"number of layers and heads; here are kinds {kinds} and (layers, heads) {sizes}"
        )
    [kinds], [(layers, heads)] = kinds, sizes
    if layer not in range(layers) or head not in range(heads):
        raise ValueError(f"there is no layer {layer}, head {head} in {layers} layers of {heads}")
    data = [
        {"sentence": sentence, "kind": kind} | maps.packed()
        for sentence, known in sentences.items()
        for kind, maps in known.items()
    ]
    menus = [
        alt.param(name, value=begin, bind=alt.binding_select(options=options, name=f"{name} "))
        for name, begin, options in (
            ("sentence", next(iter(sentences)), list(sentences)),
            ("kind", kinds[0], list(kinds)),
            ("layer", layer, list(range(layers))),
            ("head", head, list(range(heads))),
        )
    ]
    chart = chosen_map(data).add_params(*menus)
    if on_colab():  # where the page fetches the program that draws
        page = chart.to_html(json_kwds={"cls": InScript})
        display({"text/html": page, "text/plain": WORDS}, raw=True)
    else:  # JupyterLab and VS Code have one, and need no network
        display({VEGA_LITE: chart.to_dict(), "text/plain": WORDS}, raw=True)


def chosen_map(data: list[dict]) -> alt.LayerChart:
    """The heatmap of that one of the packed maps which the menus choose, by the menus' names."""
    levels = np.linspace(0, 1, 12)  # where WEIGHTS has its colours; between them it blends
    shades = [to_hex(shade) for shade in WEIGHTS(levels)]
    scale = alt.Scale(domain=levels.tolist(), range=shades, interpolate="rgb")
    tokens = alt.Axis(labelExpr="slice(datum.label, 3)", ticks=False, domain=False)
    cells = (
        alt.Chart(alt.Data(values=data), width=alt.Step(26), height=alt.Step(26))
        .transform_filter("datum.sentence == sentence && datum.kind == kind")
        # Each result has a name of its own: the menus' next choice needs what it was made of
        .transform_calculate(chosen="split(datum.weights[layer][head], ';')")
        .transform_flatten(["chosen", "rows"], ["numbers", "row"])
        .transform_calculate(thousandths="split(datum.numbers, ' ')")
        .transform_flatten(["thousandths", "columns"], ["thousandth", "column"])
        .transform_calculate(
            weight="datum.thousandth / 1000",
            query="slice(datum.row, 3)",
            key="slice(datum.column, 3)",
            true="indexof(datum.alignment, datum.row + datum.column) >= 0",
        )
        .mark_rect(stroke=PADDING_GREY, strokeWidth=0.5)
        .encode(
            alt.X("column:O", title="keys: what is looked at", axis=tokens),
            alt.Y("row:O", title="queries: who looks", axis=tokens),
            alt.Color("weight:Q", scale=scale, legend=alt.Legend(values=[0, 0.5, 1])),
            tooltip=["query:N", "key:N", alt.Tooltip("weight:Q", format=".3f")],
        )
    )
    true = cells.transform_filter("datum.true").mark_rect(stroke=ALIGNMENT, strokeWidth=2.5)
    title = alt.Title(alt.expr("kind + ', layer ' + layer + ', head ' + head"), anchor="start")
    words, svg = {"fill": INK, "fontSize": 12}, {"embedOptions": {"renderer": "svg"}}
    return (  # on white and in ink: a dark page would choose colours of its own
        alt.layer(cells, true, title=title, usermeta=svg)
        .configure(background="white", style={"guide-label": words, "guide-title": words})
        .configure_title(color=INK)
        .configure_view(stroke=None)
        .configure_axis(labelPadding=5)
        .configure_axisX(orient="top", labelAngle=-45)
    )

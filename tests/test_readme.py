"""The README says what was measured, and shows what notebook 07 drew."""

import base64
import json
from pathlib import Path

import nbformat
import pytest

from benchmarks.table import (
    RESULTS,
    decoding,
    duration,
    embedded,
    multi30k,
    parity,
    progress,
    training,
)

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "table", [embedded, multi30k, progress, duration, parity, training, decoding]
)
def test_its_tables_are_those_of_the_results(table):
    assert table() in (ROOT / "README.md").read_text(encoding="utf8")


def test_its_other_recipes_are_those_of_the_results():
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    for stem, options in (
        ("decay-linear", "`--max-tokens 4096 --epochs 30`"),
        ("decay-sqrt", "`--max-tokens 4096 --decay sqrt`"),
        ("dropout-0.2", "`--dropout 0.2`"),
        ("dropout-0.1", "`--dropout 0.1`"),
        ("smoothing-0", "`--smoothing 0`"),
    ):
        run = json.loads((RESULTS / f"{stem}-cpu-en-0.json").read_text("utf8"))
        last = run["scores"]["last"]
        reached = [last[split]["beam 5"]["BLEU"] for split in ("validation", "test")]
        assert "{:.2f} ({:.2f}) with {}".format(*reached, options) in readme


def test_its_short_training_is_that_of_the_results():
    run = json.loads((RESULTS / "short-cpu-en-0.json").read_text("utf8"))
    there = next(row for row in run["history"] if row["validation BLEU"] >= 35)
    validation, test = (run["scores"]["last"][split] for split in ("validation", "test"))
    assert (
        f"took {run['seconds with evaluation'] / 60:.0f} minutes to a validation BLEU of "
        f"{validation['greedy']['BLEU']:.2f}, with beam 5 {validation['beam 5']['BLEU']:.2f}, and "
        f"{test['beam 5']['BLEU']:.2f} on the test split; a validation BLEU of 35 was there after "
        f"{there['seconds since the start'] / 60:.0f} minutes"
    ) in (ROOT / "README.md").read_text(encoding="utf8")


def test_its_picture_is_the_one_in_notebook_07():
    cells = nbformat.read(ROOT / "notebooks" / "07_inference.ipynb", as_version=4).cells
    [cell] = [cell for cell in cells if "readme" in cell.metadata.get("tags", [])]
    [drawn] = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
    shown = (ROOT / "assets" / "cross_attention.png").read_bytes()
    assert shown == base64.b64decode(drawn), "run: python -m utils.notebooks picture"

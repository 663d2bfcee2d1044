"""Print the README's tables from benchmarks/results: what `train.py` measured, one JSON a run."""

import json
from pathlib import Path
from statistics import mean

RESULTS = Path(__file__).parent / "results"


def embedded() -> str:
    """The three seeds on the embedded corpus: exact match after the last epoch, and seconds."""
    runs = [json.loads(path.read_text("utf8")) for path in sorted(RESULTS.glob("embedded-?.json"))]
    lines = [
        "| seed | test, exact match | unseen combinations, exact match | test, BLEU | training |",
        "|---|---|---|---|---|",
    ]
    columns = []
    for run in runs:
        scores = run["scores"]
        row = [
            100 * scores["test"]["exact match"],
            100 * scores["unseen"]["exact match"],
            scores["test"]["BLEU"],
            run["seconds of training"],
        ]
        columns.append(row)
        lines.append(
            f"| {run['options']['seed']} | {row[0]:.1f} % | {row[1]:.1f} % | {row[2]:.1f} "
            f"| {row[3]:.0f} s |"
        )
    units = [" %", " %", "", " s"]
    cells = [
        f"{mean(column):.1f}{unit} ({max(column) - min(column):.1f})"
        for column, unit in zip(zip(*columns, strict=True), units, strict=True)
    ]
    lines.append(f"| mean (spread) | {' | '.join(cells)} |")
    return "\n".join(lines)


def multi30k() -> str:
    """Epoch by epoch on Multi30k."""
    run = json.loads((RESULTS / "multi30k-cpu.json").read_text("utf8"))
    lines = ["| epoch | validation loss (nats a token) | validation BLEU |", "|---|---|---|"]
    for row in run["history"]:
        lines.append(
            f"| {row['epoch']} | {row['validation loss']:.2f} | {row['validation BLEU']:.1f} |"
        )
    return "\n".join(lines)


def parity() -> str:
    """The largest differences between our Transformer and PyTorch's, from benchmarks.parity."""
    found = json.loads((RESULTS / "parity.json").read_text("utf8"))
    lines = [
        f"| {found['configurations']} random configurations | outputs | gradients, relative |",
        "|---|---|---|",
    ]
    for dtype in ("float32", "float64"):
        row = found[dtype]
        lines.append(f"| {dtype} | {row['outputs']:.1e} | {row['gradients']:.1e} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(embedded(), multi30k(), parity(), sep="\n\n")

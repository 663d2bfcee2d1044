"""Print the README's tables from benchmarks/results: what was measured, one JSON a run."""

import json
from pathlib import Path
from statistics import mean

RESULTS = Path(__file__).parent / "results"
SPEED = "real target tokens a second (slowest … fastest round)"


def embedded() -> str:
    """The three seeds on the embedded corpus: exact match after the last epoch, and seconds."""
    runs = [json.loads(path.read_text("utf8")) for path in sorted(RESULTS.glob("embedded-?.json"))]
    lines = [
        "| seed | test, exact match | unseen combinations, exact match | test, BLEU | training |",
        "|---|---|---|---|---|",
    ]
    columns = []
    for run in runs:
        test, unseen = (run["scores"]["last"][split]["greedy"] for split in ("test", "unseen"))
        row = [
            100 * test["exact match"],
            100 * unseen["exact match"],
            test["BLEU"],
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


def multi30k(device: str = "cpu") -> str:
    """Test scores on Multi30k, mean (smallest … largest) over the seeds, from benchmarks.score.

    device: cpu or cuda, whose runs. A block of rows for each direction that has been measured.
    """
    columns = ["BLEU", "BLEU lowercased", "chrF", "BLEU of Wu et al."]
    head = ["direction", "weights, search", "validation BLEU", *columns]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for source, target in (("en", "de"), ("de", "en")):
        files = sorted(RESULTS.glob(f"multi30k-{device}-{source}-*.json"))
        if not files:
            continue
        runs = [json.loads(path.read_text("utf8"))["scores"] for path in files]
        for weights in runs[0]:
            for search in runs[0][weights]["test"]:
                kept = [run[weights]["validation"][search]["BLEU"] for run in runs]
                cells = [f"{source} → {target}", f"{weights}, {search}", over_seeds(kept)]
                for column in columns:
                    reached = [run[weights]["test"][search].get(column) for run in runs]
                    cells.append(over_seeds(reached))
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def over_seeds(values: list[float | None]) -> str:
    if None in values:
        return "not measured"
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{mean(values):.2f} ({min(values):.2f} … {max(values):.2f})"


def progress(path: Path = RESULTS / "multi30k-cpu-en-0.json") -> str:
    """Epoch by epoch on Multi30k."""
    run = json.loads(path.read_text("utf8"))
    lines = [
        "| epoch | validation loss (nats a token) | validation BLEU, greedy |",
        "|---|---|---|",
    ]
    for row in run["history"]:
        if row["epoch"] == 1 or row["epoch"] % 5 == 0:
            lines.append(
                f"| {row['epoch']} | {row['validation loss']:.2f} | {row['validation BLEU']:.1f} |"
            )
    return "\n".join(lines)


def duration(path: Path = RESULTS / "multi30k-cpu-en-0.json", mark: float = 35) -> str:
    """How long that took, and how long to a validation BLEU of `mark`."""
    run = json.loads(path.read_text("utf8"))
    there = next(row for row in run["history"] if row["validation BLEU"] >= mark)
    return (
        f"{run['seconds with evaluation'] / 60:.0f} minutes, the validation after each epoch "
        f"included; a validation BLEU of {mark:g} was there after "
        f"{there['seconds since the start'] / 60:.0f} minutes, in epoch {there['epoch']}"
    )


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


def training(path: Path = RESULTS / "training-cpu.json") -> str:
    """The peers beside each other, from benchmarks.training."""
    run = json.loads(path.read_text("utf8"))
    columns = {SPEED: speed_of, "peak memory": memory}
    if run["to loss"] is not None:
        columns[f"to a validation loss of {run['to loss']:g}"] = seconds
    if run["device"] == "cuda":
        columns["share of the matrix peak"] = share
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, found in run["peers"].items():
        if "left out" in found:
            cells = [f"left out: {found['left out']}"] + [""] * (len(columns) - 1)
        else:
            cells = [cell(found) for cell in columns.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def speed(path: Path = RESULTS / "speed-cpu.json") -> str:
    """The ladder of gains, from benchmarks.speed."""
    run = json.loads(path.read_text("utf8"))
    plain = run["rungs"][0]["tokens per second"]
    lines = [
        f"| | {SPEED} | of the plain loop | peak memory |",
        "|---|---|---|---|",
    ]
    for rung in run["rungs"]:
        name = rung["name"] if rung["kept"] else f"{rung['name']} (off by default)"
        if "failed" in rung:
            lines.append(f"| {name} | failed: {rung['failed'].replace('|', '/')} | | |")
            continue
        times = f"{rung['tokens per second'] / plain:.2f} ×"
        lines.append(f"| {name} | {speed_of(rung)} | {times} | {memory(rung)} |")
    return "\n".join(lines)


def decoding(path: Path = RESULTS / "decoding-cpu.json") -> str:
    """Sentences a second, from benchmarks.decoding."""
    run = json.loads(path.read_text("utf8"))
    total = run["sentences"]
    lines = ["| | sentences a second (slowest … fastest round) | translations that agree |"]
    lines.append("|---|---|---|")
    for method, competitors in run["methods"].items():
        for name, found in competitors.items():
            low, high = found["spread"]
            rate = f"{found['sentences per second']:.0f} ({low:.0f} … {high:.0f})"
            same = found["same as the first"]
            lines.append(f"| {method}, {name} | {rate} | {same:,} of {total:,} |")
    return "\n".join(lines)


def speed_of(found: dict) -> str:
    low, high = found["spread"]
    return f"{found['tokens per second']:,.0f} ({low:,.0f} … {high:,.0f})"


def memory(found: dict) -> str:
    peak = found["peak memory"]
    return "not measured" if peak is None else f"{peak / 2**20:,.0f} MiB"


def seconds(found: dict) -> str:
    needed = found["seconds to the loss"]
    return "not reached" if needed is None else f"{needed:,.0f} s"


def share(found: dict) -> str:
    return f"{100 * found['share of the matrix peak']:.1f} %"


if __name__ == "__main__":
    devices = [name for name in ("cpu", "cuda") if any(RESULTS.glob(f"multi30k-{name}-*"))]
    tables = [embedded(), *map(multi30k, devices), progress(), parity()]
    for table in (training, speed, decoding):
        tables += [table(path) for path in sorted(RESULTS.glob(f"{table.__name__}-*.json"))]
    print(*tables, sep="\n\n")

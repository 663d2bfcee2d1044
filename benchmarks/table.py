"""Write the tables of README.md and benchmarks/README.md anew from benchmarks/results.

    python -m benchmarks.table

A table stands between `<!-- table: NAME -->` and `<!-- end -->`; what lies between is replaced.
benchmarks/results has one JSON a run.
"""

import json
import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from statistics import mean, median

RESULTS = Path(__file__).parent / "results"
PAGES = [RESULTS.parents[1] / "README.md", RESULTS.parent / "README.md"]
MARKED = re.compile(r"(<!-- table: ([\w-]+) -->\n\n)(.*?)(\n\n<!-- end -->)", re.DOTALL)
# Trainings of `train.py --data multi30k --recipe short`, English to German, seed 0
TRAINED = {
    "": "multi30k-cpu-en-0",
    "--dropout 0.2": "dropout-0.2-cpu-en-0",
    "--dropout 0.1": "dropout-0.1-cpu-en-0",
    "--smoothing 0": "smoothing-0-cpu-en-0",
    "--max-tokens 4096 --epochs 30": "decay-linear-cpu-en-0",
    "--max-tokens 4096 --decay sqrt": "decay-sqrt-cpu-en-0",
    "--epochs 12 --dropout 0.1 --average 1": "hurry-cpu-en-0",
}
DTYPES = ("float32", "float64")
TIMED = ["", "--epochs 12 --dropout 0.1 --average 1"]
SPEED = "real target tokens a second (slowest … fastest round)"


def read(name: str) -> dict:
    """One result."""
    return json.loads((RESULTS / f"{name}.json").read_text("utf8"))


def seeds(name: str) -> list[dict]:
    """The results of all seeds of one training."""
    return [read(path.stem) for path in sorted(RESULTS.glob(f"{name}-[0-9].json"))]


def grid(head: list[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    first, *lines = [f"| {' | '.join(cells)} |" for cells in [head, *rows]]
    return "\n".join([first, "|---" * len(head) + "|", *lines])


def glance() -> str:
    """The README's five lines."""
    unseen = [
        100 * run["scores"]["last"]["unseen"]["greedy"]["exact match"] for run in seeds("embedded")
    ]
    rows = {
        f"Embedded corpus, unseen combinations: exact match, {len(unseen)} seeds": (
            f"{mean(unseen):.1f} % ({min(unseen):.1f} … {max(unseen):.1f})"
        )
    }
    best = [run["scores"]["average"]["test"]["BLEU"] for run in seeds("recipe-D-cpu")]
    count = f"{len(best)} seed" + "s" * (len(best) > 1)
    rows[f"Multi30k, English → German: BLEU, {count}"] = over_seeds(best)
    for name, source in (("English → German", "en"), ("German → English", "de")):
        runs = seeds(f"multi30k-cpu-{source}")
        reached = [run["scores"]["last"]["test"]["beam 5"]["BLEU"] for run in runs]
        rows[f"{name}, `--recipe short`, {len(runs)} seeds"] = over_seeds(reached)
    found = read("parity")
    rows[
        "Largest difference from `nn.Transformer`'s outputs, weights copied, "
        f"{found['configurations']} random configurations, float32"
    ] = f"{found['float32']['outputs']:.1e}"
    return grid(["what", "result"], rows.items())


def recipe(run: dict) -> str:
    """What was trained, for how long, and where."""
    options = run["options"]
    return (
        f"{options['num_layers']} + {options['num_layers']} layers, d_model {options['d_model']}, "
        f"{options['num_heads']} heads, {run['parameters']:,} parameters, {options['epochs']} "
        f"epochs in batches of {options['max_tokens']:,} tokens, dropout {options['dropout']:g}, "
        f"label smoothing {options['smoothing']:g}; {run['machine']}; torch {run['torch']}."
    )


def circumstances(run: dict) -> str:
    """What a speed was measured on, where, and with what."""
    machine, versions = run["machine"], run["versions"]
    if "sentences" in run:
        work = f"{run['sentences']:,} sentences in batches of {run['batch']}"
        numbers = "float32"  # translating casts nothing, whatever is fast in training
    else:
        work = f"Batches of {run['tokens a batch']:,} tokens"
        numbers = f"precision {run['precision']}"
    if "timed steps" in run:
        work += f", {run['timed steps']} steps timed in each round"
    installed = ", ".join(f"{name} {number}" for name, number in versions.items() if number)
    return (
        f"{work}; {machine['GPU'] or machine['CPU']}, {machine['threads']} of {machine['cores']} "
        f"cores, {numbers}; {installed}."
    )


def embedded() -> str:
    """The three seeds on the embedded corpus: exact match after the last epoch, and seconds."""
    head = ["seed", "test, exact match", "unseen combinations, exact match"]
    rows, found = [], []
    for run in seeds("embedded"):
        test, unseen = (run["scores"]["last"][split]["greedy"] for split in ("test", "unseen"))
        shares = [100 * test["exact match"], 100 * unseen["exact match"]]
        a, b, bleu, time = values = [*shares, test["BLEU"], run["seconds of training"]]
        seed = str(run["options"]["seed"])
        rows.append([seed, f"{a:.1f} %", f"{b:.1f} %", f"{bleu:.1f}", f"{time:.0f} s"])
        found.append(values)
    columns = zip(zip(*found, strict=True), [" %", " %", "", " s"], strict=True)
    spreads = [f"{mean(c):.1f}{unit} ({max(c) - min(c):.1f})" for c, unit in columns]
    rows.append(["mean (spread)", *spreads])
    return grid([*head, "test, BLEU", "training"], rows)


def multi30k(device: str) -> str:
    """Test scores on Multi30k, mean (smallest … largest) over the seeds, from benchmarks.score: a
    block of rows for each direction that was measured on this device, cpu or cuda."""
    columns, rows = ["BLEU", "BLEU lowercased", "chrF", "BLEU of Wu et al."], []
    for source, target in (("en", "de"), ("de", "en")):
        runs = [run["scores"] for run in seeds(f"multi30k-{device}-{source}")]
        for weights in runs[0] if runs else ():
            for search in runs[0][weights]["test"]:
                kept = [run[weights]["validation"][search]["BLEU"] for run in runs]
                cells = [f"{source} → {target}", f"{weights}, {search}", over_seeds(kept)]
                for column in columns:
                    reached = [run[weights]["test"][search].get(column) for run in runs]
                    cells.append(over_seeds(reached))
                rows.append(cells)
    return grid(["direction", "weights, search", "validation BLEU", *columns], rows)


def over_seeds(values: list[float | None]) -> str:
    if None in values:
        return "not measured"
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{mean(values):.2f} ({min(values):.2f} … {max(values):.2f})"


def progress() -> str:
    """Epoch by epoch on Multi30k."""
    rows = [
        [f"{row['epoch']}", f"{row['validation loss']:.2f}", f"{row['validation BLEU']:.1f}"]
        for row in read("multi30k-cpu-en-0")["history"]
        if row["epoch"] == 1 or row["epoch"] % 5 == 0
    ]
    return grid(["epoch", "validation loss (nats a token)", "validation BLEU, greedy"], rows)


def times(mark: float = 35) -> str:
    """How long two trainings took, and how long to a validation BLEU of `mark`."""
    head = [
        "`train.py --data multi30k --recipe short` with",
        "on",
        "minutes, validation included",
        f"to a validation BLEU of {mark:g}",
        "validation BLEU, greedy",
    ]
    rows = []
    for options in TIMED:
        run = read(TRAINED[options])
        there = next(row for row in run["history"] if row["validation BLEU"] >= mark)
        cells = [
            in_code(options),
            run["machine"],
            f"{run['seconds with evaluation'] / 60:.0f}",
            f"{there['seconds since the start'] / 60:.0f} minutes, epoch {there['epoch']}",
            f"{run['scores']['last']['validation']['greedy']['BLEU']:.2f}",
        ]
        rows.append(cells)
    return grid(head, rows)


def recipes() -> str:
    """Other settings on Multi30k, one run each: last weights, beam 5."""
    rows = []
    for options, name in TRAINED.items():
        last = read(name)["scores"]["last"]
        reached = [f"{last[split]['beam 5']['BLEU']:.2f}" for split in ("validation", "test")]
        rows.append([in_code(options), *reached])
    head = ["`train.py --data multi30k --recipe short` with", "validation BLEU", "test BLEU"]
    return grid(head, rows)


def published() -> str:
    """Recipes on the way to the score of Wu et al., from benchmarks.recipes; each one's two models
    in a row of their own, and the mean of a recipe's seeds."""
    head = ["", "after epoch", "weights", "validation, Wu et al.'s BLEU", "test: BLEU"]
    head += ["lowercased", "Wu et al.'s", "chrF lowercased"]
    rows = []
    for letter, runs in groupby(recipes_run(), key=lambda run: run["recipe"]):
        ended: dict[str, dict[int, list]] = {}  # of last and averaged weights: each seed's scores
        for run in runs:
            epoch = f"{run['epochs']}, its last" if run["ended"] else str(run["epochs"])
            for weights, judged in run["scores"].items():
                wu, test = judged["validation"]["BLEU of Wu et al."], judged["test"]
                names = ["BLEU", "BLEU lowercased", "BLEU of Wu et al.", "chrF lowercased"]
                scores = [wu, *(test[name] for name in names)]
                cells = ["" if score is None else f"{score:.2f}" for score in scores]
                rows.append([letter_of(run), epoch, weights, *cells])
                if run["ended"]:
                    ended.setdefault(weights, {})[run["seed"]] = scores
        for weights, seeds_of in ended.items():
            if len(seeds_of) > 1:
                columns = zip(*seeds_of.values(), strict=True)
                cells = ["" if None in column else over_seeds(list(column)) for column in columns]
                rows.append([f"{letter}, {len(seeds_of)} seeds", "their last", weights, *cells])
    return grid(head, rows)


def letter_of(run: dict) -> str:
    name = f"{run['recipe']}, seed {run['seed']}" if run["seed"] else run["recipe"]
    return name if run["ended"] or run["goes on"] else f"{name}, broken off"


def published_runs() -> str:
    """What those runs were, and the seconds of training of an epoch, the median of the last ten."""
    head = ["", "recipe, text", "seed", "epochs", "updates", "target tokens seen", "seconds", "on"]
    rows = []
    for run in furthest():
        tokens = run["epochs"] * run["target tokens an epoch"] / 1e6
        seconds = [row["seconds"] for row in run["history"][-10:]]
        name = run["recipe"] if run["ended"] else f"{run['recipe']}, broken off"
        cells = [name, f"{run['words']}, {run['text']}", str(run["seed"])]
        cells += [str(run["epochs"]), f"{run['updates']:,}", f"{tokens:.0f} million"]
        rows.append([*cells, f"{median(seconds):.3g}", run["machine"]])
    return grid(head, rows)


def published_curves() -> str:
    """Their validation BLEU on the way: greedy, the mean of ten epochs."""
    spans = [range(first, first + 10) for first in (1, 21, 41, 61)]
    names, rows = [f"epochs {span[0]} to {span[-1]}" for span in spans], []
    for run in furthest():
        bleu = {row["epoch"]: row["validation BLEU"] for row in run["history"]}
        cells = [f"{mean(bleu[epoch] for epoch in span):.1f}" for span in spans if span[-1] in bleu]
        cells += [""] * (len(spans) - len(cells))
        best = max(bleu, key=bleu.get)
        rows.append([letter_of(run), *cells, f"{bleu[best]:.1f}, {best}"])
    return grid(["", *names, "the best, in epoch"], rows)


def furthest() -> list[dict]:
    """Of each of those runs what it came to."""
    return [run for run in recipes_run() if not run["goes on"]]


def recipes_run() -> list[dict]:
    """Their results by recipe, seed and epoch. A run that was judged on its way has several; it
    goes on where another's history begins with its own."""
    runs = [read(path.stem) for path in RESULTS.glob("recipe-*.json")]
    for run in runs:
        epochs = len(run["history"])
        run["goes on"] = any(
            other is not run and other["history"][:epochs] == run["history"] for other in runs
        )
    return sorted(runs, key=lambda run: (run["recipe"], run["seed"], run["epochs"]))


def gpu() -> str:
    """How far the training of benchmarks/gpu.sh came on a GPU: some of its epochs."""
    history = read("gpu-multi30k")["history"]
    names = {"seconds": ".0f", "seconds since the start": ".0f", "validation BLEU": ".1f"}
    rows = [
        [str(row["epoch"]), *(f"{row[name]:{form}}" for name, form in names.items())]
        for row in history
        if row["epoch"] in (1, 2, 4, 8, len(history))
    ]
    head = ["seconds of training", "seconds since the start", "validation BLEU, greedy"]
    return grid(["epoch", *head], rows)


def in_code(options: str) -> str:
    return f"`{options}`" if options else "its own settings"


def parity() -> str:
    """The largest differences between our Transformer and PyTorch's, from benchmarks.parity."""
    found = read("parity")
    head = [f"{found['configurations']} random configurations", "outputs", "gradients, relative"]
    kinds = ("outputs", "gradients")
    rows = [[dtype, *(f"{found[dtype][kind]:.1e}" for kind in kinds)] for dtype in DTYPES]
    return grid(head, rows)


def llama() -> str:
    """The largest differences between lab 08's model and transformers' Llama, part by part."""
    found = read("llama")
    columns = [(dtype, what) for dtype in DTYPES for what in ("outputs", "gradients")]
    head = [f"{found['configurations']} random configurations of each"]
    rows = [
        [part, *(f"{found[dtype][part][what]:.1e}" for dtype, what in columns)]
        for part in found["float32"]
    ]
    return grid([*head, *(f"{dtype}: {what}" for dtype, what in columns)], rows)


def since_2017() -> str:
    """One change at a time on a language model of German, from benchmarks.since_2017: nats a token,
    mean and spread over the seeds. Beyond the seeds as in `ablations`."""
    found: dict[str, list[dict]] = {}
    for run in read("since-2017")["runs"]:
        found.setdefault(run["changed"], []).append(run)
    head = ["changed", "parameters", "after an epoch", "at the end", "beside 2017, pre-norm"]
    head += ["beyond the seeds?", "rows four times as long"]
    rows = []
    base = [run["test loss"][-1] for run in found["2017, pre-norm"]]
    for name, runs in found.items():
        first, last = ([run["test loss"][n] for run in runs] for n in (0, -1))
        apart = min(last) > max(base) or max(last) < min(base)
        cells = [name, f"{runs[0]['parameters']:,}", in_nats(first), in_nats(last)]
        if name == "2017, pre-norm":
            cells += ["", ""]
        else:
            cells += [f"{mean(last) - mean(base):+.3f}", "yes" if apart else "no"]
        rows.append([*cells, in_nats([run["test loss, long rows"] for run in runs])])
    return grid(head, rows)


def in_nats(losses: list[float]) -> str:
    return f"{mean(losses):.3f} ({min(losses):.3f} … {max(losses):.3f})"


def racers() -> str:
    """What the models of `since_2017` have in common."""
    run = read("since-2017")
    s, steps = run["settings"], run["runs"][0]["steps"]
    return (
        f"{s['layers']} layers, d_model {s['d_model']}, {s['heads']} heads (grouped: "
        f"{s['kv heads']} sets), d_ff {s['d_ff']} or what makes up for the change, {s['epochs']} "
        f"epochs of {steps // s['epochs']} steps in batches of {s['tokens a batch']} tokens, peak "
        f"{s['peak']:g} after {s['warmup']} steps, no dropout, no smoothing; "
        f"{run['machine']['CPU']}, 1 thread; torch {run['versions']['torch']}."
    )


def training(path: Path) -> str:
    """The peers beside each other, from benchmarks.training."""
    run = json.loads(path.read_text("utf8"))
    columns = {SPEED: speed_of, "peak memory": memory}
    if run["to loss"] is not None:
        columns[f"to a validation loss of {run['to loss']:g}"] = seconds
    if run["device"] == "cuda":
        columns["share of the matrix peak"] = share
    rows = []
    for name, found in run["peers"].items():
        if "left out" in found:
            cells = [f"left out: {found['left out']}"] + [""] * (len(columns) - 1)
        else:
            cells = [cell(found) for cell in columns.values()]
        rows.append([name, *cells])
    return grid(["", *columns], rows)


def speed(path: Path) -> str:
    """What each trick gains alone and beside all others, from benchmarks.speed."""
    run = json.loads(path.read_text("utf8"))
    loops = run["loops"].values()
    rows = [[SPEED, *map(speed_of, loops)], ["peak memory", *map(memory, loops)]]
    rows += [[name, *map(gain, found.values())] for name, found in run["tricks"].items()]
    return grid(["", *run["loops"]], rows)


def gain(found: dict) -> str:
    low, high = found["gains"]
    there = "has it" if found["has it"] else "has it not"
    return f"{there}: × {found['gain']:.2f} ({low:.2f} … {high:.2f})"


def loops(path: Path) -> str:
    """Seconds and exact match of the two loops, seed by seed, from benchmarks.loops."""
    runs, rows = json.loads(path.read_text("utf8"))["runs"], []
    names = list(dict.fromkeys(run["loop"] for run in runs))
    columns = {"training": "seconds", "test, exact match": "test", "unseen combinations": "unseen"}
    head = ["seed", *(f"{name}: {column}" for name in names for column in columns)]
    for seed in dict.fromkeys(run["seed"] for run in runs):
        cells = [str(seed)]
        for run in runs:
            if run["seed"] == seed:
                cells.append(f"{run['seconds']:.0f} s")
                cells += [f"{100 * run[split]:.1f} %" for split in ("test", "unseen")]
        rows.append(cells)
    means = ["mean"]
    for name in names:
        for key in columns.values():
            value = mean(run[key] for run in runs if run["loop"] == name)
            means.append(f"{value:.0f} s" if key == "seconds" else f"{100 * value:.1f} %")
    return grid(head, [*rows, means])


def ablations(data: str) -> str:
    """One knob changed at a time, from benchmarks.ablations: mean BLEU and spread over the seeds,
    the largest gain first. Beyond the seeds: no seed of one reaches into the range of the other."""
    found: dict[tuple, list[float]] = {}
    for row in read(data)["runs"]:
        found.setdefault((row["knob"], row["value"]), []).append(row["BLEU"])
    base = found.pop(("base", ""))
    rows = [["nothing: the base", over_seeds(base), "", ""]]
    for (knob, value), reached in sorted(found.items(), key=lambda entry: -mean(entry[1])):
        apart = min(reached) > max(base) or max(reached) < min(base)
        cells = [f"{knob} {value}", over_seeds(reached), f"{mean(reached) - mean(base):+.1f}"]
        rows.append([*cells, "yes" if apart else "no"])
    return grid(["changed", "BLEU", "beside the base", "beyond the seeds?"], rows)


def base(data: str) -> str:
    """What the ablations of one corpus begin with."""
    s = read(data)["settings"]
    return (
        f"Base: {s['num_layers']} + {s['num_layers']} layers, d_model {s['d_model']}, "
        f"{s['num_heads']} heads, d_ff {s['d_ff']}, {s['epochs']} epochs in batches of "
        f"{s['max_tokens']:,} tokens, peak {s['peak']:g} after {s['warmup']} steps, dropout "
        f"{s['dropout']:g}, label smoothing {s['smoothing']:g}; precision {s['precision']}."
    )


def dropouts() -> str:
    """Less dropout at three moments of a training on Multi30k: learns faster, ends earlier."""
    rows = []
    for dropout, options in (("0.1", "--dropout 0.1"), ("0.2", "--dropout 0.2"), ("0.3", "")):
        history = read(TRAINED[options])["history"]
        for measured in ("training loss", "validation loss", "validation BLEU"):
            digits = 1 if measured.endswith("BLEU") else 2
            cells = [f"{history[epoch - 1][measured]:.{digits}f}" for epoch in (8, 20, 35)]
            rows.append([dropout, measured, *cells])
    return grid(["dropout", "measured", "epoch 8", "epoch 20", "epoch 35"], rows)


def decoding(path: Path) -> str:
    """Sentences a second, from benchmarks.decoding."""
    run = json.loads(path.read_text("utf8"))
    head = ["", "sentences a second (slowest … fastest round)", "translations that agree"]
    total, rows = run["sentences"], []
    for method, competitors in run["methods"].items():
        for name, found in competitors.items():
            low, high = found["spread"]
            rate = f"{found['sentences per second']:.0f} ({low:.0f} … {high:.0f})"
            same = found["same as the first"]
            rows.append([f"{method}, {name}", rate, f"{same:,} of {total:,}"])
    return grid(head, rows)


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


def tables() -> dict[str, str]:
    """Each table by the name in its marker, with a line on what it was measured with."""
    found = {"glance": glance(), "parity": parity(), "llama": llama()}
    found["since-2017"] = f"{racers()}\n\n{since_2017()}"
    found["embedded"] = f"{recipe(seeds('embedded')[0])}\n\n{embedded()}"
    for device in ("cpu", "cuda"):
        if runs := seeds(f"multi30k-{device}-en"):
            found[f"multi30k-{device}"] = f"{recipe(runs[0])}\n\n{multi30k(device)}"
    found |= {"progress": progress(), "times": times(), "recipes": recipes()}
    found |= {
        "dropouts": dropouts(),
        "published": published(),
        "published-runs": published_runs(),
        "published-curves": published_curves(),
        "gpu": gpu(),
    }
    for path in sorted(RESULTS.glob("ablations-*.json")):
        found[path.stem] = f"{base(path.stem)}\n\n{ablations(path.stem)}"
    for table in (training, speed, loops, decoding):
        for path in sorted(RESULTS.glob(f"{table.__name__}-*.json")):
            found[path.stem] = f"{circumstances(read(path.stem))}\n\n{table(path)}"
    return found


def fill(page: str, found: dict[str, str]) -> str:
    """The page with its tables anew."""
    return MARKED.sub(lambda old: old[1] + found[old[2]] + old[4], page)


def main() -> None:
    found = tables()
    for path in PAGES:
        page = path.read_text("utf8")
        path.write_text(fill(page, found), encoding="utf8", newline="\n")
        print(f"{path}: {', '.join(name for _, name, _, _ in MARKED.findall(page))}")


if __name__ == "__main__":
    main()

"""How far a training of train.py came, as one JSON: seconds to a validation BLEU and to the end.

    python -m benchmarks.progress runs/multi30k --bleu 37 --out runs/gpu/multi30k.json

reads the folder's results.json, or, of a training that was broken off, last/progress.json.
"""

import argparse
import json
from pathlib import Path

from command.options import number
from command.results import write_json


def summary(folder: Path, mark: float) -> dict:
    """Raises FileNotFoundError where no training is."""
    ended = (folder / "results.json").exists()
    file = folder / "results.json" if ended else folder / "last" / "progress.json"
    run = json.loads(file.read_text("utf8"))
    history = run["history"]
    there = [row for row in history if (row["validation BLEU"] or 0.0) >= mark]
    losses = [row["training loss"] for row in history]
    found = {
        "finished": ended,
        "epochs": len(history),
        "seconds, validation included": history[-1]["seconds since the start"] if history else None,
        "seconds of training": sum(row["seconds"] for row in history),
        f"seconds to a validation BLEU of {mark:g}": (
            there[0]["seconds since the start"] if there else None
        ),
        "best validation BLEU": max(
            (row["validation BLEU"] or 0.0 for row in history), default=None
        ),
        "the loss falls": losses == sorted(losses, reverse=True),
    }
    about = ("command", "machine", "torch", "parameters", "scores", "recipe")
    return found | {name: run[name] for name in about if name in run} | {"history": history}


def main(arguments: list[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="the training's --out")
    parser.add_argument("--bleu", type=number(0), default=37.0)
    parser.add_argument("--out", type=Path, required=True, help="file of the result")
    chosen = parser.parse_args(arguments)
    found = summary(chosen.folder, chosen.bleu)
    write_json(found, chosen.out)
    print({name: value for name, value in found.items() if not isinstance(value, (list, dict))})
    return found


if __name__ == "__main__":
    main()

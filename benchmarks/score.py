"""The score on Multi30k: train.py's short recipe once for each seed and direction.

    python -m benchmarks.score                                    # three seeds, both directions
    python -m benchmarks.score --seeds 0 --sources en             # one
    python -m benchmarks.score --results runs/try -- --epochs 1   # after --: options for train.py

writes multi30k-<device>-<source>-<seed>.json into --results (benchmarks/results). A run that was
broken off is resumed, one that is there already is not made again.
"""

import argparse
import json
from pathlib import Path

import train
from command.options import whole
from command.results import write_json
from transformer.training import device

RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=whole(0), nargs="+", default=[0, 1, 2])
    parser.add_argument("--sources", nargs="+", default=["en", "de"], choices=["en", "de"])
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints go")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("rest", nargs="*", help="after --: options for train.py")
    options = parser.parse_args(arguments)
    if options.rest and options.results == RESULTS:
        parser.error("options for train.py need --results, a folder of their own")
    for source in options.sources:
        for seed in options.seeds:
            name = f"multi30k-{device()}-{source}-{seed}"
            result = options.results / f"{name}.json"
            if result.exists():
                print(f"there already: {result}")
                continue
            out = options.runs / name
            command = ["--data", "multi30k", "--recipe", "short", "--source", source]
            command += ["--seed", str(seed), "--out", str(out), *options.rest]
            begun = (out / "last").exists() or (out / "last.old").exists()
            train.main([*command, "--resume"] if begun else command)
            write_json(json.loads((out / "results.json").read_text("utf8")), result)


if __name__ == "__main__":
    main()

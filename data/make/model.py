"""Train the small model of data/model anew, and store its scores: `make model`, some five minutes.

Twice the epochs of notebook 06, the weights of the best epoch. Trained numbers differ a little from
machine to machine: look at the difference before you commit it, and run `make notebooks` after it.
"""

import tempfile
from pathlib import Path

import train
from command.results import write_json
from transformer.training import load_model, save_model
from utils.data import DATA, load_corpus

MODEL = DATA / "model"
SCORES = DATA.parent / "benchmarks" / "results" / "embedded-shipped.json"


def main(options: list[str] | None = None, model: Path = MODEL, scores: Path = SCORES) -> None:
    """options: for train.py, besides the recipe."""
    recipe = ["--epochs", "14", "--average", "1", "--beam", "1", *(options or [])]
    with tempfile.TemporaryDirectory() as folder:
        results = train.main([*recipe, "--out", folder])
        best, tokenizer = load_model(Path(folder) / "best")
    judged = train.test(best, tokenizer, load_corpus("embedded"), train.parse(recipe))
    results["scores"] = {split: found["greedy"] for split, found in judged.items()}
    results["command"] = "make model"
    results["options"]["out"] = "data/model"
    save_model(model, best, tokenizer)
    write_json(results, scores)


if __name__ == "__main__":
    main()

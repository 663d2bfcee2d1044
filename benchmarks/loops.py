"""The page-long `train` of notebook 06 against the trainer's `fit`, on the embedded corpus.

    python -m benchmarks.loops                            # three seeds each, some fifteen minutes
    python -m benchmarks.loops --seeds 0 --epochs 1       # a try

Both get train.py's recipe, the same first weights and the same batches; `train` works in float32,
`fit` in the precision that is fast here. They take turns, each time in a fresh process. Writes
loops-<device>.json into --out (runs/bench; the page of this folder shows what lies in results).
"""

import argparse
from dataclasses import asdict, replace
from pathlib import Path

import torch

from command.options import whole
from transformer.decoder import Transformer
from transformer.decoding import greedy_search
from transformer.trainer import RECIPES, Recipe, fit
from transformer.training import device, train, translate
from utils.data import Loader, encode_pairs, load_corpus, train_tokenizer

from . import table
from .measure import OUT, circumstances, in_fresh_process, now, write


def page_long(model: Transformer, loader: Loader, recipe: Recipe) -> None:
    train(model, loader, recipe.epochs, recipe.peak, recipe.warmup, recipe.smoothing)


LOOPS = {"notebook 06's train": page_long, "the trainer's fit": fit}


def run(name: str, recipe: Recipe) -> dict:
    """One training, timed, and the share of sentences that it translates to the letter."""
    corpus = load_corpus("embedded")
    tokenizer = train_tokenizer([*corpus["train"]["en"], *corpus["train"]["de"]], recipe.vocab_size)
    pairs = encode_pairs(tokenizer, corpus["train"])
    loader = Loader(pairs, recipe.max_tokens, True, recipe.seed, device=device())
    torch.manual_seed(recipe.seed)
    model = recipe.model(tokenizer.get_vocab_size()).to(device())
    began = now()
    LOOPS[name](model, loader, recipe)
    found = {"loop": name, "seed": recipe.seed, "seconds": now() - began}
    for split in ("test", "unseen"):
        rows = corpus[split]
        written = translate(model, tokenizer, rows["en"][:], greedy_search)
        found[split] = sum(map(str.__eq__, written, rows["de"][:])) / len(written)
    return found


def main(arguments: list[str] | None = None) -> dict:
    recipe = RECIPES["embedded"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=whole(0), nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=whole(1), default=recipe.epochs)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the result")
    chosen = parser.parse_args(arguments)
    recipe = replace(recipe, epochs=chosen.epochs)
    result = circumstances("loops", arguments, "embedded") | {"recipe": asdict(recipe), "runs": []}
    result["tokens a batch"] = recipe.max_tokens
    for seed in chosen.seeds:
        for name in LOOPS:
            result["runs"].append(in_fresh_process(run, name, replace(recipe, seed=seed)))
            print(result["runs"][-1], flush=True)
            path = write(result, chosen.out, "loops")  # should it be broken off
    print(table.loops(path), f"written: {path}", sep="\n\n")
    return result


if __name__ == "__main__":
    main()

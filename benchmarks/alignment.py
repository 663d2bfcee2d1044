"""How alignment forms: the cross-attention heads held against the truth while a model trains.

    python -m benchmarks.alignment             # train.py's settings for the embedded corpus, seed 0
    python -m benchmarks.alignment --epochs 1 --sentences 20    # a try

At a row of moments it takes down the validation loss, the exact match, the alignment error rate of
each cross-attention head, and one sentence's maps. Writes benchmarks/results/alignment-<seed>.json.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import torch
from accelerate.utils import set_seed

from command.options import whole
from transformer.alignment import (
    alignment_error_rate,
    strongest,
    true_cells,
    true_links,
    word_map,
    word_of_tokens,
)
from transformer.decoder import Transformer
from transformer.decoding import greedy_search
from transformer.heads import record_attention
from transformer.trainer import RECIPES, fit
from transformer.training import device, mean_loss, translate
from utils.data import (
    Loader,
    collate,
    encode_pairs,
    load_corpus,
    show_tokens,
    split_words,
    train_tokenizer,
)

from .measure import RESULTS, Lap, circumstances

SENTENCE = {
    "en": "The man did not carry the box because he was too tired.",
    "de": "Der Mann trug die Kiste nicht, weil er zu müde war.",
    "alignment": "0-0 1-1 2-2 3-5 4-2 5-3 6-4 7-7 8-8 9-11 10-9 11-10 12-12",
}
# Steps; the last one of the training is added
MOMENTS = (0, 20, 60, 120, 200, 300, 420, 560, 740, 1000, 1400, 2000)


def words_of(row: dict, tokenizer) -> list[list[int]]:
    """The word of each German and of each English token."""
    texts = (row["de"], row["en"])
    return [word_of_tokens(t, split_words(t), tokenizer.encode(t).offsets) for t in texts]


@torch.no_grad()
def cross_maps(model: Transformer, tokenizer, row: dict) -> torch.Tensor:
    """While the true translation is fed in: (layers, heads, target, source)."""
    pairs = encode_pairs(tokenizer, {side: [row[side]] for side in ("en", "de")})
    batch = collate(pairs).to(next(model.parameters()).device)
    with record_attention(model) as maps:
        model(batch.source, batch.target_in)
    kind = [weights for name, weights in maps.items() if name.endswith("cross_attention")]
    return torch.cat(kind).cpu()


def error_rates(model: Transformer, tokenizer, rows: list[dict]) -> torch.Tensor:
    """(layers, heads)"""
    found, true = [], []
    for row in rows:
        words = words_of(row, tokenizer)
        found.append(strongest(word_map(cross_maps(model, tokenizer, row), *words)))
        true.append(true_links(row["alignment"], *words))
    return alignment_error_rate(found, true)


def main(arguments: list[str] | None = None, folder: Path = RESULTS) -> dict:
    recipe = RECIPES["embedded"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=whole(0), default=0)
    parser.add_argument("--epochs", type=whole(1), default=recipe.epochs)
    parser.add_argument("--sentences", type=whole(1), default=200, help="of the validation split")
    options = parser.parse_args(arguments)
    recipe = replace(recipe, seed=options.seed, epochs=options.epochs)
    set_seed(recipe.seed)
    corpus = load_corpus("embedded")
    text = [*corpus["train"]["en"], *corpus["train"]["de"]]
    tokenizer = train_tokenizer(text, recipe.vocab_size)
    train = Loader(encode_pairs(tokenizer, corpus["train"]), recipe.max_tokens, True, recipe.seed)
    held_out = corpus["validation"].select(range(options.sentences))
    validation = Loader(encode_pairs(tokenizer, held_out))
    model = recipe.model(tokenizer.get_vocab_size()).to(device())
    checkpoints, maps = [], []

    def look(step: int) -> None:
        model.eval()
        written = translate(model, tokenizer, held_out["en"][:], greedy_search)
        row = {
            "step": step,
            "validation loss": mean_loss(model, validation),
            "exact match": sum(map(str.__eq__, written, held_out["de"][:])) / len(written),
            "AER": error_rates(model, tokenizer, list(held_out)).tolist(),
        }
        print({name: value for name, value in row.items() if name != "AER"}, flush=True)
        checkpoints.append(row)
        maps.append(cross_maps(model, tokenizer, SENTENCE))
        model.train()

    class Looks(Lap):
        """Looks at each of the MOMENTS and after the last step."""

        def enough(self) -> bool:
            if self.steps in MOMENTS or self.steps == len(self):
                look(self.steps)
            return False

    look(0)
    fit(model, Looks(train, recipe.epochs), replace(recipe, epochs=1))  # all that a lap has
    rates = torch.tensor(checkpoints[-1]["AER"])  # (layers, heads)
    layer, head = divmod(int(rates.argmin()), rates.size(1))
    for row, weights in zip(checkpoints, maps, strict=True):
        row["map"] = [[round(w, 3) for w in line] for line in weights[layer, head].tolist()]
    [pair] = encode_pairs(tokenizer, {side: [SENTENCE[side]] for side in ("en", "de")})
    words = words_of(SENTENCE, tokenizer)
    result = circumstances("alignment", arguments, "embedded") | {
        "seed": options.seed,
        "sentences": options.sentences,
        "checkpoints": checkpoints,
        "sentence": SENTENCE
        | {
            "source tokens": show_tokens(tokenizer, pair.source),
            "target tokens": show_tokens(tokenizer, pair.target),
            "alignment cells": [list(c) for c in true_cells(SENTENCE["alignment"], *words)],
            "layer": layer,
            "head": head,
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"alignment-{options.seed}.json"
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(result) + "\n", encoding="utf8")
    aside.replace(path)
    print("written:", path)
    return result


if __name__ == "__main__":
    main()

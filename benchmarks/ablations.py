"""The paper's Table 3 in miniature: change one thing, train again, with several seeds.

    python -m benchmarks.ablations [--seeds 3] [--epochs 3] [--only num_heads …]
    python -m benchmarks.ablations --data multi30k    # what train.py's short recipe is made of

trains a model once for each variation and seed, and adds each run to
benchmarks/results/ablations-<device>.json (ablations-multi30k-<device>.json) as soon as it is done;
a run that is there already is not made again. The schedules are short: what is compared is what a
model has learnt by then. Multi30k is judged on its validation split: settings are chosen there.
"""

import argparse
import json
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from command.options import whole
from command.results import write_json
from command.scores import scores
from transformer.decoder import Transformer, greedy_decode, xavier
from transformer.heads import MultiHeadAttention
from transformer.trainer import RECIPES, Recipe, fast_precision, fit
from transformer.training import device, mean_loss, translate
from utils.data import Loader, encode_pairs, load_corpus, train_tokenizer

RESULTS = Path(__file__).parent / "results"
BASES = {
    "embedded": replace(RECIPES["embedded"], d_model=64, num_heads=4, d_ff=128, epochs=3),
    # The usual warm-up would fill half of a short training
    "multi30k": replace(RECIPES["short"], warmup=500, epochs=8),
}
# What is changed besides, with the values that the course has; d_k None: d_model / num_heads
OTHERS = {
    "d_k": None,
    "positions": "sinusoids",
    "embedding std": "d_model^-½",
}
VARIATIONS = {
    "embedded": [
        ("base", ""),
        ("num_heads", 1),
        ("num_heads", 2),
        ("num_heads", 8),
        ("d_k", 4),
        ("num_layers", 1),
        ("num_layers", 3),
        ("d_model", 32),
        ("d_model", 128),
        ("dropout", 0.1),
        ("dropout", 0.3),
        ("smoothing", 0.0),
        ("smoothing", 0.2),
        ("positions", "learned"),
        ("positions", "none"),
        ("norm", "after"),
    ],
    "multi30k": [
        ("base", ""),
        ("dropout", 0.1),
        ("smoothing", 0.0),
        ("norm", "after"),
        ("peak", 1e-3),
        ("decay", "sqrt"),
        ("max_tokens", 4096),
        ("embedding std", "1"),
    ],
}
SPLIT = {"embedded": "test", "multi30k": "validation"}


class Plan:
    """What the variations of one corpus share: the corpus, its tokens, where to judge."""

    def __init__(self, data: str) -> None:
        self.split = SPLIT[data]
        self.corpus = load_corpus(data)
        if self.corpus["train"].info.dataset_name != data:
            raise FileNotFoundError(f"{data} could not be loaded")
        text = [*self.corpus["train"]["en"], *self.corpus["train"]["de"]]
        self.tokenizer = train_tokenizer(text, BASES[data].vocab_size)
        self.pairs = {
            name: encode_pairs(self.tokenizer, self.corpus[name]) for name in ("train", self.split)
        }


class NarrowAttention(MultiHeadAttention):
    """Heads whose queries and keys are only d_k wide; values stay d_model / num_heads wide."""

    def __init__(self, d_model: int, num_heads: int, d_k: int) -> None:
        super().__init__(d_model, num_heads)
        self.w_q = nn.Linear(d_model, num_heads * d_k)
        self.w_k = nn.Linear(d_model, num_heads * d_k)
        xavier(self)

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # (batch, heads, length, …)


def build(recipe: Recipe, others: dict, vocab_size: int) -> Transformer:
    """The model of these sizes."""
    torch.manual_seed(recipe.seed)
    model = recipe.model(vocab_size)
    if others["d_k"]:
        for layer in [*model.encoder.layers, *model.decoder.layers]:
            for name, child in list(layer.named_children()):
                if isinstance(child, MultiHeadAttention):
                    narrow = NarrowAttention(recipe.d_model, recipe.num_heads, others["d_k"])
                    setattr(layer, name, narrow)
    embedding = model.embedding
    if others["positions"] == "none":
        embedding.encoding.zero_()
    elif others["positions"] == "learned":
        start = torch.randn_like(embedding.encoding) * 0.1
        del embedding.encoding
        embedding.encoding = nn.Parameter(start)  # (max_length, d_model)
    if others["embedding std"] == "1":  # as nn.Embedding has it
        nn.init.normal_(embedding.table.weight)
    return model


def vary(base: Recipe, knob: str, value) -> tuple[Recipe, dict]:
    """The base's recipe and what stands beside it, but for one knob; "base" changes none."""
    if knob in OTHERS:
        return base, OTHERS | {knob: value}
    return (base if knob == "base" else replace(base, **{knob: value})), OTHERS


def run(plan: Plan, recipe: Recipe, others: dict) -> dict:
    """Train one variation and judge it on the plan's split."""
    model = build(recipe, others, plan.tokenizer.get_vocab_size())
    train = Loader(plan.pairs["train"], recipe.max_tokens, True, recipe.seed, device=device())
    began = time.perf_counter()
    fit(model, train, recipe)
    seconds = time.perf_counter() - began
    rows = plan.corpus[plan.split]
    found = translate(model, plan.tokenizer, rows["en"][:], partial(greedy_decode, extra=10))
    judged = scores(found, rows["de"])
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        f"{plan.split} loss": mean_loss(model, Loader(plan.pairs[plan.split], 8000)),
        "exact match": judged["exact match"],
        "BLEU": judged["BLEU"],
        "seconds": seconds,
    }


def add(row: dict, results: dict, out: Path) -> None:
    """Put the row into the file, behind what another process may have put there meanwhile."""
    if out.exists():
        results = json.loads(out.read_text("utf8"))
    results["runs"].append(row)
    write_json(results, out)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=list(BASES), default="embedded")
    parser.add_argument("--seeds", type=whole(1), default=3)
    parser.add_argument(
        "--epochs",
        type=whole(1),
        help="default: " + ", ".join(f"{base.epochs} ({name})" for name, base in BASES.items()),
    )
    parser.add_argument("--only", nargs="*", help="these knobs alone")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    stem = "ablations" if options.data == "embedded" else f"ablations-{options.data}"
    out = options.out or RESULTS / f"{stem}-{device()}.json"
    plan, base = Plan(options.data), BASES[options.data]
    base = replace(base, epochs=options.epochs or base.epochs)
    settings = asdict(base) | OTHERS | {"precision": fast_precision(), "device": device()}
    for name in (
        "seed",
        "average",
        "beam",
        "alpha",
        "patience",
        "bpe_dropout",
    ):  # each run's own, or of no account here
        del settings[name]
    command = f"python -m benchmarks.ablations --data {options.data}"
    results = {"command": command, "torch": torch.__version__, "settings": settings, "runs": []}
    done = set()
    if out.exists():
        there = json.loads(out.read_text("utf8"))
        if there["settings"] != settings:
            raise ValueError(f"{out} was made with other settings: move it away first")
        done = {(row["knob"], row["value"], row["seed"]) for row in there["runs"]}
    for seed in range(options.seeds):
        for knob, value in VARIATIONS[options.data]:
            if (knob, str(value), seed) in done or (options.only and knob not in options.only):
                continue
            row = {"knob": knob, "value": str(value), "seed": seed}
            row |= run(plan, *vary(replace(base, seed=seed), knob, value))
            short = {
                name: v if isinstance(v, (str, int)) else round(v, 3) for name, v in row.items()
            }
            print(short, flush=True)
            add(row, results, out)


if __name__ == "__main__":
    main()

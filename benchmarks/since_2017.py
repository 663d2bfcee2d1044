"""What each change since 2017 brings to a small language model of German, one at a time.

    python -m benchmarks.since_2017

trains decoder-only models of as many parameters each on the German side of the embedded corpus, on
the CPU with one thread, three seeds each, and writes results/since-2017.json after each training;
started again, it goes on with what is missing.
"""

import argparse
import json
import math
import time
from collections.abc import Collection
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.measure import RESULTS, circumstances
from command.options import whole
from command.results import write_json
from transformer.attention import causal_mask
from transformer.decoder import xavier
from transformer.encoder import Encoder, positional_encoding
from transformer.modern import GroupedQueryAttention, RMSNorm, SwiGLU, rotation
from transformer.training import load_model, mean_loss, train
from utils.data import DATA, END, PAD, Loader, Pair, load_corpus

D_MODEL, HEADS, KV_HEADS, D_FF, LAYERS = 64, 4, 2, 256, 2  # of 2017; today's d_ff is fitted
EPOCHS, PEAK, WARMUP, MAX_TOKENS = 5, 4e-3, 300, 512
SENTENCES = 4  # in a row
CHANGES = ("pre-norm", "RMSNorm", "RoPE", "SwiGLU", "grouped queries", "no biases", "no √d_model")
SMALLER = "sublayers begin smaller"  # no change since 2017, but a start
# Post-norm alone is 2017's own; all others stand on pre-norm
ROWS = {
    "2017, post-norm": (),
    "2017, pre-norm": ("pre-norm",),
    **{change: ("pre-norm", change) for change in CHANGES[1:]},
    "all with √d_model": CHANGES[:-1],
    "all: lab 08's LanguageModel": CHANGES,
    # Two tests of why the last change costs something: what the sublayers add begins √d_model times
    # smaller, as the words do. The second holds that alone against "all with √d_model".
    "all, w_o and w_down ÷ 8": (*CHANGES, SMALLER),
    "all with √d_model, w_o and w_down ÷ 8": (*CHANGES[:-1], SMALLER),
}


class InOurLayer(nn.Module):
    """Today's attention in the place of notebook 03's, its queries and keys turned or not."""

    def __init__(self, kv_heads: int, turned: bool) -> None:
        super().__init__()
        self.attention = GroupedQueryAttention(D_MODEL, HEADS, kv_heads)
        self.turned = turned

    def forward(self, x: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        cos, sin = rotation(x.size(1), self.attention.d_k)
        if not self.turned:
            cos, sin = torch.ones_like(cos), torch.zeros_like(sin)
        return self.attention(x, cos.to(x), sin.to(x))[0]


class Racer(nn.Module):
    """A decoder-only model: notebook 04's embedding and encoder under a causal mask, in which
    `changes` puts today's parts. It is called as a translator is, so that notebook 06's `train`
    trains it, but never reads the source."""

    def __init__(self, vocab_size: int, changes: Collection[str], d_ff: int) -> None:
        super().__init__()
        self.config, self.changes = {"pad": PAD}, changes
        self.table = nn.Embedding(vocab_size, D_MODEL)
        nn.init.normal_(self.table.weight, std=D_MODEL**-0.5)
        self.register_buffer("places", positional_encoding(512, D_MODEL), persistent=False)
        pre = "pre-norm" in changes
        self.encoder = Encoder(LAYERS, D_MODEL, HEADS, d_ff, dropout=0.0, norm_first=pre)
        for layer in self.encoder.layers:
            if {"RoPE", "grouped queries"} & {*changes}:
                sets = KV_HEADS if "grouped queries" in changes else HEADS
                layer.self_attention = InOurLayer(sets, "RoPE" in changes)
            if "SwiGLU" in changes:
                layer.feed_forward = SwiGLU(D_MODEL, d_ff)
            if "RMSNorm" in changes:
                layer.norm1, layer.norm2 = RMSNorm(D_MODEL), RMSNorm(D_MODEL)
        if "RMSNorm" in changes and pre:
            self.encoder.norm = RMSNorm(D_MODEL)
        for linear in self.modules():
            if isinstance(linear, nn.Linear):
                there = "no biases" not in changes
                linear.bias = nn.Parameter(torch.zeros(linear.out_features)) if there else None
        xavier(self.encoder)
        if SMALLER in changes:
            for layer in self.encoder.layers:
                for last in (layer.self_attention.attention.w_o, layer.feed_forward.w_down):
                    last.weight.data /= math.sqrt(D_MODEL)

    def forward(self, source: Tensor | None, target: Tensor) -> Tensor:
        x = self.table(target)  # (batch, length, d_model)
        if "no √d_model" not in self.changes:
            x = x * math.sqrt(D_MODEL)
        if "RoPE" not in self.changes:
            x = x + self.places[: target.size(1)]
        x = self.encoder(x, causal_mask(target.size(1), target.device))
        return F.linear(x, self.table.weight)  # (batch, length, vocab_size)


def size(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def build(vocab_size: int, changes: Collection[str], seed: int) -> Racer:
    """With a d_ff that makes it as large as 2017's, to half of what one more hidden number costs,
    and random weights from `seed`."""
    wanted = size(Racer(vocab_size, (), D_FF))
    least, more = (size(Racer(vocab_size, changes, d_ff)) for d_ff in (1, 2))
    d_ff = 1 + round((wanted - least) / (more - least))
    torch.manual_seed(seed)
    return Racer(vocab_size, changes, d_ff)


def rows_of(tokenizer, sentences: list[str], together: int) -> list[Pair]:
    """That many sentences in a row, each with its end; the source is a single token."""
    ids = [[*encoding.ids, END] for encoding in tokenizer.encode_batch(sentences)]
    firsts = range(0, len(ids) - together + 1, together)
    return [Pair([END], sum(ids[first : first + together], [])) for first in firsts]


def run(changes: Collection[str], seed: int, epochs: int) -> dict:
    """Train one and judge it: nats a token on the test split after each epoch; and at the end on
    rows of four times as many sentences."""
    _, tokenizer = load_model(DATA / "model")
    corpus = load_corpus("embedded")
    train_rows = rows_of(tokenizer, corpus["train"]["de"][:], SENTENCES)
    test, long = (
        Loader(rows_of(tokenizer, corpus["test"]["de"][:], n), 4000)
        for n in (SENTENCES, 4 * SENTENCES)
    )
    model = build(tokenizer.get_vocab_size(), changes, seed)
    batches = Loader(train_rows, MAX_TOKENS, shuffle=True, seed=seed)
    began = time.perf_counter()
    history = train(
        model,
        batches,
        epochs,
        PEAK,
        WARMUP,
        smoothing=0.0,
        evaluate=lambda model: {"test loss": mean_loss(model, test)},
    )
    return {
        "parameters": size(model),
        "steps": epochs * len(batches),
        "test loss": [row["test loss"] for row in history],
        "test loss, long rows": mean_loss(model, long),
        "seconds": time.perf_counter() - began,
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=whole(1), default=3)
    parser.add_argument("--epochs", type=whole(1), default=EPOCHS)
    parser.add_argument("--only", nargs="*", choices=list(ROWS), help="these rows alone")
    parser.add_argument("--out", type=Path, default=RESULTS / "since-2017.json")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    settings = {
        **{"d_model": D_MODEL, "heads": HEADS, "kv heads": KV_HEADS, "d_ff": D_FF},
        **{"layers": LAYERS, "epochs": options.epochs, "peak": PEAK, "warmup": WARMUP},
        **{"tokens a batch": MAX_TOKENS, "sentences a row": SENTENCES},
    }
    results = circumstances("since_2017", arguments, "embedded")
    results |= {"device": "cpu", "precision": "no", "settings": settings, "runs": []}
    if options.out.exists():
        there = json.loads(options.out.read_text("utf8"))
        if there["settings"] != settings:
            raise ValueError(f"{options.out} was made with other settings: move it away first")
        results = there
    done = {(row["changed"], row["seed"]) for row in results["runs"]}
    for seed in range(options.seeds):
        for name, changes in ROWS.items():
            if (name, seed) in done or (options.only and name not in options.only):
                continue
            row = {"changed": name, "seed": seed} | run(changes, seed, options.epochs)
            last, long = row["test loss"][-1], row["test loss, long rows"]
            print(f"{name}, seed {seed}: {last:.4f}, long {long:.4f}, {row['seconds']:.0f} s")
            results["runs"].append(row)
            write_json(results, options.out)


if __name__ == "__main__":
    main()

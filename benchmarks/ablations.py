"""The paper's Table 3 in miniature: change one thing, train again, with several seeds.

    python -m benchmarks.ablations [--seeds 3] [--epochs 3] [--only heads …]

trains a small model on the embedded corpus once for each variation and seed, and adds each run to
benchmarks/results/ablations-<device>.json as soon as it is done; a run that is there already is not
made again. The schedule is short: what is compared is what a model has learnt by then.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from transformer.decoder import Transformer, greedy_decode, xavier
from transformer.heads import MultiHeadAttention
from transformer.training import fit, hardware, mean_loss, translate
from utils.data import encode_pairs, load_corpus, loader, train_tokenizer
from utils.scores import scores

RESULTS = Path(__file__).parent / "results"
BASE = {
    "vocab_size": 1500, "max_tokens": 512, "peak": 4e-3, "warmup": 300, "heads": 4, "d_k": 16,
    "layers": 2, "d_model": 64, "d_ff": 128, "dropout": 0.0, "smoothing": 0.1,
    "positions": "sinusoids", "norm": "before",
}  # fmt: skip
VARIATIONS = [
    ("base", ""), ("heads", 1), ("heads", 2), ("heads", 8), ("d_k", 4), ("layers", 1),
    ("layers", 3), ("d_model", 32), ("d_model", 128), ("dropout", 0.1), ("dropout", 0.3),
    ("smoothing", 0.0), ("smoothing", 0.2), ("positions", "learned"), ("positions", "none"),
    ("norm", "after"),
]  # fmt: skip


class NarrowAttention(MultiHeadAttention):
    """Heads whose queries and keys are only d_k wide; values stay d_model / num_heads wide."""

    def __init__(self, d_model: int, num_heads: int, d_k: int) -> None:
        super().__init__(d_model, num_heads)
        self.w_q = nn.Linear(d_model, num_heads * d_k)
        self.w_k = nn.Linear(d_model, num_heads * d_k)
        xavier(self)

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # (batch, heads, length, …)


def build(sizes: dict) -> Transformer:
    """The model of these sizes. With other heads than the base's, d_k follows: d_model / heads."""
    d_model, heads = sizes["d_model"], sizes["heads"]
    model = Transformer(
        sizes["vocab_size"], d_model, heads, sizes["d_ff"], sizes["layers"], sizes["dropout"],
        norm_first=sizes["norm"] == "before",
    )  # fmt: skip
    if sizes["d_k"] != BASE["d_k"]:
        for layer in [*model.encoder.layers, *model.decoder.layers]:
            for name, child in list(layer.named_children()):
                if isinstance(child, MultiHeadAttention):
                    setattr(layer, name, NarrowAttention(d_model, heads, sizes["d_k"]))
    embedding = model.embedding
    if sizes["positions"] == "none":
        embedding.encoding.zero_()
    elif sizes["positions"] == "learned":
        start = torch.randn_like(embedding.encoding) * 0.1
        del embedding.encoding
        embedding.encoding = nn.Parameter(start)  # (max_length, d_model)
    return model


def run(knob: str, value, seed: int, epochs: int, corpus, tokenizer, pairs: dict) -> dict:
    """Train one variation and judge it on the test split."""
    sizes = BASE if knob == "base" else BASE | {knob: value}
    torch.manual_seed(seed)
    model = build(sizes)
    train = loader(pairs["train"], sizes["max_tokens"], shuffle=True, seed=seed)
    began = time.perf_counter()
    fit(model, train, epochs, sizes["peak"], sizes["warmup"], sizes["smoothing"])
    seconds = time.perf_counter() - began
    rows = corpus["test"]
    found = translate(model, tokenizer, rows["en"][:], partial(greedy_decode, extra=10))
    judged = scores(found, rows["de"])
    return {
        "knob": knob, "value": str(value), "seed": seed,
        "parameters": sum(p.numel() for p in model.parameters()),
        "test loss": mean_loss(model, loader(pairs["test"], 8000)),
        "exact match": judged["exact match"], "BLEU": judged["BLEU"], "seconds": seconds,
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--only", nargs="*", help="these knobs alone")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    device, precision = hardware()
    out = options.out or RESULTS / f"ablations-{device}.json"
    corpus = load_corpus("embedded")
    train_text = [*corpus["train"]["en"], *corpus["train"]["de"]]
    tokenizer = train_tokenizer(train_text, BASE["vocab_size"])
    pairs = {split: encode_pairs(tokenizer, corpus[split]) for split in ("train", "test")}
    settings = BASE | {"epochs": options.epochs, "precision": precision, "device": device}
    results = {"command": "python -m benchmarks.ablations", "torch": torch.__version__,
               "settings": settings, "runs": []}  # fmt: skip
    if out.exists():
        there = json.loads(out.read_text("utf8"))
        if there["settings"] != settings:
            raise ValueError(f"{out} was made with other settings: move it away first")
        results["runs"] = there["runs"]
    done = {(row["knob"], row["value"], row["seed"]) for row in results["runs"]}
    for seed in range(options.seeds):
        for knob, value in VARIATIONS:
            if (knob, str(value), seed) in done or (options.only and knob not in options.only):
                continue
            row = run(knob, value, seed, options.epochs, corpus, tokenizer, pairs)
            print(
                {name: v if isinstance(v, (str, int)) else round(v, 3) for name, v in row.items()}
            )
            results["runs"].append(row)
            aside = out.with_name(out.name + ".new")
            aside.write_text(json.dumps(results, indent=1) + "\n", encoding="utf8")
            aside.replace(out)


if __name__ == "__main__":
    main()

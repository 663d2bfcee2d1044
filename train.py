"""Notebook 06 without the notebook: train the course's Transformer into a translator.

    python train.py                                          # the embedded corpus, minutes on a CPU
    python train.py --data multi30k --epochs 20              # Multi30k: MULTI30K_DIR or the hub
    python train.py --data multi30k --epochs 20 --resume     # after an interruption

Writes into the --out folder: tokenizer.json, the checkpoints `last` and `best`, results.json.
"""

import argparse
import json
import platform
import sys
import time
from functools import partial
from pathlib import Path

import sacrebleu
import torch
from accelerate.utils import set_seed

from transformer.decoder import Transformer, greedy_decode
from transformer.training import fit, hardware, load_checkpoint, mean_loss, translate
from utils.data import (
    encode_pairs,
    load_corpus,
    load_tokenizer,
    loader,
    save_tokenizer,
    train_tokenizer,
)

# The embedded corpus's settings are what README.md measures; Multi30k's are a first choice
DEFAULTS = {
    "embedded": dict(
        vocab_size=1500, d_model=128, num_heads=8, d_ff=256, num_layers=2, dropout=0.0,
        max_tokens=512, epochs=7, peak=4e-3, warmup=300, smoothing=0.1,
    ),
    "multi30k": dict(
        vocab_size=8000, d_model=128, num_heads=4, d_ff=256, num_layers=4, dropout=0.1,
        max_tokens=2048, epochs=20, peak=2e-3, warmup=400, smoothing=0.1,
    ),
}  # fmt: skip


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=DEFAULTS, default="embedded")
    parser.add_argument("--out", type=Path, help="default: runs/<data>")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from <out>/last")
    for name, value in DEFAULTS["embedded"].items():
        other = DEFAULTS["multi30k"][name]
        parser.add_argument(
            "--" + name.replace("_", "-"), type=type(value),
            help=f"default: {value} (embedded), {other} (multi30k)",
        )  # fmt: skip
    options = parser.parse_args(arguments)
    options.out = options.out or Path("runs") / options.data
    for name, value in DEFAULTS[options.data].items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def test(model: Transformer, tokenizer, rows, extra: int = 50) -> dict:
    """Greedy translations of a split held against its references; extra: see greedy_decode."""
    bleu = sacrebleu.BLEU()
    found = translate(model, tokenizer, rows["en"][:], partial(greedy_decode, extra=extra))
    score = bleu.corpus_score(found, [list(rows["de"])])
    exact = sum(map(str.__eq__, found, rows["de"])) / len(found)
    return {"BLEU": score.score, "exact match": exact, "signature": str(bleu.get_signature())}


def main(arguments: list[str] | None = None) -> dict:
    options = parse(arguments)
    set_seed(options.seed)
    corpus = load_corpus(options.data)
    if options.resume:
        tokenizer = load_tokenizer(options.out / "tokenizer.json")
    else:
        sentences = [*corpus["train"]["en"], *corpus["train"]["de"]]
        tokenizer = train_tokenizer(sentences, options.vocab_size)
        save_tokenizer(tokenizer, options.out / "tokenizer.json")
    pairs = {split: encode_pairs(tokenizer, rows) for split, rows in corpus.items()}
    train = loader(pairs["train"], options.max_tokens, shuffle=True, seed=options.seed)
    validation = loader(pairs["validation"], options.max_tokens)
    model = Transformer(
        tokenizer.get_vocab_size(), options.d_model, options.num_heads, options.d_ff,
        options.num_layers, options.dropout, norm_first=True,
    )  # fmt: skip
    print(
        f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(train)} batches an epoch"
    )

    def evaluate(model: Transformer) -> dict[str, float]:
        found = {"validation loss": mean_loss(model, validation)}
        # A model that knows little rarely ends a sentence: it need not babble on for 50 tokens
        found["validation BLEU"] = test(model, tokenizer, corpus["validation"], extra=10)["BLEU"]
        print("  " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()), flush=True)
        return found

    began = time.perf_counter()
    history = fit(
        model, train, options.epochs, options.peak, options.warmup, options.smoothing,
        evaluate, options.out, go_on=options.resume,
    )  # fmt: skip
    best, _ = load_checkpoint(options.out / "best", hardware()[0])
    held_out = {split: rows for split, rows in corpus.items() if split != "train"}
    scores = {split: test(best, tokenizer, rows) for split, rows in held_out.items()}
    results = {
        "command": " ".join(["train.py", *(sys.argv[1:] if arguments is None else arguments)]),
        "corpus": corpus["train"].info.dataset_name,
        "options": {name: str(v) if name == "out" else v for name, v in vars(options).items()},
        "parameters": sum(p.numel() for p in model.parameters()),
        "machine": f"{hardware()[0]}, {torch.get_num_threads()} threads, {platform.machine()}",
        "torch": torch.__version__,
        "seconds of training": sum(row["seconds"] for row in history),
        "seconds with evaluation": time.perf_counter() - began,
        "history": history,
        "scores": scores,
    }
    aside = options.out / "results.json.new"
    aside.write_text(json.dumps(results, indent=2) + "\n", encoding="utf8")
    aside.replace(options.out / "results.json")
    print(json.dumps(scores, indent=2))
    return results


if __name__ == "__main__":
    main()

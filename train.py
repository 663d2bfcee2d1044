"""Notebook 06 without the notebook: train the course's Transformer into a translator.

    python train.py                                          # the embedded corpus, minutes on a CPU
    python train.py --data multi30k                          # Multi30k: MULTI30K_DIR or the hub
    python train.py --data multi30k --resume                 # after an interruption
    python train.py --data my_pairs --source fr              # a folder: see utils.data.load_corpus
    accelerate launch --multi_gpu train.py --data multi30k   # on all GPUs of the machine

Writes into the --out folder: options.json, tokenizer.json, the checkpoints `last` and `best`, those
of the last epochs and their `average`, results.json.
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
from accelerate import PartialState
from accelerate.utils import set_seed

from transformer.decoder import Transformer
from transformer.inference import beam_search, greedy_search
from transformer.training import (
    average_checkpoints,
    fit,
    hardware,
    load_checkpoint,
    mean_loss,
    save_checkpoint,
    translate,
)
from utils.data import (
    check_lengths,
    encode_pairs,
    load_corpus,
    load_tokenizer,
    loader,
    save_tokenizer,
    train_tokenizer,
)
from utils.scores import scores

# What README.md measures
DEFAULTS = {
    "embedded": dict(
        vocab_size=1500, d_model=128, num_heads=8, d_ff=256, num_layers=2, dropout=0.0,
        max_tokens=512, epochs=7, peak=4e-3, warmup=300, smoothing=0.1, average=1,
        decay="linear",
    ),
    "multi30k": dict(
        vocab_size=8000, d_model=128, num_heads=4, d_ff=256, num_layers=4, dropout=0.3,
        max_tokens=2048, epochs=35, peak=4e-3, warmup=1000, smoothing=0.1, average=8,
        decay="linear",
    ),
}  # fmt: skip
CHOICES = {"decay": ["linear", "sqrt"]}
# What --resume may not change
FIXED = (
    "data", "source", "seed", "max_length", "vocab_size", "d_model", "num_heads", "d_ff",
    "num_layers", "dropout", "max_tokens", "peak", "warmup", "smoothing", "decay",
)  # fmt: skip


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", default="embedded", help="embedded, multi30k, or a folder of your own pairs, "
        "with multi30k's sizes unless you choose others (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--source", help="column to translate from (default: the first)")
    parser.add_argument("--out", type=Path, help="default: runs/<data>")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from <out>/last")
    parser.add_argument("--minutes", type=float, default=10, help="between two checkpoints")
    parser.add_argument("--precision", choices=["no", "fp16", "bf16"], help="default: what is fast")
    parser.add_argument("--beam", type=int, default=5, help="beam of the last test, 1: greedy only")
    parser.add_argument("--alpha", type=float, default=1.5, help="length penalty of the beam")
    parser.add_argument(
        "--max-length", type=int, default=256, help="tokens of a sentence at most (default: 256)"
    )
    for name, value in DEFAULTS["embedded"].items():
        other = DEFAULTS["multi30k"][name]
        parser.add_argument(
            "--" + name.replace("_", "-"), type=type(value), choices=CHOICES.get(name),
            help=f"default: {value} (embedded), {other} (multi30k)",
        )  # fmt: skip
    options = parser.parse_args(arguments)
    options.out = options.out or Path("runs") / Path(options.data).name
    for name, value in DEFAULTS.get(options.data, DEFAULTS["multi30k"]).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def test(model: Transformer, tokenizer, corpus, options) -> dict:
    """The scores of every split held out from training, greedily and by beam search."""
    source, target = sides(corpus, options.source)
    searches = {"greedy": greedy_search}
    if options.beam > 1:
        beam = partial(beam_search, beam_size=options.beam, alpha=options.alpha)
        searches[f"beam {options.beam}"] = beam
    return {
        split: {
            name: scores(translate(model, tokenizer, rows[source][:], search), rows[target], target)
            for name, search in searches.items()
        }
        for split, rows in corpus.items()
        if split != "train"
    }


def sides(corpus, source: str | None) -> tuple[str, str]:
    """The columns to translate from and to."""
    columns = corpus["train"].column_names[:2]
    source = source or columns[0]
    if source not in columns:
        raise ValueError(f'there is no column "{source}" to translate from, only {columns}')
    return source, columns[1 - columns.index(source)]


def main(arguments: list[str] | None = None) -> dict:
    options = parse(arguments)
    set_seed(options.seed)
    corpus = load_corpus(options.data)
    source, target = sides(corpus, options.source)
    options.source = source
    if options.data == "multi30k" and corpus["train"].info.dataset_name != "multi30k":
        raise FileNotFoundError("Multi30k could not be loaded: nothing was trained")
    main_process = PartialState(cpu=hardware()[0] == "cpu").is_main_process
    if options.resume:
        check_options(options)
        tokenizer = load_tokenizer(options.out / "tokenizer.json")
    else:
        sentences = [*corpus["train"][source], *corpus["train"][target]]
        tokenizer = train_tokenizer(sentences, options.vocab_size)
        if main_process:
            save_tokenizer(tokenizer, options.out / "tokenizer.json")
            write_json(plain(options), options.out / "options.json")
    pairs = {split: encode_pairs(tokenizer, rows, source, target) for split, rows in corpus.items()}
    for split, of_split in pairs.items():
        check_lengths(of_split, options.max_length, split)
    train = loader(pairs["train"], options.max_tokens, shuffle=True, seed=options.seed)
    validation = loader(pairs["validation"], options.max_tokens)
    model = Transformer(
        tokenizer.get_vocab_size(), options.d_model, options.num_heads, options.d_ff,
        options.num_layers, options.dropout, norm_first=True, max_length=options.max_length,
    )  # fmt: skip
    parameters = sum(p.numel() for p in model.parameters())
    began = time.perf_counter() - (seconds_before(options.out) if options.resume else 0)
    if main_process:
        print(f"{parameters:,} parameters, {len(train)} steps an epoch", flush=True)

    def evaluate(model: Transformer) -> dict[str, float]:
        rows = corpus["validation"]
        # A model that knows little rarely ends a sentence: it need not babble on for 50 tokens
        search = partial(greedy_search, extra=10)
        written = translate(model, tokenizer, rows[source][:], search)
        found = {
            "validation loss": mean_loss(model, validation),
            "validation BLEU": sacrebleu.corpus_bleu(written, [rows[target][:]]).score,
            "seconds since the start": time.perf_counter() - began,
        }
        print("  " + ", ".join(f"{name} {value:.3f}" for name, value in found.items()), flush=True)
        return found

    history = fit(
        model, train, options.epochs, options.peak, options.warmup, options.smoothing,
        evaluate, options.out, options.resume, options.minutes,
        options.average if options.average > 1 else 0, options.precision,
        options.decay == "linear",
    )  # fmt: skip
    results = {
        "command": " ".join(["train.py", *(sys.argv[1:] if arguments is None else arguments)]),
        "corpus": corpus["train"].info.dataset_name,
        "options": plain(options),
        "parameters": parameters,
        "machine": machine(options.precision),
        "torch": torch.__version__,
        "seconds of training": sum(row["seconds"] for row in history),
        "seconds with evaluation": time.perf_counter() - began,
        "history": history,
    }
    if main_process:
        names, results["scores"] = ["last"], {}
        if options.average > 1:
            names.append("average")
            kept = [options.out / "epochs" / f"{row['epoch']:03}" for row in history]
            kept = [folder for folder in kept if folder.exists()][-options.average :]
            save_checkpoint(options.out / "average", average_checkpoints(kept))
        for name in names:
            trained, _ = load_checkpoint(options.out / name, hardware()[0])
            results["scores"][name] = test(trained, tokenizer, corpus, options)
        write_json(results, options.out / "results.json")
        for name, splits in results["scores"].items():
            for search, found in splits["test"].items():
                print(f"test, {name} weights, {search}: BLEU {found['BLEU']:.2f}")
    return results


def plain(options: argparse.Namespace) -> dict:
    """The options as JSON has them."""
    return {name: str(v) if name == "out" else v for name, v in vars(options).items()}


def write_json(values: dict, path: Path) -> None:
    """The values as JSON, aside first and then renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".new")
    aside.write_text(json.dumps(values, indent=2) + "\n", encoding="utf8")
    aside.replace(path)


def check_options(options: argparse.Namespace) -> None:
    """Raises ValueError where --resume comes with other settings than the run was begun with."""
    path = options.out / "options.json"
    begun = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
    now = vars(options)
    other = [
        f"--{name.replace('_', '-')} {begun[name]}, not {now[name]}"
        for name in FIXED
        if name in begun and begun[name] != now[name]
    ]
    if other:
        raise ValueError(f"the training in {options.out} was begun with {', '.join(other)}")


def seconds_before(folder: Path) -> float:
    """How long the run in `folder` had taken at its last finished epoch."""
    _, state = load_checkpoint(folder / "last")
    rows = state["history"] if state else []
    return rows[-1].get("seconds since the start", 0.0) if rows else 0.0


def machine(precision: str | None) -> str:
    """What it ran on, in words."""
    device, fast = hardware()
    name = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    processes, threads = PartialState().num_processes, torch.get_num_threads()
    return f"{device} ({name}), {processes} × {threads} threads, precision {precision or fast}"


if __name__ == "__main__":
    main()

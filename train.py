"""Notebook 06 without the notebook: train the course's Transformer into a translator.

    python train.py                                          # the embedded corpus, minutes on a CPU
    python train.py --data multi30k                          # Multi30k: MULTI30K_DIR or the hub
    python train.py --data multi30k --resume                 # after an interruption
    python train.py --data my_pairs --source fr              # a folder: see utils.data.load_corpus
    accelerate launch --multi_gpu train.py --data multi30k   # on all GPUs of the machine

Writes into the --out folder, which must be new or empty: options.json, the checkpoints `last` and
`best`, those of the last epochs and their `average`, results.json. A checkpoint holds the weights
and their tokenizer.
"""

import argparse
import hashlib
import json
import platform
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import set_seed

from command.options import number, whole
from command.recipes import DEFAULTS, write_json
from command.scores import in_words, scores
from transformer.decoder import Transformer
from transformer.inference import beam_search, greedy_search
from transformer.training import (
    average_checkpoints,
    claim,
    fit,
    hardware,
    load_checkpoint,
    load_model,
    mean_loss,
    save_model,
    translate,
)
from translate import ALPHA, need_tokenizer
from utils.data import Loader, Pair, encode_pairs, load_corpus, train_tokenizer

TYPES = {
    "vocab_size": whole(259),
    "d_model": whole(2),
    "dropout": number(0, below=1),
    "peak": number(0, above=True),
    "warmup": whole(0),
    "smoothing": number(0, below=1),
    "decay": str,
}
CHOICES = {"decay": ["linear", "sqrt"]}
# What --resume may change
FREE = {"out", "resume", "minutes", "precision", "beam", "alpha", "epochs", "average", "pairs"}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        default="embedded",
        help="embedded, multi30k, or a folder of your own pairs, with multi30k's sizes unless you "
        "choose others (default: %(default)s)",
    )
    parser.add_argument("--source", help="column to translate from (default: the first)")
    parser.add_argument(
        "--out",
        type=Path,
        help="default: runs/<data>, with -<source> and -seed<seed> after it where these are given",
    )
    parser.add_argument("--seed", type=whole(0), default=0)
    parser.add_argument("--resume", action="store_true", help="go on from <out>/last")
    parser.add_argument(
        "--minutes", type=number(0), default=10.0, help="between two checkpoints (%(default)s)"
    )
    parser.add_argument("--precision", choices=["no", "fp16", "bf16"], help="default: what is fast")
    parser.add_argument(
        "--beam", type=whole(1), default=5, help="beam of the last test, 1: greedy only"
    )
    parser.add_argument(
        "--alpha", type=number(0), default=ALPHA, help="length penalty of the beam (%(default)s)"
    )
    parser.add_argument(
        "--max-length",
        type=whole(2),
        default=256,
        help="tokens of a sentence at most (%(default)s)",
    )
    for name, value in DEFAULTS["embedded"].items():
        other = DEFAULTS["multi30k"][name]
        parser.add_argument(
            "--" + name.replace("_", "-"),
            type=TYPES.get(name, whole(1)),
            choices=CHOICES.get(name),
            help=f"default: {value} (embedded), {other} (multi30k)",
        )
    options = parser.parse_args(arguments)
    for name, value in DEFAULTS.get(options.data, DEFAULTS["multi30k"]).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.d_model % 2 or options.d_model % options.num_heads:
        parser.error(
            f"--d-model must be even and divisible by --num-heads, {options.num_heads}, "
            f"not {options.d_model}"
        )
    options.data = place(options.data)
    if options.out is None:
        name = Path(options.data).name
        name += f"-{options.source}" if options.source else ""
        options.out = Path("runs") / (name + (f"-seed{options.seed}" if options.seed else ""))
    return options


def place(data: str) -> str:
    """A folder's full path, whichever way it is written; another corpus's name as it is."""
    return data if data in DEFAULTS else str(Path(data).resolve())


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
    options.source, _ = sides(corpus, options.source)
    if options.data == "multi30k" and corpus["train"].info.dataset_name != "multi30k":
        raise FileNotFoundError("Multi30k could not be loaded: nothing was trained")
    options.pairs = fingerprint(corpus)
    main_process = PartialState(cpu=hardware()[0] == "cpu").is_main_process
    if options.resume:
        check_options(options)
    elif main_process:
        check_unused(options.out)
    with claim(options.out) if main_process else nullcontext():
        results = run(options, corpus, main_process)
        results["command"] = " ".join(
            ["train.py", *(sys.argv[1:] if arguments is None else arguments)]
        )
        if main_process:
            write_json(results, options.out / "results.json")
    return results


def run(options: argparse.Namespace, corpus, main_process: bool) -> dict:
    """The training, and the scores of what it has trained."""
    source, target = sides(corpus, options.source)
    saved = any((options.out / name).exists() for name in ("last", "last.old"))
    go_on, before = options.resume and saved, 0.0
    if go_on:
        _, tokenizer, state = load_checkpoint(options.out / "last")
        need_tokenizer(tokenizer, options.out / "last")
        before = seconds_before(state)
    else:
        if options.resume:
            print(f"nothing was saved in {options.out} yet: beginning anew", flush=True)
        sentences = [*corpus["train"][source], *corpus["train"][target]]
        tokenizer = train_tokenizer(sentences, options.vocab_size)
    pairs = {split: encode_pairs(tokenizer, rows, source, target) for split, rows in corpus.items()}
    for split, of_split in pairs.items():
        check_lengths(of_split, options.max_length, split)
    devices = PartialState()
    train = Loader(
        pairs["train"],
        options.max_tokens,
        shuffle=True,
        seed=options.seed,
        device=devices.device,
        rank=devices.process_index,
        world=devices.num_processes,
    )
    validation = Loader(pairs["validation"], options.max_tokens)
    model = Transformer(
        tokenizer.get_vocab_size(),
        options.d_model,
        options.num_heads,
        options.d_ff,
        options.num_layers,
        options.dropout,
        norm_first=True,
        max_length=options.max_length,
    )
    if main_process and not go_on:
        write_json(plain(options), options.out / "options.json")
    parameters = sum(p.numel() for p in model.parameters())
    began = time.perf_counter() - before
    if main_process:
        print(f"{parameters:,} parameters, {len(train)} steps an epoch", flush=True)

    def evaluate(model: Transformer) -> dict[str, float]:
        rows = corpus["validation"]
        # A model that knows little rarely ends a sentence: it need not babble on for 50 tokens
        search = partial(greedy_search, extra=10)
        judged = scores(translate(model, tokenizer, rows[source][:], search), rows[target], target)
        loss, seconds = mean_loss(model, validation), time.perf_counter() - began
        print(f"  validation loss {loss:.3f}, {in_words(judged)}, {seconds:.0f} s", flush=True)
        return {
            "validation loss": loss,
            "validation BLEU": judged["BLEU"],
            "validation chrF": judged["chrF"],
            "validation exact match": judged["exact match"],
            "seconds since the start": seconds,
        }

    history = fit(
        model,
        train,
        options.epochs,
        options.peak,
        options.warmup,
        options.smoothing,
        evaluate,
        folder=options.out,
        go_on=go_on,
        minutes=options.minutes,
        keep_epochs=options.average if options.average > 1 else 0,
        precision=options.precision,
        to_zero=options.decay == "linear",
        tokenizer=tokenizer,
    )
    results = {
        "command": "",
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
            save_model(options.out / "average", average_checkpoints(kept), tokenizer)
        for name in names:
            trained, _ = load_model(options.out / name, hardware()[0])
            results["scores"][name] = test(trained, tokenizer, corpus, options)
        for name, splits in results["scores"].items():
            for search, found in splits["test"].items():
                print(f"test, {name} weights, {search}: {in_words(found)}")
    return results


def check_lengths(pairs: list[Pair], max_length: int, name: str) -> None:
    """Raises ValueError when a side of a pair has more tokens than a model of max_length takes.

    name: what the pairs are called in the message, say "train".
    """
    for row, pair in enumerate(pairs):
        for side, ids in (("source", pair.source), ("target", pair.target)):
            if len(ids) > max_length:
                raise ValueError(
                    f"{name} pair {row}: its {side} has {len(ids)} tokens, the model takes "
                    f"{max_length}. Leave the pair out, or choose a larger max_length"
                )


def fingerprint(corpus) -> str:
    """Another one for other pairs."""
    digest = hashlib.sha256()
    for split, rows in corpus.items():
        for column in rows.column_names[:2]:
            digest.update("\0".join([split, column, *rows[column]]).encode())
    return digest.hexdigest()[:16]


def check_unused(out: Path) -> None:
    """Raises FileExistsError where anything lies in the folder that a new training is to have."""
    there = (
        sorted(path.name for path in out.iterdir() if path.name != ".lock") if out.exists() else []
    )
    if "options.json" in there:
        raise FileExistsError(
            f"{out} holds a training already: --resume goes on with it, another --out begins a new "
            "one"
        )
    if there:
        raise FileExistsError(f"{out} is not empty, it holds {there[0]}: choose another --out")


def plain(options: argparse.Namespace) -> dict:
    """The options as JSON has them."""
    return {name: str(v) if name == "out" else v for name, v in vars(options).items()}


def check_options(options: argparse.Namespace) -> None:
    """Raises FileNotFoundError where --resume finds no training, ValueError where it comes with
    other settings or other pairs than the training was begun with."""
    path, now = options.out / "options.json", vars(options)
    if not path.exists():
        raise FileNotFoundError(f"there is no training in {options.out} to go on with")
    try:
        begun = json.loads(path.read_text(encoding="utf8"))
        begun["data"] = place(begun["data"])
    except (ValueError, TypeError, KeyError):
        raise ValueError(f"{path} was not written by train.py, or is damaged") from None
    other = [
        f"--{name.replace('_', '-')} {begun[name]}, not {now[name]}"
        for name in now
        if name in begun and name not in FREE and begun[name] != now[name]
    ]
    if other:
        raise ValueError(f"the training in {options.out} was begun with {', '.join(other)}")
    if begun.get("pairs", options.pairs) != options.pairs:
        raise ValueError(
            f"the pairs of {options.data} are not those that the training in {options.out} was "
            "begun with: begin a new one, with another --out"
        )


def seconds_before(state: dict | None) -> float:
    """How long a run had taken at its last finished epoch."""
    rows = state["history"] if state else []
    return rows[-1].get("seconds since the start", 0.0) if rows else 0.0


def machine(precision: str | None) -> str:
    """What it ran on, in words."""
    device, fast = hardware()
    name = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    processes, threads = PartialState().num_processes, torch.get_num_threads()
    return f"{device} ({name}), {processes} × {threads} threads, precision {precision or fast}"


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"train.py: {error}")

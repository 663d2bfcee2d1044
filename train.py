"""Lab 06 without the notebook: train the course's Transformer into a translator.

    python train.py                                          # the embedded corpus, minutes on a CPU
    python train.py --data multi30k                          # Multi30k: MULTI30K_DIR or the hub
    python train.py --data multi30k --recipe short           # sooner: see benchmarks/README.md
    python train.py --data multi30k --resume                 # after an interruption
    python train.py --data my_pairs --source fr              # a folder: see utils.data.load_corpus
    accelerate launch --multi_gpu train.py --data multi30k   # on all GPUs of the machine

Writes into the --out folder, which must be new or empty: the checkpoints `last` and `best`, those
of the last epochs and their `average`, results.json. Each holds weights and tokenizer, `last` also
what a training needs to go on. What each option from --vocab-size on means stands in class Recipe,
transformer/trainer.py.
"""

import argparse
import platform
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import set_seed
from tokenizers import Tokenizer

from command.options import number, whole
from command.results import write_json
from command.scores import in_words, quick_scores, scores
from transformer import trainer
from transformer.decoder import Transformer
from transformer.decoding import beam_search, greedy_search
from transformer.trainer import (
    RECIPES,
    Recipe,
    average_checkpoints,
    claim,
    fast_precision,
    fit,
    read_checkpoint,
    whole_checkpoint,
)
from transformer.training import device, load_model, mean_loss, save_model, translate
from translate import need_tokenizer
from utils.data import (
    CORPORA,
    Loader,
    Pair,
    encode_pairs,
    fingerprint,
    load_corpus,
    train_tokenizer,
)

# The least of each number in a recipe; what is not here is a whole number from 1 on
TYPES = {
    "vocab_size": whole(259),
    "d_model": whole(2),
    "max_length": whole(2),
    "dropout": number(0, below=1),
    "peak": number(0, above=True),
    "warmup": whole(0),
    "smoothing": number(0, below=1),
    "weight_decay": number(0),
    "alpha": number(0),
    "seed": whole(0),
    "decay": str,
    "norm": str,
    "patience": whole(0),
    "bpe_dropout": number(0, below=1),
}
CHOICES = {"decay": ["linear", "sqrt"], "norm": ["before", "after"]}
BATCH = {"cpu": 100, "cuda": 500}  # sentences translated at once


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        default="embedded",
        help="embedded, multi30k, or a folder of your own pairs, with short's sizes unless you "
        "choose others (default: %(default)s)",
    )
    parser.add_argument(
        "--recipe", dest="named", choices=RECIPES, help="default: the corpus's, else short"
    )
    parser.add_argument("--source", help="column to translate from (default: the first)")
    parser.add_argument(
        "--out",
        type=Path,
        help="default: runs/<data>, with -<recipe>, -<source> and -seed<seed> after it where given",
    )
    parser.add_argument("--resume", action="store_true", help="go on from <out>/last")
    parser.add_argument(
        "--minutes", type=number(0), default=10.0, help="between two checkpoints (%(default)s)"
    )
    parser.add_argument("--precision", choices=["no", "fp16", "bf16"], help="default: what is fast")
    for knob in fields(Recipe):
        values: dict = {}
        for name, recipe in RECIPES.items():
            values.setdefault(getattr(recipe, knob.name), []).append(name)
        words = [f"{value} ({', '.join(names)})" for value, names in values.items()]
        parser.add_argument(
            "--" + knob.name.replace("_", "-"),
            type=TYPES.get(knob.name, whole(1)),
            choices=CHOICES.get(knob.name),
            help=f"default: {', '.join(words) if len(words) > 1 else knob.default}",
        )
    options = parser.parse_args(arguments)
    given = {knob.name: getattr(options, knob.name) for knob in fields(Recipe)}
    given = {name: value for name, value in given.items() if value is not None}
    options.recipe = replace(RECIPES.get(options.named or options.data, Recipe()), **given)
    vars(options).update(asdict(options.recipe))
    if options.d_model % 2 or options.d_model % options.num_heads:
        parser.error(
            f"--d-model must be even and divisible by --num-heads, {options.num_heads}, "
            f"not {options.d_model}"
        )
    options.data = place(options.data)
    if options.out is None:
        name = Path(options.data).name
        parts = [options.named, options.source, options.seed and f"seed{options.seed}"]
        options.out = Path("runs") / "-".join([name, *(part for part in parts if part)])
    return options


def place(data: str) -> str:
    """A folder's full path, whichever way it is written; another corpus's name as it is."""
    return data if data in CORPORA else str(Path(data).resolve())


def test(model: Transformer, tokenizer, corpus, options) -> dict:
    """The scores of every split held out from training, greedily and by beam search."""
    source, target = sides(corpus, options.source)
    searches = {"greedy": greedy_search}
    if options.beam > 1:
        beam = partial(beam_search, beam_size=options.beam, alpha=options.alpha)
        searches[f"beam {options.beam}"] = beam
    return {
        split: {
            name: scores(
                translate(model, tokenizer, rows[source][:], search, BATCH[device()]),
                rows[target],
                target,
            )
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
    options.source, target = sides(corpus, options.source)
    if options.data == "multi30k" and corpus["train"].info.dataset_name != "multi30k":
        raise FileNotFoundError(
            "Multi30k could not be loaded, and nothing was trained: let MULTI30K_DIR name a folder "
            "with its files, or check the network"
        )
    processes = PartialState(cpu=device() == "cpu")
    if not options.resume and processes.is_main_process:
        check_unused(options.out)
    recipe = options.recipe
    tokenizer, before = saved(options.out) if options.resume else (None, 0.0)
    if tokenizer and recipe.bpe_dropout and processes.is_main_process:
        print("--bpe-dropout draws without a seed: an unbroken training would have other losses")
    if tokenizer is None:
        sentences = [*corpus["train"][options.source], *corpus["train"][target]]
        tokenizer = train_tokenizer(sentences, recipe.vocab_size)
    pairs = {
        split: encode_pairs(tokenizer, rows, options.source, target)
        for split, rows in corpus.items()
    }
    for split, of_split in pairs.items():
        check_lengths(of_split, recipe.max_length, split)
    fresh = None
    if recipe.bpe_dropout:
        columns = corpus["train"], options.source, target
        cut = pieces_anew(tokenizer, recipe.bpe_dropout, *columns)
        fresh = partial(those_that_fit, cut, pairs["train"], recipe.max_length)
    train = Loader(
        pairs["train"],
        recipe.max_tokens,
        shuffle=True,
        seed=recipe.seed,
        device=processes.device,
        rank=processes.process_index,
        world=processes.num_processes,
        fresh=fresh,
    )
    validation = Loader(pairs["validation"], recipe.max_tokens)
    model = recipe.model(tokenizer.get_vocab_size())
    parameters = sum(p.numel() for p in model.parameters())
    began = time.perf_counter() - before
    if processes.is_main_process:
        print(f"{parameters:,} parameters, {len(train)} steps an epoch", flush=True)

    def evaluate(model: Transformer) -> dict[str, float]:
        rows = corpus["validation"]
        # A model that knows little rarely ends a sentence: it need not babble on for 50 tokens
        search = partial(greedy_search, extra=10)
        written = translate(model, tokenizer, rows[options.source][:], search, BATCH[device()])
        judged = quick_scores(written, rows[target], target)
        loss, seconds = mean_loss(model, validation), time.perf_counter() - began
        print(f"  validation loss {loss:.3f}, {in_words(judged)}, {seconds:.0f} s", flush=True)
        return {
            "validation loss": loss,
            "validation BLEU": judged["BLEU"],
            "validation chrF": judged["chrF"],
            "validation exact match": judged["exact match"],
            "seconds since the start": seconds,
        }

    with claim(options.out) if processes.is_main_process else nullcontext():
        history = fit(
            model,
            train,
            recipe,
            evaluate,
            options.out,
            options.resume,
            options.minutes,
            options.precision,
            tokenizer,
            {"fingerprint of the pairs": fingerprint(corpus), "source": options.source},
        )
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
        if processes.is_main_process:
            results["scores"] = judge(options, corpus, tokenizer, history)
            write_json(results, options.out / "results.json")
    if processes.is_main_process:
        print(f"To translate: python translate.py --model {chosen(options.out)} < in.txt > out.txt")
    return results


def chosen(out: Path) -> str:
    """The folder of the weights to translate with, as a shell takes it."""
    average = out / "average"
    path = str(average if average.exists() else out / "last")
    return f'"{path}"' if " " in path else path


def pieces_anew(tokenizer: Tokenizer, dropout: float, *rest) -> Callable[[], list[Pair]]:
    """BPE-dropout (Provilkov et al. 2020): each call cuts the sentences into other pieces, because
    every merge is left out with this probability. rest: as encode_pairs has it."""
    wild = Tokenizer.from_str(tokenizer.to_str())
    wild.encode_special_tokens = True
    wild.model.dropout = dropout
    return partial(encode_pairs, wild, *rest)


def those_that_fit(cut: Callable, pairs: list[Pair], max_length: int) -> list[Pair]:
    """Pairs cut anew; where they have become too long for the model, as they were."""
    return [
        new if max(len(new.source), len(new.target)) <= max_length else pair
        for new, pair in zip(cut(), pairs, strict=True)
    ]


def saved(out: Path) -> tuple:
    """The tokenizer of the training in `out`, and the seconds since it began; (None, 0) where none
    is yet."""
    if not (out / "last").exists() and not (out / "last.old").exists():
        check_unused(out)
        return None, 0.0
    _, tokenizer, progress = read_checkpoint(whole_checkpoint(out / "last", read_checkpoint))
    need_tokenizer(tokenizer, out / "last")
    ended = [row.get("seconds since the start", 0.0) for row in progress["history"]]
    return tokenizer, (ended[-1] if ended else 0.0) + progress["seconds"]


def judge(options, corpus, tokenizer, history: list[dict]) -> dict:
    """The scores of the last weights and, where epochs were kept, of their mean."""
    names, found = ["last"], {}
    if options.average > 1:
        names.append("average")
        kept = [options.out / "epochs" / f"{row['epoch']:03}" for row in history]
        kept = [folder for folder in kept if folder.exists()][-options.average :]
        averaged = average_checkpoints(kept)
        trainer.replace(options.out / "average", save_model, averaged, tokenizer)
    for name in names:
        trained, _ = load_model(options.out / name, device())
        found[name] = test(trained, tokenizer, corpus, options)
        for search, judged in found[name]["test"].items():
            print(f"test, {name} weights, {search}: {in_words(judged)}")
    return found


def check_lengths(pairs: list[Pair], max_length: int, name: str) -> None:
    """Raises ValueError when a side of a pair has more tokens than a model of max_length takes.

    name: what the pairs are called in the message, say "train".
    """
    for row, pair in enumerate(pairs, start=1):
        for side, ids in (("source", pair.source), ("target", pair.target)):
            if len(ids) > max_length:
                raise ValueError(
                    f"{name} pair {row}: its {side} has {len(ids)} tokens, the model takes "
                    f"{max_length}. Leave the pair out, or choose a larger --max-length"
                )


def check_unused(out: Path) -> None:
    """Raises FileExistsError where anything lies in the folder that a new training is to have."""
    # What macOS leaves, and a training that was broken off before its first checkpoint
    free = (".DS_Store", ".lock", "last.new")
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} is a file: choose another --out")
    there = sorted(path.name for path in out.iterdir()) if out.exists() else []
    there = [name for name in there if name not in free]
    if {"last", "last.old"} & set(there):
        raise FileExistsError(
            f"{out} holds a training already: --resume goes on with it, another --out begins a new "
            "one"
        )
    if there:
        raise FileExistsError(f"{out} is not empty, it holds {there[0]}: choose another --out")


def plain(options: argparse.Namespace) -> dict:
    """The options as JSON has them."""
    named = {name: value for name, value in vars(options).items() if name != "recipe"}
    return named | {"out": str(options.out)}


def machine(precision: str | None) -> str:
    """What it ran on, in words."""
    name = torch.cuda.get_device_name() if device() == "cuda" else platform.machine()
    processes, threads = PartialState().num_processes, torch.get_num_threads()
    precision = precision or fast_precision()
    return f"{device()} ({name}), {processes} × {threads} threads, precision {precision}"


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as error:
        sys.exit(f"train.py: {error}")
    except KeyboardInterrupt:
        sys.exit("train.py: interrupted; --resume goes on from the last checkpoint")

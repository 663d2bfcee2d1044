"""What the benchmarks of speed share: the data, the clock, the memory, the machine."""

import argparse
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import torch

from command.options import whole
from command.results import write_json
from transformer.decoder import Transformer
from transformer.trainer import RECIPES, Recipe, fast_precision
from transformer.training import device
from utils.data import CORPORA, Batch, Loader, Pair, encode_pairs, load_corpus, train_tokenizer

RESULTS = Path(__file__).parent / "results"
OUT = Path("runs/bench")  # a try overwrites no result that a page shows
PACKAGES = ("torch", "accelerate", "tokenizers", "transformers")
WARM_UP = 10  # steps before the clock runs
NAMES = {"embedded": "embedded", "multi30k": "short"}  # of the recipe for a corpus


@dataclass
class Task:
    """What every competitor gets: the same pairs, sizes, schedule and seed."""

    pairs: list[Pair]
    validation: list[Pair]
    recipe: Recipe
    vocab_size: int

    @property
    def facts(self) -> dict:
        """What a result says of it."""
        return {"recipe": asdict(self.recipe), "tokens a batch": self.recipe.max_tokens}

    @property
    def tokens(self) -> int:
        """Target tokens of an epoch."""
        return sum(len(pair.target) for pair in self.pairs)

    def model(self) -> Transformer:
        """With the weights that all begin with."""
        torch.manual_seed(self.recipe.seed)
        return self.recipe.model(self.vocab_size)

    def loader(self) -> Loader:
        """The course's batches, as train.py makes them."""
        recipe = self.recipe
        return Loader(self.pairs, recipe.max_tokens, True, recipe.seed, device=device())


def options(description: str) -> argparse.ArgumentParser:
    """The arguments that the benchmarks have in common."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", choices=CORPORA, default="multi30k")
    parser.add_argument("--steps", type=whole(1), default=60, help="timed steps of a round")
    parser.add_argument("--rounds", type=whole(1), default=3, help="times that all take their turn")
    parser.add_argument("--seed", type=whole(0), default=0)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the result")
    parser.add_argument(
        "--max-tokens", type=whole(1), help="of a batch's side (default: train.py's)"
    )
    return parser


def prepare(data: str, seed: int, max_tokens: int | None = None) -> tuple[str, Task]:
    """The corpus's name, and the task with one of train.py's recipes for it."""
    corpus, recipe = load_corpus(data), replace(RECIPES[NAMES[data]], seed=seed)
    recipe = replace(recipe, max_tokens=max_tokens or recipe.max_tokens)
    rows = corpus["train"]
    tokenizer = train_tokenizer([*rows["en"], *rows["de"]], recipe.vocab_size)
    pairs, validation = (encode_pairs(tokenizer, corpus[part]) for part in ("train", "validation"))
    return rows.info.dataset_name, Task(pairs, validation, recipe, tokenizer.get_vocab_size())


class Lap:
    """The batches of a whole training, handed out as one epoch, which ends when enough is seen.

    A training asks for its next batch when it is done with the last one: here stands the clock, and
    here a training ends, without its loop knowing of it. batches: of one epoch, in any order.
    """

    def __init__(self, batches: Iterable[Batch], epochs: int) -> None:
        self.batches, self.epochs = batches, epochs
        self.steps = self.tokens = 0  # that are done; target tokens, padding does not count

    def __len__(self) -> int:
        return self.epochs * len(self.batches)

    def set_epoch(self, epoch: int, skip: int = 0) -> None:
        """The epochs are counted here."""

    def __iter__(self) -> Iterator[Batch]:
        for epoch in range(1, self.epochs + 1):
            if hasattr(self.batches, "set_epoch"):
                self.batches.set_epoch(epoch)
            for batch in self.batches:
                yield batch
                self.steps, self.tokens = self.steps + 1, self.tokens + batch.tokens
                if self.enough():
                    return

    def enough(self) -> bool:
        """Looks at the training after each step; True ends it."""
        return False


class Pace(Lap):
    """Times `timed` steps, after a warm-up, at the beginning of a long training."""

    def __init__(self, batches: Iterable[Batch], timed: int) -> None:
        super().__init__(batches, epochs=1000)
        self.timed, self.marks = timed, []

    def enough(self) -> bool:
        if self.steps in (WARM_UP, WARM_UP + self.timed):
            self.marks.append((self.tokens, now()))
        return len(self.marks) == 2

    @property
    def tokens_per_second(self) -> float:
        (first, began), (last, ended) = self.marks
        return (last - first) / (ended - began)


def now() -> float:
    """Seconds, when the device has done all that it was asked to."""
    if device() == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def peak_memory() -> int | None:
    """Bytes: on a GPU what tensors took at most, else the largest resident set of this process.

    None where /proc does not say it. (getrusage's ru_maxrss would not do: in a fresh process it
    starts at what the parent holds.)
    """
    if device() == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    found = status.exists() and re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    return 1024 * int(found[1]) if found else None


def in_fresh_process(function: Callable, *arguments):
    """The function's result, computed where nothing has been computed or allocated before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def summary(rounds: list[dict]) -> dict:
    """One competitor's rounds in one: medians, and the numbers behind them."""
    speeds = [one["tokens per second"] for one in rounds]
    peaks = [one["peak memory"] for one in rounds]
    return rounds[0] | {
        "tokens per second": median(speeds),
        "spread": [min(speeds), max(speeds)],
        "rounds": speeds,
        "peak memory": None if None in peaks else median(peaks),
    }


def circumstances(name: str, arguments: list[str] | None, corpus: str) -> dict:
    """What a result needs to be understood, and to be measured again."""
    cpu = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    found = re.search(r"model name\s*: (.*)", cpu)
    chip = found[1] if found else platform.processor() or platform.machine()
    return {
        "command": " ".join(
            [f"python -m benchmarks.{name}", *(sys.argv[1:] if arguments is None else arguments)]
        ),
        "device": device(),
        "machine": {
            "GPU": torch.cuda.get_device_name() if device() == "cuda" else None,
            "CPU": chip,
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "system": platform.platform(terse=True),
        },
        "precision": fast_precision(),
        "versions": {"python": platform.python_version()} | versions(),
        "corpus": corpus,
    }


def versions() -> dict[str, str | None]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def write(result: dict, folder: Path, name: str) -> Path:
    """The result as name-device.json in the folder; returns its path."""
    path = folder / f"{name}-{result['device']}.json"
    write_json(result, path)
    return path

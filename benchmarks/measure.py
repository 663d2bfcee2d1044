"""What the benchmarks of speed share: the data, the clock, the memory, the machine."""

import argparse
import os
import platform
import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import torch

from command.options import whole
from command.recipes import DEFAULTS, write_json
from transformer.training import hardware, learning_rate
from utils.data import Pair, encode_pairs, load_corpus, train_tokenizer

RESULTS = Path(__file__).parent / "results"
OUT = Path("runs/bench")  # a try overwrites no result that a page shows
PACKAGES = ("torch", "accelerate", "tokenizers", "transformers")


@dataclass
class Task:
    """What every competitor gets: the same pairs, sizes, schedule and seed."""

    pairs: list[Pair]
    validation: list[Pair]
    sizes: dict  # the arguments of transformer.decoder.Transformer
    max_tokens: int
    peak: float
    warmup: int
    smoothing: float
    seed: int
    epochs: int = 1000  # whoever looks at the training ends it earlier

    @property
    def facts(self) -> dict:
        """What a result says of it."""
        return {"sizes": self.sizes, "tokens a batch": self.max_tokens, "seed": self.seed}

    @property
    def tokens(self) -> int:
        """Target tokens of an epoch."""
        return sum(len(pair.target) for pair in self.pairs)

    def rate(self, progress: float, steps: int) -> float:
        """The learning rate when `progress` of a training's `steps` are done. A warm-up that would
        fill a short training is cut to two fifths of it."""
        return learning_rate(progress, self.peak, min(self.warmup, steps * 2 // 5), steps)


def options(description: str) -> argparse.ArgumentParser:
    """The arguments that the benchmarks have in common."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", choices=DEFAULTS, default="multi30k")
    parser.add_argument("--steps", type=whole(1), default=60, help="timed steps of a round")
    parser.add_argument("--rounds", type=whole(1), default=3, help="times that all take their turn")
    parser.add_argument("--seed", type=whole(0), default=0)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the result")
    parser.add_argument(
        "--max-tokens", type=whole(1), help="of a batch's side (default: train.py's)"
    )
    return parser


def prepare(data: str, seed: int, max_tokens: int | None = None) -> tuple[str, Task]:
    """The corpus's name, and the task with the sizes that train.py gives it."""
    corpus, values = load_corpus(data), dict(DEFAULTS[data])
    values["max_tokens"] = max_tokens or values["max_tokens"]
    rows = corpus["train"]
    tokenizer = train_tokenizer([*rows["en"], *rows["de"]], values["vocab_size"])
    sizes = {name: values[name] for name in ("d_model", "num_heads", "d_ff", "num_layers")}
    sizes |= {"vocab_size": tokenizer.get_vocab_size(), "dropout": values["dropout"]}
    sizes |= {"norm_first": True}
    pairs, validation = (encode_pairs(tokenizer, corpus[part]) for part in ("train", "validation"))
    schedule = {name: values[name] for name in ("max_tokens", "peak", "warmup", "smoothing")}
    return rows.info.dataset_name, Task(pairs, validation, sizes, seed=seed, **schedule)


class Enough(Exception):
    """Raised by what looks at a training, to end it."""


@dataclass
class Pace:
    """Looks at a training, and ends it when `steps` are timed. What comes before the first look
    (20 steps in the course's loop) is the warm-up."""

    steps: int
    marks: list[tuple[int, int, float]] = field(default_factory=list)

    def __call__(self, steps: int, tokens: int) -> None:
        self.marks.append((steps, tokens, now()))
        if steps - self.marks[0][0] >= self.steps:
            raise Enough

    @property
    def tokens_per_second(self) -> float:
        """Real target tokens: padding does not count."""
        (_, first, began), (_, last, ended) = self.marks[0], self.marks[-1]
        return (last - first) / (ended - began)


def now() -> float:
    """Seconds, when the device has done all that it was asked to."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def peak_memory() -> int | None:
    """Bytes: on a GPU what tensors took at most, else the largest resident set of this process.

    None where the system has no /proc. (getrusage's ru_maxrss would not do: in a fresh process it
    starts at what the parent holds.)
    """
    if hardware()[0] == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1])


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
    device, precision = hardware()
    cpu = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    found = re.search(r"model name\s*: (.*)", cpu)
    chip = found[1] if found else platform.processor() or platform.machine()
    return {
        "command": " ".join([f"python -m benchmarks.{name}", *(arguments or sys.argv[1:])]),
        "device": device,
        "machine": {
            "GPU": torch.cuda.get_device_name() if device == "cuda" else None,
            "CPU": chip,
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "system": platform.platform(terse=True),
        },
        "precision": precision,
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

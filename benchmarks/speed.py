"""What each trick gains in the trainer's step: with notebook 06's settings, and with its own.

    python -m benchmarks.speed                                         # Multi30k
    python -m benchmarks.speed --data embedded --steps 20 --rounds 1   # a try, in five minutes

Both run as they are, and once more for each trick: with it where they do without, without it
where they have it. All take turns, --rounds times, each time in a fresh process. Writes
speed-cpu.json or speed-cuda.json into --out (runs/bench; the page of this folder shows what lies in
results).
"""

from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from statistics import median

from torch.nn.attention import SDPBackend, sdpa_kernel

from transformer.trainer import fast_dropout, fast_precision, set_up, step
from transformer.training import device

from . import table
from .measure import (
    Pace,
    Task,
    circumstances,
    in_fresh_process,
    options,
    peak_memory,
    prepare,
    summary,
    write,
)
from .peers import tutorial_batches

ALL = 10**9  # as a block: every position meets the vocabulary at once


@dataclass
class Settings:
    """By default those of notebook 06's `train`; the step, AdamW's, is the trainer's."""

    by_length: bool = True  # batches of about one length; else of 128 shuffled sentences
    fused_optimizer: bool = True
    block: int = ALL
    byte_dropout: bool = False
    precision: str = "no"
    plain_attention: bool = False  # in plain products, not PyTorch's fused kernel


@dataclass
class Trick:
    name: str
    knob: str  # of Settings
    off: bool | int | str
    on: bool | int | str

    def flip(self, settings: Settings) -> Settings:
        there = getattr(settings, self.knob) == self.on
        return replace(settings, **{self.knob: self.off if there else self.on})


def tricks(device: str, precision: str) -> list[Trick]:
    """Those that this device knows."""
    block = 256 if device == "cpu" else 4096
    found = [
        Trick("batches by length, a budget of tokens", "by_length", False, True),
        Trick(f"the vocabulary in blocks of {block:,} positions", "block", ALL, block),
        Trick("fused AdamW", "fused_optimizer", False, True),
        Trick("dropout from random bytes", "byte_dropout", False, True),
        Trick(f"mixed precision, {precision}", "precision", "no", precision),
        Trick("attention in plain products", "plain_attention", False, True),
    ]
    return [
        trick
        for trick in found
        if trick.on != trick.off and (device == "cpu" or trick.knob != "byte_dropout")
    ]


def trainer(device: str, precision: str) -> Settings:
    """What transformer.trainer has of them."""
    knobs = ["by_length", "block", "fused_optimizer", "byte_dropout", "precision"]
    if device == "cpu" and precision == "bf16":
        knobs.append("plain_attention")
    return Settings(**{t.knob: t.on for t in tricks(device, precision) if t.knob in knobs})


def pace(task: Task, settings: Settings, steps: int) -> dict:
    """One round of one loop: its speed over `steps` steps, its peak memory in bytes."""
    model = task.model()
    lap = Pace(task.loader() if settings.by_length else tutorial_batches(task), steps)
    t = set_up(model, lap, task.recipe, settings.precision)
    t.objective.block = settings.block
    if not settings.fused_optimizer:
        for group in t.optimizer.param_groups:
            group["fused"] = None  # PyTorch's choice
    attention = sdpa_kernel(SDPBackend.MATH) if settings.plain_attention else nullcontext()
    dropout = fast_dropout(model) if settings.byte_dropout else nullcontext()
    t.objective.train()
    with attention, dropout:
        for batch in lap:
            step(t, batch)
    return {"tokens per second": lap.tokens_per_second, "peak memory": peak_memory()}


def gain(trick: Trick, whole: list[dict], flipped: list[dict], settings: Settings) -> dict:
    """What a trick brings: the speed with it over the speed without it, round by round."""
    there = getattr(settings, trick.knob) == trick.on
    ratios = [
        now["tokens per second"] / then["tokens per second"]
        for now, then in zip(whole, flipped, strict=True)
    ]
    ratios = ratios if there else [1 / ratio for ratio in ratios]
    found = {"has it": there, "gain": median(ratios), "gains": [min(ratios), max(ratios)]}
    return found | {"without it" if there else "with it": summary(flipped)}


def main(arguments: list[str] | None = None) -> dict:
    chosen = options(__doc__.splitlines()[0]).parse_args(arguments)
    corpus, task = prepare(chosen.data, chosen.seed, chosen.max_tokens)
    here = (device(), fast_precision())
    loops = {"notebook 06's loop": Settings(), "the trainer": trainer(*here)}
    runs = [(loop, None, settings) for loop, settings in loops.items()]
    runs += [(loop, t.name, t.flip(s)) for t in tricks(*here) for loop, s in loops.items()]
    rounds: dict[tuple, list[dict]] = {(loop, trick): [] for loop, trick, _ in runs}
    for number in range(chosen.rounds):
        for loop, trick, settings in runs:
            found = in_fresh_process(pace, task, settings, chosen.steps)
            rounds[loop, trick].append(found)
            print(f"round {number + 1}, {loop}, {trick or 'as it is'}: {found}", flush=True)
    result = circumstances("speed", arguments, corpus) | task.facts
    result["timed steps"] = chosen.steps
    result["loops"] = {
        loop: {"settings": asdict(settings)} | summary(rounds[loop, None])
        for loop, settings in loops.items()
    }
    result["tricks"] = {
        t.name: {
            loop: gain(t, rounds[loop, None], rounds[loop, t.name], settings)
            for loop, settings in loops.items()
        }
        for t in tricks(*here)
    }
    path = write(result, chosen.out, "speed")
    print(table.speed(path), f"written: {path}", sep="\n\n")
    return result


if __name__ == "__main__":
    main()

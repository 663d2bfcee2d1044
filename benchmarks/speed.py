"""What each idea gains: from the plain training loop to that of notebook 06, rung by rung.

    python -m benchmarks.speed                                               # Multi30k
    python -m benchmarks.speed --data embedded --steps 20 --rounds 1         # a try, in a minute

A rung changes one setting and keeps those before it. Each takes its turn, --rounds times, each time
in a fresh process. Writes speed-cpu.json or speed-cuda.json into --out (runs/bench; notebook 06
shows what lies in benchmarks/results).
"""

from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from transformer.decoder import Transformer
from transformer.training import (
    LOOK,
    Training,
    TrainingLoss,
    faster_dropout,
    hardware,
    step,
    translation_loss,
)
from utils.data import Loader, collate

from . import table
from .measure import (
    Enough,
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

SENTENCES = 128  # a batch of the plain loop


@dataclass
class Settings:
    """The plain loop; the rungs change it."""

    by_length: bool = False  # batches of about one length under the token budget
    resident: bool = False  # cut out of tables on the device, not padded in every step
    real_only: bool = False  # padding does not meet the vocabulary
    block: int = 10**9  # real positions that meet it at a time
    byte_dropout: bool = False
    precision: str = "no"
    math_kernel: bool = False
    fused_optimizer: bool = False
    look_every: int = 1  # steps between two looks at the loss
    compiled: bool = False


@dataclass
class Rung:
    """kept: the rungs after it build on it."""

    name: str
    changes: dict = field(default_factory=dict)
    kept: bool = True


def ladder(device: str, precision: str) -> list[Rung]:
    """The rungs that this device can climb."""
    math = "attention in plain products instead of the fused kernel"
    rungs = [
        Rung("the plain loop"),
        Rung("batches by length, a budget of tokens", {"by_length": True}),
        Rung("batches cut out of resident tables", {"resident": True}),
        Rung("only real tokens meet the vocabulary", {"real_only": True}),
    ]
    block = 256 if device == "cpu" else 4096
    rungs.append(Rung(f"{block:,} of them at a time", {"block": block}))
    if device == "cpu":
        rungs.append(Rung("dropout from random bytes", {"byte_dropout": True}))
    if precision != "no":
        rungs.append(Rung(f"mixed precision, {precision}", {"precision": precision}))
    if device == "cpu":
        rungs.append(Rung(math, {"math_kernel": True}))
    rungs += [
        Rung("fused AdamW", {"fused_optimizer": True}),
        Rung(f"a look at the loss every {LOOK} steps only", {"look_every": LOOK}),
    ]
    if device == "cuda":
        rungs.append(Rung(math, {"math_kernel": True}, kept=False))
    return [*rungs, Rung("torch.compile", {"compiled": True}, kept=False)]


class EveryPosition(nn.Module):
    """The loss as one writes it first: all positions are scored, then padding is left out."""

    def __init__(self, model: Transformer, smoothing: float) -> None:
        super().__init__()
        self.model, self.smoothing = model, smoothing

    def forward(self, batch) -> Tensor:
        scores = self.model(batch.source, batch.target_in)
        return translation_loss(scores, batch.target_out, self.smoothing)


def batches(task: Task, settings: Settings) -> Loader | DataLoader:
    """Of utils.data.Batch."""
    if settings.resident:
        where = hardware()[0]
        return Loader(task.pairs, task.max_tokens, shuffle=True, seed=task.seed, device=where)
    if settings.by_length:
        rows = Loader(task.pairs, task.max_tokens, shuffle=True, seed=task.seed).batches
        return DataLoader(task.pairs, batch_sampler=rows, collate_fn=collate)
    return DataLoader(task.pairs, SENTENCES, shuffle=True, collate_fn=collate)


def training(task: Task, settings: Settings) -> Training:
    """As transformer.training.set_up, with these settings."""
    torch.manual_seed(task.seed)
    accelerator = Accelerator(cpu=hardware()[0] == "cpu", mixed_precision=settings.precision)
    model, cut = Transformer(**task.sizes), batches(task, settings)
    if settings.byte_dropout:
        faster_dropout(model)
    if settings.real_only:
        objective = TrainingLoss(model, task.smoothing, settings.block)
    else:
        objective = EveryPosition(model, task.smoothing)
    objective.to(accelerator.device)
    fused = True if settings.fused_optimizer else None  # None: PyTorch's choice
    optimizer = AdamW(model.parameters(), lr=1.0, betas=(0.9, 0.98), eps=1e-9, fused=fused)
    schedule = LambdaLR(optimizer, lambda step: task.rate(step + 1, task.epochs * len(cut)))
    if settings.compiled:
        for stack in (model.encoder, model.decoder):
            stack.compile(dynamic=True)
    parts = accelerator.prepare(objective, optimizer, schedule)
    return Training(model, cut, accelerator, *parts)


def run(task: Task, settings: Settings, look: Pace) -> None:
    """Train until `look` has seen enough."""
    t = training(task, settings)
    device = t.accelerator.device
    t.objective.train()
    steps = tokens = 0
    with sdpa_kernel(SDPBackend.MATH) if settings.math_kernel else nullcontext():
        for _ in range(task.epochs):
            for batch in t.loader:
                loss = step(t, batch.to(device, non_blocking=True))
                steps, tokens = steps + 1, tokens + batch.tokens
                if steps % settings.look_every == 0:
                    loss.item()
                if steps % LOOK == 0:
                    look(steps, tokens)


def pace(task: Task, settings: Settings, steps: int) -> dict:
    """One round of one rung: its speed over `steps` steps, its peak memory in bytes."""
    look = Pace(steps)
    try:
        run(task, settings, look)
    except Enough:
        pass
    except Exception as error:
        if not settings.compiled:
            raise
        return {"failed": f"{type(error).__name__}: {error}".splitlines()[0]}
    return {"tokens per second": look.tokens_per_second, "peak memory": peak_memory()}


def climb(rungs: list[Rung]) -> list[tuple[Rung, Settings]]:
    """Each rung with the settings that it adds up to."""
    settings, climbed = Settings(), []
    for rung in rungs:
        changed = replace(settings, **rung.changes)
        climbed.append((rung, changed))
        settings = changed if rung.kept else settings
    return climbed


def main(arguments: list[str] | None = None) -> dict:
    chosen = options(__doc__.splitlines()[0]).parse_args(arguments)
    corpus, task = prepare(chosen.data, chosen.seed, chosen.max_tokens)
    climbed = climb(ladder(*hardware()))
    rounds = [[] for _ in climbed]
    for number in range(chosen.rounds):
        for (rung, settings), found in zip(climbed, rounds, strict=True):
            found.append(in_fresh_process(pace, task, settings, chosen.steps))
            print(f"round {number + 1}, {rung.name}: {found[-1]}", flush=True)
    rows = []
    for (rung, settings), found in zip(climbed, rounds, strict=True):
        failed = [one for one in found if "failed" in one]
        row = failed[0] if failed else summary(found)
        rows.append({"name": rung.name, "kept": rung.kept, "settings": asdict(settings)} | row)
    result = circumstances("speed", arguments, corpus) | task.facts
    result |= {"timed steps": chosen.steps, "rungs": rows}
    path = write(result, chosen.out, "speed")
    print(table.speed(path), f"written: {path}", sep="\n\n")
    return result


if __name__ == "__main__":
    main()

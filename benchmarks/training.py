"""How fast the course's training is, beside its peers: one run, the same data, sizes and device.

    python -m benchmarks.training                                         # tokens a second, memory
    python -m benchmarks.training --to-loss 3 --most-epochs 5             # and seconds to a loss
    python -m benchmarks.training --data embedded --steps 20 --rounds 1   # a try, in a minute

Each peer of benchmarks.peers takes its turn, --rounds times, each time in a fresh process. Writes
training-cpu.json or training-cuda.json into --out (runs/bench; the page of this folder shows what
lies in results).
"""

import math
from collections.abc import Iterable
from dataclasses import replace

import torch
from torch import nn

from command.options import whole
from transformer.training import mean_loss
from utils.data import Batch, Loader

from . import table
from .measure import (
    Lap,
    Pace,
    Task,
    circumstances,
    in_fresh_process,
    now,
    options,
    peak_memory,
    prepare,
    summary,
    write,
)
from .peers import HUGGING_FACE, PEERS, TUTORIAL, PegasusModel


class Curve(Lap):
    """Takes down the validation loss every `every` steps and after the last, until it is `to_loss`.
    Its clock stands still meanwhile."""

    def __init__(self, batches: Iterable[Batch], epochs: int, every: int, to_loss: float) -> None:
        super().__init__(batches, epochs)
        self.every, self.to_loss = every, to_loss
        self.seconds, self.points, self.reached = 0.0, [], False

    def watch(self, model: nn.Module, validation: Loader) -> None:
        self.model, self.validation, self.began = model, validation, now()

    def enough(self) -> bool:
        if self.steps % self.every and self.steps < len(self):
            return False
        self.seconds += now() - self.began
        loss = mean_loss(self.model.eval(), self.validation)
        self.model.train()
        self.points.append(
            {"step": self.steps, "tokens": self.tokens, "seconds": self.seconds, "loss": loss}
        )
        self.reached = loss <= self.to_loss
        self.began = now()
        return self.reached


def pace(name: str, task: Task, steps: int) -> dict:
    """One round of one peer: its speed over `steps` steps, its peak memory in bytes."""
    before, peer = peak_memory(), PEERS[name]
    model, lap = peer.build(task.model()), Pace(peer.batches(task), steps)
    peer.loop(model, lap, task.recipe)
    return {
        "parameters": sum(
            weights.numel() for weights in model.parameters() if weights.requires_grad
        ),
        "tokens per second": lap.tokens_per_second,
        "peak memory": peak_memory(),
        "memory before the model": before,
    }


def curve(name: str, task: Task, every: int, to_loss: float) -> dict:
    """One peer's training to a validation loss: the way there, and its seconds or None."""
    peer, recipe = PEERS[name], task.recipe
    model, batches = peer.build(task.model()), peer.batches(task)
    lap = Curve(batches, recipe.epochs, every, to_loss)
    # The rate is the same after the same share of the training, however many steps that is
    warmup = round(recipe.warmup * len(batches) / len(task.loader()))
    lap.watch(model, Loader(task.validation, recipe.max_tokens))
    peer.loop(model, lap, replace(recipe, warmup=warmup))
    return {"losses": lap.points, "seconds to the loss": lap.seconds if lap.reached else None}


def matrix_peak(size: int = 8192, products: int = 20) -> float:
    """What the GPU reaches in its best discipline, one large product in bfloat16: FLOP a second."""
    a, b = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(5):
        a @ b
    began = now()
    for _ in range(products):
        a @ b
    return products * 2 * size**3 / (now() - began)


def useful_flops(task: Task) -> int:
    """FLOP of one epoch that padding has no part in: 2 a weight and token forward, 4 backward, and
    as much for the two products inside each attention."""
    d_model, d_ff, layers = task.recipe.d_model, task.recipe.d_ff, task.recipe.num_layers
    # In both stacks a token meets its own four projections and the feed-forward; cross-attention
    # projects source tokens to keys and values, target tokens to queries and to its output
    a_source_token = layers * (4 * d_model**2 + 2 * d_model * d_ff + 2 * d_model**2)
    a_target_token = a_source_token + task.vocab_size * d_model
    flops = 0
    for pair in task.pairs:
        source, target = len(pair.source), len(pair.target)
        flops += 6 * (source * a_source_token + target * a_target_token)
        flops += 12 * layers * d_model * (source**2 + target**2 + source * target)
    return flops


def main(arguments: list[str] | None = None) -> dict:
    parser = options(__doc__.splitlines()[0])
    parser.add_argument("--to-loss", type=float, default=-math.inf, help="train to this loss")
    parser.add_argument("--most-epochs", type=whole(0), default=0, help="of that training; 0: none")
    parser.add_argument(
        "--every", type=whole(1), default=60, help="steps between validation losses"
    )
    chosen = parser.parse_args(arguments)
    if math.isfinite(chosen.to_loss) and not chosen.most_epochs:
        parser.error("--to-loss needs --most-epochs: the schedule's length")
    corpus, task = prepare(chosen.data, chosen.seed, chosen.max_tokens)
    names = [name for name in PEERS if name != HUGGING_FACE or PegasusModel]
    result = circumstances("training", arguments, corpus) | task.facts
    result |= {
        "timed steps": chosen.steps,
        "to loss": chosen.to_loss if math.isfinite(chosen.to_loss) else None,
        "peers": {},
    }
    if result["device"] == "cuda":
        result["matrix FLOP per second"] = in_fresh_process(matrix_peak)
    rounds, peers = {name: [] for name in names}, result["peers"]
    for number in range(chosen.rounds):
        for name in names:
            rounds[name].append(in_fresh_process(pace, name, task, chosen.steps))
            peers[name] = found = summary(rounds[name])
            if result["device"] == "cuda":
                flops = found["tokens per second"] * useful_flops(task) / task.tokens
                found["share of the matrix peak"] = flops / result["matrix FLOP per second"]
            speed = rounds[name][-1]["tokens per second"]
            print(f"round {number + 1}, {name}: {speed:,.0f} tokens/s", flush=True)
            path = write(result, chosen.out, "training")  # should it be broken off
    peers[TUTORIAL]["precision"] = "no"
    if chosen.most_epochs:
        longer = replace(task, recipe=replace(task.recipe, epochs=chosen.most_epochs))
        for name in names:
            peers[name] |= in_fresh_process(curve, name, longer, chosen.every, chosen.to_loss)
            print(f"{name}: {peers[name]['seconds to the loss']} s to the loss", flush=True)
    if HUGGING_FACE not in peers:
        peers[HUGGING_FACE] = {"left out": "the package transformers is not installed"}
    path = write(result, chosen.out, "training")
    print(table.training(path), f"written: {path}", sep="\n\n")
    return result


if __name__ == "__main__":
    main()

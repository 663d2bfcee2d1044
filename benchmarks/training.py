"""How fast the course's training is, beside its peers: one run, the same data, sizes and device.

    python -m benchmarks.training                                         # tokens a second, memory
    python -m benchmarks.training --to-loss 3 --most-epochs 5             # and seconds to a loss
    python -m benchmarks.training --data embedded --steps 20 --rounds 1   # a try, in a minute

Each peer of benchmarks.peers takes its turn, --rounds times, each time in a fresh process. Writes
training-cpu.json or training-cuda.json into --out (runs/bench; the page of this folder shows what
lies in results).
"""

import math
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from command.options import whole
from transformer.decoder import Transformer
from transformer.training import mean_loss
from utils.data import Loader

from . import table
from .measure import (
    Enough,
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


@dataclass
class Curve:
    """Looks at a training: the validation loss every `every` steps, until it is `to_loss`. The
    clock stands still meanwhile."""

    model: nn.Module
    validation: Loader
    every: int
    to_loss: float
    seconds: float = 0.0
    points: list[dict] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.due, self.began = self.every, now()

    def __call__(self, steps: int, tokens: int) -> None:
        self.seconds += now() - self.began
        if steps >= self.due:
            self.due = (steps // self.every + 1) * self.every
            self.model.eval()
            loss = mean_loss(self.model, self.validation)
            self.model.train()
            self.points.append(
                {"step": steps, "tokens": tokens, "seconds": self.seconds, "loss": loss}
            )
            if loss <= self.to_loss:
                raise Enough
        self.began = now()


def build(name: str, task: Task) -> nn.Module:
    """The peer's model, with the weights that all begin with."""
    torch.manual_seed(task.seed)
    return PEERS[name].build(Transformer(**task.sizes))


def pace(name: str, task: Task, steps: int) -> dict:
    """One round of one peer: its speed over `steps` steps, its peak memory in bytes."""
    before, look = peak_memory(), Pace(steps)
    model = build(name, task)
    try:
        PEERS[name].loop(model, task, look)
    except Enough:
        pass
    return {
        "parameters": sum(
            weights.numel() for weights in model.parameters() if weights.requires_grad
        ),
        "tokens per second": look.tokens_per_second,
        "peak memory": peak_memory(),
        "memory before the model": before,
    }


def curve(name: str, task: Task, every: int, to_loss: float) -> dict:
    """One peer's training to a validation loss: the way there, and its seconds or None."""
    model = build(name, task)
    look = Curve(model, Loader(task.validation, task.max_tokens), every, to_loss)
    reached = False
    try:
        PEERS[name].loop(model, task, look)
    except Enough:
        reached = True
    return {"losses": look.points, "seconds to the loss": look.seconds if reached else None}


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
    d_model, d_ff, layers = (task.sizes[name] for name in ("d_model", "d_ff", "num_layers"))
    # In both stacks a token meets its own four projections and the feed-forward; cross-attention
    # projects source tokens to keys and values, target tokens to queries and to its output
    a_source_token = layers * (4 * d_model**2 + 2 * d_model * d_ff + 2 * d_model**2)
    a_target_token = a_source_token + task.sizes["vocab_size"] * d_model
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
    rounds = {name: [] for name in names}
    for number in range(chosen.rounds):
        for name in names:
            found = in_fresh_process(pace, name, task, chosen.steps)
            rounds[name].append(found)
            print(
                f"round {number + 1}, {name}: {found['tokens per second']:,.0f} tokens/s",
                flush=True,
            )
    peers = {name: summary(rounds[name]) for name in names}
    result = (
        circumstances("training", arguments, corpus)
        | task.facts
        | {
            "timed steps": chosen.steps,
            "to loss": chosen.to_loss if math.isfinite(chosen.to_loss) else None,
            "peers": peers,
        }
    )
    peers[TUTORIAL]["precision"] = "no"
    if result["device"] == "cuda":
        result["matrix FLOP per second"] = peak = in_fresh_process(matrix_peak)
        for found in peers.values():
            flops = found["tokens per second"] * useful_flops(task) / task.tokens
            found["share of the matrix peak"] = flops / peak
    if chosen.most_epochs:
        longer = replace(task, epochs=chosen.most_epochs)
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

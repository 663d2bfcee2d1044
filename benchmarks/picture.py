"""Draw what benchmarks.training measured.

python -m benchmarks.picture [results/training-cpu.json [training_speed.png]]
"""

import json
import sys
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from utils.plots import bars, curves

from .measure import RESULTS
from .peers import OURS, TORCH, TUTORIAL

PICTURE = RESULTS.parent / "training_speed.png"


def draw(run: dict) -> Figure:
    """Left the speeds of all peers, right the losses of our model and nn.Transformer.

    Raises ValueError when the run has no losses.
    """
    peers = {name: found for name, found in run["peers"].items() if "left out" not in found}
    if "losses" not in peers[OURS]:
        raise ValueError("there are no losses to draw: measure with --most-epochs 5")
    figure = plt.figure(figsize=(12, 4.2), dpi=100, facecolor="white")
    left, right = figure.subplots(1, 2)
    speeds = {name: found["tokens per second"] for name, found in peers.items()}
    spreads = [(found["spread"][1] - found["spread"][0]) / 2 for found in peers.values()]
    labels = [textwrap.fill(name, 16) for name in speeds]
    bars(
        list(speeds.values()),
        labels,
        errors=spreads,
        ylabel="real target tokens a second",
        title=f"The course trains at {speeds[OURS] / speeds[TUTORIAL]:.1f} times "
        "the speed of the tutorial's loop",
        ax=left,
    )
    left.set_xticks(range(len(labels)), labels, rotation=0, ha="center", fontsize=9)
    both = {name: peers[name]["losses"] for name in (OURS, TORCH)}
    shared = min(map(len, both.values()))  # one may reach the loss a little earlier
    losses = {name: [point["loss"] for point in points[:shared]] for name, points in both.items()}
    gap = max(abs(a - b) for a, b in zip(*losses.values(), strict=True))
    curves(
        losses,
        x=[point["step"] for point in both[OURS][:shared]],
        xlabel="step",
        ylabel="validation loss (nats a token)",
        ax=right,
        title=f"From the same weights both learn alike: losses differ by {gap:.3f} at most",
    )
    right.legend(loc="upper right", handlelength=3.2)
    return figure


if __name__ == "__main__":
    given = [Path(argument) for argument in sys.argv[1:]]
    result, picture = given + [RESULTS / "training-cpu.json", PICTURE][len(given) :]
    draw(json.loads(result.read_text(encoding="utf8"))).savefig(picture)
    print("drawn:", picture)

"""The exercises of lab 08, what has changed since 2017."""

import torch

from exercises.check import exercise, question


def some(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    """Random numbers whose mean is not zero, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return scale * (0.5 + torch.randn(*shape, generator=generator))


@exercise(
    "8.E",
    cases=[
        (some(2, 3, 8), some(8, seed=1), 1e-6),
        (some(4, 6, seed=2, scale=1e-3), some(6, seed=3), 1e-5),  # eps counts here
        (some(5, seed=4), torch.ones(5), 0.1),
    ],
    wrong={
        ("x.pow(2).mean(-1, keepdim=True)", "x.var(-1, keepdim=True, correction=0)"): "you divide "
        "by the standard deviation, in which the mean is still subtracted. Here nothing is.",
        (
            ("x / (", "(x - x.mean(-1, keepdim=True)) / ("),
            ("x.pow(2).mean(-1, keepdim=True)", "x.var(-1, keepdim=True, correction=0)"),
        ): "that is LayerNorm without its bias. What does RMSNorm leave out?",
        (".mean(-1, keepdim=True)", ".sum(-1, keepdim=True)"): "you took the sum of the squares. "
        "Root *mean* square: how many numbers are there?",
        (".mean(-1, keepdim=True)", ".mean()"): "you took one mean over everything. Each vector "
        "has its own, over its last axis.",
        (" + eps).sqrt()", ").sqrt() + eps"): "eps stands outside the root. It belongs beside the "
        "mean of the squares, as in LayerNorm.",
        (" * weight", ""): "the weight is missing: one learned factor for each number.",
    },
    praise="One mean less than LayerNorm, and one vector of weights less.",
)
def rms_norm(x, weight, eps):
    return x / (x.pow(2).mean(-1, keepdim=True) + eps).sqrt() * weight


def neighbours_turned(x, position):
    """Pairs of neighbours, as the paper has them, where halves are asked for."""
    angle = position / 10_000 ** (torch.arange(0, len(x), 2) / len(x))
    cos, sin = angle.cos(), angle.sin()
    first, second = x[0::2], x[1::2]
    return torch.stack([first * cos - second * sin, first * sin + second * cos], dim=1).flatten()


@exercise(
    "8.F",
    cases=[
        (torch.tensor([1.0, 0.0]), 1),
        (some(4, seed=5), 3),
        (some(8, seed=6), 10),
        (some(6, seed=7), 0),
    ],
    wrong={
        (
            ("first * cos - second * sin", "first * cos + second * sin"),
            ("first * sin + second * cos", "second * cos - first * sin"),
        ): "your pairs turn clockwise. By a small angle, (1, 0) should go to (1, a little more "
        "than 0).",
        ("- second", "+ second"): "the pairs change their length, and a rotation never does: look "
        "at the signs.",
        ("/ half)", "/ len(x))"): "the first pair is right, the others turn too fast: pair i has "
        "the exponent 2i/d_k.",
        ("(torch.arange(half) / half)", "torch.zeros(half)"): "all pairs turn equally fast. Pair i "
        "should be slower than pair i − 1.",
        neighbours_turned: "you paired neighbours, as the paper does. Here the first half of the "
        "numbers is paired with the second half.",
    },
    praise="Length kept, and at position 0 nothing moves.",
)
def turned(x, position):
    half = len(x) // 2
    angle = position / 10_000 ** (torch.arange(half) / half)  # (d_k / 2)
    cos, sin = angle.cos(), angle.sin()
    first, second = x[:half], x[half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos])


@exercise(
    "8.G",
    cases=[
        (some(2, 2, 3, 4), 4),
        (some(1, 3, 2, 2, seed=1), 6),
        (some(2, 1, 3, 2, seed=2), 4),
        (some(1, 4, 2, 2, seed=3), 4),
    ],
    wrong={
        (
            "keys.repeat_interleave(num_heads // keys.size(1), dim=1)",
            "keys.repeat(1, num_heads // keys.size(1), 1, 1)",
        ): "you put whole copies behind each other: head 1 reads set 1. It should share set 0 with "
        "its neighbour, head 0.",
        ("dim=1", "dim=2"): "the places of the text are doubled, not the heads: which axis holds "
        "the sets?",
        ("dim=1", "dim=0"): "the sentences are doubled, not the heads: which axis holds the sets?",
        (
            "num_heads // keys.size(1)",
            "num_heads",
        ): "too many: each set serves num_heads / kv_heads heads, not all of them.",
        ("num_heads // keys.size(1)", "keys.size(1)"): "each set is repeated as often as there are "
        "sets. How many heads share one?",
    },
    praise="Neighbours share. In memory stands each set once; this copy lives for one step.",
)
def shared(keys, num_heads):
    return keys.repeat_interleave(num_heads // keys.size(1), dim=1)


CACHE = question(
    "8.H",
    [4096, 1024],
    wrong={
        (2048, 512): "half of it: a number takes 2 bytes, and both keys and values are kept.",
        (32768, 8192): "you counted bits. A byte has eight.",
        (128, 32): "one layer's. Each of the 32 keeps its own.",
        (1024, 4096): "the other way round: the first is the one in which each head has its own.",
        (4096, 128): "the first is right. Eight sets for 32 heads: how many times smaller is that?",
        (4096, 4096): "the first is right. Which heads does the cache keep keys of?",
    },
    praise="Four times as many texts in the same memory.",
    tolerance=0.0,
)

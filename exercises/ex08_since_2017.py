"""The exercises of lab 08, what has changed since 2017."""

import torch

from exercises.check import exercise, numbers, question


def some(*shape: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    """Random numbers whose mean is not zero, the same for the same seed."""
    return scale * (0.5 + numbers(*shape, seed=seed))


def neighbours_turned(x, position):
    """Pairs of neighbours, as the paper has them, where halves are asked for."""
    angle = position / 10_000 ** (torch.arange(0, len(x), 2) / len(x))
    cos, sin = angle.cos(), angle.sin()
    first, second = x[0::2], x[1::2]
    return torch.stack([first * cos - second * sin, first * sin + second * cos], dim=1).flatten()


@exercise(
    "8.E",
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
        (
            "return torch.cat([first * cos - second * sin, ",
            "first = first * cos - second * sin\n    return torch.cat([first, ",
        ): "the second half is made from a first half that is already turned: keep the old numbers "
        "until both are there.",
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
    "8.F",
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
        ("num_heads // keys.size(1)", "num_heads"): "too many: each set serves num_heads / "
        "kv_heads heads, not all of them.",
        ("num_heads // keys.size(1)", "keys.size(1)"): "each set is repeated as often as there are "
        "sets. How many heads share one?",
    },
    praise="Neighbours share. In memory stands each set once; this copy lives for one step.",
)
def shared(keys, num_heads):
    return keys.repeat_interleave(num_heads // keys.size(1), dim=1)


CACHE = question(
    "8.G",
    [4096, 1024],
    wrong={
        (2048, 512): "half of it: a number takes 2 bytes, and both keys and values are kept.",
        (128, 32): "one layer's. Each of the 32 keeps its own.",
        (1024, 4096): "the other way round: the first is the one in which each head has its own.",
        (4096, 128): "the first is right. Eight sets for 32 heads: how many times smaller is that?",
        (4, 1): "those are GiB. Asked for: MiB, 1,024 of which are a GiB.",
        (2**32, 2**30): "those are bytes. A MiB has 2²⁰ of them.",
    },
    praise="Four times as many texts in the same memory.",
    tolerance=0.0,
)


def scaled(seed: int, d_model: int = 4) -> torch.nn.Linear:
    """A layer with random weights: one that tells every order of the parts from every other."""
    torch.manual_seed(seed)
    return torch.nn.Linear(d_model, d_model)


PARTS = [torch.nn.RMSNorm(4), scaled(1), torch.nn.LayerNorm(4), scaled(2)]


@exercise(
    "8.H",
    cases=[(some(2, 3, 4, seed=8), *PARTS), (some(5, 4, seed=9, scale=3.0), *PARTS)],
    wrong={
        (
            ("x + attention(norm1(x))", "norm1(x + attention(x))"),
            ("x + feed_forward(norm2(x))", "norm2(x + feed_forward(x))"),
        ): "that is post-norm, as in 2017: the norm stands behind the sum. In pre-norm it stands "
        "before the sublayer.",
        ("x + ", ""): "both residuals are missing: each sublayer's output is added to what it "
        "read.",
        ("return x + ", "return "): "the second residual is missing.",
        ("x = x + ", "x = "): "the first residual is missing.",
        ("norm2(x)", "norm1(x)"): "each sublayer has a norm of its own: the second one is never "
        "used.",
        (("(norm1(x))", "(x)"), ("(norm2(x))", "(x)")): "no norm is used.",
    },
    praise="Two lines, and today's layer is whole.",
)
def layer_of_today(x, norm1, attention, norm2, feed_forward):
    x = x + attention(norm1(x))
    return x + feed_forward(norm2(x))

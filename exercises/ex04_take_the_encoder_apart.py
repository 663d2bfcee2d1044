"""The exercises of lab 04, take the encoder apart."""

import torch

from exercises.check import exercise


@exercise(
    "4.A",
    cases=[(0.0, 0.1, 12), (0.3, 1.0, 2), (0.5, 0.2, 5), (0.8, 2.0, 1)],
    wrong={
        ("average = 1 + c", "average = 1"): "that is what becomes of the deviation. The average "
        "grows as well, and the question is for their ratio.",
        ("average = 1 + c", "average = c"): "the skip carries the whole word, so it adds to the "
        "average too, not to the deviation alone.",
        ("deviation = 1 + c * a", "deviation = 1 + a"): "the deviation that attention passes on is "
        "also multiplied by c.",
        ("deviation = 1 + c * a", "deviation = 1"): "right for uniform weights. Otherwise "
        "attention passes on a share of the deviation too.",
        (" ** layers", ""): "that is one layer. Each of the others multiplies by it again.",
        (" ** layers", " * layers"): "each layer multiplies what the one before has left. You "
        "added the layers up.",
    },
    praise="The louder the average is beside the word, the sooner all words are the same.",
    tolerance=1e-3,
)
def apart(a, c, layers):
    average = 1 + c
    deviation = 1 + c * a
    return (deviation / average) ** layers


def tokens(shape: tuple[int, ...], size: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Numbers that enter a norm, of that size and with a mean, and a gradient that arrives."""
    generator = torch.Generator().manual_seed(seed)
    x = size * (torch.randn(shape, generator=generator) + 0.5)
    return x, torch.randn(shape, generator=generator) + 0.3


@exercise(
    "4.B",
    cases=[tokens((2, 4), 1.0, 0), tokens((2, 3, 6), 3.0, 1), tokens((2, 3, 4), 0.005, 2)],
    wrong={
        (" - g.mean(-1, keepdim=True)", ""): "the effect through the mean is missing: a number "
        "that rises lifts the mean, and all others fall.",
        (" - x_hat * along", ""): "the effect through the root is missing: a number that moves "
        "away from the mean makes r larger.",
        (") / r", ")"): "the three terms are right, but the 1/r before the bracket is missing.",
        ("g - g.mean(-1, keepdim=True)", "g - g.sum(-1, keepdim=True)"): "in the second term you "
        "took a sum. The 1/d makes it a mean.",
        ("+ eps", ""): "eps is missing: r is √(variance + eps), and where the numbers are tiny "
        "that shows.",
        ("deviation.square().mean(-1, keepdim=True)", "x.var(-1, keepdim=True)"): "your variance "
        "is divided by d − 1. LayerNorm divides by d.",
    },
    praise="What would only shift or stretch a token's numbers gets no gradient.",
    tolerance=1e-3,
)
def layer_norm_backward(x, g, eps=1e-5):
    deviation = x - x.mean(-1, keepdim=True)
    r = (deviation.square().mean(-1, keepdim=True) + eps).sqrt()
    x_hat = deviation / r
    along = (g * x_hat).mean(-1, keepdim=True)
    return (g - g.mean(-1, keepdim=True) - x_hat * along) / r


@exercise(
    "4.C",
    cases=[(65, 44_138_496, 512), (28, 17_364_480, 256), (168, 125_952_000, 1024)],
    wrong={
        ("0.5) * 1e6", "0) * 1e6"): "you took the millions as exact. The paper rounds them.",
        (" - layers", ""): "that is the whole model in rows. Take the layers away first.",
        (" * 1e6", ""): "your first number is in millions, and `layers` is not.",
        ("0.5", "1.0"): "your range is twice as wide as it should be: 65 stands for 64.5 to 65.5.",
        (" / d_model", ""): "that many *numbers* are left. A row has d_model of them.",
        ("return smallest, largest", "return largest, smallest"): "the two are right, but the "
        "other way round: first the smallest.",
    },
    praise="Now try it on nine models of the paper.",
    tolerance=1e-4,
)
def rows_left(millions, layers, d_model):
    smallest = ((millions - 0.5) * 1e6 - layers) / d_model
    largest = ((millions + 0.5) * 1e6 - layers) / d_model
    return smallest, largest

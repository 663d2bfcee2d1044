"""Exercises of notebook 04: positions, feed-forward, norm, layer, parameter count."""

from collections.abc import Callable

import torch
from torch import Tensor

from utils.checks import Exercise

# 4.1 One row of the positional encoding


def wiggle(position: int, d_model: int) -> Tensor:
    angles = position / 10_000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten()


def wiggle_slow(position: int, d_model: int) -> Tensor:
    angles = position / 10_000 ** (torch.arange(d_model // 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten()


def wiggle_fast(position: int, d_model: int) -> Tensor:
    angles = position / 10_000 ** (2 * torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten()


def wiggle_unpaired(position: int, d_model: int) -> Tensor:
    angles = position / 10_000 ** (torch.arange(d_model) / d_model)
    return torch.where(torch.arange(d_model) % 2 == 0, angles.sin(), angles.cos())


def wiggle_halves(position: int, d_model: int) -> Tensor:
    pairs = wiggle(position, d_model)
    return torch.cat([pairs[0::2], pairs[1::2]])


def wiggle_swapped(position: int, d_model: int) -> Tensor:
    return wiggle(position, d_model).unflatten(0, (-1, 2)).flip(1).flatten()


def wiggle_growing(position: int, d_model: int) -> Tensor:
    angles = position * 10_000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten()


# 4.3 The mended LayerNorm


def normalise(
    x: Tensor, dim: int = -1, correction: int = 0, eps: float = 0.0, late_eps: float = 0.0
) -> Tensor:
    variance, mean = torch.var_mean(x, dim=dim, correction=correction, keepdim=True)
    return (x - mean) / ((variance + eps).sqrt() + late_eps)


def divided_by_variance(x: Tensor, eps: float) -> Tensor:
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return (x - mean) / (variance + eps)


EPS = 1e-5
NUMBERS = torch.tensor(
    [
        [[1.0, 2.0, 3.0, 6.0], [0.5, -1.0, 2.0, 0.0], [4.0, 1.0, -3.0, 2.5]],
        [[-2.0, 7.0, 1.0, 0.0], [1.0, 1.5, -0.5, 3.0], [0.0, 2.0, 2.5, -4.0]],
    ]
)  # (2, 3, 4)

# 4.4 The layer from memory


def given(layer: Callable) -> Callable:
    """Call a learner's layer with parts that are easy to tell apart: none undoes another, and the
    two norms differ in what they do."""

    def attend(x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True) + 0.5 * x.flip(-1)

    def feed_forward(x: Tensor) -> Tensor:
        return (x - 0.3).relu() * 2

    def norm1(x: Tensor) -> Tensor:
        return normalise(x, eps=EPS) * 1.5

    def norm2(x: Tensor) -> Tensor:
        return normalise(x, eps=EPS) + 0.25

    return lambda x: layer(x, attend, feed_forward, norm1, norm2)


def post_norm(x, attend, feed_forward, norm1, norm2):
    x = norm1(x + attend(x))
    return norm2(x + feed_forward(x))


def pre_norm(x, attend, feed_forward, norm1, norm2):
    x = x + attend(norm1(x))
    return x + feed_forward(norm2(x))


def no_skips(x, attend, feed_forward, norm1, norm2):
    return norm2(feed_forward(norm1(attend(x))))


def no_norms(x, attend, feed_forward, norm1, norm2):
    x = x + attend(x)
    return x + feed_forward(x)


def feed_forward_first(x, attend, feed_forward, norm1, norm2):
    return post_norm(x, feed_forward, attend, norm1, norm2)


def attention_alone(x, attend, feed_forward, norm1, norm2):
    return norm1(x + attend(x))


def norms_swapped(x, attend, feed_forward, norm1, norm2):
    return post_norm(x, attend, feed_forward, norm2, norm1)


def first_skip_missing(x, attend, feed_forward, norm1, norm2):
    x = norm1(attend(x))
    return norm2(x + feed_forward(x))


def second_skip_missing(x, attend, feed_forward, norm1, norm2):
    return norm2(feed_forward(norm1(x + attend(x))))


def skip_from_start(x, attend, feed_forward, norm1, norm2):
    return norm2(x + feed_forward(norm1(x + attend(x))))


def norm_inside(x, attend, feed_forward, norm1, norm2):
    x = x + norm1(attend(x))
    return x + norm2(feed_forward(x))


def one_norm_twice(x, attend, feed_forward, norm1, norm2):
    return post_norm(x, attend, feed_forward, norm1, norm1)


# 4.5 Parameters of a layer


def layer_size(d_model: int, d_ff: int) -> int:
    attention = 4 * (d_model * d_model + d_model)
    feed_forward = d_model * d_ff + d_ff + d_ff * d_model + d_model
    return attention + feed_forward + 2 * 2 * d_model


EXERCISES = [
    Exercise(
        number="4.1",
        solution=wiggle,
        cases=[(1, 4), (0, 6), (3, 8), (7, 16)],
        mistakes={
            "your hands slow down only half as much as they should: pair i has the exponent "
            "2i / d_model, not i / d_model.": wiggle_slow,
            "from pair to pair your hands slow down too much. If i counts the pairs 0, 1, 2 …, the "
            "exponent is 2i / d_model; if it goes 0, 2, 4 …, the 2 is in it already.": wiggle_fast,
            "every dimension got a frequency of its own, but a sine and its cosine belong "
            "together: both use the angle of their pair.": wiggle_unpaired,
            "all sines come first and all cosines after them: the formula alternates, "
            "sine at 2i and cosine at 2i + 1.": wiggle_halves,
            "sine and cosine are swapped: the even dimensions hold the sine.": wiggle_swapped,
            "your hands get faster from pair to pair: divide the position by "
            "10000^(2i / d_model), do not multiply.": wiggle_growing,
        },
        praise="A position is a clock with d_model / 2 hands, each slower than the one before.",
        tolerance=1e-3,
    ),
    Exercise(
        number="4.2",
        solution=2_099_712,
        mistakes={
            "so many are in the two matrices alone: each linear layer also has a bias.": 2_097_152,
            "the bias of the way back down is missing: 512 entries.": 2_099_200,
            "the bias of the way up is missing: 2048 entries.": 2_097_664,
            "that is one of the two linear layers: there is one up to d_ff and one back down.":
                1_050_624,
            "that is the way back down alone: there is also one up to d_ff.": 1_049_088,
            "both biases got d_model entries, but a bias is as long as what comes out: "
            "the first has d_ff entries.": 2_098_176,
            "both biases got d_ff entries, but a bias is as long as what comes out: "
            "the second has d_model entries.": 2_101_248,
        },
        praise="Two thirds of an encoder layer are here, as section 10 counts.",
        tolerance=0.0,
    ),
    Exercise(
        number="4.3",
        solution=lambda x, eps: normalise(x, eps=eps),
        cases=[(NUMBERS, EPS), (NUMBERS / 300, EPS)],
        mistakes={
            "all three mistakes are still there. Begin with the axis: which numbers belong to one "
            "token?": lambda x, eps: normalise(x, 1, 1, late_eps=eps),
            "the axis is still wrong: you normalise over the tokens of a sentence. Each token is "
            "normalised by itself, over dim=-1.": lambda x, eps: normalise(x, 1, 0, eps=eps),
            "the variance is still divided by d_model − 1. LayerNorm divides by d_model: "
            "correction=0.": lambda x, eps: normalise(x, correction=1, eps=eps),
            "eps is still added to the root. It belongs inside: √(variance + eps).":
                lambda x, eps: normalise(x, late_eps=eps),
            "the axis is right now. Two mistakes are left, and both are about the root.":
                lambda x, eps: normalise(x, correction=1, late_eps=eps),
            "the divisor is right now, but the axis is still wrong, and eps is still outside the "
            "root.": lambda x, eps: normalise(x, 1, 0, late_eps=eps),
            "eps stands inside the root now, but the axis is still wrong, and so is the divisor "
            "of the variance.": lambda x, eps: normalise(x, 1, 1, eps=eps),
            "you divide by the variance. Divide by its root.": divided_by_variance,
            "eps is gone. It protects you from dividing by zero when all entries of a token are "
            "equal.": lambda x, eps: normalise(x),
        },
        praise="Your norm and PyTorch's give the same numbers, small entries included.",
        tolerance=1e-5,
    ),
    Exercise(
        number="4.4",
        solution=post_norm,
        cases=[(NUMBERS,), (NUMBERS.flip(1) - 1,)],
        mistakes={
            "this is pre-norm: a good layer, but the paper's normalises after the addition.":
                pre_norm,
            "the skips are missing: each sublayer's output is added to what went into it.":
                no_skips,
            "the norms are missing: norm1 after the first addition, norm2 after the second.":
                no_norms,
            "the order is different: attention first, then feed-forward.": feed_forward_first,
            "that is the first half: now the same with feed_forward and norm2.": attention_alone,
            "the norms are swapped: norm1 belongs to attention, norm2 to feed-forward.":
                norms_swapped,
            "the first skip is missing: add the layer's input to what attend gives.":
                first_skip_missing,
            "the second skip is missing: add the feed-forward's input to its output.":
                second_skip_missing,
            "your second skip starts at the layer's input: it must start at the first norm's "
            "output.": skip_from_start,
            "you normalise the sublayer's output before the addition: add first, then "
            "normalise the sum.": norm_inside,
            "norm1 is used twice: the second sublayer has a norm of its own, norm2.":
                one_norm_twice,
        },
        praise="This is the whole encoder layer: norm(x + sublayer(x)), twice.",
        adapt=given,
    ),
    Exercise(
        number="4.5",
        solution=layer_size,
        cases=[(512, 2048), (1024, 4096), (6, 10)],
        mistakes={
            "attention has four matrices, not three: W^O, which mixes the heads, is missing.":
                lambda d_model, d_ff: layer_size(d_model, d_ff) - d_model * d_model - d_model,
            "4 · d_model are missing. Either the two norms (a weight and a bias each) or the "
            "biases of attention's four linear layers.":
                lambda d_model, d_ff: layer_size(d_model, d_ff) - 4 * d_model,
            "one norm is missing: the layer has two, each with a weight and a bias.":
                lambda d_model, d_ff: layer_size(d_model, d_ff) - 2 * d_model,
            "the two biases of the feed-forward are missing: d_ff on the way up, d_model on the "
            "way down.": lambda d_model, d_ff: layer_size(d_model, d_ff) - d_model - d_ff,
            "those are the matrices alone. Six linear layers have a bias each, and the two norms "
            "have a weight and a bias each.":
                lambda d_model, d_ff: layer_size(d_model, d_ff) - 9 * d_model - d_ff,
            "the biases of the linear layers are missing: d_model for each of attention's four, "
            "d_ff and d_model in the feed-forward.":
                lambda d_model, d_ff: layer_size(d_model, d_ff) - 5 * d_model - d_ff,
            "no bias is in your count. Attention has four, of d_model each, the feed-forward "
            "has two, of d_ff and d_model, and each norm has one.":
                lambda d_model, d_ff: layer_size(d_model, d_ff) - 7 * d_model - d_ff,
        },
        praise="Heads do not appear: they share out the same matrices.",
        tolerance=0.0,
    ),
]  # fmt: skip

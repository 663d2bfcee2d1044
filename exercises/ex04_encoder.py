"""The exercises of notebook 04, encoder."""

import math
from collections.abc import Callable
from copy import deepcopy
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from exercises.check import exercise, question
from exercises.weights import with_weights
from transformer.encoder import EncoderLayer, positional_encoding


def an_angle_each(position, d_model):
    angle = position / 10_000 ** (2 * torch.arange(d_model) / d_model)  # (d_model)
    return torch.where(torch.arange(d_model) % 2 == 0, angle.sin(), angle.cos())


@exercise(
    "4.1",
    cases=[(1, 4), (0, 6), (3, 8), (7, 16)],
    wrong={
        ("arange(0, d_model, 2)", "arange(d_model // 2)"): "your hands slow down only half as much "
        "as they should: pair i has the exponent 2i / d_model, not i / d_model.",
        ("torch.arange", "2 * torch.arange"): "from pair to pair your hands slow down too much. If "
        "i counts the pairs 0, 1, 2 …, the exponent is 2i / d_model; if it goes 0, 2, 4 …, the 2 "
        "is in it already.",
        ("angle.cos()", "(angle / 10_000 ** (1 / d_model)).cos()"): "every dimension got a "
        "frequency of its own, but a sine and its cosine belong together: both use the angle of "
        "their pair.",
        an_angle_each: "your i counts the dimensions, so each has an angle of its own. The "
        "formula's i counts the hands: a sine and its cosine share one angle.",
        ("dim=-1", "dim=0"): "all sines come first and all cosines after them: the formula "
        "alternates, sine at 2i and cosine at 2i + 1.",
        ("[angle.sin(), angle.cos()]", "[angle.cos(), angle.sin()]"): "sine and cosine are "
        "swapped: the even dimensions hold the sine.",
    },
    praise="A position is a clock with d_model / 2 hands, each slower than the one before.",
    tolerance=1e-3,
)
def wiggle(position, d_model):
    angle = position / 10_000 ** (torch.arange(0, d_model, 2) / d_model)  # (d_model / 2)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten()  # (d_model)


def words(ids: list[list[int]], vocabulary: int, d_model: int) -> tuple:
    """ids, the table of words, and more places than the ids need."""
    table = torch.randn(vocabulary, d_model, generator=torch.Generator().manual_seed(d_model))
    return torch.tensor(ids), table, positional_encoding(12, d_model)


@exercise(
    "4.2",
    cases=[words([[4, 7, 4, 1]], 10, 8), words([[3, 0, 5], [1, 1, 2], [0, 4, 4]], 6, 4)],
    wrong={
        (("table[ids] + places", "(table[ids] + places)"), ("ids.size(1)", "ids.size(0)")): "both "
        "bugs are still there. Begin with the places: how many rows of `encoding` does your slice "
        "take for one sentence?",
        ("table[ids] + places", "(table[ids] + places)"): "every word knows its place now, but the "
        "places are stretched along with the words: the factor belongs to the words alone.",
        ("ids.size(1)", "ids.size(0)"): "the words alone are stretched now, as they should be. But "
        "the slice still counts sentences, not places.",
        ("math.sqrt(table.size(1)) * ", ""): "the factor √d_model is gone: without it the places "
        "drown the words.",
        ("math.sqrt(table.size(1))", "table.size(1)"): "you multiply by d_model. The factor is its "
        "square root.",
        ("[: ids.size(1)]", "[ids]"): "you look the place up by the word's id. The place is where "
        "the word stands, whatever the word is.",
    },
    praise="A slice by the wrong size is the quietest bug: broadcasting hides it.",
)
def entrance(ids, table, encoding):
    places = encoding[: ids.size(1)]  # (length, d_model)
    return math.sqrt(table.size(1)) * table[ids] + places  # (batch, length, d_model)


FEED_FORWARD_SIZE = question(
    "4.3",
    2_099_712,
    wrong={
        2_097_152: "so many are in the two matrices alone: each linear layer also has a bias.",
        2_099_200: "the bias of the way back down is missing: 512 entries.",
        2_097_664: "the bias of the way up is missing: 2048 entries.",
        1_050_624: "that is one of the two linear layers: there is one up to d_ff and one back "
        "down.",
        2_098_176: "both biases got d_model entries, but a bias is as long as what comes out: the "
        "first has d_ff entries.",
    },
    praise="Two thirds of an encoder layer are here, as section 10 counts.",
    tolerance=0.0,
)

PREDICTION = question(
    "4.4",
    ["fine", "fine", "collapses", "both"],
    wrong={
        ("fine", "fine", "vanishes", "vanishes"): "so say many texts: no skips, no gradient. But "
        "the third stack has a norm after each sublayer. What does it do to numbers that get "
        "smaller and smaller? And what does attention, again and again, do to the words?",
        ("fine", "fine", "vanishes", "both"): "three are right. In the third stack the norm brings "
        "the numbers back to size 1 after each sublayer, and the gradient with them. Something "
        "else goes wrong there.",
        ("fine", "fine", "fine", "both"): "three are right. In the third stack the gradient is "
        "fine. But what carries a word past twelve rounds of mixing?",
        ("fine", "fine", "collapses", "vanishes"): "three are right. Without skips and without "
        "norm the mixing is the same as in the third stack.",
        ("fine", "fine", "both", "both"): "three are right. In the third stack something keeps the "
        "numbers, and so the gradient, in size.",
        ("fine", "fine", "fine", "vanishes"): "the third stack has no skips, the fourth has "
        "neither: something goes wrong in each. The tokens look at each other in both.",
    },
    praise="The skip keeps the words apart; skip or norm keeps the gradient alive.",
)

NUMBERS = torch.tensor(
    [
        [[1.0, 2.0, 3.0, 6.0], [0.5, -1.0, 2.0, 0.0], [4.0, 1.0, -3.0, 2.5]],
        [[-2.0, 7.0, 1.0, 0.0], [1.0, 1.5, -0.5, 3.0], [0.0, 2.0, 2.5, -4.0]],
    ]
)  # (2, 3, 4)

AXIS, DIVISOR = ("dim=-1", "dim=1"), ("correction=0", "correction=1")
OUTSIDE = ("(variance + eps).sqrt()", "(variance.sqrt() + eps)")


@exercise(
    "4.5",
    cases=[(NUMBERS, 1e-5), (NUMBERS / 300, 1e-5)],
    wrong={
        (AXIS, DIVISOR, OUTSIDE): "all three mistakes are still there. Begin with the axis: which "
        "numbers belong to one token?",
        AXIS: "the axis is still wrong: you normalise over the tokens of a sentence. Each token is "
        "normalised by itself, over dim=-1.",
        DIVISOR: "the variance is still divided by d_model − 1. LayerNorm divides by d_model: "
        "correction=0.",
        OUTSIDE: "eps is still added to the root. It belongs inside: √(variance + eps).",
        (DIVISOR, OUTSIDE): "the axis is right now. Two mistakes are left, and both are about the "
        "root.",
        (".sqrt()", ""): "you divide by the variance. Divide by its root.",
    },
    praise="Your norm and PyTorch's give the same numbers, small entries included.",
    tolerance=1e-5,
)
def mended(x, eps):
    mean = x.mean(dim=-1, keepdim=True)  # (batch, length, 1)
    variance = x.var(dim=-1, correction=0, keepdim=True)  # (batch, length, 1)
    return (x - mean) / (variance + eps).sqrt()


def given(layer: Callable) -> Callable:
    """Call a learner's layer with parts that are easy to tell apart: none undoes another, and the
    two norms differ in what they do."""

    def attend(x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True) + 0.5 * x.flip(-1)

    def feed_forward(x: Tensor) -> Tensor:
        return (x - 0.3).relu() * 2

    def norm1(x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:]) * 1.5

    def norm2(x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:]) + 0.25

    return lambda x: layer(x, attend, feed_forward, norm1, norm2)


def pre_norm(x, attend, feed_forward, norm1, norm2):
    x = x + attend(norm1(x))
    return x + feed_forward(norm2(x))


@exercise(
    "4.6",
    cases=[(NUMBERS,), (NUMBERS.flip(1) - 1,)],
    wrong={
        pre_norm: "this is pre-norm: a good layer, but the paper's normalises after the addition.",
        ("x + ", ""): "the skips are missing: each sublayer's output is added to what went into "
        "it.",
        (("norm1(", "("), ("norm2(", "(")): "the norms are missing: norm1 after the first "
        "addition, norm2 after the second.",
        (("x = norm1(", "y = norm1("), ("feed_forward(x)", "feed_forward(y)")): "your second skip "
        "starts at the layer's input: it must start at the first norm's output.",
        (("norm1(x + ", "x + norm1("), ("norm2(x + ", "x + norm2(")): "you normalise the "
        "sublayer's output before the addition: add first, then normalise the sum.",
        ("norm2(", "norm1("): "norm1 is used twice: the second sublayer has a norm of its own, "
        "norm2.",
    },
    praise="This is the whole encoder layer: norm(x + sublayer(x)), twice.",
    adapt=given,
)
def encoder_layer(x, attend, feed_forward, norm1, norm2):
    x = norm1(x + attend(x))
    return norm2(x + feed_forward(x))


def stacked(answer: Callable) -> Callable:
    """What a stack comes to: its length, the numbers it can learn, its different starts."""

    def call(num_layers: int, size: int) -> list[int] | None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(size)
            layers = answer(partial(nn.Linear, size, size), num_layers)
        if layers is None or layers is ...:
            return None
        known = layers.parameters() if isinstance(layers, nn.Module) else []
        starts = {layer.weight[0, 0].item() for layer in layers}
        return [len(layers), sum(parameter.numel() for parameter in known), len(starts)]

    return call


def copies_of_one_layer(make_layer, num_layers):
    layer = make_layer()
    return nn.ModuleList(deepcopy(layer) for _ in range(num_layers))


ONE_FOR_ALL = ("make_layer() for _ in range(num_layers)", "[make_layer()] * num_layers")


@exercise(
    "4.7",
    cases=[(6, 3), (2, 4)],
    wrong={
        ONE_FOR_ALL: "still one layer under several names: all of them share the same weights. "
        "Each place needs a call of make_layer() of its own.",
        ("nn.ModuleList", "list"): "the layers are separate now, but they stand in a plain Python "
        "list, and PyTorch does not see into it: no optimiser would train them. nn.ModuleList "
        "takes such a list.",
        (ONE_FOR_ALL, ("nn.ModuleList", "list")): "two things: this is one layer under several "
        "names, and a plain Python list hides it from PyTorch.",
        copies_of_one_layer: "the layers are separate, but they start with the same numbers, since "
        "they are copies of one (PyTorch's nn.TransformerEncoder does that, too). Build each one "
        "anew.",
        ("range(num_layers)", "range(num_layers + 1)"): "one layer too many: is the first one "
        "still in the list?",
    },
    praise="Six layers, six sets of weights, and PyTorch knows of all of them.",
    adapt=stacked,
)
def stack_of(make_layer, num_layers):
    return nn.ModuleList(make_layer() for _ in range(num_layers))


@exercise(
    "4.8",
    cases=[(512, 2048), (1024, 4096), (6, 10)],
    wrong={
        ("4 * ", "3 * "): "attention has four matrices, not three: W^O, which mixes the heads, is "
        "missing.",
        (" + norms", ""): "4 · d_model are missing. Either the two norms (a weight and a bias "
        "each) or the biases of attention's four linear layers.",
        ("2 * 2 *", "2 *"): "one norm is missing: the layer has two, each with a weight and a "
        "bias.",
        (" + d_ff + d_model", ""): "the two biases of the feed-forward are missing: d_ff on the "
        "way up, d_model on the way down.",
        ((" + 4 * d_model", ""), (" + d_ff + d_model", ""), (" + norms", "")): "those are the "
        "matrices alone. Six linear layers have a bias each, and the two norms have a weight and a "
        "bias each.",
        ((" + 4 * d_model", ""), (" + d_ff + d_model", "")): "the biases of the linear layers are "
        "missing: d_model for each of attention's four, d_ff and d_model in the feed-forward.",
    },
    praise="Heads do not appear: they share out the same matrices.",
    tolerance=0.0,
)
def encoder_layer_size(d_model, d_ff):
    attention = 4 * d_model * d_model + 4 * d_model
    feed_forward = 2 * d_model * d_ff + d_ff + d_model
    norms = 2 * 2 * d_model
    return attention + feed_forward + norms


def block_case(d_model: int, num_heads: int, d_ff: int, norm_first: bool, mask) -> tuple:
    x = torch.randn(2, 4, d_model, generator=torch.Generator().manual_seed(d_model))
    return (d_model, num_heads, d_ff), (x, mask), {"norm_first": norm_first}


SHORT = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]).bool()[:, None, None]  # (2, 1, 1, 4)

BLANK_CELL = exercise(
    "4.9",
    cases=[
        block_case(8, 2, 12, False, None),
        block_case(8, 2, 12, True, None),
        block_case(6, 3, 10, False, SHORT),
        block_case(6, 3, 10, True, SHORT),
    ],
    wrong={
        ("if self.norm_first", "if False"): "this is the paper's order always: norm_first=True "
        "does not change anything.",
        ("if self.norm_first", "if not self.norm_first"): "both orders are there, but swapped: "
        "norm_first=True normalises before the sublayer.",
        (", mask)", ")"): "right without a mask. But the mask never reaches attention.",
        (("x = x + ", "x = y + "), ("return x + ", "return self.norm2(x) + ")): "the paper's order "
        "is right. In the other, your skip carries the normalised copy; it should carry the x from "
        "before the norm.",
        ("(y, y, y,", "(y, x, x,"): "the paper's order is right. In the other, query, key and "
        "value are all the normalised copy, not the query alone.",
        ("self.norm2(", "self.norm1("): "norm1 is used twice: the second sublayer has a norm of "
        "its own.",
    },
    praise="You know the encoder layer by heart.",
    adapt=with_weights(EncoderLayer),
)(EncoderLayer)

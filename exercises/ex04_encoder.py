"""The exercises of notebook 04, encoder."""

import torch

from exercises.check import exercise, numbers
from exercises.weights import with_weights
from transformer.encoder import EncoderLayer, FeedForward, LayerNorm, positional_encoding


def an_angle_each(length, d_model):
    dimension = torch.arange(d_model)
    angle = torch.arange(length)[:, None] / 10_000 ** (2 * dimension / d_model)
    return torch.where(dimension % 2 == 0, angle.sin(), angle.cos())  # (length, d_model)


POSITIONS = exercise(
    "4.1",
    cases=[(3, 4), (1, 6), (9, 16), (50, 8)],
    wrong={
        ("arange(0, d_model, 2,", "arange(d_model // 2,"): "your hands slow down only half as much "
        "as they should: hand i has the exponent 2i / d_model, not i / d_model.",
        ("(pair / d_model)", "(2 * pair / d_model)"): "from hand to hand yours slow down too much. "
        "If i counts the hands 0, 1, 2 …, the exponent is 2i / d_model; if it goes 0, 2, 4 …, the "
        "2 is in it already.",
        an_angle_each: "your i counts the dimensions, so each has an angle of its own. The "
        "formula's i counts the hands: a sine and its cosine share one angle.",
        ("dim=-1", "dim=1"): "all sines come first and all cosines after them: the formula "
        "alternates, sine at 2i and cosine at 2i + 1.",
        ("[angle.sin(), angle.cos()]", "[angle.cos(), angle.sin()]"): "sine and cosine are "
        "swapped: the even dimensions hold the sine.",
        ("arange(length,", "arange(1, length + 1,"): "your first row is that of position 1. "
        "Positions are counted from 0.",
    },
    praise="A position is a clock with d_model / 2 hands, each slower than the one before.",
    tolerance=1e-3,
)(positional_encoding)


HIDDEN, BACK = "F.relu(self.linear1(x))", "self.linear2(self.dropout(hidden))"

FEED_FORWARD = exercise(
    "4.2",
    cases=[((8, 12), (numbers(3, 5, 8, seed=8),)), ((6, 20), (numbers(3, 5, 6, seed=6),))],
    wrong={
        (HIDDEN, "self.linear1(x)"): "the ReLU is missing, so your two matrices are one.",
        ((HIDDEN, "self.linear1(x)"), (BACK, f"F.relu({BACK})")): "the ReLU comes too late: it "
        "stands between the two layers, not behind both.",
        (BACK, f"F.relu({BACK})"): "there is one ReLU, between the two layers. Yours has a second "
        "one at the end, and no number that comes out can be negative.",
        (BACK, f"x + {BACK}"): "you add the input back. That is a box of its own, in the next "
        "section.",
        ("F.relu", "F.gelu"): "that is GELU, a smooth relative that later models use. The paper "
        "has ReLU, max(0, x).",
        (HIDDEN, "self.linear1(x).softmax(-1)"): "softmax makes the detectors share 1 among them. "
        "ReLU lets each speak for itself.",
    },
    praise="Up, cut off below 0, down: at each position alike.",
    adapt=with_weights(FeedForward),
)(FeedForward)


FUSED = "F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)"


def by_hand(divisor: str, dim: str = "-1", correction: int = 0) -> tuple[str, str]:
    """An edit: the norm written out, with something else in one of its places."""
    variance = f"x.var(dim={dim}, correction={correction}, keepdim=True)"
    mean = f"x.mean(dim={dim}, keepdim=True)"
    divisor = divisor.replace("variance", variance)
    return FUSED, f"(x - {mean}) / ({divisor}) * self.weight + self.bias"


ROOT, OUTSIDE = "(variance + self.eps).sqrt()", "variance.sqrt() + self.eps"


def filled_and_fresh(make):
    """As with_weights, and what a fresh norm gives: its weight is 1 at first, its bias 0."""
    fill = with_weights(LayerNorm)(make)

    def call(arguments, inputs):
        filled = fill(arguments, inputs)
        return None if filled is None else (filled, make(*arguments)(*inputs))

    return call


def norm_case(d_model: int, size: float) -> tuple:
    """eps is large for numbers of this size, so that its place shows."""
    return (d_model,), (size * (3 + numbers(3, 5, d_model, seed=d_model)),)


LAYER_NORM = exercise(
    "4.3",
    cases=[norm_case(6, 1.0), norm_case(8, 0.005), norm_case(5, 2.0)],
    wrong={
        by_hand(ROOT, dim="1"): "you normalise over the words of a sentence. Each token is "
        "normalised by itself, over its d_model numbers.",
        by_hand(ROOT, correction=1): "the squares are divided by d_model − 1. LayerNorm divides by "
        "d_model.",
        by_hand(OUTSIDE): "eps is added to the root. It belongs inside.",
        by_hand("variance.sqrt()"): "eps is missing. It is added to the variance, inside the root: "
        "where the numbers are tiny that shows.",
        by_hand(OUTSIDE, correction=1): "this is the other form: divided by d_model − 1, and eps "
        "added to the root. LayerNorm divides by d_model, with eps inside the root.",
        by_hand("variance + self.eps"): "you divide by the variance. Divide by its root.",
        ("torch.ones(d_model)", "torch.zeros(d_model)"): "your weight is 0 at first, so only the "
        "bias comes out: begin with ones.",
    },
    praise="Your norm and PyTorch's give the same numbers, small ones included.",
    adapt=filled_and_fresh,
    tolerance=1e-3,
)(LayerNorm)


def block_case(d_model: int, num_heads: int, d_ff: int, norm_first: bool, mask) -> tuple:
    x = numbers(2, 4, d_model, seed=d_model)
    return (d_model, num_heads, d_ff), (x, mask), {"norm_first": norm_first}


SHORT = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]).bool()[:, None, None]  # (2, 1, 1, 4)

BLANK_CELL = exercise(
    "4.4",
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
        ("y = self.norm1(x)", "y = x"): "the paper's order is right. In the other, attention gets "
        "x without its norm.",
        ("self.feed_forward(self.norm2(x))", "self.feed_forward(x)"): "the paper's order is right. "
        "In the other, the feed-forward gets x without its norm.",
        ("x + self.dropout(", "self.dropout("): "the skips are missing: each sublayer's output is "
        "added to what went in.",
        (", mask)", ", mask)[0]"): "attention returns its output alone, not a pair: your `[0]`, or "
        "`attended, _ =`, keeps the first sentence of the batch.",
    },
    praise="You know the encoder layer by heart.",
    adapt=with_weights(EncoderLayer),
)(EncoderLayer)

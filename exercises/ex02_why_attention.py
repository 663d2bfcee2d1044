"""The exercises of lab 02, why attention."""

import math

import torch

from exercises.check import exercise, numbers, question
from exercises.ex02_attention import COLUMNS, ROWS

GATE = question(
    "2.A",
    -math.log(2 ** (1 / 50) - 1),
    tolerance=3e-3,
    wrong={
        0.986: "that is the gate. The bias is the number that makes it so.",
        -4.27: "the right size, but the sign is turned: this bias closes the gate.",
        4.6: "that is a gate of .99, which loses a hundredth at each step. The loss multiplies, it "
        "does not add up: find the number that 50 factors turn into a half.",
        4.3: "right to one decimal; give two.",
        4.25: "your gate is .986, rounded. Take more decimals on the way.",
        3.89: "the gate is .98, rounded down: it leaves a third. Take more decimals on the way.",
    },
    praise="A fresh LSTM starts near 0: there, 50 steps leave next to nothing.",
)


@exercise(
    "2.B",
    cases=[(5, 1), (6, 2)],
    wrong={
        (("return (", "return (("), ("<= reach", "<= reach).tril()")): "each position sees only "
        "the words before it: the window should open to both sides, so the distance counts in "
        "either direction.",
        ("<=", "<"): "your window is one step too narrow: a word that is exactly `reach` away may "
        "still be looked at.",
        ("<=", ">"): "your mask is upside down: here True means *may attend*.",
        ("<= reach", "<= 1"): "your window has the same width for every reach.",
        (".abs()", ""): "you cut off what lies too far back, but a word still sees everything far "
        "ahead. The window has two edges.",
        (("return (", "return (("), ("<= reach", "<= reach) & (place[:, None] >= reach)")): "the "
        "first rows are empty: there i - reach is negative, and a negative index counts from the "
        "end. Begin at max(0, i - reach).",
    },
    praise="It forbids all but r = 2 · reach + 1 keys a word. What that saves is measured below.",
)
def window_mask(length, reach):
    place = torch.arange(length)
    return (place[:, None] - place[None, :]).abs() <= reach


SHARES = [numbers(*shape).softmax(dim=-1) for shape in ((3,), (4, 4), (3, 3, 3))]
SLOPES = [numbers(*shape, seed=1) for shape in ((3,), (4, 4), (3, 3, 3))]


@exercise(
    "2.C",
    cases=list(zip(SHARES, SLOPES, strict=True)),  # the last two square: a lost keepdim runs
    wrong={
        (" - average", ""): "you stopped at p times g. When one share rises the others fall: "
        "subtract the row's average first.",
        ("(g - average)", "(1 - p) * g"): "that is the diagonal alone, p(1 - p) times g. Each "
        "score moves the other shares too.",
        ("dim=-1, keepdim=True", ""): "you added up the whole tensor. Every row is a softmax of "
        "its own, with its own average: sum along the last dimension.",
        (", keepdim=True", ""): "your sums are right, but they meet the wrong rows: without "
        "keepdim=True they lie along the columns.",
        ("(p * g).sum(dim", "g.mean(dim"): "the average is weighted: each slope counts with its "
        "share.",
        ("return p * ", "return "): "the difference from the average is right. A share of 0 cannot "
        "move, though: the factor p is missing.",
    },
    praise="This is the middle line of attention's way back.",
)
def softmax_backward(p, g):
    average = (p * g).sum(dim=-1, keepdim=True)
    return p * (g - average)


@exercise(
    "2.D",
    cases=[  # as many queries as keys, so that a matrix not transposed runs and is named
        (numbers(3, 4), numbers(3, 4, seed=1), numbers(3, 5, seed=2), ROWS, numbers(3, 5, seed=3)),
        (
            numbers(2, 3, 6, seed=4),
            numbers(2, 3, 6, seed=5),
            numbers(2, 3, 2, seed=6),
            COLUMNS,
            numbers(2, 3, 2, seed=7),
        ),
    ],
    wrong={
        (".masked_fill(~mask, 0.0)", ""): "a row that may look at nothing gives NaN. After the "
        "softmax, set forbidden weights to 0 (by masked_fill: NaN · 0 is NaN).",
        ("~mask", "mask"): "your mask is upside down: True means *may attend*, so −∞ goes where it "
        "is False.",
        (" - average", ""): "the row's average is not subtracted: in dS, only being better or "
        "worse than the average counts.",
        ((" key / scale", " key"), (" query / scale", " query")): "the scale is missing on the way "
        "back: the scores were divided by √d_k, and so is what comes back through them.",
        ("grad_scores.transpose(-2, -1)", "grad_scores"): "grad_query and grad_value are right. In "
        "grad_key the rows are still queries: dS has to be transposed first.",
        ("weights.transpose(-2, -1) @", "weights @"): "grad_query and grad_key are right. In "
        "grad_value the rows are still queries: A has to be transposed first.",
    },
    praise="The mask needs no line of its own on the way back: where A is 0, nothing passes.",
)
def attention_backward(query, key, value, mask, grad_output):
    scale = query.size(-1) ** 0.5
    scores = (query @ key.transpose(-2, -1) / scale).masked_fill(~mask, -torch.inf)
    weights = scores.softmax(dim=-1).masked_fill(~mask, 0.0)
    grad_value = weights.transpose(-2, -1) @ grad_output
    grad_weights = grad_output @ value.transpose(-2, -1)
    average = (weights * grad_weights).sum(dim=-1, keepdim=True)
    grad_scores = weights * (grad_weights - average)
    grad_query = grad_scores @ key / scale
    grad_key = grad_scores.transpose(-2, -1) @ query / scale
    return grad_query, grad_key, grad_value

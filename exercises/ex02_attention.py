"""The exercises of notebook 02, attention."""

import math

import torch
from torch import nn

from exercises.check import exercise, question
from exercises.weights import with_weights


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


TIE = question(
    "2.1",
    [5, 5, 2],
    tolerance=1e-3,
    wrong={
        (8.808, 1.192, 2): "these are the old weights, .8808 and .1192. The scores are equal now.",
        (10, 10, 4): "you added the two values whole. Each counts with its weight, and the weights "
        "sum to 1.",
        (5, 5, 1): "look at the third number again: half of 2 comes from *each* value.",
        (10, 0, 2): "that is the value of *Thinking* alone. Softmax does not choose: equal scores "
        "share.",
        (0.5, 0.5): "these are the weights. One step is left: the mix of the two values.",
    },
    praise="Equal scores give the plain average of the values.",
)


def one_word(one_query, key, value):
    return (key @ one_query / math.sqrt(one_query.size(0))).softmax(dim=-1) @ value


@exercise(
    "2.2",
    cases=[
        (numbers(2, 4), numbers(3, 4, seed=1), numbers(3, 2, seed=2)),
        (numbers(4, 6, seed=3), numbers(2, 6, seed=4), numbers(2, 3, seed=5)),
    ],
    wrong={
        ("outputs.append", "outputs = []\n        outputs.append"): "only the last query's output "
        "came back. Does the list begin anew at each turn of the loop? Then it forgets all that it "
        "had.",
        ("    return", "        return"): "only the first query's output came back. Is the "
        "`return` inside the loop? Then the first turn is also the last.",
        ("torch.stack(outputs)", "outputs"): "the loop is right, and a list came back. One step is "
        "left: stack its rows into one tensor.",
        ("stack", "cat"): "the numbers are right, but all in one long row. torch.cat glues rows "
        "end to end; you want them one under the other.",
        ("(one_query,", "(one_query * math.sqrt(one_query.size(0)),"): "the loop is right, but the "
        "scores are not divided by √d_k.",
    },
    praise="It is right, and slow: the queries wait in line though none needs another's answer.",
)
def attention_by_loop(query, key, value):
    outputs = []
    for one_query in query:
        outputs.append(one_word(one_query, key, value))
    return torch.stack(outputs)


@exercise(
    "2.3",
    cases=[
        (torch.tensor([[2.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [2.0, 1.0]])),
        (numbers(2, 4), numbers(3, 4, seed=1)),
    ],
    wrong={
        ("dim=-1", "dim=-2"): "you normalised the columns: each row belongs to one query and "
        "should sum to 1, so softmax runs over dim=-1.",
        (" / math.sqrt(query.size(-1))", ""): "the division by √d_k is missing. d_k is the last "
        "size of query: query.size(-1).",
        ("math.sqrt", ""): "you divided by d_k. The formula divides by its square root.",
        ("query @ key.T", "key @ query.T"): "that is K·Qᵀ, so the keys ask and the queries answer: "
        "rows and columns are swapped. Queries come first: Q·Kᵀ.",
        ("math.sqrt(query.size(-1))", "8"): "you divided by 8, which is √d_k for 64 numbers only. "
        "Take d_k from the query's shape.",
        (".softmax(dim=-1)", ""): "these are the scaled scores. One step is left: softmax, along "
        "each row.",
    },
    praise="One multiplication compares every query with every key.",
)
def all_weights(query, key):
    return (query @ key.T / math.sqrt(query.size(-1))).softmax(dim=-1)


THIRD_WORD = question(
    "2.4",
    [7.389 / 9.389, 1 / 9.389, 1 / 9.389],
    tolerance=1e-3,
    wrong={
        (0.881, 0.119, 0.119): "these three sum to more than 1. The newcomer takes its share from "
        "all the others.",
        (0.881, 0.0596, 0.0596): "you split the old share of *Machines* in two. Softmax shares the "
        "whole anew: each key counts as e to its score, however many there are.",
        (0.79, 0.11, 0.11): "right, but rounded to two decimals: the third is wanted too.",
        (0.881, 0.119): "these are the weights for two words. There are three keys now.",
        (1, 0, 0): "that is without stage 4: divide the scores by 8 first.",
        (7.389, 1, 1): "these are the numbers before the sharing. Divide each by their sum.",
    },
    praise="Each newcomer takes from everybody: softmax shares out one whole.",
)


@exercise(
    "2.5",
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
    },
    praise="With such a window the cost grows as r·n·d: the fourth row of the paper's Table 1.",
)
def window_mask(length, reach):
    place = torch.arange(length)
    return (place[:, None] - place[None, :]).abs() <= reach


@exercise(
    "2.6",
    cases=[(3,), (5,)],
    wrong={
        ("[:, None]", "[:, None] + 1"): "still leaky: the first word sees the second. Count "
        "queries and keys from the same number.",
        ("<=", "<"): "now it is too strict: a word may not see even itself, and the first word "
        "sees nothing at all. Its own place is not the future.",
        ("<=", ">"): "upside down: each word sees the future and nothing else. True means *may "
        "attend*.",
        ("<=", ">="): "rows and columns are swapped, so each word sees itself and the future. Rows "
        "are the queries.",
        ("key_place <= query_place", "(key_place <= query_place).float()"): "the places are right, "
        "but they are numbers. `attention` wants True and False: a comparison gives them.",
    },
    praise="An off-by-one leak never stops a run: only the experiment shows it.",
)
def tight_mask(length):
    query_place = torch.arange(length)[:, None]
    key_place = torch.arange(length)[None, :]
    return key_place <= query_place


@exercise(
    "2.7",
    cases=[
        (numbers(2, 4), numbers(3, 4, seed=1), numbers(3, 2, seed=2)),
        (numbers(3, 8, seed=3), numbers(3, 8, seed=4), numbers(3, 2, seed=5)),
    ],
    wrong={
        ("-1", "-2"): "this is still the broken version: print the rows' sums, and ask what "
        "query.size(-2) counts.",
        ("dim=-1", "dim=-2"): "the scale is mended. Now look at the softmax: do the rows of the "
        "weights sum to 1?",
        ("size(-1)", "size(-2)"): "the rows sum to 1 now. The other bug is in the scale: size(-2) "
        "counts the queries, and the formula wants d_k, the length of one query.",
        (" / math.sqrt(query.size(-1))", ""): "the rows sum to 1, but the scale has gone "
        "altogether: divide by √d_k.",
        ("math.sqrt", ""): "the rows sum to 1. The scale is d_k; it should be its square root.",
    },
    praise="Both bugs ran without an error, which is why we compare with PyTorch's own.",
)
def mended_attention(query, key, value):
    scores = query @ key.T / math.sqrt(query.size(-1))
    weights = scores.softmax(dim=-1)
    return weights @ value


@exercise(
    "2.8",
    cases=[  # as many queries as keys: no shape betrays who asks
        (numbers(3, 8), numbers(3, 8, seed=1), numbers(3, 2, seed=2)),
        (numbers(4, 2, seed=3), numbers(4, 2, seed=4), numbers(4, 4, seed=5)),
    ],
    wrong={
        (("query @ key.T", "key @ query.T"), (" / math.sqrt(query.size(-1))", "")): "still as "
        "broken: a change of one query changes another query's output.",
        (" / math.sqrt(query.size(-1))", ""): "the order is mended, Q·Kᵀ. Now look at the size of "
        "the scores: a stage is missing.",
        ("query @ key.T", "key @ query.T"): "the scale is there. But the rows still belong to the "
        "keys: who should ask?",
        (("query @ key.T", "key @ query.T"), ("weights @", "weights.T @")): "you turned the "
        "weights over after the softmax, so what sums to 1 is no longer a query's row. Put the "
        "queries on the rows before the softmax.",
        ("math.sqrt", ""): "the order is mended. The scale is d_k; it should be its square root.",
    },
    praise="Square shapes hide swapped roles. So test with unequal numbers, or change one word.",
)
def true_attention(query, key, value):
    scores = query @ key.T / math.sqrt(query.size(-1))
    weights = scores.softmax(dim=-1)
    return weights @ value


ROWS = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 0]], dtype=torch.bool)  # the last sees nothing
COLUMNS = torch.tensor([[1, 1, 0]], dtype=torch.bool)  # the last key is padding


@exercise(
    "2.9",
    cases=[  # as many queries as keys, so that a matrix not turned over runs and is named
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
        "softmax, set forbidden weights to 0.",
        ("~mask", "mask"): "your mask is upside down: True means *may attend*, so −∞ goes where it "
        "is False.",
        (
            (".masked_fill(~mask, -math.inf)", ""),
            (".masked_fill(~mask, 0.0)", ""),
            ("- average)", "- average) * mask"),
        ): "you masked the gradient of the scores, but the weights themselves never saw the mask. "
        "It belongs to the way forward.",
        (" - average", ""): "the row's average is not subtracted: in dS, only being better or "
        "worse than the average counts.",
        ((" key / scale", " key"), (" query / scale", " query")): "the scale is missing on the way "
        "back: the scores were divided by √d_k, and so is what comes back through them.",
        ("grad_scores.transpose(-2, -1)", "grad_scores"): "grad_query and grad_value are right. In "
        "grad_key the rows are still queries: dS has to be turned over first.",
    },
    praise="The mask needs no line of its own on the way back: where A is 0, nothing passes.",
)
def masked_backward(query, key, value, mask, grad_output):
    scale = math.sqrt(query.size(-1))
    scores = (query @ key.transpose(-2, -1) / scale).masked_fill(~mask, -math.inf)
    weights = scores.softmax(dim=-1).masked_fill(~mask, 0.0)
    grad_value = weights.transpose(-2, -1) @ grad_output
    grad_weights = grad_output @ value.transpose(-2, -1)
    average = (weights * grad_weights).sum(dim=-1, keepdim=True)
    grad_scores = weights * (grad_weights - average)
    grad_query = grad_scores @ key / scale
    grad_key = grad_scores.transpose(-2, -1) @ query / scale
    return grad_query, grad_key, grad_value


class SelfAttention(nn.Module):
    def __init__(self, d_model, d_k):
        super().__init__()
        self.w_q = nn.Linear(d_model, d_k, bias=False)
        self.w_k = nn.Linear(d_model, d_k, bias=False)
        self.w_v = nn.Linear(d_model, d_k, bias=False)

    def forward(self, x, mask):
        query, key, value = self.w_q(x), self.w_k(x), self.w_v(x)
        scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
        weights = scores.masked_fill(~mask, -math.inf).softmax(dim=-1)
        weights = weights.masked_fill(~mask, 0.0)
        return weights @ value, weights


BLANK_CELL = exercise(
    "2.10",
    cases=[
        ((6, 4), (numbers(2, 3, 6), ROWS)),
        ((4, 2), (numbers(2, 3, 4, seed=1), COLUMNS)),
    ],
    wrong={
        (" / math.sqrt(query.size(-1))", ""): "the scores are not divided by √d_k.",
        ("query.size(-1)", "x.size(-1)"): "you divided by √d_model. The dot product runs over d_k "
        "numbers: query.size(-1).",
        ("dim=-1", "dim=-2"): "you normalised the columns: each row should sum to 1, so softmax "
        "runs over dim=-1.",
        ("~mask", "mask"): "your mask is upside down: True means *may attend*, so −∞ goes where it "
        "is False.",
        (".masked_fill(~mask, -math.inf)", ""): "you set forbidden weights to 0 after the softmax: "
        "the rest of the row then sums to less than 1. Put −∞ into the scores before the softmax.",
        (".masked_fill(~mask, 0.0)", ""): "a row that may look at nothing gives NaN. After the "
        "softmax, set forbidden weights to 0.",
    },
    praise="You can write the heart of the Transformer from memory.",
    adapt=with_weights(SelfAttention),
)(SelfAttention)

"""The exercises of notebook 02, attention."""

import math

import torch

from exercises.check import exercise, numbers, question
from transformer.attention import attention, causal_mask, padding_mask

THIRD_WORD = question(
    "2.1",
    [7.389 / 9.389, 1 / 9.389, 1 / 9.389],
    tolerance=1e-3,
    wrong={
        (0.881, 0.119, 0.119): "these three sum to more than 1. The newcomer takes its share from "
        "all the others.",
        (0.881, 0.0596, 0.0596): "you split the old share of *Machines* in two. Softmax shares the "
        "whole anew: each key counts as e to its score, however many there are.",
        (0.79, 0.11, 0.11): "right, but rounded to two decimals: the third is wanted too.",
        (0.881, 0.119): "these are the weights for two words. There are three keys now.",
        (1, 0, 0): "that is without the scaling: divide the scores by 8 first.",
        (7.389, 1, 1): "these are the numbers before the sharing. Divide each by their sum.",
    },
    praise="Each newcomer takes from everybody: softmax shares out one whole.",
)

PADDING_MASK = exercise(
    "2.2",
    cases=[
        (torch.tensor([[7, 4, 9, 5, 8], [6, 3, 9, 0, 0]]),),
        (torch.tensor([[1, 4, 1], [2, 0, 1]]), 1),
    ],
    wrong={
        ("!=", "=="): "upside down: True stands at the padding. True means *may attend*.",
        ("[:, None, None, :]", ""): "the booleans are right. What is missing are the two sizes of "
        "1, between batch and length.",
        ("[:, None, None, :]", "[:, None, :]"): "one size of 1 too few: there should be one for "
        "the heads and one for the queries.",
        ("[:, None, None, :]", "[:, None, :, None]"): "this blinds the padding and lets everybody "
        "look at it: the keys are the last size, not the last but one.",
        ("!= pad", "!= 0"): "right while the padding's id is 0. It may be another: `pad` says it.",
    },
    praise="One boolean per key serves all queries and all heads.",
)(padding_mask)

CAUSAL_MASK = exercise(
    "2.3",
    cases=[(3,), (5,)],
    wrong={
        (".tril()", ".triu()"): "rows and columns are swapped, so each word sees itself and the "
        "future. Rows are the queries.",
        (".tril()", ".tril(-1)"): "too strict: a word may not see even itself, and the first word "
        "sees nothing at all. Its own place is not the future.",
        (".tril()", ".tril(1)"): "it leaks: each word sees the next one. Count queries and keys "
        "from the same number.",
        (".tril()", ".triu(1)"): "upside down: each word sees the future and nothing else. True "
        "means *may attend*.",
        (".tril()", ""): "nothing is forbidden: every word sees every word.",
        ("dtype=torch.bool", "dtype=torch.float"): "the places are right, but they are numbers. "
        "`attention` wants True and False.",
    },
    praise="An off-by-one leak never stops a run: only an experiment shows it.",
)(causal_mask)


@exercise(
    "2.4",
    cases=[  # as many queries as keys: no shape betrays who asks
        (numbers(3, 8), numbers(3, 8, seed=1), numbers(3, 2, seed=2)),
        (numbers(4, 2, seed=3), numbers(4, 2, seed=4), numbers(4, 4, seed=5)),
    ],
    wrong={
        (("query @ key.T", "key @ query.T"), (" / math.sqrt(query.size(-1))", "")): "still as "
        "broken: a change of one query changes another query's output.",
        (" / math.sqrt(query.size(-1))", ""): "the order is mended, Q·Kᵀ. Now look at the size of "
        "the scores: a step is missing.",
        ("query @ key.T", "key @ query.T"): "the scale is there. But the rows still belong to the "
        "keys: who should ask?",
        ("dim=-1", "dim=0"): "what sums to 1 here is a column, which belongs to a key. Put the "
        "queries on the rows before the softmax, and let it run along each row.",
        ("math.sqrt", ""): "the order is mended. The scale is d_k; it should be its square root.",
        ("math.sqrt(query.size(-1))", "8"): "8 is the root of section 4's 64. Here d_k may be "
        "another number: ask the query for its own.",
    },
    praise="Square shapes hide swapped roles. So test with unequal numbers, or change one word.",
)
def true_attention(query, key, value):
    scores = query @ key.T / math.sqrt(query.size(-1))
    weights = scores.softmax(dim=-1)
    return weights @ value


ROWS = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 0]], dtype=torch.bool)  # the last sees nothing
COLUMNS = torch.tensor([[True, True, False]])  # the last key is padding

BLANK_CELL = exercise(
    "2.5",
    cases=[  # more than two sizes, all equal: so `.T` gives a wrong result and not an error
        (numbers(3, 3, 3), numbers(3, 3, 3, seed=1), numbers(3, 3, 3, seed=2)),
        (numbers(2, 4), numbers(3, 4, seed=1), numbers(3, 5, seed=2)),
        (numbers(3, 6, seed=3), numbers(3, 6, seed=4), numbers(3, 2, seed=5), ROWS),
        (
            numbers(3, 3, 3, 3, seed=6),
            numbers(3, 3, 3, 3, seed=7),
            numbers(3, 3, 3, 3, seed=8),
            COLUMNS,
        ),
    ],
    wrong={
        (" / math.sqrt(query.size(-1))", ""): "the scores are not divided by √d_k.",
        ("math.sqrt(query.size(-1))", "query.size(-1)"): "you divided by d_k. The formula divides "
        "by its square root.",
        ("dim=-1", "dim=-2"): "you normalised the columns: each row belongs to one query and "
        "should sum to 1, so softmax runs over dim=-1.",
        ("key.transpose(-2, -1)", "key.permute(*reversed(range(key.ndim)))"): "`.T` reverses the "
        "order of all sizes, also of those for batch and heads. Transpose only the last two.",
        ("~mask", "mask"): "your mask is upside down: True means *may attend*, so −∞ goes where it "
        "is False.",
        ("scores = scores.masked_fill(~mask, -math.inf)", "pass"): "you set forbidden weights to 0 "
        "after the softmax: the rest of the row then sums to less than 1. Put −∞ into the scores "
        "before the softmax.",
        (("-math.inf", "-1e9"), ("weights = weights.masked_fill(~mask, 0.0)", "pass")): "a row "
        "that may look at nothing looks at everything: its scores are all the same large negative "
        "number, so softmax shares evenly. After the softmax, set forbidden weights to 0.",
        ("weights = weights.masked_fill(~mask, 0.0)", "pass"): "a row that may look at nothing "
        "gives NaN. After the softmax, set forbidden weights to 0 (by masked_fill: NaN · 0 is "
        "NaN).",
    },
    praise="You can write the heart of the Transformer from memory.",
)(attention)

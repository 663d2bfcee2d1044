"""The exercises of notebook 02, attention."""

import math

import torch

from utils.checks import Exercise


def tensor(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# 2.1 · predict: two equal scores

TIE = Exercise(
    number="2.1",
    solution=torch.tensor([5.0, 5.0, 2.0]),
    tolerance=1e-3,
    mistakes={
        "these are the old weights, .8808 and .1192. The scores are equal now.": [
            8.808,
            1.192,
            2.0,
        ],
        "you added the two values whole. Each counts with its weight, and the weights sum to 1.": [
            10.0,
            10.0,
            4.0,
        ],
        "look at the third number again: half of 2 comes from *each* value.": [5.0, 5.0, 1.0],
        "that is the value of *Thinking* alone. Softmax does not choose: equal scores share.": [
            10.0,
            0.0,
            2.0,
        ],
        "that is the value of *Machines* alone. Softmax does not choose: equal scores share.": [
            0.0,
            10.0,
            2.0,
        ],
        "these are the weights. One step is left: the mix of the two values.": [0.5, 0.5],
    },
    praise="Equal scores give the plain average of the values.",
)


# 2.2 · all words at once


def all_weights(query, key):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    return scores.softmax(dim=-1)


def weights_by_column(query, key):
    return (query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))).softmax(dim=-2)


def weights_unscaled(query, key):
    return (query @ key.transpose(-2, -1)).softmax(dim=-1)


def weights_over_d_k(query, key):
    return (query @ key.transpose(-2, -1) / query.size(-1)).softmax(dim=-1)


def weights_of_keys(query, key):
    return (key @ query.transpose(-2, -1) / math.sqrt(query.size(-1))).softmax(dim=-1)


def weights_divided_late(query, key):
    return (query @ key.transpose(-2, -1)).softmax(dim=-1) / math.sqrt(query.size(-1))


def weights_by_number_of_queries(query, key):
    return (query @ key.transpose(-2, -1) / math.sqrt(query.size(-2))).softmax(dim=-1)


def scores_only(query, key):
    return query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))


ALL_WORDS = Exercise(
    number="2.2",
    solution=all_weights,
    cases=[
        (torch.tensor([[2.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0], [2.0, 1.0]])),
        (tensor(2, 4), tensor(3, 4, seed=1)),
    ],
    mistakes={
        "you normalised the columns: each row belongs to one query and should sum to 1, so "
        "softmax runs over dim=-1.": weights_by_column,
        "the division by √d_k is missing. d_k is the last size of query: query.size(-1).": (
            weights_unscaled
        ),
        "you divided by d_k. The formula divides by its square root.": weights_over_d_k,
        "that is K·Qᵀ, so the keys ask and the queries answer: rows and columns are swapped. "
        "Queries come first: Q·Kᵀ.": weights_of_keys,
        "you divided after the softmax, so the rows no longer sum to 1. Divide the scores.": (
            weights_divided_late
        ),
        "you divided by the root of the number of queries. d_k is the length of one query: "
        "query.size(-1).": weights_by_number_of_queries,
        "these are the scaled scores. One step is left: softmax, along each row.": scores_only,
    },
    praise="One multiplication compares every query with every key.",
)


# 2.3 · a window


def window_mask(length, reach):
    place = torch.arange(length)
    return (place[:, None] - place[None, :]).abs() <= reach


def window_back_only(length, reach):
    return window_mask(length, reach).tril()


def window_too_narrow(length, reach):
    return window_mask(length, reach - 1)


def window_inverted(length, reach):
    return ~window_mask(length, reach)


def window_one_sided(length, reach):
    return torch.ones(length, length, dtype=torch.bool).tril(reach)


def window_forward(length, reach):
    return torch.ones(length, length, dtype=torch.bool).triu(-reach)


WINDOW = Exercise(
    number="2.3",
    solution=window_mask,
    cases=[(5, 1), (6, 2)],
    mistakes={
        "each position sees only the words before it: the window should open to both sides, "
        "so the distance counts in either direction.": window_back_only,
        "your window is one step too narrow: a word that is exactly `reach` away may still be "
        "looked at.": window_too_narrow,
        "your mask is upside down: here True means *may attend*.": window_inverted,
        "you cut off what comes too late, but a word still sees everything far before it. The "
        "window has two edges.": window_one_sided,
        "you cut off what lies too far back, but a word still sees everything far ahead. The "
        "window has two edges.": window_forward,
    },
    praise="With such a window the cost grows as r·n·d: the fourth row of the paper's Table 1.",
)


# 2.4 · mend it


def mended(query, key, value):
    weights = (query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))).softmax(dim=-1)
    return weights @ value


def as_broken(query, key, value):
    weights = (query @ key.transpose(-2, -1) / math.sqrt(query.size(-2))).softmax(dim=-2)
    return weights @ value


def mended_scale_only(query, key, value):
    weights = (query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))).softmax(dim=-2)
    return weights @ value


def mended_axis_only(query, key, value):
    weights = (query @ key.transpose(-2, -1) / math.sqrt(query.size(-2))).softmax(dim=-1)
    return weights @ value


def mended_by_number_of_keys(query, key, value):
    weights = (query @ key.transpose(-2, -1) / math.sqrt(key.size(-2))).softmax(dim=-1)
    return weights @ value


def mended_without_scale(query, key, value):
    return (query @ key.transpose(-2, -1)).softmax(dim=-1) @ value


MEND = Exercise(
    number="2.4",
    solution=mended,
    cases=[
        (tensor(2, 4), tensor(3, 4, seed=1), tensor(3, 2, seed=2)),
        (tensor(3, 8, seed=3), tensor(3, 8, seed=4), tensor(3, 2, seed=5)),
    ],
    mistakes={
        "this is still the broken version: print the rows' sums, and ask what "
        "query.size(-2) counts.": as_broken,
        "the scale is mended. Now look at the softmax: do the rows of the weights sum to 1?": (
            mended_scale_only
        ),
        "the rows sum to 1 now. The other bug is in the scale: size(-2) counts the queries, and "
        "the formula wants d_k, the length of one query.": mended_axis_only,
        "the rows sum to 1 now. The scale counts the keys, and the formula wants d_k, the length "
        "of one query or key.": mended_by_number_of_keys,
        "the rows sum to 1, but the scale has gone altogether: divide by √d_k.": (
            mended_without_scale
        ),
    },
    praise="Both bugs ran without an error, which is why we compare with PyTorch's own.",
)


# 2.5 · by heart


def by_heart(query, key, value, mask):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    weights = scores.masked_fill(~mask, -math.inf).softmax(dim=-1).masked_fill(~mask, 0.0)
    return weights @ value, weights


def heart_unscaled(query, key, value, mask):
    return by_heart(query * math.sqrt(query.size(-1)), key, value, mask)


def heart_by_column(query, key, value, mask):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    weights = scores.masked_fill(~mask, -math.inf).softmax(dim=-2).masked_fill(~mask, 0.0)
    return weights @ value, weights


def heart_inverted(query, key, value, mask):
    return by_heart(query, key, value, ~mask)


def heart_unmasked(query, key, value, mask):
    return by_heart(query, key, value, torch.ones_like(mask))


def heart_zero_after(query, key, value, mask):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    weights = scores.softmax(dim=-1).masked_fill(~mask, 0.0)
    return weights @ value, weights


def heart_zero_before(query, key, value, mask):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    weights = scores.masked_fill(~mask, 0.0).softmax(dim=-1)
    return weights @ value, weights


def heart_nan(query, key, value, mask):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    weights = scores.masked_fill(~mask, -math.inf).softmax(dim=-1)
    return weights @ value, weights


def heart_uniform(query, key, value, mask):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    weights = scores.masked_fill(~mask, -1e9).softmax(dim=-1)
    return weights @ value, weights


def heart_weights_first(query, key, value, mask):
    return by_heart(query, key, value, mask)[::-1]


def heart_keys_first(query, key, value, mask):
    return by_heart(key, query, value, mask)


ROWS = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 0]], dtype=torch.bool)  # the last sees nothing
COLUMNS = torch.tensor([[1, 1, 0]], dtype=torch.bool)  # the last key is padding

BY_HEART = Exercise(
    number="2.5",
    solution=by_heart,
    cases=[
        (tensor(3, 4), tensor(3, 4, seed=1), tensor(3, 2, seed=2), ROWS),
        (tensor(2, 3, 4), tensor(2, 3, 4, seed=1), tensor(2, 3, 5, seed=2), COLUMNS),
    ],
    mistakes={
        "the scores are not divided by √d_k.": heart_unscaled,
        "you normalised the columns: each row should sum to 1, so softmax runs over dim=-1.": (
            heart_by_column
        ),
        "your mask is upside down: True means *may attend*, so −∞ goes where it is False.": (
            heart_inverted
        ),
        "the mask has no effect: a forbidden key still gets weight.": heart_unmasked,
        "you set forbidden weights to 0 after the softmax: the rest of the row then sums to less "
        "than 1. Put −∞ into the scores before the softmax.": heart_zero_after,
        "you put 0 into the forbidden scores, and e⁰ is 1, not 0. Put −∞ there.": (
            heart_zero_before
        ),
        "a row that may look at nothing gives NaN. After the softmax, set forbidden weights "
        "to 0.": heart_nan,
        "a row that may look at nothing now spreads its weight over forbidden keys. After the "
        "softmax, set forbidden weights to 0.": heart_uniform,
        "both are there, but in the other order: return the output first, then the weights.": (
            heart_weights_first
        ),
        "that is K·Qᵀ: rows and columns are swapped. Queries come first: Q·Kᵀ.": (heart_keys_first),
    },
    praise="You can write the heart of the Transformer from memory.",
)

EXERCISES = [TIE, ALL_WORDS, WINDOW, MEND, BY_HEART]

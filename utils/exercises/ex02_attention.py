"""The exercises of notebook 02, attention."""

import math

import torch
from torch import nn

from utils.checks import Exercise
from utils.copied import with_weights


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
        "look at the third number again: each 2 counts with its weight too.": [5.0, 5.0, 4.0],
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


# 2.2 · the loop, mended


def one_word(one_query, key, value):
    return (key @ one_query / math.sqrt(one_query.size(0))).softmax(dim=-1) @ value


def by_loop(query, key, value):
    return torch.stack([one_word(one_query, key, value) for one_query in query])


def loop_last_only(query, key, value):
    return by_loop(query, key, value)[-1:]


def loop_first_only(query, key, value):
    return by_loop(query, key, value)[:1]


def loop_first_word_only(query, key, value):
    return one_word(query[0], key, value)


def loop_last_word_only(query, key, value):
    return one_word(query[-1], key, value)


def loop_same_query(query, key, value):
    return by_loop(query[:1].expand_as(query), key, value)


def loop_not_stacked(query, key, value):
    return list(by_loop(query, key, value))


def loop_in_one_row(query, key, value):
    return by_loop(query, key, value).flatten()


def loop_unscaled(query, key, value):
    return (query @ key.T).softmax(dim=-1) @ value


def loop_no_softmax(query, key, value):
    return query @ key.T / math.sqrt(query.size(-1)) @ value


LOOP = Exercise(
    number="2.2",
    solution=by_loop,
    cases=[
        (tensor(2, 4), tensor(3, 4, seed=1), tensor(3, 2, seed=2)),
        (tensor(4, 6, seed=3), tensor(2, 6, seed=4), tensor(2, 3, seed=5)),
    ],
    mistakes={
        "only the last query's output came back. Does the list begin anew at each turn of the "
        "loop? Then it forgets all that it had.": loop_last_only,
        "only the first query's output came back. Is the `return` inside the loop? Then the first "
        "turn is also the last.": loop_first_only,
        "the output of the first query came back, and not as a row of a matrix. Collect one output "
        "for each query, then stack them.": loop_first_word_only,
        "the output of the last query came back, and not as a row of a matrix. Collect one output "
        "for each query, then stack them.": loop_last_word_only,
        "every row is the output of the first query: does the loop use its own query at each "
        "turn?": loop_same_query,
        "the loop is right, and a list came back. One step is left: stack its rows into one "
        "tensor.": loop_not_stacked,
        "the numbers are right, but all in one long row. torch.cat glues rows end to end; you want "
        "them one under the other.": loop_in_one_row,
        "the loop is right, but the scores are not divided by √d_k.": loop_unscaled,
        "the loop is right, but the scores never became weights: where is the softmax?": (
            loop_no_softmax
        ),
    },
    praise="It is right, and slow: the queries wait in line though none needs another's answer.",
)


# 2.3 · all words at once


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


def weights_over_eight(query, key):
    return (query @ key.transpose(-2, -1) / 8).softmax(dim=-1)


def weights_by_number_of_keys(query, key):
    return (query @ key.transpose(-2, -1) / math.sqrt(key.size(-2))).softmax(dim=-1)


def scores_only(query, key):
    return query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))


ALL_WORDS = Exercise(
    number="2.3",
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
        "you divided by 8, which is √d_k for 64 numbers only. Take d_k from the query's shape.": (
            weights_over_eight
        ),
        "you divided by the root of the number of keys. d_k is the length of one query: "
        "query.size(-1).": weights_by_number_of_keys,
        "these are the scaled scores. One step is left: softmax, along each row.": scores_only,
    },
    praise="One multiplication compares every query with every key.",
)


# 2.4 · predict: the same key three times

THIRD_WORD = Exercise(
    number="2.4",
    solution=torch.tensor([7.389, 1.0, 1.0]) / 9.389,
    tolerance=1e-3,
    mistakes={
        "these three sum to more than 1. The newcomer takes its share from all the others.": (
            torch.tensor([0.881, 0.119, 0.119])
        ),
        "you split the old share of *Machines* in two. Softmax shares the whole anew: each key "
        "counts as e to its score, however many there are.": torch.tensor([0.881, 0.0596, 0.0596]),
        "those are equal shares. The scores still differ: 14 is 2 more than 12.": (
            torch.tensor([1 / 3, 1 / 3, 1 / 3])
        ),
        "you lumped the two *Machines* together. Three keys have three weights.": torch.tensor(
            [0.787, 0.213]
        ),
        "the second number is both *Machines* together: each has half of it.": torch.tensor(
            [0.787, 0.213, 0.213]
        ),
        "right, but rounded to two decimals: the third is wanted too.": (
            torch.tensor([0.79, 0.11, 0.11])
        ),
        "these are the weights for two words. There are three keys now.": (
            torch.tensor([0.881, 0.119])
        ),
        "that is without stage 4: divide the scores by 8 first.": torch.tensor([1.0, 0.0, 0.0]),
        "these are the numbers before the sharing. Divide each by their sum.": (
            torch.tensor([7.389, 1.0, 1.0])
        ),
        "you shared out the scores themselves, 14 : 12 : 12. Softmax shares out e to the scores.": (
            torch.tensor([14.0, 12.0, 12.0]) / 38
        ),
    },
    praise="Each newcomer takes from everybody: softmax shares out one whole.",
)


# 2.5 · a window


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


def window_of_one(length, reach):
    return window_mask(length, 1)


def window_without_self(length, reach):
    return window_mask(length, reach) & ~torch.eye(length, dtype=torch.bool)


WINDOW = Exercise(
    number="2.5",
    solution=window_mask,
    cases=[(5, 1), (6, 2)],
    mistakes={
        "each position sees only the words before it: the window should open to both sides, "
        "so the distance counts in either direction.": window_back_only,
        "your window is one step too narrow: a word that is exactly `reach` away may still be "
        "looked at.": window_too_narrow,
        "your mask is upside down: here True means *may attend*.": window_inverted,
        "your window has the same width for every reach.": window_of_one,
        "a word is 0 places away from itself: it may look there too.": window_without_self,
        "you cut off what comes too late, but a word still sees everything far before it. The "
        "window has two edges.": window_one_sided,
        "you cut off what lies too far back, but a word still sees everything far ahead. The "
        "window has two edges.": window_forward,
    },
    praise="With such a window the cost grows as r·n·d: the fourth row of the paper's Table 1.",
)


# 2.6 · find the leak


def tight_mask(length):
    return torch.ones(length, length, dtype=torch.bool).tril()


def mask_leaky(length):
    return torch.ones(length, length, dtype=torch.bool).tril(1)


def mask_strict(length):
    return tight_mask(length).tril(-1)


def mask_future_only(length):
    return ~tight_mask(length)


def mask_transposed(length):
    return tight_mask(length).T


def mask_of_numbers(length):
    return tight_mask(length).float()


def mask_of_scores(length):
    return torch.zeros(length, length).masked_fill(~tight_mask(length), -math.inf)


def mask_open(length):
    return torch.ones(length, length, dtype=torch.bool)


def mask_self_only(length):
    return torch.eye(length, dtype=torch.bool)


LEAK = Exercise(
    number="2.6",
    solution=tight_mask,
    cases=[(3,), (5,)],
    mistakes={
        "still leaky: the first word sees the second. Count queries and keys from the same "
        "number.": mask_leaky,
        "now it is too strict: a word may not see even itself, and the first word sees nothing at "
        "all. Its own place is not the future.": mask_strict,
        "upside down: each word sees the future and nothing else. True means *may attend*.": (
            mask_future_only
        ),
        "rows and columns are swapped, so each word sees itself and the future. Rows are the "
        "queries.": mask_transposed,
        "the places are right, but they are numbers. `attention` wants True and False: a "
        "comparison gives them.": mask_of_numbers,
        "that is what is added to the scores. The mask itself says True and False.": mask_of_scores,
        "no mask at all: every word sees every other.": mask_open,
        "each word sees itself alone now. What lies before it may be seen too.": mask_self_only,
    },
    praise="An off-by-one leak never stops a run: only the experiment shows it.",
)


# 2.7 · mend it


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


def mended_over_d_k(query, key, value):
    return (query @ key.transpose(-2, -1) / query.size(-1)).softmax(dim=-1) @ value


def mended_over_eight(query, key, value):
    return (query @ key.transpose(-2, -1) / 8).softmax(dim=-1) @ value


def mended_without_scale(query, key, value):
    return (query @ key.transpose(-2, -1)).softmax(dim=-1) @ value


MEND = Exercise(
    number="2.7",
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
        "the rows sum to 1. The scale is d_k; it should be its square root.": mended_over_d_k,
        "the rows sum to 1. But 8 is √d_k for 64 numbers only: take d_k from the query's shape.": (
            mended_over_eight
        ),
    },
    praise="Both bugs ran without an error, which is why we compare with PyTorch's own.",
)


# 2.8 · K·Qᵀ and no scale, where no shape betrays it


def shadow(query, key, value):
    return (key @ query.transpose(-2, -1)).softmax(dim=-1) @ value


def shadow_scaled(query, key, value):
    return mended(key, query, value)


def shadow_columns(query, key, value):
    """K·Qᵀ mended by a softmax down the columns, and the weights never turned over."""
    scores = key @ query.transpose(-2, -1) / math.sqrt(query.size(-1))
    return scores.softmax(dim=-2) @ value


def shadow_turned_late(query, key, value):
    scores = key @ query.transpose(-2, -1) / math.sqrt(query.size(-1))
    return scores.softmax(dim=-1).transpose(-2, -1) @ value


def shadow_over_n(query, key, value):
    return mended_by_number_of_keys(query, key, value)


SHADOW = Exercise(
    number="2.8",
    solution=mended,
    cases=[
        (tensor(3, 8), tensor(3, 8, seed=1), tensor(3, 2, seed=2)),
        (tensor(4, 2, seed=3), tensor(4, 2, seed=4), tensor(4, 4, seed=5)),
    ],
    mistakes={
        "still as broken: a change of one query changes another query's output.": shadow,
        "the order is mended, Q·Kᵀ. Now look at the size of the scores: a stage is missing.": (
            mended_without_scale
        ),
        "the scale is there. But the rows still belong to the keys: who should ask?": shadow_scaled,
        "you normalised K·Qᵀ down its columns, and now the values are mixed by rows that belong "
        "to keys. Put the queries on the rows from the start.": shadow_columns,
        "you turned the weights over after the softmax, so what sums to 1 is no longer a query's "
        "row. Put the queries on the rows before the softmax.": shadow_turned_late,
        "the order is mended. The scale is d_k; it should be its square root.": mended_over_d_k,
        "the order is mended. But 8 is √d_k for 64 numbers only: take d_k from the query's "
        "shape.": mended_over_eight,
        "the order is mended. The scale counts the words; it should be √d_k, from the length of "
        "one query.": shadow_over_n,
    },
    praise="Square shapes hide swapped roles. So test with unequal numbers, or change one word.",
)


# 2.9 · the gradient, with a mask


def masked_weights(query, key, mask):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    return scores.masked_fill(~mask, -math.inf).softmax(dim=-1).masked_fill(~mask, 0.0)


def backward(query, key, value, mask, grad_output, weights=None, average=None, scaled=True):
    """The gradients; the mistakes below hand in other weights or another average."""
    scale = math.sqrt(query.size(-1)) if scaled else 1
    if weights is None:
        weights = masked_weights(query, key, mask)
    grad_weights = grad_output @ value.transpose(-2, -1)
    if average is None:
        average = (weights * grad_weights).sum(dim=-1, keepdim=True)
    grad_scores = weights * (grad_weights - average)
    return (
        grad_scores @ key / scale,
        grad_scores.transpose(-2, -1) @ query / scale,
        weights.transpose(-2, -1) @ grad_output,
    )


def backward_unmasked(query, key, value, mask, grad_output):
    return backward(query, key, value, torch.ones_like(mask), grad_output)


def backward_nan(query, key, value, mask, grad_output):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    weights = scores.masked_fill(~mask, -math.inf).softmax(dim=-1)
    return backward(query, key, value, mask, grad_output, weights)


def backward_inverted(query, key, value, mask, grad_output):
    return backward(query, key, value, ~mask, grad_output)


def backward_half_inverted(query, key, value, mask, grad_output):
    return backward(query, key, value, torch.zeros_like(mask), grad_output)


def backward_uniform(query, key, value, mask, grad_output):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    weights = scores.masked_fill(~mask, -1e9).softmax(dim=-1)
    return backward(query, key, value, mask, grad_output, weights)


def backward_zero_after(query, key, value, mask, grad_output):
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))
    weights = scores.softmax(dim=-1).masked_fill(~mask, 0.0)
    return backward(query, key, value, mask, grad_output, weights)


def backward_masked_at_the_end(query, key, value, mask, grad_output):
    """Weights without the mask; only the gradient by the scores is masked."""
    scale = math.sqrt(query.size(-1))
    weights = (query @ key.transpose(-2, -1) / scale).softmax(dim=-1)
    grad_weights = grad_output @ value.transpose(-2, -1)
    average = (weights * grad_weights).sum(dim=-1, keepdim=True)
    grad_scores = (weights * (grad_weights - average)).masked_fill(~mask, 0.0)
    grad_value = weights.transpose(-2, -1) @ grad_output
    return grad_scores @ key / scale, grad_scores.transpose(-2, -1) @ query / scale, grad_value


def backward_no_average(query, key, value, mask, grad_output):
    return backward(query, key, value, mask, grad_output, average=0.0)


def backward_plain_average(query, key, value, mask, grad_output):
    average = (grad_output @ value.transpose(-2, -1)).mean(dim=-1, keepdim=True)
    return backward(query, key, value, mask, grad_output, average=average)


def backward_plain_sum(query, key, value, mask, grad_output):
    average = (grad_output @ value.transpose(-2, -1)).sum(dim=-1, keepdim=True)
    return backward(query, key, value, mask, grad_output, average=average)


def backward_unscaled(query, key, value, mask, grad_output):
    return backward(query, key, value, mask, grad_output, scaled=False)


def backward_key_not_turned(query, key, value, mask, grad_output):
    by_query, _, by_value = backward(query, key, value, mask, grad_output)
    return (
        by_query,
        backward(query, query, value, mask, grad_output, masked_weights(query, key, mask))[0],
        by_value,
    )


def backward_value_not_turned(query, key, value, mask, grad_output):
    by_query, by_key, _ = backward(query, key, value, mask, grad_output)
    return by_query, by_key, masked_weights(query, key, mask) @ grad_output


def backward_value_first(query, key, value, mask, grad_output):
    return backward(query, key, value, mask, grad_output)[::-1]


def backward_key_first(query, key, value, mask, grad_output):
    by_query, by_key, by_value = backward(query, key, value, mask, grad_output)
    return by_key, by_query, by_value


ROWS = torch.tensor([[1, 0, 0], [1, 1, 0], [0, 0, 0]], dtype=torch.bool)  # the last sees nothing
COLUMNS = torch.tensor([[1, 1, 0]], dtype=torch.bool)  # the last key is padding

# As many queries as keys, so that a matrix not turned over runs and is named
BACKWARD = Exercise(
    number="2.9",
    solution=backward,
    cases=[
        (tensor(3, 4), tensor(3, 4, seed=1), tensor(3, 5, seed=2), ROWS, tensor(3, 5, seed=3)),
        (
            tensor(2, 3, 6, seed=4),
            tensor(2, 3, 6, seed=5),
            tensor(2, 3, 2, seed=6),
            COLUMNS,
            tensor(2, 3, 2, seed=7),
        ),
    ],
    mistakes={
        "the mask has no effect: a forbidden pair still has weight, so gradient flows through "
        "it.": backward_unmasked,
        "a row that may look at nothing gives NaN. After the softmax, set forbidden weights to "
        "0.": backward_nan,
        "your mask is upside down: True means *may attend*, so −∞ goes where it is False.": (
            backward_inverted
        ),
        "every weight came out 0. −∞ goes where the mask is False, and so does the 0 after the "
        "softmax.": backward_half_inverted,
        "a row that may look at nothing spreads its weight over forbidden keys. After the softmax, "
        "set forbidden weights to 0.": backward_uniform,
        "you set forbidden weights to 0 after the softmax, without −∞ before it: the other weights "
        "of the row are too small.": backward_zero_after,
        "you masked the gradient of the scores, but the weights themselves never saw the mask. It "
        "belongs to the way forward.": backward_masked_at_the_end,
        "the row's average is not subtracted: in dS, only being better or worse than the average "
        "counts.": backward_no_average,
        "you subtracted the plain average of the row. The one that counts is weighted: each entry "
        "of dA by its weight.": backward_plain_average,
        "you subtracted the sum of the row of dA. Weigh each entry by its weight before you add "
        "up.": backward_plain_sum,
        "the scale is missing on the way back: the scores were divided by √d_k, and so is what "
        "comes back through them.": backward_unscaled,
        "grad_query and grad_value are right. In grad_key the rows are still queries: dS has to be "
        "turned over first.": backward_key_not_turned,
        "grad_query and grad_key are right. In grad_value the rows are still queries: the weights "
        "have to be turned over first.": backward_value_not_turned,
        "all three are there, in the wrong order: query, key, value.": backward_value_first,
        "all three are there, but the first two have changed places: query, then key.": (
            backward_key_first
        ),
    },
    praise="The mask needs no line of its own on the way back: where A is 0, nothing passes.",
)


# 2.10 · the blank cell: the whole layer


class SelfAttention(nn.Module):
    """Right; a subclass makes one mistake in `answer`."""

    def __init__(self, d_model, d_k):
        super().__init__()
        self.w_q = nn.Linear(d_model, d_k, bias=False)
        self.w_k = nn.Linear(d_model, d_k, bias=False)
        self.w_v = nn.Linear(d_model, d_k, bias=False)

    def forward(self, x, mask=None):
        return self.answer(self.w_q(x), self.w_k(x), self.w_v(x), mask)

    @staticmethod
    def answer(query, key, value, mask):
        weights = masked_weights(query, key, mask)
        return weights @ value, weights


def layer(answer, *order):
    """SelfAttention whose forward ends in another `answer`; order: which projection plays which
    role."""

    class Mistaken(SelfAttention):
        def forward(self, x, mask=None):
            made = {"q": self.w_q(x), "k": self.w_k(x), "v": self.w_v(x)}
            return answer(*(made[name] for name in order or "qkv"), mask)

    return Mistaken


def scaled_scores(query, key):
    return query @ key.transpose(-2, -1) / math.sqrt(query.size(-1))


def heart_unscaled(query, key, value, mask):
    return SelfAttention.answer(query * math.sqrt(query.size(-1)), key, value, mask)


def heart_by_column(query, key, value, mask):
    scores = scaled_scores(query, key).masked_fill(~mask, -math.inf)
    weights = scores.softmax(dim=-2).masked_fill(~mask, 0.0)
    return weights @ value, weights


def heart_inverted(query, key, value, mask):
    return SelfAttention.answer(query, key, value, ~mask)


def heart_half_inverted(query, key, value, mask):
    return SelfAttention.answer(query, key, value, torch.zeros_like(mask))


def heart_over_d_k(query, key, value, mask):
    return SelfAttention.answer(query / math.sqrt(query.size(-1)), key, value, mask)


def heart_unmasked(query, key, value, mask):
    return SelfAttention.answer(query, key, value, torch.ones_like(mask))


def heart_zero_after(query, key, value, mask):
    weights = scaled_scores(query, key).softmax(dim=-1).masked_fill(~mask, 0.0)
    return weights @ value, weights


def heart_zero_before(query, key, value, mask):
    weights = scaled_scores(query, key).masked_fill(~mask, 0.0).softmax(dim=-1)
    return weights @ value, weights


def heart_nan(query, key, value, mask):
    weights = scaled_scores(query, key).masked_fill(~mask, -math.inf).softmax(dim=-1)
    return weights @ value, weights


def heart_uniform(query, key, value, mask):
    weights = scaled_scores(query, key).masked_fill(~mask, -1e9).softmax(dim=-1)
    return weights @ value, weights


def heart_weights_first(query, key, value, mask):
    return SelfAttention.answer(query, key, value, mask)[::-1]


class ScaledByModel(SelfAttention):
    """Divides by √d_model, though a query has d_k numbers."""

    def forward(self, x, mask=None):
        query = self.w_q(x)
        query = query * math.sqrt(query.size(-1) / x.size(-1))
        return self.answer(query, self.w_k(x), self.w_v(x), mask)


class ValuesNotProjected(SelfAttention):
    """Mixes x itself; the output then has d_model numbers."""

    def forward(self, x, mask=None):
        return self.answer(self.w_q(x), self.w_k(x), x, mask)


BY_HEART = Exercise(
    number="2.10",
    solution=SelfAttention,
    adapt=with_weights(SelfAttention),
    cases=[
        ((6, 4), (tensor(2, 3, 6), ROWS)),
        ((4, 2), (tensor(2, 3, 4, seed=1), COLUMNS)),
    ],
    mistakes={
        "the scores are not divided by √d_k.": layer(heart_unscaled),
        "you divided by √d_model. The dot product runs over d_k numbers: query.size(-1).": (
            ScaledByModel
        ),
        "you divided by d_k. The formula divides by its square root.": layer(heart_over_d_k),
        "every weight came out 0. −∞ goes where the mask is False, and so does the 0 after the "
        "softmax.": layer(heart_half_inverted),
        "you normalised the columns: each row should sum to 1, so softmax runs over dim=-1.": (
            layer(heart_by_column)
        ),
        "your mask is upside down: True means *may attend*, so −∞ goes where it is False.": (
            layer(heart_inverted)
        ),
        "the mask has no effect: a forbidden key still gets weight.": layer(heart_unmasked),
        "you set forbidden weights to 0 after the softmax: the rest of the row then sums to less "
        "than 1. Put −∞ into the scores before the softmax.": layer(heart_zero_after),
        "you put 0 into the forbidden scores, and e⁰ is 1, not 0. Put −∞ there.": (
            layer(heart_zero_before)
        ),
        "a row that may look at nothing gives NaN. After the softmax, set forbidden weights "
        "to 0.": layer(heart_nan),
        "a row that may look at nothing now spreads its weight over forbidden keys. After the "
        "softmax, set forbidden weights to 0.": layer(heart_uniform),
        "both are there, but in the other order: return the output first, then the weights.": (
            layer(heart_weights_first)
        ),
        "that is K·Qᵀ: rows and columns are swapped. Queries come first: Q·Kᵀ.": (
            layer(SelfAttention.answer, "k", "q", "v")
        ),
        "you mix the keys. What is handed over when found is the values.": (
            layer(SelfAttention.answer, "q", "k", "k")
        ),
        "you mix x itself. The values are x seen through w_v.": ValuesNotProjected,
    },
    praise="You can write the heart of the Transformer from memory.",
)

EXERCISES = [TIE, LOOP, ALL_WORDS, THIRD_WORD, WINDOW, LEAK, MEND, SHADOW, BACKWARD, BY_HEART]

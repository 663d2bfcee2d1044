"""The exercises of notebook 07: top-p, a beam step, the cache, BLEU, hits of a head."""

import math

import torch

from utils.checks import Exercise

# 7.1 · the nucleus


def nucleus(probabilities, p):
    likeliest, places = probabilities.sort(descending=True)
    stays = likeliest.cumsum(0) - likeliest < p
    kept = torch.zeros_like(probabilities)
    kept[places[stays]] = likeliest[stays]
    return kept / kept.sum()


def nucleus_too_small(probabilities, p):
    likeliest, places = probabilities.sort(descending=True)
    stays = likeliest.cumsum(0) <= p
    kept = torch.zeros_like(probabilities)
    kept[places[stays]] = likeliest[stays]
    return kept / kept.sum()


def nucleus_not_divided(probabilities, p):
    return torch.where(nucleus(probabilities, p) > 0, probabilities, 0.0)


def nucleus_sorted(probabilities, p):
    return nucleus(probabilities, p).sort(descending=True).values


def nucleus_threshold(probabilities, p):
    kept = torch.where(probabilities >= p, probabilities, 0.0)
    return kept / kept.sum()


def nucleus_unlikeliest(probabilities, p):
    least, places = probabilities.sort()
    stays = least.cumsum(0) - least < p
    kept = torch.zeros_like(probabilities)
    kept[places[stays]] = least[stays]
    return kept / kept.sum()


def nucleus_in_place_order(probabilities, p):
    kept = torch.where(probabilities.cumsum(0) - probabilities < p, probabilities, 0.0)
    return kept / kept.sum()


# 7.2 · the beam step


def beam_step(scores, logprob):
    best, where = (logprob[:, None] + scores.log_softmax(-1)).flatten().topk(len(logprob))
    return best, where // scores.size(-1), where % scores.size(-1)


def take(total, divisor, beam):
    best, where = total.flatten().topk(beam)
    return best, where // divisor, where % divisor


def as_found(scores, logprob):
    return take(logprob[:, None] + scores, len(logprob), len(logprob))


def raw_scores(scores, logprob):
    return take(logprob[:, None] + scores, scores.size(-1), len(logprob))


def wrong_divisor(scores, logprob):
    return take(logprob[:, None] + scores.log_softmax(-1), len(logprob), len(logprob))


def probabilities_added(scores, logprob):
    return take(logprob[:, None] + scores.softmax(-1), scores.size(-1), len(logprob))


def beginnings_forgotten(scores, logprob):
    return take(scores.log_softmax(-1), scores.size(-1), len(logprob))


def wrong_axis(scores, logprob):
    return take(logprob[:, None] + scores.log_softmax(0), scores.size(-1), len(logprob))


def swapped(scores, logprob):
    best, beginning, token = beam_step(scores, logprob)
    return best, token, beginning


# 7.4 · BLEU


def bleu_score(precisions, c, r):
    return 100 * min(1.0, math.exp(1 - r / c)) * math.prod(precisions) ** (1 / len(precisions))


# 7.5 · hits of a head


def hit_share(weights, truth):
    looked = weights.argmax(-1)  # (heads, target)
    return truth[torch.arange(len(truth)), looked].float().mean(-1)


def hits_of_columns(weights, truth):
    return truth[weights.argmax(-2), torch.arange(truth.size(1))].float().mean(-1)


def hits_transposed(weights, truth):
    return truth.T[torch.arange(len(truth)), weights.argmax(-1)].float().mean(-1)


def hits_counted(weights, truth):
    return hit_share(weights, truth) * len(truth)


def weight_on_truth(weights, truth):
    return (weights * truth).sum(-1).mean(-1)


def hits_shifted(weights, truth):
    return hit_share(weights.roll(1, -2), truth)


def hits_of_all_heads(weights, truth):
    return hit_share(weights, truth).mean()


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


EXERCISES = [
    Exercise(
        number="7.1",
        solution=nucleus,
        cases=[
            (torch.tensor([0.1, 0.6, 0.3]), 0.8),
            (torch.tensor([0.05, 0.15, 0.5, 0.3]), 0.75),
            (torch.tensor([0.1, 0.2, 0.6, 0.06, 0.04]), 0.55),
        ],
        mistakes={
            "your set stops one token too early: its sum must *reach* p, so the token that crosses "
            "the line stays.": nucleus_too_small,
            "the rest no longer sums to 1: divide what is left by its sum.": nucleus_not_divided,
            "the right numbers, in sorted order: each probability must go back to its own "
            "place.": nucleus_sorted,
            "you compared each probability with p. It is the *running sum* of the likeliest ones "
            "that has to reach p.": nucleus_threshold,
            "you kept the unlikeliest tokens: sort with descending=True.": nucleus_unlikeliest,
            "you summed in the order in which the tokens stand. Sort them first, the likeliest "
            "in front.": nucleus_in_place_order,
        },
        praise="A sure step keeps one token, an unsure one keeps many.",
    ),
    Exercise(
        number="7.2",
        solution=beam_step,
        cases=[
            (2 * numbers(2, 5), torch.tensor([-0.5, -0.9])),
            (
                2 * numbers(3, 7, seed=1) + torch.tensor([[0.0], [1.0], [4.0]]),
                torch.tensor([-0.2, -2.5, -1.0]),
            ),
        ],
        mistakes={
            "both mistakes are still there. Begin with the scores: are they log-probabilities?":
                as_found,
            "the places are right now. The scores are still raw: rows with larger scores win "
            "unfairly. Make them log-probabilities.": raw_scores,
            "the log-probabilities are right now. The places are not: each beginning has "
            "vocab_size entries in the flattened row, so divide by that.": wrong_divisor,
            "you added probabilities to log-probabilities: take the logarithm, log_softmax.":
                probabilities_added,
            "the beginnings' own log-probabilities are lost: add them to every token's.":
                beginnings_forgotten,
            "the softmax runs over the beginnings. For each beginning the *tokens* must sum to 1: "
            "dim=-1.": wrong_axis,
            "beginning and token are swapped: // gives the row, that is the beginning, and % the "
            "token.": swapped,
        },
        praise="Raw scores of different rows cannot be compared; log-probabilities can.",
    ),
    Exercise(
        number="7.3",
        solution=78,
        mistakes={
            "that is with a cache: one new position a step. Without one, all earlier positions "
            "are computed again.": 12,
            "not every step has twelve positions: the first one has the start token alone.": 144,
            "one step is missing: writing the end token is a step, too.": 66,
            "one step too many: the start token is fed in, but nobody has to write it.": 91,
            "twice too many: the sum 1 + 2 + … + n is n(n + 1)/2.": 156,
        },
        praise="A cache would compute 12: six and a half times fewer.",
        tolerance=0.0,
    ),
    Exercise(
        number="7.4",
        solution=bleu_score,
        cases=[
            ([12 / 13, 10 / 12, 8 / 11, 6 / 10], 13, 13),
            ([0.9, 0.8, 0.5, 0.4], 9, 12),
            ([0.5, 0.4, 0.3, 0.2], 15, 10),
        ],
        mistakes={
            "that is the ordinary mean of the precisions. The geometric one multiplies them and "
            "takes the fourth root.":
                lambda p, c, r: 100 * min(1, math.exp(1 - r / c)) * sum(p) / 4,
            "the brevity penalty is missing: a translation that is too short pays.":
                lambda p, c, r: 100 * math.prod(p) ** 0.25,
            "your brevity penalty rewards translations that are too long: it is never above 1.":
                lambda p, c, r: 100 * math.exp(1 - r / c) * math.prod(p) ** 0.25,
            "c and r are swapped: the penalty is for a translation *shorter* than its reference.":
                lambda p, c, r: 100 * min(1, math.exp(1 - c / r)) * math.prod(p) ** 0.25,
            "BLEU goes from 0 to 100: the factor 100 is missing.":
                lambda p, c, r: min(1, math.exp(1 - r / c)) * math.prod(p) ** 0.25,
            "the fourth root is missing: that is the product of the precisions.":
                lambda p, c, r: 100 * min(1, math.exp(1 - r / c)) * math.prod(p),
        },
        praise="Four precisions and a penalty: that is the whole of BLEU.",
        tolerance=1e-3,
    ),
    Exercise(
        number="7.5",
        solution=hit_share,
        cases=[
            (
                numbers(3, 6, 6).softmax(-1),
                torch.eye(6, dtype=torch.bool) | (numbers(6, 6, seed=1) > 0.8),
            ),
            ((2 * numbers(2, 8, 8, seed=2)).softmax(-1), numbers(8, 8, seed=3) > 0.3),
        ],
        mistakes={
            "you looked for the strongest weight in each *column*. A row is a query, and it "
            "chooses among its keys: dim=-1.": hits_of_columns,
            "truth is read with its axes swapped: its rows are target tokens, like the rows of "
            "weights.": hits_transposed,
            "that is how many hits there are. Divide by the number of rows.": hits_counted,
            "you summed the weight on aligned words. The question is whether the *strongest* one "
            "is there: yes or no, for each row.": weight_on_truth,
            "your rows are shifted by one: row t of weights belongs to row t of truth.":
                hits_shifted,
            "that is the mean over all heads: give one share for each head.": hits_of_all_heads,
        },
        praise="Now a map is more than a picture: it has a score.",
    ),
]  # fmt: skip

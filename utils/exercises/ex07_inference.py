"""The exercises of notebook 07, sections 1 to 8: the cache, top-p, beam search, BLEU."""

import math

import torch

from utils.checks import Exercise

# 7.2 · a cache, from memory


def cached_step(query, keys, values, new_key, new_value):
    keys, values = torch.cat([keys, new_key]), torch.cat([values, new_value])
    return looked_up(query, keys, values), keys, values


def looked_up(query, keys, values):
    scores = query @ keys.T / math.sqrt(keys.size(-1))  # (1, length)
    return scores.softmax(dim=-1) @ values


def no_root(query, keys, values, new_key, new_value):
    return cached_step(query * math.sqrt(query.size(-1)), keys, values, new_key, new_value)


def root_of_the_length(query, keys, values, new_key, new_value):
    factor = math.sqrt(query.size(-1) / (len(keys) + 1))
    return cached_step(query * factor, keys, values, new_key, new_value)


def blind_to_itself(query, keys, values, new_key, new_value):
    _, longer, more = cached_step(query, keys, values, new_key, new_value)
    return looked_up(query, keys, values), longer, more


def put_in_front(query, keys, values, new_key, new_value):
    output, _, _ = cached_step(query, keys, values, new_key, new_value)
    return output, torch.cat([new_key, keys]), torch.cat([new_value, values])


def not_kept(query, keys, values, new_key, new_value):
    output, _, _ = cached_step(query, keys, values, new_key, new_value)
    return output, keys, values


def written_over(query, keys, values, new_key, new_value):
    return cached_step(query, keys[:-1], values[:-1], new_key, new_value)


def no_softmax(query, keys, values, new_key, new_value):
    _, keys, values = cached_step(query, keys, values, new_key, new_value)
    return query @ keys.T / math.sqrt(keys.size(-1)) @ values, keys, values


def softmax_of_columns(query, keys, values, new_key, new_value):
    _, keys, values = cached_step(query, keys, values, new_key, new_value)
    return values.sum(dim=0, keepdim=True), keys, values


def output_last(*arguments):
    output, keys, values = cached_step(*arguments)
    return keys, values, output


def output_alone(*arguments):
    return cached_step(*arguments)[0]


# 7.3 · the nucleus


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


def nucleus_past_p(probabilities, p):
    likeliest, places = probabilities.sort(descending=True)
    stays = likeliest.cumsum(0) - likeliest <= p
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


# 7.4 · the tipping point


def tie(short, long):
    return math.log(long[1] / short[1]) / math.log((5 + long[0]) / (5 + short[0]))


# 7.5 · the beam step


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


# 7.6 · BLEU


def bleu_score(precisions, c, r):
    return 100 * min(1.0, math.exp(1 - r / c)) * math.prod(precisions) ** (1 / len(precisions))


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


EXERCISES = [
    Exercise(
        number="7.1",
        solution=78,
        mistakes={
            "that is one new position a step. The loop computes all earlier ones again, too.": 12,
            "not every step has twelve positions: the first one has the start token alone.": 144,
            "one step is missing: writing the end token is a step, too.": 66,
            "one step too many: the start token is fed in, but nobody has to write it.": 91,
            "twice too many: the sum 1 + 2 + … + n is n(n + 1)/2.": 156,
        },
        praise="If nothing were computed twice, it would be 12: six and a half times fewer.",
        tolerance=0.0,
    ),
    Exercise(
        number="7.2",
        solution=cached_step,
        cases=[
            (
                2 * numbers(1, 4),
                numbers(3, 4, seed=1),
                numbers(3, 2, seed=2),
                numbers(1, 4, seed=3),
                numbers(1, 2, seed=4),
            ),
            (
                2 * numbers(1, 3, seed=5),
                numbers(6, 3, seed=6),
                numbers(6, 5, seed=7),
                numbers(1, 3, seed=8),
                numbers(1, 5, seed=9),
            ),
        ],
        mistakes={
            "the root is missing: divide the scores by √d_k before the softmax.": no_root,
            "you divided by the root of how many keys there are. It is the root of their width, "
            "d_k.": root_of_the_length,
            "the newest position does not see itself: append its key and value first, then look.": (
                blind_to_itself
            ),
            "the newest key and value go to the end: the cache is in the order of the sentence.": (
                put_in_front
            ),
            "the output is right, but the cache has not grown: return the *longer* keys and "
            "values.": not_kept,
            "you wrote over the last position. Nothing in the cache is ever replaced: append.": (
                written_over
            ),
            "the scores are not weights yet: the softmax is missing.": no_softmax,
            "your softmax runs over the queries. There is one, so each key got weight 1: dim=-1.": (
                softmax_of_columns
            ),
            "all three are right, in another order: output, keys, values.": output_last,
            "the output is right. Return the longer keys and values, too: the next step needs "
            "them.": output_alone,
        },
        praise="One row more, and everything old is used again.",
    ),
    Exercise(
        number="7.3",
        solution=nucleus,
        cases=[
            (torch.tensor([0.1, 0.6, 0.3]), 0.8),
            (torch.tensor([0.05, 0.15, 0.5, 0.3]), 0.75),
            (torch.tensor([0.1, 0.2, 0.6, 0.06, 0.04]), 0.55),
            (torch.tensor([0.25, 0.5, 0.125, 0.125]), 0.75),  # the first two reach p exactly
        ],
        mistakes={
            "your set stops one token too early: its sum must *reach* p, so the token that crosses "
            "the line stays.": nucleus_too_small,
            "a token too many when the sum reaches p exactly: at least p is enough, it need not be "
            "more.": nucleus_past_p,
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
        number="7.4",
        solution=tie,
        cases=[((4, -2.0), (8, -2.4)), ((3, -1.5), (12, -2.5)), ((7, -3.0), (9, -3.1))],
        mistakes={
            "you compared the bare lengths. The penalty's base is 5 + length (over 6).": (
                lambda s, g: math.log(g[1] / s[1]) / math.log(g[0] / s[0])
            ),
            "upside down: α times the log of the lengths' ratio is the log of the log-"
            "probabilities' ratio. Solve for α.": (lambda s, g: 1 / tie(s, g)),
            "the sign is wrong: turn one of the two ratios round, not both.": (
                lambda s, g: -tie(s, g)
            ),
            "α is an exponent. To get it down, take the logarithm of both ratios.": (
                lambda s, g: g[1] / s[1] * (5 + s[0]) / (5 + g[0])
            ),
            "one logarithm is missing: the lengths' ratio needs it, too.": (
                lambda s, g: math.log(g[1] / s[1]) / ((5 + g[0]) / (5 + s[0]))
            ),
            "one logarithm is missing: the ratio of the log-probabilities needs one of its own.": (
                lambda s, g: g[1] / s[1] / math.log((5 + g[0]) / (5 + s[0]))
            ),
            "you took the difference of the log-probabilities. The penalty divides, so it is "
            "their ratio that counts.": (
                lambda s, g: (s[1] - g[1]) / math.log((5 + g[0]) / (5 + s[0]))
            ),
            "right for the example above, but for no other pair: use the two arguments.": (
                lambda s, g: tie((4, -2.0), (8, -2.4))
            ),
        },
        praise="Below this α the short one wins, above it the long one.",
    ),
    Exercise(
        number="7.5",
        solution=beam_step,
        cases=[
            (2 * numbers(2, 5), torch.tensor([-0.5, -0.9])),
            (
                2 * numbers(3, 7, seed=1) + torch.tensor([[0.0], [1.0], [4.0]]),
                torch.tensor([-0.2, -2.5, -1.0]),
            ),
        ],
        mistakes={
            "both mistakes are still there. Begin with the scores: are they log-probabilities?": (
                as_found
            ),
            "the places are right now. The scores are still raw: rows with larger scores win "
            "unfairly. Make them log-probabilities.": raw_scores,
            "the log-probabilities are right now. The places are not: each beginning has "
            "vocab_size entries in the flattened row, so divide by that.": wrong_divisor,
            "you added probabilities to log-probabilities: take the logarithm, log_softmax.": (
                probabilities_added
            ),
            "the beginnings' own log-probabilities are lost: add them to every token's, after the "
            "log-softmax and not before.": beginnings_forgotten,
            "the softmax runs over the beginnings. For each beginning the *tokens* must sum to 1: "
            "dim=-1.": wrong_axis,
            "beginning and token are swapped: // gives the row, that is the beginning, and % the "
            "token.": swapped,
        },
        praise="Raw scores of different rows cannot be compared; log-probabilities can.",
    ),
    Exercise(
        number="7.6",
        solution=bleu_score,
        cases=[
            ([12 / 13, 10 / 12, 8 / 11, 6 / 10], 13, 13),
            ([0.9, 0.8, 0.5, 0.4], 9, 12),
            ([0.5, 0.4, 0.3, 0.2], 15, 10),
        ],
        mistakes={
            "that is the ordinary mean of the precisions. The geometric one multiplies them and "
            "takes the fourth root.": (
                lambda p, c, r: 100 * min(1, math.exp(1 - r / c)) * sum(p) / 4
            ),
            "the brevity penalty is missing: a translation that is too short pays.": (
                lambda p, c, r: 100 * math.prod(p) ** 0.25
            ),
            "your brevity penalty rewards translations that are too long: it is never above 1.": (
                lambda p, c, r: 100 * math.exp(1 - r / c) * math.prod(p) ** 0.25
            ),
            "c and r are swapped: the penalty is for a translation *shorter* than its reference.": (
                lambda p, c, r: 100 * min(1, math.exp(1 - c / r)) * math.prod(p) ** 0.25
            ),
            "BLEU goes from 0 to 100: the factor 100 is missing.": (
                lambda p, c, r: min(1, math.exp(1 - r / c)) * math.prod(p) ** 0.25
            ),
            "without brackets, ** 1 / 4 takes the power 1 and then divides by 4: ** (1 / 4).": (
                lambda p, c, r: 100 * min(1, math.exp(1 - r / c)) * math.prod(p) / 4
            ),
            "the fourth root is missing: that is the product of the precisions.": (
                lambda p, c, r: 100 * min(1, math.exp(1 - r / c)) * math.prod(p)
            ),
        },
        praise="Four precisions and a penalty: that is the whole of BLEU.",
        tolerance=1e-3,
    ),
]

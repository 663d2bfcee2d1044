"""The exercises of notebook 07, inference."""

import math

import torch

from exercises.check import exercise, question


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


POSITIONS = question(
    "7.1",
    78,
    wrong={
        12: "that is one new position a step. The loop computes all earlier ones again, too.",
        144: "not every step has twelve positions: the first one has the start token alone.",
        66: "one step is missing: writing the end token is a step, too.",
        91: "one step too many: the start token is fed in, but nobody has to write it.",
        156: "twice too many: the sum 1 + 2 + … + n is n(n + 1)/2.",
    },
    praise="If nothing were computed twice, it would be 12: six and a half times fewer.",
    tolerance=0.0,
)


@exercise(
    "7.2",
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
    wrong={
        (" / keys.size(-1) ** 0.5", ""): "the root is missing: divide the scores by √d_k before "
        "the softmax.",
        ("size(-1)", "size(0)"): "you divided by the root of how many keys there are. It is the "
        "root of their width, d_k.",
        (("keys.T", "keys[:-1].T"), ("@ values", "@ values[:-1]")): "the newest position does not "
        "see itself: append its key and value first, then look.",
        ("dim=-1", "dim=0"): "your softmax runs over the queries. There is one, so each key got "
        "weight 1: dim=-1.",
        ("values, keys, values", "values, keys[:-1], values[:-1]"): "the output is right, but the "
        "cache has not grown: return the *longer* keys and values.",
        ("values, keys, values", "values"): "the output is right. Return the longer keys and "
        "values, too: the next step needs them.",
    },
    praise="One row more, and everything old is used again.",
)
def cached_step(query, keys, values, new_key, new_value):
    keys = torch.cat([keys, new_key])  # (length + 1, d_k)
    values = torch.cat([values, new_value])  # (length + 1, d_v)
    scores = query @ keys.T / keys.size(-1) ** 0.5  # (1, length + 1)
    return scores.softmax(dim=-1) @ values, keys, values


@exercise(
    "7.3",
    cases=[
        (torch.tensor([0.1, 0.6, 0.3]), 0.8),
        (torch.tensor([0.05, 0.15, 0.5, 0.3]), 0.75),
        (torch.tensor([0.1, 0.2, 0.6, 0.06, 0.04]), 0.55),
        (torch.tensor([0.25, 0.5, 0.125, 0.125]), 0.75),  # the first two reach p exactly
    ],
    wrong={
        (("cumsum(0) - sorted_p", "cumsum(0)"), ("before < p", "before <= p")): "your set stops "
        "one token too early: its sum must *reach* p, so the token that crosses the line stays.",
        ("before < p", "before <= p"): "a token too many when the sum reaches p exactly: at least "
        "p is enough, it need not be more.",
        (" / kept.sum()", ""): "the rest no longer sums to 1: divide what is left by its sum.",
        ("kept[places[before < p]]", "kept[before < p]"): "the right numbers, in sorted order: "
        "each probability must go back to its own place.",
        ("before < p", "sorted_p >= p"): "you compared each probability with p. It is the *running "
        "sum* of the likeliest ones that has to reach p.",
        ("descending=True", ""): "you kept the unlikeliest tokens: sort with descending=True.",
    },
    praise="A sure step keeps one token, an unsure one keeps many.",
)
def top_p(probabilities, p):
    sorted_p, places = probabilities.sort(descending=True)
    before = sorted_p.cumsum(0) - sorted_p
    kept = torch.zeros_like(probabilities)
    kept[places[before < p]] = sorted_p[before < p]
    return kept / kept.sum()


@exercise(
    "7.4",
    cases=[((4, -2.0), (8, -2.4)), ((3, -1.5), (12, -2.5)), ((7, -3.0), (9, -3.1))],
    wrong={
        ("5 + ", ""): "you compared the bare lengths. The penalty's base is 5 + length (over 6).",
        ("math.log(totals) / math.log(bases)", "math.log(bases) / math.log(totals)"): "upside "
        "down: α times the log of the lengths' ratio is the log of the log-probabilities' ratio. "
        "Solve for α.",
        ("long[1] / short[1]", "short[1] / long[1]"): "the sign is wrong: turn one of the two "
        "ratios round, not both.",
        ("math.log", ""): "α is an exponent. To get it down, take the logarithm of both ratios.",
        ("math.log(bases)", "bases"): "one logarithm is missing: the lengths' ratio needs it, too.",
        ("math.log(totals)", "(short[1] - long[1])"): "you took the difference of the "
        "log-probabilities. The penalty divides, so it is their ratio that counts.",
    },
    praise="Below this α the short one wins, above it the long one.",
)
def tie(short, long):
    totals = long[1] / short[1]
    bases = (5 + long[0]) / (5 + short[0])
    return math.log(totals) / math.log(bases)


@exercise(
    "7.5",
    cases=[
        (2 * numbers(2, 5), torch.tensor([-0.5, -0.9])),
        (
            2 * numbers(3, 7, seed=1) + torch.tensor([[0.0], [1.0], [4.0]]),
            torch.tensor([-0.2, -2.5, -1.0]),
        ),
    ],
    wrong={
        ((".log_softmax(dim=-1)", ""), ("scores.size(-1)", "len(logprob)")): "both mistakes are "
        "still there. Begin with the scores: are they log-probabilities?",
        (".log_softmax(dim=-1)", ""): "the places are right now. The scores are still raw: rows "
        "with larger scores win unfairly. Make them log-probabilities.",
        ("scores.size(-1)", "len(logprob)"): "the log-probabilities are right now. The places are "
        "not: each beginning has vocab_size entries in the flattened row, so divide by that.",
        ("log_softmax", "softmax"): "you added probabilities to log-probabilities: take the "
        "logarithm, log_softmax.",
        ("logprob[:, None] + ", ""): "the beginnings' own log-probabilities are lost: add them to "
        "every token's, after the log-softmax and not before.",
        ("dim=-1", "dim=0"): "the softmax runs over the beginnings. For each beginning the "
        "*tokens* must sum to 1: dim=-1.",
    },
    praise="Raw scores of different rows cannot be compared; log-probabilities can.",
)
def beam_step(scores, logprob):
    total = (logprob[:, None] + scores.log_softmax(dim=-1)).flatten()  # (beam · vocab)
    best, where = total.topk(len(logprob))  # (beam)
    return best, where // scores.size(-1), where % scores.size(-1)


@exercise(
    "7.6",
    cases=[
        ([12 / 13, 10 / 12, 8 / 11, 6 / 10], 13, 13),
        ([0.9, 0.8, 0.5, 0.4], 9, 12),
        ([0.5, 0.4, 0.3, 0.2], 15, 10),
    ],
    wrong={
        ("math.prod(precisions) ** (1 / 4)", "sum(precisions) / 4"): "that is the ordinary mean of "
        "the precisions. The geometric one multiplies them and takes the fourth root.",
        (" * brevity", ""): "the brevity penalty is missing: a translation that is too short pays.",
        ("min(1.0, math.exp(1 - r / c))", "math.exp(1 - r / c)"): "your brevity penalty rewards "
        "translations that are too long: it is never above 1.",
        ("r / c", "c / r"): "c and r are swapped: the penalty is for a translation *shorter* than "
        "its reference.",
        ("100 * ", ""): "BLEU goes from 0 to 100: the factor 100 is missing.",
        ("(1 / 4)", "1 / 4"): "without brackets, ** 1 / 4 takes the power 1 and then divides by 4: "
        "** (1 / 4).",
    },
    praise="Four precisions and a penalty: that is the whole of BLEU.",
    tolerance=1e-3,
)
def bleu_score(precisions, c, r):
    brevity = min(1.0, math.exp(1 - r / c))
    return 100 * brevity * math.prod(precisions) ** (1 / 4)


ROW = question(
    "7.7",
    ["Kiste", "nicht"],
    wrong={
        ("nicht", "Kiste"): "the right two, in the wrong order: first what was fed in, then what "
        "is written.",
        ("nicht", ","): "what was fed in is one row too early: row 0 is fed <start>, row 1 Der, "
        "row 2 Mann.",
        ("die", "Kiste"): "you counted the rows from 1. Row 0 is fed <start> and writes Der.",
        ("nicht", "nicht"): "a row is not fed the token that it writes: the decoder would have "
        "nothing left to do. The input is shifted right by one.",
        ("Kiste", "Kiste"): "a row does not write what it was fed. What comes after Kiste?",
    },
    praise="Label the rows of cross-attention with what is written.",
)


class Tables:
    """A model made of tables: what the last token and the number of tokens so far call for."""

    def __init__(self, vocab: int, source: int, end: int, stops: int, seed: int) -> None:
        self.scores = numbers(vocab, 40, vocab, seed=seed)  # (last token, ids so far, next)
        self.scores[..., end] = self.scores.mean(-1)  # neither the likeliest nor the least likely
        self.scores[:, stops, end] = 10.0
        self.rows = numbers(vocab, 40, source, seed=seed + 1).softmax(-1)

    def __call__(self, ids: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        place = (ids[-1], len(ids))
        return self.scores[place], self.rows[place]

    def __repr__(self) -> str:
        return "a model made of tables"


@exercise(
    "7.8",
    cases=[
        (Tables(vocab=7, source=4, end=2, stops=6, seed=11), 1, 2, 20),
        (Tables(vocab=9, source=5, end=3, stops=4, seed=21), 0, 3, 8),
        (Tables(vocab=6, source=3, end=2, stops=30, seed=31), 1, 2, 5),
    ],
    wrong={
        ("token == end", "ids[-1] == end"): "the end token is among the ids, and its row in the "
        "map. It ends the loop, no more.",
        ("ids[1:]", "ids"): "the start token came back: it was given, not written.",
        ("break", "rows.append(weights)\n            break"): "the map has a row too many: the one "
        "with which the end token was chosen. Keep a row only together with its token.",
        ("rows.append(weights)", "rows.append(step(ids)[1])"): "each row belongs to the *next* "
        "token: you looked after the token had been appended. The row of a token is the one that "
        "came with its scores.",
        ("torch.stack(rows)", "rows"): "the rows are still a list: torch.stack makes one tensor of "
        "them, (ids, source).",
        ("range(limit)", "range(limit - 1)"): "one token too few when no end comes: `limit` counts "
        "the tokens written, without the start token.",
    },
    praise="Ask, choose, append, ask again: you can write a translator from nothing.",
)
def write_and_look(step, start, end, limit):
    ids, rows = [start], []
    for _ in range(limit):
        scores, weights = step(ids)  # (vocab_size), (source)
        token = int(scores.argmax())
        if token == end:
            break
        ids.append(token)
        rows.append(weights)
    return ids[1:], torch.stack(rows)

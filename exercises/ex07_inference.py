"""The exercises of notebook 07, inference."""

from collections import Counter

import torch
from torch import Tensor

from exercises.check import exercise, numbers, then
from transformer.heads import MultiHeadAttention
from transformer.inference import cached_attention, write_beam


@exercise(
    "7.1",
    cases=[
        (torch.tensor([0.1, 0.6, 0.3]), 0.8),
        (torch.tensor([0.05, 0.15, 0.5, 0.3]), 0.75),
        (torch.tensor([0.1, 0.2, 0.6, 0.06, 0.04]), 0.55),
        (torch.tensor([0.25, 0.5, 0.125, 0.125]), 0.75),  # the first two reach p exactly
    ],
    wrong={
        (("cumsum(0) - sorted_p", "cumsum(0)"), ("before < p", "before <= p")): "your set stops "
        "one token too early: its sum must *reach* p, so the token that crosses the line stays.",
        ("cumsum(0) - sorted_p", "cumsum(0)"): "the token with which the sum reaches p is missing: "
        "a token stays when the sum of those *before* it is below p.",
        ("before < p", "before <= p"): "a token too many when the sum reaches p exactly: at least "
        "p is enough, it need not be more.",
        (" / kept.sum()", ""): "the rest no longer sums to 1: divide what is left by its sum.",
        ("kept[places[before < p]]", "kept[before < p]"): "the right numbers, in sorted order: "
        "each probability must go back to its own place.",
        ("before < p", "sorted_p >= p"): "you compared each probability with p. It is the *running "
        "sum* of the likeliest ones that has to reach p.",
    },
    praise="A sure step keeps one token, an unsure one keeps many.",
)
def top_p(probabilities, p):
    sorted_p, places = probabilities.sort(descending=True)
    before = sorted_p.cumsum(0) - sorted_p
    kept = torch.zeros_like(probabilities)
    kept[places[before < p]] = sorted_p[before < p]
    return kept / kept.sum()


def newest(length: int, seed: int, padded: bool) -> tuple:
    """A layer of attention, the newest position, what is kept of `length` others, and a mask."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        attention = MultiHeadAttention(8, 2)
    keys, values = numbers(2, 2, 2, length, 4, seed=seed)  # (batch, heads, length, d_k) each
    real = torch.arange(length + 1) >= torch.tensor([[0], [padded]])  # (batch, length + 1)
    return attention, 2 * numbers(2, 1, 8, seed=seed + 1), keys, values, real[:, None, None]


CACHED = exercise(
    "7.2",
    cases=[newest(3, seed=10, padded=False), newest(5, seed=20, padded=True)],
    wrong={
        (", values, mask)", ", values)"): "your position looks at padding: hand `mask` on.",
        (
            "attention.attend(x, keys, values, mask)",
            "attention.attend(x, keys[:, :, :-1], values[:, :, :-1], mask[..., :-1])",
        ): "the newest position does not see itself: append its key and value first, then look.",
        ("mask), keys, values", "mask), keys[:, :, :-1], values[:, :, :-1]"): "the output is "
        "right, but the cache has not grown: return the *longer* keys and values.",
        ("mask), keys, values", "mask)"): "the output is right. Return the longer keys and values, "
        "too: the next step needs them.",
        ("new_keys, new_values = ", "new_values, new_keys = "): "keys and values have changed "
        "places: keys_values(x) gives the keys first.",
        (
            ("[keys, new_keys]", "[new_keys, keys]"),
            ("[values, new_values]", "[new_values, values]"),
        ): "the newest stands first in your cache. It came last, and the mask counts on that.",
    },
    praise="Two rows more, and everything old is used again.",
)(cached_attention)


DIE, KATZE = "die die die".split(), "die Katze die".split()
MAUS = "die die die Maus Maus".split()
SIE = "Das Tier blieb da , weil sie zu müde war .".split()
ES = "Das Tier blieb da , weil es zu müde war .".split()


@exercise(
    "7.3",
    cases=[(DIE, KATZE, 1), (SIE, ES, 2), (SIE, ES, 4), (MAUS, KATZE, 1), (KATZE, DIE, 2)],
    wrong={
        ("(mine & theirs).total()", "sum(mine[run] for run in mine if run in theirs)"): "it is not "
        "clipped: a run counts at most as often as it stands in the reference.",
        ("(mine & theirs).total() / mine.total()", "len(mine & theirs) / len(mine)"): "you count "
        "each run once, however often it occurs: *die Katze die* has two *die*.",
        ("/ mine.total()", "/ theirs.total()"): "you divided by the runs of the *reference*. That "
        "is recall; a precision is a share of what was written.",
        ("/ mine.total()", "/ len(words)"): "divide by the number of runs: fewer than there are "
        "words, once n is more than 1.",
        ("- n + 1", "- n"): "the last run is missing: there are length − n + 1.",
        ("len(words) - n + 1", "len(words)"): "your last runs have fewer than n words: stop where "
        "the last whole one begins.",
    },
    praise="What stands in the reference, and no more often than there.",
)
def precision(words, reference, n):
    def runs(words):
        return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))

    mine, theirs = runs(words), runs(reference)
    return (mine & theirs).total() / mine.total()


SHRINKS = (
    "your beam shrinks when translations end. The best `beam_size` that do not end go on, however "
    "many have ended."
)


class Tables:
    """A model made of tables: the next token's scores by the last token and how many there are.
    Each row of scores has a level of its own, which a softmax takes away."""

    def __init__(self, vocab: int, seed: int) -> None:
        self.scores = 2 * numbers(vocab, 12, vocab, seed=seed)  # (last token, ids so far, next)
        self.scores += 4 * numbers(vocab, 12, 1, seed=seed + 1)
        self.calls = 0

    def __call__(self, beginnings) -> Tensor:
        self.calls += 1
        if self.calls > 2000:
            raise RuntimeError("next_scores was called 2,000 times: does your loop ever end?")
        if len(beginnings) == 0:
            raise RuntimeError(f"next_scores was called without a beginning: {SHRINKS}")
        rows = [[int(token) for token in ids] for ids in beginnings]
        return torch.stack([self.scores[ids[-1], min(len(ids), 11)] for ids in rows])

    def __repr__(self) -> str:
        return "a model made of tables"


@then
def plain_list(ids, *arguments):
    """The ids as a list of numbers, whatever they came in."""
    if isinstance(ids, (tuple, list)) and any(isinstance(x, (tuple, list)) for x in ids):
        raise TypeError("lists inside what came back: return the ids alone, without a score")
    return [int(token) for token in ids]


STOP = "if ids[-1] == end or total / length_penalty(length + 1, alpha) <= leader:"
SEEDS = [(2, 6, 3, 1.5), (222, 8, 3, 0.6), (72, 8, 3, 0.6), (299, 8, 4, 1.5)]
SEEDS += [(0, 2, 2, 1.0)]  # never ends
BEAM = exercise(
    "7.4",
    cases=[(Tables(6, seed), 1, 2, limit, beam, alpha) for seed, limit, beam, alpha in SEEDS],
    wrong={
        (".log_softmax(dim=-1)", ""): "you add up raw scores. Scores of two beginnings are not on "
        "one scale: make log-probabilities of them first.",
        ("log_softmax", "softmax"): "you add up probabilities. Probabilities are multiplied; what "
        "is added is their logarithms.",
        ("total + p", "p"): "your candidates are ranked by their last token alone. What counts is "
        "the whole sentence: add the beginning's log-probability.",
        (
            "[pair for pair in candidates if pair[0][-1] != end][:beam_size]",
            "candidates[:beam_size]",
        ): "translations that have ended are lengthened, and take up room in your beam. Whatever "
        "ends leaves it.",
        (
            "[pair for pair in candidates if pair[0][-1] != end][:beam_size]",
            "[pair for pair in candidates[:beam_size] if pair[0][-1] != end]",
        ): SHRINKS,
        ("total / length_penalty(length, alpha)", "total * length_penalty(length, alpha)"): "the "
        "penalty is on the wrong side: a log-probability is *divided* by it.",
        ("total / length_penalty(length, alpha)", "total"): "your finished translations compete by "
        "log-probability alone, so the short ones win: divide by the length penalty.",
        (STOP, "if True:"): "you stop as soon as `beam_size` are finished. The best beginning may "
        "be one token before its end: go on while it can still win, or up to the limit.",
        ("(ids[1:-1],", "(ids[1:],"): "the end token came back: it ends the translation and is no "
        "word of it.",
    },
    praise="Beam search, by heart.",
    adapt=plain_list,
)(write_beam)

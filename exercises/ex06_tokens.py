"""The exercises of lab 06, tokens."""

from collections import Counter
from collections.abc import KeysView
from itertools import pairwise

from exercises.check import exercise
from exercises.ex06_training import merge

NUMBERS = {piece: n for n, piece in enumerate(["a", "b", "e", "n", "o", "w", "we", "ab"])}


@exercise(
    "6.A",
    cases=[
        (Counter(pairs), NUMBERS)
        for pairs in (
            {("n", "e"): 9, ("e", "w"): 9, ("w", "e"): 8},
            {("a", "b"): 2, ("w", "e"): 5, ("we", "n"): 5, ("o", "n"): 3},
            {("we", "b"): 4, ("ab", "a"): 4},
            {("o", "w"): 7, ("b", "we"): 7, ("b", "ab"): 7, ("b", "n"): 7},
            {("e", "we"): 3, ("n", "a"): 3, ("b", "e"): 2},
            {("n", "ab"): 2, ("n", "w"): 2},
        )
    ],
    wrong={
        (
            "min(pairs, key=lambda pair: (-pairs[pair], numbers[pair[0]], numbers[pair[1]]))",
            "max(pairs, key=pairs.get)",
        ): "right until two pairs occur equally often: then you take the one that you met first.",
        ("(-pairs[pair], numbers[pair[0]], numbers[pair[1]])", "(-pairs[pair], pair)"): "in a tie "
        "you take the pair that comes first in the alphabet. The library asks for the numbers, and "
        "a merged piece has a larger one than any letter.",
        (", numbers[pair[1]]", ""): "when tied pairs have the same left piece, you take the one "
        "that you met first. Then the right pieces decide.",
        ("numbers[pair[0]], numbers[pair[1]]", "numbers[pair[1]], numbers[pair[0]]"): "you let the "
        "right piece decide first, then the left one.",
        (("min(", "max("), ("-pairs", "pairs")): "in a tie you take the larger numbers: max wants "
        "the larger one of everything.",
        ("-pairs[pair]", "pairs[pair]"): "you take the rarest pair. Of counts the largest wins, of "
        "numbers the smallest.",
    },
    praise="So it is decided, tie by tie.",
)
def choose(pairs, numbers):
    return min(pairs, key=lambda pair: (-pairs[pair], numbers[pair[0]], numbers[pair[1]]))


MERGES = [("e", "r"), ("l", "o"), ("lo", "w"), ("n", "e"), ("e", "w"), ("low", "er"), ("s", "l")]
MERGES += [("o", "w"), ("ne", "w"), ("sl", "ow"), ("e", "s"), ("es", "t"), ("w", "er")]
MERGES += [("a", "b"), ("x", "y"), ("b", "xy")]
RANKS = {pair: number for number, pair in enumerate(MERGES)}


class Watched(dict):
    """A dictionary that knows whether somebody has walked through it."""

    walked = False

    def __iter__(self):
        self.walked = True
        return super().__iter__()

    def keys(self):
        return KeysView(self)  # walking through it walks through the dictionary

    def items(self):
        self.walked = True
        return super().items()


def watched(cut):
    """The pieces, and whether `cut` has walked through all ranks to find them."""

    def call(word, ranks):
        ranks = Watched(ranks)
        parts = cut(word, ranks)
        return None if parts is None else (parts, ranks.walked and len(word) > 1)

    return call


def without_looking_again(word, ranks):
    parts = list(word)
    for pair in sorted({pair for pair in pairwise(parts) if pair in ranks}, key=ranks.get):
        parts = merge(parts, pair)
    return parts


def through_all_ranks(word, ranks):
    parts = list(word)
    for pair in sorted(ranks, key=ranks.get):
        parts = merge(parts, pair)
    return parts


@exercise(
    "6.B",
    cases=[
        (word, RANKS)
        for word in ("lower", "slower", "newest", "erer", "q", "lowlow", "wer", "ew", "xyabxy")
    ],
    wrong={
        ("min(known, key=ranks.get)", "known[0]"): "you merge the pair that stands first in the "
        "word. Of all its neighbours, merge those that were learned first.",
        ("min(known, key=ranks.get)", 'max(known, key=lambda pair: len("".join(pair)))'): "you "
        "merge the pair that makes the longest piece. What counts is which was learned first.",
        ("parts = merge(", "return merge("): "you stop after the first pair: go on until no "
        "neighbours are in ranks.",
        through_all_ranks: "the pieces are right, but you walk through all ranks. Ask only about "
        "the neighbours in the word: `pair in ranks`.",
        without_looking_again: "you list the neighbours once. A merge makes new neighbours: look "
        "again after each.",
        ("return parts", 'return " ".join(parts)'): "you return one string: return the list of the "
        "pieces.",
    },
    praise="The steps depend on the word, not on the number of merges.",
    adapt=watched,
)
def cut_by_rank(word, ranks):
    parts = list(word)
    while True:
        known = [pair for pair in pairwise(parts) if pair in ranks]
        if not known:
            return parts
        parts = merge(parts, min(known, key=ranks.get))


@exercise(
    "6.C",
    cases=[
        (list(b"Haus"),),
        (list("Mädchen".encode()),),
        (list("Ein ☃ fährt 🚂.".encode()),),
        (list("Ѐ߿ࠀ\U0010ffff".encode()),),
        ([],),
    ],
    wrong={
        ("not 128 <= byte < 192", "True"): "that is the number of bytes. Some of them only "
        "continue a character.",
        ("not 128 <= byte < 192", "byte < 128"): "you count the characters of one byte only. A "
        "longer one begins with a byte, too.",
        ("not 128 <= byte < 192", "byte >= 192"): "you count the characters of two bytes and more. "
        "Those of one byte count as well.",
        ("not 128 <= byte < 192", "128 <= byte < 192"): "upside down: those are the bytes that "
        "continue a character.",
        ("not 128 <= byte < 192", "byte < 192"): "look at the longer characters again: which of "
        "their bytes are below 192?",
        ("not 128 <= byte < 192", 'bin(byte)[2:4] != "10"'): "`bin` drops the zeros in front, so "
        '72, 01001000, seems to begin with 10. format(byte, "08b") keeps all eight bits.',
    },
    praise="And so a program that lands in the middle of a text finds the next character's start.",
)
def count_characters(data):
    return sum(not 128 <= byte < 192 for byte in data)

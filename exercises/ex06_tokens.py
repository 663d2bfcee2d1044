"""The exercises of lab 06, tokens."""

from collections import Counter
from itertools import pairwise

from exercises.check import exercise


def count_pairs(pieces: dict[str, list[str]], counts: dict[str, int]) -> Counter:
    pairs: Counter = Counter()
    for word, parts in pieces.items():
        for pair in pairwise(parts):
            pairs[pair] += counts[word]
    return pairs


def merge(parts: list[str], pair: tuple[str, str]) -> list[str]:
    merged: list[str] = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged


@exercise(
    "6.A",
    cases=[
        ({"low": 5, "lower": 2, "newer": 6, "new": 3}, 5),
        ({"the": 9, "then": 4, "other": 3, "hen": 3, "not": 2}, 6),
        ({"ba": 2, "ab": 2, "cab": 1}, 2),
        ({"so": 4, "no": 1}, 9),
    ],
    wrong={
        ("(-pairs[pair], pair)", "-pairs[pair]"): "right until two pairs occur equally often: then "
        "you take the one that you met first. Take the one that comes first in the alphabet.",
        (
            "min(pairs, key=lambda pair: (-pairs[pair], pair))",
            "max(pairs, key=lambda pair: (pairs[pair], pair))",
        ): "in a tie you take the pair that comes last in the alphabet: max wants the larger one "
        "of everything.",
        ("-pairs[pair]", "pairs[pair]"): "you merge the rarest pair.",
        (
            "{word: merge(parts, best) for word, parts in pieces.items()}",
            "pieces",
        ): "you find the same pair again and again: after a merge the words must hold the new "
        "piece.",
        ("append(best)", 'append("".join(best))'): "you return the new pieces. A merge is a pair: "
        "its two halves as a tuple.",
        ("pieces, merges = {", "counts, pieces, merges = dict.fromkeys(counts, 1), {"): "you "
        "counted each word once. A word that occurs five times adds five to each of its pairs.",
        ("< number", "<= number"): "that is one merge too many.",
    },
    praise="That is the whole training of a tokenizer.",
)
def learn_merges(counts, number):
    pieces, merges = {word: list(word) for word in counts}, []
    while len(merges) < number:
        pairs = count_pairs(pieces, counts)
        if not pairs:  # every word is whole
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        pieces = {word: merge(parts, best) for word, parts in pieces.items()}
    return merges


@exercise(
    "6.B",
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
    },
    praise="And so a program that lands in the middle of a text finds the next character's start.",
)
def count_characters(data):
    return sum(not 128 <= byte < 192 for byte in data)


MERGES = [("e", "r"), ("l", "o"), ("lo", "w"), ("n", "e"), ("e", "w"), ("low", "er"), ("s", "l")]
MERGES += [("o", "w"), ("ne", "w"), ("sl", "ow"), ("e", "s"), ("es", "t"), ("w", "er")]
MERGES += [("a", "b"), ("x", "y"), ("b", "xy")]
RANKS = {pair: number for number, pair in enumerate(MERGES)}


def only_the_first_place(word, ranks):
    parts = list(word)
    while known := [n for n, pair in enumerate(pairwise(parts)) if pair in ranks]:
        n = min(known, key=lambda n: ranks[parts[n], parts[n + 1]])
        return parts[:n] + [parts[n] + parts[n + 1]] + parts[n + 2 :]
    return parts


@exercise(
    "6.C",
    cases=[
        (word, RANKS)
        for word in ("lower", "slower", "newest", "erer", "q", "lowlow", "wer", "ew", "xyabxy")
    ],
    wrong={
        ("min(known, key=ranks.get)", "known[0]"): "you merge the pair that stands first in the "
        "word. Of all its neighbours, merge those that were learned first.",
        ("min(known", "max(known"): "you merge the pair that was learned last.",
        ("min(known, key=ranks.get)", 'max(known, key=lambda pair: len("".join(pair)))'): "you "
        "merge the pair that makes the longest piece. What counts is which was learned first.",
        ("min(known, key=ranks.get)", "min(known)"): "you take the pair that comes first in the "
        "alphabet. What counts is its number in ranks.",
        ("parts = merge(", "return merge("): "you stop after the first pair: go on until no "
        "neighbours are in ranks.",
        only_the_first_place: "you glue one place, and stop. The pair may stand in the word twice, "
        "and other pairs may follow.",
        ("return parts", 'return " ".join(parts)'): "you return one string: return the list of the "
        "pieces.",
    },
    praise="Its time depends on the word, not on the number of merges: a vocabulary of 50,000 "
    "costs no more.",
)
def cut_by_rank(word, ranks):
    parts = list(word)
    while True:
        known = [pair for pair in pairwise(parts) if pair in ranks]
        if not known:
            return parts
        parts = merge(parts, min(known, key=ranks.get))

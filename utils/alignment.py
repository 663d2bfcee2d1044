"""Which word goes with which: from attention maps to links between words, and how wrong they are.

A link says that an English and a German word belong together. Words are those of
utils.data.split_words; tables of links are boolean, (German words, English words).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from utils.data import split_words


def word_of_tokens(sentence: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """For each token the number of its word; the end token, which is added last, gets -1.

    offsets: where each token begins and ends in the sentence, as `tokenizer.encode` gives them.
    """
    owner, place, number = {}, 0, -1
    for number, word in enumerate(split_words(sentence)):
        end = sentence.index(word, place) + len(word)
        owner.update(dict.fromkeys(range(place, end), number))  # the space before belongs to it
        place = end
    owner.update(dict.fromkeys(range(place, len(sentence)), number))  # spaces behind the last word
    return [owner[end - 1] for _, end in offsets] + [-1]


def true_links(alignment: str, german: Sequence[int], english: Sequence[int]) -> Tensor:
    """The pairs of "0-0 1-2" (English-German) as a table: bool, (German words, English words).

    german, english: the word of each token, of word_of_tokens.
    """
    table = torch.zeros(max(german) + 1, max(english) + 1, dtype=torch.bool)
    for link in alignment.split():
        e, g = map(int, link.split("-"))
        table[g, e] = True
    return table


def true_cells(
    alignment: str, german: Sequence[int], english: Sequence[int]
) -> list[tuple[int, int]]:
    """The cells (target token, source token) of a map whose words are linked."""
    links = true_links(alignment, german, english).tolist()
    both = ((t, s) for t in range(len(german)) for s in range(len(english)))
    return [
        (t, s) for t, s in both if min(german[t], english[s]) >= 0 and links[german[t]][english[s]]
    ]


def word_map(
    weights: Tensor, german: Sequence[int], english: Sequence[int], rows: str = "first"
) -> Tensor:
    """Weights between tokens, (…, target, source), to weights between words, (…, German, English).

    A German word looks where its "first" token looked, at the step that wrote it, or where its
    tokens looked on the "mean"; the weights on an English word's tokens are added up. The end token
    is no word: its row and its column are left out, so a row's sum may be below 1.
    """
    target, source = torch.tensor(german), torch.tensor(english)
    to_words = source[:, None] == torch.arange(max(english) + 1)  # (source, English words)
    of_words = torch.arange(max(german) + 1)[:, None] == target  # (German words, target)
    if rows == "first":
        of_words = of_words & (of_words.cumsum(dim=1) == 1)
    of_words = of_words / of_words.sum(dim=1, keepdim=True)
    return of_words.to(weights) @ weights @ to_words.to(weights)


def strongest(weights: Tensor) -> Tensor:
    """One link for each German word: the English word with most weight. (…, German, English)"""
    best = weights.argmax(dim=-1, keepdim=True)  # (…, German, 1)
    return torch.zeros_like(weights, dtype=torch.bool).scatter(-1, best, True)


def strongest_column(weights: Tensor) -> Tensor:
    """One link for each English word: the German word that gives it most weight."""
    return strongest(weights.mT).mT


def either_way(weights: Tensor) -> Tensor:
    """All links of `strongest` and all of `strongest_column`."""
    return strongest(weights) | strongest_column(weights)


def both_ways(weights: Tensor) -> Tensor:
    """The links that `strongest` and `strongest_column` agree on."""
    return strongest(weights) & strongest_column(weights)


def above(least: float) -> Callable[[Tensor], Tensor]:
    """A reading that links all words with at least this weight between them."""
    return lambda weights: weights >= least


def alignment_error_rate(found: Sequence[Tensor], true: Sequence[Tensor]) -> Tensor:
    """1 - 2 · |found and true| / (|found| + |true|), counted over all sentences together: 0 is
    perfect (Och and Ney 2003, for links that are all sure).

    found: one table of links a sentence, (…, German, English); true: one (German, English) each.
    Returns (…): one rate for each head that the leading dimensions number.
    """
    pairs = list(zip(found, true, strict=True))
    right = sum((f & t).sum(dim=(-2, -1)) for f, t in pairs)  # (…)
    links = sum(f.sum(dim=(-2, -1)) + t.sum() for f, t in pairs)  # (…)
    return 1 - 2 * right / links

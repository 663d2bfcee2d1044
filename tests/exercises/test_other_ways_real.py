"""Lab 08, real weights: an exercise is solved by every correct way to write it."""

import pytest
import torch
import torch.nn.functional as F

from exercises import find
from exercises.check import verdict


def product_at_once(x, table, bias):
    return x @ table.T + bias


def only_the_table(x, table, bias):
    return torch.cat([table, bias[:, None]], dim=1)


@pytest.mark.parametrize("answer", [product_at_once, only_the_table])
def test_the_product_alone_is_not_what_8_c_asks_for(answer):
    assert "two tensors should come back" in verdict(find("8.C"), answer)


def halves_by_view(encoding):
    pairs = encoding.unflatten(1, (-1, 2))  # (length, pairs, 2)
    return pairs.mT.flatten(1)


def halves_by_index(encoding):
    columns = range(encoding.size(1))
    return encoding[:, sorted(columns, key=lambda column: (column % 2, column))]


def halves_by_list(encoding):
    return [row[::2] + row[1::2] for row in encoding.tolist()]


def row_by_index(table, pad):
    return table[[*range(len(table)), pad]]


def row_by_stack(table, pad):
    return torch.vstack([table, table[pad]])


def row_by_filling(table, pad):
    new = torch.empty(len(table) + 1, table.size(1))
    new[:-1], new[-1] = table, table[pad]
    return new


def column_by_ones(x, table, bias):
    x = torch.cat([x, torch.ones(*x.shape[:-1], 1)], dim=-1)
    return x, torch.hstack([table, bias.unsqueeze(1)])


def column_in_front(x, table, bias):
    return F.pad(x, (1, 0), value=1.0), torch.column_stack([bias, table])


def words_by_characters(pieces, words):
    text = "".join(pieces).replace("▁", "")
    if text != "".join(words):
        raise ValueError
    numbers, left = [], [(n, letter) for n, word in enumerate(words) for letter in word]
    for piece in pieces:
        size = sum(letter != "▁" for letter in piece)
        mine, left = left[:size], left[size:]
        numbers.append((mine[-1] if mine else left[0])[0])
    return numbers


def words_by_ends(pieces, words):
    letters = [piece.lstrip("▁").rstrip("▁") for piece in pieces]
    assert_same = "".join(letters) == "".join(words)
    if not assert_same:
        raise ValueError("not the same text")
    ends = torch.tensor([len(word) for word in words]).cumsum(0)
    places = torch.tensor([len(piece) for piece in letters]).cumsum(0)
    last = [int(p) if piece else int(p) + 1 for p, piece in zip(places, letters, strict=True)]
    return torch.searchsorted(ends, torch.tensor(last)).tolist()


WAYS = [
    ("8.A", halves_by_view),
    ("8.A", halves_by_index),
    ("8.A", halves_by_list),
    ("8.B", row_by_index),
    ("8.B", row_by_stack),
    ("8.B", row_by_filling),
    ("8.C", column_by_ones),
    ("8.C", column_in_front),
    ("8.D", words_by_characters),
    ("8.D", words_by_ends),
]


@pytest.mark.parametrize(("number", "answer"), WAYS, ids=[number for number, _ in WAYS])
def test_another_correct_way_is_accepted(number, answer):
    said = verdict(find(number), answer)
    assert said.startswith(f"● {number} correct."), said

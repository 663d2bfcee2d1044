"""From attention maps to links between words, and their error rate."""

import pytest
import torch

from transformer import alignment as a
from transformer.training import load_model
from utils.data import DATA, END, load_corpus, split_words

ENGLISH, GERMAN = [0, 1, 1, 2, -1], [0, 0, 1, 2, -1]  # words of the tokens; the last is the end
WEIGHTS = torch.tensor(
    [
        [0.6, 0.1, 0.1, 0.1, 0.1],  # word 0, first token
        [0.0, 0.0, 0.0, 1.0, 0.0],  # word 0, second token
        [0.4, 0.3, 0.3, 0.0, 0.0],  # word 1: two tokens together are stronger than one
        [0.1, 0.0, 0.0, 0.2, 0.7],  # word 2 looks at the end token most
        [0.0, 0.0, 0.0, 0.0, 1.0],
    ]
)  # (target 5, source 5)


def links(*pairs):
    table = torch.zeros(3, 3, dtype=torch.bool)
    table[tuple(zip(*pairs, strict=True))] = True
    return table


def test_each_token_knows_its_word():
    _, tokenizer = load_model(DATA / "model")
    for row in load_corpus("embedded")["unseen"].select(range(100)):
        for sentence in (row["en"], row["de"]):
            encoded, words = tokenizer.encode(sentence), split_words(sentence)
            owners = a.word_of_tokens(sentence, words, encoded.offsets)
            assert len(owners) == len(encoded.ids + [END]) and owners[-1] == -1
            assert owners[:-1] == sorted(owners[:-1])
            glued = ["" for _ in words]
            for owner, token in zip(owners, encoded.ids, strict=False):
                glued[owner] += tokenizer.decode([token])
            assert [word.strip() for word in glued] == words


def test_a_word_with_many_bytes_and_marks():
    sentence, offsets = "Weiß er's?", [(0, 3), (3, 4), (4, 7), (7, 8), (8, 9), (9, 10)]
    words = split_words(sentence)
    assert words == ["Weiß", "er", "'", "s", "?"]
    assert a.word_of_tokens(sentence, words, offsets) == [0, 0, 1, 2, 3, 4, -1]
    assert a.word_of_tokens("a b ", ["a", "b"], [(0, 1), (1, 3), (3, 4)]) == [0, 1, 1, -1]


def test_true_links_and_cells():
    text = "0-0 1-2 2-2"
    assert a.true_links(text, GERMAN, ENGLISH).equal(links((0, 0), (2, 1), (2, 2)))
    assert a.true_cells(text, GERMAN, ENGLISH) == [(0, 0), (1, 0), (3, 1), (3, 2), (3, 3)]


def test_the_word_map_adds_columns_and_takes_the_first_row():
    wanted = torch.tensor([[0.6, 0.2, 0.1], [0.4, 0.6, 0.0], [0.1, 0.0, 0.2]])
    assert torch.allclose(a.word_map(WEIGHTS, GERMAN, ENGLISH), wanted)
    wanted[0] = torch.tensor([0.3, 0.1, 0.55])
    assert torch.allclose(a.word_map(WEIGHTS, GERMAN, ENGLISH, rows="mean"), wanted)
    heads = WEIGHTS.expand(2, 8, 5, 5)
    assert torch.allclose(
        a.word_map(heads, GERMAN, ENGLISH, rows="mean"), wanted.expand(2, 8, 3, 3)
    )


def test_a_map_may_lie_in_another_precision():
    assert a.word_map(WEIGHTS.bfloat16(), GERMAN, ENGLISH).dtype == torch.bfloat16


def test_a_word_without_a_token_has_no_weight_and_no_link():
    found = a.word_map(WEIGHTS, [0, 0, 2, 2, -1], ENGLISH)
    assert found.isfinite().all() and not found[1].any() and found[0].any()
    assert a.strongest(found).sum(dim=-1).tolist() == [1, 0, 1]


def test_the_strongest_of_each_row():
    weights = torch.tensor([[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
    row, column = links((0, 0), (1, 0), (2, 2)), links((0, 0), (1, 1), (2, 2))
    assert a.strongest(weights).equal(row)
    assert a.strongest(weights.mT).mT.equal(column)
    stack = torch.stack([weights, weights.mT])
    assert a.strongest(stack)[0].equal(row) and a.strongest(stack)[1].equal(column.mT)


def test_error_rate_by_hand():
    true = links((0, 0), (1, 1), (2, 1), (2, 2))
    assert a.alignment_error_rate([true], [true]) == 0
    assert a.alignment_error_rate([~true], [true]) == 1
    found = links((0, 0), (1, 0), (2, 2))  # 2 of 3 are right; 4 are true
    assert a.alignment_error_rate([found], [true]).item() == pytest.approx(1 - 4 / 7)
    both = a.alignment_error_rate([found, true], [true, true])
    assert both.item() == pytest.approx(1 - 2 * 6 / (7 + 8))  # links are counted, not averaged


def test_error_rate_of_many_heads_at_once():
    torch.manual_seed(0)
    found = [torch.rand(2, 4, g, e) > 0.5 for g, e in ((3, 4), (5, 2))]
    true = [torch.rand(3, 4) > 0.5, torch.rand(5, 2) > 0.5]
    rates = a.alignment_error_rate(found, true)
    assert rates.shape == (2, 4)
    one = a.alignment_error_rate([f[1, 3] for f in found], true)
    assert rates[1, 3].item() == pytest.approx(one.item())

"""Decoding as notebook 07 writes it: the cached step, beam search by hand, what a sampler draws.

test_decoding.py holds its searches and the fast ones to the same properties."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.small_models import END, PAD, START, VOCABULARY, batches, model_of, padded, seeds
from transformer.inference import (
    CachedDecoder,
    cached_attention,
    draw,
    next_probabilities,
    write,
    write_beam,
)


@settings(max_examples=20, deadline=None)
@given(rows=batches, seed=seeds, length=st.integers(1, 6), data=st.data())
def test_every_step_scores_as_the_whole_decoder_does(rows, seed, length, data):
    """The cache alone, fed with any tokens, padding among them; in both norm placements."""
    model, source = model_of(seed), padded(rows)
    tokens = st.lists(st.integers(0, VOCABULARY - 1), min_size=length, max_size=length)
    target = torch.tensor(data.draw(st.lists(tokens, min_size=len(rows), max_size=len(rows))))
    target[:, 0] = START  # a row of which all is padding has nothing to look at
    decoder = CachedDecoder(model, source)
    steps = [decoder.step(token) for token in target.split(1, dim=1)]
    whole = model.decode(target, model.encode(source), source)  # (batch, length, vocab_size)
    assert torch.allclose(torch.stack(steps, dim=1), whole, atol=1e-10)


def test_the_cache_grows_by_a_row_and_keeps_the_old_ones():
    model, source = model_of(1), torch.tensor([[3, 4, 5], [6, PAD, PAD]])
    decoder = CachedDecoder(model, source)
    decoder.step(torch.tensor([[START], [START]]))
    before = [keys for keys, _ in decoder.written]
    decoder.step(torch.tensor([[5], [7]]))
    for old, (keys, values) in zip(before, decoder.written, strict=True):
        assert old.shape == (2, 2, 1, 4) and keys.shape == values.shape == (2, 2, 2, 4)
        assert torch.equal(keys[:, :, :1], old)


def test_cached_attention_is_the_last_row_of_attention():
    torch.manual_seed(0)
    attention, x = model_of(0).decoder.layers[0].self_attention, torch.randn(2, 5, 8).double()
    kept = attention.keys_values(x[:, :4])
    output, keys, values = cached_attention(attention, x[:, 4:], *kept)
    assert torch.allclose(output, attention(x, x, x)[:, 4:])
    assert all(map(torch.allclose, (keys, values), attention.keys_values(x)))


def by_table(table: dict):
    """next_scores of write_beam: log-probabilities by the beginning, the start token left out."""

    def next_scores(beginnings):
        rows = [table.get(tuple(ids[1:]), {END: 1.0}) for ids in beginnings]
        scores = torch.full((len(rows), 6), -30.0)
        for place, row in enumerate(rows):
            for token, p in row.items():
                scores[place, token] = math.log(p)
        return scores

    return next_scores


def test_a_beam_finds_what_greedy_misses():
    """The notebook's tree: ein .5 (Tier .4, Hund .35, Kind .25), das .4 (Tier .9, Kind .1)."""
    tree = by_table(
        {(): {3: 0.6, 4: 0.4}, (3,): {3: 0.4, 4: 0.35, 5: 0.25}, (4,): {3: 0.9, 5: 0.1}}
    )
    assert write(lambda ids: tree([ids])[0], torch.argmax, START, END, 9) == [3, 3]
    assert write_beam(tree, START, END, 9, 1, 0.6) == [3, 3]
    assert write_beam(tree, START, END, 9, 2, 0.6) == [4, 3]


def test_the_penalty_decides_between_short_and_long():
    fork = by_table({(): {END: 0.4, 3: 0.6}, (3,): {4: 0.6, 5: 0.4}})
    assert write_beam(fork, START, END, 9, 2, 0.0) == []  # .4 against .36
    assert write_beam(fork, START, END, 9, 2, 1.0) == [3, 4]


def test_a_search_goes_on_while_there_is_hope():
    """Two worse translations are finished before the best beginning has its end."""
    late = by_table({(): {3: 0.7, 4: 0.3}, (3,): {END: 0.3, 3: 0.7}, (4,): {END: 1.0}})
    assert write_beam(late, START, END, 9, 2, 1.5) == [3, 3]


def test_where_nothing_has_ended_the_likeliest_beginning_comes_back():
    assert write_beam(by_table({(): {3: 0.6, 4: 0.4}}), START, END, 1, 1, 1.0) == [3]


def test_draws_come_as_often_as_they_should():
    luck, probabilities = torch.Generator().manual_seed(0), torch.tensor([0.2, 0.0, 0.5, 0.3])
    drawn = torch.stack([draw(probabilities, luck) for _ in range(4000)])
    shares = torch.bincount(drawn, minlength=4) / 4000
    assert shares[1] == 0 and (shares - probabilities).abs().max() < 0.04


@settings(max_examples=30, deadline=None)
@given(
    seed=seeds,
    top_k=st.none() | st.integers(1, 8),
    top_p=st.floats(0.05, 1.0),
    temperature=st.floats(0.1, 5.0),
)
def test_what_a_sampler_draws_from(seed, top_k, top_p, temperature):
    torch.manual_seed(seed)
    scores = torch.randn(3, 6, dtype=torch.float64) * 3
    found = next_probabilities(scores, temperature, top_k, top_p)
    assert torch.allclose(found.sum(-1), torch.ones(3).double())
    for row, kept in zip((scores / temperature).softmax(-1), found, strict=True):
        order = row.argsort(descending=True)
        count = int((kept > 0).sum())
        assert set(kept.nonzero()[:, 0].tolist()) == set(order[:count].tolist())  # the likeliest
        assert torch.allclose(kept[kept > 0], row[kept > 0] / row[kept > 0].sum())
        pool = row[order[:top_k]] / row[order[:top_k]].sum()
        assert pool[: count - 1].sum() < top_p + 1e-9  # not one more than needed,
        assert count == len(pool) or pool[:count].sum() > top_p - 1e-9  # and not one fewer


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"temperature": 0.0}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"temperature": float("nan")}, "temperature"),
    ],
)
def test_a_knob_out_of_its_range_is_an_error(knobs, message):
    with pytest.raises(ValueError, match=message):
        next_probabilities(torch.zeros(4), **knobs)

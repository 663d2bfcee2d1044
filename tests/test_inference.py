"""Decoding as notebook 07 writes it: the cached step, beam search beside brute force, sampling."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from transformer.decoder import Transformer, greedy_decode
from transformer.inference import (
    CachedDecoder,
    beam_search,
    cached_attention,
    draw,
    greedy_search,
    length_penalty,
    next_probabilities,
    sample,
    write,
    write_beam,
)

VOCABULARY, PAD, START, END = 11, 0, 1, 2
ids = st.lists(st.integers(3, VOCABULARY - 1), min_size=1, max_size=6)
batches = st.lists(ids, min_size=1, max_size=4)
seeds = st.integers(0, 10_000)
methods = pytest.mark.parametrize(
    "search",
    [
        greedy_search,
        partial(sample, temperature=1.5, seed=3),
        partial(sample, temperature=0.7, top_k=4, top_p=0.8),
        partial(beam_search, beam_size=1),
        partial(beam_search, beam_size=3),
        partial(beam_search, beam_size=7, alpha=0.0),
    ],
    ids=["greedy", "sample", "top-k and top-p", "beam 1", "beam 3", "beam 7"],
)


def model_of(seed: int, vocab_size: int = VOCABULARY, max_length: int = 256) -> Transformer:
    """Random weights, sharpened so that ends come early in some sentences and late in others;
    post-norm for even seeds, pre-norm for odd ones."""
    torch.manual_seed(seed)
    model = Transformer(vocab_size, 8, 2, 16, 2, norm_first=seed % 2 == 1, max_length=max_length)
    model.embedding.table.weight.data *= 3
    return model.double().eval()


def padded(rows: list[list[int]]) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])


def logprob(model: Transformer, source: torch.Tensor, tokens: list[int]) -> float:
    """log p(tokens | source) in one pass, all of them at once."""
    scores = model(source, torch.tensor([[START, *tokens[:-1]]]))  # (1, length, vocab_size)
    return scores.log_softmax(-1)[0].gather(1, torch.tensor(tokens)[:, None]).sum().item()


@methods
@settings(max_examples=12, deadline=None)
@given(rows=st.lists(ids, min_size=2, max_size=4), seed=seeds)
def test_a_batch_equals_one_by_one(search, rows, seed):
    model = model_of(seed)
    together = search(model, padded(rows), extra=6)
    for i, row in enumerate(rows):
        one = search
        if isinstance(search, partial) and search.func is sample:  # row i has the luck of seed + i
            one = partial(search, seed=search.keywords.get("seed", 0) + i)
        assert together[i] == one(model, torch.tensor([row]), extra=6)[0]


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


@settings(max_examples=12, deadline=None)
@given(rows=batches, seed=seeds, alpha=st.sampled_from([0.0, 0.6]))
def test_beam_of_one_is_greedy(rows, seed, alpha):
    model, source = model_of(seed), padded(rows)
    greedy = greedy_search(model, source, extra=6)
    assert beam_search(model, source, 1, alpha, extra=6) == greedy
    assert greedy_decode(model, source, extra=6) == greedy  # and notebook 05's


@settings(max_examples=20, deadline=None)
@given(rows=batches, seed=seeds, beam=st.integers(1, 5), alpha=st.sampled_from([0.0, 0.6, 2.0]))
def test_a_translation_keeps_to_its_limit_and_holds_no_end(rows, seed, beam, alpha):
    found = beam_search(model_of(seed), padded(rows), beam, alpha, extra=3)
    for row, translation in zip(rows, found, strict=True):
        assert END not in translation and len(translation) <= len(row) + 3


@settings(max_examples=15, deadline=None)
@given(
    source=st.lists(st.integers(3, 4), min_size=2, max_size=2),
    seed=seeds,
    alpha=st.sampled_from([0.0, 0.6, 1.5]),
)
def test_a_beam_as_wide_as_the_space_finds_the_best_there_is(source, seed, alpha):
    """Five tokens, at most three of them: all translations can be scored one by one, and a beam of
    4 · 4 · 5 = 80 never has to drop one."""
    model, source = model_of(seed, vocab_size=5), torch.tensor([source])
    beginnings, scored = [[]], {}
    for length in (1, 2, 3):
        for beginning in beginnings:
            total = logprob(model, source, [*beginning, END])
            scored[tuple(beginning)] = total / length_penalty(length, alpha)
        beginnings = [[*b, word] for b in beginnings for word in range(5) if word != END]
    [found] = beam_search(model, source, 80, alpha, extra=1)
    best = max(scored.values())
    assert math.isclose(scored[tuple(found)], best, abs_tol=1e-6)
    narrow = beam_search(model, source, 1, alpha, extra=1)[0]
    assert scored.get(tuple(narrow), -math.inf) <= best + 1e-6


def always(token: int, max_length: int = 256) -> Transformer:
    """A model that gives `token` nearly all probability, whatever it reads."""
    model = Transformer(VOCABULARY, 8, 2, 16, 1, max_length=max_length).eval()
    with torch.no_grad():
        model.decoder.layers[0].norm3.weight.zero_()
        model.decoder.layers[0].norm3.bias.fill_(1.0)
        model.embedding.table.weight.zero_()
        model.embedding.table.weight[END] = -5.0
        model.embedding.table.weight[token] = 5.0
    return model


@methods
def test_an_end_at_once_is_an_empty_translation(search):
    assert search(always(END), torch.tensor([[3, 4], [5, PAD]])) == [[], []]


@methods
def test_a_never_ending_sentence_stops_at_its_own_limit(search):
    source = torch.tensor([[3, 4, 5], [6, PAD, PAD]])
    lengths = [len(row) for row in search(always(7), source, extra=4)]
    assert lengths == [7, 5]
    [short] = search(always(7, max_length=6), source[:1])
    assert short == [7] * 5  # no more than the model has positions for, the start token among them


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


@methods
@pytest.mark.parametrize(
    ("source", "message"),
    [
        (torch.tensor([[3, 4], [PAD, PAD]]), "a row needs a token that is not padding"),
        (torch.empty(0, 3, dtype=torch.long), "source must be"),
        (torch.tensor([3, 4]), "source must be"),
        (torch.full((1, 9), 3), "longer than max_length"),
        (torch.tensor([[99]]), "token ids must lie in"),
    ],
    ids=["only padding", "no sentence", "one dimension", "too long", "foreign ids"],
)
def test_a_source_that_does_not_fit_is_an_error(search, source, message):
    with pytest.raises(ValueError, match=message):
        search(always(7, max_length=8), source)


@methods
def test_training_mode_is_an_error(search):
    with pytest.raises(ValueError, match="training mode"):
        search(always(7).train(), torch.tensor([[3]]))


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


def test_cold_samples_are_greedy_and_shares_come_out():
    model = model_of(4)
    source = torch.tensor([[3, 4, 5]])
    assert sample(model, source, temperature=1e-4, extra=6) == greedy_search(model, source, extra=6)
    assert sample(model, source, top_k=1, extra=6) == greedy_search(model, source, extra=6)
    first = model(source, torch.tensor([[START]]))[0, -1].softmax(-1)  # of the first token
    many = sample(model, source.repeat(4000, 1), extra=-2)  # one token each
    counts = torch.bincount(torch.tensor([(row or [END])[0] for row in many]), minlength=VOCABULARY)
    spread = (first * (1 - first) / 4000).sqrt()
    assert ((counts / 4000 - first).abs() <= 5 * spread + 1e-6).all()


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

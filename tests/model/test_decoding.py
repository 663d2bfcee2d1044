"""The searches, notebook 07's plain ones and lab 07's fast ones: the same tokens from both and from
notebook 05's loop; in a batch as alone; beside exhaustive search; at their limits."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.small_models import (
    END,
    PAD,
    START,
    VOCABULARY,
    always,
    batches,
    ids,
    logprob,
    model_of,
    padded,
    seeds,
)
from transformer import decoding
from transformer import inference as plain
from transformer.decoder import Transformer, greedy_decode
from transformer.decoding import CachedRows, beam_search, best_candidates, greedy_search
from transformer.inference import length_penalty

both = pytest.mark.parametrize("by", [plain, decoding], ids=["plain", "fast"])
methods = pytest.mark.parametrize(
    "search",
    [
        search
        for by in (plain, decoding)
        for search in (
            by.greedy_search,
            partial(by.sample, temperature=1.5, seed=3),
            partial(by.sample, temperature=0.7, top_k=4, top_p=0.8),
            partial(by.beam_search, beam_size=1),
            partial(by.beam_search, beam_size=3),
            partial(by.beam_search, beam_size=7, alpha=0.0),
        )
    ],
    ids=[
        f"{by}, {name}"
        for by in ("plain", "fast")
        for name in ("greedy", "sample", "top-k and top-p", "beam 1", "beam 3", "beam 7")
    ],
)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("greedy_search", {}),
        ("sample", {"temperature": 1.5, "seed": 3}),
        ("sample", {"temperature": 0.7, "top_k": 4, "top_p": 0.8}),
        *(("beam_search", {"beam_size": beam, "alpha": 1.5}) for beam in range(1, 8)),
        ("beam_search", {"beam_size": 3, "alpha": 0.0}),
        ("beam_search", {}),
    ],
    ids=str,
)
@settings(max_examples=12, deadline=None)
@given(rows=batches, seed=seeds)
def test_fast_writes_what_plain_writes(name, options, rows, seed):
    model, source = model_of(seed), padded(rows)
    fast, slow = getattr(decoding, name), getattr(plain, name)
    assert fast(model, source, extra=6, **options) == slow(model, source, extra=6, **options)


@settings(max_examples=25, deadline=None)
@given(rows=batches, seed=seeds, beam=st.integers(1, 7))
def test_cached_equals_uncached(rows, seed, beam):
    """Notebook 05's loop and notebook 07's beam search run the decoder over all that is written."""
    model, source = model_of(seed), padded(rows)
    assert greedy_search(model, source, extra=6) == greedy_decode(model, source, extra=6)
    found = beam_search(model, source, beam, extra=6)
    assert found == plain.beam_search(model, source, beam, extra=6)


@methods
@settings(max_examples=12, deadline=None)
@given(rows=st.lists(ids, min_size=2, max_size=4), seed=seeds)
def test_a_batch_equals_one_by_one(search, rows, seed):
    model = model_of(seed)
    together = search(model, padded(rows), extra=6)
    for i, row in enumerate(rows):
        one = search
        if (
            isinstance(search, partial) and search.func.__name__ == "sample"
        ):  # row i has the luck of seed + i
            one = partial(search, seed=search.keywords.get("seed", 0) + i)
        assert together[i] == one(model, torch.tensor([row]), extra=6)[0]


@settings(max_examples=25, deadline=None)
@given(rows=batches, seed=seeds, beam=st.integers(1, 3), length=st.integers(1, 6), data=st.data())
def test_every_step_scores_as_the_whole_decoder_does(rows, seed, beam, length, data):
    """The cache alone, fed with any tokens, padding among them, and with rows that leave."""
    model, source = model_of(seed), padded(rows)
    cached, source = CachedRows(model, source, beam), source.repeat_interleave(beam, dim=0)
    target = source[:, :0]
    for _ in range(length):
        numbers = st.lists(
            st.integers(0, VOCABULARY - 1), min_size=len(source), max_size=len(source)
        )
        token = torch.tensor(data.draw(numbers))[:, None]
        target = torch.cat([target, token], dim=1)
        right = model.decode(target, model.encode(source), source)[:, -1]
        found = cached.step(token)
        assert found.shape == right.shape and torch.allclose(found, right, atol=1e-10)
        batch = len(source) // beam
        stay = sorted(data.draw(st.sets(st.integers(0, batch - 1), min_size=1)))
        origin = st.lists(st.integers(0, beam - 1), min_size=beam, max_size=beam)
        kept = torch.tensor([i * beam + j for i in stay for j in data.draw(origin)])
        cached.keep(kept)
        source, target = source[kept], target[kept]


@both
@settings(max_examples=12, deadline=None)
@given(rows=batches, seed=seeds, alpha=st.sampled_from([0.0, 0.6]))
def test_beam_of_one_is_greedy(by, rows, seed, alpha):
    model, source = model_of(seed), padded(rows)
    greedy = by.greedy_search(model, source, extra=6)
    assert by.beam_search(model, source, 1, alpha, extra=6) == greedy
    assert greedy_decode(model, source, extra=6) == greedy  # and notebook 05's


@both
@settings(max_examples=15, deadline=None)
@given(
    source=st.lists(st.integers(3, 4), min_size=2, max_size=2),
    seed=seeds,
    alpha=st.sampled_from([0.0, 0.6, 1.5]),
)
def test_a_beam_as_wide_as_the_space_finds_the_best_there_is(by, source, seed, alpha):
    """Five tokens, at most three of them: all translations can be scored one by one, and a beam of
    4 · 4 · 5 = 80 never has to drop one."""
    model, source = model_of(seed, vocab_size=5), torch.tensor([source])
    beginnings, scored = [[]], {}
    for length in (1, 2, 3):
        for beginning in beginnings:
            total = logprob(model, source, [*beginning, END])
            scored[tuple(beginning)] = total / length_penalty(length, alpha)
        beginnings = [[*b, word] for b in beginnings for word in range(5) if word != END]
    [found] = by.beam_search(model, source, 80, alpha, extra=1)
    best = max(scored.values())
    assert math.isclose(scored[tuple(found)], best, abs_tol=1e-6)


@both
@settings(max_examples=20, deadline=None)
@given(rows=batches, seed=seeds, beam=st.integers(1, 5), alpha=st.sampled_from([0.0, 0.6, 2.0]))
def test_a_translation_keeps_to_its_limit_and_holds_no_end(by, rows, seed, beam, alpha):
    found = by.beam_search(model_of(seed), padded(rows), beam, alpha, extra=3)
    for row, translation in zip(rows, found, strict=True):
        assert END not in translation and len(translation) <= len(row) + 3


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


@methods
@pytest.mark.parametrize(
    ("source", "message"),
    [
        (torch.tensor([[3, 4], [PAD, PAD]]), "needs a token that is not padding"),
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


@both
def test_cold_samples_are_greedy_and_shares_come_out(by):
    model = model_of(4)
    source = torch.tensor([[3, 4, 5]])
    assert by.sample(model, source, temperature=1e-4, extra=6) == by.greedy_search(
        model, source, extra=6
    )
    assert by.sample(model, source, top_k=1, extra=6) == by.greedy_search(model, source, extra=6)
    first = model(source, torch.tensor([[START]]))[0, -1].softmax(-1)  # of the first token
    many = by.sample(model, source.repeat(1000, 1), extra=-2)  # one token each
    counts = torch.bincount(torch.tensor([(row or [END])[0] for row in many]), minlength=VOCABULARY)
    spread = (first * (1 - first) / 1000).sqrt()
    assert ((counts / 1000 - first).abs() <= 5 * spread + 1e-6).all()


@settings(max_examples=12, deadline=None)
@given(beam=st.integers(1, 5), vocabulary=st.integers(2, 30), seed=seeds)
def test_the_best_of_each_beginning_hold_the_best_of_all(beam, vocabulary, seed):
    torch.manual_seed(seed)
    scores, logprob = torch.randn(2, beam, vocabulary).double(), torch.randn(2, beam).double()
    every = (logprob[..., None] + scores.log_softmax(-1)).flatten(1).sort(descending=True)
    for row, found in enumerate(best_candidates(scores, logprob)):
        assert len(found) == 2 * beam
        for (total, *place), right, where in zip(found, *(x[row] for x in every), strict=False):
            assert math.isclose(total, right, abs_tol=1e-5)
            assert place == [where // vocabulary, where % vocabulary]


def test_a_beam_of_none_is_an_error():
    with pytest.raises(ValueError, match="beam_size must be at least 1, not 0"):
        beam_search(always(7), torch.tensor([[3]]), beam_size=0)


def test_special_ids_stand_in_the_config_alone():
    """Other ids for start and end, and the same rows of the table there: the same translations."""
    torch.manual_seed(0)
    usual = Transformer(13, 8, 2, 16, 2, norm_first=True).eval()
    other = Transformer(13, 8, 2, 16, 2, norm_first=True, pad=0, start=11, end=12).eval()
    swap = torch.tensor([0, 11, 12, *range(3, 11), 1, 2])  # new id → old id
    weights = usual.state_dict()
    weights["embedding.table.weight"] = weights["embedding.table.weight"][swap]
    other.load_state_dict(weights)
    source = torch.tensor([[3, 9, 5, 2], [7, 4, 2, 0]])
    plainly = (greedy_decode, plain.greedy_search, plain.beam_search)
    for search in (*plainly, greedy_search, beam_search):
        found = search(other, swap[source], extra=6)
        assert [swap[torch.tensor(row)].tolist() for row in found] == search(usual, source, extra=6)

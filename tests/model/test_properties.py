"""What must hold for every input: causality, padding, batch-mates, order."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from transformer.attention import attention, causal_mask, padding_mask
from transformer.decoder import Transformer
from transformer.encoder import Encoder, positional_encoding
from transformer.heads import MultiHeadAttention, record_attention

VOCABULARY = 13
ids = st.lists(st.integers(3, VOCABULARY - 1), min_size=1, max_size=7)
seeds = st.integers(0, 10_000)
placements = pytest.mark.parametrize("norm_first", [False, True], ids=["post-norm", "pre-norm"])


def model_of(seed: int, norm_first: bool = False) -> Transformer:
    torch.manual_seed(seed)
    return Transformer(VOCABULARY, 8, 2, 16, 2, norm_first=norm_first).double().eval()


def padded(rows: list[list[int]]) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows])


@placements
@settings(max_examples=25, deadline=None)
@given(source=ids, target=ids, data=st.data(), seed=seeds)
def test_a_future_token_never_changes_an_earlier_output(norm_first, source, target, data, seed):
    model, source = model_of(seed, norm_first), torch.tensor([source])
    place = data.draw(st.integers(0, len(target) - 1))
    other = target.copy()
    other[place] = 3 + (target[place] - 2) % (VOCABULARY - 3)  # another token
    before, after = model(source, torch.tensor([target])), model(source, torch.tensor([other]))
    assert torch.equal(before[:, :place], after[:, :place])
    assert not torch.allclose(before[:, place], after[:, place])  # and the test can fail


@placements
@settings(max_examples=25, deadline=None)
@given(pairs=st.lists(st.tuples(ids, ids), min_size=2, max_size=4), seed=seeds)
def test_padding_and_batch_mates_never_change_a_sentence(norm_first, pairs, seed):
    model = model_of(seed, norm_first)
    together = model(padded([s for s, _ in pairs]), padded([t for _, t in pairs]))
    for row, (source, target) in enumerate(pairs):
        alone = model(torch.tensor([source]), torch.tensor([target]))
        assert torch.allclose(together[row, : len(target)], alone[0], atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(length=st.integers(2, 7), seed=seeds)
def test_attention_and_the_encoder_do_not_see_order(length, seed):
    torch.manual_seed(seed)
    x, order = torch.randn(1, length, 8, dtype=torch.float64), torch.randperm(length)
    for layer in (MultiHeadAttention(8, 2), Encoder(2, 8, 2, 16)):
        layer = layer.double().eval()
        output = layer(x, x, x) if isinstance(layer, MultiHeadAttention) else layer(x)
        y = x[:, order]
        shuffled = layer(y, y, y) if isinstance(layer, MultiHeadAttention) else layer(y)
        assert torch.allclose(output[:, order], shuffled, atol=1e-12)


def test_positions_make_order_visible():
    model = model_of(0)
    a, b = (model.encode(torch.tensor([row])) for row in ([3, 4, 5], [5, 4, 3]))
    assert not torch.allclose(a.flip(1), b)


def test_a_query_with_nothing_to_attend_to_gets_zeros_and_clean_gradients():
    torch.manual_seed(0)
    x = torch.randn(1, 3, 4, requires_grad=True)
    mask = torch.tensor([[True, True, False], [False, False, False], [True, False, True]])
    output, weights = attention(x, x, x, mask)
    assert (output[0, 1] == 0).all() and (weights[0, 1] == 0).all()
    output.sum().backward()
    assert x.grad.isfinite().all()
    heads = MultiHeadAttention(4, 2)
    fused, looked = heads(x, x, x, mask), heads(x, x, x, mask, return_weights=True)[0]
    assert torch.allclose(fused, looked, atol=1e-6)
    fused.sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_masks_hold_in_half_precision(dtype):
    x = torch.randn(1, 4, 8).to(dtype)
    _, weights = attention(x, x, x, causal_mask(4))
    assert (weights[0].triu(1) == 0).all() and weights.isfinite().all()


def test_mask_shapes_and_meaning():
    assert causal_mask(3).tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
    mask = padding_mask(torch.tensor([[5, 6, 0], [7, 0, 0]]))
    assert mask.shape == (2, 1, 1, 3)
    assert mask[:, 0, 0].tolist() == [[True, True, False], [True, False, False]]


def test_recorder_sees_every_map_and_leaves_no_trace():
    model = model_of(0)
    source, target = torch.tensor([[3, 4, 0]]), torch.tensor([[1, 5]])
    plain = model(source, target)
    with record_attention(model) as maps:
        recorded = model(source, target)
    assert torch.allclose(plain, recorded, atol=1e-12)
    assert len(maps) == 2 + 2 * 2
    cross = maps["decoder.layers.1.cross_attention"]
    assert cross.shape == (1, 2, 2, 3)
    assert torch.allclose(cross.sum(-1), torch.ones(()).double())
    assert (cross[..., 2] == 0).all()  # padding is never looked at
    assert model(source, target).shape == plain.shape
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_positions_rotate():
    """PE(p + k) is one rotation of PE(p), whatever p: section 3.5 of the paper."""
    table = positional_encoding(60, 16).double()
    pairs = table.unflatten(1, (8, 2))  # (position, pair, sine and cosine)
    angle = 7 / 10_000 ** (torch.arange(0, 16, 2).double() / 16)
    cos, sin = angle.cos(), angle.sin()
    turned = torch.stack(
        [pairs[..., 0] * cos + pairs[..., 1] * sin, pairs[..., 1] * cos - pairs[..., 0] * sin], -1
    )
    assert torch.allclose(turned[:-7], pairs[7:], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(sizes=st.tuples(*[st.integers(1, 5)] * 3), seed=seeds, masked=st.booleans())
def test_keys_and_values_that_are_kept_give_the_same_attention(sizes, seed, masked):
    torch.manual_seed(seed)
    batch, queries, keys = sizes
    layer = MultiHeadAttention(8, 2).double().eval()
    x, memory = torch.randn(batch, queries, 8).double(), torch.randn(batch, keys, 8).double()
    mask = torch.rand(batch, 1, queries, keys) < 0.7 if masked else None
    whole = layer(x, memory, memory, mask, return_weights=True)
    halves = layer.attend(x, *layer.keys_values(memory), mask, return_weights=True)
    assert all(torch.equal(one, two) for one, two in zip(whole, halves, strict=True))


@settings(max_examples=25, deadline=None)
@given(row=ids, data=st.data(), seed=seeds)
def test_an_embedding_can_begin_at_any_position(row, data, seed):
    embedding = model_of(seed).embedding
    start = data.draw(st.integers(0, len(row) - 1))
    whole = embedding(torch.tensor([row]))
    assert torch.equal(embedding(torch.tensor([row[start:]]), start), whole[:, start:])
    with pytest.raises(ValueError, match="longer than max_length = 256"):
        embedding(torch.tensor([row]), 257 - len(row))


def test_attention_drops_weights_and_heads_do_so_in_training_alone():
    torch.manual_seed(0)
    x = torch.ones(1, 400, 8)
    output, weights = attention(x, x, x, dropout=0.5)
    assert torch.allclose(weights, torch.full_like(weights, 1 / 400))  # returned as they were
    assert output.std() > 0.01 and abs(output.mean() - 1) < 0.02
    heads, x = MultiHeadAttention(8, 2, dropout=0.5), torch.randn(1, 9, 8)
    whole = heads.eval()(x, x, x)
    assert heads(x, x, x).equal(whole)
    for looked in ({}, {"return_weights": True}):
        found = heads.train()(x, x, x, **looked)
        assert not torch.allclose(found[0] if looked else found, whole, atol=1e-3)


def test_a_recorder_leaves_no_trace_after_an_error_and_gives_outputs_alone():
    layer, x = MultiHeadAttention(8, 2).eval(), torch.randn(1, 3, 8)
    with pytest.raises(RuntimeError, match="stop"), record_attention(layer):
        assert layer(x, x, x, return_weights=True).shape == x.shape
        raise RuntimeError("stop")
    assert not layer._forward_hooks and not layer._forward_pre_hooks

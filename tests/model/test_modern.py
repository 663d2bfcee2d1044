"""Lab 08's model and its parts: the same numbers as transformers' Llama and as the course's own
blocks; scores that know distances alone; a cache that changes nothing; a race at equal sizes."""

import json
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from transformer.attention import causal_mask
from transformer.encoder import Embedding, Encoder, LayerNorm, positional_encoding
from transformer.heads import MultiHeadAttention
from transformer.modern import (
    GroupedQueryAttention,
    LanguageModel,
    RMSNorm,
    from_llama,
    in_our_names,
    rotate,
    rotation,
    write,
)

if sys.version_info >= (
    3,
    11,
):  # below, there is no transformers that has what lab 08 compares with
    pytest.importorskip("transformers", reason="see requirements-dev.txt")
    from transformers import LlamaConfig, LlamaForCausalLM

    from benchmarks import llama

needs_llama = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="transformers 5 is not made for Python 3.10"
)
PRECISIONS = [(torch.float32, 1e-5), (torch.float64, 1e-10)]
seeds = st.integers(0, 10_000)
END = 2


def model_of(seed: int, kv_heads: int = 2, vocab_size: int = 11) -> LanguageModel:
    torch.manual_seed(seed)
    sizes = dict(d_model=16, num_heads=4, kv_heads=kv_heads, d_ff=24, num_layers=2)
    model = LanguageModel(vocab_size, **sizes)
    nn.init.normal_(model.table.weight)
    return model.double()


@needs_llama
@pytest.mark.parametrize(("dtype", "limit"), PRECISIONS)
@pytest.mark.parametrize("seed", range(40))  # always the same: rare draws come near the limit
def test_each_part_and_the_whole_compute_what_llama_computes(dtype, limit, seed):
    """Any sizes, as many groups as there may be; outputs, and gradients by input and weights."""
    sizes = llama.draw(seed)
    for part, found in llama.differences(sizes, dtype).items():
        assert max(found) < limit, (part, sizes)


@needs_llama
def test_the_stored_comparison_is_that_of_200_configurations():
    stored = json.loads(llama.RESULT.read_text(encoding="utf8"))
    assert stored["configurations"] >= 200
    for dtype, limit in PRECISIONS:
        kinds = stored[str(dtype).removeprefix("torch.")]
        assert kinds.keys() == llama.PARTS.keys()
        assert max(max(found.values()) for found in kinds.values()) < limit


@needs_llama
def test_the_comparison_notices_a_mistake(monkeypatch):
    sizes = llama.draw(3)

    def backwards(x, cos, sin):
        return rotate(x, cos, -sin)

    monkeypatch.setattr("transformer.modern.rotate", backwards)
    monkeypatch.setattr(llama, "rotate", backwards)
    found = llama.differences(sizes, torch.float64)
    assert max(found["RoPE"]) > 1e-3 and max(found["RMSNorm"]) < 1e-10
    # Scores know distances alone, so both turned the wrong way is seen by how they are weighted
    assert sizes.length > 2 and max(found["the whole model"]) > 1e-6


@needs_llama
@pytest.mark.parametrize(
    ("option", "named"),
    [
        ({"tie_word_embeddings": False}, "a second table"),
        ({"attention_bias": True}, "biases"),
        ({"mlp_bias": True}, "biases"),
        ({"hidden_act": "gelu"}, "the activation gelu"),
        ({"head_dim": 16}, "another width"),
        (
            {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}},
            "stretched angles",
        ),
    ],
    ids=["untied", "attention's biases", "feed-forward's biases", "GELU", "wide heads", "angles"],
)
def test_a_llama_with_more_is_refused_by_name(option, named):
    sizes = {"vocab_size": 9, "hidden_size": 32, "intermediate_size": 8, "num_hidden_layers": 1}
    options = {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True}
    with pytest.raises(ValueError, match=named):
        from_llama(LlamaForCausalLM(LlamaConfig(**sizes, **options | option)))


@needs_llama
def test_a_small_llama_that_was_released_fits():
    """SmolLM2-135M's configuration, with fewer words and layers and random weights."""
    sizes = {"vocab_size": 99, "hidden_size": 576, "intermediate_size": 1536}
    heads = {"num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 64}
    options = {"rope_theta": 100_000, "rope_scaling": None, "rms_norm_eps": 1e-5}
    config = LlamaConfig(num_hidden_layers=2, tie_word_embeddings=True, **sizes, **heads, **options)
    theirs = LlamaForCausalLM(config).eval()
    ids = torch.randint(99, (2, 9))
    assert torch.allclose(from_llama(theirs)(ids), theirs(ids).logits, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 20), seed=seeds)
def test_rms_norm_is_pytorch_s_and_layer_norm_s_of_what_has_no_mean(size, seed):
    torch.manual_seed(seed)
    x, norm = torch.randn(3, size).double(), RMSNorm(size).double()
    nn.init.normal_(norm.weight)
    theirs = nn.RMSNorm(size, eps=norm.eps).double()
    theirs.load_state_dict(norm.state_dict())
    assert torch.allclose(norm(x), theirs(x), atol=1e-12)
    layer_norm = LayerNorm(size, eps=norm.eps).double()
    layer_norm.weight = norm.weight
    centred = x - x.mean(-1, keepdim=True)
    assert torch.allclose(norm(centred), layer_norm(x), atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(
    pairs=st.integers(1, 8),
    length=st.integers(1, 9),
    start=st.integers(0, 500),
    moved=st.integers(0, 500),
    seed=seeds,
)
def test_scores_of_turned_queries_and_keys_depend_on_distance_alone(
    pairs, length, start, moved, seed
):
    torch.manual_seed(seed)
    q, k = torch.randn(2, length, 2 * pairs).double()
    scores = []
    for first in (start, start + moved):
        turn = rotation(length, 2 * pairs, first)
        scores.append(rotate(q, *turn) @ rotate(k, *turn).T)
        assert torch.allclose(rotate(q, *turn).norm(dim=-1), q.norm(dim=-1))
    assert torch.allclose(*scores, atol=1e-10)
    assert torch.allclose(scores[0].diagonal(), (q * k).sum(-1))  # distance 0: not turned


def test_the_angles_are_those_of_the_sinusoids():
    cos, sin = rotation(40, 12)
    table = positional_encoding(40, 12)
    assert cos.float().equal(table[:, 1::2]) and sin.float().equal(table[:, 0::2])
    later = rotation(7, 12, start=33)
    for angles, whole in zip(later, (cos, sin), strict=True):
        assert torch.allclose(angles, whole[33:], rtol=0, atol=1e-15)


@settings(max_examples=25, deadline=None)
@given(
    heads=st.sampled_from([1, 2, 4]), batch=st.integers(1, 3), length=st.integers(1, 7), seed=seeds
)
def test_a_set_for_each_head_and_no_turn_is_ordinary_attention(heads, batch, length, seed):
    torch.manual_seed(seed)
    ordinary, grouped = MultiHeadAttention(8, heads), GroupedQueryAttention(8, heads, heads)
    for linear in (ordinary.w_q, ordinary.w_k, ordinary.w_v, ordinary.w_o):
        nn.init.zeros_(linear.bias)
    weights = {name: w for name, w in ordinary.state_dict().items() if name.endswith("weight")}
    grouped.load_state_dict(weights)
    ordinary, grouped, x = ordinary.double(), grouped.double(), torch.randn(batch, length, 8)
    x = x.double()
    unturned = torch.ones(length, 4 // heads).double(), torch.zeros(length, 4 // heads).double()
    found, (keys, values) = grouped(x, *unturned)
    assert torch.allclose(found, ordinary(x, x, x, causal_mask(length)), atol=1e-12)
    for mine, right in zip((keys, values), ordinary.keys_values(x), strict=True):
        assert torch.allclose(mine, right, atol=1e-12)


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@settings(max_examples=20, deadline=None)
@given(
    batch=st.integers(1, 3), cuts=st.lists(st.integers(1, 4), min_size=1, max_size=4), seed=seeds
)
def test_a_cache_changes_nothing_but_the_work(kv_heads, batch, cuts, seed):
    """In any pieces; and it is as large as its sets, not as its heads."""
    model = model_of(seed, kv_heads)
    ids = torch.randint(11, (batch, sum(cuts)))
    cache = []
    found = torch.cat([model(piece, cache) for piece in ids.split(cuts, dim=1)], dim=1)
    assert torch.allclose(found, model(ids), atol=1e-10)
    held = sum(part.nbytes for pair in cache for part in pair)
    assert held == 2 * 2 * batch * kv_heads * 4 * sum(cuts) * 8


@settings(max_examples=25, deadline=None)
@given(length=st.integers(2, 9), data=st.data(), seed=seeds)
def test_no_score_knows_what_stands_behind_it(length, data, seed):
    model = model_of(seed)
    ids = torch.randint(11, (1, length))
    place = data.draw(st.integers(1, length - 1))
    other = ids.clone()
    other[:, place] = (other[:, place] + 1) % 11
    change = (model(ids) - model(other)).abs().amax(dim=(0, 2))  # (length)
    assert change[:place].max() < 1e-12 < change[place]


@settings(max_examples=25, deadline=None)
@given(begin=st.lists(st.integers(0, 10), min_size=1, max_size=5), seed=seeds)
def test_writing_is_reading_all_of_it_each_time(begin, seed):
    model, ids = model_of(seed), list(begin)
    for _ in range(8):
        newest = model(torch.tensor([ids]))[0, -1].argmax().item()
        if newest == END:
            break
        ids.append(newest)
    assert write(model, begin, END, limit=8) == ids[len(begin) :]


@pytest.mark.parametrize("sizes", [(10, 3, 1), (12, 4, 3), (12, 4, 2), (8, 4, 8)], ids=str)
def test_sizes_that_do_not_fit_are_an_error(sizes):
    with pytest.raises(ValueError, match="must be num_heads · d_k"):
        GroupedQueryAttention(*sizes)


class TestRace:
    """benchmarks.since_2017"""

    @pytest.fixture
    def race(self):
        from benchmarks import since_2017

        return since_2017

    def test_all_begin_as_large(self, race):
        wanted = race.size(race.Racer(1500, (), race.D_FF))
        for changes in race.ROWS.values():
            assert abs(race.size(race.build(1500, changes, 0)) - wanted) < 0.003 * wanted

    def test_2017_s_is_the_course_s_own(self, race):
        racer = race.build(30, ("pre-norm",), seed=1)
        encoder = Encoder(race.LAYERS, race.D_MODEL, race.HEADS, race.D_FF, 0.0, norm_first=True)
        encoder.load_state_dict(racer.encoder.state_dict())
        embedding = Embedding(30, race.D_MODEL, dropout=0.0)
        embedding.table.weight = racer.table.weight
        ids = torch.randint(30, (2, 9))
        expected = encoder(embedding(ids), causal_mask(9)) @ racer.table.weight.T
        assert torch.allclose(racer(None, ids), expected, atol=1e-5)

    def test_all_changes_together_are_the_language_model(self, race):
        racer = race.build(30, race.CHANGES, seed=1)
        d_ff = racer.encoder.layers[0].feed_forward.w_up.out_features
        model = LanguageModel(30, race.D_MODEL, race.HEADS, race.KV_HEADS, d_ff, race.LAYERS)
        weights = {
            name.removeprefix("encoder.").replace("self_attention.", ""): weight
            for name, weight in racer.state_dict().items()
        }
        model.load_state_dict(weights)
        ids = torch.randint(30, (2, 9))
        assert torch.allclose(racer(None, ids), model(ids), atol=1e-5)

    def test_smaller_sublayers_begin_where_larger_words_do(self, race):
        """Both rows compute the same before the first step; a norm's eps counts a little."""
        ids = torch.randint(30, (2, 9))
        rows = ("all with √d_model", "all, w_o and w_down ÷ 8", "all: lab 08's LanguageModel")
        large, small, all_of_it = (race.build(30, race.ROWS[row], 1)(None, ids) for row in rows)
        assert torch.allclose(large, small, atol=1e-3)
        assert not torch.allclose(large, all_of_it, atol=0.1)

    @pytest.mark.parametrize(
        "changed", ["RMSNorm", "RoPE", "SwiGLU", "grouped queries", "no biases"]
    )
    def test_one_change_is_one_change(self, race, changed):
        """Every weight that both have is of the same shape, but for d_ff and the sets."""
        base, other = (
            {
                name.replace("self_attention.attention", "self_attention"): weight.shape
                for name, weight in race.build(30, changes, 0).state_dict().items()
            }
            for changes in (("pre-norm",), race.ROWS[changed])
        )
        gone = base.keys() - other.keys()
        known = {"no biases": "bias", "SwiGLU": "feed_forward.linear", "RMSNorm": "norm"}
        expected = known.get(changed, "nothing")
        assert all(expected in name for name in gone) and bool(gone) == (expected != "nothing")
        differ = {name for name in base.keys() & other.keys() if base[name] != other[name]}
        sets = {name for name in differ if ".w_k." in name or ".w_v." in name}
        assert bool(sets) == (changed == "grouped queries")
        assert all("feed_forward" in name for name in differ - sets), differ

    def test_it_trains_and_goes_on_where_it_was(self, race, tmp_path, monkeypatch):
        monkeypatch.setattr(
            race,
            "load_corpus",
            lambda name: {
                "train": {"de": ["Ich gehe nach Hause."] * 24},
                "test": {"de": ["Wir gehen nach Hause."] * 32},
            },
        )
        out, today = tmp_path / "race.json", [*race.ROWS][-1]
        arguments = ["--seeds", "1", "--epochs", "1", "--out", str(out), "--only"]
        race.main([*arguments, today])
        race.main([*arguments, today, "2017, post-norm"])
        runs = json.loads(out.read_text("utf8"))["runs"]
        assert [run["changed"] for run in runs] == [today, "2017, post-norm"]
        assert all(len(run["test loss"]) == 1 and run["test loss"][0] > 0 for run in runs)
        with pytest.raises(ValueError, match="other settings"):
            race.main(["--epochs", "2", "--out", str(out)])


def test_a_llama_s_names_become_ours():
    assert in_our_names({"layers.3.self_attn.q_proj.weight": 1, "norm.weight": 2}) == {
        "layers.3.attention.w_q.weight": 1,
        "norm.weight": 2,
    }

"""The ablations change what they say, keep what is done, and refuse other settings."""

import json
from dataclasses import asdict, replace

import datasets
import pytest
import torch
from accelerate.state import AcceleratorState

from benchmarks import ablations
from benchmarks.ablations import BASES, OTHERS, VARIATIONS, build, vary
from transformer.heads import MultiHeadAttention
from transformer.trainer import RECIPES
from utils.data import load_corpus

ALL = [(data, knob, value) for data in BASES for knob, value in VARIATIONS[data]]


@pytest.mark.parametrize("data, knob, value", ALL)
def test_a_variation_changes_what_it_says_and_nothing_else(data, knob, value):
    recipe, others = vary(BASES[data], knob, value)
    here, base = asdict(recipe) | others, asdict(BASES[data]) | OTHERS
    changed = {name for name in base if here[name] != base[name]}
    assert changed == (set() if knob == "base" else {knob})
    model = build(recipe, others, recipe.vocab_size)
    attention = model.encoder.layers[0].self_attention
    d_k = others["d_k"] or recipe.d_model // recipe.num_heads
    assert isinstance(attention, MultiHeadAttention)
    assert attention.w_q.weight.shape == (recipe.num_heads * d_k, recipe.d_model)
    assert attention.w_v.weight.shape == (recipe.d_model, recipe.d_model)
    for name in ("num_layers", "d_ff", "dropout"):
        assert model.config[name] == getattr(recipe, name)
    assert model.config["norm_first"] == (recipe.norm == "before")
    std = 1 if knob == "embedding std" else recipe.d_model**-0.5
    assert model.embedding.table.weight.std().item() == pytest.approx(std, rel=0.02)
    positions = model.embedding.encoding
    assert positions.any() == (others["positions"] != "none")
    assert positions.requires_grad == (others["positions"] == "learned")
    ids = torch.randint(3, 100, (2, 5))
    assert model.eval()(ids, ids).shape == (2, 5, recipe.vocab_size)


def test_the_base_on_multi30k_is_the_short_recipe():
    asked, base = asdict(RECIPES["short"]), asdict(BASES["multi30k"])
    assert {name for name in base if base[name] != asked[name]} == {"warmup", "epochs"}


@pytest.mark.parametrize("data", BASES)
def test_the_stored_runs_are_those_of_these_settings(data):
    stem = "ablations-cpu" if data == "embedded" else f"ablations-{data}-cpu"
    stored = json.loads((ablations.RESULTS / f"{stem}.json").read_text("utf8"))
    here = asdict(BASES[data]) | OTHERS
    shared = set(stored["settings"]) - {"precision", "device"}
    # The first edition's runs know no weight_decay: theirs was AdamW's own, 0.01
    unasked = set(here) - shared - {"weight_decay"}
    assert unasked == {"seed", "average", "beam", "alpha", "patience", "bpe_dropout"}
    assert shared <= set(here)
    assert here["weight_decay"] == 0.01
    assert all(stored["settings"][name] == here[name] for name in shared)
    knobs = {(row["knob"], row["value"]) for row in stored["runs"]}
    assert knobs == {(knob, str(value)) for knob, value in VARIATIONS[data]}


@pytest.fixture
def small(monkeypatch):
    """Two variations, on 40 sentences, in this process."""
    AcceleratorState._reset_state()  # an earlier test may have trained in another precision
    whole = load_corpus("embedded")
    rows = datasets.DatasetDict({split: whole[split].select(range(40)) for split in whole})
    monkeypatch.setattr(ablations, "load_corpus", lambda data: rows)
    sizes = dict(vocab_size=300, num_layers=1, d_model=32, d_ff=32)
    monkeypatch.setitem(BASES, "embedded", replace(BASES["embedded"], **sizes))
    monkeypatch.setitem(VARIATIONS, "embedded", [("base", ""), ("num_heads", 2)])


def test_each_run_is_kept_and_none_made_twice(small, tmp_path, monkeypatch):
    arguments = ["--epochs", "1", "--out", str(tmp_path / "found.json")]
    ablations.main([*arguments, "--seeds", "1", "--only", "num_heads"])
    ablations.main([*arguments, "--seeds", "2"])
    found = json.loads((tmp_path / "found.json").read_text("utf8"))
    runs = [(row["knob"], row["seed"]) for row in found["runs"]]
    assert runs == [("num_heads", 0), ("base", 0), ("base", 1), ("num_heads", 1)]
    assert len({row["test loss"] for row in found["runs"]}) == 4
    monkeypatch.setattr(ablations, "run", None)  # nothing is left to run
    ablations.main([*arguments, "--seeds", "2"])
    with pytest.raises(ValueError, match="other settings: move it away first"):
        ablations.main(["--epochs", "2", "--out", str(tmp_path / "found.json")])


def test_what_concerns_the_training_reaches_it(small, tmp_path, monkeypatch):
    knobs = [
        ("base", ""),
        ("peak", 1e-3),
        ("smoothing", 0.0),
        ("decay", "sqrt"),
        ("max_tokens", 99),
    ]
    monkeypatch.setitem(VARIATIONS, "embedded", knobs)
    seen = []

    def pretend(model, train, recipe):
        largest = max(batch.target_in.numel() for batch in train)
        seen.append((recipe.peak, recipe.warmup, recipe.smoothing, recipe.decay, largest))
        model.eval()

    monkeypatch.setattr(ablations, "fit", pretend)
    ablations.main(["--seeds", "1", "--out", str(tmp_path / "found.json")])
    base, *others = [list(arguments) for arguments in seen]
    assert base[:4] == [4e-3, 300, 0.1, "linear"] and base[4] > 99
    assert others[0] == [1e-3, *base[1:]]
    assert others[1] == [*base[:2], 0.0, *base[3:]]
    assert others[2] == [*base[:3], "sqrt", base[4]]
    assert others[3][:4] == base[:4] and others[3][4] <= 99


def test_the_fallback_corpus_is_not_taken_for_multi30k(small):
    with pytest.raises(FileNotFoundError, match="multi30k could not be loaded"):
        ablations.main(["--data", "multi30k"])

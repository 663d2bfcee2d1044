"""The ablations change what they say, keep what is done, and refuse other settings."""

import json

import datasets
import pytest
import torch
from accelerate.state import AcceleratorState

import train
from benchmarks import ablations
from benchmarks.ablations import BASES, VARIATIONS, build
from transformer.heads import MultiHeadAttention
from utils.data import load_corpus

ALL = [(data, knob, value) for data in BASES for knob, value in VARIATIONS[data]]


@pytest.mark.parametrize("data, knob, value", ALL)
def test_a_variation_changes_what_it_says_and_nothing_else(data, knob, value):
    base = BASES[data]
    sizes = base | ({} if knob == "base" else {knob: value})
    assert knob == "base" or (knob in base and value != base[knob])
    torch.manual_seed(0)
    model = build(sizes, base)
    attention = model.encoder.layers[0].self_attention
    d_k = sizes["d_model"] // sizes["heads"] if knob in ("heads", "d_model") else sizes["d_k"]
    assert isinstance(attention, MultiHeadAttention)
    assert attention.w_q.weight.shape == (sizes["heads"] * d_k, sizes["d_model"])
    assert attention.w_v.weight.shape == (sizes["d_model"], sizes["d_model"])
    assert {name: model.config[name] for name in ("num_layers", "d_ff", "dropout")} == {
        "num_layers": sizes["layers"],
        "d_ff": sizes["d_ff"],
        "dropout": sizes["dropout"],
    }
    assert model.config["norm_first"] == (sizes["norm"] == "before")
    std = 1 if knob == "embedding std" else sizes["d_model"] ** -0.5
    assert model.embedding.table.weight.std().item() == pytest.approx(std, rel=0.02)
    positions = model.embedding.encoding
    assert positions.any() == (sizes["positions"] != "none")
    assert positions.requires_grad == (sizes["positions"] == "learned")
    ids = torch.randint(3, 100, (2, 5))
    assert model.eval()(ids, ids).shape == (2, 5, sizes["vocab_size"])


def test_the_base_on_multi30k_is_what_train_does():
    names = {"heads": "num_heads", "layers": "num_layers"}
    asked = train.DEFAULTS["multi30k"]
    changed = {
        knob
        for knob, value in BASES["multi30k"].items()
        if names.get(knob, knob) in asked and asked[names.get(knob, knob)] != value
    }
    assert changed == {"warmup"}


@pytest.fixture
def small(monkeypatch):
    """Two variations, on 40 sentences, in this process."""
    AcceleratorState._reset_state()  # an earlier test may have trained in another precision
    whole = load_corpus("embedded")
    rows = datasets.DatasetDict({split: whole[split].select(range(40)) for split in whole})
    monkeypatch.setattr(ablations, "load_corpus", lambda data: rows)
    sizes = dict(vocab_size=300, layers=1, d_model=32, d_ff=32, d_k=8)
    monkeypatch.setitem(BASES, "embedded", BASES["embedded"] | sizes)
    monkeypatch.setitem(VARIATIONS, "embedded", [("base", ""), ("heads", 2)])


def test_each_run_is_kept_and_none_made_twice(small, tmp_path, monkeypatch):
    arguments = ["--epochs", "1", "--out", str(tmp_path / "found.json")]
    ablations.main([*arguments, "--seeds", "1", "--only", "heads"])
    ablations.main([*arguments, "--seeds", "2"])
    found = json.loads((tmp_path / "found.json").read_text("utf8"))
    runs = [(row["knob"], row["seed"]) for row in found["runs"]]
    assert runs == [("heads", 0), ("base", 0), ("base", 1), ("heads", 1)]
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

    def pretend(model, train, epochs, peak, warmup, smoothing, to_zero):
        seen.append((peak, warmup, smoothing, to_zero, max(b.target_in.numel() for b in train)))
        model.eval()

    monkeypatch.setattr(ablations, "fit", pretend)
    ablations.main(["--seeds", "1", "--out", str(tmp_path / "found.json")])
    base, *others = [list(arguments) for arguments in seen]
    assert base[:4] == [4e-3, 300, 0.1, True] and base[4] > 99
    assert others[0] == [1e-3, *base[1:]]
    assert others[1] == [*base[:2], 0.0, *base[3:]]
    assert others[2] == [*base[:3], False, base[4]]
    assert others[3][:4] == base[:4] and others[3][4] <= 99


def test_the_fallback_corpus_is_not_taken_for_multi30k(small):
    with pytest.raises(FileNotFoundError, match="multi30k could not be loaded"):
        ablations.main(["--data", "multi30k"])

"""The model that the course brings: its stored scores are its own, and `make model` makes one."""

import json

import pytest

from command.scores import scores
from data.make import model as make_model
from transformer.training import load_model, translate
from utils.data import load_corpus

RUN = json.loads(make_model.SCORES.read_text(encoding="utf8"))


@pytest.fixture(scope="module")
def shipped():
    return load_model(make_model.MODEL)


@pytest.mark.parametrize("split", ["test", "unseen"])
def test_it_has_its_stored_scores(split, shipped):
    """Up to the few sentences in which another processor's rounding tips the scales."""
    rows = load_corpus("embedded")[split]
    found = scores(translate(*shipped, rows["en"][:]), rows["de"], "de")
    assert found["exact match"] == pytest.approx(RUN["scores"][split]["exact match"], abs=0.004)
    assert found["BLEU"] == pytest.approx(RUN["scores"][split]["BLEU"], abs=0.3)


def test_its_sizes_are_those_of_its_recipe(shipped):
    model, tokenizer = shipped
    for name in ("vocab_size", "d_model", "num_heads", "d_ff", "num_layers", "dropout"):
        assert model.config[name] == RUN["options"][name]
    assert tokenizer.get_vocab_size() == model.config["vocab_size"]
    assert sum(p.numel() for p in model.parameters()) == RUN["parameters"]


def test_make_model_makes_one(tmp_path, monkeypatch):
    corpus = load_corpus("embedded")
    for split, rows in corpus.items():
        corpus[split] = rows.select(range(200 if split == "train" else 20))
    monkeypatch.setattr("train.load_corpus", lambda name: corpus)
    monkeypatch.setattr(make_model, "load_corpus", lambda name: corpus)
    small = "--d-model 16 --num-heads 2 --d-ff 16 --num-layers 1 --vocab-size 300 --epochs 1"
    make_model.main(small.split(), tmp_path / "model", tmp_path / "scores.json")
    model, tokenizer = load_model(tmp_path / "model")
    assert model.config["d_model"] == 16 and tokenizer.get_vocab_size() == 300
    made = json.loads((tmp_path / "scores.json").read_text(encoding="utf8"))
    assert set(made["scores"]) == {"validation", "test", "unseen"}
    assert set(made) == set(RUN)

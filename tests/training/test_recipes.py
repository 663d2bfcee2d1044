"""The recipes on the way to the published score: what each asks for, and how it is judged."""

import json
from dataclasses import asdict, replace

import datasets
import pytest
import sacrebleu

import train
from benchmarks import recipes
from benchmarks.measure import RESULTS
from benchmarks.recipes import PLANS, Plan, judge_split, split_corpus
from command.scores import moses
from transformer.trainer import RECIPES
from utils.data import load_corpus

pytest.importorskip("sacremoses")
REFERENCES = ["Zwei Männer, die im Schnee stehen.", "Ein Hund läuft über eine grüne Wiese."]


def some(count: int) -> datasets.DatasetDict:
    whole = load_corpus("embedded")
    return datasets.DatasetDict(
        {split: whole[split].select(range(count)) for split in ("train", "validation", "test")}
    )


@pytest.mark.parametrize("letter", PLANS)
def test_train_py_understands_every_recipe(letter, tmp_path):
    plan = PLANS[letter]
    asked = train.parse(recipes.arguments_of(plan, 3, "multi30k", tmp_path))
    assert asked.recipe == replace(RECIPES[plan.recipe], seed=3, **plan.settings)


def test_the_stored_results_are_of_these_recipes():
    stored = sorted(RESULTS.glob("recipe-*.json"))
    assert stored
    for path in stored:
        run = json.loads(path.read_text("utf8"))
        plan = PLANS[run["recipe"]]
        asked = replace(RECIPES[plan.recipe], seed=run["seed"], **plan.settings)
        assert run["settings"] == asdict(asked), path.name


def test_translations_without_capitals_are_judged_by_what_knows_none():
    judged = judge_split(moses(REFERENCES, "de"), REFERENCES)
    assert judged["BLEU"] is None and judged["chrF"] is None
    for name in ("BLEU lowercased", "BLEU of Wu et al.", "chrF lowercased"):
        assert judged[name] == pytest.approx(100)
    found = ["zwei männer , die im regen stehen .", moses(REFERENCES, "de")[1]]
    worse = judge_split(found, REFERENCES)
    there = [moses(REFERENCES, "de")]
    assert (
        worse["BLEU of Wu et al."]
        == sacrebleu.BLEU(tokenize="none", force=True).corpus_score(found, there).score
    )
    assert 40 < worse["BLEU lowercased"] < 100


def test_the_split_corpus_is_a_folder_that_loads(tmp_path):
    corpus = some(20)
    rows = load_corpus(str(split_corpus(corpus, tmp_path / "split")))["test"]
    for language in ("en", "de"):
        assert rows[language][:] == moses(corpus["test"][language][:], language)


def test_a_recipe_is_trained_judged_and_not_made_twice(tmp_path, monkeypatch):
    small = dict(
        vocab_size=300, d_model=16, num_heads=2, d_ff=16, num_layers=1, epochs=2, average=2
    )
    monkeypatch.setitem(PLANS, "A", Plan("small", "raw", "multi30k", small))
    monkeypatch.setitem(PLANS, "B", Plan("small", "moses", "multi30k", small))
    corpus = some(40)
    for split in corpus.values():
        split.info.dataset_name = "multi30k"
    loaded = {"multi30k": corpus}
    for module in (recipes, train):
        monkeypatch.setattr(module, "load_corpus", lambda n: loaded.get(n) or load_corpus(n))
    places = ["--runs", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]
    recipes.main(["--only", "A", "B", *places])
    for letter in "AB":
        file = tmp_path / "results" / f"recipe-{letter}-cpu-0.json"
        found = json.loads(file.read_text("utf8"))
        assert found["ended"] and found["epochs"] == 2 and found["updates"] > 0
        assert set(found["scores"]) == {"last", "average"}
        assert (found["scores"]["last"]["test"]["BLEU"] is None) is (letter == "B")
    monkeypatch.setattr(train, "main", None)
    recipes.main(["--only", "A", *places])  # asks for nothing


def test_nothing_else_is_taken_for_multi30k(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "load_corpus", lambda _: some(4))
    with pytest.raises(FileNotFoundError, match="nothing was trained or judged"):
        recipes.run("B", 0, tmp_path)
    assert not list(tmp_path.iterdir())

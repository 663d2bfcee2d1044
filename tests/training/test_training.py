"""Loss, schedule, loop, checkpoints, and train.py."""

import json
import math
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
import sacrebleu
import torch
from torch.nn import functional as F

import train
from benchmarks import score
from command.scores import in_words, quick_scores, scores
from tests.small_training import copy_pairs
from transformer.decoder import Transformer, greedy_decode
from transformer.trainer import ByteDropout, Recipe, fast_attention, fast_precision, fit
from transformer.training import (
    device,
    learning_rate,
    load_model,
    mean_loss,
    save_model,
    translation_loss,
)
from transformer.training import train as plain_train
from utils.data import END, Loader, load_corpus


def small_model(dropout: float = 0.1) -> Transformer:
    torch.manual_seed(0)
    return Transformer(11, 16, 2, 32, 1, dropout, norm_first=True)


def test_the_loss_is_label_smoothing_by_hand():
    torch.manual_seed(0)
    scores, target = torch.randn(2, 3, 5), torch.tensor([[3, 4, 2], [4, 2, 0]])
    smoothed = torch.full((2, 3, 5), 0.1 / 5) + 0.9 * F.one_hot(target, 5)
    by_hand = -(smoothed * scores.log_softmax(-1)).sum(-1)[target != 0].mean()
    assert translation_loss(scores, target, 0.1).item() == pytest.approx(by_hand.item(), abs=1e-6)


def test_padding_does_not_count():
    torch.manual_seed(0)
    scores, target = torch.randn(1, 4, 5), torch.tensor([[3, 2, 0, 0]])
    other = scores.clone()
    other[0, 2:] += torch.randn(2, 5)
    assert translation_loss(scores, target).equal(translation_loss(other, target))


def test_dropout_of_nearly_all_divides_by_no_zero():
    assert ByteDropout(0.999)(torch.ones(10_000)).isfinite().all()


def test_byte_dropout_drops_its_share_and_makes_up_for_it():
    torch.manual_seed(0)
    layer, x = ByteDropout(0.25), torch.ones(100_000)
    dropped = layer(x)
    assert dropped.unique().tolist() == pytest.approx([0, 4 / 3])
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert layer.eval()(x).equal(x)


@pytest.mark.parametrize(
    ("flags", "kind"), [("avx2 avx512f", "no"), ("avx512_bf16", "bf16"), ("amx_bf16", "bf16")]
)
def test_the_fast_precision_is_what_the_processor_says(flags, kind, monkeypatch):
    monkeypatch.setattr(Path, "exists", lambda path: True)
    monkeypatch.setattr(Path, "read_text", lambda path: f"flags : {flags}")
    assert fast_precision() == kind


@pytest.mark.parametrize(("capability", "kind"), [((7, 5), "fp16"), ((8, 0), "bf16")])
def test_the_fast_precision_is_what_the_gpu_says(capability, kind, monkeypatch):
    monkeypatch.setattr("transformer.trainer.device", lambda: "cuda")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    assert fast_precision() == kind


def test_learning_rate_is_the_papers():
    for d_model in (512, 1024):
        for step in (1, 100, 4000, 100_000):
            paper = d_model**-0.5 * min(step**-0.5, step * 4000**-1.5)
            ours = learning_rate(step, (d_model * 4000) ** -0.5, 4000)
            assert ours == pytest.approx(paper, rel=1e-12)
    assert f"{learning_rate(4000, (512 * 4000) ** -0.5, 4000):.2e}" == "6.99e-04"


def test_mean_loss_weighs_tokens():
    model, pairs = small_model().eval(), copy_pairs(30)
    whole = mean_loss(model, Loader(pairs, 1000))
    assert mean_loss(model, Loader(pairs, 14)) == pytest.approx(whole, abs=1e-5)


def test_it_learns_to_copy():
    model = small_model(dropout=0.0)
    batches = Loader(copy_pairs(2000), 300, shuffle=True)
    history = plain_train(model, batches, 12, peak=1e-2, warmup=40)
    assert history[-1]["training loss"] < history[0]["training loss"] - 0.5
    source = torch.tensor([[3, 9, 4, 8, END], [10, 5, 5, 7, END]])
    assert greedy_decode(model, source) == [[3, 9, 4, 8], [10, 5, 5, 7]]


def test_resuming_is_the_same_as_never_stopping(tmp_path):
    def run(folder: str, resume: bool = False, stop_in_epoch: int = 0) -> tuple[list, Transformer]:
        model = small_model()
        batches = Loader(copy_pairs(200), 200, shuffle=True, seed=1)
        held_out = Loader(copy_pairs(50, seed=9), 200)
        epochs = iter(range(3 if resume else 1, 9))

        def evaluate(model):
            if next(epochs) == stop_in_epoch:
                raise KeyboardInterrupt
            return {"validation loss": mean_loss(model, held_out)}

        recipe = Recipe(epochs=4, peak=2e-3, warmup=5, average=1)
        folder = tmp_path / folder
        history = fit(model, batches, recipe, evaluate, folder, resume)
        return [(row["training loss"], row["validation loss"]) for row in history], model

    unbroken, model = run("unbroken")
    with pytest.raises(KeyboardInterrupt):
        run("broken", stop_in_epoch=3)
    torch.manual_seed(12345)  # another process would not have our random state either
    resumed, again = run("broken", resume=True)
    assert resumed == unbroken
    for mine, right in zip(again.parameters(), model.parameters(), strict=True):
        assert torch.equal(mine, right)


def test_the_best_checkpoint_is_the_one_with_the_lowest_loss(tmp_path):
    losses = iter([0.5, 0.2, 0.9])
    weights = []

    def evaluate(model):
        weights.append(model.embedding.table.weight.detach().clone())
        return {"validation loss": next(losses)}

    batches = Loader(copy_pairs(50), 200, shuffle=True)
    fit(small_model(), batches, Recipe(epochs=3, average=1), evaluate, tmp_path)
    for name, epoch in (("best", 1), ("last", 2)):
        model, _ = load_model(tmp_path / name)
        assert torch.equal(model.embedding.table.weight, weights[epoch])


def test_resuming_where_nothing_was_saved_begins_anew(tmp_path, capsys):
    short, pairs = Recipe(epochs=1, average=1), Loader(copy_pairs(5), 100)
    assert len(fit(small_model(), pairs, short, folder=tmp_path / "new", resume=True)) == 1
    assert f"nothing is saved in {tmp_path / 'new'} yet: beginning anew" in capsys.readouterr().out
    save_model(tmp_path / "last", small_model())
    with pytest.raises(FileNotFoundError, match="holds a model, but no progress.json"):
        fit(small_model(), pairs, short, folder=tmp_path, resume=True)


@pytest.mark.parametrize("place", ["the forward pass", "between two steps", "the first step"])
def test_an_interrupted_training_saves_and_goes_on_to_the_same_weights(place, tmp_path, capsys):
    """Also in its first epoch. Broken off in mid-step, it goes on from the checkpoint before."""
    pairs, recipe = Loader(copy_pairs(101), 100, shuffle=True), Recipe(epochs=2, average=1, seed=3)
    whole = small_model()
    losses = fit(whole, pairs, recipe)

    class Interrupting(Loader):
        def __iter__(self):
            for number, batch in enumerate(super().__iter__()):
                if number == 4 and place == "between two steps":
                    raise KeyboardInterrupt
                yield batch

    model = small_model()
    calls, encode = [], model.encode

    def interrupted(source):
        calls.append(source)
        if len(calls) == {"the forward pass": 4, "the first step": 1}.get(place):
            raise KeyboardInterrupt
        return encode(source)

    model.encode = interrupted
    with pytest.raises(KeyboardInterrupt):
        fit(model, Interrupting(copy_pairs(101), 100, shuffle=True), recipe, folder=tmp_path)
    assert f"saved in {tmp_path}: resume=True goes on" in capsys.readouterr().out
    again = small_model(dropout=0.1)
    resumed = fit(again, pairs, recipe, folder=tmp_path, resume=True)
    for one, other in zip(losses, resumed, strict=True):
        assert one["training loss"] == pytest.approx(other["training loss"], rel=1e-6)
    for mine, right in zip(again.parameters(), whole.parameters(), strict=True):
        assert torch.equal(mine, right)


@pytest.mark.parametrize(
    ("there", "here", "says"),
    [
        ({}, {"epochs": 2}, "epochs is 1 there and 2 here"),
        ({}, {"peak": 1e-3}, "peak is 0.004 there and 0.001 here"),
        ({}, {"seed": 1}, "seed is 0 there and 1 here"),
        ({}, {"decay": "sqrt"}, "decay is linear there and sqrt here"),
        ({"decay": "sqrt"}, {"decay": "sqrt", "epochs": 2}, ""),  # its length is no part of it
        ({}, {"average": 1}, ""),
        ({}, {"beam": 1}, ""),
        ({}, {"alpha": 0.0}, ""),
        ({}, {"patience": 3}, ""),
    ],
)
def test_another_recipe_is_another_run(there, here, says, tmp_path):
    pairs = Loader(copy_pairs(20), 100)
    fit(small_model(), pairs, Recipe(epochs=1, **there), folder=tmp_path)
    asked = Recipe(**({"epochs": 1} | here))
    if not says:
        fit(small_model(), pairs, asked, folder=tmp_path, resume=True)
        return
    with pytest.raises(ValueError, match=f"is of another run: {says}"):
        fit(small_model(), pairs, asked, folder=tmp_path, resume=True)


def test_other_pairs_are_another_run(tmp_path):
    pairs, short = Loader(copy_pairs(20), 100), Recipe(epochs=1)
    fit(small_model(), pairs, short, folder=tmp_path, must_match={"pairs": "a1", "source": "en"})
    with pytest.raises(ValueError, match="pairs is a1 there and b2 here"):
        must_match = {"pairs": "b2", "source": "en"}
        fit(small_model(), pairs, short, folder=tmp_path, resume=True, must_match=must_match)


def test_training_leaves_the_callers_model_as_it_was():
    model = small_model()
    kinds = [type(module) for module in model.modules()]
    fit(model, Loader(copy_pairs(20), 100), Recipe(epochs=1))
    assert [type(module) for module in model.modules()] == kinds
    x = torch.zeros(2, 3, device="meta")  # any other device
    assert model.embedding.dropout.train()(x).device == x.device


def test_the_trainer_does_what_the_page_long_loop_does():
    """Without dropout, in float32, and without weight decay."""
    one, other = small_model(dropout=0.0), small_model(dropout=0.0)
    pairs = Loader(copy_pairs(101), 100, shuffle=True)
    plain = plain_train(one, pairs, 3, peak=1e-2, warmup=100, smoothing=0.2)
    recipe = Recipe(epochs=3, peak=1e-2, warmup=100, smoothing=0.2, weight_decay=0.0)
    ours = fit(other, pairs, recipe, precision="no")
    # the page weighs batches alike as well: both average the batches' mean losses
    for row, same in zip(plain, ours, strict=True):
        assert row["training loss"] == pytest.approx(same["training loss"], abs=1e-4)
    assert [row["steps"] for row in ours] == [6, 12, 18]
    ids = torch.tensor([[3, 9, 4, 8, END]])
    assert torch.allclose(one(ids, ids), other(ids, ids), atol=1e-2)


def test_a_loss_that_is_no_number_stops_training():
    model = small_model()
    with torch.no_grad():
        model.embedding.table.weight[5] = math.inf
    with pytest.raises(ValueError, match="try a lower peak or a longer warm-up"):
        fit(model, Loader(copy_pairs(50), 200), Recipe(epochs=1))
    with pytest.raises(ValueError, match="try a lower peak or a longer warm-up"):
        plain_train(model, Loader(copy_pairs(50), 200), 1)


def test_train_py(tmp_path, monkeypatch):
    corpus = load_corpus("embedded")
    for split, rows in corpus.items():
        corpus[split] = rows.select(range(300 if split == "train" else 20))
    monkeypatch.setattr(train, "load_corpus", lambda name: corpus)
    options = ["--d-model", "16", "--d-ff", "16", "--num-layers", "1", "--vocab-size", "400"]
    options += ["--max-tokens", "1000", "--out", str(tmp_path)]
    options += ["--decay", "sqrt"]  # whose length may grow
    train.main([*options, "--epochs", "1"])
    with pytest.raises(ValueError, match=r"peak is 0\.004 there and 0\.1 here, seed is 0 there"):
        train.main([*options, "--resume", "--seed", "1", "--peak", ".1"])
    results = train.main([*options, "--epochs", "2", "--resume"])
    assert results == json.loads((tmp_path / "results.json").read_text(encoding="utf8"))
    assert results["corpus"] == "embedded"
    first, second = results["history"]
    assert (first["epoch"], second["epoch"]) == (1, 2)
    assert second["seconds since the start"] > first["seconds since the start"]
    assert results["seconds with evaluation"] > results["seconds of training"]
    assert {"validation loss", "validation BLEU"} <= set(first)
    greedy = results["scores"]["last"]["test"]["greedy"]
    assert "version:" in greedy["signatures"]["BLEU"]
    assert {"BLEU", "BLEU lowercased", "chrF", "exact match"} <= set(greedy)
    assert set(results["scores"]["last"]) == {"validation", "test", "unseen"}
    for name in ("last", "best"):
        assert (tmp_path / name / "model.safetensors").exists()


def test_train_py_on_a_folder_of_ones_own(tmp_path):
    for split in ("train", "validation", "test"):
        lines = ["word\treversed", *(f"{n}\t{str(n)[::-1]}" for n in range(100, 130))]
        (tmp_path / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")
    options = ["--data", str(tmp_path), "--out", str(tmp_path / "run"), "--epochs", "1"]
    options += ["--d-model", "16", "--d-ff", "16", "--num-layers", "1", "--average", "1"]
    assert train.sides(load_corpus(str(tmp_path)), "reversed") == ("reversed", "word")
    results = train.main([*options, "--source", "reversed", "--beam", "2"])
    assert results["corpus"] == tmp_path.name and results["options"]["source"] == "reversed"
    assert set(results["scores"]["last"]["test"]) == {"greedy", "beam 2"}


def test_scores_of_several_seeds(tmp_path, monkeypatch, capsys):
    asked = []

    def pretend(arguments):
        asked.append(arguments)
        out = Path(arguments[arguments.index("--out") + 1])
        out.mkdir(parents=True, exist_ok=True)
        (out / "results.json").write_text("{}")

    monkeypatch.setattr(train, "main", pretend)
    (tmp_path / "runs" / f"multi30k-{device()}-de-1" / "last").mkdir(parents=True)
    options = ["--runs", str(tmp_path / "runs"), "--results", str(tmp_path), "--seeds", "0", "1"]
    options += ["--", "--epochs", "1"]
    score.main(options)
    assert len(list(tmp_path.glob("multi30k-*.json"))) == len(asked) == 4
    assert ["--resume" in arguments for arguments in asked] == [False, False, False, True]
    assert all(arguments[-2:] == ["--epochs", "1"] for arguments in asked[:3])
    score.main(options)
    assert len(asked) == 4  # nothing is made twice
    with pytest.raises(SystemExit):  # another training is no result of this name
        score.main(["--", "--epochs", "1"])
    assert "need --results" in capsys.readouterr().err


def test_scores():
    found = ["Ein Hund läuft über eine Wiese.", "zwei Katzen schlafen im Haus."]
    references = ["Ein Hund läuft über eine Wiese.", "Zwei Katzen schlafen im Haus."]
    judged = scores(found, references)
    assert judged["BLEU"] == sacrebleu.corpus_bleu(found, [references]).score
    assert judged["exact match"] == 0.5
    assert judged["BLEU lowercased"] == pytest.approx(100) and judged["BLEU"] < 100
    assert "case:lc" in judged["signatures"]["BLEU lowercased"]


@pytest.mark.parametrize(
    ("language", "texts", "tells"),
    [
        ("up", ["ABCD", "EFGH"], False),
        ("de", ["ein Hund läuft"], False),
        ("de", ["ein Hund läuft hier", "ja"], True),
        ("zh", ["一个男人在街上走"], True),
        ("zh_TW", ["一个男人在街上走"], True),
        ("ja", ["男が道を歩いている"], True),
        ("th", ["ผู้ชายเดินบนถนน"], True),
        ("to", ["一个男人在街上走", "女人在唱歌"], False),
    ],
)
def test_bleu_is_given_where_it_says_something(language, texts, tells):
    judged = scores(texts, texts, language)
    assert judged["exact match"] == 1 and judged["chrF"] == pytest.approx(100)
    assert judged["BLEU"] == (pytest.approx(100) if tells else None)
    assert ("says nothing here" in in_words(judged)) is not tells
    wu = language == "de" and tells and find_spec("sacremoses") is not None
    assert ("BLEU of Wu et al." in judged) is wu
    worse = scores([text[1:] for text in texts], texts, language)
    assert (worse["BLEU"] is not None) is tells and worse["chrF"] < 100


def test_quick_scores_are_those_of_scores():
    found, references = ["ein Hund läuft hier", "ja"], ["ein Hund läuft dort", "ja ja"]
    quick, whole = quick_scores(found, references, "de_AT"), scores(found, references, "de_AT")
    names = ("BLEU", "chrF", "exact match")
    assert all(quick[name] == whole[name] for name in names)
    assert set(quick) == {*names, "signatures"}
    assert ("BLEU of Wu et al." in whole) is (find_spec("sacremoses") is not None)


def test_a_gpu_attends_without_the_kernel_that_prepares_for_every_shape():
    def kernels(device: str, precision: str) -> tuple[bool, ...]:
        accelerator = SimpleNamespace(device=torch.device(device), mixed_precision=precision)
        with fast_attention(SimpleNamespace(accelerator=accelerator)):
            asked = torch.backends.cuda
            return asked.cudnn_sdp_enabled(), asked.flash_sdp_enabled(), asked.math_sdp_enabled()

    assert kernels("cuda", "bf16") == kernels("cuda", "fp16") == (False, True, True)
    assert kernels("cpu", "bf16") == (False, False, True)
    assert kernels("cpu", "no")[1:] == (True, True)


def test_a_model_that_writes_too_little_is_no_reason_for_silence():
    assert scores(["ja"], ["ein Hund läuft über eine Wiese"])["BLEU"] == pytest.approx(0, abs=1)

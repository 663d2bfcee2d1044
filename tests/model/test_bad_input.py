"""Bad input gets an error for a person: what was wrong, what was expected, what to do."""

import codecs
import json
import re
import warnings

import pytest
import torch

import train
from exercises import check
from transformer.attention import attention
from transformer.decoder import Transformer, greedy_decode
from transformer.encoder import positional_encoding
from transformer.heads import MultiHeadAttention, record_attention
from transformer.inference import beam_search
from transformer.training import load_model, mean_loss, save_model, translate
from utils import data
from utils.data import (
    Loader,
    Pair,
    collate,
    load_corpus,
    train_tokenizer,
)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Transformer(300, 8, 2, 16, 1, max_length=6).eval()


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["the cat sleeps", "die Katze schläft"], 300)


def says(text: str):
    return re.escape(text)


def test_attention_shapes():
    q, k = torch.zeros(1, 2, 4), torch.zeros(1, 3, 5)
    with pytest.raises(ValueError, match=says("a query has 4 numbers and a key has 5")):
        attention(q, k, k)
    with pytest.raises(ValueError, match=says("there are 3 keys but 2 values")):
        attention(q, torch.zeros(1, 3, 4), torch.zeros(1, 2, 4))
    with pytest.raises(TypeError, match=says("the mask must be boolean (True = may attend)")):
        attention(q, q, q, torch.zeros(2, 2))


def test_heads_that_do_not_divide_d_model():
    with pytest.raises(ValueError, match=says("d_model = 10 cannot be split into 3 equal heads")):
        MultiHeadAttention(10, 3)
    with pytest.raises(ValueError, match=says("cannot be split into 0 equal heads")):
        Transformer(20, d_model=8, num_heads=0)


def test_heads_shapes():
    heads = MultiHeadAttention(8, 2)
    x = torch.zeros(1, 3, 8)
    with pytest.raises(ValueError, match=says("key must be (batch, length, 8), not (1, 3, 6)")):
        heads(x, torch.zeros(1, 3, 6), x)
    with pytest.raises(ValueError, match=says("query must be (batch, length, 8), not (3, 8)")):
        heads(x[0], x, x)
    with pytest.raises(TypeError, match=says("the mask must be boolean")):
        heads(x, x, x, torch.ones(3, 3))


def test_odd_d_model():
    with pytest.raises(ValueError, match=says("d_model must be even, not 5")):
        positional_encoding(3, 5)


@pytest.mark.parametrize("bad", [300, -1])
def test_token_id_out_of_range(model, bad):
    good, wrong = torch.tensor([[5, 6]]), torch.tensor([[5, bad]])
    for source, target in ((good, wrong), (wrong, good)):
        with pytest.raises(ValueError, match=says("token ids must lie in 0 … 299")):
            model(source, target)


def test_empty_and_over_long_ids(model):
    with pytest.raises(ValueError, match=says("there is no token in ids of shape (1, 0)")):
        model.encode(torch.zeros(1, 0, dtype=torch.long))
    with pytest.raises(
        ValueError, match=says("a sequence of 7 tokens is longer than max_length = 6")
    ):
        model.encode(torch.full((1, 7), 5))


def test_different_numbers_of_sentences(model):
    with pytest.raises(ValueError, match=says("2 source sentences but 1 target sentences")):
        model(torch.full((2, 3), 5), torch.full((1, 3), 5))


def test_empty_and_over_long_sentences(model, tokenizer):
    with pytest.raises(
        ValueError, match=says("sentence 1 is empty: there is nothing to translate")
    ):
        translate(model, tokenizer, ["the cat", "  "])
    with pytest.raises(ValueError, match=says("is longer than max_length = 6")):
        translate(model, tokenizer, ["the cat sleeps " * 9])
    assert translate(model, tokenizer, []) == []


def test_training_mode_is_refused_where_it_would_spoil_the_result(model):
    model.train()
    source = torch.tensor([[5, 6]])
    for use in (
        lambda: greedy_decode(model, source),
        lambda: beam_search(model, source),
        lambda: mean_loss(model, []),
        lambda: record_attention(model).__enter__(),
    ):
        with pytest.raises(ValueError, match=says("call model.eval() first")):
            use()


def test_beam_size(model):
    with pytest.raises(ValueError, match=says("beam_size must be at least 1, not 0")):
        beam_search(model, torch.tensor([[5, 6]]), beam_size=0)


def test_missing_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match=says("no model here")):
        load_model(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "noise", "empty"])
def test_damaged_checkpoint(model, tmp_path, name, damage):
    save_model(tmp_path / "last", model)
    file = tmp_path / "last" / name
    whole = file.read_bytes()
    file.write_bytes(
        {"cut": whole[: len(whole) // 2], "noise": b"\x93noise" * 50, "empty": b""}[damage]
    )
    with pytest.raises(ValueError, match=f"{name} is damaged or not of this course"):
        load_model(tmp_path / "last")


def test_checkpoint_of_another_model(model, tmp_path):
    save_model(tmp_path / "last", model)
    config = tmp_path / "last" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"d_model": 16}))
    with pytest.raises(ValueError, match="model.safetensors is damaged or not of this course"):
        load_model(tmp_path / "last")
    config.write_text(json.dumps({"layers": 3}))
    with pytest.raises(ValueError, match="config.json is damaged or not of this course"):
        load_model(tmp_path / "last")


def test_vocabulary_too_small():
    with pytest.raises(ValueError, match=says("vocab_size must be at least 259")):
        train_tokenizer(["a"], 100)


def test_corpus_name():
    with pytest.raises(ValueError, match=says('there is no corpus "wmt14"')):
        load_corpus("wmt14")


def test_missing_and_damaged_embedded_corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "DATA", tmp_path)
    with pytest.raises(
        FileNotFoundError, match=says("data.make.corpus` writes the embedded corpus")
    ):
        load_corpus("embedded")
    (tmp_path / "embedded").mkdir()
    for split in data.EMBEDDED_SPLITS:
        text = "en\tde\talignment\nThe cat sleeps.\tDie Katze schläft.\t0-0 1-1 2-2 3-3\n"
        (tmp_path / "embedded" / f"{split}.tsv").write_text(text, encoding="utf8")
    assert len(load_corpus("embedded")["unseen"]) == 1
    damaged = tmp_path / "embedded" / "test.tsv"
    damaged.write_text("en\tde\talignment\nThe cat sleeps.\t\t0-0\n", encoding="utf8")
    with pytest.raises(ValueError, match=says("test.tsv, line 2: de is empty")):
        load_corpus("embedded")
    damaged.write_text("en\tde\nThe cat sleeps.\tDie Katze schläft.\n", encoding="utf8")
    with pytest.raises(ValueError, match=says("must hold the names en and de and alignment")):
        load_corpus("embedded")


FINE = "fr\tit\neau\tacqua\n"
LATIN = "is no text in UTF-8: it looks like an 8-bit encoding such as Windows-1252"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "test.tsv is missing: a corpus of your own has train.tsv, validation.tsv, test.tsv"),
        (b"", "line 1: the first line must hold the names fr and it, with a tab between them, not"),
        (b"fr\tit\n", "test.tsv has no pair: after the names, one pair a line"),
        (
            b"eau\tacqua\nfeu\tfuoco\n",
            "hold the names fr and it, with a tab between them, not 'eau'",
        ),
        (
            b"fr\tit\tes\na\tb\tc\n",
            "must hold the names fr and it, with a tab between them, not 'fr'",
        ),
        (b"fr\tit\na\n", "test.tsv, line 2: 2 sides and tabs between, not 1"),
        (b"fr\tit\na\tb\tc\td\n", "test.tsv, line 2: 2 sides and tabs between, not 4"),
        (b"fr\tit\n\na\tb\n", "test.tsv, line 2 is empty: take it out"),
        (b"fr\tit\na\tb\n\n", "test.tsv, line 3 is empty: take it out"),
        (b"fr\tit\na\tb\n \t \n", "test.tsv, line 3 is empty: take it out"),
        (b"fr\tit\na\tb\n\tc\n", "test.tsv, line 3: fr is empty"),
        (b"fr\tit\r\na\tb\r\n\r\n", "test.tsv, line 3 is empty: take it out"),
        (b"fr\tit\n\xff\tb\n", LATIN),
        ("fr\tit\nété\tb\n".encode("latin-1"), f"{LATIN} (Latin-1). Save it as UTF-8, or convert"),
        (FINE.encode("utf-16"), "is no text in UTF-8: it looks like UTF-16"),
        (FINE.encode("utf-16-le"), "looks like UTF-16. Save it as UTF-8, or convert it: iconv -f"),
        (FINE.encode("utf-16-be"), "is no text in UTF-8: it looks like UTF-16"),
    ],
)
def test_a_folder_of_ones_own(tmp_path, text, message):
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.tsv").write_text(FINE, encoding="utf8")
    assert load_corpus(str(tmp_path))["test"][:] == {"fr": ["eau"], "it": ["acqua"]}
    (tmp_path / "test.tsv").unlink() if text is None else (tmp_path / "test.tsv").write_bytes(text)
    with pytest.raises((ValueError, FileNotFoundError), match=says(message)):
        load_corpus(str(tmp_path))


@pytest.mark.parametrize("first", ["a pair without names", "fr\tfr", "fr\tit\tes", ""])
def test_the_first_line_of_train_holds_two_names(tmp_path, first):
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.tsv").write_text(f"{first}\neau\tacqua\n", encoding="utf8")
    with pytest.raises(ValueError, match=says("train.tsv, line 1: the first line must hold two")):
        load_corpus(str(tmp_path))


def test_a_source_that_is_no_column(tmp_path):
    for split in ("train", "validation", "test"):
        (tmp_path / f"{split}.tsv").write_text(FINE, encoding="utf8")
    with pytest.raises(ValueError, match=says('no column "en" to translate from, only')):
        train.main(["--data", str(tmp_path), "--source", "en", "--out", str(tmp_path / "run")])


def test_multi30k_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTI30K_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="MULTI30K_DIR names"):
        load_corpus("multi30k")
    monkeypatch.setenv("MULTI30K_DIR", str(tmp_path))
    (tmp_path / "train.en").write_text("A man.\n")
    layout = "train.jsonl is missing: MULTI30K_DIR names the folder of bentrevett/multi30k's train"
    with pytest.raises(FileNotFoundError, match=says(layout)):
        load_corpus("multi30k")
    fine = json.dumps({"en": "A man.", "de": "Ein Mann."}) + "\n"
    for split in ("train", "val", "test"):
        (tmp_path / f"{split}.jsonl").write_text(fine, encoding="utf8")
    assert load_corpus("multi30k")["test"][0] == {"en": "A man.", "de": "Ein Mann."}
    file = tmp_path / "val.jsonl"
    file.write_bytes(codecs.BOM_UTF8 + fine.replace("\n", "\r\n").encode())
    assert load_corpus("multi30k")["validation"].num_rows == 1
    sides = ('{"en": "A m', '{"en": "A man."}', '{"en": "", "de": "E"}', '{"en": 3, "de": "E"}')
    for text in ("", '["A man."]', "3", *sides, f"{fine}\n{fine}"):
        file.write_text(text, encoding="utf8")
        with pytest.raises(ValueError, match=says("is no pair {")):
            load_corpus("multi30k")
    file.write_text(fine, encoding="utf-16")
    with pytest.raises(ValueError, match="val.jsonl is no text in UTF-8: it looks like UTF-16"):
        load_corpus("multi30k")
    file.unlink()
    with pytest.raises(FileNotFoundError, match="val.jsonl is missing"):
        load_corpus("multi30k")


class FromTheLibraryThatFetches(Exception):
    """No OSError: such as a proxy that refuses."""


@pytest.mark.parametrize("failure", [ConnectionError, FromTheLibraryThatFetches])
def test_hub_out_of_reach(failure, monkeypatch):
    """One clear sentence, and the embedded corpus."""
    monkeypatch.delenv("MULTI30K_DIR", raising=False)

    def refuse(path, **options):
        if path == data.MULTI30K:
            raise failure("no route to host")
        return real(path, **options)

    real = data.datasets.load_dataset
    monkeypatch.setattr(data.datasets, "load_dataset", refuse)
    with pytest.warns(UserWarning, match="Multi30k is out of reach .* the embedded corpus"):
        corpus = load_corpus("multi30k")
    assert corpus["train"].info.dataset_name == "embedded" and "unseen" in corpus
    with pytest.warns(UserWarning), pytest.raises(FileNotFoundError, match="nothing was trained"):
        train.main(["--data", "multi30k"])


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_sentence_too_long_for_the_model_is_named_before_training(side, tmp_path):
    for split in ("train", "validation", "test"):
        long = "la " * 300 if split == "test" else "la"
        row = f"{long}\tc" if side == "source" else f"c\t{long}"
        (tmp_path / f"{split}.tsv").write_text(f"en\tfr\na\tb\n{row}\n", encoding="utf8")
    options = ["--data", str(tmp_path), "--out", str(tmp_path / "run"), "--vocab-size", "259"]
    with pytest.raises(ValueError, match=f"test pair 2: its {side} has 9.. tokens.* takes 256"):
        train.main(options)


def test_batches(tokenizer):
    with pytest.raises(ValueError, match=says("a batch needs at least one sentence pair")):
        collate([])
    with pytest.raises(ValueError, match=says("a sentence of 9 tokens does not fit")):
        Loader([Pair([5] * 9, [5])], max_tokens=8)


def test_a_wrong_answer_never_stops_a_run(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for answer in (None, 3, "x", lambda *_: 1 / 0, lambda: None, torch.zeros(2)):
            check("2.1", answer)
    assert capsys.readouterr().out.count("2.1") == 6
    with pytest.raises(ValueError, match=says('there is no exercise "99.1"')):
        check("99.1", None)

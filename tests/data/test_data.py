"""Corpora, tokenizer, batches."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command.scores import moses
from utils.data import (
    END,
    PAD,
    START,
    Loader,
    Pair,
    collate,
    encode_pairs,
    load_corpus,
    show_tokens,
    split_words,
    train_tokenizer,
)

MULTI30K = Path(__file__).parents[3] / "shared" / "data" / "multi30k"


@pytest.fixture(scope="module")
def corpus():
    return load_corpus("embedded")


@pytest.fixture(scope="module")
def tokenizer(corpus):
    return train_tokenizer([*corpus["train"]["en"], *corpus["train"]["de"]], 1000)


def test_embedded_corpus(corpus):
    assert set(corpus) == {"train", "validation", "test", "unseen"}
    assert corpus["train"].column_names == ["en", "de", "alignment"]
    assert corpus["train"].info.dataset_name == "embedded"
    row = corpus["test"][0]
    links = [tuple(map(int, link.split("-"))) for link in row["alignment"].split()]
    assert max(i for i, _ in links) < len(split_words(row["en"]))
    assert max(j for _, j in links) < len(split_words(row["de"]))


@pytest.mark.skipif(not MULTI30K.is_dir(), reason=f"needs a copy of Multi30k at {MULTI30K}")
def test_multi30k(monkeypatch):
    monkeypatch.setenv("MULTI30K_DIR", os.fspath(MULTI30K))
    corpus = load_corpus("multi30k")
    sizes = {split: len(rows) for split, rows in corpus.items()}
    assert sizes == {"train": 29_000, "validation": 1_014, "test": 1_000}
    assert corpus["train"].info.dataset_name == "multi30k"
    assert corpus["train"][0]["de"].startswith("Zwei junge weiße Männer")


@pytest.mark.skipif(not MULTI30K.is_dir(), reason=f"needs a copy of Multi30k at {MULTI30K}")
def test_the_references_are_cut_as_wu_et_al_cut_them(monkeypatch):
    """Their log (github.com/LividWo/Revisit-MMT) prints reflen=12103 for the German test split."""
    pytest.importorskip("sacremoses")
    monkeypatch.setenv("MULTI30K_DIR", os.fspath(MULTI30K))
    references = moses(load_corpus("multi30k")["test"]["de"][:], "de")
    assert sum(len(sentence.split()) for sentence in references) == 12_103


def test_a_folder_of_ones_own(tmp_path):
    """Text stays text, whatever it looks like; a BOM and Windows's line ends are no part of it."""
    for split in ("train", "validation", "test"):
        lines = ["digits\twords", "007\tnull", 'NA\t"', "1e3\tnan"]
        ending = "\r\n" if split == "test" else "\n"
        text = ("\ufeff" if split == "test" else "") + ending.join(lines) + ending
        (tmp_path / f"{split}.tsv").write_bytes(text.encode())
    corpus = load_corpus(str(tmp_path))
    for rows in corpus.values():
        assert rows[:] == {"digits": ["007", "NA", "1e3"], "words": ["null", '"', "nan"]}
        assert rows.info.dataset_name == tmp_path.name


def test_split_words():
    found = split_words("Heute, sagt er, schläft die Katze nicht.")
    assert found == ["Heute", ",", "sagt", "er", ",", "schläft", "die", "Katze", "nicht", "."]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_survives_the_tokenizer(tokenizer, text):
    ids = tokenizer.encode(text).ids
    assert tokenizer.decode(ids).strip() == text.strip()
    assert not {PAD, START, END} & set(ids)


def test_special_tokens_typed_by_a_reader_are_text(tokenizer):
    ids = tokenizer.encode("The <end> is <pad> near.").ids
    assert not {PAD, START, END} & set(ids)
    assert tokenizer.decode(ids).strip() == "The <end> is <pad> near."


def test_training_a_tokenizer_twice_gives_the_same(corpus, tokenizer):
    again = train_tokenizer([*corpus["train"]["en"], *corpus["train"]["de"]], 1000)
    assert again.to_str() == tokenizer.to_str()


def test_show_tokens(tokenizer):
    shown = show_tokens(tokenizer, [START, *tokenizer.encode("the old man").ids, END, PAD])
    assert shown[0] == "<start>" and shown[-2:] == ["<end>", "<pad>"]
    assert "".join(shown[1:-2]).replace("_", " ").strip() == "the old man"


def test_batch_shifts_and_masks():
    batch = collate([Pair([5, 6, END], [7, 8, END]), Pair([5, END], [9, END])])
    assert batch.source.tolist() == [[5, 6, END], [5, END, PAD]]
    assert batch.target_in.tolist() == [[START, 7, 8], [START, 9, PAD]]
    assert batch.target_out.tolist() == [[7, 8, END], [9, END, PAD]]
    assert batch.tokens == 5
    assert repr(batch) == "Batch(source (2, 3), target_in (2, 3), target_out (2, 3))"
    assert batch.to("cpu").source.tolist() == batch.source.tolist()


pairs = st.lists(
    st.builds(
        lambda a, b: Pair([3] * a + [END], [4] * b + [END]), st.integers(1, 20), st.integers(1, 20)
    ),
    min_size=1,
    max_size=80,
)


@settings(max_examples=50, deadline=None)
@given(pairs=pairs, budget=st.integers(21, 100), shuffle=st.booleans(), seed=st.integers(0, 99))
def test_batches_hold_every_pair_once_within_the_budget(pairs, budget, shuffle, seed):
    loaded = Loader(pairs, budget, shuffle, seed)
    found = sorted(row for batch in loaded.batches for row in batch)
    assert found == list(range(len(pairs)))
    for batch in loaded:
        assert max(batch.source.numel(), batch.target_out.numel()) <= budget


def test_epochs_differ_and_repeat():
    pairs = [Pair([3] * (i % 9 + 1), [4]) for i in range(200)]
    loaded = Loader(pairs, 40, shuffle=True, seed=3)
    orders = []
    for epoch in (0, 1, 0):
        loaded.set_epoch(epoch)
        orders.append(loaded.batches)
    assert orders[0] == orders[2] != orders[1]
    assert {frozenset(b) for b in orders[0]} != {frozenset(b) for b in orders[1]}
    sizes = [max(loaded.budget[row] for row in batch) for batch in orders[0]]
    assert sizes != sorted(sizes)
    assert Loader(pairs, 40, shuffle=True, seed=4).batches != orders[0]


def test_pairs_end_with_the_end_token(corpus, tokenizer):
    rows = corpus["validation"].select(range(20))
    for pair, row in zip(encode_pairs(tokenizer, rows), rows, strict=True):
        assert pair.source[-1] == pair.target[-1] == END
        assert tokenizer.decode(pair.target).strip() == row["de"]

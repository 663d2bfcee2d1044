"""An OPUS-MT (Marian) model's weights in the course's Transformer, held against the library's."""

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("transformers", reason="it has no version for Python 3.10")

from benchmarks import real_weights
from benchmarks.real_weights import RESULT, both_scores, difference
from transformer import decoding
from transformer import inference as plain
from transformer.alignment import strongest, true_links, word_map
from transformer.decoder import Transformer, greedy_decode
from transformer.marian import from_marian, word_of_pieces
from utils import opus
from utils.data import load_corpus, split_words
from utils.opus import (
    library_search,
    load_opus,
    random_case,
    random_marian,
    random_pieces,
)

PRECISIONS = [(torch.float32, 1e-5), (torch.float64, 1e-10)]
precisions = pytest.mark.parametrize(("dtype", "limit"), PRECISIONS, ids=["float32", "float64"])
seeds = st.integers(0, 1_000_000)


@precisions
@settings(max_examples=30, deadline=None, derandomize=True)  # 200 stand behind the stored result
@given(seed=seeds)
def test_scores_are_the_library_s(dtype, limit, seed):
    """Any sizes, three rows of source and target with padding."""
    assert difference(seed, dtype) < limit


def first_choice_is_close(model, row, one, other) -> bool:
    """Whether the two translations part at two tokens that have nearly the same score."""
    pairs = zip([*one, -1], [*other, -1], strict=False)
    step = next(n for n, (a, b) in enumerate(pairs) if a != b)
    target = torch.tensor([one[:step]], dtype=torch.long)
    start = torch.tensor([[model.config["start"]]])
    scores = model(row[None], torch.cat([start, target], dim=1))[0, -1]
    two = scores.topk(2).values
    return bool(two[0] - two[1] < 1e-4)


@precisions
@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=seeds)
def test_greedy_translations_are_the_library_s(dtype, limit, seed):
    model, source, _ = random_case(seed, dtype)
    ours = from_marian(model)
    right = library_search(model, extra=6)(None, source)
    mine = decoding.greedy_search(ours, source, extra=6)
    for row, one, other in zip(source, mine, right, strict=True):
        assert one == other or first_choice_is_close(ours, row, one, other)
    if dtype == torch.float64:  # notebook 05's loop, and notebook 07's cache
        assert mine == greedy_decode(ours, source, extra=6)
        assert mine == plain.greedy_search(ours, source, extra=6)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=seeds, beam=st.integers(1, 5), alpha=st.sampled_from([0.0, 1.0]))
def test_a_batch_writes_what_each_writes_alone_and_all_searches_agree(seed, beam, alpha):
    model, source, _ = random_case(seed, torch.float64)
    ours, pad = from_marian(model), model.config.pad_token_id
    found = decoding.beam_search(ours, source, beam, alpha, extra=6)
    assert found == plain.beam_search(ours, source, beam, alpha, extra=6)
    for row, together in zip(source, found, strict=True):
        alone = row[row != pad][None]
        assert decoding.beam_search(ours, alone, beam, alpha, extra=6) == [together]
        assert not {pad, ours.config["start"], ours.config["end"]} & set(together)


@precisions
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=seeds)
def test_padding_and_batch_mates_change_nothing(dtype, limit, seed):
    model, source, target = random_case(seed, dtype)
    ours, pad = from_marian(model), model.config.pad_token_id
    _, together = both_scores(model, ours, source, target)
    alone = [
        both_scores(model, ours, s[s != pad][None], t[t != pad][None])[1]
        for s, t in zip(source, target, strict=True)
    ]
    # Other shapes are summed in another order: in the library's model the gap is as large
    assert (torch.cat(alone) - together).abs().max() < 10 * limit


def test_it_is_the_course_s_class_with_weights_of_its_own():
    model = random_marian(30)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    ours = from_marian(model)
    assert torch.equal(torch.rand(3), expected), "it drew random numbers"
    assert type(ours) is Transformer and not ours.training
    with torch.no_grad():
        for weight in ours.parameters():
            weight.zero_()
    after = model.state_dict()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())


def test_a_start_that_is_not_padding_and_another_end():
    model = random_marian(30, decoder_start_token_id=3, pad_token_id=7, eos_token_id=5)
    ours, source = from_marian(model), torch.tensor([[8, 9, 10, 5]])
    right, mine = both_scores(model, ours, source, torch.tensor([[4, 3, 6]]))
    assert (right - mine).abs().max() < 1e-5
    found = decoding.greedy_search(ours, source, extra=6)
    assert found == library_search(model, extra=6)(None, source)


def test_the_sizes_of_the_real_model():
    """Every size of opus-mt-en-de, its 74 million weights by chance."""
    sizes = {"vocab_size": 58101, "d_model": 512, "num_heads": 8, "d_ff": 2048, "num_layers": 6}
    model = random_marian(**sizes, max_length=512)
    assert model.num_parameters() > 74_000_000
    ours = from_marian(model)
    source = torch.tensor([[17, 58_000, 3, 0], [5, 0, 58_100, 58_100]])
    right, mine = both_scores(model, ours, source, torch.tensor([[4, 9, 2], [8, 1, 58_100]]))
    assert right.shape == (7, 58_100) and (right - mine).abs().max() < 1e-4
    found = decoding.greedy_search(ours, source, extra=2)
    assert found == library_search(model, extra=2)(None, source)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation_function": "gelu"}, "activation_function = 'gelu' is not known here"),
        ({"scale_embedding": False}, "scale_embedding = False is not known here"),
        ({"normalize_before": True}, "normalize_before = True is not known here"),
        ({"normalize_embedding": True}, "normalize_embedding = True is not known here"),
        ({"add_final_layer_norm": True}, "add_final_layer_norm = True is not known here"),
        ({"encoder_layers": 3}, "encoder_layers = 3, decoder_layers = 2: must be the same"),
        ({"encoder_ffn_dim": 8}, "encoder_ffn_dim = 8, decoder_ffn_dim = 64"),
        ({"decoder_attention_heads": 2}, "encoder_attention_heads = 4, decoder_attention_heads"),
        ({"share_encoder_decoder_embeddings": False}, "share_encoder_decoder_embeddings = False"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings = False"),
        ({"eos_token_id": [0, 1]}, r"eos_token_id = \[0, 1\] is not one id"),
    ],
    ids=str,
)
def test_what_it_does_not_know_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        from_marian(random_marian(30, **changes))


def test_what_no_config_tells_is_refused_too():
    model = random_marian(30)
    with torch.no_grad():
        model.model.decoder.embed_positions.weight[3, 2] += 0.5
    with pytest.raises(ValueError, match="learned positions"):
        from_marian(model)
    model = random_marian(30)
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight + 1)
    with pytest.raises(ValueError, match="several tables"):
        from_marian(model)
    for other in (model.model, torch.nn.Linear(2, 2), Transformer(9, 8, 2, 8, 1)):
        with pytest.raises(ValueError, match=f"needed, not a {type(other).__name__}"):
            from_marian(other)


@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(st.lists(st.text("abcü,", min_size=1, max_size=5), max_size=3), max_size=6),
    data=st.data(),
)
def test_each_piece_finds_its_word(text, data):
    """Words stand in groups, without a space between those of a group; cut where it may be."""
    words, pieces, right, number = [], [], [], 0
    for group in filter(None, text):
        owners = [number + n for n, word in enumerate(group) for _ in word]
        letters, number = "".join(group), number + len(group)
        words += group
        cuts = data.draw(st.sets(st.integers(1, len(letters))))
        alone = data.draw(st.booleans())
        ends = sorted({*cuts, len(letters)})
        parts = [letters[a:b] for a, b in pairwise([0, *ends])]
        pieces += ["▁", *parts] if alone else ["▁" + parts[0], *parts[1:]]
        right += [owners[0]] * alone + [owners[end - 1] for end in ends]
    assert word_of_pieces(pieces, words) == right
    with pytest.raises(ValueError, match="other letters"):
        word_of_pieces([*pieces, "x"], words)


def test_every_sentence_of_the_corpus_is_found_in_pieces():
    rows = load_corpus("embedded")["test"]
    tokenizer = random_pieces([*rows["en"], *rows["de"]])
    for text in [*rows["en"][:100], *rows["de"][:100]]:
        words, found = split_words(text), tokenizer.encode(text)
        numbers = word_of_pieces(found.tokens, words)
        assert numbers == sorted(numbers) and numbers[-1] == len(words) - 1
        assert tokenizer.decode(found.ids) == text
    assert tokenizer.token_to_id("<pad>") == tokenizer.get_vocab_size() - 1


def test_a_word_that_owns_no_piece_has_no_link_and_no_nan():
    """Of a piece with two words' letters the last gets it: "▁war." leaves "war" nothing."""
    rows = load_corpus("embedded")["test"]
    validation = load_corpus("embedded")["validation"]
    tokenizer = random_pieces([*validation["en"], *validation["de"]])  # as lab 08 has it
    without = 0
    for row in rows:
        words = [
            word_of_pieces(tokenizer.encode(row[side]).tokens, split_words(row[side])) + [-1]
            for side in ("de", "en")
        ]
        found = word_map(torch.rand(2, *map(len, words)).softmax(dim=-1), *words)
        linked = torch.tensor([number in words[0] for number in range(max(words[0]) + 1)])
        assert found.isfinite().all()
        assert strongest(found).sum(dim=-1).equal(linked.long().expand(2, -1))
        assert true_links(row["alignment"], *words).shape == found.shape[1:]
        without += not linked.all()
    assert len(rows) == 1000 and without > 50


def test_the_command_holds_a_random_model_against_the_library(tmp_path):
    options = ["--random", "--sentences", "4", "--aligned", "3", "--beam", "2"]
    result = real_weights.main([*options, "--out", str(tmp_path)])
    [file] = tmp_path.glob("real-weights-*.json")
    assert json.loads(file.read_text(encoding="utf8")) == json.loads(json.dumps(result))
    assert result["scores"]["largest difference"] < 1e-4
    assert result["translations"]["greedy"]["the same"] == 4
    assert torch.tensor(result["alignment error"]).shape == (2, 4)
    found = real_weights.main(["--parity", "3", "--out", str(tmp_path)])
    assert found["float64"]["equal to generate's"] == found["float64"]["greedy translations"] == 9


def test_the_stored_parity_is_that_of_200_models():
    stored = json.loads(RESULT.read_text(encoding="utf8"))
    assert stored["configurations"] >= 200
    for name, limit in (("float32", 1e-5), ("float64", 1e-10)):
        assert stored[name]["largest difference of the scores"] < limit
        assert stored[name]["equal to generate's"] == stored[name]["greedy translations"] >= 600


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(opus, "find_spec", lambda name: None if name == "sacremoses" else 1)
    with pytest.raises(ModuleNotFoundError, match="needs sacremoses: run  pip install sacremoses"):
        load_opus()
    random_marian(9)  # which needs less
    monkeypatch.setattr(opus, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="needs transformers: run  pip install"):
        random_marian(9)


def test_a_hub_out_of_reach_is_one_clear_sentence(monkeypatch):
    monkeypatch.setattr(opus, "find_spec", lambda name: True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ConnectionError, match="no/such-model is not on this machine, and the hub"):
        load_opus("no/such-model")


def test_the_way_of_a_real_model_from_its_files(tmp_path, monkeypatch):
    """A tiny OPUS-MT model in a folder, with SentencePiece tokenizers: read, held, aligned."""
    sentencepiece = pytest.importorskip("sentencepiece", reason="only a real model needs it")
    pytest.importorskip("sacremoses")
    folder = tiny_opus(sentencepiece, tmp_path / "tiny")
    model, english, german = load_opus(str(folder))
    text = "The man did not carry the box."
    assert english.decode(english.encode(text).ids) == text
    assert english.encode(text).ids + [0] == english.tokenizer(text).input_ids
    odd = english.encode("They zip Ω.")  # a letter that no piece has
    assert len(odd.tokens) == len(odd.ids)
    assert word_of_pieces(odd.tokens, ["They", "zip", "Ω", "."])[-1] == 3
    words = word_of_pieces(german.encode("Er schläft, weil").tokens, ["Er", "schläft", ",", "weil"])
    assert words == sorted(words) and words[-1] == 3
    for name in ("train", "val", "test"):
        lines = [json.dumps({"en": "A dog sleeps.", "de": "Ein Hund schläft."})] * 3
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf8")
    monkeypatch.setenv("MULTI30K_DIR", str(tmp_path))
    options = ["--model", str(folder), "--sentences", "3", "--aligned", "5", "--beam", "2"]
    result = real_weights.main([*options, "--out", str(tmp_path)])
    assert result["corpus"] == "multi30k" and result["translations"]["greedy"]["the same"] == 3
    ids = english.tokenizer([text], return_tensors="pt")
    right = model.generate(**ids, num_beams=1, do_sample=False, max_new_tokens=9)
    mine = decoding.greedy_search(from_marian(model), ids.input_ids, extra=9)
    assert mine[0][:8] == [token for token in right[0, 1:9].tolist() if token != 0]


def tiny_opus(sentencepiece, folder: Path) -> Path:
    """The files of an OPUS-MT model: what `from_pretrained` reads."""
    from transformers import MarianTokenizer

    folder.mkdir()
    rows = load_corpus("embedded")["validation"]
    (folder / "text").write_text("\n".join([*rows["en"], *rows["de"]]), encoding="utf8")
    trained = SimpleNamespace(**{n: str(folder / f"{n}.spm") for n in ("source", "target")})
    for name in ("source", "target"):
        sentencepiece.SentencePieceTrainer.train(
            input=str(folder / "text"),
            model_prefix=str(folder / name),
            vocab_size=300,
            minloglevel=2,
        )
        (folder / f"{name}.model").rename(folder / f"{name}.spm")
    pieces = sentencepiece.SentencePieceProcessor(model_file=trained.source)
    names = [pieces.id_to_piece(n) for n in range(3, len(pieces))]
    vocabulary = {name: n for n, name in enumerate(["</s>", "<unk>", *names, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf8")
    tokenizer = MarianTokenizer(trained.source, trained.target, str(folder / "vocab.json"))
    tokenizer.save_pretrained(folder)
    random_marian(len(vocabulary)).save_pretrained(folder)
    return folder

"""The last evening: the whole Transformer in one piece is accepted and translates as the course's;
of a mistake in it, the box is named."""

import math
from pathlib import Path

import nbformat
import pytest
import torch

from by_heart.source import bare
from exercises import find
from exercises.check import Exercise, source, verdict
from exercises.last_evening import SENTENCES, take_over
from transformer import attention, decoder, encoder, heads

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "08_by_heart.ipynb"
BLOCKS = [
    *(attention.padding_mask, attention.causal_mask, attention.attention),
    heads.MultiHeadAttention,
    *(encoder.positional_encoding, encoder.Embedding, encoder.FeedForward, encoder.LayerNorm),
    *(encoder.EncoderLayer, encoder.Encoder, decoder.DecoderLayer, decoder.Decoder),
    *(decoder.xavier, decoder.arguments, decoder.Transformer),
]
WHOLE = "\n\n".join(bare(source(block)) for block in BLOCKS)
HEADS = "F.scaled_dot_product_attention(q, keys, values, mask, dropout)"
NORM = "F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)"
OWN_NORM = "(x - x.mean(-1, True)) / ({}) * self.weight + self.bias"
FIRST_NORM = "look first at encoder.layers.0.norm1: mean and variance"
# The edits, and the box that is named
MISTAKES = {
    "no √d_k": ((HEADS, "attention(q * self.d_k**0.5, keys, values, mask)[0]"), "self_attention"),
    "softmax over queries": (
        (HEADS, "(q @ keys.mT / self.d_k**0.5).softmax(dim=-2) @ values"),
        "self_attention",
    ),
    "heads not put back": (
        ("heads.transpose(1, 2).flatten(2)", "heads.reshape(x.shape)"),
        "look first at encoder.layers.0.self_attention: ",
    ),
    "keys from the values": (("self.w_k(key)", "self.w_k(query)"), "cross_attention"),
    "half √d_model": (("math.sqrt(self.table.embedding_dim)", "2"), "embedding"),
    "sine and cosine": (("[angle.sin(), angle.cos()]", "[angle.cos(), angle.sin()]"), "embedding"),
    "another base": (("10_000", "1_000"), "embedding"),
    "places side by side": (("dim=-1).flatten(1).float", "dim=1).flatten(1).float"), "embedding"),
    "no ReLU": (("F.relu(self.linear1(x))", "self.linear1(x)"), "feed_forward"),
    "eps outside": ((NORM, OWN_NORM.format("x.std(-1, keepdim=True) + self.eps")), FIRST_NORM),
    "norm over the sentence": (
        (NORM, OWN_NORM.format("x.std(1, keepdim=True) + 1")),
        FIRST_NORM,
    ),
    "no skip in the encoder": (
        (
            "return x + self.dropout(self.feed_forward(self.norm2(x)))",
            "return self.dropout(self.feed_forward(self.norm2(x)))",
        ),
        "encoder.layers.0",
    ),
    "no skip in the decoder": (
        (
            "return x + self.dropout(self.feed_forward(self.norm3(x)))",
            "return self.dropout(self.feed_forward(self.norm3(x)))",
        ),
        "decoder.layers.0",
    ),
    "one layer twice": (
        ("x = layer(x, mask)", "x = self.layers[0](x, mask)"),
        "look first at encoder: ",
    ),
    "the decoder asks itself": (
        ("self.cross_attention(x, memory, memory,", "self.cross_attention(x, x, x,"),
        "decoder.layers.0",
    ),
    "shifted scores": (
        ("self.embedding.table.weight)\n", "self.embedding.table.weight) * 0.5\n"),
        "the model itself",
    ),
    "causal mask too wide": ((".tril()", ".tril(1)"), "the causal mask"),
    "padding masked by half": (
        ("(ids != pad)[:, None, None, :]", "(ids != -1)[:, None, None, :]"),
        "the padding mask",
    ),
}


def written(*edits):
    """The class of an answer that is the whole text, with edits."""
    text = WHOLE
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    names = {"torch": torch, "math": math, "nn": torch.nn, "Tensor": torch.Tensor}
    exec("import torch.nn.functional as F\nfrom typing import Any\n" + text, names)
    return names["Transformer"]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused_at_its_box(name):
    edit, box = MISTAKES[name]
    said = verdict(find("8.1"), written(edit))
    assert said.startswith("✗ 8.1 ") and box in said


@pytest.fixture(scope="module", autouse=True)
def known_results():
    """What the solution and the known mistakes give is computed once."""
    real, known = Exercise.results, {}

    def results(self, answer):
        if not any(answer is each for each in (self.solution, *self.mistakes.values())):
            return real(self, answer)
        if id(answer) not in known:
            known[id(answer)] = real(self, answer)
        return known[id(answer)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Exercise, "results", results)
        yield


def test_the_whole_text_is_accepted_and_translates_as_the_course_does(capsys):
    assert verdict(find("8.1"), written()).startswith("● 8.1 correct.")
    assert isinstance(take_over(written()), torch.nn.Module)
    count = len(SENTENCES)
    assert capsys.readouterr().out.startswith(f"● {count} of {count} sentences translated as")


def test_another_right_way_is_right_and_translates_alike():
    """The five-line attention, a norm by hand, no dropout."""
    own = OWN_NORM.format("(x.var(-1, unbiased=False, keepdim=True) + self.eps).sqrt()")
    make = written(
        (HEADS, "attention(q, keys, values, mask)[0]"), (NORM, own), ("self.dropout(", "(")
    )
    assert verdict(find("8.1"), make).startswith("● 8.1 correct.")
    assert take_over(make) is not None


def test_a_class_that_differs_does_not_translate_alike_and_its_box_is_named(capsys):
    edit, _ = MISTAKES["no ReLU"]
    assert take_over(written(edit)) is None
    said = capsys.readouterr().out
    assert said.startswith(f"✗ sentence 1 of {len(SENTENCES)}")
    assert "look first at encoder.layers.0.feed_forward: linear1, the ReLU" in said


def test_what_is_no_class_yet_or_stops_is_said_and_stops_nothing(capsys):
    def broken(*sizes, norm_first):
        raise RuntimeError("size mismatch")

    def leaving(*sizes, norm_first):
        raise SystemExit(1)

    assert take_over(None) is take_over(broken) is take_over(leaving) is take_over(3) is None
    said = capsys.readouterr().out
    assert "✗ leaving stopped: SystemExit: 1" in said and "✗ your class stopped: TypeError" in said
    assert "○ no class yet" in said and "✗ broken stopped: RuntimeError: size mismatch" in said


def test_other_names_are_said_in_words(capsys):
    assert take_over(written(("w_q", "query_layer"))) is None
    said = capsys.readouterr().out
    assert "Missing: encoder.layers.0.self_attention.w_q.weight" in said


def test_the_folded_solution_is_the_text_of_the_blocks():
    """In notebook 08: the exported blocks, without docstrings, comments and checks."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    [folded] = [cell.source for cell in cells if "<summary>Solution</summary>" in cell.source]
    assert WHOLE.replace("class Transformer(", "class TransformerByHeart(") in folded

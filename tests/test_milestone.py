"""Notebook 05's milestone: of a Transformer with one broken box it names that box."""

from functools import partial

import pytest

from exercises.check import edited
from exercises.milestone import likeliest_broken
from transformer.decoder import DecoderLayer, Transformer

CAUSAL = "causal_mask(target.size(1), target.device) & "
BOTH = [(f"self.embedding({ids})", f"self.embedding.table({ids})") for ids in ("source", "target")]
BROKEN = {
    "the causal mask": (CAUSAL, ""),
    "cross-attention": ("memory, mask,", "0 * memory, mask,"),
    "the positional encoding": BOTH[0],
    "the decoder's way in": ("self.embedding(target)", "0 * self.embedding(target)"),
    "the padding mask": (", padding_mask(source, pad))", ")"),
    "the start": (
        "xavier(self.encoder, self.decoder)",
        "nn.init.normal_(self.embedding.table.weight)",
    ),
}


def built(make):
    return partial(make, 13, 64, 4, 128, 1, norm_first=True)


@pytest.mark.parametrize("box", BROKEN)
def test_it_names_the_broken_box(box):
    edits = BROKEN[box]
    assert likeliest_broken(built(edited(Transformer, edits))).startswith(f"{box}: ")


def test_it_names_a_layer_that_does_not_look_back():
    def make():
        model = built(Transformer)()
        blind = edited(DecoderLayer, ("self.self_attention(y, y, y, mask)", "0 * x"))
        model.decoder.layers[0] = blind(64, 4, 128, norm_first=True)
        return model

    assert likeliest_broken(make).startswith("masked self-attention: ")


def test_it_names_what_no_gradient_reaches():
    def make():
        model = built(Transformer)()
        model.decoder.norm.weight.requires_grad_(False)
        return model

    assert likeliest_broken(make).startswith("decoder.norm.weight: no gradient reaches it")


@pytest.mark.parametrize("norm_first", [False, True])
def test_of_a_whole_transformer_it_names_no_box(norm_first):
    said = likeliest_broken(partial(Transformer, 13, 64, 4, 128, 1, norm_first=norm_first))
    assert said.startswith("no single box: ")

"""Notebook 05's milestone: of a Transformer with one broken box it names that box."""

from functools import partial

import pytest
import torch

from exercises.check import edited
from exercises.milestone import likeliest_broken, milestone
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


def reversing(count):
    source = torch.randint(3, 13, (count, 6))
    start, end = torch.full((count, 1), 1), torch.full((count, 1), 2)
    return source, torch.cat([start, source.flip(1), end], dim=1)


def untrained(make):
    return make(13, 64, 4, 128, 1, norm_first=True).eval(), 2.6


def knowing(make):
    """A model that has nothing to learn: it scores the right token highest."""

    def model(source, target):
        answers = torch.cat([source[:, :6].flip(1), torch.full((len(source), 1), 2)], dim=1)
        return torch.nn.functional.one_hot(answers[:, : target.size(1)], 13).float()

    return model, 0.0


def test_the_mark_is_reached(capsys):
    assert milestone(Transformer, knowing, reversing, mark=160) == 200
    assert capsys.readouterr().out.startswith("● Transformer writes 200 of 200 rows")


def test_a_model_that_reads_padding_does_not_reach_it(capsys):
    def reading_padding(make):
        model, loss = knowing(make)
        return lambda source, target: model(source, target) + source.size(1) / 100, loss

    assert milestone(Transformer, reading_padding, reversing, mark=160) == 0
    assert "Look first at the padding mask" in capsys.readouterr().out


def test_it_is_not_reached_and_the_box_is_named(capsys):
    broken = edited(Transformer, (CAUSAL, ""))
    assert milestone(broken, untrained, reversing, mark=160) < 160
    assert "Look first at the causal mask" in capsys.readouterr().out


def test_what_a_learners_class_raises_is_said_and_stops_nothing(capsys):
    def make(*sizes, norm_first):
        raise RuntimeError("size mismatch")

    def leaving(*sizes, norm_first):
        raise SystemExit(1)

    for answer, said in (
        (make, "make stopped: RuntimeError: size mismatch"),
        (leaving, "leaving stopped: SystemExit: 1"),
        (partial(make, 1), "your class stopped: RuntimeError"),
        (3, "your class stopped: TypeError"),
    ):
        assert milestone(answer, untrained, reversing, mark=160) == 0
        assert said in capsys.readouterr().out


def test_a_model_that_sees_later_tokens_does_not_reach_it(capsys):
    def looking_ahead(make):
        model, loss = knowing(make)
        return lambda s, t: model(s, t) + t.sum(1)[:, None, None] / 100, loss

    assert milestone(Transformer, looking_ahead, reversing, mark=160) == 0
    assert "Look first at the causal mask" in capsys.readouterr().out

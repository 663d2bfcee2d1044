"""Weights for a learner's module: by name, in whatever order they are named, or a clear refusal."""

import pytest
import torch
from torch import Tensor, nn

from utils.checks import Exercise, check, verdict
from utils.copied import with_weights


class Scorer(nn.Module):
    """Two layers whose order matters: a reference to compare with."""

    def __init__(self, d, bias=False):
        super().__init__()
        self.w_q, self.w_k = nn.Linear(d, d, bias=bias), nn.Linear(d, d, bias=bias)

    def forward(self, x: Tensor):
        return self.w_q(x) @ self.w_k(x).mT


class OtherNames(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.keys, self.queries = nn.Linear(d, d, bias=False), nn.Linear(d, d, bias=False)

    def forward(self, x):
        return torch.einsum("id,jd->ij", self.queries(x), self.keys(x))


class Transposed(Scorer):
    def forward(self, x):
        return super().forward(x).mT


class OneLayer(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.both = nn.Linear(d, 2 * d, bias=False)


def weights(d):
    generator = torch.Generator().manual_seed(0)
    return {f"{name}.weight": torch.randn(d, d, generator=generator) for name in ("w_q", "w_k")}


EXERCISE = Exercise(
    number="0.1",
    solution=Scorer,
    adapt=with_weights(weights, Scorer),
    cases=[((3,), (torch.eye(4, 3),)), ((2,), (torch.eye(2),))],
    mistakes={"queries come first.": Transposed},
)


@pytest.mark.parametrize("answer", [Scorer, OtherNames, lambda d: Scorer(d, bias=True)])
def test_names_and_biases_do_not_matter(answer):
    assert verdict(EXERCISE, answer) == "● 0.1 correct."


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "○ 0.1 not solved yet"),
        (Transposed, "✗ 0.1 queries come first."),
        (OneLayer, "it expects w_q.weight (3, 3), w_k.weight (3, 3); yours has both.weight (6, 3)"),
        (lambda d: nn.Identity(), "yours has no parameters"),
        (lambda d: 3, "the check needs a class built on nn.Module"),
    ],
)
def test_what_the_learner_reads(answer, words):
    assert words in verdict(EXERCISE, answer)


def test_check_compares_with_the_notebooks_own(monkeypatch, capsys):
    class Own(Scorer):
        def forward(self, x):
            return 2 * super().forward(x)

    monkeypatch.setattr("utils.checks.find", lambda number: EXERCISE)
    check("0.1", Scorer)
    assert capsys.readouterr().out.startswith("● 0.1 correct.")
    check("0.1", Scorer, Own)
    assert capsys.readouterr().out.startswith("✗ 0.1")
    check("0.1", Own, Own)
    assert capsys.readouterr().out.startswith("● 0.1 correct.")

"""Weights for a learner's module: by name, or a clear refusal."""

import pytest
import torch
from torch import Tensor, nn

from exercises.check import Exercise, verdict
from exercises.weights import with_weights


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


EXERCISE = Exercise(
    number="0.1",
    solution=Scorer,
    adapt=with_weights(Scorer),
    cases=[((3,), (torch.eye(4, 3),)), ((2,), (torch.eye(2),), {"bias": False})],
    mistakes={"queries come first.": Transposed},
)


class ManyNames(nn.Module):
    def __init__(self, d, bias=False):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(d, d, bias=bias) for _ in range(8))


class WithABuffer(Scorer):
    """And with a second name for a layer."""

    def __init__(self, d, bias=False):
        super().__init__(d, bias)
        self.register_buffer("places", torch.ones(d))
        self.query = self.w_q

    def forward(self, x):
        return self.places * self.query(x) @ self.w_k(x).mT


class Narrow(Scorer):
    def __init__(self, d, bias=False):
        super().__init__(d, bias)
        self.w_k = nn.Linear(d, 1)


@pytest.mark.parametrize("answer", [Scorer, WithABuffer])
def test_layers_of_the_right_names_are_filled(answer):
    assert verdict(EXERCISE, answer) == "● 0.1 correct."


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "○ 0.1 not solved yet"),
        (Transposed, "✗ 0.1 queries come first."),
        (OtherNames, "do not fit. Missing: w_q.weight, w_k.weight; too many: keys.weight, queries"),
        (lambda d: Scorer(d, bias=True), "do not fit. Too many: w_q.bias, w_k.bias. Name and"),
        (Narrow, "w_k.bias; of another shape: w_k.weight should be (3, 3), not (1, 3). Name and"),
        (ManyNames, "layers.4.weight, layers.5.weight and 2 more. Name and size them as"),
        (lambda d: 3, "the check needs a class built on nn.Module"),
    ],
)
def test_names_that_do_not_fit_are_named(answer, words):
    assert words in verdict(EXERCISE, answer)

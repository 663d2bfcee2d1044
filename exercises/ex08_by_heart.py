"""The exercise of notebook 08, by heart: the whole Transformer, on a blank page."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import nn

import exercises.ex05_decoder as notebook_05
from exercises.boxes import first_broken_box, leak, look_first
from exercises.weights import load, random_weights
from transformer.decoder import Transformer

SOURCE, TARGET = torch.tensor([[5, 6, 7, 3, 9]]), torch.tensor([[1, 3, 4, 5, 6]])


def pairs(make: Callable[..., nn.Module]) -> list[tuple[str, tuple, nn.Module, nn.Module]]:
    """For both norm orders: its name, ids with padding, the learner's model and the course's, with
    the same weights."""
    found = []
    for sizes, ids, options in notebook_05.TRANSFORMER.cases:
        models = [kind(*sizes, **options).eval() for kind in (make, Transformer)]
        for model in models:
            load(model, random_weights(models[1]))
        found.append(("pre-norm" if options["norm_first"] else "post-norm", ids, *models))
    return found


def likeliest_box(make: Callable[..., nn.Module]) -> str:
    """Which box of the learner's own does something else, in words: first where no mask hides
    anything, then what is seen and should not be, then the rest."""
    try:
        both = pairs(make)
    except ValueError as error:  # a last norm is missing, or a table is one too many
        return str(error)
    for order, _, mine, right in both:
        box = first_broken_box(mine, right, SOURCE, TARGET[:, :1])
        if box is not None:
            return f"in {order}, {look_first(box)}"
    for _, _, mine, _ in both:
        if seen := leak(mine, SOURCE, TARGET):
            return seen
    for order, ids, mine, right in both:
        box = first_broken_box(mine, right, *ids)
        if box is not None:
            return f"in {order}, {look_first(box)}"
    return "no single box gives something else: is anything random, or does an input change?"


# As exercise 5.5, but every part is the learner's own: where it makes none of the mistakes that one
# makes in Transformer, the parts are compared
WHOLE = replace(
    notebook_05.TRANSFORMER,
    number="8.1",
    praise="Every line of the Transformer of 2017, by heart.",
    advise=likeliest_box,
)

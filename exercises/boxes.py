"""Which box of a learner's whole model is the first to give something else than the course's.

Both models hold the same weights under the same names and read the same ids. Each call of a part
with a name is written down; the first whose output differs is the box, where what it was given is
the same, and the part around it where it is not.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor, nn

TOLERANCE = 1e-3
# What to look at, by the last word of a part's name
LOOK_AT = {
    "table": "the rows that it looks up are others.",
    "embedding": "√d_model, and the encoding of the places that is added.",
    "self_attention": "the split into heads and back, √d_k, the softmax's dimension, the mask.",
    "cross_attention": "who asks and who answers, and its mask; if self-attention is right.",
    "feed_forward": "linear1, the ReLU between, linear2.",
    "norm": "mean and variance over the last dimension, divided by d_model; eps inside the root.",
    "layers": "the skips, the order of its parts, and where the norms stand: post or pre.",
    "encoder": "all its layers in their order, each with the mask; in pre-norm one more norm.",
    "decoder": "all its layers in their order, each with the memory; in pre-norm one more norm.",
    "": "what the stacks are given and how the scores come out: hidden @ table.T, nothing more.",
}


@dataclass
class Call:
    """A part that was called: its name, the first thing that it was given, what came out."""

    name: str
    given: Tensor | None
    gave: Tensor


def calls(model: nn.Module, *ids: Tensor) -> list[Call]:
    """All calls of parts, in the order in which they end, the model itself last; where an error
    ends it, those until then."""
    found: list[Call] = []

    def keeper(name: str) -> Callable:
        def keep(part: nn.Module, inputs: tuple, options: dict, output) -> None:
            output = output[0] if isinstance(output, tuple) else output
            given = next(iter([*inputs, *options.values()]), None)
            if isinstance(output, Tensor):
                found.append(Call(name, given if isinstance(given, Tensor) else None, output))

        return keep

    hooks = [
        part.register_forward_hook(keeper(name), with_kwargs=True)
        for name, part in model.named_modules()
    ]
    try:
        with torch.no_grad(), suppress(Exception):  # whatever a learner's code may raise
            model(*ids)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def alike(mine: Tensor | None, right: Tensor | None) -> bool:
    """The same numbers, in whatever shape."""
    if mine is None or right is None or mine.numel() != right.numel():
        return mine is right
    return torch.allclose(mine.flatten().double(), right.flatten().double(), TOLERANCE, TOLERANCE)


def first_broken_box(mine: nn.Module, right: nn.Module, *ids: Tensor) -> str | None:
    """The name of the part that is likeliest wrong, "" for the model itself; None if none is."""
    known: dict[str, list[Call]] = {}
    for call in calls(mine, *ids):
        known.setdefault(call.name, []).append(call)
    for call in calls(right, *ids):
        if own := known.get(call.name):
            fits = (n for n, made in enumerate(own) if alike(made.given, call.given))
            answer = own.pop(next(fits, 0))  # a learner may embed the target first
            if not alike(answer.gave, call.gave):
                whole = call.name and alike(answer.given, call.given)
                return call.name if whole else around(call.name)
    return None


def around(name: str) -> str:
    """The part in which the part of that name is called; a list of layers calls nothing."""
    return name.rpartition(".")[0].removesuffix(".layers")


def look_first(name: str) -> str:
    """Where to look, in words, for the name of a part."""
    words = [word.rstrip("123") for word in name.split(".") if not word.isdigit()]
    advice = next((LOOK_AT[word] for word in reversed(words) if word in LOOK_AT), LOOK_AT[""])
    return f"look first at {name or 'the model itself'}: {advice}"


@torch.no_grad()
def leak(model: nn.Module, source: Tensor, target: Tensor) -> str:
    """What a position sees and should not, in words; "" if nothing. Ids without padding, which
    is 0."""
    scores, middle = model(source, target), target.size(1) // 2
    later, padding = target.clone(), torch.zeros_like(source)
    later[:, middle] = target[:, 0]
    if not alike(model(source, later)[:, :middle], scores[:, :middle]):
        return "look first at the causal mask: a position sees tokens that come after it."
    if not alike(model(torch.cat([source, padding], dim=1), target), scores):
        return "look first at the padding mask: padding behind the source changes the scores."
    return ""

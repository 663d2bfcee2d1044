"""For exercises that ask for a whole module: give it the same weights as the course's own."""

from collections.abc import Callable, Iterable, Iterator
from itertools import permutations

import torch
from torch import Tensor, nn


def with_weights(
    weights_for: Callable[..., dict[str, Tensor]], reference: Callable[..., nn.Module]
) -> Callable[[Callable], Callable]:
    """An `adapt` for Exercise: builds the learner's module, copies weights into it, calls it.

    A case is (arguments of the constructor, arguments of the call); weights_for(*arguments of the
    constructor) gives the weights by name. A module with other names gets them in every order that
    fits its shapes, and an order that agrees with `reference` counts.
    """

    def adapt(make: Callable) -> Callable:
        def call(arguments: tuple, inputs: tuple):
            module = None if make is None or make is ... else make(*arguments)
            if module is None:
                return None
            if not isinstance(module, nn.Module):
                raise TypeError("the check needs a class built on nn.Module")
            weights = weights_for(*arguments)
            right = filled(reference(*arguments), weights)(*inputs)
            results = []
            for assignment in assignments(module, weights):
                results.append(filled(module, assignment)(*inputs))
                if alike(results[-1], right):
                    return results[-1]
            return results[0]

        return call

    return adapt


def assignments(module: nn.Module, weights: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Ways to hand `weights` to `module`: by name, or else every way in which the shapes fit.

    A layer's weight and bias stay together. A bias that has no counterpart becomes 0.
    Raises ValueError, naming what was expected and what was found, when no way fits.
    """
    own = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    wanted = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if not any(name.endswith("bias") for name in wanted):
        own = {name: shape for name, shape in own.items() if not name.endswith("bias")}
    if own == wanted:
        yield weights
        return
    places, parts = layers(own), layers(wanted)
    orders = permutations(parts) if len(places) == len(parts) <= 4 else ()
    fits = 0
    for order in orders:
        renamed = {
            place + end: part + end
            for place, part in zip(places, order, strict=True)
            for end in parts[part]
        }
        if {a: wanted[b] for a, b in renamed.items()} == own:
            fits += 1
            yield {a: weights[b] for a, b in renamed.items()}
    if not fits:
        raise ValueError(
            "the check copies the notebook's weights into yours, and they do not fit: "
            f"it expects {listed(wanted)}; yours has {listed(own)}"
        )


def layers(names: Iterable[str]) -> dict[str, list[str]]:
    """["w_q.weight", "w_q.bias"] → {"w_q.": ["weight", "bias"]}"""
    found: dict[str, list[str]] = {}
    for name in names:
        layer, dot, end = name.rpartition(".")
        found.setdefault(layer + dot, []).append(end)
    return found


def listed(shapes: dict[str, tuple]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "no parameters"


@torch.no_grad()
def filled(module: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    for name, parameter in module.named_parameters():
        parameter.copy_(weights.get(name, torch.zeros(())))
    return module.eval()


def alike(mine, right) -> bool:
    """Whether two results (tensors, or tuples of them) agree to 1e-4."""
    if isinstance(right, tuple):
        same_length = isinstance(mine, (tuple, list)) and len(mine) == len(right)
        return same_length and all(alike(a, b) for a, b in zip(mine, right, strict=True))
    return (
        isinstance(mine, Tensor)
        and mine.shape == right.shape
        and torch.allclose(mine, right, atol=1e-4)
    )

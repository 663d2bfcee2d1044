"""As weights.py, for exercises that do not name the layers: tries the orders that fit."""

import math
from collections.abc import Callable, Iterator
from itertools import permutations, product

import torch
from torch import Tensor, nn

from exercises.check import difference
from exercises.weights import random_weights

MOST_ORDERS = 200  # tried when the learner's layers have other names


def with_weights(reference: Callable[..., nn.Module]) -> Callable[[Callable], Callable]:
    """An `adapt` for Exercise: builds the learner's module, copies weights into it, calls it.

    A case is (arguments of the constructor, arguments of the call). `reference`, a module that is
    right, says which weights there are; they are random, biases and norms too, and the same each
    time. A module with other names gets them in every order that fits its shapes, and an order
    that agrees with `reference` counts.
    """

    def adapt(make: Callable) -> Callable:
        def call(arguments: tuple, inputs: tuple):
            module = None if make is None or make is ... else make(*arguments)
            if module is None:
                return None
            if not isinstance(module, nn.Module):
                raise TypeError("the check needs a class built on nn.Module")
            model = reference(*arguments)
            weights = random_weights(model)
            right = filled(model, weights)(*inputs)
            results = []
            for assignment in assignments(module, weights):
                results.append(filled(module, assignment)(*inputs))
                if not difference(results[-1], right, tolerance=1e-4):
                    return results[-1]
            return results[0]

        return call

    return adapt


def assignments(module: nn.Module, weights: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Ways to hand `weights` to `module`: by name, or else every way in which the shapes fit.

    A layer's weight and bias stay together. Where `weights` has no bias, the module's become 0.
    Raises ValueError, naming what was expected and what was found, when no way fits or too many.
    """
    own = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    wanted = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if not any(name.endswith("bias") for name in wanted):
        own = {name: shape for name, shape in own.items() if not name.endswith("bias")}
    if own == wanted:
        yield weights
        return
    places, parts = by_kind(own), by_kind(wanted)
    fit = {kind: len(alike) for kind, alike in places.items()} == {
        kind: len(alike) for kind, alike in parts.items()
    }
    if not fit or math.prod(math.factorial(len(alike)) for alike in parts.values()) > MOST_ORDERS:
        raise ValueError(
            "the check copies the notebook's weights into yours, and "
            + ("cannot tell your layers apart by their shapes: " if fit else "they do not fit: ")
            + f"it expects {listed(wanted)}; yours has {listed(own)}"
        )
    for orders in product(*(permutations(parts[kind]) for kind in places)):
        yield {
            place + end: weights[part + end]
            for kind, order in zip(places, orders, strict=True)
            for place, part in zip(places[kind], order, strict=True)
            for end, _ in kind
        }


def by_kind(shapes: dict[str, tuple]) -> dict[tuple, list[str]]:
    """Layers with equal parameters together, as {(("weight", (3, 3)),): ["w_q.", "w_k."]}."""
    found: dict[str, list] = {}
    for name, shape in shapes.items():
        layer, dot, end = name.rpartition(".")
        found.setdefault(layer + dot, []).append((end, shape))
    kinds: dict[tuple, list[str]] = {}
    for layer, parameters in found.items():
        kinds.setdefault(tuple(sorted(parameters)), []).append(layer)
    return kinds


def listed(shapes: dict[str, tuple]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "no parameters"


@torch.no_grad()
def filled(module: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    for name, parameter in module.named_parameters():
        parameter.copy_(weights.get(name, torch.zeros(())))
    return module.eval()

"""For exercises that ask for a whole module: give it the same weights as the course's own."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

LISTED = 6  # names of parameters in one message


def with_weights(
    reference: Callable[..., nn.Module], change: Callable = lambda module, weights: weights
) -> Callable[[Callable], Callable]:
    """An `adapt` for an exercise: builds the learner's module, loads weights into it, calls it.

    A case is (positional arguments of the constructor, arguments of the call), and perhaps the
    constructor's keyword arguments. `reference`, a module that is right, says which weights there
    are and what they are called; they are random, biases and norms too, and the same each time.
    `change` may make others of them for this module.
    """

    def adapt(make: Callable) -> Callable:
        def call(arguments: tuple, inputs: tuple, options: dict | None = None):
            module = None if make is None or make is ... else make(*arguments, **(options or {}))
            if module is None:
                return None
            if not isinstance(module, nn.Module):
                raise TypeError("the check needs a class built on nn.Module")
            weights = random_weights(reference(*arguments, **(options or {})))
            load(module, change(module, weights))
            return module.eval()(*inputs)

        return call

    return adapt


def random_weights(module: nn.Module) -> dict[str, Tensor]:
    """By name; large enough for every mistake to show."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(parameter.shape, generator=generator) / 2
        for name, parameter in module.named_parameters()
    }


def load(module: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy `weights` into `module` by name.

    Raises ValueError, which says what is missing, too many or of another shape, when names or
    shapes differ. A second name of one parameter (tied layers) is not too many.
    """
    own = dict(module.named_parameters(remove_duplicate=False))
    plain = [name for name in weights if name not in own and is_tensor(module, name)]
    missing = [name for name in weights if name not in own and name not in plain]
    known = {id(own[name]) for name in weights if name in own}
    extra = [name for name, parameter in own.items() if id(parameter) not in known]
    shapes = [
        f"{name} should be {tuple(tensor.shape)}, not {tuple(own[name].shape)}"
        for name, tensor in weights.items()
        if name in own and own[name].shape != tensor.shape
    ]
    problems = {"missing": missing, "no nn.Parameter": plain, "too many": extra}
    problems["of another shape"] = shapes
    if any(problems.values()):
        said = "; ".join(f"{word}: {listed(names)}" for word, names in problems.items() if names)
        raise ValueError(
            "the check copies weights into your class by the names of its layers, and these do "
            f"not fit. {said[0].upper()}{said[1:]}. Name and size them as the exercise says."
        )
    module.load_state_dict(weights, strict=False)  # buffers stay the learner's


def is_tensor(module: nn.Module, name: str) -> bool:
    """Whether a tensor of that name is there, though no parameter."""
    found = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return isinstance(found, Tensor)


def listed(names: list[str]) -> str:
    """The first few of them."""
    rest = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {rest} more" if rest > 0 else "")

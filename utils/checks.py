"""Exercise checks: they say in words what is right or wrong, and never stop a run."""

import dis
import importlib
import pkgutil
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from numbers import Number
from pathlib import Path
from types import CodeType
from typing import Any

import numpy as np
import torch

from utils import exercises
from utils.say import say

LONGEST = 500  # characters of one answer or one error that are shown


@dataclass
class Exercise:
    """What an exercise expects.

    number: "2.1", as its heading in the notebook has it.
    solution: a function that is right (or, for a question with one answer, that answer).
    cases: the arguments to call the learner's function and the solution with, one tuple a call.
    mistakes: message → a function (or answer) that makes this mistake. When the learner's results
        are the mistake's results in every case, the message is what they read.
    praise: one sentence to read when it is right.
    adapt: turns the learner's object (say, a class) into a function to call with each case's
        arguments; the solution and the mistakes pass through it too.
    tolerance: how far numbers may be apart.
    """

    number: str
    solution: Any
    cases: Sequence[tuple] = ((),)
    mistakes: dict[str, Any] = field(default_factory=dict)
    praise: str = ""
    adapt: Callable[[Any], Callable] | None = None
    tolerance: float = 1e-4

    def results(self, answer: Any) -> list[Any]:
        """What `answer` gives in each case; a plain answer gives itself."""
        with usual_settings():
            call = self.adapt(answer) if self.adapt else answer
            if not callable(call):
                return [call]
            return [call(*deepcopy(case)) for case in self.cases]


@contextmanager
def usual_settings() -> Iterator[None]:
    """PyTorch's usual dtype and grad mode inside; afterwards what was there before, whatever a
    learner's function has set."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)


def find(number: str) -> Exercise:
    """The exercise of that number. Raises ValueError when there is none."""
    known = []
    for module in pkgutil.iter_modules(exercises.__path__):
        for exercise in importlib.import_module(f"{exercises.__name__}.{module.name}").EXERCISES:
            if exercise.number == number:
                return exercise
            known.append(exercise.number)
    raise ValueError(f'there is no exercise "{number}"; there are {", ".join(sorted(known))}')


def check(number: str, answer: Any, own: Any = None) -> None:
    """Print whether `answer` solves exercise `number`, and if not, what is wrong.

    own: the notebook's own version, to compare with it instead of the exercise's solution.
    """
    exercise = find(number)
    say(verdict(exercise if own is None else replace(exercise, solution=own), answer))


def verdict(exercise: Exercise, answer: Any) -> str:
    """One line (or a few) that a learner reads: ○ not solved yet, ● correct, ✗ what is wrong.

    Raises nothing, whatever comes, but the KeyboardInterrupt with which a learner stops the check.
    """
    wrong = f"✗ {exercise.number}"
    results, error = attempt(exercise.results, answer)
    if error:
        return f"{wrong} your code stopped: {error}"
    expected, error = attempt(exercise.results, exercise.solution)
    if error:
        return f"{wrong} the version that yours is compared with stopped: {error}"
    said, error = attempt(judgement, exercise, answer, results, expected)
    return f"{wrong} what came back cannot be compared: {error}" if error else said


def attempt(function: Callable, *arguments: Any) -> tuple[Any, str]:
    """What the function returns, and ""; or None, and in words what stopped it."""
    try:
        return function(*arguments), ""
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a learner's code may raise, also by sys.exit()
        return None, described(error)


def judgement(exercise: Exercise, answer: Any, results: list, expected: list) -> str:
    """The verdict on these results."""
    number = exercise.number
    if all(result is None or result is ... for result in results):
        if written(answer):
            return f"✗ {number} nothing came back: is there a `return`?"
        return (
            f"○ {number} not solved yet: replace the stub with your own code, then run this again."
        )
    if len(results) != len(expected):
        return f"✗ {number} give check() the function itself, as the stub names it."
    problems = [
        difference(mine, right, exercise.tolerance)
        for mine, right in zip(results, expected, strict=True)
    ]
    if not any(problems):
        return f"● {number} correct. {exercise.praise}".rstrip()
    for message, mistake in exercise.mistakes.items():
        if same(results, exercise.results(mistake), exercise.tolerance):
            return f"✗ {number} {message}"
    if not callable(exercise.adapt or answer):
        return f"✗ {number} {short(repr, answer)} is not the answer. The hint may help."
    first = next(i for i, problem in enumerate(problems) if problem)
    return f"✗ {number} {problems[first]}{shown(exercise, answer, first)}"


def written(answer: Any) -> bool:
    """Whether a function does more than a stub, which returns None (or ...) and nothing else."""
    code = getattr(answer, "__code__", None)
    is_code = isinstance(code, CodeType)  # what a stand-in such as a Mock hands out is none
    steps = {step.opname for step in dis.get_instructions(code)} if is_code else set()
    return not steps <= {"RESUME", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}


def same(results: list, others: list, tolerance: float) -> bool:
    return not any(difference(a, b, tolerance) for a, b in zip(results, others, strict=True))


def difference(mine: Any, right: Any, tolerance: float) -> str:
    """How `mine` differs from `right`, in words; "" when it does not."""
    if mine is None or mine is ...:
        return "nothing came back: is there a `return`?"
    if isinstance(right, dict):
        if not isinstance(mine, dict) or mine.keys() != right.keys():
            return f"a dictionary with the keys {', '.join(map(repr, right))} should come back."
        mine, right = [mine[key] for key in right], list(right.values())
    if isinstance(right, (tuple, list)):
        if not isinstance(mine, (tuple, list)) and getattr(mine, "ndim", 0) != 1:
            return f"{len(right)} values should come back, not one {type(mine).__name__}."
        if len(mine) != len(right):
            return f"{len(right)} values should come back, not {len(mine)}."
        if not isinstance(mine, (tuple, list)):  # a tensor or an array of numbers
            mine = (dense(mine) if isinstance(mine, torch.Tensor) else mine).tolist()
        found = (difference(a, b, tolerance) for a, b in zip(mine, right, strict=True))
        return next((problem for problem in found if problem), "")
    if isinstance(right, str):
        known = isinstance(mine, str) and mine == right
        return "" if known else f"the answer is not {short(repr, mine)}."
    return tensor_difference(mine, right, tolerance)


def tensor_difference(mine: Any, right: Any, tolerance: float) -> str:
    kind = type(mine).__name__
    try:
        mine = as_tensor(mine)
    except Exception:
        if isinstance(mine, (list, tuple)) or hasattr(mine, "__array__"):
            return f"the {kind} that came back cannot be read as one tensor of numbers."
        if isinstance(mine, Number):
            return "that number is too large for a tensor."
        return f"a tensor or a number should come back, not a {kind}."
    right = torch.as_tensor(right).detach().cpu()
    if mine.shape != right.shape:
        return f"the shape should be {tuple(right.shape)}, not {tuple(mine.shape)}."
    if (mine.dtype == torch.bool) != (right.dtype == torch.bool):
        wanted = "True and False (dtype bool)" if right.dtype == torch.bool else "numbers"
        return f"there should be {wanted}, not {mine.dtype}."
    if mine.is_complex():
        return f"there should be real numbers, not {mine.dtype}."
    if mine.is_meta:
        return 'a tensor on the device "meta" has a shape, but no numbers: make it on the CPU.'
    mine = dense(mine)
    far = ~torch.isclose(
        mine.double(), right.double(), rtol=tolerance, atol=tolerance, equal_nan=True
    )
    if not far.any():
        return ""
    place = tuple(far.nonzero()[0].tolist())
    where = f"at position {place} " if place else ""
    return (
        f"{where}the value should be {number_text(right[place])}, not {number_text(mine[place])}."
    )


def as_tensor(value: Any) -> torch.Tensor:
    """A number of any kind, a list, an array or a Series as a tensor; a tensor as it is.

    Raises some exception when it cannot be one, or when its rows have different lengths.
    """
    if isinstance(value, torch.Tensor):
        if value.is_nested:
            raise ValueError("its rows have different lengths")
        return value.detach()
    if isinstance(value, (list, tuple)):
        value = [x.detach() if isinstance(x, torch.Tensor) else x for x in value]
    elif hasattr(value, "__array__"):
        value = np.array(value, order="C")  # a copy: torch reads no array that runs backwards
        if value.dtype.kind in "iuf":
            value = value.astype(float)  # torch does not know all of NumPy's numbers
        elif value.dtype.kind != "b":
            value = value.tolist()
    elif isinstance(value, Number) and not isinstance(value, (bool, float, complex)):
        value = value if isinstance(value, int) and abs(value) < 2**63 else float(value)
    return torch.as_tensor(value)


def dense(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor's numbers on the CPU, all of them, whether it is sparse, quantised or neither."""
    tensor = tensor.detach().cpu()
    return tensor.dequantize() if tensor.is_quantized else tensor.to_dense()


def number_text(value: torch.Tensor) -> str:
    value = value.item()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def shown(exercise: Exercise, answer: Any, case: int) -> str:
    """The case's arguments, when they are few enough to read."""
    if exercise.adapt or not callable(answer) or not exercise.cases[case]:
        return ""
    text = ", ".join(str(argument).replace("\n", "") for argument in exercise.cases[case])
    return f"\n  (tried with {text})" if len(text) <= 200 else ""


def described(error: BaseException) -> str:
    """The kind of error, its text, and the line of the learner's code that raised it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.line]
    course = [Path(__file__).parents[1] / folder for folder in ("utils", "transformer")]
    own = []
    for frame in frames:
        parents = Path(frame.filename).parents
        library = {"site-packages", "dist-packages"} & {folder.name for folder in parents}
        if not library and not any(folder in parents for folder in course):
            own.append(frame)
    line = f"\n  in the line: {own[-1].line}" if own else ""
    return f"{type(error).__name__}: {short(str, error)}{line}"


def short(write: Callable[[Any], str], value: Any) -> str:
    """`value` as `write` (str or repr) has it, cut at LONGEST; its type where `write` raises."""
    try:
        text = write(value)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return f"<{type(value).__name__}>"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"

"""Exercise checks: they say in words what is right or wrong, and never stop a run."""

import dis
import importlib
import pkgutil
import traceback
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from utils import exercises


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
        call = self.adapt(answer) if self.adapt else answer
        if not callable(call):
            return [call]
        return [call(*deepcopy(case)) for case in self.cases]


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
    print(verdict(exercise if own is None else replace(exercise, solution=own), answer))


def verdict(exercise: Exercise, answer: Any) -> str:
    """One line (or a few) that a learner reads: ○ not solved yet, ● correct, ✗ what is wrong."""
    number = exercise.number
    try:
        results = exercise.results(answer)
    except Exception as error:  # whatever a learner's code may raise
        return f"✗ {number} your code stopped: {described(error)}"
    if all(result is None or result is ... for result in results):
        if written(answer):
            return f"✗ {number} nothing came back: is there a `return`?"
        return (
            f"○ {number} not solved yet: replace the stub with your own code, then run this again."
        )
    expected = exercise.results(exercise.solution)
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
        return f"✗ {number} {answer!r} is not the answer. The hint may help."
    first = next(i for i, problem in enumerate(problems) if problem)
    return f"✗ {number} {problems[first]}{shown(exercise, answer, first)}"


def written(answer: Any) -> bool:
    """Whether a function does more than a stub, which returns None (or ...) and nothing else."""
    code = getattr(answer, "__code__", None)
    steps = {step.opname for step in dis.get_instructions(code)} if code else set()
    return not steps <= {"RESUME", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}


def same(results: list, others: list, tolerance: float) -> bool:
    return not any(difference(a, b, tolerance) for a, b in zip(results, others, strict=True))


def difference(mine: Any, right: Any, tolerance: float) -> str:
    """How `mine` differs from `right`, in words; "" when it does not."""
    if mine is None or mine is ...:
        return "nothing came back: is there a `return`?"
    if isinstance(right, (tuple, list)):
        if getattr(mine, "ndim", 0) == 1:  # a tensor or an array of numbers
            mine = mine.tolist()
        if not isinstance(mine, (tuple, list)):
            return f"{len(right)} values should come back, not one {type(mine).__name__}."
        if len(mine) != len(right):
            return f"{len(right)} values should come back, not {len(mine)}."
        found = (difference(a, b, tolerance) for a, b in zip(mine, right, strict=True))
        return next((problem for problem in found if problem), "")
    if isinstance(right, (bool, str)) or right is None:
        return "" if mine == right else f"the answer is not {mine!r}."
    if isinstance(right, dict):
        return "" if mine == right else "the dictionary's entries differ."
    return tensor_difference(mine, right, tolerance)


def tensor_difference(mine: Any, right: Any, tolerance: float) -> str:
    if isinstance(mine, (list, tuple)):
        mine = [x.detach() if isinstance(x, torch.Tensor) else x for x in mine]
    try:
        mine = torch.as_tensor(mine).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        return f"a tensor or a number should come back, not a {type(mine).__name__}."
    right = torch.as_tensor(right).detach().cpu()
    if mine.shape != right.shape:
        return f"the shape should be {tuple(right.shape)}, not {tuple(mine.shape)}."
    if (mine.dtype == torch.bool) != (right.dtype == torch.bool):
        wanted = "True and False (dtype bool)" if right.dtype == torch.bool else "numbers"
        return f"there should be {wanted}, not {mine.dtype}."
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


def number_text(value: torch.Tensor) -> str:
    value = value.item()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def shown(exercise: Exercise, answer: Any, case: int) -> str:
    """The case's arguments, when they are few enough to read."""
    if exercise.adapt or not callable(answer) or not exercise.cases[case]:
        return ""
    text = ", ".join(str(argument).replace("\n", "") for argument in exercise.cases[case])
    return f"\n  (tried with {text})" if len(text) <= 200 else ""


def described(error: Exception) -> str:
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
    return f"{type(error).__name__}: {error}{line}"

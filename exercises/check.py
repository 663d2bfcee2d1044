"""Exercise checks: they say in words what is right or wrong, and never stop a run.

How an exercise is written down (a whole file of them: ex05_decoder.py):

    @exercise("5.1", cases=[(x, memory)], wrong={("memory @", "x @"): "the source is never …"})
    def look_across(x, memory, …): …                 # real code; a wrong answer is an edit of it

    LAYER = exercise("5.4", cases=…, wrong=…)(DecoderLayer)    # a block of transformer/

    SAVED = question("3.C", 7_077_888, wrong={393_216: "that is one attention block …"})
"""

import ast
import dis
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from numbers import Number
from pathlib import Path
from textwrap import dedent
from types import CodeType
from typing import Any

import numpy as np
import torch

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
    edits: message → the edits of the solution that make this mistake, where edits say it.
    advise: what to say of an answer that is wrong, but makes no known mistake.
    """

    number: str
    solution: Any
    cases: Sequence[tuple] = ((),)
    mistakes: dict[str, Any] = field(default_factory=dict)
    praise: str = ""
    adapt: Callable[[Any], Callable] | None = None
    tolerance: float = 1e-4
    edits: dict[str, "tuple[Edit, ...]"] = field(default_factory=dict)
    advise: Callable[[Any], str] | None = None

    def results(self, answer: Any) -> list[Any]:
        """What `answer` gives in each case; a plain answer gives itself."""
        with usual_settings():
            call = self.adapt(answer) if self.adapt else answer
            if not callable(call):
                return [call]
            return [call(*deepcopy(case)) for case in self.cases]


Edit = tuple[str, str]  # the solution's text, and what stands there instead


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def numbered(*shape: int) -> torch.Tensor:
    """A tensor whose entries are all different."""
    return torch.arange(1.0, 1.0 + torch.Size(shape).numel()).view(shape)


def then(look: Callable) -> Callable:
    """An `adapt`: look(result, *arguments), where the learner's function has returned something."""

    def adapt(answer: Callable) -> Callable:
        def call(*arguments: Any) -> Any:
            result = answer(*arguments)
            return result if result is None or result is ... else look(result, *arguments)

        return call

    return adapt


def exercise(
    number: str,
    *,
    wrong: dict[Edit | tuple[Edit, ...] | Callable, str],
    cases: Sequence[tuple] = ((),),
    praise: str = "",
    adapt: Callable[[Any], Callable] | None = None,
    tolerance: float = 1e-4,
) -> Callable[[Callable], Exercise]:
    """Makes an Exercise of the function or class below it, which is the solution.

    wrong: wrong answer → the message that it gets. A wrong answer is an edit of the solution,
        ("old text", "new text"), or a tuple of edits, made one after the other, or, where no edit
        says it, a function or class of its own.
    """

    def of(solution: Callable) -> Exercise:
        mistakes = {
            message: answer if callable(answer) else edited(solution, answer)
            for answer, message in wrong.items()
        }
        edits = {
            message: (answer,) if isinstance(answer[0], str) else answer
            for answer, message in wrong.items()
            if not callable(answer)
        }
        return Exercise(number, solution, cases, mistakes, praise, adapt, tolerance, edits)

    return of


def question(
    number: str,
    answer: Any,
    *,
    wrong: dict[Any, str],
    praise: str = "",
    tolerance: float = 1e-4,
) -> Exercise:
    """An Exercise that asks for a number, a word, or a list of them.

    wrong: wrong answer → the message that it gets (a list as a tuple: keys cannot change).
    """
    mistakes = {message: mistake for mistake, message in wrong.items()}
    return Exercise(number, answer, mistakes=mistakes, praise=praise, tolerance=tolerance)


def edited(solution: Callable, edits: Edit | tuple[Edit, ...]) -> Callable:
    """The solution, without its decorators, where each edit replaces its old text everywhere.

    Raises ValueError where the old text does not occur, so that no mistake outlives its solution.
    """
    name = solution.__name__
    text = edited_source(solution, edits)
    made: dict[str, Any] = {}
    exec(compile(text, f"<{name}, edited>", "exec"), vars(sys.modules[solution.__module__]), made)
    return made[name]


def edited_source(solution: Callable, edits: Edit | tuple[Edit, ...]) -> str:
    """The text of `edited`; ValueError as there."""
    text = source(solution)
    for old, new in [edits] if isinstance(edits[0], str) else edits:
        if old not in text:
            name = solution.__name__
            raise ValueError(f"an edit of {name} looks for {old!r}, which is not there")
        text = text.replace(old, new)
    return text


def source(solution: Callable) -> str:
    """The text of a function or class, from its `def` or `class` on."""
    text = dedent(inspect.getsource(solution))
    first = ast.parse(text).body[0].lineno  # behind the decorators
    return "".join(text.splitlines(keepends=True)[first - 1 :])


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


def verdict(exercise: Exercise, answer: Any) -> str:
    """One line (or a few) that a learner reads: ○ not solved yet, ● correct, ✗ what is wrong.

    Raises nothing, whatever comes, but the KeyboardInterrupt with which a learner stops the check.
    """
    wrong = f"✗ {exercise.number}"
    stub = answer is None or answer is ...
    if callable(exercise.solution) and not (callable(answer) or stub):
        return f"{wrong} give check() the function itself, as the stub names it."
    results, error = attempt(exercise.results, answer)
    if error:
        return f"{wrong} your code stopped: {error}"
    said, error = attempt(judgement, exercise, answer, results)
    return f"{wrong} what came back cannot be compared: {error}" if error else said


def attempt(function: Callable, *arguments: Any) -> tuple[Any, str]:
    """What the function returns, and ""; or None, and in words what stopped it."""
    try:
        return function(*arguments), ""
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a learner's code may raise, also by sys.exit()
        return None, described(error)


def judgement(exercise: Exercise, answer: Any, results: list) -> str:
    """The verdict on these results."""
    number, expected = exercise.number, exercise.results(exercise.solution)
    if all(result is None or result is ... for result in results):
        if written(answer):
            return f"✗ {number} nothing came back: is there a `return`?"
        return (
            f"○ {number} not solved yet: replace the stub with your own code, then run this again."
        )
    problems = [
        difference(mine, right, exercise.tolerance)
        for mine, right in zip(results, expected, strict=True)
    ]
    if not any(problems):
        return f"● {number} correct. {exercise.praise}".rstrip()
    for message, mistake in exercise.mistakes.items():
        if same(results, exercise.results(mistake), exercise.tolerance):
            return f"✗ {number} {message}"
    if exercise.advise:
        return f"✗ {number} {exercise.advise(answer)}"
    if not callable(exercise.adapt or answer):
        return f"✗ {number} {short(repr, answer)} is not the answer. The hint may help."
    first = next(i for i, problem in enumerate(problems) if problem)
    which = "" if exercise.adapt else result_of(results[first], expected[first], exercise.tolerance)
    return f"✗ {number} {which}{problems[first]}{shown(exercise, answer, first)}"


def result_of(mine: Any, right: Any, tolerance: float) -> str:
    """Which of several results is the first that differs, in words; "" where one comes back."""
    several = isinstance(right, tuple) and isinstance(mine, (tuple, list))
    if not several or len(mine) != len(right):
        return ""
    wrong = [bool(difference(a, b, tolerance)) for a, b in zip(mine, right, strict=True)]
    return f"result {wrong.index(True) + 1} of {len(right)}: "


def written(answer: Any) -> bool:
    """Whether a function does more than a stub, which returns None (or ...) and nothing else."""
    if isinstance(answer, type):
        return True  # a class, whose forward gives nothing back: stubs are None
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
        value = [entry(x) for x in value]
    elif hasattr(value, "__array__"):
        value = np.array(value, order="C")  # a copy: torch reads no array that runs backwards
        if value.dtype.kind in "iuf":
            value = value.astype(float)  # torch does not know all of NumPy's numbers
        elif value.dtype.kind != "b":
            value = value.tolist()
    else:
        value = entry(value)
    return torch.as_tensor(value)


def entry(value: Any) -> Any:
    """A number that torch can put into a tensor: of a Fraction or a huge integer, the float."""
    if isinstance(value, torch.Tensor):
        return value.detach()
    known = isinstance(value, (float, complex)) or isinstance(value, int) and abs(value) < 2**63
    return float(value) if isinstance(value, Number) and not known else value


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
    frames = reversed(traceback.extract_tb(error.__traceback__))  # the innermost first
    line = next((f"\n  in the line: {frame.line}" for frame in frames if learners(frame)), "")
    return f"{type(error).__name__}: {short(str, error)}{line}"


def learners(frame: traceback.FrameSummary) -> bool:
    """Whether the frame is of a learner's own code: not of a library, not of the course."""
    parents = Path(frame.filename).parents
    library = {"site-packages", "dist-packages"} & {folder.name for folder in parents}
    root, folders = Path(__file__).parents[1], ("exercises", "transformer", "utils")
    course = any(root / folder in parents for folder in folders)
    return bool(frame.line) and not library and not course


def short(write: Callable[[Any], str], value: Any) -> str:
    """`value` as `write` (str or repr) has it, cut at LONGEST; its type where `write` raises."""
    try:
        text = write(value)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return f"<{type(value).__name__}>"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"

"""A check never raises, whatever comes: every exercise is handed a zoo of odd answers."""

import collections
import re
import warnings
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from unittest.mock import ANY, MagicMock, Mock

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import exercises
from exercises import check, find
from exercises.check import Exercise, verdict
from exercises.say import plain


def numbers() -> list[str]:
    """The number of every exercise: the message about an unknown one lists them."""
    try:
        find("none")
    except ValueError as error:
        return re.findall(r"\d+\.\w+", str(error))


class Prickly:
    """Whatever one does with it, it raises."""

    def __init__(self, error: BaseException):
        object.__setattr__(self, "error", error)

    def __getattribute__(self, name):
        raise object.__getattribute__(self, "error")

    def refuse(self, *_):
        raise object.__getattribute__(self, "error")

    __repr__ = __str__ = __eq__ = __len__ = __iter__ = __bool__ = __float__ = refuse
    __hash__ = None


class PricklyList(list):
    def __len__(self):
        raise RuntimeError("no length")

    __iter__ = __repr__ = __len__


class PricklyTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *arguments, **options):
        raise RuntimeError("no function")


class PricklyError(Exception):
    def __str__(self):
        raise self


def odd_values() -> dict:
    """Name → what no exercise asks for."""
    eye, ones = torch.eye(2), torch.ones(2)
    endless: list = []
    endless.append(endless)
    deep: list = []
    for _ in range(10_000):
        deep = [deep]
    with warnings.catch_warnings():  # torch says that these are young, or old
        warnings.simplefilter("ignore")
        tensors = {
            "sparse": eye.to_sparse(),
            "sparse row": ones.to_sparse(),
            "too large, sparse": torch.sparse_coo_tensor(size=(10**9, 10**9)),
            "csr": eye.to_sparse_csr(),
            "quantised": torch.quantize_per_tensor(eye, 0.1, 0, torch.qint8),
            "nested": torch.nested.nested_tensor([ones, torch.ones(3)]),
            "jagged": torch.nested.nested_tensor([ones, torch.ones(3)], layout=torch.jagged),
        }
    with torch.inference_mode():
        tensors["inference"] = torch.ones(2, 2)
    return tensors | {
        "meta": eye.to("meta"),
        "meta row": ones.to("meta"),
        "complex": eye * 1j,
        "bits": torch.ones(2, dtype=torch.uint8).view(torch.bits8),
        "too large": torch.zeros(1).expand(1000, 10**9),
        "gradient": ones.clone().requires_grad_() * 2,
        "parameter": nn.Parameter(ones),
        "subclass": ones.as_subclass(PricklyTensor),
        "array": np.eye(2)[::-1],
        "objects": np.array(["a", None], dtype=object),
        "strings": np.array(["a", "b"]),
        "series": pd.Series([1.0, 2.0], index=[5, 6]),
        "table": pd.DataFrame({"a": [1, pd.NA]}),
        "prickly": Prickly(RuntimeError("no")),
        "prickly exit": Prickly(SystemExit(1)),
        "prickly error": Prickly(PricklyError()),
        "prickly list": PricklyList([1, 2]),
        "endless": endless,
        "deep": deep,
        "long": ["word"] * 1000,
        "long text": "word" * 10**5,
        "huge": 10**5000,
        "fraction": Fraction(22, 7),
        "signalling": Decimal("sNaN"),
        "complex number": 2j,
        "range": range(3),
        "set": {1, 2},
        "dictionary": {"w": ones},
        "generator": (x for x in (1, 2)),
        "named": collections.namedtuple("Pair", "x y")(1, ones),
        "maximum": eye.max(0),
        "empty": (),
        "nothing twice": [None, None],
        "mock": Mock(),
        "magic": MagicMock(),
        "equal to all": ANY,
        "module": nn.Linear(2, 2),
        "unfinished module": nn.LazyLinear(3),
        "class": Prickly,
        "type": nn.Module,
        "bytes": b"ab",
        "library": torch,
    }


def raising(error: BaseException):
    def answer(*arguments, **options):
        raise error

    return answer


def recursive(*arguments):
    return recursive(*arguments)


async def asynchronous(*arguments):
    return arguments


def yielding(*arguments):
    yield from arguments


def other_settings(*arguments):
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    return torch.ones(2)


def for_ever_in_inference_mode(*arguments):
    torch.inference_mode(True).__enter__()
    return torch.ones(2)


def emptied(*arguments):
    """Changes what it was given, and gives it back."""
    for argument in arguments:
        if isinstance(argument, torch.Tensor):
            argument.zero_()
        elif isinstance(argument, (list, dict)):
            argument.clear()
    return arguments


VALUES = odd_values()
FUNCTIONS = {
    "recursive": recursive,
    "generator": yielding,
    "other settings": other_settings,
    "inference": for_ever_in_inference_mode,
    "emptied": emptied,
    "exit": raising(SystemExit(1)),
    "prickly error": raising(PricklyError()),
    "surrogate": raising(ValueError("\ud800 \x00")),
    "long error": raising(ValueError("word" * 10**5)),
    "stop": raising(StopIteration()),
    "base": raising(BaseException()),
}


def giving(value):
    return lambda *arguments, **options: value


def animals(exercise: Exercise) -> dict:
    """Each value as it is, and from a function; alone where a value is asked for, and as the
    second of two where two values are."""
    if not callable(exercise.solution):
        return VALUES | FUNCTIONS
    functions = {f"giving {name}": giving(value) for name, value in VALUES.items()}
    pairs = {f"two of {name}": giving((value, value)) for name, value in VALUES.items()}
    several = isinstance(exercise.results(exercise.solution)[0], (tuple, list))
    some = {name: VALUES[name] for name in ("sparse", "prickly", "mock", "module", "class")}
    return some | (pairs if several else functions) | FUNCTIONS


@pytest.mark.parametrize("number", numbers())
@pytest.mark.filterwarnings("ignore")
def test_every_exercise_says_one_thing_to_each_animal(number, capsys, monkeypatch):
    exercise = find(number)
    # One mistake is enough to see that mistakes are compared; all of them take five times as long
    first = dict(list(exercise.mistakes.items())[:1])
    monkeypatch.setattr(exercises, "find", lambda number: replace(exercise, mistakes=first))
    for name, animal in animals(exercise).items():
        check(number, animal)
        said = capsys.readouterr().out
        verdicts = re.findall(rf"^[○●✗] {re.escape(number)} ", said, re.MULTILINE)
        assert len(verdicts) == 1 and said.startswith(verdicts[0]), f"{name}: {said}"
        assert len(said) < 2000, name
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


ROWS = Exercise(number="0.1", solution=lambda n: torch.eye(n)[:, 0] * 2, cases=[(2,), (3,)])


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.to_sparse(),
        lambda x: x.numpy(),
        lambda x: x.numpy()[::-1].copy()[::-1],
        lambda x: x.numpy().astype(">f8"),
        lambda x: x.numpy().astype(np.uint16),
        lambda x: x.numpy().astype(np.longdouble),
        lambda x: x.numpy().astype(object),
        lambda x: pd.Series(x.numpy(), index=range(7, 7 + len(x))),
        lambda x: [Fraction(int(number)) for number in x],
        lambda x: [Decimal(int(number)) for number in x],
        lambda x: [np.float32(number) for number in x],
        lambda x: tuple(x),
        lambda x: x.to(torch.uint8),
        lambda x: x.half(),
        lambda x: x.to(torch.float8_e4m3fn),
        lambda x: nn.Parameter(x),
        pytest.param(
            lambda x: x.to_mkldnn(),
            marks=pytest.mark.skipif(
                not torch.backends.mkldnn.is_available(), reason="this PyTorch has no oneDNN"
            ),
        ),
    ],
)
def test_right_numbers_are_right_in_any_dress(convert):
    assert verdict(ROWS, lambda n: convert(ROWS.solution(n))) == "● 0.1 correct."
    wrong = verdict(ROWS, lambda n: convert(ROWS.solution(n) + 1))
    assert wrong.startswith("✗ 0.1 at position (0,) the value should be 2, not 3.")


def test_a_quantised_tensor_is_read():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        right = torch.quantize_per_tensor(torch.tensor([2.0, 0.0]), 0.5, 0, torch.qint8)
    one = replace(ROWS, cases=[(2,)])
    assert verdict(one, lambda n: right) == "● 0.1 correct."


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda n: torch.ones(n, device="meta"), 'a tensor on the device "meta" has a shape, but'),
        (lambda n: torch.ones(n) + 0j, "there should be real numbers, not torch.complex64."),
        (lambda n: np.array(["2", "0", "0"][:n]), "the ndarray that came back cannot be read"),
        (lambda n: [torch.ones(2)] * n, "the list that came back cannot be read as one tensor"),
        (lambda n: {1, 2}, "a tensor or a number should come back, not a set."),
        (lambda n: (x for x in range(n)), "a tensor or a number should come back, not a generato"),
        (lambda n: 10**400, "that number is too large for a tensor."),
        (lambda n: 10**30, "the shape should be (2,), not ()."),
        (torch.eye(2), "give check() the function itself, as the stub names it."),
        (raising(SystemExit(2)), "your code stopped: SystemExit: 2\n  in the line: raise error"),
        (recursive, "your code stopped: RecursionError: maximum recursion depth exceeded"),
        (raising(PricklyError()), "your code stopped: PricklyError: <PricklyError>"),
        (giving(Prickly(ValueError("no"))), "what came back cannot be compared: ValueError: no"),
    ],
)
def test_what_is_said_to_odd_answers(answer, words):
    assert verdict(ROWS, answer).startswith(f"✗ 0.1 {words}")


@pytest.mark.parametrize(
    ("solution", "right", "wrong"),
    [
        (3.5, [np.float64(3.5), np.array(3.5), Fraction(7, 2), Decimal("3.5")], [3.5 + 1j, "3.5"]),
        (1, [np.int8(1), 1.0, torch.tensor(1)], [True, np.bool_(True), 10**30, 10**5000]),
        (True, [np.bool_(True), torch.tensor(True)], [1, "True", False]),
        ([1, 2], [np.array([1, 2]), torch.tensor([1, 2]).to_sparse()], [range(2), {1: 2}, 1]),
        ([1, "a"], [np.array([1, "a"], dtype=object), (1, np.str_("a"))], [(1, ANY), ["a", 1]]),
        ({"w": torch.ones(2)}, [{"w": np.ones(2)}], [{"w": 1}, {"v": torch.ones(2)}, [1]]),
    ],
)
def test_plain_answers_of_any_kind(solution, right, wrong):
    exercise = Exercise(number="0.2", solution=solution)
    for answer in right:
        assert verdict(exercise, answer) == "● 0.2 correct.", repr(answer)
    for answer in wrong:
        assert verdict(exercise, answer).endswith(" is not the answer. The hint may help.")


def test_the_learner_s_own_interruption_passes_through():
    with pytest.raises(KeyboardInterrupt):
        verdict(ROWS, raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        verdict(ROWS, giving(Prickly(KeyboardInterrupt())))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_settings_of_the_learner_s_are_put_aside_and_put_back(dtype):
    seen = []

    def answer(n):
        seen.append((torch.get_default_dtype(), torch.is_grad_enabled()))
        return ROWS.solution(n)

    torch.set_default_dtype(dtype)
    try:
        with torch.inference_mode():
            assert verdict(ROWS, answer) == "● 0.1 correct."
            assert torch.is_inference_mode_enabled()
        assert torch.get_default_dtype() == dtype
    finally:
        torch.set_default_dtype(torch.float32)
    assert seen == [(torch.float32, True)] * 2


def test_a_long_answer_is_cut():
    said = verdict(Exercise(number="0.3", solution=[1]), list(range(10**5)))
    assert len(said) < 600 and said.endswith(" … is not the answer. The hint may help.")


@pytest.mark.parametrize("number", numbers())
def test_every_sign_of_its_messages_has_plain_letters(number):
    exercise = find(number)
    for text in (exercise.praise, *exercise.mistakes):
        assert plain(text, "ascii").count("?") == text.count("?"), text

"""Runs an answer, which is text, and has the exercise's own check judge it.

The text is executed here, in the reader's own Python, as a notebook's cell would be. It has LIMIT
seconds, counted at each of its own lines: an endless loop ends in words. A single call that takes
forever (`sum(range(10**15))`) is not cut short; the reader's interrupt stops it.
"""

import ast
import linecache
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from by_heart.kata import Kata
from by_heart.source import DEFINITION
from exercises.check import Exercise, attempt, verdict

LIMIT = 10.0  # seconds
FILE = "<your answer>"
USUAL = {"math": math, "torch": torch, "nn": nn, "F": F, "Tensor": Tensor}


@dataclass(frozen=True)
class Verdict:
    """passed, and the line (or few) that the reader reads: ● right, ✗ wrong, ○ nothing yet."""

    passed: bool
    text: str


class TooLong(BaseException):
    """Not an Exception: an answer's own `except Exception` does not hold it up."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises TooLong at the first line of an answer that runs when the seconds are over."""
    end, before = time.monotonic() + seconds, sys.gettrace()

    def look(frame: FrameType, event: str, argument: Any):
        if frame.f_code.co_filename != FILE:
            return None  # neither the course's lines nor a library's are counted
        if time.monotonic() > end:
            raise TooLong(f"it ran for more than {seconds:g} seconds. Does a loop never end?")
        return look

    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)


def names_for(kata: Kata) -> dict[str, Any]:
    """What an answer may use: what the notebook has imported there, and the earlier blocks."""
    solution = kata.found.solution
    names = dict(vars(sys.modules[solution.__module__]))
    names.pop(solution.__name__, None)
    return USUAL | {k: v for k, v in names.items() if not isinstance(v, Exercise)}


def defined(kata: Kata, text: str, names: dict[str, Any]) -> Any:
    """Of what the text has defined, the object to judge: of the block's own name, else the last.

    Raises NameError when there is none."""
    own = kata.block.__name__
    last = [
        name
        for node in ast.parse(text).body
        for name in (
            [node.name]
            if isinstance(node, DEFINITION)
            else [target.id for target in getattr(node, "targets", []) if hasattr(target, "id")]
        )
    ]
    if not last:
        raise NameError(f"your answer defines nothing: it should define {own}")
    return names[own if own in last else last[-1]]


def judge(kata: Kata, text: str, limit: float = LIMIT) -> Verdict:
    """The exercise's verdict on the function or class that `text` defines. Raises nothing but the
    KeyboardInterrupt with which a reader stops it."""
    name = kata.name
    try:
        code = compile(text, FILE, "exec", dont_inherit=True)
    except SyntaxError as error:
        line = f"\n  in the line: {error.text.strip()}" if (error.text or "").strip() else ""
        where = f"line {error.lineno}" if error.lineno else "your answer"
        return Verdict(False, f"✗ {name} {where} is not Python: {error.msg}.{line}")
    except (ValueError, MemoryError, RecursionError, OverflowError) as error:
        return Verdict(False, f"✗ {name} your answer is not Python: {error}.")
    linecache.cache[FILE] = (len(text), None, text.splitlines(keepends=True), FILE)
    names = names_for(kata)

    def run() -> Any:
        exec(code, names)
        return defined(kata, text, names)

    with time_limit(limit), torch.random.fork_rng(devices=[]):  # a check may seed
        answer, error = attempt(run)
        said = f"✗ {name} your code stopped: {error}" if error else verdict(kata.found, answer)
    return Verdict(said.startswith("●"), said)

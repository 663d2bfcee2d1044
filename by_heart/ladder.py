"""The ladder: five rungs for each block, from lines to put in order to a blank page.

    from by_heart.ladder import kata, rung
    step = rung(kata("attention"), 1)
    print(step.shown)
    print(step.judge([3, 2, 4, 7, 5, 6, 1]).text)

The same seed gives the same rung.
"""

import random
import textwrap

from by_heart.blanks import blanks
from by_heart.judge import Verdict
from by_heart.kata import Kata
from by_heart.katas import KATAS
from by_heart.rungs import Fill, Order, Rung
from by_heart.source import pieces, stub
from exercises.check import source

__all__ = ["KATAS", "Kata", "Rung", "Verdict", "kata", "rung"]

GIVEN_AWAY = ("pass", "if False:", "if True:")  # lines that nobody writes
SHARES = {2: (1 / 3, 3), 3: (2 / 3, 9)}  # of a block that is blank; the most that one blank holds


def kata(name: str) -> Kata:
    """The kata of that name. Raises ValueError, which lists all names, when there is none."""
    for each in KATAS:
        if each.name == name:
            return each
    raise ValueError(f"there is no kata {name!r}; there are {', '.join(k.name for k in KATAS)}")


def rung(kata: Kata, number: int, seed: int = 0) -> Rung:
    """Rung 1 (order the lines), 2 and 3 (fill a third, two thirds), 4 (signature and docstring are
    given) or 5 (nothing is). The same seed, the same rung. Raises ValueError for another number."""
    if number == 1:
        return order(kata, seed)
    if number in SHARES:
        return fill(kata, number, seed)
    if number == 4:
        return Rung(kata, 4, given(kata), kata.text)
    if number == 5:
        return Rung(kata, 5, textwrap.fill(kata.asks, 100) + "\n", kata.text)
    raise ValueError(f"a ladder has the rungs 1 to 5, not {number}")


def given(kata: Kata) -> str:
    """Signatures and docstrings; the task as a docstring, where the block has none."""
    shown = stub(source(kata.block))
    if kata.block.__doc__ is None:
        task = textwrap.fill(f'"""{kata.asks}"""', 96).replace("\n", "\n    ")
        shown = shown.replace("    ...", f"    {task}\n    ...", 1)
    return shown


def distractors(kata: Kata) -> list[tuple[int, str, str]]:
    """Of the wrong answers that change one piece: which piece, how it reads then, and what the
    exercise says to it. None that betrays itself."""
    right, found = pieces(kata.text), []
    for text, message in kata.wrong:
        wrong = pieces(text)
        if len(wrong) == len(right):
            changed = [i for i, line in enumerate(right) if line != wrong[i]]
            new = [wrong[i] for i in changed]
            plain = (
                new
                and new[0].strip() not in GIVEN_AWAY
                and max(map(len, new[0].splitlines())) <= 100
            )
            if len(changed) == 1 and changed[0] and plain:
                found.append((changed[0], new[0], message))
    return found


def order(kata: Kata, seed: int) -> Order:
    luck = random.Random(f"{kata.name} 1 {seed}")
    head, *lines = pieces(kata.text)
    _, wrong, why = luck.choice(distractors(kata))
    shuffled = [*lines, wrong]
    while shuffled[: len(lines)] == lines and len(lines) > 1:
        luck.shuffle(shuffled)
    if len(lines) == 1 and luck.random() < 0.5:
        shuffled.reverse()
    right: list[int] = []
    for line in lines:  # two that read alike get different numbers
        right.append(next(i for i, x in enumerate(shuffled, 1) if x == line and i not in right))
    rows = [("", head), *enumerate(shuffled, 1)]
    shown = "\n".join(f"{i:2} │ {x}".replace("\n", "\n   │ ") for i, x in rows) + "\n"
    number = shuffled.index(wrong) + 1
    return Order(kata, 1, shown, tuple(right), head, tuple(shuffled), number, why)


def fill(kata: Kata, number: int, seed: int) -> Fill:
    text, (share, largest) = kata.text, SHARES[number]
    spans = blanks(text, share, largest, f"{kata.name} {number} {seed}")
    begins, ends = [begin for begin, _ in spans], [end for _, end in spans]
    parts = [text[a:b] for a, b in zip([0, *ends], [*begins, len(text)], strict=True)]
    right = tuple(text[begin:end] for begin, end in spans)
    empty = Fill(kata, number, "", right, tuple(parts))
    shown = empty.joined([f"__{n}__" for n in range(1, len(right) + 1)])
    return Fill(kata, number, shown, right, tuple(parts))

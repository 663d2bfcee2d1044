"""The ladder: five rungs for each block, from lines to put in order to a blank page.

    from by_heart.ladder import KATAS, rung
    step = rung(KATAS[4], 2)
    print(step.shown)
    step.judge(["query", "-1", …]).text

    python -m by_heart.ladder   # how many there are of what
"""

import random
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from by_heart.blanks import blanks
from by_heart.judge import LIMIT, Verdict, judge
from by_heart.katas import KATAS, Kata
from by_heart.source import logical_lines, pieces, stub
from exercises.check import source
from exercises.say import say

__all__ = ["KATAS", "Kata", "Rung", "Verdict", "kata", "rung"]

Answer = str | Sequence[int] | Sequence[str]
SHARES = {2: (1 / 3, 3), 3: (2 / 3, 9)}  # of a block that is blank; the most that one blank holds


@dataclass(frozen=True)
class Rung:
    """A step of a kata's ladder. An answer may always be the whole text of the block.

    kata, number: which. kind: "order", "fill" or "write".
    shown: what the reader sees. right: an answer that passes, in the form that the kind asks for.
    """

    kata: Kata
    number: int
    shown: str
    right: Answer

    kind = "write"

    def text(self, answer: Answer) -> str:
        """The program that an answer makes. Raises ValueError, which says what is missing."""
        if not isinstance(answer, str):
            raise ValueError("write the block as one text.")
        if not answer.strip() or answer.strip() == self.shown.strip():
            raise ValueError("nothing is written yet.")
        return answer

    def judge(self, answer: Answer, limit: float = LIMIT) -> Verdict:
        """What the exercise's check says to the answer; limit: its seconds. Raises nothing."""
        try:
            text = self.text(answer)
        except ValueError as error:
            return Verdict(False, f"○ {self.kata.name} {error}")
        return judge(self.kata, text, limit)

    def hint(self, answer: Answer = "") -> str:
        """The first line of the block that the answer so far does not hold."""
        written = {line.strip() for line in str(answer).splitlines()}
        lines = [line for each in logical_lines(self.kata.text) for line in each.splitlines()]
        missing = next((line for line in lines if line.strip() not in written), "")
        return f"next line: {missing.strip()}" if missing else NOTHING


NOTHING = "all lines are there: check them."


@dataclass(frozen=True)
class Order(Rung):
    """Lines to put in order. An answer is a list of their numbers, from 1; one line is too many.

    head: the line that is given, above them. wrong: the number of the line that is too many.
    """

    head: str
    lines: tuple[str, ...]
    wrong: int
    why: str  # what the exercise says to the line that is too many

    kind = "order"

    def text(self, answer: Answer) -> str:
        if isinstance(answer, str):
            return super().text(answer)
        for place, number in enumerate(answer):
            if not isinstance(number, int) or not 1 <= number <= len(self.lines):
                raise ValueError(f"there is no line {number}: they go from 1 to {len(self.lines)}.")
            if number in answer[:place]:
                raise ValueError(f"line {number} stands there twice.")
        if not answer:
            raise ValueError("nothing is put in order yet.")
        return "\n".join([self.head, *(self.lines[number - 1] for number in answer)]) + "\n"

    def judge(self, answer: Answer, limit: float = LIMIT) -> Verdict:
        said = super().judge(answer, limit)
        if said.passed and not isinstance(answer, str) and self.wrong in answer:
            text = f"✗ {self.kata.name} it runs, but line {self.wrong} is one too many: leave it out."
            return Verdict(False, text)
        return said

    def hint(self, answer: Answer = ()) -> str:
        """The first line that is not there yet; or which one is too many, or stands too late."""
        if isinstance(answer, str):
            return super().hint(answer) if answer else self.hint()
        if self.wrong in answer:
            return f"line {self.wrong} is one too many."
        left = [self.lines[number - 1] for number in answer]
        for number in self.right:
            line = self.lines[number - 1]
            if line not in left:
                same = (n for n in self.right if self.lines[n - 1] == line and n not in answer)
                return f"next is line {next(same)}: {line.strip()}"
            left.remove(line)
        pairs = zip(answer, self.right, strict=True)
        late = (b for a, b in pairs if self.lines[a - 1] != self.lines[b - 1])
        number = next(late, None)
        return f"line {number} comes earlier: {self.lines[number - 1].strip()}" if number else NOTHING


@dataclass(frozen=True)
class Fill(Rung):
    """Blanks to fill, `__1__`, `__2__`, …: an answer is a list of what stands in them."""

    parts: tuple[str, ...]  # the text between the blanks

    kind = "fill"

    def text(self, answer: Answer) -> str:
        if isinstance(answer, str):
            if blank := re.search(r"__\d+__", answer):
                raise ValueError(f"{blank[0]} is still open.")
            return super().text(answer)
        if len(answer) != len(self.right):
            raise ValueError(f"there are {len(self.right)} blanks, not {len(answer)}.")
        for number, each in enumerate(answer, 1):
            if not str(each).strip() or "\n" in str(each).strip():
                raise ValueError(f"__{number}__ is still open: it takes one line.")
        return self.joined([str(each).strip() for each in answer])

    def joined(self, words: Sequence[str]) -> str:
        return self.parts[0] + "".join(map("".join, zip(words, self.parts[1:], strict=True)))

    def hint(self, answer: Answer = ()) -> str:
        """The first blank that is not filled as in the block."""
        if isinstance(answer, str):
            return super().hint(answer) if answer else self.hint()
        for number, word in enumerate(self.right, 1):
            if [str(each).strip() for each in answer[number - 1 : number]] != [word]:
                return f"__{number}__ is {word}"
        return NOTHING


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
        return Rung(kata, 5, "", kata.text)
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
    exercise says to it."""
    right, found = pieces(kata.text), []
    for text, message in kata.wrong():
        wrong = pieces(text)
        if len(wrong) == len(right):
            changed = [i for i, pair in enumerate(zip(right, wrong, strict=True)) if len({*pair}) > 1]
            new = [wrong[i] for i in changed]
            if len(changed) == 1 and changed[0] and new[0].strip() != "pass":
                found.append((changed[0], new[0], message))
    return found


def order(kata: Kata, seed: int) -> Order:
    luck = random.Random(f"{kata.name} 1 {seed}")
    head, *lines = pieces(kata.text)
    _, wrong, why = luck.choice(distractors(kata))
    shuffled = [*lines, wrong]
    while shuffled[: len(lines)] == lines:
        luck.shuffle(shuffled)
    right: list[int] = []
    for line in lines:  # two that read alike get different numbers
        right.append(next(i for i, x in enumerate(shuffled, 1) if x == line and i not in right))
    numbered = [f"{i:2} │ {x}".replace("\n", "\n   │ ") for i, x in enumerate(shuffled, 1)]
    shown = "\n".join([f"   │ {head}".replace("\n", "\n   │ "), *numbered]) + "\n"
    return Order(kata, 1, shown, tuple(right), head, tuple(shuffled), shuffled.index(wrong) + 1, why)


def fill(kata: Kata, number: int, seed: int) -> Fill:
    text, (share, largest) = kata.text, SHARES[number]
    spans = blanks(text, share, largest, f"{kata.name} {number} {seed}")
    begins, ends = [begin for begin, _ in spans], [end for _, end in spans]
    parts = [text[a:b] for a, b in zip([0, *ends], [*begins, len(text)], strict=True)]
    right = tuple(text[begin:end] for begin, end in spans)
    empty = Fill(kata, number, "", right, tuple(parts))
    shown = empty.joined([f"__{n}__" for n in range(1, len(right) + 1)])
    return Fill(kata, number, shown, right, tuple(parts))


def counts() -> list[str]:
    """How many there are: a line for each kata, and one for all."""
    rows = []
    for each in KATAS:
        fills = [len(rung(each, number).right) for number in SHARES]
        rows.append([len(rung(each, 1).lines), *fills, len(each.found.mistakes)])
    lines = [f"{'kata':20} lines  third  two thirds  wrong answers"]
    for each, (lines_, third, two, wrong) in zip(KATAS, rows, strict=True):
        lines.append(f"{each.name:20} {lines_:5}  {third:5}  {two:10}  {wrong:13}")
    wrong = sum(row[-1] for row in rows)
    lines.append(f"{len(KATAS)} katas, {5 * len(KATAS)} rungs, {wrong} wrong answers")
    return lines


if __name__ == "__main__":
    say("\n".join(counts()))

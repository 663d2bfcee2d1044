"""The steps of a ladder: what the reader sees, and what becomes of an answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from by_heart.judge import LIMIT, Verdict, judge
from by_heart.kata import Kata
from by_heart.source import logical_lines

Answer = str | Sequence[int] | Sequence[str]


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
            text = self.text("" if answer is None else answer)
        except ValueError as error:
            return Verdict(False, f"○ {self.kata.name} {error}")
        return judge(self.kata, text, limit)

    def hint(self, answer: Answer = "") -> str:
        """The first line of the block that the answer so far does not hold; a signature counts as
        there when its name is."""
        written = {line.strip() for line in str(answer).splitlines()}
        for line in logical_lines(self.kata.text):
            head = re.match(r"\s*(?:def|class) \w+", line)
            first = line.strip().splitlines()[0]
            if not (head[0].strip() in str(answer) if head else first in written):
                return f"next line: {line.strip()}"
        return NOTHING


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
            text = f"it runs, but line {self.wrong} is one too many: leave it out."
            return Verdict(False, f"✗ {self.kata.name} {text}")
        return said

    def hint(self, answer: Answer = ()) -> str:
        """The first line that is not there yet; or which one is too many, or stands too late."""
        if isinstance(answer, str):
            return super().hint(answer) if answer else self.hint()
        if self.wrong in answer:
            return f"line {self.wrong} is one too many."
        answer = [number for number in answer if number in self.right]
        left = [self.lines[number - 1] for number in answer]
        for number in self.right:
            line = self.lines[number - 1]
            if line not in left:
                same = (n for n in self.right if self.lines[n - 1] == line and n not in answer)
                return f"next is line {next(same)}: {line.strip().splitlines()[0]}"
            left.remove(line)
        for mine, number in zip(answer, self.right, strict=False):
            if self.lines[mine - 1] != (line := self.lines[number - 1]):
                return f"line {number} comes earlier: {line.strip().splitlines()[0]}"
        return NOTHING


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
        """The first blank that is neither filled as in the block nor right in another way."""
        if isinstance(answer, str):
            return super().hint(answer) if answer else self.hint()
        for number, word in enumerate(self.right, 1):
            mine = str(answer[number - 1]).strip() if number <= len(answer) else ""
            alone = [*self.right[: number - 1], mine, *self.right[number:]]
            if mine != word and not (mine and self.judge(alone).passed):
                return f"__{number}__ is {word}"
        return NOTHING

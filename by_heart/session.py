"""An evening's practice, whatever shows it: what is due, one kata at a time, its result kept.

session = Session(open_store())
practice = session.next()           # None when nothing is due
practice.check("2 4 1"), practice.hint("2 4"), practice.solution()
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from by_heart.attempts import Attempt
from by_heart.ladder import KATAS, rung
from by_heart.ladder import kata as find
from by_heart.progress import offer
from by_heart.rungs import Answer, Fill, Rung
from by_heart.schedule import Due, Schedule
from by_heart.store import Store

PAUSE = 30.0  # minutes: who took longer was away
WARM_UP = "Optional: a block of the evenings before, from memory, in two to eight minutes."
PATH = [(kata.name, kata.notebook) for kata in KATAS]
ASKS = {
    1: "Put the lines in order; one of them is too many.",
    2: "Fill the blanks: a third of the block.",
    3: "Fill the blanks: two thirds of the block.",
    4: "Write what stands below each signature.",
    5: "Write the whole block.",
}


def clock() -> datetime:
    return datetime.now().astimezone()


@dataclass
class Session:
    """What a reader is asked. before: only katas of the notebooks before this one."""

    store: Store
    now: Callable[[], datetime] = clock
    minutes: float = 10
    before: int | None = None
    retest: bool = False  # blank cells of what was not met for thirty days, first
    later: set[str] = field(default_factory=set)  # put off until another evening

    def schedule(self) -> Schedule:
        return Schedule(PATH, self.store.attempts, self.store.notebooks)

    def has_done(self, notebook: int) -> None:
        """The reader has done this notebook, 1 to 8, and those before it; 0: none yet.

        Raises ValueError for another number.
        """
        if notebook not in range(9):
            raise ValueError(f"done={notebook}: notebooks are numbered 1 to 8 (0: none yet)")
        self.store.take([], range(1, notebook + 1))
        self.store.save()

    def due(self) -> list[Due]:
        """What is due, in its order."""
        plan, now = self.schedule(), self.now()
        found = plan.due(now, self.minutes)
        if self.retest:
            again = plan.retest(now)
            names = {due.kata for due in again}
            found = again + [due for due in found if due.kata not in names]
        if self.before is not None:
            found = [d for d in found if plan.notebook[d.kata] < self.before]
        return [d for d in found if d.kata not in self.later]

    def words(self) -> str:
        """What is due, in a sentence or two."""
        found, offered = self.due(), offer(self.schedule(), self.now())
        if found:
            names = ", ".join(f"{d.kata} (rung {d.rung})" for d in found)
            text = f"Due today, about {sum(d.minutes for d in found):.0f} minutes: {names}."
        else:
            text = "Nothing is due today."
        return f"{text} {offered}".strip()

    def next(self) -> Practice | None:
        """The next kata that is due, None if there is none."""
        return next((self.begin(due) for due in self.due()), None)

    def begin(self, due: Due) -> Practice:
        tries = sum(attempt.kata == due.kata for attempt in self.store.attempts)
        return Practice(self, due, rung(find(due.kata), due.rung, seed=tries), self.now())


@dataclass
class Practice:
    """One kata on one rung, until it passes or the solution is read. The result is kept once."""

    session: Session
    due: Due
    step: Rung
    began: datetime
    hints: int = 0
    slips: int = 0  # checks that said what is wrong
    result: Attempt | None = None

    def title(self) -> str:
        new = "new, " if self.due.new else ""
        return f"{self.due.kata} ({new}rung {self.step.number} of 5). {ASKS[self.step.number]}"

    def check(self, answer: Answer) -> str:
        """The verdict's words; when it passes, also when the kata comes back."""
        said = self.step.judge(self.read(answer))
        if said.passed:
            return f"{said.text}\n{self.end(True)}".strip()
        self.slips += said.text.startswith("✗")
        return said.text

    def hint(self, answer: Answer = "") -> str:
        self.hints += self.result is None
        return f"Hint: {self.step.hint(self.read(answer))}"

    def solution(self) -> str:
        """The block; the attempt, if it has not passed yet, has failed."""
        return f"{self.step.kata.text}\n{self.end(False)}".strip()

    def put_off(self) -> None:
        if self.result is None:
            self.session.later.add(self.due.kata)

    def read(self, answer: Answer) -> Answer:
        """A text as the rung's kind has it: the lines' numbers, or what stands in the blanks."""
        if not isinstance(answer, str):
            return answer
        if self.step.kind == "order" and re.fullmatch(r"[\d\s,;]*", answer):
            return [int(number) for number in re.findall(r"\d+", answer)]
        if isinstance(self.step, Fill):
            form = "(.*?)".join(map(re.escape, self.step.parts))
            if found := re.fullmatch(form, answer.rstrip() + "\n"):
                words = enumerate(found.groups(), 1)
                return ["" if word.strip() == f"__{n}__" else word for n, word in words]
        return answer

    def end(self, passed: bool) -> str:
        """Keep the result, the first time; say in words what it does."""
        if self.result is not None:
            return ""
        now = self.session.now()
        minutes = (now - self.began).total_seconds() / 60
        minutes = min(max(minutes, 0.0), PAUSE)  # a clock may be set back
        helped = self.hints + max(0, self.slips - 1)  # one slip is free
        self.result = Attempt(self.due.kata, self.step.number, passed, helped, minutes, now)
        self.session.store.add(self.result)
        plan = self.session.schedule()
        name, days = self.due.kata, plan.interval(self.due.kata)
        how = ("with help" if helped else "without help") if passed else "not yet"
        back = f"it comes back in {days} day{'s' if days != 1 else ''}, on rung {plan.rung(name)}"
        return f"{max(1, round(minutes))} min, {how}: {back}."

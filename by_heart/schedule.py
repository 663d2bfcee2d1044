"""What is due today, and what a result does.

A kata is a name and the number of the notebook that teaches it; a rung is a number from 1, lines to
put in order, to 5, a blank cell. Nothing here asks for the time: each question is handed its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from statistics import median

from fsrs import Card, Rating, Scheduler

from .attempts import RUNGS, Attempt, day

MINUTES = {1: 2, 2: 3, 3: 4, 4: 6, 5: 8}  # guessed, until a kata's own are known
RETEST = 30  # days
# While a kata climbs it comes back after four days at most, because what is remembered is not yet
# the whole block: without this, the simulated learner keeps half as much. Once it has been written
# from a blank cell, it comes back after as long as FSRS says.
WITHOUT_STEPS = {"enable_fuzzing": False, "learning_steps": (), "relearning_steps": ()}
CLIMBING = Scheduler(maximum_interval=4, **WITHOUT_STEPS)
KNOWN = Scheduler(**WITHOUT_STEPS)


@dataclass(frozen=True)
class Due:
    """A kata that waits: on which rung, since how many days, for about how many minutes."""

    kata: str
    rung: int
    days: int  # 0: since today
    minutes: float
    new: bool = False


@dataclass
class Standing:
    """Where the reader stands with one kata, after all its attempts in their order."""

    card: Card
    rung: int = 1
    clean: int = 0  # passes on this rung, one after the other, without a hint
    known: bool = False  # written from a blank cell, without a hint

    def take(self, attempt: Attempt) -> None:
        """Two clean passes move a rung up, a failure one down.

        An attempt on a higher rung than the own one can only help: a clean pass there moves up to
        it, and a failure moves nothing. One on a lower rung moves nothing.
        """
        if attempt.rung > self.rung and attempt.passed and not attempt.hints:
            self.rung, self.clean = attempt.rung, 1
        elif attempt.rung == self.rung:
            self.clean = self.clean + 1 if attempt.passed and not attempt.hints else 0
            if not attempt.passed:
                self.rung = max(self.rung - 1, RUNGS[0])
        self.known = self.rung == RUNGS[-1] and (self.known or self.clean > 0)
        if self.clean == 2 and self.rung < RUNGS[-1]:
            self.rung, self.clean = self.rung + 1, 0
        scheduler = KNOWN if self.known else CLIMBING
        passed = Rating.Hard if attempt.hints else Rating.Good
        rating = passed if attempt.passed else Rating.Again
        self.card, _ = scheduler.review_card(self.card, rating, noon(day(attempt.at)))


class Schedule:
    """The katas of a path and what a reader has done of them.

    katas: (name, number of its notebook) in the path's order. Attempts at other names are left out.
    notebooks: the numbers of those that the reader has done; None: not said, and new katas come in
    the path's order.
    """

    def __init__(
        self,
        katas: Sequence[tuple[str, int]],
        attempts: Iterable[Attempt] = (),
        notebooks: Collection[int] | None = None,
    ) -> None:
        self.notebook = dict(katas)
        self.notebooks = notebooks
        self.attempts: list[Attempt] = []
        self.standings: dict[str, Standing] = {}
        for attempt in sorted(attempts, key=lambda attempt: attempt.at):
            if attempt.kata in self.notebook:
                self.record(attempt)

    def record(self, attempt: Attempt) -> None:
        """Take in a result, the latest one. Raises ValueError for a kata that is not on the path,
        and for an attempt earlier than the last one."""
        if attempt.kata not in self.notebook:
            raise ValueError(f"no kata is called {attempt.kata!r}: {', '.join(self.notebook)}")
        if self.attempts and attempt.at < self.attempts[-1].at:
            raise ValueError(f"{attempt.at} lies before the last attempt, {self.attempts[-1].at}")
        if attempt.kata not in self.standings:
            number = list(self.notebook).index(attempt.kata) + 1
            card = Card(card_id=number, due=noon(day(attempt.at)))
            self.standings[attempt.kata] = Standing(card)
        self.standings[attempt.kata].take(attempt)
        self.attempts.append(attempt)

    def rung(self, kata: str) -> int:
        """The rung on which the kata comes next."""
        return self.standings[kata].rung if kata in self.standings else RUNGS[0]

    def known(self) -> list[str]:
        """The katas written from a blank cell without a hint, and not failed since."""
        return [
            kata for kata in self.notebook if kata in self.standings and self.standings[kata].known
        ]

    def due(self, now: datetime, minutes: float = 10) -> list[Due]:
        """What to practise today, in this order: one new kata, then what has waited longest for its
        interval; neighbours come from different notebooks where that can be.

        As many as fit into what is left of the day's minutes, and one at least on a day on which
        nothing was done yet. minutes=0 is that one kata; minutes=math.inf is everything.
        """
        today = day(now)
        waiting = [self.waits(kata, today) for kata in self.standings]
        waiting = [due for due in waiting if due.days >= 0]
        waiting.sort(key=lambda due: due.days / self.interval(due.kata), reverse=True)
        done = [attempt for attempt in self.attempts if day(attempt.at) == today]
        left = minutes - sum(attempt.minutes for attempt in done)
        chosen: list[Due] = []
        for due in self.interleaved(self.new(today) + waiting):
            if due.minutes <= left or not (chosen or done):
                chosen.append(due)
                left -= due.minutes
        return chosen

    def interleaved(self, waiting: list[Due]) -> list[Due]:
        """The same katas in nearly the same order, none after one from the same notebook where
        another can come between."""
        ordered, rest = [], list(waiting)
        before = self.attempts[-1].kata if self.attempts else None
        while rest:
            others = (d for d in rest if self.notebook[d.kata] != self.notebook.get(before))
            following = next(others, rest[0])
            rest.remove(following)
            ordered.append(following)
            before = following.kata
        return ordered

    def interval(self, kata: str) -> int:
        """Days from the last attempt to when the kata is due."""
        card = self.standings[kata].card
        return (card.due - card.last_review).days

    def waits(self, kata: str, today: date) -> Due:
        """The kata as it waits; fewer than 0 days if it does not yet."""
        standing = self.standings[kata]
        days = (today - standing.card.due.date()).days
        return Due(kata, standing.rung, days, self.minutes(kata, standing.rung))

    def new(self, today: date) -> list[Due]:
        """The next kata never tried, in a list; none if the reader has begun one today already, or
        none is left in the notebooks that are done."""
        first = {attempt.kata: day(attempt.at) for attempt in reversed(self.attempts)}
        if today in first.values():
            return []
        unmet = [
            kata
            for kata, notebook in self.notebook.items()
            if kata not in first and (self.notebooks is None or notebook in self.notebooks)
        ]
        rung = RUNGS[0]
        return [Due(kata, rung, 0, self.minutes(kata, rung), new=True) for kata in unmet[:1]]

    def minutes(self, kata: str, rung: int) -> float:
        """How long the kata takes on this rung: what it mostly took, or a guess."""
        taken = [a.minutes for a in self.attempts if (a.kata, a.rung) == (kata, rung)]
        return median(taken) if taken else MINUTES[rung]

    def retest(self, now: datetime) -> list[Due]:
        """The katas not met for thirty days, the longest ago first: each offered from a blank cell,
        whatever its rung."""
        last = {attempt.kata: day(attempt.at) for attempt in self.attempts}
        away = {kata: (day(now) - met).days for kata, met in last.items()}
        chosen = sorted((kata for kata in away if away[kata] >= RETEST), key=lambda k: -away[k])
        top = RUNGS[-1]
        return [Due(kata, top, away[kata] - RETEST, self.minutes(kata, top)) for kata in chosen]


def noon(day: date) -> datetime:
    """The time that FSRS is told, in UTC: it then counts days, and who practises at eight one
    evening and at seven the next has waited one day, not none."""
    return datetime.combine(day, time(12), tzinfo=timezone.utc)

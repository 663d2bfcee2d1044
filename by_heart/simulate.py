"""A learner made of chance practises for sixty days: what comes when, how many minutes a day it
takes, and what is kept of it, with the schedule and without.

The learner is not FSRS. t days after it was seen last, a block is written from a blank cell with
probability R = 1/√(1 + 3t/h): forgetting as a power of time (Wixted and Carpenter 2007), half of it
after h days. A rung asks for a share w of the block and goes well with probability R^w. A clean
pass makes h 1 + g·w·(1 − R) times as long (late, and nearly forgotten, helps most); a pass with a
hint leaves it; a failure, after which the solution is read, halves it. An evening every third day
leaves h about 3 days long; h and g (about 6) differ between blocks and between learners. Practice
on six days of seven; half of what would fail opens a hint and passes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from statistics import mean

from .attempts import Attempt
from .katas import KATAS as LADDER
from .schedule import MINUTES, Schedule

START = datetime(2026, 1, 5, 20, tzinfo=timezone.utc)  # a Monday evening
SHARE = {1: 1 / 6, 2: 1 / 3, 3: 2 / 3, 4: 5 / 6, 5: 1}  # of a block, that a rung asks for
EVENINGS = 3  # days from one to the next
WAYS = {
    "schedule": "with the schedule",
    "random": "as many minutes, katas drawn by lot",
    "never": "each block written once, on its evening",
}
LATER = 30  # days after the last one, without any practice
KATAS = [(kata.name, kata.notebook) for kata in LADDER]


@dataclass
class Block:
    """What one learner knows of one block."""

    halflife: float  # days
    gain: float
    day: float  # when it was last seen

    def recall(self, day: float) -> float:
        return (1 + 3 * (day - self.day) / self.halflife) ** -0.5

    def practise(self, day: int, rung: int, luck: random.Random) -> tuple[bool, int]:
        """Passed or not, and the hints it took."""
        recall, share = self.recall(day), SHARE[rung]
        clean = luck.random() < recall**share
        hint = not clean and luck.random() < 0.5
        if clean:
            self.halflife *= 1 + self.gain * share * (1 - recall)
        elif not hint:
            self.halflife = max(self.halflife / 2, 1.0)
        self.day = day
        return clean or hint, int(hint)


def sixty_days(
    katas: Sequence[tuple[str, int]], seed: int, days: int = 60, how: str = "schedule"
) -> tuple[Schedule, dict[str, Block]]:
    """One learner, and what they know. how: one of WAYS."""
    luck = random.Random(seed)
    talent = luck.lognormvariate(0, 0.2)
    blocks = {
        kata: Block(
            3 * talent * luck.lognormvariate(0, 0.4),
            6 * talent * luck.lognormvariate(0, 0.3),
            EVENINGS * (notebook - 1),
        )
        for kata, notebook in katas
    }
    practises = [luck.random() < 6 / 7 for _ in range(days)]
    plan = Schedule(katas)
    if how == "never":
        return plan, blocks
    spent = minutes_a_day(sixty_days(katas, seed, days)[0], days) if how == "random" else []
    for today in (number for number in range(days) if practises[number]):
        plan.notebooks = {n for _, n in katas if EVENINGS * (n - 1) < today}
        at = START + timedelta(days=today)
        open_now = [kata for kata, notebook in katas if notebook in plan.notebooks]
        while kata := following(plan, at, open_now, spent[today:], luck):
            rung = plan.rung(kata)
            passed, hints = blocks[kata].practise(today, rung, luck)
            minutes = MINUTES[rung] * luck.lognormvariate(0, 0.25) * (1 if passed else 1.5)
            plan.record(Attempt(kata, rung, passed, hints, minutes, at))
            at += timedelta(minutes=minutes)
    return plan, blocks


def following(
    plan: Schedule, at: datetime, katas: list[str], spent: list[float], luck
) -> str | None:
    """The next kata: what is due; or, where the day's minutes are given, drawn by lot until they
    are used up."""
    if not spent:
        return next((due.kata for due in plan.due(at)), None)
    left = spent[0] - sum(a.minutes for a in plan.attempts if a.at.date() == at.date())
    return luck.choice(katas) if katas and left > MINUTES[1] else None


def minutes_a_day(plan: Schedule, days: int) -> list[float]:
    spent = [0.0] * days
    for attempt in plan.attempts:
        spent[(attempt.at - START).days] += attempt.minutes
    return spent


def kept(blocks: dict[str, Block], day: float) -> float:
    """The share of the blocks that would be written from a blank cell."""
    return mean(block.recall(day) for block in blocks.values())

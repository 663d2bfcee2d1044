"""What is kept of a kata tried once, and the reader's day on which it was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta

RUNGS = range(1, 6)  # from lines to put in order to a blank cell
# The day begins at four in the morning: who practises at midnight practises in the evening
NIGHT = timedelta(hours=4)


@dataclass(frozen=True)
class Attempt:
    """A kata tried once, on a rung. Raises ValueError for what can't be one."""

    kata: str
    rung: int
    passed: bool
    hints: int  # how many were opened
    minutes: float
    at: datetime  # with the reader's time zone

    def __post_init__(self) -> None:
        if type(self.kata) is not str:
            raise ValueError(f"a kata has a name, not {self.kata!r}")
        if self.rung not in RUNGS or type(self.rung) is not int:
            raise ValueError(f"a rung is a number from 1 to 5, not {self.rung!r}")
        if type(self.passed) is not bool or type(self.hints) is not int or self.hints < 0:
            raise ValueError("an attempt has passed or not, with 0 hints or more")
        if not 0 <= self.minutes < math.inf:
            raise ValueError(f"minutes must be 0 or more, not {self.minutes!r}")
        day(self.at)


def day(at: datetime) -> date:
    """The reader's day. Raises ValueError for a time without a time zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone: datetime.now().astimezone() has one")
    return (at - NIGHT).date()

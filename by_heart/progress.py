"""One small picture of what one knows: the blocks, and the weeks since the first try."""

from __future__ import annotations

from datetime import datetime, timedelta

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from utils.plots import INK, STYLE, WEIGHTS, heatmap

from .attempts import RUNGS, day
from .schedule import RETEST, Schedule

KINDS = ["not begun", "order", "a third blank", "two thirds", "stub", "blank cell"]
WEEKS = 26  # the last ones, if there are more
# White, then darker from rung to rung, in the colours of attention's weights
STEPS = ListedColormap([WEIGHTS(rung / RUNGS[-1] * 0.9) for rung in range(len(KINDS))])


def rungs_by_week(schedule: Schedule, now: datetime) -> tuple[list[str], list[list[int]]]:
    """The names of the weeks since the first attempt, and for each kata the rung that was reached
    at the end of each: katas × weeks, 0 = not begun."""
    today = day(now)
    first = day(schedule.attempts[0].at) if schedule.attempts else today
    monday = first - timedelta(days=first.weekday())
    count = (today - monday).days // 7 + 1
    rows = {kata: [0] * count for kata in schedule.notebook}
    past = Schedule(list(schedule.notebook.items()))
    for attempt in schedule.attempts:
        past.record(attempt)
        week = (day(attempt.at) - monday).days // 7
        rows[attempt.kata][week:] = [past.rung(attempt.kata)] * (count - week)
    mondays = [monday + timedelta(weeks=week) for week in range(count)]
    names = [f"{date.day} {date:%b}" for date in mondays]
    return names[-WEEKS:], [row[-WEEKS:] for row in rows.values()]


def picture(schedule: Schedule, now: datetime) -> Axes:
    """Draw katas × weeks: the darker, the higher the rung; a dot where a blank cell has been
    written without a hint."""
    weeks, rungs = rungs_by_week(schedule, now)
    katas, known = list(schedule.notebook), schedule.known()
    title = f"{len(known)} of {len(katas)} blocks written from a blank cell"
    ax = heatmap(
        [[rung / RUNGS[-1] for rung in row] for row in rungs],
        katas,
        weeks,
        title,
        annotate=False,
        cmap=STEPS,
        xlabel="week from",
        ylabel="",
        colorbar=False,
    )
    with mpl.rc_context(STYLE):
        for kata in known:
            ax.plot(len(weeks) - 0.5, katas.index(kata) + 0.5, "o", color="white", mec=INK, ms=6)
        places = [(rung + 0.5) / len(KINDS) for rung in range(len(KINDS))]
        scale = ax.get_figure(root=True).colorbar(ax.collections[0], ax=ax, ticks=places)
        scale.ax.set_yticklabels(KINDS)
        scale.ax.tick_params(length=0)
    return ax


def offer(schedule: Schedule, now: datetime) -> str:
    """A sentence that offers a retest, or an empty one when no kata was left alone for so long."""
    waiting = [due.kata for due in schedule.retest(now)]
    if not waiting:
        return ""
    more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
    return (
        f"Not met for {RETEST} days: {waiting[0]}{more}. Do you still write it from a blank cell?"
    )

"""What is due and what a result does, with a clock that is handed in; a learner made of chance."""

import math
from datetime import datetime, timedelta, timezone
from statistics import mean

import matplotlib.pyplot as plt
import pytest

from by_heart import simulate
from by_heart.attempts import Attempt, day
from by_heart.progress import offer, picture, rungs_by_week
from by_heart.schedule import Schedule
from by_heart.simulate import sixty_days

KATAS = [("softmax", 1), ("loss", 1), ("masks", 2), ("attention", 2), ("heads", 3)]
VIENNA = timezone(timedelta(hours=1))
MONDAY = datetime(2026, 1, 5, 20, tzinfo=VIENNA)


def after(days: float) -> datetime:
    return MONDAY + timedelta(days=days)


def attempt(days: float, kata="softmax", rung=1, passed=True, hints=0, minutes=2.0) -> Attempt:
    return Attempt(kata, rung, passed, hints, minutes, after(days))


def names(due) -> list[str]:
    return [kata.kata for kata in due]


def climb(plan: Schedule, kata: str, start: float = 0) -> float:
    """Pass a kata whenever it is due until its blank cell is written; return the day."""
    days = start
    while kata not in plan.known():
        waits = plan.standings.get(kata) and plan.waits(kata, day(after(days))).days
        if waits is None or waits >= 0:
            plan.record(attempt(days, kata, plan.rung(kata)))
        days += 1
    return days - 1


def test_one_new_kata_a_day_in_the_paths_order():
    plan = Schedule(KATAS)
    assert names(plan.due(after(0))) == ["softmax"]
    assert plan.due(after(0))[0].new
    plan.record(attempt(0))
    assert plan.due(after(0)) == []
    assert plan.due(after(0), math.inf) == []
    assert names(plan.due(after(1))) == ["loss"]


def test_new_katas_come_from_the_notebooks_that_are_done():
    assert names(Schedule(KATAS, notebooks={2}).due(after(0))) == ["masks"]
    assert Schedule(KATAS, notebooks=set()).due(after(0)) == []


def test_one_kata_or_ten_minutes():
    plan = Schedule(KATAS)
    for days, (kata, _) in enumerate(KATAS):
        plan.record(attempt(days, kata))
    assert len(plan.due(after(9), minutes=0)) == 1
    assert len(plan.due(after(9))) == len(plan.due(after(9), math.inf)) == 5
    assert len(plan.due(after(9), minutes=5)) == 2
    plan.record(attempt(9, minutes=8))
    assert len(plan.due(after(9))) == 1
    plan.record(attempt(9, "loss", minutes=3))
    assert plan.due(after(9)) == []


def test_a_katas_own_minutes_count_once_they_are_known():
    plan = Schedule(KATAS)
    assert plan.due(after(0))[0].minutes == 2
    plan.record(attempt(0, minutes=7))
    assert plan.due(after(2))[0].kata == "loss"
    assert {due.kata: due.minutes for due in plan.due(after(2))}["softmax"] == 7


def test_neighbours_come_from_different_notebooks():
    plan = Schedule(KATAS)
    for kata, _ in KATAS:
        plan.record(attempt(0, kata))
    order = [plan.notebook[kata] for kata in names(plan.due(after(2), math.inf))]
    assert len(order) == 5
    assert all(a != b for a, b in zip(order, order[1:], strict=False))


@pytest.mark.parametrize(
    ("results", "rung"),
    [
        ("+", 1),
        ("++", 2),
        ("+++", 2),
        ("++++", 3),
        ("-", 1),
        ("++-", 1),
        ("+h+", 1),  # a pass with a hint breaks the row
        ("+h++", 2),
        ("++++++++", 5),
        ("++++++++++++", 5),
        ("++++++++-", 4),
    ],
)
def test_two_clean_passes_move_up_and_a_failure_down(results, rung):
    plan = Schedule(KATAS)
    for days, sign in enumerate(results):
        rung_now = plan.rung("softmax")
        plan.record(attempt(days, rung=rung_now, passed=sign != "-", hints=int(sign == "h")))
    assert plan.rung("softmax") == rung


def test_an_attempt_on_another_rung():
    plan = Schedule(KATAS, [attempt(0, rung=5, passed=False)])
    assert plan.rung("softmax") == 1
    plan.record(attempt(1, rung=3))
    assert plan.rung("softmax") == 3
    plan.record(attempt(2, rung=1, passed=False))
    assert plan.rung("softmax") == 3
    plan.record(attempt(3, rung=3))
    assert plan.rung("softmax") == 4
    plan.record(attempt(4, rung=5))
    assert plan.known() == ["softmax"]


def test_failed_comes_back_soonest_and_a_hint_before_a_clean_pass():
    plan = Schedule(KATAS)
    plan.record(attempt(0, "softmax", passed=False))
    plan.record(attempt(0, "masks", hints=1))
    plan.record(attempt(0, "heads"))
    assert [plan.interval(kata) for kata in ("softmax", "masks", "heads")] == [1, 1, 2]
    stability = [plan.standings[kata].card.stability for kata in ("softmax", "masks", "heads")]
    assert stability == sorted(stability)


def test_a_climbing_kata_comes_at_least_every_four_days_a_known_one_later_and_later():
    plan = Schedule(KATAS)
    known = climb(plan, "heads")
    days = [day(a.at).toordinal() for a in plan.attempts]
    assert [b - a for a, b in zip(days, days[1:], strict=False)] == [2] + 7 * [4]
    assert plan.interval("heads") > 20
    plan.record(attempt(known + 30, "heads", 5))
    longer = plan.interval("heads")
    assert longer > 60
    plan.record(attempt(known + 90, "heads", 5, passed=False))
    assert plan.known() == [] and plan.interval("heads") <= 4


def test_days_are_counted_not_hours():
    plan = Schedule(KATAS, [attempt(0, passed=False)])
    assert "softmax" in names(plan.due(after(1) - timedelta(hours=3)))  # an hour earlier: still due
    late = Attempt("loss", 1, False, 0, 2.0, after(1) + timedelta(hours=5))  # 1 in the morning
    plan.record(late)
    assert day(late.at) == day(after(1))
    assert "loss" in names(plan.due(after(2)))


def test_the_same_attempts_give_the_same_schedule_in_any_order():
    plan, _ = sixty_days(simulate.KATAS, seed=3)
    again = Schedule(simulate.KATAS, reversed(plan.attempts))
    assert again.due(simulate.START + timedelta(days=61), math.inf) == plan.due(
        simulate.START + timedelta(days=61), math.inf
    )


def test_what_has_waited_longest_for_its_interval_comes_first():
    plan = Schedule(KATAS, [attempt(0, "heads"), attempt(1, "masks", passed=False), attempt(4)])
    assert names(plan.due(after(4), math.inf)) == ["masks", "heads"]


def test_an_old_kata_first_costs_no_new_one():
    plan = Schedule(KATAS, [attempt(0), attempt(1, passed=False)])
    assert names(plan.due(after(1))) == ["loss"]


def test_a_hint_makes_no_block_known_and_forgets_none():
    plan = Schedule(KATAS, [attempt(0, rung=4), attempt(1, rung=4), attempt(2, rung=5, hints=1)])
    assert plan.rung("softmax") == 5 and plan.known() == []
    plan = Schedule(KATAS, [attempt(0), attempt(1, rung=5, hints=1)])
    assert plan.rung("softmax") == 1
    plan = Schedule(KATAS, [attempt(0, rung=5), attempt(1, rung=5, hints=1)])
    assert plan.known() == ["softmax"]


def test_minutes_are_the_median_of_the_rung_s_own():
    plan = Schedule(KATAS, [attempt(n, minutes=m) for n, m in enumerate((7, 1, 9))])
    plan.record(attempt(3, rung=2, minutes=5))
    assert (plan.minutes("softmax", 1), plan.minutes("softmax", 2)) == (7, 5)


def test_a_kata_that_left_the_course_is_left_out():
    plan = Schedule(KATAS, [attempt(0), attempt(1, "alchemy")])
    assert names(plan.attempts) == ["softmax"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rung": 6}, "from 1 to 5"),
        ({"rung": True}, "from 1 to 5"),
        ({"passed": 1}, "has passed or not"),
        ({"hints": -1}, "0 hints or more"),
        ({"hints": 1.5}, "0 hints or more"),
        ({"minutes": -1.0}, "0 or more"),
        ({"minutes": math.inf}, "0 or more"),
        ({"minutes": math.nan}, "0 or more"),
        ({"at": datetime(2026, 1, 5)}, "has no time zone"),
    ],
)
def test_what_cannot_be_an_attempt(wrong, said):
    fields = {"kata": "softmax", "rung": 1, "passed": True, "hints": 0, "minutes": 2, "at": MONDAY}
    with pytest.raises(ValueError, match=said):
        Attempt(**fields | wrong)


def test_record_refuses_unknown_katas_and_the_past():
    plan = Schedule(KATAS, [attempt(5)])
    with pytest.raises(ValueError, match="no kata is called 'alchemy': softmax, loss"):
        plan.record(attempt(6, "alchemy"))
    with pytest.raises(ValueError, match="lies before the last attempt"):
        plan.record(attempt(4))


def test_a_retest_is_offered_after_thirty_days():
    plan = Schedule(KATAS, [attempt(0), attempt(2, "heads", 3)])
    assert plan.retest(after(29)) == [] and offer(plan, after(29)) == ""
    [due] = plan.retest(after(30))
    assert (due.kata, due.rung, due.days) == ("softmax", 5, 0)
    assert names(plan.retest(after(40))) == ["softmax", "heads"]
    assert [due.days for due in plan.retest(after(40))] == [10, 8]
    assert offer(plan, after(40)).startswith("Not met for 30 days: softmax and 1 more.")


def test_the_picture_shows_what_was_reached_in_each_week():
    plan = Schedule(KATAS)
    last = climb(plan, "heads", start=7)
    plan.record(attempt(last, "softmax"))
    weeks, rows = rungs_by_week(plan, after(last))
    assert weeks[0] == "12 Jan" and len(weeks) == len(rows[0])
    by_kata = dict(zip(dict(KATAS), rows, strict=True))
    assert by_kata["heads"][0] == 2 and by_kata["heads"][-1] == 5
    assert by_kata["softmax"] == [0] * (len(weeks) - 1) + [1]
    assert by_kata["loss"] == [0] * len(weeks)
    ax = picture(plan, after(last))
    assert ax.get_title() == "1 of 5 blocks written from a blank cell"
    assert [label.get_text() for label in ax.get_yticklabels()] == list(dict(KATAS))
    assert len(ax.lines) == 1
    picture(Schedule(KATAS), MONDAY)
    assert len(rungs_by_week(plan, after(400))[0]) == 26
    plt.close("all")


def test_a_learner_keeps_more_with_the_schedule():
    """Four learners; the printed table has ten. Each one's luck is its seed."""
    kept = {
        how: [
            mean(
                block.recall(60) for block in sixty_days(simulate.KATAS, seed, 60, how)[1].values()
            )
            for seed in range(4)
        ]
        for how in simulate.WAYS
    }
    assert min(kept["schedule"]) > 2 * max(kept["never"])
    assert mean(kept["schedule"]) > mean(kept["random"])
    again = sixty_days(simulate.KATAS, 0)[0]
    assert again.attempts == sixty_days(simulate.KATAS, 0)[0].attempts
    minutes = simulate.minutes_a_day(again, 60)
    assert max(minutes) < 20 and len(again.standings) == len(simulate.KATAS)
    new = [day(min(a.at for a in again.attempts if a.kata == kata)) for kata in again.standings]
    assert len(set(new)) == len(new)  # one a day

"""An evening's practice, with widgets, in plain text and in the terminal; no clock is real."""

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import ipywidgets
import nbformat
import pytest

import by_heart
from by_heart import __main__ as terminal
from by_heart import plain, widgets
from by_heart.lines import Lines
from by_heart.session import WARM_UP, Session
from by_heart.store import Store, open_store

ROOT = Path(__file__).parents[2]
WARM_UP_ID = "b1a57e0f"
WARM_UP_CELL = """# @title Optional: a block from the evenings before
from by_heart import warm_up

warm_up({})"""
EVENING = datetime(2026, 1, 5, 20, tzinfo=timezone.utc)


class Clock:
    """Three minutes pass whenever somebody looks."""

    def __init__(self) -> None:
        self.time = EVENING

    def __call__(self) -> datetime:
        self.time += timedelta(minutes=3)
        return self.time


@pytest.fixture
def session(tmp_path) -> Session:
    store = Store(tmp_path)
    store.read()
    return Session(store, Clock(), minutes=60)


def tomorrow(session: Session, days: int = 1) -> None:
    session.now.time = session.now.time.replace(hour=20, minute=0) + timedelta(days=days)


def right(practice) -> str:
    """The right answer as one types it."""
    if practice.step.kind == "order":
        return " ".join(map(str, practice.step.right))
    return practice.step.text(practice.step.right)


def test_a_pass_is_kept_and_says_when_it_comes_back(session):
    practice = session.next()
    assert practice.title().startswith("softmax (new, rung 1 of 5). Put the lines in order")
    said = practice.check(right(practice))
    assert said.startswith("● softmax correct.")
    assert said.endswith("min, without help: it comes back in 2 days, on rung 1.")
    again = Store(session.store.folder)
    again.read()
    [kept] = again.attempts
    assert (kept.kata, kept.rung, kept.passed, kept.hints) == ("softmax", 1, True, 0)
    assert 3 <= kept.minutes <= 30
    practice.check(right(practice)), practice.solution()
    assert len(session.store.attempts) == 1


def test_one_slip_is_free_and_the_second_is_help(session):
    practice = session.next()
    wrong = f"{practice.step.wrong} {right(practice)}"
    assert practice.check("").startswith("○") and practice.slips == 0
    practice.check(wrong)
    assert practice.slips == 1
    practice.check(right(practice))
    assert practice.result.hints == 0

    tomorrow(session)
    practice = session.next()
    wrong = f"{practice.step.wrong} {right(practice)}"
    practice.check(wrong), practice.check(wrong)
    assert "with help" in practice.check(right(practice))
    assert practice.result.hints == 1


def test_a_hint_is_counted_and_a_solution_fails(session):
    practice = session.next()
    assert practice.hint("").startswith("Hint: next is line")
    said = practice.solution()
    assert said.startswith("def softmax(") and "not yet: it comes back in 1 day, on rung 1." in said
    assert (practice.result.passed, practice.result.hints) == (False, 1)


def test_two_clean_passes_lead_to_blanks_whose_text_is_edited_in_place(session):
    for _ in range(2):
        practice = next(session.begin(d) for d in session.due() if d.kata == "softmax")
        practice.check(right(practice))
        tomorrow(session, 4)
    practice = next(session.begin(d) for d in session.due() if d.kata == "softmax")
    assert practice.step.number == 2
    assert practice.check(practice.step.shown).startswith("○")
    first = practice.step.right[0]
    assert practice.hint(practice.step.shown) == f"Hint: __1__ is {first}"
    begun = practice.step.shown.replace("__1__", first)
    assert practice.hint(begun).startswith("Hint: __2__ is ")
    assert practice.check(begun).startswith("○")
    assert practice.check(right(practice)).startswith("● softmax correct.")


def test_who_was_away_does_not_pay_for_it(session):
    practice = session.next()
    session.now.time += timedelta(hours=5)
    practice.check(right(practice))
    assert practice.result.minutes == 30


def test_what_is_put_off_does_not_come_back_this_evening(session):
    practice = session.next()
    practice.put_off()
    assert session.next() is None and session.words().startswith("Nothing is due today")


def test_notebooks_that_are_done_and_those_before_this_one(session):
    session.has_done(2)
    assert session.store.notebooks == {1, 2}
    session.before = 1
    assert session.next() is None
    session.before = 2
    assert session.next().due.kata == "softmax"


@pytest.mark.parametrize("number", [-1, 9, 2.5])
def test_a_notebook_that_there_is_not_is_refused_and_nothing_is_kept(session, number):
    with pytest.raises(ValueError, match="notebooks are numbered 1 to 8"):
        session.has_done(number)
    assert session.store.notebooks is None


def test_a_retest_comes_first(session):
    practice = session.next()
    practice.check(right(practice))
    tomorrow(session, 31)
    assert "Not met for 30 days: softmax." in session.words()
    session.retest = True
    assert session.next().title().startswith("softmax (rung 5 of 5). Write the whole block.")
    asked = [due.kata for due in session.due()]
    assert len(asked) == len(set(asked))


def test_a_clock_that_was_set_back_keeps_the_result(session):
    practice = session.next()
    session.now.time -= timedelta(hours=1)
    assert practice.check(right(practice)).startswith("● softmax correct.")
    assert session.store.attempts[0].minutes == 0


def test_in_plain_text(session, capsys):
    plain.start(session=session)
    assert "Due today, about 2 minutes: softmax (rung 1)." in capsys.readouterr().out
    by_heart.hint()
    by_heart.answer(*map(int, right(plain.now["asked"]).split()))
    said = capsys.readouterr().out
    assert "Hint: next is line" in said and "● softmax correct." in said and "with help" in said
    by_heart.answer("1 2")
    assert "call today() first" in capsys.readouterr().out


def test_later_and_solution_in_plain_text(session, capsys):
    plain.start(1, session=session)
    by_heart.later()
    assert not plain.now and session.store.notebooks == {1}
    session.later.clear()
    plain.start(session=session)
    by_heart.solution()
    assert "def softmax(scores):" in capsys.readouterr().out


@pytest.mark.parametrize("rung", [1, 2, 4])
def test_in_the_terminal(session, monkeypatch, capsys, rung):
    due = session.due()[0]
    practice = session.begin(type(due)(due.kata, rung, 0, 2.0))
    lines = right(practice).splitlines()
    if rung == 2:
        lines = list(practice.step.right)
    if rung == 4:
        lines += ["."]
    typed = iter(["hint", *lines])
    monkeypatch.setattr("builtins.input", lambda _: next(typed))
    assert terminal.practise(practice)
    assert practice.result.passed and practice.result.hints == 1
    assert "Hint: " in capsys.readouterr().out


def test_the_terminal_ends_with_the_input(session, monkeypatch, capsys):
    def end(_):
        raise EOFError

    monkeypatch.setattr("builtins.input", end)
    terminal.run(session)
    assert capsys.readouterr().out.endswith("Until tomorrow.\n")
    assert not session.store.attempts


def buttons(box) -> dict[str, ipywidgets.Button]:
    found = {}
    for child in getattr(box, "children", ()):
        if isinstance(child, ipywidgets.Button):
            found[child.description] = child
        found |= buttons(child)
    return found


def shown(box) -> str:
    texts = [child.value for child in box.children if isinstance(child, ipywidgets.HTML)]
    return "\n".join([*texts, *(shown(c) for c in box.children if hasattr(c, "children"))])


def test_lines_are_put_in_order_by_pressing_or_typing():
    lines = Lines("def f(x):", ["    a = 1 < x", "    return a"])
    pressed = buttons(lines.box)
    pressed["2"].click(), pressed["1"].click(), pressed["2"].click()
    assert lines.value == "1"
    lines.typed.value = "1, 2 9"
    assert lines.numbers() == [1, 2]
    assert "def f(x):\n    a = 1 &lt; x\n    return a" in lines.built.value


def test_widgets_lead_through_an_evening(session, capsys):
    view = widgets.start(session=session)
    assert "softmax (rung 1)" in shown(view.box)
    buttons(view.box)["Hint"].click()
    assert "Hint: next is line" in view.verdict.value
    for number in view.practice.step.right:
        buttons(view.box)[str(number)].click()
    buttons(view.box)["Check"].click()
    assert "● softmax correct." in view.verdict.value
    buttons(view.box)["Next"].click()
    assert view.practice is None and "Nothing is due today." in shown(view.box)
    buttons(view.box)["My progress"].click()
    assert bytes(view.box.children[-1].value).startswith(b"\x89PNG")
    # What is printed into the cell holds nothing of the reader's
    assert "softmax" not in capsys.readouterr().out


def test_a_text_area_holds_the_stub_and_solution_and_later_work(session):
    view = widgets.start(session=session)
    view.session.retest = True
    due = session.due()[0]
    session.begin(type(due)("softmax", 1, 0, 2.0)).check("1")
    view.practice = session.begin(type(due)("softmax", 4, 0, 6.0))
    buttons(view.box)["Solution"].click()
    assert "def softmax(scores):" in view.verdict.value
    assert view.following.description == "Next"


def test_the_warm_up_shows_one_line_until_its_button_is_pressed(session, capsys):
    session.before = 2
    box = widgets.offer_button(2, session)
    before = capsys.readouterr().out
    assert WARM_UP in before and session.store.notebooks is None
    buttons(box)["Begin"].click()
    assert session.store.notebooks == {1}
    assert "softmax" in shown(box)
    buttons(box)["Later"].click()
    assert "Another evening, then." in shown(box)
    assert "softmax" not in capsys.readouterr().out


def test_without_ipywidgets_words_say_what_to_call(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("BY_HEART_DIR", str(tmp_path))
    monkeypatch.setattr("by_heart.find_spec", lambda _: None)
    by_heart.warm_up(5)
    said = capsys.readouterr().out
    assert said.startswith(f"{WARM_UP} Run  from by_heart import answer, ")
    assert said.endswith("\ntoday(done=4)\n")
    by_heart.today(done=4)
    assert "Then answer(" in capsys.readouterr().out
    assert open_store().notebooks == {1, 2, 3, 4}


def warm_ups() -> dict[int, nbformat.NotebookNode]:
    return {
        int(path.name[:2]): cell
        for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.id == WARM_UP_ID
    }


def test_the_cell_of_each_notebook_is_the_same_but_for_its_number():
    found = warm_ups()
    assert found.keys() == set(range(2, 8))
    for number, cell in found.items():
        assert cell.source == WARM_UP_CELL.format(number)
        assert cell.metadata == {"cellView": "form", "jupyter": {"source_hidden": True}}
        [output] = cell.outputs
        assert output.data == {"text/plain": WARM_UP}


def test_tests_hide_what_their_user_has_practised():
    assert re.search(r"by-heart-\w+$", str(open_store().folder))

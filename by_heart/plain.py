"""today() without widgets: what is due is printed, and answers are calls."""

from __future__ import annotations

from by_heart.session import Practice, Session
from by_heart.store import open_store
from exercises.say import say

HOW = {
    "order": 'answer("3 1 2 …"), the lines\' numbers from top to bottom',
    "fill": 'answer("…", "…", …), what stands in __1__, __2__, …',
    "write": 'answer("""…"""), the text of the block',
}
HELP = "hint(what you have so far) shows the next step, solution() the block, later() puts it off."
now: dict[str, Practice] = {}  # the kata that is asked at the moment


def start(done: int | None = None, session: Session | None = None, **options) -> None:
    """Print what is due and the first kata."""
    session = session or Session(open_store(say), **options)
    if done is not None:
        session.has_done(done)
    say(session.words())
    ask(session)


def ask(session: Session) -> None:
    now.clear()
    if practice := session.next():
        now["asked"] = practice
        step = practice.step
        say(f"\n{practice.title()}\n\n{step.shown}\nThen {HOW[step.kind]}. {HELP}")


def current() -> Practice | None:
    if not now:
        say("Nothing is asked at the moment: call today() first.")
    return now.get("asked")


def answer(*words: str | int) -> None:
    """Answer what today(plain=True) has printed: one text, or the lines' numbers, or what stands in
    each blank."""
    if practice := current():
        one = len(words) == 1 and isinstance(words[0], str)
        alone = one and (practice.step.kind != "fill" or "\n" in words[0])
        say(practice.check(words[0] if alone else list(words)))
        if practice.result:
            ask(practice.session)


def hint(written: str = "") -> None:
    """Print the next step. written: your answer so far."""
    if practice := current():
        say(practice.hint(written))


def solution() -> None:
    """Print the block. The attempt has failed, and the kata comes back soon."""
    if practice := current():
        say(practice.solution())
        ask(practice.session)


def later() -> None:
    """Leave this kata for another evening and print the next one."""
    if practice := current():
        practice.put_off()
        ask(practice.session)

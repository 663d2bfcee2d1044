"""What is due today, in the terminal: python -m by_heart, or make by-heart."""

from __future__ import annotations

import argparse

from by_heart.rungs import Answer, Fill
from by_heart.session import Practice, Session
from by_heart.store import open_store
from exercises.say import say

HELP = "hint, solution, later and quit may be typed at any time."
WORDS = ("hint", "solution", "later", "quit")


class Asked(Exception):
    """One of WORDS was typed instead of an answer."""


def read(prompt: str) -> str:
    """A typed line. Raises Asked for one of WORDS, and for an end of the input."""
    try:
        line = input(prompt)
    except EOFError:
        raise Asked("quit") from None
    if line.strip() in WORDS:
        raise Asked(line.strip())
    return line


def typed(practice: Practice, so_far: list[str]) -> Answer:
    """An answer from the keyboard. so_far: takes what is typed, for a hint. Raises Asked."""
    step = practice.step
    if step.kind == "order":
        return read("the lines' numbers: ")
    if isinstance(step, Fill):
        while len(so_far) < len(step.right):
            so_far.append(read(f"__{len(so_far) + 1}__ = "))
        return so_far
    say("Type the block; a line with a dot ends it.")
    while (line := read("  ")).strip() != ".":
        so_far.append(line)
    return "\n".join(so_far) + "\n"


def practise(practice: Practice) -> bool:
    """One kata, from its question to its result. Returns whether the reader goes on."""
    say(f"\n{practice.title()}\n\n{practice.step.shown}")
    so_far: list[str] = []
    while practice.result is None:
        try:
            say(practice.check(typed(practice, so_far)))
            so_far.clear()
        except Asked as asked:
            if str(asked) == "hint":
                filled = so_far if isinstance(practice.step, Fill) else "\n".join(so_far)
                say(practice.hint(filled))
            elif str(asked) == "solution":
                say(practice.solution())
            else:
                practice.put_off()
                return str(asked) == "later"
    return True


def run(session: Session) -> None:
    say(f"{session.words()}\n{HELP}")
    while (practice := session.next()) and practise(practice):
        pass
    say("That is all for today." if practice is None else "Until tomorrow.")


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m by_heart")
    options.add_argument("--done", type=int, help="the last notebook that you have done")
    options.add_argument("--minutes", type=float, default=10, help="a day's")
    options.add_argument("--retest", action="store_true", help="first what you have not met lately")
    chosen = options.parse_args()
    session = Session(open_store(say), minutes=chosen.minutes, retest=chosen.retest)
    try:
        if chosen.done is not None:
            session.has_done(chosen.done)
    except ValueError as error:
        options.error(str(error))
    try:
        run(session)
    except KeyboardInterrupt:
        say("\nUntil tomorrow.")


if __name__ == "__main__":
    main()

"""What brings each block back on the day it is about to be forgotten.

from by_heart import today
today()
"""

from __future__ import annotations

from importlib.util import find_spec

from by_heart.plain import answer, hint, later, solution

__all__ = ["answer", "hint", "later", "solution", "today", "warm_up"]


def today(
    done: int | None = None, minutes: float = 10, retest: bool = False, plain: bool = False
) -> None:
    """What is due today, to practise here.

    done: the last notebook that you have done, to be said once: new blocks come from those.
    minutes: a day's. retest: first a blank cell for what you have not met for thirty days.
    plain: print, and take answer("…"), hint(), solution() and later(); so also without ipywidgets.
    """
    options = {"minutes": minutes, "retest": retest}
    if plain or find_spec("ipywidgets") is None:
        from by_heart.plain import start
    else:
        from by_heart.widgets import start
    start(done, **options)


def warm_up(notebook: int) -> None:
    """One block of the notebooks before this one, if one is due: shown when its button is pressed.
    Without ipywidgets it says what to call."""
    if find_spec("ipywidgets") is None:
        from by_heart.session import WARM_UP

        print(f"{WARM_UP} Run  from by_heart import answer, hint, later, solution, today  and then")
        print(f"today(done={notebook - 1})")
    else:
        from by_heart.widgets import offer_button

        offer_button(notebook)

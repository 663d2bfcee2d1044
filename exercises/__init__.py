"""Every exercise of every notebook, and the check that a reader runs.

    from exercises import check
    check("5.2", tie)

One file a notebook, ex05_decoder.py for notebook 05: it is found by its name.
"""

import os
import pkgutil
import warnings
from importlib import import_module
from typing import Any

# First: importing the module of this name later would hide the function below
from exercises.check import Exercise, verdict
from exercises.say import say


def check(number: str, answer: Any) -> None:
    """Print whether `answer` solves exercise `number`, and if not, what is wrong.

    Never stops a run, unless nbgrader executes it: then an exercise that is not solved raises.
    """
    exercise = find(number)
    if os.environ.get("NBGRADER_EXECUTION"):  # nbgrader sets it where it grades and validates
        grade(exercise, answer)
    else:
        say(verdict(exercise, answer))


def grade(exercise: Exercise, answer: Any) -> None:
    """Print the verdict, and raise AssertionError where it is not ●: nbgrader gives full points to
    a cell that only prints."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # printed, they would count as a failure
        said = verdict(exercise, answer)
    say(said)
    if not said.startswith("●"):
        raise AssertionError(f"exercise {exercise.number} is not solved: the line above says why")


def find(number: str) -> Exercise:
    """The exercise of that number; of all files, only its notebook's and its labs' are read.

    Raises ValueError, which lists all there are, when there is none.
    """
    notebook = str(number).split(".")[0].zfill(2)
    found = exercises(f"ex{notebook}_").get(str(number))
    if found is None:
        raise ValueError(f'there is no exercise "{number}"; there are {", ".join(exercises())}')
    return found


def exercises(begin: str = "ex") -> dict[str, Exercise]:
    """Number → exercise, from all files whose names begin so."""
    found: dict[str, Exercise] = {}
    for file in pkgutil.iter_modules(__path__):
        if file.name.startswith(begin):
            names = vars(import_module(f"{__name__}.{file.name}"))
            made = [value for value in names.values() if isinstance(value, Exercise)]
            found |= {each.number: each for each in [*names.get("EXERCISES", ()), *made]}
    return found

"""A kata: a block to know by heart, and what its exercise says."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from by_heart.source import bare
from exercises import find
from exercises.check import Edit, Exercise, edited_source, source


@dataclass(frozen=True)
class Kata:
    """A block to know by heart.

    name: "attention", "EncoderLayer", …
    exercise: the number of the exercise that judges it.
    task: what to write, in a sentence or two; the beginning of the solution's docstring when empty.
    version: stands for the exercise's solution, where that holds more than one writes by heart.
    slips: the version's edits, each a mistake that the exercise knows: its own are the solution's.
    """

    name: str
    exercise: str
    task: str = ""
    version: Callable | None = None
    slips: tuple[Edit | tuple[Edit, ...], ...] = ()

    @cached_property
    def found(self) -> Exercise:
        """Its exercise, with the kata's name where the number was."""
        return replace(find(self.exercise), number=self.name)

    @property
    def notebook(self) -> int:
        """The number of the notebook that teaches it."""
        return int(self.exercise.split(".")[0])

    @property
    def block(self) -> Callable:
        """The function or class that is right."""
        return self.version or self.found.solution

    @cached_property
    def text(self) -> str:
        """The block's source without docstrings, comments and checks."""
        return bare(source(self.block))

    @property
    def asks(self) -> str:
        """What to write."""
        return self.task or (self.block.__doc__ or "").split("\n\n")[0].strip()

    @cached_property
    def wrong(self) -> list[tuple[str, str]]:
        """Each wrong answer that is an edit of the block: its text as `text`, and what the
        exercise says to it ("" for a slip: one of its sentences)."""
        edits = {edit: message for message, edit in self.found.edits.items()}
        if self.version:
            edits = dict.fromkeys(self.slips, "")
        return [(bare(edited_source(self.block, edit)), edits[edit]) for edit in edits]

"""Lines to put in order, as a widget: press them one after the other, or type their numbers."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

import ipywidgets
from ipywidgets import Button, HBox, Layout, VBox


def shown(words: str) -> str:
    """Text as HTML that keeps its lines; it scrolls where a line is too long."""
    style = "margin:0; line-height:1.4; overflow-x:auto; white-space:pre"
    return f'<pre style="{style}">{html.escape(words)}</pre>'


class Lines:
    """head: the given line. lines: the others, shuffled. `value` is a text of numbers, from 1."""

    def __init__(self, head: str, lines: Sequence[str]) -> None:
        self.head, self.lines = head, lines
        self.typed = ipywidgets.Text(placeholder="for example 3 1 2", description="order")
        self.built = ipywidgets.HTML()
        rows = [self.row(number, line) for number, line in enumerate(lines, 1)]
        how = "<i>Press the numbers in their order, again to take one back; or type them.</i>"
        self.box = VBox([ipywidgets.HTML(how), *rows, self.typed, self.built])
        self.typed.observe(lambda _: self.build(), names="value")
        self.build()

    @property
    def value(self) -> str:
        return self.typed.value

    def row(self, number: int, line: str) -> HBox:
        button = Button(description=str(number), layout=Layout(width="3.5em", flex="0 0 auto"))
        button.on_click(lambda _: self.press(number))
        text = ipywidgets.HTML(shown(line), layout=Layout(overflow="auto"))
        return HBox([button, text])

    def numbers(self) -> list[int]:
        found = map(int, re.findall(r"\d+", self.typed.value))
        return [number for number in found if 1 <= number <= len(self.lines)]

    def press(self, number: int) -> None:
        before = self.numbers()
        after = [n for n in before if n != number] if number in before else [*before, number]
        self.typed.value = " ".join(map(str, after))

    def build(self) -> None:
        """Show the block as it stands."""
        chosen = [self.lines[number - 1] for number in self.numbers()]
        self.built.value = shown("\n".join([self.head, *chosen]))

"""today() and warm_up() with ipywidgets, 7.7 and 8. Everything works by keyboard: Tab and Enter.

What a reader has done is shown inside widgets only, which no notebook stores.
"""

from __future__ import annotations

import html
import io

import ipywidgets
from IPython.display import display
from ipywidgets import Button, HBox, Layout, VBox
from matplotlib.pyplot import close

from by_heart.lines import Lines, shown
from by_heart.progress import picture
from by_heart.session import WARM_UP, Practice, Session
from by_heart.store import open_store
from utils.sliders import VIEW

WORDS = "What is due today is shown here, with its buttons, when the notebook runs."
STYLE = """<style>.by-heart textarea { font-family: monospace; line-height: 1.4; white-space: pre;
  overflow: auto; tab-size: 4; }</style>"""
WIDE = {"width": "100%", "max_width": "60em"}


def start(done: int | None = None, session: Session | None = None, **options) -> View:
    """Show what is due today."""
    said: list[str] = []
    session = session or Session(open_store(said.append), **options)
    if done is not None:
        session.has_done(done)
    view = View(session, said)
    show(view.box, WORDS)
    view.next()
    return view


def offer_button(notebook: int, session: Session | None = None) -> VBox:
    """One line and a button, which shows a kata of the notebooks before this one."""
    said: list[str] = []
    button = Button(description="Begin", layout=Layout(width="8em"))
    box = VBox([text(WARM_UP), button])

    def begin(_: Button) -> None:
        chosen = session or Session(open_store(said.append), minutes=float("inf"), before=notebook)
        chosen.has_done(notebook - 1)
        view = View(chosen, said, last=True)
        box.children = [view.box]
        view.next()

    button.on_click(begin)
    show(box, WARM_UP)
    return box


def show(box: VBox, words: str) -> None:
    """Where nothing runs, the words stand in the box's place."""
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display({"text/plain": words, VIEW: view}, raw=True)


def text(words: str) -> ipywidgets.HTML:
    return ipywidgets.HTML(shown(words) if "\n" in words else html.escape(words))


class View:
    """One kata after the other in a box. said: sentences of the store. last: after one, no more."""

    def __init__(self, session: Session, said: list[str], last: bool = False) -> None:
        self.session, self.said, self.last = session, said, last
        self.box = VBox([], layout=Layout(**WIDE))
        self.box.add_class("by-heart")
        self.practice: Practice | None = None
        self.verdict = ipywidgets.HTML()
        self.check = self.button("Check", self.on_check, "primary")
        self.hint = self.button("Hint", self.on_hint)
        self.solution = self.button("Solution", self.on_solution)
        self.following = self.button("Later", self.on_next)
        self.progress = self.button("My progress", self.on_progress)

    def button(self, name: str, what, style: str = "") -> Button:
        made = Button(description=name, button_style=style, layout=Layout(width="9em"))
        made.on_click(lambda _: what())
        return made

    def next(self) -> None:
        """Show the next kata, or that nothing is left."""
        self.practice = self.session.next()
        self.verdict.value, self.following.description = "", "Later"
        head = [ipywidgets.HTML(STYLE), *map(text, [*self.said, self.session.words()])]
        if self.practice is None:
            self.box.children = [*head, self.progress]
            return
        step = self.practice.step
        if step.kind == "order":
            self.answer = Lines(step.head, step.lines)
            asked = []
        else:
            begin = "" if step.number == 5 else step.shown
            rows = max(12, begin.count("\n") + 3)
            self.answer = ipywidgets.Textarea(begin, rows=rows, layout=Layout(width="auto"))
            asked = [text(step.shown)] if step.number == 5 else []
        buttons = HBox([self.check, self.hint, self.solution, self.following])
        field = getattr(self.answer, "box", self.answer)
        title = ipywidgets.HTML(f"<b>{self.practice.title()}</b>")
        self.box.children = [*head, title, *asked, field, buttons, self.verdict]

    def on_check(self) -> None:
        self.say(self.practice.check(self.answer.value))

    def on_hint(self) -> None:
        self.say(self.practice.hint(self.answer.value))

    def on_solution(self) -> None:
        self.say(self.practice.solution())

    def say(self, words: str) -> None:
        self.verdict.value = shown(words)
        if self.practice.result:
            self.following.description = "Done" if self.last else "Next"

    def on_next(self) -> None:
        self.practice.put_off()
        if self.last:
            done = self.practice.result is not None
            self.box.children = [
                text("Done for this evening." if done else "Another evening, then.")
            ]
        else:
            self.next()

    def on_progress(self) -> None:
        file = io.BytesIO()
        drawn = picture(self.session.schedule(), self.session.now()).get_figure(root=True)
        drawn.savefig(file, format="png", bbox_inches="tight")
        close(drawn)
        size = Layout(max_width="100%", align_self="flex-start")  # not stretched to the box
        image = ipywidgets.Image(value=file.getvalue(), layout=size)
        self.box.children = [*self.box.children[:-1], image]

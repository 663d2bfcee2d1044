"""Controls for a function that draws: sliders, check boxes and text fields under a picture."""

import inspect
from collections.abc import Callable
from typing import Any

VIEW = "application/vnd.jupyter.widget-view+json"


def sliders(draw: Callable[..., Any], **controls: Any) -> Any:
    """Show one control for each argument of `draw`; a change calls `draw` with the new values.

    draw: draws a picture and ends with plt.show().
    controls: argument=what it may be, as in ipywidgets.interact:
        (0.1, 5.0, 0.1) a slider from 0.1 to 5.0 in steps of 0.1; (0, 10) one of whole numbers,
        True or False a check box, a string a text field, a list a menu.
        A control begins at the argument's default value in `draw`; without one a slider begins in
        its middle, a menu at its first entry. An ipywidgets widget stays itself.

    Nothing is drawn before the first change, so call `draw` once in a cell above: that picture
    stands also on a page where nothing runs. Without ipywidgets one sentence says what to do.
    Returns the controls by name (for tests), None without ipywidgets.
    Raises TypeError when a control is of no known kind.
    """
    name = getattr(draw, "__name__", "the function")
    try:
        import ipywidgets
    except ImportError:
        print(f"No sliders here: ipywidgets is not installed. Call {name} with other values.")
        return None
    from IPython.display import display

    known = inspect.signature(draw).parameters
    defaults = {argument: known[argument].default for argument in controls if argument in known}
    made = {
        argument: ipywidgets.interactive.widget_from_abbrev(
            what, defaults.get(argument, inspect.Parameter.empty)
        )
        for argument, what in controls.items()
    }
    for argument, widget in made.items():
        if widget is None:
            raise TypeError(f"no control can be made of {argument}={controls[argument]!r}")
        widget.description = widget.description or argument.replace("_", " ")
        widget.style.description_width = "initial"
        if hasattr(widget, "continuous_update"):
            widget.continuous_update = False  # draw when the slider is let go, not on the way
    picture = ipywidgets.Output()

    def redraw(_: Any) -> None:
        picture.clear_output(wait=True)
        with picture:
            draw(**{argument: widget.value for argument, widget in made.items()})

    for widget in made.values():
        widget.observe(redraw, names="value")
    box = ipywidgets.VBox([*made.values(), picture])
    names = ", ".join(widget.description for widget in made.values())
    # On a page where nothing runs, the words stand in the controls' place
    words = f"Controls, when the notebook runs: {names}. Move one, and {name} draws anew."
    view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    display({"text/plain": words, VIEW: view}, raw=True)
    return made

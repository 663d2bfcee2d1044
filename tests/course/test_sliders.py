"""The controls under a picture: a change draws anew, and nothing breaks where they are absent."""

import pytest

from utils.sliders import VIEW, sliders


@pytest.fixture
def shown(monkeypatch):
    """What was displayed, instead of displaying it."""
    displayed = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: displayed.append(data))
    return displayed


def test_a_change_calls_the_function_with_all_values(shown):
    calls = []

    def picture(**values):
        calls.append(values)

    made = sliders(picture, temperature=(0.5, 2.0, 0.5), causal=False, text="a b", head=[0, 1])
    assert not calls  # the cell above has drawn already
    assert {name: type(widget).__name__ for name, widget in made.items()} == {
        "temperature": "FloatSlider",
        "causal": "Checkbox",
        "text": "Text",
        "head": "Dropdown",
    }
    made["causal"].value = True
    made["text"].value = "c"
    assert calls[-1]["causal"] is True and calls[-1]["text"] == "c"
    assert calls[-1]["head"] == 0 and 0.5 <= calls[-1]["temperature"] <= 2.0
    made["temperature"].value = 2.0
    assert calls[-1]["temperature"] == 2.0 and len(calls) == 3


def test_controls_begin_where_the_function_does(shown):
    def picture(temperature=0.5, head=2, causal=True, d_k=None):
        pass

    made = sliders(picture, temperature=(0.5, 2.0, 0.5), head=[0, 1, 2], causal=False, d_k=(0, 10))
    assert (made["temperature"].value, made["head"].value) == (0.5, 2)
    assert made["d_k"].value == 5


def test_what_is_stored_names_the_controls_and_the_function(shown):
    def show_weights(d_k, scaled):
        pass

    sliders(show_weights, d_k=(1, 512), scaled=True)
    (data,) = shown
    assert data["text/plain"] == (
        "Controls, when the notebook runs: d k, scaled. Move one, and show_weights draws anew."
    )
    assert data[VIEW]["model_id"]


def test_an_error_while_drawing_stays_under_the_controls(shown):
    def fails(text):
        raise ValueError("no such word")

    made = sliders(fails, text="a")
    with pytest.raises(ValueError, match="no such word"):  # a running notebook shows it below
        made["text"].value = "b"


def test_without_ipywidgets_a_sentence_says_what_to_do(no_ipywidgets, capsys):
    def soften(temperature):
        pass

    assert sliders(soften, temperature=(1, 5)) is None
    assert "Call soften with other values" in capsys.readouterr().out


def test_a_control_of_no_known_kind_is_refused(shown):
    with pytest.raises(TypeError, match="no control can be made of x=<object"):
        sliders(lambda x: None, x=object())

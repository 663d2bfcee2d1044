"""The machinery behind the exercise checks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from exercises.check import Exercise, verdict
from exercises.say import plain
from transformer.heads import MultiHeadAttention

SOFTMAX = Exercise(
    number="0.1",
    solution=lambda x: x.softmax(-1),
    cases=[(torch.tensor([[1.0, 2.0], [3.0, 5.0]]),), (torch.tensor([[0.0, 1.0]]),)],
    mistakes={"each row should sum to 1.": lambda x: x.softmax(0)},
    praise="Rows sum to 1.",
)
MASK = Exercise(number="0.2", solution=lambda n: torch.ones(n, n).tril().bool(), cases=[(3,)])
ANSWER = Exercise(number="0.3", solution=4, mistakes={"that is the sum.": 5}, praise="2 · 2.")


SIZES = Exercise(number="0.4", solution=[2, 3])


def in_place(x):
    x -= x.amax(-1, keepdim=True)
    x = x.exp()
    x /= x.sum(-1, keepdim=True)
    return x


@pytest.mark.parametrize(
    "answer", [lambda x: torch.softmax(x, 1), in_place, lambda x: x.softmax(-1).double()]
)
def test_each_correct_way_is_accepted(answer):
    assert verdict(SOFTMAX, answer) == "● 0.1 correct. Rows sum to 1."


@pytest.mark.parametrize(
    ("exercise", "answer", "words"),
    [
        (SOFTMAX, lambda x: None, "○ 0.1 not solved yet"),
        (SOFTMAX, None, "○ 0.1 not solved yet"),
        (SOFTMAX, ..., "○ 0.1 not solved yet"),
        (SOFTMAX, lambda x: x.softmax(0), "✗ 0.1 each row should sum to 1."),
        (SOFTMAX, lambda x: x[0], "✗ 0.1 the shape should be (2, 2), not (2,)."),
        (SOFTMAX, lambda x: x, "✗ 0.1 at position (0, 0) the value should be 0.2689, not 1."),
        (SOFTMAX, lambda x: "x", "✗ 0.1 a tensor or a number should come back, not a str."),
        (SOFTMAX, lambda x: 1 / 0, "✗ 0.1 your code stopped: ZeroDivisionError: division by zero"),
        (SOFTMAX, lambda: 1, "✗ 0.1 your code stopped: TypeError"),
        (SOFTMAX, 3.0, "✗ 0.1 give check() the function itself"),
        (SOFTMAX, lambda x: x * float("nan"), "✗ 0.1 at position (0, 0)"),
        (MASK, lambda n: torch.ones(n, n).tril(), "✗ 0.2 there should be True and False"),
        (MASK, lambda n: torch.ones(n, n).bool(), "✗ 0.2 at position (0, 1) the value should be"),
        (SIZES, torch.tensor([2, 3]), "● 0.4 correct."),
        (SIZES, torch.tensor([2, 4]), "✗ 0.4 "),
        (SIZES, torch.tensor(2), "✗ 0.4 tensor(2) is not the answer."),
        (ANSWER, 4, "● 0.3 correct. 2 · 2."),
        (ANSWER, 4.0, "● 0.3 correct."),
        (ANSWER, 5, "✗ 0.3 that is the sum."),
        (ANSWER, 6, "✗ 0.3 6 is not the answer. The hint may help."),
        (ANSWER, "4", "✗ 0.3 '4' is not the answer."),
        (ANSWER, None, "○ 0.3 not solved yet"),
    ],
)
def test_what_the_learner_reads(exercise, answer, words):
    assert verdict(exercise, answer).startswith(words)


def forgotten_return(x):
    y = x.softmax(-1)
    y += 0


def stub_with_words(x):
    """(n, n) → (n, n)"""
    return None  # your code


def test_a_forgotten_return_is_no_stub():
    assert verdict(SOFTMAX, forgotten_return) == "✗ 0.1 nothing came back: is there a `return`?"
    assert verdict(SOFTMAX, stub_with_words).startswith("○ 0.1 not solved yet")
    assert verdict(SOFTMAX, lambda x: ...).startswith("○ 0.1 not solved yet")

    class Forgotten(torch.nn.Module):
        def forward(self, x):
            x + 0

    layer = Exercise(
        number="0.5",
        solution=torch.nn.Identity,
        adapt=lambda cls: lambda x: cls()(x),
        cases=[(torch.ones(2),)],
    )
    assert verdict(layer, Forgotten) == "✗ 0.5 nothing came back: is there a `return`?"


def test_only_some_cases_returned():
    said = verdict(SOFTMAX, lambda x: x.softmax(-1) if len(x) == 2 else None)
    assert said.startswith("✗ 0.1 nothing came back: is there a `return`?")


def test_several_values():
    both = Exercise(number="0.4", solution=lambda: (1.0, torch.zeros(2)))
    assert verdict(both, lambda: [1.0, torch.zeros(2)]).startswith("●")
    assert "2 values should come back, not one float" in verdict(both, lambda: 1.0)
    assert "2 values should come back, not 3" in verdict(both, lambda: (1, 2, 3))
    said = verdict(both, lambda: (1.0, torch.ones(2)))
    assert said.startswith("✗ 0.4 result 2 of 2: at position (0,) the value should be 0, not 1.")


def test_a_list_of_tensors_with_gradients_is_read_without_a_warning(recwarn):
    pair = Exercise(number="0.6", solution=lambda: torch.tensor([1.0, 2.0]))
    one, two = torch.tensor([1.0, 2.0], requires_grad=True)
    assert verdict(pair, lambda: [one, two]).startswith("●")
    assert not [w for w in recwarn if w.category is not ResourceWarning]  # those of other tests


def test_classes_are_adapted():
    doubler = Exercise(
        number="0.5",
        solution=torch.nn.Identity,
        adapt=lambda cls: lambda x: cls()(x),
        cases=[(torch.ones(2),)],
        mistakes={"nothing may change.": lambda: lambda x: 2 * x},
    )
    assert verdict(doubler, torch.nn.Identity).startswith("●")
    assert verdict(doubler, lambda: lambda x: 2 * x) == "✗ 0.5 nothing may change."


@pytest.mark.parametrize("folder", ["usr/local/lib/dist-packages/torch", "site-packages"])
def test_the_line_that_is_shown_is_the_learners_own(folder, tmp_path):
    """Neither a library's, wherever it lies (Colab: dist-packages), nor the course's."""
    library = tmp_path / folder / "library.py"
    library.parent.mkdir(parents=True)
    library.write_text("def stop():\n    raise RuntimeError('no')\n")
    inside = {}
    exec(compile(library.read_text(), str(library), "exec"), inside)

    def learners(x):
        return inside["stop"]()

    def of_the_course(x):
        return MultiHeadAttention(8, 2)(x, x, x, mask="none")

    for answer, line in ((learners, 'return inside["stop"]()'), (of_the_course, "return Multi")):
        assert f"in the line: {line}" in verdict(SOFTMAX, answer)


IN_A_TERMINAL = r"""
import exercises
from exercises.check import Exercise
mistakes = {"the root √d_k and 𝔸 are missing, also 10⁻⁸: 1 − βᵗ.": 5}
exercise = Exercise(number="0.4", solution=4, mistakes=mistakes, praise="2 · 2.")
exercises.find = lambda number: exercise
for answer in (None, 4, 5, "Ж"):
    exercises.check("0.4", answer)
def stops():
    raise ValueError("\ud800")
exercises.check("0.4", stops)
"""


@pytest.mark.parametrize(
    ("encoding", "point"), [("cp1252", "·"), ("ascii", "*"), ("ascii:backslashreplace", "*")]
)
def test_a_terminal_that_lacks_the_signs_shows_plain_letters(encoding, point):
    done = subprocess.run(
        [sys.executable, "-c", IN_A_TERMINAL.encode("ascii", "backslashreplace").decode()],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode(encoding.split(":")[0]).splitlines()
    assert lines[:5] == [  # Python 3.13 knows the line of -c that stopped, and shows it as a sixth
        "o 0.4 not solved yet: replace the stub with your own code, then run this again.",
        f"* 0.4 correct. 2 {point} 2.",
        "x 0.4 the root sqrt d_k and ? are missing, also 10^-8: 1 - beta^t.",
        "x 0.4 '?' is not the answer. The hint may help.",
        "x 0.4 your code stopped: ValueError: ?",
    ]


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "● √2 → ½"),
        ("utf-16", "● √2 → ½"),
        ("cp437", "* √2 -> ½"),
        ("latin-1", "* sqrt 2 -> ½"),
    ],
)
def test_only_what_an_encoding_lacks_is_replaced(encoding, shown):
    assert plain("● √2 → ½", encoding) == shown

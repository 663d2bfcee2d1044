"""The ladder: every rung of every kata can be solved, every wrong answer that a rung can express is
refused with its exercise's own words, and answers that are no answers are refused in words."""

import re
import sys
from textwrap import dedent

import pytest

from by_heart import judge as judging
from by_heart.blanks import blanks, candidates, counting, size
from by_heart.judge import judge
from by_heart.ladder import KATAS, SHARES, Kata, distractors, kata, rung
from by_heart.source import bare, logical_lines, pieces, stub
from exercises.check import Exercise, edited_source, source
from exercises.say import plain

SEEDS = range(4)
every = pytest.mark.parametrize("each", KATAS, ids=lambda each: each.name)


@pytest.fixture(scope="module", autouse=True)
def known_results():
    """What solutions and mistakes give is computed once, and what is said to a text, too."""
    real, known, said = Exercise.results, {}, {}

    def results(self, answer):
        own = any(answer is mistake for mistake in (self.solution, *self.mistakes.values()))
        if not own or self.number.startswith("0."):
            return real(self, answer)
        if id(answer) not in known:
            known[id(answer)] = real(self, answer)
        return known[id(answer)]

    def remembered(each, text, limit=judging.LIMIT):
        key = each.name, text.replace("\n\n", "\n")
        if key not in said:
            said[key] = judge(each, text, limit)
        return said[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Exercise, "results", results)
        patch.setattr("by_heart.rungs.judge", remembered)
        yield


def refused(each: Kata, said: str) -> bool:
    """Whether it is one of the exercise's own sentences."""
    return said in {f"✗ {each.name} {message}" for message in each.found.mistakes}


@every
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_every_rung_can_be_solved(each, number):
    for seed in SEEDS:
        step = rung(each, number, seed)
        said = step.judge(step.right)
        assert said.passed and said.text.startswith(f"● {each.name} correct."), said.text
        assert step.judge(step.text(step.right)) == said  # as one text
        assert step.kind == ("order", "fill", "fill", "write", "write")[number - 1]
        assert rung(each, number, seed) == step


@every
def test_every_sign_that_a_rung_shows_has_plain_letters(each):
    for number in range(1, 6):
        shown = rung(each, number).shown
        assert plain(shown, "ascii").count("?") == shown.count("?")


@every
def test_every_wrong_answer_is_refused_with_its_own_words(each):
    """Typed as a whole, on the rungs where the reader writes."""
    judged = 0
    for message, mistake in each.found.mistakes.items():
        if message in each.found.edits:
            text = edited_source(each.found.solution, each.found.edits[message])
        else:
            text = source(mistake)
            if each.found.solution.__name__ in text:
                continue  # a mistake that calls the block itself cannot be written without it
        assert rung(each, 5).judge(text).text == f"✗ {each.name} {message}"
        judged += 1
    assert judged >= 5


@every
def test_every_line_too_many_is_refused_with_its_exercises_words(each):
    found = distractors(each)
    assert len(found) >= 3
    seen = set()
    for seed in range(12):
        step = rung(each, 1, seed)
        line = step.lines[step.wrong - 1]
        [(place, message)] = [(i, why) for i, new, why in found if new == line and why == step.why]
        answer = list(step.right)
        answer[place - 1] = step.wrong
        said = step.judge(answer)
        assert not said.passed and refused(each, said.text), said.text
        assert message in said.text
        seen.add(line)
    assert len(seen) >= 2


@every
def test_a_line_too_many_is_refused_wherever_it_stands(each):
    for seed in SEEDS:
        step = rung(each, 1, seed)
        for place in {0, len(step.right) // 2, len(step.right)}:
            answer = [*step.right[:place], step.wrong, *step.right[place:]]
            assert not step.judge(answer).passed


@every
def test_every_wrong_answer_that_fits_the_blanks_is_refused(each):
    expressed = set()
    for step in (rung(each, number, seed) for number in SHARES for seed in SEEDS):
        form = re.compile("(.+?)".join(map(re.escape, step.parts)), re.DOTALL)
        for text, message in each.wrong:
            if fits := form.fullmatch(text):
                said = step.judge(fits.groups())
                assert not said.passed and refused(each, said.text), said.text
                assert message in said.text
                expressed.add(text)
    assert len(expressed) >= 2


@every
@pytest.mark.parametrize("number", [2, 3])
def test_a_third_and_two_thirds_are_blank(each, number):
    share, largest = SHARES[number]
    for seed in SEEDS:
        places = blanks(each.text, share, largest, str(seed))
        counted = counting(each.text)
        filled = sum(size(place, counted) for place in places)
        assert filled == pytest.approx(share * len(counted), rel=0.35, abs=3)
        step = rung(each, number, seed)
        shown = [int(n) for n in re.findall(r"__(\d+)__", step.shown)]
        assert shown == [*range(1, len(step.right) + 1)]
        assert not re.search(r"[a-z0-9]__\d", step.shown)


@every
def test_hints_lead_to_the_end(each):
    step, answer = rung(each, 1), []
    for _ in step.right:
        answer.append(int(re.match(r"next is line (\d+): ", step.hint(answer))[1]))
    assert step.hint(answer) == "all lines are there: check them." and step.judge(answer).passed
    assert step.hint([*answer, step.wrong]) == f"line {step.wrong} is one too many."

    step, answer = rung(each, 3), []
    for number in range(1, len(step.right) + 1):
        answer.append(step.hint(answer).removeprefix(f"__{number}__ is "))
    assert tuple(answer) == step.right
    assert step.hint(answer) == "all lines are there: check them."

    step, text = rung(each, 5), ""
    for line in step.right.splitlines():
        hint = step.hint(text)
        if line.strip() and hint.startswith("next line: "):
            text += line + "\n"
    assert step.hint(text) == "all lines are there: check them."


def test_one_line_is_in_its_place_late():
    step = rung(kata("softmax"), 1)
    first, second, third = step.right
    assert step.hint([first, third, second]).startswith(
        f"line {second} comes earlier: exponentials"
    )
    assert step.hint(step.text(step.right)) == "all lines are there: check them."


def test_another_right_order_passes():
    step = rung(kata("cross_entropy"), 1)
    rows, loss, gradient, minus, end = step.right
    assert step.judge([gradient, rows, loss, minus, end]).passed
    said = step.judge([rows, loss, minus, gradient, end])
    assert "your code stopped: UnboundLocalError" in said.text and "gradient[rows" in said.text
    assert not step.judge([rows, gradient, minus, end]).passed


def test_another_right_word_passes():
    step = rung(kata("causal_mask"), 3)
    assert not step.judge(["3"] * len(step.right)).passed
    words = ["(length)" if word == "length" else word for word in step.right]
    assert step.judge(words).passed


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ([], "○ softmax nothing is put in order yet."),
        ([9], "○ softmax there is no line 9: they go from 1 to 4."),
        (["one"], "○ softmax there is no line one: they go from 1 to 4."),
        ([2, 2], "○ softmax line 2 stands there twice."),
        (None, "○ softmax nothing is written yet."),
        ("  \n", "○ softmax nothing is written yet."),
    ],
)
def test_orders_that_are_none(answer, text):
    said = rung(kata("softmax"), 1).judge(answer)
    assert (said.passed, said.text) == (False, text)


def test_a_generator_in_a_call_is_no_blank():
    text = "def best(pairs):\n    return max(score for _, score in zip(*pairs, strict=True))\n"
    found = {text[slice(*span)] for span, _ in candidates(text)}
    assert found == {"max(score for _, score in zip(*pairs, strict=True))", "*pairs"}


def test_blanks_that_stay_open():
    step = rung(kata("softmax"), 2)
    start = "○ softmax "
    assert step.judge([]).text == f"{start}there are {len(step.right)} blanks, not 0."
    for empty in ("", " ", "a\nb"):
        words = [step.right[0], empty, *step.right[2:]]
        assert step.judge(words).text == f"{start}__2__ is still open: it takes one line."
    assert step.judge(step.shown.replace("__1__", "-1")).text == f"{start}__2__ is still open."
    assert "line 2 is not Python" in step.judge(["(", *step.right[1:]]).text


@pytest.mark.parametrize("number", [4, 5])
def test_what_is_shown_is_no_answer_yet(number):
    for each in KATAS:
        step = rung(each, number)
        assert step.judge(step.shown).text == f"○ {each.name} nothing is written yet."
        assert step.judge([1, 2]).text == f"○ {each.name} write the block as one text."
        assert all(len(line) <= 100 for line in step.shown.splitlines())


ANSWERS = {
    "def softmax(scores:\n    return 1": "line 1 is not Python: '(' was never closed.",
    "def softmax(s):\nreturn s": "line 2 is not Python: expected an indented block",
    "softmax = \0": "your answer is not Python: ",
    "import math": "your code stopped: NameError: your answer defines nothing: it should define",
    "softmax = 3": "give check() the function itself",
    "1 / 0": "your code stopped: ZeroDivisionError: division by zero\n  in the line: 1 / 0",
    "def softmax(s):\n    return softmax(s)": "your code stopped: RecursionError",
    "def softmax(s):\n    raise SystemExit": "your code stopped: SystemExit",
    "def softmax(s):\n    s + 1": "nothing came back: is there a `return`?",
    "def softmax(s):\n    return F.softmax(s, 0)": "you normalised the columns",
    "while True:\n    pass": "your code stopped: TooLong: it ran for more than 0.5 seconds.",
    "def softmax(s):\n    while True:\n        s = s + 1": "in the line: ",
    "def softmax(s):\n    while True:\n        try:\n            s = s + 1\n"
    "        except Exception:\n            pass": "TooLong: it ran for more than 0.5 seconds.",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_answers_that_stop_or_never_stop(answer):
    limit = 0.5 if "while True" in answer else judging.LIMIT  # the others end by themselves
    said = judge(kata("softmax"), answer, limit)
    assert not said.passed and said.text.startswith("✗ softmax ") and ANSWERS[answer] in said.text
    assert sys.gettrace() is None or "<your answer>" not in repr(sys.gettrace())


def test_a_readers_interrupt_passes_through():
    with pytest.raises(KeyboardInterrupt):
        judge(kata("softmax"), "def softmax(s):\n    raise KeyboardInterrupt")


def test_a_name_of_ones_own_will_do_and_helpers_too():
    helper = "def low(s):\n    return s - s.max(-1, keepdim=True).values\n"
    main = "def mine(s):\n    e = low(s).exp()\n    return e / e.sum(-1, keepdim=True)\n"
    assert judge(kata("softmax"), helper + main).passed
    assert judge(kata("softmax"), helper + main + "softmax = mine").passed
    assert judge(kata("softmax"), "softmax = lambda s: torch.softmax(s, -1)").passed


def test_an_answer_has_earlier_blocks_and_not_its_own():
    for text in ("attention", "causal_mask", "check_shapes"):
        said = judge(kata("attention"), f"print({text}.__name__)\nattention = None")
        known = text != "attention"
        assert ("NameError" not in said.text) == known
    assert "not solved yet" in judge(kata("attention"), "attention = None").text


def test_random_numbers_stay_the_readers():
    state = judging.torch.get_rng_state()
    judge(kata("loss"), "translation_loss = torch.manual_seed(5) and (lambda *all: torch.rand(1))")
    assert judging.torch.equal(judging.torch.get_rng_state(), state)


def test_names_and_numbers():
    names = [each.name for each in KATAS]
    assert len(set(names)) == len(names) >= 16
    for each in KATAS:
        assert each.block.__name__ in each.asks  # so that a number that has moved is noticed
        assert all(len(line) <= 100 for line in each.text.splitlines())
    with pytest.raises(ValueError, match="there is no kata 'softmin'; there are softmax, "):
        kata("softmin")
    with pytest.raises(ValueError, match="the rungs 1 to 5, not 6"):
        rung(KATAS[0], 6)


def test_a_kata_without_a_task_shows_the_docstrings_beginning():
    assert (
        Kata("mask", "2.3").asks == "Position i may look at positions 0 … i and at nothing later."
    )


CODE = dedent(
    '''
    class Box(Base):
        """Words."""

        def __init__(self, n):  # a size
            super().__init__()
            if n < 0:
                raise ValueError("no")
            self.n = n
            self.m = "# no comment"

        def forward(
            self, x
        ):
            """More words."""
            check_it(x)

            # a remark
            return self.n * x  # twice

        # between
    '''
).lstrip()


def test_bare_text_has_no_docstrings_comments_and_checks():
    assert (
        bare(CODE)
        == dedent(
            """
        class Box(Base):
            def __init__(self, n):
                super().__init__()
                self.n = n
                self.m = "# no comment"

            def forward(
                self, x
            ):
                return self.n * x
        """
        ).lstrip()
    )
    assert [len(piece.splitlines()) for piece in logical_lines(bare(CODE))] == [1, 1, 1, 1, 1, 3, 1]
    assert [len(piece.splitlines()) for piece in pieces(bare(CODE))] == [1, 1, 1, 2, 3, 1]


def test_a_stub_has_signatures_and_docstrings():
    assert (
        stub(CODE)
        == dedent(
            '''
        class Box(Base):
            """Words."""

            def __init__(self, n):  # a size
                ...

            def forward(
                self, x
            ):
                """More words."""
                ...
        '''
        ).lstrip()
    )

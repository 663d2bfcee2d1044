"""The ladder: every rung of every kata can be solved, every wrong answer that a rung can express is
refused with its exercise's own words, and answers that are no answers are refused in words."""

import inspect
import re
import sys
from itertools import combinations

import pytest

from by_heart import judge as judging
from by_heart.blanks import blanks, counting, size
from by_heart.judge import judge, time_limit
from by_heart.katas import Kata
from by_heart.ladder import KATAS, SHARES, counts, distractors, kata, rung
from by_heart.source import bare, logical_lines, pieces, stub
from exercises.check import Exercise, edited_source, exercise, source, usual_settings

SEEDS = range(4)
SLOW = {"train"}  # its wrong answers take a training each
every = pytest.mark.parametrize("each", KATAS, ids=lambda each: each.name)
slow_last = pytest.mark.parametrize(
    "each",
    [pytest.param(k, marks=pytest.mark.long) if k.name in SLOW else k for k in KATAS],
    ids=lambda each: each.name,
)


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

    def remembered(kata, text, limit=judging.LIMIT):
        key = kata.name, text
        if key not in said:
            said[key] = judge(kata, text, limit)
        return said[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Exercise, "results", results)
        patch.setattr("by_heart.ladder.judge", remembered)
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


@slow_last
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


@slow_last
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


@slow_last
def test_two_wrong_lines_never_make_a_right_program(each):
    right = pieces(each.text)
    for (i, one, _), (j, two, _) in combinations(distractors(each), 2):
        lines = list(right)
        lines[i], lines[j] = one, two
        assert not judging.judge(each, "\n".join(lines)).passed


@slow_last
@pytest.mark.parametrize("number", [2, 3])
def test_every_wrong_answer_that_fits_the_blanks_is_refused(each, number):
    expressed = 0
    for seed in SEEDS:
        step = rung(each, number, seed)
        form = re.compile("(.+?)".join(map(re.escape, step.parts)), re.DOTALL)
        for text, message in each.wrong():
            if fits := form.fullmatch(text):
                said = step.judge(fits.groups())
                assert not said.passed and refused(each, said.text), said.text
                assert message in said.text
                expressed += 1
    assert expressed >= 1


@every
@pytest.mark.parametrize("number", [2, 3])
def test_a_third_and_two_thirds_are_blank(each, number):
    share, largest = SHARES[number]
    for seed in SEEDS:
        places = blanks(each.text, share, largest, str(seed))
        counted = counting(each.text)
        filled = sum(size(place, counted) for place in places)
        assert filled == pytest.approx(share * len(counted), rel=0.35, abs=2), filled / len(counted)
        shown = rung(each, number, seed).shown
        assert re.findall(r"__(\d+)__", shown) == [*map(str, range(1, 1 + shown.count("__1__")))] or (
            re.findall(r"__(\d+)__", shown)
            == [str(n) for n in range(1, len(rung(each, number, seed).right) + 1)]
        )


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

"""The exercises of lab 06, training for real."""

import torch

from exercises.check import exercise, question, then

RATES = question(
    "6.E",
    (200, 1),
    wrong={
        (200, 400): "the first is right. With only the weights the schedule begins anew, at the "
        "first of 400 steps of warm-up: 400/400, not the peak.",
        (200, 200): "the first is right. With only the weights nobody knows about step 1,200: the "
        "schedule begins anew, with step 1 of the warm-up.",
        (160, 1): "the second is right. On the way down 800 of 1,600 steps are left at step 1,200: "
        "it goes from step 400 to step 2,000, not from 0.",
        (200.25, 1): "the second is right. The first is the rate of step 1,199, which is done: the "
        "next step is number 1,200.",
        (200e-5, 1e-5): "they are the right rates, but not in units of 10⁻⁵.",
    },
    praise="And Adam's running means, at 0 again, make the first steps the boldest.",
    tolerance=1e-6,
)

FATES = question(
    "6.F",
    ("zero", "infinite", "kept", "kept", "lost"),
    wrong={
        ("kept", "infinite", "kept", "kept", "lost"): "3e-9 is below the smallest number of fp16 "
        "(6e-8): it becomes 0. That is why the loss is scaled.",
        ("zero", "kept", "kept", "kept", "lost"): "90,000 is above the largest number of fp16, "
        "65,504: it becomes infinite.",
        ("zero", "infinite", "zero", "kept", "lost"): "with the scale the first number becomes "
        "2e-4, which fp16 holds: c is kept.",
        ("zero", "infinite", "kept", "infinite", "lost"): "bf16 has the range of float32: 90,000 "
        "is kept, though rounded.",
        ("zero", "infinite", "kept", "kept", "kept"): "bf16 has the range, but only two to three "
        "digits: 1,001 needs four, so 1,000 + 1 is 1,000 again.",
        ("kept", "kept", "kept", "infinite", "kept"): "the two formats are swapped: fp16 has the "
        "digits and not the range, bf16 the range and not the digits.",
    },
    praise="fp16: digits without range. bf16: range without digits.",
)


def row(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers)


@exercise(
    "6.G",
    cases=[
        (row(1.0, -2.0), row(3.0, 4.0), 30, 10),
        (row(0.5), row(-1.5), 7, 21),
    ],
    wrong={
        (("n1 * first + n2 * second", "first + second"), ("(n1 + n2)", "2")): "that is the plain "
        "average: right only when both parts have the same number of tokens.",
        ("n1 * first + n2 * second", "n2 * first + n1 * second"): "the weights are swapped: a part "
        "counts as much as it has tokens.",
        (" / (n1 + n2)", ""): "the weights are right, but nobody divides: by all tokens, n1 + n2.",
        ("(n1 * first + n2 * second) / (n1 + n2)", "first / n1 + second / n2"): "you divided each "
        "part by its own tokens, but it is a mean already: multiply by its tokens, and divide by "
        "all.",
        ("n1 * first + n2 * second", "first + second"): "that would be right for sums. Here each "
        "part brings a *mean*, so first multiply it by its own tokens.",
    },
    praise="With sums it is easier still: TrainingLoss divides each by the tokens of all.",
)
def together(first, second, n1, n2):
    return (n1 * first + n2 * second) / (n1 + n2)


def zeros_and_ones(seed: int, sentences: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(2, (sentences,), generator=generator).float()


def redraws(seed: int, sentences: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(sentences, (5, sentences), generator=generator)


@exercise(
    "6.H",
    cases=[
        (row(1.0, 0.0), row(0.0, 0.0), torch.tensor([[0, 0], [0, 1]])),
        *((zeros_and_ones(n), zeros_and_ones(n + 10), redraws(n)) for n in range(3)),
    ],
    wrong={
        ("second[draws]", "second[draws.flip(0)]"): "the two systems got different test sets: that "
        "is drawing *apart*. Take the same draws for both.",
        ("[draws].mean(dim=1)", ".mean().expand(len(draws))"): "every set has the same difference: "
        "`draws` says which sentences are in a set, and it isn't used.",
        ("dim=1", "dim=0"): "you took the mean over the sets. (sets, sentences): it goes over the "
        "sentences, dimension 1.",
        ("100 * ", ""): "the shares are right: in per cent they are 100 times as much.",
        ("mean", "sum"): "you counted the hits: the share is their *mean*.",
        (".mean(dim=1)", ""): "a difference for every drawn sentence came back: each set has one, "
        "that of the means.",
    },
    praise="1,000 test sets from one.",
)
def differences(first, second, draws):
    return 100 * (first[draws].mean(dim=1) - second[draws].mean(dim=1))


@then
def with_the_given(found, states):
    """What comes back, and what has become of the states that were given."""
    return found, states


def into_the_first(states):
    for name, tensor in states[0].items():
        for state in states[1:]:
            tensor += state[name]
        tensor /= len(states)
    return states[0]


@exercise(
    "6.I",
    cases=[
        (
            [
                {"w": torch.tensor([1.0, 4.0]), "b": torch.tensor([0.0])},
                {"w": torch.tensor([3.0, 0.0]), "b": torch.tensor([1.0])},
            ],
        ),
        (
            [
                {"w": torch.tensor([[3.0, 9.0]])},
                {"w": torch.tensor([[0.0, 6.0]])},
                {"w": torch.tensor([[6.0, 0.0]])},
            ],
        ),
    ],
    wrong={
        into_the_first: "the means are right, but the given dictionaries have changed: make a new "
        "one.",
        (("{name: ", "["), ("}", "]")): "no dictionary came back: the names are missing. Return "
        "name → tensor.",
        (" / len(states)", ""): "that is the sum: divide by the number of checkpoints.",
        ("len(states)", "2"): "you divided by 2: with three checkpoints it is 3.",
        (") / len", ").mean() / len"): "each weight became one number: average over the "
        "*checkpoints*, weight by weight, so the shapes stay.",
    },
    praise="Weight by weight, and that is all.",
    adapt=with_the_given,
)
def average(states):
    return {name: sum(state[name] for state in states) / len(states) for name in states[0]}

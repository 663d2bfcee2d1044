"""The exercises of notebook 06's second half: the loop and what surrounds it."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from utils.checks import Exercise

DIAGNOSIS = ("order", "zero", "mode", "padding", "sum")


def swapped(*letters: str) -> tuple:
    """The diagnosis with two loops' words exchanged."""
    i, j = ("abcde".index(letter) for letter in letters)
    words = list(DIAGNOSIS)
    words[i], words[j] = words[j], words[i]
    return tuple(words)


SICK = Exercise(
    number="6.7",
    solution=DIAGNOSIS,
    mistakes={
        "a and b are swapped: a has its lines in the wrong order and never moves; b never clears, "
        "and its steps grow and grow.": swapped("a", "b"),
        "b and e are swapped: both explode, but e does clear, every four batches, and its step is "
        "four gradients long; b never clears at all.": swapped("b", "e"),
        "c and d are swapped: c calls `measure`, which leaves the model in eval mode; d uses a "
        "loss that does not know what padding is.": swapped("c", "d"),
        "a and c are swapped: a's loss does not move at all, because it steps before there is a "
        "gradient. c learns.": swapped("a", "c"),
        "d and e are swapped: d says much less than is measured, so its loss counts something "
        "easy, the padding. e adds up four batches.": swapped("d", "e"),
        "a and d are swapped: look at the order of the lines in a, and at the loss function "
        "in d.": swapped("a", "d"),
        "c and e are swapped: where is the model's mode changed, and where are four batches "
        "added up?": swapped("c", "e"),
        "b and d are swapped: which of the two never calls zero_grad?": swapped("b", "d"),
        "two pairs are swapped. b never clears and e does; c calls `measure`, which changes the "
        "mode; d's loss does not know what padding is.": (
            ("order", "sum", "padding", "mode", "zero")
        ),
        "a and b are right. c calls `measure`: what does that leave behind? d's loss does not know "
        "what padding is. e adds four batches up.": ("order", "zero", "padding", "sum", "mode"),
    },
    praise="Three of them show at once. The others can be found by reading, and by measuring.",
)


def perplexity(losses, tokens):
    total = sum(loss * count for loss, count in zip(losses, tokens, strict=True))
    return math.exp(total / sum(tokens))


def mean_of_batches(losses, tokens):
    return math.exp(sum(losses) / len(losses))


def exp_too_early(losses, tokens):
    total = sum(math.exp(loss) * count for loss, count in zip(losses, tokens, strict=True))
    return total / sum(tokens)


def exp_and_mean_of_batches(losses, tokens):
    return sum(map(math.exp, losses)) / len(losses)


PERPLEXITY = Exercise(
    number="6.8",
    solution=perplexity,
    cases=[([2.0, 1.0], [100, 300]), ([0.5], [7]), ([3.0, 0.2, 1.1], [10, 80, 30])],
    mistakes={
        "each batch weighed the same: one of 300 tokens must count three times as much as one of "
        "100.": mean_of_batches,
        "you took exp of each batch and then the mean: exp comes once, at the very end, of the "
        "mean loss over all tokens.": exp_too_early,
        "two things: exp comes at the very end, and batches weigh as much as they have "
        "tokens.": exp_and_mean_of_batches,
        "that is the mean loss in nats. Perplexity is its exp.": lambda losses, tokens: math.log(
            perplexity(losses, tokens)
        ),
        "the loss is in nats, so raise e to it. With 2 the loss would have to be in "
        "bits.": lambda losses, tokens: 2 ** math.log(perplexity(losses, tokens)),
        "you divided by the number of batches. The weighted sum is over tokens: divide by how "
        "many there are in all.": lambda losses, tokens: math.exp(
            min(math.log(perplexity(losses, tokens)) * sum(tokens) / len(tokens), 700.0)
        ),
        "divide once, by all tokens, but first multiply each loss by its own tokens: it is a "
        "mean.": lambda losses, tokens: math.exp(sum(losses) / sum(tokens)),
        "a minus too many: a perplexity is at least 1. The loss is already −log p, so it is "
        "exp(loss).": lambda losses, tokens: 1 / perplexity(losses, tokens),
    },
    praise="So many tokens it wavers between.",
)

LOST = Exercise(
    number="6.9",
    solution=(200, 1),
    mistakes={
        "the first is right. With only the weights the schedule begins anew, at the first of 400 "
        "steps of warm-up: 400/400, not the peak.": (200, 400),
        "the first is right. With only the weights nobody knows about step 1,200: the schedule "
        "begins anew, with step 1 of the warm-up.": (200, 200),
        "the first is right. The warm-up's first step is not 0: steps count from 1, so it has "
        "1/400 of the peak.": (200, 0),
        "the second is right. On the way down 800 of 1,600 steps are left at step 1,200: it goes "
        "from step 400 to step 2,000, not from 0.": (160, 1),
        "the second is right. Our way down is a straight line to 0, not the paper's 1/√step.": (
            400 / math.sqrt(3),
            1,
        ),
        "the second is right. 1,200 steps are done, 800 are left: the rate is what is left of the "
        "way down, not what is done.": (400 * 1200 / 2000, 1),
        "the second is right. The warm-up has been over since step 400: at step 1,200 the rate is "
        "on its way down.": (400, 1),
        "the second is right. The first is the rate of step 1,199, which is done: the next step is "
        "number 1,200.": (200.25, 1),
        "the two are swapped: everything saved comes first.": (1, 200),
        "they are the right rates, but not in units of 10⁻⁵.": (200e-5, 1e-5),
    },
    praise="And Adam's running means, at 0 again, make the first steps the boldest.",
    tolerance=1e-6,
)

SIXTEEN = Exercise(
    number="6.10",
    solution=("zero", "infinite", "kept", "kept", "lost"),
    mistakes={
        "3e-9 is below the smallest number of fp16 (6e-8): it becomes 0. That is why the loss is "
        "scaled.": ("kept", "infinite", "kept", "kept", "lost"),
        "90,000 is above the largest number of fp16, 65,504: it becomes infinite.": (
            ("zero", "kept", "kept", "kept", "lost")
        ),
        "with the scale the first number becomes 2e-4, which fp16 holds: c is kept.": (
            ("zero", "infinite", "zero", "kept", "lost")
        ),
        "bf16 has the range of float32: 90,000 is kept, though rounded.": (
            ("zero", "infinite", "kept", "infinite", "lost")
        ),
        "bf16 has the range, but only two to three digits: 1,001 needs four, so 1,000 + 1 is 1,000 "
        "again.": ("zero", "infinite", "kept", "kept", "kept"),
        'an addition that changes nothing is "lost": e leaves 1,000, not 0.': (
            ("zero", "infinite", "kept", "kept", "zero")
        ),
        "the two formats are swapped: fp16 has the digits and not the range, bf16 the range and "
        "not the digits.": ("kept", "kept", "kept", "infinite", "kept"),
        "two things: bf16 has the range of float32, so d is kept; but it has only two to three "
        "digits, so e is lost.": ("zero", "infinite", "kept", "infinite", "kept"),
    },
    praise="fp16: digits without range. bf16: range without digits.",
)


def average(states):
    return {name: sum(state[name] for state in states) / len(states) for name in states[0]}


def average_over_the_first(states):
    for name, tensor in states[0].items():
        for state in states[1:]:
            tensor += state[name]
        tensor /= len(states)
    return states[0]


def into_lists(answer):
    """Calls the answer and hands its tensors on by name, and what the states given to it are now,
    so that both can be compared."""
    if answer is None or answer is ... or not callable(answer):
        return answer

    def call(states):
        found = answer(states)
        if found is None or found is ...:
            return found
        if not isinstance(found, dict):
            return ["no dictionary", [], []]
        names, given = sorted(found), [state[name] for state in states for name in sorted(state)]
        return [names, [found[name] for name in names], given]

    return call


AVERAGE = Exercise(
    number="6.11",
    solution=average,
    adapt=into_lists,
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
    mistakes={
        "the means are right, but the given dictionaries have changed: make a new "
        "one.": average_over_the_first,
        "no dictionary came back: the names are missing. Return name → tensor.": lambda states: [
            sum(state[name] for state in states) / len(states) for name in states[0]
        ],
        "that is the sum: divide by the number of checkpoints.": lambda states: {
            name: sum(state[name] for state in states) for name in states[0]
        },
        "you divided by one too many.": lambda states: {
            name: sum(state[name] for state in states) / (len(states) + 1) for name in states[0]
        },
        "you divided by 2: with three checkpoints it is 3.": lambda states: {
            name: sum(state[name] for state in states) / 2 for name in states[0]
        },
        "each weight became one number: average over the *checkpoints*, weight by weight, so the "
        "shapes stay.": lambda states: {
            name: torch.stack([state[name] for state in states]).mean() for name in states[0]
        },
        "you averaged the first and the last checkpoint only.": lambda states: {
            name: (states[0][name] + states[-1][name]) / 2 for name in states[0]
        },
        "that is the last checkpoint as it is.": lambda states: states[-1],
        "that is the first checkpoint as it is.": lambda states: states[0],
        "that is the median. It is an idea, but the paper takes the mean.": lambda states: {
            name: torch.stack([state[name] for state in states]).median(dim=0).values
            for name in states[0]
        },
    },
    praise="Weight by weight, and that is all.",
)


def together(first, second, n1, n2):
    return (n1 * first + n2 * second) / (n1 + n2)


def numbers(*values):
    return torch.tensor(values)


HALVES = Exercise(
    number="6.12",
    solution=together,
    cases=[
        (numbers(1.0, -2.0), numbers(3.0, 4.0), 30, 10),
        (numbers(0.5), numbers(-1.5), 7, 21),
    ],
    mistakes={
        "that is the plain average: right only when both parts have the same number of tokens.": (
            lambda first, second, n1, n2: (first + second) / 2
        ),
        "that is the sum: each part's gradient was a mean, so the whole's must be a mean "
        "too.": lambda first, second, n1, n2: first + second,
        "the weights are swapped: a part counts as much as it has tokens.": (
            lambda first, second, n1, n2: together(first, second, n2, n1)
        ),
        "the weights are right, but nobody divides: by all tokens, n1 + n2.": (
            lambda first, second, n1, n2: n1 * first + n2 * second
        ),
        "you divided each part by its own tokens, but it is a mean already: multiply by its "
        "tokens, and divide by all.": lambda first, second, n1, n2: first / n1 + second / n2,
        "divide by n1 + n2 tokens, not by 2.": lambda first, second, n1, n2: (
            (n1 * first + n2 * second) / 2
        ),
        "that would be right for sums. Here each part brings a *mean*, so first multiply it by its "
        "own tokens.": lambda first, second, n1, n2: (first + second) / (n1 + n2),
    },
    praise="As TrainingLoss does it: everyone divides by the tokens of the whole step.",
)


class Toy(nn.Module):
    """A small stand-in for the translator: source and target_in → scores."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(9, 6), nn.Linear(6, 9)

    def forward(self, source, target):
        return self.out(self.table(target) + self.table(source).mean(dim=1, keepdim=True))


def smoothed_loss(scores, target, smoothing):
    return F.cross_entropy(
        scores.flatten(0, 1), target.flatten(), ignore_index=0, label_smoothing=smoothing
    )


def train_step(model, optimizer, source, target_in, target_out, smoothing):
    loss = smoothed_loss(model(source, target_in), target_out, smoothing)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def no_zero(model, optimizer, source, target_in, target_out, smoothing):
    loss = smoothed_loss(model(source, target_in), target_out, smoothing)
    loss.backward()
    optimizer.step()
    return loss.item()


def zero_in_between(model, optimizer, source, target_in, target_out, smoothing):
    return smoothed_loss(model(source, target_in), target_out, smoothing).item()


def padding_counts(model, optimizer, source, target_in, target_out, smoothing):
    scores = model(source, target_in).flatten(0, 1)
    loss = F.cross_entropy(scores, target_out.flatten(), label_smoothing=smoothing)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def loss_after_the_step(model, optimizer, source, target_in, target_out, smoothing):
    train_step(model, optimizer, source, target_in, target_out, smoothing)
    return smoothed_loss(model(source, target_in), target_out, smoothing).item()


def summed(model, optimizer, source, target_in, target_out, smoothing):
    tokens = (target_out != 0).sum()
    loss = smoothed_loss(model(source, target_in), target_out, smoothing) * tokens
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def against_its_input(model, optimizer, source, target_in, target_out, smoothing):
    return train_step(model, optimizer, source, target_in, target_in, smoothing)


def reads_the_answer(model, optimizer, source, target_in, target_out, smoothing):
    return train_step(model, optimizer, source, target_out, target_out, smoothing)


def not_smoothed(model, optimizer, source, target_in, target_out, smoothing):
    return train_step(model, optimizer, source, target_in, target_out, 0.0)


def three_steps(learner):
    """Three steps of a small model with the learner's function: its losses, then its weights."""
    if learner is None or learner is ...:
        return learner

    def run(seed, rate, smoothing):
        torch.manual_seed(seed)
        model = Toy()
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        losses = []
        for _ in range(3):
            source = torch.randint(3, 9, (4, 5))
            real = torch.arange(6) < torch.tensor([[6], [4], [3], [2]])
            target = torch.randint(3, 9, (4, 6)) * real  # (4, 6), padding behind
            start = torch.ones(4, 1, dtype=torch.long)
            target_in = torch.cat([start, target[:, :-1]], dim=1)
            losses.append(learner(model, optimizer, source, target_in, target, smoothing))
        if any(loss is None for loss in losses):
            return None
        return losses, [p.detach().clone() for p in model.parameters()]

    return run


HEART = Exercise(
    number="6.13",
    solution=train_step,
    adapt=three_steps,
    cases=[(0, 0.5, 0.1), (1, 0.2, 0.3)],
    mistakes={
        "the first step is right, later ones are not: the old gradients are still there. Put them "
        "back to zero.": no_zero,
        "the loss is right, but the weights never move: backward, then the optimiser's step, and "
        "only then zero.": zero_in_between,
        "padding counts in your loss: positions where target_out is 0 must be "
        "ignored.": padding_counts,
        "return the loss *before* the step, the one whose gradient you took.": loss_after_the_step,
        "your loss is a sum: the mean over the real tokens is asked for.": summed,
        "you compared with target_in, what the decoder reads. What it must predict is "
        "target_out.": against_its_input,
        "the decoder read target_out: the very answer it should give. It reads "
        "target_in.": reads_the_answer,
        "the targets are not smoothed: use `smoothing`.": not_smoothed,
    },
    praise="Predict, compare, gradient, step, zero: the heart of training, by heart.",
)

EXERCISES = [SICK, PERPLEXITY, LOST, SIXTEEN, AVERAGE, HALVES, HEART]

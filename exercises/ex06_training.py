"""The exercises of notebook 06, training."""

import io
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout

import torch
import torch.nn.functional as F
from torch import nn

from exercises.check import exercise, numbers, question
from transformer.training import learning_rate, train, translation_loss
from utils.data import END, Loader, Pair


def merge(parts, pair):
    """The notebook's: every occurrence of the pair becomes one piece."""
    merged = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged


def longest_first(word, merges):
    known, parts = {left + right for left, right in merges}, []
    while word:
        size = next((n for n in range(len(word), 1, -1) if word[:n] in known), 1)
        parts, word = [*parts, word[:size]], word[size:]
    return parts


NEWER = [("n", "e"), ("ne", "w"), ("e", "r"), ("l", "o"), ("lo", "w")]


@exercise(
    "6.1",
    cases=[
        ("newest", NEWER),
        ("slower", NEWER),
        ("banana", [("a", "n"), ("n", "a"), ("an", "an"), ("b", "an")]),
        ("abcab", [("b", "c"), ("a", "b"), ("a", "bc")]),
        ("abab", [("b", "a"), ("a", "b")]),
    ],
    wrong={
        longest_first: "you look for the longest piece that is known. But the merges come in the "
        "order in which they were learned, and an early one can take a letter from a later one.",
        ("in merges", "in merges[::-1]"): "you apply the merges from the last to the first: the "
        "later ones glue pieces that only the earlier ones make.",
        ("merge(parts, pair)", "merge(list(word), pair)"): "each merge begins with the bare "
        "characters again, so only the last one is seen: go on with the parts that the merge "
        "before it has left.",
        ("parts = merge(", "merge("): "your merges change nothing: merge returns a new list, so "
        "keep it in `parts`.",
        ("    return parts", "        return parts"): "you return after the first merge: the "
        "`return` stands inside the loop.",
        ("return parts", 'return " ".join(parts)'): "return the list of pieces, not one string.",
    },
    praise="The same merges in the same order: that is all that a tokenizer does.",
)
def cut(word, merges):
    parts = list(word)
    for pair in merges:
        parts = merge(parts, pair)
    return parts


def shared_among_the_wrong(scores, target, smoothing, pad):
    size = scores.size(-1)
    q = F.one_hot(target, size) * (1 - smoothing - smoothing / (size - 1)) + smoothing / (size - 1)
    return -(q * scores.log_softmax(-1)).sum(-1)[target != pad].mean()


def padding_in_the_number(scores, target, smoothing, pad):
    share = (target != pad).float().mean()
    return translation_loss(scores, target, smoothing, pad) * share


LOSS = exercise(
    "6.2",
    cases=[
        (2 * numbers(2, 4, 6, seed=1), torch.tensor([[3, 4, 2, 0], [3, 2, 0, 0]]), 0.1, 0),
        (2 * numbers(3, 3, 5, seed=2), torch.tensor([[3, 4, 1], [2, 1, 1], [0, 2, 1]]), 0.3, 1),
    ],
    wrong={
        ("ignore_index=pad, ", ""): "padding counts in your loss: leave out the places where "
        "target is `pad`.",
        ("ignore_index=pad", "ignore_index=0"): "the first case is right, but there `pad` is 0. "
        "Use the argument.",
        (", label_smoothing=smoothing", ""): "the target is not smoothed: use `smoothing`.",
        shared_among_the_wrong: "ε is shared among all V tokens, the right one included: a wrong "
        "one gets ε / V, not ε / (V − 1). (Some programs do it your way; PyTorch does not.)",
        ("scores.flatten(0, 1)", "scores.flatten(0, 1).softmax(-1)"): "F.cross_entropy takes the "
        "softmax itself: hand it the scores as they are.",
        ("smoothing\n", 'smoothing, reduction="sum"\n'): "that is the sum. Divide by the number of "
        "places that count.",
        padding_in_the_number: "padding is left out of your sum, but you divide by all places: "
        "divide by the number of those that count.",
    },
    praise="A mean over real tokens, against a target that is never too sure.",
)(translation_loss)


SCHEDULE = exercise(
    "6.3",
    cases=[
        *((step, 8.0, 400) for step in (1, 100, 399, 400, 401, 1600, 10_000)),
        *((step, 3.0, 50, 250) for step in (1, 49, 50, 51, 150, 249, 250, 300)),
    ],
    wrong={
        ("math.sqrt(warmup / step)", "warmup / step"): "without `total` your rate falls with "
        "1/step. It should fall with 1/√step.",
        ("peak * math.sqrt(warmup / step)", "step**-0.5"): "the way down does not begin at the "
        "peak: at step `warmup` it must give `peak`.",
        ("math.sqrt(warmup / step)", "step**-0.5"): "without `total`, at step `warmup` + 1 your "
        "rate drops: it falls with 1/√step, but from the peak, which stands at step `warmup`.",
        ("peak * step / warmup", "peak * (step - 1) / warmup"): "you count from 0: step 1 already "
        "has the rate peak / warmup.",
        ("(total - step) / (total - warmup)", "(total - step) / total"): "with `total` the rate "
        "jumps behind the peak: at step `warmup` the whole way down is still left.",
        (
            "max(0.0, (total - step) / (total - warmup))",
            "(total - step) / (total - warmup)",
        ): "after step `total` your rate is negative: it should stay at 0.",
    },
    praise="Shy, bold, and ever shyer: the most copied schedule there is.",
    tolerance=1e-6,
)(learning_rate)


DIAGNOSIS = question(
    "6.4",
    ("order", "zero", "mode", "padding", "sum"),
    wrong={
        ("zero", "order", "mode", "padding", "sum"): "a and b are swapped: a has its lines in the "
        "wrong order and never moves; b never clears, and its steps grow and grow.",
        ("order", "sum", "mode", "padding", "zero"): "b and e are swapped: both explode, but e "
        "does clear, every four batches, and its step is four gradients long; b never clears at "
        "all.",
        ("order", "zero", "padding", "mode", "sum"): "c and d are swapped: c calls `measure`, "
        "which leaves the model in eval mode; d uses a loss that does not know what padding is.",
        ("order", "zero", "mode", "sum", "padding"): "d and e are swapped: d says much less than "
        "is measured, so its loss counts something easy, the padding. e adds up four batches.",
        ("order", "sum", "padding", "mode", "zero"): "two pairs are swapped. b never clears and e "
        "does; c calls `measure`, which changes the mode; d's loss does not know what padding is.",
    },
    praise="Three of them show at once. The others can be found by reading, and by measuring.",
)


class Toy(nn.Module):
    """A small stand-in for the translator: source and target_in → scores."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(9, 6), nn.Linear(6, 9)
        self.dropout = nn.Dropout(0.2)
        self.config = {"pad": 0}

    def forward(self, source, target):
        x = self.table(target) + self.table(source).mean(dim=1, keepdim=True)
        return self.out(self.dropout(x))


def toy_pairs() -> list[Pair]:
    """Forty rows of two to eight tokens; the target is the source."""
    generator = torch.Generator().manual_seed(0)
    rows = [torch.randint(3, 9, (2 + n % 7,), generator=generator).tolist() for n in range(40)]
    return [Pair([*row, END], [*row, END]) for row in rows]


def a_whole_training(learner: Callable) -> Callable:
    """Train a toy with the learner's loop: epochs, training losses, what was evaluated and in which
    mode, the order of the batches in each epoch, the mode at the end."""
    if not callable(learner):
        return learner

    def run(seed: int, peak: float):
        torch.manual_seed(seed)
        model = Toy().eval()
        batches = Loader(toy_pairs(), max_tokens=36, shuffle=True)
        held_out = next(iter(Loader(toy_pairs()[:8], max_tokens=99)))
        modes = []

        @torch.no_grad()
        def evaluate(given):
            modes.append("training" if given.training else "eval")
            scores = given(held_out.source, held_out.target_in)
            return {"validation loss": translation_loss(scores, held_out.target_out, 0.0).item()}

        ours = learner.__module__ == train.__module__
        with redirect_stdout(io.StringIO()) if ours else nullcontext():  # no progress bars
            history = learner(model, batches, 3, peak=peak, warmup=5, evaluate=evaluate)
        if history is None or history is ...:
            return None
        names = "epoch", "training loss", "validation loss"
        rows = history if isinstance(history, (list, tuple)) else []
        if not (rows and all(isinstance(row, dict) and set(names) <= set(row) for row in rows)):
            wanted = ", ".join(map(repr, names))
            raise TypeError(f"return a list with one dictionary an epoch, with the keys {wanted}")
        columns = ([row[name] for row in rows] for name in names)
        return [*columns, sorted(set(modes)), str(model.training)]

    return run


LOOP = exercise(
    "6.5",
    cases=[(0, 0.02), (1, 0.05)],
    wrong={
        ("            adam.zero_grad()\n", ""): "the old gradients are still there at the next "
        "step: put them back to zero after each.",
        (
            "adam.zero_grad()\n            loss.backward()\n",
            "loss.backward()\n            adam.zero_grad()\n",
        ): "nothing is learned: no step is taken, or it finds no gradient. Clear, backward, step, "
        "in this order.",
        ("smoothing, pad)", "smoothing, -100)"): "your mean runs over the padding, too: only real "
        "tokens count.",
        ("batch.target_in)", "batch.target_out)"): "the model is given target_out, the very tokens "
        "that it must predict: give it target_in.",
        ("        model.train()\n", ""): "dropout is off: the model came in eval mode, and nobody "
        "called model.train().",
        (
            ("        model.train()\n", ""),
            ("step, total, history", "model.train()\n    step, total, history"),
        ): "the first epoch is right, later ones train without dropout: evaluate needs eval mode, "
        "so model.train() must stand inside the loop over epochs.",
        ("        model.eval()\n", ""): "you evaluate in training mode, with dropout on, and leave "
        "the model there: call model.eval() before evaluate.",
        ("            rate = learning_rate(", "            rate = peak or learning_rate("): "the "
        "rate is always `peak`: set the schedule's in adam.param_groups[0] before each step.",
        ("learning_rate(step,", "learning_rate(step - 1,"): "your schedule counts from 0: the "
        "first step is number 1.",
    },
    praise="Every training there is, by heart.",
    adapt=a_whole_training,
)(train)

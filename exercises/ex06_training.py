"""The exercises of notebook 06, training."""

import math
from collections import Counter

import torch
import torch.nn.functional as F
from torch import nn

from exercises.check import exercise, question


def texts(*words: tuple[str, int]) -> tuple[dict, dict]:
    """The two arguments of best_pair: words given as pieces with spaces between, and counts."""
    pieces = {word.replace(" ", ""): word.split() for word, _ in words}
    return pieces, {word.replace(" ", ""): count for word, count in words}


@exercise(
    "6.1",
    cases=[
        texts(("l o w", 5), ("l o t", 1), ("o w l", 2), ("n e w", 3), ("t e n", 4)),
        texts(("a b", 2), ("a b c", 2), ("c d", 9), ("a c b", 1)),
        texts(("th e", 7), ("th is", 6), ("th a t", 2), ("a t", 8), ("b a th e", 2)),
        texts(("a n a n", 3), ("o n", 5), ("c o t", 1)),
    ],
    wrong={
        ("+= counts[word]", "+= 1"): "you counted each word once: a word that occurs five times "
        "adds five to each of its pairs, so add counts[word].",
        ("+=", "="): "you set a pair's count anew in each word, so only the last word with it "
        "counts: add the words up.",
        ("parts[:-1], parts[1:]", "word[:-1], word[1:]"): "you paired letters: count the pieces in "
        "the lists, where earlier merges have already glued some letters.",
        ("pairs.most_common(1)[0][0]", '"".join(pairs.most_common(1)[0][0])'): "you glued the "
        "pair: return its two pieces as a tuple, not one string.",
        ("[0][0]", "[0]"): "the pair is right, but you returned its count as well: return only the "
        "pair.",
        ("[0][0]", ""): "that is the whole list of most_common, a pair and its count in it: take "
        "the pair out of it, [0][0].",
    },
    praise="Repeat it a few thousand times, and you have a tokenizer.",
)
def best_pair(pieces, counts):
    pairs = Counter()
    for word, parts in pieces.items():
        for pair in zip(parts[:-1], parts[1:], strict=True):
            pairs[pair] += counts[word]
    return pairs.most_common(1)[0][0]


@exercise(
    "6.2",
    cases=[([8, 9, 10],), ([5],)],
    wrong={
        ("[1] + words, words + [2]", "words + [2], [1] + words"): "the two lists are swapped: what "
        "the decoder reads comes first and begins with the start token.",
        (("+ words", "+ words + [2]"), (", words", ", [1] + words")): "both lists are the whole "
        "sentence with start and end: then the decoder would read the very token it must predict.",
        (("[1] + words", "words"), ("words +", "words[1:] +")): "the decoder does not read the "
        "start token: what would it predict the first word from?",
        ("words + [2]", "words"): "target_in is right, but nothing tells the model to stop: "
        "target_out ends with the end token (2).",
        ("[1] + words", "[1] + words + [2]"): "target_in is one too long: the end token is only "
        "predicted, never read.",
        (("[1] + words", "words[:-1]"), ("words + [2]", "words[1:]")): "start and end are not in "
        "`words` yet: put them there, then shift.",
    },
    praise="Read at position i, predict at position i: that is the next token.",
)
def shift(words):
    return [1] + words, words + [2]


@exercise(
    "6.3",
    cases=[
        ([3, 9, 4, 8, 2, 5], 14),
        ([6, 4, 4, 5, 7, 3, 4, 7], 12),
        ([7, 2, 2, 2, 3, 2, 3], 10),
    ],
    wrong={
        (("length * (len(batch) + 1)", "sum(batch) + length"), (" + [batch]", "")): "still as "
        "broken: the padding is not counted, and the last batch is lost.",
        ("length * (len(batch) + 1)", "sum(batch) + length"): "the last batch is there now, but "
        "the padding is still not counted: the rectangle is the longest sentence times the number "
        "of sentences.",
        (" + [batch]", ""): "the rectangles are right, but the last batch is still lost: when the "
        "loop ends, some sentences are left in `batch`.",
        ("(len(batch) + 1)", "len(batch)"): "some rectangles are one sentence too large: you "
        "measured before the newcomer joined. With it there are len(batch) + 1.",
        (">", ">="): "a batch may just reach the budget: start a new one only when it would be "
        "*passed*.",
        ("batch.append", "else:\n            batch.append"): "the sentence that did not fit has "
        "vanished: it must begin the next batch.",
    },
    praise="Width times height: that is what a batch costs.",
)
def budget_batches(lengths, budget):
    batches, batch = [], []
    for length in sorted(lengths):
        if length * (len(batch) + 1) > budget:
            batches.append(batch)
            batch = []
        batch.append(length)
    return batches + [batch]


@exercise(
    "6.4",
    cases=[(2, 5, 0.1), (0, 4, 0.2)],
    wrong={
        (("epsilon / size", "epsilon / (size - 1)"), ("+=", "=")): "ε is shared among all V "
        "tokens, the right one included: a wrong one gets ε / V, not ε / (V − 1). (Some programs "
        "do it your way; PyTorch does not.)",
        (("epsilon / size", "epsilon"), ("+=", "=")): "each wrong token got the whole ε, so the "
        "row sums to more than 1: spread it, ε / V each.",
        ("+=", "="): "the row sums to a little less than 1: the right token keeps 1 − ε and also "
        "gets its share ε / V.",
        ("epsilon / size", "0.0"): "the row sums to 1 − ε: what was taken from the right token is "
        "not given to anyone. Spread it, ε / V each.",
        ("1 - epsilon", "1"): "the row sums to 1 + ε: you gave every token its ε / V, but took "
        "nothing from the right one. It keeps 1 − ε of its own.",
        ("+= 1 - epsilon", "= 1"): "the right token still has 1, so the row sums to more than 1: "
        "take ε from it first, then add its share ε / V.",
    },
    praise="It sums to 1, and no token is impossible any more.",
)
def smoothed(right, size, epsilon):
    q = torch.full((size,), epsilon / size)
    q[right] += 1 - epsilon
    return q


SHARE = question(
    "6.5",
    0.5,
    wrong={
        0.25: "in the paper's schedule the rate falls with 1/√step, not with 1/step (nor in a "
        "straight line, like ours): at four times the steps, divide by √4.",
        2.0: "after the peak the rate falls, so less than the whole peak is left: turn your "
        "fraction over.",
        4.0: "16,000 is four times 4,000, but after the warm-up the rate no longer grows with the "
        "step: it falls with its root.",
        50.0: "give a share between 0 and 1, not per cent.",
        16_000**-0.5: "that is the factor 1/√16,000. The share is the rate at step 16,000 divided "
        "by the rate at step 4,000.",
        (512 * 16_000) ** -0.5: "that is the base model's rate at step 16,000. The share is this "
        "rate divided by the peak.",
    },
    praise="Half the rate at four times the steps: a slow, long decay.",
)


def row(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers)


@exercise(
    "6.6",
    cases=[  # w, g, m, v, t, rate
        (row(1.0, -2.0), row(4.0, 0.5), row(0.0, 0.0), row(0.0, 0.0), 1, 0.1),
        (row(0.5, 3.0), row(-1.0, 2.0), row(0.3, -0.8), row(0.2, 1.5), 3, 0.5),
        (row(0.0), row(3e-9), row(0.0), row(0.0), 1, 1.0),
    ],
    wrong={
        (("m_hat /", "m /"), ("v_hat.", "v.")): "the hats are missing: both means began at 0 and "
        "are too small at first, so divide m by 1 − 0.9ᵗ and v by 1 − 0.98ᵗ.",
        ("_hat", ""): "the new w is right, but you returned m and v with their hats: what is kept "
        "for the next step are the running means as they are.",
        (".sqrt()", ""): "the root is missing: v is the mean *square* of the slope, its size is "
        "√v.",
        ("g**2", "g"): "v must be the mean of the *squares*, g².",
        ("**t", ""): "the first step is right, the third is not: the correction is 1 − βᵗ, with "
        "the step number as a power.",
        ("v_hat.sqrt() + 1e-9", "(v_hat + 1e-9).sqrt()"): "ε stands inside the root: add it after "
        "taking the root.",
    },
    praise="Five lines, and most of today's models were trained with them or their cousins.",
)
def adam_step(w, g, m, v, t, rate):
    m = 0.9 * m + 0.1 * g
    v = 0.98 * v + 0.02 * g**2
    m_hat = m / (1 - 0.9**t)
    v_hat = v / (1 - 0.98**t)
    return w - rate * m_hat / (v_hat.sqrt() + 1e-9), m, v


DIAGNOSIS = question(
    "6.7",
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
        ("order", "zero", "padding", "sum", "mode"): "a and b are right. c calls `measure`: what "
        "does that leave behind? d's loss does not know what padding is. e adds four batches up.",
    },
    praise="Three of them show at once. The others can be found by reading, and by measuring.",
)


@exercise(
    "6.8",
    cases=[([2.0, 1.0], [100, 300]), ([0.5], [7]), ([3.0, 0.2, 1.1], [10, 80, 30])],
    wrong={
        (("loss * count", "loss"), ("sum(tokens)", "len(tokens)")): "each batch weighed the same: "
        "one of 300 tokens must count three times as much as one of 100.",
        (("math.exp", ""), ("loss * count", "math.exp(loss) * count")): "you took exp of each "
        "batch and then the mean: exp comes once, at the very end, of the mean loss over all "
        "tokens.",
        ("math.exp", ""): "that is the mean loss in nats. Perplexity is its exp.",
        ("math.exp", "2 ** "): "the loss is in nats, so raise e to it. With 2 the loss would have "
        "to be in bits.",
        ("sum(tokens)", "len(tokens)"): "you divided by the number of batches. The weighted sum is "
        "over tokens: divide by how many there are in all.",
        ("loss * count", "loss"): "divide once, by all tokens, but first multiply each loss by its "
        "own tokens: it is a mean.",
    },
    praise="So many tokens it wavers between.",
)
def perplexity(losses, tokens):
    total = sum(loss * count for loss, count in zip(losses, tokens, strict=True))
    return math.exp(total / sum(tokens))


RATES = question(
    "6.9",
    (200, 1),
    wrong={
        (200, 400): "the first is right. With only the weights the schedule begins anew, at the "
        "first of 400 steps of warm-up: 400/400, not the peak.",
        (200, 200): "the first is right. With only the weights nobody knows about step 1,200: the "
        "schedule begins anew, with step 1 of the warm-up.",
        (160, 1): "the second is right. On the way down 800 of 1,600 steps are left at step 1,200: "
        "it goes from step 400 to step 2,000, not from 0.",
        (400 / math.sqrt(3), 1): "the second is right. Our way down is a straight line to 0, not "
        "the paper's 1/√step.",
        (200.25, 1): "the second is right. The first is the rate of step 1,199, which is done: the "
        "next step is number 1,200.",
        (200e-5, 1e-5): "they are the right rates, but not in units of 10⁻⁵.",
    },
    praise="And Adam's running means, at 0 again, make the first steps the boldest.",
    tolerance=1e-6,
)

FATES = question(
    "6.10",
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


def into_lists(answer):
    """Calls the answer and hands its tensors on by name, and what the states given to it are now,
    so that both can be compared."""
    if not callable(answer):
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


def into_the_first(states):
    for name, tensor in states[0].items():
        for state in states[1:]:
            tensor += state[name]
        tensor /= len(states)
    return states[0]


@exercise(
    "6.11",
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
    adapt=into_lists,
)
def average(states):
    return {name: sum(state[name] for state in states) / len(states) for name in states[0]}


@exercise(
    "6.12",
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
    praise="As TrainingLoss does it: everyone divides by the tokens of the whole step.",
)
def together(first, second, n1, n2):
    return (n1 * first + n2 * second) / (n1 + n2)


class Toy(nn.Module):
    """A small stand-in for the translator: source and target_in → scores."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(9, 6), nn.Linear(6, 9)

    def forward(self, source, target):
        return self.out(self.table(target) + self.table(source).mean(dim=1, keepdim=True))


def three_steps(learner):
    """Three steps of a small model with the learner's function: its losses, then its weights."""
    if not callable(learner):
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


@exercise(
    "6.13",
    cases=[(0, 0.5, 0.1), (1, 0.2, 0.3)],
    wrong={
        ("    optimizer.zero_grad()\n", ""): "the first step is right, later ones are not: the old "
        "gradients are still there. Put them back to zero.",
        ("backward()", "backward()\n    optimizer.zero_grad()"): "the loss is right, but the "
        "weights never move: backward, then the optimiser's step, and only then zero.",
        ("ignore_index=0, ", ""): "padding counts in your loss: positions where target_out is 0 "
        "must be ignored.",
        ("target_out.flatten", "target_in.flatten"): "you compared with target_in, what the "
        "decoder reads. What it must predict is target_out.",
        ("source, target_in)", "source, target_out)"): "the decoder read target_out: the very "
        "answer it should give. It reads target_in.",
        (", label_smoothing=smoothing", ""): "the targets are not smoothed: use `smoothing`.",
    },
    praise="Predict, compare, gradient, step, zero: the heart of training, by heart.",
    adapt=three_steps,
)
def train_step(model, optimizer, source, target_in, target_out, smoothing):
    scores = model(source, target_in)  # (batch, length, vocabulary)
    loss = F.cross_entropy(
        scores.flatten(0, 1), target_out.flatten(), ignore_index=0, label_smoothing=smoothing
    )
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()

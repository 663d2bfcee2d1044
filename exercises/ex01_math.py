"""The exercises of notebook 01, math."""

import math

import torch

from exercises.check import Exercise, exercise, question

COMMANDS = torch.tensor(  # directories files me my photos please show
    [
        [0, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 1, 0, 0, 0],
        [0.2, 0.3, 0, 0, 0.5, 0, 0],
        [0, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0, 0],
    ]
)
WEATHER = torch.tensor([[0.1, 0.6, 0.3], [0.4, 0.4, 0.2], [0.0, 0.7, 0.3]])


@exercise(
    "1.1",
    cases=[(COMMANDS,), (WEATHER,)],
    wrong={
        ("@", "*"): "you squared every entry by itself. The way from one word to the next but one "
        "leads through every word between: that sum of products is a matrix product.",
        ("@ transition", ""): "this is one step. Take the result as the row to start from, and "
        "step once more.",
        ("@", "+"): "you added two steps: a row of yours sums to 2. Chances along a way multiply.",
        ("@ transition", "@ transition.T"): "you transposed the second matrix, so the second step "
        "runs backwards in time.",
        ("@", "@ transition @"): "right way, one step too many: this looks three words ahead.",
    },
    praise="A product of two look-ups is a look-up two steps deep.",
)
def two_steps(transition):
    return transition @ transition


VOTES = question(
    "1.2",
    3.5,
    tolerance=0.01,
    wrong={
        2.5: "those are the votes for *down*: the five words that stand in both sentences. "
        "*program* has something to say as well.",
        3.0: "you gave *program* half a vote. It stands in one sentence only: its vote is whole.",
        4.0: "half a vote too many: only the words *before* ran vote. How many of them stand in "
        "both sentences?",
        5.0: "that was the long sentence. Three of its words are gone: count again.",
        6.0: "you gave every word a whole vote. A word of both sentences gives half to each side.",
    },
    praise="Five halves and a whole. The fewer idle voters, the louder the telling one.",
)


def fires(weights):
    """The detector with these weights, as a function of its inputs; None stays None."""
    if weights is None or weights is ...:
        return lambda inputs: None
    weights = torch.as_tensor(weights, dtype=torch.float32).flatten()
    if len(weights) != 4:
        raise ValueError(
            f"a detector has four weights, for [battery, program, ran, bias]; there are "
            f"{len(weights)} in yours"
        )
    return lambda inputs: torch.relu(inputs @ weights)


ON_OFF = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)  # (8, 3)

DETECTOR = Exercise(  # a plain answer that is tried out: neither a question nor a function
    number="1.3",
    solution=[-1, 0, 1, 0],
    cases=[(torch.cat([ON_OFF, torch.ones(8, 1)], dim=1),)],
    mistakes={
        "this one fires when battery and ran are both there. You want ran *without* battery: "
        "which sign must battery's weight have?": [1, 0, 1, -1],
        "this one fires on every ran. Let battery pull it down.": [0, 0, 1, 0],
        "this one never fires: the bias pulls ran itself down to 0. How far must ran alone "
        "rise above 0?": [-1, 0, 1, -1],
        "this one falls silent when program is there too. The detector must not care about "
        "program: which weight says so?": [-1, -1, 1, 0],
        "battery and ran still give more than 0 here: battery has to pull harder.": [-0.5, 0, 1, 0],
        "the bias lifts every sum by 1, so this one fires without any word. Does ran alone not "
        "reach 1 already?": [-1, 0, 1, 1],
    },
    praise="A negative weight says 'not', ReLU cuts off what falls below 0.",
    adapt=fires,
)


BOLDNESS = question(
    "1.4",
    math.e,
    tolerance=0.01,
    wrong={
        3.0: "3 is the distance between the scores. The shares hang on exponentials of the scores: "
        "a distance becomes a factor.",
        1.0: "1 is the distance of the scores after the division. Now what does a step of 1 in the "
        "score do to the share?",
        math.exp(3): "that is the ratio at temperature 1. Divide the scores by 3 before the "
        "exponential.",
        math.exp(9): "you multiplied by the temperature. A temperature divides, so 3 makes softmax "
        "milder.",
        math.e / (1 + math.e): "that is the larger share itself. Divide it by the smaller one.",
        1 / math.e: "you turned the fraction over: how many times as large is the larger one?",
    },
    praise="A distance of one temperature is a factor of e.",
)


@exercise(
    "1.5",
    cases=[  # square, so that a lost keepdim runs
        (torch.tensor([2.0, 1.0, 0.0]),),
        (torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [-1.0, 0.5, 2.5]]),),
        (torch.tensor([[1000.0, 1001.0], [-1000.0, -1001.0]]),),
        (torch.arange(8.0).reshape(2, 2, 2) ** 0.5,),
    ],
    wrong={
        ((" - largest", ""), ("-1", "0")): "both bugs are still there: you normalised the columns, "
        "and large scores overflow. Begin with the first: each row should sum to 1, so the sum "
        "runs over dim=-1.",
        ("-1", "0"): "you normalised the columns: each row should sum to 1, so both the maximum "
        "and the sum run over dim=-1.",
        (" - largest", ""): "the rows sum to 1 now. The other bug is left: e to the power of 1000 "
        "is infinite, and infinity divided by infinity is not a number. Subtract the row's maximum "
        "first.",
        ("max(dim=-1, keepdim=True).values", "max()"): "you subtracted one maximum from all rows: "
        "in a row far below it, every exponential becomes 0, and 0/0 is not a number. Each row "
        "needs its own maximum.",
        ("sum(dim=-1, keepdim=True)", "sum(dim=-1)"): "the sums are right, but they meet the wrong "
        "entries: without keepdim=True they lie as a row, one above each column.",
        (", keepdim=True", ""): "maximum and sum run along the rows, as they should, but both meet "
        "the wrong entries: keepdim=True leaves them standing as a column.",
    },
    praise="Rows that sum to 1, and no overflow at any size.",
)
def mended_softmax(scores):
    largest = scores.max(dim=-1, keepdim=True).values
    exponentials = (scores - largest).exp()
    return exponentials / exponentials.sum(dim=-1, keepdim=True)


SHARES = [
    torch.tensor(scores).softmax(dim=-1)
    for scores in (
        [2.0, 1.0, 0.0],
        [[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [-1.0, 0.5, 0.5]],
        [[[0.0, 1.0, 2.0, 0.5], [1.0, 1.0, 0.0, -2.0], [3.0, 0.0, 0.0, 1.0], [0.2, 0.4, 0.6, 1.5]]],
    )
]
SLOPES = [
    torch.tensor(slopes)
    for slopes in (
        [1.0, -2.0, 0.5],
        [[0.0, -4.0, 1.0], [1.0, 2.0, 3.0], [-0.5, 1.5, 2.5]],
        [[[1.0, 0.0, -1.0, 2.0], [0.3, 0.6, -2.0, 1.0], [2.0, 2.0, -1.0, 0.0], [5.0, 1.0, 0, 1]]],
    )
]


@exercise(
    "1.6",
    cases=list(zip(SHARES, SLOPES, strict=True)),  # the last two square: a lost keepdim runs
    wrong={
        (" - weighted_mix", ""): "you stopped at p times g. When one share rises the others fall: "
        "subtract the weighted mix of the slopes first.",
        ("(g - weighted_mix)", "(1 - p) * g"): "that is the diagonal alone, p(1 - p) times g. Each "
        "score moves the other shares too.",
        ("dim=-1, keepdim=True", ""): "you added up the whole tensor. Every row is a softmax of "
        "its own, with its own mix: sum along the last dimension.",
        (", keepdim=True", ""): "your sums are right, but they meet the wrong rows: without "
        "keepdim=True they lie along the columns.",
        ("(p * g).sum(dim=-1, keepdim=True)", "p @ g"): "p @ g is the weighted mix of one row "
        "alone; with more rows it is a matrix product of rows with columns. Multiply entry by "
        "entry and sum along each row.",
        ("return p * ", "return "): "the difference from the mix is right. A share of 0 cannot "
        "move, though: the factor p is missing.",
    },
    praise="Notebook 02 goes back through attention with this line.",
)
def softmax_backward(p, g):
    weighted_mix = (p * g).sum(dim=-1, keepdim=True)  # (..., 1)
    return p * (g - weighted_mix)


@exercise(
    "1.7",
    cases=[
        (torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([1])),
        (torch.tensor([[0.5, -1.0, 2.0, 0.0], [1.0, 1.5, -0.5, 3.0]]), torch.tensor([2, 0])),
        (torch.tensor([[200.0, 0.0, -200.0], [0.0, 1.0, 2.0]]), torch.tensor([2, 0])),
    ],
    wrong={
        (" / len(target)", ""): "the loss is right. The gradient belongs to the sum over the rows; "
        "the loss is their mean, so divide the gradient by the number of rows too.",
        ("loss, gradient", "loss, -gradient"): "the gradient has the wrong sign: it is p - y. The "
        "scores of wrong words must have a positive slope: raising them raises the loss.",
        ("-= 1", "-= 0"): "the loss is right. In the gradient, y is missing: subtract 1 at the "
        "right word.",
        (
            "(scores.logsumexp(dim=-1) - scores[rows, target])",
            "-scores.softmax(dim=-1)[rows, target].log()",
        ): "with scores like 200 and -200 your probability rounds to 0 and its logarithm is "
        "infinite. Write the loss with the log of the sum of exponentials: log Σ e^s - s_target.",
        ("scores[rows,", "scores[:,"): "the gradient is right. In the loss, scores[:, target] "
        "takes whole columns: you want one score a row, scores[rows, target] with rows 0, 1, 2, …",
    },
    praise="p − y: you can now write down where every training signal of this course begins.",
)
def loss_and_gradient(scores, target):
    rows = torch.arange(len(target))
    loss = (scores.logsumexp(dim=-1) - scores[rows, target]).mean()
    gradient = scores.softmax(dim=-1)  # (n, words)
    gradient[rows, target] -= 1
    return loss, gradient / len(target)


@exercise(
    "1.8",
    cases=[  # as many features as words: a product without its ⊤ runs; other numbers of rows
        (
            torch.tensor([[1.0, 2.0, -1.0], [0.5, 0.0, 1.0]]),
            torch.tensor([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5], [0.0, 1.5, 1.0]]),
            torch.tensor([0.1, -0.2, 0.3]),
            torch.tensor([1, 0]),
        ),
        (
            torch.tensor([[100.0, 1.0], [0.0, 1.0], [1.0, -1.0]]),
            torch.tensor([[2.0, -2.0], [0.5, 1.0]]),
            torch.tensor([0.5, -1.0]),
            torch.tensor([1, 1, 0]),
        ),
    ],
    wrong={
        (" / len(target)", ""): "the loss is right. The slopes belong to the sum over the rows; "
        "the loss is their mean, so divide p - y by the number of rows.",
        (".sum(dim=0)", ""): "all is right but the slopes of b: b is added to every row, so what "
        "the rows say to it adds up.",
        ("W.T", "W"): "all is right but the slopes of x. Here W is square, so no shape betrays it: "
        "the error goes back from words to features, against the way it came.",
        ("x.T @ error", "error.T @ x"): "all is right but the slopes of W: they are turned over. "
        "Row k belongs to feature k, as in W.",
        (
            "scores - scores.logsumexp(dim=-1, keepdim=True)",
            "(scores.exp() / scores.exp().sum(dim=-1, keepdim=True)).log()",
        ): "with scores like 200 your exponentials overflow, in the loss and in the slopes: use "
        "logsumexp, or subtract each row's largest score.",
        ("scores - scores.logsumexp(dim=-1, keepdim=True)", "scores.softmax(dim=-1).log()"): "with "
        "scores like 200 and -200 a probability rounds to 0, and its logarithm is infinite. "
        "Take the logarithm on paper: scores less their logsumexp.",
    },
    praise="Forth and back, from nothing: every model of this course is trained by these lines.",
)
def next_word_layer(x, W, b, target):
    rows = torch.arange(len(target))
    scores = x @ W + b  # (n, features) @ (features, words) → (n, words)
    log_p = scores - scores.logsumexp(dim=-1, keepdim=True)  # (n, words)
    loss = -log_p[rows, target].mean()
    error = log_p.exp()  # (n, words): p
    error[rows, target] -= 1  # p - y
    error = error / len(target)
    return loss, error @ W.T, x.T @ error, error.sum(dim=0)

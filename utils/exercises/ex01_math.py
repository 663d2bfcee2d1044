"""The exercises of notebook 01."""

import torch

from utils.checks import Exercise

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

two_steps = Exercise(
    number="1.1",
    solution=lambda transition: transition @ transition,
    cases=[(COMMANDS,), (WEATHER,)],
    mistakes={
        "you squared every entry by itself. The way from one word to the next but one leads "
        "through every word between: that sum of products is a matrix product.": (
            lambda transition: transition * transition
        ),
        "this is one step. Take the result as the row to start from, and step once more.": (
            lambda transition: transition
        ),
        "you added two steps: a row of yours sums to 2. Chances along a way multiply.": (
            lambda transition: transition + transition
        ),
        "you transposed the second matrix, so the second step runs backwards in time.": (
            lambda transition: transition @ transition.T
        ),
        "you transposed the first matrix, so the first step runs backwards in time.": (
            lambda transition: transition.T @ transition
        ),
        "right way, one step too many: this looks three words ahead.": (
            lambda transition: transition @ transition @ transition
        ),
    },
    praise="A product of two look-ups is a look-up two steps deep.",
)

votes = Exercise(
    number="1.2",
    solution=3.5,
    mistakes={
        "those are the votes for *down*: the five words that stand in both sentences. "
        "*program* has something to say as well.": 2.5,
        "you gave *program* half a vote. It stands in one sentence only: its vote is whole.": 3.0,
        "half a vote too many: only the words *before* ran vote. How many of them stand in both "
        "sentences?": 4.0,
        "one whole vote is that of *program*. The words of both sentences vote too, half a vote "
        "each.": 1.0,
        "that is the share of all votes. The votes themselves were asked for.": 3.5 / 6,
        "that was the long sentence. Three of its words are gone: count again.": 5.0,
        "you gave every word a whole vote. A word of both sentences gives half to each side.": 6.0,
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

detector = Exercise(
    number="1.3",
    solution=[-1, 0, 1, 0],
    cases=[(torch.cat([ON_OFF, torch.ones(8, 1)], dim=1),)],
    mistakes={
        "this one fires when battery and ran are both there. You want ran *without* battery: "
        "which sign must battery's weight have?": [1, 0, 1, -1],
        "this one looks for program and ran. It must also fire on ran alone.": [0, 1, 1, -1],
        "this one fires on every ran. Let battery pull it down.": [0, 0, 1, 0],
        "this one never fires: the bias pulls ran itself down to 0. How far must ran alone "
        "rise above 0?": [-1, 0, 1, -1],
        "this one falls silent when program is there too. The detector must not care about "
        "program: which weight says so?": [-1, -1, 1, 0],
        "this one looks for ran without *program*. The word that must be missing is battery.": [
            0,
            -1,
            1,
            0,
        ],
        "here battery lifts and ran pulls down: turn the two signs round.": [1, 0, -1, 0],
        "this one fires on program alone. It must not care about program: which weight says so?": [
            -1,
            1,
            1,
            0,
        ],
        "battery and ran still give more than 0 here: battery has to pull harder.": [
            -0.5,
            0,
            1,
            0,
        ],
        "this one fires without ran, when battery is missing: the bias should not fire alone.": [
            -1,
            0,
            0,
            1,
        ],
    },
    praise="A negative weight says 'not', ReLU cuts off what falls below 0.",
    adapt=fires,
)


def softmax(scores):
    exponentials = (scores - scores.max(dim=-1, keepdim=True).values).exp()
    return exponentials / exponentials.sum(dim=-1, keepdim=True)


def softmax_columns_safe(scores):
    exponentials = (scores - scores.max(dim=0, keepdim=True).values).exp()
    return exponentials / exponentials.sum(dim=0, keepdim=True)


def softmax_columns(scores):
    return scores.exp() / scores.exp().sum(dim=0)


def softmax_overflowing(scores):
    return scores.exp() / scores.exp().sum(dim=-1, keepdim=True)


def softmax_one_maximum(scores):
    exponentials = (scores - scores.max()).exp()
    return exponentials / exponentials.sum(dim=-1, keepdim=True)


def softmax_one_sum(scores):
    exponentials = (scores - scores.max(dim=-1, keepdim=True).values).exp()
    return exponentials / exponentials.sum()


def softmax_no_exponential(scores):
    return scores / scores.sum(dim=-1, keepdim=True)


mended_softmax = Exercise(
    number="1.4",
    solution=softmax,
    cases=[
        (torch.tensor([2.0, 1.0, 0.0]),),
        (torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0]]),),
        (torch.tensor([[1000.0, 1001.0], [-1000.0, -1001.0]]),),
        (torch.arange(12.0).reshape(2, 3, 2) ** 0.5,),
    ],
    mistakes={
        "both bugs are still there: you normalised the columns, and large scores overflow. "
        "Begin with the first: each row should sum to 1, so the sum runs over dim=-1.": (
            softmax_columns
        ),
        "you normalised the columns: each row should sum to 1, so both the maximum and the sum "
        "run over dim=-1.": softmax_columns_safe,
        "the rows sum to 1 now. The other bug is left: e to the power of 1000 is infinite, and "
        "infinity divided by infinity is not a number. Subtract the row's maximum first.": (
            softmax_overflowing
        ),
        "you subtracted one maximum from all rows: in a row far below it, every exponential "
        "becomes 0, and 0/0 is not a number. Each row needs its own maximum.": (
            softmax_one_maximum
        ),
        "you divided by the sum of the whole tensor: each row should sum to 1 by itself. "
        "Sum over dim=-1 and keep the dimension.": softmax_one_sum,
        "you divided the scores themselves by their sum. The exponential comes first: it makes "
        "every number positive.": softmax_no_exponential,
    },
    praise="Rows that sum to 1, and no overflow at any size.",
)


def loss_and_gradient(scores, target):
    rows = torch.arange(len(target))
    loss = (scores.logsumexp(dim=-1) - scores[rows, target]).mean()
    gradient = scores.softmax(dim=-1)
    gradient[rows, target] -= 1
    return loss, gradient / len(target)


def undivided_gradient(scores, target):
    loss, gradient = loss_and_gradient(scores, target)
    return loss, gradient * len(target)


def summed(scores, target):
    loss, gradient = loss_and_gradient(scores, target)
    return loss * len(target), gradient * len(target)


def turned_gradient(scores, target):
    loss, gradient = loss_and_gradient(scores, target)
    return loss, -gradient


def turned_loss(scores, target):
    loss, gradient = loss_and_gradient(scores, target)
    return -loss, gradient


def bare_probabilities(scores, target):
    loss, _ = loss_and_gradient(scores, target)
    return loss, scores.softmax(dim=-1) / len(target)


def through_the_logarithm(scores, target):
    _, gradient = loss_and_gradient(scores, target)
    rows = torch.arange(len(target))
    return -scores.softmax(dim=-1)[rows, target].log().mean(), gradient


def plain_softmax_throughout(scores, target):
    rows = torch.arange(len(target))
    p = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
    gradient = p.clone()
    gradient[rows, target] -= 1
    return -p[rows, target].log().mean(), gradient / len(target)


def gradient_first(scores, target):
    return loss_and_gradient(scores, target)[::-1]


def over_the_columns(scores, target):
    rows = torch.arange(len(target))
    gradient = scores.softmax(dim=0)
    gradient[rows, target] -= 1
    return -scores.log_softmax(dim=0)[rows, target].mean(), gradient / len(target)


from_memory = Exercise(
    number="1.5",
    solution=loss_and_gradient,
    cases=[
        (torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([1])),
        (torch.tensor([[0.5, -1.0, 2.0, 0.0], [1.0, 1.5, -0.5, 3.0]]), torch.tensor([2, 0])),
        (torch.tensor([[200.0, 0.0, -200.0], [0.0, 1.0, 2.0]]), torch.tensor([2, 0])),
    ],
    mistakes={
        "the loss is right. The gradient belongs to the sum over the rows; the loss is their "
        "mean, so divide the gradient by the number of rows too.": undivided_gradient,
        "this is the sum over the rows, loss and gradient alike. Take the mean.": summed,
        "the gradient has the wrong sign: it is p - y. The scores of wrong words must have a "
        "positive slope: raising them raises the loss.": turned_gradient,
        "the loss is negative: the logarithm of a probability is below 0, so a minus sign "
        "stands before it.": turned_loss,
        "the loss is right. In the gradient, y is missing: subtract 1 at the right word.": (
            bare_probabilities
        ),
        "with scores like 200 and -200 your probability rounds to 0 and its logarithm is "
        "infinite. Write the loss with the log of the sum of exponentials: log Σ e^s - s_target.": (
            through_the_logarithm
        ),
        "with scores like 200 your exponentials overflow, in the loss and in the gradient. Use "
        "logsumexp for the loss and the safe softmax of section 10 for p.": (
            plain_softmax_throughout
        ),
        "both are there, but in the other order: return the loss first, then the gradient.": (
            gradient_first
        ),
        "you took the softmax down the columns: every row is one prediction, so it runs over "
        "dim=-1.": over_the_columns,
    },
    praise="p − y: you can now write down where every training signal of this course begins.",
)

EXERCISES = [two_steps, votes, detector, mended_softmax, from_memory]

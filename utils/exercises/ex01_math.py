"""The exercises of notebook 01."""

import math

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
        "you added both tables, of one step and of two. Only two words later is asked.": (
            lambda transition: transition + transition @ transition
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
    tolerance=0.01,
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
        "the bias lifts every sum by 1, so this one fires without any word. Does ran alone not "
        "reach 1 already?": [-1, 0, 1, 1],
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


boldness = Exercise(
    number="1.4",
    solution=math.e,
    tolerance=0.01,
    mistakes={
        "3 is the distance between the scores. The shares hang on exponentials of the scores: a "
        "distance becomes a factor.": 3.0,
        "1 is the distance of the scores after the division. Now what does a step of 1 in the "
        "score do to the share?": 1.0,
        "that is the ratio at temperature 1. Divide the scores by 3 before the exponential.": (
            math.exp(3)
        ),
        "you multiplied by the temperature. A temperature divides, so 3 makes softmax milder.": (
            math.exp(9)
        ),
        "that is the ratio for scores that are 1 apart at temperature 3. These are 3 apart.": (
            math.exp(1 / 3)
        ),
        "you divided the ratio by the temperature. It divides the scores, before the "
        "exponential.": math.exp(3) / 3,
        "that is the larger share itself. Divide it by the smaller one.": math.e / (1 + math.e),
        "that is the larger share at temperature 1. Divide the scores by 3 first, and then the "
        "larger share by the smaller.": math.e**3 / (1 + math.e**3),
        "you turned the fraction over: how many times as large is the larger one?": 1 / math.e,
    },
    praise="A distance of one temperature is a factor of e.",
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


def softmax_flat_sum(scores):
    exponentials = (scores - scores.max(dim=-1, keepdim=True).values).exp()
    return exponentials / exponentials.sum(dim=-1)


def softmax_flat_maximum(scores):
    exponentials = (scores - scores.max(dim=-1).values).exp()
    return exponentials / exponentials.sum(dim=-1, keepdim=True)


def softmax_flat(scores):
    exponentials = (scores - scores.max(dim=-1).values).exp()
    return exponentials / exponentials.sum(dim=-1)


def softmax_no_exponential(scores):
    return scores / scores.sum(dim=-1, keepdim=True)


mended_softmax = Exercise(
    number="1.5",
    solution=softmax,
    cases=[
        (torch.tensor([2.0, 1.0, 0.0]),),
        (torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [-1.0, 0.5, 2.5]]),),
        (torch.tensor([[1000.0, 1001.0], [-1000.0, -1001.0]]),),
        (torch.arange(8.0).reshape(2, 2, 2) ** 0.5,),
    ],  # square, so that a lost keepdim runs
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
        "the sums are right, but they meet the wrong entries: without keepdim=True they lie as a "
        "row, one above each column.": softmax_flat_sum,
        "the maxima are right, but they meet the wrong entries: without keepdim=True they lie as "
        "a row, one above each column.": softmax_flat_maximum,
        "maximum and sum run along the rows, as they should, but both meet the wrong entries: "
        "keepdim=True leaves them standing as a column.": softmax_flat,
        "you divided the scores themselves by their sum. The exponential comes first: it makes "
        "every number positive.": softmax_no_exponential,
    },
    praise="Rows that sum to 1, and no overflow at any size.",
)


def softmax_backward(p, g):
    return p * (g - (p * g).sum(dim=-1, keepdim=True))


SHARES = [
    softmax(torch.tensor(scores))
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

backward = Exercise(
    number="1.6",
    solution=softmax_backward,
    cases=list(zip(SHARES, SLOPES, strict=True)),  # the last two square: a lost keepdim runs
    mistakes={
        "you stopped at p times g. When one share rises the others fall: subtract the weighted "
        "mix of the slopes first.": lambda p, g: p * g,
        "that is the diagonal alone, p(1 - p) times g. Each score moves the other shares too.": (
            lambda p, g: p * (1 - p) * g
        ),
        "the sign is turned: it is g less the weighted mix, not the mix less g.": (
            lambda p, g: -softmax_backward(p, g)
        ),
        "you added up the whole tensor. Every row is a softmax of its own, with its own mix: sum "
        "along the last dimension.": lambda p, g: p * (g - (p * g).sum()),
        "you summed down the first dimension. A row runs along the last one.": (
            lambda p, g: p * (g - (p * g).sum(dim=0, keepdim=True))
        ),
        "your sums are right, but they meet the wrong rows: without keepdim=True they lie along "
        "the columns.": lambda p, g: p * (g - (p * g).sum(dim=-1)),
        "you subtracted the plain mean of g. The mix is weighted: each slope counts with its "
        "share.": lambda p, g: p * (g - g.mean(dim=-1, keepdim=True)),
        "you subtracted the sum of g. Each slope counts with its share in it.": (
            lambda p, g: p * (g - g.sum(dim=-1, keepdim=True))
        ),
        "p @ g is the weighted mix of one row alone; with more rows it is a matrix product of rows "
        "with columns. Multiply entry by entry and sum along each row.": lambda p, g: (
            p * (g - p @ g)
        ),
        "you subtracted the mix last. It belongs inside the bracket: first g less the mix, then "
        "times p.": lambda p, g: p * g - (p * g).sum(dim=-1, keepdim=True),
        "the difference from the mix is right. A share of 0 cannot move, though: the factor p is "
        "missing.": lambda p, g: g - (p * g).sum(dim=-1, keepdim=True),
        "you added the mix. The others' pull goes downwards: subtract it.": (
            lambda p, g: p * (g + (p * g).sum(dim=-1, keepdim=True))
        ),
    },
    praise="Notebook 02 goes back through attention with this line.",
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


def unaveraged_loss(scores, target):
    _, gradient = loss_and_gradient(scores, target)
    return scores.logsumexp(dim=-1) - scores[torch.arange(len(target)), target], gradient


def whole_columns(scores, target):
    _, gradient = loss_and_gradient(scores, target)
    return (scores.logsumexp(dim=-1) - scores[:, target]).mean(), gradient


def gradient_first(scores, target):
    return loss_and_gradient(scores, target)[::-1]


def over_the_columns(scores, target):
    rows = torch.arange(len(target))
    gradient = scores.softmax(dim=0)
    gradient[rows, target] -= 1
    return -scores.log_softmax(dim=0)[rows, target].mean(), gradient / len(target)


from_memory = Exercise(
    number="1.7",
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
        "the gradient is right. The loss is still one number a row: take the mean.": (
            unaveraged_loss
        ),
        "the gradient is right. In the loss, scores[:, target] takes whole columns: you want one "
        "score a row, scores[rows, target] with rows 0, 1, 2, …": whole_columns,
        "both are there, but in the other order: return the loss first, then the gradient.": (
            gradient_first
        ),
        "you took the softmax down the columns: every row is one prediction, so it runs over "
        "dim=-1.": over_the_columns,
    },
    praise="p − y: you can now write down where every training signal of this course begins.",
)


def next_word_layer(x, W, b, target):
    loss, error = loss_and_gradient(x @ W + b, target)
    return loss, error @ W.T, x.T @ error, error.sum(dim=0)


def with_error(change):
    """The layer, with another error than (p - y) / n going back."""

    def layer(x, W, b, target):
        loss, error = loss_and_gradient(x @ W + b, target)
        error = change(error, (x @ W + b).softmax(dim=-1))
        return loss, error @ W.T, x.T @ error, error.sum(dim=0)

    return layer


def with_scores(loss_and_error):
    """The layer, with another way from the scores to the loss and the error."""

    def layer(x, W, b, target):
        loss, error = loss_and_error(x @ W + b, target)
        return loss, error @ W.T, x.T @ error, error.sum(dim=0)

    return layer


def layer_of_sums(x, W, b, target):
    return tuple(len(x) * result for result in next_word_layer(x, W, b, target))


def layer_b_unsummed(x, W, b, target):
    loss, error = loss_and_gradient(x @ W + b, target)
    return loss, error @ W.T, x.T @ error, error


def layer_b_averaged(x, W, b, target):
    loss, error = loss_and_gradient(x @ W + b, target)
    return loss, error @ W.T, x.T @ error, error.mean(dim=0)


def layer_x_untransposed(x, W, b, target):
    loss, error = loss_and_gradient(x @ W + b, target)
    return loss, error @ W, x.T @ error, error.sum(dim=0)


def layer_W_transposed(x, W, b, target):
    loss, error = loss_and_gradient(x @ W + b, target)
    return loss, error @ W.T, error.T @ x, error.sum(dim=0)


def layer_x_undivided(x, W, b, target):
    loss, grad_x, grad_W, grad_b = next_word_layer(x, W, b, target)
    return loss, len(x) * grad_x, grad_W, grad_b


def layer_x_and_W_swapped(x, W, b, target):
    loss, grad_x, grad_W, grad_b = next_word_layer(x, W, b, target)
    return loss, grad_W, grad_x, grad_b


def layer_W_first(x, W, b, target):
    loss, grad_x, grad_W, grad_b = next_word_layer(x, W, b, target)
    return loss, grad_W, grad_b, grad_x


blank_cell = Exercise(
    number="1.8",
    solution=next_word_layer,
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
    mistakes={
        "the loss is right. The slopes belong to the sum over the rows; the loss is their mean, "
        "so divide p - y by the number of rows.": with_error(lambda error, p: len(p) * error),
        "loss and slopes are summed over the rows. Take the mean of the loss, and the slopes "
        "follow.": layer_of_sums,
        "the loss is right, and all slopes have the wrong sign: what you said, less what you "
        "should have said.": with_error(lambda error, p: -error),
        "the loss is right. What goes back is p alone: y is missing.": (
            with_error(lambda error, p: p / len(p))
        ),
        "the loss is right. You sent p - y through softmax's slope once more; p - y is already "
        "the slope by the scores.": with_error(lambda error, p: softmax_backward(p, error)),
        "all is right but the slopes of b: b is added to every row, so what the rows say to it "
        "adds up.": layer_b_unsummed,
        "all is right but the slopes of b: the errors are divided by the number of rows already. "
        "Over the rows they add up.": layer_b_averaged,
        "all is right but the slopes of x. Here W is square, so no shape betrays it: the error "
        "goes back from words to features, against the way it came.": layer_x_untransposed,
        "all is right but the slopes of W: they are turned over. Row k belongs to feature k, as "
        "in W.": layer_W_transposed,
        "the numbers are there, but in another order: the loss, then the slopes of x, of W and "
        "of b.": layer_W_first,
        "the numbers are there, but x and W have changed places: the slopes of x come first.": (
            layer_x_and_W_swapped
        ),
        "all is right but the slopes of x: they are not divided by the number of rows. Divide "
        "p - y once, before it goes anywhere.": layer_x_undivided,
        "b is missing from the scores.": (
            lambda x, W, b, target: next_word_layer(x, W, torch.zeros_like(b), target)
        ),
        "with scores like 200 your exponentials overflow, in the loss and in the slopes: use "
        "logsumexp, or subtract each row's largest score.": with_scores(plain_softmax_throughout),
        "with scores like 200 and -200 a probability rounds to 0, and its logarithm is infinite. "
        "Take the logarithm on paper: scores less their logsumexp.": (
            with_scores(through_the_logarithm)
        ),
        "you took the softmax down the columns: every row is one prediction, so it runs over "
        "dim=-1.": with_scores(over_the_columns),
    },
    praise="Forth and back, from nothing: every model of this course is trained by these lines.",
)

EXERCISES = [
    two_steps,
    votes,
    detector,
    boldness,
    mended_softmax,
    backward,
    from_memory,
    blank_cell,
]

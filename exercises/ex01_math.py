"""The exercises of notebook 01, math."""

import torch

from exercises.check import exercise, question

VOTES = question(
    "1.1",
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


@exercise(
    "1.2",
    cases=[
        (torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]),),
        (torch.arange(1.0, 16.0).reshape(5, 3),),
    ],
    wrong={
        (("range(1, n)", "range(n)"), ("i, i - 1", "i, i")): "here every word hears itself: word i "
        "should look for the position before its own.",
        ("i, i - 1", "i - 1, i"): "here every word hears the word *after* it. Row i of the queries "
        "belongs to the word that looks, its columns to the positions that it may look for. If "
        "yours are so, look at the product: it is Q Kᵀ, not K Qᵀ.",
        ("i - 1]", ": i]"): "here every word hears all the words before it, not the last of them "
        "alone.",
        ("range(1, n)", "range(n)"): "word 0 should hear nothing, but yours hears the last word: "
        "as an index, -1 counts from the end.",
        ("range(1, n)", "range(2, n)"): "word 1 hears nothing yet, though word 0 stands before it.",
        ("scores @ value", "scores.T @ value"): "the scores are right. What word i hears is row i "
        "of the scores, times the values: look at what you transposed.",
    },
    praise="A query says where to look, a key where one stands, a value what is heard.",
)
def hear_the_word_before(value):
    n = len(value)
    key = torch.eye(n)  # (n, n): word j stands at j
    query = torch.zeros(n, n)
    for i in range(1, n):
        query[i, i - 1] = 1  # word i looks for i - 1, word 0 for nothing
    scores = query @ key.T  # (n, n) @ (n, n) → (n, n)
    return scores, scores @ value  # (n, n) @ (n, d) → (n, d)


@exercise(
    "1.3",
    cases=[  # square, so that a lost keepdim runs
        (torch.tensor([2.0, 1.0, 0.0]),),
        (torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [-1.0, 0.5, 2.5]]),),
        (torch.tensor([[1000.0, 1001.0, 0.0], [-1000.0, -1001.0, -1002.0], [0.0, 1.0, 2.0]]),),
        (torch.arange(8.0).reshape(2, 2, 2) ** 0.5,),
    ],
    wrong={
        ("-1", "0"): "you normalised the columns: each row should sum to 1, so both the maximum "
        "and the sum run over dim=-1.",
        (" - largest", ""): "the rows sum to 1. But e to the power of 1000 is infinite, and "
        "infinity divided by infinity is not a number: large scores have to come down first.",
        ("max(dim=-1, keepdim=True).values", "max()"): "you subtracted one maximum from all rows: "
        "in a row far below it, every exponential becomes 0, and 0/0 is not a number. Each row "
        "needs its own maximum.",
        ((" - largest", ""), ("sum(dim=-1, keepdim=True)", "sum()")): "that is right for one row "
        "of small scores. With more rows, all of them together sum to 1: begin there, each row "
        "needs its own sum. Large scores come next.",
        ("sum(dim=-1, keepdim=True)", "sum(dim=-1)"): "the sums are right, but they meet the wrong "
        "entries: without keepdim=True they lie as a row, one above each column.",
        (", keepdim=True", ""): "maximum and sum run along the rows, as they should, but both meet "
        "the wrong entries: keepdim=True leaves them standing as a column.",
    },
    praise="Rows that sum to 1, and no overflow at any size.",
)
def softmax(scores):
    largest = scores.max(dim=-1, keepdim=True).values  # (..., 1)
    exponentials = (scores - largest).exp()  # (..., n), none above 1
    return exponentials / exponentials.sum(dim=-1, keepdim=True)


@exercise(
    "1.4",
    cases=[
        (torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([1])),
        (torch.tensor([[0.5, -1.0, 2.0, 0.0], [1.0, 1.5, -0.5, 3.0]]), torch.tensor([2, 0])),
        (torch.tensor([[200.0, 0.0, -200.0], [0.0, 1.0, 2.0]]), torch.tensor([2, 0])),
        (torch.tensor([[200.0, 0.0, -200.0]]), torch.tensor([0])),  # p is 1, e^200 infinite
    ],
    wrong={
        (" / len(target)", ""): "the loss is right. The gradient belongs to the sum over the rows; "
        "the loss is their mean, so divide the gradient by the number of rows too.",
        (".mean()", ".sum()"): "the gradient is right. The loss is the sum over the rows: return "
        "their mean.",
        ("-= 1", "-= 0"): "the loss is right. In the gradient, y is missing: subtract 1 at the "
        "right word.",
        (
            "(scores.logsumexp(dim=-1) - scores[rows, target])",
            "-scores.softmax(dim=-1)[rows, target].log()",
        ): "with scores like 200 and -200 your probability rounds to 0 and its logarithm is "
        "infinite. Write the loss with logsumexp: log Σ e^s - s_target.",
        ("scores.logsumexp(dim=-1)", "scores.exp().sum(dim=-1).log()"): "the formula is right, but "
        "e to the power of 200 is infinite before its logarithm is taken: use logsumexp, or bring "
        "each row's scores down by its largest first.",
        ("[rows,", "[:,"): "in the loss and in the gradient, [:, target] takes whole columns: you "
        "want one place a row, [rows, target] with rows 0, 1, 2, …",
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
    "1.5",
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
        (" / len(target)", ""): "the loss is right. The gradients belong to the sum over the rows; "
        "the loss is their mean, so divide p - y by the number of rows.",
        ("loss, error @ W.T, x.T @ error", "loss, x.T @ error, error @ W.T"): "all four are right, "
        "but two have changed places: first the loss, then the gradients of x, of W and of b.",
        (".sum(dim=0)", ".mean(dim=0)"): "all is right but the gradient of b: you average over the "
        "rows. p - y is divided by their number already: add its rows up.",
        ("W.T", "W"): "all is right but the gradient of x. Here W is square, so no shape betrays "
        "it: the error goes back from words to features, against the way it came.",
        ("x.T @ error", "error.T @ x"): "all is right but the gradient of W: it is transposed. Row "
        "k belongs to feature k, as in W.",
        (" - scores.max(dim=-1, keepdim=True).values", ""): "with scores like 200 your "
        "exponentials overflow, in the loss and in the gradients: bring each row's scores down "
        "first.",
    },
    praise="Forth and back, from nothing: every model of this course is trained by these lines.",
)
def next_word_layer(x, W, b, target):
    rows = torch.arange(len(target))
    scores = x @ W + b  # (n, features) @ (features, words) → (n, words)
    scores = scores - scores.max(dim=-1, keepdim=True).values  # only differences count
    exponentials = scores.exp()  # (n, words)
    totals = exponentials.sum(dim=-1)  # (n,)
    loss = (totals.log() - scores[rows, target]).mean()
    error = exponentials / totals[:, None]  # (n, words): p
    error[rows, target] -= 1  # p - y
    error = error / len(target)
    return loss, error @ W.T, x.T @ error, error.sum(dim=0)

"""The exercises of lab 05, take the decoder apart."""

import math

import torch
from torch import Tensor, nn

from exercises.check import exercise, numbers, question


class Adding(nn.Module):
    """Scores from sums over the tokens that the mask lets each position see."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__()
        self.mask, self.table = mask, numbers(13, 5)

    def forward(self, ids: Tensor) -> Tensor:
        length = ids.size(1)
        return self.mask[:length, :length] @ self.table[ids]  # (batch, length, 5)


IDS = torch.tensor([[5, 3, 8, 12, 4, 7], [9, 9, 3, 6, 11, 10]])
ALL = torch.ones(99, 99)
FIRST, LAST = ALL.tril(), ALL.tril()  # the first, or place 4, sees its follower; nobody else ahead
FIRST[0, 1] = LAST[4, 5] = 1
MASKS = (ALL.tril(), ALL, ALL.tril(1), ALL.tril(-1), FIRST, LAST)


@exercise(
    "5.A",
    cases=[(Adding(mask), IDS) for mask in MASKS],
    wrong={
        ("range(1, ids.size(1))", "range(ids.size(1) - 1, ids.size(1))"): "the cut behind the "
        "first token is missing. A model whose first position looks at the second, and nobody else "
        "ahead, slips through: try every place.",
        ("range(1, ids.size(1))", "range(1, 2)"): "the cut before the last token is missing. A "
        "model that looks ahead only there slips through: try every place.",
        ("range(1, ids.size(1))", "range(3, 4)"): "one cut in the middle is not enough, nor is "
        "every cut but the first and the last: try every place.",
        ("if not ", "if "): "upside down: True should mean that it does look ahead.",
        ("return True", "continue"): "you find nobody guilty. What tells that a score has changed?",
        ("[:, :k]), whole[:, :k]", "[:, k:]), whole[:, k:]"): "you find a model guilty that only "
        "looks back. Take away the end of the row, not its beginning, and compare the positions "
        "that are left with the same positions of the whole row.",
    },
    praise="Five lines, no training: worth running on every decoder you meet.",
)
def looks_ahead(model, ids):
    whole = model(ids)  # (batch, length, vocabulary)
    for k in range(1, ids.size(1)):
        if not torch.allclose(model(ids[:, :k]), whole[:, :k], atol=1e-5):
            return True
    return False


BLIND = question(
    "5.B",
    5 * math.log(10) / 6,
    tolerance=2e-3,
    wrong={
        math.log(10): "that is a digit's loss. One token in six is sure.",
        5 * math.log(10): "that is the whole row. The question is for the mean of its six tokens.",
        1.93: "that is what the three reached. The best there is lies a little lower: compute it.",
        math.log(11): "you spread the guess over eleven tokens. It can count: <end> never stands "
        "among the digits, and always behind the fifth.",
        math.log(
            13
        ): "that is a model that has learned nothing, not even which tokens occur where.",
        5 * math.log2(10) / 6: "that is in bits. A nat takes the natural logarithm.",
    },
    praise="Remember it: a loss that stops at the best blind guess means that nothing arrives.",
)


@exercise(
    "5.C",
    cases=[(3, 4), (5, 2)],
    wrong={
        ("mask[:, :source] = True", "pass"): "that is the causal mask. The source is still read "
        "from left to right: its first token should see its last.",
        (".tril()", ""): "everybody sees everything. A target token must not see what comes after "
        "it.",
        ("[:, :source]", "[:source]"): "the source sees the target: you opened rows. Rows ask, "
        "columns are looked at.",
        ("[:, :source]", "[:, :target]"): "the wrong number of columns is open. Which part of the "
        "row may everyone see?",
        ("return mask", "return ~mask"): "upside down: here True means *may attend*.",
        ("length = source + target", "length = target"): "the mask is for one row that holds both: "
        "source + target tokens.",
    },
    praise="One stack that reads both ways and writes.",
)
def prefix_mask(source, target):
    length = source + target
    mask = torch.ones(length, length, dtype=torch.bool).tril()
    mask[:, :source] = True
    return mask

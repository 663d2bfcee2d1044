"""The exercises of lab 07, fast decoding."""

import torch

from exercises.check import exercise, question


@exercise(
    "7.E",
    cases=[
        ([7, 2, 9, 4], [0, 1, 2, 3], 3, [9, 9, 4, 5], 2),
        ([5, 6, 3, 2], [1, 2, 4, 5], 4, [4, 5, 7, 4, 6, 9], 2),
        ([3, 8], [2, 3], 0, [9, 9, 1, 2, 9], 3),
        ([3, 3], [0, 1], 5, [6, 6], 3),
    ],
    wrong={
        ("token != end and ", ""): "a sentence that has chosen the end token goes on: it has "
        "ended.",
        (" and step + 1 < limits[row]", ""): "a sentence at its limit goes on. Steps count from 0: "
        "after step 0 one token is written, and `limits` tokens are all it may have.",
        ("limits[row]", "limits[place]"): "you looked up the limit of the wrong sentence. When "
        "some have left, a place in the batch is no longer the sentence's number.",
        ("step + 1 <", "step + 2 <"): "you stop a sentence one token too early: it may write "
        "`limits` tokens, and steps count from 0.",
        ("append(place)", "append(row)"): "those are the sentences' numbers. Asked for: their "
        "places in `chosen`.",
        ("append(place)", "append(token)"): "those are the tokens. Asked for: the places of those "
        "that go on.",
    },
    praise="A place in the batch and a sentence's number: two things, and a common mix-up.",
)
def who_goes_on(chosen, rows, step, limits, end):
    stay = []
    for place, (row, token) in enumerate(zip(rows, chosen, strict=True)):
        if token != end and step + 1 < limits[row]:
            stay.append(place)
    return stay


def numbered(*shape: int) -> torch.Tensor:
    """A tensor whose entries are all different."""
    return torch.arange(torch.Size(shape).numel()).float().view(shape)


@exercise(
    "7.F",
    cases=[
        (numbered(8, 2, 3, 2), numbered(4, 2, 5, 2), torch.tensor([[1, 0], [2, 2], [7, 6]])),
        (numbered(12, 1, 2, 3), numbered(4, 1, 4, 3), torch.tensor([[5, 3, 3], [6, 8, 7]])),
    ],
    wrong={
        ("memory[sentences]", "memory"): "a sentence that has left still has its memory in the "
        "batch, and from then on everyone reads somebody else's.",
        ("// rows.size(1)", "% rows.size(1)"): "the remainder tells which row *of its sentence* it "
        "is. Which sentence, that is the quotient.",
        ("// rows.size(1)", "// rows.size(0)"): "a sentence has as many rows as `rows` has "
        "*columns*; its rows are the sentences that stay.",
        ("memory[sentences]", "memory[rows.flatten() // rows.size(1)]"): "the right memories, "
        "once for each row. One copy a sentence is enough.",
        ("rows.flatten()", "rows"): "`written` has an axis too many: its rows must stand in one "
        "line again, batch · beam of them.",
        ("rows.flatten()", "rows.flatten().unique()"): "a row that is kept twice must be there "
        "twice: two beginnings grow from it.",
        ("rows.flatten()", "rows.sort().values.flatten()"): "the right rows in the wrong order: a "
        "row's cache must stand where its beginning stands.",
    },
    praise="Written: by row, in this order, doubled where it is asked for. Memory: by sentence.",
)
def moved(written, memory, rows):
    sentences = rows[:, 0] // rows.size(1)
    return written[rows.flatten()], memory[sentences]


ENDS = question(
    "7.G",
    [15, 0],
    wrong={
        (10, 0): "the second number is right. With 10 nothing is gained over it: how many go on "
        "then, and how many should?",
        (10, 5): "that holds with one end token. With two each beginning can end in two ways.",
        (15, 5): "the first number is right. Ten candidates, and ten ends that may all be among "
        "them: how many are left?",
        (20, 0): "the second number is right. The first is safe, but too large: how many can end, "
        "and how many shall go on?",
        (7, 3): "two ends in all? Each of the five beginnings can end in both ways.",
        (12, 3): "two ends in all? Each of the five beginnings can end in both ways.",
        (15, 10): "the first number is right. You counted those that end; asked is how many go on.",
    },
    praise="(Number of ends + 1) · beam: that is where the 2 comes from.",
    tolerance=0.0,
)

"""The exercises of lab 07, fast decoding."""

import torch

from exercises.check import exercise, numbered, question, then


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
        (" and step + 1 < limits[sentence]", ""): "a sentence at its limit goes on. Steps count "
        "from 0: after step 0 one token is written, and `limits` tokens are all it may have.",
        ("limits[sentence]", "limits[place]"): "you looked up the limit of the wrong sentence. "
        "When some have left, a place in the batch is no longer the sentence's number.",
        ("step + 1 <", "step + 2 <"): "you stop a sentence one token too early: it may write "
        "`limits` tokens, and steps count from 0.",
        ("append(place)", "append(sentence)"): "those are the sentences' numbers. Asked for: their "
        "places in `chosen`.",
        ("append(place)", "append(token)"): "those are the tokens. Asked for: the places of those "
        "that go on.",
    },
    praise="A place in the batch and a sentence's number: two things, and a common mix-up.",
)
def who_goes_on(chosen, sentences, step, limits, end):
    stay = []
    for place, (sentence, token) in enumerate(zip(sentences, chosen, strict=True)):
        if token != end and step + 1 < limits[sentence]:
            stay.append(place)
    return stay


def memories(sentences: int, beam: int) -> torch.Tensor:
    """A memory for each sentence, once for each of its rows."""
    return numbered(sentences, 2, 4, 2).repeat_interleave(beam, dim=0)


@then
def and_whether_it_stayed(result, written, memory, rows):
    """What the learner's function returns, and whether its memory is the one that came in."""
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise TypeError("two tensors should come back: written, memory")
    kept = isinstance(result[1], torch.Tensor) and result[1].data_ptr() == memory.data_ptr()
    return [*result, kept]


@exercise(
    "7.F",
    cases=[  # two rows of each of three sentences; three rows of each of two
        (numbered(6, 2, 3, 2), memories(3, 2), torch.tensor([1, 1, 5, 4])),
        (numbered(6, 2, 3, 2), memories(3, 2), torch.tensor([1, 0, 2, 2, 5, 4])),
        (numbered(6, 1, 2, 3), memories(2, 3), torch.tensor([5, 3, 3])),
        (numbered(6, 1, 2, 3), memories(2, 3), torch.tensor([2, 0, 0, 3, 5, 4])),
    ],
    wrong={
        (
            "    if len(rows) != len(memory):\n        memory = memory[rows]\n",
            "    memory = memory[rows]\n",
        ): "the right numbers, and too much work: at some steps the memory is copied onto itself. "
        "When may it stay as it is?",
        ("    if len(rows) != len(memory):\n        memory = memory[rows]\n", ""): "a sentence "
        "that has left still has its memory in the batch, and from then on others read it.",
        ("!=", "=="): "the memory is moved when it could stay, and stays when it must move.",
        (
            "return written[rows]",
            "return written if len(rows) == len(written) else written[rows]",
        ): "`written` stays when nobody has left. But inside a beam rows change places and are "
        "doubled, and each has written something else.",
        ("written[rows]", "written"): "`written` has not moved: a row's cache must stand where its "
        "beginning stands.",
        ("written[rows]", "written[rows.unique()]"): "a row that is kept twice must be there "
        "twice: two beginnings grow from it.",
    },
    praise="Written moves at every step; the memory when somebody has left, and only then.",
    adapt=and_whether_it_stayed,
)
def moved(written, memory, rows):
    if len(rows) != len(memory):
        memory = memory[rows]
    return written[rows], memory


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
        (15, 10): "the first number is right. You counted those that end; asked is how many go on.",
        15: "that is the first number. How many go on if a step looks at 10? Give both: [15, …].",
    },
    praise="(Number of ends + 1) · beam: that is where the 2 comes from.",
    tolerance=0.0,
)

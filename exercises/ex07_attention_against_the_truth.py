"""The exercises of lab 07, attention against the truth."""

import torch

from exercises.check import exercise, numbers, then


@exercise(
    "7.A",
    cases=[
        (
            numbers(3, 4, 4, seed=n).softmax(-1),
            torch.tensor([[1, 0, 1, 0], [0, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0]]).bool(),
        )
        for n in range(5)
    ],
    wrong={
        (("argmax(dim=-1)", "argmax(dim=-2)"), ("rows, strongest", "strongest, rows")): "you took "
        "the strongest weight of each *column*. Rows are queries: argmax over the last axis.",
        ("argmax(dim=-1)", "argmax(dim=-2)"): "your argmax runs over the target. Which *column* is "
        "strongest in each row? The source is the last axis: dim=-1.",
        ("rows, strongest", "strongest, rows"): "truth is (target, source): the row comes first, "
        "then the column that was looked at.",
        ("mean(dim=-1)", "sum(dim=-1)"): "that is the number of hits. The share is the mean over "
        "the rows.",
        ("hits.float()", "(weights * truth).sum(dim=-1)"): "you summed the weight on the aligned "
        "cells. Asked for: how often is the *strongest* weight on one.",
        ("mean(dim=-1)", "mean()"): "one share for each head: do not average over the heads.",
    },
    praise="A picture of one head persuades; a count of all heads tells.",
)
def hit_share(weights, truth):
    strongest = weights.argmax(dim=-1)  # (heads, target)
    rows = torch.arange(truth.size(0))  # (target)
    hits = truth[rows, strongest]  # (heads, target)
    return hits.float().mean(dim=-1)  # (heads)


@exercise(
    "7.B",
    cases=[
        (numbers(5, 6, seed=1).softmax(-1), [0, 0, 1, 2, -1], [0, 1, 1, 1, 2, -1]),
        (numbers(6, 4, seed=2).softmax(-1), [0, 1, 1, 1, 2, -1], [0, 0, 1, -1]),
    ],
    wrong={
        (("g < 0 or g in german[:t]", "False"), ("e >= 0", "True"), ("+=", "=")): "all three "
        "mistakes are still there. Begin with <end>: what does table[-1, …] write to?",
        ((" or g in german[:t]", ""), ("+=", "=")): "<end> is out. A cell is still overwritten "
        "where a word has several tokens: add up the columns, and keep the first row.",
        ("e >= 0", "True"): "the German <end> is skipped, the English one is not: its weight goes "
        "into the last English word, table[…, -1].",
        ("+=", "="): "each English word has only the weight of its last token: write += and not =.",
        ("german[:t]", "german[t + 1 :]"): "you kept the row of the *last* token of a German word. "
        "Its first token is the one with which the word was chosen.",
        (" or g in german[:t]", ""): "you added up the rows of a German word, too: a word of three "
        "tokens gets three times the weight. Take the row of its first token alone.",
    },
    praise="Columns add up, the first row counts, and -1 is nobody.",
)
def to_words(weights, german, english):
    table = torch.zeros(max(german) + 1, max(english) + 1)
    for t, g in enumerate(german):
        if g < 0 or g in german[:t]:  # <end>, or not the word's first token
            continue
        for s, e in enumerate(english):
            if e >= 0:
                table[g, e] += weights[t, s]
    return table


def table_of(*rows: str) -> torch.Tensor:
    return torch.tensor([[mark == "1" for mark in row] for row in rows])


@exercise(
    "7.C",
    cases=[
        (table_of("100", "010", "010", "001"), table_of("100", "011", "000", "000")),
        (table_of("1000", "0100", "0001"), table_of("1100", "0110", "1001")),
        (table_of("10", "01"), table_of("10", "01")),
    ],
    wrong={
        ("1 - ", ""): "that is how much is right. The *error* rate is 1 minus it.",
        ("2 * ", ""): "the 2 is missing: a link that is found and true stands in both tables.",
        (("2 * ", ""), (" + true.sum()", "")): "you divided by the links found alone (that is 1 − "
        "precision). Missing links cost nothing, then.",
        (("2 * ", ""), ("found.sum() + ", "")): "you divided by the true links alone (that is 1 − "
        "recall). A map that links everything would be perfect.",
        (("2 * ", ""), ("found.sum() + true.sum()", "(found | true).sum()")): "you divided by the "
        "cells that are found *or* true. AER divides by |A| + |S|, where a common link counts "
        "twice.",
        ("1 - 2 * hits / links", "(found ^ true).float().mean()"): "you counted the cells in which "
        "the tables differ and divided by all cells: empty cells are most of a table and say "
        "little.",
    },
    praise="Too many links cost, and so do missing ones.",
)
def error_rate(found, true):
    hits = (found & true).sum()
    links = found.sum() + true.sum()
    return 1 - 2 * hits / links


@then
def with_originals(found, weight, bias, head, num_heads):
    """What comes back, and what has become of the weight and the bias that were given."""
    return found, weight, bias


@exercise(
    "7.D",
    cases=[
        (numbers(6, 6, seed=3), numbers(6, seed=4), 1, 3),
        (numbers(8, 8, seed=5), numbers(8, seed=6), 0, 2),
    ],
    wrong={
        ("weight[part]", "weight[:, part]"): "you cleared *columns* of the weight. Columns are "
        "what comes in; what goes out as this head's query are *rows*.",
        (("weight[part]", "weight[:, part]"), ("bias[part] = 0", "pass")): "you cleared columns of "
        "the weight, and no bias. Outputs are *rows* of the weight, and each has a bias.",
        ("bias[part] = 0", "pass"): "the bias is left: the query is then the same for every token, "
        "but not 0.",
        ("slice(head * d_k, (head + 1) * d_k)", "head"): "one row is not enough: a head has d_k "
        "rows, from head · d_k to (head + 1) · d_k.",
        ("slice(head * d_k, (head + 1) * d_k)", "slice(head, None, num_heads)"): "you took every "
        "num_heads-th row. A head's rows stand side by side: `split` cuts blocks of d_k outputs.",
        (".clone()", ""): "the right numbers, but you wrote them into the weight and the bias that "
        "were given: the model itself is changed. Begin with .clone().",
    },
    praise="Scores of 0, the same weight for every token: the head reads, but it does not look.",
    adapt=with_originals,
)
def without_question(weight, bias, head, num_heads):
    d_k = len(weight) // num_heads
    part = slice(head * d_k, (head + 1) * d_k)
    weight, bias = weight.clone(), bias.clone()
    weight[part] = 0
    bias[part] = 0
    return weight, bias

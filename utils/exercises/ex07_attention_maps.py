"""The exercises of notebook 07's second half: attention maps held against the truth."""

import torch

from utils.checks import Exercise


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Random numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# 7.7 · predict: whose row is it?

ROW = Exercise(
    number="7.7",
    solution=["Kiste", "nicht"],
    mistakes={
        "the right two, in the wrong order: first what was fed in, then what is written.": (
            ["nicht", "Kiste"]
        ),
        "what was fed in is one row too early: row 0 is fed <start>, row 1 Der, row 2 Mann.": (
            ["nicht", ","]
        ),
        "you counted the rows from 1. Row 0 is fed <start> and writes Der.": ["die", "Kiste"],
        "a row is not fed the token that it writes: the decoder would have nothing left to do. The "
        "input is shifted right by one.": ["nicht", "nicht"],
        "a row does not write what it was fed. What comes after Kiste?": ["Kiste", "Kiste"],
        "the other way round: the input stands one step *before* what is written, not after it.": (
            [",", "nicht"]
        ),
        "these are the right two. Write them as words, without the mark _ of a space.": (
            ["_Kiste", "_nicht"]
        ),
    },
    praise="Label the rows of cross-attention with what is written.",
)


# 7.8 · count the hits


def hit_share(weights, truth):
    looked = weights.argmax(-1)  # (heads, target)
    return truth[torch.arange(len(truth)), looked].float().mean(-1)


def hits_of_columns(weights, truth):
    return truth[weights.argmax(-2), torch.arange(truth.size(1))].float().mean(-1)


def hits_transposed(weights, truth):
    return truth.T[torch.arange(len(truth)), weights.argmax(-1)].float().mean(-1)


def hits_counted(weights, truth):
    return hit_share(weights, truth) * len(truth)


def weight_on_truth(weights, truth):
    return (weights * truth).sum(-1).mean(-1)


def hits_shifted(weights, truth):
    return hit_share(weights.roll(1, -2), truth)


def hits_of_all_heads(weights, truth):
    return hit_share(weights, truth).mean()


def hits_of_true_rows(weights, truth):
    return hit_share(weights, truth) * len(truth) / truth.any(-1).sum()


def truth_found(weights, truth):
    return hit_share(weights, truth) * len(truth) / truth.sum()


def hits_of_the_mean(weights, truth):
    return hit_share(weights.mean(0, keepdim=True), truth).expand(len(weights))


HITS = Exercise(
    number="7.8",
    solution=hit_share,
    cases=[
        (
            numbers(3, 4, 4, seed=n).softmax(-1),
            torch.tensor([[1, 0, 1, 0], [0, 0, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0]]).bool(),
        )
        for n in range(5)
    ],
    mistakes={
        "you took the strongest weight of each *column*. Rows are queries: argmax over the last "
        "axis.": hits_of_columns,
        "truth is (target, source): the row comes first, then the column that was looked at.": (
            hits_transposed
        ),
        "that is the number of hits. The share is the mean over the rows.": hits_counted,
        "you summed the weight on the aligned cells. Asked for: how often is the *strongest* "
        "weight on one.": weight_on_truth,
        "the rows are shifted by one: row t of truth belongs to row t of the map.": hits_shifted,
        "one share for each head: do not average over the heads.": hits_of_all_heads,
        "you divided by the number of rows that have a link. Here all rows count: take the mean "
        "over the target length.": hits_of_true_rows,
        "you divided by the number of links. The share is one of *rows*: divide by the target "
        "length.": truth_found,
        "you averaged the maps of the heads before looking. Each head has its own strongest "
        "weights.": hits_of_the_mean,
    },
    praise="A picture of one head persuades; a count of all heads tells.",
)


# 7.9 · find the bugs: from tokens to words


def words(weights, german, english, end=True, add=True, row="first", column="sum"):
    """The mended function, and what each of its mistakes makes of it."""
    table = torch.zeros(max(german) + 1, max(english) + 1)
    for t, g in enumerate(german):
        if g < 0 and end or row == "first" and g in german[:t]:
            continue
        if row == "last" and add and g >= 0:
            table[g] = 0
        for s, e in enumerate(english):
            if e >= 0 or not end:
                table[g, e] = table[g, e] * add + weights[t, s]
    if column == "mean":
        table = table / torch.tensor([english.count(e) for e in range(max(english) + 1)])
    if row == "mean":
        table = table / torch.tensor([[german.count(g)] for g in range(max(german) + 1)])
    return table


def to_words(weights, german, english):
    return words(weights, german, english)


def words_as_broken(weights, german, english):
    return words(weights, german, english, end=False, add=False, row="last")


def words_end_kept(weights, german, english):
    return words(weights, german, english, end=False)


def words_end_and_last(weights, german, english):
    return words(weights, german, english, add=False, row="last")


def words_overwritten(weights, german, english):
    return words(weights, german, english, add=False)


def words_last_row(weights, german, english):
    return words(weights, german, english, row="last")


def words_all_rows(weights, german, english):
    return words(weights, german, english, row="all")


def words_mean_rows(weights, german, english):
    return words(weights, german, english, row="mean")


def words_mean_columns(weights, german, english):
    return words(weights, german, english, column="mean")


def words_end_row_kept(weights, german, english):
    table = to_words(weights, german, english)
    return torch.cat([table, words(weights[-1:], [0], english)])


def words_turned(weights, german, english):
    return to_words(weights, german, english).T


def words_divided(weights, german, english):
    table = to_words(weights, german, english)
    return table / table.sum(-1, keepdim=True)


WORDS = Exercise(
    number="7.9",
    solution=to_words,
    cases=[
        (numbers(5, 6, seed=1).softmax(-1), [0, 0, 1, 2, -1], [0, 1, 1, 1, 2, -1]),
        (numbers(6, 4, seed=2).softmax(-1), [0, 1, 1, 1, 2, -1], [0, 0, 1, -1]),
    ],
    mistakes={
        "all three mistakes are still there. Begin with <end>: what does table[-1, …] write to?": (
            words_as_broken
        ),
        "the sum and the first row are right. But -1 is the *last* row and column in Python: "
        "<end> still goes into the last word. Skip it on both sides.": words_end_kept,
        "<end> is out. A cell is still overwritten where a word has several tokens: add up the "
        "columns, and keep the first row.": words_end_and_last,
        "each English word has only the weight of its last token: write += and not =.": (
            words_overwritten
        ),
        "you kept the row of the *last* token of a German word. Its first token is the one with "
        "which the word was chosen.": words_last_row,
        "you added up the rows of a German word, too: a word of three tokens gets three times the "
        "weight. Take the row of its first token alone.": words_all_rows,
        "you took the mean of a German word's rows. That is a fair choice, but asked for is the "
        "row of its first token.": words_mean_rows,
        "you took the mean over an English word's tokens. Together they say how much of the word "
        "was read: add them up.": words_mean_columns,
        "<end> still has a row at the bottom. It is no word: leave its row out.": (
            words_end_row_kept
        ),
        "rows and columns are swapped: (German words, English words).": words_turned,
        "you made each row sum to 1 again. Leave it: what went to <end> is no word's.": (
            words_divided
        ),
    },
    praise="Columns add up, the first row counts, and -1 is nobody.",
)


# 7.10 · the alignment error rate


def error_rate(found, true):
    return 1 - 2 * (found & true).sum() / (found.sum() + true.sum())


def table_of(*rows: str) -> torch.Tensor:
    return torch.tensor([[mark == "1" for mark in row] for row in rows])


RATE = Exercise(
    number="7.10",
    solution=error_rate,
    cases=[
        (table_of("100", "010", "010", "001"), table_of("100", "011", "000", "000")),
        (table_of("1000", "0100", "0001"), table_of("1100", "0110", "1001")),
        (table_of("10", "01"), table_of("10", "01")),
    ],
    mistakes={
        "that is how much is right. The *error* rate is 1 minus it.": (
            lambda found, true: 2 * (found & true).sum() / (found.sum() + true.sum())
        ),
        "the 2 is missing: a link that is found and true stands in both tables.": (
            lambda found, true: 1 - (found & true).sum() / (found.sum() + true.sum())
        ),
        "you divided by the links found alone (that is 1 − precision). Missing links cost "
        "nothing, then.": lambda found, true: 1 - (found & true).sum() / found.sum(),
        "you divided by the true links alone (that is 1 − recall). A map that links everything "
        "would be perfect.": lambda found, true: 1 - (found & true).sum() / true.sum(),
        "you divided by the cells that are found *or* true. AER divides by |A| + |S|, where a "
        "common link counts twice.": (
            lambda found, true: 1 - (found & true).sum() / (found | true).sum()
        ),
        "you counted the cells in which the tables differ and divided by all cells: empty cells "
        "are most of a table and say little.": lambda found, true: (found ^ true).float().mean(),
        "you counted cells that are found *or* true. A hit is found *and* true: &.": (
            lambda found, true: 1 - 2 * (found | true).sum() / (found.sum() + true.sum())
        ),
    },
    praise="Too many links cost, and so do missing ones.",
)


# 7.11 · a head without a question


def without_question(weight, bias, head, num_heads):
    return silenced(weight, bias, head, num_heads)


def silenced(weight, bias, head, num_heads, rows=True, biases=True, first=None, last=None, put=0.0):
    d_k = len(weight) // num_heads
    part = slice(head * d_k if first is None else first, (head + 1) * d_k if last is None else last)
    weight, bias = weight.clone(), bias.clone()
    if rows:
        weight[part] = put
    else:
        weight[:, part] = put
    if biases:
        bias[part] = put
    return weight, bias


def question_columns(weight, bias, head, num_heads):
    return silenced(weight, bias, head, num_heads, rows=False)


def question_columns_no_bias(weight, bias, head, num_heads):
    return silenced(weight, bias, head, num_heads, rows=False, biases=False)


def question_bias_forgotten(weight, bias, head, num_heads):
    return silenced(weight, bias, head, num_heads, biases=False)


def question_bias_alone(weight, bias, head, num_heads):
    return weight, silenced(weight, bias, head, num_heads)[1]


def question_one_row(weight, bias, head, num_heads):
    return silenced(weight, bias, head, num_heads, first=head, last=head + 1)


def question_interleaved(weight, bias, head, num_heads):
    weight, bias = weight.clone(), bias.clone()
    weight[head::num_heads], bias[head::num_heads] = 0, 0
    return weight, bias


def question_ones(weight, bias, head, num_heads):
    return silenced(weight, bias, head, num_heads, put=1.0)


def question_all_heads(weight, bias, head, num_heads):
    return torch.zeros_like(weight), torch.zeros_like(bias)


def question_others(weight, bias, head, num_heads):
    zero_weight, zero_bias = silenced(weight, bias, head, num_heads)
    return weight - zero_weight, bias - zero_bias


def question_next_head(weight, bias, head, num_heads):
    d_k = len(weight) // num_heads
    return silenced(weight, bias, head, num_heads, first=(head + 1) * d_k, last=(head + 2) * d_k)


def question_width(weight, bias, head, num_heads):
    first = head * num_heads
    return silenced(weight, bias, head, num_heads, first=first, last=first + num_heads)


def question_in_place(weight, bias, head, num_heads):
    for old, new in zip((weight, bias), silenced(weight, bias, head, num_heads), strict=True):
        old.copy_(new)
    return weight, bias


def with_originals(answer):
    """What comes back, and whether the weight and the bias that were given are as before."""

    def call(weight, bias, head, num_heads):
        before = weight.clone(), bias.clone()
        found = answer(weight, bias, head, num_heads)
        if found is None or found is ...:
            return found
        return [found, torch.equal(weight, before[0]) and torch.equal(bias, before[1])]

    return call


QUESTION = Exercise(
    number="7.11",
    solution=without_question,
    adapt=with_originals,
    cases=[
        (numbers(6, 6, seed=3), numbers(6, seed=4), 1, 3),
        (numbers(8, 8, seed=5), numbers(8, seed=6), 0, 2),
    ],
    mistakes={
        "you cleared *columns* of the weight. Columns are what comes in; what goes out as this "
        "head's query are *rows*.": question_columns,
        "you cleared columns of the weight, and no bias. Outputs are *rows* of the weight, and "
        "each has a bias.": question_columns_no_bias,
        "the bias is left: the query is then the same for every token, but not 0.": (
            question_bias_forgotten
        ),
        "you cleared the bias alone: the weight's rows still ask.": question_bias_alone,
        "one row is not enough: a head has d_k rows, from head · d_k to (head + 1) · d_k.": (
            question_one_row
        ),
        "you took every num_heads-th row. A head's rows stand side by side: `split` cuts blocks of "
        "d_k outputs.": question_interleaved,
        "you put ones there. A query of 0 gives scores of 0; ones do not.": question_ones,
        "you cleared all heads. The others must stay as they are.": question_all_heads,
        "the other way round: you cleared all heads but this one.": question_others,
        "that is the next head: heads are counted from 0, so this one begins at head · d_k.": (
            question_next_head
        ),
        "the right numbers, but you wrote them into the weight and the bias that were given: the "
        "model itself is changed. Begin with .clone().": question_in_place,
        "your block is num_heads rows wide. A head has d_k = d_model / num_heads rows.": (
            question_width
        ),
    },
    praise="Scores of 0, the same weight for every token: the head reads, but it does not look.",
)


# 7.12 · the blank cell: write and look


class Tables:
    """A model made of tables: what the last token and the number of tokens so far call for."""

    def __init__(self, vocab: int, source: int, end: int, stops: int, seed: int) -> None:
        self.scores = numbers(vocab, 40, vocab, seed=seed)  # (last token, ids so far, next)
        self.scores[..., end] = self.scores.mean(-1)  # neither the likeliest nor the least likely
        self.scores[:, stops, end] = 10.0
        self.rows = numbers(vocab, 40, source, seed=seed + 1).softmax(-1)

    def __call__(self, ids: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        place = (ids[-1], len(ids))
        return self.scores[place], self.rows[place]

    def __repr__(self) -> str:
        return "a model made of tables"


def write_and_look(
    step,
    start,
    end,
    limit,
    keep_end=False,
    keep_start=False,
    late=False,
    least=False,
    lists=False,
    end_row=False,
    turned=False,
    again=False,
    listed=False,
    extra=0,
):
    ids, rows = [start], []
    for _ in range(limit + extra):
        scores, weights = step(ids[:1] if again else ids)
        token = int((-scores if least else scores).argmax())
        if late:
            _, weights = step([*ids, token])
        if token != end or keep_end or end_row:
            rows.append(weights)
        if token != end or keep_end:
            ids.append(token)
        if token == end:
            break
    if listed:
        return [ids[1:], rows]
    rows = torch.stack(rows)
    rows = rows.T if turned else rows
    return [ids if keep_start else ids[1:], rows.argmax(-1) if lists else rows]


def write_wrong(**how):
    """One mistake in the solution."""
    return lambda step, start, end, limit: write_and_look(step, start, end, limit, **how)


HEART = Exercise(
    number="7.12",
    solution=write_wrong(),
    cases=[
        (Tables(vocab=7, source=4, end=2, stops=6, seed=11), 1, 2, 20),
        (Tables(vocab=9, source=5, end=3, stops=4, seed=21), 0, 3, 8),
        (Tables(vocab=6, source=3, end=2, stops=30, seed=31), 1, 2, 5),
    ],
    mistakes={
        "the end token is among the ids, and its row in the map. It ends the loop, no more.": (
            write_wrong(keep_end=True)
        ),
        "the start token came back: it was given, not written.": write_wrong(keep_start=True),
        "the map has a row too many: the one with which the end token was chosen. Keep a row only "
        "together with its token.": write_wrong(end_row=True),
        "each row belongs to the *next* token: you looked after the token had been appended. The "
        "row of a token is the one that came with its scores.": write_wrong(late=True),
        "you took the *least* likely token.": write_wrong(least=True),
        "you gave the place where each row looked most. Asked for are the rows themselves.": (
            write_wrong(lists=True)
        ),
        "the rows are still a list: torch.stack makes one tensor of them, (ids, source).": (
            write_wrong(listed=True)
        ),
        "the map is turned: rows are tokens written, columns are source tokens.": (
            write_wrong(turned=True)
        ),
        "`step` saw the start token alone each time. Hand it all ids so far.": (
            write_wrong(again=True)
        ),
        "one token too many when no end comes: `limit` counts the tokens written, without the "
        "start token.": write_wrong(extra=1),
        "one token too few when no end comes: `limit` counts the tokens written, without the "
        "start token.": write_wrong(extra=-1),
    },
    praise="Ask, choose, append, ask again: you can write a translator from nothing.",
)


EXERCISES = [ROW, HITS, WORDS, RATE, QUESTION, HEART]

"""The exercises of lab 08, real weights."""

import torch
import torch.nn.functional as F

from exercises.check import exercise, numbered, then


@exercise(
    "8.A",
    cases=[(numbered(3, 6),), (numbered(5, 8),), (numbered(1, 2),)],
    wrong={
        (
            "[encoding[:, 0::2], encoding[:, 1::2]]",
            "[encoding[:, 1::2], encoding[:, 0::2]]",
        ): "the cosines stand before the sines. In a pair of neighbours the sine comes first.",
        (
            "torch.cat([encoding[:, 0::2], encoding[:, 1::2]], dim=1)",
            "torch.cat(encoding.chunk(2, dim=1), dim=1)",
        ): "nothing has moved: half of the columns and the other half, in the order they had. The "
        "sines stand in every *second* column.",
        (
            "torch.cat([encoding[:, 0::2], encoding[:, 1::2]], dim=1)",
            "torch.stack(encoding.chunk(2, dim=1), dim=-1).flatten(1)",
        ): "that is the way back, from Marian's order to yours.",
        (
            "[encoding[:, 0::2], encoding[:, 1::2]], dim=1",
            "[encoding[0::2], encoding[1::2]]",
        ): "you take every second *row*, that is every second position. Rows are positions, "
        "columns are angles.",
        ("encoding[:, 1::2]", "encoding[:, 1::2].flip(1)"): "the sines are right. The cosines "
        "stand backwards: they too go from the fastest angle to the slowest.",
    },
    praise="The same numbers in other places, and the trained matrices know every place.",
)
def sines_before_cosines(encoding):
    return torch.cat([encoding[:, 0::2], encoding[:, 1::2]], dim=1)


@exercise(
    "8.B",
    cases=[(numbered(5, 3), 4), (numbered(4, 2), 0), (numbered(6, 2), 2)],
    wrong={
        ("table[pad : pad + 1]", "table[-1:]"): "you copy the table's last row. Padding's id is "
        "`pad`, which need not be the last.",
        ("table[pad : pad + 1]", "torch.zeros_like(table[:1])"): "the new row is zero. In the real "
        "model padding's row is zero, too, but here it is a copy that is asked for.",
        ("[table, table[pad : pad + 1]]", "[table[pad : pad + 1], table]"): "the new row stands "
        "first, so every other id has moved by one.",
        ("[table, table[pad : pad + 1]]", "[table[:-1], table[pad : pad + 1]]"): "the last row has "
        "gone: the table has as many rows as before. The start needs one more.",
        ("[table, table[pad : pad + 1]]", "[table[: pad + 1], table[pad:]]"): "the copy stands "
        "right behind padding, so every id after it has moved by one.",
    },
    praise="The start has padding's vector and another number, so no mask hides it.",
)
def one_row_more(table, pad):
    return torch.cat([table, table[pad : pad + 1]])


@then
def by_their_product(result, x, table, bias):
    """The product of what the learner's function returns; ValueError for another shape."""
    two = isinstance(result, (tuple, list)) and len(result) == 2
    if not two or not all(isinstance(part, torch.Tensor) for part in result):
        raise TypeError("two tensors should come back: the new x and the new table")
    wide, columns = result
    right = (*x.shape[:-1], x.size(-1) + 1), (len(table), table.size(1) + 1)
    if (wide.shape, columns.shape) != right:
        raise ValueError(
            f"for x {tuple(x.shape)} and a table {tuple(table.shape)} the new ones should be "
            f"{right[0]} and {right[1]}, not {tuple(wide.shape)} and {tuple(columns.shape)}"
        )
    return wide @ columns.mT


@exercise(
    "8.C",
    cases=[
        (numbered(2, 3) / 5, numbered(4, 3) / 7, torch.tensor([0.5, -2.0, 3.0, 0.25])),
        (numbered(2, 3, 2) / 9, numbered(5, 2) / 3, torch.tensor([1.0, 0.0, -1.0, 4.0, 2.0])),
    ],
    wrong={
        ("value=1.0", "value=0.0"): "x has a 0 behind its numbers, and 0 times the bias is "
        "nothing: the product is what it was.",
        ("[table, bias[:, None]]", "[table, torch.ones_like(bias)[:, None]]"): "the column of the "
        "table holds ones: 1 is added to every score. The 1 belongs to x, the biases to the table.",
        ("[table, bias[:, None]]", "[bias[:, None], table]"): "the biases stand in the first "
        "column and the 1 behind the last number: each meets a partner that is not its own.",
        ("(0, 1)", "(1, 0)"): "the 1 stands before the numbers of x and the biases in the last "
        "column: each meets a partner that is not its own.",
        ("bias[:, None]", "-bias[:, None]"): "the biases are subtracted.",
        ("x = F.pad(x, (0, 1), value=1.0)", "x = F.pad(x, (0, 1), value=x.size(-1) ** 0.5)"): "the "
        "bias is multiplied by √d_model. That factor belongs to a row that is read, not to the "
        "scores.",
    },
    praise="A bias is a weight on an input that is always 1.",
    adapt=by_their_product,
)
def one_column_more(x, table, bias):
    x = F.pad(x, (0, 1), value=1.0)
    return x, torch.cat([table, bias[:, None]], dim=1)


def or_its_error(words_of):
    """What the learner's function returns, or that it raised ValueError."""

    def call(pieces, words):
        try:
            return words_of(pieces, words)
        except ValueError as error:
            if "".join(pieces).replace("▁", "") == "".join(words):
                said = f"raised for {pieces} and {words}, whose letters agree: {error}"
                raise ValueError(said).with_traceback(error.__traceback__) from None
            return "ValueError"

    return call


@exercise(
    "8.D",
    cases=[
        (["▁The", "▁bo", "x", "."], ["The", "box", "."]),
        (["▁The", "▁bo", "x."], ["The", "box", "."]),
        (["▁", "We", "▁d", "▁", "it", ",", "▁", "too"], ["We", "d", "it", ",", "too"]),
        (["▁Er", "▁geht", ",▁", "weil"], ["Er", "geht", ",", "weil"]),
        (["▁in", "▁in", "▁in"], ["in", "in", "in"]),
        (["▁The", "▁cat"], ["The", "dog"]),
        (["▁The"], ["The", "dog"]),
    ],
    wrong={
        (
            "owner[place - 1] if piece else owner[place]",
            "owner[min(place, len(owner) - 1)]",
        ): "`place` stands already behind the piece: you look up the letter that comes next.",
        (
            "        place += len(piece)\n        found.append(owner[place - 1] if piece else "
            "owner[place])\n",
            "        found.append(owner[place])\n        place += len(piece)\n",
        ): "a piece with letters of two words got the word of its first letter; asked for is the "
        "word of its last.",
        ("owner[place - 1] if piece else owner[place]", "owner[place - 1]"): "a piece without "
        "letters got the word before it. It begins the word that follows.",
        (
            "    letters = [piece.replace",
            "    return [max(0, sum(p.startswith('▁') for p in pieces[: n + 1]) - 1) "
            "for n in range(len(pieces))]\n    letters = [piece.replace",
        ): "you count the signs that stand for spaces. A comma or a full stop "
        "is a word of its own, without a space before it.",
        (
            '    if "".join(letters) != "".join(words):\n'
            '        raise ValueError("pieces and words have different letters")\n',
            "",
        ): "with the pieces of one sentence and the words of another it counts on, and says "
        "nothing. Compare the letters first.",
        (
            "found.append(owner[place - 1] if piece else owner[place])",
            "found.append(1 + (owner[place - 1] if piece else owner[place]))",
        ): "the words are counted from 1; here from 0.",
    },
    praise="Letter by letter: no tokenizer's rules are needed.",
    adapt=or_its_error,
)
def words_of(pieces, words):
    letters = [piece.replace("▁", "") for piece in pieces]
    if "".join(letters) != "".join(words):
        raise ValueError("pieces and words have different letters")
    owner = [number for number, word in enumerate(words) for _ in word]
    found, place = [], 0
    for piece in letters:
        place += len(piece)
        found.append(owner[place - 1] if piece else owner[place])
    return found

"""The exercises of notebook 03, heads."""

import torch
from torch import Tensor, nn

from exercises.check import exercise, question, then
from exercises.weights import with_weights
from transformer.attention import attention, causal_mask, padding_mask
from transformer.heads import MultiHeadAttention


def mixing(subject: tuple[float, float], other: tuple[float, float]) -> Tensor:
    """W^O (4, 4): how much of head 1 and of head 2 the subject takes, and how much the object."""
    return torch.kron(torch.tensor([*zip(subject, other, strict=True)]), torch.eye(2))


FOUR = (4 / 3, -2.0), (-1 / 3, 3.0)

MIXING = question(
    "3.1",
    mixing((4 / 3, -1 / 3), (-2, 3)),
    wrong={
        mixing((1.5, -0.5), (-0.5, 1.5)): "that is the matrix for weights of ¾ and ¼. These two "
        "heads blend otherwise: write the two equations anew.",
        mixing((4 / 3, -1 / 3), (-2, 3)).T: "these are the right numbers, but rows and columns are "
        "exchanged. The *column* of an output number says what it is made of; a *row* says where "
        "one number of a head goes.",
        mixing((0.9, 0.1), (0.6, 0.4)): "these are the weights of the heads. They blend, and your "
        "matrix has to take the blends apart.",
        mixing((-2, 3), (4 / 3, -1 / 3)): "the object comes out first and the subject second: it "
        "should be the other way round.",
        FOUR: "these are the right numbers, one for each head and noun. But a head has two "
        "numbers, and so has a noun, and each has its own place: write four rows of four.",
        torch.kron(torch.eye(2), torch.tensor(FOUR)): "the right numbers in the wrong places. What "
        "comes in is both numbers of head 1, then both of head 2, and what goes out is both "
        "numbers of the subject, then both of the object.",
    },
    tolerance=0.005,
    praise="With its minus signs it takes apart what the heads have blended.",
)


SWAPPED_SIZES = ("(num_heads, -1)", "(-1, num_heads)")


@exercise(
    "3.2",
    cases=[
        (torch.arange(12).view(1, 3, 4), 2),
        (torch.arange(60).view(2, 5, 6), 3),
        (torch.arange(48.0).view(2, 3, 8), 2),
    ],
    wrong={
        (".transpose(1, 2)", ".reshape(len(x), num_heads, x.size(1), -1)"): "the shape is right, "
        "but the numbers are scrambled: a plain reshape fills head 0 with the first tokens. First "
        "cut the last dimension into (heads, d_k), then transpose.",
        (".transpose(1, 2)", ""): "you cut the last dimension well, and stop at (batch, length, "
        "heads, d_k). Now transpose length and heads.",
        (SWAPPED_SIZES, ("transpose(1, 2)", "permute(0, 3, 1, 2)")): "head 0 takes every "
        "num_heads-th number. It should take the first d_k numbers in a row: cut the last "
        "dimension into (num_heads, d_k), in this order.",
        SWAPPED_SIZES: "you cut the last dimension into (d_k, num_heads): as many heads as a head "
        "should have numbers. It is (num_heads, d_k).",
        ("transpose(1, 2)", "permute(2, 0, 1, 3)"): "the heads come first, before the batch. The "
        "shape should be (batch, heads, length, d_k).",
    },
    praise="Each head keeps all tokens, and a slice of every token.",
)
def split_heads(x, num_heads):
    return x.unflatten(-1, (num_heads, -1)).transpose(1, 2)  # (batch, heads, length, d_k)


def bare_case(batch: int, length: int, d_model: int, num_heads: int) -> tuple:
    """x, four linear layers and num_heads; the learner's own random numbers stay as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(d_model)
        x = torch.randn(batch, length, d_model)
        return x, *(nn.Linear(d_model, d_model) for _ in range(4)), num_heads


SPLIT, MERGE = ".unflatten(-1, (num_heads, -1)).transpose(1, 2)", "heads.transpose(1, 2).flatten(2)"


@exercise(
    "3.3",
    cases=[bare_case(1, 3, 4, 2), bare_case(2, 5, 12, 3)],
    wrong={
        (MERGE, "heads.reshape(x.shape)"): "the heads are glued together as in the function above: "
        "a reshape counts the numbers off head by head. Each word has to collect its numbers from "
        "all heads first.",
        (".transpose(1, 2)", ""): "the words are cut, but the heads stand behind the length, so "
        "each word compares its own heads. Bring the heads before the length first.",
        (SPLIT, ".view(len(x), num_heads, len(x[0]), -1)"): "the split mixes the words up: one "
        "view fills head 0 with the first words. Cut the last dimension, then transpose.",
        (SPLIT, "[:, None]"): "that is one head of full width: num_heads changes nothing. Split "
        "queries, keys and values into heads.",
        ("w_o(heads", "(heads"): "the last step is missing: what the heads found goes through w_o.",
        ("split(w_k(x)), split(w_v(x))", "split(w_v(x)), split(w_k(x))"): "keys and values have "
        "changed places: attention takes queries, keys, values.",
    },
    praise="This is multi-head attention, without a loop.",
)
def multi_head(x, w_q, w_k, w_v, w_o, num_heads):
    def split(x):
        return x.unflatten(-1, (num_heads, -1)).transpose(1, 2)  # (batch, heads, length, d_k)

    heads, _ = attention(split(w_q(x)), split(w_k(x)), split(w_v(x)))
    return w_o(heads.transpose(1, 2).flatten(2))  # (batch, length, d_model)


@then
def broadcast(made, source, target):
    """Every mask at its full size, so that any shape that broadcasts to it is welcome."""
    if not isinstance(made, (tuple, list)) or len(made) != 3:
        return made
    (batch, s), t = source.shape, target.size(1)
    full = [(batch, 1, s, s), (batch, 1, t, t), (batch, 1, t, s)]
    return tuple(expand(mask, shape) for mask, shape in zip(made, full, strict=True))


def expand(mask, shape: tuple[int, ...]):
    try:
        return torch.broadcast_to(mask, shape)
    except (RuntimeError, TypeError, AttributeError):
        return mask


@exercise(
    "3.4",
    cases=[
        (torch.tensor([[5, 6, 7, 2], [8, 2, 0, 0]]), torch.tensor([[1, 4, 9], [1, 3, 0]])),
        (torch.tensor([[5, 2], [8, 2]]), torch.tensor([[1, 4, 9, 9, 0], [1, 3, 0, 0, 0]])),
    ],
    wrong={
        ("decoder, padding_mask(source)", "decoder, padding_mask(target)"): "the third mask covers "
        "the target's padding. In cross-attention the keys are the source's words, so hide the "
        "source's padding.",
        ("padding_mask(target) & ", ""): "the decoder's own mask hides the future but not the "
        "padding of the target. Combine both with &.",
        (" & causal_mask(target.size(1))", ""): "the decoder's own mask hides the padding but not "
        "the future. Combine it with causal_mask.",
        ("encoder = ", "encoder = causal_mask(source.size(1)) & "): "the encoder may look in both "
        "directions: no causal mask there.",
        (" & ", " | "): "a word must be real and not in the future: both at once, so & and not |.",
        ("decoder, ", "decoder, padding_mask(target).mT & "): "in the third mask you also hide "
        "everything from the target's padding, its rows. Hide only columns: the source's padding.",
    },
    praise="Ask only who the keys are: the mask follows from them.",
    adapt=broadcast,
)
def three_masks(source, target):
    encoder = padding_mask(source)  # (batch, 1, 1, S)
    decoder = padding_mask(target) & causal_mask(target.size(1))  # (batch, 1, T, T)
    return encoder, decoder, padding_mask(source)


def layer_case(batch: int, queries: int, keys: int, d_model: int, num_heads: int, mask) -> tuple:
    """Query, key and value are three different tensors: who is asked must not be mixed up."""
    generator = torch.Generator().manual_seed(d_model)
    sizes = (queries, keys, keys)
    inputs = [torch.randn(batch, n, d_model, generator=generator) for n in sizes]
    return (d_model, num_heads), (*inputs, mask)


# Even the wrong way round, each query has a key: what a row of −∞ gives differs (NaN or 0)
PADDED = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0]]).bool()[:, None, None]  # (2, 1, 1, 5)
NEIGHBOURS = (torch.eye(4) + torch.eye(4).roll(1, 1)).bool()  # (4, 4): itself and the next

BLANK_CELL = exercise(
    "3.5",
    cases=[
        layer_case(2, 4, 6, 8, 2, None),
        layer_case(2, 5, 5, 12, 3, PADDED),
        layer_case(1, 4, 4, 16, 2, NEIGHBOURS),
    ],
    wrong={
        ("self.w_o(heads", "(heads"): "the last step is missing: the concatenated heads go through "
        "the fourth layer, W^O.",
        ("self.w_q(x)", "self.w_q(x) / self.num_heads**0.5"): "you divide by √d_model. Inside a "
        "head a query has only d_k = d_model / num_heads numbers, so divide by √d_k.",
        ("self.w_q(x)", "self.w_q(x) * self.d_k**0.5"): "the scores are not divided by √d_k.",
        ("d_k)).transpose(1, 2)", "d_k)).reshape(len(x), self.num_heads, -1, self.d_k)"): "the "
        "heads are cut by a plain reshape, which mixes tokens up. Unflatten the last dimension, "
        "then transpose.",
        ("heads.transpose(1, 2).flatten(2)", "heads.reshape(x.shape)"): "the heads are glued "
        "together without bringing the length back to the front: transpose(1, 2) before you "
        "flatten.",
        ("mask, dropout)", "None if mask is None else ~mask, dropout)"): "the mask is used the "
        "wrong way round: True means may attend, so fill where it is False.",
        ("self.w_v(value)", "self.w_v(key)"): "the values are made from `key`. Here `value` is "
        "another tensor: put that through w_v.",
    },
    praise="You know multi-head attention by heart.",
    adapt=with_weights(MultiHeadAttention),
)(MultiHeadAttention)

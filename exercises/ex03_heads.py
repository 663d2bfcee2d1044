"""The exercises of notebook 03, heads."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

from exercises.check import exercise, question
from exercises.weights import with_weights
from transformer.attention import causal_mask, padding_mask
from transformer.heads import MultiHeadAttention

MIXTURE = question(
    "3.1",
    [4 / 3, -1 / 3],
    wrong={
        (1.5, -0.5): "those are the numbers for weights of ¾ and ¼. These two heads blend "
        "otherwise: write the two equations anew.",
        (4.0, -1.0): "the object is gone, but you have the subject more than once. Count how "
        "often, then divide both numbers.",
        (-4 / 3, 1 / 3): "both signs are wrong: this gives minus the subject.",
        (-1 / 3, 4 / 3): "these are the right numbers in the other order: head 1 comes first.",
        (4 / 3, -2.0): "you took one equation for each head. Take one for each noun: how often "
        "does the subject come out of both heads together, and how often the object?",
        (-2.0, 3.0): "that leaves the object alone. The question is for the subject.",
    },
    tolerance=0.005,
    praise="The second head is there to take the object out again.",
)


class Head(nn.Module):
    """The three layers of one head, under the notebook's names."""

    def __init__(self, d_model: int, d_k: int) -> None:
        super().__init__()
        self.w_q = nn.Linear(d_model, d_k)
        self.w_k = nn.Linear(d_model, d_k)
        self.w_v = nn.Linear(d_model, d_k)


def measured(make: Callable) -> Callable:
    """What can be counted about a list of heads: are they modules, how many, how wide, how many
    parameters, and the rank of their stacked matrices."""

    def measure(d_model: int, num_heads: int) -> list | None:
        torch.manual_seed(0)
        heads = make(d_model, num_heads)
        if heads is None or heads is ...:
            return None
        width = heads[0].w_q.out_features
        counts = [isinstance(heads, nn.Module), len(heads), width]
        counts.append(len({id(weight) for head in heads for weight in head.parameters()}))
        for name in ("w_q", "w_k", "w_v"):
            stacked = torch.cat([getattr(head, name).weight for head in heads])
            counts.append(int(torch.linalg.matrix_rank(stacked)))
        return counts

    return measure


def copies_of_one_head(d_model, num_heads):
    head = Head(d_model, d_model // num_heads)
    return nn.ModuleList(deepcopy(head) for _ in range(num_heads))


ONE_FOR_ALL = ("Head(d_model, d_k) for _ in range(num_heads)", "[Head(d_model, d_k)] * num_heads")


@exercise(
    "3.2",
    cases=[(16, 4), (12, 3)],
    wrong={
        ONE_FOR_ALL: "the list holds the same Head object again and again. A list does not copy "
        "what is in it: call Head(…) once for each head.",
        copies_of_one_head: "now there are several objects, but each is a copy of the first with "
        "the same numbers, so all of them ask the same question. Call Head(…) once for each head; "
        "every call draws new numbers.",
        ("nn.ModuleList", "list"): "a plain Python list hides its modules: their parameters would "
        "not be trained or saved. Put the heads into nn.ModuleList.",
        (ONE_FOR_ALL, ("nn.ModuleList", "list")): "a plain list, and in it the same Head object "
        "again and again: call Head(…) once for each head, and put them into nn.ModuleList.",
        ("d_model // num_heads", "num_heads"): "each head is num_heads numbers wide. A head should "
        "be d_model // num_heads wide.",
        ("d_model // num_heads", "d_model"): "each head is d_model numbers wide. A head should be "
        "d_model // num_heads wide, so that all of them together are d_model wide.",
    },
    praise="Every head has matrices of its own, so the heads can look for different things.",
    adapt=measured,
)
def make_heads(d_model, num_heads):
    d_k = d_model // num_heads
    return nn.ModuleList(Head(d_model, d_k) for _ in range(num_heads))


SWAPPED_SIZES = ("(num_heads, -1)", "(-1, num_heads)")


@exercise(
    "3.3",
    cases=[
        (torch.arange(12).view(1, 3, 4), 2),
        (torch.arange(60).view(2, 5, 6), 3),
        (torch.arange(48.0).view(2, 3, 8), 2),
    ],
    wrong={
        (".transpose(1, 2)", ".reshape(len(x), num_heads, x.size(1), -1)"): "the shape is right, "
        "but the numbers are scrambled: a plain reshape fills head 0 with the first tokens. First "
        "unflatten the last dimension into (heads, d_k), then transpose.",
        (".transpose(1, 2)", ""): "you cut the last dimension well, and stop at (batch, length, "
        "heads, d_k). Now transpose length and heads.",
        (SWAPPED_SIZES, ("transpose(1, 2)", "permute(0, 3, 1, 2)")): "head 0 takes every "
        "num_heads-th number. It should take the first d_k numbers in a row: unflatten into "
        "(num_heads, d_k), in this order.",
        SWAPPED_SIZES: "you cut the last dimension into (d_k, num_heads): as many heads as a head "
        "should have numbers. It is (num_heads, d_k).",
        ("transpose(1, 2)", "permute(2, 0, 1, 3)"): "the heads come first, before the batch. The "
        "shape should be (batch, heads, length, d_k).",
    },
    praise="Each head keeps all tokens, and a slice of every token.",
)
def split_heads(x, num_heads):
    return x.unflatten(-1, (num_heads, -1)).transpose(1, 2)  # (batch, heads, length, d_k)


@exercise(
    "3.4",
    cases=[
        (torch.arange(12).view(1, 3, 2, 2).transpose(1, 2),),
        (torch.arange(120).view(2, 3, 5, 4),),
        (torch.arange(48.0).view(2, 2, 3, 4),),
    ],
    wrong={
        ("transpose(1, 2).flatten(2)", "reshape(heads.size(0), heads.size(2), -1)"): "still as "
        "broken as it was: a reshape counts the numbers off head by head. Each token has to "
        "collect its numbers from all heads first.",
        (".transpose(1, 2)", ""): "you flattened the last two dimensions, but those are still "
        "length and d_k. Bring heads and d_k together first.",
        (".flatten(2)", ""): "the right dimensions have changed places, but the heads are still "
        "apart: flatten the last two.",
        ("transpose(1, 2).flatten(2)", "mT.reshape(heads.size(0), heads.size(2), -1)"): "you "
        "transposed length and d_k. The two that must change places are heads and length.",
        ("transpose(1, 2)", "permute(0, 2, 3, 1)"): "each token takes one number from every head "
        "in turn. It should take all numbers of head 0, then all of head 1.",
    },
    praise="Transpose, then flatten: the split, step by step in reverse.",
)
def merge_heads(heads):
    return heads.transpose(1, 2).flatten(2)  # (batch, length, d_model)


def broadcast(make: Callable) -> Callable:
    """Every mask at its full size, so that any shape that broadcasts to it is welcome."""

    def masks(source: Tensor, target: Tensor):
        made = make(source, target)
        if not isinstance(made, (tuple, list)) or len(made) != 3:
            return made
        batch, s, t = source.size(0), source.size(1), target.size(1)
        full = [(batch, 1, s, s), (batch, 1, t, t), (batch, 1, t, s)]
        return tuple(expand(mask, shape) for mask, shape in zip(made, full, strict=True))

    return masks


def expand(mask, shape: tuple[int, ...]):
    try:
        return torch.broadcast_to(mask, shape)
    except (RuntimeError, TypeError, AttributeError):
        return mask


@exercise(
    "3.5",
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
    "3.6",
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
    },
    praise="You know multi-head attention by heart.",
    adapt=with_weights(MultiHeadAttention),
)(MultiHeadAttention)

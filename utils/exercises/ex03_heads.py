"""Notebook 03: several heads, how they are cut apart and put together, and their masks."""

import math
from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

from utils.checks import Exercise


class Head(nn.Module):
    """The three matrices of one head, as the notebook's own Head names them."""

    def __init__(self, d_model: int, d_k: int) -> None:
        super().__init__()
        self.w_q = nn.Linear(d_model, d_k)
        self.w_k = nn.Linear(d_model, d_k)
        self.w_v = nn.Linear(d_model, d_k)


# 3.1 find the bug: heads that share their weights


def make_heads(d_model: int, num_heads: int) -> nn.ModuleList:
    return nn.ModuleList(Head(d_model, d_model // num_heads) for _ in range(num_heads))


def one_head_repeated(d_model: int, num_heads: int) -> nn.ModuleList:
    return nn.ModuleList([Head(d_model, d_model // num_heads)] * num_heads)


def copies_of_one_head(d_model: int, num_heads: int) -> nn.ModuleList:
    head = Head(d_model, d_model // num_heads)
    return nn.ModuleList(deepcopy(head) for _ in range(num_heads))


def plain_list(d_model: int, num_heads: int) -> list[Head]:
    return list(make_heads(d_model, num_heads))


def plain_list_of_one(d_model: int, num_heads: int) -> list[Head]:
    return [Head(d_model, d_model // num_heads)] * num_heads


def heads_as_wide_as_many(d_model: int, num_heads: int) -> nn.ModuleList:
    return nn.ModuleList(Head(d_model, num_heads) for _ in range(num_heads))


def one_head_short(d_model: int, num_heads: int) -> nn.ModuleList:
    return make_heads(d_model, num_heads)[:-1]


def full_width_heads(d_model: int, num_heads: int) -> nn.ModuleList:
    return nn.ModuleList(Head(d_model, d_model) for _ in range(num_heads))


def shared_values(d_model: int, num_heads: int) -> nn.ModuleList:
    heads = make_heads(d_model, num_heads)
    for head in heads:
        head.w_v = heads[0].w_v
    return heads


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


# 3.2 write the line that cuts the heads apart


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    batch, length, d_model = x.shape
    return x.view(batch, length, num_heads, d_model // num_heads).transpose(1, 2)


def split_by_plain_reshape(x: Tensor, num_heads: int) -> Tensor:
    batch, length, d_model = x.shape
    return x.reshape(batch, num_heads, length, d_model // num_heads)


def split_without_transpose(x: Tensor, num_heads: int) -> Tensor:
    return x.unflatten(-1, (num_heads, -1))


def split_interleaved(x: Tensor, num_heads: int) -> Tensor:
    return x.unflatten(-1, (-1, num_heads)).permute(0, 3, 1, 2)


def split_heads_first(x: Tensor, num_heads: int) -> Tensor:
    return torch.stack(x.chunk(num_heads, dim=-1))


# 3.4 the masks of the three places


def padding(ids: Tensor) -> Tensor:
    return (ids != 0)[:, None, None, :]


def causal(ids: Tensor) -> Tensor:
    return torch.ones(ids.size(1), ids.size(1), dtype=torch.bool).tril()


def three_masks(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return padding(source), padding(target) & causal(target), padding(source)


def target_padding_for_cross(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return padding(source), padding(target) & causal(target), padding(target)


def causal_without_padding(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return padding(source), causal(target), padding(source)


def padding_without_causal(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return padding(source), padding(target), padding(source)


def causal_in_the_encoder(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return padding(source) & causal(source), padding(target) & causal(target), padding(source)


def future_instead_of_past(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return padding(source), padding(target) & causal(target).T, padding(source)


def rows_of_padding(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    s, t = padding(source), padding(target)
    return s & s.mT, t & t.mT & causal(target), s & t.mT


def cross_rows_of_padding(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    encoder, decoder, _ = three_masks(source, target)
    return encoder, decoder, padding(source) & padding(target).mT


def decoder_first(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    encoder, decoder, cross = three_masks(source, target)
    return decoder, encoder, cross


def or_for_and(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return padding(source), padding(target) | causal(target), padding(source)


def inverted(source: Tensor, target: Tensor) -> tuple[Tensor, ...]:
    return tuple(~mask for mask in three_masks(source, target))


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


# 3.5 multi-head attention from memory


def multi_head(
    query, memory, w_q, w_k, w_v, w_o, num_heads, mask,
    *, divide_by=None, split=split_heads, merge=True, dim=-1, masked="where", project=True,
) -> Tensor:  # fmt: skip
    """The solution, with a switch for every mistake."""
    q, k, v = (split(x @ w, num_heads) for x, w in ((query, w_q), (memory, w_k), (memory, w_v)))
    scores = q @ k.transpose(-2, -1) / math.sqrt(divide_by or q.size(-1))
    if mask is not None and masked != "ignored":
        scores = scores.masked_fill(mask if masked == "inverted" else ~mask, -math.inf)
    heads = scores.softmax(dim) @ v
    heads = heads.transpose(1, 2) if merge else heads
    concatenated = heads.reshape(query.shape)
    return concatenated @ w_o if project else concatenated


def variant(**switches) -> Callable:
    return lambda *arguments: multi_head(*arguments, **switches)


def transposed_matrices(query, memory, w_q, w_k, w_v, w_o, *rest) -> Tensor:
    return multi_head(query, memory, w_q.T, w_k.T, w_v.T, w_o.T, *rest)


def one_wide_head(query, memory, w_q, w_k, w_v, w_o, num_heads, mask) -> Tensor:
    return multi_head(query, memory, w_q, w_k, w_v, w_o, 1, mask)


def scaled_by_d_model(query, *arguments) -> Tensor:
    return multi_head(query, *arguments, divide_by=query.size(-1))


def memory_case(batch: int, queries: int, keys: int, d_model: int, num_heads: int, mask) -> tuple:
    generator = torch.Generator().manual_seed(d_model)
    query, memory = (torch.randn(batch, n, d_model, generator=generator) for n in (queries, keys))
    matrices = [torch.randn(d_model, d_model, generator=generator) / 2 for _ in range(4)]
    return (query, memory, *matrices, num_heads, mask)


SHORT_MEMORY = torch.tensor([[1] * 6, [1] * 3 + [0] * 3]).bool()[:, None, None]  # (2, 1, 1, 6)

EXERCISES = [
    Exercise(
        number="3.1",
        solution=make_heads,
        adapt=measured,
        cases=[(16, 4), (12, 3)],
        mistakes={
            "the list holds the same Head object again and again. A list does not copy what is in "
            "it: call Head(…) once for each head.": one_head_repeated,
            "now there are several objects, but each is a copy of the first with the same numbers, "
            "so all of them ask the same question. Call Head(…) once for each head; every call "
            "draws new numbers.": copies_of_one_head,
            "a plain Python list hides its modules: their parameters would not be trained or "
            "saved. Put the heads into nn.ModuleList.": plain_list,
            "a plain list, and in it the same Head object again and again: call Head(…) once for "
            "each head, and put them into nn.ModuleList.": plain_list_of_one,
            "each head is num_heads numbers wide. A head should be d_model // num_heads wide.": (
                heads_as_wide_as_many
            ),
            "there is one head too few: num_heads of them, please.": one_head_short,
            "each head is d_model numbers wide. A head should be d_model // num_heads wide, so "
            "that all of them together are d_model wide.": full_width_heads,
            "the heads ask different questions but share W^V, so they all report the same values. "
            "Each head needs three matrices of its own.": shared_values,
        },
        praise="Every head has matrices of its own, so the heads can look for different things.",
    ),
    Exercise(
        number="3.2",
        solution=split_heads,
        cases=[
            (torch.arange(12).view(1, 3, 4), 2),
            (torch.arange(60).view(2, 5, 6), 3),
            (torch.arange(48.0).view(2, 3, 8), 2),
        ],
        mistakes={
            "the shape is right, but the numbers are scrambled: a plain reshape fills head 0 with "
            "the first tokens. First unflatten the last dimension into (heads, d_k), then "
            "transpose.": split_by_plain_reshape,
            "you cut the last dimension well, and stop at (batch, length, heads, d_k). Now "
            "transpose length and heads.": split_without_transpose,
            "head 0 takes every num_heads-th number. It should take the first d_k numbers in a "
            "row: unflatten into (num_heads, d_k), in this order.": split_interleaved,
            "the heads come first, before the batch. The shape should be (batch, heads, length, "
            "d_k).": split_heads_first,
        },
        praise="Each head keeps all tokens, and a slice of every token.",
    ),
    Exercise(
        number="3.3",
        solution=1_050_624,
        mistakes={
            "those are the four matrices. Each nn.Linear also has 512 biases.": 1_048_576,
            "that is queries, keys and values. W^O counts too.": 787_968,
            "that is without biases, and without W^O.": 786_432,
            "you counted eight heads of full width. Each head is only 64 numbers wide, so its "
            "matrices are 512 × 64.": 8_404_992,
            "that is eight full-width heads, without biases. Each head is only 64 numbers wide, "
            "so its matrices are 512 × 64.": 8_388_608,
            "that is one matrix with its bias. There are four of that size: W^Q, W^K, W^V and "
            "W^O.": 262_656,
        },
        tolerance=1e-9,
        praise="Four square matrices and four biases: the number of heads does not appear at all.",
    ),
    Exercise(
        number="3.4",
        solution=three_masks,
        adapt=broadcast,
        cases=[
            (torch.tensor([[5, 6, 7, 2], [8, 2, 0, 0]]), torch.tensor([[1, 4, 9], [1, 3, 0]])),
            (torch.tensor([[5, 2], [8, 2]]), torch.tensor([[1, 4, 9, 9, 0], [1, 3, 0, 0, 0]])),
        ],
        mistakes={
            "the third mask covers the target's padding. In cross-attention the keys are the "
            "source's words, so hide the source's padding.": target_padding_for_cross,
            "the decoder's own mask hides the future but not the padding of the target. Combine "
            "both with &.": causal_without_padding,
            "the decoder's own mask hides the padding but not the future. Combine it with "
            "causal_mask.": padding_without_causal,
            "the encoder may look in both directions: no causal mask there.": causal_in_the_encoder,
            "the causal mask is upside down: position i may look at 0 … i, not at i and what "
            "follows.": future_instead_of_past,
            "a word must be real and not in the future: both at once, so & and not |.": or_for_and,
            "you also hide everything from the padding's own rows. Hide only columns: the keys "
            "that are padding.": rows_of_padding,
            "in the third mask you also hide everything from the target's padding, its rows. Hide "
            "only columns: the source's padding.": cross_rows_of_padding,
            "the order is different: encoder first, then decoder, then cross.": decoder_first,
            "all three are inverted: in this course True means may attend.": inverted,
        },
        praise="Ask only who the keys are: the mask follows from them.",
    ),
    Exercise(
        number="3.5",
        solution=multi_head,
        cases=[
            memory_case(2, 5, 5, 8, 2, None),
            memory_case(2, 4, 6, 12, 3, SHORT_MEMORY),
            memory_case(1, 4, 4, 16, 4, torch.ones(4, 4, dtype=torch.bool).tril()),
        ],
        mistakes={
            "the last step is missing: multiply by W^O.": variant(project=False),
            "you divide by √d_model. Inside a head a query has only d_k = d_model / num_heads "
            "numbers, so divide by √d_k.": scaled_by_d_model,
            "you multiply by the matrices turned over. They are used as they are: x @ "
            "w.": transposed_matrices,
            "this is one head of full width: split queries, keys and values into "
            "num_heads.": one_wide_head,
            "the scores are not divided by √d_k.": variant(divide_by=1),
            "the heads are cut by a plain reshape, which mixes tokens up. Unflatten the last "
            "dimension, then transpose.": variant(split=split_by_plain_reshape),
            "the heads are glued together without bringing the length back to the front: "
            "transpose(1, 2) before you flatten.": variant(merge=False),
            "each row of weights should sum to 1, so softmax runs over dim=-1, the "
            "keys.": variant(dim=-2),
            "the mask is not used: where it is False, the score is −∞.": variant(masked="ignored"),
            "the mask is used the wrong way round: True means may attend, so fill where it is "
            "False.": variant(masked="inverted"),
        },
        praise="You know multi-head attention by heart.",
    ),
]  # fmt: skip

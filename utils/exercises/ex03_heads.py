"""Notebook 03: several heads, how they are cut apart and put together, and their masks."""

import math
from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

from utils.checks import Exercise
from utils.copied import with_weights


class Head(nn.Module):
    """One head, as the notebook has it: it returns its report and its weights."""

    def __init__(self, d_model: int, d_k: int) -> None:
        super().__init__()
        self.w_q = nn.Linear(d_model, d_k)
        self.w_k = nn.Linear(d_model, d_k)
        self.w_v = nn.Linear(d_model, d_k)

    def forward(self, query, key, value, mask=None) -> tuple[Tensor, Tensor]:
        q, k, v = self.w_q(query), self.w_k(key), self.w_v(value)
        scores = q @ k.mT / math.sqrt(q.size(-1))
        scores = scores if mask is None else scores.masked_fill(~mask, -math.inf)
        weights = scores.softmax(dim=-1)
        return weights @ v, weights


# 3.2 mend the TypeError: concatenate what the heads report


def both_parts(heads, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    reports, weights = zip(*(head(x, x, x) for head in heads), strict=True)
    return list(reports), list(weights)


def reports(heads, x: Tensor) -> list[Tensor]:
    return both_parts(heads, x)[0]


def concatenate_heads(heads, x: Tensor) -> Tensor:
    return torch.cat(reports(heads, x), dim=-1)


def concatenated_weights(heads, x: Tensor) -> Tensor:
    return torch.cat(both_parts(heads, x)[1], dim=-1)


def stacked_heads(heads, x: Tensor) -> Tensor:
    return torch.stack(reports(heads, x))


def stacked_at_the_end(heads, x: Tensor) -> Tensor:
    return torch.stack(reports(heads, x), dim=-1)


def heads_behind_each_other(heads, x: Tensor) -> Tensor:
    return torch.cat(reports(heads, x), dim=1)


def heads_as_a_batch(heads, x: Tensor) -> Tensor:
    return torch.cat(reports(heads, x), dim=0)


def summed_heads(heads, x: Tensor) -> Tensor:
    return sum(reports(heads, x))


def averaged_heads(heads, x: Tensor) -> Tensor:
    return sum(reports(heads, x)) / len(heads)


def first_head_only(heads, x: Tensor) -> Tensor:
    return reports(heads, x)[0]


def first_sentence_only(heads, x: Tensor) -> Tensor:
    return concatenate_heads(heads, x)[0]


def first_pair_only(heads, x: Tensor) -> Tensor:
    return torch.cat(heads[0](x, x, x), dim=-1)


def heads_case(batch: int, length: int, d_model: int, num_heads: int) -> tuple:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(d_model)
        heads = nn.ModuleList(Head(d_model, d_model // num_heads) for _ in range(num_heads))
        return heads, torch.randn(batch, length, d_model)


# 3.3 find the bug: heads that share their weights


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


# 3.4 write the line that cuts the heads apart


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


def split_sizes_swapped(x: Tensor, num_heads: int) -> Tensor:
    return x.unflatten(-1, (-1, num_heads)).transpose(1, 2)


def split_heads_first(x: Tensor, num_heads: int) -> Tensor:
    return torch.stack(x.chunk(num_heads, dim=-1))


# 3.5 find the bug: heads that are glued together in the wrong order


def merge_heads(heads: Tensor) -> Tensor:
    return heads.transpose(1, 2).flatten(2)


def merge_by_plain_reshape(heads: Tensor) -> Tensor:
    batch, num_heads, length, d_k = heads.shape
    return heads.reshape(batch, length, num_heads * d_k)


def flatten_alone(heads: Tensor) -> Tensor:
    return heads.flatten(2)


def transpose_alone(heads: Tensor) -> Tensor:
    return heads.transpose(1, 2)


def merge_transposed_behind(heads: Tensor) -> Tensor:
    return heads.mT.reshape(heads.size(0), heads.size(2), -1)


def merge_interleaved(heads: Tensor) -> Tensor:
    return heads.permute(0, 2, 3, 1).flatten(2)


def merge_length_first(heads: Tensor) -> Tensor:
    return heads.permute(2, 0, 1, 3).flatten(2)


# 3.7 silence one head


def without_head(weight: Tensor, head: int, num_heads: int) -> Tensor:
    d_k = weight.size(1) // num_heads
    silenced = weight.clone()
    silenced[:, head * d_k : (head + 1) * d_k] = 0.0
    return silenced


def without_rows(weight: Tensor, head: int, num_heads: int) -> Tensor:
    return without_head(weight.T, head, num_heads).T


def changed_in_place(weight: Tensor, head: int, num_heads: int) -> Tensor:
    return weight.copy_(without_head(weight, head, num_heads))


def every_nth_column(weight: Tensor, head: int, num_heads: int) -> Tensor:
    silenced = weight.clone()
    silenced[:, head::num_heads] = 0.0
    return silenced


def one_column(weight: Tensor, head: int, num_heads: int) -> Tensor:
    silenced = weight.clone()
    silenced[:, head] = 0.0
    return silenced


def slices_of_num_heads(weight: Tensor, head: int, num_heads: int) -> Tensor:
    silenced = weight.clone()
    silenced[:, head * num_heads : (head + 1) * num_heads] = 0.0
    return silenced


def slices_of_64(weight: Tensor, head: int, num_heads: int) -> Tensor:
    silenced = weight.clone()
    silenced[:, head * 64 : (head + 1) * 64] = 0.0
    return silenced


def head_after(weight: Tensor, head: int, num_heads: int) -> Tensor:
    return without_head(weight, head + 1, num_heads)


def head_before(weight: Tensor, head: int, num_heads: int) -> Tensor:
    return without_head(weight, head - 1, num_heads) if head else weight.clone()


def only_that_head(weight: Tensor, head: int, num_heads: int) -> Tensor:
    return weight - without_head(weight, head, num_heads)


def with_the_original(silence: Callable) -> Callable:
    """The learner's matrix, and beside it what has become of the one they were handed."""

    def both(weight: Tensor, head: int, num_heads: int) -> tuple[Tensor, Tensor] | None:
        silenced = silence(weight, head, num_heads)
        return silenced if silenced is None or silenced is ... else (silenced, weight)

    return both


# 3.8 the masks of the three places


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


# 3.9 the whole layer from memory


class MultiHeadByHeart(nn.Module):
    """The solution; `switches` turns on one mistake."""

    def __init__(self, d_model: int, num_heads: int, **switches) -> None:
        super().__init__()
        self.num_heads, self.switches = num_heads, switches
        self.w_q, self.w_k = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)
        self.w_v, self.w_o = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        heads = attended(self, query, key, value, mask, **self.switches)
        return heads if self.switches.get("no_output") else self.w_o(heads)


def attended(
    layer,
    query,
    key,
    value,
    mask,
    *,
    no_output=False,
    divide_by=None,
    split=split_heads,
    merge=True,
    dim=-1,
    masked="where",
    heads=None,
    source="own",
) -> Tensor:
    key = query if source == "query" else key
    value = {"query": query, "key": key}.get(source, value)
    projected = (layer.w_q(query), layer.w_k(key), layer.w_v(value))
    q, k, v = (split(x, heads or layer.num_heads) for x in projected)
    scores = q @ k.mT / math.sqrt(divide_by(layer) if divide_by else q.size(-1))
    if mask is not None and masked == "zeros":
        scores = scores * mask
    elif mask is not None and masked != "ignored":
        scores = scores.masked_fill(mask if masked == "inverted" else ~mask, -math.inf)
    found = scores.softmax(dim) @ v
    return (found.transpose(1, 2) if merge else found).reshape(query.shape)


def variant(**switches) -> Callable:
    return lambda *arguments: MultiHeadByHeart(*arguments, **switches)


def layer_case(batch: int, queries: int, keys: int, d_model: int, num_heads: int, mask) -> tuple:
    """Query, key and value are three different tensors: who is asked must not be mixed up."""
    generator = torch.Generator().manual_seed(d_model)
    sizes = (queries, keys, keys)
    inputs = [torch.randn(batch, n, d_model, generator=generator) for n in sizes]
    return (d_model, num_heads), (*inputs, mask)


SHORT_MEMORY = torch.tensor([[1] * 5, [1] * 3 + [0] * 2]).bool()[:, None, None]  # (2, 1, 1, 5)
NEIGHBOURS = (torch.eye(4) + torch.eye(4).roll(1, 1)).bool()  # (4, 4): itself and the next

EXERCISES = [
    Exercise(
        number="3.1",
        solution=torch.tensor([4 / 3, -1 / 3]),
        mistakes={
            "those are the numbers for weights of ¾ and ¼. These two heads blend otherwise: write "
            "the two equations anew.": torch.tensor([1.5, -0.5]),
            "that is head 1 as it is, and a tenth of it is still the object.": (
                torch.tensor([1.0, 0.0])
            ),
            "the object is gone, but you have the subject more than once. Count how often, then "
            "divide both numbers.": torch.tensor([4.0, -1.0]),
            "the object is gone, but only a part of the subject is left. Count how much, then "
            "divide both numbers.": torch.tensor([0.4, -0.1]),
            "both signs are turned over: this gives minus the subject.": (
                torch.tensor([-4 / 3, 1 / 3])
            ),
            "these are the right numbers in the other order: head 1 comes first.": (
                torch.tensor([-1 / 3, 4 / 3])
            ),
            "with two positive numbers the object can only grow. One of them has to be "
            "negative.": torch.tensor([4 / 3, 1 / 3]),
            "you took one equation for each head. Take one for each noun: how often does the "
            "subject come out of both heads together, and how often the object?": (
                torch.tensor([4 / 3, -2.0])
            ),
            "that leaves the object alone. The question is for the subject.": (
                torch.tensor([-2.0, 3.0])
            ),
        },
        tolerance=0.005,
        praise="The second head is there to take the object out again.",
    ),
    Exercise(
        number="3.2",
        solution=concatenate_heads,
        cases=[heads_case(2, 5, 8, 2), heads_case(3, 4, 9, 3), heads_case(1, 3, 8, 4)],
        mistakes={
            "you concatenated the second thing that each head returns: its weights. The report is "
            "the first.": concatenated_weights,
            "torch.stack makes a new dimension for the heads. Side by side means: the last "
            "dimension grows, and no dimension is added.": stacked_heads,
            "torch.stack, also at the end, makes a new dimension. torch.cat makes an old one "
            "longer.": stacked_at_the_end,
            "the heads stand behind each other along the sentence, as if it had more words. Each "
            "word should get more numbers: the last dimension.": heads_behind_each_other,
            "the heads stand behind each other along the batch, as if there were more sentences. "
            "Each word should get more numbers: the last dimension.": heads_as_a_batch,
            "you added the reports up, so nobody can tell any more which head said what. Put them "
            "side by side.": summed_heads,
            "you averaged the reports, and a blend is what several heads should avoid. Put them "
            "side by side.": averaged_heads,
            "that is the report of the first head alone. Take [0] of what each head returns, not "
            "of the list.": first_head_only,
            "you concatenated the two things that the first head returns, its report and its "
            "weights. Take [0] of what each head returns.": first_pair_only,
            "you kept only the first sentence of the batch: one [0] too many.": (
                first_sentence_only
            ),
        },
        praise="A head returns a pair, and only its first half goes on.",
    ),
    Exercise(
        number="3.3",
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
        number="3.4",
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
            "you cut the last dimension into (d_k, num_heads): as many heads as a head should "
            "have numbers. It is (num_heads, d_k).": split_sizes_swapped,
            "the heads come first, before the batch. The shape should be (batch, heads, length, "
            "d_k).": split_heads_first,
        },
        praise="Each head keeps all tokens, and a slice of every token.",
    ),
    Exercise(
        number="3.5",
        solution=merge_heads,
        cases=[
            (torch.arange(12).view(1, 3, 2, 2).transpose(1, 2),),
            (torch.arange(120).view(2, 3, 5, 4),),
            (torch.arange(48.0).view(2, 2, 3, 4),),
        ],
        mistakes={
            "still as broken as it was: a reshape counts the numbers off head by head. Each token "
            "has to collect its numbers from all heads first.": merge_by_plain_reshape,
            "you flattened the last two dimensions, but those are still length and d_k. Bring "
            "heads and d_k together first.": flatten_alone,
            "the right dimensions have changed places, but the heads are still apart: flatten the "
            "last two.": transpose_alone,
            "you transposed length and d_k. The two that must change places are heads and "
            "length.": merge_transposed_behind,
            "each token takes one number from every head in turn. It should take all numbers of "
            "head 0, then all of head 1.": merge_interleaved,
            "the length comes before the batch. The shape should be (batch, length, "
            "d_model).": merge_length_first,
        },
        praise="Transpose, then flatten: the split, step by step in reverse.",
    ),
    Exercise(
        number="3.6",
        solution=1_050_624,
        mistakes={
            "those are the four matrices. Each nn.Linear also has 512 biases.": 1_048_576,
            "that is queries, keys and values. W^O counts too.": 787_968,
            "that is without biases, and without W^O.": 786_432,
            "you counted eight heads of full width. Each head is only 64 numbers wide, so its "
            "matrices are 512 × 64.": 8_404_992,
            "that is eight full-width heads, without biases. Each head is only 64 numbers wide, "
            "so its matrices are 512 × 64.": 8_388_608,
            "you counted W^Q, W^K and W^V for one head alone. There are eight heads.": 361_152,
            "that is one matrix with its bias. There are four of that size: W^Q, W^K, W^V and "
            "W^O.": 262_656,
        },
        tolerance=1e-9,
        praise="Four square matrices and four biases: the number of heads does not appear at all.",
    ),
    Exercise(
        number="3.7",
        solution=without_head,
        adapt=with_the_original,
        cases=[
            (torch.arange(1.0, 65).view(8, 8), 1, 2),
            (torch.arange(1.0, 145).view(12, 12), 0, 4),
            (torch.arange(1.0, 145).view(12, 12), 2, 6),
        ],
        mistakes={
            "you silenced rows. nn.Linear stores (out, in), and a head's report comes *in*: so "
            "its slice is columns.": without_rows,
            "the matrix that you were handed has changed as well. Make a copy first, or the head "
            "stays silent for ever.": changed_in_place,
            "you took every num_heads-th column. A head's columns stand next to each "
            "other.": every_nth_column,
            "you silenced a single column. A head reports d_k numbers, so d_k columns belong to "
            "it.": one_column,
            "your slices are num_heads wide. They should be d_k = d_model / num_heads "
            "wide.": slices_of_num_heads,
            "your slices are 64 wide, as in the paper's size. Work d_k out from the size of "
            "`weight` and num_heads.": slices_of_64,
            "you silenced the head after it: heads are counted from 0.": head_after,
            "you silenced the head before it: heads are counted from 0.": head_before,
            "you kept this head and silenced all others. It is the other way round.": (
                only_that_head
            ),
        },
        praise="Its slice of W^O is zero, so whatever the head reports, nobody hears it.",
    ),
    Exercise(
        number="3.8",
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
        number="3.9",
        solution=MultiHeadByHeart,
        adapt=with_weights(MultiHeadByHeart),
        cases=[
            layer_case(2, 4, 6, 8, 2, None),
            layer_case(2, 5, 5, 12, 3, SHORT_MEMORY),
            layer_case(1, 4, 4, 16, 2, NEIGHBOURS),
        ],
        mistakes={
            "the last step is missing: the concatenated heads go through the fourth "
            "layer, W^O.": variant(no_output=True),
            "you divide by √d_model. Inside a head a query has only d_k = d_model / num_heads "
            "numbers, so divide by √d_k.": variant(divide_by=lambda layer: layer.w_q.in_features),
            "the scores are not divided by √d_k.": variant(divide_by=lambda layer: 1),
            "you divide by √num_heads. The scores are sums of d_k products: divide by "
            "√d_k.": variant(divide_by=lambda layer: layer.num_heads),
            "this is one head of full width: split queries, keys and values into "
            "num_heads.": variant(heads=1),
            "the heads are cut by a plain reshape, which mixes tokens up. Unflatten the last "
            "dimension, then transpose.": variant(split=split_by_plain_reshape),
            "the heads are glued together without bringing the length back to the front: "
            "transpose(1, 2) before you flatten.": variant(merge=False),
            "each row of weights should sum to 1, so softmax runs over dim=-1, the keys.": variant(
                dim=-2
            ),
            "the mask is not used: where it is False, the score is −∞.": variant(masked="ignored"),
            "the mask is used the wrong way round: True means may attend, so fill where it is "
            "False.": variant(masked="inverted"),
            "you set masked scores to 0, and softmax gives a score of 0 a weight like any other. "
            "Use −∞.": variant(masked="zeros"),
            "the values are made from `key`. There is a third argument, `value`.": variant(
                source="key"
            ),
            "everything is made from `query`. Keys and values have arguments of their "
            "own.": variant(source="query"),
        },
        praise="You know multi-head attention by heart.",
    ),
]

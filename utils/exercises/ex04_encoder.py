"""Exercises of notebook 04: positions, entrance, sizes, norm, layer, stack, the blank cell."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor, nn

from utils.checks import Exercise
from utils.copied import with_weights
from utils.exercises.ex03_heads import MultiHeadByHeart

# 4.1 One row of the positional encoding


def wiggle(position: int, d_model: int) -> Tensor:
    angles = position / 10_000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten()


def wiggle_slow(position: int, d_model: int) -> Tensor:
    angles = position / 10_000 ** (torch.arange(d_model // 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten()


def wiggle_fast(position: int, d_model: int) -> Tensor:
    angles = position / 10_000 ** (2 * torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten()


def wiggle_unpaired(position: int, d_model: int) -> Tensor:
    angles = position / 10_000 ** (torch.arange(d_model) / d_model)
    return torch.where(torch.arange(d_model) % 2 == 0, angles.sin(), angles.cos())


def wiggle_halves(position: int, d_model: int) -> Tensor:
    pairs = wiggle(position, d_model)
    return torch.cat([pairs[0::2], pairs[1::2]])


def wiggle_swapped(position: int, d_model: int) -> Tensor:
    return wiggle(position, d_model).unflatten(0, (-1, 2)).flip(1).flatten()


def wiggle_growing(position: int, d_model: int) -> Tensor:
    angles = position * 10_000 ** (torch.arange(0, d_model, 2) / d_model)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten()


def wiggle_by_dimension(position: int, d_model: int) -> Tensor:
    angles = position / 10_000 ** (2 * torch.arange(d_model) / d_model)
    return torch.where(torch.arange(d_model) % 2 == 0, angles.sin(), angles.cos())


def wiggle_degrees(position: int, d_model: int) -> Tensor:
    angles = (position / 10_000 ** (torch.arange(0, d_model, 2) / d_model)).deg2rad()
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten()


# 4.2 The mended entrance


def entrance(ids: Tensor, table: Tensor, encoding: Tensor) -> Tensor:
    return table[ids] * table.size(1) ** 0.5 + encoding[: ids.size(1)]


def entrance_still_broken(ids: Tensor, table: Tensor, encoding: Tensor) -> Tensor:
    return (table[ids] + encoding[: ids.size(0)]) * table.size(1) ** 0.5


def places_stretched(ids: Tensor, table: Tensor, encoding: Tensor) -> Tensor:
    return (table[ids] + encoding[: ids.size(1)]) * table.size(1) ** 0.5


def places_by_batch(ids: Tensor, table: Tensor, encoding: Tensor) -> Tensor:
    return table[ids] * table.size(1) ** 0.5 + encoding[: ids.size(0)]


def places_alone_stretched(ids: Tensor, table: Tensor, encoding: Tensor) -> Tensor:
    return table[ids] + encoding[: ids.size(1)] * table.size(1) ** 0.5


def not_stretched(ids: Tensor, table: Tensor, encoding: Tensor) -> Tensor:
    return table[ids] + encoding[: ids.size(1)]


def stretched_without_root(ids: Tensor, table: Tensor, encoding: Tensor) -> Tensor:
    return table[ids] * table.size(1) + encoding[: ids.size(1)]


def shrunk(ids: Tensor, table: Tensor, encoding: Tensor) -> Tensor:
    return table[ids] / table.size(1) ** 0.5 + encoding[: ids.size(1)]


def stretched_by_vocabulary(ids: Tensor, table: Tensor, encoding: Tensor) -> Tensor:
    return table[ids] * table.size(0) ** 0.5 + encoding[: ids.size(1)]


def places_from_one(ids: Tensor, table: Tensor, encoding: Tensor) -> Tensor:
    return table[ids] * table.size(1) ** 0.5 + encoding[1 : ids.size(1) + 1]


def places_by_word(ids: Tensor, table: Tensor, encoding: Tensor) -> Tensor:
    return table[ids] * table.size(1) ** 0.5 + encoding[ids]


def entrance_case(ids: list[list[int]], vocabulary: int, d_model: int) -> tuple:
    generator = torch.Generator().manual_seed(d_model)
    encoding = torch.stack([wiggle(position, d_model) for position in range(12)])  # (12, d_model)
    return torch.tensor(ids), torch.randn(vocabulary, d_model, generator=generator), encoding


# 4.5 The mended LayerNorm


def normalise(
    x: Tensor, dim: int = -1, correction: int = 0, eps: float = 0.0, late_eps: float = 0.0
) -> Tensor:
    variance, mean = torch.var_mean(x, dim=dim, correction=correction, keepdim=True)
    return (x - mean) / ((variance + eps).sqrt() + late_eps)


def divided_by_variance(x: Tensor, eps: float) -> Tensor:
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return (x - mean) / (variance + eps)


def over_the_sentence(x: Tensor, eps: float) -> Tensor:
    return normalise(x.flatten(1), eps=eps).reshape(x.shape)


def eps_to_the_deviation(x: Tensor, eps: float) -> Tensor:
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return (x - mean) / (variance.sqrt() + eps).sqrt()


EPS = 1e-5
NUMBERS = torch.tensor(
    [
        [[1.0, 2.0, 3.0, 6.0], [0.5, -1.0, 2.0, 0.0], [4.0, 1.0, -3.0, 2.5]],
        [[-2.0, 7.0, 1.0, 0.0], [1.0, 1.5, -0.5, 3.0], [0.0, 2.0, 2.5, -4.0]],
    ]
)  # (2, 3, 4)

# 4.6 The layer from memory


def given(layer: Callable) -> Callable:
    """Call a learner's layer with parts that are easy to tell apart: none undoes another, and the
    two norms differ in what they do."""

    def attend(x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True) + 0.5 * x.flip(-1)

    def feed_forward(x: Tensor) -> Tensor:
        return (x - 0.3).relu() * 2

    def norm1(x: Tensor) -> Tensor:
        return normalise(x, eps=EPS) * 1.5

    def norm2(x: Tensor) -> Tensor:
        return normalise(x, eps=EPS) + 0.25

    return lambda x: layer(x, attend, feed_forward, norm1, norm2)


def post_norm(x, attend, feed_forward, norm1, norm2):
    x = norm1(x + attend(x))
    return norm2(x + feed_forward(x))


def pre_norm(x, attend, feed_forward, norm1, norm2):
    x = x + attend(norm1(x))
    return x + feed_forward(norm2(x))


def no_skips(x, attend, feed_forward, norm1, norm2):
    return norm2(feed_forward(norm1(attend(x))))


def no_norms(x, attend, feed_forward, norm1, norm2):
    x = x + attend(x)
    return x + feed_forward(x)


def feed_forward_first(x, attend, feed_forward, norm1, norm2):
    return post_norm(x, feed_forward, attend, norm1, norm2)


def attention_alone(x, attend, feed_forward, norm1, norm2):
    return norm1(x + attend(x))


def norms_swapped(x, attend, feed_forward, norm1, norm2):
    return post_norm(x, attend, feed_forward, norm2, norm1)


def first_skip_missing(x, attend, feed_forward, norm1, norm2):
    x = norm1(attend(x))
    return norm2(x + feed_forward(x))


def second_skip_missing(x, attend, feed_forward, norm1, norm2):
    return norm2(feed_forward(norm1(x + attend(x))))


def skip_from_start(x, attend, feed_forward, norm1, norm2):
    return norm2(x + feed_forward(norm1(x + attend(x))))


def norm_inside(x, attend, feed_forward, norm1, norm2):
    x = x + norm1(attend(x))
    return x + norm2(feed_forward(x))


def one_norm_twice(x, attend, feed_forward, norm1, norm2):
    return post_norm(x, attend, feed_forward, norm1, norm1)


# 4.7 The stack


def stack(make_layer: Callable, num_layers: int) -> nn.ModuleList:
    return nn.ModuleList(make_layer() for _ in range(num_layers))


def one_layer_shared(make_layer: Callable, num_layers: int) -> nn.ModuleList:
    return nn.ModuleList([make_layer()] * num_layers)


def plain_list(make_layer: Callable, num_layers: int) -> list:
    return [make_layer() for _ in range(num_layers)]


def plain_list_shared(make_layer: Callable, num_layers: int) -> list:
    return [make_layer()] * num_layers


def copies(make_layer: Callable, num_layers: int) -> nn.ModuleList:
    layer = make_layer()
    return nn.ModuleList(deepcopy(layer) for _ in range(num_layers))


def one_too_many(make_layer: Callable, num_layers: int) -> nn.ModuleList:
    return stack(make_layer, num_layers + 1)


def one_too_few(make_layer: Callable, num_layers: int) -> nn.ModuleList:
    return stack(make_layer, num_layers - 1)


def stacked(answer: Callable) -> Callable:
    """What a stack comes to: its length, the numbers it can learn, its different starts."""

    def call(num_layers: int, size: int) -> list[int] | None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(size)
            layers = answer(partial(nn.Linear, size, size), num_layers)
        if layers is None or layers is ...:
            return None
        known = layers.parameters() if isinstance(layers, nn.Module) else []
        starts = {layer.weight[0, 0].item() for layer in layers}
        return [len(layers), sum(parameter.numel() for parameter in known), len(starts)]

    return call


# 4.8 Parameters of a layer


def layer_size(d_model: int, d_ff: int) -> int:
    attention = 4 * (d_model * d_model + d_model)
    feed_forward = d_model * d_ff + d_ff + d_ff * d_model + d_model
    return attention + feed_forward + 2 * 2 * d_model


# 4.9 The blank cell


class LayerByHeart(nn.Module):
    """The solution; `forward_by` may replace its forward by one with a mistake."""

    def __init__(self, d_model, num_heads, d_ff, norm_first, forward_by=None) -> None:
        super().__init__()
        self.attention = MultiHeadByHeart(d_model, num_heads)
        self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)
        self.norm1, self.norm2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.norm_first, self.forward_by = norm_first, forward_by or right_order

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return self.forward_by(self, x, mask)

    def attend(self, x: Tensor, mask: Tensor | None) -> Tensor:
        return self.attention(x, x, x, mask)

    def think(self, x: Tensor) -> Tensor:
        return self.linear2(self.linear1(x).relu())


def parts(layer: LayerByHeart, mask: Tensor | None) -> tuple:
    return lambda x: layer.attend(x, mask), layer.think, layer.norm1, layer.norm2


def right_order(layer, x, mask):
    return (pre_norm if layer.norm_first else post_norm)(x, *parts(layer, mask))


def always_post(layer, x, mask):
    return post_norm(x, *parts(layer, mask))


def always_pre(layer, x, mask):
    return pre_norm(x, *parts(layer, mask))


def orders_swapped(layer, x, mask):
    return (post_norm if layer.norm_first else pre_norm)(x, *parts(layer, mask))


def mask_forgotten(layer, x, mask):
    return right_order(layer, x, None)


def without_skips(layer, x, mask):
    attend, think, norm1, norm2 = parts(layer, mask)
    if layer.norm_first:
        return think(norm2(attend(norm1(x))))
    return no_skips(x, attend, think, norm1, norm2)


def skip_from_the_copy(layer, x, mask):
    if not layer.norm_first:
        return right_order(layer, x, mask)
    attend, think, norm1, norm2 = parts(layer, mask)
    x = norm1(x)
    x = norm2(x + attend(x))
    return x + think(x)


def query_alone_normed(layer, x, mask):
    if not layer.norm_first:
        return right_order(layer, x, mask)
    x = x + layer.attention(layer.norm1(x), x, x, mask)
    return x + layer.think(layer.norm2(x))


def first_norm_forgotten(layer, x, mask):
    if not layer.norm_first:
        return right_order(layer, x, mask)
    x = x + layer.attend(x, mask)
    return x + layer.think(layer.norm2(x))


def norm_of_the_delta(layer, x, mask):
    return (
        norm_inside(x, *parts(layer, mask))
        if not layer.norm_first
        else pre_norm(x, *parts(layer, mask))
    )


def one_norm_for_both(layer, x, mask):
    attend, think, norm1, _ = parts(layer, mask)
    return (pre_norm if layer.norm_first else post_norm)(x, attend, think, norm1, norm1)


def relu_forgotten(layer, x, mask):
    layer.think = lambda x: layer.linear2(layer.linear1(x))
    return right_order(layer, x, mask)


def relu_at_the_end(layer, x, mask):
    layer.think = lambda x: layer.linear2(layer.linear1(x)).relu()
    return right_order(layer, x, mask)


def think_first(layer, x, mask):
    attend, think, norm1, norm2 = parts(layer, mask)
    return (pre_norm if layer.norm_first else post_norm)(x, think, attend, norm2, norm1)


def attend_alone(layer, x, mask):
    attend, _, norm1, _ = parts(layer, mask)
    return x + attend(norm1(x)) if layer.norm_first else norm1(x + attend(x))


def by_mistake(forward: Callable) -> Callable:
    return partial(LayerByHeart, forward_by=forward)


def block_case(d_model: int, num_heads: int, d_ff: int, norm_first: bool, mask) -> tuple:
    generator = torch.Generator().manual_seed(d_model)
    x = torch.randn(2, 4, d_model, generator=generator)
    return (d_model, num_heads, d_ff, norm_first), (x, mask)


SHORT = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]).bool()[:, None, None]  # (2, 1, 1, 4)

EXERCISES = [
    Exercise(
        number="4.1",
        solution=wiggle,
        cases=[(1, 4), (0, 6), (3, 8), (7, 16)],
        mistakes={
            "your hands slow down only half as much as they should: pair i has the exponent "
            "2i / d_model, not i / d_model.": wiggle_slow,
            "from pair to pair your hands slow down too much. If i counts the pairs 0, 1, 2 …, the "
            "exponent is 2i / d_model; if it goes 0, 2, 4 …, the 2 is in it already.": wiggle_fast,
            "every dimension got a frequency of its own, but a sine and its cosine belong "
            "together: both use the angle of their pair.": wiggle_unpaired,
            "your i counts the dimensions, so each has an angle of its own. The formula's i counts "
            "the hands: a sine and its cosine share one angle.": wiggle_by_dimension,
            "the angles are in radians already: do not turn them from degrees.": wiggle_degrees,
            "all sines come first and all cosines after them: the formula alternates, "
            "sine at 2i and cosine at 2i + 1.": wiggle_halves,
            "sine and cosine are swapped: the even dimensions hold the sine.": wiggle_swapped,
            "your hands get faster from pair to pair: divide the position by "
            "10000^(2i / d_model), do not multiply.": wiggle_growing,
        },
        praise="A position is a clock with d_model / 2 hands, each slower than the one before.",
        tolerance=1e-3,
    ),
    Exercise(
        number="4.2",
        solution=entrance,
        cases=[
            entrance_case([[4, 7, 4, 1]], 10, 8),
            entrance_case([[3, 0, 5], [1, 1, 2], [0, 4, 4]], 6, 4),
        ],
        mistakes={
            "both bugs are still there. Begin with the places: how many rows of `encoding` does "
            "your slice take for one sentence?": entrance_still_broken,
            "every word knows its place now, but the places are stretched along with the words: "
            "the factor belongs to the words alone.": places_stretched,
            "the words alone are stretched now, as they should be. But the slice still counts "
            "sentences, not places.": places_by_batch,
            "now the places are stretched and the words are not. It is the other way "
            "round.": places_alone_stretched,
            "the factor √d_model is gone: without it the places drown the words.": not_stretched,
            "you multiply by d_model. The factor is its square root.": stretched_without_root,
            "you divide by √d_model. The words are to become larger.": shrunk,
            "your factor is the root of the vocabulary's size. The other size of the table is "
            "d_model.": stretched_by_vocabulary,
            "your places begin with 1: the first word stands at place 0.": places_from_one,
            "you look the place up by the word's id. The place is where the word stands, whatever "
            "the word is.": places_by_word,
        },
        praise="A slice by the wrong size is the quietest bug: broadcasting hides it.",
    ),
    Exercise(
        number="4.3",
        solution=2_099_712,
        mistakes={
            "so many are in the two matrices alone: each linear layer also has a bias.": 2_097_152,
            "the bias of the way back down is missing: 512 entries.": 2_099_200,
            "the bias of the way up is missing: 2048 entries.": 2_097_664,
            "that is one of the two linear layers: there is one up to d_ff and one back down.": (
                1_050_624
            ),
            "that is the way back down alone: there is also one up to d_ff.": 1_049_088,
            "both biases got d_model entries, but a bias is as long as what comes out: "
            "the first has d_ff entries.": 2_098_176,
            "both biases got d_ff entries, but a bias is as long as what comes out: "
            "the second has d_model entries.": 2_101_248,
        },
        praise="Two thirds of an encoder layer are here, as section 10 counts.",
        tolerance=0.0,
    ),
    Exercise(
        number="4.4",
        solution=["fine", "fine", "collapses", "both"],
        mistakes={
            "so say many texts: no skips, no gradient. But the third stack has a norm after each "
            "sublayer. What does it do to numbers that get smaller and smaller? And what does "
            "attention, again and again, do to the "
            "words?": ["fine", "fine", "vanishes", "vanishes"],
            "three are right. In the third stack the norm brings the numbers back to size 1 after "
            "each sublayer, and the gradient with them. Something else goes wrong "
            "there.": ["fine", "fine", "vanishes", "both"],
            "three are right. In the third stack the gradient is fine. But what carries a word "
            "past twelve rounds of mixing?": ["fine", "fine", "fine", "both"],
            "three are right. Without skips and without norm the mixing is the same as in the "
            "third stack.": ["fine", "fine", "collapses", "vanishes"],
            "three are right. In the fourth stack nothing keeps the numbers in size.": [
                "fine",
                "fine",
                "collapses",
                "collapses",
            ],
            "three are right. In the third stack something keeps the numbers, and so the gradient, "
            "in size.": ["fine", "fine", "both", "both"],
            "three are right. The second stack has skips: on which line does a word get past the "
            "mixing?": ["fine", "collapses", "collapses", "both"],
            "the first two are right. A norm keeps the gradient in size, a skip keeps the words "
            "apart: which of the two is missing in the third stack, and which in the "
            "fourth?": ["fine", "fine", "vanishes", "collapses"],
            "the third stack has no skips, the fourth has neither: something goes wrong in each. "
            "The tokens look at each other in both.": ["fine", "fine", "fine", "vanishes"],
            "three are right. Do skips alone let the gradient vanish? The skip passes it on "
            "unchanged, with a slope of 1.": ["fine", "vanishes", "collapses", "both"],
        },
        praise="The skip keeps the words apart; skip or norm keeps the gradient alive.",
    ),
    Exercise(
        number="4.5",
        solution=lambda x, eps: normalise(x, eps=eps),
        cases=[(NUMBERS, EPS), (NUMBERS / 300, EPS)],
        mistakes={
            "all three mistakes are still there. Begin with the axis: which numbers belong to one "
            "token?": lambda x, eps: normalise(x, 1, 1, late_eps=eps),
            "the axis is still wrong: you normalise over the tokens of a sentence. Each token is "
            "normalised by itself, over dim=-1.": lambda x, eps: normalise(x, 1, 0, eps=eps),
            "the variance is still divided by d_model − 1. LayerNorm divides by d_model: "
            "correction=0.": lambda x, eps: normalise(x, correction=1, eps=eps),
            "eps is still added to the root. It belongs inside: √(variance + eps).": (
                lambda x, eps: normalise(x, late_eps=eps)
            ),
            "the axis is right now. Two mistakes are left, and both are about the root.": (
                lambda x, eps: normalise(x, correction=1, late_eps=eps)
            ),
            "the divisor is right now, but the axis is still wrong, and eps is still outside the "
            "root.": lambda x, eps: normalise(x, 1, 0, late_eps=eps),
            "eps stands inside the root now, but the axis is still wrong, and so is the divisor "
            "of the variance.": lambda x, eps: normalise(x, 1, 1, eps=eps),
            "you divide by the variance. Divide by its root.": divided_by_variance,
            "you take the root twice: std is the root of the variance "
            "already.": eps_to_the_deviation,
            "all numbers of a sentence share one mean and one variance. Each token needs its "
            "own.": over_the_sentence,
            "eps is gone. It protects you from dividing by zero when all entries of a token are "
            "equal.": lambda x, eps: normalise(x),
        },
        praise="Your norm and PyTorch's give the same numbers, small entries included.",
        tolerance=1e-5,
    ),
    Exercise(
        number="4.6",
        solution=post_norm,
        cases=[(NUMBERS,), (NUMBERS.flip(1) - 1,)],
        mistakes={
            "this is pre-norm: a good layer, but the paper's normalises after the addition.": (
                pre_norm
            ),
            "the skips are missing: each sublayer's output is added to what went into it.": (
                no_skips
            ),
            "the norms are missing: norm1 after the first addition, norm2 after the second.": (
                no_norms
            ),
            "the order is different: attention first, then feed-forward.": feed_forward_first,
            "that is the first half: now the same with feed_forward and norm2.": attention_alone,
            "the norms are swapped: norm1 belongs to attention, norm2 to feed-forward.": (
                norms_swapped
            ),
            "the first skip is missing: add the layer's input to what attend gives.": (
                first_skip_missing
            ),
            "the second skip is missing: add the feed-forward's input to its output.": (
                second_skip_missing
            ),
            "your second skip starts at the layer's input: it must start at the first norm's "
            "output.": skip_from_start,
            "you normalise the sublayer's output before the addition: add first, then "
            "normalise the sum.": norm_inside,
            "norm1 is used twice: the second sublayer has a norm of its own, norm2.": (
                one_norm_twice
            ),
        },
        praise="This is the whole encoder layer: norm(x + sublayer(x)), twice.",
        adapt=given,
    ),
    Exercise(
        number="4.7",
        solution=stack,
        adapt=stacked,
        cases=[(6, 3), (2, 4)],
        mistakes={
            "still one layer under several names: all of them share the same weights. Each place "
            "needs a call of make_layer() of its own.": one_layer_shared,
            "the layers are separate now, but they stand in a plain Python list, and PyTorch does "
            "not see into it: no optimiser would train them. nn.ModuleList takes such a "
            "list.": plain_list,
            "two things: this is one layer under several names, and a plain Python list hides it "
            "from PyTorch.": plain_list_shared,
            "the layers are separate, but they start with the same numbers, since they are copies "
            "of one (PyTorch's nn.TransformerEncoder does that, too). Build each one "
            "anew.": copies,
            "one layer too many: is the first one still in the list?": one_too_many,
            "one layer too few.": one_too_few,
        },
        praise="Six layers, six sets of weights, and PyTorch knows of all of them.",
    ),
    Exercise(
        number="4.8",
        solution=layer_size,
        cases=[(512, 2048), (1024, 4096), (6, 10)],
        mistakes={
            "attention has four matrices, not three: W^O, which mixes the heads, is missing.": (
                lambda d_model, d_ff: layer_size(d_model, d_ff) - d_model * d_model - d_model
            ),
            "4 · d_model are missing. Either the two norms (a weight and a bias each) or the "
            "biases of attention's four linear layers.": (
                lambda d_model, d_ff: layer_size(d_model, d_ff) - 4 * d_model
            ),
            "one norm is missing: the layer has two, each with a weight and a bias.": (
                lambda d_model, d_ff: layer_size(d_model, d_ff) - 2 * d_model
            ),
            "the two biases of the feed-forward are missing: d_ff on the way up, d_model on the "
            "way down.": lambda d_model, d_ff: layer_size(d_model, d_ff) - d_model - d_ff,
            "both biases of the feed-forward got d_ff entries. A bias is as long as what comes "
            "out: the second has d_model.": (
                lambda d_model, d_ff: layer_size(d_model, d_ff) - d_model + d_ff
            ),
            "those are the matrices alone. Six linear layers have a bias each, and the two norms "
            "have a weight and a bias each.": (
                lambda d_model, d_ff: layer_size(d_model, d_ff) - 9 * d_model - d_ff
            ),
            "the biases of the linear layers are missing: d_model for each of attention's four, "
            "d_ff and d_model in the feed-forward.": (
                lambda d_model, d_ff: layer_size(d_model, d_ff) - 5 * d_model - d_ff
            ),
            "no bias is in your count. Attention has four, of d_model each, the feed-forward "
            "has two, of d_ff and d_model, and each norm has one.": (
                lambda d_model, d_ff: layer_size(d_model, d_ff) - 7 * d_model - d_ff
            ),
        },
        praise="Heads do not appear: they share out the same matrices.",
        tolerance=0.0,
    ),
    Exercise(
        number="4.9",
        solution=LayerByHeart,
        adapt=with_weights(LayerByHeart),
        cases=[
            block_case(8, 2, 12, False, None),
            block_case(8, 2, 12, True, None),
            block_case(6, 3, 10, False, SHORT),
            block_case(6, 3, 10, True, SHORT),
        ],
        mistakes={
            "this is the paper's order always: norm_first=True does not change "
            "anything.": by_mistake(always_post),
            "this is pre-norm always: with norm_first=False the norm comes after the "
            "addition.": by_mistake(always_pre),
            "both orders are there, but swapped: norm_first=True normalises before the "
            "sublayer.": by_mistake(orders_swapped),
            "right without a mask. But the mask never reaches attention.": by_mistake(
                mask_forgotten
            ),
            "the skips are missing: each sublayer's output is added to what the stream "
            "held.": by_mistake(without_skips),
            "the paper's order is right. In the other, your skip carries the normalised copy; it "
            "should carry the x from before the norm.": by_mistake(skip_from_the_copy),
            "the paper's order is right. In the other, query, key and value are all the "
            "normalised copy, not the query alone.": by_mistake(query_alone_normed),
            "the paper's order is right. In the other, attention reads x as it is: its norm is "
            "missing.": by_mistake(first_norm_forgotten),
            "the order for norm_first=True is right. In the paper's, add first, then normalise "
            "the sum.": by_mistake(norm_of_the_delta),
            "one norm does the work of both: each sublayer has a norm of its own.": by_mistake(
                one_norm_for_both
            ),
            "there is no ReLU between the two linear layers, so they are one matrix.": by_mistake(
                relu_forgotten
            ),
            "the ReLU stands at the end. It belongs between the two linear layers.": by_mistake(
                relu_at_the_end
            ),
            "feed-forward comes first. The order is attention, then feed-forward.": by_mistake(
                think_first
            ),
            "that is the first half, attention. Feed-forward is missing.": by_mistake(attend_alone),
        },
        praise="You know the encoder layer by heart.",
    ),
]

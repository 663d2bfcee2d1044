"""The exercises of notebook 05, decoder."""

import math
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

from utils.checks import Exercise
from utils.copied import with_weights
from utils.exercises.ex03_heads import MultiHeadByHeart

START, END = 1, 2


def numbers(*shape: int, seed: int) -> torch.Tensor:
    """Random numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# 5.1 · shift right


def shift_right(target_out):
    start = torch.full_like(target_out[:, :1], START)
    return torch.cat([start, target_out[:, :-1]], dim=1)


def rolled(target_out):
    return torch.roll(target_out, 1, dims=1)


def nothing_dropped(target_out):
    start = torch.full_like(target_out[:, :1], START)
    return torch.cat([start, target_out], dim=1)


def first_dropped(target_out):
    start = torch.full_like(target_out[:, :1], START)
    return torch.cat([start, target_out[:, 1:]], dim=1)


def shifted_left(target_out):
    start = torch.full_like(target_out[:, :1], START)
    return torch.cat([target_out[:, 1:], start], dim=1)


def ends_dropped(target_out):
    return shift_right(target_out).masked_fill(shift_right(target_out) == END, 0)


def zeros_in_front(target_out):
    return F.pad(target_out[:, :-1], (1, 0))


def rows_shifted(target_out):
    return torch.cat([torch.full_like(target_out[:1], START), target_out[:-1]])


SHIFT = Exercise(
    number="5.1",
    solution=shift_right,
    cases=[
        (torch.tensor([[3, 4, 5, 2, 0], [6, 7, 8, 4, 2], [9, 10, 2, 0, 0]]),),
        (torch.tensor([[7, 8, 9, 2]]),),
    ],
    mistakes={
        "torch.roll brings the last column round to the front. The first input is always the "
        "start token, id 1: what falls out on the right is gone.": rolled,
        "the start token is in front, but nothing was dropped: there is one input too many. After "
        "the last token nothing needs to be predicted, so leave the last column out.": (
            nothing_dropped
        ),
        "you put the start token in the place of the first token. The decoder needs that token "
        "one step later: drop the last column, not the first.": first_dropped,
        "that is a shift to the left: each input would be the token after the one to predict.": (
            shifted_left
        ),
        "you took the end tokens out. Drop the last column and no more: in a shorter sentence "
        "<end> may stay, because the question above it is padding and does not count.": (
            ends_dropped
        ),
        "the shift is right, but in front stands 0, which is padding. The start token is id 1.": (
            zeros_in_front
        ),
        "you shifted the rows down (dim 0). Each sentence is a row: shift along the columns.": (
            rows_shifted
        ),
    },
    praise="Start in front, last column out: every input stands one step before its answer.",
)


# 5.2 · the decoder's mask


def target_mask(ids):
    causal = torch.ones(ids.size(1), ids.size(1), dtype=torch.bool).tril()
    return (ids != 0)[:, None, None, :] & causal


def inverted(ids):
    causal = torch.ones(ids.size(1), ids.size(1), dtype=torch.bool).triu()
    return (ids != 0)[:, None, None, :] & causal


def without_itself(ids):
    causal = torch.ones(ids.size(1), ids.size(1), dtype=torch.bool).tril(-1)
    return (ids != 0)[:, None, None, :] & causal


def rows_padded(ids):
    causal = torch.ones(ids.size(1), ids.size(1), dtype=torch.bool).tril()
    return (ids != 0)[:, None, :, None] & causal


def either(ids):
    causal = torch.ones(ids.size(1), ids.size(1), dtype=torch.bool).tril()
    return (ids != 0)[:, None, None, :] | causal


def causal_only(ids):
    causal = torch.ones(ids.size(1), ids.size(1), dtype=torch.bool).tril()
    return causal.expand(ids.size(0), 1, -1, -1)


def padding_only(ids):
    return (ids != 0)[:, None, None, :].expand(-1, 1, ids.size(1), -1)


def one_for_all(ids):
    return torch.ones(ids.size(1), ids.size(1), dtype=torch.bool).tril()


def one_for_all_queries(ids):
    return (ids != 0)[:, None, None, :]


def forbidden(ids):
    return ~target_mask(ids)


def no_axis_for_heads(ids):
    return target_mask(ids)[:, 0]


MASK = Exercise(
    number="5.2",
    solution=target_mask,
    cases=[(torch.tensor([[1, 3, 4, 5], [1, 6, 0, 0]]),), (torch.tensor([[1, 7, 0]]),)],
    mistakes={
        "this mask lets each position look at itself and the *future*. The past is the lower "
        "triangle: tril.": inverted,
        "a position may also look at itself: its own token is known. Keep the diagonal.": (
            without_itself
        ),
        "you blanked the rows of the padding. A padding mask covers key columns: nobody looks at "
        "padding, so its axis is the last one.": rows_padded,
        "a position may be seen if it is real *or* not in the future: both must hold, so the two "
        "masks meet with &.": either,
        "the future is hidden, but padding is still looked at: combine with ids != 0.": causal_only,
        "padding is hidden, but the future can be seen: combine with a lower triangle.": (
            padding_only
        ),
        "that is the causal mask alone, (length, length). Padding is still looked at: combine it "
        "with ids != 0, a mask for each sentence.": one_for_all,
        "that is the padding mask alone, (batch, 1, 1, length). The future can still be seen: "
        "combine it with a lower triangle.": one_for_all_queries,
        "True and False are swapped: in this course True means 'may attend'.": forbidden,
        "right entries, but the axis for the heads is missing: (batch, 1, length, length), so "
        "that one mask serves all heads.": no_axis_for_heads,
    },
    praise="Real and not in the future: one mask for both, and one for all heads.",
)


# 5.3 · predict: the shape of cross-attention's weights

SHAPES = Exercise(
    number="5.3",
    solution=[32, 8, 12, 20],
    mistakes={
        "the last two are the wrong way round. Rows are queries, and it is the target that asks.": (
            [32, 8, 20, 12]
        ),
        "those are the weights of the decoder's *self*-attention: 12 words that look at 12. Here "
        "the keys come from somewhere else.": [32, 8, 12, 12],
        "those are the weights of the *encoder's* self-attention: 20 words that look at 20. Who "
        "asks in cross-attention?": [32, 8, 20, 20],
        "one map a sentence is too few: each head has its own.": [32, 12, 20],
        "right numbers, but the heads stand beside the batch, in front of queries and keys.": (
            [32, 12, 8, 20]
        ),
        "right numbers, but the batch comes first, then the heads.": [8, 32, 12, 20],
        "the last number is d_k, as in a head's output. Weights have one column a *key*.": (
            [32, 8, 12, 64]
        ),
        "that is the shape of what comes *out* of one attention, not of its weights.": [
            32,
            12,
            512,
        ],
    },
    praise="One map for each sentence and head: 12 rows that ask, 20 columns that answer.",
)


# 5.4 · find the bug: who asks whom


def attend(query, key, value, scale=True):
    scores = query @ key.transpose(-2, -1)
    if scale:
        scores = scores / math.sqrt(query.size(-1))
    return scores.softmax(dim=-1) @ value


def look_across(x, memory, w_q, w_k, w_v):
    return attend(x @ w_q, memory @ w_k, memory @ w_v)


def as_broken(x, memory, w_q, w_k, w_v):
    return attend(memory @ w_q, x @ w_k, x @ w_v)


def half_mended(x, memory, w_q, w_k, w_v):
    return attend(x @ w_q, x @ w_k, x @ w_v)


def memory_alone(x, memory, w_q, w_k, w_v):
    return attend(memory @ w_q, memory @ w_k, memory @ w_v)


def matrices_swapped(x, memory, w_q, w_k, w_v):
    return attend(x @ w_k, memory @ w_q, memory @ w_v)


def undivided(x, memory, w_q, w_k, w_v):
    return attend(x @ w_q, memory @ w_k, memory @ w_v, scale=False)


def skip_added(x, memory, w_q, w_k, w_v):
    return x + look_across(x, memory, w_q, w_k, w_v)


def across_case(target, source, seed):
    shapes = [(2, target, 8), (2, source, 8), (8, 6), (8, 6), (8, 8)]
    return tuple(numbers(*shape, seed=seed + n) for n, shape in enumerate(shapes))


ACROSS = Exercise(
    number="5.4",
    solution=look_across,
    cases=[across_case(4, 3, seed=40), across_case(5, 5, seed=50)],
    mistakes={
        "still as broken: one vector for each *source* word comes out. Who wants to know something "
        "here, and who is asked?": as_broken,
        "now the target asks, but it also answers: that is self-attention, and the source is never "
        "read.": half_mended,
        "the source asks and answers: that is the encoder's work. The target does not occur.": (
            memory_alone
        ),
        "the right sides, but w_q and w_k have changed places: w_q belongs to the query.": (
            matrices_swapped
        ),
        "the scores are not divided by √d_k: use the notebook's `attention`, or divide yourself.": (
            undivided
        ),
        "you added x. The skip stands around cross-attention, in the layer, not inside it.": (
            skip_added
        ),
    },
    praise="Queries from here, keys and values from there.",
)


# 5.5 · the forward of a decoder layer


def stand_in(seed):
    """An attention with one head and fixed projections: enough to tell who asks and who answers."""
    w_q, w_k, w_v = (numbers(4, 4, seed=seed + i) for i in range(3))

    def attend(query, key, value, mask=None):
        scores = (query @ w_q) @ (key @ w_k).transpose(-2, -1) / math.sqrt(4)
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf)
        return scores.softmax(dim=-1) @ (value @ w_v)

    return attend


def norm(scale):
    return lambda x: scale * F.layer_norm(x, (4,)) + scale / 10


PARTS = SimpleNamespace(
    self_attention=stand_in(0),
    cross_attention=stand_in(10),
    feed_forward=lambda x: torch.relu(x @ numbers(4, 4, seed=20)),
    norm1=norm(1.0),
    norm2=norm(1.5),
    norm3=norm(0.5),
    dropout=lambda x: x,
    norm_first=False,
)


def forward(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x, mask))
    x = self.norm2(x + self.cross_attention(x, memory, memory, memory_mask))
    return self.norm3(x + self.feed_forward(x))


def values_from_here(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x, mask))
    x = self.norm2(x + self.cross_attention(x, memory, x, memory_mask))
    return self.norm3(x + self.feed_forward(x))


def memory_asks(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x, mask))
    x = self.norm2(x + self.cross_attention(memory, x, x, memory_mask))
    return self.norm3(x + self.feed_forward(x))


def self_twice(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x, mask))
    x = self.norm2(x + self.cross_attention(x, x, x, memory_mask))
    return self.norm3(x + self.feed_forward(x))


def no_residuals(self, x, memory, mask, memory_mask):
    x = self.norm1(self.self_attention(x, x, x, mask))
    x = self.norm2(self.cross_attention(x, memory, memory, memory_mask))
    return self.norm3(self.feed_forward(x))


def cross_first(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.cross_attention(x, memory, memory, memory_mask))
    x = self.norm2(x + self.self_attention(x, x, x, mask))
    return self.norm3(x + self.feed_forward(x))


def no_mask(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x))
    x = self.norm2(x + self.cross_attention(x, memory, memory, memory_mask))
    return self.norm3(x + self.feed_forward(x))


def no_memory_mask(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x, mask))
    x = self.norm2(x + self.cross_attention(x, memory, memory))
    return self.norm3(x + self.feed_forward(x))


def masks_swapped(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x, memory_mask))
    x = self.norm2(x + self.cross_attention(x, memory, memory, mask))
    return self.norm3(x + self.feed_forward(x))


def pre_norm(self, x, memory, mask, memory_mask):
    y = self.norm1(x)
    x = x + self.self_attention(y, y, y, mask)
    x = x + self.cross_attention(self.norm2(x), memory, memory, memory_mask)
    return x + self.feed_forward(self.norm3(x))


def norms_on_deltas(self, x, memory, mask, memory_mask):
    x = x + self.norm1(self.self_attention(x, x, x, mask))
    x = x + self.norm2(self.cross_attention(x, memory, memory, memory_mask))
    return x + self.norm3(self.feed_forward(x))


def one_norm(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x, mask))
    x = self.norm1(x + self.cross_attention(x, memory, memory, memory_mask))
    return self.norm1(x + self.feed_forward(x))


def last_residual_missing(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x, mask))
    x = self.norm2(x + self.cross_attention(x, memory, memory, memory_mask))
    return self.norm3(self.feed_forward(x))


def memory_added(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x, mask))
    x = self.norm2(memory + self.cross_attention(x, memory, memory, memory_mask))
    return self.norm3(x + self.feed_forward(x))


def one_mask_for_both(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x, mask))
    x = self.norm2(x + self.cross_attention(x, memory, memory, mask))
    return self.norm3(x + self.feed_forward(x))


def no_masks(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x))
    x = self.norm2(x + self.cross_attention(x, memory, memory))
    return self.norm3(x + self.feed_forward(x))


def last_norm_missing(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x, mask))
    x = self.norm2(x + self.cross_attention(x, memory, memory, memory_mask))
    return x + self.feed_forward(x)


LAYER = Exercise(
    number="5.5",
    solution=forward,
    cases=[
        (
            PARTS,
            numbers(2, 3, 4, seed=30),
            numbers(2, 3, 4, seed=31),
            torch.ones(3, 3, dtype=torch.bool).tril(),
            torch.tensor([[[True, True, True]], [[True, True, False]]]),
        )
    ],
    mistakes={
        "in cross-attention your values come from x. Keys and values both come from the memory: "
        "what is found there is also what is fetched.": values_from_here,
        "in cross-attention the memory asks and x answers: it is the other way round. The query is "
        "x, because each target position wants to know something.": memory_asks,
        "your cross-attention looks at x and never at the memory: this decoder writes without "
        "having read.": self_twice,
        "the residual connections are missing: norm(x + sublayer(x)), three times.": no_residuals,
        "cross-attention came first. The layer looks at its own words first, then at the memory.": (
            cross_first
        ),
        "self-attention got no mask, so it can look ahead: hand `mask` to it.": no_mask,
        "cross-attention got no mask, so it also looks at padding in the source: hand "
        "`memory_mask` to it.": no_memory_mask,
        "the masks are swapped: `mask` is for self-attention, `memory_mask` for cross-attention.": (
            masks_swapped
        ),
        "cross-attention got `mask`, which hides the future of your own words. The source has no "
        "future, it has padding: hand `memory_mask` over.": one_mask_for_both,
        "neither attention got its mask: `mask` for self-attention, `memory_mask` for "
        "cross-attention.": no_masks,
        "the last norm is missing: in post-norm each of the three sums is normed.": (
            last_norm_missing
        ),
        "that is pre-norm: norm inside, before the sublayer. The paper's post-norm stands around "
        "the sum: norm(x + sublayer(x)).": pre_norm,
        "your norms stand around the sublayer alone. In post-norm they stand around the sum: "
        "norm(x + sublayer(x)).": norms_on_deltas,
        "norm1 is used three times. Each has weights of its own: norm1, norm2, norm3.": one_norm,
        "the last residual connection is missing: add x to what the feed-forward found.": (
            last_residual_missing
        ),
        "in the second line you add to the memory. The skip carries x past the sublayer: "
        "x + cross-attention.": memory_added,
    },
    praise="Look back, look across, think: three sublayers, each inside norm(x + …).",
)


# 5.6 · predict: what weight tying saves

TYING = Exercise(
    number="5.6",
    solution=37_888_000,
    mistakes={
        "that is one matrix. Three places use one each, and one matrix has to stay: how many are "
        "saved?": 18_944_000,
        "that is all three. One of them has to stay.": 56_832_000,
        "those are rows and columns added, twice. A matrix has rows × columns entries.": 75_024,
        "that is in millions, and it is right. Write the whole number.": 37.888,
    },
    tolerance=5e-4,
    praise="Two matrices of 18.9 million: more than half of what the tied model has in all.",
)


# 5.7 · find the bug: two tables that only began alike


def tie(embedding, output):
    output.weight = embedding.weight
    return output


def copied(embedding, output):
    output.weight.data = embedding.weight.data.clone()
    return output


def storage_shared(embedding, output):
    output.weight.data = embedding.weight.data
    return output


def other_way(embedding, output):
    embedding.weight = output.weight
    return output


def tied_and_frozen(embedding, output):
    output.weight = embedding.weight
    output.weight.requires_grad_(False)
    return output


def output_frozen(embedding, output):
    output.weight.data = embedding.weight.data.clone()
    output.weight.requires_grad_(False)
    return output


def untouched(embedding, output):
    return output


def one_step(answer):
    """Tie, take a step of training, and report both tables and how many parameters there are."""

    def call(table, start):
        if not callable(answer):
            return answer
        embedding = nn.Embedding(*table.shape)
        output = nn.Linear(table.size(1), table.size(0), bias=False)
        embedding.weight.data, output.weight.data = table.clone(), start.clone()
        output = answer(embedding, output)
        if output is None:
            return None
        if not isinstance(output, nn.Linear):
            raise TypeError("return the layer `output` itself")
        both = nn.ModuleList([embedding, output])
        learning = [p for p in both.parameters() if p.requires_grad]
        loss = F.cross_entropy(output(embedding(torch.tensor([0, 1]))), torch.tensor([2, 3]))
        if learning:
            loss.backward()
            torch.optim.SGD(learning, lr=1.0).step()
        count = sum(p.numel() for p in learning)
        return embedding.weight.detach().clone(), output.weight.detach().clone(), count

    return call


TIE = Exercise(
    number="5.7",
    solution=tie,
    cases=[(numbers(5, 3, seed=60), numbers(5, 3, seed=61))],
    mistakes={
        "still as broken: after one step of training the two tables differ. A clone is a second "
        "table; the two layers must hold the very same parameter.": copied,
        "nearly: both look at the same numbers in memory, but they are still two parameters. Each "
        "gets a gradient and an optimizer state of its own. Hand over the embedding's parameter "
        "itself, without `.data` and without a new nn.Parameter.": storage_shared,
        "one table, but the wrong one stayed: the embedding's numbers should be kept, and the "
        "output layer should take them over.": other_way,
        "one table, but it is frozen: with requires_grad False it never learns.": tied_and_frozen,
        "the embedding learns and the output layer stays where it was: freezing is not sharing.": (
            output_frozen
        ),
        "the two layers came back as they were, each with its own table.": untouched,
    },
    praise="One parameter under two names: one count, one gradient, one step.",
    adapt=one_step,
)


# 5.8 · predict: the first loss

FIRST_LOSS = Exercise(
    number="5.8",
    solution=math.log(10_000),
    tolerance=6e-3,
    mistakes={
        "that is the probability of the right token. The loss is −ln of it.": 1 / 10_000,
        "you took the logarithm to base 2, which counts bits. Ours is the natural one: math.log.": (
            math.log2(10_000)
        ),
        "you took the logarithm to base 10. Ours is the natural one: math.log.": 4.0,
        "the sign: the logarithm of a probability is negative, and the loss is *minus* it.": (
            -math.log(10_000)
        ),
        "that many words are equally likely, so each has the probability 1 / 10,000. The loss is "
        "−ln of that.": 10_000,
    },
    praise="ln 10,000 = 9.21: remember the log of your vocabulary before you start a training.",
)


# 5.9 · find the bug: a loss that is too good


def letters(source, target):
    """A model that looks back and not ahead: scores (batch, length, 9)."""
    table = numbers(9, 9, seed=70)
    places = torch.arange(1, target.size(1) + 1)[:, None]
    seen = table[target].cumsum(dim=1) / places  # the mean of what stands there so far
    return 2 * seen + table[source].mean(dim=1, keepdim=True)


def teacher_loss(model, source, target):
    scores = model(source, target[:, :-1])
    return F.cross_entropy(scores.flatten(0, 1), target[:, 1:].flatten(), ignore_index=0)


def unshifted(model, source, target):
    scores = model(source, target)
    return F.cross_entropy(scores.flatten(0, 1), target.flatten(), ignore_index=0)


def both_cut_behind(model, source, target):
    scores = model(source, target[:, :-1])
    return F.cross_entropy(scores.flatten(0, 1), target[:, :-1].flatten(), ignore_index=0)


def both_cut_in_front(model, source, target):
    scores = model(source, target[:, 1:])
    return F.cross_entropy(scores.flatten(0, 1), target[:, 1:].flatten(), ignore_index=0)


def backwards(model, source, target):
    scores = model(source, target[:, 1:])
    return F.cross_entropy(scores.flatten(0, 1), target[:, :-1].flatten(), ignore_index=0)


def padding_counted(model, source, target):
    scores = model(source, target[:, :-1])
    return F.cross_entropy(scores.flatten(0, 1), target[:, 1:].flatten())


def summed(model, source, target):
    scores = model(source, target[:, :-1]).flatten(0, 1)
    return F.cross_entropy(scores, target[:, 1:].flatten(), ignore_index=0, reduction="sum")


def softmax_first(model, source, target):
    scores = model(source, target[:, :-1]).softmax(dim=-1)
    return F.cross_entropy(scores.flatten(0, 1), target[:, 1:].flatten(), ignore_index=0)


def second_start(model, source, target):
    start = torch.full_like(target[:, :1], START)
    scores = model(source, torch.cat([start, target[:, :-1]], dim=1))
    return F.cross_entropy(scores.flatten(0, 1), target.flatten(), ignore_index=0)


def rolled_answers(model, source, target):
    scores = model(source, target)
    return F.cross_entropy(scores.flatten(0, 1), target.roll(-1, dims=1).flatten(), ignore_index=0)


TEACHER = Exercise(
    number="5.9",
    solution=teacher_loss,
    cases=[
        (
            letters,
            torch.tensor([[5, 6, 7], [8, 4, 0]]),
            torch.tensor([[1, 3, 4, 5, 2], [1, 6, 2, 0, 0]]),
        ),
        (letters, torch.tensor([[8, 3]]), torch.tensor([[1, 7, 8, 2]])),
    ],
    mistakes={
        "still as broken: at each position the model is asked for the token that it is looking at. "
        "The answer must be the *next* one.": unshifted,
        "you left the last column out on both sides, so each position still has to say its own "
        "token. One side loses its last column, the other side its first.": both_cut_behind,
        "you left <start> out on both sides, so each position still has to say its own token, and "
        "the first word has nothing before it.": both_cut_in_front,
        "the shift goes the wrong way: your model must say the token *before* the one it sees.": (
            backwards
        ),
        "the shift is right, but now padding counts as well: keep ignore_index=0.": padding_counted,
        "`target` has its <start> already. With a second one in front, your model must say <start> "
        "as well: cut columns off instead.": second_start,
        "torch.roll brings <start> round to the end, as the answer to the last column. Cut columns "
        "off instead.": rolled_answers,
        "right, but summed: the loss is the mean over the tokens that count.": summed,
        "cross_entropy takes the softmax itself: hand it the scores as they are.": softmax_first,
    },
    praise="All but the last column goes in, all but the first must come out.",
)


# 5.10 · greedy decoding

SENTENCE = [3, 5, 3, 4, END, 5, 4, 3, 3, 5]


def speller(ids):
    """Scores (6,) of the next token, which depends on how many stand there already."""
    scores = torch.full((6,), -2.0)
    scores[SENTENCE[(len(ids) - 1) % len(SENTENCE)]] = -0.5
    return scores


def echo(ids):
    """Scores (6,): says 5, then 4 … and ends when it sees a 3 behind a 4."""
    following = {START: 5, 5: 4, 4: 3, 3: END if 4 in ids else 5, END: 5}
    scores = torch.arange(6.0)
    scores[following.get(ids[-1], 5)] = 9.0
    return scores


def patient(answer):
    """The learner's loop, with a model that loses patience with a loop that never ends."""

    def call(next_scores, *rest):
        calls = iter(range(1000))

        def counted(ids):
            if next(calls, None) is None:
                raise RuntimeError("next_scores was called 1,000 times: does your loop ever end?")
            if len(ids) == 0:
                raise ValueError("next_scores got an empty list: begin with [start].")
            return next_scores([int(token) for token in ids])

        return answer(counted, *rest)

    return call


def greedy(next_scores, start, end, limit):
    ids = [start]
    for _ in range(limit):
        token = int(next_scores(ids).argmax())
        if token == end:
            break
        ids.append(token)
    return ids[1:]


def with_start(next_scores, start, end, limit):
    return [start, *greedy(next_scores, start, end, limit)]


def with_end(next_scores, start, end, limit):
    ids = [start]
    for _ in range(limit):
        ids.append(int(next_scores(ids).argmax()))
        if ids[-1] == end:
            break
    return ids[1:]


def endless(next_scores, start, end, limit):
    ids = [start]
    for _ in range(limit):
        ids.append(int(next_scores(ids).argmax()))
    return ids[1:]


def forgetful(next_scores, start, end, limit):
    ids = [start]
    for _ in range(limit):
        token = int(next_scores(ids[-1:]).argmax())
        if token == end:
            break
        ids.append(token)
    return ids[1:]


def without_limit(next_scores, start, end, limit):
    return greedy(next_scores, start, end, 50)


def one_short(next_scores, start, end, limit):
    return greedy(next_scores, start, end, limit - 1)


def only_start(next_scores, start, end, limit):
    return greedy(lambda ids: next_scores([start]), start, end, limit)


def of_one_number(next_scores, start, end, limit):
    return greedy(lambda ids: next_scores(ids)[-1], start, end, limit)


def one_too_many(next_scores, start, end, limit):
    return greedy(next_scores, start, end, limit + 1)


def first_only(next_scores, start, end, limit):
    return greedy(next_scores, start, end, 1)


GREEDY = Exercise(
    number="5.10",
    solution=greedy,
    cases=[(speller, START, END, 9), (speller, START, END, 2), (echo, START, END, 9)],
    mistakes={
        "the start token is in your answer. It is the push to begin and no word of it.": (
            with_start
        ),
        "the end token is in your answer. It says that all is said and is no word itself.": (
            with_end
        ),
        "you went on writing after the end token: stop as soon as it comes.": endless,
        "your model sees only its last token. It needs all it has written so far: hand the whole "
        "list to next_scores.": forgetful,
        "your loop does not keep to the limit: at most `limit` tokens.": without_limit,
        "when no end token comes, one token too few comes back: `limit` tokens are allowed. Does "
        "your loop stop early, or do you cut off a last token that is no end token?": one_short,
        "one token too many comes back: at most `limit` tokens, without `start`.": one_too_many,
        "one token comes back and no more: does your `return` stand inside the loop?": first_only,
        "you hand [start] to next_scores each time. Append each token to the list, and hand over "
        "the list.": only_start,
        "`next_scores(ids)` is already the scores of the next token, one number a token: take "
        "argmax over all of them, without [-1].": of_one_number,
    },
    praise="Score, take the best, append, again: that is all of greedy decoding.",
    adapt=patient,
)

# 5.11 · the blank cell: a decoder layer


class Hidden(nn.Module):
    """The feed-forward, with the layer names of the notebook's."""

    def __init__(self, d_model, d_ff):
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def forward(self, x):
        return self.linear2(F.relu(self.linear1(x)))


class Layer(nn.Module):
    """The decoder layer: the reference that the weights come from."""

    def __init__(self, d_model, num_heads, d_ff, norm_first=False):
        super().__init__()
        self.self_attention = MultiHeadByHeart(d_model, num_heads)
        self.cross_attention = MultiHeadByHeart(d_model, num_heads)
        self.feed_forward = Hidden(d_model, d_ff)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(d_model) for _ in range(3))
        self.norm_first = norm_first

    def forward(self, x, memory, mask=None, memory_mask=None):
        return (self.pre if self.norm_first else self.post)(x, memory, mask, memory_mask)

    def post(self, x, memory, mask, memory_mask):
        x = self.norm1(x + self.self_attention(x, x, x, mask))
        x = self.norm2(x + self.cross_attention(x, memory, memory, memory_mask))
        return self.norm3(x + self.feed_forward(x))

    def pre(self, x, memory, mask, memory_mask):
        y = self.norm1(x)
        x = x + self.self_attention(y, y, y, mask)
        x = x + self.cross_attention(self.norm2(x), memory, memory, memory_mask)
        return x + self.feed_forward(self.norm3(x))


class AlwaysPost(Layer):
    def pre(self, x, memory, mask, memory_mask):
        return self.post(x, memory, mask, memory_mask)


class AlwaysPre(Layer):
    def post(self, x, memory, mask, memory_mask):
        return self.pre(x, memory, mask, memory_mask)


class TurnedRound(Layer):
    def post(self, x, memory, mask, memory_mask):
        return Layer.pre(self, x, memory, mask, memory_mask)

    def pre(self, x, memory, mask, memory_mask):
        return Layer.post(self, x, memory, mask, memory_mask)


class MemoryNormed(Layer):
    def pre(self, x, memory, mask, memory_mask):
        return super().pre(x, self.norm2(memory), mask, memory_mask)


class NormedSkip(Layer):
    def pre(self, x, memory, mask, memory_mask):
        x = self.norm1(x)
        x = x + self.self_attention(x, x, x, mask)
        x = self.norm2(x)
        x = x + self.cross_attention(x, memory, memory, memory_mask)
        x = self.norm3(x)
        return x + self.feed_forward(x)


class QueryNotNormed(Layer):
    def pre(self, x, memory, mask, memory_mask):
        y = self.norm1(x)
        x = x + self.self_attention(y, y, y, mask)
        x = x + self.cross_attention(x, memory, memory, memory_mask)
        return x + self.feed_forward(self.norm3(x))


class OnlyQueryNormed(Layer):
    def pre(self, x, memory, mask, memory_mask):
        x = x + self.self_attention(self.norm1(x), x, x, mask)
        x = x + self.cross_attention(self.norm2(x), memory, memory, memory_mask)
        return x + self.feed_forward(self.norm3(x))


class NoCausalMask(Layer):
    def forward(self, x, memory, mask=None, memory_mask=None):
        return super().forward(x, memory, None, memory_mask)


class NoMemoryMask(Layer):
    def forward(self, x, memory, mask=None, memory_mask=None):
        return super().forward(x, memory, mask, None)


class MemoryUnread(Layer):
    def forward(self, x, memory, mask=None, memory_mask=None):
        return super().forward(x, x, mask, None)


def by_keyword(make):
    """Calls a layer's class with norm_first by its name, as the notebook's text says."""
    if make is None or make is ...:
        return make
    return lambda d_model, num_heads, d_ff, norm_first: make(
        d_model, num_heads, d_ff, norm_first=norm_first
    )


def heart_case(d_model, num_heads, d_ff, norm_first):
    """The sizes of a layer; then 4 target words, 5 source words, both masks."""
    x, memory = numbers(2, 4, d_model, seed=80), numbers(2, 5, d_model, seed=81)
    real = torch.arange(5) < torch.tensor([[5], [3]])
    masks = (torch.ones(4, 4, dtype=torch.bool).tril(), real[:, None, None, :])
    return (d_model, num_heads, d_ff, norm_first), (x, memory, *masks)


HEART = Exercise(
    number="5.11",
    solution=Layer,
    adapt=lambda make: with_weights(Layer)(by_keyword(make)),
    cases=[heart_case(8, 2, 16, False), heart_case(12, 3, 8, True)],
    mistakes={
        "post-norm is right, but norm_first=True changes nothing: there the norm stands inside, "
        "x + sublayer(norm(x)).": AlwaysPost,
        "pre-norm is right, but norm_first=False changes nothing: there the norm stands around "
        "the sum, norm(x + sublayer(x)).": AlwaysPre,
        "post and pre are swapped: norm_first=True is the one with the norm *before* the "
        "sublayer.": TurnedRound,
        "in pre-norm you normed the memory. It left the encoder normed: only x is normed.": (
            MemoryNormed
        ),
        "in pre-norm your skip carries the *normed* x. What the skip carries is x as it was; only "
        "the sublayer gets the normed one.": NormedSkip,
        "in pre-norm cross-attention asks with an x that was not normed: norm2 comes first.": (
            QueryNotNormed
        ),
        "in pre-norm self-attention gets the normed x three times, as query, key and value.": (
            OnlyQueryNormed
        ),
        "self-attention can look ahead: hand it `mask`.": NoCausalMask,
        "cross-attention looks at the source's padding: hand it `memory_mask`.": NoMemoryMask,
        "your cross-attention never looks at the memory.": MemoryUnread,
    },
    praise="The decoder layer, in both orders, by heart.",
)

EXERCISES = [
    SHIFT,
    MASK,
    SHAPES,
    ACROSS,
    LAYER,
    TYING,
    TIE,
    FIRST_LOSS,
    TEACHER,
    GREEDY,
    HEART,
]

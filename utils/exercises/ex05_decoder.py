"""The exercises of notebook 05, decoder."""

import math
from types import SimpleNamespace

import torch
import torch.nn.functional as F

from utils.checks import Exercise

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


# 5.3 · the forward of a decoder layer


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


LAYER = Exercise(
    number="5.3",
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


# 5.4 · predict: what weight tying saves

TYING = Exercise(
    number="5.4",
    solution=37_888_000,
    mistakes={
        "that is one matrix. Three places use one each, and one matrix has to stay: how many are "
        "saved?": 18_944_000,
        "that is all three. One of them has to stay.": 56_832_000,
        "those are rows and columns added, twice. A matrix has rows × columns entries.": 75_024,
        "that is in millions, and it is right. Write the whole number.": 37.888,
    },
    tolerance=1e-3,
    praise="Two matrices of 18.9 million: more than half of what the tied model has in all.",
)


# 5.5 · greedy decoding

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


GREEDY = Exercise(
    number="5.5",
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
        "you hand [start] to next_scores each time. Append each token to the list, and hand over "
        "the list.": only_start,
        "`next_scores(ids)` is already the scores of the next token, one number a token: take "
        "argmax over all of them, without [-1].": of_one_number,
    },
    praise="Score, take the best, append, again: that is all of greedy decoding.",
    adapt=patient,
)

EXERCISES = [SHIFT, MASK, LAYER, TYING, GREEDY]

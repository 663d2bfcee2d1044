"""The exercises of notebook 05, decoder."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from exercises.check import exercise, question
from exercises.weights import load, random_weights, with_weights
from transformer.attention import attention
from transformer.decoder import DecoderLayer

START, END = 1, 2


def numbers(*shape: int, seed: int) -> torch.Tensor:
    """Random numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@exercise(
    "5.1",
    cases=[(torch.tensor([[3, 4, 5, 2, 0], [6, 7, 8, 4, 2]]),), (torch.tensor([[7, 8, 9, 2]]),)],
    wrong={
        ("torch.ones_like(target_out[:, :1])", "target_out[:, -1:]"): "torch.roll brings the last "
        "column round to the front. The first input is always the start token, id 1: what falls "
        "out on the right is gone.",
        ("[:, :-1]", ""): "the start token is in front, but nothing was dropped: there is one "
        "input too many. After the last token nothing needs to be predicted, so leave the last "
        "column out.",
        ("[:, :-1]", "[:, 1:]"): "you put the start token in the place of the first token. The "
        "decoder needs that token one step later: drop the last column, not the first.",
        ("[start, target_out[:, :-1]]", "[target_out[:, 1:], start]"): "that is a shift to the "
        "left: each input would be the token after the one to predict.",
        ("ones_like", "zeros_like"): "the shift is right, but in front stands 0, which is padding. "
        "The start token is id 1.",
    },
    praise="Start in front, last column out: every input stands one step before its answer.",
)
def shift_right(target_out):
    start = torch.ones_like(target_out[:, :1])  # (batch, 1)
    return torch.cat([start, target_out[:, :-1]], dim=1)  # (batch, length)


@exercise(
    "5.2",
    cases=[(torch.tensor([[1, 3, 4, 5], [1, 6, 0, 0]]),), (torch.tensor([[1, 7, 0]]),)],
    wrong={
        ("tril", "triu"): "this mask lets each position look at itself and the *future*. The past "
        "is the lower triangle: tril.",
        ("[:, None, None, :]", "[:, None, :, None]"): "you blanked the rows of the padding. A "
        "padding mask covers key columns: nobody looks at padding, so its axis is the last one.",
        (" & (ids != 0)[:, None, None, :]", ""): "that is the causal mask alone, (length, length). "
        "Padding is still looked at: combine it with ids != 0, a mask for each sentence.",
        ("causal & ", ""): "that is the padding mask alone, (batch, 1, 1, length). The future can "
        "still be seen: combine it with a lower triangle.",
        ("causal & (ids != 0)", "~causal | (ids == 0)"): "True and False are swapped: in this "
        "course True means 'may attend'.",
        ("[:, None, None, :]", "[:, None, :]"): "right entries, but the axis for the heads is "
        "missing: (batch, 1, length, length), so that one mask serves all heads.",
    },
    praise="Real and not in the future: one mask for both, and one for all heads.",
)
def target_mask(ids):
    length = ids.size(1)
    causal = torch.ones(length, length, dtype=torch.bool).tril()  # (length, length)
    return causal & (ids != 0)[:, None, None, :]  # (batch, 1, length, length)


SHAPE = question(
    "5.3",
    [32, 8, 12, 20],
    wrong={
        (32, 8, 20, 12): "the last two are the wrong way round. Rows are queries, and it is the "
        "target that asks.",
        (32, 8, 12, 12): "those are the weights of the decoder's *self*-attention: 12 words that "
        "look at 12. Here the keys come from somewhere else.",
        (32, 8, 20, 20): "those are the weights of the *encoder's* self-attention: 20 words that "
        "look at 20. Who asks in cross-attention?",
        (32, 12, 20): "one map a sentence is too few: each head has its own.",
        (32, 12, 512): "that is the shape of what comes *out* of one attention, not of its "
        "weights.",
    },
    praise="One map for each sentence and head: 12 rows that ask, 20 columns that answer.",
)


def across(target: int, source: int, seed: int) -> tuple:
    """x, memory and the three matrices."""
    shapes = [(2, target, 8), (2, source, 8), (8, 6), (8, 6), (8, 8)]
    return tuple(numbers(*shape, seed=seed + n) for n, shape in enumerate(shapes))


@exercise(
    "5.4",
    cases=[across(4, 3, seed=40), across(5, 5, seed=50)],
    wrong={
        ("x @ w_q, memory @ w_k, memory @ w_v", "memory @ w_q, x @ w_k, x @ w_v"): "still as "
        "broken: one vector for each *source* word comes out. Who wants to know something here, "
        "and who is asked?",
        ("memory @", "x @"): "now the target asks, but it also answers: that is self-attention, "
        "and the source is never read.",
        ("x @", "memory @"): "the source asks and answers: that is the encoder's work. The target "
        "does not occur.",
        ("x @ w_q, memory @ w_k", "x @ w_k, memory @ w_q"): "the right sides, but w_q and w_k have "
        "changed places: w_q belongs to the query.",
        ("x @ w_q", "x @ w_q * math.sqrt(w_q.size(1))"): "the scores are not divided by √d_k: use "
        "the notebook's `attention`, or divide yourself.",
    },
    praise="Queries from here, keys and values from there.",
)
def look_across(x, memory, w_q, w_k, w_v):
    output, _ = attention(x @ w_q, memory @ w_k, memory @ w_v)
    return output


PARTS = DecoderLayer(d_model=4, num_heads=1, d_ff=4).eval()  # the learner's `self`
load(PARTS, random_weights(PARTS))


def sentences(d_model: int, target: int, source: int, seed: int) -> tuple:
    """x, memory and both masks; the second sentence's source ends in padding."""
    x, memory = numbers(2, target, d_model, seed=seed), numbers(2, source, d_model, seed=seed + 1)
    real = torch.arange(source) < torch.tensor([[source], [source - 1]])
    return x, memory, torch.ones(target, target, dtype=torch.bool).tril(), real[:, None, None, :]


def pre_norm(self, x, memory, mask, memory_mask):
    y = self.norm1(x)
    x = x + self.self_attention(y, y, y, mask)
    x = x + self.cross_attention(self.norm2(x), memory, memory, memory_mask)
    return x + self.feed_forward(self.norm3(x))


@exercise(
    "5.5",
    cases=[(PARTS, *sentences(4, target=3, source=3, seed=30))],
    wrong={
        ("memory, memory, ", "memory, x, "): "in cross-attention your values come from x. Keys and "
        "values both come from the memory: what is found there is also what is fetched.",
        ("x, memory, memory, memory_mask)", "memory, x, x, memory_mask)"): "in cross-attention the "
        "memory asks and x answers: it is the other way round. The query is x, because each "
        "target position wants to know something.",
        ("memory, memory, ", "x, x, "): "your cross-attention looks at x and never at the memory: "
        "this decoder writes without having read.",
        ("x + ", ""): "the residual connections are missing: norm(x + sublayer(x)), three times.",
        ("memory, memory_mask))", "memory, mask))"): "cross-attention got `mask`, which hides the "
        "future of your own words. The source has no future, it has padding: hand `memory_mask` "
        "over.",
        pre_norm: "that is pre-norm: norm inside, before the sublayer. The paper's post-norm "
        "stands around the sum: norm(x + sublayer(x)).",
    },
    praise="Look back, look across, think: three sublayers, each inside norm(x + …).",
)
def forward(self, x, memory, mask, memory_mask):
    x = self.norm1(x + self.self_attention(x, x, x, mask))
    x = self.norm2(x + self.cross_attention(x, memory, memory, memory_mask))
    return self.norm3(x + self.feed_forward(x))


SAVED = question(
    "5.6",
    37_888_000,
    wrong={
        18_944_000: "that is one matrix. Three places use one each, and one matrix has to stay: "
        "how many are saved?",
        56_832_000: "that is all three. One of them has to stay.",
        75_024: "those are rows and columns added, twice. A matrix has rows × columns entries.",
        37.888: "that is in millions, and it is right. Write the whole number.",
    },
    tolerance=5e-4,
    praise="Two matrices of 18.9 million: more than half of what the tied model has in all.",
)


def one_step(answer):
    """Tie, take a step of training, and report both tables and how many parameters there are."""

    def call(table, start):
        embedding = nn.Embedding.from_pretrained(table, freeze=False)
        output = nn.Linear(table.size(1), table.size(0), bias=False)
        output.weight.data = start
        output = answer(embedding, output) if callable(answer) else answer
        if output is None or output is ...:
            return output
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


@exercise(
    "5.7",
    cases=[(numbers(5, 3, seed=60), numbers(5, 3, seed=61))],
    wrong={
        ("= embedding.weight", "= nn.Parameter(embedding.weight.clone())"): "still as broken: "
        "after one step of training the two tables differ. A clone is a second table; the two "
        "layers must hold the very same parameter.",
        ("weight", "weight.data"): "nearly: both look at the same numbers in memory, but they are "
        "still two parameters. Each gets a gradient and an optimizer state of its own. Hand over "
        "the embedding's parameter itself, without `.data` and without a new nn.Parameter.",
        ("output.weight = embedding.weight", "embedding.weight = output.weight"): "one table, but "
        "the wrong one stayed: the embedding's numbers should be kept, and the output layer "
        "should take them over.",
        ("output.weight = embedding.weight", "pass"): "the two layers came back as they were, each "
        "with its own table.",
    },
    praise="One parameter under two names: one count, one gradient, one step.",
    adapt=one_step,
)
def tie(embedding, output):
    output.weight = embedding.weight
    return output


FIRST_LOSS = question(
    "5.8",
    math.log(10_000),
    tolerance=6e-3,
    wrong={
        1 / 10_000: "that is the probability of the right token. The loss is −ln of it.",
        math.log2(10_000): "you took the logarithm to base 2, which counts bits. Ours is the "
        "natural one: math.log.",
        4.0: "you took the logarithm to base 10. Ours is the natural one: math.log.",
        -math.log(10_000): "the sign: the logarithm of a probability is negative, and the loss is "
        "*minus* it.",
        10_000: "that many words are equally likely, so each has the probability 1 / 10,000. The "
        "loss is −ln of that.",
    },
    praise="ln 10,000 = 9.21: remember the log of your vocabulary before you start a training.",
)


def letters(source, target):
    """A model that looks back and not ahead: scores (batch, length, 9)."""
    table = numbers(9, 9, seed=70)
    places = torch.arange(1, target.size(1) + 1)[:, None]
    seen = table[target].cumsum(dim=1) / places  # the mean of what stands there so far
    return 2 * seen + table[source].mean(dim=1, keepdim=True)


@exercise(
    "5.9",
    cases=[
        (
            letters,
            torch.tensor([[5, 6, 7], [8, 4, 0]]),
            torch.tensor([[1, 3, 4, 5, 2], [1, 6, 2, 0, 0]]),
        ),
        (letters, torch.tensor([[8, 3]]), torch.tensor([[1, 7, 8, 2]])),
    ],
    wrong={
        (("[:, :-1]", ""), ("[:, 1:]", "")): "still as broken: at each position the model is asked "
        "for the token that it is looking at. The answer must be the *next* one.",
        ("[:, 1:]", "[:, :-1]"): "you left the last column out on both sides, so each position "
        "still has to say its own token. One side loses its last column, the other side its first.",
        (", ignore_index=0", ""): "the shift is right, but now padding counts as well: keep "
        "ignore_index=0.",
        (("target[:, :", "F.pad(target, (1, 0), value=START)[:, :"), ("[:, 1:]", "")): "`target` "
        "has its <start> already. With a second one in front, your model must say <start> as "
        "well: cut columns off instead.",
        ("target[:, :-1])", "target[:, :-1]).softmax(dim=-1)"): "cross_entropy takes the softmax "
        "itself: hand it the scores as they are.",
    },
    praise="All but the last column goes in, all but the first must come out.",
)
def teacher_loss(model, source, target):
    scores = model(source, target[:, :-1])
    return F.cross_entropy(scores.flatten(0, 1), target[:, 1:].flatten(), ignore_index=0)


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


@exercise(
    "5.10",
    cases=[(speller, START, END, 9), (speller, START, END, 2), (echo, START, END, 9)],
    wrong={
        ("ids[1:]", "ids"): "the start token is in your answer. It is the push to begin and no "
        "word of it.",
        ("token == end", "ids[-1] == end"): "the end token is in your answer. It says that all is "
        "said and is no word itself.",
        ("break", "pass"): "you went on writing after the end token: stop as soon as it comes.",
        ("next_scores(ids)", "next_scores(ids[-1:])"): "your model sees only its last token. It "
        "needs all it has written so far: hand the whole list to next_scores.",
        ("range(limit)", "range(50)"): "your loop does not keep to the limit: at most `limit` "
        "tokens.",
        ("range(limit)", "range(limit - 1)"): "when no end token comes, one token too few comes "
        "back: `limit` tokens are allowed. Does your loop stop early, or do you cut off a last "
        "token that is no end token?",
    },
    praise="Score, take the best, append, again: that is all of greedy decoding.",
    adapt=patient,
)
def greedy(next_scores, start, end, limit):
    ids = [start]
    for _ in range(limit):
        token = int(next_scores(ids).argmax())
        if token == end:
            break
        ids.append(token)
    return ids[1:]


BLANK_CELL = exercise(
    "5.11",
    cases=[
        ((8, 2, 16), sentences(8, target=4, source=5, seed=80), {"norm_first": False}),
        ((12, 3, 8), sentences(12, target=4, source=5, seed=80), {"norm_first": True}),
    ],
    wrong={
        ("if self.norm_first", "if False"): "post-norm is right, but norm_first=True changes "
        "nothing: there the norm stands inside, x + sublayer(norm(x)).",
        ("if self.norm_first", "if not self.norm_first"): "post and pre are swapped: "
        "norm_first=True is the one with the norm *before* the sublayer.",
        ("(y, memory, memory", "(y, self.norm2(memory), self.norm2(memory)"): "in pre-norm you "
        "normed the memory. It left the encoder normed: only x is normed.",
        (("x = x + ", "x = y + "), ("return x + ", "return self.norm3(x) + ")): "in pre-norm your "
        "skip carries the *normed* x. What the skip carries is x as it was; only the sublayer "
        "gets the normed one.",
        (("y, mask)", "y)"), ("x, mask)", "x)")): "self-attention can look ahead: hand it `mask`.",
        (", memory_mask)", ")"): "cross-attention looks at the source's padding: hand it "
        "`memory_mask`.",
    },
    praise="The decoder layer, in both orders, by heart.",
    adapt=with_weights(DecoderLayer),
)(DecoderLayer)

"""The exercises of notebook 05, decoder."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from exercises.check import exercise, numbers
from exercises.weights import with_weights
from transformer.attention import attention
from transformer.decoder import DecoderLayer, Transformer

START, END = 1, 2


def across(target: int, source: int, seed: int) -> tuple:
    """x, memory and the three matrices."""
    shapes = [(2, target, 8), (2, source, 8), (8, 6), (8, 6), (8, 8)]
    return tuple(numbers(*shape, seed=seed + n) for n, shape in enumerate(shapes))


@exercise(
    "5.1",
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
        ("output, _ = attention", "output = attention"): "you return the pair that `attention` "
        "gives, output and weights. Return the output alone.",
        ("x @ w_q", "x @ w_q * w_q.size(1) ** 0.5"): "the scores are not divided by √d_k: use the "
        "notebook's `attention`, or divide yourself.",
    },
    praise="Queries from here, keys and values from there.",
)
def look_across(x, memory, w_q, w_k, w_v):
    output, _ = attention(x @ w_q, memory @ w_k, memory @ w_v)
    return output


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
    "5.2",
    cases=[(numbers(5, 3, seed=60), numbers(5, 3, seed=61))],
    wrong={
        ("= embedding.weight", "= nn.Parameter(embedding.weight.clone())"): "still as broken: "
        "after one step of training the two tables differ. A clone is a second table; the two "
        "layers must hold the very same parameter.",
        ("weight", "weight.data"): "nearly: both look at the same numbers in memory, but they are "
        "still two parameters. Each gets a gradient and an optimizer state of its own. Hand over "
        "the embedding's parameter itself, without `.data` and without a new nn.Parameter.",
        ("output.weight = embedding.weight", "embedding.weight = output.weight"): "one table, but "
        "the wrong one stayed: the embedding's numbers should be kept, and the output layer should "
        "take them over.",
        ("output.weight = embedding.weight", "pass"): "the two layers came back as they were, each "
        "with its own table.",
    },
    praise="One parameter under two names: one count, one gradient, one step.",
    adapt=one_step,
)
def tie(embedding, output):
    output.weight = embedding.weight
    return output


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
    "5.3",
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


def sentences(d_model: int, length: int, seed: int) -> tuple:
    """x, memory and both masks; the second sentence's source ends in padding. Source and target are
    of one length, so that nothing stops a layer in which the two have changed places."""
    x, memory = numbers(2, 2, length, d_model, seed=seed)
    real = torch.arange(length) < torch.tensor([[length], [length - 1]])
    return x, memory, torch.ones(length, length, dtype=torch.bool).tril(), real[:, None, None, :]


LAYER = exercise(
    "5.4",
    cases=[
        ((8, 2, 16), sentences(8, length=4, seed=80), {"norm_first": False}),
        ((12, 3, 8), sentences(12, length=5, seed=82), {"norm_first": True}),
    ],
    wrong={
        ("if self.norm_first", "if False"): "post-norm is right, but norm_first=True changes "
        "nothing: there the norm stands inside, x + sublayer(norm(x)).",
        ("if self.norm_first", "if not self.norm_first"): "post and pre are swapped: "
        "norm_first=True is the one with the norm *before* the sublayer.",
        (("memory, memory, ", "y, y, "), ("(x, y, y, ", "(x, x, x, ")): "your cross-attention "
        "looks at the target's own words and never at the memory: this decoder writes without "
        "having read.",
        ("(y, memory, memory", "(y, self.norm2(memory), self.norm2(memory)"): "in pre-norm you "
        "normed the memory. It left the encoder normed: only x is normed.",
        (("x = x + ", "x = "), ("return x + ", "return "), ("(x + ", "(")): "the residual "
        "connections are missing: x is added back, three times.",
        (("y, mask)", "y)"), ("x, mask)", "x)")): "self-attention can look ahead: hand it `mask`.",
        ("(y, memory, memory, memory_mask)", "(y, memory, memory)"): "post-norm is right; in "
        "pre-norm cross-attention looks at the source's padding: hand it `memory_mask`.",
        ("(x, memory, memory, memory_mask)", "(x, memory, memory)"): "in post-norm cross-attention "
        "looks at the source's padding: hand it `memory_mask`.",
        (", memory_mask)", ")"): "cross-attention looks at the source's padding: hand it "
        "`memory_mask`.",
        ((", mask)", ", mask)[0]"), (", memory_mask)", ", memory_mask)[0]")): "attention returns "
        "its output alone, not a pair: your `[0]`, or `attended, _ =`, keeps the first sentence of "
        "the batch.",
    },
    praise="The decoder layer, in both orders, by heart.",
    adapt=with_weights(DecoderLayer),
)(DecoderLayer)


LAST_NORMS = {
    f"{stack}.norm.{part}" for stack in ("encoder", "decoder") for part in ("weight", "bias")
}


def loosened(model: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """So that two mistakes can be told by what comes out: a table of the learner's own gets numbers
    that depend on its shape alone, and a last norm may be missing."""
    own = dict(model.named_parameters(remove_duplicate=False))
    if weights.keys() - own.keys() <= LAST_NORMS:
        shared = {id(own[name]) for name in weights if name in own}
        extra = {name: own[name] for name in own if id(own[name]) not in shared}
        weights = {name: weights[name] for name in weights if name in own}
        weights |= {name: of_its_shape(parameter) for name, parameter in extra.items()}
    return weights


def of_its_shape(parameter: Tensor) -> Tensor:
    return numbers(*parameter.shape, seed=99) if parameter.dim() > 1 else 0 * parameter.detach()


SOURCE = torch.tensor([[5, 6, 7, 3, 9], [8, 4, 10, 7, 0]])
TARGET = torch.tensor([[1, 3, 4, 5, 2], [1, 6, 10, 0, 0]])
SCORES = "F.linear(self.hidden(target, memory, source), self.embedding.table.weight)"
OWN_LAYER = "self.output(self.hidden(target, memory, source))"
DRAWN = "xavier(self.encoder, self.decoder)"
OUTPUT_LAYER = "self.output = nn.Linear(d_model, vocab_size, bias=False)"
NO_FACTOR = (
    "(self.embedding({0}) - (self.config['d_model'] ** 0.5 - 1) * self.embedding.table({0}))"
)
NO_PLACES = "(self.embedding.table({0}) * self.config['d_model'] ** 0.5)"
SOURCE_SEEN = (
    (", mask, padding_mask(source, pad))", ", mask)"),
    ('self.embedding(source), padding_mask(source, self.config["pad"])', "self.embedding(source)"),
)


def embedded_as(text: str) -> tuple[tuple[str, str], ...]:
    """Edits that put `text` in the place of both embeddings."""
    names = ("source", "target")
    return tuple((f"self.embedding({name})", text.format(name)) for name in names)


TRANSFORMER = exercise(
    "5.5",
    cases=[
        ((11, 8, 2, 16, 2), (SOURCE, TARGET), {"norm_first": False}),
        ((11, 12, 3, 8, 2), (SOURCE, TARGET), {"norm_first": True}),
    ],
    wrong={
        ("causal_mask(target.size(1), target.device) & ", ""): "the decoder can look ahead: its "
        "loss would be perfect, and its writing useless. A mask is missing.",
        ("& padding_mask(target, pad)", ""): "the decoder's self-attention looks at the target's "
        "padding. Its mask has two parts.",
        (", mask, padding_mask(source, pad))", ", mask)"): "cross-attention looks at the source's "
        "padding.",
        (
            'self.embedding(source), padding_mask(source, self.config["pad"])',
            "self.embedding(source)",
        ): "the encoder looks at the source's padding.",
        SOURCE_SEEN: "encoder and cross-attention both look at the source's padding: each needs "
        "its mask.",
        (", padding_mask(source, pad))", ", padding_mask(target, pad))"): "cross-attention got the "
        "*target's* padding. Whose words are the keys there?",
        ("dropout, norm_first)", "dropout)"): "post-norm is right, but norm_first=True changes "
        "nothing: hand it on to both stacks, by its name, norm_first=norm_first (the place behind "
        "d_ff is dropout's).",
        ("dropout, norm_first)", "dropout, not norm_first)"): "the norm stands on the wrong side: "
        "norm_first=True is pre-norm, norm_first=False the paper's post-norm.",
        (DRAWN, "self.encoder.norm = self.decoder.norm = nn.Identity()"): "post-norm is right. In "
        "pre-norm, what runs along the skips is never normed: at the top of each stack one last "
        "norm is missing.",
        embedded_as(NO_FACTOR): "the factor is missing: what comes out of the table is multiplied "
        "by √d_model.",
        embedded_as(NO_PLACES): "the words don't know their places: nothing adds the positional "
        "encoding.",
        ((SCORES, OWN_LAYER), (DRAWN, OUTPUT_LAYER)): "the table is not tied: the scores come from "
        "a matrix of their own. One table does all three jobs.",
        (SCORES, SCORES + ".softmax(dim=-1)"): "you return probabilities. Return the scores: the "
        "loss takes the softmax itself.",
    },
    praise="The whole Transformer of 2017, by heart.",
    adapt=with_weights(Transformer, loosened),
)(Transformer)

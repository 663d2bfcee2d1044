"""The exercises of lab 03, heads at work."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from exercises.check import exercise, question, then
from transformer.heads import MultiHeadAttention


class Block(nn.Module):
    def __init__(self, num_heads: int) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(8, num_heads)
        self.pairs = 0  # how often the attention handed on (output, weights), not the output

    def forward(self, x: Tensor) -> Tensor:
        output = self.attention(x, x, x)
        if isinstance(output, tuple):
            self.pairs += 1
            output = output[0]
        return x + output


def with_what_stays(record: Callable) -> Callable:
    """What the learner's recorder has kept of a stack of blocks, whether it leaves hooks, and how
    often the model got a pair where it wanted an output."""

    def both(blocks: int, num_heads: int) -> tuple | None:
        torch.manual_seed(0)
        model = nn.Sequential(*(Block(num_heads) for _ in range(blocks))).eval()
        maps = record(model, torch.randn(2, 5, 8))
        if maps is None or maps is ...:
            return None
        hooks = (
            len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.modules()
        )
        return maps, sum(hooks) > 0, sum(block.pairs for block in model)

    return both


@exercise(
    "3.A",
    cases=[(1, 2), (3, 4)],
    wrong={
        (".modules()", ".children()"): "the list stays empty: no hook of yours has run. Was a "
        "MultiHeadAttention found (model.children() does not give the parts of the parts), and did "
        "the model run before the hooks were removed?",
        ("append(result[1])", "append(result[0])"): "you kept the outputs. A module that is asked "
        "for its weights returns a pair: the output, then the weights.",
        ("hook.remove()", "hook"): "the maps are right, but hooks of yours are still there: every "
        "later call would go on asking and keeping. Keep the handles of both kinds, and remove "
        "each.",
        ("return result[0]", "return None"): "the maps are right, but the rest of the model gets "
        "the pair (output, weights) where it wants the output. What should your hook return?",
        ("kept.append(result[1])", "kept[:] = [result[1]]"): "only the last map is left. Every "
        "attention of the model should add its own.",
    },
    praise="Nobody had to change the model.",
    adapt=with_what_stays,
)
def recorded(model, *inputs):
    kept, hooks = [], []

    def ask(module, args, kwargs):
        return args, {**kwargs, "return_weights": True}

    def keep(module, args, result):
        kept.append(result[1])
        return result[0]

    for module in model.modules():
        if isinstance(module, MultiHeadAttention):
            hooks.append(module.register_forward_pre_hook(ask, with_kwargs=True))
            hooks.append(module.register_forward_hook(keep))
    model(*inputs)
    for hook in hooks:
        hook.remove()
    return kept


@then
def with_the_original(silenced, weight, head, num_heads):
    """The learner's matrix, and beside it what has become of the one they were handed."""
    return silenced, weight


@exercise(
    "3.B",
    cases=[
        (torch.arange(1.0, 65).view(8, 8), 1, 2),
        (torch.arange(1.0, 145).view(12, 12), 0, 4),
        (torch.arange(1.0, 145).view(12, 12), 2, 6),
    ],
    wrong={
        ("[:, ", "["): "you silenced rows. nn.Linear stores (out, in), and what a head gives comes "
        "*in*.",
        (".clone()", ""): "the matrix that you were handed has changed as well. Make a copy first, "
        "or the head stays silent for ever.",
        ("head * d_k : (head + 1) * d_k", "head::num_heads"): "you took every num_heads-th column. "
        "A head's columns stand next to each other.",
        ("head * d_k : (head + 1) * d_k", "head"): "you silenced a single column. A head gives d_k "
        "numbers, so d_k columns belong to it.",
        ("weight.size(1) // num_heads", "num_heads"): "your slices are num_heads wide. They should "
        "be d_k = d_model / num_heads wide.",
        ("weight.size(1) // num_heads", "64"): "your slices are 64 wide, as in the paper's size. "
        "Work d_k out from the size of `weight` and num_heads.",
    },
    praise="Its slice of W^O is zero, so whatever the head finds, nobody hears it.",
    adapt=with_the_original,
)
def without_head(weight, head, num_heads):
    d_k = weight.size(1) // num_heads
    silenced = weight.clone()  # (out, in)
    silenced[:, head * d_k : (head + 1) * d_k] = 0.0
    return silenced


SAVED = question(
    "3.C",
    18 * 2 * 512 * (512 - 8 * 16),
    wrong={
        2 * 512 * 384: "that is one attention block. How many stand in the whole model?",
        12 * 2 * 512 * 384: "that is twelve blocks. A decoder layer has more than one.",
        18 * 512 * 384: "that is one matrix a block. Queries and keys each have one.",
        18 * 4 * 512 * 384: "you narrowed all four matrices. Values and W^O stay as they are.",
        18 * 2 * 512 * 48: "you narrowed one head. All eight are narrowed.",
        6 * 2 * 512 * 384: "that is six blocks, or what W^Q and W^K still hold when all are "
        "narrowed. The question is for what goes, in all blocks.",
    },
    tolerance=1e-9,
    praise="7.1 million: 65 million become 58, as the paper says.",
)

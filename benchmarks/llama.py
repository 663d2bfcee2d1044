"""How far our LanguageModel and its parts are from transformers' Llama: outputs and gradients.

    python -m benchmarks.llama [--configurations 200]

compares over random sizes, prints the largest differences and writes them to --out
(runs/bench/llama.json; the page of this folder shows results/llama.json).
"""

import argparse
import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import torch
import transformers
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

from command.options import whole
from command.results import write_json
from transformer.modern import LanguageModel, from_llama, in_our_names, rotate, rotation

RESULT = Path(__file__).parent / "results" / "llama.json"
OUT = Path("runs/bench/llama.json")


@dataclass
class Sizes:
    """One configuration: d_k is 8 to 20, d_model 8 to 180, as in benchmarks.parity no narrower."""

    kv_heads: int
    group: int
    d_k: int
    d_ff: int
    num_layers: int
    vocab_size: int
    batch: int
    length: int
    base: float
    eps: float
    seed: int


def draw(seed: int) -> Sizes:
    """Random sizes, the same for the same seed."""
    luck = random.Random(seed)
    return Sizes(
        kv_heads=luck.randint(1, 3),
        group=luck.randint(1, 3),
        d_k=2 * luck.randint(4, 10),
        d_ff=luck.randint(1, 64),
        num_layers=luck.randint(1, 4),
        vocab_size=luck.randint(4, 40),
        batch=luck.randint(1, 3),
        length=luck.randint(1, 12),
        base=luck.choice([1e4, 5e5]),
        eps=luck.choice([1e-5, 1e-6]),
        seed=seed,
    )


def llama(sizes: Sizes) -> LlamaForCausalLM:
    """The library's, with every weight random, norms too."""
    heads = sizes.kv_heads * sizes.group
    config = LlamaConfig(
        vocab_size=sizes.vocab_size,
        hidden_size=heads * sizes.d_k,
        intermediate_size=sizes.d_ff,
        num_hidden_layers=sizes.num_layers,
        num_attention_heads=heads,
        num_key_value_heads=sizes.kv_heads,
        rms_norm_eps=sizes.eps,
        rope_parameters={"rope_theta": sizes.base, "rope_type": "default"},
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    for weight in model.parameters():
        norm = weight.dim() == 1
        nn.init.normal_(weight, mean=float(norm), std=0.3 if norm else weight.size(-1) ** -0.5)
    return model


def in_double() -> ExitStack:
    """Inside, PyTorch's names float32 and float stand for float64: the library's norms and angles
    count in float32 whatever a model's dtype is."""
    stack = ExitStack()
    for name in ("float32", "float"):
        stack.enter_context(patch.object(torch, name, torch.float64))
    return stack


def differences(sizes: Sizes, dtype: torch.dtype) -> dict[str, tuple[float, float]]:
    """Part → the largest difference of its outputs, and of its gradients by input and weights.

    A gradient's difference is divided by the largest number in any of the library's gradients, when
    that is above 1.
    """
    with in_double() if dtype == torch.float64 else ExitStack():
        torch.manual_seed(sizes.seed)
        theirs = llama(sizes).to(dtype)
        ours = from_llama(theirs)
        return {name: part(ours, theirs, sizes) for name, part in PARTS.items()}


def norm(ours: LanguageModel, theirs: LlamaForCausalLM, sizes: Sizes) -> tuple[float, float]:
    return compared(ours.norm, theirs.model.norm, [hidden(ours, sizes)])


def turning(ours: LanguageModel, theirs: LlamaForCausalLM, sizes: Sizes) -> tuple[float, float]:
    shape = sizes.batch, sizes.kv_heads, sizes.length, sizes.d_k
    q, k = torch.randn(2, *shape, dtype=ours.table.weight.dtype)
    cos, sin = (part.to(q) for part in rotation(sizes.length, sizes.d_k, base=sizes.base))
    right = angles(theirs, q, sizes)

    def both(q: Tensor, k: Tensor) -> Tensor:
        return torch.stack([rotate(q, cos, sin), rotate(k, cos, sin)])

    def theirs_both(q: Tensor, k: Tensor) -> Tensor:
        return torch.stack(apply_rotary_pos_emb(q, k, *right))

    return compared(both, theirs_both, [q, k], [], [])


def feed_forward(ours: LanguageModel, theirs: LlamaForCausalLM, sizes: Sizes):
    layer = ours.layers[0].feed_forward
    return compared(layer, theirs.model.layers[0].mlp, [hidden(ours, sizes)])


def grouped(ours: LanguageModel, theirs: LlamaForCausalLM, sizes: Sizes) -> tuple[float, float]:
    mine, right, x = ours.layers[0].attention, theirs.model.layers[0].self_attn, hidden(ours, sizes)
    turn = [part.to(x) for part in rotation(sizes.length, sizes.d_k, base=sizes.base)]
    return compared(
        lambda x: mine(x, *turn)[0],
        lambda x: right(x, angles(theirs, x, sizes), None)[0],
        [x],
        mine.named_parameters(),
        right.named_parameters(),
    )


def whole_model(ours: LanguageModel, theirs: LlamaForCausalLM, sizes: Sizes):
    ids = torch.randint(sizes.vocab_size, (sizes.batch, sizes.length))
    return compared(
        lambda: ours(ids),
        lambda: theirs(ids).logits,
        [],
        ours.named_parameters(),
        theirs.model.named_parameters(),
    )


PARTS = {
    "RMSNorm": norm,
    "RoPE": turning,
    "SwiGLU": feed_forward,
    "grouped-query attention": grouped,
    "the whole model": whole_model,
}


def hidden(ours: LanguageModel, sizes: Sizes) -> Tensor:
    """(batch, length, d_model), random"""
    weight = ours.table.weight
    return torch.randn(sizes.batch, sizes.length, weight.size(1), dtype=weight.dtype)


def angles(theirs: LlamaForCausalLM, x: Tensor, sizes: Sizes) -> tuple[Tensor, Tensor]:
    """The library's cos and sin for the places 0, 1, …"""
    rotary: LlamaRotaryEmbedding = theirs.model.rotary_emb
    return rotary(x, torch.arange(sizes.length)[None])


Named = Iterable[tuple[str, Tensor]]


def compared(
    ours: Callable,
    theirs: Callable,
    inputs: list[Tensor],
    our_weights: Named | None = None,
    their_weights: Named | None = None,
) -> tuple[float, float]:
    """The two differences of two modules, or of two functions with the weights that they use."""
    mine = dict(ours.named_parameters() if our_weights is None else our_weights)
    right = dict(theirs.named_parameters() if their_weights is None else their_weights)
    inputs = [x.requires_grad_() for x in inputs]
    outputs = [ours(*inputs), theirs(*inputs)]
    pattern = torch.randn_like(outputs[0])
    gradients: list[Mapping[str, Tensor]] = []
    for output, weights in zip(outputs, (mine, right), strict=True):
        found = torch.autograd.grad((output * pattern).sum(), [*inputs, *weights.values()])
        names = [*map(str, range(len(inputs))), *weights]
        gradients.append(in_our_names(dict(zip(names, found, strict=True))))
    if gradients[0].keys() != gradients[1].keys():
        raise ValueError(f"other weights: {gradients[0].keys() ^ gradients[1].keys()}")
    largest = max(1.0, max(each.abs().max().item() for each in gradients[1].values()))
    gap = max((gradients[0][name] - g).abs().max().item() for name, g in gradients[1].items())
    return (outputs[0] - outputs[1]).abs().max().item(), gap / largest


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configurations", type=whole(1), default=200)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    result = {
        "command": f"python -m benchmarks.llama --configurations {options.configurations}",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "configurations": options.configurations,
    }
    for dtype in (torch.float32, torch.float64):
        found = [differences(draw(seed), dtype) for seed in range(options.configurations)]
        kind = str(dtype).removeprefix("torch.")
        result[kind] = {}
        for part in PARTS:
            outputs, gradients = map(max, zip(*(each[part] for each in found), strict=True))
            result[kind][part] = {"outputs": outputs, "gradients": gradients}
            print(f"{kind}, {part}: outputs {outputs:.1e}, gradients {gradients:.1e}")
    write_json(result, options.out)


if __name__ == "__main__":
    main()

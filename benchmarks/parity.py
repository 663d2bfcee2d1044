"""How far our Transformer is from PyTorch's, over random sizes: outputs and gradients.

    python -m benchmarks.parity [--configurations 200]

prints the largest differences and writes them to --out (runs/bench/parity.json; the page of this
folder shows results/parity.json).
"""

import argparse
import random
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from command.options import whole
from command.results import write_json
from transformer.attention import causal_mask
from transformer.decoder import Transformer
from utils.parity import copy_from_torch, in_our_names

RESULT = Path(__file__).parent / "results" / "parity.json"
OUT = Path("runs/bench/parity.json")


@dataclass
class Sizes:
    """One configuration. A head is d_k wide, so d_model = num_heads · d_k: 8 to 80.

    No narrower: a norm over two or four numbers magnifies rounding.
    """

    num_heads: int
    d_k: int
    d_ff: int
    num_layers: int
    vocab_size: int
    batch: int
    source: int
    target: int
    norm_first: bool
    seed: int


def draw(seed: int) -> Sizes:
    """Random sizes, the same for the same seed."""
    pick = random.Random(seed).randint
    return Sizes(
        num_heads=pick(1, 4),
        d_k=2 * pick(4, 10),
        d_ff=pick(1, 32),
        num_layers=pick(1, 4),
        vocab_size=pick(4, 40),
        batch=pick(1, 4),
        source=pick(1, 9),
        target=pick(1, 9),
        norm_first=bool(pick(0, 1)),
        seed=seed,
    )


def torch_transformer(sizes: Sizes) -> nn.Transformer:
    """PyTorch's, with every weight random, norms and biases too.

    With post-norm the paper has no norm after the last layer; nn.Transformer adds one unless the
    stacks are handed over.
    """
    d_model = sizes.num_heads * sizes.d_k
    options = dict(
        d_model=d_model,
        nhead=sizes.num_heads,
        dim_feedforward=sizes.d_ff,
        dropout=0.0,
        batch_first=True,
        norm_first=sizes.norm_first,
    )
    norms = [nn.LayerNorm(d_model) if sizes.norm_first else None for _ in range(2)]
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(**options), sizes.num_layers, norms[0], False
    )
    decoder = nn.TransformerDecoder(
        nn.TransformerDecoderLayer(**options), sizes.num_layers, norms[1]
    )
    model = nn.Transformer(
        d_model, sizes.num_heads, custom_encoder=encoder, custom_decoder=decoder, batch_first=True
    )
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.normal_(parameter, mean=float("norm" in name and "weight" in name), std=0.3)
    return model


def differences(sizes: Sizes, dtype: torch.dtype) -> tuple[float, float]:
    """The largest difference of the outputs, and of the gradients by every parameter.

    A gradient's difference is divided by the largest number in any of PyTorch's gradients, when
    that is above 1: a gradient sums over a whole batch, and so does its rounding.
    """
    torch.manual_seed(sizes.seed)
    theirs = torch_transformer(sizes).to(dtype).train()  # training: no fast path; dropout is 0
    d_model = sizes.num_heads * sizes.d_k
    ours = Transformer(
        sizes.vocab_size,
        d_model,
        sizes.num_heads,
        sizes.d_ff,
        sizes.num_layers,
        dropout=0.0,
        norm_first=sizes.norm_first,
    ).to(dtype)
    copy_from_torch(ours.encoder, theirs.encoder)
    copy_from_torch(ours.decoder, theirs.decoder)
    source = random_ids(sizes.batch, sizes.source, sizes.vocab_size)
    target = random_ids(sizes.batch, sizes.target, sizes.vocab_size)
    real = target != 0  # a padded query is compared with nothing: its output is never used

    mine = ours(source, target)[real]
    hidden = theirs(
        ours.embedding(source),
        ours.embedding(target),
        tgt_mask=~causal_mask(sizes.target),
        src_key_padding_mask=source == 0,
        tgt_key_padding_mask=target == 0,
        memory_key_padding_mask=source == 0,
    )
    right = (hidden @ ours.embedding.table.weight.T)[real]
    direction = torch.randn_like(right)
    (mine * direction).sum().backward()
    table = ours.embedding.table.weight
    our_table, table.grad = table.grad, None
    (right * direction).sum().backward()
    pairs = [(our_table, table.grad)]
    for stack, their_stack in ((ours.encoder, theirs.encoder), (ours.decoder, theirs.decoder)):
        expected = in_our_names({name: p.grad for name, p in their_stack.named_parameters()})
        pairs += [(p.grad, expected[name]) for name, p in stack.named_parameters()]
    largest = max(1.0, max(theirs.abs().max().item() for _, theirs in pairs))
    gap = max((mine - theirs).abs().max().item() for mine, theirs in pairs)
    return (mine - right).abs().max().item(), gap / largest


def random_ids(batch: int, length: int, vocab_size: int) -> Tensor:
    """(batch, length) token ids; some rows end in padding (0), each holds at least one token."""
    ids = torch.randint(1, vocab_size, (batch, length))
    lengths = torch.randint(1, length + 1, (batch, 1))
    return ids.where(torch.arange(length) < lengths, torch.zeros_like(ids))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configurations", type=whole(1), default=200)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    count = options.configurations
    found = {"configurations": count, "first": asdict(draw(0))}
    for dtype in (torch.float32, torch.float64):
        pairs = [differences(draw(seed), dtype) for seed in range(count)]
        outputs, slopes = (max(column) for column in zip(*pairs, strict=True))
        found[str(dtype).removeprefix("torch.")] = {"outputs": outputs, "gradients": slopes}
        print(
            f"{dtype}: {count} configurations, largest difference of the outputs {outputs:.1e}, "
            f"of the gradients {slopes:.1e}"
        )
    write_json(found, options.out)


if __name__ == "__main__":
    main()

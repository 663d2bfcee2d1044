"""The benchmarks of training speed: every peer does the same work, and its tokens are counted."""

import json
import math

import pytest
import torch

from benchmarks import measure, speed, table, training
from benchmarks.measure import Enough, Task
from benchmarks.peers import (
    HUGGING_FACE,
    OURS,
    PEERS,
    TORCH,
    HuggingFaceTransformer,
    PegasusModel,
    TorchTransformer,
)
from transformer.decoder import Transformer
from utils.data import END, Pair, collate

NEEDS_TRANSFORMERS = pytest.mark.skipif(
    PegasusModel is None, reason="benchmarks/requirements.txt is not installed: no transformers"
)
NAMES = [pytest.param(n, marks=NEEDS_TRANSFORMERS if n == HUGGING_FACE else ()) for n in PEERS]


def some_pairs(count: int, seed: int = 0) -> list[Pair]:
    """Sentences of three to eight tokens, to be copied."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, 9, (count,), generator=generator).tolist()
    rows = [torch.randint(3, 20, (n,), generator=generator).tolist() + [END] for n in lengths]
    return [Pair(row, row[1:]) for row in rows]


@pytest.fixture
def task() -> Task:
    sizes = dict(
        vocab_size=20, d_model=16, num_heads=2, d_ff=32, num_layers=1, dropout=0.1, norm_first=True
    )
    return Task(
        some_pairs(40), some_pairs(20, seed=1), sizes, max_tokens=90, peak=1e-2, warmup=10,
        smoothing=0.1, seed=0, epochs=8,
    )  # fmt: skip


@pytest.mark.parametrize(
    "peer", [TorchTransformer, pytest.param(HuggingFaceTransformer, marks=NEEDS_TRANSFORMERS)]
)
@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_peer_with_our_weights_computes_what_we_compute(peer, num_layers, task):
    torch.manual_seed(0)
    ours = Transformer(**(task.sizes | {"num_layers": num_layers}))
    for parameter in ours.parameters():
        if parameter.dim() == 1:  # biases and norms too are to be told apart
            torch.nn.init.normal_(parameter, mean=0.5, std=0.3)
    theirs = peer(ours).eval()
    ours.eval()
    batch = collate(task.pairs[:9])
    real, seen = batch.target_in != 0, batch.source != 0
    assert not real.all() and not seen.all()
    with torch.no_grad():
        pair = [model.encode(batch.source) for model in (ours, theirs)]
        assert (pair[0] - pair[1])[seen].abs().max() < 1e-5
        pair = [
            model.hidden(batch.target_in, memory, batch.source)
            for model, memory in zip((ours, theirs), pair, strict=True)
        ]
        assert (pair[0] - pair[1])[real].abs().max() < 1e-5
    assert theirs.embedding.table.weight.equal(ours.embedding.table.weight)
    learned = [sum(p.numel() for p in m.parameters() if p.requires_grad) for m in (ours, theirs)]
    assert learned[0] == learned[1]


@pytest.mark.parametrize("peer", [None, *PEERS][1:3])
def test_dropout_strikes_ours_and_theirs_at_the_same_places(peer, task):
    """With the same random numbers both lose the same, so that both compute the same."""
    built = [PEERS[name].build(Transformer(**task.sizes)).train() for name in (OURS, peer)]
    assert len(built) == 2


@pytest.mark.parametrize("name", NAMES)
def test_every_peer_learns_and_counts_its_real_tokens(name, task):
    found = training.curve(name, task, every=1, to_loss=-math.inf)
    losses = [point["loss"] for point in found["losses"]]
    assert losses[-1] < losses[0] - 0.2
    by_hand = task.epochs * sum(len(pair.target) for pair in task.pairs)
    assert found["losses"][-1]["tokens"] == by_hand
    assert found["seconds to the loss"] is None

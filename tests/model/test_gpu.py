"""On a GPU: training in mixed precision, going on after a break, blocks beside PyTorch's own.

They run by `make test-gpu` alone: everywhere else the tests see no GPU.
"""

import math
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState
from torch import nn

from tests.small_training import copy_pairs
from transformer.attention import causal_mask
from transformer.decoder import DecoderLayer, Transformer
from transformer.encoder import EncoderLayer
from transformer.trainer import Recipe, fit
from transformer.training import mean_loss
from transformer.training import train as plain_train
from utils.data import Loader
from utils.parity import copy_from_torch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here"),
]
SIZES = dict(d_model=64, nhead=4, dim_feedforward=128, batch_first=True)


def small_model() -> Transformer:
    torch.manual_seed(0)
    return Transformer(11, 16, 2, 32, 1, norm_first=True)


@pytest.fixture(autouse=True)
def any_precision():
    """accelerate has one precision a process; here each test has its own."""
    AcceleratorState._reset_state()


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_the_loss_falls(precision):
    if precision == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        pytest.skip("this GPU has no bf16")
    batches = Loader(copy_pairs(2000), 300, shuffle=True)
    model, held_out = small_model(), Loader(copy_pairs(200, seed=9), 300)
    recipe = Recipe(epochs=4, peak=1e-2, warmup=40, average=1)
    history = fit(model, batches, recipe, precision=precision)
    losses = [row["training loss"] for row in history]
    assert all(map(math.isfinite, losses)) and losses[-1] < losses[0] - 0.3
    assert next(model.parameters()).device.type == "cuda"
    assert mean_loss(model, held_out) < math.log(11)  # better than a guess


def test_the_page_long_loop_learns_too():
    model = small_model().cuda()
    history = plain_train(model, Loader(copy_pairs(2000), 300, shuffle=True), 4, 1e-2, 40)
    assert history[-1]["training loss"] < history[0]["training loss"] - 0.3
    assert mean_loss(model, Loader(copy_pairs(200, seed=9), 300)) < math.log(11)


def test_a_training_goes_on_where_it_broke_off(tmp_path):
    def train(folder: Path, resume: bool = False, stop: bool = False) -> list[float]:
        def evaluate(model: Transformer) -> dict[str, float]:
            seen.append(mean_loss(model, held_out))
            if stop and len(seen) == 2:
                raise KeyboardInterrupt
            return {"validation loss": seen[-1]}

        seen, held_out = [], Loader(copy_pairs(50, seed=9), 200)
        batches = Loader(copy_pairs(200), 200, shuffle=True, seed=1)
        recipe = Recipe(epochs=4, peak=2e-3, warmup=5, average=1)
        fit(small_model(), batches, recipe, evaluate, folder, resume)
        return seen

    unbroken = train(tmp_path / "unbroken")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "broken", stop=True)
    torch.manual_seed(12345)  # another process would not have our random state either
    resumed = train(tmp_path / "broken", resume=True)
    assert resumed == pytest.approx(unbroken[-len(resumed) :], rel=1e-2)


@pytest.mark.parametrize("norm_first", [False, True], ids=["post-norm", "pre-norm"])
def test_blocks_give_what_pytorchs_give(norm_first):
    torch.manual_seed(0)
    x, memory = torch.randn(2, 3, 7, 64, device="cuda")  # each (batch, length, d_model)
    real = torch.arange(7, device="cuda") < torch.tensor([[7], [4], [2]], device="cuda")
    mask, causal = real[:, None, None, :], causal_mask(7, "cuda")

    theirs = nn.TransformerEncoderLayer(**SIZES, norm_first=norm_first).cuda().eval()
    ours = EncoderLayer(64, 4, 128, norm_first=norm_first).cuda().eval()
    copy_from_torch(ours, theirs)
    expected = theirs(x, src_key_padding_mask=~real)
    assert (ours(x, mask) - expected)[real].abs().max() < 1e-4

    theirs = nn.TransformerDecoderLayer(**SIZES, norm_first=norm_first).cuda().eval()
    ours = DecoderLayer(64, 4, 128, norm_first=norm_first).cuda().eval()
    copy_from_torch(ours, theirs)
    expected = theirs(x, memory, tgt_mask=~causal, memory_key_padding_mask=~real)
    assert (ours(x, memory, causal, mask) - expected).abs().max() < 1e-4

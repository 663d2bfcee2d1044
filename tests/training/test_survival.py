"""Training survives kill -9 and damaged files, and is the same on one device and on two."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.small_training import copy_pairs
from transformer import trainer
from transformer.decoder import Transformer
from transformer.trainer import (
    Recipe,
    average_checkpoints,
    fit,
    read_checkpoint,
    replace,
    whole_checkpoint,
)
from transformer.training import load_model, mean_loss, save_model
from utils.data import Loader, Pair

SCRIPT = Path(__file__).parents[1] / "small_training.py"
LOSSES = ("training loss", "validation loss")


def run(*arguments, launch: list[str] | None = None) -> subprocess.CompletedProcess:
    command = [sys.executable, *(launch or []), str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def losses(process: subprocess.CompletedProcess) -> list[list[float]]:
    assert process.returncode == 0, process.stderr
    history = json.loads(process.stdout.strip().splitlines()[-1])
    return [[row[name] for name in LOSSES] for row in history]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory) -> list[list[float]]:
    return losses(run(tmp_path_factory.mktemp("unbroken")))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
@pytest.mark.parametrize(
    "place",
    [
        pytest.param("epoch", marks=pytest.mark.long),
        pytest.param("weights", marks=pytest.mark.long),
        "between",
    ],
)
def test_killed_and_resumed_is_the_same_as_never_killed(place, unbroken, tmp_path):
    killed = run(tmp_path, "--die", place)
    assert killed.returncode == -signal.SIGKILL
    there = {path.name for path in tmp_path.iterdir()} - {".lock"}
    assert (
        there
        == {
            "epoch": {"last", "last.old"},
            "weights": {"last", "last.old", "last.new"},
            "between": {"last.old", "last.new"},
        }[place]
    )
    *_, state = read_checkpoint(whole_checkpoint(tmp_path / "last"))
    assert state["epoch"] == 1 and 0 < state["steps"] < state["steps an epoch"]  # in mid-epoch
    assert losses(run(tmp_path, "--resume")) == unbroken


@pytest.mark.long
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no kill -9")
def test_killed_at_the_end_of_an_epoch_loses_nothing(unbroken, tmp_path):
    assert run(tmp_path, "--die", "end").returncode == -signal.SIGKILL
    *_, state = read_checkpoint(whole_checkpoint(tmp_path / "last"))
    assert (state["epoch"], state["steps"]) == (1, state["steps an epoch"])
    assert losses(run(tmp_path, "--resume")) == unbroken
    assert sorted(folder.name for folder in (tmp_path / "epochs").iterdir()) == ["002", "003"]
    same_weights(tmp_path / "epochs" / "003", tmp_path / "last")
    best = min(unbroken, key=lambda row: row[1])
    same_weights(tmp_path / "best", tmp_path / "epochs" / f"{unbroken.index(best) + 1:03}")


def test_last_is_written_last(tmp_path, monkeypatch):
    """Were it written before them, a run broken off in between would never write the others."""

    keep, kept = trainer.save_checkpoint, []

    def broken_off(*arguments):
        kept.append(arguments)
        if len(kept) == 2:  # the first is written before the first step
            raise SystemExit
        keep(*arguments)

    monkeypatch.setattr(trainer, "save_checkpoint", broken_off)
    with pytest.raises(SystemExit):
        fit(model_of(16), Loader(copy_pairs(60), 100), recipe(2, 2), folder=tmp_path)
    there = {path.name for path in tmp_path.iterdir()} - {".lock"}  # Windows removes it
    assert there == {"last", "best", "epochs"}
    *_, state = read_checkpoint(whole_checkpoint(tmp_path / "last"))
    assert state["history"] == []


def same_weights(one: Path, other: Path) -> None:
    first, second = (load_model(folder)[0].state_dict() for folder in (one, other))
    assert all(first[name].equal(second[name]) for name in first)


def test_a_damaged_last_checkpoint_gives_way_to_the_one_before(unbroken, tmp_path):
    losses(run(tmp_path))
    weights = tmp_path / "last" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    resumed = run(tmp_path, "--resume")
    assert "model.safetensors is damaged" in resumed.stderr
    assert "takes its place" in resumed.stderr
    assert losses(resumed) == unbroken


@pytest.mark.long
def test_in_bf16_too_a_resumed_training_is_an_unbroken_one(tmp_path):
    unbroken = losses(run(tmp_path / "unbroken", "--precision", "bf16"))
    assert run(tmp_path / "broken", "--precision", "bf16", "--die", "epoch").returncode != 0
    assert losses(run(tmp_path / "broken", "--precision", "bf16", "--resume")) == unbroken


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="torchrun does not start on Windows")
def test_two_processes_lose_what_one_loses(tmp_path):
    one = losses(run(tmp_path / "one", "--dropout", 0))
    launch = ["-m", "torch.distributed.run", "--standalone"]
    launch += ["--local-addr=127.0.0.1", "--nproc-per-node=2"]
    two = losses(run(tmp_path / "two", "--dropout", 0, launch=launch))
    assert two == [pytest.approx(row, abs=1e-5) for row in one]
    first, second = (load_model(tmp_path / name / "last")[0] for name in ("one", "two"))
    theirs = dict(second.named_parameters())
    for name, mine in first.named_parameters():
        # A key's bias moves all scores of a query alike: its gradient is 0, up to rounding, and
        # Adam makes steps of that rounding
        if not name.endswith("w_k.bias"):
            assert torch.allclose(mine, theirs[name], atol=1e-4), name


def test_a_step_on_two_devices_holds_each_pair_once():
    pairs = [*copy_pairs(101), Pair([3] * 60, [3] * 60)]  # the last makes a batch of its own
    whole = Loader(pairs, 100, shuffle=True, seed=1)
    parts = [Loader(pairs, 100, shuffle=True, seed=1, rank=rank, world=3) for rank in range(3)]
    for batch, *shares in zip(whole, *parts, strict=True):
        assert {share.step_tokens for share in shares} == {batch.tokens}
        assert sum(share.tokens for share in shares) == batch.tokens
        found = [row for s in shares if s.tokens for row in s.target_out.tolist()]
        assert sorted(found) == sorted(batch.target_out.tolist())


def test_a_loader_for_another_number_of_devices_is_refused():
    with pytest.raises(ValueError, match="1 processes train, but each one's loader cuts .* for 2"):
        fit(model_of(16), Loader(copy_pairs(60), 100, world=2), recipe(1))


def recipe(epochs: int, average: int = 1, **more) -> Recipe:
    return Recipe(epochs=epochs, average=average, **more)


def model_of(d_model: int) -> Transformer:
    return Transformer(11, d_model, 2, 32, 1, norm_first=True)


def test_the_checkpoint_of_another_run_is_refused(tmp_path):
    pairs = copy_pairs(101)
    fit(model_of(16), Loader(pairs, 100), recipe(1), folder=tmp_path)
    with pytest.raises(ValueError, match="of another run: d_model is 16 there and 8 here"):
        fit(model_of(8), Loader(pairs, 100), recipe(1), folder=tmp_path, resume=True)
    with pytest.raises(ValueError, match="of another run: steps an epoch is 6 there and 3 here"):
        fit(model_of(16), Loader(pairs, 200), recipe(1), folder=tmp_path, resume=True)


def test_the_last_epochs_are_kept_and_averaged(tmp_path):
    fit(model_of(16), Loader(copy_pairs(60), 100), recipe(5, 3), folder=tmp_path)
    folders = sorted((tmp_path / "epochs").iterdir())
    assert [folder.name for folder in folders] == ["003", "004", "005"]
    mean = average_checkpoints(folders).embedding.table.weight
    tables = [load_model(folder)[0].embedding.table.weight for folder in folders]
    assert torch.allclose(mean, sum(tables) / 3)
    with pytest.raises(ValueError, match="no checkpoints to average"):
        average_checkpoints([])


def test_a_finished_training_goes_on_to_nothing(tmp_path):
    pairs = Loader(copy_pairs(60), 100)
    fit(model_of(16), pairs, recipe(1), folder=tmp_path)
    model = model_of(16)
    assert len(fit(model, pairs, recipe(1), folder=tmp_path, resume=True)) == 1
    assert not model.training
    with pytest.raises(ValueError, match="resume needs the folder"):
        fit(model, pairs, recipe(1), resume=True)


@pytest.mark.parametrize("decay", ["linear", "sqrt"])
def test_a_warm_up_never_fills_the_training(decay, monkeypatch):
    rates, step = [], trainer.step

    def noted(t, batch):
        rates.append(t.optimizer.param_groups[0]["lr"])
        return step(t, batch)

    monkeypatch.setattr(trainer, "step", noted)
    warmup = 100 if decay == "linear" else 0
    asked = recipe(5, peak=1e-3, warmup=warmup, decay=decay)
    fit(model_of(16), Loader(copy_pairs(101), 100), asked)
    assert max(rates) == pytest.approx(1e-3)
    assert rates.index(max(rates)) + 1 == (12 if decay == "linear" else 1)  # of 30
    assert rates[-1] == (0 if decay == "linear" else pytest.approx(1e-3 / 30**0.5))


def test_both_checkpoints_damaged_is_an_error(tmp_path):
    for _ in range(2):
        replace(tmp_path / "last", lambda new: save_model(new, model_of(16)), keep_old=True)
    for name in ("last", "last.old"):
        (tmp_path / name / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="model.safetensors is damaged"):
        whole_checkpoint(tmp_path / "last")


def test_mean_loss_is_that_of_all_positions_scored():
    torch.manual_seed(0)
    model = model_of(16).eval()
    batches = Loader(copy_pairs(40), 100)
    total = tokens = 0.0
    with torch.no_grad():
        for batch in batches:
            scores = model(batch.source, batch.target_in)  # (batch, length, vocab_size)
            real = batch.target_out != 0
            loss = torch.nn.functional.cross_entropy(scores[real], batch.target_out[real])
            total, tokens = total + loss.item() * int(real.sum()), tokens + int(real.sum())
    assert mean_loss(model, batches) == pytest.approx(total / tokens, abs=1e-5)

"""The benchmarks: every peer does the same work, and what it did is counted."""

import json
import math
from dataclasses import replace

import pytest
import torch
from accelerate.state import AcceleratorState

from benchmarks import alignment, decoding, speed, table, training
from benchmarks.measure import Enough, Pace, Task
from benchmarks.peers import (
    HUGGING_FACE,
    OURS,
    PEERS,
    TORCH,
    HuggingFaceTransformer,
    PegasusModel,
    TorchTransformer,
)
from benchmarks.picture import draw
from transformer.decoder import Transformer
from transformer.training import LOOK, faster_dropout
from utils.data import DATA, END, Pair, collate

NEEDS_TRANSFORMERS = pytest.mark.skipif(
    PegasusModel is None,
    reason="the package transformers is not installed: see requirements-dev.txt",
)
NAMES = [pytest.param(n, marks=NEEDS_TRANSFORMERS if n == HUGGING_FACE else ()) for n in PEERS]


def some_pairs(count: int, seed: int = 0) -> list[Pair]:
    """Sentences of three to eight tokens, to be copied."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, 9, (count,), generator=generator).tolist()
    rows = [torch.randint(3, 20, (n,), generator=generator).tolist() + [END] for n in lengths]
    return [Pair(row, row[1:]) for row in rows]


@pytest.fixture(autouse=True)
def one_thread():
    """These matrices are so small that threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def task() -> Task:
    sizes = dict(
        vocab_size=20, d_model=16, num_heads=2, d_ff=32, num_layers=1, dropout=0.1, norm_first=True
    )
    return Task(
        some_pairs(40),
        some_pairs(20, seed=1),
        sizes,
        max_tokens=90,
        peak=1e-2,
        warmup=10,
        smoothing=0.1,
        seed=0,
        epochs=8,
    )


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


@pytest.mark.parametrize(
    "peer", [TorchTransformer, pytest.param(HuggingFaceTransformer, marks=NEEDS_TRANSFORMERS)]
)
def test_a_peer_drops_out_where_ours_does(peer, task):
    """The same random numbers strike the same places, so the results are the same."""
    ours = Transformer(**(task.sizes | {"dropout": 0.5}))
    batch = collate([task.pairs[0]] * 4)  # nothing is padded
    results = []
    for model in (ours, peer(ours)):
        faster_dropout(model.train())
        torch.manual_seed(1)
        results.append(model.hidden(batch.target_in, model.encode(batch.source), batch.source))
    assert not results[0][0].allclose(results[0][1])  # dropout is on
    assert (results[0] - results[1]).abs().max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_every_peer_learns_and_counts_its_real_tokens(name, task):
    found = training.curve(name, task, every=1, to_loss=-math.inf)
    losses = [point["loss"] for point in found["losses"]]
    assert losses[-1] < losses[0] - 0.2
    by_hand = task.epochs * sum(len(pair.target) for pair in task.pairs)
    assert found["losses"][-1]["tokens"] == by_hand
    assert found["seconds to the loss"] is None


@pytest.mark.parametrize("name", NAMES)
def test_the_pace_counts_what_was_trained_after_the_warm_up(name, task):
    look, epoch = Pace(steps=1), sum(len(pair.target) for pair in task.pairs)
    with pytest.raises(Enough):
        PEERS[name].loop(training.build(name, task), task, look)
    (first_step, first, began), (last_step, last, ended) = look.marks
    assert last_step > first_step  # less than LOOK steps an epoch: it looks when an epoch ends
    assert (first, last) == (epoch, 2 * epoch)
    assert look.tokens_per_second == pytest.approx(epoch / (ended - began))


def test_padding_is_no_work(task):
    """Twice the useful FLOP for twice the pairs, none for longer rectangles; by hand for one."""
    one = replace(task, pairs=[Pair([5, 6, END], [7, END])])
    attention = 12 * 16 * (3 * 3 + 2 * 2 + 3 * 2)
    source = 4 * 16 * 16 + 2 * 16 * 32 + 2 * 16 * 16  # self, feed-forward, cross: keys and values
    target = 4 * 16 * 16 + 2 * 16 * 32 + 2 * 16 * 16 + 20 * 16  # … queries and output, scores
    assert training.useful_flops(one) == 6 * (3 * source + 2 * target) + attention
    assert training.useful_flops(replace(one, pairs=one.pairs * 2)) == 2 * training.useful_flops(
        one
    )


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_rung_changes_one_setting(device):
    climbed = speed.climb(speed.ladder(device, "bf16"))
    assert climbed[0][1] == speed.Settings()
    for rung, _ in climbed[1:]:
        assert len(rung.changes) == 1
    [*_, (rung, last)] = [(rung, settings) for rung, settings in climbed if rung.kept]
    on_cpu = device == "cpu"  # the top is what transformer.training does there
    assert last == speed.Settings(
        by_length=True,
        resident=True,
        real_only=True,
        block=256 if on_cpu else 4096,
        byte_dropout=on_cpu,
        precision="bf16",
        math_kernel=on_cpu,
        fused_optimizer=True,
        look_every=LOOK,
    )


def test_all_rungs_train_the_same_model_on_real_tokens(here, task):
    """Without dropout the first loss is the same, however it is computed; and tokens are real."""
    task.sizes["dropout"] = 0.0
    epoch = sum(len(pair.target) for pair in task.pairs)
    by_length = {False: [], True: []}
    for rung, settings in speed.climb(speed.ladder("cpu", "no")):
        if settings.compiled:
            continue
        torch.manual_seed(0)
        made = speed.training(task, settings)
        batches = list(made.loader)
        assert sum(batch.tokens for batch in batches) == epoch, rung.name
        assert sum((batch.target_out != 0).sum().item() for batch in batches) == epoch, rung.name
        losses = [made.objective(batch).item() * batch.tokens for batch in batches]
        by_length[settings.by_length].append(sum(losses) / epoch)
    for losses in by_length.values():
        assert max(losses) - min(losses) < 1e-5
    assert by_length[True][0] == pytest.approx(by_length[False][0], abs=1e-5)


@pytest.fixture
def here(monkeypatch, task, tmp_path):
    """Both scripts on the small task, in this process; their arguments."""
    AcceleratorState._reset_state()  # an earlier test may have trained in another precision
    endless = replace(task, epochs=1000)
    for script in (training, speed):
        monkeypatch.setattr(script, "prepare", lambda *_: ("copies", endless))
        monkeypatch.setattr(script, "in_fresh_process", lambda function, *rest: function(*rest))
    monkeypatch.setattr(speed, "hardware", lambda: ("cpu", "no"))
    monkeypatch.setattr(speed, "LOOK", 1)
    return ["--steps", "2", "--rounds", "2", "--out", str(tmp_path)]


def test_training_is_measured_printed_and_drawn(here, tmp_path):
    result = training.main([*here, "--most-epochs", "3", "--to-loss", "2.9", "--every", "1"])
    written = tmp_path / "training-cpu.json"
    assert json.loads(written.read_text(encoding="utf8")) == result
    assert set(result["peers"]) == set(PEERS)
    assert len(result["peers"][OURS]["rounds"]) == 2
    lines = table.training(written).splitlines()
    assert lines[0].endswith("| to a validation loss of 2.9 |")
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:]] == list(result["peers"])
    points = [result["peers"][name]["losses"] for name in (OURS, TORCH)]
    for mine, theirs in zip(*points, strict=True):  # the same batches, weights and dropout
        assert mine["loss"] == pytest.approx(theirs["loss"], abs=2e-3)
    left, right = draw(result).axes
    assert "the tutorial's loop" in left.get_title(loc="left") + left.get_title()
    assert "differ by" in right.get_title(loc="left") + right.get_title()


def test_without_the_package_a_peer_is_left_out_with_the_reason(here, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "PegasusModel", None)
    training.main(here)
    assert "left out: the package transformers is not installed" in table.training(
        tmp_path / "training-cpu.json"
    )


def test_the_ladder_is_measured_and_printed(here, tmp_path, monkeypatch):
    def no_compiler(*arguments, **options):
        raise RuntimeError("no compiler here\nand many more lines")

    monkeypatch.setattr(torch.nn.Module, "compile", no_compiler)
    result = speed.main(here)
    lines = table.speed(tmp_path / "speed-cpu.json").splitlines()
    assert len(lines) == 2 + len(result["rungs"])
    assert "| 1.00 × |" in lines[2]
    assert lines[-1].endswith("| failed: RuntimeError: no compiler here | | |")


def test_decoding_is_measured_and_all_write_the_same(tmp_path):
    arguments = ["--data", "embedded", "--model", str(DATA / "model"), "--sentences", "12"]
    result = decoding.main([*arguments, "--rounds", "2", "--beam", "3", "--out", str(tmp_path)])
    competitors = 3 + 2 + (0 if PegasusModel is None else 2)
    lines = table.decoding(tmp_path / "decoding-cpu.json").splitlines()
    assert len(lines) == 2 + competitors
    for line in lines[2:]:
        if "beam 3, Hugging" not in line:  # its length penalty is another one
            assert line.endswith("| 12 of 12 |")
    assert len(result["methods"]["greedy"][decoding.OURS]["rounds"]) == 2


def test_alignment_is_taken_down_while_a_model_trains(tmp_path, monkeypatch):
    whole = alignment.load_corpus("embedded")
    small = {split: rows.select(range(60)) for split, rows in whole.items()}
    monkeypatch.setattr(alignment, "load_corpus", lambda name: small)
    monkeypatch.setattr(alignment, "MOMENTS", (0, 1, 3))
    result = alignment.main(["--epochs", "3", "--sentences", "4"], tmp_path)
    assert json.loads((tmp_path / "alignment-0.json").read_text(encoding="utf8")) == result
    steps = [row["step"] for row in result["checkpoints"]]
    assert steps[0] == 0 and steps == sorted(set(steps)) and len(steps) >= 3
    for row in result["checkpoints"]:
        rates = torch.tensor(row["AER"])
        assert rates.shape == (2, 8) and ((rates >= 0) & (rates <= 1)).all()
        assert torch.allclose(torch.tensor(row["map"]).sum(-1), torch.ones(1), atol=0.02)
    sentence = result["sentence"]
    assert torch.tensor(result["checkpoints"][-1]["AER"])[sentence["layer"], sentence["head"]] == (
        torch.tensor(result["checkpoints"][-1]["AER"]).min()
    )
    shape = (len(sentence["target tokens"]), len(sentence["source tokens"]))
    assert torch.tensor(result["checkpoints"][0]["map"]).shape == shape

"""The benchmarks: every peer does the same work, and what it did is counted."""

import json
import math
import os
import shutil
import subprocess
from contextlib import nullcontext
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState

import train
from benchmarks import alignment, decoding, loops, progress, speed, table, training
from benchmarks.measure import WARM_UP, Lap, Pace, Task
from benchmarks.peers import (
    HUGGING_FACE,
    OURS,
    PEERS,
    TORCH,
    TUTORIAL,
    HuggingFaceTransformer,
    PegasusModel,
    TorchTransformer,
)
from benchmarks.picture import draw
from transformer.trainer import RECIPES, Recipe, fast_dropout
from transformer.training import translation_loss
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
    sizes = dict(d_model=16, num_heads=2, d_ff=32, num_layers=1, dropout=0.1, max_tokens=90)
    recipe = Recipe(**sizes, epochs=8, peak=1e-2, warmup=10)
    return Task(some_pairs(40), some_pairs(20, seed=1), recipe, vocab_size=20)


@pytest.mark.parametrize(
    "peer", [TorchTransformer, pytest.param(HuggingFaceTransformer, marks=NEEDS_TRANSFORMERS)]
)
@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_peer_with_our_weights_computes_what_we_compute(peer, num_layers, task):
    ours = replace(task, recipe=replace(task.recipe, num_layers=num_layers)).model()
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
    "peer, dropout",
    [
        (TorchTransformer, fast_dropout),
        pytest.param(HuggingFaceTransformer, nullcontext, marks=NEEDS_TRANSFORMERS),
    ],
)
def test_a_peer_drops_out_where_ours_does(peer, dropout, task):
    """The same random numbers strike the same places, so the results are the same. (nn.Dropout
    draws some for p = 0 too, and nn.Transformer has such layers.)"""
    ours = replace(task, recipe=replace(task.recipe, dropout=0.5)).model()
    batch = collate([task.pairs[0]] * 4)  # nothing is padded
    results = []
    for model in (ours, peer(ours)):
        model.train()
        torch.manual_seed(1)
        with dropout(model):
            results.append(model.hidden(batch.target_in, model.encode(batch.source), batch.source))
    assert not results[0][0].allclose(results[0][1])  # dropout is on
    assert (results[0] - results[1]).abs().max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_every_peer_learns_and_counts_its_real_tokens(name, task):
    found = training.curve(name, task, every=1, to_loss=-math.inf)
    losses = [point["loss"] for point in found["losses"]]
    assert losses[-1] < losses[0] - 0.2
    by_hand = task.recipe.epochs * sum(len(pair.target) for pair in task.pairs)
    assert found["losses"][-1]["tokens"] == by_hand
    assert found["seconds to the loss"] is None


def test_a_lap_hands_out_the_epochs_and_counts_what_is_done(task):
    batches, lap = task.loader(), Lap(task.loader(), epochs=2)
    assert len(lap) == 2 * len(batches)
    expected = []
    for epoch in (1, 2):
        batches.set_epoch(epoch)
        expected += [batch.target_out for batch in batches]
    for number, (batch, wanted) in enumerate(zip(lap, expected, strict=True)):
        assert batch.target_out.equal(wanted) and lap.steps == number
    assert lap.tokens == 2 * task.tokens


@pytest.mark.parametrize("name", NAMES)
def test_the_pace_counts_what_was_trained_after_the_warm_up(name, task):
    peer = PEERS[name]
    lap = Pace(peer.batches(task), timed=3)
    peer.loop(peer.build(task.model()), lap, task.recipe)
    assert lap.steps == WARM_UP + 3
    (first, began), (last, ended) = lap.marks
    if peer.batches is PEERS[TUTORIAL].batches:  # one batch holds all
        assert (first, last) == (WARM_UP * task.tokens, (WARM_UP + 3) * task.tokens)
    assert lap.tokens_per_second == pytest.approx((last - first) / (ended - began))


def test_a_curve_ends_where_its_loss_is_reached(task):
    found = training.curve(OURS, task, every=2, to_loss=math.inf)
    assert [point["step"] for point in found["losses"]] == [2]
    assert found["seconds to the loss"] == found["losses"][0]["seconds"] > 0


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
def test_a_trick_changes_one_setting_there_and_back(device):
    plain, full = speed.Settings(), speed.trainer(device, "bf16")
    on_cpu = device == "cpu"
    assert full == speed.Settings(
        block=256 if on_cpu else 4096,
        byte_dropout=on_cpu,
        precision="bf16",
        plain_attention=on_cpu,
    )
    assert not speed.trainer("cpu", "no").plain_attention
    tricks = speed.tricks(device, "bf16")
    assert {trick.knob for trick in tricks} == set(asdict(plain)) - (
        set() if on_cpu else {"byte_dropout"}
    )
    for settings in (plain, full):
        for trick in tricks:
            flipped = trick.flip(settings)
            changed = [k for k, v in asdict(flipped).items() if v != asdict(settings)[k]]
            assert changed == [trick.knob] and trick.flip(flipped) == settings


def test_the_plain_settings_are_those_of_the_page_long_loop(task, monkeypatch):
    """The same loss as notebook 06's, and all settings compute it: without dropout, in float32."""
    AcceleratorState._reset_state()
    task = replace(task, recipe=replace(task.recipe, dropout=0.0))
    seen = []

    def look(training, batch):
        model, scores = training.model, training.model(batch.source, batch.target_in)
        wanted = translation_loss(scores, batch.target_out, task.recipe.smoothing)
        assert training.objective(batch).item() == pytest.approx(wanted.item(), abs=1e-5)
        seen.append((model.training, training.objective.block, training.optimizer.param_groups[0]))

    monkeypatch.setattr(speed, "step", look)
    full = speed.trainer("cpu", "no")
    runs = [speed.Settings(), full, *(t.flip(full) for t in speed.tricks("cpu", "no"))]
    for settings in runs:
        seen.clear()
        speed.pace(task, settings, steps=1)
        training, block, group = seen[-1]
        assert training and block == settings.block
        assert group["fused"] == (settings.fused_optimizer or None)


@pytest.mark.parametrize("there", [False, True])
def test_a_gain_is_the_speed_with_it_over_the_speed_without(there):
    trick = next(t for t in speed.tricks("cpu", "no") if t.knob == "byte_dropout")
    whole, flipped = (
        [{"tokens per second": value, "peak memory": 1} for value in values]
        for values in ([100, 120, 90], [50, 30, 90])
    )
    found = speed.gain(trick, whole, flipped, speed.Settings(byte_dropout=there))
    assert found["gain"] == pytest.approx(2 if there else 0.5)
    assert found["gains"] == pytest.approx([1, 4] if there else [0.25, 1])
    assert table.gain(found).startswith("has it: × 2.00" if there else "has it not: × 0.50")


@pytest.fixture
def here(monkeypatch, task, tmp_path):
    """Both scripts on the small task, in this process; their arguments."""
    AcceleratorState._reset_state()  # an earlier test may have trained in another precision
    for script in (training, speed, loops):
        if script is not loops:
            monkeypatch.setattr(script, "prepare", lambda *_: ("copies", task))
        monkeypatch.setattr(script, "in_fresh_process", lambda function, *rest: function(*rest))
    monkeypatch.setattr(speed, "fast_precision", lambda: "no")
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


def test_the_tricks_are_measured_and_printed(here, tmp_path):
    result = speed.main(here)
    lines = table.speed(tmp_path / "speed-cpu.json").splitlines()
    assert len(lines) == 4 + len(result["tricks"])
    rows = dict(line.strip("| ").split(" | ", 1) for line in lines[4:])
    both = rows["batches by length, a budget of tokens"].split(" | ")
    assert all(cell.startswith("has it: × ") for cell in both)
    assert rows["dropout from random bytes"].startswith("has it not: × ")


def test_both_loops_are_timed_and_judged(here, tmp_path, monkeypatch):
    corpus = loops.load_corpus("embedded")
    small = {split: rows.select(range(30)) for split, rows in corpus.items()}
    monkeypatch.setattr(loops, "load_corpus", lambda name: small)
    sizes = dict(vocab_size=300, d_model=16, num_heads=2, d_ff=16, num_layers=1)
    monkeypatch.setitem(RECIPES, "embedded", replace(RECIPES["embedded"], **sizes))
    result = loops.main(["--seeds", "0", "1", "--epochs", "1", "--out", str(tmp_path)])
    assert [(run["loop"], run["seed"]) for run in result["runs"]] == [
        (name, seed) for seed in (0, 1) for name in loops.LOOPS
    ]
    lines = table.loops(tmp_path / "loops-cpu.json").splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 0", "| 1", "| mean"]
    assert len({line.count(" | ") for line in lines[2:] + lines[:1]}) == 1


def test_progress_tells_how_far_a_training_came(tmp_path):
    names = ("training loss", "validation BLEU", "seconds", "seconds since the start")
    rows = [(4.0, 20.0, 3.0, 5.0), (3.0, 40.0, 3.0, 10.0)]
    history = [dict(zip(names, row, strict=True)) for row in rows]
    (tmp_path / "last").mkdir()
    broken_off = json.dumps({"history": history, "recipe": asdict(Recipe())})
    (tmp_path / "last" / "progress.json").write_text(broken_off, "utf8")
    found = progress.main([str(tmp_path), "--bleu", "30", "--out", str(tmp_path / "found.json")])
    assert json.loads((tmp_path / "found.json").read_text("utf8")) == found
    assert found["seconds to a validation BLEU of 30"] == 10 and not found["finished"]
    assert found["the loss falls"] and found["seconds of training"] == 6
    (tmp_path / "results.json").write_text(json.dumps({"history": history[:1]}), "utf8")
    assert progress.summary(tmp_path, 30)["seconds to a validation BLEU of 30"] is None
    history[0]["validation BLEU"] = None  # no reference has four words
    (tmp_path / "results.json").write_text(json.dumps({"history": history}), "utf8")
    assert progress.summary(tmp_path, 30)["best validation BLEU"] == 40


@pytest.mark.skipif(os.name == "nt" or not shutil.which("bash"), reason="gpu.sh needs bash")
@pytest.mark.parametrize("small", ["", "1"])
def test_the_commands_of_gpu_sh_are_understood(small, monkeypatch):
    """The part after each script's parser is left out."""

    class Understood(Exception):
        pass

    def understood(*_):
        raise Understood

    for module, first in ((training, "prepare"), (decoding, "load_model"), (progress, "summary")):
        monkeypatch.setattr(module, first, understood)
    script = Path(training.__file__).with_name("gpu.sh")
    there = os.environ | {"SHOW": "1", "SMALL": small, "OUT": "out"}
    shown = subprocess.run(
        [shutil.which("bash"), script], env=there, text=True, capture_output=True, check=True
    ).stdout.splitlines()
    assert len(shown) == 6
    for line in shown:
        _, *words = line.split()
        if words[0] == "train.py":
            options = train.parse(words[1:])
            assert options.beam == 1 and options.precision in ("bf16", "fp16", "no", None)
            continue
        with pytest.raises(Understood):
            import_module(words[1]).main(words[2:])


@pytest.mark.skipif(os.name == "nt" or not shutil.which("bash"), reason="gpu.sh needs bash")
def test_gpu_sh_leaves_a_folder_that_is_there_alone(tmp_path):
    thesis = tmp_path / "training" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("three years of work")
    script, there = Path(training.__file__).with_name("gpu.sh"), {"PYTHON": "false", "SMALL": "1"}
    done = subprocess.run(
        [shutil.which("bash"), script],
        env=os.environ | there | {"OUT": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "is there already: OUT=" in done.stderr and thesis.exists()


def test_decoding_is_measured_and_all_write_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.measure.fast_precision", lambda: "bf16")
    arguments = ["--data", "embedded", "--model", str(DATA / "model"), "--sentences", "12"]
    result = decoding.main([*arguments, "--rounds", "2", "--beam", "3", "--out", str(tmp_path)])
    competitors = 3 + 2 + (0 if PegasusModel is None else 2)
    lines = table.decoding(tmp_path / "decoding-cpu.json").splitlines()
    assert len(lines) == 2 + competitors
    for line in lines[2:]:
        if "beam 3, Hugging" not in line:  # its length penalty is another one
            assert line.endswith("| 12 of 12 |")
    assert len(result["methods"]["greedy"][decoding.OURS]["rounds"]) == 2
    assert result["precision"] == "no"  # nothing is cast, whatever is fast in training


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

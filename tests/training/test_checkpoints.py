"""Checkpoints: whole or not at all, readable when written, never in the place of other files."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.small_training import copy_pairs
from transformer import trainer
from transformer.decoder import Transformer
from transformer.trainer import (
    Recipe,
    average_checkpoints,
    claim,
    fit,
    read_checkpoint,
    replace,
    whole_checkpoint,
)
from transformer.training import load_model, save_model
from utils.data import Loader, train_tokenizer

ROOT = Path(__file__).resolve().parents[2]


def small_model(vocab_size: int = 300, seed: int = 0) -> Transformer:
    torch.manual_seed(seed)
    return Transformer(vocab_size, 16, 2, 32, 1, norm_first=True)


def small_fit(folder: Path, model=None, **options) -> list[dict]:
    model = small_model() if model is None else model
    recipe = Recipe(epochs=1, average=options.pop("average", 1))
    return fit(model, Loader(copy_pairs(60), 100), recipe, folder=folder, **options)


def save(folder: Path, model, tokenizer=None, keep_old: bool = True) -> None:
    """As the trainer writes a model: aside, then renamed."""
    replace(folder, save_model, model, tokenizer, keep_old=keep_old)


def as_if_from_a_gpu(file: Path) -> None:
    """Rewrite what torch.save wrote, so that its tensors say they lay on a GPU."""
    with zipfile.ZipFile(file) as whole:
        parts = {name: whole.read(name) for name in whole.namelist()}
    text = (b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")  # a string of pickle: its length, its letters
    [pickled] = [name for name in parts if name.endswith("data.pkl")]
    assert text[0] in parts[pickled]
    parts[pickled] = parts[pickled].replace(*text)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as whole:
        for name, data in parts.items():
            whole.writestr(name, data)


def test_a_training_begun_on_a_gpu_goes_on_without_one(tmp_path):
    recipe, pairs = Recipe(epochs=2, average=1), Loader(copy_pairs(60), 100)
    unbroken = fit(small_model(), pairs, recipe)

    def stop(model) -> dict:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(small_model(), pairs, recipe, stop, tmp_path)
    shutil.rmtree(tmp_path / "last.old")  # else that would take its place
    as_if_from_a_gpu(tmp_path / "last" / "optimizer.bin")
    resumed = fit(small_model(), pairs, recipe, folder=tmp_path, resume=True)
    losses = [[row["training loss"] for row in history] for history in (resumed, unbroken)]
    assert losses[0] == losses[1]


def tokenizer_of(*sentences: str):
    return train_tokenizer(sentences * 9, 300)


def everything(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def same(model, other) -> bool:
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    return all(one.equal(two) for one, two in pairs)


def thesis(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("three years of work")


def thesis_beside_our_files(folder: Path) -> None:
    save_model(folder, small_model())
    (folder / "thesis.txt").write_text("three years of work")


def another_projects_model(folder: Path) -> None:
    folder.mkdir()
    (folder / "config.json").write_text('{"architectures": ["BertModel"]}')
    save_file({"weight": torch.ones(3)}, folder / "model.safetensors")
    (folder / "tokenizer.json").write_text("{}")


def weights_alone(folder: Path) -> None:
    folder.mkdir()
    save_file({"weight": torch.ones(3)}, folder / "model.safetensors")


def settings(folder: Path) -> None:
    folder.mkdir()
    (folder / "config.json").write_text("a config, but no JSON")


def a_list(folder: Path) -> None:
    folder.mkdir()
    (folder / "config.json").write_text("[1, 2]")


def a_folder_of_that_name(folder: Path) -> None:
    (folder / "config.json").mkdir(parents=True)
    (folder / "config.json" / "mine.txt").write_text("mine")


def a_file(folder: Path) -> None:
    folder.write_text("a file")


THEIRS = [
    thesis,
    thesis_beside_our_files,
    another_projects_model,
    weights_alone,
    settings,
    a_list,
    a_folder_of_that_name,
    a_file,
]


@pytest.mark.parametrize("make", THEIRS)
@pytest.mark.parametrize("name", ["mine", "mine.old", "mine.new"])
@pytest.mark.parametrize("keep_old", [True, False])
def test_what_is_not_ours_stays(make, name, keep_old, tmp_path):
    make(tmp_path / name)
    if name != "mine":
        save_model(tmp_path / "other", small_model(seed=1))
        (tmp_path / "other").rename(tmp_path / "mine")
    before = everything(tmp_path)
    with pytest.raises(FileExistsError, match="nothing was written. Choose another folder"):
        save(tmp_path / "mine", small_model(), keep_old=keep_old)
    assert everything(tmp_path) == before
    if name == "mine":
        with pytest.raises(FileExistsError, match="nothing was written. Choose another folder"):
            save_model(tmp_path / "mine", small_model())
        assert everything(tmp_path) == before


@pytest.mark.parametrize("here", [".", ".."])
def test_the_folder_one_stands_in_stays(here, tmp_path, monkeypatch):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "thesis.txt").write_text("three years of work")
    monkeypatch.chdir(tmp_path / "inside")
    before = everything(tmp_path)
    with pytest.raises(FileExistsError, match="nothing was written"):
        save_model(here, small_model())
    assert everything(tmp_path) == before


@pytest.mark.parametrize("cut", ["", "{", None])
def test_what_is_ours_gives_way(cut, tmp_path):
    """Also an empty folder, a damaged checkpoint, and one that was written by half."""
    (tmp_path / "empty").mkdir()
    save(tmp_path / "empty", small_model(), keep_old=False)
    small_fit(tmp_path, small_model(seed=1))
    if cut is not None:
        (tmp_path / "last" / "config.json").write_text(cut)
    (tmp_path / "last.new").mkdir()
    (tmp_path / "last.new" / "config.json").write_text('{"norm_first": true')
    model = small_model(seed=2)
    for _ in range(2):
        save(tmp_path / "last", model)
    assert same(load_model(tmp_path / "last")[0], model)
    assert {path.name for path in tmp_path.iterdir()} - {".lock", "best", "empty"} == {
        "last",
        "last.old",
    }


def test_a_training_leaves_a_readers_epochs_alone(tmp_path):
    (tmp_path / "epochs" / "001").mkdir(parents=True)
    (tmp_path / "epochs" / "001" / "diary.txt").write_text("a year of it")
    before = everything(tmp_path)
    with pytest.raises(FileExistsError, match="holds epochs already: another folder"):
        small_fit(tmp_path, average=2)
    lock = tmp_path / ".lock"
    assert {k: v for k, v in everything(tmp_path).items() if k != lock} == before


def test_a_used_folder_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    small_fit(tmp_path, average=2)
    before = everything(tmp_path)
    for name in ("last", "best", "epochs"):
        with pytest.raises(FileExistsError, match="holds last already"):
            small_fit(tmp_path)
        assert (tmp_path / name).is_dir()
    assert everything(tmp_path) == before


def test_two_trainings_cannot_share_a_folder(tmp_path):
    code = (
        "import sys; from pathlib import Path; from transformer.trainer import claim\n"
        "with claim(Path(sys.argv[1])):\n print('mine', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout.readline() == "mine\n"
        for options in ({}, {"resume": True}):
            with pytest.raises(FileExistsError, match="another training is writing into"):
                small_fit(tmp_path, **options)
        other.kill()  # whatever ends it, nothing is left that would have to be cleared away
    small_fit(tmp_path)
    with claim(tmp_path), claim(tmp_path):  # a training inside what holds the folder already
        pass


def test_a_tokenizer_comes_back_with_its_weights(tmp_path):
    first, second = tokenizer_of("abc abd"), tokenizer_of("xyz xyw")
    models = [small_model(first.get_vocab_size(), seed) for seed in (1, 2)]
    save(tmp_path / "last", models[0], first)
    save(tmp_path / "last", models[1], second)
    model, tokenizer = load_model(tmp_path / "last")
    assert same(model, models[1]) and tokenizer.get_vocab() == second.get_vocab()
    for name in ("model.safetensors", "tokenizer.json"):
        whole = (tmp_path / "last" / name).read_bytes()
        (tmp_path / "last" / name).write_bytes(whole[:99])
        with pytest.warns(UserWarning, match=f"{name} is damaged .* takes its place"):
            model, tokenizer = load_model(whole_checkpoint(tmp_path / "last"))
        assert same(model, models[0]) and tokenizer.get_vocab() == first.get_vocab()
        (tmp_path / "last" / name).write_bytes(whole)
    assert tokenizer.encode("<end>").ids != [2]
    save_model(tmp_path / "last", models[1])
    assert load_model(tmp_path / "last")[1] is None


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    tokenizer = tokenizer_of("the cat sleeps")
    save_model(tmp_path / "last", small_model(), tokenizer)
    with pytest.raises(ValueError, match="another number of tokens than the model"):
        load_model(tmp_path / "last")
    with pytest.raises(ValueError, match="another number of tokens than the model"):
        small_fit(tmp_path / "run", small_model(), tokenizer=tokenizer)  # before the first step
    save_model(tmp_path / "last", small_model(tokenizer.get_vocab_size()), tokenizer)
    file = tmp_path / "last" / "tokenizer.json"
    whole = file.read_text(encoding="utf8")
    for damaged in (whole[:500], "", "{}"):
        file.write_text(damaged, encoding="utf8")
        with pytest.raises(ValueError, match="tokenizer.json is damaged or not of this course"):
            load_model(tmp_path / "last")


def test_going_on_with_another_tokenizer_is_refused(tmp_path):
    """The pairs were changed between the two: as many tokens, but others."""
    first, second = tokenizer_of("abc abd"), tokenizer_of("xyz xyw")
    size = first.get_vocab_size()
    assert size == second.get_vocab_size()
    small_fit(tmp_path, small_model(size), tokenizer=first)
    for other in (second, None):
        with pytest.raises(ValueError, match="of another run: its tokenizer is another"):
            small_fit(tmp_path, small_model(size), tokenizer=other, resume=True)
    small_fit(tmp_path, small_model(size), tokenizer=tokenizer_of("abc abd"), resume=True)


def test_whatever_evaluate_returns_can_be_read_again(tmp_path):
    row = {
        "validation loss": np.float64(1.5),
        "count": np.int64(3),
        "flag": np.bool_(True),
        "tensor": torch.tensor(2.5, requires_grad=True),
        "many": np.arange(2),
        "where": Path("runs"),
        "words": "two words",
        "nothing": None,
    }
    history = small_fit(tmp_path, evaluate=lambda model: row)
    *_, state = read_checkpoint(tmp_path / "last")
    for found in (history, state["history"]):
        values = list(found[0].values())[-len(row) :]
        assert values == [1.5, 3, True, 2.5, [0, 1], "runs", "two words", None]
    assert (tmp_path / "best").is_dir()
    model = small_model()
    assert small_fit(tmp_path, model, resume=True) == history


def test_sizes_of_another_kind_and_weights_that_lie_crosswise(tmp_path):
    torch.manual_seed(0)
    model = Transformer(np.int64(300), 16, 2, 32, 1, np.float32(0.1), norm_first=np.bool_(True))
    layer = model.encoder.layers[0].feed_forward.linear1
    layer.weight.data = layer.weight.data.T.contiguous().T
    save_model(tmp_path / "last", model)
    found, _ = load_model(tmp_path / "last")
    assert same(found, model) and found.config["vocab_size"] == 300


@pytest.mark.parametrize("part", ["whole", "encoder"])
def test_a_compiled_model_is_saved_and_goes_on(part, tmp_path):
    def compiled() -> torch.nn.Module:
        model = small_model()
        if part == "whole":
            return torch.compile(model, backend="eager")
        model.encoder = torch.compile(model.encoder, backend="eager")
        return model

    model = compiled()
    small_fit(tmp_path, model)
    found, _ = load_model(tmp_path / "last")
    assert same(found, model)
    again = compiled()
    small_fit(tmp_path, again, resume=True)
    assert same(found, again)


def test_what_cannot_be_read_again_does_not_take_the_old_ones_place(tmp_path, monkeypatch):
    def go_on(epochs: int, **options) -> None:
        recipe = Recipe(epochs=epochs, average=1, decay="sqrt")  # whose length may grow
        fit(small_model(), Loader(copy_pairs(60), 100), recipe, folder=tmp_path, **options)

    go_on(1)
    before = everything(tmp_path / "last")

    def damaged(folder, *parts):
        save_model(folder, *parts)
        (folder / "model.safetensors").write_bytes(b"")

    with monkeypatch.context() as patch, pytest.raises(ValueError, match="is damaged"):
        patch.setattr(trainer, "save_model", damaged)
        go_on(2, resume=True)
    assert everything(tmp_path / "last") == before


@pytest.mark.parametrize("error", [OSError(28, "No space left"), RuntimeError("enforce fail")])
def test_a_full_disk_is_said_and_nothing_is_lost(error, tmp_path, monkeypatch):
    save(tmp_path / "last", small_model(seed=1))

    def full(folder, *_):
        folder.mkdir()
        raise error

    with pytest.raises(OSError, match=r"last.new could not be written \(.* MB are free there\)"):
        replace(tmp_path / "last", full)
    assert same(load_model(tmp_path / "last")[0], small_model(seed=1))


def test_a_disk_that_is_full_at_the_tokenizer_is_said(tmp_path, monkeypatch):
    write = Path.write_text

    def full(path, *arguments, **options):
        if path.name == "tokenizer.json":
            raise OSError(28, "No space left")
        return write(path, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="last.new could not be written"):
        save(tmp_path / "last", small_model(), tokenizer_of("abc"))


def test_a_model_that_cannot_be_saved_is_refused_before_the_first_step(tmp_path, monkeypatch):
    class Other(Transformer):
        def __init__(self, *sizes):
            super().__init__(*sizes)
            self.more = torch.nn.Linear(2, 2)

    monkeypatch.setattr(trainer, "step", None)  # not one is made
    with pytest.raises(ValueError, match="model.safetensors is damaged or not of this course"):
        small_fit(tmp_path, Other(300, 16, 2, 32, 1))


def test_going_on_from_before_the_first_step(tmp_path, monkeypatch):
    def broken_off(*_):
        raise KeyboardInterrupt

    whole = small_fit(tmp_path / "whole")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(trainer, "step", broken_off)
        small_fit(tmp_path / "broken")
    gone_on = small_fit(tmp_path / "broken", small_model(seed=5), resume=True)
    assert gone_on[0]["training loss"] == whole[0]["training loss"]
    assert same(load_model(tmp_path / "whole" / "last")[0], load_model(tmp_path / "broken/last")[0])


def test_models_of_two_trainings_have_no_mean(tmp_path):
    first, second = tokenizer_of("abc abd"), tokenizer_of("xyz xyw")
    size = first.get_vocab_size()
    for name, tokenizer in (("one", first), ("two", second), ("three", first)):
        save_model(tmp_path / name, small_model(size), tokenizer)
    average_checkpoints([tmp_path / "one", tmp_path / "three"])
    with pytest.raises(ValueError, match="sizes or tokenizers differ: they have no mean"):
        average_checkpoints([tmp_path / "one", tmp_path / "two"])


def test_reading_draws_no_random_numbers(tmp_path):
    save_model(tmp_path / "last", small_model())
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    load_model(tmp_path / "last")
    assert torch.rand(2).equal(expected)


def test_sizes_are_json_that_a_person_can_read(tmp_path):
    save_model(tmp_path / "last", small_model())
    sizes = json.loads((tmp_path / "last" / "config.json").read_text(encoding="utf8"))
    assert sizes["d_model"] == 16 and sizes["norm_first"] is True

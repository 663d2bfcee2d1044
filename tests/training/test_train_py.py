"""train.py: what it refuses before anything is written, and that two runs never mix."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

import train
import translate
from transformer import trainer
from transformer.trainer import RECIPES
from transformer.training import load_model
from utils.data import END, Loader, Pair, load_corpus

ROOT = Path(__file__).resolve().parents[2]
SMALL = "--d-model 16 --num-heads 2 --d-ff 16 --num-layers 1 --vocab-size 270 --max-tokens 300"
SMALL += " --epochs 1 --average 1 --beam 1"


def pairs(folder: Path, upper: bool = True) -> Path:
    """Letters, to be written large, or backwards: as many tokens, other tokens."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["abcd"[i % 4] + "efgh"[i % 3] + "ijkl"[i % 2] for i in range(60)]
    rows = [f"{word}\t{word.upper() if upper else word[::-1]}" for word in words]
    for split in ("train", "validation", "test"):
        (folder / f"{split}.tsv").write_text("\n".join(["low\tup", *rows]) + "\n", encoding="utf8")
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty working folder with pairs in `words`."""
    monkeypatch.chdir(tmp_path)
    pairs(tmp_path / "words")
    return tmp_path


def run(*options: str, small: str = SMALL) -> dict:
    return train.main(["--data", "words", *small.split(), *options])


def command(*options: str, **environment: str) -> subprocess.CompletedProcess:
    line = [sys.executable, str(ROOT / "train.py"), "--data", "words", *SMALL.split(), *options]
    return subprocess.run(line, capture_output=True, text=True, env=os.environ | environment)


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("out", [".", "mydocs"])
def test_a_folder_with_a_readers_files_is_refused(out, here):
    (here / "mydocs" / "epochs" / "001").mkdir(parents=True)
    for file in ("thesis.txt", "results.json", "epochs/001/diary.txt"):
        (here / "mydocs" / file).write_text("mine")
    before = everything(here)
    with pytest.raises(FileExistsError, match="is not empty, it holds .*: choose another --out"):
        run("--out", out)
    with pytest.raises(FileExistsError, match="is not empty, it holds .*: choose another --out"):
        run("--out", out, "--resume")
    assert everything(here) == before


@pytest.mark.parametrize("text", ['{"theme": "dark"}', "[]", "", '{"data": 3}'])
def test_progress_of_another_program_is_refused(text, here):
    run("--out", "mydocs")
    for last in ("last", "last.old"):
        (here / "mydocs" / last / "progress.json").write_text(text)
    before = everything(here)
    with pytest.raises(ValueError, match="progress.json is damaged or not of this course"):
        run("--out", "mydocs", "--resume")
    assert everything(here) == before


def test_a_used_folder_needs_resume_or_another_out(here):
    run()
    before = everything(here)
    with pytest.raises(FileExistsError, match="--resume goes on with it, another --out begins"):
        run()
    assert everything(here) == before
    assert len(run("--resume")["history"]) == 1
    run("--out", "runs/other")


def test_another_length_is_another_schedule_unless_the_rate_never_ends(here):
    run()
    with pytest.raises(ValueError, match="of another run: epochs is 1 there and 2 here"):
        run("--resume", "--epochs", "2")
    run("--out", "runs/longer", "--decay", "sqrt")
    longer = ["--out", "runs/longer", "--decay", "sqrt", "--resume", "--epochs", "2"]
    assert len(run(*longer)["history"]) == 2


def test_other_pairs_under_the_old_name_do_not_go_on(here):
    run()
    pairs(here / "words", upper=False)
    for other in ("words", "more/words"):
        pairs(here / other, upper=False)
        with pytest.raises(ValueError, match="another run: fingerprint of the pairs is"):
            train.main(["--data", other, *SMALL.split(), "--out", "runs/words", "--resume"])
        with pytest.raises(FileExistsError, match="holds a training already"):
            train.main(["--data", other, *SMALL.split()])


def test_broken_off_before_its_first_step_it_leaves_no_mixture(here, monkeypatch):
    """Weights of one training, tokenizer of another: once fluent garbage, without an error."""
    run()
    _, tokenizer = load_model("runs/words/last")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        pairs(here / "words", upper=False)

        def broken_off(*_):
            raise KeyboardInterrupt

        patch.setattr(trainer, "step", broken_off)
        run("--out", "runs/second")
    _, second = load_model("runs/second/last")
    assert second.to_str() != tokenizer.to_str() == load_model("runs/words/last")[1].to_str()
    assert len(run("--out", "runs/second", "--resume")["history"]) == 1


@pytest.mark.parametrize(("average", "name"), [("1", "last"), ("3", "average")])
def test_its_last_line_says_how_to_translate(average, name, here, capsys):
    run("--out", "my run", "--epochs", "3", "--average", average)
    last = capsys.readouterr().out.splitlines()[-1]
    [given] = re.findall('--model "(.*?)" <', last)
    assert Path(given) == Path("my run", name)
    model, _ = load_model(given)
    if average == "3":  # the last step's rate is 0, so two epochs would end alike
        mean = trainer.average_checkpoints(sorted(Path("my run", "epochs").iterdir()))
        pairs = zip(model.parameters(), mean.parameters(), strict=True)
        assert all(mine.equal(right) for mine, right in pairs)


def test_the_beam_that_was_asked_for_judges(here, monkeypatch):
    seen = []

    def search(model, source, **knobs):
        seen.append(knobs)
        return [[] for _ in source]

    monkeypatch.setattr(train, "beam_search", search)
    run("--beam", "3", "--alpha", "0.5")
    assert seen and all(knobs == {"beam_size": 3, "alpha": 0.5} for knobs in seen)


def test_an_average_that_cannot_be_written_leaves_the_one_before(here, monkeypatch):
    options = ["--out", "mine", "--epochs", "2", "--average", "2"]
    run(*options)
    before = everything(here / "mine" / "average")

    def full(folder, *_):
        folder.mkdir()
        raise OSError(28, "No space left")

    monkeypatch.setattr(train, "save_model", full)
    with pytest.raises(OSError, match="average.new could not be written"):
        run(*options, "--resume")
    assert everything(here / "mine" / "average") == before


def test_resume_where_nothing_was_saved_begins_anew(here, monkeypatch, capsys):
    def broken_off(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(trainer, "save_checkpoint", broken_off)
        run()
    assert {path.name for path in (here / "runs/words").iterdir()} <= {".lock"}
    assert len(run("--resume")["history"]) == 1
    said = f"nothing is saved in {Path('runs', 'words')} yet: beginning anew"
    assert said in capsys.readouterr().out


def test_what_the_lab_begins_goes_on_in_a_terminal_and_back(here, monkeypatch):
    """The lab's cell runs what one would type, with --resume from the start."""
    notebook = nbformat.read(ROOT / "notebooks" / "labs" / "06_training_for_real.ipynb", 4)
    line = '[sys.executable, "train.py", "--data", "multi30k", "--resume"]'
    assert any(line in cell.source for cell in notebook.cells)
    options = ["--epochs", "3", "--dropout", "0.1"]
    unbroken = run(*options, "--out", "unbroken")["history"]
    calls = []

    def broken_off(*_):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return 1.0

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train, "mean_loss", broken_off)
        run(*options, "--out", "broken", "--resume")
    history = run(*options, "--out", "broken", "--resume")["history"]
    losses = [[row["training loss"] for row in rows] for rows in (history, unbroken)]
    assert losses[0] == losses[1] and len(history) == 3


def test_two_at_once_cannot_share_a_folder(here):
    with trainer.claim(here / "runs" / "words"):
        other = command("--out", "runs/words")
    assert other.returncode == 1
    assert other.stderr.splitlines()[-1].startswith("train.py: another training is writing into")
    assert command("--out", "runs/words").returncode == 0


def test_the_folder_is_held_until_its_scores_are_written(here, monkeypatch):
    write, said = train.write_json, []

    def look(*arguments):
        said.append(command("--resume").stderr)
        write(*arguments)

    monkeypatch.setattr(train, "write_json", look)
    run()
    assert len(said) == 1 and "another training is writing into" in said[0]
    assert command("--resume").returncode == 0


def test_seeds_and_directions_have_folders_of_their_own(here):
    def folder(*options: str) -> str:
        return train.parse(list(options)).out.as_posix()

    assert folder() == "runs/embedded" and folder("--data", "multi30k") == "runs/multi30k"
    assert folder("--seed", "2") == "runs/embedded-seed2"
    assert folder("--data", "words/", "--source", "up") == "runs/words-up"
    assert folder("--data", ".") == f"runs/{here.name}"
    assert folder("--data", "multi30k", "--recipe", "short") == "runs/multi30k-short"


def test_a_recipe_is_chosen_by_its_name():
    assert train.parse(["--data", "multi30k"]).recipe == RECIPES["multi30k"]
    asked = train.parse(["--data", "multi30k", "--recipe", "short", "--beam", "3"]).recipe
    assert asked == replace(RECIPES["short"], beam=3) != RECIPES["short"]
    assert train.parse(["--data", "words"]).recipe == RECIPES["short"]
    assert train.parse(["--data", "words", "--recipe", "multi30k"]).recipe == RECIPES["multi30k"]


@pytest.mark.parametrize("way", ["words/", "./words", "more/../words", "absolute", "link"])
def test_a_folder_is_the_same_however_it_is_written(way, here):
    run()
    (here / "more").mkdir()
    if way == "link":
        (here / "link").symlink_to(here / "words")
    name = str(here / "words") if way == "absolute" else way
    assert train.main(["--data", name, *SMALL.split(), "--out", "runs/words", "--resume"])


@pytest.mark.parametrize(
    "options",
    [
        "--epochs 0",
        "--epochs 1.5",
        "--dropout 1",
        "--dropout nan",
        "--d-model 0",
        "--d-model 15",
        "--d-model 18 --num-heads 4",
        "--num-heads 0",
        "--num-layers -1",
        "--d-ff 0",
        "--vocab-size 100",
        "--max-tokens 0",
        "--peak 0",
        "--peak nan",
        "--peak inf",
        "--warmup -1",
        "--smoothing 1",
        "--smoothing -.1",
        "--average 0",
        "--beam 0",
        "--alpha inf",
        "--alpha=-1",
        "--minutes nan",
        "--max-length 1",
        "--seed -1",
        "--seed x",
        "--decay cubic",
    ],
)
def test_numbers_are_checked_before_anything_is_written(options, here, capsys):
    with pytest.raises(SystemExit):
        run(*options.split())
    name = options.split("=")[0].split()[0]
    message = capsys.readouterr().err.splitlines()[-1]
    assert name in message and "must be" in message or "invalid choice: 'cubic'" in message
    assert not (here / "runs").exists()


def test_numbers_on_the_edge_are_taken(here):
    edge = "--dropout 0 --smoothing 0 --warmup 0 --minutes 0 --alpha 0 --max-length 40"
    assert run(*edge.split())["options"]["warmup"] == 0


@pytest.mark.parametrize("options", ["--beam 0", "--alpha nan", "--batch-size 0", "--chunk x"])
def test_translate_py_checks_its_numbers_too(options, capsys):
    with pytest.raises(SystemExit):
        translate.parse(options.split())
    assert f"{options.split()[0]}: must be" in capsys.readouterr().err


def test_an_error_is_one_clean_line(here):
    (here / "words" / "test.tsv").write_text("low\tup\nab\tAB\n\ncd\tCD\n", encoding="utf8")
    done = command()
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"train.py: {here / 'words' / 'test.tsv'}, line 3 is empty: take it out"
    ]


def test_one_word_targets_are_judged_by_what_can_judge_them(here, capsys, monkeypatch):
    """BLEU counts runs of four words: with one word a line it is 0 whatever is written."""

    def perfect(model, tokenizer, sentences, *_):
        return [sentence.upper() for sentence in sentences]

    monkeypatch.setattr(train, "translate", perfect)
    results = run()
    said = capsys.readouterr().out
    assert (
        said.count("BLEU says nothing here (no reference has four words), chrF 100.00, exact") == 2
    )
    assert said.count("exact match 100.0%") == 2 and "BLEU 0.00" not in said
    assert results["history"][0]["validation BLEU"] is None
    assert results["scores"]["last"]["test"]["greedy"]["BLEU"] is None
    assert results == json.loads((here / "runs/words/results.json").read_text(encoding="utf8"))


@pytest.mark.skipif(sys.platform == "win32", reason="HOME is not where Windows has its caches")
def test_without_a_home_that_can_be_written_to(here):
    (here / "not a folder").write_text("")
    nowhere = {name: str(here / "not a folder" / "x") for name in ("HOME", "XDG_CACHE_HOME")}
    done = command(**nowhere)
    assert done.returncode == 0, done.stderr
    line = [sys.executable, "-c", "from utils.data import load_corpus; load_corpus()"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=ROOT, env=os.environ | nowhere)
    assert done.returncode == 0, done.stderr


def test_the_whole_course_in_a_folder_with_brackets(here, monkeypatch):
    odd = here / ("Kurs [1] {a}" if sys.platform == "win32" else "Kurs [1] *?{a}")
    pairs(odd / "words")
    monkeypatch.chdir(odd)
    assert run()["corpus"] == "words"
    monkeypatch.setattr("utils.data.DATA", odd)
    (odd / "embedded").symlink_to(ROOT / "data" / "embedded")
    assert len(load_corpus("embedded")["unseen"]) == 1000
    row = json.dumps({"en": "A man.", "de": "Ein Mann."}) + "\n"
    for name in ("train.jsonl", "val.jsonl", "test.jsonl"):
        (odd / name).write_text(row, encoding="utf8")
    monkeypatch.setenv("MULTI30K_DIR", str(odd))
    assert load_corpus("multi30k")["validation"][:] == {"en": ["A man."], "de": ["Ein Mann."]}


def test_a_checkpoint_of_the_first_edition_says_what_it_lacks(here):
    """Its tokenizer lay one folder up, where another training could replace it."""
    run()
    for folder in ("last", "last.old"):
        (here / "runs/words" / folder / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match="last has no tokenizer.json: .* beside its weights"):
        run("--resume")
    with pytest.raises(SystemExit, match="translate.py: runs.words.last has no tokenizer.json"):
        translate.main(["--model", "runs/words/last"])


def test_what_it_saves_is_what_translate_py_reads(here):
    run()
    for folder in ("last", "best"):
        model, tokenizer = load_model(here / "runs/words" / folder)
        assert tokenizer.get_vocab_size() == model.config["vocab_size"] and END == 2


def test_a_training_ends_when_patience_does(here, monkeypatch):
    """BLEU rises, stays, stays: two epochs without a rise are enough, whatever was asked for."""
    scores = iter([3.0, 5.0, 5.0, 4.0, 9.0])

    def judged(*_) -> dict:
        return {"BLEU": next(scores), "chrF": 0.0, "exact match": 0.0}

    monkeypatch.setattr(train, "quick_scores", judged)
    monkeypatch.setattr(train, "scores", lambda *_: {"BLEU": 0.0, "chrF": 0.0, "exact match": 0.0})
    found = run("--epochs", "5", "--patience", "2", "--out", "patient")
    assert [row["validation BLEU"] for row in found["history"]] == [3.0, 5.0, 5.0, 4.0]
    again = run("--epochs", "5", "--patience", "2", "--out", "patient", "--resume")
    assert again["history"] == found["history"]  # and it stays ended


@pytest.mark.parametrize("row", [{"validation BLEU": None}, {}])
def test_patience_needs_a_bleu_to_wait_for(row):
    class Told:
        recipe, history = replace(RECIPES["short"], patience=2), [row] * 5

    assert not trainer.at_rest(Told)


@pytest.mark.parametrize("ended, began", [([], 0), ([{"seconds since the start": 30.0}], 30)])
def test_the_seconds_of_an_epoch_that_was_broken_off_count(ended, began, here, monkeypatch):
    (here / "runs" / "last").mkdir(parents=True)
    progress = {"history": ended, "seconds": 7.0}
    monkeypatch.setattr(train, "read_checkpoint", lambda _: (None, "tokenizer", progress))
    assert train.saved(here / "runs") == ("tokenizer", began + 7.0)


def test_what_macos_leaves_in_a_folder_is_no_file_of_the_readers(here):
    run("--epochs", "2", "--out", "looked_into")
    for folder in ("looked_into", "looked_into/last", "new"):
        (here / folder).mkdir(exist_ok=True)
        (here / folder / ".DS_Store").touch()
    train.check_unused(here / "new")
    trainer.check_free(here / "looked_into" / "last")
    (here / "looked_into" / "last" / "mine.txt").touch()
    with pytest.raises(FileExistsError, match="holds something"):
        trainer.check_free(here / "looked_into" / "last")


def test_a_checkpoint_is_read_where_one_stands(here, monkeypatch):
    run()
    monkeypatch.chdir(here / "runs" / "words" / "last")
    assert trainer.whole_checkpoint(".") == Path(".")


@pytest.mark.parametrize("norm, first", [("before", True), ("after", False)])
def test_the_norms_place_is_the_models(norm, first):
    options = train.parse(["--norm", norm, "--max-length", "40"])
    config = options.recipe.model(300).config
    assert config["norm_first"] is first and config["max_length"] == 40


def test_with_bpe_dropout_a_sentence_has_other_pieces_in_each_epoch(here, monkeypatch):
    cut = []

    class Watched(Loader):
        def fill(self, pairs):
            cut.append([pair.source for pair in pairs])
            super().fill(pairs)

    monkeypatch.setattr(train, "Loader", Watched)
    found = run("--bpe-dropout", "0.5", "--epochs", "2", "--out", "wild")
    assert len(found["history"]) == 2
    train_cuts = [rows for rows in cut if len(rows) == len(cut[0])]
    assert len({json.dumps(rows) for rows in train_cuts}) >= 3
    tokenizer = load_model(here / "wild" / "last")[1]
    texts = {tuple(tokenizer.decode(row) for row in rows) for rows in train_cuts}
    assert len(texts) == 1  # the words stay the same
    assert tokenizer.model.dropout is None  # what is saved, and what translates, has none


def test_pieces_anew_that_are_too_many_stay_as_they_were():
    short, long = Pair([3, END], [4, END]), Pair([3, END], [5] * 9 + [END])
    assert train.those_that_fit(lambda: [short, long], [long, short], 5) == [short, short]


def test_pieces_anew_are_for_one_device():
    with pytest.raises(ValueError, match="pieces of their own"):
        Loader([Pair([3, END], [3, END])], 10, world=2, fresh=list)

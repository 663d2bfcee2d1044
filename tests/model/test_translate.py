"""translate.py: one line out for each line in, whatever the line holds."""

import codecs
import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import translate as program
from transformer.training import load_model, save_model
from utils.data import DATA

ROOT = Path(__file__).resolve().parents[2]
MODEL, TOKENIZER = load_model(DATA / "model")
TEXTS = st.text(max_size=40) | st.text(" \t\r\v\x1c\x85\u2028\u00a0", max_size=5)


@pytest.fixture
def run(monkeypatch, capfdbinary):
    """Bytes and arguments → what the program writes to standard output and to standard error."""

    def run(text: bytes, *arguments: str) -> tuple[bytes, bytes]:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
        program.main(list(arguments))
        return capfdbinary.readouterr()

    return run


def test_as_a_command():
    text = "The man sleeps.\n\nThe girl sees a dog.\n"
    command = [sys.executable, "translate.py"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.decode().split("\n") == [
        "Der Mann schläft.",
        "",
        "Das Mädchen sieht einen Hund.",
        "",
    ]
    assert b"3 lines" in done.stderr


def test_the_beam_that_was_asked_for_searches(monkeypatch):
    seen = []

    def search(model, source, **knobs):
        seen.append(knobs)
        return [[] for _ in source]

    monkeypatch.setattr(program, "beam_search", search)
    options = program.parse(["--beam", "3", "--alpha", "0"])
    list(program.translate_lines(["The man sleeps."], MODEL, TOKENIZER, options))
    assert seen == [{"beam_size": 3, "alpha": 0.0}]


def test_one_line_out_for_each_line_in(run):
    lines = [
        b"The man sleeps.",
        b"",
        b" \t ",
        b"a\rb",
        "a\u2028b\x85c\x1cd".encode(),
        b"The dog sleeps.\r",
        b"\x00",
        b"<end> <pad>",
        "🦔".encode() * 300,
        b"dog " * 500,
        b"without an end of line",
    ]
    for chunk in ("1", "5", "1000"):
        found, _ = run(b"\n".join(lines), "--beam", "1", "--chunk", chunk)
        found = found.removesuffix(b"\n").split(b"\n")
        assert len(found) == len(lines)
        assert found[0].decode() == "Der Mann schläft." and found[5].decode() == "Der Hund schläft."
        assert found[1] == found[2] == b"" and found[9] != b""


def test_a_byte_order_mark_is_no_part_of_the_text(run):
    line = codecs.BOM_UTF8 + b"The man sleeps.\n"
    assert run(line + line)[0].decode() == "Der Mann schläft.\n" * 2  # two files


@pytest.mark.parametrize("chunk", ["1", "1000"])
@pytest.mark.parametrize(
    ("line", "looks"),
    [
        ("Où est-elle ?\n".encode("latin-1"), "an 8-bit encoding such as Windows-1252"),
        (b"\xff\xfe\n", "UTF-16"),
        ("The man sleeps.\n".encode("utf-16"), "UTF-16"),
        ("The man sleeps.\n".encode("utf-16-le"), "UTF-16"),
        ("The man sleeps.\n".encode("utf-16-be"), "UTF-16"),
    ],
)
def test_another_encoding_is_named_after_the_lines_before_it(
    line, looks, chunk, monkeypatch, capfdbinary
):
    text = io.BytesIO(b"The man sleeps.\n" + line)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=text))
    with pytest.raises(
        SystemExit, match=f"input, line 2, is no text in UTF-8: it looks like {looks}"
    ):
        program.main(["--beam", "1", "--chunk", chunk])
    assert capfdbinary.readouterr().out.decode() == "Der Mann schläft.\n"


def test_no_line_at_all(run):
    assert run(b"")[0] == b""


@settings(max_examples=100, deadline=None)
@given(text=TEXTS | TEXTS.map(lambda text: text * 60), limit=st.integers(20, 255))
def test_pieces_fit_and_lose_nothing(text, limit):
    found = program.pieces(text, TOKENIZER, limit)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(piece.strip() and len(TOKENIZER.encode(piece).ids) <= limit for piece in found)


def test_a_short_line_is_one_piece():
    assert program.pieces(" The  man sleeps. ", TOKENIZER, 255) == ["The man sleeps."]
    assert program.pieces("Bonjour\u00a0!", TOKENIZER, 255) == ["Bonjour\u00a0!"]
    assert program.pieces("\u00a0", TOKENIZER, 255) == []
    assert "".join(program.pieces("sleeps", TOKENIZER, 1)) == "sleeps"


@settings(max_examples=10, deadline=None)
@given(lines=st.lists(TEXTS, max_size=5), chunk=st.integers(1, 5))
def test_any_text(lines, chunk):
    options = SimpleNamespace(beam=1, alpha=0.6, chunk=chunk, batch_size=3)
    found = list(program.translate_lines(lines, MODEL, TOKENIZER, options))
    assert len(found) == len(lines)
    assert not any("\n" in translation for translation in found)
    assert all(found[i] == "" for i, line in enumerate(lines) if not line.strip())


def test_what_does_not_fit_is_said(tmp_path):
    with pytest.raises(SystemExit, match="no model here") as without:
        program.main(["--model", str(tmp_path)])
    assert "Give one" not in str(without.value)


def test_a_training_s_folder_names_the_models_in_it(tmp_path):
    for name in ("last", "average"):
        save_model(tmp_path / name, MODEL, TOKENIZER)
    (tmp_path / "epochs").mkdir()
    with pytest.raises(SystemExit) as refused:
        program.main(["--model", str(tmp_path)])
    named = f"Give one of these: {tmp_path / 'average'}, {tmp_path / 'last'}"
    assert str(refused.value).endswith(named)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a Unix shell")
def test_a_reader_that_leaves_early_is_no_error():
    command = (
        f"yes 'The man sleeps.' | head -300 | {sys.executable} translate.py --beam 1 --chunk 10"
    )
    done = subprocess.run(
        f"{command} | head -1", shell=True, cwd=ROOT, capture_output=True, check=True
    )
    assert done.stdout.decode() == "Der Mann schläft.\n" and b"Error" not in done.stderr

"""One file that survives: damaged, cut short, read-only, absent, newer, and written by two."""

import errno
import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from by_heart import store
from by_heart.attempts import Attempt
from by_heart.store import BEFORE, FILE, Store, data_folder, open_store

MONDAY = datetime(2026, 1, 5, 20, tzinfo=timezone(timedelta(hours=1)))


def attempt(days: int, kata: str = "softmax") -> Attempt:
    return Attempt(kata, 1, True, 0, 2.5, MONDAY + timedelta(days=days))


@pytest.fixture(autouse=True)
def not_on_colab(monkeypatch):
    monkeypatch.setattr(store, "on_colab", lambda: False)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def opened(tmp_path, said, monkeypatch):
    """Opens the store of a folder as a new session would."""
    monkeypatch.setenv("BY_HEART_DIR", str(tmp_path / "kept"))
    return lambda: open_store(said.append)


@pytest.fixture
def kept(tmp_path) -> Path:
    return tmp_path / "kept"


def test_what_is_added_is_there_in_the_next_session(opened, kept, said):
    first = opened()
    assert first.attempts == [] and first.notebooks is None
    assert first.add(attempt(0)) and first.add(attempt(1, "attention"))
    first.take([], {2})
    assert first.save()
    again = opened()
    assert again.attempts == [attempt(0), attempt(1, "attention")]
    assert again.notebooks == {2}
    assert again.attempts[0].at.utcoffset() == timedelta(hours=1)
    assert said == []
    assert sorted(path.name for path in kept.iterdir()) == [BEFORE, FILE]
    assert json.loads((kept / FILE).read_text(encoding="utf-8"))["version"] == 1


def test_opening_writes_nothing(opened, kept):
    opened()
    assert not kept.exists()


def test_two_open_notebooks_lose_nothing(opened):
    one, two = opened(), opened()
    one.add(attempt(0))
    two.add(attempt(1))
    for opened_store, notebook in ((one, 1), (two, 2)):
        opened_store.take([], {notebook})
        opened_store.save()
    assert opened().attempts == [attempt(0), attempt(1)]
    assert opened().notebooks == {1, 2}


DAMAGED = {
    "empty": b"",
    "cut short": b'{"version": 1, "notebooks": null, "atte',
    "no text": b"\xff\xfe\x00",
    "a list": b"[]",
    "no version": b"{}",
    "no version that counts": b'{"version": "one", "notebooks": null, "attempts": []}',
    "no attempts": b'{"version": 1, "notebooks": null}',
    "attempts of another form": b'{"version": 1, "notebooks": null, "attempts": [{"kata": "x"}]}',
    "an attempt on rung 9": json.dumps(
        {
            "version": 1,
            "notebooks": None,
            "attempts": [
                {
                    **{"kata": "x", "rung": 9, "passed": True, "hints": 0, "minutes": 1},
                    "at": "2026-01-05T20:00:00+01:00",
                }
            ],
        }
    ).encode(),
    "a kata of another form": b'{"version": 1, "notebooks": null, "attempts": [{"kata": ["x"], '
    b'"rung": 1, "passed": true, "hints": 0, "minutes": 1, "at": "2026-01-05T20:00:00+01:00"}]}',
    "notebooks of another form": b'{"version": 1, "notebooks": ["x"], "attempts": []}',
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_put_aside_and_the_one_before_used(damage, opened, kept, said):
    first = opened()
    first.add(attempt(0))
    first.add(attempt(1))
    (kept / FILE).write_bytes(damage)
    again = opened()
    assert again.attempts == [attempt(0)]
    [sentence] = said
    assert sentence.startswith(f"{kept / FILE} was damaged (")
    assert sentence.endswith(
        "is now progress.damaged-1.json, beside it. The state before it is used."
    )
    assert (kept / "progress.damaged-1.json").read_bytes() == damage
    assert again.add(attempt(2))
    assert opened().attempts == [attempt(0), attempt(2)] and len(said) == 1


def test_both_files_damaged(opened, kept, said):
    opened().add(attempt(0))
    for name in (FILE, BEFORE):
        (kept / name).write_text("?", encoding="utf-8")
    assert opened().attempts == []
    assert said[0].endswith("The state before it is used.") and said[1].endswith("You begin anew.")
    (kept / FILE).write_text("?", encoding="utf-8")
    assert opened().attempts == []
    assert said[2].endswith("There is none before it: you begin anew.")
    aside = sorted(path.name for path in kept.glob("*damaged*"))
    assert aside == [
        "progress.before.damaged-1.json",
        "progress.damaged-1.json",
        "progress.damaged-2.json",
    ]


def test_a_file_damaged_while_it_is_open_costs_nothing(opened, kept, said):
    first = opened()
    first.add(attempt(0))
    (kept / FILE).write_text("?", encoding="utf-8")
    assert first.add(attempt(1))
    assert opened().attempts == [attempt(0), attempt(1)]


def test_a_file_that_is_gone(opened, kept, said):
    first = opened()
    first.add(attempt(0))
    first.add(attempt(1))
    (kept / FILE).unlink()
    assert opened().attempts == [attempt(0)]
    assert said == []


def test_a_newer_editions_file_stays_as_it_is(opened, kept, said):
    kept.mkdir()
    newer = b'{"version": 2, "rows": "of another form"}'
    (kept / FILE).write_bytes(newer)
    session = opened()
    assert not session.add(attempt(0)) and not session.add(attempt(1))
    assert session.attempts == [attempt(0), attempt(1)]  # the practice goes on
    assert (kept / FILE).read_bytes() == newer
    assert [path.name for path in kept.iterdir()] == [FILE]
    [sentence] = said
    assert "was written by a newer edition of the course, so it stays as it is" in sentence


def test_a_folder_that_cannot_be_written(opened, kept, said, monkeypatch):
    session = opened()
    session.add(attempt(0))
    real, full = os.replace, OSError(errno.EROFS, "Read-only file system")

    def refuse(*names):
        raise full

    monkeypatch.setattr(os, "replace", refuse)
    assert not session.add(attempt(1)) and not session.add(attempt(2))
    [sentence] = said
    assert sentence.startswith(f"Your progress can't be kept in {kept} (Read-only file system).")
    assert "Set BY_HEART_DIR" in sentence
    assert opened().attempts == [attempt(0)]
    assert not list(kept.glob("*.part"))
    monkeypatch.setattr(os, "replace", real)
    assert session.add(attempt(3))  # and what waited is kept too
    assert opened().attempts == [attempt(day) for day in range(4)]


def test_a_folder_that_cannot_be_there(tmp_path, said, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("BY_HEART_DIR", str(tmp_path / "file" / "kept"))
    session = open_store(said.append)
    assert not session.add(attempt(0))
    assert session.attempts == [attempt(0)] and len(said) == 1


def test_a_file_that_cannot_be_read(opened, kept, said):
    (kept / FILE).mkdir(parents=True)  # a folder of that name
    session = opened()
    assert not session.add(attempt(0))
    assert len(said) == 1 and "can't be read" in said[0]
    assert (kept / FILE).is_dir()


def test_broken_off_between_the_two_files_nothing_is_lost(opened, kept, monkeypatch):
    session = opened()
    session.add(attempt(0))
    real = os.replace

    def stop(source, target):
        if Path(target).name == FILE:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        session.add(attempt(1))
    monkeypatch.setattr(os, "replace", real)
    assert opened().attempts == [attempt(0)]


HOME = Path.home()


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, HOME / ".local" / "share"),
        ("linux", {"XDG_DATA_HOME": os.path.abspath("/data")}, Path(os.path.abspath("/data"))),
        ("linux", {"XDG_DATA_HOME": "not/absolute"}, HOME / ".local" / "share"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, HOME / "Library" / "Application Support"),
        ("win32", {"LOCALAPPDATA": "C:/Users/me/Local"}, Path("C:/Users/me/Local")),
        ("win32", {}, HOME / "AppData" / "Local"),
    ],
)
def test_where_each_system_keeps_data(platform, environment, folder):
    assert data_folder(environment, platform) == folder / "transformer-by-heart"


def test_by_heart_dir_comes_first():
    chosen = {"BY_HEART_DIR": "~/mine", "XDG_DATA_HOME": "/data", "LOCALAPPDATA": "C:/Local"}
    for platform in ("linux", "darwin", "win32"):
        assert data_folder(chosen, platform) == HOME / "mine"


def test_without_a_home_it_goes_on_in_memory(said, monkeypatch):
    def homeless(*arguments):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(store, "data_folder", homeless)
    session = open_store(said.append)
    assert not session.add(attempt(0)) and session.attempts == [attempt(0)]
    assert said == [
        "Your progress can't be kept: this system names no home folder. Set BY_HEART_DIR."
    ]


@pytest.fixture
def colab(tmp_path, monkeypatch):
    monkeypatch.delenv("BY_HEART_DIR", raising=False)
    monkeypatch.setattr(store, "on_colab", lambda: True)
    monkeypatch.setattr(store, "data_folder", lambda: tmp_path / "machine")
    return tmp_path / "drive" / "MyDrive"


def test_on_colab_without_a_drive_it_says_so(colab, tmp_path, said):
    session = open_store(said.append, colab)
    assert session.add(attempt(0))
    assert (tmp_path / "machine" / FILE).exists()
    assert len(said) == 1
    assert said[0].startswith("Your progress lasts only as long as this Colab session.")


def test_on_colab_with_a_drive_it_is_kept_there(colab, tmp_path, said):
    colab.mkdir(parents=True)
    assert open_store(said.append, colab).add(attempt(0))
    assert (colab / "transformer-by-heart" / FILE).exists()
    assert not (tmp_path / "machine").exists() and said == []


def test_a_drive_mounted_later_takes_over_what_was_done(colab, said):
    first = open_store(said.append, colab)
    first.add(attempt(0))
    first.take([], {2})
    first.save()
    colab.mkdir(parents=True)
    Store(colab / "transformer-by-heart").add(attempt(-9))
    session = open_store(said.append, colab)
    on_drive = Store(colab / "transformer-by-heart")
    on_drive.read()  # at once: not with the next attempt
    assert on_drive.attempts == [attempt(-9), attempt(0)] and on_drive.notebooks == {2}
    session.add(attempt(1))
    assert open_store(said.append, colab).attempts == [attempt(-9), attempt(0), attempt(1)]
    assert open_store(said.append, colab).notebooks == {2}
    assert len(said) == 1


def test_by_heart_dir_also_on_colab(opened, kept, colab, monkeypatch, said):
    monkeypatch.setenv("BY_HEART_DIR", str(kept))
    monkeypatch.setattr(store, "data_folder", data_folder)
    assert open_store(said.append, colab).add(attempt(0))
    assert (kept / FILE).exists() and said == []

"""What a reader has done, in one JSON file that survives.

    store = open_store()            # in the reader's data folder, or where BY_HEART_DIR says
    store.add(attempt)              # kept at once
    Schedule(katas, store.attempts, store.notebooks)

Nothing here stops a practice: what can't be read or kept is said in a sentence, once, through
`say`, and the practice goes on in memory. A file is written aside, then renamed; the one before it
stays beside it. Two notebooks that are open at the same time lose nothing: each takes in what the
file holds before it writes.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from utils.colab import on_colab

from .attempts import Attempt

VERSION = 1  # of the file's form
FILE, BEFORE = "progress.json", "progress.before.json"
COURSE = "transformer-by-heart"
DRIVE = Path("/content/drive/MyDrive")  # where Colab mounts it


@dataclass
class Store:
    """attempts, each once, in their order; notebooks: the numbers of those the reader has done,
    None until that is said. folder None: in memory only."""

    folder: Path | None
    say: Callable[[str], None] = print
    attempts: list[Attempt] = field(default_factory=list)
    notebooks: set[int] | None = None
    readable: bool = True  # False: a newer edition's file, or one that can't be opened, stays as is
    told: set[str] = field(default_factory=set)

    def add(self, attempt: Attempt) -> bool:
        """Take in a result and keep it. Returns whether it is kept; if not, it was said why."""
        self.take([attempt], None)
        return self.save()

    def take(self, attempts: Iterable[Attempt], notebooks: Iterable[int] | None) -> None:
        """Add what is not there yet."""
        self.attempts = sorted({*self.attempts, *attempts}, key=lambda a: (a.at, a.kata, a.rung))
        if notebooks is not None:
            self.notebooks = {*(self.notebooks or ()), *notebooks}

    def read(self) -> None:
        """Take in what the folder holds: the file, or where it is damaged or gone, the one before.
        A damaged file is put aside under another name."""
        if self.folder is None or not self.readable:
            return
        try:
            names = [name for name in (FILE, BEFORE) if (self.folder / name).exists()]
            for name in names:
                try:
                    self.take(*parse((self.folder / name).read_bytes()))
                except Newer as newer:
                    self.readable = False
                    self.tell(f"{self.folder / name} {newer}")
                except ValueError as error:
                    self.put_aside(self.folder / name, error)
                    continue
                break
        except OSError as error:
            self.readable = False
            self.tell(
                f"Your progress in {self.folder} can't be read ({error.strerror or error}), so it "
                "stays as it is, and what you do now is forgotten at the end."
            )

    def put_aside(self, path: Path, error: Exception) -> None:
        number = 1
        while (aside := path.with_name(f"{path.stem}.damaged-{number}.json")).exists():
            number += 1
        os.replace(path, aside)
        other = "The state before it is used" if path.name == FILE else "You begin anew"
        if path.name == FILE and not (self.folder / BEFORE).exists():
            other = "There is none before it: you begin anew"
        self.tell(f"{path} was damaged ({error}) and is now {aside.name}, beside it. {other}.")

    def save(self) -> bool:
        """Write everything, with what the file holds by now. Returns whether that worked."""
        self.read()
        if self.folder is None or not self.readable:
            return False
        rows = [asdict(attempt) | {"at": attempt.at.isoformat()} for attempt in self.attempts]
        notebooks = None if self.notebooks is None else sorted(self.notebooks)
        state = {"version": VERSION, "notebooks": notebooks, "attempts": rows}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self.folder / FILE
            if file.exists():
                write_aside(self.folder / BEFORE, file.read_bytes())
            write_aside(file, (json.dumps(state, indent=1) + "\n").encode("utf-8"))
        except OSError as error:
            self.tell(
                f"Your progress can't be kept in {self.folder} ({error.strerror or error}). Set "
                "BY_HEART_DIR to a folder in which you may write; until then it lasts as long as "
                "this session."
            )
            return False
        return True

    def tell(self, sentence: str) -> None:
        if sentence not in self.told:
            self.told.add(sentence)
            self.say(sentence)


class Newer(ValueError):
    """The file is a newer edition's."""


def parse(data: bytes) -> tuple[list[Attempt], list[int] | None]:
    """What a file holds. Raises Newer for a newer edition's, ValueError for a damaged one."""
    state = json.loads(data.decode("utf-8"))
    try:
        if state["version"] > VERSION:
            raise Newer(
                "was written by a newer edition of the course, so it stays as it is, and what you "
                "do now is forgotten at the end: fetch today's course to go on with it."
            )
        rows = [row | {"at": datetime.fromisoformat(row["at"])} for row in state["attempts"]]
        notebooks = state["notebooks"] and [int(number) for number in state["notebooks"]]
        return [Attempt(**row) for row in rows], notebooks
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"it is no list of attempts: {error!r}") from error


def write_aside(path: Path, data: bytes) -> None:
    """Write beside `path`, then rename: whoever reads sees the old file or the new one, whole."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def data_folder(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Where this system keeps a program's data. Raises RuntimeError where there is no home."""
    if chosen := environment.get("BY_HEART_DIR"):
        return Path(chosen).expanduser()
    if platform == "win32":
        local = environment.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / COURSE
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / COURSE
    data = environment.get("XDG_DATA_HOME", "")
    return (Path(data) if os.path.isabs(data) else Path.home() / ".local" / "share") / COURSE


def open_store(say: Callable[[str], None] = print, drive: Path = DRIVE) -> Store:
    """The reader's store, read. On Colab it is on the Drive, if that is mounted, and takes over
    what was done before it was."""
    try:
        here = data_folder()
    except RuntimeError:
        say("Your progress can't be kept: this system names no home folder. Set BY_HEART_DIR.")
        return Store(None, say)
    store = Store(here, say)
    store.read()
    if not on_colab() or os.environ.get("BY_HEART_DIR"):
        return store
    if not drive.is_dir():
        store.tell(
            "Your progress lasts only as long as this Colab session. To keep it, or to go on from "
            "what you kept before, mount your Drive (folder icon on the left → Mount Drive), run "
            "this cell again and, if it has a button, press it."
        )
        return store
    kept = Store(drive / COURSE, say)
    kept.read()
    kept.take(store.attempts, store.notebooks)
    if store.attempts or store.notebooks:
        kept.save()
    return kept

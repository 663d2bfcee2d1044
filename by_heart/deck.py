"""The course as an Anki deck.

    python -m by_heart.deck             # writes build/transformer-by-heart.apkg
    python -m by_heart.deck guids       # writes down the guids of new and reworded cards

Anki knows a card by its note's guid, a note type by its number and fields, a deck by its name.
by_heart/deck.json holds guids and numbers, so that an update finds the learner's cards and leaves
their history alone. None of these may change: Anki would take the notes for others.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import genanki

from .cards import ROOT, Note, notes

NAMES = ROOT / "by_heart" / "deck.json"
OUT = ROOT / "build" / "transformer-by-heart.apkg"
DECK = "Transformer by Heart"
ALIKE = 0.6  # so much of a key must be as before for the card to be the same one, reworded
LINE = "<p><code>{{Name}}</code></p>{{cloze:Code}}"
CSS = """.card { font: 18px/1.45 system-ui, sans-serif; text-align: left; max-width: 52em;
  margin: 1em auto; }
pre, code { font: 14px/1.4 ui-monospace, Consolas, monospace; }
pre { white-space: pre-wrap; padding: .7em; background: #f7f8fa; border-radius: 4px; }
.nightMode pre, .night_mode pre { background: #2b3036; }
.cloze { font-weight: bold; color: #0072b2; }
.nightMode .cloze, .night_mode .cloze { color: #56b4e9; }"""


def note_types(numbers: dict[str, int]) -> dict[str, genanki.Model]:
    """Questions with their answers, and lines of code with a gap."""
    question = genanki.Model(
        numbers["question"],
        f"{DECK}: question",
        fields=[{"name": "Question"}, {"name": "Answer"}],
        templates=[
            {
                "name": "Question",
                "qfmt": "{{Question}}",
                "afmt": "{{FrontSide}}<hr id=answer>{{Answer}}",
            }
        ],
        css=CSS,
    )
    line = genanki.Model(
        numbers["line"],
        f"{DECK}: line",
        fields=[{"name": "Code"}, {"name": "Name"}],
        templates=[
            {"name": "Line", "qfmt": LINE, "afmt": LINE},
        ],
        css=CSS,
        model_type=genanki.Model.CLOZE,
    )
    return {"line": line, "question": question}


def deck(cards: Sequence[Note], names: dict) -> genanki.Deck:
    """Raises ValueError for a card whose guid is not written down."""
    if unknown := [card.key for card in cards if card.key not in names["guids"]]:
        raise ValueError(
            f"{len(unknown)} cards have no guid, the first is {unknown[0]!r}: "
            "run  python -m by_heart.deck guids  and commit by_heart/deck.json"
        )
    types = note_types(names["note types"])
    made = genanki.Deck(names["deck"], DECK, "Beside the notebooks: what to know by heart.")
    for place, card in enumerate(cards):
        made.add_note(
            genanki.Note(
                types.get(card.kind, types["question"]),
                fields=list(card.fields),
                tags=[card.notebook, card.kind],
                guid=names["guids"][card.key],
                due=place,  # new cards come in this order
            )
        )
    return made


def write(path: Path, cards: Sequence[Note], names: dict, when: float) -> None:
    """when: seconds since 1970. Anki takes a text for newer, and so for an update, by this."""
    path.parent.mkdir(parents=True, exist_ok=True)
    genanki.Package(deck(cards, names)).write_to_file(path, timestamp=when)


def with_guids(cards: Sequence[Note], names: dict) -> tuple[dict, list[str]]:
    """names with a guid for every card, and what is new about it, in sentences.

    A card whose key has changed a little keeps the guid that it had: it is the same card, reworded.
    A guid that no card needs any more goes.
    """
    old, keys = names["guids"], [card.key for card in cards]
    gone = [key for key in old if key not in keys]
    guids, said = {}, []
    for key in keys:
        kind, place, words = key.split(" ", 2) if key.count(" ") > 1 else (key, "", "")
        there = f"{kind} {place} "  # of the same notebook, of the same function
        before = {other.removeprefix(there): other for other in gone if other.startswith(there)}
        alike = difflib.get_close_matches(words, before, 1, ALIKE)
        if key in old:
            guids[key] = old[key]
        elif alike:
            was = before[alike[0]]
            gone.remove(was)
            guids[key] = old[was]
            said.append(f"reworded: {was!r} is now {key!r}")
        else:
            guids[key] = hashlib.sha256(key.encode("utf-8")).hexdigest()[:12]
            said.append(f"new: {key!r}")
    said += [f"gone: {key!r}" for key in gone]
    if twice := [guid for guid, count in Counter(guids.values()).items() if count > 1]:
        raise ValueError(f"two cards have the guid {twice[0]}: change one in by_heart/deck.json")
    return {**names, "guids": guids}, said


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m by_heart.deck")
    options.add_argument("what", nargs="?", choices=["guids"], help="write down new guids")
    options.add_argument("--out", type=Path, default=OUT)
    chosen = options.parse_args()
    names = json.loads(NAMES.read_text(encoding="utf-8"))
    cards = notes()
    if chosen.what == "guids":
        names, said = with_guids(cards, names)
        text = json.dumps(names, indent=1, ensure_ascii=False) + "\n"
        NAMES.write_text(text, encoding="utf-8", newline="\n")
        print(*said, f"{len(cards)} cards, each with its guid", sep="\n")
        return
    write(chosen.out, cards, names, float(os.environ.get("SOURCE_DATE_EPOCH", time.time())))
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(c.kind for c in cards).items())
    print(f"{chosen.out}: {len(cards)} cards ({kinds})")


if __name__ == "__main__":
    main()

"""The deck: every card has its text and its guid, and Anki's own library takes it, shows its code
as it stands, and updates it without losing a review."""

import html
import json
import re
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from by_heart import blocks, cards
from by_heart.cards import ROOT, Note
from by_heart.deck import DECK, NAMES, deck, with_guids, write

CARDS = cards.notes()
WRITTEN = json.loads(NAMES.read_text(encoding="utf-8"))
YEAR = 31_536_000
FIRST = 56 * YEAR  # seconds since 1970: an edition's date
RECAPS = [note for note in CARDS if note.kind == "recap"]
LINES = [note for note in CARDS if note.kind == "line"]


def of_kind(kind: str) -> dict[str, Note]:
    return {note.key.split(" ", 1)[1]: note for note in CARDS if note.kind == kind}


def plain(field: str) -> str:
    return html.unescape(re.sub(r"<.*?>", "", field))


def test_every_card_has_its_guid_written_down():
    _, said = with_guids(CARDS, WRITTEN)
    assert not said, f"run  python -m by_heart.deck guids  and commit by_heart/deck.json: {said}"
    assert len({note.key for note in CARDS}) == len(CARDS)
    assert len(set(WRITTEN["guids"].values())) == len(WRITTEN["guids"])


def test_the_numbers_of_deck_and_note_types_never_change():
    assert WRITTEN["deck"] == 1764195301
    assert WRITTEN["note types"] == {"question": 1764195302, "line": 1764195303}
    fields = {
        kind: [field["name"] for field in deck([note], WRITTEN).notes[0].model.fields]
        for kind, note in (("question", RECAPS[0]), ("line", LINES[0]))
    }
    assert fields == {"question": ["Question", "Answer"], "line": ["Code", "Name"]}


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_each_recap_gives_its_questions(path):
    text = path.read_text(encoding="utf-8")
    recap = text.partition('"## Recap\\n"')[2].partition("Further reading")[0]
    unfolded = recap.partition("✎ Exercise")[0].count("<summary>")
    found = [note for note in RECAPS if note.notebook == path.stem]
    assert len(found) == unfolded
    if '"## Recap\\n"' in text:
        assert 3 <= len(found) <= 5


def test_formulas_are_set_for_anki():
    fields = [field for note in RECAPS for field in note.fields]
    assert any(r"\(\sqrt{d_k}\)" in field for field in fields)
    assert any(r"\(e^{89}\)" in field for field in fields)
    assert not any("$" in field or re.search(r"[^{]d_model", field) for field in fields)
    assert cards.rendered("`d_k` and $d_k$, d_k") == (
        r"<code>d_k</code> and "
        r'<span class="math">\(d_k\)</span>, <span class="math">\(d_k\)</span>'
    )
    names = {name for module in blocks.BLOCKS.values() for name in module}
    assert set(of_kind("formula")) == set(blocks.FORMULAS) <= names


def test_every_block_has_cards():
    asked = {note.key.split(" ")[1].split(".")[0] for note in CARDS if note.kind != "recap"}
    assert {name for module in blocks.BLOCKS.values() for name in module} == asked
    shapes = of_kind("shapes")
    assert "(…, queries, d_k)" in plain(shapes["attention"].fields[1])
    assert "(batch, heads, length, d_k)" in plain(shapes["MultiHeadAttention.split"].fields[1])


def test_each_line_filled_in_is_the_source_again():
    """Without the docstring; and each gap is one whole expression."""
    assert len(LINES) > 60
    for note in LINES:
        check_line(note)


def check_line(note: Note) -> None:
    [field, name] = note.fields
    [gap] = re.findall(r"\{\{c1::(.*?)\}\}", field, re.DOTALL)
    assert "::" not in gap and "{" not in gap and "}" not in gap and "\\" not in gap
    code = plain(field.replace("{{c1::", "").replace("}}", "", 1))
    compile(f"(\n{plain(gap)}\n)", name, "eval")
    compile(code, name, "exec")
    [module] = [m for m, names in blocks.BLOCKS.items() if name.split(".")[0] in names]
    source = (ROOT / "transformer" / f"{module}.py").read_text(encoding="utf-8")
    lines = {line.strip() for line in source.splitlines()}
    assert all(line.strip() in lines for line in code.splitlines())


def test_code_that_anki_would_read_as_its_own():
    code = (
        '    def f(x):\n        """Says 2."""\n        y = {"a": {"b": x[::2]}}  # → {{c1::no}}\n'
    )
    source = f"class A:\n{code}        return r'\\(x\\)' + str(y)\n"
    [method] = blocks.ast.parse(source).body[0].body
    [first, last] = blocks.statements(method)
    field = blocks.blanked(source, method, first.value)
    assert field.count("{{") == field.count("}}") == field.count("::") == 1
    assert plain(field) == (
        'def f(x):\n    y = {{c1::{"a": {"b": x[::2]}}}}  # → {{c1::no}}\n'
        "    return r'\\(x\\)' + str(y)"
    )
    assert "\\" not in blocks.blanked(source, method, last.value)


def test_a_block_that_is_gone_is_named(monkeypatch):
    monkeypatch.setitem(blocks.BLOCKS, "heads", ["Hydra"])
    with pytest.raises(ValueError, match="transformer/heads.py has no Hydra: mend BLOCKS"):
        cards.notes()


def note(key: str, kind: str = "recap", back: str = "because") -> Note:
    return Note(key, kind, (key, back), "01_math")


def test_a_reworded_card_keeps_its_guid_and_a_new_one_gets_its_own():
    before = ["recap 01 Why divide by the root?", "recap 01 What is a key?", "line f x = a + b"]
    names, _ = with_guids([note(key) for key in before], {"guids": {}})
    now = [
        "recap 01 What is a key?",
        "recap 01 Why divide by the square root?",  # reworded
        "recap 02 Why divide by the root?",  # another notebook's
        "line f y = x * 2",
    ]
    after, said = with_guids([note(key) for key in now], names)
    old = names["guids"]
    assert after["guids"][now[0]] == old[before[1]]
    assert after["guids"][now[1]] == old[before[0]]
    assert len({*old.values(), *after["guids"].values()}) == 5
    assert sorted(sentence.split(":")[0] for sentence in said) == ["gone", "new", "new", "reworded"]
    assert with_guids([note(key) for key in now], after) == (after, [])


def test_two_cards_with_one_guid_are_refused():
    names, _ = with_guids([note("recap 01 Why so?")], {"guids": {}})
    renamed, _ = with_guids([note("recap 01 Why so then?")], names)
    with pytest.raises(ValueError, match="two cards have the guid"):
        with_guids([note("recap 01 Why so then?"), note("recap 01 Why so?")], renamed)


def test_a_card_without_a_guid_stops_the_deck():
    with pytest.raises(ValueError, match="1 cards have no guid, the first is 'recap 01 Who"):
        deck([*CARDS, note("recap 01 Who?")], WRITTEN)


class Anki:
    """A learner's collection."""

    def __init__(self, folder: Path) -> None:
        from anki.collection import Collection

        self.folder, self.collection = folder, Collection(str(folder / "collection.anki2"))

    def take(self, notes: list[Note], names: dict, when: float) -> None:
        """Build the deck and import it with what Anki's own window sets by default."""
        from anki.collection import ImportAnkiPackageOptions, ImportAnkiPackageRequest

        path = self.folder / "deck.apkg"
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # genanki warns of what is no HTML
            write(path, notes, names, when)
        options = ImportAnkiPackageOptions(with_scheduling=False, merge_notetypes=False)
        self.collection.import_anki_package(
            ImportAnkiPackageRequest(package_path=str(path), options=options)
        )
        # Anki numbers its decks itself, and knows them by their names
        self.collection.decks.select(self.collection.decks.id(DECK, create=False))

    def review(self, count: int) -> list[int]:
        """Answer the next cards, "good" and "again" in turns; their ids."""
        answered = []
        for turn in range(count):
            card = self.collection.sched.getCard()
            card.start_timer()
            self.collection.sched.answerCard(card, 3 if turn % 2 else 1)
            answered.append(card.id)
        return answered

    def history(self) -> list:
        query = "select id, cid, ease, ivl, factor from revlog order by id"
        return self.collection.db.all(query)

    def state(self, ids: list[int]) -> list:
        chosen = [self.collection.get_card(card) for card in ids]
        return [(c.id, c.reps, c.lapses, c.ivl, c.due, c.type, c.queue) for c in chosen]

    def by_guid(self) -> dict[str, int]:
        return dict(self.collection.db.all("select guid, id from notes"))


@pytest.fixture
def anki(tmp_path):
    pytest.importorskip("anki.collection", reason="Anki's library is not installed here")
    learner = Anki(tmp_path)
    yield learner
    learner.collection.close()


def test_anki_takes_every_card(anki):
    anki.take(CARDS, WRITTEN, FIRST)
    collection = anki.collection
    assert collection.note_count() == collection.card_count() == len(CARDS)
    assert set(anki.by_guid()) == set(WRITTEN["guids"].values())
    assert not collection.get_empty_cards().notes
    for kind in ("recap", "formula", "shapes", "line"):
        assert len(collection.find_cards(f"tag:{kind}")) == len(of_kind(kind))
    texts = {}
    for number in collection.find_cards("deck:*"):
        card = collection.get_card(number)
        assert all(plain(value).strip() for value in card.note().fields)
        texts[card.note().guid] = [
            plain(re.sub("<style>.*?</style>", "", side, flags=re.DOTALL)).strip()
            for side in (card.question(), card.answer())
        ]
    for card in CARDS:
        question, answer = texts[WRITTEN["guids"][card.key]]
        assert question and answer and question != answer
        if card.kind == "line":
            code = plain(card.fields[0].replace("{{c1::", "").replace("}}", "", 1))
            assert answer.endswith(code) and "[...]" in question
            assert answer.startswith(card.fields[1]) and question.startswith(card.fields[1])
        else:
            assert answer.endswith(plain(card.fields[1]).strip())
    assert collection.fix_integrity()[1]


def test_new_cards_come_in_the_paths_order(anki):
    anki.take(CARDS, WRITTEN, FIRST)
    query = "select n.guid from cards c join notes n on n.id = c.nid order by c.due"
    guids = anki.collection.db.list(query)
    assert guids == [WRITTEN["guids"][card.key] for card in CARDS]


def test_an_update_changes_texts_and_loses_no_review(anki):
    anki.take(CARDS, WRITTEN, FIRST)
    answered = anki.review(12)
    history, state, ids = anki.history(), anki.state(answered), anki.by_guid()
    assert len(history) == 12

    first = RECAPS[0]
    reworded = replace(first, key=f"{first.key[:-1]} here?", fields=("Now in other words?", "So."))
    rest = [card for card in CARDS if card not in (first, LINES[0])]
    edition = [note("recap 01 A new one, placed before the others?"), reworded, *rest]
    names, said = with_guids(edition, WRITTEN)
    assert sorted(sentence.split(":")[0] for sentence in said) == ["gone", "new", "reworded"]
    anki.take(edition, names, FIRST + YEAR)

    assert anki.history() == history
    assert anki.state(answered) == state
    assert anki.by_guid().items() >= ids.items()  # a card that the course gave up stays with them
    assert anki.collection.card_count() == len(CARDS) + 1
    number = anki.by_guid()[WRITTEN["guids"][first.key]]
    assert anki.collection.get_note(number).fields == ["Now in other words?", "So."]
    types = [n.name for n in anki.collection.models.all_names_and_ids() if "Heart" in n.name]
    assert len(types) == 2

    anki.take(edition, names, FIRST + YEAR)  # the same edition once more
    assert anki.history() == history and anki.state(answered) == state
    assert anki.collection.card_count() == len(CARDS) + 1


def test_new_looks_of_the_cards_make_no_second_note_type(anki, monkeypatch):
    anki.take(CARDS, WRITTEN, FIRST)
    answered = anki.review(4)
    state = anki.state(answered)
    monkeypatch.setattr("by_heart.deck.CSS", ".card { font-size: 20px; }")
    monkeypatch.setattr("by_heart.deck.LINE", "{{cloze:Code}}<p>{{Name}}</p>")
    anki.take(CARDS, WRITTEN, FIRST + YEAR)
    types = [n for n in anki.collection.models.all_names_and_ids() if "Heart" in n.name]
    assert len(types) == 2 and anki.state(answered) == state
    assert anki.collection.note_count() == len(CARDS)
    assert {anki.collection.models.get(n.id)["css"] for n in types} == {
        ".card { font-size: 20px; }"
    }

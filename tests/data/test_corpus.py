"""The embedded corpus: its grammar against German written by hand, and its files."""

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from data.make import corpus as make_corpus
from data.make import grammar
from data.make.grammar import (
    HOME,
    Adverbial,
    Clause,
    NounPhrase,
    Predicate,
    PrepositionPhrase,
    Pronoun,
    finite,
    infinitive,
    write,
)
from utils.data import split_words

DATA = Path(__file__).resolve().parents[2] / "data"
SPLITS = ("train", "validation", "test", "unseen")
SG, PL = "singular", "plural"
NOM, ACC, DAT = "nominative", "accusative", "dative"

# --------------------------------------------------------------------------------------
# Forms, written by hand
# --------------------------------------------------------------------------------------

NOUN_PHRASES = [
    # weak endings, after der
    ("the", "old", "man", SG, NOM, "der alte Mann"),
    ("the", "old", "man", SG, ACC, "den alten Mann"),
    ("the", "old", "man", SG, DAT, "dem alten Mann"),
    ("the", "old", "woman", SG, NOM, "die alte Frau"),
    ("the", "old", "woman", SG, ACC, "die alte Frau"),
    ("the", "old", "woman", SG, DAT, "der alten Frau"),
    ("the", "small", "child", SG, NOM, "das kleine Kind"),
    ("the", "small", "child", SG, ACC, "das kleine Kind"),
    ("the", "small", "child", SG, DAT, "dem kleinen Kind"),
    ("the", "small", "child", PL, NOM, "die kleinen Kinder"),
    ("the", "small", "child", PL, ACC, "die kleinen Kinder"),
    ("the", "small", "child", PL, DAT, "den kleinen Kindern"),
    # dieser
    ("this", "new", "coat", SG, NOM, "dieser neue Mantel"),
    ("this", "new", "coat", SG, ACC, "diesen neuen Mantel"),
    ("this", "", "house", SG, NOM, "dieses Haus"),
    ("this", "", "lamp", SG, DAT, "dieser Lampe"),
    ("this", "sick", "animal", PL, DAT, "diesen kranken Tieren"),
    # mixed endings, after ein, kein and the possessives
    ("a", "big", "dog", SG, NOM, "ein großer Hund"),
    ("a", "big", "dog", SG, ACC, "einen großen Hund"),
    ("a", "big", "dog", SG, DAT, "einem großen Hund"),
    ("a", "red", "flower", SG, NOM, "eine rote Blume"),
    ("a", "red", "flower", SG, DAT, "einer roten Blume"),
    ("a", "white", "horse", SG, NOM, "ein weißes Pferd"),
    ("a", "white", "horse", SG, ACC, "ein weißes Pferd"),
    ("a", "white", "horse", SG, DAT, "einem weißen Pferd"),
    ("no", "fresh", "apple", SG, ACC, "keinen frischen Apfel"),
    ("no", "cold", "milk", SG, ACC, "keine kalte Milch"),
    ("no", "new", "book", PL, ACC, "keine neuen Bücher"),
    ("my", "good", "friend", SG, NOM, "mein guter Freund"),
    ("his", "young", "sister", SG, DAT, "seiner jungen Schwester"),
    ("her", "blue", "dress", SG, NOM, "ihr blaues Kleid"),
    ("our", "big", "garden", SG, ACC, "unseren großen Garten"),
    ("our", "", "teacher", SG, DAT, "unserem Lehrer"),
    ("their", "lazy", "cat", PL, NOM, "ihre faulen Katzen"),
    # strong endings, without an article or after a number
    ("", "old", "man", PL, NOM, "alte Männer"),
    ("", "old", "man", PL, DAT, "alten Männern"),
    ("", "cold", "water", SG, ACC, "kaltes Wasser"),
    ("", "hot", "tea", SG, ACC, "heißen Tee"),
    ("", "fresh", "milk", SG, ACC, "frische Milch"),
    ("", "fresh", "bread", SG, NOM, "frisches Brot"),
    ("two", "young", "doctor", PL, NOM, "zwei junge Ärzte"),
    ("three", "clever", "woman", PL, DAT, "drei klugen Frauen"),
    ("many", "expensive", "car", PL, ACC, "viele teure Autos"),
    ("many", "", "doctor", PL, DAT, "vielen Ärzten"),
    # adjectives that lose their e, weak nouns, plurals with and without -n in the dative
    ("the", "expensive", "hat", SG, NOM, "der teure Hut"),
    ("a", "dark", "room", SG, NOM, "ein dunkles Zimmer"),
    ("the", "tired", "boy", SG, ACC, "den müden Jungen"),
    ("the", "", "boy", SG, NOM, "der Junge"),
    ("the", "", "boy", SG, ACC, "den Jungen"),
    ("a", "clever", "boy", SG, DAT, "einem klugen Jungen"),
    ("the", "", "boy", PL, NOM, "die Jungen"),
    ("the", "", "car", PL, DAT, "den Autos"),
    ("the", "", "wolf", PL, DAT, "den Wölfen"),
    ("the", "", "bird", PL, DAT, "den Vögeln"),
    ("the", "", "girl", PL, DAT, "den Mädchen"),
]

FINITE_FORMS = [
    ("read", "present", 3, SG, "liest"),
    ("read", "present", 1, SG, "lese"),
    ("read", "present", 3, PL, "lesen"),
    ("read", "past", 3, PL, "lasen"),
    ("sleep", "present", 3, SG, "schläft"),
    ("sleep", "past", 1, SG, "schlief"),
    ("work", "present", 3, SG, "arbeitet"),
    ("work", "past", 3, PL, "arbeiteten"),
    ("open", "present", 1, SG, "öffne"),
    ("feed", "present", 1, SG, "füttere"),
    ("feed", "present", 1, PL, "füttern"),
    ("know that", "present", 1, SG, "weiß"),
    ("know that", "present", 1, PL, "wissen"),
    ("know", "present", 1, SG, "kenne"),
    ("eat", "past", 3, PL, "aßen"),
    ("bring", "past", 1, PL, "brachten"),
    ("have", "present", 1, SG, "habe"),
    ("have", "past", 3, PL, "hatten"),
    ("be", "present", 1, SG, "bin"),
    ("be", "past", 3, PL, "waren"),
    ("can", "present", 1, SG, "kann"),
    ("can", "present", 1, PL, "können"),
    ("will", "future", 1, SG, "werde"),
    ("want", "present", 3, SG, "will"),
    ("should", "present", 3, PL, "sollten"),
]

PARTICIPLES = [
    ("read", "hat", "gelesen"),
    ("go", "ist", "gegangen"),
    ("visit", "hat", "besucht"),
    ("repair", "hat", "repariert"),
    ("forget", "hat", "vergessen"),
    ("turn on", "hat", "eingeschaltet"),
    ("get up", "ist", "aufgestanden"),
    ("follow", "ist", "gefolgt"),
]

PREPOSITIONS = [
    ("in", "the", "", "garden", DAT, "im Garten"),
    ("in", "the", "old", "house", DAT, "im alten Haus"),
    ("in", "the", "", "kitchen", DAT, "in der Küche"),
    ("in", "the", "", "forest", ACC, "in den Wald"),
    ("in", "the", "", "house", ACC, "ins Haus"),
    ("an", "the", "", "window", DAT, "am Fenster"),
    ("an", "the", "", "door", DAT, "an der Tür"),
    ("zu", "the", "", "station", DAT, "zum Bahnhof"),
    ("zu", "the", "", "school", DAT, "zur Schule"),
    ("von", "the", "", "computer", DAT, "vom Computer"),
    ("auf", "the", "", "table", DAT, "auf dem Tisch"),
    ("auf", "the", "", "table", ACC, "auf den Tisch"),
    ("in", "this", "", "house", DAT, "in diesem Haus"),
]


@pytest.mark.parametrize("determiner, adjective, noun, number, case, german", NOUN_PHRASES)
def test_noun_phrases(determiner, adjective, noun, number, case, german):
    phrase = NounPhrase(determiner, noun, adjective, number)
    assert " ".join(token.text for token in phrase.german(case)) == german


@pytest.mark.parametrize("verb, tense, person, number, german", FINITE_FORMS)
def test_finite_verbs(verb, tense, person, number, german):
    assert finite(verb, tense, person, number) == german


@pytest.mark.parametrize("verb, auxiliary, german", PARTICIPLES)
def test_participles(verb, auxiliary, german):
    found = grammar.VERBS[verb]
    assert (found.auxiliary, found.participle) == (auxiliary, german)


def test_infinitives():
    assert infinitive("turn on") == "einschalten"
    assert infinitive("come back") == "zurückkommen"
    assert infinitive("cross") == "überqueren"


@pytest.mark.parametrize("preposition, determiner, adjective, noun, case, german", PREPOSITIONS)
def test_prepositions_and_contractions(preposition, determiner, adjective, noun, case, german):
    noun_phrase = NounPhrase(determiner, noun, adjective)
    phrase = PrepositionPhrase("", preposition, case, noun_phrase)
    assert " ".join(token.text for token in phrase.german()) == german


def test_unknown_forms_are_refused():
    with pytest.raises(ValueError, match="'milk' has no plural"):
        NounPhrase("the", "milk", "", PL).german(NOM)


# --------------------------------------------------------------------------------------
# Sentences, written by hand
# --------------------------------------------------------------------------------------


def np(text, number=SG):
    """'the old man' → NounPhrase; a noun alone has no determiner."""
    *before, noun = text.split()
    determiner = before[0] if before and before[0] in grammar.DETERMINERS else ""
    adjectives = [word for word in before if word != determiner]
    return NounPhrase(determiner, noun, adjectives[0] if adjectives else "", number)


def pl(text):
    return np(text, PL)


def pro(word):
    return Pronoun(word)


def it(noun):
    return Pronoun("it", noun)


def pp(english, german, case, phrase):
    return PrepositionPhrase(english, german, case, phrase)


def time(english):
    return next(Adverbial(en, de, links) for en, de, links, _ in grammar.TIMES if en == english)


def because(clause, conjunction="because", first=False):
    return {"subordinate": [(conjunction, clause, first)]}


def is_(subject, adjective, tense="present", degree=""):
    return Clause(subject, "be", tense, predicate=Predicate(adjective, degree))


MAN, WOMAN = "the man", "the woman"
SENTENCES = [
    (
        Clause(np("the old man"), "read", accusative=np("a book")),
        "The old man reads a book.",
        "Der alte Mann liest ein Buch.",
    ),
    (
        Clause(
            np("the old man"), "read", accusative=np("a book"), time=time("today"), time_first=True
        ),
        "Today the old man reads a book.",
        "Heute liest der alte Mann ein Buch.",
    ),
    (
        Clause(np("the old man"), "read", accusative=np("the book"), time=time("today")),
        "The old man reads the book today.",
        "Der alte Mann liest heute das Buch.",
    ),
    (
        Clause(np(MAN), "give", dative=np("the child"), accusative=np("a ball")),
        "The man gives the child a ball.",
        "Der Mann gibt dem Kind einen Ball.",
    ),
    (
        Clause(np(MAN), "give", "past", dative=pro("he"), accusative=np("the key"), negated=True),
        "The man did not give him the key.",
        "Der Mann gab ihm den Schlüssel nicht.",
    ),
    (Clause(np(MAN), "sleep", negated=True), "The man does not sleep.", "Der Mann schläft nicht."),
    (
        Clause(np(MAN), "read", accusative=np("the book"), negated=True),
        "The man does not read the book.",
        "Der Mann liest das Buch nicht.",
    ),
    (
        Clause(np(MAN), "buy", accusative=np("a car"), negated=True),
        "The man does not buy a car.",
        "Der Mann kauft kein Auto.",
    ),
    (
        Clause(np(MAN), "eat", accusative=np("a apple"), negated=True),
        "The man does not eat an apple.",
        "Der Mann isst keinen Apfel.",
    ),
    (
        Clause(pro("they"), "buy", "past", accusative=pl("new book"), negated=True),
        "They did not buy new books.",
        "Sie kauften keine neuen Bücher.",
    ),
    (
        Clause(pro("I"), "have", accusative=np("no dog"), negated=True),
        "I have no dog.",
        "Ich habe keinen Hund.",
    ),
    (
        Clause(np("the cat"), "sleep", place=pp("under", "unter", DAT, np("the table"))),
        "The cat sleeps under the table.",
        "Die Katze schläft unter dem Tisch.",
    ),
    (
        Clause(
            np("the cat"), "sleep", negated=True, place=pp("under", "unter", DAT, np("the table"))
        ),
        "The cat does not sleep under the table.",
        "Die Katze schläft nicht unter dem Tisch.",
    ),
    (
        Clause(
            pl("the child"), "play", place=pp("in", "in", DAT, np("the garden")), place_first=True
        ),
        "In the garden the children play.",
        "Im Garten spielen die Kinder.",
    ),
    (
        Clause(np("the dog"), "run", place=pp("into", "in", ACC, np("the house"))),
        "The dog runs into the house.",
        "Der Hund rennt ins Haus.",
    ),
    (
        Clause(np(WOMAN), "go", "perfect", place=pp("to", "zu", DAT, np("the school"))),
        "The woman has gone to the school.",
        "Die Frau ist zur Schule gegangen.",
    ),
    (
        Clause(
            pro("she"),
            "lay",
            "past",
            accusative=np("the letter"),
            preposition=pp("on", "auf", ACC, np("the table")),
        ),
        "She laid the letter on the table.",
        "Sie legte den Brief auf den Tisch.",
    ),
    (
        Clause(pro("she"), "turn on", accusative=np("the lamp")),
        "She turns on the lamp.",
        "Sie schaltet die Lampe ein.",
    ),
    (
        Clause(pro("she"), "turn on", accusative=np("the lamp"), negated=True),
        "She does not turn on the lamp.",
        "Sie schaltet die Lampe nicht ein.",
    ),
    (
        Clause(pro("she"), "turn on", modal="want", accusative=np("the lamp")),
        "She wants to turn on the lamp.",
        "Sie will die Lampe einschalten.",
    ),
    (
        Clause(pro("she"), "turn on", "perfect", accusative=np("the lamp")),
        "She has turned on the lamp.",
        "Sie hat die Lampe eingeschaltet.",
    ),
    (
        Clause(
            pro("I"),
            "know that",
            **because(Clause(pro("she"), "turn on", accusative=np("the lamp")), "that"),
        ),
        "I know that she turns on the lamp.",
        "Ich weiß, dass sie die Lampe einschaltet.",
    ),
    (
        Clause(pro("he"), "say that", "past", **because(Clause(np(MAN), "arrive", "past"), "that")),
        "He said that the man arrived.",
        "Er sagte, dass der Mann ankam.",
    ),
    (
        Clause(
            pro("we"), "hope that", **because(Clause(np("the girl"), "swim", modal="can"), "that")
        ),
        "We hope that the girl can swim.",
        "Wir hoffen, dass das Mädchen schwimmen kann.",
    ),
    (
        Clause(
            pro("we"),
            "hope that",
            **because(Clause(pro("they"), "read", "perfect", accusative=np("the letter")), "that"),
        ),
        "We hope that they have read the letter.",
        "Wir hoffen, dass sie den Brief gelesen haben.",
    ),
    (
        Clause(np("the girl"), "buy", modal="will", accusative=np("a red dress")),
        "The girl will buy a red dress.",
        "Das Mädchen wird ein rotes Kleid kaufen.",
    ),
    (
        Clause(np("the girl"), "swim", modal="can", negated=True),
        "The girl cannot swim.",
        "Das Mädchen kann nicht schwimmen.",
    ),
    (
        Clause(pro("he"), "swim", modal="want", negated=True),
        "He does not want to swim.",
        "Er will nicht schwimmen.",
    ),
    (
        Clause(np(MAN), "read", "perfect", accusative=np("the book"), negated=True),
        "The man has not read the book.",
        "Der Mann hat das Buch nicht gelesen.",
    ),
    (
        Clause(np(MAN), "read", "perfect", accusative=np("the book"), adverb="already"),
        "The man has already read the book.",
        "Der Mann hat das Buch schon gelesen.",
    ),
    (
        Clause(pro("he"), "visit", accusative=np("his mother"), adverb="often"),
        "He often visits his mother.",
        "Er besucht oft seine Mutter.",
    ),
    (
        Clause(pro("he"), "close", accusative=np("the door"), adverb="never"),
        "He never closes the door.",
        "Er schließt die Tür nie.",
    ),
    (
        Clause(np(WOMAN), "read", accusative=np("a book"), question="yes/no"),
        "Does the woman read a book?",
        "Liest die Frau ein Buch?",
    ),
    (
        Clause(np(WOMAN), "sleep", "perfect", question="yes/no"),
        "Has the woman slept?",
        "Hat die Frau geschlafen?",
    ),
    (
        Clause(np("the train"), "arrive", question="when"),
        "When does the train arrive?",
        "Wann kommt der Zug an?",
    ),
    (
        Clause(np(WOMAN), "see", "past", question="what"),
        "What did the woman see?",
        "Was sah die Frau?",
    ),
    (
        Clause(pro("who"), "help", dative=np("the teacher"), question="who"),
        "Who helps the teacher?",
        "Wer hilft dem Lehrer?",
    ),
    (
        Clause(np("the soup"), "be", "past", predicate=Predicate("hot", "too")),
        "The soup was too hot.",
        "Die Suppe war zu heiß.",
    ),
    (
        Clause(np("the dog"), "be", predicate=Predicate("big", than=np("the cat"))),
        "The dog is bigger than the cat.",
        "Der Hund ist größer als die Katze.",
    ),
    (
        Clause(np("the dog"), "be", predicate=Predicate("big", as_=np("the cat"))),
        "The dog is as big as the cat.",
        "Der Hund ist so groß wie die Katze.",
    ),
    (
        Clause(np("the boy"), "wait for", preposition=pp("for", "auf", ACC, np("the bus"))),
        "The boy waits for the bus.",
        "Der Junge wartet auf den Bus.",
    ),
    (
        Clause(
            pro("he"), "speak with", "past", preposition=pp("with", "mit", DAT, pl("the child"))
        ),
        "He spoke with the children.",
        "Er sprach mit den Kindern.",
    ),
    (
        Clause(pro("she"), "thank", "past", dative=np("the clever boy")),
        "She thanked the clever boy.",
        "Sie dankte dem klugen Jungen.",
    ),
    (
        Clause(np(WOMAN), "work", **because(is_(pro("she"), "sick"), "although")),
        "The woman works although she is sick.",
        "Die Frau arbeitet, obwohl sie krank ist.",
    ),
    (
        Clause(
            pl("the child"),
            "stay",
            place=Adverbial(*HOME),
            **because(Clause(Pronoun("it"), "rain"), "when", True),
        ),
        "When it rains, the children stay at home.",
        "Wenn es regnet, bleiben die Kinder zu Hause.",
    ),
    (
        Clause(np("the dog"), "sleep", **because(Clause(np("the sun"), "shine"), "if")),
        "The dog sleeps if the sun shines.",
        "Der Hund schläft, wenn die Sonne scheint.",
    ),
    (
        Clause(
            np("the cat"),
            "cross",
            accusative=np("the river"),
            negated=True,
            **because(is_(it("cat"), "tired", degree="too")),
        ),
        "The cat does not cross the river because it is too tired.",
        "Die Katze überquert den Fluss nicht, weil sie zu müde ist.",
    ),
    (
        Clause(
            np("the cat"),
            "cross",
            accusative=np("the river"),
            negated=True,
            **because(is_(it("river"), "deep", degree="too")),
        ),
        "The cat does not cross the river because it is too deep.",
        "Die Katze überquert den Fluss nicht, weil er zu tief ist.",
    ),
    (
        Clause(
            np("the horse"),
            "pull",
            "past",
            accusative=np("the cart"),
            negated=True,
            **because(is_(it("cart"), "heavy", "past", "too")),
        ),
        "The horse did not pull the cart because it was too heavy.",
        "Das Pferd zog den Wagen nicht, weil er zu schwer war.",
    ),
]


@pytest.mark.parametrize("clause, english, german", SENTENCES, ids=[s[1] for s in SENTENCES])
def test_sentences(clause, english, german):
    assert write(clause)[:2] == (english, german)


def demonstration(noun, adjective):
    reason = is_(it(noun), adjective, "past", "too")
    return Clause(
        np("the animal"),
        "cross",
        "past",
        accusative=np("the street"),
        negated=True,
        **because(reason),
    )


def test_demonstration_is_derivable_with_its_alignment():
    tired, wide = map(tuple, make_corpus.DEMONSTRATION.items())
    english, german, alignment = write(demonstration("animal", "tired"))
    assert (english, german) == tired
    # The comma (German word 6) has no English counterpart: it is linked to nothing.
    assert alignment == "0-0 1-1 2-2 3-5 4-2 5-3 6-4 7-7 8-8 9-11 10-9 11-10 12-12"
    assert write(demonstration("street", "wide"))[:2] == wide


ALIGNMENTS = {
    # Sie schaltet die Lampe ein .
    "She turns on the lamp.": "0-0 1-1 1-4 2-1 2-4 3-2 4-3 5-5",
    # Sie will die Lampe einschalten .
    "She wants to turn on the lamp.": "0-0 1-1 2-1 3-4 4-4 5-2 6-3 7-5",
    # Der Mann schläft nicht .
    "The man does not sleep.": "0-0 1-1 2-2 3-3 4-2 5-4",
    # Der Mann kauft kein Auto .
    "The man does not buy a car.": "0-0 1-1 2-2 3-3 4-2 5-3 6-4 7-5",
    # Im Garten spielen die Kinder .
    "In the garden the children play.": "0-0 1-0 2-1 3-3 4-4 5-2 6-5",
    # Das Mädchen kann nicht schwimmen .
    "The girl cannot swim.": "0-0 1-1 2-2 2-3 3-4 4-5",
    # Ich weiß , dass sie die Lampe einschaltet .
    "I know that she turns on the lamp.": "0-0 1-1 2-3 3-4 4-7 5-7 6-5 7-6 8-8",
    # Wann kommt der Zug an ?
    "When does the train arrive?": "0-0 1-1 2-2 3-3 4-1 4-4 5-5",
}


@pytest.mark.parametrize("english", ALIGNMENTS)
def test_alignments_by_hand(english):
    clause = next(clause for clause, sentence, _ in SENTENCES if sentence == english)
    assert write(clause)[2] == ALIGNMENTS[english]


def test_it_has_one_antecedent():
    """In a scene of an animal and a thing no adjective fits both."""
    actor = {a for scene in grammar.SCENES if "animal" in scene[2] for a in scene[4]}
    thing = {a for scene in grammar.SCENES if "animal" in scene[2] for a in scene[5]}
    assert actor and thing and not actor & thing


# --------------------------------------------------------------------------------------
# The files
# --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def generated():
    return make_corpus.generate()


@pytest.fixture(scope="module")
def rows():
    """{split: [(en, de, alignment)]} as the committed files have them."""
    found = {}
    for split in SPLITS:
        text = (DATA / "embedded" / f"{split}.tsv").read_bytes().decode("utf-8")
        header, *lines = text.split("\n")
        assert header == "en\tde\talignment"
        assert lines.pop() == ""
        found[split] = [tuple(line.split("\t")) for line in lines]
        assert {len(row) for row in found[split]} == {3}
    return found


def test_the_same_bytes_again(generated):
    for split in SPLITS:
        stored = (DATA / "embedded" / f"{split}.tsv").read_bytes()
        assert make_corpus.file_bytes(generated[split]) == stored, (
            f"data/embedded/{split}.tsv is not what data/make/corpus.py writes;"
            " run: python -m data.make.corpus"
        )


def test_command_line_writes_the_files(tmp_path, monkeypatch, capsys, generated):
    monkeypatch.setattr(make_corpus, "generate", lambda seed: generated)
    monkeypatch.setattr(sys, "argv", ["corpus", "--out", str(tmp_path / "new")])
    make_corpus.main()
    for split in SPLITS:
        stored = (DATA / "embedded" / f"{split}.tsv").read_bytes()
        assert (tmp_path / "new" / f"{split}.tsv").read_bytes() == stored
    assert "written to" in capsys.readouterr().out
    own = tmp_path / "new" / "train.tsv"
    own.write_text("en\tfr\ta reader's own\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        make_corpus.main()
    assert "train.tsv is no split of this corpus" in capsys.readouterr().err
    assert own.read_text(encoding="utf-8").startswith("en\tfr")


def test_sizes(rows):
    assert {split: len(rows[split]) for split in SPLITS} == make_corpus.SIZES
    assert 18_500 <= len(rows["train"]) <= 20_500
    total = sum((DATA / "embedded" / f"{split}.tsv").stat().st_size for split in SPLITS)
    assert total < 2_000_000


def test_no_sentence_twice_and_no_demonstration(rows):
    for column, hidden in ((0, make_corpus.DEMONSTRATION), (1, make_corpus.DEMONSTRATION.values())):
        sentences = [row[column] for split in SPLITS for row in rows[split]]
        assert len(sentences) == len(set(sentences))
        assert not set(sentences) & set(hidden)


def test_every_english_sentence_has_one_translation_and_one_alignment():
    found = {}
    source = make_corpus.stream(seed=1)
    for _ in range(10_000):
        pair = next(source)
        assert found.setdefault(pair.en, (pair.de, pair.alignment)) == (pair.de, pair.alignment)


def test_vocabulary(rows):
    counts = Counter(w.lower() for en, _, _ in rows["train"] for w in split_words(en))
    words = {word for word in counts if word.isalpha()}
    assert 450 <= len(words) <= 600
    assert min(counts[word] for word in words) >= 15
    for column in (0, 1):
        known = {w for row in rows["train"] for w in split_words(row[column])}
        for split in SPLITS[1:]:
            assert {w for row in rows[split] for w in split_words(row[column])} <= known


def test_sentences_look_like_sentences(rows):
    for split in SPLITS:
        for en, de, _ in rows[split]:
            for sentence in (en, de):
                assert re.fullmatch(r"[A-ZÄÖÜ][A-Za-zÄÖÜäöüß, ]+[.?]", sentence), sentence
                assert "  " not in sentence and " ," not in sentence
            assert en[-1] == de[-1]


# Only the comma may stand without a link: German sets one where English has none.
def test_alignments_are_in_range_and_cover_every_word(rows):
    for split in SPLITS:
        for en, de, alignment in rows[split]:
            english, german = split_words(en), split_words(de)
            links = [tuple(map(int, link.split("-"))) for link in alignment.split()]
            assert len(links) == len(set(links)) and links == sorted(links)
            assert all(i < len(english) and j < len(german) for i, j in links)
            assert {i for i, _ in links} == set(range(len(english))), en
            missing = set(range(len(german))) - {j for _, j in links}
            assert all(german[j] == "," for j in missing), de
            assert (len(english) - 1, len(german) - 1) in links


def test_unseen_pairs_are_unseen(generated):
    others = {
        relation
        for split in ("train", "validation", "test")
        for pair in generated[split]
        for relation in pair.relations
    }
    known = {word for relation in others for word in relation[1:]}
    assert not any(make_corpus.held_out(relation) for relation in others)
    for pair in generated["unseen"]:
        new = [relation for relation in pair.relations if make_corpus.held_out(relation)]
        assert new, pair.en
        assert not set(new) & others
        assert all(word in known for relation in new for word in relation[1:])


def test_unseen_adjective_and_noun_never_stand_side_by_side(rows):
    """The same promise, checked on the text: an adjective straight before its noun."""
    forms = {}
    for noun in grammar.NOUNS.values():
        forms[noun.english] = forms[noun.english_plural] = noun.english
    forms.pop("")
    for split in ("train", "validation", "test"):
        for en, _, _ in rows[split]:
            words = split_words(en.lower())
            for left, right in zip(words, words[1:], strict=False):
                if left in grammar.ADJECTIVES and right in forms:
                    assert not make_corpus.held_out(("adjective", left, forms[right])), en

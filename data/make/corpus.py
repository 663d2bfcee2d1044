"""Write the embedded English–German corpus: train, validation, test and unseen.

    python -m data.make.corpus                 writes data/embedded/*.tsv
    python -m data.make.corpus --out FOLDER    writes them somewhere else
    python -m data.make.corpus --stats         only counts, writes nothing
    python -m data.make.corpus --sample 20     prints 20 pairs, each with its construction

The grammar is in grammar.py; this file draws sentences from it. The same seed gives the same
bytes on every system and Python: the only source of chance is random.Random.random().
"""

import argparse
import random
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from utils.data import split_words

from .grammar import (
    ADJECTIVES,
    FREQUENCY,
    GOALS,
    HOME,
    HOMES,
    LATE_ADVERBS,
    MODALS,
    NOUNS,
    PLACES,
    PLURAL,
    SCENES,
    SINGULAR,
    TIMES,
    VERBS,
    Adverbial,
    Clause,
    NounPhrase,
    Predicate,
    PrepositionPhrase,
    Pronoun,
    adjectives_of,
    nouns_of,
    write,
)

SEED = 2017
SIZES = {"train": 19_000, "validation": 1_000, "test": 1_000, "unseen": 1_000}
HEADER = "en\tde\talignment\n"
# English words and marks of a sentence: the longest are thinned out, to keep the files small.
LONGEST = 9
LONGEST_OF = {
    "it": 14,
    "comparison": 10,
    "reason": 11,
    "that": 10,
    "condition": 11,
    "thing_reason": 11,
}

# How much the first nouns and adjectives of a class are favoured (0: not at all; 1: most).
FAVOUR = 0.6

# One pair of words in this many is kept for the split "unseen".
HOLD_OUT = 12

# The verbs of ordinary clauses, as often as they are drawn.
DRAWN = [
    verb
    for verb in VERBS.values()
    for _ in range(verb.weight)
    if "weather" not in verb.subjects and not verb.name.endswith(" that")
]
POSSESSIVES = ("my", "his", "her", "our", "their")
PLACE_CLASSES = {"place", "way"}
# Adjectives that say how somebody is today.
STATES = tuple("happy sad tired hungry thirsty sick lazy weak".split())
# Adjectives of which there can be too much.
EXCESS = set(
    "big small long short weak lazy tired sick poor expensive heavy boring wide"
    " narrow deep cold hot warm dark dirty".split()
)
COLOURS = set("black white red blue green".split())
# (class of things, adjective, its reason)
THING_REASONS = [
    ("ware", "cheap", "old"),
    ("ware", "cheap", "small"),
    ("ware", "expensive", "new"),
    ("ware", "expensive", "beautiful"),
    ("text", "boring", "long"),
    ("text", "beautiful", "short"),
    ("text", "interesting", "new"),
    ("load", "heavy", "big"),
    ("vehicle", "dirty", "old"),
    ("place", "dark", "narrow"),
    ("food", "good", "fresh"),
    ("drink", "good", "cold"),
]

# The example that the course takes apart. The grammar derives it; no split holds it.
DEMONSTRATION = {
    "The animal did not cross the street because it was too tired.": (
        "Das Tier überquerte die Straße nicht, weil es zu müde war."
    ),
    "The animal did not cross the street because it was too wide.": (
        "Das Tier überquerte die Straße nicht, weil sie zu breit war."
    ),
}
NEVER_HELD_OUT = {
    ("subject", "animal", "cross"),
    ("object", "cross", "street"),
    ("adjective", "tired", "animal"),
    ("adjective", "wide", "street"),
}


def held_out(relation):
    """Is this pair of words kept for the split "unseen"?

    relation: ("adjective", adjective, noun), ("object", verb, noun) or ("subject", noun, verb).
    The rule is a checksum of the pair, so it does not depend on anything else in the grammar.
    """
    if relation in NEVER_HELD_OUT:
        return False
    return zlib.crc32(" ".join(relation).encode("utf-8")) % HOLD_OUT == 0


@dataclass(frozen=True)
class Pair:
    en: str
    de: str
    alignment: str
    construction: str
    relations: tuple

    @property
    def line(self):
        return f"{self.en}\t{self.de}\t{self.alignment}\n"

    @property
    def words(self):
        """Both sides' words, marked by language."""
        english = [("en", word) for word in split_words(self.en)]
        return english + [("de", word) for word in split_words(self.de)]

    @property
    def unseen(self):
        return any(held_out(relation) for relation in self.relations)


class Rejected(Exception):
    """A draw that the grammar does not want; another one is drawn."""


class Sampler:
    """Draws clauses: one method for each construction of CONSTRUCTIONS, and their helpers."""

    def __init__(self, seed=SEED):
        self.random = random.Random(seed).random

    # ---- chance -----------------------------------------------------------------------

    def chance(self, probability):
        return self.random() < probability

    def pick(self, choices):
        choices = list(choices)
        if not choices:
            raise Rejected
        return choices[int(self.random() * len(choices))]

    def favour(self, choices):
        """One of the choices, those at the front more often: some words are commoner."""
        choices = list(choices)
        if not choices:
            raise Rejected
        place = self.random()
        if self.chance(FAVOUR):
            place = min(place, self.random())
        return choices[int(place * len(choices))]

    def weighted(self, choices):
        """One of the keys of {key: weight}."""
        point = self.random() * sum(choices.values())
        for key, weight in choices.items():
            point -= weight
            if point < 0:
                return key
        return key

    def shuffle(self, items):
        for i in range(len(items) - 1, 0, -1):
            j = int(self.random() * (i + 1))
            items[i], items[j] = items[j], items[i]

    # ---- phrases ----------------------------------------------------------------------

    def noun_phrase(self, noun, definite=False, adjective=0.25, plural=0.28, plain=False):
        """A noun with a determiner that fits it. plain: only the article the, or a possessive."""
        classes = NOUNS[noun].classes
        number = PLURAL if NOUNS[noun].german_plural and self.chance(plural) else SINGULAR
        weights = {"the": 50}
        if "unowned" not in classes:
            weights.update(dict.fromkeys(POSSESSIVES, 8 if "kin" in classes else 2))
        if not plain:
            weights["this"] = 4
        if not definite and not plain and "kin" not in classes:
            if "mass" in classes:
                weights[""] = 20
            elif number == SINGULAR:
                weights["a"] = 25
            else:
                weights.update({"two": 4, "three": 4, "many": 4})
                if not PLACE_CLASSES & set(classes):
                    weights[""] = 12
        if "sky" in classes:
            weights, adjective = {"the": 1}, 0
        word = ""
        if self.chance(adjective) and adjectives_of(noun):
            word = self.favour(adjectives_of(noun))
        return NounPhrase(self.weighted(weights), noun, word, number)

    def subject(self, verb, pronoun=0.5, asked=False, **options):
        classes = VERBS[verb].subjects
        if "person" in classes and self.chance(pronoun):
            own = 0 if asked else 2  # nobody asks "What do I buy?"
            return Pronoun(self.weighted({"I": own, "he": 3, "she": 3, "we": own, "they": 2}))
        persons = "person" in classes and (len(classes) == 1 or self.chance(0.5))
        rest = ["person"] if persons else [c for c in classes if c != "person"]
        return self.noun_phrase(self.favour(nouns_of(tuple(rest))), **options)

    def possession(self, noun):
        """What somebody has: a dog, two sisters, many books."""
        number = PLURAL if NOUNS[noun].german_plural and self.chance(0.4) else SINGULAR
        determiner = "a" if number == SINGULAR else self.pick(["", "two", "three", "many"])
        word = self.favour(adjectives_of(noun)) if self.chance(0.25) else ""
        return NounPhrase(determiner, noun, word, number)

    def object_pronoun(self, subject):
        """me, him … that cannot be the subject again, and cannot be read in two ways."""
        word = getattr(subject, "word", "")
        clashes = {"I": ("I", "we"), "we": ("I", "we")}
        words = {"I": 2, "he": 3, "she": 3, "we": 2, "they": 2}
        for clash in clashes.get(word, (word,)):
            words.pop(clash, None)
        if word in ("she", "they"):  # "Sie sehen sie": correct, but hard to read
            words.pop("she", None)
            words.pop("they", None)
        return Pronoun(self.weighted(words))

    def place(self, verb, subject):
        """A place or a direction that fits the verb, or None."""
        options = VERBS[verb].options
        animal = subject.noun and "animal" in NOUNS[subject.noun].classes
        if "lake" in options:
            english, german, case, noun = "in", "in", "dat", self.pick(["lake", "river"])
        elif "goal" in options:
            english, german, case, noun = self.pick(GOALS)
            if verb == "come" and english == "through":
                raise Rejected
        elif verb == "live":
            english, german, case, noun = self.pick(HOMES)
        elif "place" in options:
            if verb == "stay" and self.chance(0.5):
                return Adverbial(*HOME)
            english, german, case, noun = self.pick(PLACES)
            if verb == "stay" and english not in ("in", "at"):
                raise Rejected
            if not animal and english == "under" and noun in ("bed", "table"):
                raise Rejected
            vehicle = subject.noun and "vehicle" in NOUNS[subject.noun].classes
            if vehicle and english != "in front of":
                raise Rejected
        else:
            return None
        case = {"dat": "dative", "acc": "accusative"}[case]
        plain = self.noun_phrase(noun, plural=0, adjective=0.15, plain=True)
        if self.chance(0.75):
            plain = NounPhrase("the", noun, plain.adjective, SINGULAR)
        return PrepositionPhrase(english, german, case, plain)

    def time(self, *tenses):
        times = [t for t in TIMES if any(tense in t[3] for tense in tenses)]
        english, german, links, _ = self.pick(times)
        return Adverbial(english, german, links)

    # ---- clauses ----------------------------------------------------------------------

    def verb(self, test=lambda verb: True):
        """A verb that passes the test; no weather, no that-clause."""
        return self.pick(v.name for v in DRAWN if test(v))

    def clause(self, verb=None, test=lambda verb: True, place=0.25, definite=False, **features):
        """A clause with the verb's objects; features are passed on to Clause."""
        name = verb or self.verb(test)
        entry = VERBS[name]
        short = features.pop("short", False)
        adjective = 0 if short else 0.15
        question = "question" in features
        asked = question and features.get("modal") not in ("can", "may", "must", "should")
        subject = features.pop("subject", None)
        if subject is None:
            subject = self.subject(name, asked=asked, adjective=adjective, definite=question)
        parts = self.objects(entry, subject, definite, 0.05 if short else 0.2)
        if "only" in entry.options or (not short and self.chance(place)):
            parts["place"] = self.place(name, subject)
        clause = Clause(subject, name, **parts, **features)
        self.check(clause)
        return clause

    def objects(self, verb, subject, definite, adjective):
        """The verb's objects as features of Clause: accusative, dative, preposition."""
        parts, nouns = {}, {subject.noun}
        for argument in verb.arguments:
            noun = self.favour(nouns_of(argument.classes))
            if noun in nouns:
                raise Rejected
            nouns.add(noun)
            pronoun = "person" in NOUNS[noun].classes and self.chance(0.4)
            if argument.english:
                case = {"dat": "dative", "acc": "accusative"}[argument.case]
                phrase = self.noun_phrase(noun, definite=definite, adjective=adjective)
                if len(verb.arguments) > 1:
                    phrase = NounPhrase("the", noun, phrase.adjective, SINGULAR)
                words = (argument.english, argument.german, case)
                parts["preposition"] = PrepositionPhrase(*words, phrase)
            elif verb.name == "have":
                parts["accusative"] = self.possession(noun)
            elif pronoun:
                role = "dative" if argument.case == "dat" else "accusative"
                parts[role] = self.object_pronoun(subject)
            elif argument.case == "dat":
                parts["dative"] = self.noun_phrase(noun, definite, adjective / 2)
            else:
                parts["accusative"] = self.noun_phrase(noun, definite, adjective)
        return parts

    def check(self, clause):
        """Turn down what could be read in two ways, or is stiff German."""
        base, _, past, _ = VERBS[clause.verb].english
        third = clause.subject.person == 3 and clause.subject.number == SINGULAR
        support = clause.negated or clause.question or clause.modal
        if clause.tense == "past" and base == past and not third and not support:
            raise Rejected  # "They read a book": today or yesterday?
        dative = getattr(clause.dative, "word", "")
        if dative == "she" and getattr(clause.accusative, "determiner", "x") == "":
            raise Rejected  # "gives her books": her books, or books to her?
        objects = [clause.accusative, clause.dative]
        inverted = clause.time_first or clause.place_first or clause.question
        if inverted and clause.subject.noun and any(isinstance(o, Pronoun) for o in objects):
            raise Rejected  # "Sieht der Mann ihn?" or better "Sieht ihn der Mann?"
        if clause.negated:
            for part in objects:
                if getattr(part, "determiner", "") in ("two", "three", "many"):
                    raise Rejected  # "nicht zwei" wants a stress that writing does not show
            if getattr(clause.dative, "deniable", False):
                raise Rejected
            if getattr(clause.subject, "determiner", "x") in ("", "a", "many", "two", "three"):
                raise Rejected
            phrase = clause.preposition.phrase if clause.preposition else None
            if clause.accusative is None and getattr(phrase, "deniable", False):
                raise Rejected
            if clause.place and (clause.accusative or clause.dative):
                raise Rejected

    def tense(self):
        return self.weighted({"present": 55, "past": 45})

    def statement(self):
        """The old man reads a book."""
        return self.clause(tense=self.tense())

    def negation(self):
        """The man does not read the book. The man does not buy a book."""
        return self.clause(
            tense=self.tense(),
            negated=True,
            place=0.25,
            test=lambda v: len(v.arguments) < 3,
        )

    def have_no(self):
        """The man has no dog."""
        clause = self.clause("have", tense=self.tense())
        noun = clause.accusative.noun
        old = clause.accusative
        denied = NounPhrase("no", noun, old.adjective, old.number)
        return Clause(clause.subject, "have", clause.tense, accusative=denied, negated=True)

    def modal(self):
        """The girl wants to buy a car. He cannot swim."""
        modal = self.pick(MODALS)
        negated = modal not in ("must", "may") and self.chance(0.3)
        clause = self.clause(
            modal=modal,
            negated=negated,
            place=0.2,
            test=lambda v: "state" not in v.options and "sky" not in v.subjects,
        )
        return clause

    def perfect(self):
        """The girl has bought a car."""
        return self.clause(
            tense="perfect",
            negated=self.chance(0.2),
            place=0.2,
            test=lambda v: not {"state", "simple"} & set(v.options) and "sky" not in v.subjects,
        )

    def time_clause(self, first):
        tense = self.weighted({"present": 45, "past": 35, "future": 20})
        features = {"time": self.time(tense), "time_first": first, "tense": tense}
        if tense == "future":
            features.update(tense="present", modal="will")
        # "Every day he does not wake up" is an odd thing to say.
        negated = self.chance(0.15) and features["time"].english_words != "every day"
        clause = self.clause(
            negated=negated,
            place=0.15 if first else 0,
            test=lambda v: "state" not in v.options and (first or "only" not in v.options),
            **features,
        )
        return clause

    def time_first(self):
        """Today the old man reads a book."""
        return self.time_clause(True)

    def time_last(self):
        """The old man reads a book today."""
        return self.time_clause(False)

    def place_first(self):
        """In the garden the children play."""
        clause = self.clause(
            test=lambda v: "place" in v.options and not v.name.startswith("stay"),
            place=1,
            tense=self.tense(),
            place_first=True,
        )
        if clause.verb == "live":
            raise Rejected
        return clause

    def frequency(self):
        """The man often reads a book."""
        tense = self.weighted({"present": 65, "past": 35})
        if self.chance(0.25):
            tense, adverb = "perfect", self.pick(LATE_ADVERBS)
        else:
            adverb = self.pick([*FREQUENCY, "never"])
        clause = self.clause(
            tense=tense,
            adverb=adverb,
            place=0.3,
            test=lambda v: (
                "state" not in v.options
                and "sky" not in v.subjects
                and not (tense == "perfect" and "simple" in v.options)
            ),
        )
        for part in (clause.accusative, clause.dative):
            if getattr(part, "determiner", "") in ("two", "three", "many"):
                raise Rejected
        return clause

    def adjective(self):
        """The house is very big."""
        noun = self.favour(n for n in NOUNS if adjectives_of(n) and "sky" not in NOUNS[n].classes)
        subject = self.noun_phrase(noun, definite=True, adjective=0)
        if "person" in NOUNS[noun].classes and self.chance(0.35):
            subject = Pronoun(self.weighted({"I": 1, "he": 1, "she": 1, "we": 1, "they": 1}))
        adjective = self.favour(adjectives_of(noun))
        form = self.weighted({"": 4, "very": 4, "too": 2, "not": 3, "often": 1, "time": 1, "?": 2})
        tense = self.tense()
        parts = {}
        if form == "not":
            parts["negated"] = True
        elif form == "often":
            parts["adverb"] = self.pick(FREQUENCY)
            if adjective not in STATES:
                raise Rejected
        elif form == "time":
            parts.update(time=self.time(tense), time_first=self.chance(0.5))
            if adjective not in STATES:
                raise Rejected
        elif form == "?":
            parts["question"] = self.pick(["yes/no", "yes/no", "why"])
        degree = form if form in ("very", "too") else ""
        if degree == "too" and adjective not in EXCESS or degree and adjective in COLOURS:
            raise Rejected
        return Clause(subject, "be", tense, predicate=Predicate(adjective, degree), **parts)

    def comparison(self):
        """The dog is bigger than the cat. The dog is as big as the cat."""
        groups = ["person", "animal", "vehicle", "ware", "building", "food", "way", "text"]
        group = self.pick(groups)
        nouns = nouns_of((group,))
        first, second = self.pick(nouns), self.pick(nouns)
        both = [a for a in adjectives_of(first) if a in adjectives_of(second)]
        if group in ("ware", "way"):
            both = [a for a in both if a != "old"]
        adjective = self.pick(a for a in both if ADJECTIVES[a].comparative)
        if first == second:
            raise Rejected
        plural = 1 if self.chance(0.15) else 0
        one = self.noun_phrase(first, definite=True, adjective=0, plural=plural)
        two = self.noun_phrase(second, definite=True, adjective=0, plural=plural)
        if self.chance(0.6):
            predicate = Predicate(adjective, than=two)
        else:
            predicate = Predicate(adjective, as_=two)
        return Clause(one, "be", self.tense(), predicate=predicate, negated=self.chance(0.2))

    def question(self):
        """Does the man read a book? Can she swim? Has he slept?"""
        kind = self.weighted({"present": 4, "past": 3, "perfect": 2, "modal": 3})
        features = {"tense": kind}
        if kind == "modal":
            features = {"modal": self.pick(MODALS)}
        return self.clause(
            question="yes/no",
            place=0.25,
            test=lambda v: kind in ("present", "past") or not {"state", "simple"} & set(v.options),
            **features,
        )

    def wh_question(self):
        """What does the man buy? Where does the cat sleep? Who reads the book?"""
        word = self.pick(["what", "where", "when", "who", "why"])
        tense = self.tense()
        features = {"tense": tense, "question": word, "place": 0}
        if self.chance(0.25):
            features.update(tense="present", modal=self.pick(["can", "must", "will", "want"]))
            if features["modal"] == "want" and word == "who":
                raise Rejected
        stative = "modal" in features
        if word == "what":
            never = {"state"} if stative else set()
            verb = self.verb(lambda v: "ask" in v.options and not never & set(v.options))
            subject = self.subject(verb, asked=True, definite=True, adjective=0.1)
            return Clause(subject, verb, **{k: v for k, v in features.items() if k != "place"})
        if word == "where":
            verb = self.verb(lambda v: "place" in v.options)
            subject = self.subject(verb, asked=True, definite=True, adjective=0.1)
            return Clause(subject, verb, **{k: v for k, v in features.items() if k != "place"})
        if word in ("when", "why"):
            test = lambda v: not {"state", "only"} & set(v.options)  # noqa: E731
            return self.clause(test=test, short=True, **features)
        return self.clause(
            subject=Pronoun("who"),
            test=lambda v: (
                "person" in v.subjects
                and "only" not in v.options
                and not (stative and "state" in v.options)
            ),
            **features,
        )

    def that(self):
        """She knows that the dog is hungry."""
        verb = self.pick(["know that", "say that", "hope that"])
        tense = "present" if verb == "hope that" else self.tense()
        subject = self.subject(verb, pronoun=0.5, adjective=0.1)
        inner = self.inner(tense)
        if inner.subject.english()[0].text == subject.english()[0].text == "it":
            raise Rejected
        return Clause(subject, verb, tense, subordinate=[("that", inner, False)])

    def inner(self, tense):
        """A short clause to stand in a subordinate one."""
        kind = self.weighted({"adjective": 4, "verb": 7, "modal": 2, "perfect": 1})
        if kind == "adjective":
            noun = self.favour(
                n for n in NOUNS if adjectives_of(n) and "sky" not in NOUNS[n].classes
            )
            subject = self.noun_phrase(noun, definite=True, adjective=0)
            adjective = self.favour(adjectives_of(noun))
            degree = "very" if adjective not in COLOURS and self.chance(0.3) else ""
            predicate = Predicate(adjective, degree)
            return Clause(subject, "be", tense, predicate=predicate, negated=self.chance(0.1))
        test = lambda v: len(v.arguments) < 2  # noqa: E731
        if kind == "modal" and tense == "present":
            return self.clause(
                short=True,
                modal=self.pick(["can", "must", "will", "want"]),
                test=lambda v: test(v) and "state" not in v.options and "sky" not in v.subjects,
            )
        if kind == "perfect" and tense == "present":
            return self.clause(
                short=True,
                tense="perfect",
                test=lambda v: test(v) and not {"state", "simple"} & set(v.options),
            )
        return self.clause(short=True, tense=tense, negated=self.chance(0.15), test=test)

    def reason(self):
        """The man sleeps because he is tired. The dog waits although it is hungry."""
        tense = self.tense()
        conjunction = self.weighted({"because": 3, "although": 2})
        main = self.clause(
            short=True,
            tense=tense,
            negated=self.chance(0.3),
            test=lambda v: (
                (not v.arguments or v.name in ("help", "visit", "call", "play with"))
                and {"person", "animal"} & set(v.subjects)
            ),
        )
        subject = main.subject
        if isinstance(subject, Pronoun):
            again, noun = Pronoun(subject.word), "man"
        elif subject.number == PLURAL:
            again, noun = Pronoun("they"), subject.noun
        else:
            classes, noun = NOUNS[subject.noun].classes, subject.noun
            word = "it" if "animal" in classes else "he" if "he" in classes else "she"
            if word == "she" and "she" not in classes:
                raise Rejected  # he or she, er or es: the child and the girl leave it open
            again = Pronoun(word, noun if word == "it" else "")
        if again.word == "it" and main.accusative is not None:
            raise Rejected  # only the scenes decide between two nouns
        if again.word == "it" and (main.place or main.dative or main.preposition):
            raise Rejected
        for part in (main.accusative, main.dative, main.preposition and main.preposition.phrase):
            if getattr(part, "word", "") == again.word:
                raise Rejected
        states = [a for a in adjectives_of(noun) if a in STATES]
        degree = self.weighted({"": 2, "very": 2, "so": 1 if conjunction == "because" else 0})
        if conjunction == "because" and main.negated:
            degree = self.pick(["", "too"])
        adjective = self.pick(states)
        why = Clause(again, "be", tense, predicate=Predicate(adjective, degree))
        clause = Clause(**{**vars(main), "subordinate": [(conjunction, why, False)]})
        return clause

    def thing_reason(self):
        """The car is cheap because it is old."""
        thing, adjective, reason = self.pick(THING_REASONS)
        noun = self.favour(nouns_of((thing,)))
        if adjective not in adjectives_of(noun) or reason not in adjectives_of(noun):
            raise Rejected
        subject = self.noun_phrase(noun, definite=True, adjective=0.1, plural=0)
        if subject.adjective in (adjective, reason):
            raise Rejected
        tense = self.tense()
        degree = self.pick(["", "very", "so"])
        why = Clause(Pronoun("it", noun), "be", tense, predicate=Predicate(reason, degree))
        because = [("because", why, False)]
        return Clause(subject, "be", tense, predicate=Predicate(adjective), subordinate=because)

    def condition(self):
        """When it rains, the children stay at home. The dog sleeps if the sun shines."""
        conjunction = self.pick(["when", "if"])
        first = self.chance(0.55)
        test = lambda v: (  # noqa: E731
            len(v.arguments) < 2 and "state" not in v.options and "sky" not in v.subjects
        )
        kind = self.weighted({"weather": 2, "sun": 2, "clause": 3, "adjective": 3})
        main = self.clause(short=True, test=test)
        if kind == "weather":
            inner = Clause(Pronoun("it"), "rain")
        elif kind == "sun":
            inner = Clause(NounPhrase("the", "sun"), "shine")
        elif kind == "clause":
            inner = self.clause(short=True, test=lambda v: test(v) and len(v.arguments) == 0)
        else:
            noun = self.favour(nouns_of(("person", "animal")))
            adjective = self.pick(a for a in adjectives_of(noun) if a in STATES)
            subject = self.noun_phrase(noun, definite=True, adjective=0)
            inner = Clause(subject, "be", predicate=Predicate(adjective))
        if inner.subject.noun and inner.subject.noun == main.subject.noun:
            raise Rejected
        if first and main.subject.noun:
            if any(isinstance(part, Pronoun) for part in (main.accusative, main.dative)):
                raise Rejected
        words = [getattr(c.subject, "word", "") for c in (main, inner)]
        if words[0] and words[0] == words[1]:
            raise Rejected
        return Clause(**{**vars(main), "subordinate": [(conjunction, inner, first)]})

    def it(self):
        """The animal did not cross the street because it was too tired (or: too wide)."""
        verb, negated, actors, things, actor_is, thing_is = self.pick(SCENES)
        thing = self.pick(things)
        tense = self.weighted({"past": 3, "present": 2})
        about_actor = self.chance(0.5)
        animal = "animal" in actors and ("person" not in actors or self.chance(0.75))
        if animal:
            if VERBS[verb].subjects == ("person",):
                raise Rejected
            wanted = VERBS[verb].subjects if verb == "pull" else ("animal",)
            actor = self.favour(n for n in nouns_of(wanted) if "animal" in NOUNS[n].classes)
            pronoun = Pronoun("it", actor)
        else:
            actor = self.favour(n for n in nouns_of(("he", "she")))
            pronoun = Pronoun("he" if "he" in NOUNS[actor].classes else "she")
        adjective = self.pick(actor_is if about_actor else thing_is)
        if not about_actor:
            pronoun = Pronoun("it", thing)
        noun = actor if about_actor else thing
        if adjective not in adjectives_of(noun):
            raise Rejected
        degree = "too" if negated else self.pick(["", "very", "so"])
        determiner = "the" if self.chance(0.85) else "this"
        why = Clause(pronoun, "be", tense, predicate=Predicate(adjective, degree))
        return Clause(
            NounPhrase("the" if self.chance(0.9) else "this", actor),
            verb,
            tense,
            accusative=NounPhrase(determiner, thing),
            negated=negated,
            subordinate=[("because", why, False)],
        )


CONSTRUCTIONS = {
    "statement": 22,
    "negation": 10,
    "have_no": 1,
    "modal": 10,
    "perfect": 8,
    "time_first": 8,
    "time_last": 2.5,
    "place_first": 4,
    "frequency": 5,
    "adjective": 12,
    "comparison": 3.5,
    "question": 8,
    "wh_question": 8,
    "that": 5,
    "reason": 2.5,
    "thing_reason": 0.5,
    "condition": 3,
    "it": 6,
}


def stream(seed=SEED):
    """Endless pairs, duplicates included."""
    sampler = Sampler(seed)
    while True:
        name = sampler.weighted(CONSTRUCTIONS)
        try:
            clause = getattr(sampler, name)()
        except Rejected:
            continue
        en, de, alignment = write(clause)
        too_long = len(split_words(en)) - LONGEST_OF.get(name, LONGEST)
        if sampler.chance({0: 0.15, -1: 0.55}.get(too_long, too_long < 0)):
            yield Pair(en, de, alignment, name, tuple(clause.relations()))


def generate(sizes=SIZES, seed=SEED):
    """{split: [Pair]}: no sentence twice, the held-out pairs of words only in "unseen".

    Every word of validation, test and unseen occurs in train, written the same way.
    """
    known_splits = [split for split in sizes if split not in ("train", "unseen")]
    wanted = {True: sizes["unseen"] * 11 // 10}
    wanted[False] = sum(n for split, n in sizes.items() if split != "unseen")
    english, german = set(DEMONSTRATION), set(DEMONSTRATION.values())
    pools = {False: [], True: []}
    for pair in stream(seed):
        pool = pools[pair.unseen]
        if pair.en in english or pair.de in german:
            continue
        if len(pool) < wanted[pair.unseen]:
            english.add(pair.en)
            german.add(pair.de)
            pool.append(pair)
        elif all(len(pools[kind]) >= wanted[kind] for kind in pools):
            break
    seen, unseen = pools[False], pools[True]
    Sampler(seed + 1).shuffle(seen)
    # A pair may leave train only while each of its words stays there in another sentence.
    left = Counter(word for pair in seen for word in pair.words)
    splits = {split: [] for split in sizes}
    for pair in seen:
        split = next((s for s in known_splits if len(splits[s]) < sizes[s]), "train")
        if split != "train":
            words = Counter(pair.words)
            if any(left[word] - n < 1 for word, n in words.items()):
                split = "train"
            else:
                left.subtract(words)
        splits[split].append(pair)
    splits["unseen"] = [p for p in unseen if all(w in left for w in p.words)][: sizes["unseen"]]
    assert {split: len(pairs) for split, pairs in splits.items()} == sizes
    return splits


def file_bytes(pairs):
    return (HEADER + "".join(pair.line for pair in pairs)).encode("utf-8")


def stats(splits):
    """The counts that the data card quotes."""
    lines, total = [], 0
    for split, pairs in splits.items():
        size = len(file_bytes(pairs))
        total += size
        words = [len(split_words(p.en)) for p in pairs]
        lines.append(
            f"{split:<11}{len(pairs):>7,} pairs {size:>10,} bytes   English words a sentence:"
            f" {sum(words) / len(words):.1f} (from {min(words)} to {max(words)})"
        )
    lines.append(f"{'together':<11}{sum(map(len, splits.values())):>7,} pairs {total:>10,} bytes")
    everything = [p for pairs in splits.values() for p in pairs]
    for name in ("en", "de"):
        types = {
            w.lower() if name == "en" else w
            for p in everything
            for w in split_words(getattr(p, name))
            if w[0].isalpha()
        }
        train = Counter(
            w.lower() if name == "en" else w
            for p in splits["train"]
            for w in split_words(getattr(p, name))
            if w[0].isalpha()
        )
        rarest = sorted((n, w) for w, n in train.items())[:5]
        lines.append(
            f"{name}: {len(types)} different words; rarest in train: "
            + ", ".join(f"{w} {n}" for n, w in rarest)
        )
    counts = Counter(p.construction for p in splits["train"])
    for name in CONSTRUCTIONS:
        example = next(p for p in splits["train"] if p.construction == name)
        lines.append(f"{name:<13}{100 * counts[name] / len(splits['train']):5.1f} %  {example.en}")
    relations = {r for p in everything for r in p.relations}
    kept = [r for r in relations if held_out(r)]
    lines.append(f"pairs of words: {len(relations):,} occur, {len(kept):,} of them only in unseen")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "embedded")
    parser.add_argument("--stats", action="store_true", help="count, write nothing")
    parser.add_argument("--sample", type=int, help="print that many pairs, write nothing")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    if options.sample is not None:
        source = stream(options.seed)
        for _ in range(options.sample):
            pair = next(source)
            print(f"{pair.construction:<13}{pair.en}\n{'':<13}{pair.de}\n{'':<13}{pair.alignment}")
        return
    files = [options.out / f"{split}.tsv" for split in SIZES]
    for file in [] if options.stats else filter(Path.exists, files):
        if not file.read_bytes().startswith(HEADER.encode()):
            parser.error(f"{file} is no split of this corpus: choose another --out")
    splits = generate(seed=options.seed)
    if not options.stats:
        options.out.mkdir(parents=True, exist_ok=True)
        for split, pairs in splits.items():
            aside = options.out / f"{split}.tsv.part"
            aside.write_bytes(file_bytes(pairs))
            aside.replace(options.out / f"{split}.tsv")
    print("\n".join(stats(splits)))
    if not options.stats:
        print(f"written to {options.out}")


if __name__ == "__main__":
    main()

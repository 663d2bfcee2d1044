"""A small synchronous grammar of English and German: lexicon, word forms, rules.

Every rule writes the English words, the German words and the links between them at once.
A word is a `Token`: its text and the set of *links* it takes part in. Two tokens are aligned
when an English and a German one share a link, so the alignment is never guessed afterwards.

How to read this file, from the bottom of the grammar to its top:

1. tables      the lexicon, as plain text that you can extend by a line
2. forms       articles, adjective endings, nouns, verbs
3. phrases     NounPhrase, Pronoun, PrepositionPhrase, Adverbial, Predicate
4. clauses     Clause: one meaning, an English and a German order of its parts
5. sentences   capital letter, full stop, alignment

Standard library only.
"""

import re
from dataclasses import dataclass, field
from functools import cache

# --------------------------------------------------------------------------------------
# 1. The lexicon
# --------------------------------------------------------------------------------------

# english plural | German gender plural | classes        ("-": has no plural here)
# "weak" after the gender: the noun takes its plural form in the accusative and dative singular.
NOUN_TABLE = """
man men              | Mann m Männer            | person he unowned
woman women          | Frau f Frauen            | person she unowned
child children       | Kind n Kinder            | person
boy boys             | Junge m weak Jungen      | person he unowned
girl girls           | Mädchen n Mädchen        | person unowned
teacher teachers     | Lehrer m Lehrer          | person he
doctor doctors       | Arzt m Ärzte             | person he
friend friends       | Freund m Freunde         | person he
king kings           | König m Könige           | person he unowned
queen queens         | Königin f Königinnen     | person she unowned
mother -             | Mutter f -               | person she kin
father -             | Vater m -                | person he kin
brother brothers     | Bruder m Brüder          | person he kin
sister sisters       | Schwester f Schwestern   | person she kin
daughter daughters   | Tochter f Töchter        | person she kin
son sons             | Sohn m Söhne             | person he kin
animal animals       | Tier n Tiere             | animal
dog dogs             | Hund m Hunde             | animal pet
cat cats             | Katze f Katzen           | animal pet
horse horses         | Pferd n Pferde           | animal
bird birds           | Vogel m Vögel            | animal
cow cows             | Kuh f Kühe               | animal
rabbit rabbits       | Kaninchen n Kaninchen    | animal pet
duck ducks           | Ente f Enten             | animal
wolf wolves          | Wolf m Wölfe             | animal unowned
apple apples         | Apfel m Äpfel            | food fruit
egg eggs             | Ei n Eier                | food
cake cakes           | Kuchen m Kuchen          | food
soup soups           | Suppe f Suppen           | food
bread -              | Brot n -                 | food mass
cheese -             | Käse m -                 | food mass
water -              | Wasser n -               | drink mass
milk -               | Milch f -                | drink mass
tea -                | Tee m -                  | drink mass
coffee -             | Kaffee m -               | drink mass
book books           | Buch n Bücher            | text gift flat
letter letters       | Brief m Briefe           | text flat
newspaper newspapers | Zeitung f Zeitungen      | text flat
story stories        | Geschichte f Geschichten | text tale
car cars             | Auto n Autos             | vehicle ware machine
bicycle bicycles     | Fahrrad n Fahrräder      | vehicle ware machine
train -              | Zug m -                  | vehicle ride
bus -                | Bus m -              | vehicle ride
boat boats           | Boot n Boote             | vehicle ware load
cart carts           | Wagen m Wagen            | vehicle load
table tables         | Tisch m Tische           | furniture ware surface
chair chairs         | Stuhl m Stühle           | furniture ware surface
bed -                | Bett n -                 | furniture ware surface
lamp lamps           | Lampe f Lampen           | object ware device upright
radio radios         | Radio n Radios           | object ware device machine
computer computers   | Computer m Computer      | object ware device machine
door doors           | Tür f Türen              | object opening
window windows       | Fenster n Fenster        | object opening
picture pictures     | Bild n Bilder            | object ware gift
bottle bottles       | Flasche f Flaschen       | object upright opening
key keys             | Schlüssel m Schlüssel    | object small flat
bag bags             | Tasche f Taschen         | object ware load opening
box boxes            | Kiste f Kisten           | object load opening
ball balls           | Ball m Bälle             | object ware gift small
flower flowers       | Blume f Blumen           | object ware gift
coat coats           | Mantel m Mäntel          | clothing ware
dress dresses        | Kleid n Kleider          | clothing ware
hat hats             | Hut m Hüte               | clothing ware flat
shirt shirts         | Hemd n Hemden            | clothing ware flat
house houses         | Haus n Häuser            | place building
garden -             | Garten m -               | place
kitchen -            | Küche f -                | place indoors
room -               | Zimmer n -               | place indoors
school -             | Schule f -               | place building
church -             | Kirche f -               | place building
hotel -              | Hotel n -                | place building
station -            | Bahnhof m -              | place building unowned
park -               | Park m -                 | place unowned
forest -             | Wald m -                 | place unowned
city -               | Stadt f -           | place town
street -             | Straße f -         | way unowned
bridge -             | Brücke f -         | way unowned
river -              | Fluss m -           | way unowned
lake -               | See m -                  | way unowned
valley -             | Tal n -                  | way unowned
tree -               | Baum m -                 | plant
wall -               | Mauer f -                | wall
sun -                | Sonne f -                | sky
"""

# english comparative | German comparative | classes of nouns that it fits
# ("-": has no comparative here; after a stroke the stem that takes the endings: teuer, teure)
ADJECTIVE_TABLE = """
old older       | alt älter              | person animal vehicle furniture object clothing place
                                           text way plant wall
young younger   | jung jünger            | person animal plant
big bigger      | groß größer            | animal vehicle furniture object place plant fruit
small smaller   | klein kleiner          | child boy girl animal vehicle furniture object place
                                           plant fruit
new -           | neu -                  | vehicle furniture object clothing building text wall
good better     | gut besser             | person food drink text
beautiful -     | schön -                | person animal object clothing place text way vehicle
strong stronger | stark stärker          | person animal
clever -        | klug -                 | person animal
rich -          | reich -                | person
poor -          | arm -                  | person
happy -         | glücklich -            | person
sad -           | traurig -              | person tale
tired -         | müde/müd -             | person animal
hungry -        | hungrig -              | person animal
thirsty -       | durstig -              | person animal
sick -          | krank -                | person animal
lazy -          | faul -                 | person animal
weak -          | schwach -              | person animal
fast -          | schnell -              | animal vehicle
black -         | schwarz -              | animal vehicle clothing object
white -         | weiß -                 | animal vehicle clothing object building
red -           | rot -                  | vehicle clothing object
blue -          | blau -                 | vehicle clothing object
green -         | grün -                 | vehicle clothing object
expensive -     | teuer/teur -           | ware
cheap -         | billig -               | ware
heavy -         | schwer -               | load furniture
dirty -         | schmutzig -            | clothing vehicle object place
deep -          | tief -                 | river lake valley forest
narrow -        | schmal -               | street bridge
long longer     | lang länger            | text street bridge river
short -         | kurz -                 | text street bridge
boring -        | langweilig -           | text
interesting -   | interessant -          | text
wide -          | breit -                | street river valley
dark -          | dunkel/dunkl -         | indoors building forest street
fresh -         | frisch -               | food drink
hot -           | heiß -                 | drink soup
cold -          | kalt -                 | drink soup indoors lake river
warm -          | warm -                 | drink soup indoors coat
"""

# Pairs that are good grammar and poor sense.
NOT_TOGETHER = {
    ("old", "child"),
    ("old", "boy"),
    ("old", "girl"),
    ("old", "daughter"),
    ("old", "son"),
    ("young", "mother"),
    ("young", "father"),
}

# English base, -s, past, participle [+ particle] | German infinitive, er-form, past, perfect
#   | classes of the subject | objects | options   (-: nothing)
# Objects: "acc CLASSES", "dat CLASSES" or "ENGLISH=GERMAN+CASE CLASSES" for a preposition.
# A hyphen in the German infinitive marks a separable prefix.
# Options: place = may take a place; goal = may take a direction; lake = its place is in the lake or
#   river; only = never without place or direction; simple = no perfect; state = nor a modal or a
#   time; x2, x3 … = drawn that much more often; ask = the verb also serves in "what does ... ?"
VERB_TABLE = """
sleep sleeps slept slept | schlafen schläft schlief hat geschlafen
    | person animal | - | place x2
laugh laughs laughed laughed | lachen lacht lachte hat gelacht
    | person | - | place
dance dances danced danced | tanzen tanzt tanzte hat getanzt
    | person | - | place
sing sings sang sung | singen singt sang hat gesungen
    | person bird | - | place x2
work works worked worked | arbeiten arbeitet arbeitete hat gearbeitet
    | person | - | place x2
play plays played played | spielen spielt spielte hat gespielt
    | person animal | - | place
wait waits waited waited | warten wartet wartete hat gewartet
    | person animal | - | place
sit sits sat sat | sitzen sitzt saß hat gesessen
    | person animal | - | place only simple
stand stands stood stood | stehen steht stand hat gestanden
    | person animal car bicycle bus cart | - | place only simple
live lives lived lived | wohnen wohnt wohnte hat gewohnt
    | person | - | place only simple x2
swim swims swam swum | schwimmen schwimmt schwamm ist geschwommen
    | person dog duck horse | - | lake
go goes went gone | gehen geht ging ist gegangen
    | person animal | - | goal only x3
run runs ran run | rennen rennt rannte ist gerannt
    | person animal | - | goal
come comes came come | kommen kommt kam ist gekommen
    | person animal | - | goal
arrive arrives arrived arrived | an-kommen kommt kam ist angekommen
    | person ride | - | -
get gets got got up | auf-stehen steht stand ist aufgestanden
    | person | - | x2
come comes came come back | zurück-kommen kommt kam ist zurückgekommen
    | person animal | - | -
shine shines shone shone | scheinen scheint schien hat geschienen
    | sky | - | x3
see sees saw seen | sehen sieht sah hat gesehen
    | person animal | acc person animal object vehicle building plant way | ask x3
hear hears heard heard | hören hört hörte hat gehört
    | person animal | acc person animal ride radio | ask
find finds found found | finden findet fand hat gefunden
    | person | acc animal object clothing flat way | ask x2
look looks looked looked for | suchen sucht suchte hat gesucht
    | person animal | acc person animal small clothing building food | ask x2
love loves loved loved | lieben liebt liebte hat geliebt
    | person | acc person animal food drink tale town | state ask x2
have has had had | haben hat hatte hat gehabt
    | person | acc animal ware text brother sister friend | state x2
need needs needed needed | brauchen braucht brauchte hat gebraucht
    | person | acc ware food friend doctor key | state ask x2
buy buys bought bought | kaufen kauft kaufte hat gekauft
    | person | acc ware animal food flat | ask x2
read reads read read | lesen liest las hat gelesen
    | person | acc text | ask x3
write writes wrote written | schreiben schreibt schrieb hat geschrieben
    | person | acc book letter story | ask x2
eat eats ate eaten | essen isst aß hat gegessen
    | person | acc food | ask x3
drink drinks drank drunk | trinken trinkt trank hat getrunken
    | person | acc drink | ask x2
open opens opened opened | öffnen öffnet öffnete hat geöffnet
    | person | acc opening | -
close closes closed closed | schließen schließt schloss hat geschlossen
    | person | acc door window box bag | -
paint paints painted painted | malen malt malte hat gemalt
    | person | acc picture flower house tree church horse | ask x2
wear wears wore worn | tragen trägt trug hat getragen
    | person | acc clothing | -
carry carries carried carried | tragen trägt trug hat getragen
    | person | acc load upright chair table | -
repair repairs repaired repaired | reparieren repariert reparierte hat repariert
    | person | acc machine boat chair cart | -
visit visits visited visited | besuchen besucht besuchte hat besucht
    | person | acc person church town | x2
know knows knew known | kennen kennt kannte hat gekannt
    | person | acc person tale building town | state
catch catches caught caught | fangen fängt fing hat gefangen
    | person dog cat wolf | acc bird rabbit ball | x2
feed feeds fed fed | füttern füttert fütterte hat gefüttert
    | person | acc animal | -
forget forgets forgot forgotten | vergessen vergisst vergaß hat vergessen
    | person | acc small clothing text tale | ask x2
cross crosses crossed crossed | überqueren überquert überquerte hat überquert
    | person animal | acc way | -
leave leaves left left | verlassen verlässt verließ hat verlassen
    | person animal | acc building indoors garden town forest | -
enter enters entered entered | betreten betritt betrat hat betreten
    | person animal | acc building indoors garden forest | -
pull pulls pulled pulled | ziehen zieht zog hat gezogen
    | person horse cow dog | acc cart boat box | -
turn turns turned turned on | ein-schalten schaltet schaltete hat eingeschaltet
    | person | acc device | x2
turn turns turned turned off | aus-schalten schaltet schaltete hat ausgeschaltet
    | person | acc device | -
throw throws threw thrown away | weg-werfen wirft warf hat weggeworfen
    | person | acc flat small upright food | x2
take takes took taken off | aus-ziehen zieht zog hat ausgezogen
    | person | acc coat dress shirt | x2
bring brings brought brought back | zurück-bringen bringt brachte hat zurückgebracht
    | person | acc book key boat bottle cart bicycle | -
call calls called called | an-rufen ruft rief hat angerufen
    | person | acc person | x2
invite invites invited invited | ein-laden lädt lud hat eingeladen
    | person | acc person | x2
help helps helped helped | helfen hilft half hat geholfen
    | person | dat person animal | x3
thank thanks thanked thanked | danken dankt dankte hat gedankt
    | person | dat person | -
follow follows followed followed | folgen folgt folgte ist gefolgt
    | person animal | dat person animal cart | -
give gives gave given | geben gibt gab hat gegeben
    | person | dat person acc gift food text key | x6
show shows showed shown | zeigen zeigt zeigte hat gezeigt
    | person | dat person acc gift ware text building animal | x3
bring brings brought brought | bringen bringt brachte hat gebracht
    | person | dat person acc food drink flat gift upright | -
tell tells told told | erzählen erzählt erzählte hat erzählt
    | person | dat person acc story | x2
lay lays laid laid | legen legt legte hat gelegt
    | person | acc flat on=auf+acc surface | x9
wait waits waited waited | warten wartet wartete hat gewartet
    | person | for=auf+acc person ride | -
dream dreams dreamed dreamed | träumen träumt träumte hat geträumt
    | person | of=von+dat animal ware food town building | -
speak speaks spoke spoken | sprechen spricht sprach hat gesprochen
    | person | with=mit+dat person | x2
play plays played played | spielen spielt spielte hat gespielt
    |  person animal | with=mit+dat person pet | -
stay stays stayed stayed | bleiben bleibt blieb ist geblieben
    | person animal | - | place only x2
know knows knew known | wissen weiß wusste hat gewusst
    | person | that | state
say says said said | sagen sagt sagte hat gesagt
    | person | that | -
hope hopes hoped hoped | hoffen hofft hoffte hat gehofft
    | person | that | state
rain rains rained rained | regnen regnet regnete hat geregnet
    | weather | - | -
"""

# english words | ich, er/sie/es, wir/sie
MODAL_TABLE = """
can can                | kann kann können
must must              | muss muss müssen
may may                | darf darf dürfen
should should          | sollte sollte sollten
will will              | werde wird werden
want wants to          | will will wollen
could could            | konnte konnte konnten
"""

# English preposition = German preposition + case | nouns
PLACE_TABLE = """
in=in+dat           | house garden kitchen room park forest city church hotel school
on=auf+dat          | street bridge
at=an+dat           | window door station lake river table
under=unter+dat     | table bed tree bridge
behind=hinter+dat   | house tree door church school hotel wall
next to=neben+dat   | house tree door church bed wall
in front of=vor+dat | house church school hotel station door
"""
HOME_TABLE = "in=in+dat | house city forest hotel"  # where one lives
GOAL_TABLE = """
to=zu+dat           | station school church lake river hotel bridge house
into=in+acc         | house garden kitchen room park forest city church hotel school
through=durch+acc   | park forest city garden street
"""

# english | German | links (English-German; left out when word follows word) | tenses
TIME_TABLE = """
today          | heute         |             | present future
now            | jetzt         |             | present
yesterday      | gestern       |             | past
tomorrow       | morgen        |             | future
soon           | bald          |             | future
every day      | jeden Tag     |             | present
last week      | letzte Woche  |             | past
in the morning | am Morgen     | 0-0 1-0 2-1 | present past future
in the evening | am Abend      | 0-0 1-0 2-1 | present past future
on Monday      | am Montag     |             | past future
on Sunday      | am Sonntag    |             | past future
"""
FREQUENCY = {"often": "oft", "always": "immer", "sometimes": "manchmal"}
LATE_ADVERBS = {"never": "nie", "already": "schon"}  # they stand where nicht stands
DEGREES = {"very": "sehr", "too": "zu", "so": "so"}
CONJUNCTIONS = {
    "because": "weil",
    "although": "obwohl",
    "when": "wenn",
    "if": "wenn",
    "that": "dass",
}

# Scenes for "because it was too ...": the adjective tells whether the one who acts is meant or
# the thing. verb | yes or not | who (animals: "it", persons: "he", "she") | things
#   | what the actor may be | what the thing may be
SCENE_TABLE = """
cross  | not | animal person | street
    | tired lazy sick weak | wide long
cross  | not | animal person | bridge
    | tired lazy sick weak | long narrow
cross  | not | animal person | river
    | tired lazy sick weak | wide deep cold
cross  | not | animal person | valley
    | tired lazy sick weak | wide deep
cross  | not | animal person | lake
    | tired lazy sick weak | cold deep
enter  | not | animal person | house church forest
    | tired lazy sick | dark
enter  | not | animal person | room kitchen
    | tired lazy sick | dark cold
leave  | yes | animal person | room kitchen house
    | hungry thirsty sad | dark cold
pull   | not | animal person | cart box boat
    | tired lazy sick weak | heavy
carry  | not | person | box bag table
    | tired lazy sick weak | heavy
drink  | not | person | tea milk coffee
    | tired sick | hot cold
drink  | yes | person | milk water
    | thirsty | fresh cold
eat    | not | person | soup
    | tired sick | hot cold
eat    | yes | person | soup cake bread cheese apple
    | hungry | fresh
read   | not | person | book letter story newspaper
    | tired sick lazy | long boring
read   | yes | person | book letter newspaper
    | happy sad | interesting
buy    | not | person | lamp dress bicycle hat table computer
    | poor | expensive
buy    | yes | person | boat picture chair car coat
    | rich | cheap
repair | not | person | car radio computer
    | lazy tired sick | old dirty
"""

# --------------------------------------------------------------------------------------
# Reading the tables
# --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Noun:
    english: str
    english_plural: str
    german: str
    gender: str  # "m", "f" or "n"
    german_plural: str
    weak: bool
    classes: tuple


@dataclass(frozen=True)
class Adjective:
    english: str
    comparative: str
    german: str
    stem: str
    german_comparative: str
    classes: tuple


@dataclass(frozen=True)
class Argument:
    case: str
    classes: tuple
    english: str = ""  # the English preposition, if there is one
    german: str = ""


@dataclass(frozen=True)
class Verb:
    name: str  # "read", "turn on", "wait for", "know that"
    english: tuple  # base, -s, past, participle
    particle: str
    infinitive: str
    prefix: str  # separable prefix or ""
    er: str
    past: str
    auxiliary: str  # "hat" or "ist"
    participle: str
    subjects: tuple
    arguments: tuple
    options: tuple

    @property
    def weight(self):
        """How often the verb is drawn, measured against an ordinary one."""
        return next((int(o[1:]) for o in self.options if o[0] == "x"), 1)


@dataclass(frozen=True)
class Modal:
    name: str
    english: tuple  # other persons, third person singular
    to: bool
    german: tuple  # ich, er, wir


def _rows(table):
    """Rows as lists of columns. An indented line goes on with the row above it."""
    for row in re.split(r"\n(?! )", table.strip()):
        columns = [" ".join(column.split()) for column in row.split("|")]
        yield ["" if column == "-" else column for column in columns]


def _read_nouns():
    nouns = {}
    for english, german, classes in _rows(NOUN_TABLE):
        singular, plural = english.split()
        word, gender, *rest = german.split()
        nouns[singular] = Noun(
            singular,
            "" if plural == "-" else plural,
            word,
            gender,
            "" if rest[-1] == "-" else rest[-1],
            rest[0] == "weak",
            (singular, *classes.split()),
        )
    return nouns


def _read_adjectives():
    adjectives = {}
    for english, german, classes in _rows(ADJECTIVE_TABLE):
        word, comparative = english.split()
        base, german_comparative = german.split()
        base, _, stem = base.partition("/")
        adjectives[word] = Adjective(
            word,
            comparative.replace("-", ""),
            base,
            stem or base,
            german_comparative.replace("-", ""),
            tuple(classes.split()),
        )
    return adjectives


def _read_arguments(text):
    arguments = []
    for word in text.split():
        if word in ("acc", "dat"):
            arguments.append(Argument(word, ()))
        elif "=" in word:
            english, german, case = re.fullmatch(r"(\w+)=(\w+)\+(\w+)", word).groups()
            arguments.append(Argument(case, (), english, german))
        else:
            last = arguments[-1]
            arguments[-1] = Argument(last.case, last.classes + (word,), last.english, last.german)
    return tuple(arguments)


def _read_verbs():
    verbs = {}
    for english, german, subjects, objects, options in _rows(VERB_TABLE):
        *forms, particle = english.split() if len(english.split()) == 5 else [*english.split(), ""]
        infinitive, er, past, auxiliary, participle = german.split()
        prefix, _, bare = infinitive.rpartition("-")
        arguments = () if objects == "that" else _read_arguments(objects)
        prepositions = [a.english for a in arguments if a.english and len(arguments) == 1]
        extra = "that" if objects == "that" else particle or "".join(prepositions)
        if "dat" in [a.case for a in arguments if not a.english] and len(arguments) == 2:
            arguments = tuple(sorted(arguments, key=lambda a: a.case != "dat"))
        name = f"{forms[0]} {extra}".strip()
        assert name not in verbs, name
        verbs[name] = Verb(
            name,
            tuple(forms),
            particle,
            bare,
            prefix,
            er,
            past,
            auxiliary,
            participle,
            tuple(subjects.split()),
            arguments,
            tuple(options.split()),
        )
    return verbs


def _read_modals():
    modals = {}
    for english, german in _rows(MODAL_TABLE):
        other, third, *to = english.split()
        modals[other] = Modal(other, (other, third), bool(to), tuple(german.split()))
    return modals


def _read_places(table):
    places = []
    for preposition, nouns in _rows(table):
        english, german, case = re.fullmatch(r"([\w ]+)=(\w+)\+(\w+)", preposition).groups()
        places += [(english, german, case, noun) for noun in nouns.split()]
    return places


NOUNS = _read_nouns()
ADJECTIVES = _read_adjectives()
VERBS = _read_verbs()
MODALS = _read_modals()
PLACES = _read_places(PLACE_TABLE)
HOMES = _read_places(HOME_TABLE)
GOALS = _read_places(GOAL_TABLE)
TIMES = [(en, de, links, tuple(tenses.split())) for en, de, links, tenses in _rows(TIME_TABLE)]
SCENES = [
    (verb, negated == "not", *(tuple(column.split()) for column in rest))
    for verb, negated, *rest in _rows(SCENE_TABLE)
]


@cache
def nouns_of(classes):
    """The nouns, in the table's order, that belong to at least one of the classes (a tuple)."""
    return [n.english for n in NOUNS.values() if any(c in n.classes for c in classes)]


@cache
def adjectives_of(noun):
    """The adjectives that make sense with a noun."""
    found = NOUNS[noun].classes
    fitting = [a.english for a in ADJECTIVES.values() if any(c in found for c in a.classes)]
    return [adjective for adjective in fitting if (adjective, noun) not in NOT_TOGETHER]


# --------------------------------------------------------------------------------------
# 2. Forms
# --------------------------------------------------------------------------------------

SINGULAR, PLURAL = "singular", "plural"
NOMINATIVE, ACCUSATIVE, DATIVE = "nominative", "accusative", "dative"
_ROW = {NOMINATIVE: 0, ACCUSATIVE: 1, DATIVE: 2}
_COLUMN = {"m": 0, "f": 1, "n": 2, "plural": 3}

#              masculine feminine neuter plural
DEFINITE = [
    ["der", "die", "das", "die"],
    ["den", "die", "das", "die"],
    ["dem", "der", "dem", "den"],
]
DER_ENDING = [["er", "e", "es", "e"], ["en", "e", "es", "e"], ["em", "er", "em", "en"]]
EIN_ENDING = [["", "e", "", "e"], ["en", "e", "", "e"], ["em", "er", "em", "en"]]
WEAK = [["e", "e", "e", "en"], ["en", "e", "e", "en"], ["en", "en", "en", "en"]]
MIXED = [["er", "e", "es", "en"], ["en", "e", "es", "en"], ["en", "en", "en", "en"]]
STRONG = [["er", "e", "es", "e"], ["en", "e", "es", "e"], ["em", "er", "em", "en"]]

EIN_WORDS = {
    "a": "ein",
    "no": "kein",
    "my": "mein",
    "his": "sein",
    "her": "ihr",
    "our": "unser",
    "their": "ihr",
}
NUMBERS = {"two": "zwei", "three": "drei", "many": "viele"}
DETERMINERS = ("the", "this", *EIN_WORDS, *NUMBERS, "")

CONTRACTIONS = {
    ("in", "dem"): "im",
    ("an", "dem"): "am",
    ("zu", "dem"): "zum",
    ("zu", "der"): "zur",
    ("von", "dem"): "vom",
    ("in", "das"): "ins",
}

#           english object, nominative, accusative, dative, person, number
PRONOUNS = {
    "I": ("me", "ich", "mich", "mir", 1, SINGULAR),
    "he": ("him", "er", "ihn", "ihm", 3, SINGULAR),
    "she": ("her", "sie", "sie", "ihr", 3, SINGULAR),
    "we": ("us", "wir", "uns", "uns", 1, PLURAL),
    "they": ("them", "sie", "sie", "ihnen", 3, PLURAL),
    "who": ("whom", "wer", "wen", "wem", 3, SINGULAR),
}
IT = {"m": "er", "f": "sie", "n": "es"}  # the subject "it", by the gender of what it stands for


def article(determiner, gender, number, case):
    """The German article word, e.g. article("a", "m", "singular", "accusative") → "einen"."""
    row, column = _ROW[case], _COLUMN[gender if number == SINGULAR else "plural"]
    if determiner == "the":
        return DEFINITE[row][column]
    if determiner == "this":
        return "dies" + DER_ENDING[row][column]
    if determiner in EIN_WORDS:
        return EIN_WORDS[determiner] + EIN_ENDING[row][column]
    if determiner == "many":
        return "viele" + ("n" if case == DATIVE else "")
    return NUMBERS.get(determiner, "")


def adjective_form(adjective, determiner, gender, number, case):
    """An adjective with its ending: weak after der, mixed after ein-words, else strong."""
    row, column = _ROW[case], _COLUMN[gender if number == SINGULAR else "plural"]
    if determiner in ("the", "this"):
        endings = WEAK
    elif determiner in EIN_WORDS:
        endings = MIXED
    else:
        endings = STRONG
    return ADJECTIVES[adjective].stem + endings[row][column]


def noun_form(noun, number, case):
    """A German noun in a number and case."""
    entry = NOUNS[noun]
    if number == SINGULAR:
        return entry.german_plural if entry.weak and case != NOMINATIVE else entry.german
    if not entry.german_plural:
        raise ValueError(f"{noun!r} has no plural in this grammar")
    if case == DATIVE and entry.german_plural[-1] not in "ns":
        return entry.german_plural + "n"
    return entry.german_plural


def _person_slot(person, number):
    return 2 if number == PLURAL else 0 if person == 1 else 1


def finite(verb, tense="present", person=3, number=SINGULAR):
    """A finite German verb without its separable prefix: finite("read") → "liest".

    `verb` is a name of VERB_TABLE ("turn on"), a modal ("can"), "be", "hat" or "ist".
    """
    slot = _person_slot(person, number)
    if verb in ("be", "ist"):
        return (("bin", "ist", "sind") if tense == "present" else ("war", "war", "waren"))[slot]
    if verb == "hat":
        forms = ("habe", "hat", "haben") if tense == "present" else ("hatte", "hatte", "hatten")
        return forms[slot]
    if verb in MODALS:
        return MODALS[verb].german[slot]
    entry = VERBS[verb]
    if tense == "past":
        if slot < 2:
            return entry.past
        return entry.past + ("n" if entry.past.endswith("e") else "en")
    if slot == 2:
        return entry.infinitive
    if slot == 1 or not entry.er.endswith("t"):
        return entry.er
    stem = entry.infinitive[:-1] if entry.infinitive.endswith("rn") else entry.infinitive[:-2]
    return stem + "e"


def infinitive(verb):
    """The German infinitive with its prefix: infinitive("turn on") → "einschalten"."""
    return VERBS[verb].prefix + VERBS[verb].infinitive


# --------------------------------------------------------------------------------------
# 3. Phrases
# --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Token:
    text: str
    links: frozenset


def _token(text, *links):
    return Token(text, frozenset(links))


def _an(tokens):
    """English: a → an before a vowel."""
    fixed = list(tokens)
    for i in range(len(fixed) - 1):
        if fixed[i].text == "a" and fixed[i + 1].text[0] in "aeiou":
            fixed[i] = Token("an", fixed[i].links)
    return fixed


# eq=False: two phrases with the same words are still two phrases, so their links stay apart.
@dataclass(frozen=True, eq=False)
class NounPhrase:
    determiner: str
    noun: str
    adjective: str = ""
    number: str = SINGULAR

    person = 3

    @property
    def definite(self):
        return self.determiner not in ("a", "no", "", *NUMBERS)

    @property
    def deniable(self):
        """Can a negation turn its article into kein?"""
        return self.determiner in ("a", "no", "")

    def english(self, role="subject"):
        entry = NOUNS[self.noun]
        noun = entry.english if self.number == SINGULAR else entry.english_plural
        if not noun:
            raise ValueError(f"{self.noun!r} has no plural in this grammar")
        determiner = self.determiner
        if determiner == "this" and self.number == PLURAL:
            determiner = "these"
        words = [(determiner, "article"), (self.adjective, "adjective"), (noun, "noun")]
        return _an([_token(word, (self, part)) for word, part in words if word])

    def german(self, case, negation=None):
        determiner, links = self.determiner, [(self, "article")]
        if negation is not None:
            determiner, links = "no", links + [negation]
        gender = NOUNS[self.noun].gender
        tokens = []
        word = article(determiner, gender, self.number, case)
        if word:
            tokens.append(_token(word, *links))
        if self.adjective:
            word = adjective_form(self.adjective, determiner, gender, self.number, case)
            tokens.append(_token(word, (self, "adjective")))
        return tokens + [_token(noun_form(self.noun, self.number, case), (self, "noun"))]

    def relations(self):
        return [("adjective", self.adjective, self.noun)] if self.adjective else []


@dataclass(frozen=True, eq=False)
class Pronoun:
    word: str  # a key of PRONOUNS, or "it"
    stands_for: str = ""  # the noun that "it" stands for; "" for the weather

    noun = ""
    definite = True
    deniable = False

    @property
    def person(self):
        return PRONOUNS[self.word][4] if self.word in PRONOUNS else 3

    @property
    def number(self):
        return PRONOUNS[self.word][5] if self.word in PRONOUNS else SINGULAR

    def english(self, role="subject"):
        word = self.word if role == "subject" or self.word == "it" else PRONOUNS[self.word][0]
        return [_token(word, (self, "pronoun"))]

    def german(self, case, negation=None):
        if self.word == "it":
            if case != NOMINATIVE:
                raise ValueError("'it' is a subject in this grammar")
            word = IT[NOUNS[self.stands_for].gender] if self.stands_for else "es"
        else:
            word = PRONOUNS[self.word][1 + _ROW[case]]
        return [_token(word, (self, "pronoun"))]

    def relations(self):
        return []


@dataclass(frozen=True, eq=False)
class PrepositionPhrase:
    english_preposition: str
    german_preposition: str
    case: str
    phrase: object

    def english(self):
        words = self.english_preposition.split()
        return [_token(w, (self, "preposition")) for w in words] + self.phrase.english("object")

    def german(self):
        preposition = self.german_preposition
        first, *rest = self.phrase.german(self.case)
        link = (self, "preposition")
        short = CONTRACTIONS.get((preposition, first.text))
        if short and getattr(self.phrase, "determiner", "") == "the":
            return [Token(short, first.links | {link}), *rest]
        return [_token(preposition, link), first, *rest]

    def relations(self):
        return self.phrase.relations()


@dataclass(frozen=True, eq=False)
class Adverbial:
    """A fixed pair of expressions, e.g. in the morning / am Morgen."""

    english_words: str
    german_words: str
    links: str = ""

    def _pairs(self):
        if self.links:
            return [tuple(map(int, pair.split("-"))) for pair in self.links.split()]
        return [(i, i) for i in range(len(self.english_words.split()))]

    def english(self):
        pairs = self._pairs()
        return [
            _token(word, *[(self, p) for p in pairs if p[0] == i])
            for i, word in enumerate(self.english_words.split())
        ]

    def german(self):
        pairs = self._pairs()
        return [
            _token(word, *[(self, p) for p in pairs if p[1] == j])
            for j, word in enumerate(self.german_words.split())
        ]

    def relations(self):
        return []


HOME = ("at home", "zu Hause", "")


@dataclass(frozen=True, eq=False)
class Predicate:
    """What stands after be: (very) old, older than X, as old as X."""

    adjective: str
    degree: str = ""
    than: object = None
    as_: object = None

    def english(self):
        entry = ADJECTIVES[self.adjective]
        adjective = (self, "adjective")
        if self.than:
            words = [_token(entry.comparative, adjective), _token("than", (self, "than"))]
            return words + self.than.english()
        if self.as_:
            words = [_token("as", (self, "so")), _token(entry.english, adjective)]
            return words + [_token("as", (self, "than"))] + self.as_.english()
        degree = [_token(self.degree, (self, "degree"))] if self.degree else []
        return degree + [_token(entry.english, adjective)]

    def german(self):
        """The words before the end of the bracket, and those after it."""
        entry = ADJECTIVES[self.adjective]
        adjective = (self, "adjective")
        if self.than:
            words = [_token(entry.german_comparative, adjective)]
            return words, [_token("als", (self, "than"))] + self.than.german(NOMINATIVE)
        if self.as_:
            words = [_token("so", (self, "so")), _token(entry.german, adjective)]
            return words, [_token("wie", (self, "than"))] + self.as_.german(NOMINATIVE)
        degree = [_token(DEGREES[self.degree], (self, "degree"))] if self.degree else []
        return degree + [_token(entry.german, adjective)], []


# --------------------------------------------------------------------------------------
# 4. Clauses
# --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Clause:
    """One meaning with two word orders.

    verb: a name of VERB_TABLE, or "be" together with a predicate.
    tense: "present", "past" or "perfect"; with a modal the modal's own tense counts.
    """

    subject: object
    verb: str
    tense: str = "present"
    accusative: object = None
    dative: object = None
    preposition: object = None  # the verb's own preposition: wait for / warten auf
    place: object = None  # a place or a direction
    predicate: object = None
    modal: str = ""
    negated: bool = False
    adverb: str = ""  # often, always, never, sometimes, already
    time: object = None
    time_first: bool = False
    place_first: bool = False
    question: str = ""  # "yes/no", "who" (the subject), or what, where, when, why
    subordinate: list = field(default_factory=list)  # [(conjunction, clause, first?)]

    # ---- English ----------------------------------------------------------------------

    def _english_verb(self):
        """The auxiliary's words ([] where there is none) and the verb's: tokens."""
        link, third = (self, "verb"), self.subject.person == 3 and self.subject.number == SINGULAR
        if self.verb == "be":
            first = self.subject.person == 1 and self.subject.number == SINGULAR
            if self.tense == "present":
                form = "am" if first else "is" if third else "are"
            else:
                form = "was" if first or third else "were"
            return [_token(form, link)], []
        entry = VERBS[self.verb]
        base, s_form, past, participle_ = entry.english
        particle = [_token(entry.particle, link)] if entry.particle else []
        if self.modal:
            return self._english_modal(third), [_token(base, link), *particle]
        if self.tense == "perfect":
            has = _token("has" if third else "have", (self, "auxiliary"))
            return [has], [_token(participle_, link), *particle]
        support = self.negated and not self._denied_have() or self.question
        if support and not (self.question and self._asks_subject()):
            do = "did" if self.tense == "past" else "does" if third else "do"
            return [_token(do, (self, "finite"))], [_token(base, link), *particle]
        form = past if self.tense == "past" else s_form if third else base
        return [], [_token(form, link), *particle]

    def _english_modal(self, third):
        modal, link = MODALS[self.modal], (self, "modal")
        if modal.to:  # wants to read, does not want to read, does she want to read?
            if self.negated or self.question:
                words = ["does" if third else "do", "want", "to"]
            else:
                words = [modal.english[third], "to"]
            return [_token(w, link) for w in words]
        return [_token(modal.english[third], link)]

    def _asks_subject(self):
        return getattr(self.subject, "word", "") == "who"

    def _denied_have(self):
        return getattr(self.accusative, "determiner", None) == "no"

    def english(self):
        auxiliary, rest = self._english_verb()
        subject = self.subject.english()
        negation = []
        if self.negated and not self._denied_have():
            link = (self, "negation")
            if auxiliary[0].text == "can":
                auxiliary = [Token("cannot", auxiliary[0].links | {link})]
            else:
                negation = [_token("not", link)]
        adverb = [_token(self.adverb, (self, "adverb"))] if self.adverb else []
        if self.question and not self._asks_subject():
            words = auxiliary[:1] + subject + negation + auxiliary[1:] + adverb + rest
        else:
            words = subject + auxiliary[:1] + negation + auxiliary[1:] + adverb + rest
        if self.question not in ("", "yes/no", "who"):
            words = [_token(self.question, (self, "question"))] + words
        for part in (self.dative, self.accusative):
            words += part.english("object") if part else []
        words += self.preposition.english() if self.preposition else []
        words += self.predicate.english() if self.predicate else []
        place = self.place.english() if self.place else []
        time = self.time.english() if self.time else []
        words = place + words if self.place_first else words + place
        words = time + words if self.time_first else words + time
        for conjunction, clause, first in self.subordinate:
            link = (clause, "conjunction")
            part = [_token(conjunction, link), *clause.english()]
            if first:
                words = part + [_token(",", (clause, "comma"))] + words
            else:
                words = words + part
        return words

    # ---- German -----------------------------------------------------------------------

    def _german_verb(self):
        """The finite verb; the words that close the bracket; the separable prefix, or ""."""
        person, number, link = self.subject.person, self.subject.number, (self, "verb")
        if self.verb == "be":
            return _token(finite("be", self.tense, person, number), link), [], ""
        entry = VERBS[self.verb]
        if self.modal:
            modal = _token(finite(self.modal, "", person, number), (self, "modal"))
            return modal, [_token(infinitive(self.verb), link)], ""
        if self.tense == "perfect":
            has = finite(entry.auxiliary, "present", person, number)
            return _token(has, (self, "auxiliary")), [_token(entry.participle, link)], ""
        form = finite(self.verb, self.tense, person, number)
        return _token(form, link, (self, "finite")), [], entry.prefix

    def _german_middle(self):
        """The middle field: pronouns, dative, time, definite accusative, nicht, the rest."""
        negation = (self, "negation") if self.negated else None
        accusative, dative = [], []
        denied = False
        if self.accusative:
            deny = self.negated and self.accusative.deniable
            denied = deny
            if deny and self._denied_have():
                accusative = self.accusative.german(ACCUSATIVE)
            else:
                accusative = self.accusative.german(ACCUSATIVE, negation if deny else None)
        if self.dative:
            dative = self.dative.german(DATIVE)
        time = self.time.german() if self.time and not self.time_first else []
        particle = []
        if self.negated and not denied:
            particle = [_token("nicht", negation)]
        if self.adverb in FREQUENCY:  # oft die Tür, but: die Tür nie, das Buch schon
            time = time + [_token(FREQUENCY[self.adverb], (self, "adverb"))]
        elif self.adverb:
            particle = [_token(LATE_ADVERBS[self.adverb], (self, "adverb"))]
        early = accusative if self.accusative and self.accusative.definite else []
        late = accusative if not early else []
        if isinstance(self.accusative, Pronoun):
            words = early + dative + time
        else:
            words = dative + time + early
        words += particle + late
        words += self.preposition.german() if self.preposition else []
        words += self.place.german() if self.place and not self.place_first else []
        after = []
        if self.predicate:
            before, after = self.predicate.german()
            words += before
        return words, after

    def german(self, order="main"):
        """order: "main" (verb second, or first in a question) or "subordinate" (verb last)."""
        finite_verb, close, prefix = self._german_verb()
        middle, after = self._german_middle()
        subject = self.subject.german(NOMINATIVE)
        if order == "subordinate":
            if prefix:
                finite_verb = Token(prefix + finite_verb.text, finite_verb.links)
            return subject + middle + close + [finite_verb] + after
        if prefix:
            close = [_token(prefix, (self, "verb"))]
        front = []
        later = []
        for conjunction, clause, first in self.subordinate:
            link = (clause, "conjunction")
            part = [_token(CONJUNCTIONS[conjunction], link), *clause.german("subordinate")]
            if first:
                front = part + [_token(",", (clause, "comma"))]
            else:
                later += [_token(",")] + part
        if self.time and self.time_first:
            front = self.time.german()
        if self.place and self.place_first:
            front = self.place.german()
        if self.question and self._asks_subject():
            words = subject + [finite_verb] + middle
        elif self.question:
            wh = {"what": "was", "where": "wo", "when": "wann", "why": "warum"}.get(self.question)
            asked = [_token(wh, (self, "question"))] if wh else []
            words = asked + [finite_verb] + subject + middle
        elif front:
            words = front + [finite_verb] + subject + middle
        else:
            words = subject + [finite_verb] + middle
        return words + close + after + later

    # ---- what goes together -----------------------------------------------------------

    def relations(self):
        """Pairs of words that belong together: the hold-out of the unseen split works on them."""
        found = []
        if self.subject.noun and self.verb != "be":
            found.append(("subject", self.subject.noun, self.verb))
        for part in (self.accusative, self.dative, self.preposition and self.preposition.phrase):
            if part and part.noun:
                found.append(("object", self.verb, part.noun))
        if self.predicate:
            noun = self.subject.noun or getattr(self.subject, "stands_for", "")
            if noun:
                found.append(("adjective", self.predicate.adjective, noun))
            for part in (self.predicate.than, self.predicate.as_):
                found += part.relations() if part else []
        for part in (self.subject, self.accusative, self.dative, self.preposition, self.place):
            found += part.relations() if part else []
        for _, clause, _ in self.subordinate:
            found += clause.relations()
        return found


# --------------------------------------------------------------------------------------
# 5. Sentences
# --------------------------------------------------------------------------------------


def _write(tokens):
    text = " ".join(t.text for t in tokens)
    text = re.sub(r" ([,.?])", r"\1", text)
    return text[0].upper() + text[1:]


def write(clause):
    """A clause as (English sentence, German sentence, alignment in Pharaoh's i-j notation)."""
    mark = _token("?" if clause.question else ".", (clause, "end"))
    english, german = clause.english() + [mark], clause.german() + [mark]
    links = [
        f"{i}-{j}"
        for i, left in enumerate(english)
        for j, right in enumerate(german)
        if left.links & right.links
    ]
    return _write(english), _write(german), " ".join(links)

"""From sentence pairs to batches of token ids: corpora, tokenizer, batches by length."""

import codecs
import hashlib
import json
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import datasets
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

PAD, START, END = 0, 1, 2
SPECIALS = ["<pad>", "<start>", "<end>"]  # a special token's place in this list is its id

DATA = Path(__file__).parents[1] / "data"
FOLDER_SPLITS = ("train", "validation", "test")
EMBEDDED_SPLITS = (*FOLDER_SPLITS, "unseen")
MULTI30K = "bentrevett/multi30k"
CORPORA = ("embedded", "multi30k")
MULTI30K_FILES = {"train": "train.jsonl", "validation": "val.jsonl", "test": "test.jsonl"}


def load_corpus(name: str = "embedded") -> datasets.DatasetDict:
    """Sentence pairs, columns `en` and `de`, by split.

    "embedded": the project's own corpus, no network: train, validation, test, unseen, with a third
    column `alignment` (Pharaoh: "0-0 1-2" says English word 0 is German word 0, 1 is 2; words as
    split_words counts them). "multi30k": train, validation, test from the folder that the
    environment variable MULTI30K_DIR names, else from the Hugging Face hub; where the hub is out of
    reach, a warning and the embedded corpus. `corpus["train"].info.dataset_name` says which it is.
    A folder: your own pairs, train.tsv, validation.tsv and test.tsv, in UTF-8, one pair a line, a
    tab between its two sides; the first line of each file names them, say "fr" and "it".
    Raises ValueError for another name, and FileNotFoundError or ValueError for missing or damaged
    files.
    """
    if name == "embedded":
        return load_embedded(DATA / "embedded")
    if name == "multi30k":
        return load_multi30k()
    if Path(name).is_dir():
        return load_folder(Path(name))
    raise ValueError(
        f'there is no corpus "{name}" and no such folder: choose "embedded", "multi30k" or a '
        "folder with train.tsv, validation.tsv and test.tsv"
    )


def load_embedded(folder: Path) -> datasets.DatasetDict:
    advice = "in the course's folder, `python -m data.make.corpus` writes the embedded corpus anew"
    files = find({split: folder / f"{split}.tsv" for split in EMBEDDED_SPLITS}, advice)
    tables = {split: read_table(file, ["en", "de", "alignment"]) for split, file in files.items()}
    return corpus_of(tables, "embedded")


def load_folder(folder: Path) -> datasets.DatasetDict:
    advice = "a corpus of your own has train.tsv, validation.tsv, test.tsv"
    files = find({split: folder / f"{split}.tsv" for split in FOLDER_SPLITS}, advice)
    tables: dict[str, dict] = {}
    for split, file in files.items():
        tables[split] = read_table(file, list(tables["train"]) if tables else None)
    return corpus_of(tables, folder.resolve().name)


def find(files: dict[str, Path], advice: str) -> dict[str, Path]:
    """The files. Raises FileNotFoundError, with the advice, where one is missing."""
    for file in files.values():
        if not file.exists():
            raise FileNotFoundError(f"{file} is missing: {advice}")
    return files


def corpus_of(tables: dict[str, dict[str, list[str]]], name: str) -> datasets.DatasetDict:
    corpus = datasets.DatasetDict({s: datasets.Dataset.from_dict(t) for s, t in tables.items()})
    for split in corpus.values():
        split.info.dataset_name = name
    return corpus


def read_table(file: Path, names: list[str] | None = None) -> dict[str, list[str]]:
    """The columns of a table by their names, which stand in its first line.

    names: what they must be; None: any two. Raises ValueError that says which line is wrong.
    """
    lines = as_text(file.read_bytes(), str(file)).removesuffix("\n").split("\n")
    first, *rows = [line.removesuffix("\r").split("\t") for line in lines]
    count = len(names or "ab")
    if first != names and (names or len(first) != count or len(set(first)) != count):
        wanted = f"the names {' and '.join(names)}" if names else "two names, say en and fr"
        raise ValueError(
            f"{file}, line 1: the first line must hold {wanted}, with a tab between them, not "
            f"{' and '.join(map(repr, first))}"
        )
    if not rows:
        raise ValueError(f"{file} has no pair: after the names, one pair a line")
    for number, row in enumerate(rows, start=2):
        empty = [name for name, text in zip(first, row, strict=False) if not text.strip()]
        if not any(text.strip() for text in row):
            raise ValueError(f"{file}, line {number} is empty: take it out")
        if len(row) != count:
            raise ValueError(
                f"{file}, line {number}: {count} sides and tabs between, not {len(row)}"
            )
        if empty:
            raise ValueError(f"{file}, line {number}: {empty[0]} is empty")
    return dict(zip(first, map(list, zip(*rows, strict=True)), strict=True))


def as_text(data: bytes, where: str) -> str:
    """UTF-8 as text, without a byte order mark: how the course reads every file and line.

    where: what the bytes are, for the message. Raises ValueError that names what they look like.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        looks = "UTF-16"
    elif len(data) >= 4 and max(data[i::2].count(0) for i in (0, 1)) > len(data) / 4:
        looks = "UTF-16"  # every second byte of plain letters is 0
    else:
        try:
            return data.removeprefix(codecs.BOM_UTF8).decode()
        except UnicodeDecodeError:
            looks = "an 8-bit encoding such as Windows-1252 (Latin-1)"
    code = "utf-16" if looks == "UTF-16" else "windows-1252"
    raise ValueError(
        f"{where} is no text in UTF-8: it looks like {looks}. Save it as UTF-8, or convert it: "
        f"iconv -f {code} -t utf-8"
    )


def load_multi30k() -> datasets.DatasetDict:
    folder = os.environ.get("MULTI30K_DIR")
    if folder:
        return corpus_of(read_multi30k(Path(folder)), "multi30k")
    try:
        datasets.disable_progress_bars()
        corpus = datasets.load_dataset(MULTI30K)
    except Exception as error:  # errors of the library that fetches come through, too
        warnings.warn(
            f"Multi30k is out of reach ({type(error).__name__}): going on with the embedded "
            "corpus. A network, or a folder that MULTI30K_DIR names, brings the real one.",
            stacklevel=3,
        )
        return load_embedded(DATA / "embedded")
    return corpus_of(
        {split: {c: rows[c][:] for c in ("en", "de")} for split, rows in corpus.items()}, "multi30k"
    )


def read_multi30k(folder: Path) -> dict[str, dict[str, list[str]]]:
    """The tables of a local copy of the hub's files. Plain reading: a library that looks for files
    takes a folder's name for a pattern, and wants a place for its cache."""
    if not folder.is_dir():
        raise FileNotFoundError(f"MULTI30K_DIR names {folder}, but there is no such folder")
    names = ", ".join(MULTI30K_FILES.values())
    advice = (
        f'MULTI30K_DIR names the folder of {MULTI30K}\'s {names}, lines of {{"en": …, "de": …}}'
    )
    files = {split: folder / name for split, name in MULTI30K_FILES.items()}
    return {split: read_lines(file) for split, file in find(files, advice).items()}


def read_lines(file: Path) -> dict[str, list[str]]:
    """The columns en and de of JSON lines. Raises ValueError that says which line is wrong."""
    table: dict[str, list[str]] = {"en": [], "de": []}
    lines = as_text(file.read_bytes(), str(file)).removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        try:
            pair = json.loads(line)
            for side, column in table.items():
                if not (isinstance(pair[side], str) and pair[side].strip()):
                    raise ValueError(f"{side} is empty")
                column.append(pair[side])
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f'{file}, line {number} is no pair {{"en": "…", "de": "…"}}: {error}'
            ) from error
    return table


def fingerprint(corpus: datasets.DatasetDict) -> str:
    """Another one for other pairs: what tells a training that its corpus has changed."""
    digest = hashlib.sha256()
    for split, rows in corpus.items():
        for column in rows.column_names[:2]:
            digest.update("\0".join([split, column, *rows[column]]).encode())
    return digest.hexdigest()[:16]


def split_words(sentence: str) -> list[str]:
    """The words and punctuation marks of a sentence, as alignments count them."""
    return re.findall(r"\w+|[^\w\s]", sentence)


def train_tokenizer(sentences: Sequence[str], vocab_size: int) -> Tokenizer:
    """Byte-level BPE (Sennrich et al. 2016 on bytes): no unknown token, whatever the text.

    Train it on the training split alone, both languages together. Raises ValueError when vocab_size
    leaves no room for the 256 bytes and the special tokens.
    """
    smallest = 256 + len(SPECIALS)
    if vocab_size < smallest:
        raise ValueError(
            f"vocab_size must be at least {smallest} (bytes and specials), not {vocab_size}"
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=SPECIALS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    tokenizer.encode_special_tokens = True  # "<end>" typed by a reader is text, not the end
    return tokenizer


def show_tokens(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """Tokens as a person reads them, one string an id; "_" stands for the space before a word, and
    a piece that goes on with one has none: "_Straße", "n"."""
    names = dict(enumerate(SPECIALS))
    return [names.get(i) or tokenizer.decode([i]).replace(" ", "_") for i in map(int, ids)]


@dataclass
class Pair:
    """One sentence pair as token ids, the end token last on both sides."""

    source: list[int]
    target: list[int]


def encode_pairs(
    tokenizer: Tokenizer, rows: datasets.Dataset, source: str = "en", target: str = "de"
) -> list[Pair]:
    """The columns `source` and `target` of each row as ids."""
    sides = (tokenizer.encode_batch(list(rows[column])) for column in (source, target))
    return [Pair(s.ids + [END], t.ids + [END]) for s, t in zip(*sides, strict=True)]


@dataclass
class Batch:
    """Sentence pairs of about one length, padded to a rectangle.

    source (batch, source length); target_in (batch, target length): start token and all but the
    last token; target_out (batch, target length): the same shifted by one, what must be predicted.
    tokens: how many target tokens are real. step_tokens: how many are real in the whole step, of
    which this batch is one device's share; on a single device it is `tokens`.
    """

    source: Tensor
    target_in: Tensor
    target_out: Tensor
    tokens: int
    step_tokens: int

    def to(self, device, non_blocking: bool = False) -> "Batch":
        tensors = (self.source, self.target_in, self.target_out)
        tensors = (tensor.to(device, non_blocking=non_blocking) for tensor in tensors)
        return Batch(*tensors, self.tokens, self.step_tokens)

    def __repr__(self) -> str:
        names = ("source", "target_in", "target_out")
        return f"Batch({', '.join(f'{name} {tuple(getattr(self, name).shape)}' for name in names)})"


def rectangle(rows: Sequence[list[int]]) -> Tensor:
    """Lists of ids, filled up with PAD to the longest: (rows, longest)."""
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])


def collate(pairs: Sequence[Pair]) -> Batch:
    """Pad pairs to one rectangle a side. Raises ValueError when there is no pair."""
    if not pairs:
        raise ValueError("a batch needs at least one sentence pair")
    tokens = sum(len(pair.target) for pair in pairs)
    return Batch(
        source=rectangle([pair.source for pair in pairs]),
        target_in=rectangle([[START] + pair.target[:-1] for pair in pairs]),
        target_out=rectangle([pair.target for pair in pairs]),
        tokens=tokens,
        step_tokens=tokens,
    )


class Loader:
    """Sentence pairs as batches of about one length, under a token budget: iterate for `Batch`.

    A padded side of a batch holds at most max_tokens tokens. shuffle: another order each epoch, the
    same for the same seed. All pairs are padded once, into tables on `device`, and a batch is cut
    out of them by its rows. rank, world: with several devices, this one's number and how many there
    are; each cuts its own part out of the same rows. fresh: gives the pairs anew for each epoch, in
    other pieces; `pairs` then say alone which rows make a batch, and it may hold some tokens more
    (drawn without a seed: a training that is gone on with cuts its epoch otherwise).

    Raises ValueError when there is no pair, or one that does not fit into a batch, and for fresh
    pairs on several devices, which would not be the same on each.
    """

    LARGEST = 2**31  # bytes; larger tables stay off the device, and each batch travels

    def __init__(
        self,
        pairs: Sequence[Pair],
        max_tokens: int = 2048,
        shuffle: bool = False,
        seed: int = 0,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world: int = 1,
        fresh: Callable[[], Sequence[Pair]] | None = None,
    ) -> None:
        if fresh and world > 1:
            raise ValueError("several devices would each cut a sentence into pieces of their own")
        self.fresh, self.device = fresh, device
        self.max_tokens, self.shuffle, self.seed = max_tokens, shuffle, seed
        self.rank, self.world = rank, world
        self.budget = [(len(pair.target), len(pair.source)) for pair in pairs]
        longest = max((max(both) for both in self.budget), default=0)
        if longest > max_tokens:
            raise ValueError(
                f"a sentence of {longest} tokens does not fit into a batch of {max_tokens} tokens: "
                "choose a larger max_tokens"
            )
        self.fill(pairs)
        self.set_epoch(0)

    def fill(self, pairs: Sequence[Pair]) -> None:
        """Pad the pairs into the tables that batches are cut out of."""
        whole = collate(pairs)
        self.lengths = [(len(pair.target), len(pair.source)) for pair in pairs]
        self.tables = [whole.source, whole.target_in, whole.target_out]
        if sum(table.nbytes for table in self.tables) <= self.LARGEST:
            self.tables = [table.to(self.device) for table in self.tables]

    def set_epoch(self, epoch: int, skip: int = 0) -> None:
        """Which epoch, from 1, comes next, and how many of its batches are done already."""
        self.skip = skip
        if self.fresh and epoch:
            self.fill(self.fresh())
        generator = torch.Generator().manual_seed(self.seed + epoch)
        order = range(len(self.budget))
        if self.shuffle:
            order = torch.randperm(len(self.budget), generator=generator).tolist()
        self.batches: list[list[int]] = [[]]  # the numbers of each batch's pairs
        longest = 0
        for row in sorted(order, key=lambda i: self.budget[i]):  # ties stay in random order
            longest = max(longest, *self.budget[row])
            if longest * (len(self.batches[-1]) + 1) > self.max_tokens:
                self.batches.append([])
                longest = max(self.budget[row])
            self.batches[-1].append(row)
        if self.shuffle:
            places = torch.randperm(len(self.batches), generator=generator)
            self.batches = [self.batches[place] for place in places]

    def __len__(self) -> int:
        """How many batches an epoch has, done or not; all epochs have the same number."""
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return map(self.cut, self.batches[self.skip :])

    def cut(self, rows: list[int]) -> Batch:
        """This device's part of the pairs of these numbers, as collate makes it."""
        mine = rows[self.rank :: self.world]
        tokens, step_tokens = (sum(self.lengths[row][0] for row in part) for part in (mine, rows))
        if not mine:  # fewer rows than devices: take one along, of which no token counts
            mine = rows[:1]
        target, source = (max(self.lengths[row][side] for row in mine) for side in (0, 1))
        index = torch.tensor(mine).to(self.tables[0].device, non_blocking=True)  # (batch,)
        parts = [
            table[:, :length].index_select(0, index)  # (batch, length)
            for table, length in zip(self.tables, (source, target, target), strict=True)
        ]
        if not tokens:
            parts[2].fill_(PAD)
        return Batch(*parts, tokens, step_tokens)

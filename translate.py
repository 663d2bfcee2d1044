"""Translate text line by line: standard input to standard output, progress on standard error.

    python translate.py < in.txt > out.txt                                 # the model of the course
    python translate.py --model runs/multi30k/average < in.txt > out.txt   # one of train.py's

One line out for each line in, whatever the line holds: an empty line stays empty, a line that is
too long for the model is translated in pieces. Text comes in and goes out in UTF-8; a line in
another encoding ends the run, with a word on what it looks like.
"""

import argparse
import os
import re
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from command.options import number, whole
from transformer.decoding import beam_search, greedy_search
from transformer.trainer import Recipe, whole_checkpoint
from transformer.training import device, load_model, translate
from utils.data import DATA, as_text

SPACES = re.compile(r"[ \t\n\r\f\v]+")  # not the no-break space


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=DATA / "model", help="folder of a checkpoint")
    parser.add_argument(
        "--beam", type=whole(1), default=Recipe.beam, help="1: greedy (%(default)s)"
    )
    parser.add_argument(
        "--alpha", type=number(0), default=Recipe.alpha, help="length penalty (%(default)s)"
    )
    parser.add_argument(
        "--batch-size", type=whole(1), default=100, help="lines at once (%(default)s)"
    )
    parser.add_argument(
        "--chunk",
        type=whole(1),
        default=1000,
        help="lines that are read, put in order of length, and written together (%(default)s)",
    )
    return parser.parse_args(arguments)


def models_in(folder: Path) -> str:
    """A sentence on the folders in `folder` that hold a model; nothing where none does."""
    found = [str(path.parent) for path in sorted(folder.glob("*/model.safetensors"))]
    return f". Give one of these: {', '.join(found)}" if found else ""


def need_tokenizer(tokenizer, folder: Path) -> None:
    """Raises ValueError where a model came without its tokenizer."""
    if tokenizer is None:
        raise ValueError(
            f"{folder} has no tokenizer.json: the model was saved without its tokenizer, or by an "
            "earlier edition of the course. Put the one that it was trained with beside its weights"
        )


def pieces(text: str, tokenizer, limit: int) -> list[str]:
    """The text in runs of words that have at most `limit` tokens; a longer word is cut as well.

    Runs of spaces become one; a no-break space stays: it is part of how French is written.
    """
    found, run = [], ""
    for word in SPACES.split(text):
        longer = f"{run} {word}".strip(" ")
        if len(tokenizer.encode(longer).ids) <= limit:
            run = longer
            continue
        # In characters: one has four bytes at most, and a space comes before
        width = max(limit // 5, 1)
        fits = len(tokenizer.encode(word).ids) <= limit
        parts = [word] if fits else [word[i : i + width] for i in range(0, len(word), width)]
        found += [run, *parts[:-1]]
        run = parts[-1]
    return [piece for piece in [*found, run] if piece.strip()]


def translate_lines(lines: Iterable[str], model, tokenizer, options) -> Iterator[str]:
    """One translation for each line, in their order. Works on options.chunk lines at a time."""
    search = greedy_search
    if options.beam > 1:
        search = partial(beam_search, beam_size=options.beam, alpha=options.alpha)
    limit, lines = model.config["max_length"] - 1, iter(lines)  # - 1: the end token
    while chunk := list(islice(lines, options.chunk)):
        parts = [pieces(line, tokenizer, limit) for line in chunk]
        flat = [piece for part in parts for piece in part]
        done = iter(translate(model, tokenizer, flat, search, options.batch_size))
        for part in parts:
            yield SPACES.sub(" ", " ".join(next(done) for _ in part)).strip()


def read_lines(stream: Iterable[bytes], problems: list[ValueError]) -> Iterator[str]:
    """The lines of a stream, up to the first that is no UTF-8: why goes into `problems`."""
    for place, line in enumerate(stream, start=1):  # only "\n" ends a line: str knows ten more
        try:
            yield as_text(line.removesuffix(b"\n"), f"standard input, line {place},")
        except ValueError as error:
            problems.append(error)
            return


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    problems: list[Exception] = []
    try:
        model, tokenizer = load_model(whole_checkpoint(options.model), device())
        need_tokenizer(tokenizer, options.model)
    except FileNotFoundError as error:
        sys.exit(f"translate.py: {error}{models_in(options.model)}")
    except (OSError, ValueError) as error:
        sys.exit(f"translate.py: {error}")
    lines = read_lines(sys.stdin.buffer, problems)
    translations = translate_lines(lines, model, tokenizer, options)
    try:
        for translation in tqdm(translations, unit=" lines"):
            sys.stdout.buffer.write(translation.encode() + b"\n")
            sys.stdout.buffer.flush()
    except BrokenPipeError:  # whoever read the output has gone, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if problems:
        sys.exit(f"translate.py: {problems[0]}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("translate.py: interrupted")

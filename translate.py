"""Translate text line by line: standard input to standard output, progress on standard error.

    python translate.py < in.txt > out.txt                              # the model of the course
    python translate.py --model runs/multi30k/last < in.txt > out.txt   # one of train.py's

One line out for each line in, whatever the line holds: an empty line stays empty, a line that is
too long for the model is translated in pieces, bytes that are no UTF-8 are replaced.
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

from transformer.inference import beam_search, greedy_search
from transformer.training import hardware, load_checkpoint, translate
from utils.data import DATA, load_tokenizer

SPACES = re.compile(r"[ \t\n\r\f\v]+")  # not the no-break space


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=DATA / "model", help="folder of a checkpoint")
    parser.add_argument(
        "--tokenizer",
        type=Path,
        help="default: tokenizer.json there, or up to two folders further up",
    )
    parser.add_argument("--beam", type=int, default=4, help="1: greedy (default: %(default)s)")
    parser.add_argument("--alpha", type=float, default=0.6, help="length penalty (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=100, help="lines at once (%(default)s)")
    parser.add_argument(
        "--chunk", type=int, default=1000,
        help="lines that are read, put in order of length, and written together (%(default)s)",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    for name in ("beam", "batch_size", "chunk"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    return options


def find_tokenizer(model: Path) -> Path:
    """tokenizer.json beside the weights, or one or two folders up, where train.py leaves it."""
    places = [folder / "tokenizer.json" for folder in (model, *model.resolve().parents[:2])]
    return next((place for place in places if place.exists()), places[0])


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
        width = limit // 5  # characters; one has four bytes at most, and a space comes before
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


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    try:
        model, _ = load_checkpoint(options.model, hardware()[0])
        tokenizer = load_tokenizer(options.tokenizer or find_tokenizer(options.model))
        if tokenizer.get_vocab_size() != model.config["vocab_size"]:
            raise ValueError(
                f"the tokenizer has {tokenizer.get_vocab_size()} tokens, the model "
                f"{model.config['vocab_size']}: they were not trained together"
            )
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"translate.py: {error}")
    # Bytes, because only "\n" ends a line: str.splitlines knows ten more ends
    lines = (line.removesuffix(b"\n").decode(errors="replace") for line in sys.stdin.buffer)
    translations = translate_lines(lines, model, tokenizer, options)
    try:
        for translation in tqdm(translations, unit=" lines"):
            sys.stdout.buffer.write(translation.encode() + b"\n")
            sys.stdout.buffer.flush()
    except BrokenPipeError:  # whoever read the output has gone, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()

"""Numbers on the command line, checked at the door: argparse types for train.py and its like."""

import argparse
import math
from collections.abc import Callable


def whole(least: int) -> Callable[[str], int]:
    """A whole number, `least` or more."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} on, not {text}")
        return value

    return read


def number(least: float, below: float = math.inf, above: bool = False) -> Callable[[str], float]:
    """A number from `least` on (with above=True: beyond it), and smaller than `below`."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (least < value if above else least <= value) or not value < below:
            begin = f"above {least:g}" if above else f"from {least:g} on"
            end = "" if below == math.inf else f" and below {below:g}"
            raise argparse.ArgumentTypeError(f"must be a number {begin}{end}, not {text}")
        return value

    return read

"""Printing, also in a terminal whose encoding lacks the course's signs (Windows' cp1252, say)."""

import sys
from typing import Any

PLAIN = {
    "○": "o",
    "●": "*",
    "✗": "x",
    "…": "...",
    "·": "*",
    "×": "x",
    "−": "-",
    "→": "->",
    "√": "sqrt ",
    "∞": "inf",
    "Σ": "sum ",
    "α": "alpha",
    "β": "beta",
    "ε": "epsilon",
    "¼": "1/4",
    "¾": "3/4",
    "ᵀ": "^T",
    "ᵗ": "^t",
    "₂": "2",
    "⁻": "^-",
    "⁰": "^0",
    "²": "^2",
    "⁵": "5",
    "⁸": "8",
    "⁹": "9",
}


def say(text: str, **options: Any) -> None:
    """Print `text`, in plain letters where the terminal cannot write a sign; `options` are
    print's."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(plain(text, encoding), **options)


def plain(text: str, encoding: str) -> str:
    """`text` without the signs that `encoding` lacks: PLAIN says what stands for them, else "?"."""
    for sign, letters in PLAIN.items():
        if not sign.encode(encoding, "ignore"):
            text = text.replace(sign, letters)
    return text.encode(encoding, "replace").decode(encoding)

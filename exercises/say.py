"""Printing, also in a terminal whose encoding lacks the course's signs (Windows' cp1252, say)."""

import sys

SIGNS = "○o ●* ✗x …... ·* ×x −- →-> ∞inf αalpha βbeta εepsilon ¼1/4 ¾3/4 ᵀ^T ᵗ^t ₂2 ⁻^- ⁰^0 ²^2 ⁵5"
SIGNS += " ⁸8 ⁹9 │|"
PLAIN = {each[0]: each[1:] for each in SIGNS.split()} | {"√": "sqrt ", "Σ": "sum "}


def say(text: str) -> None:
    """Print `text`, in plain letters where the terminal cannot write a sign."""
    print(plain(text, getattr(sys.stdout, "encoding", None) or "utf-8"))


def plain(text: str, encoding: str) -> str:
    """`text` without the signs that `encoding` lacks: PLAIN says what stands for them, else "?"."""
    for sign, letters in PLAIN.items():
        if not sign.encode(encoding, "ignore"):
            text = text.replace(sign, letters)
    return text.encode(encoding, "replace").decode(encoding)

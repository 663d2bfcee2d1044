"""Colab's published list of packages, as constraints for pip.

    python .github/colab_constraints.py < pip-freeze.gpu.txt > constraints.txt

What PyPI does not have, a package from an address, is left out; of a build like torch 2.11.0+cu128
the release stays.
"""

import re
import sys

PIN = re.compile(r"^([\w.-]+==[\w.!]+)(?:\+[\w.]+)?$", re.MULTILINE)


def constraints(freeze: str) -> str:
    return "".join(f"{pin}\n" for pin in PIN.findall(freeze))


if __name__ == "__main__":
    sys.stdout.write(constraints(sys.stdin.read()))

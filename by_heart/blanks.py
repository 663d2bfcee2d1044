"""Which places of a block are left blank: arguments, attributes, operators, right-hand sides."""

import ast
import random
import re
import tokenize
from itertools import accumulate

from by_heart.source import tokens

Span = tuple[int, int]  # where it begins in the text and where it ends
OPERATORS = set("@ / // * ** + - % & | ~ < > <= >= == != += -= *= /=".split())
WORTH = {"argument": 1.0, "attribute": 1.0, "operator": 0.8, "index": 0.8, "value": 0.5}
SPILL = 0.05  # by how much of the whole a share may be passed
METHOD = re.compile(r"^ *def (\w+)\(", re.MULTILINE)
LOUD = {"self", "for", "in", "return", "if", "else", "def", "class", "lambda"}  # say no thought


def blanks(text: str, share: float, largest: int, seed: str) -> list[Span]:
    """Places that do not overlap, and that hold about this share of all that counts in the text.

    largest: how many names, numbers and operators one blank may hold. The same seed, the same
    places; signatures stay.
    """
    luck = random.Random(seed)
    counts = counting(text)
    kinds = dict(candidates(text))
    sizes = {span: size(span, counts) for span in sorted(kinds)}
    worth = {
        span: luck.random()
        + WORTH[kinds[span]]
        + (4 if largest > 3 else 3) * min(n, largest) / largest  # one tires of many small blanks
        - (1.5 if in_init(text, span) else 0.0)  # the heart of a class is elsewhere
        for span, n in sizes.items()
    }
    chosen: list[Span] = []
    for span in sorted(worth, key=lambda span: -worth[span]):
        left = share * len(counts) - sum(sizes[each] for each in chosen)
        if left <= 0 or not 1 <= sizes[span] <= min(largest, max(1, left + SPILL * len(counts))):
            continue
        if all(apart(span, each, text) for each in chosen):
            chosen.append(span)
    return sorted(chosen)


def in_init(text: str, span: Span) -> bool:
    """Whether the innermost method around it is __init__."""
    methods = [m for m in METHOD.finditer(text) if m.start() < span[0]]
    return bool(methods) and methods[-1][1] == "__init__"


def apart(span: Span, other: Span, text: str) -> bool:
    """Whether two blanks do not overlap and a reader can tell where the one ends: between them
    stands more than a dot or an operator's spaces."""
    first, second = sorted([span, other])
    return first[1] <= second[0] and text[first[1] : second[0]].strip("() ") not in ("", ".")


def offsets(text: str) -> list[int]:
    """Where each line begins."""
    return [0, *accumulate(len(line) for line in text.splitlines(keepends=True))]


def bodies(text: str) -> list[ast.stmt]:
    """All statements but definitions and a parent's set-up."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)]
    plain = [n for n in nodes if not isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    return [n for n in plain if ast.unparse(n) != "super().__init__()"]


def counting(text: str) -> list[Span]:
    """The names, numbers, strings and operators of the bodies: what a share is a share of."""
    begin = offsets(text)
    rows = {row for node in bodies(text) for row in range(node.lineno, node.end_lineno + 1)}
    kinds = {tokenize.NAME, tokenize.NUMBER, tokenize.STRING}
    return [
        (begin[token.start[0] - 1] + token.start[1], begin[token.end[0] - 1] + token.end[1])
        for token in tokens(text)
        if token.start[0] in rows
        and token.string not in LOUD
        and (token.type in kinds or token.string in OPERATORS)
    ]


def size(span: Span, counts: list[Span]) -> int:
    return sum(span[0] <= begin and end <= span[1] for begin, end in counts)


def candidates(text: str) -> list[tuple[Span, str]]:
    """Every place that may become a blank, and its kind."""
    begin, lines = offsets(text), text.splitlines()

    def at(row: int, column: int) -> int:  # ast counts bytes
        return begin[row - 1] + len(lines[row - 1].encode()[:column].decode())

    def span(node: ast.AST) -> Span:
        return at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)

    def operator(left: ast.AST, right: ast.AST) -> list[tuple[Span, str]]:
        first, last = span(left)[1], span(right)[0]
        word = text[first:last].strip(" ()")
        place = text.index(word, first)
        return [((place, place + len(word)), "operator")] if word in OPERATORS else []

    found: list[tuple[Span, str]] = []
    for node in (inner for statement in bodies(text) for inner in walk(statement)):
        if isinstance(node, ast.Attribute):
            last = span(node)[1]
            found.append(((last - len(node.attr), last), "attribute"))
        elif isinstance(node, ast.Call):
            named = [keyword.value for keyword in node.keywords if keyword.arg != "strict"]
            # A lone generator's span has the call's brackets
            lone = isinstance(node.args[0], ast.GeneratorExp) if node.args else False
            values = [
                *([] if lone else node.args),
                *named,
            ]
            found += [(span(value), "argument") for value in values]
        elif isinstance(node, ast.Subscript):
            found.append((span(node.slice), "index"))
        elif isinstance(node, ast.BinOp):
            found += operator(node.left, node.right)
        elif isinstance(node, ast.Compare):
            found += operator(node.left, node.comparators[0])
        elif isinstance(node, ast.AugAssign):
            found += [*operator(node.target, node.value), (span(node.value), "value")]
        elif isinstance(node, (ast.Assign, ast.Return, ast.Expr)) and node.value:
            found.append((span(node.value), "value"))
        elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
            found.append((span(node.test), "value"))
    return [(place, kind) for place, kind in found if "\n" not in text[slice(*place)]]


def walk(statement: ast.stmt):
    """A statement's expressions: not the statements inside it, and not what an f-string holds."""
    yield statement
    below = [n for n in ast.iter_child_nodes(statement) if not isinstance(n, ast.stmt)]
    while below:
        node = below.pop()
        yield node
        if not isinstance(node, ast.JoinedStr):
            below += ast.iter_child_nodes(node)

"""The text of a block as one writes it by heart: no docstrings, no comments, no checks."""

import ast
import io
import tokenize
from collections.abc import Iterator

DEFINITION = (ast.FunctionDef, ast.ClassDef)
OUTSIDE = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def tokens(text: str) -> list[tokenize.TokenInfo]:
    return list(tokenize.generate_tokens(io.StringIO(text).readline))


def is_docstring(node: ast.AST) -> bool:
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant and isinstance(node.value.value, str)


def is_check(node: ast.AST) -> bool:
    """Whether a statement does nothing but refuse bad input: `if …: raise …`, or `check_…(…)`."""
    if isinstance(node, ast.If):
        return [type(inner) for inner in node.body] == [ast.Raise] and not node.orelse
    call = node.value if isinstance(node, ast.Expr) else None
    name = getattr(call.func, "id", "") if isinstance(call, ast.Call) else ""
    return name.startswith("check_")


def bare(text: str) -> str:
    """A definition's text without docstrings, comments and checks, its other lines as they are;
    one empty line stands between two methods."""
    lines = text.splitlines()
    for token in tokens(text):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    for node in ast.walk(ast.parse(text)):
        if is_docstring(node) or is_check(node):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    kept: list[str] = []
    for line in filter(str.strip, lines):
        inner = line.startswith(" ") and line.lstrip().startswith("def ")
        if inner and not kept[-1].startswith("class "):
            kept.append("")
        kept.append(line)
    return "\n".join(kept) + "\n"


def logical_lines(text: str) -> list[str]:
    """The text's lines; what is one statement's, or one signature's, in one piece."""
    lines, found, first = text.splitlines(), [], 0
    for token in tokens(text):
        if not first and token.type not in OUTSIDE:
            first = token.start[0]
        if token.type == tokenize.NEWLINE:
            found.append("\n".join(lines[first - 1 : token.end[0]]))
            first = 0
    return found


def pieces(text: str) -> list[str]:
    """The logical lines, but what a class sets up line by line (`self.norm1 = …`) in one piece."""
    found: list[str] = []
    for line in logical_lines(text):
        before = found[-1].splitlines()[-1] if found else ""
        if all(each.lstrip().startswith("self.") and " = " in each for each in (line, before)):
            found[-1] += "\n" + line
        else:
            found.append(line)
    return found


def definitions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """The definition at the top, and those of a class's methods."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, DEFINITION):
            yield inner
            if isinstance(inner, ast.ClassDef):
                yield from definitions(inner)


def stub(text: str) -> str:
    """Signatures and docstrings alone; "..." stands where code did."""
    lines, kept = text.splitlines(), []
    for node in definitions(ast.parse(text)):
        first = node.body[0]
        header = lines[node.lineno - 1 : first.lineno - 1]
        while header and not header[-1].split("#")[0].rstrip().endswith(":"):
            header.pop()  # a comment or an empty line behind the signature
        if kept and kept[-1]:
            kept.append("")
        kept += header
        if is_docstring(first):
            kept += lines[first.lineno - 1 : first.end_lineno]
        if isinstance(node, ast.FunctionDef):
            kept.append(" " * first.col_offset + "...")
    return "\n".join(kept) + "\n"

"""The blocks that the deck asks for, found in the exported modules."""

from __future__ import annotations

import ast
import copy
import html
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What a reader of the path writes by heart, by module: the one list of the deck
BLOCKS = {
    "attention": ["padding_mask", "causal_mask", "attention"],
    "heads": ["MultiHeadAttention"],
    "encoder": [
        *("positional_encoding", "Embedding", "FeedForward", "LayerNorm"),
        *("EncoderLayer", "Encoder"),
    ],
    "decoder": ["DecoderLayer", "Decoder", "Transformer"],
    "training": ["translation_loss", "learning_rate", "train"],
    "inference": ["next_probabilities", "length_penalty", "cached_attention", "write_beam"],
}
# What the formula cards ask for
FORMULAS = {
    "attention": r"\text{softmax}\left(\frac{QK^\top}{\sqrt{d_k}}\right)V",
    "MultiHeadAttention": r"\text{Concat}(\text{head}_1, …, \text{head}_h)\,W^O,\quad "
    r"\text{head}_i = \text{Attention}(QW_i^Q, KW_i^K, VW_i^V)",
    "positional_encoding": r"PE_{pos,\,2i} = \sin\frac{pos}{10000^{2i/d_\text{model}}},\quad "
    r"PE_{pos,\,2i+1} = \cos\frac{pos}{10000^{2i/d_\text{model}}}",
    "FeedForward": r"\max(0,\, xW_1 + b_1)\,W_2 + b_2",
    "LayerNorm": r"\frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} \odot \gamma + \beta",
    "EncoderLayer": r"x \leftarrow \text{norm}(x + \text{sublayer}(x)) \;\text{(post)},\quad "
    r"x \leftarrow x + \text{sublayer}(\text{norm}(x)) \;\text{(pre)}",
    "learning_rate": r"peak \cdot \min\left(\frac{step}{warmup}, \sqrt{\frac{warmup}{step}}\right),"
    r"\quad peak = (d_\text{model} \cdot warmup)^{-0.5} \text{ in the paper}",
    "length_penalty": r"\left(\frac{5 + |Y|}{6}\right)^\alpha",
}


def definitions(root: Path = ROOT) -> Iterator[tuple[str, str, ast.FunctionDef | ast.ClassDef]]:
    """Each block: its notebook's name, its module's text, its definition. Raises ValueError for one
    that its module lacks."""
    stems = {path.stem[3:]: path.stem for path in (root / "notebooks").glob("*.ipynb")}
    for module, names in BLOCKS.items():
        text = (root / "transformer" / f"{module}.py").read_text(encoding="utf-8")
        there = {getattr(node, "name", ""): node for node in ast.parse(text).body}
        for name in names:
            if name not in there:
                raise ValueError(
                    f"transformer/{module}.py has no {name}: mend BLOCKS in by_heart/blocks.py"
                )
            yield stems[module], text, there[name]


def functions(block: ast.stmt) -> list[tuple[str, ast.FunctionDef]]:
    """(its name, the function) or (class.method, the method) for each that computes something."""
    if isinstance(block, ast.FunctionDef):
        return [(block.name, block)]
    methods = [node for node in block.body if isinstance(node, ast.FunctionDef)]
    return [(f"{block.name}.{m.name}", m) for m in methods if m.name != "__init__"]


def signature(node: ast.FunctionDef | ast.ClassDef) -> str:
    """How it is called, without types."""
    function = node
    if isinstance(node, ast.ClassDef):
        function = next(m for m in node.body if getattr(m, "name", "") == "__init__")
    arguments = copy.deepcopy(function.args)
    arguments.args = [argument for argument in arguments.args if argument.arg != "self"]
    for argument in [*arguments.args, *arguments.kwonlyargs]:
        argument.annotation = None
    return f"{node.name}({ast.unparse(arguments)})"


def statements(function: ast.FunctionDef) -> Iterator[ast.Assign | ast.AugAssign | ast.Return]:
    """Those worth asking for, in their order: not a mere name or number, not a check."""
    nodes = [node for node in ast.walk(function) if hasattr(node, "value")]
    for node in sorted(nodes, key=lambda node: getattr(node, "lineno", 0)):
        if not isinstance(node, ast.Assign | ast.AugAssign | ast.Return | ast.Expr):
            continue
        called = ast.unparse(node.value) if node.value else ""
        plain = isinstance(node.value, ast.Name | ast.Constant | None)
        if not plain and len(called) > 7 and not called.startswith("check_"):
            yield node


def blanked(text: str, function: ast.FunctionDef, value: ast.expr) -> str:
    """The function without its docstring, `value` as a cloze."""
    data = text.encode("utf-8")  # ast counts bytes
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def piece(first: int, last: int) -> str:
        return protected(data[first:last].decode("utf-8"))

    def place(line: int, column: int = 0) -> int:
        return starts[line - 1] + column

    begin, end = place(function.lineno), place(function.end_lineno + 1)  # with its last comment
    first = place(value.lineno, value.col_offset)
    last = place(value.end_lineno, value.end_col_offset)
    body = place(function.body[0].lineno)
    if ast.get_docstring(function):
        body = place(function.body[0].end_lineno + 1)
    head = piece(begin, place(function.body[0].lineno))
    hidden = f"{{{{c1::{piece(first, last)}}}}}"
    code = head + piece(body, first) + hidden + piece(last, end).rstrip()
    indent = " " * function.col_offset
    return f"<pre>{re.sub(f'^{indent}', '', code, flags=re.MULTILINE)}</pre>"


def protected(code: str) -> str:
    """Code as HTML in which Anki finds neither a cloze nor a formula."""
    code = html.escape(code, quote=False).replace("::", "&#58;&#58;")
    for sign in "{}\\":
        code = code.replace(sign, f"&#{ord(sign)};")
    return code

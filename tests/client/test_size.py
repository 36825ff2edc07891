"""What a host is given stays small."""

import ast
import io
import tokenize
from pathlib import Path

CLIENT = Path(__file__).resolve().parents[2] / "core" / "faceplate_client"
MOST_LINES = 1200


def lines_of_code(source: str) -> int:
    """Lines that hold code: no blank lines, no comments, no docstrings."""
    told = set()
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            told |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    silent = (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in silent:
            found |= set(range(token.start[0], token.end[0] + 1))
    return len(found - told)


def test_the_client_is_under_1200_lines():
    sizes = {path.name: lines_of_code(path.read_text(encoding="utf-8")) for path in CLIENT.glob("*.py")}
    assert len(sizes) > 5
    assert sum(sizes.values()) < MOST_LINES, sizes

"""What arrives over the wire is data: neither end of it has anything that could run what it says."""

import ast
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "core"
BOTH_ENDS = sorted([*(CORE / "faceplate_client").glob("*.py"), *(CORE / "faceplate" / "engine").glob("*.py")])
RUNS_WHAT_IT_READS = {"pickle", "cPickle", "marshal", "shelve", "dill", "yaml", "code", "codeop", "runpy"}
CALLS = {"eval", "exec", "compile", "__import__", "system", "popen"}


@pytest.mark.parametrize("path", BOTH_ENDS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nothing_here_could_run_what_a_message_says(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not {alias.name.split(".")[0] for alias in node.names} & RUNS_WHAT_IT_READS
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in RUNS_WHAT_IT_READS
        elif isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
            of_re = isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == "re"
            assert name not in CALLS or of_re, f"{path.name}:{node.lineno} calls {name}"
            assert not any(word.arg == "shell" for word in node.keywords), (
                f"{path.name}:{node.lineno} asks a shell"
            )

"""C++ of ours, compiled for a test: the same sources as in the bundle, around a small program of the test's."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "ofx_bridge" / "src"
KEPT = ROOT / "build" / "tests"


def compiled(name: str, *sources: Path, flags: tuple[str, ...] = ()) -> Path:
    """A program, or with `-shared` among the flags a library, made of these sources; skips without a compiler.

    It is kept under its name and the hash of all that decides what it becomes, and made only once.
    """
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        pytest.skip("no C++ compiler is here (c++, or the one named in CXX)")
    words = [compiler, "-std=c++17", "-O0", "-fPIC", "-Wall", "-Wextra", "-Werror", f"-I{PLUGIN}", *flags]
    output = KEPT / f"{name}-{_hash_of(words, sources)}"
    if not output.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        fresh = output.with_name(f"{output.name}.{os.getpid()}")
        told = subprocess.run([*words, "-o", fresh, *sources], capture_output=True, text=True)
        assert told.returncode == 0, told.stderr
        fresh.replace(output)
    return output


def _hash_of(words: list[str], sources: tuple[Path, ...]) -> str:
    seen = hashlib.sha256("\n".join([*words, *map(str, sources)]).encode())
    folders = {PLUGIN, PLUGIN.parent / "generated", *(source.parent for source in sources)}
    headers = {header for folder in folders for header in folder.glob("*.h")}
    for path in (*sources, *sorted(headers)):
        seen.update(path.read_bytes())
    return seen.hexdigest()[:16]

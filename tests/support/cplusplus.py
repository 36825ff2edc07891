"""C++ of ours, compiled for a test: the same sources as in the bundle, around a small program of the test's."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "ofx_bridge" / "src"


def compiled(output: Path, *sources: Path, flags: tuple[str, ...] = ()) -> Path:
    """A program, or with `-shared` among the flags a library, made of these sources; skips without a compiler."""
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    if compiler is None:
        pytest.skip("no C++ compiler is here (c++, or the one named in CXX)")
    words = [compiler, "-std=c++17", "-O1", "-fPIC", "-Wall", "-Wextra", "-Werror", f"-I{PLUGIN}", *flags]
    told = subprocess.run([*words, "-o", output, *sources], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    return output

"""Freed frames stay with the process: the second frame's memory need not be cleared again."""

import subprocess
import sys

import pytest

FRAMES = """
import resource, sys
import numpy as np
from faceplate.cli.memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

assert keep_freed_memory() or sys.exit("refused")
np.ones(25_000_000, np.float32)
before = faults()
np.ones(25_000_000, np.float32)
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the C library that can be told is Linux's")
def test_the_second_frame_takes_the_first_ones_memory():
    ran = subprocess.run([sys.executable, "-c", FRAMES], capture_output=True, text=True)
    if "refused" in ran.stderr:
        pytest.skip("this C library has no mallopt")
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) < 100  # 100 MB are 24,000 pages


@pytest.mark.parametrize(
    ("name", "ours", "theirs"), [("NUMPY_MADVISE_HUGEPAGE", "0", "1"), ("OPENBLAS_NUM_THREADS", "1", "3")]
)
def test_numpy_is_told_before_it_loads_and_what_the_user_says_stands(name, ours, theirs):
    ask = f"import faceplate.cli, os, sys; print(os.environ[{name!r}], 'numpy' in sys.modules)"
    for given, wanted in (({}, ours), ({name: theirs}, theirs)):
        told = subprocess.run(
            [sys.executable, "-c", ask], env={"PATH": "", **given}, capture_output=True, text=True
        )
        assert told.stdout.split() == [wanted, "False"], told.stderr

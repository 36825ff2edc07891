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


def test_what_the_user_says_of_huge_pages_stands():
    ask = "import faceplate.cli, os; print(os.environ['NUMPY_MADVISE_HUGEPAGE'])"
    told = subprocess.run(
        [sys.executable, "-c", ask],
        env={"NUMPY_MADVISE_HUGEPAGE": "1", "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip() == "1", told.stderr

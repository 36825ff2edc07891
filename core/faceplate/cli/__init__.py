"""The command `faceplate`: one file per subcommand."""

import os

# Read once, when numpy is loaded: huge pages for every new array cost more to clear than they save (see memory.py).
os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")

# The same way: numpy's matrix products are small here, and OpenBLAS's threads spin between them on cores that nets,
# reading and writing need. On one thread a sum has one order as well, on every machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

"""The command `faceplate`: one file per subcommand."""

import os

# Read once, when numpy is loaded: huge pages for every new array cost more to clear than they save (see memory.py).
os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")

"""`python -m faceplate.engine`: the engine in this process, as `faceplate engine start --foreground` runs it."""

import sys

from faceplate.cli.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["engine", "start", "--foreground", *sys.argv[1:]]))

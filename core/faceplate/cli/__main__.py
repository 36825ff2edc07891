"""`faceplate`: the command line's one way in and out.

Exit codes, after sysexits(3) and as render farms read them: 0 done; 64 the request is wrong; 65 an input or a model
is damaged or missing, or some frames failed (each named): trying again will not help; 70 a fault of ours; 73 and 74
the output cannot be made or written; 75 try again, for instance out of GPU memory; 77 no consent; 130 stopped by
Ctrl-C; 143 stopped by SIGTERM.

An error is one sentence on stderr; with --json also {"error": {"code", "sentence"}} on stdout. FACEPLATE_DEBUG=1
adds the traceback.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from faceplate import __version__
from faceplate.cli import analyse, doctor, engine, models, ofx, reconstruct, restore, shot, transfer
from faceplate.cli.complaint import complain
from faceplate.cli.options import Parser
from faceplate_client.errors import FaceplateError

CTRL_C = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after `faceplate`; those of this process when None.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser().parse_args(words)
        code = options.run(options)
        sys.stdout.flush()
        return code
    except FaceplateError as error:
        return _fail(words, error.code, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail(words, "cancelled", "Stopped before anything was rendered.", CTRL_C)
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not an error, and nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except MemoryError:
        return _fail(
            words, "engine.memory", "This machine ran out of memory. Close something and try again.", 75
        )
    except Exception as error:
        sentence = (
            f"Something went wrong that should not have: {type(error).__name__}: {error}. "
            "Run again with FACEPLATE_DEBUG=1 and report what it prints."
        )
        return _fail(words, "fault", sentence, 70)


def _fail(words: Sequence[str], code: str, sentence: str, exit_code: int) -> int:
    complain(code, sentence, as_json="--json" in words)
    return exit_code


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="faceplate", description="Faces in footage: found, restored, and nothing else touched."
    )
    parser.add_argument("--version", action="version", version=f"faceplate {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in (restore, analyse, shot, reconstruct, transfer, ofx, models, engine, doctor):
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())

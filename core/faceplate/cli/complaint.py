"""How the command says what went wrong: one sentence for people, JSON for machines."""

import json
import os
import sys
import traceback


def complain(code: str, sentence: str, *, as_json: bool) -> None:
    """Say an error.

    Args:
        code: the error's stable code.
        sentence: for the artist; goes to stderr.
        as_json: also print {"error": {"code", "sentence"}} to stdout.
    """
    if os.environ.get("FACEPLATE_DEBUG") and sys.exc_info()[0] is not None:
        traceback.print_exc()
    if as_json:
        print(json.dumps({"error": {"code": code, "sentence": sentence}}), flush=True)
    print(f"faceplate: {sentence}", file=sys.stderr, flush=True)

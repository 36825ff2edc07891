#!/usr/bin/env python3
"""Write the gizmos of Nuke from the table of operations: `python3 nuke_gizmos/generate.py`, or `build.py nuke`.

Every gizmo exists twice, with the same knobs: `gizmos/live` holds the OFX effect, `gizmos/bake` does not name it, since
Nuke refuses a whole script when a gizmo names a class that is not installed. `init.py` shows Nuke one of the folders.
Knobs that belong to an operation come from `faceplate_client/operations.json` and are written down nowhere else;
`faceplate_nuke/kinds.py` says which node shows which, and `gizmo_writer/` how a gizmo is written.
"""

import argparse
import json
import sys
from pathlib import Path

from faceplate_nuke.kinds import KINDS, parameters_of
from gizmo_writer import baking, steady_apply
from gizmo_writer.pages import WAYS

HERE = Path(__file__).resolve().parent
OPERATIONS = HERE.parent / "core" / "faceplate_client" / "operations.json"


def gizmos():
    """Every file below `gizmos/` and its text: {"live/FP_Restore.gizmo": text, ...}."""
    operations = json.loads(OPERATIONS.read_text(encoding="utf-8"))["operations"]
    made = {}
    for way in WAYS:
        for name, kind in KINDS.items():
            hint = kind.hint or operations[kind.shown[0][0]]["hint"]
            made[f"{way}/{name}"] = baking.gizmo(name, way, kind, parameters_of(kind, operations), hint)
        made[f"{way}/FP_SteadyApply"] = steady_apply.gizmo()
    return {f"{name}.gizmo": "\n".join(lines) + "\n" for name, lines in made.items()}


def main(words=None):
    parser = argparse.ArgumentParser(description="Write the gizmos from operations.json.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a gizmo is not up to date"
    )
    asked = parser.parse_args(words)
    stale = []
    for name, text in gizmos().items():
        path = HERE / "gizmos" / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not asked.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if asked.check and stale:
        print(f"not up to date: {', '.join(stale)}. Run python3 build.py nuke.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`faceplate transfer`: an expression of ours on another head's rig, for hosts and scripts."""

import argparse
import json
import sys
import threading
from pathlib import Path
from typing import Any

from faceplate.cli.complaint import complain
from faceplate.cli.options import add_policy
from faceplate.cli.stopping import run_stoppable
from faceplate_client.errors import Cancelled, RequestError

STOPPED = "Stopped. Nothing was written."


def add_parser(commands: Any) -> None:
    """Add `transfer`."""
    line = "put expressions of our head on another head's rig: weights of its keys, turns of its jaw and eyes"
    parser = commands.add_parser("transfer", help=line, description=f"{line[0].upper()}{line[1:]}.")
    parser.add_argument("rig", type=Path, metavar="RIG.npz", help="the rig, and the expressions to show")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="POSES.npz", help="what to write")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there")
    add_policy(parser)
    parser.add_argument("--json", action="store_true", help="the report, or the error, as JSON on stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.output.suffix.lower() != ".npz":
        raise RequestError(f"-o {options.output} should end in .npz")
    if options.output.exists() and not options.overwrite:
        raise RequestError(
            f"{options.output} is there already; use --overwrite to replace it", code="output.exists"
        )
    report = run_stoppable(
        lambda stop: _transfer(options, stop),
        tick=lambda: None,
        abandon=lambda: complain(Cancelled.code, STOPPED, as_json=options.json),
    )
    if options.json:
        print(json.dumps(report))
    elif not options.quiet:
        print(
            f"{options.output}: {report['frames']} poses of {report['keys']} keys, moves {report['off_mm']} mm off ours"
        )
    return 0


def _transfer(options: argparse.Namespace, stop: threading.Event) -> dict[str, Any]:
    import numpy as np

    from faceplate.reconstruct.correspondence import correspond
    from faceplate.reconstruct.gaze import eye_turns
    from faceplate.reconstruct.head_file import read_head
    from faceplate.reconstruct.rig_fit import fit_rig
    from faceplate.registry.catalogue import manifest_for, read_weights
    from faceplate.transfer_files import RigPoses, read_request, write_poses

    def told(words: str) -> None:
        if stop.is_set():
            raise Cancelled(STOPPED)
        if not options.quiet:
            print(f"faceplate: {words}", file=sys.stderr, flush=True)

    told("reading the rig")
    request = read_request(options.rig)
    head = read_head(read_weights(manifest_for("head.model", policy=options.policy), policy=options.policy))
    known = [name in head.expression_names for name in request.names]
    if not any(known):
        raise RequestError(
            f"None of the expressions in {options.rig} is one of ours. ARKit's names are expected, "
            f"{', '.join(head.expression_names[:5])} and so on."
        )
    told("finding our face on the rig")
    meeting = correspond(head, request.rig.head)
    face, shown = head.mask("face"), []
    turns: dict[str, list[np.ndarray]] = {"eye_left": [], "eye_right": []}
    places = [
        head.expression_names.index(name) for name, ours in zip(request.names, known, strict=True) if ours
    ]
    for number, row in enumerate(request.weights, 1):
        told(f"{number}/{len(request.weights)} frames")
        expression = np.zeros(len(head.expression_names), np.float32)
        expression[places] = row[np.array(known)]
        expression = head.with_correctives(expression)
        shown.append(fit_rig(head, request.rig, meeting, expression, face))
        for eye, turn in eye_turns(head, expression).items():
            turns[eye].append(meeting.turn @ turn)

    def rows(values: list[np.ndarray], width: int) -> np.ndarray:
        return np.array(values, np.float32).reshape(len(values), width)

    poses = RigPoses(
        weights=rows([pose.weights for pose in shown], len(request.rig.keys)),
        jaw=rows([pose.jaw for pose in shown], 3),
        eye_left=rows(turns["eye_left"], 3),
        eye_right=rows(turns["eye_right"], 3),
        off=np.array([pose.off for pose in shown], np.float32),
        trust=meeting.trust,
    )
    write_poses(options.output, poses)
    return {
        "output": str(options.output),
        "frames": len(shown),
        "keys": len(request.rig.keys),
        "off_mm": round(float(poses.off.mean()), 2) if shown else 0.0,
        "unknown": [name for name, ours in zip(request.names, known, strict=True) if not ours],
    }

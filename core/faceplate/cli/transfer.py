"""`faceplate transfer`: an expression of ours on another head's rig, or our shapes on a mesh, for hosts and scripts."""

import argparse
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceplate.cli.complaint import complain
from faceplate.cli.options import add_policy
from faceplate.cli.stopping import run_stoppable
from faceplate_client.errors import Cancelled, RequestError

if TYPE_CHECKING:
    from faceplate.reconstruct.morphable import HeadModel

STOPPED = "Stopped. Nothing was written."


def add_parser(commands: Any) -> None:
    """Add `transfer`."""
    line = "put expressions of our head on another head's rig, or give a mesh shape keys such as ours"
    parser = commands.add_parser("transfer", help=line, description=f"{line[0].upper()}{line[1:]}.")
    parser.add_argument("rig", type=Path, metavar="RIG.npz", help="the rig, and the expressions to show")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="POSES.npz", help="what to write")
    parser.add_argument(
        "--keys", action="store_true", help="RIG.npz is a mesh without keys: write keys for it, and no poses"
    )
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
    work = _carry if options.keys else _transfer
    report = run_stoppable(
        lambda stop: work(options, _Teller(stop, quiet=options.quiet)),
        tick=lambda: None,
        abandon=lambda: complain(Cancelled.code, STOPPED, as_json=options.json),
    )
    if options.json:
        print(json.dumps(report))
    elif not options.quiet:
        print(f"{options.output}: {_summary(report)}")
    return 0


def _summary(report: dict[str, Any]) -> str:
    if "frames" in report:
        return f"{report['frames']} poses of {report['keys']} keys, moves {report['off_mm']} mm off ours"
    told = f"{report['keys']} keys, ours was found on {report['met_percent']} % of the skin"
    return told if report["lids"] else f"{told}; no eye stands open, so blinks may not close"


class _Teller:
    """Says what is done on stderr; raises where the work was stopped."""

    def __init__(self, stop: threading.Event, *, quiet: bool) -> None:
        self._stop, self._quiet = stop, quiet

    def __call__(self, words: str) -> None:
        if self._stop.is_set():
            raise Cancelled(STOPPED)
        if not self._quiet:
            print(f"faceplate: {words}", file=sys.stderr, flush=True)


def _open_head(options: argparse.Namespace) -> "HeadModel":
    from faceplate.reconstruct.head_file import read_head
    from faceplate.registry.catalogue import manifest_for, read_weights

    return read_head(read_weights(manifest_for("head.model", policy=options.policy), policy=options.policy))


def _carry(options: argparse.Namespace, told: Callable[[str], None]) -> dict[str, Any]:
    """Our shapes on a mesh without any."""
    import numpy as np

    from faceplate.reconstruct.shape_transfer import carry_shapes
    from faceplate.transfer_files import read_mesh, write_keys

    told("reading the mesh")
    request = read_mesh(options.rig)
    head = _open_head(options)
    arkit = [
        name
        for name, role in zip(head.expression_names, head.expression_roles, strict=True)
        if role == "arkit"
    ]
    names = list(request.names) or arkit
    if request.moves is None:
        unknown = [name for name in names if name not in head.expression_names]
        if unknown:
            raise RequestError(
                f"{', '.join(unknown)} in {options.rig} is no expression of ours. ARKit's names are expected, "
                f"{', '.join(arkit[:5])} and so on."
            )
        moves = head.expressions[[head.expression_names.index(name) for name in names]]
    elif request.moves.shape[1] != len(head.mean):
        raise RequestError(
            f"The moves in {options.rig} are of {request.moves.shape[1]} vertices, and {head.id} has {len(head.mean)}; "
            "they should be those of a head that Faceplate made."
        )
    else:
        moves = request.moves
    done = iter(range(1, len(names) + 1))
    told("finding our face on the mesh")
    made = carry_shapes(
        head,
        request.head,
        moves,
        radii=request.radii,
        on_shape=lambda: told(f"{next(done)}/{len(names)} keys"),
    )
    write_keys(options.output, names, made)
    skin = np.unique(request.head.triangles)
    return {
        "output": str(options.output),
        "keys": len(names),
        "met_percent": round(100 * float((made.trust[skin] > 0).mean())),
        "lids": made.lids,
    }


def _transfer(options: argparse.Namespace, told: Callable[[str], None]) -> dict[str, Any]:
    """Expressions of ours as poses of a rig."""
    import numpy as np

    from faceplate.reconstruct.correspondence import correspond
    from faceplate.reconstruct.gaze import eye_turns
    from faceplate.reconstruct.rig_fit import fit_rig
    from faceplate.transfer_files import RigPoses, read_request, write_poses

    told("reading the rig")
    request = read_request(options.rig)
    head = _open_head(options)
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

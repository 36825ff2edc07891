"""`faceplate analyse`: a shot read once, so that each of its frames can be restored alone."""

import argparse
import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceplate.cli.complaint import complain
from faceplate.cli.memory import keep_freed_memory
from faceplate.cli.options import add_model_options
from faceplate.cli.progress import Progress
from faceplate.cli.stopping import run_stoppable
from faceplate.model_choice import ModelChoice
from faceplate_client.errors import Cancelled

if TYPE_CHECKING:
    from faceplate.farm.analysing import Analysed
    from faceplate.farm.report import FrameRecord

STOPPED = "Stopped. What was seen so far is kept; --resume goes on from here."


def add_parser(commands: Any) -> None:
    """Add `analyse`."""
    line = "find cuts, faces, flicker and grain of a shot, and keep them in a file"
    parser = commands.add_parser("analyse", help=line, description=f"{line[0].upper()}{line[1:]}.")
    parser.add_argument("input", metavar="INPUT", help="a picture, movie, plate.####.exr, or folder")
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="shot.json", help="the file to write"
    )
    parser.add_argument("--frames", metavar="1001-1100x1", help="only these frames")
    parser.add_argument("--skip-missing", action="store_true", help="go on over a gap in the sequence")
    parser.add_argument(
        "--colourspace", metavar="NAME", help="the input's colour space; default: what the file says"
    )
    parser.add_argument(
        "--smallest", default=16.0, metavar="8-4096", help="height of the lowest face, pixels"
    )
    parser.add_argument(
        "--no-identities",
        action="store_true",
        help="do not ask who a face is: nothing biometric is computed or kept, tracks follow motion alone",
    )
    parser.add_argument(
        "--no-landmarks",
        action="store_true",
        help="do not find 68 points and the head's turn on every face: faster, and a smaller file",
    )
    again = parser.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with an analysis that was stopped")
    again.add_argument("--overwrite", action="store_true", help="replace a shot file; its locked tracks stay")
    parser.add_argument(
        "--device", default="auto", metavar="auto|cpu|cuda|openvino", help="what the nets run on"
    )
    add_model_options(parser)
    parser.add_argument("--json", action="store_true", help="a summary, or the error, as JSON on stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    progress = Progress(quiet=options.quiet)

    def work(stop: threading.Event) -> "Analysed":
        from faceplate.farm.analysing import AnalyseOrder, analyse_footage

        def on_frame(record: "FrameRecord") -> None:
            failed = record.status == "failed"
            progress.frame_done(faces=len(record.faces), failed=failed, resumed=record.resumed)

        order = AnalyseOrder(
            input=options.input,
            output=options.output,
            frames=options.frames,
            skip_missing=options.skip_missing,
            colourspace=options.colourspace,
            smallest=options.smallest,
            identities=not options.no_identities,
            landmarks=not options.no_landmarks,
            resume=options.resume,
            overwrite=options.overwrite,
            device=options.device,
            models=ModelChoice(tuple(options.model), options.policy),
        )
        return analyse_footage(order, stop=stop, on_start=progress.expect, on_frame=on_frame)

    def abandon() -> None:
        complain(Cancelled.code, STOPPED, as_json=options.json)

    keep_freed_memory()
    done = run_stoppable(work, tick=progress.draw, abandon=abandon)
    progress.draw(last=True)
    _tell(done, options)
    return done.exit_code


def _tell(done: "Analysed", options: argparse.Namespace) -> None:
    shot = done.shot
    for sentence in done.warnings:
        print(f"faceplate: {sentence}", file=sys.stderr)
    failed = [record for record in done.records if record.status == "failed"]
    for record in failed:
        print(f"faceplate: frame {record.frame}: {(record.error or {}).get('sentence')}", file=sys.stderr)
    if options.json:
        summary = {
            "frames": len(shot.plates),
            "cuts": list(shot.cuts),
            "tracks": len(shot.tracks),
            "people": len({track.name for track in shot.tracks}),
            "grain": shot.grain is not None,
            "fields": shot.fields,
            "resumed": sum(record.resumed for record in done.records),
            "failures": [{"frame": record.frame, **(record.error or {})} for record in failed],
            "output": str(options.output),
        }
        print(json.dumps(summary))
    elif not options.quiet:
        print(
            f"{len(shot.plates)} frames: {len(shot.cuts)} cuts, {len(shot.tracks)} tracks of "
            f"{len({track.name for track in shot.tracks})} people. In {options.output}"
        )

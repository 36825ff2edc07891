"""`faceplate restore`: faces in footage restored, everything else untouched."""

import argparse
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceplate.cli.complaint import complain
from faceplate.cli.memory import keep_freed_memory
from faceplate.cli.options import add_model_options, add_parameters, given_values
from faceplate.cli.progress import Progress
from faceplate.cli.stopping import run_stoppable
from faceplate.model_choice import ModelChoice
from faceplate.parameters import operation
from faceplate_client.errors import Cancelled, RequestError

if TYPE_CHECKING:
    from faceplate.farm.chunk import ChunkReport
    from faceplate.farm.report import FrameRecord
    from faceplate.farm.shot_or_stills import Verdict

LAYERS = ("matte", "invented", "confidence", "repaired", "veiled", "forward", "backward", "stmap")


def add_parser(commands: Any) -> None:
    """Add `restore`: its files, the operation's parameters, and how to run."""
    restore = operation("restore")
    parser = commands.add_parser("restore", help="restore the faces in footage", description=restore.hint)
    files = parser.add_argument_group("files")
    files.add_argument(
        "input", metavar="INPUT", help="a picture, movie, plate.####.exr, plate.%%04d.exr, or folder"
    )
    files.add_argument(
        "-o", "--output", required=True, metavar="OUTPUT", help="a folder, a pattern, or a file name"
    )
    files.add_argument("--frames", metavar="1001-1100x1", help="only these frames")
    files.add_argument("--skip-missing", action="store_true", help="go on over a gap in the sequence")
    files.add_argument(
        "--colourspace", metavar="NAME", help="the input's colour space; default: what the file says"
    )
    files.add_argument(
        "--layers",
        type=_layers,
        default=(),
        metavar=",".join(LAYERS),
        help="mattes and motion layers to write as well",
    )
    files.add_argument("--report", type=Path, metavar="FILE.jsonl", help="write a JSON line a frame")
    again = files.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="render only what is not proven done")
    again.add_argument(
        "--overwrite", action="store_true", help="replace what is there, the input itself included"
    )
    add_parameters(parser, restore)
    add_parameters(parser, operation("veil"))
    add_parameters(parser, operation("film"))
    time = add_parameters(parser, operation("steady"))
    time.add_argument(
        "--as",
        dest="taken_as",
        default="auto",
        metavar="auto|shot|stills",
        help="what the input is: a shot, whose faces are held steady over the frames around each, or stills, restored "
        "one by one. auto: a movie is a shot, so are numbered pictures whose neighbours agree. Default: auto",
    )
    time.add_argument(
        "--shot",
        type=Path,
        metavar="shot.json",
        help="the shot's analysis, made if it is not there; faces are held steady, and --faces may name people",
    )
    running = parser.add_argument_group("running")
    running.add_argument(
        "--device", default="auto", metavar="auto|cpu|cuda|openvino", help="what the nets run on"
    )
    add_model_options(running)
    running.add_argument("--json", action="store_true", help="a summary, or the error, as JSON on stdout")
    running.add_argument("--quiet", action="store_true", help="no progress on stderr")
    parser.set_defaults(run=_run)


def _layers(words: str) -> tuple[str, ...]:
    chosen = [word.strip() for word in words.split(",") if word.strip()]
    for word in chosen:
        if word not in LAYERS:
            raise RequestError(f"layers should be some of {', '.join(LAYERS)}, got {word}")
    return tuple(name for name in LAYERS if name in chosen)


def _run(options: argparse.Namespace) -> int:
    order = {
        "input": options.input,
        "output": options.output,
        "frames": options.frames,
        "skip_missing": options.skip_missing,
        "colourspace": options.colourspace,
        "layers": options.layers,
        "report": options.report,
        "resume": options.resume,
        "overwrite": options.overwrite,
        "device": options.device,
        "models": ModelChoice(tuple(options.model), options.policy),
        "values": given_values(options, operation("restore")),
        "anonymise": bool(options.anonymise_others),
        "shot": options.shot,
        "steady": given_values(options, operation("steady")),
        "film": given_values(options, operation("film")),
        "taken_as": options.taken_as,
    }
    keep_freed_memory()
    progress = Progress(quiet=options.quiet)

    told: list[str] = []

    def on_verdict(verdict: "Verdict") -> None:
        options.taken_as = "shot" if verdict.shot else "stills"
        if verdict.sentence and not (options.quiet or options.json):
            # A shot is looked through first, so that there is something to wait for; stills are as they always were.
            (progress.warn if verdict.shot else told.append)(verdict.sentence)

    done = _restore(order, progress, on_verdict, as_json=options.json)
    progress.draw(last=True)
    _tell(done, options)
    for sentence in told:
        print(f"{sentence}.")
    return done.exit_code


def _restore(
    words: dict[str, Any], progress: Progress, on_verdict: Callable[["Verdict"], None], *, as_json: bool
) -> "ChunkReport":
    """Run the order in a thread that a signal can stop; the heavy imports happen there as well."""

    def work(stop: threading.Event) -> "ChunkReport":
        from faceplate.farm.order import RestoreOrder, restore_footage

        def on_frame(record: "FrameRecord") -> None:
            failed = record.status == "failed"
            progress.frame_done(faces=len(record.faces), failed=failed, resumed=record.resumed)

        def on_look(record: "FrameRecord") -> None:
            progress.frame_done(faces=0, resumed=record.resumed)

        return restore_footage(
            RestoreOrder(**words),
            stop=stop,
            on_start=progress.expect,
            on_frame=on_frame,
            on_look=on_look,
            on_warning=progress.warn,
            on_verdict=on_verdict,
        )

    def abandon() -> None:
        from faceplate.farm.chunk import STOPPED
        from faceplate.farm.order import RestoreOrder, remove_temporaries

        remove_temporaries(RestoreOrder(**words))
        complain(Cancelled.code, STOPPED, as_json=as_json)

    return run_stoppable(work, tick=progress.draw, abandon=abandon)


def _tell(done: "ChunkReport", options: argparse.Namespace) -> None:
    """Name the frames that failed, and sum the rest up."""
    for record in done.failed:
        print(f"faceplate: frame {record.frame}: {(record.error or {}).get('sentence')}", file=sys.stderr)
    if options.json:
        print(json.dumps(_summary(done, options)))
    elif not options.quiet:
        print(_sentence(done, options.output))


def _summary(done: "ChunkReport", options: argparse.Namespace) -> dict[str, Any]:
    from faceplate.runtime.pool import seconds_in_nets

    return {
        "frames": len(done.records),
        **{status: done.count(status) for status in ("restored", "no_face", "untouched", "failed")},
        "resumed": sum(record.resumed for record in done.records),
        "faces": done.faces,
        "taken_as": options.taken_as,
        "seconds": round(done.seconds, 3),
        "seconds_in_nets": round(seconds_in_nets(), 3),
        "output": options.output,
        "report": str(options.report) if options.report else None,
        "failures": [{"frame": record.frame, **(record.error or {})} for record in done.failed],
    }


def _sentence(done: "ChunkReport", output: str) -> str:
    frames = len(done.records)
    parts = [f"{done.count('restored')} with restored faces"]
    for status, words in (("no_face", "without a face"), ("untouched", "left alone"), ("failed", "failed")):
        if done.count(status):
            parts.append(f"{done.count(status)} {words}")
    resumed = sum(record.resumed for record in done.records)
    if resumed:
        parts.append(f"{resumed} done before")
    rendered = frames - resumed
    speed = f", {done.seconds / rendered:.2f} s a frame" if rendered else ""
    return f"{frames} frame{'' if frames == 1 else 's'}: {', '.join(parts)}; {done.faces} faces{speed}. In {output}"

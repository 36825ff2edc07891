"""`faceplate ofx`: third-party OpenFX effects, listed, and rendered with on footage, each in a process of its own."""

import argparse
import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceplate.cli.complaint import complain
from faceplate.cli.progress import Progress
from faceplate.cli.stopping import run_stoppable
from faceplate_client.errors import Cancelled, FaceplateError, RequestError

if TYPE_CHECKING:
    from faceplate.farm.chunk import ChunkReport
    from faceplate.farm.report import FrameRecord

_CONTEXTS = {"filter": "Filter", "general": "General"}


def add_parser(commands: Any) -> None:
    """Add `ofx list` and `ofx render`."""
    parser = commands.add_parser("ofx", help="list OpenFX effects, and render footage with them")
    verbs = parser.add_subparsers(metavar="list|render", required=True)
    _add_list(verbs)
    _add_render(verbs)


def _add_list(verbs: Any) -> None:
    line = "the effects in bundles, or in all that OFX_PLUGIN_PATH and the system have"
    listing = verbs.add_parser("list", help=line, description=f"{line[0].upper()}{line[1:]}.")
    listing.add_argument("bundles", nargs="*", metavar="BUNDLE", help="an .ofx.bundle, or a folder to search")
    _add_profile(listing)
    listing.add_argument("--json", action="store_true", help="all that is known, as JSON on stdout")
    listing.set_defaults(run=_list)


def _add_render(verbs: Any) -> None:
    render = verbs.add_parser(
        "render",
        help="footage through an effect",
        description="Render footage through an OpenFX effect, into pictures.",
    )
    render.add_argument("bundle", metavar="BUNDLE", help="an .ofx.bundle")
    render.add_argument("effect", metavar="EFFECT", help="its identifier, or the last part of it")
    render.add_argument("input", metavar="INPUT", help="as for faceplate restore")
    render.add_argument(
        "-o", "--output", required=True, metavar="OUTPUT", help="a folder, pattern or file name"
    )
    render.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter's value"
    )
    render.add_argument("--frames", metavar="1001-1100x1", help="only these frames")
    render.add_argument("--skip-missing", action="store_true", help="go on over a gap in the sequence")
    render.add_argument("--overwrite", action="store_true", help="replace what is there")
    render.add_argument("--context", choices=sorted(_CONTEXTS), help="which of its contexts; default: filter")
    render.add_argument("--colourspace", metavar="NAME", help="the input's, for output of another format")
    render.add_argument("--report", type=Path, metavar="FILE.jsonl", help="write a JSON line a frame")
    _add_profile(render)
    render.add_argument("--json", action="store_true", help="a summary, or the error, as JSON on stdout")
    render.add_argument("--quiet", action="store_true", help="no progress on stderr")
    render.set_defaults(run=_render)


def _add_profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile", default="full", metavar="NAME", help="the host to be: full, nuke, resolve ..."
    )


def _list(options: argparse.Namespace) -> int:
    """Every bundle is asked in a process of its own; one that cannot be used does not hide the others."""
    from faceplate.ofx_host.bundles import SUFFIX, find_bundles, search_folders
    from faceplate.ofx_host.native import native
    from faceplate.ofx_host.profiles import profile_named

    native()  # where the host is not built, that is said once and not for every bundle
    profile_named(options.profile)
    named = [Path(word) for word in options.bundles]
    folders = [path for path in named if path.is_dir() and not path.name.endswith(SUFFIX)]
    bundles = [path for path in named if path not in folders]
    bundles += find_bundles(folders if named else None)
    found = [_described(bundle, options.profile) for bundle in bundles]
    if options.json:
        searched = folders if named else search_folders()
        print(json.dumps({"folders": list(map(str, searched)), "bundles": found}, indent=2))
    else:
        _print_bundles(found, [] if named else search_folders())
    failed = any("error" in bundle for bundle in found)
    return 65 if failed and named else 0


def _described(bundle: Path, profile: str) -> dict[str, Any]:
    from faceplate.farm.effect_order import describe_bundle

    try:
        return {"bundle": str(bundle), "effects": describe_bundle(str(bundle), profile)}
    except FaceplateError as error:
        return {"bundle": str(bundle), "error": {"code": error.code, "sentence": str(error)}}


def _print_bundles(found: list[dict[str, Any]], searched: list[Path]) -> None:
    for bundle in found:
        if "error" in bundle:
            print(f"faceplate: {bundle['error']['sentence']}", file=sys.stderr)
        for effect in bundle.get("effects", ()):
            version = ".".join(map(str, effect["version"]))
            if "error" in effect:
                print(f"faceplate: {effect['error']}", file=sys.stderr)
            else:
                uses = f"{'/'.join(effect['contexts']) or 'no context'}, {'/'.join(effect['depths']) or 'no depth'}"
                print(f"{effect['identifier']:40} {version:6} {effect['group']}/{effect['label']} ({uses})")
                print(f"    {', '.join(effect['parameters'])}")
        print(f"in {bundle['bundle']}")
    for folder in searched:
        print(f"searched {folder}")
    if not found:
        print("No bundle was found. Name one, or point OFX_PLUGIN_PATH at the folder they are in.")


def _render(options: argparse.Namespace) -> int:
    words = {
        "bundle": options.bundle,
        "effect": options.effect,
        "input": options.input,
        "output": options.output,
        "frames": options.frames,
        "skip_missing": options.skip_missing,
        "overwrite": options.overwrite,
        "profile": options.profile,
        "context": _CONTEXTS.get(options.context or ""),
        "colourspace": options.colourspace,
        "values": _values(options.set),
    }
    progress = Progress(quiet=options.quiet)
    done = _run(words, options, progress)
    progress.draw(last=True)
    for record in done.failed:
        print(f"faceplate: frame {record.frame}: {(record.error or {}).get('sentence')}", file=sys.stderr)
    if options.json:
        print(json.dumps(_summary(done, options)))
    elif not options.quiet:
        made = len(done.records) - len(done.failed)
        print(f"{made} of {len(done.records)} frames rendered, {done.seconds:.1f} s. In {options.output}")
    return done.exit_code


def _values(words: list[str]) -> dict[str, str]:
    found = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise RequestError(f"--set should be NAME=VALUE, got {word}", code="request.usage")
        found[name] = value
    return found


def _run(words: dict[str, Any], options: argparse.Namespace, progress: Progress) -> "ChunkReport":
    def work(stop: threading.Event) -> "ChunkReport":
        from faceplate.farm.effect_order import render_with_effect
        from faceplate.farm.effect_work import EffectOrder
        from faceplate.farm.report import Report
        from faceplate.ofx_host.profiles import profile_named

        profile_named(options.profile)
        report = Report(options.report) if options.report else None

        def on_frame(record: "FrameRecord") -> None:
            if report is not None:
                report.add(record)
            progress.frame_done(faces=0, failed=record.status == "failed")

        try:
            return render_with_effect(
                EffectOrder(**words), stop=stop, on_start=progress.expect, on_frame=on_frame
            )
        finally:
            if report is not None:
                report.close()

    def abandon() -> None:
        from faceplate.farm.chunk import STOPPED

        # The child hears that we are gone, ends, and removes its own temporaries.
        complain(Cancelled.code, STOPPED, as_json=options.json)

    return run_stoppable(work, tick=progress.draw, abandon=abandon)


def _summary(done: "ChunkReport", options: argparse.Namespace) -> dict[str, Any]:
    return {
        "frames": len(done.records),
        "rendered": len(done.records) - len(done.failed),
        "failed": len(done.failed),
        "seconds": round(done.seconds, 3),
        "output": options.output,
        "report": str(options.report) if options.report else None,
        "failures": [{"frame": record.frame, **(record.error or {})} for record in done.failed],
    }

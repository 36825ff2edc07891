"""`faceplate reconstruct`: photos of one person, or a clip, made into a rigged, textured head."""

import argparse
import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceplate.cli.complaint import complain
from faceplate.cli.memory import keep_freed_memory
from faceplate.cli.options import add_model_options, add_parameters, given_values
from faceplate.cli.reconstruct_clip import STAGES, is_clip, reconstruct_clip
from faceplate.cli.stopping import run_stoppable
from faceplate.model_choice import ModelChoice
from faceplate.parameters import operation
from faceplate_client.errors import Cancelled, RequestError

if TYPE_CHECKING:
    from faceplate.reconstruct.albedo import Albedo
    from faceplate.reconstruct.morphable import HeadModel
    from faceplate.reconstruct.pipeline import Reconstructed, Still

STOPPED = "Stopped. Nothing was written."

SHORTEST_LENS = 8.0
"""Full-frame focal length, mm, below which a photo is taken for a fisheye's."""

_STAGES = {
    "read": "reading the photos",
    "fit": "fitting the head",
    "bake": "baking the texture",
    "write": "writing",
}


def add_parser(commands: Any) -> None:
    """Add `reconstruct`."""
    reconstruct = operation("reconstruct")
    line = "make a head with texture, shape keys and armature from photos of one person, or a clip"
    parser = commands.add_parser("reconstruct", help=line, description=reconstruct.hint)
    parser.add_argument(
        "photos",
        nargs="+",
        type=Path,
        metavar="PHOTO",
        help="a picture; several of one person; or one clip: a movie, plate.####.exr, a folder",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=Path,
        metavar="head.glb",
        help="the file to write: .glb, .usdc, .usda, .usdz, .obj or .npz",
    )
    parser.add_argument("--frames", metavar="1001-1100x1", help="only these frames of the clip")
    parser.add_argument("--skip-missing", action="store_true", help="go on over a gap in the clip")
    parser.add_argument(
        "--flame", default="", metavar="ID", help="write coefficients of your own FLAME beside the head, too"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fit the head to points alone and leave the photos' colours aside",
    )
    parser.add_argument(
        "--points",
        action="append",
        type=Path,
        metavar="FILE",
        help="the 68 points of a photo (.pts, .json), once for each photo in their order; no net then looks for them",
    )
    parser.add_argument(
        "--colourspace", metavar="NAME", help="the photos' colour space; default: what the files say"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a head that is there")
    parser.add_argument(
        "--device", default="auto", metavar="auto|cpu|cuda|openvino", help="what the nets run on"
    )
    add_parameters(parser, reconstruct)
    add_model_options(parser)
    parser.add_argument("--json", action="store_true", help="the report, or the error, as JSON on stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    moves = is_clip(options)
    values = _checked(options)
    stages = _Stages(STAGES if moves else _STAGES, quiet=options.quiet)
    reconstruct = _from_clip if moves else _reconstruct

    def abandon() -> None:
        complain(Cancelled.code, STOPPED, as_json=options.json)

    keep_freed_memory()
    report = run_stoppable(
        lambda stop: reconstruct(options, values, stages.stoppable(stop)), tick=lambda: None, abandon=abandon
    )
    report |= {"texture": values["texture"], "udim": values["udim"], "seconds": stages.seconds()}
    _tell(report, options)
    return 0


def _checked(options: argparse.Namespace) -> dict[str, Any]:
    """The operation's parameters; what can be refused without reading a photo is refused here."""
    from faceplate.flame_output import coefficients_path
    from faceplate.head_output import outputs_for
    from faceplate.reconstruct.texture import SIZES

    reconstruct = operation("reconstruct")
    values = reconstruct.checked(given_values(options, reconstruct))
    low, high = SIZES
    if 0 < values["texture"] < low:
        raise RequestError(
            f"texture should be 0 or {low}-{high} texels, got {values['texture']}", code="params.range"
        )
    if 0 < values["lens"] < SHORTEST_LENS:
        raise RequestError(
            f"lens should be 0 or {SHORTEST_LENS:g}-1200 mm, got {values['lens']:g}", code="params.range"
        )
    if options.points and len(options.points) != len(options.photos):
        raise RequestError(
            f"--points was given {len(options.points)} times for {len(options.photos)} photos; give it once for each"
        )
    beside = [coefficients_path(options.output)] if options.flame else []
    made = outputs_for(options.output, textured=values["texture"] > 0, udim=values["udim"])
    for path in made + beside:
        if path.exists() and not options.overwrite:
            raise RequestError(
                f"{path} is there already; use --overwrite to replace it", code="output.exists"
            )
        if path.resolve() in {photo.resolve() for photo in options.photos}:
            raise RequestError(f"{path} is one of the photos; choose another -o", code="output.is_input")
    return values


class _Stages:
    """Which part of the work is under way, said on stderr and timed."""

    def __init__(self, words: Mapping[str, str], *, quiet: bool) -> None:
        self._words, self._quiet, self._begun = words, quiet, []

    def stoppable(self, stop: threading.Event) -> "_Stages":
        self._stop = stop
        return self

    def expect_going(self) -> None:
        """Raise where the work was stopped."""
        if self._stop.is_set():
            raise Cancelled(STOPPED)

    def __call__(self, name: str) -> None:
        self.expect_going()
        self._begun.append((name, time.monotonic()))
        if not self._quiet:
            print(
                f"faceplate: {len(self._begun)}/{len(self._words)} {self._words[name]}",
                file=sys.stderr,
                flush=True,
            )

    def seconds(self) -> dict[str, float]:
        ends = [start for _, start in self._begun[1:]] + [time.monotonic()]
        return {name: round(end - start, 3) for (name, start), end in zip(self._begun, ends, strict=True)}


def _reconstruct(options: argparse.Namespace, values: dict[str, Any], stages: _Stages) -> dict[str, Any]:
    from faceplate.flame_output import open_flame, write_flame
    from faceplate.head_output import Pictures, write_reconstructed
    from faceplate.portraits import expect_one_person, open_portrait_nets, read_portrait
    from faceplate.reconstruct.head_file import read_head
    from faceplate.reconstruct.pipeline import UNKNOWN_LENS, ReconstructParams, reconstruct_stills
    from faceplate.registry.catalogue import manifest_for, read_weights

    stages("read")
    flame = open_flame(options.flame, policy=options.policy) if options.flame else None
    several = len(options.photos) > 1
    nets = open_portrait_nets(
        options.device,
        ModelChoice(tuple(options.model), options.policy),
        find=not options.points,
        compare=several and not values["force"],
    )
    head = read_head(read_weights(manifest_for("head.model", policy=options.policy), policy=options.policy))
    files = options.points or [None] * len(options.photos)
    portraits = [
        read_portrait(
            photo,
            nets,
            head,
            points=points,
            face=values["face"] or None,
            lens=values["lens"] or None,
            colourspace=options.colourspace,
        )
        for photo, points in zip(options.photos, files, strict=True)
    ]
    expect_one_person(portraits)
    # one factor is fitted for all cameras, so a lens that is known for one photo alone is a guess as well
    known = all(portrait.lens is not None for portrait in portraits)
    spread = 0.0 if known else UNKNOWN_LENS
    params = ReconstructParams(values["texture"], spread, _albedo_of(head, options))
    stills, tiles = [portrait.still for portrait in portraits], Pictures() if values["udim"] else None
    made = reconstruct_stills(head, stills, params, on_stage=stages, on_tile=tiles.add if tiles else None)
    stages("write")
    write_reconstructed(options.output, head, made, stills, tiles=tiles)
    seen = [(portrait.still, portrait.height) for portrait in portraits]
    notes = [note for portrait in portraits for note in portrait.notes]
    report = _report(options, head, seen, made, notes)
    if flame is not None:
        report["flame"] = write_flame(options.output, head, flame, made)
    return report


def _from_clip(options: argparse.Namespace, values: dict[str, Any], stages: _Stages) -> dict[str, Any]:
    told, clip, made, head = reconstruct_clip(
        options, values, stages, stages.expect_going, lambda head: _albedo_of(head, options)
    )
    seen = [(still, clip.height) for still in clip.stills]
    return _report(options, head, seen, made, list(clip.notes)) | told


def _albedo_of(head: "HeadModel", options: argparse.Namespace) -> "Albedo | None":
    """How skin is coloured on this head; without a model of that the head is fitted to points alone."""
    from faceplate.reconstruct.albedo import read_albedo
    from faceplate.registry.catalogue import has_model, manifest_for, read_weights

    if options.quick or not has_model("head.albedo", policy=options.policy):
        return None
    manifest = manifest_for("head.albedo", policy=options.policy)
    return read_albedo(read_weights(manifest, policy=options.policy), head)


def _report(
    options: argparse.Namespace,
    head: "HeadModel",
    seen: list[tuple["Still", float]],
    made: "Reconstructed",
    notes: list[str],
) -> dict[str, Any]:
    """`seen`: each photo and the height of the face in it, pixels."""
    import numpy as np

    from faceplate.reconstruct.camera import FULL_FRAME_WIDTH
    from faceplate.reconstruct.pipeline import yaw_of

    fit, photos = made.fit, []
    for k, (still, height) in enumerate(seen):
        strong = {
            name: round(float(weight), 3)
            for name, weight in zip(head.expression_names, fit.expressions[k], strict=True)
            if weight > 0.005
        }
        photos.append(
            {
                "path": still.name,
                "points_error_px": round(fit.off[k], 2),
                "points_error_percent": round(100 * fit.off[k] / still.eyes_apart, 2),
                "face_height_px": round(height, 1),
                "yaw_degrees": round(float(np.degrees(yaw_of(fit.poses[k]))), 1),
                "lens_mm": round(fit.cameras[k].focal / max(still.pixels.shape[:2]) * FULL_FRAME_WIDTH, 1),
                "expressions": strong,
            }
        )
    face = head.mask("face") > 0.5 if "face" in head.mask_names else np.ones(len(head.mean), bool)
    return {
        "output": str(options.output),
        "head": head.id,
        "vertices": len(head.mean),
        "photos": photos,
        "rounds": len(fit.rounds) - 1,
        "refined": [
            {
                "blur_mm": one.level,
                "steps": one.steps,
                "cost_before": {term: round(cost, 1) for term, cost in one.before.items()},
                "cost_after": {term: round(cost, 1) for term, cost in one.after.items()},
            }
            for one in (made.refined.rounds if made.refined else [])
        ],
        "spread_mm": round(float(np.median(made.spread[face])), 2),
        "notes": notes,
    }


def _tell(report: dict[str, Any], options: argparse.Namespace) -> None:
    if options.json:
        print(json.dumps(report))
        return
    for note in report["notes"]:
        print(f"faceplate: {note}", file=sys.stderr)
    if "clip" in report and report["clip"]["lost"]:
        from faceplate.io.naming import spell

        lost = report["clip"]["lost"]
        which = (
            f"frame {lost[0]} and has no key there"
            if len(lost) == 1
            else f"frames {spell(lost)} and has no keys there"
        )
        print(f"faceplate: the face was not seen on {which}", file=sys.stderr)
    if not options.quiet:
        for photo in report["photos"]:
            print(
                f"{photo['path']}: points met to {photo['points_error_px']} px, "
                f"{photo['points_error_percent']} % of the distance between the eyes"
            )
        if "clip" in report:
            clip = report["clip"]
            print(
                f"{clip['path']}: {clip['frames'] - len(clip['lost'])} of {clip['frames']} frames fitted, points met "
                f"to {clip['points_error_px']} px in the middle and {clip['points_error_px_worst']} px at worst"
            )
        print(
            f"{report['output']}: the face's shape is uncertain by {report['spread_mm']} mm (one standard deviation, "
            "size and all, as far as the photos tell)"
        )
        if "flame" in report:
            flame = report["flame"]
            print(
                f"{flame['output']}: coefficients of {flame['model']}, its neutral surface {flame['shape_off_mm']} mm "
                "off ours in the face"
            )

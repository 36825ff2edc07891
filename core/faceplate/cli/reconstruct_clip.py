"""`faceplate reconstruct CLIP`: a head from a few frames of a clip, and what it does on all of them."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceplate.cli.progress import LOG_EVERY
from faceplate.model_choice import ModelChoice
from faceplate_client.errors import RequestError

if TYPE_CHECKING:
    from faceplate.clips import Clip
    from faceplate.reconstruct.albedo import Albedo
    from faceplate.reconstruct.morphable import HeadModel
    from faceplate.reconstruct.performance import Performance
    from faceplate.reconstruct.pipeline import Reconstructed

STAGES = {
    "read": "looking through the clip",
    "fit": "fitting the head",
    "bake": "baking the texture",
    "follow": "fitting every frame",
    "write": "writing",
}


def is_clip(options: argparse.Namespace) -> bool:
    """Whether what was named is a clip: a movie, a pattern, a folder, or anything of which frames are chosen.

    Raises:
        RequestError: a clip among photos; frames of several photos; what a clip cannot have.
    """
    from faceplate.io.movie import is_movie
    from faceplate.io.naming import has_mark

    def moves(path: Path) -> bool:
        return path.is_dir() or is_movie(path) or (has_mark(path.name) and not path.exists())

    clips = [path for path in options.photos if moves(path)]
    if len(options.photos) > 1 and (clips or options.frames):
        named = f"{clips[0]} is a clip" if clips else "--frames chooses frames of a clip"
        raise RequestError(f"{named}, and a head is made of one clip or of photos; name the clip alone")
    if not clips and not options.frames:
        return False
    if options.points:
        raise RequestError("--points are of photos; a net finds those of a clip, so leave --points out")
    if options.output.suffix.lower() == ".obj":
        raise RequestError(
            f"{options.output} can hold no movement; write .glb, .usdc, .usdz or .npz from a clip"
        )
    return True


def reconstruct_clip(
    options: argparse.Namespace,
    values: dict[str, Any],
    stages: Callable[[str], object],
    expect_going: Callable[[], object],
    albedo_of: Callable[["HeadModel"], "Albedo | None"],
) -> tuple[dict[str, Any], "Clip", "Reconstructed", "HeadModel"]:
    """Make the head, fit every frame and write all of it.

    Args:
        options, values: the command's words, checked. stages: told what begins.
        expect_going: asked at every frame; raises where the work was stopped.
        albedo_of: how skin is coloured on a head.

    Returns:
        The report's parts about the clip and FLAME, the clip, the head, its model.

    Raises:
        as `clips.read_clip`, `reconstruct_stills` and `follow_performance`.
    """
    from faceplate.clips import focal_of, read_clip
    from faceplate.flame_output import open_flame, write_flame
    from faceplate.head_output import Pictures, write_reconstructed
    from faceplate.io.sequence import open_input
    from faceplate.portraits import open_portrait_nets
    from faceplate.reconstruct.head_file import read_head
    from faceplate.reconstruct.performance import follow_performance
    from faceplate.reconstruct.pipeline import UNKNOWN_LENS, ReconstructParams, reconstruct_stills
    from faceplate.registry.catalogue import manifest_for, read_weights

    stages("read")
    flame = open_flame(options.flame, policy=options.policy) if options.flame else None
    footage = open_input(options.photos[0], frames=options.frames, skip_missing=options.skip_missing)
    if footage.kind == "stills" and len(footage) > 1:
        raise RequestError(f"{footage.words} holds pictures that are no sequence; name the photos one by one")
    choice = ModelChoice(tuple(options.model), options.policy)
    nets = open_portrait_nets(options.device, choice, find=True, compare=True, rank=True)
    head = read_head(read_weights(manifest_for("head.model", policy=options.policy), policy=options.policy))
    looking = _Counter("frames looked at", 2 * len(footage), expect_going, quiet=options.quiet)
    clip = read_clip(
        footage,
        nets,
        head,
        face=values["face"] or None,
        lens=values["lens"] or None,
        colourspace=options.colourspace,
        on_frame=looking.one,
    )
    spread = UNKNOWN_LENS if clip.lens is None else 0.0
    params = ReconstructParams(values["texture"], spread, albedo_of(head), same_lens=True)
    tiles = Pictures() if values["udim"] else None
    made = reconstruct_stills(
        head, clip.stills, params, on_stage=stages, on_tile=tiles.add if tiles else None
    )
    stages("follow")
    # the fit moved the lens of all photos by one factor
    factor = made.fit.cameras[0].focal / clip.stills[0].camera.focal
    fitting = _Counter("frames fitted", len(clip.faces), expect_going, quiet=options.quiet)
    performance = follow_performance(
        head,
        made.fit.identity,
        clip.faces,
        clip.frames,
        clip.rate,
        clip.camera(focal_of(clip) * factor),
        on_frame=fitting.one,
    )
    stages("write")
    write_reconstructed(options.output, head, made, clip.stills, performance, tiles)
    told = {"clip": _told(clip, performance)}
    if flame is not None:
        frames = int(performance.found.sum())
        turning = _Counter("frames put on FLAME", frames, expect_going, quiet=options.quiet)
        told["flame"] = write_flame(options.output, head, flame, made, performance, on_frame=turning.one)
    return told, clip, made, head


def _told(clip: "Clip", performance: "Performance") -> dict[str, Any]:
    import numpy as np

    off = performance.off[performance.found]
    return {
        "path": clip.words,
        "frames": len(performance.frames),
        "first": int(performance.frames[0]),
        "last": int(performance.frames[-1]),
        "rate": float(performance.rate),
        "chosen": list(clip.chosen),
        "lost": performance.lost,
        "points_error_px": round(float(np.median(off)), 2),
        "points_error_px_worst": round(float(off.max()), 2),
    }


class _Counter:
    """Frames of a stage, said on stderr every ten seconds, as a farm's log wants them."""

    def __init__(self, words: str, total: int, expect_going: Callable[[], object], *, quiet: bool) -> None:
        self._words, self._total, self._going, self._quiet = words, total, expect_going, quiet
        self._done, self._said = 0, time.monotonic()

    def one(self) -> None:
        """Count one; raises where the work was stopped."""
        self._going()
        self._done += 1
        if not self._quiet and time.monotonic() - self._said >= LOG_EVERY:
            self._said = time.monotonic()
            print(f"faceplate: {self._done}/{self._total} {self._words}", file=sys.stderr, flush=True)

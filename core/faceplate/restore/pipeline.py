"""The main job: every face on a plate restored, everything else untouched."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite
from time import perf_counter

import numpy as np

from faceplate.arrays import Image, Matte
from faceplate.errors import RangeError
from faceplate.faces import Face, template_points
from faceplate.plate import Plate
from faceplate.restore.face import restore_crop, return_grain, sharpen
from faceplate.restore.likeness import identity, identity_on, similarity
from faceplate.runtime.net import Net, fixed_side
from faceplate.stages.align import (
    Crop,
    align_face,
    choose_side,
    meets_plate,
    points_in_crop,
    sample_scene,
    template_square,
)
from faceplate.stages.composite import Patch, composite
from faceplate.stages.enlarge import SCALES, enlarge
from faceplate.stages.evidence import invented_detail, keep_supported
from faceplate.stages.matte import clear_of_occluders, face_matte, mean_inside
from faceplate.stages.parse import parse_crop
from faceplate.stages.quality import face_quality
from faceplate.stages.tone import expose, match_tone

SMALLEST_SQUARE = 20.0
"""Template squares narrower than this, in plate pixels, hold no face to restore: some 10 pixels from ear to ear."""

SURE_SQUARE = 200.0
"""Template squares this wide show a face well enough to restore it with full confidence."""

EXPOSURE_SIDE = 64
"""Side of the small crop that a face's exposure is measured on."""

ENLARGERS = ("net", "lanczos")
"""How a plate is made larger around its faces: by Lanczos, or by a net on top of it where there is one."""

THIN_EVIDENCE = 0.4
"""Share of invented detail above which a report warns that the face is more the net's than the plate's."""

LEAST_QUALITY = 0.6
"""Quality below which it warns that the plate hardly shows who this is: there our embedder begins to miss people."""


@dataclass(frozen=True)
class RestoreParams:
    """What an artist may set.

    `strength` 0-1: how much of the restoration is mixed in; 0 gives the plate back bit for bit. `fidelity` 0-1: how
    strictly detail must be supported by the plate. `sharpen` 0-1: lifts fine detail without halos. `grain` 0-1: gives
    back the plate's own grain. `scale` 1, 2 or 4: size of the output. `enlarge`: "net" or "lanczos", how the plate
    around faces gets there. `mirror`: average with the mirrored face.

    Raises:
        RangeError: a value outside its range.
    """

    strength: float = 1.0
    fidelity: float = 0.0
    sharpen: float = 0.0
    grain: float = 0.0
    scale: int = 1
    enlarge: str = "net"
    mirror: bool = False

    @property
    def wants_upscale(self) -> bool:
        """Whether an enlarging net has anything to do."""
        return self.scale > 1 and self.enlarge == "net"

    def __post_init__(self) -> None:
        for name in ("strength", "fidelity", "sharpen", "grain"):
            value = getattr(self, name)
            if not (isfinite(value) and 0.0 <= value <= 1.0):
                raise RangeError(f"{name} should be 0-1, got {value}")
        if self.scale not in SCALES:
            raise RangeError(f"scale should be one of {', '.join(map(str, SCALES))}, got {self.scale}")
        if self.enlarge not in ENLARGERS:
            raise RangeError(f"enlarge should be one of {', '.join(ENLARGERS)}, got {self.enlarge}")


@dataclass(frozen=True)
class RestoreNets:
    """The nets that restoring runs: `restore` (1, 3, S, S) -> the same; `identity` (1, 3, 112, 112) -> (1, N);
    `quality` (1, 3, 112, 112) -> (1, 1), see `stages.quality`; `upscale` (1, 3, H, W) -> (1, 3, 2 H, 2 W), see
    `stages.enlarge`; `parse` (B, 3, 256, 256) -> (B, 11, 128, 128), see `stages.parse`: without it whatever lies before
    a face is taken for the face. All but the first are optional.
    """

    restore: Net
    identity: Net | None = None
    quality: Net | None = None
    upscale: Net | None = None
    parse: Net | None = None


@dataclass(frozen=True)
class FaceReport:
    """What became of one face.

    `box`, `points`, `score`: as detected, in plate coordinates. `status`:
        "restored"       done;
        "thin_evidence"  done, but the plate shows less than LEAST_QUALITY of who it is, or more than THIN_EVIDENCE of
                         its detail is invented;
        "too_small"      left alone, its template square is narrower than SMALLEST_SQUARE;
        "outside"        left alone, it lies beyond the data window;
        "no_points"      left alone, its points are not finite or fall together;
        "off"            left alone, strength is 0.
    `side`: of the net's crop, pixels, 0 where left alone. `similarity`: cosine of the identity before and after, None
    without an identity net. `invented`: 0-1, share of invented detail over the matte. `confidence`: 0-1, from the
    detector's score, the face's quality (its size, without a quality net) and the evidence; 0 where left alone. `gain`:
    exposure the net saw. `quality`: 0-1, how much of who it is the plate shows, None without a quality net.
    """

    box: tuple[float, float, float, float]
    points: tuple[tuple[float, float], ...]
    score: float
    status: str
    side: int = 0
    similarity: float | None = None
    invented: float = 0.0
    confidence: float = 0.0
    gain: float = 1.0
    quality: float | None = None


@dataclass(frozen=True)
class Restored:
    """A finished frame.

    `plate`: with restored pixels; `matte`, `invented`, `confidence`: (H, W) over its data window, 0-1, exactly 0 where
    nothing was touched. `faces`: one report a face, in the order given. `seconds`: wall time by stage.
    """

    plate: Plate
    matte: Matte
    invented: Matte
    confidence: Matte
    faces: list[FaceReport]
    seconds: dict[str, float]


@dataclass(frozen=True)
class _Mended:
    """One face, worked out but not yet on the plate."""

    face: Face
    crop: Crop
    patch: Patch
    invented: float
    confidence: float
    quality: float | None

    @property
    def status(self) -> str:
        """Whether a report warns of it."""
        anybody = self.quality is not None and self.quality < LEAST_QUALITY
        return "thin_evidence" if anybody or self.invented > THIN_EVIDENCE else "restored"


RestoredCrop = Callable[[int, Crop], Image]
"""(number of the face, from 0; its crop) -> the restored crop, (S, S, 3), display-encoded, 0-1."""


TakeCrop = Callable[[Plate, Face, int], Crop]
"""(plate, face, side) -> what `face_crop` gives."""


ToneDrift = Callable[[int, Crop, Matte], Image]
"""(number of the face, its crop, its matte) -> (S, S, 3), what to add to the tone that the plate has there."""


def restore_frame(
    plate: Plate,
    faces: Sequence[Face],
    *,
    nets: RestoreNets,
    params: RestoreParams,
    restored_crop: RestoredCrop | None = None,
    drift: ToneDrift | None = None,
    take: TakeCrop | None = None,
) -> Restored:
    """Restore the given faces of one frame.

    Args:
        plate: in its own space, any values.
        faces: in display window coordinates; none is no error.
        nets: opened; their input and output are display-encoded 0-1.
        params: what the artist set.
        restored_crop: where restored crops come from; by default the net, run on this frame alone.
        drift: what the tone of a face lacks on this frame; by default nothing, its tone is the plate's.
        take: where crops come from, for whoever has them already; by default `face_crop`.

    Returns:
        The frame, its layers and what became of each face. Where no face was restored and the scale is 1, the plate
        that came in, the same arrays.

    Raises:
        ShapeError, ModelError: a net that does not keep its word.
    """
    clock = _Clock()
    restored_crop, take = restored_crop or _by_itself(nets.restore, mirror=params.mirror), take or face_crop
    reports: list[FaceReport] = []
    mended: dict[int, _Mended] = {}
    seen: dict[int, Image | None] = {}
    for number, face in enumerate(faces):
        status = why_left_alone(plate, face, params)
        reports.append(_report(face, status or "restored"))
        if not status:
            side = crop_side(face, nets, params)
            made = partial(restored_crop, number)
            lacks = partial(drift, number) if drift else None
            with clock("align"):
                crop = take(plate, face, side)
            with clock("quality"):
                seen[number] = _recognised(plate, face, nets, crop.gain)
                shows = _quality(seen[number], nets.quality)
            mended[number] = _mend_face(face, crop, made, lacks, nets.parse, shows, params, clock)
    with clock("enlarge"):
        large = enlarge(plate, params.scale, nets.upscale if params.wants_upscale else None)
    with clock("composite"):
        comp = composite(plate, [done.patch for done in mended.values()], scale=params.scale, large=large)
    for number, done in mended.items():
        with clock("likeness"):
            likeness = _likeness(seen[number], comp.plate, done, nets.identity, params.scale)
        reports[number] = _finished(done, likeness)
    return Restored(comp.plate, comp.matte, comp.invented, comp.confidence, reports, clock.seconds)


def _by_itself(net: Net, *, mirror: bool) -> RestoredCrop:
    return lambda _, crop: restore_crop(crop.pixels, net, mirror=mirror)


def face_crop(plate: Plate, face: Face, side: int) -> Crop:
    """A face as the restoring net is shown it: aligned, at the exposure that the net knows.

    Raises:
        RangeError: its points fall together, or it lies beyond the plate.
    """
    return align_face(plate, face, side=side, gain=_exposure(plate, face))


def _mend_face(
    face: Face,
    crop: Crop,
    restored_crop: Callable[[Crop], Image],
    drift: Callable[[Crop, Matte], Image] | None,
    parse: Net | None,
    quality: float | None,
    params: RestoreParams,
    clock: Callable,
) -> _Mended:
    """One face's way from its crop to a patch."""
    with clock("restore"):
        raw = restored_crop(crop)
    with clock("matte"):
        matte = face_matte(crop.side, points_in_crop(face, crop.plate_from_crop), inside=crop.inside)
        if parse is not None:
            matte = clear_of_occluders(matte, parse_crop(crop.pixels, parse))
    with clock("tone"):
        tone = crop.pixels if drift is None else crop.pixels + drift(crop, matte)
        restored = _finish(match_tone(raw, tone, matte), crop, params)
        delta = np.asarray(params.strength * (restored - crop.pixels), np.float32)
    with clock("evidence"):
        invented = invented_detail(np.add(crop.pixels, delta, dtype=np.float32), crop.pixels)
    share, certainty = mean_inside(invented, matte), _certainty(face, quality)
    patch = Patch(
        delta, matte, invented, certainty, crop.plate_from_crop, crop.gain, strength=params.strength
    )
    return _Mended(face, crop, patch, share, certainty * (1.0 - share), quality)


def _finish(restored: Image, crop: Crop, params: RestoreParams) -> Image:
    """The look: fidelity, sharpness and grain of a restored crop."""
    kept = keep_supported(restored, crop.pixels, fidelity=params.fidelity)
    sharp = sharpen(kept, params.sharpen)
    return return_grain(sharp, crop.pixels, params.grain, plate_pixel=crop.plate_pixel)


def _exposure(plate: Plate, face: Face) -> float:
    """The gain a net should see a face at; 1 on plates that are not scene-linear."""
    if not plate.encoding.scene_linear:
        return 1.0
    scene = sample_scene(plate, face, side=EXPOSURE_SIDE)
    return expose(scene, face_matte(EXPOSURE_SIDE, template_points("ffhq_512", EXPOSURE_SIDE)))


def crop_side(face: Face, nets: RestoreNets, params: RestoreParams) -> int:
    """The side of the crop in which a face is restored, pixels."""
    return fixed_side(nets.restore) or choose_side(face, params.scale)


def why_left_alone(plate: Plate, face: Face, params: RestoreParams) -> str:
    """Why a face is not to be restored, see `FaceReport.status`, or an empty word."""
    if params.strength == 0.0:
        return "off"
    try:
        square = template_square(face)
    except RangeError:
        return "no_points"
    if square < SMALLEST_SQUARE:
        return "too_small"
    return "" if meets_plate(plate, face) else "outside"


def _recognised(plate: Plate, face: Face, nets: RestoreNets, gain: float) -> Image | None:
    """A face as quality and identity nets are shown it, where there is one of them."""
    if nets.quality is None and nets.identity is None:
        return None
    return align_face(plate, face, template="arcface_112", side=112, gain=gain).pixels


def _quality(seen: Image | None, net: Net | None) -> float | None:
    return None if net is None or seen is None else face_quality(seen, net)


def _certainty(face: Face, quality: float | None) -> float:
    """0-1: the detector's score, lowered for faces that show little of who they are.

    Where no net tells how much, for those whose template square is narrower than SURE_SQUARE.
    """
    shows = min(1.0, (template_square(face) / SURE_SQUARE) ** 0.5) if quality is None else quality
    return float(np.clip(face.score, 0.0, 1.0)) * shows


def _likeness(before: Image | None, after: Plate, done: _Mended, net: Net | None, scale: int) -> float | None:
    if net is None or before is None:
        return None
    one = identity(before, net)
    other = identity_on(after, done.face.scaled(scale), net, gain=done.crop.gain)
    return similarity(one, other)


def _report(face: Face, status: str) -> FaceReport:
    return FaceReport(
        face.box, tuple((float(x), float(y)) for x, y in face.points), float(face.score), status
    )


def _finished(done: _Mended, likeness: float | None) -> FaceReport:
    return replace(
        _report(done.face, done.status),
        side=done.crop.side,
        similarity=likeness,
        invented=done.invented,
        confidence=done.confidence,
        gain=done.crop.gain,
        quality=done.quality,
    )


@dataclass(frozen=True)
class _Clock:
    """`with clock("align"):` adds the time spent inside to `seconds["align"]`."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + perf_counter() - start

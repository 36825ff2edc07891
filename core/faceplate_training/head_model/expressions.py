"""The 79 expressions on our mesh: ICT's under ARKit's names, a tongue, visemes and correctives; left mirrors right."""

from dataclasses import dataclass

import numpy as np

from faceplate.reconstruct.morphable import rotation, triangles_of
from faceplate.reconstruct.raster import rasterise
from faceplate_training.head_model import names
from faceplate_training.head_model.ict import Ict
from faceplate_training.head_model.topology import REGIONS, Topology, mirrored

JAW_ANGLE = np.radians(25.334)
"""How far ICT's jawOpen turns the lower teeth; fitted to them, 0.18 mm at worst."""

JAW_PIVOT = np.array([0.0, -5.473, 18.191])
"""mm, the axis that they turn about."""

_LONGEST_BLINK = 40  # per cent
_QUIET = 0.03  # mm: what moves less does not move
_DILATION = 1.5  # mm


@dataclass(frozen=True)
class Face:
    """What the shapes are made from: the mesh, its mean (V, 3) mm, and how far each vertex follows the jaw (V,) 0-1."""

    ict: Ict
    mesh: Topology
    mean: np.ndarray
    jaw: np.ndarray


def make_face(ict: Ict, mesh: Topology) -> Face:
    """The mean, made exactly symmetric, and the jaw's hold on it, from ICT's jawOpen."""
    mean = mesh.mean(ict)
    mean = (mean + mirrored(mean, mesh.mirror)) / 2
    opened = mesh.carry(ict.expressions["jawOpen"], ict, mean)
    arm = mean - JAW_PIVOT
    swing = arm @ rotation(np.array([JAW_ANGLE, 0, 0])).T - arm
    far = (swing**2).sum(1)
    hold = np.clip((opened * swing).sum(1) / np.maximum(far, 4.0), 0, 1)
    return Face(ict, mesh, mean, (hold + hold[mesh.mirror]) / 2)


def expression_basis(face: Face) -> np.ndarray:
    """(79, V, 3) mm, in the order of `names.ALL`."""
    shapes: dict[str, np.ndarray] = {}
    for name in (*names.ARKIT, *names.EXTRA):
        shapes[name] = _from_ict(face, name)
    for eye, side in zip(face.mesh.eyes, ("Left", "Right"), strict=True):
        shapes[f"pupilDilate{side}"] = face.mesh.dilated(eye, _DILATION)
    shapes["tongueOut"] = _tongue_out(face)
    shapes = {name: _even(shapes, name, face.mesh.mirror) for name in shapes}
    shapes |= _shut(face, shapes["eyeBlinkLeft"])
    for name, mix in names.VISEMES.items():
        shapes[name] = np.sum([weight * shapes[part] for part, weight in mix.items()], axis=0)
    shapes |= {
        "eyeBlinkLeftHalf": _lid_arc(face, shapes["eyeBlinkLeft"], 0),
        "eyeBlinkRightHalf": _lid_arc(face, shapes["eyeBlinkRight"], 1),
        "jawOpenHalf": _jaw_arc(face),
        "eyeBlinkLookDownLeft": _no_overshoot(shapes["eyeBlinkLeft"], shapes["eyeLookDownLeft"]),
        "eyeBlinkLookDownRight": _no_overshoot(shapes["eyeBlinkRight"], shapes["eyeLookDownRight"]),
    }
    basis = np.stack([_even(shapes, name, face.mesh.mirror) for name in names.ALL])
    basis[np.linalg.norm(basis, axis=2) < _QUIET] = 0
    return basis


def _from_ict(face: Face, name: str) -> np.ndarray:
    parts = names.WHOLE.get(name, (names.ict_name(name),))
    known = [face.ict.expressions[part] for part in parts if part in face.ict.expressions]
    deltas = np.sum(known, axis=0) if known else np.zeros_like(face.ict.neutral)
    carried = face.mesh.carry(deltas, face.ict, face.mean)
    for eye in face.mesh.eyes:  # eyeballs turn, they are not pulled by lids
        carried[eye] = 0
    return carried


def _even(shapes: dict[str, np.ndarray], name: str, mirror: np.ndarray) -> np.ndarray:
    """A shape averaged with the mirror image of its other side: symmetric to the last bit."""
    return (shapes[name] + mirrored(shapes[names.other_side(name)], mirror)) / 2


def _shut(face: Face, blink: np.ndarray) -> dict[str, np.ndarray]:
    """Both blinks, the upper lid's way lengthened until nothing of the eyeball is seen.

    With fewer loops, and without the fluid that ICT lays into the gap, its lids stop 0.9 mm short of each other.
    """
    upper = blink[:, 1:2] < 0
    for percent in range(_LONGEST_BLINK):
        longer = blink * np.where(upper, 1 + percent / 100, 1)
        if not any(_eyeball_seen(face, face.mean + longer, pitch) for pitch in (-30, 0, 30)):
            return {"eyeBlinkLeft": longer, "eyeBlinkRight": mirrored(longer, face.mesh.mirror)}
    raise ValueError(f"the lids do not meet even when the blink is {_LONGEST_BLINK} % longer")


def _eyeball_seen(face: Face, points: np.ndarray, pitch: float) -> bool:
    """Whether a camera in front of the left eye, `pitch` degrees from below, sees any of it at 8 pixels to a mm."""
    regions = [
        place for place, name in enumerate(REGIONS) if name.startswith(("sclera", "cornea", "iris", "pupil"))
    ]
    lashes = [place for place, name in enumerate(REGIONS) if name.startswith("lashes")]
    triangles, owner = triangles_of(face.mesh.quads)
    region = face.mesh.quad_region[owner]
    triangles, region = triangles[~np.isin(region, lashes)], region[~np.isin(region, lashes)]
    seen = (points - face.mesh.eye_centre) @ rotation(np.array([np.radians(pitch), 0, 0])).T
    screen = np.column_stack([150 + 8 * seen[:, 0], 100 - 8 * seen[:, 1], 500 - seen[:, 2]])
    raster = rasterise(screen, triangles, (200, 300))
    return bool(np.isin(region[raster.triangle[raster.covered]], regions).any())


def _tongue_out(face: Face) -> np.ndarray:
    """The tongue stretched forward over the lower lip: it wants an open jaw. ICT has none; this one is drawn by us."""
    deltas = np.zeros_like(face.mean)
    of_tongue = face.mesh.quad_region == REGIONS.index("tongue")
    tongue, rest = (np.setdiff1d(face.mesh.quads[which], -1) for which in (of_tongue, ~of_tongue))
    points, rim = face.mean[tongue], face.mean[np.intersect1d(tongue, rest)]
    # where it has grown to the floor of the mouth it stays
    hold = np.linalg.norm(points[:, None] - rim[None], axis=2).min(1)
    reach = _smooth(points[:, 2], 42, 98) ** 1.5 * _smooth(hold, 0, 7)
    deltas[tongue] = reach[:, None] * (0, -3.0, 30.0)
    deltas[tongue, 0] = -0.25 * reach * points[:, 0]
    return deltas


def _lid_arc(face: Face, blink: np.ndarray, side: int) -> np.ndarray:
    """What a half-closed lid lacks: it slides over the eyeball, while its shape cuts straight through it."""
    centre = face.mesh.eye_centre * (1 - 2 * side, 1, 1)
    moves = np.linalg.norm(blink, axis=1) > 0.2
    start, end = (np.linalg.norm(face.mean + part - centre, axis=1) for part in (0, blink))
    half = face.mean + blink / 2 - centre
    distance = np.linalg.norm(half, axis=1)
    push = np.where(moves, np.maximum((start + end) / 2 - distance, 0), 0)
    return half / distance[:, None] * push[:, None]


def _jaw_arc(face: Face) -> np.ndarray:
    """What a half-open jaw lacks: it turns about its joint, while its shape is a straight line."""
    arm = face.mean - JAW_PIVOT
    whole, half = (arm @ rotation(np.array([JAW_ANGLE * share, 0, 0])).T - arm for share in (1, 0.5))
    return face.jaw[:, None] * (half - whole / 2)


def _no_overshoot(blink: np.ndarray, look_down: np.ndarray) -> np.ndarray:
    """Takes the lid's part of looking down back where a blink has closed it already."""
    closed = np.clip(np.linalg.norm(blink, axis=1) / 2.0, 0, 1)
    return -closed[:, None] * look_down


def _smooth(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below, 1 above, smooth between."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)

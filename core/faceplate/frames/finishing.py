"""A restored frame as it leaves: veiled where that was asked, with its layers, and a word on every face."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from faceplate.arrays import Matte, no_matte
from faceplate.faces import Face
from faceplate.plate import Plate
from faceplate.restore.pipeline import FaceReport, Restored
from faceplate.stages.veil import veil_faces


@dataclass(frozen=True)
class Finished:
    """A frame ready to be written or handed back.

    `plate`: restored and veiled. `layers`: `matte`, `invented`, `confidence`, `repaired`, `veiled`, each (H, W) over
    the plate's data window, 0-1, 0 where nothing was touched; `matte` is everything that was. `faces`: one report
    each, largest first. `seconds`: wall time by stage. `tracks`: each face's track id and name, where there is a shot.
    """

    plate: Plate
    layers: Mapping[str, Matte]
    faces: Sequence[FaceReport]
    seconds: Mapping[str, float]
    tracks: Sequence[tuple[int, str]] = ()


def finish(
    done: Restored,
    found: Sequence[Face],
    chosen: Sequence[Face],
    *,
    scale: int,
    veiled: Sequence[Face] | None = None,
    repaired: Matte | None = None,
) -> Finished:
    """Veil a restored frame and tell of every face, chosen or not.

    Args:
        done: the frame as `restore_frame` gives it, its reports in the order of `chosen`.
        found: every face on it, in display window coordinates. chosen: those of them that were to be restored.
        scale: how many times larger than the plate the frame is.
        veiled: faces to veil, None where nobody is to be.
        repaired: (H, W) at scale 1, where the plate was cleaned before.
    """
    veil = veil_faces(done.plate, [face.scaled(scale) for face in veiled or ()])
    clean = no_matte(*done.matte.shape)
    matte = done.matte
    if repaired is not None:
        clean = repaired.repeat(scale, axis=0).repeat(scale, axis=1)
        matte = np.maximum(matte, clean)
    if veil.plate is not done.plate:
        matte = np.maximum(matte, veil.matte)
    layers = {
        "matte": matte,
        "invented": done.invented,
        "confidence": done.confidence,
        "repaired": clean,
        "veiled": veil.matte,
    }
    reports = {id(face): report for face, report in zip(chosen, done.faces, strict=True)}
    left = "not_chosen" if veiled is None else "veiled"
    faces = [reports.get(id(face)) or left_alone(face, left) for face in found]
    return Finished(veil.plate, layers, faces, done.seconds)


def left_alone(face: Face, status: str) -> FaceReport:
    """The report of a face that was not restored, so that numbers in a report are those of the choice of faces."""
    points = tuple((float(x), float(y)) for x, y in face.points)
    return FaceReport(face.box, points, float(face.score), status)

"""A frame on which faces are made unrecognisable and nothing is restored."""

from collections.abc import Sequence

import numpy as np

from faceplate.arrays import no_matte
from faceplate.faces import Face
from faceplate.frames.alone import DOUBTFUL
from faceplate.frames.finishing import Finished, left_alone
from faceplate.frames.steady import SAME, held, others_on, tall_tracks
from faceplate.operations import RestoreRequest
from faceplate.plate import Plate
from faceplate.runtime.net import Net
from faceplate.stages.detect import THRESHOLD, detect_faces
from faceplate.stages.face_rows import overlap
from faceplate.stages.shot import Shot
from faceplate.stages.veil import veil_faces


def veil_alone(plate: Plate, request: RestoreRequest, detector: Net, *, others: bool) -> Finished:
    """Veil faces on a plate that is looked at by itself.

    Args:
        plate: in its own space, any values.
        request: its `faces` and `smallest` count. detector: a face.detect net.
        others: veil everybody but the chosen ones. Whenever it is not a choice of faces that is veiled, so is whatever
            might be a face.
    """
    seen = detect_faces(plate, detector, smallest=request.smallest, threshold=DOUBTFUL)
    found = [face for face in seen if face.score >= THRESHOLD]
    chosen = request.chosen(found)
    if others:
        return _veiled(plate, found, [face for face in seen if not _among(face, chosen)])
    return _veiled(plate, found, seen if request.faces == "all" else chosen)


def veil_shot(plate: Plate, shot: Shot, request: RestoreRequest, detector: Net, *, others: bool) -> Finished:
    """Veil faces on a plate of a shot: one that was lost for a frame stays veiled where it was.

    Args:
        plate: one of the shot's. shot: whose tracks say who is who; `request.faces` counts those on this frame, a face
            that was lost included.
        request, detector, others: as for `veil_alone`.
    """
    present = _present(shot, plate.frame, request.smallest)
    chosen = request.chosen(present)
    if not others and request.faces != "all":
        return _veiled(plate, present, chosen)
    spared = chosen if others else []
    strangers = others_on(plate, spared, shot=shot, detector=detector, smallest=request.smallest)
    return _veiled(plate, present, strangers)


def _present(shot: Shot, frame: int, smallest: float) -> list[Face]:
    """The faces on a frame and those that were lost on it, where they were; the largest first."""
    tall = [shot.track(id) for id in tall_tracks(shot, smallest)]
    here = [track.faces[frame] for track in tall if frame in track.faces]
    lost = [held(track, frame, shot) for track in tall if frame not in track.faces]
    boxes = np.array([face.box for face in here], np.float32).reshape(-1, 4)
    gone = [f for f in lost if f and not (overlap(np.array(f.box, np.float32), boxes)[0] > SAME).any()]
    return sorted([*here, *gone], key=lambda face: (-face.width * face.height, face.box))


def _among(face: Face, faces: Sequence[Face]) -> bool:
    return any(face is one for one in faces)


def _veiled(plate: Plate, found: Sequence[Face], faces: Sequence[Face]) -> Finished:
    veil = veil_faces(plate, faces)
    reports = [left_alone(face, "veiled" if _among(face, faces) else "not_chosen") for face in found]
    nothing = no_matte(*veil.matte.shape)
    layers = {"matte": veil.matte, "veiled": veil.matte, "invented": nothing, "confidence": nothing}
    return Finished(veil.plate, layers, reports, {})

"""A frame by itself: its faces are found on it, and nothing else is looked at."""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from faceplate.frames.finishing import Finished, finish
from faceplate.operations import RestoreRequest, RestoreTools
from faceplate.plate import Plate
from faceplate.restore.pipeline import restore_frame
from faceplate.stages.detect import THRESHOLD, detect_faces

DOUBTFUL = 0.2
"""Score above which something is veiled in case it is a face."""


def restore_alone(
    plate: Plate,
    request: RestoreRequest,
    tools: RestoreTools,
    *,
    anonymise: bool = False,
    between: Callable[[], None] = lambda: None,
) -> Finished:
    """Find the faces on a plate and restore those that were asked for.

    Args:
        plate: in its own space, any values.
        request: what the artist set. tools: open nets.
        anonymise: veil everybody who was not chosen, and whatever might be a face.
        between: called once the faces are found; what it raises ends the work.

    Raises:
        ShapeError, ModelError: a net that does not keep its word.
    """
    start = perf_counter()
    seen = detect_faces(
        plate,
        tools.detector,
        smallest=request.smallest,
        threshold=DOUBTFUL if anonymise else THRESHOLD,
    )
    detecting = perf_counter() - start
    between()
    found = [face for face in seen if face.score >= THRESHOLD]
    chosen = request.chosen(found)
    done = restore_frame(plate, chosen, nets=tools.nets, params=request.params)
    others = [face for face in seen if not any(face is one for one in chosen)]
    finished = finish(done, found, chosen, scale=request.params.scale, veiled=others if anonymise else None)
    return replace(finished, seconds={"detect": detecting, **finished.seconds})

"""Motion for the comp: vectors to the frames beside, and the map that holds a face still, in Nuke's conventions.

Nuke counts y upwards: `forward.u`, `forward.v` and `backward.u`, `backward.v` are pixels to the right and up, from a
pixel to where it lies on the next and on the frame before. An STMap names, for each pixel, the place in the picture
that is to be shown there, 0-1 over the display window from its lower left corner, pixel centres at +0.5.
"""

from contextlib import suppress

import cv2
import numpy as np

from faceplate.arrays import Matte
from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.geometry import apply, fit_similarity
from faceplate.plate import Plate
from faceplate.stabilise.flow import SMALLEST, FindFlow, find_flow
from faceplate.stages.view import view_plate

Pair = tuple[Matte, Matte]
"""(H, W) float32 each over a data window: across and up."""


def motion_vectors(
    plate: Plate,
    other: Plate | None,
    *,
    scale: int = 1,
    find: FindFlow = find_flow,
) -> Pair:
    """Where every pixel of a plate lies on another frame, as pixels across and up from where it is.

    Args:
        plate, other: two frames of one shot; None where there is no such frame, or a cut between.
        scale: how many times larger the output is; the vectors grow with it.
        find: follows motion between two pictures, display-encoded.

    Returns:
        (H * scale, W * scale) each; 0 where nothing can be followed: outside the part that both frames have pixels of,
        and everywhere where that is less than 32 pixels either way.
    """
    window = None if other is None else plate.data_window.within(other.data_window)
    flow = np.zeros((*plate.pixels.shape[:2], 2), np.float32)
    if other is not None and window is not None and min(window.width, window.height) >= SMALLEST:
        found = find(view_plate(plate, window).pixels, view_plate(other, window).pixels)
        flow[window.slices(plate.data_window)] = found
    if scale > 1:
        size = (plate.data_window.width * scale, plate.data_window.height * scale)
        flow = np.asarray(cv2.resize(flow, size, interpolation=cv2.INTER_LINEAR), np.float32) * np.float32(
            scale
        )
    return np.ascontiguousarray(flow[..., 0]), -flow[..., 1]


def steady_map(plate: Plate, here: Face | None, reference: Face | None, *, scale: int = 1) -> Pair:
    """The STMap that shows a plate with its face where it lies on a reference frame, turned and sized as there.

    Args:
        plate: the frame that the map is for.
        here, reference: the face on it and on the reference frame; None for both where nobody is held still.
        scale: how many times larger the output is; the map is of its size.

    Returns:
        (H * scale, W * scale) each over the data window; the map that changes nothing where there is no face to hold,
        or where its points fall together.
    """
    data, display = plate.data_window, plate.display_window
    rows, columns = np.indices((data.height * scale, data.width * scale), dtype=np.float64)
    points = np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5
    points = (points / scale + np.array([data.x0, data.y0])).astype(np.float32)
    if here is not None and reference is not None:
        with suppress(RangeError):  # five points in one place say nothing of where a face lies
            points = apply(fit_similarity(reference.points, here.points), points)
    across = (points[:, 0] - display.x0) / display.width
    down = (points[:, 1] - display.y0) / display.height
    shape = rows.shape
    return across.reshape(shape).astype(np.float32), (1.0 - down).reshape(shape).astype(np.float32)

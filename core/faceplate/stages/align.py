"""From a face on a plate to the upright square crop that a net reads."""

from dataclasses import dataclass

import numpy as np

from faceplate.arrays import Image, Matrix, Matte, Points
from faceplate.errors import RangeError
from faceplate.faces import Face, template_points
from faceplate.geometry import (
    apply,
    extent,
    fit_similarity,
    inverse,
    prefilter_reach,
    scale_of,
    translation,
    warp,
)
from faceplate.plate import Plate, Rect
from faceplate.stages.view import cut_plate, mend, view_plate

SIDES = (256, 512)
"""Crop sides a restoring net is run at."""

SMALL_SQUARE = 300.0
"""Template squares narrower than this, in pixels of the output plate, get the smaller crop. Enlarged to 512 px, damage
looks like none that a net knows: film at 256 px gains 1.0 dB less so; at 384 px 0.2 dB more than reduced to 256."""


@dataclass(frozen=True)
class Crop:
    """An aligned face.

    `pixels`: (S, S, 3) float32, display-encoded sRGB, 0-1, finite. `plate_from_crop`: (3, 3), to display window
    coordinates. `inside`: (S, S) float32, 1 where the plate has a pixel, 0 where the crop looks beyond the data
    window and shows its mirror image. `gain`: the exposure the plate was seen at.
    """

    pixels: Image
    plate_from_crop: Matrix
    inside: Matte
    gain: float = 1.0

    @property
    def side(self) -> int:
        return self.pixels.shape[0]

    @property
    def plate_pixel(self) -> float:
        """How many crop pixels one plate pixel is wide: above 1 the crop is enlarged."""
        return 1.0 / scale_of(self.plate_from_crop)


def template_square(face: Face, template: str = "ffhq_512") -> float:
    """Side of a template's square laid over a face, in plate pixels.

    Raises:
        RangeError: the points are not finite or lie in one spot; the template is unknown.
    """
    return scale_of(fit_similarity(template_points(template, 1), face.points))


def choose_side(face: Face, scale: int = 1) -> int:
    """The crop side that neither wastes a small face's time nor loses a large one's detail.

    Args:
        face: in plate coordinates.
        scale: how many times the output is enlarged: 1, 2 or 4.

    Returns:
        256 or 512 pixels. Faces larger than that keep their own finer bands: the difference alone is enlarged, and the
        net was trained on squares of up to 640.
    """
    return SIDES[template_square(face) * scale >= SMALL_SQUARE]


def meets_plate(plate: Plate, face: Face, template: str = "ffhq_512") -> bool:
    """Whether the middle of a face, half its template square wide, touches the plate's data window.

    Raises:
        RangeError: as `template_square`.
    """
    plate_from_unit = inverse(fit_similarity(face.points, template_points(template, 1)))
    x0, y0, x1, y1 = extent(plate_from_unit @ translation(0.25, 0.25), 0.5, 0.5)
    return Rect.around(x0, y0, x1, y1).within(plate.data_window) is not None


def align_face(
    plate: Plate, face: Face, *, template: str = "ffhq_512", side: int = 512, gain: float = 1.0
) -> Crop:
    """Turn a face upright and bring it to the size a net expects.

    Only the face's own region of the plate is read, encoded and filtered.

    Args:
        plate: in its own space, any values.
        face: in display window coordinates.
        template: name in `faces.TEMPLATES`.
        side: side of the crop, pixels.
        gain: exposure of the net's view, see `tone.expose`.

    Returns:
        The crop, display-encoded sRGB 0-1, with the way back.

    Raises:
        RangeError: points that are not finite or lie in one spot; a face wholly outside the data window; an
            unknown template; a side below 32.
    """
    if side < 32:
        raise RangeError(f"a crop's side should be at least 32 pixels, got {side}")
    crop_from_plate = fit_similarity(face.points, template_points(template, side))
    plate_from_crop = inverse(crop_from_plate)
    window = _region(plate, plate_from_crop, side)
    shown = view_plate(plate, window, gain=gain)
    pixels = warp(shown.pixels, crop_from_plate @ translation(window.x0, window.y0), (side, side))
    return Crop(np.clip(pixels, 0.0, 1.0), plate_from_crop, _inside(plate, plate_from_crop, side), gain)


def sample_scene(plate: Plate, face: Face, *, template: str = "ffhq_512", side: int = 64) -> Image:
    """The same crop in the plate's own space, unclipped and small: what an exposure is measured on.

    Returns:
        (side, side, 3) float32, the plate's space, finite; NaN and Inf replaced by their surroundings.

    Raises:
        RangeError: as `align_face`.
    """
    crop_from_plate = fit_similarity(face.points, template_points(template, side))
    window = _region(plate, inverse(crop_from_plate), side)
    pixels = cut_plate(plate, window)[0]
    broken = ~np.isfinite(pixels)
    if broken.any():
        pixels = mend(pixels, broken)
    return warp(pixels, crop_from_plate @ translation(window.x0, window.y0), (side, side), kernel="linear")


def points_in_crop(face: Face, plate_from_crop: Matrix) -> Points:
    """A face's points, (5, 2), in the crop's pixels."""
    return apply(inverse(plate_from_crop), face.points)


def _region(plate: Plate, plate_from_crop: Matrix, side: int) -> Rect:
    """The part of the data window that a crop looks at, the filters' reach included."""
    x0, y0, x1, y1 = extent(plate_from_crop, side, side)
    square = Rect.around(x0, y0, x1, y1)
    if square.within(plate.data_window) is None:
        raise RangeError(
            f"the face at ({x0:.0f}, {y0:.0f}) - ({x1:.0f}, {y1:.0f}) lies outside the data window "
            f"{plate.data_window}; points are expected in display window coordinates"
        )
    seen = _mirrored(square, plate.data_window).grown(prefilter_reach(scale_of(plate_from_crop)))
    return seen.within(plate.data_window) or plate.data_window


def _mirrored(square: Rect, window: Rect) -> Rect:
    """All that a square sees of a window, directly or in the mirrors at its edges."""
    x0 = min(square.x0, 2 * window.x1 - square.x1)
    x1 = max(square.x1, 2 * window.x0 - square.x0)
    y0 = min(square.y0, 2 * window.y1 - square.y1)
    y1 = max(square.y1, 2 * window.y0 - square.y0)
    return Rect(x0, y0, x1, y1)


def _inside(plate: Plate, plate_from_crop: Matrix, side: int) -> Matte:
    """(S, S), 1 where a crop pixel's centre lies in the data window."""
    centres = np.arange(side) + 0.5
    window = plate.data_window
    (a, b, x), (c, d, y), _ = plate_from_crop
    across = a * centres[None, :] + b * centres[:, None] + x
    down = c * centres[None, :] + d * centres[:, None] + y
    across_in = (across >= window.x0) & (across < window.x1)
    return (across_in & (down >= window.y0) & (down < window.y1)).astype(np.float32)

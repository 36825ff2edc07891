"""Plates as a plug-in's images, and its images back as plates.

OpenFX measures from the lower left corner of the project, y up; here that is the display window's. This is the one
place where rows are turned over and alpha is divided or multiplied for a plug-in.
"""

from typing import Any

import numpy as np

from faceplate.ofx_host.clips import Window
from faceplate.ofx_host.images import floats_of, image_of
from faceplate.plate import Plate, Rect

OPAQUE, PREMULTIPLIED, STRAIGHT = (
    "OfxImageOpaque",
    "OfxImageAlphaPremultiplied",
    "OfxImageAlphaUnPremultiplied",
)

_WORDS = {"none": OPAQUE, "premultiplied": PREMULTIPLIED, "straight": STRAIGHT}


def premultiplication_of(plate: Plate) -> str:
    """How a plate's pixels relate to its alpha, in OpenFX words."""
    return _WORDS[plate.alpha_kind]


def window_of(plate: Plate, *, whole: bool) -> Window:
    """What of a plate a plug-in sees, in its pixels: the data window, or the whole display window."""
    display = plate.display_window
    seen = display if whole else plate.data_window
    return seen.x0 - display.x0, display.y1 - seen.y1, seen.x1 - display.x0, display.y1 - seen.y0


def image_from(
    plate: Plate, *, whole: bool, depth: str, components: str, premultiplication: str, **form: Any
) -> Any:
    """A plate as an image.

    Args:
        plate: any; its values are passed on as they are, in its own space.
        whole: over the display window, black where it has no pixels, for effects that know one size alone.
        depth, components: short names. Alpha of a plate without one is 1.
        premultiplication: what the image is to be; a plate without alpha is opaque whatever is asked.
        form: as for `images.new_image`.
    """
    window = window_of(plate, whole=whole)
    alpha = np.ones(plate.pixels.shape[:2], np.float32) if plate.alpha is None else plate.alpha
    colour = _related(plate.pixels, alpha, premultiplication_of(plate), premultiplication)
    parts = {"RGBA": [colour, alpha[..., None]], "RGB": [colour], "Alpha": [alpha[..., None]]}[components]
    pixels = np.concatenate(parts, axis=2)
    if whole:
        pixels = _over(pixels, plate.data_window, plate.display_window)
    return image_of(
        pixels, window[:2], depth=depth, components=components, premultiplication=premultiplication, **form
    )


def plate_from(plate: Plate, image: Any) -> Plate:
    """The plate with an image's pixels where it has any, its windows as they were.

    An image of RGBA changes alpha too, if the plate has one. An image of Alpha alone becomes the picture itself, grey.
    """
    rows, columns, theirs = _meeting(plate, image)
    pixels = plate.pixels.copy()
    alpha = None if plate.alpha is None else plate.alpha.copy()
    if theirs is not None:
        if theirs.shape[2] == 1:
            pixels[rows, columns] = theirs
        else:
            covered = theirs[..., 3] if theirs.shape[2] == 4 else None
            colour = theirs[..., :3]
            if covered is not None and alpha is not None:
                colour = _related(colour, covered, image.premultiplication, premultiplication_of(plate))
                alpha[rows, columns] = covered
            pixels[rows, columns] = colour
    return Plate(
        pixels, plate.frame, plate.data_window, plate.display_window, plate.encoding, alpha, plate.alpha_kind
    )


def _related(colour: np.ndarray, alpha: np.ndarray, is_: str, wanted: str) -> np.ndarray:
    """Colour divided or multiplied by alpha, when it is not yet what is wanted; where alpha is 0 it is left alone."""
    if is_ == wanted or OPAQUE in (is_, wanted):
        return colour
    factor = np.where(alpha == 0, np.float32(1), alpha)[..., None]
    return colour * factor if wanted == PREMULTIPLIED else colour / factor


def _over(pixels: np.ndarray, held: Rect, wanted: Rect) -> np.ndarray:
    """Pixels over one window, cut or padded with black to another."""
    if held == wanted:
        return pixels
    whole = np.zeros((wanted.height, wanted.width, pixels.shape[2]), np.float32)
    both = held.within(wanted)
    if both is not None:
        whole[both.slices(wanted)] = pixels[both.slices(held)]
    return whole


def _meeting(plate: Plate, image: Any) -> tuple[slice, slice, np.ndarray | None]:
    """Rows and columns of the plate that an image covers, and the image's floats there."""
    display, (x1, y1, x2, y2) = plate.display_window, image.bounds
    covered = Rect(x1 + display.x0, display.y1 - y2, x2 + display.x0, display.y1 - y1)
    both = covered.within(plate.data_window)
    if both is None:
        return slice(0), slice(0), None
    rows, columns = both.slices(plate.data_window)
    return rows, columns, floats_of(image)[both.slices(covered)]

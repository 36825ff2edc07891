"""Numbers in a plug-in's depth and components, and back as floats.

An image's `pixels` are a view, (H, W, C), row 0 at the top; OpenFX itself counts rows from the bottom, and `bounds`
(x1, y1, x2, y2) are in its pixels, y up, half-open.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from faceplate.arrays import expect_shapes
from faceplate.io.samples import as_float, as_native
from faceplate.ofx_host.native import native

Bounds = tuple[int, int, int, int]

CHANNELS: Mapping[str, int] = {"RGBA": 4, "RGB": 3, "Alpha": 1}

TYPES: Mapping[str, np.dtype] = {
    "Float": np.dtype(np.float32),
    "Half": np.dtype(np.float16),
    "Short": np.dtype(np.uint16),
    "Byte": np.dtype(np.uint8),
}


def new_image(bounds: Bounds, *, depth: str = "Float", components: str = "RGBA", **form: Any) -> Any:
    """An image of zeros.

    Args:
        bounds: x1, y1, x2, y2 in pixels, y up.
        depth: Float, Half, Short or Byte.
        components: RGBA, RGB or Alpha.
        form: `rod` (bounds of all there is; default `bounds`), `padding` (bytes after each row), `top_down` (rows in
            memory from the top, so that row bytes are negative), `render_scale`, `pixel_aspect`, `premultiplication`
            and `field` in OpenFX words, `identifier`.

    Returns:
        A native Image: `pixels`, `bounds`, `row_bytes`, and `intact`, which is False once something was written
        outside the pixels.

    Raises:
        ValueError: bounds, depth, components or padding that no image has.
    """
    return native().Image(bounds, f"OfxBitDepth{depth}", f"OfxImageComponent{components}", **form)


def image_of(pixels: np.ndarray, origin: tuple[int, int] = (0, 0), **form: Any) -> Any:
    """An image that holds these floats.

    Args:
        pixels: (H, W, C) float32, row 0 at the top, C as the components say; whole-number depths clip to 0-1.
        origin: x and y of the image's lower left corner.
        form: as for `new_image`.

    Raises:
        ShapeError: C does not fit the components.
    """
    height, width = pixels.shape[:2]
    image = new_image((*origin, origin[0] + width, origin[1] + height), **form)
    expect_shapes({"H": height, "W": width}, pixels=(pixels, f"H W {image.pixels.shape[2]}"))
    kind = image.pixels.dtype
    image.pixels[...] = as_native(pixels, kind, kind.itemsize * 8)
    return image


def floats_of(image: Any) -> np.ndarray:
    """(H, W, C) float32, row 0 at the top; whole numbers become 0-1. A copy."""
    return np.array(as_float(np.ascontiguousarray(image.pixels)), np.float32)

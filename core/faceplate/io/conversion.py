"""A plate as a picture of another kind of file: a movie's frame as an EXR, an EXR's as a movie."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from faceplate.arrays import Image, Matte
from faceplate.colour import LINEAR_REC709, linear_from_srgb
from faceplate.io.layers import with_layers
from faceplate.io.limits import format_for
from faceplate.io.movie_format import MovieFormat
from faceplate.io.movie_frame import MovieFrame, Tags
from faceplate.io.picture import Part, Picture, Roles
from faceplate.io.samples import as_native
from faceplate.io.yuv import layout_of, planes_of
from faceplate.plate import Plate

_KINDS = {
    "openexr": (oiio.HALF, np.dtype(np.float16), 16),
    "dpx": (oiio.UINT16, np.dtype(np.uint16), 10),
    "tiff": (oiio.UINT16, np.dtype(np.uint16), 16),
    "png": (oiio.UINT16, np.dtype(np.uint16), 16),
    "jpeg": (oiio.UINT8, np.dtype(np.uint8), 8),
}
"""Format -> sample type and bits of a picture that has no source in that format."""

_WITH_ALPHA = ("openexr", "tiff", "png")
_REC709 = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)


def picture_of(plate: Plate, path: str | Path, layers: Mapping[str, Matte] | None = None) -> Picture:
    """A plate as a new picture in the format of `path`.

    EXR: half, scene-linear Rec.709, with the plate's windows. The others: display-encoded sRGB (16 bits; DPX 10,
    JPEG 8), clipped to 0-1, over the display window, black where the data window does not reach. Alpha stays where
    the format has one: premultiplied in EXR, straight in TIFF and PNG.
    """
    path = Path(path)
    kind = format_for(path)
    typed, dtype, bits = _KINDS[kind]
    pixels, alpha = _pixels(plate, linear=kind == "openexr")
    if kind != "openexr":
        pixels = _over_display(pixels, plate)
        alpha = None if alpha is None else _over_display(alpha, plate)
    stack = [pixels] if alpha is None or kind not in _WITH_ALPHA else [pixels, alpha[..., None]]
    block = as_native(np.concatenate(stack, axis=2), dtype, bits)
    spec = oiio.ImageSpec(block.shape[1], block.shape[0], block.shape[2], typed)
    spec.channelnames = ("R", "G", "B", "A")[: block.shape[2]]
    if kind == "openexr":
        _place(spec, plate)
        spec.attribute("chromaticities", oiio.TypeDesc("float[8]"), _REC709)
    elif block.shape[2] == 4:
        spec.attribute("oiio:UnassociatedAlpha", 1)
    if kind == "dpx":
        spec.attribute("oiio:BitsPerSample", bits)
    roles = Roles((0, 1, 2), 3 if block.shape[2] == 4 else None)
    picture = Picture(path, kind, (Part(spec, (block,)),), 0, roles, changed=True)
    return with_layers(picture, _fitting(layers, plate, kind)) if layers else picture


def movie_frame_of(plate: Plate, form: MovieFormat, place: int) -> MovieFrame:
    """A plate as the `place`th frame (from 0) of a new movie: display-encoded, over the display window, rounded once.

    `form.size` should be the display window's (see `movie_writer.format_new`).
    """
    pixels, _ = _pixels(plate, linear=False)
    layout = layout_of(form.pix_fmt)
    tags: Tags = form.tags
    full = layout.full if tags.range == 0 else tags.range == 2
    pixels = np.clip(_over_display(pixels, plate), 0, 1)
    planes = planes_of(pixels, layout, matrix=tags.matrix_for(*form.size), full=full)
    stamp = round(place / form.rate / form.time_base)
    return MovieFrame(Path(), place + 1, stamp, planes, form.pix_fmt, tags, form.rotation, changed=True)


def _pixels(plate: Plate, *, linear: bool) -> tuple[Image, Matte | None]:
    """RGB as linear light or display-encoded; premultiplied for linear, straight for display, as files have it."""
    pixels, alpha = plate.pixels, plate.alpha
    if (
        alpha is not None
        and plate.alpha_kind == "premultiplied"
        and not (linear and plate.encoding is LINEAR_REC709)
    ):
        covered = np.where(alpha > 0, alpha, 1)[..., None]
        pixels = pixels / covered
    if plate.encoding is not LINEAR_REC709 or not linear:
        pixels = plate.encoding.encode(np.ascontiguousarray(pixels, np.float32))
        pixels = linear_from_srgb(pixels) if linear else pixels
        if linear and alpha is not None:
            pixels = pixels * alpha[..., None]
    return pixels, alpha


def _place(spec: oiio.ImageSpec, plate: Plate) -> None:
    data, display = plate.data_window, plate.display_window
    spec.x, spec.y = data.x0, data.y0
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = (
        display.x0,
        display.y0,
        display.width,
        display.height,
    )


def _over_display(values: np.ndarray, plate: Plate) -> np.ndarray:
    """An array over the data window, cut or padded with black to the display window."""
    data, display = plate.data_window, plate.display_window
    if data == display:
        return values
    whole = np.zeros((display.height, display.width, *values.shape[2:]), np.float32)
    x0, y0 = max(data.x0, display.x0), max(data.y0, display.y0)
    x1, y1 = min(data.x1, display.x1), min(data.y1, display.y1)
    if x1 > x0 and y1 > y0:
        inside = values[y0 - data.y0 : y1 - data.y0, x0 - data.x0 : x1 - data.x0]
        whole[y0 - display.y0 : y1 - display.y0, x0 - display.x0 : x1 - display.x0] = inside
    return whole


def _fitting(layers: Mapping[str, Matte] | None, plate: Plate, kind: str) -> Mapping[str, Matte]:
    if kind == "openexr":
        return layers or {}
    return {name: _over_display(matte, plate) for name, matte in (layers or {}).items()}

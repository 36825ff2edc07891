"""From a picture to a plate, and a plate's result back into the picture it came from."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from faceplate.arrays import Matte, expect_shapes
from faceplate.colour import Encoding
from faceplate.io.layers import with_layers
from faceplate.io.movie_frame import MovieFrame
from faceplate.io.orientation import as_stored, upright, upright_window
from faceplate.io.picture import Part, Picture
from faceplate.io.samples import as_float, as_native, changed
from faceplate.plate import Plate
from faceplate_client.errors import RequestError

ROWS = 16
"""Rows converted at a time: what fits the processor's cache, no second copy of a 4K frame, and a chunk of a ZIP EXR."""

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


Source = TypeVar("Source", Picture, MovieFrame)


def to_plate(picture: Picture | MovieFrame, frame: int, encoding: Encoding) -> Plate:
    """The picture as the stages see it: upright, float32 RGB over the data window, in the file's own colour space.

    A grey picture is replicated into three channels. `encoding` says what that space is (`colourspaces`); no value is
    changed by it here.
    """
    if isinstance(picture, MovieFrame):
        return Plate.of(picture.rgb(), frame=frame, encoding=encoding)
    part, turn = picture.part, picture.orientation
    pixels = np.empty((part.spec.height, part.spec.width, 3), np.float32)
    for rows in _blocks(part):
        _rgb(picture, rows, out=pixels[rows])
    alpha = None
    if picture.roles.alpha is not None:
        alpha = np.ascontiguousarray(upright(as_float(part.channel(picture.roles.alpha)), turn))
    return Plate(
        np.ascontiguousarray(upright(pixels, turn)),
        frame,
        upright_window(part.data_window, part.display_window, turn),
        upright_window(part.display_window, part.display_window, turn),
        encoding,
        alpha,
        picture.alpha_kind,  # type: ignore[arg-type]
    )


def with_result(
    picture: Source,
    plate: Plate,
    layers: Mapping[str, Matte] | None = None,
    *,
    scale: int = 1,
    before: Plate | None = None,
) -> Source:
    """The picture with the plate's pixels in it, everything else as it was.

    A sample whose float value did not change keeps the file's own number; one that did is rounded once, to the file's
    type. Attributes and all other channels stay. A grey picture takes the change in luminance.

    Args:
        picture: what `to_plate` was given.
        plate: the result, upright, in the same space; (H, W) is the picture's times `scale`.
        layers: name -> (H, W) matte the size of the plate, 0-1; new channels `<name>.a` of an EXR, files beside the
            picture for other formats (see `layers.outputs_of`); ignored for a movie, which has neither.
        scale: 1, 2 or 4. Extra channels are repeated pixel by pixel, since ids and depths have no in-between.
        before: the plate that `to_plate` gave, to save reading it out of the picture again.

    Raises:
        ShapeError: the plate or a layer is not the picture's size times `scale`.
        RequestError: a deep part cannot be scaled.
    """
    if isinstance(picture, MovieFrame):
        return picture.with_rgb(plate.pixels, scale=scale, before=None if before is None else before.pixels)
    part = picture.part
    height, width = upright(np.empty((part.spec.height, part.spec.width)), picture.orientation).shape
    sizes = expect_shapes({"H": height * scale, "W": width * scale}, pixels=(plate.pixels, "H W 3"))
    for name, matte in (layers or {}).items():
        expect_shapes(sizes, **{name: (matte, "H W")})
    result = replace(picture, parts=tuple(_scaled(each, scale, picture.path) for each in picture.parts))
    result = _with_pixels(result, plate, before if scale == 1 else None)
    if scale > 1:
        result = replace(result, changed=True)
    return with_layers(result, layers) if layers else result


def _with_pixels(picture: Picture, plate: Plate, before: Plate | None) -> Picture:
    if before is not None and plate.pixels is before.pixels and plate.alpha is before.alpha:
        return picture
    turn, part = picture.orientation, picture.part
    new = as_stored(plate.pixels, turn)
    old = None if before is None else as_stored(before.pixels, turn)
    runs = _Runs(part)
    for rows in _blocks(part):
        was = _rgb(picture, rows) if old is None else old[rows]
        mask = changed(was, new[rows])
        if mask.any():
            _put_rgb(runs, picture, rows, was, new[rows], mask)
    if plate.alpha is not None and picture.roles.alpha is not None:
        _put_alpha(runs, picture, as_stored(plate.alpha, turn))
    if not runs.changed_rows:
        return picture
    parts = list(picture.parts)
    parts[picture.main] = runs.finished()
    return replace(picture, parts=tuple(parts), changed=True)


class _Runs:
    """A part's runs, each copied when it is first written to."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._copies: dict[int, np.ndarray] = {}
        self.changed_rows: set[tuple[int, int]] = set()

    def rows_of(self, place: int, rows: slice) -> np.ndarray:
        """(h, W) writable view of some rows of one channel, which count as changed from here on."""
        self.changed_rows.add((rows.start, min(rows.stop, self._part.spec.height)))
        for index, run in enumerate(self._part.runs):
            if place < run.shape[2]:
                if index not in self._copies:
                    self._copies[index] = run.copy()
                return self._copies[index][rows, :, place]
            place -= run.shape[2]
        raise IndexError(place)

    def finished(self) -> Part:
        """The part with its new runs."""
        runs = tuple(self._copies.get(index, run) for index, run in enumerate(self._part.runs))
        known, part = self._part.changed_rows, replace(self._part, runs=runs)
        return part if known is None else part.from_file(tuple(sorted({*known, *self.changed_rows})))


def _put_rgb(
    runs: _Runs, picture: Picture, rows: slice, was: np.ndarray, new: np.ndarray, mask: np.ndarray
) -> None:
    bits = picture.part.bits
    if picture.roles.grey:
        where = mask.any(axis=2)
        grey, target = was[where][:, 0], new[where] @ LUMA
        moved = grey + (new[where] - grey[:, None]) @ LUMA
        channel = runs.rows_of(picture.roles.rgb[0], rows)
        channel[where] = as_native(np.where(np.isfinite(grey), moved, target), channel.dtype, bits)
        return
    for index, place in enumerate(picture.roles.rgb):
        where = mask[..., index]
        if where.any():
            channel = runs.rows_of(place, rows)
            channel[where] = as_native(new[..., index][where], channel.dtype, bits)


def _put_alpha(runs: _Runs, picture: Picture, alpha: np.ndarray) -> None:
    place = picture.roles.alpha
    assert place is not None
    old = picture.part.channel(place)
    for rows in _blocks(picture.part):
        where = changed(as_float(old[rows]), alpha[rows])
        if where.any():
            channel = runs.rows_of(place, rows)
            channel[where] = as_native(alpha[rows][where], channel.dtype, picture.part.bits)


def _rgb(picture: Picture, rows: slice, out: np.ndarray | None = None) -> np.ndarray:
    """(h, W, 3) float32 of some rows, as stored, in `out` where that is given."""
    places, part = picture.roles.rgb, picture.part
    if len(part.runs) == 1 and places == (0, 1, 2):
        return as_float(part.runs[0][rows, :, :3], out)
    return np.stack([as_float(part.channel(place)[rows]) for place in places], axis=2, out=out)


def _blocks(part: Part) -> list[slice]:
    return [slice(row, row + ROWS) for row in range(0, part.spec.height, ROWS)]


def _scaled(part: Part, scale: int, path: Path) -> Part:
    """The part with every pixel repeated `scale` times both ways and its windows grown alike."""
    if scale == 1:
        return part
    if part.deep is not None:
        raise RequestError(
            f"{path} has a deep part, which cannot be scaled; give --scale 1 or flatten it first"
        )
    spec = part.spec.copy()
    for name in ("x", "y", "width", "height", "full_x", "full_y", "full_width", "full_height"):
        setattr(spec, name, getattr(spec, name) * scale)
    return Part(spec, tuple(run.repeat(scale, axis=0).repeat(scale, axis=1) for run in part.runs))

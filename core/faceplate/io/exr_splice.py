"""A picture written from its source file's chunks and the rows that changed; see `exr_chunks`."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from faceplate.io.exr_chunks import Chunks, read_chunks, same_content, write_spliced
from faceplate.io.picture import Part, Picture, runs_of, stamp_of
from faceplate.io.samples import same_bits
from faceplate_client.errors import OutputError


def source_chunks(picture: Picture) -> Chunks | None:
    """The chunks of the file a picture came from; None where they cannot be carried over."""
    known = len(picture.parts) == 1 and picture.part.changed_rows is not None
    if picture.format != "openexr" or not known or picture.part.deep is not None:
        return None
    try:
        if stamp_of(picture.path) != picture.stamp:
            return None
        return read_chunks(picture.path)
    except OSError:
        return None  # it went away meanwhile


def splice(path: Path, picture: Picture, source: Chunks, *, code: Callable[[Path, Picture], None]) -> bool:
    """Write a picture from its source's chunks and the rows that changed.

    Args:
        code: writes a picture of the changed rows alone.

    Returns:
        False, and nothing at `path` that is of use, where source and rows do not fit together.

    Raises:
        OutputError: it could not be written; and what `code` raises.
    """
    places = source.touched(picture.part.changed_rows or ())
    fresh: dict[int, memoryview] = {}
    beside = path.with_name(f"{path.name}.rows.exr")
    try:
        if places:
            code(beside, _only(picture, source.rows_of(places)))
            coded = read_chunks(beside)
            if coded is None or coded.channels != source.channels or coded.lines != source.lines:
                return False
            fresh = {place: coded.content(at) for at, place in enumerate(places)}
        write_spliced(path, source, fresh)
    except ValueError:
        return False  # the source's chunks do not lie where it says
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror}") from error
    finally:
        beside.unlink(missing_ok=True)
    return True


def _only(picture: Picture, rows: list[tuple[int, int]]) -> Picture:
    """A picture of some rows, one below the other."""
    part, spec = picture.part, picture.part.spec.copy()
    runs = tuple(np.concatenate([run[first:end] for first, end in rows]) for run in part.runs)
    spec.x, spec.y, spec.height = 0, 0, len(runs[0])
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = 0, 0, spec.width, spec.height
    return replace(picture, parts=(Part(spec, runs),))


def is_spliced(path: Path, picture: Picture, source: Chunks) -> bool:
    """Whether a file is the source but for the rows that changed, and those hold what was meant."""
    written = read_chunks(path)
    if written is None or written.header != source.header:
        return False
    places = source.touched(picture.part.changed_rows or ())
    try:
        for place in set(range(len(source.offsets))).difference(places):
            if not same_content(written.content(place), source.content(place)):
                return False
    except ValueError:
        return False
    return all(_same_rows(path, picture.part, first, end) for first, end in source.rows_of(places))


def _same_rows(path: Path, meant: Part, first: int, end: int) -> bool:
    """Whether some rows of a file, counted from its data window's top, decode to what was meant."""
    file = oiio.ImageInput.open(str(path))
    if file is None:
        return False
    try:
        top = meant.spec.y
        for run, (start, stop, kind) in zip(meant.runs, runs_of(meant.spec), strict=True):
            rows = file.read_scanlines(0, 0, top + first, top + end, 0, start, stop, kind)
            if (
                rows is None
                or file.has_error
                or not same_bits(rows.reshape(run[first:end].shape), run[first:end], 0)
            ):
                return False
        return True
    finally:
        file.close()

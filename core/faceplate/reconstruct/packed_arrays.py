"""Arrays out of an .npz that somebody else may have made: nothing in it is run, nor more unpacked than is allowed."""

import io
import zipfile

import numpy as np

BROKEN = (zipfile.BadZipFile, ValueError, EOFError, KeyError, OSError, NotImplementedError)
"""What zipfile and numpy raise over a damaged file; the last where a zip says that it is packed in an unknown way."""


class Unreadable(Exception):
    """Why a file's arrays cannot be had, as the end of a sentence that names the file."""


def unpacked(content: bytes, *, largest: int) -> dict[str, np.ndarray]:
    """Every array of an .npz, by name.

    Args:
        content: the file. largest: bytes that it may unpack to.

    Raises:
        Unreadable: it is damaged, holds objects, or would unpack to more.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(member.file_size for member in packed.infolist())
        if size > largest:
            raise Unreadable(f"would unpack to {size / 1e9:.1f} GB, more than {largest / 1e9:g}")
        with np.load(io.BytesIO(content), allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except BROKEN as error:
        raise Unreadable(f"cannot be unpacked ({error})") from error

"""How large an input may claim to be, and what kind of file it really is, before anything is decoded."""

import os
from pathlib import Path

from faceplate_client.errors import InputError, RequestError

MAX_IMAGE_MB = 1024
"""Decoded size of one frame, all parts and channels, unless FACEPLATE_MAX_IMAGE_MB says otherwise. A 4K half EXR with
four channels is 71 MB; a 0.9 MB PNG can claim 1800."""

MAX_CHANNELS = 1024

VARIABLE = "FACEPLATE_MAX_IMAGE_MB"

_MAGIC = (
    (b"\x76\x2f\x31\x01", "openexr"),
    (b"SDPX", "dpx"),
    (b"XPDS", "dpx"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
)

FORMATS = {
    ".exr": "openexr",
    ".dpx": "dpx",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
}
"""File ending, lower case -> OpenImageIO's name of the format."""


def max_image_mb() -> int:
    """The limit in force, MB.

    Raises:
        RequestError: the environment variable is not a positive whole number.
    """
    told = os.environ.get(VARIABLE, "")
    if not told:
        return MAX_IMAGE_MB
    if not told.isdecimal() or int(told) < 1:
        raise RequestError(f"{VARIABLE} should be a whole number of megabytes, got {told!r}")
    return int(told)


def too_large(path: Path, claimed: str) -> InputError:
    """The error for a file that claims more than the limit; `claimed` says what it claims."""
    return InputError(
        f"{path} claims {claimed}, and one frame may take {max_image_mb()} MB; "
        f"if the file is what it should be, raise the limit: {VARIABLE}=4096",
        code="input.too_large",
    )


def check_size(path: Path, size: tuple[int, int], channels: int, sample_bytes: int) -> None:
    """Refuse a frame of (width, height) that would decode to more than the limit.

    Raises:
        InputError: names the limit and how to raise it.
    """
    megabytes = size[0] * size[1] * channels * sample_bytes / 2**20
    if megabytes > max_image_mb() or channels > MAX_CHANNELS:
        raise too_large(path, f"{size[0]} x {size[1]} pixels, {channels} channels ({megabytes:.0f} MB)")


def format_of(path: Path) -> str:
    """What a file is by its first bytes, whatever its name says: openexr, dpx, tiff, png or jpeg.

    Raises:
        InputError: it is missing, unreadable, empty, or none of these.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; check the path and the frame number") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    if not head:
        raise InputError(f"{path} is empty; render or copy it again")
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    raise InputError(
        f"{path} is no EXR, DPX, TIFF, PNG or JPEG, or its start is damaged; convert or copy it again"
    )


def format_for(path: Path) -> str:
    """The format a file of this name is written in.

    Raises:
        RequestError: its ending is none that is written.
    """
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        endings = ", ".join(FORMATS)
        raise RequestError(f"{path.name} should end in one of {endings} to be written as a picture") from None

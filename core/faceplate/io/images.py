"""Pictures from files and into files, through OpenImageIO.

What is read keeps its own type, what is written is what the Picture holds: half stays half, ten bits stay ten, and
channels that nobody asked about pass through without a conversion. Lossless formats come back bit for bit; a JPEG
that was changed is compressed again, which cannot be otherwise, and one that was not is copied as a file.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from faceplate.io.exr_splice import is_spliced, source_chunks, splice
from faceplate.io.limits import MAX_CHANNELS, check_size, format_for, format_of, max_image_mb, too_large
from faceplate.io.picture import Part, Picture, check_windows, choose_main, runs_of, stamp_of
from faceplate.io.samples import same_bits
from faceplate_client.errors import InputError, OutputError, RequestError

READABLE = ("half", "float", "double", "uint8", "uint16", "uint")
LAST_EXACT_ID = 2**24
"""OpenImageIO carries mixed channel types through float: whole numbers from here on would be rounded."""


_EXIF_NAMES = ("ExposureTime", "FNumber")
_EMPTY_EXIF = "of the Exif data"
"""libtiff refuses an Exif directory with nothing in it, and OpenImageIO reports that after writing all else well."""


def read_picture(path: str | Path) -> Picture:
    """Read a file whole, in its own types.

    The header is checked before a pixel is decoded: a file may not claim more than FACEPLATE_MAX_IMAGE_MB.

    Raises:
        InputError: missing, truncated, damaged, too large, of another format, or with nothing to see in it.
    """
    path = Path(path)
    kind, stamp = format_of(path), stamp_of(path)
    oiio.attribute("limits:imagesize_MB", max_image_mb())
    oiio.attribute("limits:channels", MAX_CHANNELS)
    hints = oiio.ImageSpec()
    hints.attribute("oiio:UnassociatedAlpha", 1)  # leave straight alpha straight: multiplying would lose bits
    file = oiio.ImageInput.open(str(path), hints)
    if file is None:
        raise _unreadable(path, _told(oiio))
    try:
        parts = tuple(_read_part(file, place, spec, path) for place, spec in enumerate(_headers(file, path)))
        main, roles = choose_main(parts, path)
    except UnicodeDecodeError as error:
        raise _unreadable(path, "its channel names are no text") from error
    finally:
        file.close()
    return Picture(path, kind, parts, main, roles, stamp=stamp)


def _headers(file: oiio.ImageInput, path: Path) -> list[oiio.ImageSpec]:
    specs, total = [], 0.0
    while file.seek_subimage(len(specs), 0):
        spec = file.spec().copy()
        check_size(path, (spec.width, spec.height), spec.nchannels, spec.channel_bytes())
        check_windows(Part(spec, ()), path)
        specs.append(spec)
        total += spec.image_bytes(True) / 2**20
        if total > max_image_mb():
            raise too_large(path, f"{len(specs)} parts of together {total:.0f} MB")
    _told(file)  # looking for one part more than there are leaves a message that means nothing
    return specs


def _read_part(file: oiio.ImageInput, place: int, spec: oiio.ImageSpec, path: Path) -> Part:
    if spec.deep:
        deep = file.read_native_deep_image(place, 0)
        if deep is None or file.has_error:
            raise _unreadable(path, _told(file))
        return Part(spec, (), deep)
    runs = []
    for first, end, kind in runs_of(spec):
        if str(kind) not in READABLE:
            raise InputError(
                f"{path} holds {kind} pixels; Faceplate reads half, float, 8 and 16 bits: convert it"
            )
        pixels = file.read_image(place, 0, first, end, kind)
        if pixels is None or file.has_error:
            raise _unreadable(path, _told(file))
        runs.append(np.asarray(pixels).reshape(spec.height, spec.width, end - first))
    return Part(spec, tuple(runs)).from_file()


def _told(source: Any) -> str:
    """OpenImageIO's last message, which quotes damaged files and so need not be text."""
    try:
        return source.geterror()
    except UnicodeDecodeError:
        return "what it holds makes no sense"


def _unreadable(path: Path, told: str) -> InputError:
    if "limits:" in told:
        return too_large(path, told.splitlines()[0].rstrip("."))
    reason = next((line.strip() for line in told.splitlines() if line.strip()), "no reason given")
    return InputError(f"{path} is damaged or cut short ({reason}); render or copy it again")


def write_picture(path: str | Path, picture: Picture, *, compression: str | None = None) -> None:
    """Write a picture in the format it is in.

    EXR is written ZIP unless the source was ZIP or ZIPS already: the others let a flipped bit pass unseen.
    `compression` overrides that, in OpenImageIO's words ("piz", "dwaa:45", "jpeg:95"). Of a ZIP source only the rows
    that changed are coded again; its header and all other chunks are carried over byte for byte.

    Raises:
        OutputError: it could not be written; what lies at `path` then is not to be used.
        RequestError: the ending of `path` names another format than the picture's (see `plates.picture_of`), or
            the picture holds what no writer can keep.
    """
    path = Path(path)
    kind = format_for(path)
    if kind != picture.format:
        raise RequestError(
            f"a picture read as {picture.format} cannot be written as {path.name}; give {kind} pixels"
        )
    if kind == "jpeg" and not picture.changed and picture.path.exists():
        _copy(picture.path, path)
        return
    source = None if compression else source_chunks(picture)
    if source is None or not splice(path, picture, source, code=_write_whole):
        _write_whole(path, picture, compression)


def _write_whole(path: Path, picture: Picture, compression: str | None = None) -> None:
    kind = picture.format
    specs = tuple(_spec_for(part, kind, compression) for part in picture.parts)
    blocks = [part.deep or _block(part, picture.path) for part in picture.parts]
    oiio.attribute("tiff:half", int(any(spec.format == oiio.HALF for spec in specs)))
    file = oiio.ImageOutput.create(str(path))
    if file is None:
        raise OutputError(f"{path} cannot be written: {_told(oiio)}")
    _write_parts(file, path, specs, blocks)


def _write_parts(file: oiio.ImageOutput, path: Path, specs: tuple[oiio.ImageSpec, ...], blocks: list) -> None:
    try:
        for place, (spec, block) in enumerate(zip(specs, blocks, strict=True)):
            if place:
                opened = file.open(str(path), spec, "AppendSubimage")
            elif len(specs) > 1 and file.supports("multiimage") and file.format_name() == "openexr":
                opened = file.open(str(path), specs)
            else:
                opened = file.open(str(path), spec)
            wrote = opened and (file.write_deep_image(block) if spec.deep else file.write_image(block))
            if not wrote:
                raise OutputError(f"{path} could not be written: {_told(file) or 'no reason given'}")
    finally:
        closed = file.close()
    told = _told(file)
    if not closed or (told and _EMPTY_EXIF not in told):
        raise OutputError(f"{path} could not be finished: {told or 'no reason given'}")


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise OutputError(f"{target} could not be written: {error.strerror}") from error


def _spec_for(part: Part, kind: str, compression: str | None) -> oiio.ImageSpec:
    spec = part.spec.copy()
    for name in ("openexr:levelmode", "openexr:roundingmode", "oiio:subimages", "openexr:chunkCount"):
        spec.erase_attribute(name)  # only the full-size level is kept; the rest the writer counts itself
    held = spec.get_string_attribute("compression").split(":")[0].lower()
    if kind == "openexr" and not spec.deep:
        _compress_exr(spec, part, held, compression)
    if kind == "tiff":
        if held in ("jpeg", "ojpeg", "ccittrle", "ccittfax3", "ccittfax4", ""):
            spec.attribute("compression", "zip")
        if not any(each.name.startswith("Exif:") or each.name in _EXIF_NAMES for each in spec.extra_attribs):
            spec.attribute("tiff:write_exif", 0)
        if spec.get_int_attribute("tiff:PhotometricInterpretation", 2) not in (0, 1, 2):
            spec.erase_attribute("tiff:PhotometricInterpretation")  # palettes and YCbCr arrive as RGB
    if kind == "jpeg":
        spec.attribute("Compression", "jpeg:98")
    if compression:
        spec.attribute("compression", compression)
    return spec


def _compress_exr(spec: oiio.ImageSpec, part: Part, held: str, wanted: str | None) -> None:
    """ZIP unless it is lossless ZIP already. An ACES container (SMPTE ST 2065-4) must be uncompressed half R G B A:
    one stays one as long as it can, and is a plain EXR of the same primaries once it has layers.
    """
    if spec.get_int_attribute("acesImageContainerFlag"):
        plain = set(part.names) <= set("RGBA") and all(run.dtype == np.float16 for run in part.runs)
        if plain and wanted in (None, "none"):
            spec.attribute("compression", "none")
            return
        spec.erase_attribute("acesImageContainerFlag")
        spec.erase_attribute("openexr:ACESContainerPolicy")
    if held not in ("zip", "zips"):
        spec.attribute("compression", "zip")


def _block(part: Part, path: Path) -> np.ndarray:
    """A part's pixels as one array that OpenImageIO writes without changing a bit."""
    if len({run.dtype for run in part.runs}) == 1:
        return np.concatenate(part.runs, axis=2) if len(part.runs) > 1 else np.ascontiguousarray(*part.runs)
    block = np.empty((part.spec.height, part.spec.width, len(part.names)), np.float32)
    at = 0
    for run in part.runs:
        block[..., at : at + run.shape[2]] = run if run.dtype.kind == "f" else _ids_as_float(run, path)
        at += run.shape[2]
    return block


def _ids_as_float(run: np.ndarray, path: Path) -> np.ndarray:
    if run.size and int(run.max()) >= LAST_EXACT_ID:
        raise RequestError(
            f"{path.name} would hold whole numbers above {LAST_EXACT_ID - 1} beside float channels, which cannot be "
            f"kept exactly; write the id channels as float, or into a part of their own, and give that file"
        )
    return run.astype(np.float64) / np.iinfo(run.dtype).max


def verify_picture(path: str | Path, picture: Picture) -> None:
    """Read a file back and hold it against the picture that was to be written: same windows, same bits.

    Chunks that were carried over are held against the source's bytes, which were decoded when it was read. JPEG is
    checked for being whole and of the right size; its pixels cannot be the same.

    Raises:
        OutputError: it is not the same.
    """
    path = Path(path)
    source = source_chunks(picture)
    if source is not None and is_spliced(path, picture, source):
        return
    try:
        found = read_picture(path)
    except InputError as error:
        raise OutputError(f"{path} was written but does not read back: {error}") from error
    if len(found.parts) != len(picture.parts):
        raise OutputError(
            f"{path} should have {len(picture.parts)} parts and has {len(found.parts)}; disk trouble?"
        )
    for wrote, meant in zip(found.parts, picture.parts, strict=True):
        if wrote.data_window != meant.data_window or wrote.display_window != meant.display_window:
            raise OutputError(f"{path} came back with other windows than were written; disk trouble?")
        if picture.format != "jpeg" and meant.deep is None:
            _verify_channels(path, wrote, meant, by_name=picture.format == "openexr")


def _verify_channels(path: Path, wrote: Part, meant: Part, *, by_name: bool) -> None:
    if not by_name and len(wrote.names) != len(meant.names):
        raise OutputError(f"{path} came back with {len(wrote.names)} channels instead of {len(meant.names)}")
    if len(wrote.runs) == len(meant.runs) == 1 and wrote.names == meant.names:
        if same_bits(wrote.runs[0], meant.runs[0], meant.bits):
            return
        raise OutputError(f"{path} came back with other pixels than were written; disk trouble?")
    for place, name in enumerate(meant.names):
        if by_name and name not in wrote.names:
            raise OutputError(f"{path} came back without the channel {name}; disk trouble?")
        there = wrote.names.index(name) if by_name else place
        if not same_bits(wrote.channel(there), meant.channel(place), meant.bits):
            raise OutputError(f"{path} came back with other pixels than were written ({name}); disk trouble?")

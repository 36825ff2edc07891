"""Layers that travel with a picture: channels of the same EXR, or files beside a picture that has no room for them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from faceplate.arrays import Matte
from faceplate.io.orientation import as_stored
from faceplate.io.picture import Part, Picture, Roles
from faceplate.io.samples import as_native

_NUMBER = re.compile(r"^(?P<name>.*?)(?P<number>[._]?-?\d+)?(?P<ending>\.[^.]+)$")


def with_layers(picture: Picture, layers: Mapping[str, Matte]) -> Picture:
    """The picture with layers added: `matte` becomes the EXR channel `matte.a`, or waits to be a file of its own.

    A channel of that name is replaced, so that restoring a restored plate does not pile layers up. Mattes are half
    beside half RGB and float beside float. A layer whose name has a dot is such a channel already, `forward.u`, and
    always float: half would place a pixel of 4K by two.

    Args:
        layers: name -> (H, W) as the plate is seen (upright); mattes 0-1, vectors any value and for EXR only.
    """
    stored = {name: as_stored(matte, picture.orientation) for name, matte in layers.items()}
    if picture.format != "openexr":
        return replace(picture, layers=stored)
    parts = list(picture.parts)
    kind = picture.part.channel(picture.roles.rgb[0]).dtype
    mattes = {f"{name}.a": matte for name, matte in stored.items() if "." not in name}
    vectors = {name: vector for name, vector in stored.items() if "." in name}
    part = picture.part
    for channels, dtype in (
        (mattes, kind if kind.kind == "f" else np.dtype(np.float32)),
        (vectors, np.dtype(np.float32)),
    ):
        part = _with_channels(part, channels, dtype) if channels else part
    parts[picture.main] = part
    return replace(picture, parts=tuple(parts), changed=True)


def _with_channels(part: Part, mattes: Mapping[str, Matte], kind: np.dtype) -> Part:
    kept = [(name, part.channel(place)) for place, name in enumerate(part.names) if name not in mattes]
    if len(kept) != len(part.names):
        part = _rebuilt(part, kept)
    runs = part.runs
    joined = runs[-1:] if runs[-1].dtype == kind else ()
    held = sum(run.shape[2] for run in joined)
    block = np.empty((*runs[0].shape[:2], held + len(mattes)), kind)
    if joined:
        block[..., :held] = joined[0]
    block[..., held:] = 0
    for place, matte in enumerate(mattes.values(), held):
        rows = matte.any(axis=1)  # most of a matte is empty, and nothing need not be converted
        block[rows, :, place] = as_native(matte[rows], kind, 0)
    runs = (*runs[: len(runs) - len(joined)], block)
    return Part(_header(part, (*part.names, *mattes), runs), runs)


def _rebuilt(part: Part, kept: list[tuple[str, np.ndarray]]) -> Part:
    runs: list[list[np.ndarray]] = []
    for _, channel in kept:
        if runs and runs[-1][0].dtype == channel.dtype:
            runs[-1].append(channel)
        else:
            runs.append([channel])
    stacked = tuple(np.stack(run, axis=2) for run in runs)
    return Part(_header(part, tuple(name for name, _ in kept), stacked), stacked)


def _header(part: Part, names: tuple[str, ...], runs: tuple[np.ndarray, ...]) -> oiio.ImageSpec:
    spec = part.spec.copy()
    kinds = [oiio.TypeDesc(_WORDS[str(run.dtype)]) for run in runs for _ in range(run.shape[2])]
    spec.nchannels = len(names)
    spec.channelnames = names
    spec.channelformats = tuple(kinds) if len({str(kind) for kind in kinds}) > 1 else ()
    spec.format = kinds[0] if len({str(kind) for kind in kinds}) == 1 else oiio.FLOAT
    return spec


_WORDS = {"float16": "half", "float32": "float", "float64": "double", "uint32": "uint", "uint16": "uint16"}


def outputs_of(path: Path, picture: Picture) -> list[tuple[Path, Picture]]:
    """Every file a picture becomes when it is written to `path`: itself, then a 16-bit PNG for each waiting layer."""
    return [(path, replace(picture, layers={})), *layer_pictures(path, picture.layers, picture.orientation)]


def layer_pictures(
    path: Path, layers: Mapping[str, Matte], orientation: int = 1
) -> list[tuple[Path, Picture]]:
    """Mattes as pictures of their own: `plate.1001.jpg` gets `plate.matte.1001.png`.

    Args:
        layers: name -> (H, W), 0-1, as stored (not turned upright).
        orientation: EXIF orientation the mattes share with the picture they belong to.
    """
    return [(beside(path, name), _grey_png(path, matte, orientation)) for name, matte in layers.items()]


def beside(path: Path, layer: str) -> Path:
    """Where a layer of the picture at `path` goes: the layer's name stands before the frame number."""
    found = _NUMBER.match(path.name)
    if found is None:
        return path.with_name(f"{path.name}.{layer}.png")
    return path.with_name(f"{found['name']}.{layer}{_dotted(found['number'])}.png".lstrip("."))


def _dotted(number: str | None) -> str:
    return "" if number is None else number if number[0] in "._" else f".{number}"


def _grey_png(path: Path, matte: Matte, orientation: int) -> Picture:
    height, width = matte.shape
    spec = oiio.ImageSpec(width, height, 1, oiio.UINT16)
    spec.channelnames = ("Y",)
    if orientation != 1:
        spec.attribute("Orientation", orientation)
    pixels = as_native(matte, np.dtype(np.uint16), 16)[..., None]
    return Picture(path, "png", (Part(spec, (pixels,)),), 0, Roles((0, 0, 0)), changed=True)

"""Small picture files of every format, written by OpenImageIO alone, for tests of what reads them."""

from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

TYPES = {"half": np.float16, "float": np.float32, "uint8": np.uint8, "uint16": np.uint16, "uint": np.uint32}


def save_picture(
    path: Path,
    pixels: np.ndarray,
    *,
    names: tuple[str, ...] | None = None,
    kinds: tuple[str, ...] = (),
    origin: tuple[int, int] = (0, 0),
    display: tuple[int, int, int, int] | None = None,
    **attributes: Any,
) -> Path:
    """Write (H, W, C) pixels. `kinds`: a type for each channel; `attributes`: `__` stands for a colon, a pair is
    (OIIO type, value).
    """
    height, width, channels = pixels.shape
    kind = next(name for name, dtype in TYPES.items() if np.dtype(dtype) == pixels.dtype)
    spec = oiio.ImageSpec(width, height, channels, oiio.TypeDesc(kind))
    if names:
        spec.channelnames = names
    if kinds:
        spec.channelformats = tuple(oiio.TypeDesc(each) for each in kinds)
    spec.x, spec.y = origin
    spec.full_x, spec.full_y, spec.full_width, spec.full_height = display or (*origin, width, height)
    if channels in (2, 4) and path.suffix != ".exr":
        spec.attribute("oiio:UnassociatedAlpha", 1)
    for name, value in attributes.items():
        if isinstance(value, tuple) and isinstance(value[0], str):
            spec.attribute(name.replace("__", ":"), oiio.TypeDesc(value[0]), value[1])
        else:
            spec.attribute(name.replace("__", ":"), value)
    oiio.attribute("tiff:half", int(kind == "half"))
    file = oiio.ImageOutput.create(str(path))
    assert file is not None
    assert file.open(str(path), spec), file.geterror()
    assert file.write_image(np.ascontiguousarray(pixels)), file.geterror()
    assert file.close()
    return path


def noise(shape: tuple[int, ...], dtype: type, *, seed: int = 0, bits: int = 0) -> np.ndarray:
    """Seeded samples over the whole range of a type; floats include values above 1, below 0, NaN and Inf."""
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        values = random.normal(0.4, 1.5, shape).astype(dtype)
        odd = random.random(shape)
        values[odd < 0.02] = np.nan
        values[(odd > 0.02) & (odd < 0.03)] = np.inf
        return values
    if bits:
        top = np.iinfo(dtype).bits
        codes = random.integers(0, 2**bits, shape, dtype=dtype)
        return (codes << (top - bits)) | (codes >> (2 * bits - top))
    return random.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def bits_of(pixels: np.ndarray) -> np.ndarray:
    """The array as whole numbers, so that NaN equals itself and -0 differs from 0."""
    return pixels.view(f"u{pixels.dtype.itemsize}")

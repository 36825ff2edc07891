"""A file's numbers as float32 and back: the only place where a picture's samples change their type."""

from typing import Any

import cv2
import numpy as np

with np.errstate(invalid="ignore"):
    _HALVES = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32) - np.float32(0)
"""Every half there is, as float32, NaN always a quiet one: looking them up is faster than numpy converts them."""


def as_float(native: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Samples of any readable type -> float32 of the same shape; whole numbers become 0-1, floats keep their value.

    `out`: a contiguous float32 array of that shape to put them in.
    """
    if native.dtype == np.float16:
        return _float_of_halves(native, np.empty(native.shape, np.float32) if out is None else out)
    if out is not None:
        out[...] = as_float(native)
        return out
    if native.dtype.kind == "u":
        return native.astype(np.float32) / np.float32(np.iinfo(native.dtype).max)
    return native.astype(np.float32)


def _float_of_halves(native: np.ndarray, out: np.ndarray) -> np.ndarray:
    if native.flags.c_contiguous and out.flags.c_contiguous and native.size:
        rows = len(native) if native.ndim else 1
        # OpenCV turns eight at a time; less nothing, not plus nothing, or -0 would become 0.
        nothing: Any = 0.0  # OpenCV takes a number for a picture, its types do not say so
        cv2.subtract(native.reshape(rows, -1), nothing, out.reshape(rows, -1), None, cv2.CV_32F)
        return out
    return np.take(_HALVES, native.view(np.uint16), out=out, mode="clip")  # other modes go through a copy


def as_native(values: np.ndarray, dtype: np.dtype, bits: int) -> np.ndarray:
    """float32 -> samples of `dtype`, rounded to the nearest one a file of `bits` bits can hold.

    Whole numbers: NaN becomes 0, values outside 0-1 are clipped, fewer bits than the type has lie in its top.
    Half: finite values beyond 65504 stay finite.
    """
    if dtype == np.float16:
        with np.errstate(over="ignore"):
            halves = values.astype(np.float16)
        if np.isinf(halves).any():
            halves = np.where(np.isfinite(values), np.clip(values, -65504, 65504), values).astype(np.float16)
        return halves
    if dtype.kind == "f":
        return values.astype(dtype)
    steps, top = 2**bits - 1, int(np.iinfo(dtype).max)
    level = np.rint(np.clip(np.nan_to_num(values.astype(np.float64), nan=0.0), 0.0, 1.0) * steps)
    return np.rint(level * (top / steps)).astype(dtype)


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where two float32 arrays differ in a bit: NaN equals the same NaN, 0 differs from -0."""
    return before.view(np.uint32) != after.view(np.uint32)


def same_bits(wrote: np.ndarray, meant: np.ndarray, bits: int) -> bool:
    """Whether two arrays of samples hold the same numbers, NaN by NaN; of ten bits the ten that count."""
    if wrote.dtype != meant.dtype or wrote.shape != meant.shape:
        return False
    if wrote.dtype.kind == "f":
        whole = f"u{wrote.dtype.itemsize}"
        return np.array_equal(wrote.view(whole), meant.view(whole))
    spare = wrote.dtype.itemsize * 8 - bits  # ten bits travel in the top of sixteen
    return np.array_equal(wrote >> spare, meant >> spare) if spare else np.array_equal(wrote, meant)

"""Pictures stored lying on their side: EXIF orientations 1-8 undone for the plate and redone for the file."""

import numpy as np

from faceplate.plate import Rect

_TURNS = {
    1: (False, False, False),
    2: (False, True, False),
    3: (True, True, False),
    4: (True, False, False),
    5: (False, False, True),
    6: (True, False, True),
    7: (True, True, True),
    8: (False, True, True),
}
"""Orientation -> flip rows, flip columns (of the stored array), then swap rows with columns. EXIF 2.32, tag 274."""


def upright(stored: np.ndarray, orientation: int) -> np.ndarray:
    """The array as it is meant to be looked at, (H, W, ...) or (W, H, ...); a view, nothing is resampled."""
    rows, columns, swap = _TURNS[orientation]
    turned = stored[:: -1 if rows else 1, :: -1 if columns else 1]
    return turned.swapaxes(0, 1) if swap else turned


def as_stored(shown: np.ndarray, orientation: int) -> np.ndarray:
    """The inverse of `upright`."""
    rows, columns, swap = _TURNS[orientation]
    turned = shown.swapaxes(0, 1) if swap else shown
    return turned[:: -1 if rows else 1, :: -1 if columns else 1]


def upright_window(window: Rect, display: Rect, orientation: int) -> Rect:
    """Where a stored window lies once the display window it belongs to stands upright."""
    rows, columns, swap = _TURNS[orientation]
    x0, y0, x1, y1 = window.x0, window.y0, window.x1, window.y1
    if columns:
        x0, x1 = display.x0 + display.x1 - x1, display.x0 + display.x1 - x0
    if rows:
        y0, y1 = display.y0 + display.y1 - y1, display.y0 + display.y1 - y0
    return Rect(y0, x0, y1, x1) if swap else Rect(x0, y0, x1, y1)

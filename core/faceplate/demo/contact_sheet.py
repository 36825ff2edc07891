"""A contact sheet: pictures in rows with a caption each, for looking at before believing."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, Matte
from faceplate_client.errors import OutputError

CAPTION = 22
GAP = 8
PAPER, INK = 24, 225


@dataclass(frozen=True)
class Cell:
    """One picture on the sheet.

    `picture`: (H, W, 3) or (H, W), display-encoded, 0-1; what lies outside is clipped, NaN is black.
    `caption`: one line of ASCII.
    """

    picture: Image | Matte
    caption: str


def contact_sheet(rows: Sequence[Sequence[Cell]], *, width: int = 1600, title: str = "") -> NDArray[np.uint8]:
    """Lay pictures out in rows; each row fills the width, its pictures equally high.

    Args:
        rows: one or more rows of one or more cells.
        width: of the sheet, pixels.
        title: a line above everything.

    Returns:
        (H, width, 3) uint8 RGB, display-encoded.
    """
    strips = [line(title, width)] if title else []
    strips += [row_of(cells, width) for cells in rows]
    return np.concatenate(strips, axis=0)


def row_of(cells: Sequence[Cell], width: int) -> NDArray[np.uint8]:
    """One row: every picture scaled to one height, such that together they fill the width."""
    aspects = [cell.picture.shape[1] / cell.picture.shape[0] for cell in cells]
    height = max(int((width - GAP * (len(cells) + 1)) / sum(aspects)), 1)
    row = np.full((height + CAPTION + GAP, width, 3), PAPER, np.uint8)
    left = GAP
    for cell, aspect in zip(cells, aspects, strict=True):
        across = max(int(height * aspect), 1)
        row[:height, left : left + across] = fitted(cell.picture, across, height)
        write(row, cell.caption, left, height + CAPTION - 7)
        left += across + GAP
    return row


def fitted(picture: Image | Matte, width: int, height: int) -> NDArray[np.uint8]:
    """The picture as 8-bit RGB at this size: area-averaged when it shrinks, enlarged by Lanczos."""
    shown = np.clip(np.nan_to_num(picture.astype(np.float32), nan=0.0), 0.0, 1.0)
    if shown.ndim == 2:
        shown = np.repeat(shown[..., None], 3, axis=2)
    shrinks = width < shown.shape[1]
    sized = cv2.resize(
        shown, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
    )
    return np.rint(np.clip(sized, 0.0, 1.0) * 255).astype(np.uint8)


def line(text: str, width: int) -> NDArray[np.uint8]:
    strip = np.full((CAPTION + GAP, width, 3), PAPER, np.uint8)
    write(strip, text, GAP, CAPTION - 4)
    return strip


def write(sheet: NDArray[np.uint8], text: str, x: int, y: int) -> None:
    """Write one line of ASCII onto the sheet, its baseline at (x, y)."""
    cv2.putText(sheet, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.47, (INK, INK, INK), 1, cv2.LINE_AA)


def save_sheet(path: Path, sheet: NDArray[np.uint8]) -> None:
    """Write a sheet as PNG.

    Raises:
        OutputError: it could not be written.
    """
    coded, png = cv2.imencode(".png", sheet[..., ::-1])
    try:
        if not coded:
            raise OutputError(f"the contact sheet {path} could not be encoded")
        path.write_bytes(png.tobytes())
    except OSError as wrong:
        raise OutputError(f"the contact sheet {path} could not be written: {wrong.strerror}") from wrong

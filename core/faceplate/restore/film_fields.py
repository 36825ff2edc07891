"""Interlaced frames: two fields, half a frame apart in time, woven into one picture; told from pixels, and taken apart.

The top field is the rows 0, 2, 4 ... of the display window, the bottom field those between. Which of the two was filmed
first is the footage's field order.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, expect_shapes
from faceplate.errors import RangeError
from faceplate.plate import Fields, Plate
from faceplate.stages.view import mend, view_plate

SHORTEST = 8
"""Rows that a picture needs to have fields worth speaking of."""

COLUMNS = 480
"""Columns, about, that fields are told on: all rows, and as few of the columns as do."""

AHEAD = 1.1
"""Times smoother that one order of fields must be than the other to be right, and a frame than both to be whole."""

FEWEST = 3
"""Frames that must say the same before footage is believed to be interlaced."""

COMB = 4.0
"""Times what moved nearby that a pixel may leave the mean of its two fields by, so that no comb is left."""

SLANT_SHARE, SLANT_LEAD = 0.5, 0.06
"""A slant is followed where rows differ along it by less than this share of what they differ by straight down, and by
that much less, display-encoded, added up over three pixels."""

_REC709 = np.array([0.2126, 0.7152, 0.0722], np.float32)

Rows = NDArray[np.float32]
"""(H, about COLUMNS): luminance of a frame, display-encoded, all rows."""


@dataclass(frozen=True)
class Combing:
    """How rough a frame is from row to row: as it is, and woven with a field of the frame before it, mean absolute.

    `whole`: the frame. `top`: its top field with the bottom field before it, which is smoother where the top field
    comes first. `bottom`: its bottom field with the top field before it.
    """

    whole: float
    top: float
    bottom: float

    @property
    def says(self) -> Fields:
        """What this pair of frames says; "" where too little moved."""
        if max(self.top, self.bottom) > AHEAD * min(self.top, self.bottom):
            return "top" if self.top < self.bottom else "bottom"
        return "progressive" if min(self.top, self.bottom) > AHEAD * self.whole else ""


def rows_of(plate: Plate) -> Rows | None:
    """A frame as its fields are told on, None where it is too low to have any."""
    if plate.pixels.shape[0] < SHORTEST:
        return None
    step = max(1, plate.pixels.shape[1] // COLUMNS)
    thin = Plate.of(np.ascontiguousarray(plate.pixels[:, ::step]), encoding=plate.encoding)
    rows = view_plate(thin).pixels @ _REC709
    # The first row of the data window may lie in either field.
    return rows[1:] if plate.data_window.y0 % 2 else rows


def combing(here: Rows, before: Rows) -> Combing:
    """Compare a frame with the frame before it.

    Args:
        here, before: both as `rows_of` gives them, one size.

    Raises:
        ShapeError: different sizes.
    """
    expect_shapes(here=(here, "H W"), before=(before, "H W"))
    top, bottom = before.copy(), before.copy()
    top[0::2], bottom[1::2] = here[0::2], here[1::2]
    whole, with_top, with_bottom = (_roughness(each) for each in (here, top, bottom))
    return Combing(whole, with_top, with_bottom)


def _roughness(rows: Rows) -> float:
    return float(np.abs(rows[:-2] + rows[2:] - 2 * rows[1:-1]).mean())


def fields_of(seen: Sequence[Combing]) -> Fields:
    """What footage is made of, by the vote of its frames.

    Args:
        seen: of every two frames in a row of one shot.

    Returns:
        "top" or "bottom" where FEWEST frames and two thirds of all that say anything say so; "progressive" where most
        of them say that; "" where nothing moves. Footage with fields in some frames only, such as pulled-down film,
        counts as what most of its frames are.
    """
    votes = Counter(each.says for each in seen)
    told = votes["top"] + votes["bottom"] + votes["progressive"]
    for order in ("top", "bottom"):
        if votes[order] >= FEWEST and 3 * votes[order] >= 2 * told:
            return order
    return "progressive" if 2 * votes["progressive"] > told else ""


def deinterlace(plate: Plate, before: Plate | None, after: Plate | None, *, first: Fields) -> Plate:
    """Make a frame whole at the time of its first field.

    The rows of the first field stay as they are. Each pixel between them is what the rows above and below say along
    the direction that fits best, held within what the same row says before and after: where nothing moves that is the
    second field itself, so nothing is lost; where something moves the second field, which was filmed later, has no say.

    Args:
        plate: interlaced, in its own space, any values.
        before, after: the frames beside it in the same shot, of the same windows; where one is missing the other stands
            in, where both are, rows are interpolated from this frame alone.
        first: "top" or "bottom", the field filmed first.

    Returns:
        The plate with the rows of its second field made anew; the others bit for bit.

    Raises:
        RangeError: a field order that is neither. ShapeError: frames of different size.

    After: Niedermayer, "yadif" (yet another deinterlacing filter), 2006: its temporal and spatial bounds.
    """
    if first not in ("top", "bottom"):
        raise RangeError(f"the first field should be top or bottom, got {first}")
    if plate.pixels.shape[0] < SHORTEST:
        return plate
    start = (1 if first == "top" else 0) ^ (plate.data_window.y0 % 2)  # of the second field
    near = [None if each is None else _encoded(each) for each in (before or after, after or before)]
    made = _second_field(_encoded(plate), *near, start=start)
    pixels = plate.pixels.copy()
    pixels[start::2] = np.asarray(plate.encoding.decode(made), np.float32)
    return plate.with_pixels(pixels)


def _encoded(plate: Plate) -> Image:
    """(H, W, 3) display-encoded and finite, not clipped."""
    broken = ~np.isfinite(plate.pixels)
    pixels = mend(plate.pixels, broken) if broken.any() else plate.pixels
    return np.asarray(plate.encoding.encode(np.ascontiguousarray(pixels)), np.float32)


def _second_field(here: Image, before: Image | None, after: Image | None, *, start: int) -> Image:
    """(h, W, 3): rows start, start + 2, ... of a frame, at the time of its other rows."""
    above, below = _rows_beside(here, start)
    along = _along_edges(above, below)
    if before is None or after is None:
        return along
    expect_shapes(here=(here, "H W 3"), before=(before, "H W 3"), after=(after, "H W 3"))
    earlier, later = (
        before[start::2],
        here[start::2],
    )  # the second field, half a frame before and half a frame after
    middle = (earlier + later) * np.float32(0.5)
    moved = np.abs(earlier - later) / 2
    for other in (before, after):
        its_above, its_below = _rows_beside(other, start)
        moved = np.maximum(moved, (np.abs(its_above - above) + np.abs(its_below - below)) / 2)
    moved = _with_combs(moved, middle, above, below)
    return np.clip(along, middle - moved, middle + moved)


def _rows_beside(frame: Image, start: int) -> tuple[Image, Image]:
    """The rows above and below each of the rows start, start + 2, ...; at the border the one that is there, twice."""
    height = frame.shape[0]
    rows = np.arange(start, height, 2)
    up = np.where(rows > 0, rows - 1, rows + 1)
    down = np.where(rows < height - 1, rows + 1, rows - 1)
    return frame[up], frame[down]


def _with_combs(moved: Image, middle: Image, above: Image, below: Image) -> Image:
    """Allow more than what moved where `middle` sticks out of its rows: a comb that two fields would make there.

    Fine detail that stands still sticks out as well, so no more is allowed than COMB times what moved nearby.
    """
    over = np.concatenate([middle[:1], middle[:-1]])
    under = np.concatenate([middle[1:], middle[-1:]])
    up, down, beside = middle - above, middle - below, (over - above, under - below)
    most = np.maximum(np.maximum(down, up), np.minimum(*beside))
    least = np.minimum(np.minimum(down, up), np.maximum(*beside))
    nearby = cv2.dilate(moved, np.ones((3, 7), np.uint8))
    return np.maximum(moved, np.minimum(np.maximum(least, -most), COMB * nearby))


def _along_edges(above: Image, below: Image) -> Image:
    """(h, W, 3): between two rows, along whichever of five slants the rows agree on best."""
    one, other = above @ _REC709, below @ _REC709
    # Straight down unless a slant is clearly better: among five, grain always likes one best.
    straight = _apart(one, other, 0)
    best = SLANT_SHARE * straight - np.float32(SLANT_LEAD)
    made = (above + below) * np.float32(0.5)
    for narrow, wide in ((-1, -2), (1, 2)):
        apart = {step: _apart(one, other, step) for step in (narrow, wide)}
        # Rows that repeat agree along wide slants by chance: the narrow one must be on the way there.
        apart[wide] = np.where(apart[narrow] < straight, apart[wide], np.inf)
        for step in (narrow, wide):
            better = apart[step] < best
            best = np.where(better, apart[step], best)
            slanted = (_shifted(above, step) + _shifted(below, -step)) * np.float32(0.5)
            made = np.where(better[..., None], slanted, made)
    return made


def _apart(one: Rows, other: Rows, step: int) -> Rows:
    """How unlike three pixels above and three below are along a slant of `step` pixels either way."""
    difference = np.abs(_shifted(one, step) - _shifted(other, -step))
    return cv2.blur(difference, (3, 1), borderType=cv2.BORDER_REPLICATE) * 3


def _shifted(rows: NDArray[np.float32], step: int) -> NDArray[np.float32]:
    """What lies `step` pixels to the right, the last column repeated."""
    columns = np.clip(np.arange(rows.shape[1]) + step, 0, rows.shape[1] - 1)
    return rows[:, columns]

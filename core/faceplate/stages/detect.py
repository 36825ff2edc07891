"""Where the faces are on a plate: found small or large, then looked at again one by one for steady points.

A plate is shown to the net at a few sizes. The small ones hold large faces whole; the finest is cut into overlapping
tiles, so that a 24-pixel face on a 4K plate arrives at the net as large as it is. Each face found is then turned
upright, brought to one size, and shown once more together with its mirror image: points that agree in both do not
wander when the plate's grain changes from frame to frame.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, Matrix
from faceplate.errors import RangeError, ShapeError
from faceplate.faces import Face
from faceplate.geometry import apply, inverse, scaling, translation, warp
from faceplate.plate import Plate, Rect
from faceplate.runtime.net import Net
from faceplate.stages.face_rows import Row, Rows, as_rows, keep_best, mirrored, moved_box, overlap
from faceplate.stages.view import mend

THRESHOLD = 0.6
"""Score from which a face is a face; measured in the recipe's evaluation."""

CANDIDATE = 0.4
"""A second look is worth it from this share of the threshold on."""

READABLE = 14.0
"""Lowest face, pixels, that the net finds reliably; plates are enlarged for smaller ones, at most LARGEST_ZOOM."""

LARGEST_ZOOM = 2.0
TILE, TILE_OVERLAP = 640, 128
STEP = 4.5
"""How much finer one size is than the one before: the net finds faces over a range of more than ten to one."""

OVERVIEW = 256
"""Long side of the coarsest size, at which a face that fills the frame is of a size the net has seen."""

CLOSE_UP = 192
"""Side of the second look, pixels; the face is half as high."""

FIRST = 0.3
"""Share of the first look in a face's score. The second has the face before it upright and large, and was taught on
what the first takes for faces: where they differ it is right more often.
"""

LEAST_LINEAR = 0.75
"""From this scale on sizes are interpolated: area means of so few pixels take six times as long on a 4K plate."""

STRIDE = 32

ROWS = 16
"""Rows encoded at a time: few enough that the copies stay in the cache."""


def detect_faces(
    plate: Plate, net: Net, *, smallest: float = 16.0, threshold: float = THRESHOLD, refine: bool = True
) -> list[Face]:
    """Find every face on a plate.

    Args:
        plate: in its own space, any size, any values.
        net: a face.detect net, see `faceplate.nets.detect_net`: (B, 3, H, W) display-encoded sRGB, 0-1, sides
            multiples of 32 -> (B, N, 15).
        smallest: height of the lowest face to look for, pixels, 6 or more; the smaller, the longer it takes.
        threshold: 0-1, the score a face must reach.
        refine: look at every face a second time for better points; False is faster and less steady.

    Returns:
        Faces in display window coordinates, largest area first; an empty list where there are none.

    Raises:
        RangeError: `smallest` or `threshold` outside their range.
        ShapeError: the net does not answer as a face.detect net does.
    """
    if not (np.isfinite(smallest) and smallest >= 6):
        raise RangeError(f"the smallest face to look for should be 6 pixels or more, got {smallest}")
    if not 0.0 < threshold < 1.0:
        raise RangeError(f"the score a face must reach should lie between 0 and 1, got {threshold}")
    rows = [_look(shown, net, threshold * CANDIDATE) for shown in _sizes(plate, smallest)]
    rows = keep_best(np.concatenate(rows))
    if refine:
        rows = keep_best(as_rows([_second_look(plate, net, row) for row in rows]))
    rows = rows[(rows[:, 0] >= threshold) & (rows[:, 4] - rows[:, 2] >= smallest)]
    shift = np.array([plate.data_window.x0, plate.data_window.y0], np.float32)
    faces = [_face(row, shift) for row in rows]
    return sorted(faces, key=lambda face: (-face.width * face.height, face.box))


def exposure_for(pixels: Image, *, scene_linear: bool) -> float:
    """The gain at which a picture is neither too dark nor burnt out for a net that looks for faces.

    Args:
        pixels: (..., 3), in the plate's space; what is not finite is not counted.
        scene_linear: whether values are proportional to light; if not, only dark pictures are lifted, and less.

    Returns:
        1.0 for a picture whose bright parts are bright and whose middle is not white; else the factor to
        multiply by, before the encoding where the plate is scene-linear, after it elsewhere. Continuous.
    """
    level = pixels.reshape(-1, 3).mean(1)
    level = level[np.isfinite(level)]
    if not len(level):
        return 1.0
    middle, bright = np.percentile(level, [50, 90])
    if not scene_linear:
        return float(np.clip(0.35 / max(bright, 1e-6), 1.0, 6.0))
    lift = np.clip(0.12 / max(bright, 1e-9), 1.0, 256.0)
    return float(lift * np.clip(0.5 / max(middle, 1e-9), 1 / 256, 1.0))


def tiles(length: int, *, tile: int = TILE, shared: int = TILE_OVERLAP) -> list[int]:
    """Where tiles of one size start so that they cover a length and share at least `shared` pixels, evenly spread."""
    if length <= tile:
        return [0]
    count = int(np.ceil((length - shared) / (tile - shared)))
    return [round(start) for start in np.linspace(0, length - tile, count)]


class _Shown:
    """A plate at one size, as the net reads it: `pixels` (H, W, 3) 0-1, `scale` (x, y) of its pixels to the plate's."""

    def __init__(self, pixels: Image, plate: Plate) -> None:
        self.pixels = pixels
        self.scale = np.array(pixels.shape[1::-1], np.float32) / np.array(
            plate.pixels.shape[1::-1], np.float32
        )


def _sizes(plate: Plate, smallest: float) -> Iterator[_Shown]:
    """The plate at every size it has to be looked at, finest first; each is made from the one before."""
    longest = max(plate.pixels.shape[:2])
    scale = min(LARGEST_ZOOM, max(READABLE / smallest, min(1.0, TILE / longest)))
    step = max(1, longest // 256)
    gain = exposure_for(plate.pixels[::step, ::step], scene_linear=plate.encoding.scene_linear)
    pixels = _show(_resized(plate.pixels, scale), plate, gain, reuse=scale != 1.0)
    yield _Shown(pixels, plate)
    while max(pixels.shape[:2]) > 1.5 * OVERVIEW:
        side = max(pixels.shape[:2])
        wanted = OVERVIEW if side <= TILE else max(TILE, side / STEP)
        pixels = np.clip(_resized(pixels, wanted / side), 0.0, 1.0)  # area means may round to just above 1
        yield _Shown(pixels, plate)


def _resized(pixels: Image, scale: float) -> Image:
    if scale == 1.0:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    kernel = cv2.INTER_AREA if scale < LEAST_LINEAR else cv2.INTER_LINEAR
    resized = cv2.resize(pixels, size, interpolation=kernel)
    return np.asarray(resized, np.float32)


def _show(pixels: Image, plate: Plate, gain: float, *, reuse: bool = False) -> Image:
    """Pixels of a plate as the net reads them: display-encoded, 0-1, finite. What is not finite is filled in.

    Some rows at a time: a transfer curve makes several copies, and fresh memory for whole 4K frames costs more than
    the curve itself. `reuse` writes the result over `pixels`.
    """
    shown, broken = pixels if reuse else np.empty(pixels.shape, np.float32), False
    for start in range(0, len(pixels), ROWS):
        rows = slice(start, start + ROWS)
        shown[rows] = _encoded(pixels[rows], plate, gain)
        broken = broken or bool(np.isnan(shown[rows]).any())
    return mend(shown, np.isnan(shown)) if broken else shown


def _encoded(pixels: Image, plate: Plate, gain: float) -> Image:
    """The same as `_show`, what has no number left as it is."""
    linear = plate.encoding.scene_linear
    with np.errstate(all="ignore"):  # what overflows or has no number is clipped and filled next
        pixels = pixels * np.float32(gain) if linear and gain != 1.0 else pixels
        shown = np.asarray(plate.encoding.encode(np.ascontiguousarray(pixels)), np.float32)
        shown = shown if linear or gain == 1.0 else shown * np.float32(gain)
        return np.clip(shown, 0.0, 1.0)


def _look(shown: _Shown, net: Net, least: float) -> Rows:
    """Every row of at least this score at one size, in the plate's pixels from the data window's corner."""
    height, width = shown.pixels.shape[:2]
    found = []
    for y in tiles(height):
        for x in tiles(width):
            tile = shown.pixels[y : y + TILE, x : x + TILE]
            rows = _ask(net, [tile])[0]
            rows = rows[rows[:, 0] >= least]
            rows[:, 1:] += np.tile(np.array([x, y], np.float32), 7)
            found.append(rows[_whole(rows, x, width) & _whole(rows, y, height, axis=1)])
    rows = np.concatenate(found)
    rows[:, 1:] /= np.tile(shown.scale, 7)
    return rows


def _whole(rows: Rows, start: int, length: int, axis: int = 0) -> NDArray[np.bool_]:
    """Rows that no seam cuts: the tile beyond it, or a coarser size, sees those faces whole."""
    low = -np.inf if start == 0 else start + 0.5
    high = np.inf if start + TILE >= length else start + TILE - 0.5
    return (rows[:, 1 + axis] >= low) & (rows[:, 3 + axis] <= high)


def _ask(net: Net, pictures: list[Image]) -> NDArray[np.float32]:
    """(B, N, 15) for pictures of one size, which are padded with black to the net's stride."""
    height, width = pictures[0].shape[:2]
    size = (-(-height // STRIDE) * STRIDE, -(-width // STRIDE) * STRIDE)
    batch = np.zeros((len(pictures), 3, *size), np.float32)
    for place, picture in zip(batch, pictures, strict=True):
        for channel, plane in zip(place, cv2.split(picture), strict=True):
            channel[:height, :width] = plane
    rows = np.array(net(batch)[0], np.float32)
    if rows.ndim != 3 or rows.shape[0] != len(pictures) or rows.shape[2] != 15:
        raise ShapeError(
            f"a face.detect net should answer {len(pictures)} x N x 15 (score, box, five points), "
            f"{net.id} answered {' x '.join(map(str, rows.shape))}; choose another model"
        )
    rows = rows[:, np.isfinite(rows).all((0, 2))]
    return rows


def _second_look(plate: Plate, net: Net, row: Row) -> Row:
    """The same face seen upright, at one size, itself and its mirror image averaged; (15,).

    Its score is that of the first look and of the better of these two, see FIRST: half of a head that another hides
    often looks like a face in one of them only. A face that neither confirms loses score and keeps its first place.
    """
    close_from_plate = close_up_matrix(row[1:5], row[5:].reshape(5, 2))
    close = close_up(plate, close_from_plate)
    straight, mirror = _ask(net, [close, np.ascontiguousarray(close[:, ::-1])])
    expected = np.array([0.25, 0.25, 0.75, 0.75], np.float32) * CLOSE_UP
    seen = [_most_like(straight, expected), mirrored(_most_like(mirror, expected), CLOSE_UP)]
    seen = [one for one in seen if one[0] > 0.5 * row[0]]
    if not seen:
        return np.concatenate([row[:1] * 0.5, row[1:]])
    plate_from_close = inverse(close_from_plate)
    mean = np.mean(seen, axis=0)
    points = apply(plate_from_close, mean[5:].reshape(5, 2))
    score = FIRST * row[0] + (1 - FIRST) * max(one[0] for one in seen)
    return np.concatenate([[score], moved_box(mean[1:5], plate_from_close), points.ravel()]).astype(
        np.float32
    )


def close_up_matrix(box: NDArray[np.float32], points: NDArray[np.float32]) -> Matrix:
    """(3, 3) close_from_plate: the face in `box` (4,) with these `points` (5, 2) upright, half the close-up high."""
    eyes = points[1] - points[0]
    turn = _rotation(-float(np.arctan2(eyes[1], eyes[0])))
    middle = (box[:2] + box[2:]) / 2
    zoom = 0.5 * CLOSE_UP / max(float((box[2:] - box[:2]).max()), 1.0)
    return translation(CLOSE_UP / 2, CLOSE_UP / 2) @ scaling(zoom) @ turn @ translation(*-middle)


def close_up(plate: Plate, close_from_plate: Matrix) -> Image:
    """(CLOSE_UP, CLOSE_UP, 3) as the net reads it, display-encoded, 0-1; black beyond the plate."""
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32) * CLOSE_UP
    corners = apply(inverse(close_from_plate), corners)
    margin = 4 + float(np.abs(corners[1] - corners[0]).max()) / CLOSE_UP * 4
    x0, y0 = corners.min(0) - margin
    x1, y1 = corners.max(0) + margin
    whole = Rect(0, 0, plate.pixels.shape[1], plate.pixels.shape[0])
    part = Rect.around(x0, y0, x1, y1).within(whole)
    if part is None:
        return np.zeros((CLOSE_UP, CLOSE_UP, 3), np.float32)
    cut = plate.pixels[part.slices(whole)]
    broken = ~np.isfinite(cut)
    if broken.any():
        cut = mend(cut, broken)
    close = warp(cut, close_from_plate @ translation(part.x0, part.y0), (CLOSE_UP, CLOSE_UP), border="zero")
    return _show(close, plate, exposure_for(close[::4, ::4], scene_linear=plate.encoding.scene_linear))


def _most_like(rows: Rows, expected: NDArray[np.float32]) -> Row:
    """The row (15,) of the face nearest to where it was expected, averaged over the cells that agree with it.

    A neighbour that is seen more clearly is not it: scores count as far as the boxes share a place.
    """
    share = overlap(expected, rows[:, 1:5])[0]
    rows, share = rows[share > 0.3], share[share > 0.3]
    if not len(rows):
        return np.zeros(15, np.float32)
    best = rows[np.argmax(rows[:, 0] * share)]
    if best[0] <= 0:
        return best
    same = overlap(best[1:5], rows[:, 1:5])[0] > 0.6
    return keep_best(rows[same & (rows[:, 0] >= 0.5 * best[0])])[0]


def _rotation(angle: float) -> Matrix:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float64)


def _face(row: Row, shift: NDArray[np.float32]) -> Face:
    x0, y0, x1, y1 = (float(value) for value in row[1:5] + np.tile(shift, 2))
    return Face(
        (x0, y0, x1, y1), (row[5:].reshape(5, 2) + shift).astype(np.float32), float(np.clip(row[0], 0, 1))
    )

"""A canvas that portraits are drawn on, with the boxes and points of those that count as faces."""

from dataclasses import dataclass

import cv2
import numpy as np

from faceplate_training.detect_face.sources import Portrait, in_a_mirror

SMALLEST = 9.0
"""Faces lower than this, pixels, are neither asked for nor punished."""

LEAST_INSIDE = 0.4
"""Nor are those of which less than this share lies inside the picture."""

MOST_HIDDEN = 0.4
"""Share of a face's box that the head of another, placed later, may hide."""

BARELY = 0.1
"""A face hidden or cut by less than this share is in no doubt."""

REACH = np.array([-0.2, -0.3, 0.2, 0.3], np.float32)
"""How far a head reaches beyond its face's box, in heights of the box."""


@dataclass
class Scene:
    """A picture and what it shows.

    `pixels`: (S, S, 3) uint8 RGB. `boxes`: (N, 4) x0 y0 x1 y1. `points`: (N, 5, 2). `asked`: (N,) False where a face
    is too small, too hidden or too far outside to be asked for: cells on it are left out of the loss.
    """

    pixels: np.ndarray
    boxes: np.ndarray
    points: np.ndarray
    asked: np.ndarray

    def mirrored(self) -> "Scene":
        """The scene as in a mirror."""
        boxes, points = in_a_mirror(self.boxes, self.points, self.pixels.shape[1])
        return Scene(np.ascontiguousarray(self.pixels[:, ::-1]), boxes, points, self.asked)


class Stage:
    """A canvas that faces are placed on."""

    def __init__(self, ground: np.ndarray) -> None:
        self.pixels = np.ascontiguousarray(ground)
        self.side = ground.shape[0]
        self.boxes: list[np.ndarray] = []
        self.points: list[np.ndarray] = []
        self.touched: list[bool] = []

    def is_free(self, head: np.ndarray) -> bool:
        """Whether something drawn over the box `head` leaves enough to see of every face that is already there."""
        return all(hidden_share(box, head) <= MOST_HIDDEN for box in self.boxes)

    def place(self, portrait: Portrait, linear: np.ndarray, at: np.ndarray, *, shape: str, cell=None) -> None:
        """Put a portrait's face centre at `at` under the (2, 2) map `linear`; see `cover` for `shape` and `cell`."""
        box, points = self.cover(portrait, linear, at, shape=shape, cell=cell)
        over = box + REACH * (box[3] - box[1])
        if shape == "photo":
            over = whole_picture(portrait.pixels.shape, moved(linear, portrait.box, at))
            if cell is not None:
                over = np.concatenate([np.maximum(over[:2], cell[:2]), np.minimum(over[2:], cell[2:])])
        for number, other in enumerate(self.boxes):
            if hidden_share(other, over) > BARELY:
                self.touched[number] = True
        self.boxes.append(box)
        self.points.append(points)
        self.touched.append(False)

    def cut(self, edge: np.ndarray, outward: np.ndarray) -> None:
        """Note that nothing is seen beyond the line through `edge` with this normal."""
        for number, box in enumerate(self.boxes):
            corners = np.array([[box[x], box[y]] for x in (0, 2) for y in (1, 3)])
            if ((corners - edge) @ outward).max() > 0:
                self.touched[number] = True

    def doubtful(self) -> np.ndarray:
        """(N,) True for faces that other heads may hide or that the frame cuts."""
        boxes = np.array(self.boxes, np.float32).reshape(-1, 4)
        beyond = np.maximum(boxes[:, 2:] - self.side, -boxes[:, :2]).max(1)
        return np.array(self.touched, bool) | (beyond > BARELY * (boxes[:, 3] - boxes[:, 1]))

    def cover(self, portrait: Portrait, linear: np.ndarray, at: np.ndarray, *, shape: str, cell=None):
        """Draw the portrait and return its box and points on the canvas, without listing it as a face.

        `shape`: "photo" keeps the whole rectangle, "head" a soft oval of head and shoulders. `cell`: x0 y0 x1 y1
        beyond which nothing is drawn.
        """
        matrix = moved(linear, portrait.box, at)
        draw(self.pixels, portrait, matrix, shape=shape, cell=cell)
        return move_box(portrait.box, matrix), portrait.points @ matrix[:, :2].T + matrix[:, 2]

    def scene(self) -> Scene:
        boxes = np.array(self.boxes, np.float32).reshape(-1, 4)
        seen = np.clip(boxes, 0, self.side)
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        inside = (seen[:, 2] - seen[:, 0]) * (seen[:, 3] - seen[:, 1]) / np.maximum(area, 1e-6)
        height = boxes[:, 3] - boxes[:, 1]
        asked = (inside > LEAST_INSIDE) & (height >= SMALLEST) & (height < 1.3 * self.side)
        return Scene(self.pixels, boxes, np.array(self.points, np.float32).reshape(-1, 5, 2), asked)


def hidden_share(box: np.ndarray, head: np.ndarray) -> float:
    """Share of `box` that lies under `head`, both x0 y0 x1 y1."""
    sides = np.minimum(box[2:], head[2:]) - np.maximum(box[:2], head[:2])
    return float(np.maximum(sides, 0).prod() / max((box[2:] - box[:2]).prod(), 1e-6))


def moved(linear: np.ndarray, box: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(2, 3) canvas_from_portrait that maps by `linear` and brings the middle of `box` to `at`."""
    middle = (box[:2] + box[2:]) / 2
    return np.column_stack([linear, at - linear @ middle])


def move_box(box: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The upright box of a face whose oval fills `box`, after the (2, 3) map `matrix`."""
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    middle = matrix[:, :2] @ middle + matrix[:, 2]
    reach = np.sqrt((matrix[:, :2] ** 2) @ half**2)
    return np.concatenate([middle - reach, middle + reach]).astype(np.float32)


def whole_picture(shape: tuple[int, ...], matrix: np.ndarray) -> np.ndarray:
    """The upright box around a whole picture of this shape after the (2, 3) map `matrix`."""
    corners = np.array([[x, y] for x in (0, shape[1]) for y in (0, shape[0])], float)
    corners = corners @ matrix[:, :2].T + matrix[:, 2]
    return np.concatenate([corners.min(0), corners.max(0)]).astype(np.float32)


def draw(canvas: np.ndarray, portrait: Portrait, matrix: np.ndarray, *, shape: str, cell=None) -> None:
    """Warp a portrait onto the canvas in place, antialiased when it shrinks."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    while scale < 0.35:
        portrait = portrait.halved()
        matrix, scale = np.column_stack([matrix[:, :2] * 2, matrix[:, 2]]), scale * 2
    pixels, box = portrait.pixels, portrait.box
    if scale < 0.7:
        size = (max(2, round(pixels.shape[1] * scale)), max(2, round(pixels.shape[0] * scale)))
        grown = np.array(pixels.shape[1::-1]) / size
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        matrix = np.column_stack([matrix[:, :2] * grown, matrix[:, 2]])
        box = box / np.tile(grown, 2)
    height, width = pixels.shape[:2]
    corners = (
        np.array([[0, 0], [width, 0], [0, height], [width, height]], float) @ matrix[:, :2].T + matrix[:, 2]
    )
    low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
    limits = (0, 0, canvas.shape[1], canvas.shape[0]) if cell is None else cell
    x0, y0 = max(low[0], limits[0]), max(low[1], limits[1])
    x1, y1 = min(high[0], limits[2]), min(high[1], limits[3])
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    # OpenCV's pixel centres lie at whole numbers: shift by half a pixel on both sides, and to the part drawn
    offset = matrix[:, 2] - (x0 + 0.5, y0 + 0.5) + matrix[:, :2] @ (0.5, 0.5)
    local = np.column_stack([matrix[:, :2], offset])
    size = (x1 - x0, y1 - y0)
    patch = cv2.warpAffine(pixels, local, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = _coverage((height, width), box, shape)
    cover = cv2.warpAffine(cover, local, size, flags=cv2.INTER_LINEAR)[..., None].astype(np.uint16)
    under = canvas[y0:y1, x0:x1]
    canvas[y0:y1, x0:x1] = ((patch * cover + under * (255 - cover)) // 255).astype(np.uint8)


def _coverage(size: tuple[int, int], box: np.ndarray, shape: str) -> np.ndarray:
    cover = np.zeros(size, np.uint8)
    if shape == "photo":
        cover[:] = 255
        return cover
    width, height = box[2] - box[0], box[3] - box[1]
    middle = (round(float(box[0] + box[2]) / 2), round(float(box[1] + 0.4 * height)))
    cv2.ellipse(
        cover, middle, (max(1, round(0.78 * width)), max(1, round(0.95 * height))), 0, 0, 360, 255, -1
    )
    shoulders = (middle[0], round(float(box[3] + 0.75 * height)))
    cv2.ellipse(
        cover, shoulders, (max(1, round(1.35 * width)), max(1, round(0.72 * height))), 0, 0, 360, 255, -1
    )
    cover[-1], cover[:, 0], cover[:, -1] = 0, 0, 0
    soft = max(3, round(float(0.08 * width)) | 1)
    return cv2.blur(cover, (soft, soft))

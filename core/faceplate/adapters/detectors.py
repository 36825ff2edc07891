"""Face detectors of others, decoded into the rows of `DetectNet`: score, box, five points, in pixels of the picture.

After: Wu et al., "YuNet", Machine Intelligence Research 2023; Guo et al., "Sample and Computation Redistribution for
Efficient Face Detection" (SCRFD), ICLR 2022; Deng et al., "RetinaFace", CVPR 2020. Each numbers its points as we do:
right eye first (image left), left eye, nose, right and left mouth corner.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from faceplate.adapters.scaling import Batch, as_fed
from faceplate.errors import ShapeError
from faceplate.registry.manifest import Manifest
from faceplate.runtime.net import Net

Rows = NDArray[np.float32]
"""(N, 15): score, box x0 y0 x1 y1, five points x y."""

Decode = Callable[[Sequence[NDArray[np.float32]], tuple[int, int]], Rows]
"""A graph's outputs and the (height, width) it was shown -> rows; the score is the net's own."""

STRIDES = (8, 16, 32)
OURS = 0.6
"""The score from which a face is a face, `stages.detect.THRESHOLD`; a net's own threshold is brought to it."""

SCRFD_ANCHORS = 2
RETINA_ANCHORS = ((16, 32), (64, 128), (256, 512))
RETINA_VARIANCES = (0.1, 0.2)


class DetectorNet:
    """A detector: (B, 3, H, W) RGB 0-1 in, (B, N, 15) out, scores brought to the stages' threshold.

    A net that takes one size only is shown the picture in its corner, black around it.
    """

    def __init__(self, net: Net, manifest: Manifest, decode: Decode) -> None:
        self.id, self.template, self.seconds, self.side = net.id, net.template, 0.0, 0
        self._net, self._reads, self._decode = net, manifest.input, decode
        self._threshold = manifest.output.threshold

    def __call__(self, batch: Batch) -> tuple[Batch, ...]:
        """Rows for every picture of a batch.

        Args:
            batch: (B, 3, H, W), display-encoded sRGB, RGB, 0-1, sides multiples of 32.

        Raises:
            ShapeError: the picture is larger than the only size the net takes; its graph is of another kind.
        """
        rows = np.stack([self._rows(picture[None]) for picture in batch])
        self.seconds = self._net.seconds
        return (rows,)

    def _rows(self, picture: Batch) -> Rows:
        shown = self._padded(picture)
        outputs = self._net(as_fed(shown, self._reads))
        try:
            rows = self._decode([_one(output) for output in outputs], (shown.shape[2], shown.shape[3]))
        except (ValueError, IndexError) as error:
            shapes = ", ".join(" x ".join(map(str, np.shape(output))) for output in outputs)
            raise ShapeError(
                f"{self.id} does not answer as its adapter expects: {shapes}. Choose another --like."
            ) from error
        rows[:, 0] = as_our_score(rows[:, 0], self._threshold)
        return rows

    def _padded(self, picture: Batch) -> Batch:
        size = self._reads.size
        if size is None or picture.shape[2:] == size:
            return picture
        if picture.shape[2] > size[0] or picture.shape[3] > size[1]:
            raise ShapeError(
                f"{self.id} takes pictures of {size[1]} x {size[0]} pixels, got {picture.shape[3]} x {picture.shape[2]}"
            )
        padded = np.zeros((1, 3, *size), np.float32)
        padded[:, :, : picture.shape[2], : picture.shape[3]] = picture
        return padded


def as_our_score(score: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """A score whose face begins at `threshold`, stretched so that it begins at OURS; 0 and 1 stay, order stays."""
    exact = np.clip(score, 0.0, 1.0).astype(np.float64)  # rounding must not change the order
    below = np.minimum(exact * (OURS / threshold), OURS)
    above = np.clip(OURS + (exact - threshold) * (1 - OURS) / (1 - threshold), OURS, 1.0)
    return np.where(exact < threshold, below, above).astype(np.float32)


def yunet_rows(outputs: Sequence[NDArray[np.float32]], size: tuple[int, int]) -> Rows:
    """YuNet's twelve outputs, as OpenCV's FaceDetectorYN decodes them: cls, obj, bbox, kps, each at three strides."""
    cls, obj, boxes, points = (outputs[place : place + 3] for place in (0, 3, 6, 9))
    rows = []
    for level, stride in enumerate(STRIDES):
        corner = _cells(size, stride)
        score = np.sqrt(np.clip(_wide(cls[level], 1), 0, 1) * np.clip(_wide(obj[level], 1), 0, 1))
        box = _wide(boxes[level], 4)
        middle = corner + box[:, :2] * stride
        with np.errstate(over="ignore"):  # a cell without a face may hold any number
            half = np.exp(box[:, 2:]) * (stride / 2)
        at = np.tile(corner, 5) + _wide(points[level], 10) * stride
        rows.append(np.hstack([score, middle - half, middle + half, at]))
    return np.concatenate(rows).astype(np.float32)


def scrfd_rows(outputs: Sequence[NDArray[np.float32]], size: tuple[int, int]) -> Rows:
    """SCRFD's nine outputs, as InsightFace decodes them: scores, distances to the box's sides, points."""
    scores, distances, points = (outputs[place : place + 3] for place in (0, 3, 6))
    rows = []
    for level, stride in enumerate(STRIDES):
        anchor = np.repeat(_cells(size, stride), SCRFD_ANCHORS, axis=0)
        far = _wide(distances[level], 4) * stride
        at = np.tile(anchor, 5) + _wide(points[level], 10) * stride
        rows.append(np.hstack([_wide(scores[level], 1), anchor - far[:, :2], anchor + far[:, 2:], at]))
    return np.concatenate(rows).astype(np.float32)


def retinaface_rows(outputs: Sequence[NDArray[np.float32]], size: tuple[int, int]) -> Rows:
    """RetinaFace's three outputs (box, class, points), against anchors of two sizes at each of three strides."""
    by_width = {output.shape[-1]: output for output in outputs}
    if len(outputs) != 3 or set(by_width) != {4, 2, 10}:
        raise ValueError("three outputs of 4, 2 and 10 numbers an anchor")
    place, scale = RETINA_VARIANCES
    middles, sizes = [], []
    for stride, sides in zip(STRIDES, RETINA_ANCHORS, strict=True):
        cells = _cells(size, stride) + stride / 2
        middles.append(np.repeat(cells, len(sides), axis=0))
        sizes.append(np.tile(np.array(sides, np.float32), len(cells)))
    middle, side = np.concatenate(middles), np.concatenate(sizes)[:, None]
    box = _wide(by_width[4], 4)
    centre = middle + box[:, :2] * place * side
    with np.errstate(over="ignore"):
        half = side * np.exp(box[:, 2:] * scale) / 2
    points = np.tile(middle, 5) + _wide(by_width[10], 10) * place * side
    return np.hstack([_wide(by_width[2], 2)[:, 1:], centre - half, centre + half, points]).astype(np.float32)


def _cells(size: tuple[int, int], stride: int) -> NDArray[np.float32]:
    """(N, 2): the corner x, y of every cell of a grid, row by row. Grids round up, as convolutions with padding do."""
    down, across = (np.arange(-(-side // stride), dtype=np.float32) * stride for side in size)
    return np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)


def _one(output: NDArray[np.float32]) -> NDArray[np.float32]:
    """An output without its batch of one; some graphs have none."""
    output = np.asarray(output, np.float32)
    return output[0] if output.ndim == 3 else output


def _wide(output: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """(N, width), or a complaint: broadcasting would make rows of anything."""
    if output.ndim != 2 or output.shape[1] != width:
        raise ValueError(f"{width} numbers a cell, got {output.shape}")
    return output

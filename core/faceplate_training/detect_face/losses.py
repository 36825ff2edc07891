"""Which cell answers for which face, and what its answer costs."""

import torch
from torch import Tensor
from torch.nn import functional as F

from faceplate.nets.detect_net import STRIDES, cell_centres, decode

FACE_SIZES = ((0.0, 48.0), (28.0, 120.0), (80.0, 1e9))
"""Smallest and largest face (square root of its box's area, pixels) each grid answers for; they overlap."""

NOBODY, UNASKED = -1, -2


def assign(boxes: Tensor, asked: Tensor, side: int) -> Tensor:
    """The face every cell of a square picture answers for.

    Args:
        boxes: (N, 4) x0 y0 x1 y1, pixels. asked: (N,) bool. side: of the picture, pixels.

    Returns:
        (cells,) int64, grids finest first: a row of `boxes`, NOBODY, or UNASKED where the loss is to look away.
        A cell answers when its centre lies near the face's middle (FCOS's centre sampling); a face too small to hold
        any cell's centre gets the nearest one.
    """
    owners = []
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    size = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).clamp(min=1e-6).sqrt()
    for stride, (low, high) in zip(STRIDES, FACE_SIZES, strict=True):
        cells = side // stride
        owner = torch.full((cells * cells,), NOBODY)
        if len(boxes):
            x, y = cell_centres(cells, cells, stride, boxes)
            x, y = x.expand(1, cells, cells).reshape(1, -1), y.expand(1, cells, cells).reshape(1, -1)
            apart = torch.maximum((x - middle[:, :1]).abs(), (y - middle[:, 1:]).abs())
            near = apart < torch.maximum(0.22 * size, torch.tensor(0.75 * stride))[:, None]
            mine = (asked & (size >= low) & (size < high))[:, None] & near
            apart = torch.where(mine, apart / size[:, None], torch.inf)
            best, face = apart.min(0)
            owner = torch.where(best.isfinite(), face, owner)
            inside = (x > boxes[:, 0:1]) & (x < boxes[:, 2:3]) & (y > boxes[:, 1:2]) & (y < boxes[:, 3:4])
            # an eye or an ear of a face far too large for this grid is a mistake, asked for or not
            shy = ~asked & (size > low / 2) & (size < min(2.5 * high, 2.0 * side))
            hidden = (inside & shy[:, None]).any(0)
            owner = torch.where(hidden & (owner == NOBODY), torch.tensor(UNASKED), owner)
        owners.append(owner)
    return torch.cat(owners)


def overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU of boxes row by row, each (N,), of (N, 4) and (N, 4). Rezatofighi et al., CVPR 2019."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    common = (high - low).clamp(min=0).prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - common
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1).clamp(min=1e-6)
    iou = common / union.clamp(min=1e-6)
    return iou, iou - (hull - union) / hull


def quality_focal(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy towards a soft score, weighted by how far off it still is (Li et al., NeurIPS 2020, beta 2)."""
    far = (torch.sigmoid(logits) - wanted).abs().square()
    return F.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * far


def detection_loss(
    grids: list[tuple[Tensor, Tensor]], faces: list[tuple[Tensor, Tensor, Tensor]], side: int
) -> dict:
    """Score, box and point losses of a batch.

    Args:
        grids: what `DetectNet.grids` returns, float32.
        faces: per picture boxes (N, 4), points (N, 5, 2) in pixels, asked (N,) bool.
        side: of the pictures, pixels.

    Returns:
        {"score", "box", "points"}: scalars, each divided by the number (score: summed quality) of answering cells.
    """
    logits = torch.cat([score.flatten(2).squeeze(1) for score, _ in grids], 1)
    places = torch.cat([decode(place, stride) for (_, place), stride in zip(grids, STRIDES, strict=True)], 2)
    owners = torch.stack([assign(boxes, asked, side) for boxes, _, asked in faces])
    picture, cell = torch.nonzero(owners >= 0, as_tuple=True)
    answered = places[picture, :, cell]
    starts = torch.tensor([0, *(len(boxes) for boxes, _, _ in faces)]).cumsum(0)
    row = starts[picture] + owners[picture, cell]
    boxes = torch.cat([boxes for boxes, _, _ in faces])[row]
    points = torch.cat([points.flatten(1) for _, points, _ in faces])[row]
    iou, giou = overlap(answered[:, :4], boxes)
    wanted = torch.zeros_like(logits)
    wanted[picture, cell] = iou.detach().clamp(0, 1)
    count = max(1.0, float(len(picture)))
    size = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sqrt()[:, None]
    off = (answered[:, 4:] - points) / size
    return {
        "score": (quality_focal(logits, wanted) * (owners != UNASKED)).sum() / count,
        "box": (1 - giou).sum() / count,
        "points": F.smooth_l1_loss(off, torch.zeros_like(off), beta=0.01, reduction="sum") / (10 * count),
    }

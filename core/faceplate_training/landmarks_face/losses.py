"""What a net of points is blamed for: where they are, how sure it is, which are seen, how the head is turned."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from faceplate.stages.landmarks import TEMPLATE

EYES = float(np.linalg.norm(TEMPLATE[1] - TEMPLATE[0]))
"""Crop pixels between the eyes of a face that looks into the lens: the unit of the points' loss."""

HIDDEN = 0.6
"""How much a point that is not seen counts."""

NARROW = 2.5
"""How many times more a face may count whose eyes look closer together because it is turned."""


def point_losses(
    found: tuple[Tensor, ...], points: Tensor, visible: Tensor, told: Tensor, turn: Tensor
) -> dict[str, Tensor]:
    """Every term alone, already weighted; their sum is the loss.

    points: mean distance over the eyes' distance as the picture shows it. spread: Gaussian negative log-likelihood of
    what is left, which does not move the points. seen: cross entropy of visibility. turn: distance of the rotation
    vectors.
    """
    at, spread, seen, turned = found
    off = torch.linalg.vector_norm(at - points, dim=2)
    weight = HIDDEN + (1 - HIDDEN) * visible
    apart = torch.linalg.vector_norm(points[:, 36:42].mean(1) - points[:, 42:48].mean(1), dim=1, keepdim=True)
    short = (EYES / apart).clamp(1.0, NARROW)
    likelihood = 2 * torch.log(spread) + off.detach() ** 2 / (2 * spread**2)
    unseen = F.binary_cross_entropy(seen, visible, reduction="none")
    return {
        "points": 10 * (short * weight * off).sum() / weight.sum() / EYES,
        "spread": 0.1 * likelihood.mean(),
        "seen": 0.3 * (told * unseen).sum() / told.sum().clamp(min=1),
        "turn": torch.linalg.vector_norm(turned - turn, dim=1).mean(),
    }

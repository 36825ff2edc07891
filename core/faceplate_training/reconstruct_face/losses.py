"""What the net is blamed for: every term alone, already weighted; their sum is the loss.

After: Deng et al., "Accurate 3D Face Reconstruction with Weakly-Supervised Learning", CVPRW 2019 (coefficients told by
their points in the picture); Tarvainen and Valpola, "Mean Teachers Are Better Role Models", NeurIPS 2017 (photos that
nobody marked).
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from faceplate.nets.reconstruct_net import IDENTITY, SIDE, TEXELS, WINDOW
from faceplate.reconstruct.morphable import HeadModel
from faceplate_training.landmarks_face.losses import EYES, point_losses
from faceplate_training.reconstruct_face.views import KNOWN, UNTOLD, Sample

SCALE = 0.6
"""Crop pixels to a millimetre of a usual head: where the camera begins."""

FIRST_BELIEVED = 800
"""Step from which the averaged net is asked about photos that nobody marked."""

TEXTURED = 6
"""Renders of a batch whose texture is drawn: a batch has enough to learn from in these."""

CHEEKS = ((2, 31), (14, 35), (29, 29), (4, 48), (12, 54), (1, 39), (15, 42))
"""Half-way between these points there is skin, whatever the expression: where a picture's exposure is looked up."""


@dataclass(frozen=True)
class Shape:
    """The head, as far as losses ask: at P spots, the 68 points first. `mean` (P, 3), `identity` (60, P, 3),
    `expression` (52, P, 3), mm; `say` (52,) how far each weight moves the face, 1 on average.
    """

    mean: Tensor
    identity: Tensor
    expression: Tensor
    say: Tensor

    @classmethod
    def of(cls, head: HeadModel, spots: int = 400) -> "Shape":
        points = head.landmarks["68"]
        face = np.flatnonzero(head.mask("face") > 0.5)
        chosen = face[np.linspace(0, len(face) - 1, spots).astype(int)]

        def at(values: np.ndarray) -> Tensor:
            moved = np.moveaxis(values, 0, -1).astype(np.float32)  # (V, 3, K)
            both = np.concatenate([points.on(moved), moved[chosen]])
            return torch.from_numpy(np.ascontiguousarray(np.moveaxis(both, -1, 0)))

        shapes = head.expressions[head.arkit]
        moved = np.sqrt((shapes[:, face].astype(np.float32) ** 2).sum(2).mean(1))
        say = np.sqrt(np.clip(moved / moved.mean(), 0.3, 4.0))
        mean = at(head.mean[None])[0]
        return cls(mean, at(head.identity[:IDENTITY]), at(shapes), torch.from_numpy(say / say.mean()).float())


def projected(shape: Shape, identity: Tensor, weights: Tensor, turn: Tensor, camera: Tensor) -> Tensor:
    """(B, 68, 2) crop pixels, where the head model's points fall.

    Args:
        camera: (B, 4): logarithm of the scale over SCALE, shift to the right and down in quarters of the crop, and how
            fast what is nearer grows, in thousandths per mm.
    """
    spots = shape.mean[:68] + torch.einsum("bk,kpx->bpx", identity, shape.identity[:, :68])
    spots = spots + torch.einsum("bk,kpx->bpx", weights, shape.expression[:, :68])
    facing = torch.einsum("bij,bpj->bpi", rotations(turn), spots)
    nearer = (1 - facing[..., 2] * 1e-3 * F.softplus(camera[:, 3:4])).clamp(min=0.2)
    scale = (SCALE * torch.exp(camera[:, 0].clamp(-2, 2)))[:, None, None]
    flat = facing[..., :2] * facing.new_tensor([1.0, -1.0]) * scale / nearer[..., None]
    return flat + SIDE / 2 + camera[:, None, 1:3] * SIDE / 4


def rotations(turn: Tensor) -> Tensor:
    """(B, 3, 3) from rotation vectors (B, 3), Rodrigues' formula."""
    angle = torch.linalg.vector_norm(turn, dim=1, keepdim=True).clamp(min=1e-6)
    x, y, z = (turn / angle).unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).reshape(-1, 3, 3)
    angle = angle[:, :, None]
    identity = torch.eye(3, dtype=turn.dtype, device=turn.device)
    return identity + torch.sin(angle) * cross + (1 - torch.cos(angle)) * (cross @ cross)


class Losses:
    """All terms. `skins`: (N, T, T, 3) uint8, those the renders were drawn with."""

    def __init__(self, head: HeadModel, skins: np.ndarray) -> None:
        self.shape, self.skins = Shape.of(head), windowed(skins)

    def __call__(
        self, found: tuple[Tensor, ...], batch: Sample, taught: tuple[Tensor, ...] | None
    ) -> dict[str, Tensor]:
        """found: what `ReconstructNet.shape` says of the batch. taught: what the averaged net says of the calm photos
        among it, in their order, or None.
        """
        points, spread, visible, turn, identity, identity_spread, weights, weights_spread, _, camera = found
        told, known, untold = (torch.nonzero(mask)[:, 0] for mask in
                               (batch.kind != UNTOLD, batch.kind == KNOWN, batch.kind == UNTOLD))  # fmt: skip
        terms = point_losses(
            tuple(part[told] for part in (points, spread, visible, turn)),
            batch.points[told], batch.visible[told], batch.told[told], batch.turn[told],
        )  # fmt: skip
        off = weights[known] - batch.weights[known]
        # most weights are 0 most of the time: distances alone would teach to say 0 wherever it is not sure
        terms["weights"] = (self.shape.say * (80 * off**2 + 2 * off.abs())).mean()
        mm = torch.einsum("bk,kpx->bpx", identity[known] - batch.identity[known], self.shape.identity)
        terms["identity"] = 0.6 * torch.linalg.vector_norm(mm, dim=2).mean()
        terms["doubt"] = 0.1 * (
            likelihood(off, weights_spread[known])
            + likelihood(identity[known] - batch.identity[known], identity_spread[known])
        )
        laid = projected(self.shape, identity, weights, turn, camera)
        goal = torch.where((batch.kind == UNTOLD)[:, None, None], points.detach(), batch.points)
        terms["tied"] = 3 * torch.linalg.vector_norm(laid - goal, dim=2).mean() / EYES
        if taught is not None and len(untold):
            terms["agreed"] = agreement(
                tuple(part[untold] for part in found), taught, batch.pixels_from_calm[untold]
            )
        return terms

    def texture(self, drawn: Tensor, batch: Sample, chosen: Tensor) -> Tensor:
        """How far textures (n, 3, TEXELS, TEXELS) of these renders of the batch are off; what is seen counts most."""
        truth, sight = self.true_textures(batch, chosen)
        return 4 * ((drawn - truth).abs().mean(1) * (0.15 + 0.85 * sight)).mean()

    def true_textures(self, batch: Sample, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, TEXELS, TEXELS) display-encoded, 0-1, exposed as the pictures are, and (n, TEXELS, TEXELS) sight."""
        albedo = self.albedo(batch.skin[chosen], batch.mixed[chosen], batch.tone[chosen])
        albedo = torch.where(batch.flipped[chosen][:, None, None, None] > 0, albedo.flip(3), albedo)
        sight = larger(batch.sight[chosen])
        return exposed(albedo, sight, exposure(batch.pixels[chosen], batch.points[chosen])), sight

    def albedo(self, skin: Tensor, mixed: Tensor, tone: Tensor) -> Tensor:
        """(n, 3, TEXELS, TEXELS) scene-linear, from the skins (n, 2) that were mixed, how much of the second (n,), and
        the tone (n, 3).
        """
        first, second = (self.skins[skin[:, k].long()].float() for k in (0, 1))
        share = mixed[:, None, None, None].float()
        return (first * (1 - share) + second * share) * tone[:, :, None, None]


def larger(sight: Tensor) -> Tensor:
    """(n, TEXELS, TEXELS) of maps (n, S, S)."""
    return F.interpolate(sight[:, None], size=(TEXELS, TEXELS), mode="bilinear")[:, 0]


def exposed(albedo: Tensor, sight: Tensor, level: Tensor) -> Tensor:
    """Display-encoded albedo (n, 3, TEXELS, TEXELS), 0-1, whose seen part is as light as `level` (n,), scene-linear."""
    weight = sight + 1e-4
    usual = (albedo.mean(1) * weight).sum((1, 2)) / weight.sum((1, 2))
    return encoded((albedo * (level / usual.clamp(min=1e-4))[:, None, None, None]).clamp(0, 1))


def windowed(skins: np.ndarray) -> Tensor:
    """(N, 3, TEXELS, TEXELS) float16, scene-linear albedo over the net's UV window, from whole UV maps."""
    side = skins.shape[1]
    left, right, low, high = WINDOW
    x, y = np.meshgrid(
        (left + (np.arange(TEXELS) + 0.5) / TEXELS * (right - left)) * side - 0.5,
        (1 - high + (np.arange(TEXELS) + 0.5) / TEXELS * (high - low)) * side - 0.5,
    )
    maps = x.astype(np.float32), y.astype(np.float32)
    cut = [cv2.remap(skin, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for skin in skins]
    return decoded(torch.from_numpy(np.stack(cut)).permute(0, 3, 1, 2).float() / 255).half()


def exposure(pixels: Tensor, points: Tensor) -> Tensor:
    """(n,) scene-linear grey of the skin that pictures (n, SIDE, SIDE, 3) uint8 show, median over the CHEEKS."""
    first, second = (points[:, [pair[k] for pair in CHEEKS]] for k in (0, 1))
    at = ((first + second) / 2).long().clamp(0, SIDE - 1)
    rows = torch.arange(len(pixels))[:, None]
    seen = decoded(pixels[rows, at[..., 1], at[..., 0]].float() / 255)
    return seen.mean(2).median(1).values.clamp(min=1e-3)


def decoded(shown: Tensor) -> Tensor:
    """sRGB to scene-linear, 0-1."""
    return torch.where(shown <= 0.04045, shown / 12.92, ((shown.clamp(min=0) + 0.055) / 1.055) ** 2.4)


def encoded(light: Tensor) -> Tensor:
    """Scene-linear to sRGB, 0-1."""
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=1e-8) ** (1 / 2.4) - 0.055)


def likelihood(off: Tensor, spread: Tensor) -> Tensor:
    """Gaussian negative log-likelihood that teaches the spread and leaves what was told alone."""
    return (torch.log(spread) + off.detach() ** 2 / (2 * spread**2)).mean()


def agreement(found: tuple[Tensor, ...], taught: tuple[Tensor, ...], pixels_from_calm: Tensor) -> Tensor:
    """How far what is said of a changed photo is from what the averaged net says of the calm one."""
    points, calm = found[0], taught[0].float()
    moved = calm @ pixels_from_calm[:, :2, :2].transpose(1, 2) + pixels_from_calm[:, None, :2, 2]
    sure = 1 / (1 + (taught[1] / (0.05 * EYES)) ** 2)
    off = torch.linalg.vector_norm(points - moved, dim=2)
    return (
        5 * (sure * off).sum() / sure.sum().clamp(min=1e-3) / EYES
        + 3 * (found[6] - taught[6]).abs().mean()
        + 0.3 * (found[4] - taught[4]).abs().mean()
    )

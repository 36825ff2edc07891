"""What a restored crop is held to: pixels, bands of detail, and who the person is."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceplate.nets.identity_net import SIDE, IdentityNet

FLOOR = 2e-5
"""Squared error below which a crop counts as right: 47 dB."""

RIM_WEIGHT = 0.3
"""What a pixel beside the face counts, in a view of a whole face; most of them never get into the plate."""

BAND = 0.1


def pixel_loss(restored: Tensor, clean: Tensor, whole: Tensor) -> Tensor:
    """The mean logarithm of each crop's squared error: every crop's dB count the same, how damaged it is or not.

    `restored`, `clean`: (B, 3, S, S), 0-1. `whole`: (B,), 1 where the view is a whole face and its middle counts most.
    After: Chen et al., "HINet: Half Instance Normalization Network for Image Restoration", CVPRW 2021 (PSNR loss).
    """
    side = restored.shape[-1]
    middle = torch.full((side, side), RIM_WEIGHT, device=restored.device)
    middle[int(0.27 * side) : int(0.87 * side), int(0.2 * side) : int(0.8 * side)] = 1.0
    weight = torch.where(whole[:, None, None] > 0, middle / middle.mean(), 1.0)
    squared = ((restored - clean).square().mean(1) * weight).mean((1, 2))
    return 0.02 * torch.log(squared / FLOOR + 1.0).mean()


def band_loss(restored: Tensor, clean: Tensor, octaves: int = 3) -> Tensor:
    """L1 over the octaves of a Laplacian pyramid, finer ones weighted up: detail is small in amplitude.

    After: Bojanowski et al., "Optimizing the Latent Space of Generative Networks", ICML 2018 (Lap1).
    """
    error, total = restored - clean, restored.new_zeros(())
    for octave in range(octaves):
        coarse = F.avg_pool2d(error, 2)
        fine = error - F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        total = total + fine.abs().mean() * 0.5**octave
        error = coarse
    return total


def identity_loss(
    net: IdentityNet,
    restored: Tensor,
    clean: Tensor,
    view_from_crop: Tensor,
    *,
    levels: tuple[int, ...] = (3, 7),
) -> Tensor:
    """One minus the cosine of the two faces' embeddings, and the distance of the embedder's early activations.

    `view_from_crop`: (B, 2, 3), pixel centres of the 112 px crop -> pixel centres of the views (B, 3, S, S).
    """
    with torch.no_grad():
        wanted, wanted_features = net.features(to_crop(clean, view_from_crop), levels)
    vector, features = net.features(to_crop(restored, view_from_crop), levels)
    loss = (1 - (vector * wanted).sum(1)).mean()
    for ours, theirs in zip(features, wanted_features, strict=True):
        loss = loss + 0.5 * (ours - theirs).abs().mean() / theirs.abs().mean().clamp_min(1e-3)
    return loss


def to_crop(view: Tensor, view_from_crop: Tensor) -> Tensor:
    """(B, 3, S, S) -> (B, 3, 112, 112), antialiased by averaging before it is sampled; differentiable."""
    side = view.shape[-1]
    reduce = max(1, side // 256)
    view = F.avg_pool2d(view, reduce) if reduce > 1 else view
    steps = torch.arange(SIDE, dtype=torch.float32)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    crop = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    at = crop @ view_from_crop.transpose(1, 2)[:, None]
    return F.grid_sample(
        view, (at + 0.5) / side * 2 - 1, mode="bilinear", padding_mode="border", align_corners=False
    )


class Losses(nn.Module):
    """The weighted sum, and each term's value for the log."""

    def __init__(self, identity: IdentityNet | None, weight: float) -> None:
        super().__init__()
        self.identity, self.weight = identity, weight

    def forward(
        self, restored: Tensor, clean: Tensor, maps: Tensor, whole: Tensor, told: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """`whole`: (B,), 1 for views of whole faces; `told`: 1 for those whose identity is looked at."""
        pixel, band = pixel_loss(restored, clean, whole), band_loss(restored, clean)
        total, values = pixel + BAND * band, {"pixel": float(pixel.detach()), "band": float(band.detach())}
        if self.identity is not None and bool(told.any()):
            person = identity_loss(self.identity, restored[told > 0], clean[told > 0], maps[told > 0])
            total = total + self.weight * person
            values["identity"] = float(person.detach())
        return total, values

"""How much nearer a picture came to its clean original: PSNR and SSIM, inside a matte."""

from dataclasses import dataclass

import cv2
import numpy as np

from faceplate.arrays import Image, Matte, expect_shapes

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Likeness:
    """How near a picture is to its reference: PSNR in dB, SSIM 0-1, each over the matte."""

    psnr: float
    ssim: float


def measure(reference: Image, picture: Image, matte: Matte) -> Likeness:
    """Compare a picture with its reference where the matte says.

    No gain and no offset is fitted first: a shift in exposure or tint counts as the error it is.

    Args:
        reference, picture: (H, W, 3), display-encoded; both are clipped to 0-1 first, as a screen would.
        matte: (H, W), 0-1, a pixel's weight; it has to cover something.

    After: Wang et al., "Image Quality Assessment", IEEE TIP 2004 (SSIM; Gaussian window, sigma 1.5).
    """
    expect_shapes(reference=(reference, "H W 3"), picture=(picture, "H W 3"), matte=(matte, "H W"))
    left, right = (np.clip(shown, 0.0, 1.0).astype(np.float64) for shown in (reference, picture))
    weight = matte.astype(np.float64) / matte.sum(dtype=np.float64)
    error = np.sum(weight * np.mean((left - right) ** 2, axis=2))
    return Likeness(
        psnr=float(10 * np.log10(1 / max(error, 1e-12))),
        ssim=float(np.sum(weight * similarity_map(left @ LUMA, right @ LUMA))),
    )


def similarity_map(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """SSIM at every pixel of two (H, W) float64 pictures, 0-1."""
    ours, theirs = local_mean(left), local_mean(right)
    spread = local_mean(left * left) - ours**2 + local_mean(right * right) - theirs**2
    shared = local_mean(left * right) - ours * theirs
    bias, floor = 0.01**2, 0.03**2
    return ((2 * ours * theirs + bias) * (2 * shared + floor)) / (
        (ours**2 + theirs**2 + bias) * (spread + floor)
    )


def local_mean(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(picture, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT_101)


def mean_likeness(likenesses: list[Likeness]) -> Likeness:
    """The mean over frames, dB and SSIM each for itself."""
    return Likeness(
        float(np.mean([each.psnr for each in likenesses])), float(np.mean([each.ssim for each in likenesses]))
    )

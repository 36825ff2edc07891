"""The four kinds of damage that restorers are measured by, each within narrow limits.

These are the limits of the shared judge's presets: a scan of soft, faded, grainy film; a small file from the web; a
shaken camera; a security camera's tiny face. `degrade` covers far more, and a net taught by that alone stays vague
about what is seen most. One thing is not the judge's: nothing is moved. Its presets shift and stretch a picture by up
to a pixel (a scale that does not divide the side; a smear drawn between ends rounded down), and a net that is taught to
undo that moves faces in plates. Pictures are display-encoded float32 RGB, 0-255; lengths are for a square of 512 px and
scale with `unit` = that square's side / 512.
"""

import cv2
import numpy as np

from faceplate_training.degrade import coded_as_jpeg, noise

DUST = 235.0
"""How bright a speck on a scan is, in 8-bit steps."""


def typical_damage(clean: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """One of the four, of the picture's own size, in whole steps.

    Args:
        clean: (H, W, 3) float32 RGB, 0-255.
        unit: side of the face's FFHQ square in pixels / 512.
        rng: the only source of chance.
    """
    kinds = (scanned_film, small_file, shaken_camera, security_camera)
    damaged = kinds[rng.choice(len(kinds), p=SHARES)](clean, unit, rng)
    enlarged = cv2.resize(damaged, clean.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(np.round(enlarged), 0, 255).astype(np.float32)  # a file of 8 bits


SHARES = (0.25, 0.25, 0.28, 0.22)
"""How often film, files, shakes and security cameras come: those learned slowest most often."""


def scanned_film(image: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """A soft lens, a scan at a third of the size, faded; grain, dust, JPEG at 80."""
    scan = _reduced(_soft(image, rng.uniform(1.2, 2.2) * unit), 1 / 3)
    grain = _soft(rng.standard_normal(scan.shape[:2], np.float32), 0.7)
    grain *= rng.uniform(6, 11) / grain.std()
    scan = scan * np.float32(rng.uniform(0.75, 0.95)) + np.float32(rng.uniform(8, 22)) + grain[..., None]
    for _ in range(rng.integers(2, 7)):
        at = (int(rng.integers(scan.shape[1])), int(rng.integers(scan.shape[0])))
        cv2.circle(scan, at, 1, (DUST, DUST, DUST), -1)
    return coded_as_jpeg(scan, 80)


def small_file(image: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """Two and a half to five times smaller, tinted, noisy, JPEG at 35 to 75."""
    small = _reduced(_soft(image, rng.uniform(0.6, 1.6) * unit), 1 / rng.uniform(2.5, 5))
    small = small + rng.normal(0, rng.uniform(1, 8), 3).astype(np.float32)
    return coded_as_jpeg(noise(small, rng.uniform(1, 6), rng), rng.uniform(35, 75))


def shaken_camera(image: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """A straight smear of 9 to 21 px, noise of 3 steps, JPEG at 85."""
    side = int(rng.integers(9, 21) * unit) | 1
    middle, angle = side // 2, rng.uniform(0, np.pi)
    x, y = (int(part) for part in np.rint(np.array([np.cos(angle), np.sin(angle)]) * middle))
    first, last = (middle - x, middle - y), (middle + x, middle + y)
    kernel = np.zeros((side, side), np.float32)
    cv2.line(kernel, first, last, (1.0,), 1)
    smeared = cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)
    return coded_as_jpeg(smeared + 3 * rng.standard_normal(image.shape, np.float32), 85)


def security_camera(image: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """A face 16 to 56 px high, dim, noisy, JPEG at 55 to 80."""
    factor = rng.uniform(16, 56) / (0.55 * 512 * unit)
    tiny = _reduced(_soft(image, 0.45 / factor), factor) * np.float32(rng.uniform(0.6, 0.95))
    return coded_as_jpeg(noise(tiny, rng.uniform(2, 6), rng), rng.uniform(55, 80))


def _soft(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma)


def _reduced(image: np.ndarray, factor: float) -> np.ndarray:
    """By area, to whole pixels that cover the picture exactly: a scale alone would shift what it does not divide."""
    width, height = (max(4, round(length * factor)) for length in image.shape[1::-1])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)

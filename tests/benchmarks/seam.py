"""Whether a restored face shows its border, against the way faces are usually pasted back.

    .venv/bin/python tests/benchmarks/seam.py --shared ../shared [--faces 6] [--sheet sheet.png]

Puts worn, held-out London photos on 1280x720 plates, restores their faces once, and puts the very same restored crops
back in two ways: by `restore_frame`, and the usual way: rounded to 8 bits, warped back by the inverse affine map,
blended by a feathered square. Nets often change a face's tone, so each crop is put back three times: as the net made
it, warmer, and brighter.

A border shows where colour steps the same way along a stretch of it; grain and features step either way. So in the band
where a matte goes from 0 to 1 the result is smoothed by SMOOTH pixels, its slope along the matte's own direction is
averaged over stretches of ALONG pixels, and the mean size of that is divided by the same of the plate in the same band.
Prints that ratio for each way; the pasted square is measured along its own border.

Exit code 1 if ours is above MOST in the mean of any case, or if the measure does not tell the pasted faces whose tone
differs from ours.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from flicker import HELD_OUT_EVERY

from faceplate.colour import SRGB
from faceplate.operations import open_restore
from faceplate.plate import Plate
from faceplate.restore.face import restore_crop
from faceplate.restore.pipeline import RestoreParams, face_crop, restore_frame
from faceplate.stages.align import choose_side
from faceplate.stages.detect import detect_faces

MOST = 1.05
SIZE = (1280, 720)
SMOOTH, ALONG = 2.0, 6.0
"""Pixels: what is too fine to be a border, and the stretch along which one steps the same way."""

TONES = {"as made": (0.0, 0.0, 0.0), "warmer": (0.05, 0.0, -0.05), "brighter": (0.06, 0.06, 0.06)}
"""What is added to a restored crop, display-encoded."""

FEATHER = 0.06
"""Width of the usual feathering, as a share of the crop's side."""


def worn(photo: np.ndarray, seed: int) -> np.ndarray:
    """A photo on a plate, soft and grainy as a whole, so that nothing but the restoration can make a border."""
    random = np.random.default_rng(seed)
    small = cv2.resize(photo, (SIZE[1], SIZE[1]), interpolation=cv2.INTER_AREA)
    side = (SIZE[0] - SIZE[1]) // 2
    plate = cv2.copyMakeBorder(small, 0, 0, side, SIZE[0] - SIZE[1] - side, cv2.BORDER_REFLECT)
    grain = cv2.GaussianBlur(random.normal(0, 1, plate.shape[:2]).astype(np.float32), (0, 0), 0.6)
    return np.clip(cv2.GaussianBlur(plate, (0, 0), 1.8) + (0.02 * grain / grain.std())[..., None], 0, 1)


def seam(done: np.ndarray, matte: np.ndarray) -> float:
    """How much a picture steps along the border of a matte, display-encoded a pixel: mean size over the border."""
    band = ((matte > 0.02) & (matte < 0.98)).astype(np.float32)
    across, down = (cv2.GaussianBlur(d, (0, 0), SMOOTH) for d in slopes(matte.astype(np.float32)))
    length = np.maximum(np.hypot(across, down), 1e-9)
    right, below = slopes(cv2.GaussianBlur(done, (0, 0), SMOOTH))
    step = (right * (across / length)[..., None] + below * (down / length)[..., None]) * band[..., None]
    share = cv2.GaussianBlur(band, (0, 0), ALONG)
    stretch = cv2.GaussianBlur(step, (0, 0), ALONG) / np.maximum(share, 1e-6)[..., None]
    return float(np.abs(stretch[band > 0]).mean())


def slopes(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Change a pixel to the right and down."""
    return (
        cv2.Sobel(picture, cv2.CV_32F, 1, 0, scale=1 / 8),
        cv2.Sobel(picture, cv2.CV_32F, 0, 1, scale=1 / 8),
    )


def ratio(done: np.ndarray, plate: np.ndarray, matte: np.ndarray) -> float:
    return seam(done, matte) / seam(plate, matte)


def pasted(
    plate: np.ndarray, restored: np.ndarray, plate_from_crop: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The usual way: 8 bits, a feathered square, one affine map; the result and its matte."""
    side = restored.shape[0]
    eight = np.round(np.clip(restored, 0, 1) * 255).astype(np.uint8)
    rim = max(2, round(FEATHER * side))
    square = np.zeros((side, side), np.float32)
    square[rim:-rim, rim:-rim] = 1
    square = cv2.GaussianBlur(square, (0, 0), rim / 2)
    size = (plate.shape[1], plate.shape[0])
    matrix = np.asarray(plate_from_crop[:2], np.float64)
    back = cv2.warpAffine(eight, matrix, size).astype(np.float32)
    matte = cv2.warpAffine(square, matrix, size)
    whole = np.round(plate * 255)
    return np.round(whole * (1 - matte[..., None]) + back * matte[..., None]) / 255, matte


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=6)
    parser.add_argument("--sheet", type=Path, help="PNG: worn, ours, pasted")
    options = parser.parse_args()
    tools, params = open_restore(), RestoreParams()
    photos = sorted((options.shared / "photos" / "london").glob("*_neutral.jpg"))[::HELD_OUT_EVERY]
    told: dict[str, list[tuple[float, float]]] = {name: [] for name in TONES}
    rows = []
    for seed, path in enumerate(photos[: options.faces]):
        photo = np.asarray(cv2.imread(str(path)), np.float32)[..., ::-1] / 255
        shown = worn(np.ascontiguousarray(photo), seed).astype(np.float32)
        plate = Plate.of(shown, encoding=SRGB)
        face = detect_faces(plate, tools.detector)[0]
        crop = face_crop(plate, face, choose_side(face, 1))
        made = restore_crop(crop.pixels, tools.nets.restore)
        for name, tone in TONES.items():
            toned = np.clip(made + np.array(tone, np.float32), 0, 1)
            done = restore_frame(
                plate, [face], nets=tools.nets, params=params, restored_crop=lambda *_, toned=toned: toned
            )
            usual, square = pasted(shown, toned, crop.plate_from_crop)
            told[name].append((ratio(done.plate.pixels, shown, done.matte), ratio(usual, shown, square)))
            rows.append(np.hstack([shown, done.plate.pixels, usual])[:, :, ::-1])
        words = "  ".join(f"{name} {each[-1][0]:.3f} / {each[-1][1]:.3f}" for name, each in told.items())
        print(f"{path.stem:14} ours / pasted: {words}", flush=True)
    if options.sheet:
        cv2.imwrite(str(options.sheet), np.round(np.clip(np.vstack(rows[:3]), 0, 1) * 255).astype(np.uint8))
    means = {name: np.mean(each, axis=0) for name, each in told.items()}
    for name, (ours, theirs) in means.items():
        print(f"{name}: ours {ours:.3f} (at most {MOST}), pasted {theirs:.3f}")
    tells = all(means[name][1] > max(MOST, means[name][0]) for name, tone in TONES.items() if any(tone))
    return int(not tells or any(ours > MOST for ours, _ in means.values()))


if __name__ == "__main__":
    sys.exit(main())

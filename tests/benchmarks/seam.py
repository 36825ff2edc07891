"""Whether a restored face shows its border, against the way faces are usually pasted back.

    .venv/bin/python tests/benchmarks/seam.py --shared ../shared [--faces 6] [--sheet sheet.png]

Puts worn, held-out London photos on 1280x720 plates, restores them with `restore_frame`, and pastes the very same
restored crops the usual way: rounded to 8 bits, warped back by the inverse affine map, blended by a feathered square.
Along the border of what was touched, where the matte is between 0.02 and 0.5, the mean gradient of the result is
divided by that of the plate at the same place. Prints both ratios for each face; exit code 1 if ours is above 1.05 in
the mean. The pasted square is measured along its own border.
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


def gradient(pixels: np.ndarray) -> np.ndarray:
    """(H, W) size of the luminance's gradient."""
    grey = pixels.mean(axis=2)
    return np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def ratio(done: np.ndarray, plate: np.ndarray, matte: np.ndarray) -> float:
    border = (matte > 0.02) & (matte < 0.5)
    return float(gradient(done)[border].mean() / gradient(plate)[border].mean())


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
    ours, theirs, rows = [], [], []
    for seed, path in enumerate(photos[: options.faces]):
        photo = np.asarray(cv2.imread(str(path)), np.float32)[..., ::-1] / 255
        shown = worn(np.ascontiguousarray(photo), seed).astype(np.float32)
        plate = Plate.of(shown, encoding=SRGB)
        face = detect_faces(plate, tools.detector)[0]
        done = restore_frame(plate, [face], nets=tools.nets, params=params)
        crop = face_crop(plate, face, side=choose_side(face, 1))
        restored = restore_crop(crop.pixels, tools.nets.restore)
        usual, square = pasted(shown, restored, crop.plate_from_crop)
        ours.append(ratio(done.plate.pixels, shown, done.matte))
        theirs.append(ratio(usual, shown, square))
        print(f"{path.stem:14} ours {ours[-1]:.3f}  pasted {theirs[-1]:.3f}", flush=True)
        rows.append(np.hstack([shown, done.plate.pixels, usual])[:, :, ::-1])
    if options.sheet:
        cv2.imwrite(str(options.sheet), np.clip(np.vstack(rows[:3]) * 255, 0, 255))
    print(f"mean ours {np.mean(ours):.3f} (at most {MOST}), pasted {np.mean(theirs):.3f}")
    return int(np.mean(ours) > MOST)


if __name__ == "__main__":
    sys.exit(main())

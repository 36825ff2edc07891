"""How much dust and scratches are repaired, and what the repair does to everything else.

    .venv/bin/python tests/benchmarks/film_dirt.py --shared ../shared [--clips 6] [--frames 5] [--side 512]
        [--sheet sheet.png]

Makes seeded clips with known motion of the held-out London photos, grains them, puts dust, hairs and scratches of one
frame on every frame, and repairs them as `faceplate restore --repair` does. Prints, for every clip,

    repaired   share of the dirty pixels whose error is at most a third of what the dirt made of it, or grain
    untouched  PSNR to the clip without dirt over all pixels that were clean, dB

Exit code 1 if the mean share is below 85 %, or the PSNR of a clip below 45 dB.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from flicker import HELD_OUT_EVERY, Clip

from faceplate.colour import SRGB
from faceplate.farm.film_plates import FilmParams, FilmPlates
from faceplate.plate import Plate
from faceplate.stages.shot import Shot

LEAST_REPAIRED, LEAST_PSNR = 0.85, 45.0
GRAIN = 0.02
DIRTY = 0.06
"""A pixel that dirt changed by less than this is not counted: nobody sees it."""


def dirty(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A frame with twelve specks, three hairs and a vertical scratch that does not reach from top to bottom."""
    side = picture.shape[0]
    cover = np.zeros((side, side), np.uint8)
    for _ in range(12):
        centre = tuple(int(value) for value in random.integers(8, side - 8, 2))
        cv2.ellipse(
            cover,
            centre,
            tuple(int(v) for v in random.integers(1, 5, 2)),
            random.uniform(0, 180),
            0,
            360,
            255,
            -1,
        )
    for _ in range(3):
        steps = random.integers(-9, 10, (5, 2)).cumsum(0) + random.integers(30, side - 30, 2)
        cv2.polylines(cover, [steps.astype(np.int32)], False, 255, 1, cv2.LINE_AA)
    x, top = int(random.integers(20, side - 20)), int(random.integers(0, side // 2))
    cv2.line(cover, (x, top), (x + 2, top + side // 3), 255, 1, cv2.LINE_AA)
    light = 0.95 if random.random() < 0.7 else 0.04
    share = cover[..., None] / np.float32(255)
    return picture * (1 - share) + np.float32(light) * share


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--sheet", type=Path, help="PNG: dirty, repaired, and what the matte says")
    options = parser.parse_args()
    photos = sorted((options.shared / "photos" / "london").glob("*_neutral.jpg"))[::HELD_OUT_EVERY]
    shares, psnrs, rows = [], [], []
    for seed, path in enumerate(photos[: options.clips]):
        photo = np.asarray(cv2.imread(str(path)), np.float32)[..., ::-1] / 255
        clip = Clip(photo, frames=options.frames, side=options.side, seed=seed)
        random = np.random.default_rng(seed)
        grained = [(p + random.normal(0, GRAIN, p.shape)).clip(0, 1).astype(np.float32) for p in clip.clean]
        worn = [dirty(picture, random) for picture in grained]
        done = repaired(worn)
        share, psnr = measured(grained, worn, [each.plate.pixels for each in done])
        shares.append(share)
        psnrs.append(psnr)
        print(f"{path.stem:14} repaired {100 * share:.1f} %  untouched {psnr:.1f} dB", flush=True)
        matte = done[2].matte[..., None].repeat(3, axis=2)
        rows.append(np.hstack([worn[2], done[2].plate.pixels, matte]))
    if options.sheet:
        cv2.imwrite(str(options.sheet), np.clip(np.vstack(rows[:3]) * 255, 0, 255)[..., ::-1])
    print(f"mean repaired {100 * np.mean(shares):.1f} % (at least {100 * LEAST_REPAIRED:.0f}), "
          f"worst untouched {min(psnrs):.1f} dB (at least {LEAST_PSNR:.0f})")  # fmt: skip
    return int(np.mean(shares) < LEAST_REPAIRED or min(psnrs) < LEAST_PSNR)


def repaired(worn: list[np.ndarray]) -> list:
    """Every frame through the stage, as a shot of these frames has it."""
    plates = [Plate.of(picture, encoding=SRGB) for picture in worn]
    side = worn[0].shape[0]
    shot = Shot("clip", (side, side), {number: "" for number in range(len(worn))})
    film = FilmPlates(shot, FilmParams(repair=True), plate_of=plates.__getitem__, keep=len(worn))
    return [film.clean(number) for number in range(len(worn))]


def measured(clean: list[np.ndarray], worn: list[np.ndarray], done: list[np.ndarray]) -> tuple[float, float]:
    """Over the frames that have both neighbours: share of dirt repaired, PSNR of the rest."""
    good, dirt, errors = 0, 0, []
    for number in range(1, len(clean) - 1):
        harm = np.abs(worn[number] - clean[number]).max(axis=2)
        left = np.abs(done[number] - clean[number]).max(axis=2)
        bad = harm > DIRTY
        dirt += int(bad.sum())
        good += int((left[bad] <= np.maximum(harm[bad] / 3, 3 * GRAIN)).sum())
        errors.append(((done[number] - clean[number]) ** 2)[harm == 0].mean())
    return good / max(dirt, 1), float(-10 * np.log10(np.mean(errors) + 1e-12))


if __name__ == "__main__":
    sys.exit(main())

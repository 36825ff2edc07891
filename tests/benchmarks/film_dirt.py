"""How much dust and scratches are repaired, and what the repair does to everything else.

    .venv/bin/python tests/benchmarks/film_dirt.py --shared ../shared [--clips 6] [--frames 5] [--side 512]
        [--sheet sheet.png]
    .venv/bin/python tests/benchmarks/film_dirt.py --shared ../shared --reel --sheet docs/film-reel.png

Makes seeded clips with known motion of the held-out London photos, grains them, puts dust, hairs and scratches of one
frame on every frame, and repairs them as `faceplate restore --repair` does. Prints, for every clip,

    repaired   share of the dirty pixels whose error is at most a third of what the dirt made of it, or grain
    untouched  PSNR to the clip without dirt over all pixels that were clean, dB

With --reel it measures nothing: it repairs the damaged reel and draws the sheet of docs/film.md.

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
from faceplate.registry.catalogue import manifest_for
from faceplate.runtime.net import Net
from faceplate.runtime.pool import open_net
from faceplate.stages.detect import detect_faces
from faceplate.stages.shot import Shot, Track

LEAST_REPAIRED, LEAST_PSNR = 0.85, 45.0
GRAIN = 0.02
REEL_PARTS = {1: (219, 0), 5: (215, 100), 8: (60, 60)}
"""Place in the reel -> corner of what its sheet shows of it: a hair, scratches on the coat, a stain on the wall."""

REEL_PART = (360, 220)

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
    parser.add_argument("--reel", action="store_true", help="draw the reel's sheet instead")
    options = parser.parse_args()
    if options.reel:
        return draw_reel(options.shared / "film" / "reel_001", options.sheet)
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
        save(options.sheet, rows[:3])
    print(f"mean repaired {100 * np.mean(shares):.1f} % (at least {100 * LEAST_REPAIRED:.0f}), "
          f"worst untouched {min(psnrs):.1f} dB (at least {LEAST_PSNR:.0f})")  # fmt: skip
    return int(np.mean(shares) < LEAST_REPAIRED or min(psnrs) < LEAST_PSNR)


def draw_reel(folder: Path, sheet: Path) -> int:
    """Before, after and matte of a few frames of the reel."""
    frames = [
        np.asarray(cv2.imread(str(path)), np.float32)[..., ::-1] / 255
        for path in sorted(folder.glob("*.png"))
    ]
    detector = open_net(manifest_for("face.detect"))
    done = repaired([np.ascontiguousarray(frame) for frame in frames], detector=detector)
    rows = []
    width, height = REEL_PART
    for place, (x, y) in REEL_PARTS.items():
        matte = done[place].matte[..., None].repeat(3, axis=2)
        shown = np.hstack(
            [each[y : y + height, x : x + width] for each in (frames[place], done[place].plate.pixels, matte)]
        )
        rows.append(shown)
        print(f"frame {place}: {100 * done[place].matte.mean():.2f} % of the plate repaired")
    save(sheet, rows)
    return 0


def save(sheet: Path, rows: list[np.ndarray]) -> None:
    cv2.imwrite(str(sheet), np.round(np.clip(np.vstack(rows), 0, 1) * 255).astype(np.uint8)[..., ::-1])


def repaired(worn: list[np.ndarray], *, detector: Net | None = None) -> list:
    """Every frame through the stage, as a shot of these frames has it; with a detector, its face is a track."""
    plates = [Plate.of(picture, encoding=SRGB) for picture in worn]
    height, width = worn[0].shape[:2]
    shot = Shot("clip", (width, height), {number: "" for number in range(len(worn))})
    if detector is not None:
        faces = {number: detect_faces(plate, detector)[0] for number, plate in enumerate(plates)}
        shot = shot.with_tracks([Track(1, "actor", faces)])
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

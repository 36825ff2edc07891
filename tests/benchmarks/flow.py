"""How far motion is followed wrongly, with and without grain, by DIS and by a model that was imported and accepted.

    .venv/bin/python tests/benchmarks/flow.py --shared ../shared [--flow raft-small] [--side 512] [--photos 1]

Photos of held-out people are moved by a known shift, turn and scale; prints the mean and the 95th percentile of the
distance between what was found and what is true, away from the rim, and the seconds a pair takes.
"""

import argparse
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np

from faceplate.model_choice import named_model
from faceplate.operations import DIS, FLOW
from faceplate.runtime.pool import open_net
from faceplate.stabilise.flow import FindFlow, find_flow, flow_finder

MOTIONS = ((3, -1.5, 0, 1), (12, 6, 0, 1), (40, -20, 0, 1), (2, 1, 4, 1.02), (0.4, 0.3, 0, 1))
"""x and y in pixels, turn in degrees, scale."""

GRAINS = (0.0, 0.03)
RIM = 60
HELD_OUT_EVERY = 5


def moved(picture: np.ndarray, motion: tuple[float, float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A picture moved about its middle, and the true flow to it, (H, W, 2)."""
    x, y, turn, scale = motion
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
    matrix[:, 2] += (x, y)
    other = cv2.warpAffine(
        picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    rows, columns = np.indices((height, width), np.float32)
    there = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ matrix.T
    return np.clip(other, 0, 1).astype(np.float32), there - np.stack([columns, rows], axis=-1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--flow", default=DIS, metavar="MODEL-ID")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--photos", type=int, default=1)
    options = parser.parse_args()
    ways: dict[str, FindFlow] = {DIS: find_flow}
    if options.flow != DIS:
        ways[options.flow] = flow_finder(open_net(named_model(options.flow, FLOW)))
    photos = sorted((options.shared / "photos" / "london").glob("*_neutral.jpg"))[::HELD_OUT_EVERY]
    pictures = [
        cv2.resize(
            np.asarray(cv2.imread(str(path)), np.float32)[..., ::-1] / 255, (options.side, options.side),
            interpolation=cv2.INTER_AREA,
        )
        for path in photos[: options.photos]
    ]  # fmt: skip
    print(f"{len(pictures)} photos at {options.side} px; motion: x, y, degrees, scale")
    for motion in MOTIONS:
        for grain in GRAINS:
            told = [f"{name} {_told(find, pictures, motion, grain)}" for name, find in ways.items()]
            print(f"{motion!s:20} grain {grain:g}: {'; '.join(told)}", flush=True)


def _told(find, pictures, motion, grain) -> str:
    wrong, seconds = [], []
    for seed, picture in enumerate(pictures):
        other, true = moved(picture, motion)
        random = np.random.default_rng(seed)
        pair = [p + random.normal(0, grain, p.shape).astype(np.float32) for p in (picture, other)]
        start = perf_counter()
        found = find(*(np.clip(each, 0, 1) for each in pair))
        seconds.append(perf_counter() - start)
        wrong.append(np.hypot(*(found - true).transpose(2, 0, 1))[RIM:-RIM, RIM:-RIM])
    return f"{np.mean(wrong):.2f} px, 95 % {np.percentile(wrong, 95):.2f}, {np.median(seconds):.2f} s"


if __name__ == "__main__":
    main()

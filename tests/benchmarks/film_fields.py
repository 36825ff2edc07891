"""How near a deinterlaced frame comes to the whole one, against the woven frame and the mean of the rows.

    .venv/bin/python tests/benchmarks/film_fields.py --shared ../shared [--clips 6] [--frames 5] [--side 512]

Makes seeded clips of the held-out London photos at twice the frame rate: the middle in known motion, all around it
still. Grains every moment, and weaves each two into an interlaced frame, top or bottom field first by turns. Prints for
every clip what `fields_of` says of it and of its whole frames, and the PSNR to the whole frame at the first field's
time, over the rows of the second field, where it moves and where it stands still: of the frame as it is woven, of the
mean of the rows above and below, and of `deinterlace`.

Exit code 1 if a clip is told wrong; if `deinterlace` is more than SLACK below the better of the other two, in the mean,
where it moves or where it stands still; or if it is not the best of all over both.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
from flicker import HELD_OUT_EVERY, Clip

from faceplate.plate import Fields, Plate
from faceplate.restore.film_fields import combing, deinterlace, fields_of, rows_of

GRAIN = 0.01
RIM = 8

MIDDLE = 0.3
"""Radius of what moves, as a share of the side."""

SLACK = 1.0
"""dB."""


def told(frames: list[np.ndarray]) -> Fields:
    """What the footage says of its fields."""
    rows = [rows_of(Plate.of(frame)) for frame in frames]
    pairs = zip(rows[1:], rows[:-1], strict=True)
    return fields_of(
        [combing(here, before) for here, before in pairs if here is not None and before is not None]
    )


def moments_of(
    photo: np.ndarray, *, frames: int, side: int, seed: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """Two moments a frame, and how much of each pixel moves, (S, S, 1)."""
    clip = Clip(np.ascontiguousarray(photo), frames=2 * frames, side=side, seed=seed)
    rows, columns = np.indices((side, side)) - side / 2
    moves = np.clip((MIDDLE * side - np.hypot(rows, columns)) / 8 + 0.5, 0, 1)[..., None]
    random = np.random.default_rng(seed)
    pictures = [clip.clean[0] + moves * (each - clip.clean[0]) for each in clip.clean]
    return [(each + random.normal(0, GRAIN, each.shape)).astype(np.float32) for each in pictures], moves


def measured(moments: list[np.ndarray], moves: np.ndarray, first: Fields) -> tuple[Fields, np.ndarray]:
    """What a clip says woven; PSNR where it moves, where it is still and over both, of the three ways each: (3, 3)."""
    start = 1 if first == "top" else 0  # of the second field
    frames = [moment.copy() for moment in moments[::2]]
    for frame, later in zip(frames, moments[1::2], strict=True):
        frame[start::2] = later[start::2]
    rows = np.s_[2 * RIM + start : -2 * RIM : 2, RIM:-RIM]
    parts = [part[rows][..., 0] for part in (moves > 0.99, moves < 0.01, moves >= 0)]
    errors = []
    for place in range(1, len(frames) - 1):
        before, here, after = (Plate.of(frame) for frame in frames[place - 1 : place + 2])
        mean = (np.roll(frames[place], 1, axis=0) + np.roll(frames[place], -1, axis=0)) / 2
        made = (frames[place], mean, deinterlace(here, before, after, first=first).pixels)
        off = [((each - moments[2 * place])[rows] ** 2).mean(axis=2) for each in made]
        errors.append([[each[part].mean() for each in off] for part in parts])
    return told(frames), -10 * np.log10(np.mean(errors, axis=0))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--side", type=int, default=512)
    options = parser.parse_args()
    photos = sorted((options.shared / "photos" / "london").glob("*_neutral.jpg"))[::HELD_OUT_EVERY]
    right, figures = True, []
    for seed, path in enumerate(photos[: options.clips]):
        photo = np.asarray(cv2.imread(str(path)), np.float32)[..., ::-1] / 255
        moments, moves = moments_of(photo, frames=options.frames, side=options.side, seed=seed)
        first: Fields = "bottom" if seed % 2 else "top"
        seen, figure = measured(moments, moves, first)
        whole = told(moments)
        right = right and seen == first and whole == "progressive"
        figures.append(figure)
        print(
            f"{path.stem:14} {first} first, told {seen}; whole frames told {whole}; {words(figure)}",
            flush=True,
        )
    means = np.mean(figures, axis=0)
    print(f"mean, woven / mean of rows / deinterlaced, dB: {words(means)}")
    near = all(part[2] > part[:2].max() - SLACK for part in means[:2])
    return int(not (right and near and means[2].argmax() == 2))


def words(figure: np.ndarray) -> str:
    parts = zip(("moving", "still", "all"), figure, strict=True)
    return ", ".join(f"{name} {' / '.join(f'{value:.1f}' for value in part)}" for name, part in parts)


if __name__ == "__main__":
    sys.exit(main())

"""The sample plate: 24 frames of a slow camera move, clean and worn, written as a film scan would arrive."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio

from faceplate.arrays import Image, Matrix
from faceplate.demo.scene import PORTRAIT_SIDE, SIDE_SET, build_set, read_portrait
from faceplate.demo.wear import wear_frame
from faceplate_client.errors import OutputError

WIDTH, HEIGHT = 1280, 720
FIRST, COUNT, FPS = 1001, 24, 24
SEED = 1993
SLATE = "faceplate sample, take 1"


@dataclass(frozen=True)
class Sample:
    """Where the sample lies: folders of `plate.####.exr`, one clean and one worn, and the frames they hold."""

    clean: Path
    worn: Path
    frames: tuple[int, ...]

    def clean_path(self, frame: int) -> Path:
        return self.clean / f"plate.{frame:04d}.exr"

    def worn_path(self, frame: int) -> Path:
        return self.worn / f"plate.{frame:04d}.exr"


def make_sample(folder: Path, *, count: int = COUNT, seed: int = SEED) -> Sample:
    """Write the clean and the worn frames under `folder`.

    Args:
        folder: gets `clean/` and `plate/`; frames that are there are replaced.
        count: frames, from 1001 on.
        seed: decides grain and dust.

    Raises:
        RequestError: scikit-image is not installed.
        OutputError: a frame could not be written.
    """
    scene = build_set(read_portrait())
    sample = Sample(folder / "clean", folder / "plate", tuple(range(FIRST, FIRST + count)))
    for made in (sample.clean, sample.worn):
        made.mkdir(parents=True, exist_ok=True)
    for frame in sample.frames:
        clean = shoot(scene, plate_from_scene((frame - FIRST) / max(COUNT - 1, 1)))
        write_scan(sample.clean_path(frame), clean, frame)
        write_scan(sample.worn_path(frame), wear_frame(clean, seed=seed, frame=frame), frame)
    return sample


def plate_from_scene(time: float) -> Matrix:
    """The camera: a push-in by 4 % with a drift of a few pixels, never on whole pixels. `time` runs 0-1."""
    eased = time * time * (3 - 2 * time)
    scale = 1.46 + 0.06 * eased
    looks_at = (SIDE_SET + PORTRAIT_SIDE / 2 + 2.6 * np.sin(2.1 * time), 250.0 + 3.3 * eased)
    return np.array(
        [
            [scale, 0, WIDTH / 2 - scale * looks_at[0]],
            [0, scale, HEIGHT / 2 - scale * looks_at[1]],
            [0, 0, 1],
        ]
    )


def shoot(scene: Image, matrix: Matrix, *, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image:
    """The scene as the camera sees it, (size[1], size[0], 3), scene-linear and never negative."""
    centred = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])  # OpenCV counts from pixel centres
    for_cv2 = centred @ matrix @ np.linalg.inv(centred)
    seen = cv2.warpAffine(scene, for_cv2[:2], size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.maximum(seen, 0.0)


def write_scan(path: Path, pixels: Image, frame: int) -> None:
    """Write a frame as a scanner would: half RGB, a float depth pass beside it, timecode and a slate.

    Written with OpenImageIO alone, not with the code that the demonstration is to judge.

    Raises:
        OutputError: it could not be written.
    """
    height, width = pixels.shape[:2]
    spec = oiio.ImageSpec(width, height, 4, oiio.HALF)
    spec.channelnames = ("R", "G", "B", "depth.Z")
    spec.channelformats = (oiio.HALF, oiio.HALF, oiio.HALF, oiio.FLOAT)
    spec.attribute("compression", "zip")
    spec.attribute("smpte:TimeCode", oiio.TypeTimeCode, timecode(frame - FIRST))
    spec.attribute("FramesPerSecond", oiio.TypeRational, (FPS, 1))
    spec.attribute("slate", SLATE)
    spec.attribute("DateTime", "2026:01:01 00:00:00")  # or the clock's time would stand in every file
    depth = np.broadcast_to(np.linspace(2.0, 9.0, height, dtype=np.float32)[:, None], (height, width))
    out = oiio.ImageOutput.create(str(path))
    written = out is not None and out.open(str(path), spec) and out.write_image(np.dstack([pixels, depth]))
    if out is None or not written or not out.close():
        told = out.geterror() if out is not None else oiio.geterror()
        raise OutputError(f"the sample frame {path} could not be written: {told}")


def timecode(count: int) -> tuple[int, int]:
    """SMPTE 12M time and user bits of 01:00:00:00 plus `count` frames at 24 a second, digits in BCD."""
    hours, minutes, seconds, frames = 1 + count // 86400, count // 1440 % 60, count // 24 % 60, count % 24
    packed = 0
    for value in (hours, minutes, seconds, frames):
        packed = packed << 8 | (value // 10) << 4 | value % 10
    return packed, 0

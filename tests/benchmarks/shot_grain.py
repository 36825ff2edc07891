"""Whether a restored face in a shot is as grainy as the plate around it.

    .venv/bin/python tests/benchmarks/shot_grain.py --shared ../shared [--takes 4] [--frames 3] [--photo 0]
        [-- more options]

Makes the same moving picture of a held-out London photo several times, each take with grain of its own and its own
frame numbers, and restores each with `faceplate restore --shot`. What differs between the takes is grain: its power
inside the matte is compared, in three bands of spatial frequency, with that of the plates at the same place. Prints the
three ratios; exit code 1 if one is outside 0.9-1.1.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import OpenImageIO as oiio
from flicker import HELD_OUT_EVERY, Clip

LEAST, MOST = 0.9, 1.1
SIDE, SIGMA = 512, 0.03
BANDS = ((0.02, 0.15), (0.15, 0.3), (0.3, 0.5))
"""Cycles a pixel."""


def write_take(folder: Path, clip: Clip, first: int, seed: int) -> list[np.ndarray]:
    """One take as 16-bit PNG files; what was written, 0-1."""
    folder.mkdir(parents=True)
    random, written = np.random.default_rng(seed), []
    for number, picture in enumerate(clip.clean, first):
        noise = cv2.GaussianBlur(random.normal(0, 1, picture.shape[:2]).astype(np.float32), (0, 0), 0.6)
        soft = cv2.GaussianBlur(picture, (0, 0), 1.2)
        pixels = np.clip(soft * 0.8 + 0.1 + (noise / noise.std() * SIGMA)[..., None], 0, 1)
        pixels = np.round(pixels * 65535).astype(np.uint16)
        spec = oiio.ImageSpec(SIDE, SIDE, 3, oiio.UINT16)
        file = oiio.ImageOutput.create(str(folder / f"take.{number}.png"))
        assert file is not None and file.open(str(folder / f"take.{number}.png"), spec)
        assert file.write_image(pixels) and file.close(), oiio.geterror()
        written.append(pixels / np.float32(65535))
    return written


def read(path: Path) -> np.ndarray:
    pixels = oiio.ImageBuf(str(path)).get_pixels(oiio.FLOAT)
    return np.asarray(pixels, np.float32)


def power(takes: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """Mean power of what differs between takes (N, H, W), in each band, over 64 px squares inside the matte."""
    grain = (takes - takes.mean(0)) * np.sqrt(len(takes) / (len(takes) - 1))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(64), np.fft.fftfreq(64)))
    told = []
    for y in range(0, SIDE - 63, 32):
        for x in range(0, SIDE - 63, 32):
            part = (slice(y, y + 64), slice(x, x + 64))
            if matte[part].min() > 0.98:
                window = np.outer(np.hanning(64), np.hanning(64))
                spectrum = (np.abs(np.fft.fft2(grain[:, *part] * window)) ** 2).mean(0)
                told.append([spectrum[(frequency >= low) & (frequency < high)].mean() for low, high in BANDS])
    if not told:
        raise SystemExit("no square of 64 pixels lies inside the matte; was the face found?")
    return np.mean(told, axis=0)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--takes", type=int, default=4)
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--photo", type=int, default=0, help="which of the held-out people, from 0")
    parser.add_argument("options", nargs="*", help="further options of `faceplate restore`")
    asked = parser.parse_args()
    path = sorted((asked.shared / "photos" / "london").glob("*_neutral.jpg"))[::HELD_OUT_EVERY][asked.photo]
    photo = np.asarray(cv2.imread(str(path)), np.float32)[..., ::-1] / 255
    clip = Clip(photo, frames=asked.frames, side=SIDE, seed=1)
    middle = asked.frames // 2
    before, after, matte = [], [], np.ones((SIDE, SIDE), np.float32)
    with tempfile.TemporaryDirectory(prefix="faceplate-grain-") as name:
        for take in range(asked.takes):
            folder, first = Path(name) / f"take{take}", 1001 + 100 * take
            before.append(write_take(folder, clip, first, seed=take)[middle].mean(2))
            out = Path(name) / f"done{take}"
            words = [
                "restore",
                folder,
                "-o",
                out,
                "--shot",
                out / "shot.json",
                "--layers",
                "matte",
                "--quiet",
            ]
            command = [sys.executable, "-m", "faceplate.cli", *words, *asked.options]
            subprocess.run([str(word) for word in command], check=True)
            after.append(read(out / f"take.{first + middle}.png").mean(2))
            beside = next(path for path in out.glob(f"*matte*{first + middle}*"))
            matte = np.minimum(matte, read(beside)[..., 0])
    ratios = power(np.stack(after), matte) / power(np.stack(before), matte)
    for (low, high), ratio in zip(BANDS, ratios, strict=True):
        print(f"{low:g}-{high:g} cycles a pixel   {ratio:.3f} of the plate's power ({LEAST}-{MOST})")
    return int(not all(LEAST <= ratio <= MOST for ratio in ratios))


if __name__ == "__main__":
    sys.exit(main())

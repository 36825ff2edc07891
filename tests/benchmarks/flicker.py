"""How much steadying calms a boiling face, and what it costs in detail.

    .venv/bin/python tests/benchmarks/flicker.py --shared ../shared [--clips 6] [--frames 8] [--side 256]
        [--radius 2] [--strength 1] [--flow dis] [--sheet sheet.png]

Makes seeded clips with known motion (shift, turn, scale and a face's own deformation) of the held-out London photos,
wears them out frame by frame, restores every frame with the restoring net in models/open, or where there is none with
a stand-in that denoises and invents other pores for every frame, and steadies, motion followed by DIS or by a model
that was imported and accepted. Prints, for every clip and their mean,

    flicker   mean absolute difference along the true flow, less the clean clip's own: steadied / frame by frame
    detail    PSNR to the clean clip over moving pixels, fine band only: steadied less frame by frame, dB
    loses     the same fine band when a perfect net leaves nothing to calm: PSNR of the steadied clean clip, dB

Exit code 1 if the mean flicker is above 0.4 or detail falls by more than 0.2 dB.
"""

import argparse
import hashlib
import sys
from pathlib import Path

import cv2
import numpy as np

from faceplate.model_choice import named_model
from faceplate.operations import DIS, FLOW
from faceplate.registry.catalogue import has_model, manifest_for
from faceplate.restore.face import restore_crop
from faceplate.runtime.pool import open_net
from faceplate.stabilise.flow import FindFlow, find_flow, flow_finder
from faceplate.stabilise.pipeline import Restoration, neighbour_of
from faceplate.stabilise.temporal import steady_crop

MOST_FLICKER, MOST_LOST = 0.4, 0.2
RIM = 20
HELD_OUT_EVERY = 5


class Clip:
    """A photo in known motion: `clean` and `worn`, lists of (S, S, 3), and the true flow from a frame to the next."""

    def __init__(self, photo: np.ndarray, *, frames: int, side: int, seed: int) -> None:
        self._random, self._side, self._photo = np.random.default_rng(seed), side, photo
        random = self._random
        self._rate, self._phase = random.uniform(0.2, 0.5, 6), random.uniform(0, 2 * np.pi, 6)
        maps = [self._map(place, *self._grid()) for place in range(frames)]
        self.clean = [self._shown(x, y) for x, y in maps]
        self.worn = [self._wear(picture) for picture in self.clean]
        self.flows = [self._flow(place) for place in range(frames - 1)]

    def _grid(self) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = np.indices((self._side, self._side), dtype=np.float32)
        return columns, rows

    def _map(self, place: int, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where in the photo the clip's points lie on a frame."""
        s = self._side
        wave = np.sin(self._rate * place + self._phase)
        turn, zoom = 0.05 * wave[0], (self._photo.shape[0] * 0.62 / s) * (1 + 0.03 * wave[1])
        u, v = x - s / 2, y - s / 2
        u, v = u + 0.02 * s * wave[2], v + 0.02 * s * wave[3]
        v = v + 0.012 * s * wave[4] * np.exp(-((u / (0.2 * s)) ** 2) - (((v - 0.15 * s) / (0.15 * s)) ** 2))
        u = u + 0.006 * s * wave[5] * np.cos(v / (0.12 * s))
        c, d = zoom * np.cos(turn), zoom * np.sin(turn)
        height, width = self._photo.shape[:2]
        return c * u - d * v + width / 2, d * u + c * v + height / 2

    def _shown(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        soft = cv2.GaussianBlur(self._photo, (0, 0), 0.5 * self._photo.shape[0] * 0.62 / self._side)
        return cv2.remap(
            soft, x.astype(np.float32), y.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )

    def _flow(self, place: int) -> np.ndarray:
        """The true flow, by following each photo point into the next frame."""
        x, y = self._grid()
        wanted = self._map(place, x, y)
        at_x, at_y = x.copy(), y.copy()
        scale = self._photo.shape[0] * 0.62 / self._side
        for _ in range(12):
            there = self._map(place + 1, at_x, at_y)
            at_x, at_y = at_x + (wanted[0] - there[0]) / scale, at_y + (wanted[1] - there[1]) / scale
        return np.stack([at_x - x, at_y - y], axis=2).astype(np.float32)

    def _wear(self, picture: np.ndarray) -> np.ndarray:
        soft = cv2.GaussianBlur(picture, (0, 0), 1.2)
        noise = cv2.GaussianBlur(self._random.normal(0, 1, picture.shape).astype(np.float32), (0, 0), 0.6)
        return np.clip(soft + 0.03 * noise / noise.std(), 0, 1).astype(np.float32)


def stand_in(crop: np.ndarray) -> np.ndarray:
    """Denoises, sharpens, and invents pores that hang on the crop's last bit, as nets do."""
    seed = int.from_bytes(hashlib.sha256(crop.tobytes()).digest()[:8], "little")
    calm = cv2.GaussianBlur(cv2.medianBlur(crop, 3), (0, 0), 0.8)
    sharp = calm + 0.8 * (calm - cv2.GaussianBlur(calm, (0, 0), 2.0))
    pores = cv2.GaussianBlur(
        np.random.default_rng(seed).normal(0, 1, crop.shape).astype(np.float32), (0, 0), 0.9
    )
    return np.clip(sharp + 0.025 * pores / pores.std(), 0, 1).astype(np.float32)


def steadied(
    crops: list[np.ndarray], restored: list[np.ndarray], radius: int, strength: float, find: FindFlow
) -> list[np.ndarray]:
    """Every frame with its window, as the pipeline does it."""
    faces = [Restoration(crop, made) for crop, made in zip(crops, restored, strict=True)]
    flows: dict[tuple[int, int], np.ndarray] = {}

    def flow(one: int, other: int) -> np.ndarray:
        if (one, other) not in flows:
            flows[one, other] = find(crops[one], crops[other])
        return flows[one, other]

    done = []
    for place, here in enumerate(faces):
        others = [o for o in range(max(0, place - radius), min(len(faces), place + radius + 1)) if o != place]
        near = [neighbour_of(here, faces[o], flow(place, o), flow(o, place)) for o in others]
        done.append(steady_crop(here.restored, near, strength=strength))
    return done


def flicker(pictures: list[np.ndarray], clip: Clip) -> float:
    """Mean absolute difference along the true flow, away from the rim."""
    told = []
    for place, flow in enumerate(clip.flows):
        rows, columns = np.indices(flow.shape[:2], dtype=np.float32)
        x, y = columns + flow[..., 0], rows + flow[..., 1]
        carried = cv2.remap(pictures[place + 1], x, y, cv2.INTER_CUBIC)
        told.append(np.abs(carried - pictures[place])[RIM:-RIM, RIM:-RIM].mean())
    return float(np.mean(told))


def fine_psnr(pictures: list[np.ndarray], clip: Clip) -> float:
    """PSNR of the band below 2 pixels, over pixels that move by half a pixel or more."""
    errors = []
    for place, flow in enumerate(clip.flows):
        moves = np.hypot(*np.moveaxis(flow, 2, 0))[RIM:-RIM, RIM:-RIM] > 0.5
        bands = [p - cv2.GaussianBlur(p, (0, 0), 2.0) for p in (pictures[place], clip.clean[place])]
        errors.append(((bands[0] - bands[1]) ** 2)[RIM:-RIM, RIM:-RIM][moves].mean())
    return float(-10 * np.log10(np.mean(errors) + 1e-12))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--radius", type=int, default=2)
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--flow", default=DIS, metavar="dis|MODEL-ID", help="what follows motion")
    parser.add_argument(
        "--sheet", type=Path, help="PNG: worn, frame by frame, steadied, clean, and what changed"
    )
    options = parser.parse_args()
    restore, name = stand_in, "a stand-in that boils"
    if has_model("face.restore"):
        manifest = manifest_for("face.restore")
        net, name = open_net(manifest), manifest.name
        restore = lambda crop: restore_crop(crop, net)  # noqa: E731
    find = find_flow if options.flow == DIS else flow_finder(open_net(named_model(options.flow, FLOW)))
    photos = sorted((options.shared / "photos" / "london").glob("*_neutral.jpg"))[::HELD_OUT_EVERY]
    ratios, details, rows = [], [], []
    print(f"restored by {name}; radius {options.radius}, strength {options.strength:g}, flow {options.flow}")
    for seed, path in enumerate(photos[: options.clips]):
        photo = np.asarray(cv2.imread(str(path)), np.float32)[..., ::-1] / 255
        clip = Clip(photo, frames=options.frames, side=options.side, seed=seed)
        alone = [restore(crop) for crop in clip.worn]
        steady = steadied(clip.worn, alone, options.radius, options.strength, find)
        floor = flicker(clip.clean, clip)
        boils, calm = (flicker(pictures, clip) - floor for pictures in (alone, steady))
        detail = fine_psnr(steady, clip) - fine_psnr(alone, clip)
        perfect = fine_psnr(steadied(clip.worn, clip.clean, options.radius, options.strength, find), clip)
        ratios.append(calm / boils)
        details.append(detail)
        print(
            f"{path.stem:14} flicker {boils:.4f} -> {calm:.4f} = {ratios[-1]:.3f}  detail {detail:+.2f} dB  "
            f"loses: {perfect:.1f} dB  (clean clip's own {floor:.4f})",
            flush=True,
        )
        change = [0.5 + 4 * (p[3] - p[4]) for p in (alone, steady)]
        rows.append(np.hstack([clip.worn[3], alone[3], steady[3], clip.clean[3], *change]))
    if options.sheet:
        cv2.imwrite(str(options.sheet), np.clip(np.vstack(rows) * 255, 0, 255)[..., ::-1])
    print(f"mean flicker {np.mean(ratios):.3f} (at most {MOST_FLICKER}), detail {np.mean(details):+.2f} dB")
    return int(np.mean(ratios) > MOST_FLICKER or np.mean(details) < -MOST_LOST)


if __name__ == "__main__":
    sys.exit(main())

"""What parsing is worth to the matte: hands left alone, faces restored as before, and no more flicker.

    .venv/bin/python tests/benchmarks/matte_parse.py --shared ../shared [--clips 4] [--frames 5] [--side 512]
        [--weights FILE] [--sheet sheet.png]

Makes the clips of flicker.py (known motion, held-out London photos, worn frame by frame), every second with a drawn
hand before the face, and restores each frame by itself twice, with and without the parsing net; the restored crops are
the same. Prints for every clip and in the mean, without -> with parsing:

    hand      mean absolute change of the pixels that the hand covers, 8-bit steps; 0 is wanted
    face      share of the matte over the face that is left of the geometric one; 1 is wanted
    flicker   mean absolute difference along the true flow, less the clean clip's own, 8-bit steps; in brackets that of
              a matte that knows where the hand is: a hand that is left alone keeps its noise, which flickers

Exit code 1 if a hand is changed by more than a quarter of what it was, faces lose more than 3 per cent of their matte,
or it flickers by 2 per cent more than with the matte that knows.
"""

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from flicker import HELD_OUT_EVERY, Clip, flicker

from faceplate.colour import SRGB
from faceplate.faces import Face
from faceplate.plate import Plate
from faceplate.registry.catalogue import manifest_for
from faceplate.restore.face import restore_crop
from faceplate.restore.pipeline import Restored, RestoreNets, RestoreParams, restore_frame
from faceplate.runtime.net import Net
from faceplate.runtime.onnx_net import OnnxNet
from faceplate.runtime.pool import open_net
from faceplate.stages.align import Crop
from faceplate.stages.detect import detect_faces
from faceplate_training.renders import wear

SHOWN = 0.66
"""Share of a photo's side within which hands are drawn: about the face."""

MOST_OF_HAND, LEAST_OF_FACE, MOST_FLICKER = 0.25, 0.97, 1.02


def with_hand(photo: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A photo (S, S, 3) 0-1 with a drawn hand before the face, and where it is (S, S) 0-1."""
    side = photo.shape[0]
    rim = round(side * (1 - SHOWN) / 2)
    linear = SRGB.decode(photo[rim : side - rim, rim : side - rim].astype(np.float32))
    own = linear.shape[0]
    middle = slice(own * 2 // 5, own * 3 // 5)
    tone = np.median(linear[middle, middle].reshape(-1, 3), 0)
    canvas = wear.Canvas(linear, np.zeros((own, own), np.float32), np.full((own, own), np.inf))
    wear.draw_palm(canvas, tone, rng)
    shown, cover = photo.copy(), np.zeros((side, side), np.float32)
    shown[rim : side - rim, rim : side - rim] = np.clip(SRGB.encode(np.maximum(canvas.pixels, 0)), 0, 1)
    cover[rim : side - rim, rim : side - rim] = canvas.cover
    return shown, cover


class BothWays:
    """Restores frames with and without parsing; the restoring net is asked once for both."""

    def __init__(self, restore: Net, parse: Net, detector: Net) -> None:
        self.restore, self.parse, self.detector = restore, parse, detector
        self.kept: dict[bytes, np.ndarray] = {}

    def face(self, picture: np.ndarray) -> Face:
        return detect_faces(Plate.of(picture.astype(np.float32)), self.detector, smallest=60)[0]

    def made(self, _: int, crop: Crop) -> np.ndarray:
        key = crop.pixels.tobytes()
        if key not in self.kept:
            self.kept = {key: restore_crop(crop.pixels, self.restore)}
        return self.kept[key]

    def frame(self, picture: np.ndarray, face: Face, *, parsed: bool) -> Restored:
        nets = RestoreNets(self.restore, parse=self.parse if parsed else None)
        plate = Plate.of(picture.astype(np.float32))
        return restore_frame(plate, [face], nets=nets, params=RestoreParams(), restored_crop=self.made)


def measure(
    clip: Clip, cover: Clip | None, faces: list[Face], both: BothWays
) -> tuple[np.ndarray, np.ndarray]:
    """Hand, face and flicker (3, 3): without parsing, with it, with a matte that knows; and a row of pictures."""
    done = {
        parsed: [both.frame(p, face, parsed=parsed) for p, face in zip(clip.worn, faces, strict=True)]
        for parsed in (False, True)
    }
    floor, rows = flicker(clip.clean, clip), [[], [], []]
    for frames in done.values():
        hand, face = [], []
        for place, frame in enumerate(frames):
            held = cover.clean[place][..., 0] > 0.9 if cover else np.zeros(frame.matte.shape, bool)
            near = cover.clean[place][..., 0] > 0.02 if cover else held
            free = ~cv2.dilate(near.astype(np.uint8), np.ones((25, 25), np.uint8)).astype(bool)
            geometric = done[False][place].matte
            seen = free & (geometric > 0.5)
            face.append(frame.matte[seen].sum() / max(geometric[seen].sum(), 1))
            if (held & (geometric > 0.5)).any():
                change = np.abs(frame.plate.pixels - clip.worn[place]).mean(2)
                hand.append(change[held & (geometric > 0.5)].mean() * 255)
        rows[0].append(np.mean(hand) if hand else np.nan)
        rows[1].append(np.mean(face))
        rows[2].append(255 * (flicker([frame.plate.pixels for frame in frames], clip) - floor))
    rows[0].append(0.0)
    rows[1].append(1.0)
    rows[2].append(255 * (flicker(knowing(clip, cover, done[False]), clip) - floor))
    shown = [clip.worn[0], done[False][0].plate.pixels, done[True][0].plate.pixels]
    mattes = [np.repeat(done[parsed][0].matte[..., None], 3, 2) for parsed in (False, True)]
    return np.array(rows), np.hstack([*shown, *mattes])


def knowing(clip: Clip, cover: Clip | None, done: list[Restored]) -> list[np.ndarray]:
    """The frames restored by the geometric matte, with the hand put back as it was."""
    shown = [frame.plate.pixels for frame in done]
    if cover is None:
        return shown
    soft = [cv2.GaussianBlur(cv2.dilate(held, np.ones((9, 9), np.uint8)), (0, 0), 4) for held in cover.clean]
    return [
        made + np.clip(held, 0, 1) * (worn - made)
        for made, held, worn in zip(shown, soft, clip.worn, strict=True)
    ]


def opened(weights: Path | None) -> Net:
    """The parsing net of a file, or the one that serves here."""
    if weights is None:
        return open_net(manifest_for("face.parse"), device="cpu")
    providers = ("CPUExecutionProvider",)
    return OnnxNet(weights.read_bytes(), id=weights.stem, template="ffhq_512", providers=providers, threads=1)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--shared", type=Path, required=True)
    words.add_argument("--clips", type=int, default=4)
    words.add_argument("--frames", type=int, default=5)
    words.add_argument("--side", type=int, default=512)
    words.add_argument(
        "--weights", type=Path, help="an ONNX file; default: the face.parse model that serves here"
    )
    words.add_argument("--sheet", type=Path, help="PNG: worn, restored without and with parsing, both mattes")
    options = words.parse_args()
    parse = opened(options.weights)
    nets = [open_net(manifest_for(task), device="cpu") for task in ("face.restore", "face.detect")]
    photos = sorted((options.shared / "photos" / "london").glob("*_neutral.jpg"))[::HELD_OUT_EVERY]
    tables, sheet = [], []
    for seed, path in enumerate(photos[: options.clips]):
        photo = np.asarray(cv2.imread(str(path)), np.float32)[..., ::-1] / 255
        both = BothWays(nets[0], parse, nets[1])
        bare = Clip(photo, frames=options.frames, side=options.side, seed=seed)
        faces = [both.face(picture) for picture in bare.clean]
        cover, rng = None, np.random.default_rng([7, seed])
        if seed % 2 == 0:
            photo, held = with_hand(photo, rng)
            cover = Clip(
                np.repeat(held[..., None], 3, 2), frames=options.frames, side=options.side, seed=seed
            )
        clip = Clip(photo, frames=options.frames, side=options.side, seed=seed)
        table, row = measure(clip, cover, faces, both)
        tables.append(table)
        sheet.append(row)
        print(f"{path.stem:14} {told(table)}", flush=True)
    mean = np.nanmean(tables, 0)
    print(f"{'mean':14} {told(mean)}")
    batch = np.random.default_rng(0).random((2, 3, 256, 256), np.float32)
    taken = []
    for _ in range(20):
        start = time.perf_counter()
        parse(batch)
        taken.append(1000 * (time.perf_counter() - start))
    print(
        f"parsing one face, crop and mirror image: median {np.median(taken):.0f} ms, least {min(taken):.0f} ms"
    )
    if options.sheet:
        cv2.imwrite(str(options.sheet), np.clip(np.vstack(sheet) * 255, 0, 255).astype(np.uint8)[..., ::-1])
    kept = mean[0, 1] <= MOST_OF_HAND * mean[0, 0] and mean[1, 1] >= LEAST_OF_FACE
    return int(not (kept and mean[2, 1] <= MOST_FLICKER * mean[2, 2]))


def told(table: np.ndarray) -> str:
    """A table as a line."""
    hand, face, boil = table
    return (
        f"hand {hand[0]:.2f} -> {hand[1]:.2f}  face {face[1]:.3f}  "
        f"flicker {boil[0]:.3f} -> {boil[1]:.3f} ({boil[2]:.3f})"
    )


if __name__ == "__main__":
    sys.exit(main())

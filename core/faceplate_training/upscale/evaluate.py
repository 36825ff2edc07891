"""Measures an enlarger against Lanczos on photos of people it was never trained on, and prints a table.

    python -m faceplate_training.upscale.evaluate --weights WEIGHTS --shared DIR

WEIGHTS is an ONNX file or a run's checkpoint.pt. Photos are reduced to half or a quarter and enlarged again, exactly as
`faceplate restore --scale` enlarges a plate; PSNR and SSIM, the judge's, are of the whole picture. `area`: reduced by
area; `light`: the same in scene-linear light, and enlarged as a scene-linear plate; `camera`: reduced through a soft
lens, with sensor noise of 2 steps and JPEG at 88. The last lines tell what becomes of film grain.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from faceplate.colour import LINEAR_REC709, linear_from_srgb, srgb_from_linear
from faceplate.nets.upscale_net import UpscaleNet
from faceplate.plate import Plate
from faceplate.runtime.net import Net
from faceplate.runtime.onnx_net import OnnxNet
from faceplate.stages.enlarge import enlarge
from faceplate_training.degrade import grain
from faceplate_training.judging import judge_of
from faceplate_training.trained_net import TrainedNet
from faceplate_training.upscale.pictures import held_out_pictures

WAYS = (("area", 2), ("light", 2), ("camera", 2), ("area", 4), ("camera", 4))
SEED = 2026
GRAIN = 6.0
"""Standard deviation of the grain that is looked at, 8-bit steps."""


class Row(NamedTuple):
    """PSNR in dB and SSIM of one enlarged picture, by Lanczos and by the net."""

    lanczos_psnr: float
    psnr: float
    lanczos_ssim: float
    ssim: float


def open_weights(path: Path) -> Net:
    """A net from an ONNX file or a checkpoint."""
    if path.suffix == ".pt":
        return TrainedNet(UpscaleNet(), path)
    providers = ("CPUExecutionProvider",)
    return OnnxNet(path.read_bytes(), id=path.stem, template="", providers=providers, threads=2)


def reduced(large: np.ndarray, how: str, factor: int, rng: np.random.Generator) -> Plate:
    """A picture, (H, W, 3) float32, display-encoded 0-1, as the small plate that a way of reducing it leaves."""
    size = (large.shape[1] // factor, large.shape[0] // factor)
    if how == "light":
        small = cv2.resize(linear_from_srgb(large), size, interpolation=cv2.INTER_AREA)
        return Plate.of(np.asarray(small, np.float32), encoding=LINEAR_REC709)
    if how == "area":
        return Plate.of(_rounded(cv2.resize(large, size, interpolation=cv2.INTER_AREA)))
    soft = cv2.GaussianBlur(large, (0, 0), 0.35 * factor)
    small = cv2.resize(soft, size, interpolation=cv2.INTER_AREA) + rng.normal(0, 2 / 255, (*size[::-1], 3))
    whole = np.ascontiguousarray(np.round(np.clip(small, 0, 1) * 255).astype(np.uint8)[..., ::-1])
    coded = cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
    decoded = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return Plate.of(np.ascontiguousarray(decoded[..., ::-1], np.float32) / np.float32(255))


def measured(pictures: list[np.ndarray], how: str, factor: int, net: Net, shared: Path) -> list[Row]:
    """One row a picture, (H, W, 3) uint8."""
    judge, rng, rows = judge_of(shared), np.random.default_rng(SEED), []
    for picture in pictures:
        plate = reduced(picture.astype(np.float32) / np.float32(255), how, factor, rng)
        made = enlarge(plate, factor, net)
        plain, large = (_shown(each) for each in (made.plain, made.plate))
        rows.append(
            Row(
                judge.psnr(picture, plain),
                judge.psnr(picture, large),
                *(judge.ssim(picture, s) for s in (plain, large)),
            )
        )
    return rows


def grain_kept(net: Net) -> tuple[float, float]:
    """What enlarging leaves of grain on a grey card, against Lanczos: all of it, and its finest octave."""
    rng = np.random.default_rng(SEED)
    card = grain(np.full((256, 256, 3), 110, np.float32), GRAIN, rng) / np.float32(255)
    made = enlarge(Plate.of(np.asarray(card, np.float32)), 2, net)
    rms = [_rms(each.pixels) for each in (made.plate, made.plain)]
    fine = [
        _rms(each.pixels - cv2.GaussianBlur(each.pixels, (0, 0), 1.0)) for each in (made.plate, made.plain)
    ]
    return rms[0] / rms[1], fine[0] / fine[1]


def seconds_for_4k(net: Net) -> tuple[float, float]:
    """Wall time of a 1080p plate made 4K, by Lanczos and by the net, turn about, the best of four each."""
    plate = Plate.of(np.random.default_rng(SEED).random((1080, 1920, 3), np.float32))
    times: dict[Net | None, list[float]] = {None: [], net: []}
    for _ in range(4):
        for way, taken in times.items():
            start = time.perf_counter()
            enlarge(plate, 2, way)
            taken.append(time.perf_counter() - start)
    return min(times[None]), min(times[net])


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--weights", type=Path, required=True)
    words.add_argument("--shared", type=Path, required=True, help="folder with photos and tools")
    asked = words.parse_args()
    net = open_weights(asked.weights)
    pictures = list(held_out_pictures(asked.shared).values())
    print("reduced    n   PSNR of Lanczos, net, gain; worse on     SSIM of Lanczos, net")
    for how, factor in WAYS:
        rows = measured(pictures, how, factor, net, asked.shared)
        before, after, ssim_before, ssim_after = np.mean(rows, axis=0)
        worse = sum(row.psnr < row.lanczos_psnr for row in rows)
        print(
            f"{how} x{factor:<4} {len(rows):4}  {before:.2f} {after:.2f} {after - before:+.2f} dB  {worse:3}"
            f"                 {ssim_before:.4f} {ssim_after:.4f}"
        )
    whole, fine = grain_kept(net)
    print(f"grain of {GRAIN:g} steps against Lanczos: rms x {whole:.3f}, of its finest octave x {fine:.3f}")
    lanczos, ours = seconds_for_4k(net)
    print(f"1080p to 4K: {ours:.2f} s, by Lanczos alone {lanczos:.2f} s")


def _rounded(picture: np.ndarray) -> np.ndarray:
    return np.asarray(np.round(np.clip(picture, 0, 1) * 255) / 255, np.float32)


def _shown(plate: Plate) -> np.ndarray:
    """A plate as 8-bit display values."""
    encoded = srgb_from_linear(plate.pixels) if plate.encoding.scene_linear else plate.pixels
    return np.round(np.clip(encoded, 0, 1) * 255).astype(np.uint8)


def _rms(pixels: np.ndarray) -> float:
    return float((pixels - pixels.mean()).std())


if __name__ == "__main__":
    main()

"""What came of the sample: the gain inside the matte, what stayed untouched outside, and the pictures that show it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenImageIO as oiio

from faceplate.arrays import Image, Matte
from faceplate.colour import srgb_from_linear
from faceplate.demo.contact_sheet import Cell, contact_sheet
from faceplate.demo.measure import Likeness, mean_likeness, measure
from faceplate.demo.preview import beside
from faceplate.demo.sample import SLATE, Sample
from faceplate_client.errors import InputError

KEPT_ATTRIBUTES = ("smpte:TimeCode", "FramesPerSecond", "slate")


@dataclass(frozen=True)
class Scan:
    """A frame read back: `pixels` (H, W, 3) scene-linear, the other channels by name, the file's attributes."""

    pixels: Image
    others: dict[str, np.ndarray]
    attributes: dict[str, Any]

    @property
    def matte(self) -> Matte:
        """The layer `matte.a`, (H, W), 0-1; all 0 where the file has none."""
        return self.others.get("matte.a", np.zeros(self.pixels.shape[:2], np.float32))


@dataclass(frozen=True)
class Verdict:
    """The demonstration's figures.

    `before`, `after`: means over the frames with a face, inside the matte. `outside`: pixels where the matte is 0,
    `untouched`: those of them that are bit for bit as they were. `brightest`: the highest value among these.
    """

    frames: int
    frames_with_face: int
    before: Likeness
    after: Likeness
    outside: int
    untouched: int
    brightest: float
    metadata_kept: bool


def read_scan(path: Path) -> Scan:
    """Read an EXR frame.

    Raises:
        InputError: it is missing or damaged.
    """
    file = oiio.ImageInput.open(str(path))
    if file is None:
        raise InputError(f"{path} could not be read: {oiio.geterror()}. Run the demonstration again.")
    spec, pixels = file.spec(), file.read_image(oiio.FLOAT)
    file.close()
    if pixels is None:
        raise InputError(f"{path} is damaged: {file.geterror()}. Run the demonstration again.")
    at = {name: number for number, name in enumerate(spec.channelnames)}
    others = {name: pixels[..., number] for name, number in at.items() if name not in ("R", "G", "B")}
    attributes = {attribute.name: attribute.value for attribute in spec.extra_attribs}
    return Scan(np.ascontiguousarray(pixels[..., [at["R"], at["G"], at["B"]]]), others, attributes)


def judge_frames(sample: Sample, restored: Path) -> Verdict:
    """Measure every frame against its clean original.

    Raises:
        InputError: a frame is missing or damaged, or no frame has a face: then there is nothing to measure.
    """
    before, after, outside, untouched, brightest, kept = [], [], 0, 0, 0.0, True
    for frame in sample.frames:
        clean, worn, done = scans_of(sample, restored, frame)
        outer = done.matte == 0
        same = np.all(worn.pixels.view(np.uint32) == done.pixels.view(np.uint32), axis=2)
        outside, untouched = outside + int(outer.sum()), untouched + int((outer & same).sum())
        brightest = max(brightest, float(done.pixels[outer & same].max(initial=0.0)))
        kept = kept and metadata_kept(worn, done)
        if not outer.all():
            around = covered(done.matte)
            seen = [srgb_from_linear(scan.pixels[around]) for scan in (clean, worn, done)]
            before.append(measure(seen[0], seen[1], done.matte[around]))
            after.append(measure(seen[0], seen[2], done.matte[around]))
    if not after:
        raise InputError("no face was found on any frame of the sample, so there is no gain to measure")
    means = mean_likeness(before), mean_likeness(after)
    return Verdict(len(sample.frames), len(after), *means, outside, untouched, brightest, kept)


def scans_of(sample: Sample, restored: Path, frame: int) -> tuple[Scan, Scan, Scan]:
    """One frame clean, worn and restored."""
    worn = sample.worn_path(frame)
    return read_scan(sample.clean_path(frame)), read_scan(worn), read_scan(restored / worn.name)


def metadata_kept(worn: Scan, done: Scan) -> bool:
    """Whether depth came through bit for bit, and timecode, frame rate and slate with it."""
    depth = done.others.get("depth.Z")
    attributes = all(worn.attributes.get(name) == done.attributes.get(name) for name in KEPT_ATTRIBUTES)
    slated = done.attributes.get("slate") == SLATE
    return depth is not None and np.array_equal(depth, worn.others["depth.Z"]) and attributes and slated


def face_box(matte: Matte) -> tuple[int, int, int, int]:
    """The box around the largest face of a matte, x0 y0 x1 y1; the whole frame where it is 0 everywhere."""
    _, _, boxes, _ = cv2.connectedComponentsWithStats((matte > 0).astype(np.uint8))
    if len(boxes) < 2:  # the first is what lies outside
        return 0, 0, matte.shape[1], matte.shape[0]
    x, y, width, height, _ = max(boxes[1:].tolist(), key=lambda box: box[4])
    return x, y, x + width, y + height


def covered(matte: Matte) -> tuple[slice, slice]:
    """The rows and columns where a matte is not 0, with room for SSIM's window around them."""
    rows, columns = np.flatnonzero(matte.any(axis=1)), np.flatnonzero(matte.any(axis=0))
    return slice(max(rows[0] - 8, 0), rows[-1] + 9), slice(max(columns[0] - 8, 0), columns[-1] + 9)


def face_columns(sample: Sample, restored: Path) -> float:
    """The column in the middle of the face on the first frame."""
    first = read_scan(restored / sample.worn_path(sample.frames[0]).name)
    x0, _, x1, _ = face_box(first.matte)
    return (x0 + x1) / 2


def preview_frames(sample: Sample, restored: Path, middle: float) -> Iterator[np.ndarray]:
    """The frames of the preview, (H, W, 3) uint8."""
    for frame in sample.frames:
        _, worn, done = scans_of(sample, restored, frame)
        yield beside(srgb_from_linear(worn.pixels), srgb_from_linear(done.pixels), middle=middle)


def sheet_of(sample: Sample, restored: Path, verdict: Verdict) -> np.ndarray:
    """The contact sheet: one whole frame before and after, then close-ups of the first, middle and last frame."""
    first = sample.frames[0]
    _, worn, done = scans_of(sample, restored, first)
    rows = [
        [
            Cell(srgb_from_linear(worn.pixels), f"frame {first}, before"),
            Cell(srgb_from_linear(done.pixels), f"frame {first}, after"),
        ]
    ]
    for frame in dict.fromkeys((first, sample.frames[len(sample.frames) // 2], sample.frames[-1])):
        rows.append(close_ups(frame, *scans_of(sample, restored, frame)))
    gain = verdict.after.psnr - verdict.before.psnr
    title = f"Faceplate, sample plate: {verdict.before.psnr:.2f} -> {verdict.after.psnr:.2f} dB ({gain:+.2f} dB), "
    title += f"SSIM {verdict.before.ssim:.3f} -> {verdict.after.ssim:.3f}, inside the matte"
    return contact_sheet(rows, title=title)


def close_ups(frame: int, clean: Scan, worn: Scan, done: Scan) -> list[Cell]:
    """One frame's face: clean, before, after, and the matte it was laid in with."""
    x0, y0, x1, y1 = face_box(done.matte)
    shown = [srgb_from_linear(scan.pixels[y0:y1, x0:x1]) for scan in (clean, worn, done)]
    captions = (f"{frame}, clean original", "before", "after")
    cells = [Cell(picture, caption) for picture, caption in zip(shown, captions, strict=True)]
    return [*cells, Cell(done.matte[y0:y1, x0:x1], "matte")]

"""What a recording does to a whole scene: light, lens, size, grain, codec. Cheap, because every scene gets it."""

import cv2
import numpy as np

from faceplate_training.degrade import combed, disc_kernel, motion_kernel, specks
from faceplate_training.detect_face.canvas import SMALLEST, Scene
from faceplate_training.detect_face.dirt import dirty


class Grain:
    """Fields of unit noise, drawn once and cut from afterwards: fresh noise would cost more than the net."""

    def __init__(self, seed: int, side: int = 1024) -> None:
        fields = np.random.default_rng(seed).standard_normal((2, side, side), dtype=np.float32)
        soft = [cv2.GaussianBlur(fields[0], (0, 0), sigma) for sigma in (0.6, 1.0, 1.6)]
        self.fields = [*fields, *(field / field.std() for field in soft)]

    def cut(
        self, height: int, width: int, channels: int, rng: np.random.Generator, *, soft: bool
    ) -> np.ndarray:
        """(height, width, channels) noise of mean 0 and deviation 1."""
        pieces = []
        for _ in range(channels):
            field = self.fields[int(rng.integers(2, len(self.fields))) if soft else int(rng.integers(0, 2))]
            y, x = rng.integers(0, field.shape[0] - height + 1), rng.integers(0, field.shape[1] - width + 1)
            pieces.append(field[y : y + height, x : x + width])
        return np.stack(pieces, 2)


def record(scene: Scene, grain: Grain, rng: np.random.Generator) -> Scene:
    """The scene as a camera, a film or a codec would have kept it. Boxes and points stay where they are."""
    pixels, side = light(scene.pixels, rng), scene.pixels.shape[0]
    if rng.random() < 0.1:
        return Scene(pixels, scene.boxes, scene.points, scene.asked)
    heights = (scene.boxes[:, 3] - scene.boxes[:, 1])[scene.asked]
    middle = (
        float(np.median(heights)) if len(heights) else float(np.exp(rng.uniform(np.log(16), np.log(200))))
    )
    pixels = lens(pixels, middle, rng)
    factor, asked = 1.0, scene.asked
    if rng.random() < 0.55:
        factor = float(np.exp(rng.uniform(0, np.log(max(1.3, middle / 13)))))
        size = max(24, round(side / factor))
        factor = side / size
        pixels = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)
        asked = asked & (scene.boxes[:, 3] - scene.boxes[:, 1] >= SMALLEST * factor)
    pixels = sensor(pixels, grain, rng)
    pixels = jpeg(pixels, rng) if rng.random() < 0.7 else pixels
    if factor > 1:
        pixels = cv2.resize(
            pixels, (side, side), interpolation=cv2.INTER_LINEAR if rng.random() < 0.4 else cv2.INTER_CUBIC
        )
        pixels = jpeg(pixels, rng) if rng.random() < 0.15 else pixels
    return Scene(pixels, scene.boxes, scene.points, asked)


def magnified(scene: Scene, rng: np.random.Generator, side: int) -> Scene:
    """A small part of a recorded scene, enlarged: how the second look sees what was taken for a small face."""
    size = int(np.exp(rng.uniform(np.log(24), np.log(110))))
    x, y = rng.integers(0, scene.pixels.shape[0] - size + 1, 2)
    part = np.ascontiguousarray(scene.pixels[y : y + size, x : x + size])
    zoom, corner = side / size, np.array([x, y], np.float32)
    boxes = (scene.boxes - np.tile(corner, 2)) * np.float32(zoom)
    seen = np.clip(boxes, 0, side)
    meets = ((seen[:, 2:] - seen[:, :2]) > 0).all(1)
    points = (scene.points - corner) * np.float32(zoom)
    pixels = cv2.resize(part, (side, side), interpolation=cv2.INTER_LINEAR)
    # only what is far larger or not there: whether a part of a face is one is not asked here
    return Scene(pixels, boxes[meets], points[meets], np.zeros(int(meets.sum()), bool))


def light(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposure, contrast, gamma, a cast, no colour at all; one table a channel."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
    gamma = np.exp(rng.normal(0, 0.25))
    gain = (
        np.exp(rng.normal(0, 0.2)) if rng.random() < 0.8 else np.exp(rng.uniform(np.log(0.12), np.log(2.2)))
    )
    cast = np.exp(rng.normal(0, 0.12 if rng.random() < 0.8 else 0.3, 3))
    lift = rng.uniform(-0.03, 0.12) if rng.random() < 0.4 else 0.0
    table = np.clip((ramp**gamma * gain * cast + lift) * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.22:
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        pixels = np.repeat(grey[..., None], 3, axis=2)
        if rng.random() < 0.6:
            table = np.repeat(table[:, 1:2], 3, axis=1)
    return cv2.LUT(np.ascontiguousarray(pixels), np.ascontiguousarray(table[None]))


def lens(pixels: np.ndarray, face: float, rng: np.random.Generator) -> np.ndarray:
    """Softness, defocus or shake, up to what leaves a face of `face` pixels' height recognisable as one."""
    kind = rng.random()
    if kind < 0.3:
        return cv2.GaussianBlur(pixels, (0, 0), face * rng.uniform(0.003, 0.035) + 0.1)
    if kind < 0.45:
        kernel = motion_kernel(max(1.5, min(face * rng.uniform(0.02, 0.16), 31)), rng)
        return cv2.filter2D(pixels, -1, kernel, borderType=cv2.BORDER_REFLECT)
    if kind < 0.52:
        kernel = disc_kernel(min(face * rng.uniform(0.01, 0.05), 9))
        return cv2.filter2D(pixels, -1, kernel, borderType=cv2.BORDER_REFLECT)
    if kind < 0.58:  # sharpened in post, with the halo that leaves
        soft = cv2.GaussianBlur(pixels, (0, 0), max(0.5, face * 0.012))
        return cv2.addWeighted(pixels, 2.2, soft, -1.2, 0)
    return pixels


def sensor(pixels: np.ndarray, grain: Grain, rng: np.random.Generator) -> np.ndarray:
    """Noise per channel, grain common to the channels, dust and combing, or none of it."""
    height, width = pixels.shape[:2]
    added = None
    if rng.random() < 0.45:
        added = grain.cut(height, width, 3, rng, soft=False) * np.exp(rng.uniform(np.log(1), np.log(22)))
    if rng.random() < 0.35:
        film = grain.cut(height, width, 1, rng, soft=True) * rng.uniform(2, 18)
        added = film if added is None else added + film
    if added is not None:
        pixels = np.clip(pixels + added, 0, 255).astype(np.uint8)
    if rng.random() < 0.08:
        pixels = np.clip(specks(pixels, rng), 0, 255).astype(np.uint8)
    elif rng.random() < 0.08:
        pixels = dirty(pixels, rng)
    if rng.random() < 0.03:
        pixels = combed(pixels, rng)
    return pixels


def jpeg(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Compressed and read back, quality 15 to 95."""
    coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(15, 95))])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))

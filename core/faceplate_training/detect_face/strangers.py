"""Pictures that hold no face but might be taken for one: blobs in skin colours, pairs of dots, letters, heaps."""

import cv2
import numpy as np

SKIN = np.array(
    [[241, 205, 179], [224, 172, 140], [198, 134, 102], [141, 85, 60], [92, 56, 40], [60, 38, 30]],
    np.float32,
)
"""A ramp of skin colours, sRGB 0-255."""


def texture(side: int, rng: np.random.Generator) -> np.ndarray:
    """(side, side, 3) uint8: noise at several scales between two colours, a gradient, stripes or a flat tone."""
    # drawn at half size in float32, then enlarged: every scene may need one, and nobody looks at its pixels
    full, side = side, max(8, side // 2)
    first, second = rng.uniform(0, 255, (2, 3)).astype(np.float32)
    if rng.random() < 0.35:
        first = SKIN[rng.integers(len(SKIN))] * np.float32(rng.uniform(0.7, 1.1))
    kind = rng.random()
    if kind < 0.5:
        field = np.zeros((side, side), np.float32)
        for cells in (3, 9, 27, 81):
            coarse = rng.random((cells, cells), dtype=np.float32) - 0.5
            field += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR) * np.float32(
                rng.random()
            )
        field = field - field.min()
        field /= max(float(field.max()), 1e-6)
    else:
        angle = rng.uniform(0, np.pi)
        line = np.linspace(-1, 1, side, dtype=np.float32)
        field = (np.cos(angle) * line[None] + np.sin(angle) * line[:, None]) * 0.35 + 0.5
        field = field.astype(np.float32)
        if kind > 0.75:
            field = 0.5 + 0.5 * np.sin(field * np.float32(rng.uniform(10, 160)))
    mixed = first + (second - first) * field[..., None] * np.float32(rng.uniform(0.1, 1.0))
    return cv2.resize(np.clip(mixed, 0, 255).astype(np.uint8), (full, full), interpolation=cv2.INTER_LINEAR)


def drawn(side: int, rng: np.random.Generator, over: np.ndarray | None = None) -> np.ndarray:
    """(side, side, 3) uint8: one to fourteen shapes over `over` or over a texture."""
    canvas = np.ascontiguousarray(texture(side, rng) if over is None else over).copy()
    for _ in range(int(rng.integers(1, 15))):
        _SHAPES[int(rng.integers(len(_SHAPES)))](canvas, rng)
    return canvas


def heap(side: int, rng: np.random.Generator) -> np.ndarray:
    """(side, side, 3) uint8: lit things of all sizes lying over each other, as gravel, leaves, straps and parts do.

    A dead-leaves model (Lee, Mumford and Huang, IJCV 2001): shapes whose sizes follow a power law hide each other,
    which gives the edges, junctions and dark gaps of the world without anything in it.
    """
    canvas = texture(side, rng)
    grey, light = rng.random() < 0.4, rng.normal(0, 0.25, 2)
    low, high = side * np.exp(rng.uniform(np.log(0.008), np.log(0.05))), side * rng.uniform(0.05, 0.3)
    palette = np.array([colour(rng) for _ in range(int(rng.integers(2, 6)))], np.float32)
    for _ in range(int(rng.integers(40, 220))):
        size = (low**-1.5 + rng.random() * (high**-1.5 - low**-1.5)) ** (-1 / 1.5)
        tone = palette[rng.integers(len(palette))] * np.float32(np.exp(rng.normal(0, 0.3)))
        tone = np.full(3, tone.mean(), np.float32) if grey else tone
        _leaf(canvas, rng.uniform(0, side, 2), float(size), tone, light, rng)
    return canvas


def _leaf(canvas: np.ndarray, at: np.ndarray, size: float, tone: np.ndarray, light: np.ndarray, rng) -> None:
    """One thing of a heap: round, angular, a ring or a strap, darker at its rim than where the light falls."""
    corners, kind = int(rng.integers(4, 10)), rng.random()
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners)) if kind < 0.6 else np.linspace(0, 2 * np.pi, 24)
    stretch = np.array([1.0, rng.uniform(0.25, 1.0) if kind < 0.85 else 0.1])
    ring = np.stack([np.cos(angle), np.sin(angle)], 1) * stretch
    turn = rng.uniform(0, np.pi)
    ring = ring @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * size
    for grown, shift, shade in ((1.0, 0.0, 0.45), (0.88, 0.06, 0.85), (0.55, 0.3, 1.1)):
        path = np.round((at + ring * grown + light * size * shift) * 16).astype(np.int32)
        red, green, blue = (float(v) for v in np.clip(tone * shade, 0, 255))
        cv2.fillPoly(canvas, [path], (red, green, blue), cv2.LINE_AA, shift=4)
    if kind > 0.6 and rng.random() < 0.3:  # a hole: rings, buckles, rivets
        path = np.round((at + ring * rng.uniform(0.2, 0.6)) * 16).astype(np.int32)
        cv2.fillPoly(canvas, [path], colour(rng), cv2.LINE_AA, shift=4)


def colour(rng: np.random.Generator) -> tuple[int, int, int]:
    """Any colour, skin more often than chance would have it; sRGB 0-255."""
    tone = (
        SKIN[rng.integers(len(SKIN))] * rng.uniform(0.6, 1.1)
        if rng.random() < 0.4
        else rng.uniform(0, 255, 3)
    )
    return int(min(tone[0], 255)), int(min(tone[1], 255)), int(min(tone[2], 255))


def _spot(canvas: np.ndarray, rng: np.random.Generator) -> tuple[tuple[int, int], int]:
    side = canvas.shape[0]
    x, y = rng.integers(0, side, 2)
    return (int(x), int(y)), max(2, int(side * np.exp(rng.uniform(np.log(0.01), np.log(0.3)))))


def _oval(canvas: np.ndarray, rng: np.random.Generator) -> None:
    centre, size = _spot(canvas, rng)
    axes = (size, max(1, int(size * rng.uniform(0.6, 1.6))))
    cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour(rng), -1, cv2.LINE_AA)


def _two_dots(canvas: np.ndarray, rng: np.random.Generator) -> None:
    """Wheels, sockets, buttons: a pair of dark dots on a plate, the commonest false face."""
    (x, y), size = _spot(canvas, rng)
    if rng.random() < 0.6:
        corner = (x + int(size * rng.uniform(1.2, 2)), y + int(size * rng.uniform(1.2, 2)))
        cv2.rectangle(canvas, (x - size, y - size), corner, colour(rng), -1)
    apart, radius, tone = max(2, size // 2), max(1, size // 6), colour(rng)
    for dx in (-apart, apart):
        cv2.circle(canvas, (x + dx, y), radius, tone, -1 if rng.random() < 0.6 else 1, cv2.LINE_AA)


def _bar(canvas: np.ndarray, rng: np.random.Generator) -> None:
    centre, size = _spot(canvas, rng)
    end = rng.integers(0, canvas.shape[0], 2)
    cv2.line(canvas, centre, (int(end[0]), int(end[1])), colour(rng), max(1, size // 6), cv2.LINE_AA)


def _box(canvas: np.ndarray, rng: np.random.Generator) -> None:
    (x, y), size = _spot(canvas, rng)
    corner = (x + size, y + max(1, int(size * rng.uniform(0.3, 2))))
    cv2.rectangle(canvas, (x, y), corner, colour(rng), -1 if rng.random() < 0.6 else 2)


def _letters(canvas: np.ndarray, rng: np.random.Generator) -> None:
    centre, size = _spot(canvas, rng)
    word = "".join(chr(code) for code in rng.integers(48, 91, int(rng.integers(1, 9))))
    cv2.putText(
        canvas, word, centre, int(rng.integers(0, 8)), max(0.3, size / 30), colour(rng), max(1, size // 16)
    )


def _scribble(canvas: np.ndarray, rng: np.random.Generator) -> None:
    centre, size = _spot(canvas, rng)
    path = rng.normal(0, size, (int(rng.integers(3, 12)), 2)).cumsum(0) * 0.5 + centre
    cv2.polylines(canvas, [path.astype(np.int32)], False, colour(rng), max(1, size // 12), cv2.LINE_AA)


def _shaded(canvas: np.ndarray, rng: np.random.Generator) -> None:
    """A ball with light from one side: skin-coloured, round and soft, and still no face."""
    (x, y), size = _spot(canvas, rng)
    tone, light = np.array(colour(rng), np.float32), rng.uniform(-0.6, 0.6, 2)
    for step in np.linspace(1, 0.1, 8):
        offset = light * size * (1 - step)
        shade = np.clip(tone * (1.25 - 0.75 * step), 0, 255)
        centre = (int(x + offset[0]), int(y + offset[1]))
        axes = (max(1, int(size * step)), max(1, int(1.25 * size * step)))
        cv2.ellipse(canvas, centre, axes, 0, 0, 360, tuple(float(v) for v in shade), -1, cv2.LINE_AA)


_SHAPES = (_oval, _two_dots, _bar, _box, _letters, _scribble, _shaded, _two_dots)

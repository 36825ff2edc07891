"""What covers a face: hair in strands, glasses, hands and whatever else is held before it.

Everything is drawn into the colours of a picture and, at the same places, into a cover: 1 where the face is hidden.
Pictures are (S, S, 3) float32 scene-linear, covers (S, S) float32 0-1.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from faceplate.reconstruct.camera import project
from faceplate.reconstruct.morphable import HeadModel
from faceplate_training.renders.people import Sitter

SUBPIXEL = 4  # bits, as OpenCV's drawing functions count them


@dataclass(frozen=True)
class Wardrobe:
    """How many of the pictures show each, 0-1; `full_hair`: hair is a mass of strands that nothing shows through."""

    glasses: float = 0.22
    hand: float = 0.12
    thing: float = 0.12
    palm: float = 0.0
    microphone: float = 0.0
    full_hair: bool = False


USUAL = Wardrobe()


@dataclass
class Canvas:
    """A picture in the making. `depth` (S, S) mm: how far the head is, infinite beside it."""

    pixels: np.ndarray
    cover: np.ndarray
    depth: np.ndarray

    def lay(self, colour: np.ndarray, shape: np.ndarray) -> None:
        """Lay a colour (3,) or picture over it where a shape (S, S) 0-1 is; what is half covered or more is hidden."""
        self.pixels = self.pixels * (1 - shape[..., None]) + colour * shape[..., None]
        self.cover = np.maximum(self.cover, shape)


def hair_colour(rng: np.random.Generator) -> np.ndarray:
    """(3,) scene-linear: black, brown, blond, red or grey."""
    tones = ([0.012, 0.01, 0.009], [0.04, 0.022, 0.013], [0.1, 0.055, 0.028], [0.32, 0.2, 0.09],
             [0.16, 0.05, 0.02], [0.3, 0.29, 0.28])  # fmt: skip
    return np.array(tones[rng.integers(len(tones))]) * np.exp(rng.normal(0, 0.3))


def strands(head: HeadModel, sitter: Sitter, rng: np.random.Generator) -> np.ndarray:
    """(N, 9, 3) mm: hairs from roots on the skull, combed and falling, kept out of the head."""
    rest = sitter.vertices
    line = rng.uniform(84, 108)  # mm above the origin where the hair begins in front
    scalp = (head.mean[:, 1] - line > np.minimum(0, head.mean[:, 2] - 70) * rng.uniform(0.9, 1.4)) & (
        head.mask("skin") > 0.5
    )
    chosen = rng.choice(np.flatnonzero(scalp), rng.integers(700, 2000))
    roots = rest[chosen].astype(np.float64)
    centre = rest[scalp].mean(0) - (0, 35, 0)
    outward = _unit(roots - centre)
    length = float(np.exp(rng.uniform(np.log(15), np.log(260)))) * rng.uniform(0.6, 1.1, (len(roots), 1))
    if rng.random() < 0.85:  # few people wear their hair before their eyes
        length = np.where(head.mean[chosen, 2:] > 40, np.minimum(length, rng.uniform(10, 45)), length)
    side = rng.normal(0, 0.7)
    comb = np.array([side, rng.normal(0, 0.2), rng.choice([-0.8, 0.0, 0.9])])
    parted = np.sign(roots[:, :1] - rng.uniform(-40, 40)) * np.array([1.0, 0, 0])
    direction = _unit(outward * rng.uniform(0.2, 0.8) + comb * 0.6 + parted * rng.uniform(0, 1)
                      + rng.normal(0, rng.uniform(0.05, 0.3), roots.shape))  # fmt: skip
    radius = np.linalg.norm(roots - centre, axis=1, keepdims=True) + rng.uniform(1, 9)
    weight = np.array([0, -rng.uniform(0.3, 0.9), 0])
    places = [roots]
    for _ in range(8):
        direction = _unit(direction + weight)
        at = places[-1] + direction * length / 8
        away = at - centre
        distance = np.linalg.norm(away, axis=1, keepdims=True)
        above = at[:, 1:2] > centre[1] - 60  # below the skull hair hangs freely
        places.append(np.where(above & (distance < radius), centre + away / distance * radius, at))
    return np.stack(places, 1)


def draw_hair(
    canvas: Canvas, head: HeadModel, sitter: Sitter, colour: np.ndarray, rng: np.random.Generator
) -> None:
    """Strands, the far ones first, each as bright as it happens to catch light; those behind the head are left out."""
    side = canvas.pixels.shape[0]
    hairs = strands(head, sitter, rng)
    seen = project(hairs.reshape(-1, 3), sitter.pose, sitter.camera).reshape(*hairs.shape)
    inside = (seen[..., :2] > 0).all(2) & (seen[..., :2] < side - 1).all(2)
    pixel = np.clip(seen[..., :2], 0, side - 1).astype(int)
    before = seen[..., 2] > sitter.pose.move[2] * 0.6  # nothing flies into the lens
    free = before & (~inside | (seen[..., 2] < canvas.depth[pixel[..., 1], pixel[..., 0]] + 12))
    fixed = np.round(np.clip(seen[..., :2], -side, 2 * side) * (1 << SUBPIXEL)).astype(np.int32)
    drawn = np.dstack([canvas.pixels, np.zeros((side, side, 1))]).astype(np.float32)
    thick = int(rng.integers(1, 3))
    light = canvas.pixels[np.isfinite(canvas.depth)].mean() / 0.2
    for k in np.argsort(-seen[:, 0, 2]):
        stop = int(np.argmin(free[k])) if not free[k].all() else len(free[k])
        if stop < 2:
            continue
        shade = colour * light * np.exp(rng.normal(0, 0.5))
        ink = (float(shade[0]), float(shade[1]), float(shade[2]), 1.0)
        cv2.polylines(drawn, [fixed[k, :stop, None]], False, ink, thick, cv2.LINE_8, SUBPIXEL)
    canvas.pixels = drawn[..., :3]
    canvas.cover = np.maximum(canvas.cover, drawn[..., 3])


def fill_hair(canvas: Canvas, colour: np.ndarray, rng: np.random.Generator) -> None:
    """Close the gaps between strands (the cover so far) with hair in their shade, lit in streaks along the strands."""
    side = canvas.pixels.shape[0]
    width = round(side * rng.uniform(0.015, 0.05)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    strand = (canvas.cover > 0.5).astype(np.uint8)
    mass = cv2.morphologyEx(strand, cv2.MORPH_CLOSE, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    gap = cv2.GaussianBlur(np.clip(mass - strand, 0, 1).astype(np.float32), (0, 0), 0.5) * (1 - strand)
    around = cv2.GaussianBlur(canvas.pixels * strand[..., None], (0, 0), width / 2 + 1)
    weight = cv2.GaussianBlur(strand.astype(np.float32), (0, 0), width / 2 + 1)[..., None]
    shade = np.where(weight > 0.02, around / np.maximum(weight, 1e-3), colour) * rng.uniform(0.5, 0.95)
    canvas.lay(np.asarray(shade, np.float32), np.maximum(gap, mass * (1 - strand)))


def draw_glasses(canvas: Canvas, head: HeadModel, sitter: Sitter, rng: np.random.Generator) -> None:
    """Frames before the eyes and arms to the ears; one pair in six is too dark to see through."""
    side = canvas.pixels.shape[0]
    points = head.landmarks["68"].on(sitter.vertices).astype(np.float64)
    dark = rng.random() < 0.17
    width, height = rng.uniform(22, 30), rng.uniform(14, 25)
    corner = rng.uniform(2, 5)  # exponent of a superellipse: 2 is round, 5 nearly a rectangle
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.stack([np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / corner) * width,
                     np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / corner) * height], 1)  # fmt: skip
    front = points[27, 2] + rng.uniform(2, 8)
    frames, lenses = [], []
    drop = rng.uniform(-4, 5)
    for first in (36, 42):
        middle = points[first : first + 6].mean(0)
        apart = middle[0] + np.sign(middle[0]) * 2
        bent = front - 0.0045 * (ring[:, 0] + apart) ** 2  # the frame follows the face round
        lens = np.column_stack([ring[:, 0] + apart, ring[:, 1] + middle[1] - drop, bent])
        lenses.append(lens)
        frames.append(np.vstack([lens, lens[:1]]))
        outer = lens[np.argmax(np.abs(lens[:, 0]))]
        frames.append(np.stack([outer, [np.sign(outer[0]) * 80, outer[1], -5.0]]))
    frames.append(np.stack([lenses[0][np.argmax(lenses[0][:, 0])], lenses[1][np.argmin(lenses[1][:, 0])]]))
    tint = rng.uniform(0.0, 0.15, 3) * (0.15 if dark else 1)
    for lens in lenses:
        seen = project(lens, sitter.pose, sitter.camera)
        glass = np.zeros((side, side), np.float32)
        cv2.fillPoly(glass, [_fixed(seen[:, :2])], (1.0,), cv2.LINE_AA, SUBPIXEL)
        near = seen[:, 2].mean() < canvas.depth + 15  # the far lens lies behind the nose
        glass *= near * (rng.uniform(0.9, 1.0) if dark else rng.uniform(0.0, 0.25))
        mirror = tint * 0.2 if dark else tint + rng.uniform(0, 0.5) * (rng.random() < 0.4)
        hidden = canvas.cover
        canvas.lay(mirror, glass)
        canvas.cover = canvas.cover if dark else hidden
    ink = np.exp(rng.uniform(np.log(0.005), np.log(0.3))) * np.exp(rng.normal(0, 0.3, 3))
    thick = max(1, round(rng.uniform(0.8, 4) * sitter.camera.focal / sitter.pose.move[2]))
    rims = np.zeros((side, side), np.float32)
    for line in frames:
        fine = np.concatenate(
            [line[:-1, None] + (line[1:] - line[:-1])[:, None] * np.linspace(0, 1, 8)[:, None]]
        )
        seen = project(fine.reshape(-1, 3), sitter.pose, sitter.camera)
        pixel = np.clip(seen[:, :2], 0, side - 1).astype(int)
        free = seen[:, 2] < canvas.depth[pixel[:, 1], pixel[:, 0]] + 6
        for run in np.split(np.arange(len(seen)), np.flatnonzero(np.diff(free.astype(int))) + 1):
            if free[run[0]] and len(run) > 1:
                place = _fixed(seen[run, :2])
                cv2.polylines(rims, [place], False, (1.0,), thick, cv2.LINE_AA, SUBPIXEL)
    canvas.lay(ink, rims)


def draw_hand(canvas: Canvas, tone: np.ndarray, rng: np.random.Generator) -> None:
    """Fingers of the sitter's tone, laid over some part of the face from its rim."""
    side = canvas.pixels.shape[0]
    angle = rng.uniform(0, 2 * np.pi)
    toward = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-toward[1], toward[0]])
    tip = (
        np.array([side / 2, side / 2])
        + toward * side * rng.uniform(0.02, 0.3)
        + rng.normal(0, 0.06, 2) * side
    )
    width = side * rng.uniform(0.035, 0.06)
    light = tone * rng.uniform(0.6, 1.3)
    for finger in range(int(rng.integers(1, 5))):
        end = tip + across * finger * width * 1.08 + toward * abs(finger - 1.4) * width * 0.5
        bend = toward + across * rng.normal(0, 0.12)
        places = np.stack([end, end + bend * width * 3, end + (bend + toward) * width * 4])
        for shrink, gain in (
            (1.0, 0.45),
            (0.8, 0.85),
            (0.45, 1.05),
        ):  # dark rim, flesh, light along the middle
            shape = np.zeros((side, side), np.float32)
            cv2.polylines(
                shape, [_fixed(places)], False, (1.0,), max(1, round(width * shrink)), cv2.LINE_AA, SUBPIXEL
            )
            canvas.lay(light * gain, shape)


def draw_palm(canvas: Canvas, tone: np.ndarray, rng: np.random.Generator) -> None:
    """A whole hand, rounded by light from one side, with some creases and its own shadow.

    `tone`: (3,) about the sitter's, or (S, S, 3) skin that lies over the whole picture, scene-linear.
    """
    side = canvas.pixels.shape[0]
    angle = rng.uniform(0, 2 * np.pi)
    toward = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-toward[1], toward[0]]) * rng.choice([-1, 1])
    size = side * rng.uniform(0.05, 0.075)  # a finger's width
    root = side / 2 + rng.normal(0, 0.12, 2) * side + toward * side * rng.uniform(0.15, 0.45)
    bend, spread_out = rng.normal(0, 0.25), rng.uniform(0.95, 1.4)
    parts = [(np.stack([root + toward * size * 4 + across * 1.5 * size, root + toward * side]), 3.4)]
    for finger in range(4):
        start = root + across * finger * size * spread_out
        reach = size * (3.2, 3.9, 3.6, 2.8)[finger] * rng.uniform(0.5, 1.1)
        tip = start - toward * reach + across * reach * (bend + 0.08 * (finger - 1.5))
        joint = (start + tip) / 2 + across * rng.normal(0, 0.15) * size
        parts.append((np.stack([start + toward * size * 2.5, start, joint, tip]), 0.95))
    thumb = root - across * size * 1.3 + toward * size * 2
    parts.append(
        (np.stack([thumb + toward * size * 2 + across * size, thumb, thumb - toward * size * 2]), 1.05)
    )
    light = rng.normal(0, 1, 2)
    light /= max(float(np.linalg.norm(light)), 1e-6)
    flesh = tone * np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.05, 3))
    cover = np.zeros((side, side), np.float32)
    shade = np.zeros((side, side), np.float32)
    for places, width in parts:
        shape = np.zeros((side, side), np.float32)
        thick = max(1, round(width * size))
        cv2.polylines(shape, [_fixed(places)], False, (1.0,), thick, cv2.LINE_AA, SUBPIXEL)
        deep = cv2.distanceTransform((shape > 0.5).astype(np.uint8), cv2.DIST_L2, 3) / max(thick / 2, 1)
        round_over = np.sqrt(np.clip(1 - (1 - np.minimum(deep, 1)) ** 2, 0, 1))
        slope = (
            np.stack(np.gradient(cv2.GaussianBlur(round_over, (0, 0), 1.5)), -1) @ light[::-1] * thick * 0.25
        )
        own = np.clip(0.62 + 0.52 * round_over + 0.4 * slope, 0.15, 1.7)
        shade = shade * (1 - shape) + own * shape
        cover = np.maximum(cover, shape)
    creases = cv2.GaussianBlur(rng.normal(0, 1, (side, side)).astype(np.float32), (0, 0), rng.uniform(0.7, 2))
    shadow = cv2.GaussianBlur(np.roll(cover, tuple(rng.integers(-8, 9, 2)), (0, 1)), (0, 0), side * 0.02)
    canvas.pixels = canvas.pixels * (1 - rng.uniform(0, 0.6) * shadow[..., None])
    rough = 0.08 * rng.random() ** 2  # real hands are smoother than one is tempted to draw them
    canvas.lay(flesh * (shade * (1 + rough * creases / creases.std()))[..., None], cover)


def draw_microphone(canvas: Canvas, rng: np.random.Generator) -> None:
    """A ball or a stub on a rod that comes in from below or from a side, its grille in fine checks."""
    side = canvas.pixels.shape[0]
    tip = np.array([side / 2, side * rng.uniform(0.55, 0.85)]) + rng.normal(0, 0.15, 2) * side
    angle = rng.normal(np.pi / 2, 0.7)
    along = np.array([np.cos(angle), np.sin(angle)])
    size = side * rng.uniform(0.03, 0.11)
    rod, head = (np.zeros((side, side), np.float32) for _ in range(2))
    ends = np.stack([tip, tip + along * side])
    thick = max(1, round(size * rng.uniform(0.4, 1.4)))
    cv2.polylines(rod, [_fixed(ends)], False, (1.0,), thick, cv2.LINE_AA, SUBPIXEL)
    axes = tuple(round(value) for value in size * rng.uniform(0.8, 1.5, 2))
    place = tuple(int(value) for value in tip)
    cv2.ellipse(head, place, axes, float(np.degrees(angle)), 0, 360, (1.0,), -1, cv2.LINE_AA)
    y, x = np.indices((side, side))
    checks = 1 + rng.uniform(0, 0.6) * np.sin(x * rng.uniform(0.8, 3)) * np.sin(y * rng.uniform(0.8, 3))
    round_off = np.exp(-((x - tip[0] + size / 3) ** 2 + (y - tip[1] + size / 3) ** 2) / (2 * size**2))
    ink = np.exp(rng.uniform(np.log(0.01), np.log(0.5))) * np.exp(rng.normal(0, 0.2, 3))
    canvas.lay(ink * rng.uniform(0.3, 1.5), rod)
    canvas.lay(ink * (checks * (0.5 + round_off))[..., None], head)


def draw_thing(canvas: Canvas, behind: np.ndarray, rng: np.random.Generator) -> None:
    """A cup, phone, scarf or mask: a blob with the texture of a piece of the surroundings, or one colour."""
    side = canvas.pixels.shape[0]
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    size = side * np.exp(rng.uniform(np.log(0.06), np.log(0.25), 2))
    corner = rng.uniform(2, 6)
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / corner) * size[0]
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / corner) * size[1]
    tilt = rng.normal(0, 0.5)
    place = np.array([side / 2, side / 2]) + rng.uniform(-0.35, 0.35, 2) * side
    outline = place + np.stack([x * np.cos(tilt) - y * np.sin(tilt), x * np.sin(tilt) + y * np.cos(tilt)], 1)
    shape = np.zeros((side, side), np.float32)
    cv2.fillPoly(shape, [_fixed(outline)], (1.0,), cv2.LINE_AA, SUBPIXEL)
    plain = np.exp(rng.uniform(np.log(0.01), np.log(0.9), 3))
    texture = np.roll(behind, tuple(rng.integers(0, side, 2)), (0, 1)) * rng.uniform(0.3, 1.5)
    canvas.lay(texture if rng.random() < 0.5 else plain, shape)


def _fixed(places: np.ndarray) -> np.ndarray:
    """(N, 1, 2) int32 in OpenCV's fixed point, from pixels with centres at +0.5."""
    return np.round((np.clip(places, -2000, 4000) - 0.5) * (1 << SUBPIXEL)).astype(np.int32)[:, None]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)

"""One picture of one head, and everything that is known of it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Points
from faceplate.colour import SRGB
from faceplate.reconstruct.camera import CAMERA_FROM_FACING, project
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.morphable import HeadModel, rotation, triangles_of
from faceplate.reconstruct.raster import Raster, rasterise
from faceplate.reconstruct.shade import shading
from faceplate_training.renders import wear
from faceplate_training.renders.light import Panorama
from faceplate_training.renders.people import Sitter, rotation_vector, seat
from faceplate_training.renders.skins import SHOWN

SIDE = 256
FINER = 1.25
"""Pictures are drawn this many times larger and averaged down, against stairs at outlines."""

REGIONS = (
    "nothing",
    "skin",
    "brows",
    "eyes",
    "iris",
    "nose",
    "lips",
    "mouth",
    "teeth",
    "hair",
    "occluder",
    "glasses",
)
"""What a pixel of `Render.regions` shows: its number in this list. Clear lenses are what is seen through them."""

_COLOURS = {"mouth": (0.12, 0.025, 0.022), "gums": (0.22, 0.06, 0.05), "tongue": (0.25, 0.07, 0.06),
            "teeth": (0.55, 0.5, 0.42), "sclera": (0.5, 0.47, 0.45), "pupil": (0.004, 0.004, 0.004)}  # fmt: skip
_OF_HEAD = {"mouth": "mouth", "gums": "mouth", "tongue": "mouth", "teeth": "teeth", "sclera": "eyes",
            "iris": "iris", "pupil": "iris"}  # fmt: skip
_HIDDEN_BEHIND = 5.0
"""mm: a point this far behind what a pixel shows is not seen; less is the mesh's own coarseness."""


@dataclass(frozen=True)
class Render:
    """A picture with its truth.

    `pixels` (S, S, 3) uint8 RGB, display-encoded. `points` (68, 2) pixels, exact also where they are hidden.
    `visible` (68,) bool: neither behind the head itself nor covered. `turn` (3,) rotation vector, radians, of the head
    against the line of sight to it. `regions` (S, S) uint8 into REGIONS. `yaw`: radians, to say how far turned.
    """

    pixels: NDArray[np.uint8]
    points: Points
    visible: NDArray[np.bool_]
    turn: NDArray[np.float32]
    regions: NDArray[np.uint8]
    yaw: float


class Studio:
    """Everything that renders share: a head model, skins (N, T, T, 3) uint8, panoramas, what is worn how often.

    `side`: of the pictures, pixels.
    """

    def __init__(
        self,
        head: HeadModel,
        skins: np.ndarray,
        panoramas: list[Panorama],
        wardrobe: wear.Wardrobe = wear.USUAL,
        side: int = SIDE,
    ) -> None:
        self.head, self.panoramas, self.wardrobe, self.side = head, panoramas, wardrobe, side
        self.skins = SRGB.decode((skins / 255).astype(np.float32))
        kept = [not name.startswith(("cornea", "lashes")) for name in head.region_names]
        quads = np.array(kept)[head.quad_region]
        self.triangles, owner = triangles_of(head.quads[quads])
        self.corners, _ = triangles_of(head.quad_uv[quads])
        self.region = head.quad_region[quads][owner]
        self.kinds = [name.split("_")[0] for name in head.region_names]
        self.textured = np.isin(head.region_names, SHOWN)
        self.parts = parts_of(head)
        self.is_skull = np.array([name == "skull" for name in head.region_names])

    def render(self, rng: np.random.Generator) -> Render:
        """A picture by chance; the same generator state gives the same picture."""
        large = round(self.side * FINER)
        sitter = self.seated(large, rng)
        seen = project(sitter.vertices.astype(np.float64), sitter.pose, sitter.camera)
        raster = rasterise(seen, self.triangles, (large, large))
        panorama, turn = self.panoramas[rng.integers(len(self.panoramas))], rng.random()
        behind = backdrop(panorama, large, turn, rng)
        hair = wear.hair_colour(rng) if rng.random() < 0.85 else None
        canvas = wear.Canvas(behind.copy(), np.zeros((large, large), np.float32), raster.depth)
        shirt(canvas, sitter, rng)
        lit = self.shade(sitter, panorama.light(turn), rng)
        self.paint(canvas, raster, lit, hair, rng)
        regions = self.regions(raster, hairy=hair is not None)
        tone = canvas.pixels[regions == REGIONS.index("nose")]
        tone = np.median(tone, 0) if len(tone) else np.array([0.3, 0.2, 0.15])
        self.dress(canvas, sitter, hair, behind, tone, regions, rng)
        return self.finish(canvas, sitter, raster, seen, regions, rng)

    def seated(self, side: int, rng: np.random.Generator) -> Sitter:
        """Who sits for a picture of `side` pixels."""
        return seat(self.head, side, rng)

    def shade(self, sitter: Sitter, light: np.ndarray, rng: np.random.Generator) -> NDArray[np.float32]:
        """(V, 4): light on every vertex (RGB, brought to a typical exposure) and the sheen that skin adds to it."""
        normals = vertex_normals(sitter.vertices, self.head.quads).astype(np.float64)
        facing = normals @ rotation(sitter.pose.turn).T
        light = light.copy()
        light[1:] *= rng.uniform(0.4, 1.0)  # from soft to harsh
        colour = np.maximum(shading(facing, light), 0.02)
        front = self.head.mask("face") > 0.5
        grey = colour[front].mean()
        tint = colour[front].mean(0) / grey
        colour = colour / grey / tint ** rng.uniform(0.3, 1.0)  # a camera balances most of the light's colour
        toward = -light[[3, 1, 2]].mean(1)
        half = -toward / max(float(np.linalg.norm(toward)), 1e-9) + (0, 0, 1)
        half /= max(float(np.linalg.norm(half)), 1e-9)
        sheen = np.clip(facing @ half, 0, 1) ** rng.uniform(8, 40) * rng.uniform(0, 0.12)
        return np.column_stack([colour * np.exp(rng.normal(0, 0.35)), sheen]).astype(np.float32)

    def paint(
        self,
        canvas: wear.Canvas,
        raster: Raster,
        lit: np.ndarray,
        hair: np.ndarray | None,
        rng: np.random.Generator,
    ) -> None:
        """The head itself, into the pixels that it covers."""
        rows, columns = np.nonzero(raster.covered)
        found = raster.triangle[rows, columns]
        weights = raster.weights[rows, columns]
        uv = _mixed(self.head.uv, self.corners[found], weights)
        light = _mixed(lit, self.triangles[found], weights)
        skin, tone = self.skin(rng)
        side = skin.shape[0]
        grid = np.zeros((*canvas.depth.shape, 2), np.float32)
        grid[rows, columns] = np.stack([uv[:, 0] * side, (1 - uv[:, 1]) * side], 1) - 0.5
        colour = cv2.remap(
            skin, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )[rows, columns]
        colour *= tone
        region = self.region[found]
        iris = np.exp(rng.uniform(np.log(0.01), np.log(0.25))) * np.exp(rng.normal(0, 0.25, 3))
        for number, kind in enumerate(self.kinds):
            own = iris if kind == "iris" else _COLOURS.get(kind)
            if own is not None:
                colour[region == number] = own
        if hair is not None:
            bare = self.is_skull[region]
            colour[bare] = hair * np.exp(rng.normal(0, 0.25, (int(bare.sum()), 1)))
        deep = np.isin(np.array(self.kinds), ("mouth", "gums", "tongue", "teeth"))[region]
        light[deep, :3] *= rng.uniform(0.3, 0.9)
        canvas.pixels[rows, columns] = colour * light[:, :3] + light[:, 3:] * self.textured[region, None]
        for kind in ("pupil", "iris"):  # the lamp in the eye
            if rng.random() < 0.7:
                spots = np.flatnonzero(
                    np.isin(region, [k for k, name in enumerate(self.kinds) if name == kind])
                )
                for spot in spots[rng.integers(len(spots), size=1)] if len(spots) else []:
                    canvas.pixels[rows[spot], columns[spot]] += rng.uniform(0.3, 2.0)

    def skin(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """One person's skin or a mixture of two, and a factor (3,) that makes it darker or lighter, redder or paler."""
        chosen, share, tone = self.draw_skin(rng)
        return self.mixture(chosen, share), tone

    def draw_skin(self, rng: np.random.Generator) -> tuple[NDArray[np.int32], float, NDArray[np.float32]]:
        """Two skins' numbers (2,), how much of the second there is, and the factor (3,)."""
        chosen = rng.integers(len(self.skins), size=2)
        share = float(rng.choice([0.0, rng.uniform(0.2, 0.5)]))
        depth = rng.normal(0, 0.3) - (rng.random() < 0.3) * rng.uniform(
            0.2, 1.3
        )  # log 2: London is mostly light
        tint = np.array([0.0, -0.12, -0.22]) * max(-depth, 0) + rng.normal(0, 0.05, 3)
        return chosen.astype(np.int32), share, np.exp(depth + tint).astype(np.float32)

    def mixture(self, chosen: np.ndarray, share: float) -> NDArray[np.float32]:
        """(T, T, 3) scene-linear."""
        first, second = (self.skins[k] for k in chosen)
        return np.asarray(first * (1 - share) + second * share, np.float32) if share else first

    def regions(self, raster: Raster, *, hairy: bool) -> NDArray[np.uint8]:
        """(S, S) into REGIONS, the head alone; `hairy`: its skull is painted as hair."""
        regions = np.zeros(raster.triangle.shape, np.uint8)
        rows, columns = np.nonzero(raster.covered)
        found, weights = raster.triangle[rows, columns], raster.weights[rows, columns]
        names = [_OF_HEAD.get(kind, "skin") for kind in self.kinds]
        own = np.array([REGIONS.index(name) for name in names], np.uint8)[self.region[found]]
        for name, within in self.parts.items():
            inside = _mixed(within[:, None], self.triangles[found], weights)[:, 0] > 0
            own[inside & (own == REGIONS.index("skin"))] = REGIONS.index(name)
        if hairy:
            own[self.is_skull[self.region[found]]] = REGIONS.index("hair")
        regions[rows, columns] = own
        return regions

    def dress(self, canvas, sitter, hair, behind, tone, regions, rng) -> None:
        """Hair, glasses, hands and things; regions follow what is laid over the face, the last on top."""
        own = self.wardrobe
        if hair is not None and rng.random() < 0.85:
            wear.draw_hair(canvas, self.head, sitter, hair, rng)
            if own.full_hair:
                wear.fill_hair(canvas, hair, rng)
            regions[canvas.cover > 0.5] = REGIONS.index("hair")
        held = (
            (own.glasses, "glasses", lambda: wear.draw_glasses(canvas, self.head, sitter, rng)),
            (own.hand, "occluder", lambda: wear.draw_hand(canvas, tone, rng)),
            (own.thing, "occluder", lambda: wear.draw_thing(canvas, behind, rng)),
            (own.palm, "occluder", lambda: wear.draw_palm(canvas, tone, rng)),
            (own.microphone, "occluder", lambda: wear.draw_microphone(canvas, rng)),
        )
        for share, region, draw in held:
            if share and rng.random() < share:
                before, canvas.cover = canvas.cover, np.zeros_like(canvas.cover)
                draw()
                regions[canvas.cover > 0.5] = REGIONS.index(region)
                canvas.cover = np.maximum(before, canvas.cover)
        if rng.random() < 0.35:
            cast_shadow(canvas, rng)

    def finish(self, canvas, sitter, raster, seen, regions, rng) -> Render:
        """Exposed, encoded and averaged down, with its labels."""
        level = max(float(np.percentile(canvas.pixels[raster.covered], 75)), 1e-4)
        wanted = np.exp(rng.normal(np.log(0.42), 0.4))
        pixels = canvas.pixels * (wanted / level)
        knee = 0.7
        pixels = np.where(pixels > knee, knee + (1 - knee) * np.tanh((pixels - knee) / (1 - knee)), pixels)
        encoded = np.clip(SRGB.encode(np.maximum(pixels, 0).astype(np.float32)), 0, 1)
        size = (self.side, self.side)
        small = cv2.resize(encoded, size, interpolation=cv2.INTER_AREA)
        points = self.head.landmarks["68"].on(seen)
        covered = cv2.resize(canvas.cover, size, interpolation=cv2.INTER_AREA)
        return Render(
            np.round(small * 255).astype(np.uint8),
            (points[:, :2] / FINER).astype(np.float32),
            in_sight(points, raster.depth) & (_at(covered, points[:, :2] / FINER) < 0.5),
            turn_in_view(sitter).astype(np.float32),
            majority(regions, self.side),
            sitter.yaw,
        )


def parts_of(head: HeadModel) -> dict[str, NDArray[np.float32]]:
    """Nose, brows and lips -> (V,) mm that a vertex lies within its outline, negative outside.

    Outlines are drawn on the mean head seen from in front: the lips' is that of the points, brows hang from their
    points, which mark upper edges, and the nose widens from the bridge to its wings.
    """
    points = head.landmarks["68"].on(head.mean)[:, :2].astype(np.float64)
    thick = np.array([[0.0, 3.0], [0.0, 5.5], [0.0, 7.0], [0.0, 8.5], [0.0, 9.0]])
    left, right = (np.add(points[first : first + 5], (0, 0.7)) for first in (17, 22))
    tip, base = points[30, 1], points[33, 1]
    half = [(7, points[27, 1] + 2), (8, (points[27, 1] + tip) / 2), (12, tip + 3), (17.5, tip - 6), (19, base + 3),
            (16, base - 2), (8, base - 4)]  # fmt: skip
    nose = np.array([*half, *((-x, y) for x, y in half[::-1])], np.float64)
    outlines = {
        "nose": (nose,),
        "brows": (np.vstack([left, (left - thick)[::-1]]), np.vstack([right, (right - thick[::-1])[::-1]])),
        "lips": (points[48:60],),
    }
    front = head.mean[:, 2] > head.landmarks["68"].on(head.mean)[30, 2] - 60
    found = {}
    for name, polygons in outlines.items():
        within = np.max([_inside(polygon, head.mean[:, :2]) for polygon in polygons], 0)
        found[name] = np.where(front, within, -10).astype(np.float32)
    return found


def _inside(polygon: np.ndarray, places: np.ndarray) -> NDArray[np.float64]:
    """(N,) distances of places (N, 2) to an outline (M, 2), positive inside."""
    outline = polygon.astype(np.float32)[:, None]
    return np.array([cv2.pointPolygonTest(outline, (float(x), float(y)), True) for x, y in places])


def majority(regions: np.ndarray, side: int) -> NDArray[np.uint8]:
    """Labels (S, S) at a smaller side: of each pixel, what covers most of it. Picking one sample would fray edges."""
    present = np.unique(regions)
    shares = [
        cv2.resize((regions == one).astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
        for one in present
    ]
    return present[np.argmax(shares, 0)].astype(np.uint8)


def in_sight(points: np.ndarray, depth: np.ndarray) -> NDArray[np.bool_]:
    """(N,) whether points (N, 3: pixels and mm) lie within the picture and are the nearest thing there.

    The farthest of the pixels about a point counts, so that a point on an outline is seen.
    """
    x, y = np.floor(points[:, 0]).astype(int), np.floor(points[:, 1]).astype(int)
    side = depth.shape[0]
    within = (x >= 0) & (x < side) & (y >= 0) & (y < side)
    around = np.stack(
        [_at(depth, np.stack([x + dx, y + dy], 1).astype(float)) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    )
    return within & (points[:, 2] < around.max(0) + _HIDDEN_BEHIND)


def turn_in_view(sitter: Sitter) -> NDArray[np.float64]:
    """(3,) the head's rotation against the ray from the lens to it: what its picture shows, wherever it stands."""
    ray = CAMERA_FROM_FACING.T @ (sitter.pose.move / np.linalg.norm(sitter.pose.move))
    axis = np.cross(ray, [0.0, 0.0, -1.0])
    sine = np.linalg.norm(axis)
    back = np.eye(3) if sine < 1e-9 else rotation(axis / sine * np.arcsin(min(sine, 1.0)))
    return rotation_vector(back @ rotation(sitter.pose.turn))


def backdrop(panorama: Panorama, side: int, turn: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """What is behind: the panorama, sharp or out of focus, or a plain wall with a slope of light."""
    if rng.random() < 0.3:
        first, last = np.exp(rng.normal(0, 0.4, 2))
        slope = np.linspace(first, last, side)[:, None, None]
        wall = np.exp(rng.normal(np.log(0.3), 0.7)) * np.exp(rng.normal(0, 0.2, 3)) * slope
        return np.broadcast_to(wall, (side, side, 3)).astype(np.float32).copy()
    shown = panorama.behind(side, side * rng.uniform(0.6, 2.5), turn)
    shown = np.minimum(shown, 4) * np.float32(np.exp(rng.normal(0, 0.5)) * 0.6)
    return np.asarray(cv2.GaussianBlur(shown, (0, 0), rng.uniform(0.5, 12)), np.float32)


def shirt(canvas: wear.Canvas, sitter: Sitter, rng: np.random.Generator) -> None:
    """Shoulders below the neck, in one colour."""
    side = canvas.pixels.shape[0]
    shoulder = np.array([[-60, -150, 0], [60, -150, 0], [230, -215, -20], [260, -500, 0], [-260, -500, 0],
                         [-230, -215, -20]], np.float64)  # fmt: skip
    level = rotation(sitter.pose.turn)
    upright = shoulder @ rotation(np.array([0, np.arctan2(level[0, 2], level[2, 2]) * 0.6, 0])).T @ level
    seen = project(upright, sitter.pose, sitter.camera)[:, :2]
    shape = np.zeros((side, side), np.float32)
    cv2.fillPoly(shape, [np.round(np.clip(seen, -4000, 4000)).astype(np.int32)[:, None]], (1.0,), cv2.LINE_AA)
    colour = np.exp(rng.uniform(np.log(0.01), np.log(0.8))) * np.exp(rng.normal(0, 0.4, 3))
    canvas.pixels = canvas.pixels * (1 - shape[..., None]) + colour * shape[..., None]


def cast_shadow(canvas: wear.Canvas, rng: np.random.Generator) -> None:
    """Half of the picture darker along some line, hard or soft: what a lamp to one side or a hat does."""
    side = canvas.pixels.shape[0]
    angle, offset = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.2) * side
    x, y = np.meshgrid(*(np.arange(side) - side / 2,) * 2)
    along = (x * np.cos(angle) + y * np.sin(angle) - offset) / (side * rng.uniform(0.005, 0.2))
    share = 1 / (1 + np.exp(-np.clip(along, -30, 30)))
    canvas.pixels = canvas.pixels * (1 - share * rng.uniform(0.2, 0.8))[..., None]


def _mixed(values: np.ndarray, corners: np.ndarray, weights: np.ndarray) -> NDArray[np.float32]:
    """(N, C) values of three corners each, by their weights."""
    mixed = values[corners[:, 0]] * weights[:, :1]
    mixed += values[corners[:, 1]] * weights[:, 1:2]
    mixed += values[corners[:, 2]] * weights[:, 2:]
    return mixed.astype(np.float32)


def _at(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values of the pixels that places (N, 2) lie in, the nearest of the rim beyond it."""
    x = np.clip(np.floor(places[:, 0]).astype(int), 0, image.shape[1] - 1)
    y = np.clip(np.floor(places[:, 1]).astype(int), 0, image.shape[0] - 1)
    return image[y, x]

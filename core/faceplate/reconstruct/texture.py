"""A head's colours from photos: every texel of the UV map from where it is seen best, and the rest made to fit.

What no photo shows is taken from the other side of the face, and what neither shows from the mean colour. Where two
sources meet, their low frequencies are brought together on the mesh itself (`poisson.py`), which has no seam where the
UV map has one; their detail is faded over a few texels.

After: Pérez, Gangnet and Blake, "Poisson Image Editing", SIGGRAPH 2003, with the smooth correction of each source kept
coarse as in Agarwala, "Efficient Gradient-Domain Compositing Using Quadtrees", SIGGRAPH 2007.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, Matte
from faceplate.colour import linear_from_srgb, srgb_from_linear
from faceplate.errors import RangeError
from faceplate.reconstruct.delight import keep_colour, without_light
from faceplate.reconstruct.mesh import MATERIALS, UNTEXTURED, material_of
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.poisson import edges_of, integrate
from faceplate.reconstruct.uv import Texels, UvTile, fill, texels, udim_tiles, whole_map
from faceplate.reconstruct.visible import Shown

SIZES = (256, 8192)
"""The smallest and the largest texture, texels."""

BAKED = ("face", "skull", "neck")
"""The regions that take their colours from photos; eyes, teeth and the inside of the mouth have plain ones."""

ENOUGH = (0.02, 0.2)
"""How well a texel must be seen: up to the first it is not used, from the second on nothing is mixed into it."""

_PREFERENCE = 4  # of two photos the better one has this power of its advantage
_DECAY = 4e-4  # a correction reaches about fifty edges, 15 cm, beyond where it is known
_FEW = 8  # vertices seen, below which an eye's colour is not read from a photo
_WHITE = 1.5  # how many times brighter than light skin the white of an eye is at least
_SHADE = 0.4  # of the light, that lids leave to an eye at least
_ANCHOR = 0.02  # how strongly photos keep their own exposure while they are brought together


@dataclass(frozen=True)
class Texture:
    """`colour`: (S, S, 3) float32, display-encoded sRGB, 0-1. `confidence`: (S, S) 0-1, how well a photo shows each
    texel; 0 for all that was made to fit. Row 0 is v = 1.
    """

    colour: Image
    confidence: Matte


def bake_texture(
    head: HeadModel,
    photos: Sequence[Shown],
    size: int = 4096,
    *,
    excess: Sequence[np.ndarray] | None = None,
    pattern: np.ndarray | None = None,
) -> Texture:
    """Bake one or several photos of one person into the head's UV map of one tile.

    Args:
        head, photos, excess, pattern: see `Sources.of`. size: see `Sources.baked`.

    Raises:
        RangeError: no photo; a size out of range; photos that show nothing of the face.
    """
    return Sources.of(head, photos, excess=excess, pattern=pattern).baked(size)


def painted_tiles(head: HeadModel) -> list[UvTile]:
    """The UDIM tiles that have a picture: not that of the lashes, which keep their plain colour."""
    plain = np.array([material_of(region) in UNTEXTURED for region in head.region_names])
    return [tile for tile in udim_tiles(head) if not plain[head.quad_region[tile.faces]].all()]


def has_skin(head: HeadModel, tile: UvTile) -> bool:
    """Whether photos may colour anything in a tile."""
    return any(head.region_names[region] in BAKED for region in np.unique(head.quad_region[tile.faces]))


def _filtered(head: HeadModel, photo: Shown, size: int, tile: UvTile) -> Shown:
    """A photo whose pixels are no finer than the texels, or they would alias."""
    ends = head.quads[tile.faces, :2]
    in_uv = tile.across(head, size)
    in_photo = np.linalg.norm(np.diff(photo.points[ends][..., :2], axis=1)[:, 0], axis=1)
    seen = photo.at_vertices()[ends].min(1) > ENOUGH[1]
    if not seen.any():
        return photo
    shrink = float(np.median(in_photo[seen] / np.maximum(in_uv[seen], 1e-6)))
    if shrink <= 1.3:
        return photo
    return photo.blurred(0.5 * np.sqrt(shrink**2 - 1))


@dataclass(frozen=True)
class Sources:
    """All that a texel's colour is mixed from, whatever the UV map and its size.

    `kept`: for each photo (V, 3), see `delight.without_light`. `offsets`: for each photo (V, 3), added to it.
    `mirror`: (V, 3), added to what is seen on the other side. `base`: (V, 3) the colour of what is seen on neither.
    `may_show`: (F,) bool, quads that photos may colour.
    """

    head: HeadModel
    photos: Sequence[Shown]
    kept: Sequence[np.ndarray]
    offsets: list[np.ndarray]
    mirror: np.ndarray
    base: np.ndarray
    may_show: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        head: HeadModel,
        photos: Sequence[Shown],
        *,
        excess: Sequence[np.ndarray] | None = None,
        pattern: np.ndarray | None = None,
    ) -> "Sources":
        """Bring photos together on the mesh, and make up what they do not show.

        Args:
            head: the model. photos: of the same head, see `visible.show`; the first counts as much as the last.
            excess: for each photo (V, 3), the light to be taken out (`delight.excess_light`); None keeps it.
            pattern: (V, 3) scene-linear albedo of the skin over its own tone (`Albedo.of`), for what no photo shows;
                None for the same everywhere.

        Raises:
            RangeError: no photo; photos that show nothing of the face.
        """
        if not photos:
            raise RangeError("a texture should be of at least one photo, got none")
        even = np.ones((len(head.mean), 3), np.float32)
        kept = [even] * len(photos) if excess is None else [keep_colour(each) for each in excess]
        may_show = np.array([region in BAKED for region in head.region_names])[head.quad_region]
        ours = np.zeros(len(head.mean), bool)
        ours[head.quads[may_show]] = True
        edges = edges_of(head.triangles)
        weights = [photo.at_vertices() * ours for photo in photos]
        colours = [without_light(_coarse(head, p), k) for p, k in zip(photos, kept, strict=True)]
        joined, offsets = _joined(edges, colours, weights)
        best = np.max(weights, axis=0)
        seen = best >= ENOUGH[1]
        if not seen.any():
            raise RangeError("The photos show nothing of the face. Check the points, or give other photos.")
        both = seen & seen[head.mirror]
        mirror = integrate(
            edges, None, np.where(both[:, None], joined - joined[head.mirror], 0), held=both, pull=_DECAY
        )
        other = ours & seen[head.mirror] & ~seen
        known = np.where(seen[:, None], joined, joined[head.mirror] + mirror)
        plain = _plain(head, photos, kept, _skin(joined, seen, pattern))
        held = seen | other
        correction = integrate(edges, None, np.where(held[:, None], known - plain, 0), held=held, pull=_DECAY)
        # eyes and teeth are separate shells, which nothing holds: they keep their plain colours
        return cls(head, photos, kept, offsets, mirror, plain + correction, may_show)

    def baked(self, size: int, tile: UvTile | None = None) -> Texture:
        """The picture of a square of UVs.

        Args:
            size: of the texture, 256-8192 texels. tile: which square; None for the map of one tile.

        Raises:
            RangeError: a size out of range.
        """
        low, high = SIZES
        if not low <= size <= high:
            raise RangeError(f"a texture should be {low}-{high} texels, got {size}")
        tile = tile or whole_map(self.head)
        ours = replace(self, photos=[_filtered(self.head, photo, size, tile) for photo in self.photos])
        colour = np.zeros((size * size, 3), np.float32)
        confidence = np.zeros(size * size, np.float32)
        covered = np.zeros(size * size, bool)
        for part in texels(self.head, size, tile=tile):
            mixed, seen = ours.mixed(part)
            colour[part.place], confidence[part.place], covered[part.place] = mixed.clip(0, 1), seen, True
        picture = colour.reshape(size, size, 3)
        fill(picture, covered.reshape(size, size))
        return Texture(picture, confidence.reshape(size, size))

    def mixed(self, part: Texels) -> tuple[np.ndarray, np.ndarray]:
        """(N, 3) colours and (N,) confidence."""
        colour, confidence = part.of(self.base), np.zeros(len(part.place), np.float32)
        ours = np.flatnonzero(self.may_show[part.face])
        if len(ours):
            own = part.chosen(ours)
            direct, seen = self.photographed(own)
            share = _share(seen)
            rest = np.flatnonzero(share < 1)
            under = colour[ours[rest]]
            far = own.chosen(rest)
            other, seen_there = self.photographed(far.moved_to(self.head.mirror))
            under += _share(seen_there)[:, None] * (other + far.of(self.mirror) - under)
            behind = colour[ours]
            behind[rest] = under
            colour[ours] = behind + share[:, None] * (direct - behind)
            confidence[ours] = np.minimum(seen, 1)
        return colour, confidence

    def photographed(self, part: Texels) -> tuple[np.ndarray, np.ndarray]:
        """(N, 3) what the photos show of these places, brought together, and (N,) 0-1 how well the best shows it."""
        total, best = np.zeros(len(part.place), np.float32), np.zeros(len(part.place), np.float32)
        colours = np.zeros((len(part.place), 3), np.float32)
        for photo, kept, offset in zip(self.photos, self.kept, self.offsets, strict=True):
            weight, x, y = _looked_up(photo, part)
            seen = np.flatnonzero(weight > 0)
            share = weight[seen] ** _PREFERENCE
            here = without_light(photo.colours(x[seen], y[seen]), part.chosen(seen).of(kept))
            if len(self.photos) > 1:
                here += part.chosen(seen).of(offset)
            colours[seen] += share[:, None] * here
            total[seen] += share
            best = np.maximum(best, weight)
        known = total > 0
        colours[known] /= total[known, None]
        return colours, best


def _looked_up(photo: Shown, part: Texels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N,) how well a photo shows each place, and where in it (x, y)."""
    over = 1.0 / photo.points[:, 2]
    # what is linear over the picture of a triangle: x / z, y / z and 1 / z
    plane = np.column_stack([photo.points[:, :2] * over[:, None], over, photo.facing])
    x, y, over, facing = part.of(plane).T
    distance = 1 / over
    x, y = x * distance, y * distance
    return facing * photo.trust(x, y, distance), x, y


def _share(seen: np.ndarray) -> NDArray[np.float32]:
    low, high = ENOUGH
    share = ((seen - low) / (high - low)).clip(0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def _coarse(head: HeadModel, photo: Shown) -> NDArray[np.float64]:
    """(V, 3) what a photo shows about each vertex, as fine as the vertices stand."""
    edges = head.quads[:, :2]
    apart = np.linalg.norm(np.diff(photo.points[edges][..., :2], axis=1)[:, 0], axis=1)
    soft = photo.blurred(max(0.5, 0.4 * float(np.median(apart))))
    return soft.colours(photo.points[:, 0], photo.points[:, 1]).astype(np.float64)


def _joined(
    edges: np.ndarray, colours: Sequence[np.ndarray], weights: Sequence[np.ndarray]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """(V, 3) the photos' colours about each vertex made one field, and what that adds to each photo (V, 3)."""
    if len(colours) == 1:
        return colours[0], [np.zeros_like(colours[0])]
    shares = np.stack(weights) ** _PREFERENCE
    seen = shares.max(0) > 0
    mean = (shares[..., None] * np.stack(colours)).sum(0) / np.maximum(shares.sum(0), 1e-12)[:, None]
    ends = edges[seen[edges].all(1)]
    along = shares[:, ends].min(2)
    along /= np.maximum(along.sum(0), 1e-12)
    steps = sum(a[:, None] * (c[ends[:, 1]] - c[ends[:, 0]]) for a, c in zip(along, colours, strict=True))
    # an edge that no photo sees at both ends says nothing
    told = along.sum(0) > 0
    joined = integrate(ends[told], np.asarray(steps)[told], mean, held=~seen, pull=_ANCHOR)
    offsets = []
    for colour, weight in zip(colours, weights, strict=True):
        held = weight > 0
        offsets.append(
            integrate(edges, None, np.where(held[:, None], joined - colour, 0), held=held, pull=_DECAY)
        )
    return joined, offsets


def _skin(shown: np.ndarray, seen: np.ndarray, pattern: np.ndarray | None) -> NDArray[np.float64]:
    """(V, 3) skin, display-encoded, in the tone of what is shown (V, 3) where it is seen, patterned like skin."""
    if pattern is None:
        return np.tile(np.median(shown[seen], axis=0), (len(shown), 1))
    tone = np.median(linear_from_srgb(shown[seen].astype(np.float32)) / pattern[seen], axis=0)
    return srgb_from_linear((pattern * tone).astype(np.float32)).astype(np.float64)


def _plain(
    head: HeadModel, photos: Sequence[Shown], kept: Sequence[np.ndarray], skin: np.ndarray
) -> NDArray[np.float64]:
    """(V, 3) each material's own colour, display-encoded: `skin` (V, 3), and eyes in the colours that photos show."""
    found = np.array(skin, np.float64)
    shaded = _shade_of_lids(head, photos, kept, skin)
    for number, region in enumerate(head.region_names):
        material = material_of(region)
        if material == "skin":
            continue
        vertices = np.unique(head.quads[head.quad_region == number])
        vertices = vertices[vertices >= 0]
        colour = srgb_from_linear(np.array(MATERIALS[material][0][:3], np.float32))
        if material in ("iris", "sclera"):
            shown = _shown_colour(photos, kept, _vertices_of(head, material), colour)  # both eyes together
            colour = without_light(shown, keep_colour(shaded))
        found[vertices] = colour
        if material == "iris":
            place = head.mean[vertices]
            out = np.linalg.norm(place - place.mean(0), axis=1, keepdims=True)
            found[vertices] *= 1.15 - 0.6 * (out / out.max()) ** 4  # the limbal ring
    return found


def _shade_of_lids(
    head: HeadModel, photos: Sequence[Shown], kept: Sequence[np.ndarray], skin: np.ndarray
) -> NDArray[np.float32]:
    """(1,) 0-1, scene-linear, how much darker lids and lashes make the eyes that photos show, nobody's being darker
    than the skin about them.
    """
    vertices = _vertices_of(head, "sclera")
    around = linear_from_srgb(np.median(skin, axis=0).astype(np.float32)).mean()
    if not len(vertices):
        return np.ones(1, np.float32)
    shown = _shown_colour(photos, kept, vertices, np.ones(3, np.float32))
    seen = linear_from_srgb(np.asarray(shown, np.float32)).mean() / max(float(around) * _WHITE, 1e-4)
    return np.clip(np.array([seen], np.float32), _SHADE, 1)


def _vertices_of(head: HeadModel, material: str) -> NDArray[np.int32]:
    """(n,) the vertices of all regions of a material."""
    ours = np.array([material_of(region) == material for region in head.region_names])
    vertices = np.unique(head.quads[ours[head.quad_region]])
    return vertices[vertices >= 0]


def _shown_colour(
    photos: Sequence[Shown], kept: Sequence[np.ndarray], vertices: np.ndarray, otherwise: np.ndarray
) -> np.ndarray:
    """(3,) the middle of what photos show of some vertices; `otherwise` where they show next to nothing."""
    seen = []
    for photo, keep in zip(photos, kept, strict=True):
        x, y, distance = photo.points[vertices].T
        shown = without_light(photo.colours(x, y), keep[vertices])
        seen.append(shown[photo.trust(x, y, distance) > 0])
    shown = np.concatenate(seen)
    if len(shown) < _FEW:
        return otherwise
    # lids and lashes shade an eye and the light is mirrored in it: what is in the middle is its own
    order = np.argsort(shown.sum(1))
    return np.median(shown[order[len(order) // 4 : 3 * len(order) // 4 + 1]], axis=0)

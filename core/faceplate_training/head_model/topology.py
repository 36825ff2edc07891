"""The mesh of faceplate-head: ICT's skin, gums, teeth and lashes with fewer loops, and eyeballs of our own."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from faceplate_training.head_model.eyes import IRIS_RADIUS, PUPIL_RADIUS, Eyeball, make_eyeball
from faceplate_training.head_model.ict import FLIP, Ict
from faceplate_training.head_model.simplify import Cage, Sparse, begin, simplify

SKIN_VERTICES = 9200
MOUTH_VERTICES = 3600

TILES = {  # island group -> its UDIM tile, and its square in the single tile: left, bottom, side
    "face": (1001, 0.0, 0.34, 0.66),
    "skull": (1002, 0.67, 0.67, 0.33),
    "gums": (1003, 0.67, 0.335, 0.325),
    "teeth": (1004, 0.67, 0.0, 0.325),
    "eye_left": (1005, 0.0, 0.17, 0.16),
    "eye_right": (1006, 0.17, 0.17, 0.16),
    "lashes": (1007, 0.34, 0.0, 0.325),
}

_GROUPS = {
    "M_Face": "face",
    "M_BackHead": "skull",
    "M_GumsTongue": "gums",
    "M_Teeth": "teeth",
    "M_EyeLashes": "lashes",
}

REGIONS = (
    "face", "skull", "neck", "mouth", "eye_socket_left", "eye_socket_right", "gums_upper", "gums_lower", "tongue",
    "teeth_upper", "teeth_lower", "sclera_left", "sclera_right", "cornea_left", "cornea_right", "iris_left",
    "iris_right", "pupil_left", "pupil_right", "lashes_left", "lashes_right",
)  # fmt: skip

# where ICT's parts begin and end in its list of vertices
_HEAD_END, _MOUTH_END, _SOCKET_LEFT_END, _SKIN_END = 11248, 13294, 13678, 14062
_GUMS_END, _TEETH_LOWER_BEGIN, _TEETH_END = 17039, 19247, 21451
_LEFT_EYE = slice(21451, 22221)
_LASHES = ((25351, 25465), (25693, 25807), (26035, 26149), (26377, 26491))


@dataclass(frozen=True)
class Topology:
    """The mesh, and how it follows ICT.

    `quads`, `quad_uv` (F, 4); `uv` (T, 2) in one tile, `udim` (T, 2) over several; `quad_region` (F,) into REGIONS;
    `mirror` (V,); `weights` (V, V_ict) sparse, 0 for eyeballs; `eyes` the vertices of each eyeball, left then right.
    """

    quads: np.ndarray
    quad_uv: np.ndarray
    uv: np.ndarray
    udim: np.ndarray
    quad_region: np.ndarray
    mirror: np.ndarray
    weights: Sparse
    eyes: tuple[slice, slice]
    eyeball: Eyeball
    eye_centre: np.ndarray
    sclera: np.ndarray

    def mean(self, ict: Ict) -> np.ndarray:
        """(V, 3) mm, ICT's neutral on this mesh."""
        points = self.weights @ ict.neutral
        for side, eye in zip((1, -1), self.eyes, strict=True):
            points[eye] = (self.eyeball.points + self.eye_centre) * (side, 1, 1)
        return points

    def carry(self, deltas: np.ndarray, ict: Ict, mean: np.ndarray) -> np.ndarray:
        """Deltas of ICT (V_ict, 3) as deltas of this mesh (V, 3); an eyeball moves and grows as ICT's does."""
        carried = np.asarray(self.weights @ deltas)
        for eye, sclera in zip(self.eyes, (self.sclera, ict.mirror[self.sclera]), strict=True):
            centre = ict.neutral[sclera].mean(0)
            arms, moved = ict.neutral[sclera] - centre, deltas[sclera].astype(np.float64)
            shift = moved.mean(0)
            growth = ((moved - shift) * arms).sum() / (arms**2).sum()
            carried[eye] = shift + growth * (mean[eye] - centre)
        return carried

    def dilated(self, eye: slice, amount: float) -> np.ndarray:
        """(V, 3) the pupil of one eye wider by `amount` mm, the iris narrower."""
        deltas = np.zeros((len(self.mirror), 3))
        across = np.hypot(*self.eyeball.points[:, :2].T)
        behind = np.zeros(len(across), bool)
        behind[np.unique(self.eyeball.quads[np.isin(self.eyeball.regions, ("iris", "pupil"))])] = True
        share = np.interp(across, (0, PUPIL_RADIUS, IRIS_RADIUS - 0.05), (0, 1, 0)) * behind
        outwards = self.eyeball.points[:, :2] / np.maximum(across, 1e-6)[:, None]
        deltas[eye, :2] = outwards * share[:, None] * amount
        return deltas


def make_topology(ict: Ict) -> Topology:
    """Close loops, replace the eyeballs, lay out the UVs."""
    skin = _simplified(ict, np.isin(ict.materials, ("M_Face", "M_BackHead")), _skin_length, SKIN_VERTICES)
    mouth = _simplified(
        ict, np.isin(ict.materials, ("M_GumsTongue", "M_Teeth")), _mouth_length, MOUTH_VERTICES
    )
    lash_vertices = np.concatenate([np.arange(*ends) for ends in _LASHES])
    lashes = _simplified(ict, np.isin(ict.quads[:, 0], lash_vertices), _skin_length, len(ict.neutral))
    centre, outline = _eye_outline(ict, skin)
    eyeball = make_eyeball(outline)
    return _joined(ict, (skin, mouth, lashes), eyeball, centre)


@dataclass(frozen=True)
class _Part:
    cage: Cage
    weights: Sparse
    origin: np.ndarray
    uv: np.ndarray


def _simplified(ict: Ict, chosen: np.ndarray, wanted_length, vertices: int) -> _Part:
    """Some quads of ICT with fewer loops."""
    quads, quad_uv = ict.quads[chosen], ict.quad_uv[chosen]
    used = np.unique(quads[quads >= 0])
    used_uv = np.unique(quad_uv[quad_uv >= 0])
    place = np.full(len(ict.neutral) + 1, -1)
    place[used] = np.arange(len(used))
    place_uv = np.full(len(ict.uv) + 1, -1)
    place_uv[used_uv] = np.arange(len(used_uv))
    cage = begin(
        place[quads], place_uv[quad_uv], place[ict.mirror[used]], len(used_uv), np.zeros(len(used), bool)
    )
    cage = simplify(cage, ict.neutral[used], ict.uv[used_uv], wanted_length, vertices=vertices)
    pick = sparse.coo_matrix(
        (np.ones(len(used)), (np.arange(len(used)), used)), (len(used), len(ict.neutral))
    )
    return _Part(
        cage,
        (cage.vertices_from @ pick).tocsr(),
        np.flatnonzero(chosen)[cage.origin],
        cage.uv_from @ ict.uv[used_uv],
    )


def _skin_length(points: np.ndarray) -> np.ndarray:
    """mm: 2.2 about the eyes and the mouth, more the farther from both."""
    eyes = np.minimum(
        np.linalg.norm(points - (32, 36, 92), axis=1), np.linalg.norm(points - (-32, 36, 92), axis=1)
    )
    mouth = np.linalg.norm((points - (0, -35, 110)) * (0.7, 1, 1), axis=1)
    return np.clip(2.2 + 0.06 * np.minimum(np.maximum(eyes - 14, 0), np.maximum(mouth - 16, 0)), 2.2, 9)


def _mouth_length(points: np.ndarray) -> np.ndarray:
    """mm: the front teeth finer than what nobody sees."""
    return np.clip(1.5 + 0.05 * np.maximum(95 - points[:, 2], 0), 1.5, 5)


def _eye_outline(ict: Ict, skin: _Part) -> tuple[np.ndarray, np.ndarray]:
    """The left eye's centre (3,) and its outline (181,), small enough to lie behind the lids."""
    sclera = ict.neutral[_LEFT_EYE]
    centre = sclera.mean(0)
    for _ in range(10):
        rear = sclera[sclera[:, 2] < centre[2]]
        system = np.column_stack([2 * rear, np.ones(len(rear))])
        centre = np.linalg.lstsq(system, (rear**2).sum(1), rcond=None)[0][:3]
    angle, distance = _polar(sclera - centre)
    ends = np.arange(0, 181, 6)
    outline = np.interp(
        np.arange(181), ends, [np.quantile(distance[abs(angle - end) < 6], 0.2) for end in ends]
    )
    outline = np.convolve(np.pad(outline, 3, mode="edge"), np.ones(7) / 7, mode="valid")
    lids = skin.weights @ ict.neutral - centre
    angle, distance = _polar(lids)
    near = (distance < 20) & (angle < 100)
    gap = distance[near] - np.interp(angle[near], np.arange(181), outline)
    outline -= max(0.0, 0.05 - float(gap.min()))
    return centre, outline


def _polar(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Degrees from the direction of gaze, and mm from the centre."""
    distance = np.linalg.norm(points, axis=1)
    return np.degrees(np.arccos(np.clip(points[:, 2] / distance, -1, 1))), distance


def _joined(ict: Ict, parts: tuple[_Part, ...], eyeball: Eyeball, centre: np.ndarray) -> Topology:
    quads, quad_uv, uv, udim, regions, mirror, weights = [], [], [], [], [], [], []
    vertices = uvs = 0
    for part in parts:
        shifted = np.where(part.cage.quads >= 0, part.cage.quads + vertices, -1)
        quads.append(shifted)
        quad_uv.append(np.where(part.cage.quad_uv >= 0, part.cage.quad_uv + uvs, -1))
        placed, tiled = _laid_out(ict, part)
        uv.append(placed)
        udim.append(tiled)
        regions.append(_regions(ict, part))
        mirror.append(part.cage.mirror + vertices)
        weights.append(part.weights)
        vertices, uvs = vertices + len(part.cage.mirror), uvs + len(placed)
    eyes = (
        slice(vertices, vertices + len(eyeball.points)),
        slice(vertices + len(eyeball.points), vertices + 2 * len(eyeball.points)),
    )
    for side, eye, other in (("left", eyes[0], eyes[1]), ("right", eyes[1], eyes[0])):
        turn = slice(None) if side == "left" else slice(None, None, -1)
        quads.append(eyeball.quads[:, turn] + eye.start)
        quad_uv.append(eyeball.quad_uv[:, turn] + uvs)
        tile, left, bottom, side_length = TILES[f"eye_{side}"]
        flipped = eyeball.uv if side == "left" else eyeball.uv * (-1, 1) + (1, 0)
        uv.append(flipped * side_length + (left, bottom))
        udim.append(flipped + np.array([tile - 1001, 0]))
        regions.append(np.array([REGIONS.index(f"{region}_{side}") for region in eyeball.regions]))
        mirror.append(np.arange(other.start, other.stop))
        weights.append(sparse.csr_matrix((len(eyeball.points), len(ict.neutral))))
        uvs += len(eyeball.uv)
    return Topology(
        np.concatenate(quads),
        np.concatenate(quad_uv),
        np.concatenate(uv),
        np.concatenate(udim),
        np.concatenate(regions),
        np.concatenate(mirror),
        sparse.vstack(weights).tocsr(),
        eyes,
        eyeball,
        centre,
        np.arange(_LEFT_EYE.start, _LEFT_EYE.stop),
    )


def _laid_out(ict: Ict, part: _Part) -> tuple[np.ndarray, np.ndarray]:
    """(T, 2) UVs in the single tile, and over UDIM tiles; ICT's own tiles become squares of the first."""
    of_quad = np.array([_GROUPS[name] for name in ict.materials[part.origin]])
    real = part.cage.quad_uv >= 0
    of_uv = np.empty(len(part.uv), object)
    of_uv[part.cage.quad_uv[real]] = np.repeat(of_quad, 4).reshape(real.shape)[real]
    one, several = np.empty_like(part.uv), np.empty_like(part.uv)
    for name in set(of_uv):
        tile, left, bottom, side = TILES[name]
        here = of_uv == name
        inner = part.uv[here] - np.floor(part.uv[here])
        one[here] = inner * side + np.array([left, bottom])
        several[here] = inner + np.array([tile - 1001, 0])
    return one, several


def _regions(ict: Ict, part: _Part) -> np.ndarray:
    """(F,) into REGIONS, from where each quad came from."""
    corners = ict.quads[part.origin]
    highest = corners.max(1)
    middle = np.where(corners[..., None] >= 0, ict.neutral[corners], np.nan)
    middle = np.nanmean(middle, axis=1)
    names = np.empty(len(corners), object)
    names[:] = "lashes_left"
    skin, mouth, teeth = highest < _SKIN_END, highest < _GUMS_END, highest < _TEETH_END
    names[teeth] = np.where(highest[teeth] < _TEETH_LOWER_BEGIN, "teeth_upper", "teeth_lower")
    opens = np.linalg.norm(ict.expressions["jawOpen"], axis=1)[corners[:, 0]] > 10
    names[mouth] = np.where(opens[mouth], "gums_lower", "gums_upper")
    names[mouth & _is_tongue(ict, part)] = "tongue"
    # below the chin in front, below the occiput behind
    low = middle[:, 1] < -82 + 0.3 * (40 - middle[:, 2])
    names[skin] = np.where(ict.materials[part.origin][skin] == "M_Face", "face", "skull")
    names[skin & low] = "neck"
    names[skin & (highest >= _HEAD_END)] = "mouth"
    names[skin & (highest >= _MOUTH_END)] = "eye_socket_left"
    names[skin & (highest >= _SOCKET_LEFT_END)] = "eye_socket_right"
    names[(highest >= _TEETH_END) & (middle[:, 0] < 0)] = "lashes_right"
    return np.array([REGIONS.index(name) for name in names])


def _is_tongue(ict: Ict, part: _Part) -> np.ndarray:
    """(F,) whether a quad is the tongue's: its UV island is narrow, moves with the jaw, and rises above its floor."""
    island = islands(part.cage.quad_uv, len(part.uv))
    points = part.weights @ ict.neutral
    opens = np.linalg.norm(part.weights @ ict.expressions["jawOpen"], axis=1)
    found = np.zeros(len(island), bool)
    for label in np.unique(island):
        corners = part.cage.quads[island == label]
        corners = np.unique(corners[corners >= 0])
        narrow = np.abs(points[corners, 0]).max() < 20.5 and points[corners, 1].max() > -40
        found[island == label] = narrow and opens[corners].min() > 10
    return found


def islands(quad_uv: np.ndarray, count: int) -> np.ndarray:
    """(F,) a number for each quad's UV island."""
    pairs = np.concatenate([quad_uv[:, [0, 1]], quad_uv[:, [1, 2]], quad_uv[quad_uv[:, 3] >= 0][:, [2, 3]]])
    graph = sparse.coo_matrix((np.ones(len(pairs)), pairs.T), (count, count))
    return connected_components(graph, directed=False)[1][quad_uv[:, 0]]


def mirrored(deltas: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Deltas (..., V, 3) of the face in a looking glass."""
    return deltas[..., mirror, :] * FLIP

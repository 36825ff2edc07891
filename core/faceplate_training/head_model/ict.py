"""ICT-FaceKit Light as arrays: what the recipe samples. MIT licence, USC Institute for Creative Technologies.

After: Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

FLIP = np.array([-1.0, 1.0, 1.0])
"""Left and right change places: x points to the subject's left, y up, z forward."""


@dataclass(frozen=True)
class Ict:
    """The ICT head in millimetres.

    `neutral`: (V, 3). `identity`: (100, V, 3), one standard deviation each. `expressions`: name -> (V, 3) at weight 1.
    `quads`, `quad_uv`: (F, 4), -1 as the fourth corner of a triangle. `uv`: (T, 2), one UDIM tile a material.
    `materials`: (F,) names. `landmarks68`: (68,) vertices. `mirror`: (V,) the vertex on the other side.
    """

    neutral: np.ndarray
    identity: np.ndarray
    expressions: dict[str, np.ndarray]
    quads: np.ndarray
    quad_uv: np.ndarray
    uv: np.ndarray
    materials: np.ndarray
    landmarks68: np.ndarray
    mirror: np.ndarray


def read_ict(path: Path) -> Ict:
    """Read the npz that holds ICT-FaceKit Light in centimetres, and pair its left with its right."""
    with np.load(path, allow_pickle=False) as held:
        neutral = held["neutral_cm"].astype(np.float64) * 10
        names = [str(name) for name in held["expression_names"]]
        deltas = held["expression_deltas_cm"].astype(np.float32) * 10
        quads = held["quads"].astype(int)
        return Ict(
            neutral=neutral,
            identity=held["identity_deltas_cm"].astype(np.float32) * 10,
            expressions=dict(zip(names, deltas, strict=True)),
            quads=quads,
            quad_uv=held["quad_uv"].astype(int),
            uv=held["uv"].astype(np.float64),
            materials=held["material_names"][held["quad_material"]].astype(str),
            landmarks68=held["landmarks68"].astype(int),
            mirror=mirror_pairs(neutral, quads),
        )


def mirror_pairs(points: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """(V,) the vertex on the other side, by walking from quad to quad from pairs that are beyond doubt.

    Where vertices lie on one another (lips, lids) the nearest mirrored point is a guess; the mesh is not.
    """
    from scipy.spatial import KDTree

    distance, nearest = (np.asarray(part) for part in KDTree(points).query(points * FLIP, k=2))
    sure = (distance[:, 0] < 0.01) & (distance[:, 1] > 0.1)
    mirror = np.where(sure, nearest[:, 0], -1)
    corner_of = {}
    for face, corners in enumerate(quads):
        corners = corners[corners >= 0]
        for k, corner in enumerate(corners):
            corner_of[corner, corners[(k + 1) % len(corners)]] = face
    waiting = list(range(len(quads)))
    seen = np.zeros(len(quads), bool)
    moved = True
    while waiting and moved:
        moved, later = False, []
        for face in waiting:
            if seen[face] or _pair_face(face, quads, corner_of, mirror):
                seen[face] = moved = True
            else:
                later.append(face)
        waiting = later
    mirror = np.where(mirror >= 0, mirror, nearest[:, 0])
    return mirror


def _pair_face(face: int, quads: np.ndarray, corner_of: dict, mirror: np.ndarray) -> bool:
    """Pair the corners of one face from an edge of it that is paired already; False where none is."""
    corners = quads[face][quads[face] >= 0]
    count = len(corners)
    for k in range(count):
        a, b = corners[k], corners[(k + 1) % count]
        if mirror[a] < 0 or mirror[b] < 0:
            continue
        # a reflection turns the order round
        other = corner_of.get((mirror[b], mirror[a]))
        if other is None:
            continue
        facing = quads[other][quads[other] >= 0]
        if len(facing) != count:
            continue
        start = int(np.flatnonzero(facing == mirror[a])[0])
        for step in range(count):
            ours, theirs = corners[(k + step) % count], facing[(start - step) % count]
            if mirror[ours] < 0:
                mirror[ours] = theirs
            if mirror[theirs] < 0:
                mirror[theirs] = ours
        return True
    return False

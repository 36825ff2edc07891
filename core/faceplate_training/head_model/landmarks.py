"""Where the 68 points and MediaPipe's 105 lie on the head.

The 68 are ICT's vertices, found again on our surface. MediaPipe's are placed by rule from its published list of
connections: those that are one of the 68 there, the others evenly along the contour between two of them. They have not
been compared with what MediaPipe's own net finds in photos.
"""

import numpy as np
from scipy.spatial import KDTree

from faceplate.reconstruct.morphable import Embedding, triangles_of
from faceplate_training.head_model.topology import REGIONS

_CHAINS = (
    # from one of the 68 to another: MediaPipe's numbers on the way, both ends included
    (36, (33, 246, 161, 160), 37), (37, (160, 159, 158), 38), (38, (158, 157, 173, 133), 39),
    (39, (133, 155, 154, 153), 40), (40, (153, 145, 144), 41), (41, (144, 163, 7, 33), 36),
    (45, (263, 466, 388, 387), 44), (44, (387, 386, 385), 43), (43, (385, 384, 398, 362), 42),
    (42, (362, 382, 381, 380), 47), (47, (380, 374, 373), 46), (46, (373, 390, 249, 263), 45),
    (48, (61, 185, 40, 39), 49), (49, (39, 37), 50), (50, (37, 0), 51), (51, (0, 267), 52), (52, (267, 269), 53),
    (53, (269, 270, 409, 291), 54), (54, (291, 375, 321, 405), 55), (55, (405, 314), 56), (56, (314, 17), 57),
    (57, (17, 84), 58), (58, (84, 181), 59), (59, (181, 91, 146, 61), 48),
    (60, (78, 191, 80, 81), 61), (61, (81, 82, 13), 62), (62, (13, 312, 311), 63), (63, (311, 310, 415, 308), 64),
    (64, (308, 324, 318, 402), 65), (65, (402, 317, 14), 66), (66, (14, 87, 178), 67), (67, (178, 88, 95, 78), 60),
    (27, (168, 6, 197), 28), (28, (197, 195), 29), (29, (195, 5, 4), 30), (31, (98, 97), 32), (32, (97, 2), 33),
    (33, (2, 326), 34), (34, (326, 327), 35),
)  # fmt: skip

_BROWS = (
    (17, (70, 63, 105, 66, 107), (46, 53, 52, 65, 55)),
    (22, (336, 296, 334, 293, 300), (285, 295, 282, 283, 276)),
)
"""First of five of the 68, MediaPipe's upper row, and its lower row."""

_BROW_HEIGHT = 6.0  # mm between the rows
_WINGS = ((129, -1), (358, 1))
"""MediaPipe's outermost points of the nostrils, and their side."""


def embed(points: np.ndarray, mean: np.ndarray, quads: np.ndarray, quad_region: np.ndarray) -> Embedding:
    """Points (N, 3) as places on the skin nearest to them."""
    skin = [REGIONS.index(name) for name in ("face", "skull", "neck")]
    triangles, owner = triangles_of(quads)
    triangles = triangles[np.isin(quad_region[owner], skin)]
    near = np.sort(KDTree(mean[triangles].mean(1)).query(points, k=40)[1], axis=1)  # ties: the first triangle
    vertices, weights = np.empty((len(points), 3), np.int32), np.empty((len(points), 3), np.float32)
    for k, point in enumerate(points):
        found = nearest_on_triangles(point, mean[triangles[near[k]]])
        best = ((found[1] - point) ** 2).sum(1).argmin()
        vertices[k], weights[k] = triangles[near[k][best]], found[0][best]
    return Embedding(vertices, weights / weights.sum(1, keepdims=True))


def nearest_on_triangles(point: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest point on each of N triangles (N, 3, 3): barycentric weights (N, 3) and places (N, 3)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, ac, ap = b - a, c - a, point - a
    d00, d01, d11 = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
    d20, d21 = (ap * ab).sum(1), (ap * ac).sum(1)
    scale = np.maximum(d00 * d11 - d01 * d01, 1e-12)
    v, w = (d11 * d20 - d01 * d21) / scale, (d00 * d21 - d01 * d20) / scale
    candidates = [np.stack([1 - v - w, v, w], 1)]
    for first, second in ((0, 1), (1, 2), (2, 0)):
        start, edge = corners[:, first], corners[:, second] - corners[:, first]
        share = np.clip(((point - start) * edge).sum(1) / np.maximum((edge**2).sum(1), 1e-12), 0, 1)
        weights = np.zeros((len(corners), 3))
        weights[:, first], weights[:, second] = 1 - share, share
        candidates.append(weights)
    inside = candidates[0].min(1) >= 0
    stacked = np.stack(candidates)
    places = np.einsum("knc,ncx->knx", stacked, corners)
    distance = ((places - point) ** 2).sum(-1)
    distance[0, ~inside] = np.inf
    best = distance.argmin(0), np.arange(len(corners))
    return stacked[best], places[best]


def mediapipe_places(points68: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """MediaPipe's numbers (105,), rising, and their places (105, 3) near the surface, from the 68 (68, 3)."""
    found: dict[int, np.ndarray] = {}
    for start, chain, end in _CHAINS:
        for step, number in enumerate(chain):
            share = step / (len(chain) - 1)
            found[number] = points68[start] * (1 - share) + points68[end] * share
    for first, upper, lower in _BROWS:
        for k in range(5):
            found[upper[k]] = points68[first + k]
            found[lower[k]] = points68[first + k] - (0, _BROW_HEIGHT, 0)
    for number, side in _WINGS:
        corner = points68[35 if side > 0 else 31]
        found[number] = corner + np.array([side * 4.5, 4.0, -2.0])
    numbers = np.array(sorted(found))
    return numbers, np.stack([found[number] for number in numbers])

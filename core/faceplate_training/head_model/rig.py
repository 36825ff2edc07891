"""Joints, what they carry, and soft selections, for the head of `topology`."""

import numpy as np
from scipy import sparse

from faceplate_training.head_model.expressions import JAW_PIVOT, Face
from faceplate_training.head_model.simplify import quad_edges
from faceplate_training.head_model.topology import REGIONS

JOINTS = ("root", "neck", "head", "jaw", "eye_left", "eye_right")
PARENTS = (-1, 0, 1, 2, 2, 2)

_NECK, _HEAD, _ROOT = (0.0, -105.0, -5.0), (0.0, -32.0, 8.0), (0.0, -150.0, -10.0)

MASKS = ("face", "skin", "rigid", "brows", "eyes", "nose", "lips", "chin", "ears")


def skin_weights(face: Face) -> np.ndarray:
    """(V, J) how far each vertex follows each joint; rows sum to 1."""
    points = face.mean
    height = points[:, 1] - 0.3 * (40 - points[:, 2])
    turns = _smooth(height, -160, -125)
    head = _smooth(height, -125, -80)
    inside = np.isin(
        np.arange(len(points)), _vertices(face, lambda name: name not in ("face", "skull", "neck"))
    )
    turns, head = np.where(inside, 1, turns), np.where(inside, 1, head)
    jaw = _blurred(face, face.jaw)
    weights = np.stack(
        [1 - turns, turns * (1 - head), turns * head * (1 - jaw), turns * head * jaw, 0 * jaw, 0 * jaw], 1
    )
    for joint, eye in zip((4, 5), face.mesh.eyes, strict=True):
        weights[eye] = np.eye(len(JOINTS))[joint]
    weights = (weights + weights[face.mesh.mirror][:, [0, 1, 2, 3, 5, 4]]) / 2
    return weights / weights.sum(1, keepdims=True)


def joint_regressor(face: Face) -> np.ndarray:
    """(J, V) each joint as a weighted mean of vertices near it, so that joints follow identity."""
    points, mesh = face.mean, face.mesh
    side = np.abs(points[:, 0])
    skin = np.zeros(len(points), bool)
    skin[_vertices(face, lambda name: name in ("face", "skull", "neck"))] = True
    ear = skin & (side > 55) & (np.abs(points[:, 1] + 5) < 22) & (np.abs(points[:, 2] - 18) < 25)
    picks = {
        0: (skin & (points[:, 1] < -140), _ROOT),
        1: (skin & (np.abs(points[:, 1] + 105) < 18) & (points[:, 2] < 60), _NECK),
        2: (skin & (np.abs(points[:, 1] + 32) < 15) & (points[:, 2] < 40), _HEAD),
        3: (ear, JAW_PIVOT),
    }
    regressor = np.zeros((len(JOINTS), len(points)))
    for joint, (chosen, place) in picks.items():
        regressor[joint, chosen] = _mean_at(points[chosen], np.asarray(place))
    for joint, eye, turn in zip((4, 5), mesh.eyes, (1, -1), strict=True):
        regressor[joint, eye] = _mean_at(points[eye], mesh.eye_centre * (turn, 1, 1))
    swapped = regressor[[0, 1, 2, 3, 5, 4]][:, mesh.mirror]
    return (regressor + swapped) / 2


def _mean_at(points: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(N,) the most even weights, sum 1, whose mean of the points lies at a place."""
    system = np.column_stack([points, np.ones(len(points))]).T
    even = np.full(len(points), 1 / len(points))
    wanted = np.append(place, 1.0) - system @ even
    return even + np.linalg.lstsq(system, wanted, rcond=None)[0]


def masks(face: Face, landmarks: np.ndarray) -> np.ndarray:
    """(M, V) 0-1, soft selections; `landmarks` (68, 3) on the mean."""
    points, mesh = face.mean, face.mesh
    skin = np.zeros(len(points))
    skin[_vertices(face, lambda name: name in ("face", "skull", "neck"))] = 1
    front = np.zeros(len(points))
    front[_vertices(face, lambda name: name == "face")] = 1

    def about(chosen: slice, reach: float) -> np.ndarray:
        nearest = np.linalg.norm(points[:, None] - landmarks[chosen][None], axis=2).min(1)
        return front * (1 - _smooth(nearest, reach / 2, reach))

    ears = (
        skin * _smooth(np.abs(points[:, 0]), 66, 72) * (np.abs(points[:, 1] - 5) < 45) * (points[:, 2] < 32)
    )
    face_front = front * _smooth(points[:, 2], 25, 50)
    moving = np.maximum(_smooth(face.jaw, 0.02, 0.2), about(slice(36, 68), 18))
    rigid = face_front * (1 - moving) * _smooth(points[:, 1], -10, 10)
    found = {
        "face": face_front,
        "skin": skin,
        "rigid": rigid,
        "brows": about(slice(17, 27), 12),
        "eyes": about(slice(36, 48), 10),
        "nose": about(slice(27, 36), 16),
        "lips": about(slice(48, 68), 9),
        "chin": about(slice(6, 11), 18),
        "ears": ears,
    }
    stacked = np.stack([found[name] for name in MASKS])
    return (stacked + stacked[:, mesh.mirror]) / 2


def _vertices(face: Face, wanted) -> np.ndarray:
    """The vertices of all regions whose name is wanted."""
    chosen = [place for place, name in enumerate(REGIONS) if wanted(name)]
    quads = face.mesh.quads[np.isin(face.mesh.quad_region, chosen)]
    return np.unique(quads[quads >= 0])


def _blurred(face: Face, values: np.ndarray) -> np.ndarray:
    """Values averaged with those of their neighbours a few times, inside each part of the mesh."""
    edges, _ = quad_edges(face.mesh.quads)
    both = np.concatenate([edges, edges[:, ::-1]])
    count = len(values)
    around = sparse.coo_matrix((np.ones(len(both)), both.T), (count, count)).tocsr()
    degree = np.asarray(around.sum(1)).ravel()
    for _ in range(3):
        values = values / 2 + (around @ values) / degree / 2
    return values


def _smooth(values: np.ndarray, low: float, high: float) -> np.ndarray:
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)

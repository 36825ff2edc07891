"""A small head with known answers: an egg of 386 vertices that can be wider, longer, open its jaw and smile."""

import numpy as np

from faceplate.reconstruct.albedo import Albedo
from faceplate.reconstruct.morphable import Embedding, HeadModel

RINGS, SEGMENTS = 16, 24
NAMES = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "visemeAA", "jawOpenHalf")
ROLES = ("arkit", "arkit", "arkit", "viseme", "corrective")


def make_head() -> HeadModel:
    """The egg: 100 mm in radius, symmetric, with 68 points on its front, six joints that it has in common with ours."""
    mean, mirror = _egg()
    x, y, z = (mean / 100).T
    zero = np.zeros_like(x)
    identity = np.stack(
        [
            np.stack([x * 6, zero, zero], 1),
            np.stack([zero, y * 5, zero], 1),
            np.stack([zero, zero, 4 * z * y], 1),
            np.stack([zero, zero, 5 * z * x * x], 1),
            np.stack([3 * y * y, zero, zero], 1),  # lopsided: its mirror image is its negative
        ]
    )
    low, left = np.clip(-y, 0, 1) * np.clip(z, 0, 1), np.clip(x, 0, 1)
    jaw = np.stack([zero, -20 * low, -5 * low], 1)
    smile = np.stack([8 * left, 6 * left, zero], 1) * low[:, None]
    other = smile[mirror] * (-1, 1, 1)
    expressions = np.stack([jaw, smile, other, 0.5 * jaw, np.stack([zero, zero, 2 * low], 1)])
    front = np.flatnonzero(mean[:, 2] > 30)
    points = front[np.linspace(0, len(front) - 1, 68).astype(int)]
    quads = _quads()
    joints = np.zeros((6, len(mean)))
    joints[:3] = 1 / len(mean)
    joints[3, [RINGS // 2 * SEGMENTS, RINGS // 2 * SEGMENTS + SEGMENTS // 2]] = 0.5
    joints[4, points[10]] = joints[5, mirror[points[10]]] = 1
    skin = np.zeros((len(mean), 6))
    skin[:, 3] = low
    skin[:, 2] = 1 - low
    return HeadModel(
        id="egg@1.0.0",
        licence="Apache-2.0",
        credit="nobody",
        mean=mean.astype(np.float32),
        identity=identity.astype(np.float16).astype(np.float32),
        expressions=expressions.astype(np.float16).astype(np.float32),
        expression_names=NAMES,
        expression_roles=ROLES,
        drivers=np.array([[-1, -1]] * 4 + [[0, 0]], np.int32),
        quads=quads,
        uv=(mean[:, :2] / 220 + 0.5).astype(np.float32),
        udim=(mean[:, :2] / 220 + 0.5).astype(np.float32),
        quad_uv=quads,
        region_names=("face", "skull"),
        quad_region=(mean[quads[:, 0], 2] < 0).astype(np.int32),
        mask_names=("face",),
        masks=(mean[None, :, 2] > 0).astype(np.float32),
        mirror=mirror.astype(np.int32),
        landmarks={
            "68": Embedding(
                np.repeat(points[:, None], 3, 1).astype(np.int32),
                np.tile(np.array([0.5, 0.25, 0.25], np.float32), (68, 1)),
            )
        },
        joint_names=("root", "neck", "head", "jaw", "eye_left", "eye_right"),
        joint_parents=np.array([-1, 0, 1, 2, 2, 2], np.int32),
        joint_regressor=joints.astype(np.float32),
        skin=skin.astype(np.float16).astype(np.float32),
    )


def _egg() -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) rings from top to bottom and two poles, and the vertex on the other side of each."""
    down = np.linspace(0, np.pi, RINGS + 2)[1:-1]
    turn = np.arange(SEGMENTS) * 2 * np.pi / SEGMENTS
    rings = np.stack(
        [
            np.sin(down)[:, None] * np.cos(turn),
            np.broadcast_to(np.cos(down)[:, None], (RINGS, SEGMENTS)),
            np.sin(down)[:, None] * np.sin(turn),
        ],
        -1,
    ).reshape(-1, 3)
    points = np.concatenate([rings, [[0, 1, 0], [0, -1, 0]]]) * (85, 115, 100)
    ring, segment = np.divmod(np.arange(RINGS * SEGMENTS), SEGMENTS)
    mirror = np.append(
        ring * SEGMENTS + (SEGMENTS // 2 - segment) % SEGMENTS, [len(points) - 2, len(points) - 1]
    )
    points = (points + points[mirror] * (-1, 1, 1)) / 2  # cosines are not quite symmetric
    return points, mirror


def _quads() -> np.ndarray:
    """(F, 4) facing outwards; triangles about the poles."""
    faces = []
    top, bottom = RINGS * SEGMENTS, RINGS * SEGMENTS + 1
    for k in range(SEGMENTS):
        n = (k + 1) % SEGMENTS
        faces.append((top, n, k, -1))
        faces += [
            (r * SEGMENTS + k, r * SEGMENTS + n, (r + 1) * SEGMENTS + n, (r + 1) * SEGMENTS + k)
            for r in range(RINGS - 1)
        ]
        last = (RINGS - 1) * SEGMENTS
        faces.append((bottom, last + k, last + n, -1))
    return np.array(faces, np.int32)


def make_albedo(head: HeadModel) -> Albedo:
    """A pattern for the egg: bands of darker skin, and two ways in which people differ, one of them lopsided."""
    x, y, z = (head.mean / 100).T
    mean = np.stack(
        [1 + 0.3 * np.cos(4 * x), 1 + 0.3 * np.cos(5 * y), 1 + 0.2 * np.cos(3 * x + 2 * y * y)], 1
    )
    mean = (mean + mean[head.mirror]) / 2
    basis = np.stack([np.stack([0.1 * y, 0.05 * y, 0 * y], 1), np.stack([0 * x, 0.05 * x, 0.1 * x], 1)])
    basis[0] = (basis[0] + basis[0][head.mirror]) / 2
    basis[1] = (basis[1] - basis[1][head.mirror]) / 2
    return Albedo(
        "egg-albedo@1.0.0",
        "Apache-2.0",
        "nobody",
        mean.astype(np.float32),
        basis.astype(np.float32),
        np.full(len(x), 0.02, np.float32),
        z > -0.5,
    )

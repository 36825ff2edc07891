"""Who somebody is: principal components of the ICT head's people, on our mesh, still under rigid motion and symmetric.

ICT's coefficients are independent and of unit variance, so the covariance of its people is known without drawing any:
it is the sum of its modes' outer products. What is kept is what a very large sample of it would give.
"""

import numpy as np

from faceplate_training.head_model.topology import mirrored

COMPONENTS = 99


def identity_basis(
    deltas: np.ndarray, mean: np.ndarray, importance: np.ndarray, mirror: np.ndarray
) -> np.ndarray:
    """The components, strongest first.

    Args:
        deltas: (100, V, 3) mm, ICT's modes on our mesh, one standard deviation each.
        mean: (V, 3) mm. mirror: (V,).
        importance: (V,) how much an error there counts; sums to 1.

    Returns:
        (COMPONENTS, V, 3) mm for one standard deviation. Each looks in a mirror like itself or like its negative, so
        that the mirror image of any head is a head of the model, and none of them moves or turns the head as a whole.
    """
    flat = _without_rigid(deltas, mean, importance)
    twins = mirrored(flat, mirror)
    components, variances = [], []
    for half in ((flat + twins) / 2, (flat - twins) / 2):
        gram = np.einsum("avx,bvx,v->ab", half, half, importance, optimize=True)
        strength, turn = np.linalg.eigh(gram)
        components.append(np.tensordot(turn.T, half, 1))
        variances.append(strength)
    order = np.argsort(-np.concatenate(variances), kind="stable")[:COMPONENTS]
    chosen = np.concatenate(components)[order]
    # a sign of its own choosing would change from machine to machine
    largest = np.abs(chosen).reshape(len(chosen), -1).argmax(1)
    signs = np.sign(chosen.reshape(len(chosen), -1)[np.arange(len(chosen)), largest])
    return chosen * signs[:, None, None]


def _without_rigid(deltas: np.ndarray, mean: np.ndarray, importance: np.ndarray) -> np.ndarray:
    """Take small moves and turns of the whole head out of every mode; the head's pose says those."""
    rigid = np.zeros((6, *mean.shape))
    for axis in range(3):
        rigid[axis, :, axis] = 1
        rigid[3 + axis] = np.cross(np.eye(3)[axis], mean - importance @ mean)
    gram = np.einsum("avx,bvx,v->ab", rigid, rigid, importance)
    share = np.linalg.solve(gram, np.einsum("avx,bvx,v->ab", rigid, deltas, importance, optimize=True))
    return deltas - np.tensordot(share.T, rigid, 1)


def importance_of(mean: np.ndarray, quads: np.ndarray, quad_weight: np.ndarray) -> np.ndarray:
    """(V,) each vertex's share of the surface, quads weighted by (F,); sums to 1."""
    from faceplate_training.head_model.simplify import normals

    area = np.linalg.norm(normals(mean, quads), axis=1) * quad_weight
    share = np.zeros(len(mean))
    for k in range(4):
        real = quads[:, k] >= 0
        np.add.at(share, quads[real, k], area[real])
    return share / share.sum()

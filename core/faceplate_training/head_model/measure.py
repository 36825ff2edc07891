"""How well faceplate-head says what ICT-FaceKit says: the numbers of the model's card.

    python -m faceplate_training.head_model.measure --ict ../shared/data/ict_facekit_light.npz --head FILE

Identities are drawn anew (coefficients normal, unit variance, a seed of their own). Their ICT surface is compared with
the model's best head for them in two ways: at corresponding vertices (what 99 components and float16 lose), and from
every vertex of ICT's skin to the nearest point of our surface (what the coarser mesh loses as well). No ICP: the fit
is linear, and the rigid part that the identity basis leaves out is solved together with it.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.morphable import HeadModel, triangles_of
from faceplate_training.head_model import names
from faceplate_training.head_model.ict import FLIP, Ict, read_ict
from faceplate_training.head_model.landmarks import nearest_on_triangles
from faceplate_training.head_model.topology import REGIONS, Topology, islands, make_topology

SEED = 2026
PEOPLE = 20


def symmetry_error(head: HeadModel) -> float:
    """mm, the largest difference between the model and its mirror image, over mean, identity and expressions."""
    worst = float(np.abs(head.mean[head.mirror] * FLIP - head.mean).max())
    for component in head.identity:
        twin = component[head.mirror] * FLIP
        worst = max(worst, min(float(np.abs(twin - component).max()), float(np.abs(twin + component).max())))
    for place, name in enumerate(head.expression_names):
        twin = head.expressions[head.expression_names.index(names.other_side(name))][head.mirror] * FLIP
        worst = max(worst, float(np.abs(twin - head.expressions[place]).max()))
    return worst


def best_head(head: HeadModel, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(V, 3) the model's head nearest to a target (V, 3), vertices weighted, small moves and turns of it included."""
    rigid = [np.broadcast_to(axis, head.mean.shape) for axis in np.eye(3)]
    rigid += [np.cross(axis, head.mean) for axis in np.eye(3)]
    basis = np.concatenate([head.identity, np.stack(rigid)]).astype(np.float64)
    root = np.sqrt(weight)[:, None]
    system = (basis * root).reshape(len(basis), -1)
    wanted = ((target - head.mean) * root).ravel()
    solved = np.linalg.solve(system @ system.T + 1e-9 * np.eye(len(basis)), system @ wanted)
    return head.mean + np.tensordot(solved, basis, 1)


def surface_distance(points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(N,) mm from points to the nearest of the triangles."""
    corners = vertices[triangles]
    near = np.asarray(KDTree(corners.mean(1)).query(points, k=16)[1])
    found = [nearest_on_triangles(point, corners[n])[1] for point, n in zip(points, near, strict=True)]
    return np.array([np.sqrt(((f - p) ** 2).sum(1).min()) for f, p in zip(found, points, strict=True)])


def overlap(head: HeadModel, side: int = 2048) -> float:
    """The share of covered texels (centres) that two triangles claim."""
    split, _ = triangles_of(head.quad_uv)
    corners = head.uv[split].astype(np.float64) * side
    claimed = np.zeros((side, side), np.int16)
    for a, b, c in corners:
        low = np.floor(np.minimum(np.minimum(a, b), c)).astype(int).clip(0)
        high = np.ceil(np.maximum(np.maximum(a, b), c)).astype(int).clip(None, side)
        x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
        sides = [(q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]) for p, q in ((a, b), (b, c), (c, a))]
        inside = np.logical_or(
            np.logical_and.reduce([s > 1e-6 for s in sides]),
            np.logical_and.reduce([s < -1e-6 for s in sides]),
        )
        claimed[low[1] : high[1], low[0] : high[0]] += inside
    return float((claimed > 1).sum() / (claimed > 0).sum())


def percentiles(values: np.ndarray) -> str:
    return f"mean {values.mean():.3f}, 95 % {np.percentile(values, 95):.3f}, worst {values.max():.3f} mm"


def report(ict: Ict, mesh: Topology, head: HeadModel) -> None:
    skin = np.isin(mesh.quad_region, [REGIONS.index(name) for name in ("face", "skull", "neck")])
    used = np.unique(mesh.quads[skin])
    weight = np.full(len(head.mean), 1e-3)
    weight[used] = 1
    face = head.mask("face") > 0.5
    triangles = triangles_of(mesh.quads[skin])[0]
    ict_face = np.flatnonzero((ict.neutral[:9409, 2] > 40) & (ict.neutral[:9409, 1] > -80))[::4]
    rng = np.random.default_rng(SEED)
    at_vertices, to_surface, spread = [], [], []
    for _ in range(PEOPLE):
        coefficients = rng.normal(size=len(ict.identity))
        shape = np.tensordot(coefficients, ict.identity, 1)
        target = mesh.mean(ict) + mesh.carry(shape, ict, head.mean)
        made = best_head(head, target, weight)
        at_vertices.append(np.linalg.norm(made - target, axis=1)[face])
        spread.append(np.linalg.norm(target - head.mean, axis=1)[face])
        to_surface.append(surface_distance((ict.neutral + shape)[ict_face], made, triangles))
    print(f"{PEOPLE} identities, face: spread about the mean {percentiles(np.concatenate(spread))}")
    print(f"  at vertices {percentiles(np.concatenate(at_vertices))}")
    print(f"  ICT's vertices to our surface {percentiles(np.concatenate(to_surface))}")
    errors, surfaces = [], []
    for name in (*names.ARKIT, *names.EXTRA):
        parts = names.WHOLE.get(name, (names.ict_name(name),))
        if name == "tongueOut" or name.startswith(("pupil", "eyeBlink")):
            continue  # of our own making, or changed on purpose
        delta = np.sum([ict.expressions[part] for part in parts], axis=0)
        made = head.mean + head.expressions[head.expression_names.index(name)]
        errors.append(np.linalg.norm(made - mesh.mean(ict) - mesh.carry(delta, ict, head.mean), axis=1)[face])
        surfaces.append(surface_distance((ict.neutral + delta)[ict_face[::4]], made, triangles))
    print(f"{len(errors)} expressions at weight 1, face: at vertices {percentiles(np.concatenate(errors))}")
    print(f"  ICT's vertices to our surface {percentiles(np.concatenate(surfaces))}")
    lost = np.linalg.norm(head.landmarks["68"].on(head.mean) - ict.neutral[ict.landmarks68], axis=1)
    print(f"68 points against ICT's: {percentiles(lost)}")
    print(f"symmetry: {symmetry_error(head):.2g} mm at worst")
    count = len(np.unique(islands(head.quad_uv, len(head.uv))))
    print(f"UV: {count} islands, {100 * overlap(head):.4f} % of texels at 2048 claimed twice")
    print(
        f"{len(head.mean)} vertices, {len(head.quads)} faces, {(head.quads[:, 3] < 0).sum()} of them triangles"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--ict", type=Path, required=True, help="ICT-FaceKit Light as one npz, in centimetres"
    )
    parser.add_argument("--head", type=Path, required=True, help="the model to measure")
    asked = parser.parse_args()
    ict = read_ict(asked.ict)
    report(ict, make_topology(ict), read_head(asked.head))


if __name__ == "__main__":
    main()

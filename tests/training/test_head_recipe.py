"""The head's recipe: loops close without spoiling a mesh, eyeballs are whole, components are symmetric."""

import numpy as np
import pytest

from faceplate_training.head_model import names
from faceplate_training.head_model.eyes import make_eyeball
from faceplate_training.head_model.ict import FLIP, mirror_pairs
from faceplate_training.head_model.identity import identity_basis
from faceplate_training.head_model.landmarks import mediapipe_places, nearest_on_triangles
from faceplate_training.head_model.simplify import begin, normals, quad_edges, simplify
from faceplate_training.head_model.topology import islands, mirrored


def make_dome(rows: int = 9, columns: int = 16) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(V, 3) a dome over a grid that is symmetric in x, its quads facing up, and its UVs: the grid itself."""
    x, y = np.meshgrid(np.linspace(-40, 40, columns + 1), np.linspace(0, 45, rows + 1))
    points = np.stack([x, y, 30 - (x**2 + (y - 20) ** 2) / 80], -1).reshape(-1, 3)
    corner = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    quads = np.stack([corner, corner + 1, corner + columns + 2, corner + columns + 1], 1)
    return points, quads, points[:, :2] / 100 + 0.5


@pytest.fixture(scope="module")
def dome():
    points, quads, uv = make_dome()
    kept = np.zeros(len(points), bool)
    kept[[20, 30]] = True
    mirror = mirror_pairs(points, quads)
    cage = begin(quads, quads, mirror, len(uv), kept)
    smaller = simplify(cage, points, uv, lambda at: np.full(len(at), 8.0), vertices=90)
    return points, quads, uv, smaller


def test_mirror_pairs_are_found_by_the_mesh_where_vertices_coincide():
    points, quads, _ = make_dome()
    points[5] = points[6] + 1e-7  # two vertices in one place, as on lips and lids
    points[11] = points[10] - 1e-7
    mirror = mirror_pairs(points, quads)
    columns = 17
    row, column = np.divmod(np.arange(len(points)), columns)
    np.testing.assert_array_equal(mirror, row * columns + columns - 1 - column)


def test_closing_loops_leaves_quads_and_fewer_vertices(dome):
    points, quads, _, cage = dome
    assert len(cage.mirror) <= 90 < len(points)
    assert (cage.quads >= 0).all() and len(cage.quads) < len(quads)
    edges, of_quad = quad_edges(cage.quads)
    assert np.bincount(of_quad.ravel()).max() == 2
    assert len(cage.mirror) - len(edges) + len(cage.quads) == 1  # Euler: still one sheet without a hole
    turned = normals(cage.vertices_from @ points, cage.quads)
    assert turned[:, 2].min() > 0


def test_closing_loops_keeps_symmetry_kept_vertices_and_the_rim(dome):
    points, _, _, cage = dome
    small = cage.vertices_from @ points
    np.testing.assert_allclose(small[cage.mirror] * FLIP, small, atol=1e-9)
    np.testing.assert_allclose(cage.vertices_from.sum(1), 1)
    assert cage.kept.sum() == 2
    for place in np.flatnonzero(cage.kept):
        assert np.linalg.norm(points[[20, 30]] - small[place], axis=1).min() < 1e-5
    np.testing.assert_allclose([small.min(0)[:2], small.max(0)[:2]], [[-40, 0], [40, 45]], atol=0.05)


def test_uvs_close_with_their_vertices_and_do_not_turn_over(dome):
    points, _, uv, cage = dome
    small_uv = (cage.uv_from @ uv)[cage.quad_uv]
    np.testing.assert_allclose(
        small_uv, (cage.vertices_from @ points)[cage.quads][..., :2] / 100 + 0.5, atol=1e-6
    )
    into = small_uv - np.roll(small_uv, 1, axis=1)
    out = np.roll(small_uv, -1, axis=1) - small_uv
    assert (into[..., 0] * out[..., 1] - into[..., 1] * out[..., 0]).min() > 0
    assert len(np.unique(islands(cage.quad_uv, len(uv)))) == 1


def test_an_eyeball_is_closed_faces_outwards_and_keeps_to_its_outline():
    outline = np.interp(np.arange(181), (0, 25, 40, 180), (13, 12.5, 12, 12))
    eye = make_eyeball(outline)
    shell = np.isin(eye.regions, ("cornea", "sclera"))
    edges, of_quad = quad_edges(eye.quads[shell])
    assert (np.bincount(of_quad.ravel()) == 2).all()
    used = np.unique(eye.quads[shell])
    assert len(used) - len(edges) + shell.sum() == 2  # a sphere
    middle = eye.points[eye.quads].mean(1)
    facing = normals(eye.points, eye.quads)
    assert ((facing * middle).sum(1)[shell] > 0).all()
    assert (facing[~shell][:, 2] > 0).all()  # iris and pupil look out
    distance = np.linalg.norm(eye.points[used], axis=1)
    angle = np.degrees(np.arccos(eye.points[used, 2] / distance))
    np.testing.assert_allclose(distance, np.interp(angle, np.arange(181), outline), atol=1e-6)
    behind = np.setdiff1d(eye.quads[~shell], used)
    assert np.linalg.norm(eye.points[behind], axis=1).max() < 12.3  # the iris lies within the shell
    corners = eye.uv[eye.quad_uv]
    assert corners.min() > 0 and corners.max() < 1
    assert len(np.unique(islands(eye.quad_uv, len(eye.uv)))) == 3


def test_components_are_symmetric_orthogonal_and_without_rigid_motion():
    random = np.random.default_rng(4)
    points, quads, _ = make_dome()
    mirror = mirror_pairs(points, quads)
    importance = np.full(len(points), 1 / len(points))
    modes = random.normal(size=(100, *points.shape)) * np.linspace(3, 0.1, 100)[:, None, None]
    modes[0] += (5, 0, 0)  # a mode that moves the head, which is the pose's to say
    even = (
        np.concatenate([modes[:50] + mirrored(modes[:50], mirror), modes[50:] - mirrored(modes[50:], mirror)])
        / 2
    )
    basis = identity_basis(even, points, importance, mirror)
    twins = mirrored(basis, mirror)
    parity = np.minimum(np.abs(twins - basis).max((1, 2)), np.abs(twins + basis).max((1, 2)))
    assert len(basis) == 99 and parity.max() < 1e-8
    gram = np.einsum("avx,bvx,v->ab", basis, basis, importance)
    off = gram - np.diag(np.diag(gram))
    assert np.abs(off).max() < 1e-8 and np.diff(np.diag(gram)).max() <= 1e-9
    np.testing.assert_allclose(np.einsum("avx,v->ax", basis, importance), 0, atol=1e-8)
    turned = np.cross(points - points.mean(0), basis)
    np.testing.assert_allclose(np.einsum("avx,v->ax", turned, importance), 0, atol=1e-6)


def test_the_nearest_point_of_a_triangle_is_nearer_than_any_sample():
    random = np.random.default_rng(1)
    corners = random.normal(size=(200, 3, 3))
    weights, places = nearest_on_triangles(np.zeros(3), corners)
    np.testing.assert_allclose(np.einsum("nc,ncx->nx", weights, corners), places, atol=1e-12)
    assert weights.min() >= -1e-12
    np.testing.assert_allclose(weights.sum(1), 1)
    tried = np.einsum("sc,ncx->nsx", random.dirichlet(np.ones(3), 400), corners)
    assert (np.linalg.norm(places, axis=1) <= np.linalg.norm(tried, axis=2).min(1) + 1e-12).all()


def test_names_are_79_and_each_has_its_other_side():
    assert len(names.ARKIT) == 52 and len(names.ALL) == len(set(names.ALL)) == 79
    assert names.ALL[:52] == names.ARKIT and tuple(sorted(names.ARKIT, key=str.lower)) == names.ARKIT
    for name in names.ALL:
        assert names.other_side(names.other_side(name)) == name and names.other_side(name) in names.ALL
    mixed = {part for mix in names.VISEMES.values() for part in mix}
    assert mixed <= set(names.ARKIT)
    for mix in names.VISEMES.values():  # speech is symmetric
        assert all(mix.get(names.other_side(part)) == weight for part, weight in mix.items())


def test_mediapipe_has_105_places_that_mirror_when_the_68_do():
    left = np.random.default_rng(3).uniform(1, 60, (68, 3))
    order = np.array([*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1), 45, 44, 43, 42, 47,
                      46, 39, 38, 37, 36, 41, 40, *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1),
                      67, 66, 65])  # fmt: skip
    points = (left + left[order] * FLIP) / 2
    numbers, places = mediapipe_places(points)
    assert len(numbers) == 105 and (np.diff(numbers) > 0).all() and numbers.max() < 468
    flipped = places * FLIP
    distance = np.linalg.norm(flipped[:, None] - places[None], axis=2)
    assert distance.min(1).max() < 1e-9


def test_mediapipe_numbers_are_the_105_that_others_embed(shared):
    with np.load(shared / "flame_topology" / "flame_topology.npz") as held:
        wanted = np.sort(held["mediapipe_landmark_indices"])
    np.testing.assert_array_equal(mediapipe_places(np.zeros((68, 3)))[0], wanted)

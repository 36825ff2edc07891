"""Nearest spots on a mesh: as near as any, facing the right way, with the right label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.reconstruct.closest import Surface, along_edges, nearest_in_triangle
from tests.support.heads import make_head

HEAD = make_head()
EGG = Surface(HEAD.mean, HEAD.triangles)


@given(seed=st.integers(0, 10_000))
def test_no_spot_of_a_triangle_is_nearer(seed):
    random = np.random.default_rng(seed)
    point, corners = random.normal(size=3) * 2, random.normal(size=(3, 3))
    weights = nearest_in_triangle(point, corners)
    assert weights.min() >= -1e-6 and weights.sum() == pytest.approx(1, abs=1e-5)
    others = random.dirichlet(np.ones(3), 500)
    nearest = np.linalg.norm(weights @ corners - point)
    assert nearest <= np.linalg.norm(others @ corners - point, axis=1).min() + 1e-5


def test_points_pushed_off_the_surface_come_back():
    random = np.random.default_rng(0)
    chosen = random.integers(0, len(HEAD.triangles), 200)
    weights = random.dirichlet(np.ones(3), 200)
    on = np.einsum("nc,ncx->nx", weights, HEAD.mean[HEAD.triangles[chosen]])
    spots = EGG.nearest(on + EGG.normals[chosen] * 2, facing=EGG.normals[chosen])
    found = np.einsum("nc,ncx->nx", spots.weights, HEAD.mean[spots.vertices])
    # the egg bends: between two triangles the nearest spot may lie across an edge
    assert np.abs(spots.distance - 2).max() < 0.3 and np.linalg.norm(found - on, axis=1).max() < 1.5


def test_a_surface_that_faces_away_is_not_met():
    inside = HEAD.mean * 0.98
    front = EGG.nearest(inside, facing=HEAD.mean / np.linalg.norm(HEAD.mean, axis=1, keepdims=True))
    back = EGG.nearest(inside, facing=-HEAD.mean / np.linalg.norm(HEAD.mean, axis=1, keepdims=True))
    assert front.met.all() and front.distance.max() < 5
    assert (~back.met | (back.distance > 20)).all()


def test_labels_keep_to_their_own():
    labels = np.where(HEAD.mean[:, 1] > 0, 1, -1).astype(np.int8)
    surface = Surface(HEAD.mean, HEAD.triangles, labels)
    near_middle = HEAD.mean[np.abs(HEAD.mean[:, 1]) < 20]
    for label in (1, -1):
        spots = surface.nearest(near_middle, labels=np.full(len(near_middle), label, np.int8))
        assert (labels[spots.vertices[spots.met]] == label).all() and spots.met.any()
    free = surface.nearest(near_middle, labels=np.zeros(len(near_middle), np.int8))
    assert free.distance.max() < 1e-3


def test_ways_along_a_grid_are_as_long_as_they_are():
    side = 6
    y, x = np.mgrid[:side, :side].reshape(2, -1)
    points = np.column_stack([x, y, np.zeros(side * side)]).astype(float)
    corner = np.array([[k, k + 1, k + side] for k in range(side * (side - 1)) if k % side < side - 1])
    other = np.array([[k + 1, k + side + 1, k + side] for k in corner[:, 0]])
    far = along_edges(points, np.concatenate([corner, other]), 0, 100.0)
    assert far[0] == 0 and far[side - 1] == side - 1
    assert far[-1] == pytest.approx(2 * (side - 1))  # diagonals of this grid lead the other way
    assert np.isinf(along_edges(points, corner, 0, 2.5)[-1])

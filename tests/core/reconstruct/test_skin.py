"""Spots of skin: even, in pairs, normals as the mesh has them, and how those turn."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.skin import skin_of, smoothed
from tests.support.heads import make_albedo, make_head

HEAD = make_head()
ALBEDO = make_albedo(HEAD)
SKIN = skin_of(HEAD, ALBEDO)
BASIS = np.concatenate([HEAD.identity, HEAD.expressions])

coefficients = st.lists(st.floats(-1, 1), min_size=len(BASIS), max_size=len(BASIS))


@pytest.mark.parametrize("apart", [3.0, 30.0, 60.0])
def test_spots_stand_apart_and_come_in_pairs(apart):
    skin = skin_of(HEAD, ALBEDO, apart=apart)
    assert len(skin.spots) > 3 and ALBEDO.known[skin.spots].all()
    assert set(HEAD.mirror[skin.spots]) == set(skin.spots)
    left, right = (skin.spots[skin.pairs[:, side]] for side in (0, 1))
    np.testing.assert_array_equal(np.sort(HEAD.mirror[left]), np.sort(right))
    assert set(skin.pairs.ravel()) == set(range(len(skin.spots)))
    side = HEAD.mean[skin.spots][HEAD.mean[skin.spots][:, 0] >= -1e-3]
    away = np.linalg.norm(side[:, None] - side[None], axis=2) + 1e9 * np.eye(len(side))
    assert away.min() >= apart - 1e-3


def test_fewer_spots_stand_for_the_same_skin():
    many, few = (skin_of(HEAD, ALBEDO, apart=apart).area for apart in (3.0, 50.0))
    assert len(few) < 0.7 * len(many) and few.sum() == pytest.approx(many.sum(), rel=1e-6)
    front = (
        0.5
        * 4
        * np.pi
        * ((100 * 115) ** 1.6 + (85 * 100) ** 1.6 + (115 * 85) ** 1.6) ** (1 / 1.6)
        / 3 ** (1 / 1.6)
    )
    assert 0.6 * front < many.sum() < 1.3 * front


def test_unknown_skin_and_other_regions_have_no_spots():
    blind = replace(ALBEDO, known=ALBEDO.known & (HEAD.mean[:, 0] > -1))
    assert not (np.abs(HEAD.mean[skin_of(HEAD, blind).spots][:, 0]) > 1e-2).any()
    back = skin_of(HEAD, replace(ALBEDO, known=np.ones(len(HEAD.mean), bool)), regions=("skull",))
    assert HEAD.mean[back.spots][:, 2].max() < 30


@settings(max_examples=15)
@given(moved=coefficients)
def test_normals_are_those_of_the_whole_mesh(moved):
    points = HEAD.mean + np.tensordot(np.float32(moved), BASIS, 1)
    np.testing.assert_allclose(
        SKIN.normals(points[SKIN.around].astype(float)),
        vertex_normals(points, HEAD.quads)[SKIN.spots],
        atol=1e-5,
    )


@settings(max_examples=10)
@given(moved=coefficients)
def test_normals_turn_as_their_derivatives_say(moved):
    points = (HEAD.mean + np.tensordot(np.float32(moved), BASIS, 1))[SKIN.around].astype(float)
    moves = BASIS[:, SKIN.around].astype(float)
    turns = SKIN.normal_moves(points, moves)
    for k in range(len(BASIS)):
        measured = (SKIN.normals(points + 1e-4 * moves[k]) - SKIN.normals(points - 1e-4 * moves[k])) / 2e-4
        np.testing.assert_allclose(turns[..., k], measured, atol=1e-5)


@settings(max_examples=10)
@given(reach=st.floats(0, 80))
def test_smoothing_keeps_a_plain_field_and_calms_any_other(reach):
    np.testing.assert_allclose(smoothed(HEAD, np.full((len(HEAD.mean), 2), 3.0), reach), 3.0, rtol=1e-5)
    noise = np.random.default_rng(0).normal(size=(len(HEAD.mean), 1)).astype(np.float32)
    found = smoothed(HEAD, noise, reach)
    assert found.std() <= noise.std() + 1e-6
    if reach > 30:
        assert found.std() < 0.7 * noise.std()


def test_smoothing_by_nothing_changes_nothing():
    noise = np.random.default_rng(0).normal(size=(len(HEAD.mean), 3)).astype(np.float32)
    np.testing.assert_array_equal(smoothed(HEAD, noise, 0.0), noise)

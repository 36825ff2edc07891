"""Heads: linear in their coefficients, rigid under their joints, symmetric, and whole on disk or refused."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError
from faceplate.reconstruct.head_file import read_head, write_head
from faceplate.reconstruct.morphable import POSE_NAMES, rotation, triangles_of
from faceplate_client.errors import ModelError
from tests.support.heads import make_head

HEAD = make_head()
FLIP = np.array([-1, 1, 1])

coefficients = st.lists(st.floats(-3, 3), min_size=5, max_size=5)
weights = st.lists(st.floats(0, 1), min_size=5, max_size=5)


def test_a_pose_has_21_names():
    assert len(POSE_NAMES) == len(set(POSE_NAMES)) == 21


def test_no_coefficients_give_the_mean():
    np.testing.assert_array_equal(HEAD.rest(), HEAD.mean)


@given(first=coefficients, second=coefficients, expression=weights)
def test_a_head_is_linear_in_its_coefficients(first, second, expression):
    both = HEAD.rest(np.add(first, second), expression) - HEAD.mean
    parts = HEAD.rest(first) + HEAD.rest(second, expression) - 2 * HEAD.mean
    np.testing.assert_allclose(both, parts, atol=1e-3)


@given(identity=coefficients)
def test_the_mirror_image_of_a_head_is_a_head(identity):
    mirrored = HEAD.rest([*identity[:4], -identity[4]])
    np.testing.assert_allclose(HEAD.rest(identity)[HEAD.mirror] * FLIP, mirrored, atol=1e-3)


@given(expression=weights)
def test_correctives_follow_their_drivers_alone(expression):
    found = HEAD.with_correctives(expression)
    np.testing.assert_array_equal(found[:4], np.float32(expression[:4]))
    assert found[4] == pytest.approx(4 * expression[0] * (1 - expression[0]), abs=1e-6)


@given(turn=st.tuples(*[st.floats(-3, 3)] * 3), identity=coefficients)
def test_turning_the_root_moves_the_whole_head_without_bending_it(turn, identity):
    rest = HEAD.rest(identity)
    joints = HEAD.joints(rest)
    posed = HEAD.posed(rest, joints, {"root": turn})
    np.testing.assert_allclose(posed, (rest - joints[0]) @ rotation(np.array(turn)).T + joints[0], atol=2e-3)


@given(angle=st.floats(-1, 1))
def test_a_joint_moves_what_it_holds_and_nothing_else(angle):
    joints = HEAD.joints(HEAD.mean)
    moved = np.linalg.norm(HEAD.posed(HEAD.mean, joints, {"jaw": (angle, 0, 0)}) - HEAD.mean, axis=1)
    assert moved[HEAD.skin[:, 3] == 0].max() < 1e-3
    np.testing.assert_allclose(HEAD.posed(HEAD.mean, joints, {}), HEAD.mean, atol=1e-3)


@given(vector=st.tuples(*[st.floats(-6, 6)] * 3))
def test_a_rotation_is_one_and_its_negative_undoes_it(vector):
    turn = rotation(np.array(vector))
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(turn @ rotation(-np.array(vector)), np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)


def test_triangles_cover_quads_and_remember_them():
    triangles, owner = triangles_of(np.array([[0, 1, 2, 3], [3, 2, 4, -1]]))
    np.testing.assert_array_equal(triangles, [[0, 1, 2], [0, 2, 3], [3, 2, 4]])
    np.testing.assert_array_equal(owner, [0, 0, 1])


def test_landmarks_follow_the_head():
    points = HEAD.landmarks["68"].on(HEAD.mean)
    np.testing.assert_allclose(points, HEAD.mean[HEAD.landmarks["68"].vertices[:, 0]], atol=1e-4)
    assert HEAD.landmarks["68"].on(HEAD.masks[0]).shape == (68,)


def test_what_a_head_does_not_have_is_named():
    with pytest.raises(RangeError, match="no expression 'jawopen'"):
        HEAD.weights({"jawopen": 1})
    with pytest.raises(RangeError, match="at most 5 coefficients"):
        HEAD.rest(np.zeros(6))
    with pytest.raises(RangeError, match="no joint 'tail'"):
        HEAD.posed(HEAD.mean, HEAD.joints(HEAD.mean), {"tail": (0, 0, 1)})


# ------------------------------------------------------------ on disk


@pytest.fixture(scope="module")
def content(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("head") / "egg.npz"
    write_head(HEAD, path)
    return path.read_bytes()


def test_a_head_comes_back_as_it_was_written(content, tmp_path):
    again = read_head(content)
    for name in ("mean", "identity", "expressions", "quads", "mirror", "skin", "udim"):
        np.testing.assert_array_equal(getattr(again, name), getattr(HEAD, name))
    assert again.expression_names == HEAD.expression_names and again.id == HEAD.id
    write_head(again, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == content


def changed(content: bytes, **arrays) -> bytes:
    with np.load(io.BytesIO(content)) as held:
        kept = {key: held[key] for key in held.files if arrays.get(key, 0) is not None}
    packed = io.BytesIO()
    np.savez(packed, **{**kept, **{key: array for key, array in arrays.items() if array is not None}})
    return packed.getvalue()


WRONG = {
    "schema": ({"schema": np.array("flame")}, "has schema 'flame'; expected 'faceplate-head'"),
    "newer": ({"version": np.array(2)}, "has version 2; expected 1"),
    "missing": ({"mean": None}, "has no mean"),
    "shape": ({"mirror": HEAD.mirror[:9]}, "has mirror of shape 9; expected 386"),
    "flat": ({"identity": HEAD.mean}, "has identity of shape 386 x 3; expected K x 386 x 3"),
    "kind": ({"quads": HEAD.quads.astype(float)}, "has quads of type float64; expected whole numbers"),
    "nan": ({"mean": HEAD.mean * np.nan}, "has mean with NaN or infinity"),
    "corner": ({"quads": HEAD.quads + 9}, "has quads naming what is not there"),
    "names": ({"expression_names": np.array(["jawOpen"])}, "has expression_names with 1 names; expected 5"),
    "twice": ({"mask_names": np.array(["face", "face"])}, "has mask_names with one name twice"),
    "role": ({"expression_roles": np.array(["arkit"] * 4 + ["magic"])}, "with an unknown role"),
    "mirror": ({"mirror": np.roll(HEAD.mirror, 1)}, "that does not lead back"),
    "parents": ({"joint_parents": np.array([-1, 2, 1, 2, 2, 2])}, "expected -1 first"),
    "skin": ({"skin": HEAD.skin * 2}, "has skin with rows that do not sum to 1"),
    "uv": ({"quad_uv": np.where(HEAD.quads < 0, 0, HEAD.quads)}, "quad_uv with triangles"),
    "landmarks": ({"landmarks_68_weights": np.ones((68, 3))}, "landmarks_68_weights with rows"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_head_is_refused_with_a_sentence(content, what):
    arrays, sentence = WRONG[what]
    with pytest.raises(ModelError, match="Use another file, or make this one again") as refused:
        read_head(changed(content, **arrays))
    assert sentence in str(refused.value) and refused.value.code == "model.damaged"


def test_pickles_are_refused_unopened(content):
    with pytest.raises(ModelError, match="npz of plain arrays"):
        read_head(changed(content, mean=np.array([print], object)))


@settings(max_examples=25)
@given(end=st.floats(0, 0.999))
def test_a_file_cut_short_is_refused(content, end):
    with pytest.raises(ModelError) as refused:
        read_head(content[: int(end * len(content))])
    assert refused.value.code == "model.damaged"


def test_no_file_is_said_so(tmp_path):
    with pytest.raises(ModelError, match="cannot be read") as refused:
        read_head(tmp_path / "none.npz")
    assert refused.value.code == "model.missing"

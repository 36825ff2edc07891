"""FLAME's form: what is read is what was written, what moves moves as its authors' equations say."""

import numpy as np
import pytest

from faceplate.errors import RangeError
from faceplate.reconstruct.flame import JOINTS, read_flame, write_flame
from faceplate.reconstruct.morphable import rotation
from faceplate_client.errors import ModelError
from tests.support.flame import pickled, small_rig

RIG = small_rig()
FLAME = read_flame(pickled(RIG, 2))


def test_metres_become_millimetres_and_shapes_are_parted():
    np.testing.assert_allclose(FLAME.template, RIG["v_template"] * 1000, rtol=1e-5)
    assert FLAME.shapes.shape == (300, 80, 3) and FLAME.expressions.shape == (10, 80, 3)
    np.testing.assert_allclose(FLAME.expressions[3], RIG["shapedirs"][:, :, 303] * 1000, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(FLAME.triangles, RIG["f"])


def test_the_plain_file_is_the_same_and_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_flame(FLAME, tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    again = read_flame(tmp_path / "a.npz")
    for name, array in vars(FLAME).items():
        np.testing.assert_allclose(getattr(again, name), array, rtol=1e-5, atol=1e-5)


def test_it_moves_as_linear_blend_skinning_says():
    """Vertex by vertex, as in the paper: corrective shapes first, then every joint's chain of turns."""
    random = np.random.default_rng(5)
    turns = {name: random.normal(size=3) * 0.3 for name in JOINTS}
    rest = FLAME.rest(random.normal(size=20), random.normal(size=10)).astype(np.float64)
    joints = RIG["J_regressor"] @ rest
    matrices = [rotation(turns[name]) for name in JOINTS]
    bends = np.concatenate([(matrix - np.eye(3)).ravel() for matrix in matrices[1:]])
    bent = rest + RIG["posedirs"] @ bends * 1000
    chains = {0: [0], 1: [0, 1], 2: [0, 1, 2], 3: [0, 1, 3], 4: [0, 1, 4]}
    wanted = np.zeros_like(rest)
    for joint, chain in chains.items():
        moved = bent
        for link in reversed(chain):
            moved = (moved - joints[link]) @ matrices[link].T + joints[link]
        wanted += RIG["weights"][:, [joint]] * moved
    np.testing.assert_allclose(FLAME.posed(rest.astype(np.float32), turns), wanted, atol=1e-2)


def test_without_turns_it_stays():
    np.testing.assert_allclose(FLAME.posed(FLAME.template, {}), FLAME.template, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weights": None}, "has no array weights"),
        ({"weights": np.ones((79, 5))}, "weights should be 80 x 5"),
        ({"f": np.full((3, 3), 80, np.uint32)}, "faces of vertices that are not there"),
        ({"v_template": np.full((80, 3), np.nan)}, "NaN or infinity in v_template"),
        ({"shapedirs": np.zeros((80, 3, 300))}, "300 shapes and no expressions"),
        ({"kintree_table": np.array([[0, 0, 0, 0, 0], range(5)])}, "joints that hang on"),
    ],
)
def test_what_is_not_flame_is_told(tmp_path, change, said):
    held = {name: array for name, array in (RIG | change).items() if array is not None}
    with (tmp_path / "bad.npz").open("wb") as file:
        np.savez(file, **held)
    with pytest.raises(ModelError, match=said) as refused:
        read_flame(tmp_path / "bad.npz")
    assert refused.value.code == "model.damaged" and "bad.npz" in str(refused.value)


def test_what_flame_does_not_have_is_named(tmp_path):
    with pytest.raises(RangeError, match="FLAME has no joint 'tail'"):
        FLAME.posed(FLAME.template, {"tail": (1, 0, 0)})
    with pytest.raises(RangeError, match="at most 10 coefficients"):
        FLAME.rest((), np.zeros(11))
    with pytest.raises(ModelError, match="cannot be read"):
        read_flame(tmp_path / "no.pkl")

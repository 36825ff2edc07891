"""A performance in files: keys at its frames, none where the face was not seen, and the head moves as it did."""

# pyright: reportAttributeAccessIssue=false
# usd-core carries no types, and its modules fill themselves when they are imported.

import json
import struct
from fractions import Fraction

import numpy as np
import pytest

from faceplate.reconstruct.camera import Camera
from faceplate.reconstruct.gltf import write_glb
from faceplate.reconstruct.morphable import quaternion, rotation
from faceplate.reconstruct.performance import Performance
from tests.support.heads import make_head

HEAD = make_head()
POINTS = HEAD.rest((1, -1, 0.5, 0, 0.3))
RATE = Fraction(24000, 1001)


@pytest.fixture
def performance() -> Performance:
    """Six frames, of which the third was not seen: the jaw opens, the head turns."""
    frames = np.arange(1001, 1007)
    weights = np.zeros((6, len(HEAD.expressions)), np.float32)
    weights[:, 0] = np.linspace(0, 0.5, 6)
    turns, moves = np.linspace(0, 0.3, 6)[:, None] * (0.2, 1.0, 0.1), np.tile((0.0, 0.0, 800.0), (6, 1))
    off = np.full(6, 0.5)
    for rows in (weights, turns, moves, off):
        rows[2] = np.nan
    return Performance(frames, RATE, weights, turns, moves, weights, off, Camera(900.0, (128.0, 128.0)))


def read_glb(path):
    """The JSON of a file, and a function that gives an accessor's values."""
    content = path.read_bytes()
    size = struct.unpack_from("<I", content, 12)[0]
    document, buffer = json.loads(content[20 : 20 + size]), content[28 + size :]

    def values(number: int) -> np.ndarray:
        facts = document["accessors"][number]
        view, wide = document["bufferViews"][facts["bufferView"]], {"SCALAR": 1, "VEC4": 4}[facts["type"]]
        return np.frombuffer(buffer, np.float32, facts["count"] * wide, view["byteOffset"]).reshape(-1, wide)

    return document, values


def test_gltf_has_a_key_for_every_frame_that_shows_the_face(tmp_path, performance):
    write_glb(tmp_path / "egg.glb", HEAD, POINTS, performance=performance)
    document, values = read_glb(tmp_path / "egg.glb")
    (animation,) = document["animations"]
    seen = {}
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        times = values(sampler["input"])[:, 0]
        np.testing.assert_allclose(times, np.array([0, 1, 3, 4, 5]) / float(RATE), rtol=1e-6)
        node = document["nodes"][channel["target"]["node"]]
        seen[node["name"] if "mesh" not in node else "mesh", channel["target"]["path"]] = values(
            sampler["output"]
        )
    kept = performance.found
    np.testing.assert_array_equal(seen["mesh", "weights"].reshape(5, -1), performance.weights[kept])
    wanted = [quaternion(turn) for turn in performance.turns[kept]]
    np.testing.assert_allclose(seen["head", "rotation"], wanted, atol=1e-6)
    assert set(seen) == {("mesh", "weights")} | {(j, "rotation") for j in ("head", "eye_left", "eye_right")}


def test_without_a_performance_there_is_no_animation(tmp_path):
    write_glb(tmp_path / "egg.glb", HEAD, POINTS)
    assert "animations" not in read_glb(tmp_path / "egg.glb")[0]


@pytest.mark.parametrize("vector", [(0, 0, 0), (1e-9, 0, 0), (0.3, -0.2, 1.0), (0, 3.1, 0)])
def test_a_quaternion_turns_as_its_vector(vector):
    x, y, z, w = quaternion(np.array(vector))
    turned = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    np.testing.assert_allclose(turned, rotation(np.array(vector)), atol=1e-9)


@pytest.fixture(params=["usdc", "usda", "usdz"])
def stage(request, tmp_path, performance):
    pytest.importorskip("pxr", reason="usd-core is not installed: `pip install 'faceplate[usd]'`")
    from pxr import Usd

    from faceplate.reconstruct.usd import write_usd, write_usdz

    write = write_usdz if request.param == "usdz" else write_usd
    write(tmp_path / f"egg.{request.param}", HEAD, POINTS, performance=performance)
    return Usd.Stage.Open(str(tmp_path / f"egg.{request.param}"))


def test_usd_validators_have_nothing_to_say(stage):
    from pxr import UsdValidation

    every = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert [error.GetMessage() for error in UsdValidation.ValidationContext(every).Validate(stage)] == []


def test_usd_has_time_samples_at_the_clips_own_frames(stage, performance):
    from pxr import UsdSkel

    pose = UsdSkel.Animation(stage.GetPrimAtPath("/head/rig/pose"))
    weights, turns = pose.GetBlendShapeWeightsAttr(), pose.GetRotationsAttr()
    assert weights.GetTimeSamples() == turns.GetTimeSamples() == [1001, 1002, 1004, 1005, 1006]
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (1001, 1006)
    assert stage.GetTimeCodesPerSecond() == pytest.approx(float(RATE))
    np.testing.assert_array_equal(np.array(weights.Get(1005)), performance.weights[4])


def test_usd_turns_the_head_as_the_model_does(stage, performance):
    from pxr import Gf, UsdGeom, UsdSkel

    assert UsdSkel.BakeSkinning(UsdSkel.Root(stage.GetDefaultPrim()), Gf.Interval(1001, 1006))
    baked = np.array(UsdGeom.Mesh(stage.GetPrimAtPath("/head/mesh")).GetPointsAttr().Get(1006)) * 1000
    moved = POINTS + np.tensordot(performance.weights[5], HEAD.expressions, 1)
    wanted = HEAD.posed(moved, HEAD.joints(POINTS), performance.joint_turns(HEAD, 5))
    np.testing.assert_allclose(baked, wanted, atol=0.02)

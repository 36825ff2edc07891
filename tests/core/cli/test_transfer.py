"""`faceplate transfer`: rigs whose answer is known, and files that are none."""

import json

import numpy as np
import pytest

from faceplate.reconstruct.flame import read_flame
from faceplate.reconstruct.morphable import HeadModel, rotation, triangles_of
from tests.support.flame import make_rig, pickled, points_of, topology

SHOWN = {"jawOpen": 0.7, "eyeBlinkLeft": 0.9, "mouthSmileRight": 0.6, "eyeLookUpLeft": 0.5}


@pytest.fixture(autouse=True)
def the_models_of_the_checkout(monkeypatch):
    monkeypatch.delenv("FACEPLATE_MODELS")


def twin(head: HeadModel) -> dict[str, np.ndarray]:
    """Somebody of ours with ARKit's keys, vertices in another order, smaller, and turned a little."""
    random = np.random.default_rng(4)
    person = head.rest(random.normal(size=40) * 0.5)
    skin = np.isin(head.quad_region, [head.region_names.index(name) for name in ("face", "skull", "neck")])
    used = np.unique(head.quads[skin][head.quads[skin] >= 0])
    order = random.permutation(used)
    place = np.full(len(head.mean), -1)
    place[order] = np.arange(len(order))
    turn = 0.95 * rotation(np.array([0.05, 0.1, 0]))
    return {
        "vertices": (person @ turn.T + (5, 5, 5))[order],
        "triangles": place[triangles_of(head.quads[skin])[0]],
        "eyes": head.joints(person)[4:6] @ turn.T + (5, 5, 5),
        "keys": (head.expressions[:52] @ turn.T)[:, order],
        "low": np.zeros(52),
        "high": np.ones(52),
        "names": np.array(list(SHOWN)),
        "weights": np.array([list(SHOWN.values()), [0] * len(SHOWN)]),
    }


def transferred(faceplate, folder, arrays) -> tuple[dict, dict[str, np.ndarray]]:
    np.savez(folder / "rig.npz", **arrays)
    code, said, told = faceplate("transfer", folder / "rig.npz", "-o", folder / "poses.npz", "--json")
    assert code == 0, told
    with np.load(folder / "poses.npz", allow_pickle=False) as held:
        return json.loads(said), {name: held[name] for name in held.files}


def test_a_rig_with_our_own_keys_gets_our_own_weights(faceplate, head, tmp_path):
    report, poses = transferred(faceplate, tmp_path, twin(head))
    assert (
        report["frames"] == 2 and report["keys"] == 52 and report["off_mm"] < 0.5 and report["unknown"] == []
    )
    wanted = head.weights(SHOWN)[:52]
    # jawOpenHalf, which bends the way of our chin, is no key of the twin
    np.testing.assert_allclose(poses["weights"][0], wanted, atol=0.25)
    assert np.abs(poses["weights"][0] - wanted).mean() < 0.02
    np.testing.assert_allclose(poses["weights"][1], 0, atol=1e-3)
    np.testing.assert_array_equal(poses["jaw"], 0)
    # the twin is turned, and its eyes turn about its own axes
    seen, own = rotation(poses["eye_left"][0]), rotation(np.array([0.05, 0.1, 0]))
    np.testing.assert_allclose(
        own.T @ seen @ own @ [0, 0, 1], [0, np.sin(np.radians(12.5)), np.cos(np.radians(12.5))], atol=0.03
    )


def test_flames_jaw_opens_and_its_lids_close(faceplate, head, shared, tmp_path):
    mesh = topology(shared)
    flame = read_flame(pickled(make_rig(head, mesh), 2))
    balls = (flame.skin[:, 3] > 0.5) | (flame.skin[:, 4] > 0.5)
    arrays = twin(head) | {
        "vertices": flame.template,
        "triangles": flame.triangles[~balls[flame.triangles].any(1)],
        "eyes": np.stack([flame.template[flame.skin[:, side] > 0.5].mean(0) for side in (3, 4)]),
        "keys": flame.expressions,
        "low": np.full(100, -4.0),
        "high": np.full(100, 4.0),
        "jaw": flame.joint_regressor[2] @ flame.template,
        "jaw_share": flame.skin[:, 2],
        "jaw_bends": flame.pose_shapes[9:18],
    }
    report, poses = transferred(faceplate, tmp_path, arrays)
    assert report["off_mm"] < 0.6 and 0.15 < poses["jaw"][0, 0] < 0.35
    posed = flame.posed(flame.rest((), poses["weights"][0]), {"jaw": poses["jaw"][0]})
    theirs = points_of(mesh, posed) - points_of(mesh, flame.template)
    ours = head.landmarks["68"].on(head.rest((), head.with_correctives(head.weights(SHOWN))) - head.mean)
    for point in (57, 66, 43, 44, 48):  # lower lip, lid of the left eye, right corner of the mouth
        assert np.linalg.norm(theirs[point] - ours[point]) < 0.35 * np.linalg.norm(ours[point]) + 0.5


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"keys": None}, 65, "has no keys"),
        ({"low": np.zeros(51)}, 65, "low should be 52"),
        ({"low": np.full(52, 2.0)}, 65, "low lies above their high"),
        ({"vertices": np.full((9, 3), np.nan)}, 65, "no finite numbers"),
        ({"names": np.array(["wink"])}, 65, "has not 4 names"),
        ({"names": np.array(["a", "b", "c", "d"])}, 64, "None of the expressions"),
        ({"jaw": np.zeros(3)}, 65, "a jaw and no jaw_share"),
        ({"triangles": np.array([[0, 1, 99999]])}, 65, "triangles of vertices that are not there"),
        ({"eyes": np.array([[0.03, 0, 0], [-0.03, 0, 0]])}, 64, "should be in millimetres"),
    ],
)
def test_what_is_wrong_with_a_rig_is_told(faceplate, head, tmp_path, change, code, said):
    arrays = {name: array for name, array in (twin(head) | change).items() if array is not None}
    np.savez(tmp_path / "rig.npz", **arrays)
    found, _, told = faceplate("transfer", tmp_path / "rig.npz", "-o", tmp_path / "poses.npz")
    assert found == code and said in told and not (tmp_path / "poses.npz").exists()


def test_nothing_is_replaced_unless_told(faceplate, tmp_path):
    (tmp_path / "poses.npz").write_text("mine")
    assert faceplate("transfer", tmp_path / "rig.npz", "-o", tmp_path / "poses.npz")[0] == 64
    assert faceplate("transfer", tmp_path / "rig.npz", "-o", tmp_path / "poses.txt")[0] == 64
    assert (tmp_path / "poses.npz").read_text() == "mine"
    code, _, told = faceplate("transfer", tmp_path / "rig.npz", "-o", tmp_path / "new.npz")
    assert code == 65 and "cannot be read" in told

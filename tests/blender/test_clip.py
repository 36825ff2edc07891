"""In a real Blender: a head from a clip, keyframes where the face was seen, and its movement on rigs of others."""

from typing import Any

import cv2
import numpy as np
import pytest

from faceplate.registry.catalogue import has_model
from tests.support.flame import make_rig, points_of, topology
from tests.support.head_clip import Acted, picture_of, weights_of

FIRST, FRAMES, BLANK = 1001, 10, 1006
SEEN = [frame for frame in range(FIRST, FIRST + FRAMES) if frame != BLANK]


@pytest.fixture(scope="module")
def pictures(head, albedo, tmp_path_factory):
    """A face that opens its mouth, blinks to a side and turns; a wall on one frame."""
    if not has_model("face.landmarks"):
        pytest.skip("models/open holds no net for landmarks")
    folder = tmp_path_factory.mktemp("clip")
    time = np.arange(FRAMES)
    curves = {"jawOpen": 0.4 - 0.4 * np.cos(time), "browInnerUp": time / FRAMES}
    turns = np.stack([0.05 * np.sin(time), 0.3 * np.sin(time / 3), 0 * time], 1)
    acted = Acted(np.random.default_rng(5).normal(size=30) * 0.8, weights_of(head, curves), turns)
    for k in range(FRAMES):
        wall = np.full((acted.side, acted.side, 3), 90, np.uint8)
        pixels = wall if FIRST + k == BLANK else picture_of(head, albedo, acted, k)
        cv2.imwrite(str(folder / f"plate.{FIRST + k}.png"), pixels[..., ::-1])
    cv2.imwrite(str(folder / "anna.png"), picture_of(head, albedo, acted, 0)[..., ::-1])
    return folder


@pytest.fixture(scope="module")
def mesh(shared):
    return topology(shared)


@pytest.fixture(scope="module")
def done(inside, head, mesh, pictures, tmp_path_factory):
    """What the script said, and the arrays it kept."""
    folder = tmp_path_factory.mktemp("done")
    rig: dict[str, Any] = make_rig(head, mesh)
    np.savez(folder / "rig.npz", **rig)
    facts = inside("clip.py", pictures / f"plate.{FIRST}.png", folder / "seen.npz", folder / "rig.npz")
    with np.load(folder / "seen.npz") as held:
        return facts, {name: held[name] for name in held.files}


def ours(points) -> np.ndarray:
    """mm and y up, from Blender's metres."""
    return np.stack([points[:, 0], points[:, 2], -points[:, 1]], 1) * 1000


def test_keyframes_lie_where_the_face_was_seen_and_nowhere_else(done):
    facts, _ = done
    assert facts["answer"] == ["FINISHED"] and facts["report"]["lost"] == [BLANK]
    assert facts["range"] == [FIRST, FIRST + FRAMES - 1]
    assert facts["shapes"] and all(frames == SEEN for _, frames in facts["shapes"])
    assert [(path, index) for path, index, _ in facts["bones"]] == [
        ('pose.bones["head"].rotation_euler', axis) for axis in range(3)
    ]
    assert all(frames == SEEN for *_, frames in facts["bones"])
    paths = {path for path, _ in facts["shapes"]}
    assert 'key_blocks["jawOpen"].value' in paths and not paths & set(facts["driven"])


def test_the_head_does_what_the_command_found(done, head):
    """Every vertex, against our own posing of the same weights and turns: shapes, correctives, head bone and eyes."""
    _, held = done
    names = held["clip_pose_names"].tolist()
    joints = held["joints"]
    for row, frame in enumerate(held["clip_frames"].tolist()):
        if frame == BLANK:
            continue
        weights, pose = held["clip_weights"][row], dict(zip(names, held["clip_poses"][row], strict=True))
        np.testing.assert_allclose(held[f"values_{frame}"], weights, atol=1e-4)
        turns = {
            joint: np.array([pose[f"{joint}_rotate_{axis}"] for axis in "xyz"])
            for joint in ("head", "eye_left", "eye_right")
        }
        moved = held["vertices"] + np.tensordot(weights, head.expressions, 1)
        wanted = head.posed(moved.astype(np.float32), joints, turns)
        off = np.linalg.norm(ours(held[f"shape_{frame}"]) - wanted, axis=1)
        assert off.max() < 0.3, frame  # shares of bones are rounded to thousandths
    turned = held["clip_poses"][np.isfinite(held["clip_off"]), names.index("head_rotate_y")]
    assert np.ptp(turned) > 0.1


def test_a_gap_is_crossed_straight(done):
    _, held = done
    between = (held[f"values_{BLANK - 1}"] + held[f"values_{BLANK + 1}"]) / 2
    plain = held["drivers"][:, 0] < 0
    np.testing.assert_allclose(held[f"values_{BLANK}"][plain], between[plain], atol=1e-5)


def test_it_is_one_step_of_undo_and_esc_leaves_nothing(done):
    facts, _ = done
    assert facts["one_step"] == [True, True] and facts["again"] and facts["opened"]
    stop = facts["stopped"]
    assert stop["answers"] == [["RUNNING_MODAL"], ["PASS_THROUGH"], ["CANCELLED"]]
    assert stop["ran"] and stop["ended"] and stop["same"] and not stop["folder"] and stop["timers"] == 0


def test_what_is_no_clip_is_told(done):
    facts, _ = done
    assert "No clip was chosen" in facts["nothing"] and "anna.png has no frame number" in facts["photo"]
    assert "First should be at most Last" in facts["backwards"] and "missing from" in facts["absent"]


def test_it_is_baked_on_a_rig_with_arkits_names(done):
    facts, held = done
    assert facts["baked"] == ["FINISHED"]
    every = list(range(FIRST, FIRST + FRAMES))
    assert set(facts["arkit"]) == {
        f'key_blocks["{n}"].value' for n in ("JawOpen", "EyeBlink_L", "mouthSmile", "browInnerUp")
    }
    assert all(frames == every for frames in facts["arkit"].values())
    jaw = held["expression_names"].tolist().index("jawOpen")
    for frame in every:
        assert held[f"arkit_{frame}"][0] == pytest.approx(held[f"values_{frame}"][jaw], abs=1e-3)
    assert np.ptp([held[f"arkit_{frame}"][0] for frame in every]) > 0.1


def test_it_is_baked_on_a_flame_rig(done, head, mesh):
    """The chin goes down on both as the mouth opens, frame by frame."""
    facts, held = done
    assert facts["flame"] == ["FINISHED"] and facts["flame_frames"] == [FRAMES]
    assert {'key_blocks["Exp1"].value', 'key_blocks["Pose10"].value'} <= set(facts["flame_curves"])
    chin = head.landmarks["68"].on(head.expressions.transpose(1, 2, 0))[8, 1]
    theirs = np.array(
        [
            ours(points_of(mesh, held[f"flame_{frame}"]) - points_of(mesh, held["flame_rest"]))[8, 1]
            for frame in SEEN
        ]
    )
    mine = np.array([held[f"values_{frame}"] @ chin for frame in SEEN])
    assert np.corrcoef(mine, theirs)[0, 1] > 0.98 and np.ptp(theirs) > 0.6 * np.ptp(mine) > 2

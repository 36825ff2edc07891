"""In a real Blender: expressions on FLAME's and SMPL-X's rigs as their authors' add-ons make them, in FLAME's form."""

from typing import Any

import numpy as np
import pytest

from tests.support.flame import make_rig, points_of, topology

SHOWN = {"jawOpen": 0.7, "eyeBlinkLeft": 0.9, "mouthSmileRight": 0.6, "eyeLookUpRight": 0.5}


@pytest.fixture(scope="module")
def mesh(shared):
    return topology(shared)


@pytest.fixture(scope="module")
def done(inside, head, mesh, tmp_path_factory):
    """What the script said, and the vertices it saw, with y up and in mm again."""
    folder = tmp_path_factory.mktemp("flame")
    rig: dict[str, Any] = make_rig(head, mesh)
    np.savez(folder / "rig.npz", **rig)
    facts = inside("flame.py", folder / "rig.npz", folder / "seen.npz")
    with np.load(folder / "seen.npz") as held:
        seen = {name: held[name] for name in held.files}
    return facts, seen


def moved(seen, mesh, before, after) -> np.ndarray:
    """(68, 3) mm, how far the points moved, y up."""
    move = points_of(mesh, seen[after]) - points_of(mesh, seen[before])
    return np.stack([move[:, 0], move[:, 2], -move[:, 1]], 1) * 1000


def test_lips_lids_and_mouth_move_as_ours_do(done, head, mesh):
    facts, seen = done
    assert facts["flame"] == ["FINISHED"] and facts["shapes"] == {"Shape1": 1, "Shape2": 0}
    ours = head.landmarks["68"].on(head.rest((), head.with_correctives(head.weights(SHOWN))) - head.mean)
    theirs = moved(seen, mesh, "before", "after")
    assert ours[57, 1] < -10 and ours[43, 1] < -4 and np.linalg.norm(ours[48]) > 5
    for point in (57, 66, 43, 44, 48):
        assert np.linalg.norm(theirs[point] - ours[point]) < 0.35 * np.linalg.norm(ours[point]) + 0.5, point


def test_the_jaw_turns_by_its_bone_with_its_corrective_keys(done):
    facts, _ = done
    angle = 2 * np.arccos(facts["jaw"][0])
    assert 0.15 < angle < 0.35 and facts["jaw"][1] > 0.07  # about the bone's x
    entries = np.array([facts["poses"][f"Pose{number}"] for number in range(10, 19)]).reshape(3, 3) + np.eye(
        3
    )
    np.testing.assert_allclose(entries @ entries.T, np.eye(3), atol=1e-3)
    assert entries[2, 1] == pytest.approx(np.sin(angle), abs=0.02)
    assert all(facts["poses"][f"Pose{number}"] == 0 for number in range(1, 10))


def test_eyes_turn_with_their_lids(done, mesh):
    """The right eye looks up by 12.5 degrees: the front of the ball rises by a fifth of its radius."""
    _, seen = done
    for before, after in (("before", "after"), ("other_before", "other_after")):
        ball, turn = mesh["mask_right_eyeball"], seen["turn"] if "other" in before else np.eye(3)
        rest, now = seen[before][ball] @ turn, seen[after][ball] @ turn
        front = rest[:, 1] < np.quantile(rest[:, 1], 0.03)
        radius = np.linalg.norm(rest - rest.mean(0), axis=1).mean()
        rise = (now - rest)[front, 2].mean() / radius
        assert rise == pytest.approx(np.sin(np.radians(12.5)), abs=0.04)


def test_another_add_ons_names_bones_and_place_give_the_same(done, mesh):
    facts, seen = done
    assert facts["smplx"] == ["FINISHED"]
    first = moved(seen, mesh, "before", "after")
    turned = {name: seen[name] @ seen["turn"] for name in ("other_before", "other_after")}
    second = moved(turned, mesh, "other_before", "other_after")
    assert np.abs(first[27:] - second[27:]).max() < 1.0  # without its corrective keys and with another shape


def test_frames_are_baked_and_photos_taken(done):
    facts, _ = done
    assert facts["baked"] == ["FINISHED"]
    first, second, third = facts["angles"]
    assert first < 0.02 and 0.05 < second < third and second == pytest.approx(third / 2, rel=0.3)
    assert facts["photo"] == ["FINISHED"] and 0.08 < facts["photo_angle"] < third


def test_what_is_no_flame_rig_is_told_what_is_missing(done):
    facts, _ = done
    assert (
        "shape keys Exp1" in facts["stranger"] and "bones named jaw, left_eye, right_eye" in facts["stranger"]
    )
    assert "made from 1 photos" in facts["no_photo"]
    assert "None of the expressions" in facts["nobody"]

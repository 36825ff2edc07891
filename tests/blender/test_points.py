"""In a real Blender: a head over its photo, points that are moved, and a head that follows them."""

import json

import numpy as np
import pytest

from faceplate.reconstruct.head_file import read_head
from faceplate.registry.catalogue import manifest_for, read_weights


@pytest.fixture(scope="module")
def done(inside, photo, tmp_path_factory):
    out = tmp_path_factory.mktemp("points") / "seen.npz"
    facts = inside("points.py", photo, out)
    with np.load(out) as held:
        return facts, {name: held[name] for name in held.files}


@pytest.fixture(scope="module")
def wanted(photo) -> np.ndarray:
    """(68, 2) pixels, the photo's points as they were given."""
    return np.array(json.loads(photo.with_suffix(".json").read_text()))


@pytest.fixture(scope="module")
def chin(done):
    """How far each vertex went, mm."""
    return (done[1]["shape_after"] - done[1]["shape_before"] - (0.3, -0.2, 1.5)) * 1000


def test_blenders_camera_sees_points_and_head_where_the_photo_has_them(done, wanted):
    facts, seen = done
    assert facts["made"] == facts["shown"] == ["FINISHED"] and facts["photo"] == "IMAGE"
    assert facts["points"][1:] == [68, 63]
    np.testing.assert_allclose(seen["points_before"], wanted, atol=0.02)
    np.testing.assert_allclose(facts["photo_middle"], [240, 240], atol=0.05)
    head = read_head(read_weights(manifest_for("head.model")))
    off = np.linalg.norm(head.landmarks["68"].on(seen["head_before"]) - wanted, axis=1)
    assert off.mean() < 0.03 * np.linalg.norm(
        wanted[36] - wanted[45]
    )  # the neutral head; the photo's is nearly that


def test_the_head_follows_its_points(done, wanted, chin):
    facts, seen = done
    assert facts["refitted"] == ["FINISHED"] and facts["mode"] == "EDIT_MESH" and facts["error"] < 6
    head = read_head(read_weights(manifest_for("head.model")))
    moved = seen["points_after"] - wanted
    assert moved[5:12, 1].min() > 8 and np.abs(moved[17:]).max() < 0.05  # the points stay where they were put
    before, after = (head.landmarks["68"].on(seen[f"head_{when}"]) for when in ("before", "after"))
    assert (after - before)[8, 1] > 0.3 * moved[8, 1]  # the chin comes after them: part of it opens the mouth
    assert np.linalg.norm(after - before, axis=1)[36:48].mean() < 0.25 * moved[8, 1]
    assert head.landmarks["68"].on(chin)[8, 2] < -2


def test_keys_and_joints_belong_to_the_new_head(done):
    facts, seen = done
    assert facts["value"] == 0.25 and facts["keys"] == 80
    head = read_head(read_weights(manifest_for("head.model")))
    moves = head.expressions[head.expression_names.index("eyeBlinkLeft")] / 1000
    moves = np.stack([moves[:, 0], -moves[:, 2], moves[:, 1]], 1)
    np.testing.assert_allclose(seen["blink"] - seen["basis"], moves, atol=2e-6)
    assert max(facts["joints"].values()) > 0.0005


def test_what_cannot_be_fitted_is_told(done):
    facts, _ = done
    assert "has 136 vertices and not 68" in facts["more"]
    assert "there is no photo 2" in facts["no_photo"] and "is no longer there" in facts["gone"]

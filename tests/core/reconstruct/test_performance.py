"""A head's movement over a clip: what was acted comes back, what was not seen stays unsaid, stillness stays still."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from faceplate.errors import RangeError
from faceplate.reconstruct.morphable import POSE_NAMES
from faceplate.reconstruct.performance import ClipFrame, Performance, follow_performance
from tests.support.head_clip import Acted, weights_of

FRAMES = 48
FIRST = 1001
STRONG = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUp", "eyeBlinkLeft", "eyeBlinkRight")


@pytest.fixture(scope="module")
def acted(head) -> Acted:
    """Somebody who talks, smiles, raises the brows, blinks for two frames and turns from one side to the other."""
    time, blink = np.arange(FRAMES), np.zeros(FRAMES)
    blink[[20, 21]] = 1
    smile, brow = np.clip(np.sin((time - 18) / 9), 0, 1) * 0.8, np.clip(np.sin((time - 4) / 7), 0, 1) * 0.8
    jaw = 0.35 - 0.35 * np.cos(time * 2 * np.pi / 11)
    curves: dict[str, np.ndarray] = dict(zip(STRONG, (jaw, smile, smile, brow, blink, blink), strict=True))
    turns = np.stack([0.08 * np.sin(time / 15), 0.4 * np.sin(time / 8), 0.05 * np.sin(time / 9)], 1)
    return Acted(np.random.default_rng(5).normal(size=30) * 0.8, weights_of(head, curves), turns)


def seen(head, acted: Acted, *, tremor: float = 0.0, spread: float = 1.0) -> list[ClipFrame]:
    """Its true points, off by `tremor` pixels and said to be off by `spread`."""
    random = np.random.default_rng(0)
    return [
        ClipFrame(
            FIRST + k,
            (acted.points(head, k) + tremor * random.normal(size=(68, 2))).astype(np.float32),
            np.ones(68, np.float32),
            spread,
        )
        for k in range(len(acted.turns))
    ]


def follow(head, acted: Acted, faces, frames=None) -> Performance:
    asked = range(FIRST, FIRST + len(acted.turns)) if frames is None else frames
    return follow_performance(head, acted.person, faces, asked, Fraction(24), acted.camera)


@pytest.fixture(scope="module")
def trembling(head, acted) -> Performance:
    return follow(head, acted, seen(head, acted, tremor=0.7))


def strong(head, weights: np.ndarray) -> np.ndarray:
    return weights[:, [head.expression_names.index(name) for name in STRONG]]


def correlation(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    return np.array([np.corrcoef(f, t)[0, 1] for f, t in zip(found.T, true.T, strict=True)])


def test_what_was_acted_comes_back(head, acted):
    found = follow(head, acted, seen(head, acted, spread=0.0))
    true = strong(head, acted.weights)
    assert (correlation(strong(head, found.weights), true) > 0.98).all()
    assert (correlation(strong(head, found.fitted), true) > 0.98).all()
    np.testing.assert_allclose(found.turns, acted.turns, atol=np.radians(1.5))


def test_smoothing_brings_trembling_points_nearer_to_the_truth(head, acted, trembling):
    true = strong(head, acted.weights)
    before, after = (correlation(strong(head, w), true) for w in (trembling.fitted, trembling.weights))
    assert after.mean() > before.mean() and (after > before - 0.01).all() and after.min() > 0.85


def test_a_blink_of_two_frames_survives(head, trembling):
    blink = strong(head, trembling.weights)[:, 4:].mean(1)
    shut = strong(head, trembling.fitted)[20:22, 4:].mean()
    assert blink[20:22].mean() > 0.85 * shut and shut > 0.5
    assert np.delete(blink, range(18, 24)).max() < 0.3 * shut


def test_a_still_face_does_not_shimmer(head, acted):
    still = replace(
        acted,
        weights=np.repeat(acted.weights[35:36], FRAMES, 0),
        turns=np.repeat(acted.turns[35:36], FRAMES, 0),
    )
    found = follow(head, still, seen(head, still, tremor=0.7))
    before, after = (np.diff(w, axis=0).std() for w in (found.fitted, found.weights[:, : len(head.fitted)]))
    assert after < 0.5 * before


def test_frames_without_the_face_stay_empty(head, acted):
    faces = [face for k, face in enumerate(seen(head, acted)) if k not in (10, 11, 30)]
    found = follow(head, acted, faces)
    assert found.lost == [1011, 1012, 1031] and found.found.sum() == FRAMES - 3
    for rows in (found.weights, found.fitted, found.turns, found.moves, found.poses(head)):
        assert np.isnan(rows[[10, 11, 30]]).all() and np.isfinite(rows[found.found]).all()


def test_a_profile_counts_as_not_seen(head, acted):
    turned = replace(acted, turns=acted.turns.copy())
    turned.turns[40:] = (0, np.radians(85), 0)
    assert follow(head, turned, seen(head, turned)).lost == list(range(FIRST + 40, FIRST + FRAMES))
    with pytest.raises(RangeError, match=r"turned less than 75 degrees"):
        follow(head, turned, seen(head, turned)[40:])


def test_nothing_is_smoothed_across_a_cut(head, acted):
    faces = seen(head, acted, tremor=0.7)
    parts = [replace(face, stretch=int(k >= 24)) for k, face in enumerate(faces)]
    cut, alone = follow(head, acted, parts), follow(head, acted, faces[:24])
    # not the same bits: how far points may be off is told in the middle of all frames
    np.testing.assert_allclose(cut.weights[:24], alone.weights[:24], atol=1e-4)


def test_every_second_frame_is_a_clip_as_well(head, acted):
    faces = seen(head, acted, tremor=0.7)[::2]
    found = follow(head, acted, faces, range(FIRST, FIRST + FRAMES, 2))
    assert found.frames.tolist() == list(range(FIRST, FIRST + FRAMES, 2)) and found.found.all()


def test_the_same_clip_gives_the_same_bits(head, acted):
    faces = seen(head, acted, tremor=0.7)[:8]
    one, two = (follow(head, acted, order, range(FIRST, FIRST + 8)) for order in (faces, faces))
    assert one.weights.tobytes() == two.weights.tobytes() and one.turns.tobytes() == two.turns.tobytes()


def test_poses_are_named_and_the_eyes_go_with_the_weights(head, acted):
    weights = head.weights({"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0, "jawOpen": 0.5})
    found = follow(head, acted, seen(head, acted)[:1], [FIRST])
    looking = replace(found, weights=weights[None])
    pose = dict(zip(POSE_NAMES, looking.poses(head)[0].tolist(), strict=True))
    assert pose["eye_left_rotate_y"] == pytest.approx(np.radians(30), abs=1e-6)
    assert pose["jaw_rotate_x"] == pose["neck_rotate_x"] == 0
    assert pose["head_rotate_y"] == looking.turns[0, 1] and pose["camera_focal"] == acted.camera.focal


def test_correctives_follow_their_drivers(head, trembling):
    place = int(np.flatnonzero(head.drivers[:, 0] >= 0)[0])
    assert trembling.weights[5].tolist() == head.with_correctives(trembling.weights[5]).tolist()
    assert not trembling.fitted[5, place]


def test_a_face_that_nobody_asked_for_is_refused(head, acted):
    with pytest.raises(RangeError, match="one of the frames"):
        follow(head, acted, seen(head, acted)[:2], [FIRST])

"""Photos to a head: its neutral shape, how sure it is, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from faceplate.errors import RangeError
from faceplate.reconstruct.camera import Camera, HeadPose, camera_for_lens, project
from faceplate.reconstruct.fit import fit_points
from faceplate.reconstruct.head_fit import FitParams, View
from faceplate.reconstruct.pipeline import ReconstructParams, Still, reconstruct_stills, yaw_of

CAMERA = camera_for_lens(800, 800, millimetres=60)
PLAIN = ReconstructParams(texture=0)


def somebody(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=30) * 0.8


def still_of(head, identity=(), expression=(), *, yaw=0.0, camera: Camera = CAMERA, size: int = 800) -> Still:
    pose = HeadPose(np.array([0.0, yaw, 0.0]), np.array([0.0, 0.0, 900.0]))
    points = head.landmarks["68"].on(head.rest(identity, expression).astype(np.float64))
    shown = project(points, pose, camera)[:, :2].astype(np.float32)
    return Still("photo.png", np.full((size, size, 3), 0.5, np.float32), shown, camera)


def test_the_neutral_head_has_no_expression_in_it(head):
    """A laughing and a calm photo of one person give nearly the same head; without the expressions they would not."""
    weights = head.weights({"jawOpen": 0.7, "mouthSmileLeft": 0.8, "mouthSmileRight": 0.8})
    person = somebody(1)
    calm, laughing = (
        reconstruct_stills(head, [still_of(head, person, w)], PLAIN).neutral for w in ((), weights)
    )
    face = head.mask("lips") > 0.5
    apart = np.linalg.norm(calm - laughing, axis=1)[face].mean()
    moved = np.linalg.norm(head.rest(person, weights) - head.rest(person), axis=1)[face].mean()
    assert apart < 0.45 * moved


def test_three_views_are_surer_than_one_and_nearer(head):
    person, errors, spreads = somebody(2), [], []
    for yaws in ((0.0,), (-0.6, 0.0, 0.6)):
        made = reconstruct_stills(head, [still_of(head, person, yaw=yaw) for yaw in yaws], PLAIN)
        face = head.mask("face") > 0.5
        errors.append(float(np.linalg.norm(made.neutral - head.rest(person), axis=1)[face].mean()))
        spreads.append(float(np.median(made.spread[face])))
    assert errors[1] < errors[0] and spreads[1] < 0.8 * spreads[0]


def test_a_face_of_forty_pixels_says_that_it_is_uncertain(head):
    large = still_of(head)
    small = still_of(head, camera=camera_for_lens(150, 150, millimetres=60), size=150)
    assert 35 < np.ptp(small.points[:, 1]) < 60
    assert small.noise > 2 * large.noise
    sure, unsure = (np.median(reconstruct_stills(head, [s], PLAIN).spread) for s in (large, small))
    assert unsure > 1.1 * sure


@pytest.mark.parametrize("yaw", [np.radians(80), -np.radians(80)])
def test_a_profile_is_refused_in_one_sentence(head, yaw):
    with pytest.raises(RangeError, match=r"photo\.png is turned (79|8\d) degrees.*at most 75") as raised:
        reconstruct_stills(head, [still_of(head, yaw=yaw)], PLAIN)
    assert str(raised.value).count(". ") == 0


@pytest.mark.parametrize("yaw", [0.7, -0.7])
def test_the_far_jaw_of_a_turned_head_is_an_outline_and_bends_nothing(head, yaw):
    """Whoever marks the far cheek marks its outline, not the spots of skin that the model means."""
    person = somebody(3)
    seen = still_of(head, person, yaw=yaw)
    far = slice(9, 17) if yaw > 0 else slice(0, 8)
    points = seen.points.copy()
    points[far, 0] += 0.06 * seen.eyes_apart * np.sign(yaw)
    marked = replace(seen, points=points)
    made = reconstruct_stills(head, [marked], PLAIN)
    assert yaw_of(made.fit.poses[0]) == pytest.approx(yaw, abs=0.1)
    blind = fit_points(head, [View(points, CAMERA)], FitParams(noise=marked.noise))
    face = head.mask("face") > 0.5
    ours, theirs = (
        np.linalg.norm(found - head.rest(person), axis=1)[face].mean()
        for found in (made.neutral, head.rest(blind.identity))
    )
    assert ours < theirs


def test_a_photo_of_nothing_leaves_the_head_about_where_its_points_put_it(head, albedo):
    """A grey card has no skin to explain: whatever colours say of it, the head stays one, and near."""
    still = still_of(head, somebody(4))
    plain = reconstruct_stills(head, [still], PLAIN)
    made = reconstruct_stills(head, [still], replace(PLAIN, albedo=albedo))
    assert plain.refined is None and made.refined is not None and len(made.refined.lights) == 1
    assert np.isfinite(made.neutral).all() and np.isfinite(made.spread).all()
    assert len(made.fit.rounds) == len(plain.fit.rounds)
    face = head.mask("face") > 0.5
    assert np.linalg.norm(made.neutral - plain.neutral, axis=1)[face].mean() < 3
    assert made.fit.off[0] < 0.03 * still.eyes_apart


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_photo_that_is_black_or_burnt_out_is_no_error(head, albedo, value):
    still = still_of(head)
    still = replace(still, pixels=np.full_like(still.pixels, value))
    made = reconstruct_stills(head, [still], replace(PLAIN, albedo=albedo))
    assert made.refined is not None
    assert np.isfinite(made.neutral).all() and np.isfinite(made.refined.lights[0]).all()


def test_stages_are_told_in_order_and_may_stop_the_work(head):
    told = []
    params = ReconstructParams(texture=256)
    made = reconstruct_stills(head, [still_of(head)], params, on_stage=told.append)
    assert told == ["fit", "bake"] and made.texture is not None and made.texture.colour.shape == (256, 256, 3)
    assert made.relief is not None and made.relief.normals.shape == (256, 256, 3)

    def stop(stage: str) -> None:
        raise KeyboardInterrupt(stage)

    with pytest.raises(KeyboardInterrupt, match="fit"):
        reconstruct_stills(head, [still_of(head)], params, on_stage=stop)

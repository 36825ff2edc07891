"""FLAME's coefficients of a clip: a row for every frame, smooth where the clip is, none where no face was seen."""

from fractions import Fraction

import numpy as np
import pytest

from faceplate.flame_output import (
    FlameCoefficients,
    flame_coefficients,
    write_flame,
)
from faceplate.reconstruct.camera import Camera, HeadPose, project
from faceplate.reconstruct.flame import FlameModel, read_flame
from faceplate.reconstruct.head_fit import Fit
from faceplate.reconstruct.performance import Performance
from faceplate.reconstruct.pipeline import Reconstructed
from tests.support.flame import make_rig, pickled, points_of, topology

FRAMES, LOST = 8, 5
CAMERA = Camera(900.0, (200.0, 200.0))
JOINTS = {"global_orient": "root", "jaw_pose": "jaw", "leye_pose": "eye_left", "reye_pose": "eye_right"}


@pytest.fixture(scope="module")
def mesh(shared):
    return topology(shared)


@pytest.fixture(scope="module")
def flame(head, mesh) -> FlameModel:
    return read_flame(pickled(make_rig(head, mesh), 2))


@pytest.fixture(scope="module")
def performance(head) -> Performance:
    """The jaw opens and a smile comes evenly, the head turns and walks by; one frame shows no face."""
    time = np.linspace(0, 1, FRAMES)
    weights = np.zeros((FRAMES, len(head.expressions)), np.float32)
    for name, most in {"jawOpen": 0.7, "mouthSmileLeft": 0.6, "mouthSmileRight": 0.6}.items():
        weights[:, head.expression_names.index(name)] = most * time
    weights = np.array([head.with_correctives(row) for row in weights])
    turns = time[:, None] * (0.1, 0.5, 0.05)
    moves = (0.0, 0.0, 800.0) + time[:, None] * (40.0, -10.0, 0.0)
    off = np.full(FRAMES, 0.4)
    for rows in (weights, turns, moves, off):
        rows[LOST] = np.nan
    return Performance(
        np.arange(1001, 1001 + FRAMES), Fraction(24000, 1001), weights, turns, moves, weights, off, CAMERA
    )


@pytest.fixture(scope="module")
def made(head, performance) -> Reconstructed:
    identity = (np.random.default_rng(11).normal(size=60) * 0.7).astype(np.float32)
    pose = HeadPose(performance.turns[3], performance.moves[3])
    fit = Fit(identity, [performance.weights[3]], [pose], [CAMERA], [0.0])
    return Reconstructed(head.rest(identity), np.ones(len(head.mean), np.float32), fit, None)


@pytest.fixture(scope="module")
def found(head, flame, made, performance) -> FlameCoefficients:
    return flame_coefficients(head, flame, made, performance)


def posed(flame: FlameModel, found: FlameCoefficients, row: np.intp) -> np.ndarray:
    """(V, 3) mm, FLAME's mesh before the camera, as its authors' code poses it."""
    turns = {joint: getattr(found, name)[row] for name, joint in JOINTS.items()}
    return flame.posed(flame.rest(found.betas, found.expression[row]), turns) + 1000 * found.transl[row]


def test_every_frame_has_a_row_and_one_without_a_face_has_none(found, performance):
    assert found.frames is not None and found.frames.tolist() == performance.frames.tolist()
    assert found.rate is not None and found.rate.tolist() == [24000, 1001]
    kept = np.arange(FRAMES) != LOST
    for name in ("expression", "neck_pose", "transl", "expression_off", *JOINTS):
        rows = getattr(found, name)
        assert len(rows) == FRAMES and np.isfinite(rows[kept]).all() and np.isnan(rows[LOST]).all(), name
    assert found.betas.ndim == 1 and np.isfinite(found.betas).all()


def test_flame_stands_where_the_clip_has_the_head(head, flame, mesh, made, performance, found):
    """Its features are seen where ours are, on every frame; the two sets of points differ by 2 mm in themselves."""
    for row in np.flatnonzero(performance.found):
        pose = HeadPose(performance.turns[row], performance.moves[row])
        shown = head.rest(made.fit.identity, performance.weights[row]).astype(np.float64)
        ours = project(head.landmarks["68"].on(shown), pose, CAMERA)[27:, :2]
        theirs = points_of(mesh, posed(flame, found, row))[27:]
        pixels = 200 + 900 * theirs[:, :2] * (1, -1) / -theirs[:, 2:]
        off = np.linalg.norm(pixels - ours, axis=1) * 800 / 900  # mm
        assert off.mean() < 4 and off.max() < 9, row


def test_the_jaw_opens_and_nothing_trembles(flame, found, performance):
    """Even movement stays even: between three frames in a row no vertex leaves the straight line by much."""
    kept = np.flatnonzero(performance.found)
    opened = found.jaw_pose[kept, 0]
    assert (np.diff(opened) > 0).all() and opened[-1] > 0.1
    alone = [
        flame.posed(flame.rest(found.betas, found.expression[row]), {"jaw": found.jaw_pose[row]})
        for row in range(LOST)
    ]
    steps = np.linalg.norm(np.diff(alone, axis=0), axis=2).max(1)
    bends = np.linalg.norm(np.diff(alone, n=2, axis=0), axis=2).max(1)
    assert steps.min() > 1 and bends.max() < 0.25 * steps.max()


def test_a_frame_is_what_a_photo_of_it_would_be(head, flame, made, found):
    photo = flame_coefficients(head, flame, made)
    assert photo.frames is None and photo.expression.shape == (1, found.expression.shape[1])
    for name in ("expression", "transl", *JOINTS):
        np.testing.assert_allclose(getattr(photo, name)[0], getattr(found, name)[3], atol=1e-5)


def test_the_file_holds_the_clip(head, flame, made, performance, found, tmp_path):
    told = write_flame(tmp_path / "head.glb", head, (flame, "rig@1.0.0"), made, performance)
    with np.load(tmp_path / "head.flame.npz", allow_pickle=False) as held:
        assert str(held["flame"]) == "rig@1.0.0" and held["expression"].shape == found.expression.shape
        assert held["frames"].tolist() == performance.frames.tolist() and held["rate"].tolist() == [
            24000,
            1001,
        ]
        np.testing.assert_allclose(held["transl"], found.transl, atol=1e-6)
    middle, worst = told["expression_off_mm"]
    assert told["output"] == str(tmp_path / "head.flame.npz") and 0 < middle <= worst < 3


def test_the_work_can_be_stopped_at_every_frame(head, flame, made, performance):
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        flame_coefficients(head, flame, made, performance, on_frame=stop)

"""The landmark net's recipe: labels move with the pixels, losses punish what they should, weights leave as they are."""

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.nets.landmarks_net import SIDE, LandmarksNet
from faceplate.stages.landmarks import MIRROR, TEMPLATE, five_of
from faceplate_training.landmarks_face.train import export, losses
from faceplate_training.landmarks_face.views import Shown, Views, covered, cut, mirrored, misplaced


def make_shown(side: int = 256) -> Shown:
    """One picture: grey, a white spot at the tip of the nose, points about a face in the middle."""
    rng = np.random.default_rng(2)
    points = rng.uniform(70, 190, (68, 2)).astype(np.float32)
    five = (TEMPLATE - SIDE / 2) * 0.6 + side / 2
    points[36:42] += five[0] - points[36:42].mean(0)
    points[42:48] += five[1] - points[42:48].mean(0)
    points[[30, 48, 54]] = five[2:]
    pixels = np.full((side, side, 3), 60, np.uint8)
    place = np.round((points[30] - 0.5) * 16).astype(int)
    cv2.circle(pixels, (int(place[0]), int(place[1])), 4 * 16, (250, 250, 250), -1, cv2.LINE_AA, 4)
    ones = np.ones((1, 68), np.float32)
    return Shown(pixels[None], points[None], ones, ones, np.array([[0.1, 0.5, 0.0]], np.float32))


def spot(pixels: np.ndarray) -> np.ndarray:
    """(2,) the middle of what is bright, pixels with centres at +0.5."""
    share = np.clip(pixels[..., 0].astype(float) - 90, 0, None)
    y, x = np.mgrid[: share.shape[0], : share.shape[1]] + 0.5
    return np.array([(share * x).sum(), (share * y).sum()]) / share.sum()


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), squeeze=st.booleans())
def test_points_move_with_the_pixels(seed, squeeze):
    rng = np.random.default_rng(seed)
    shown = make_shown()
    view = cut(shown, 0, misplaced(five_of(shown.points[0]), rng), squeeze=squeeze, rng=rng)
    np.testing.assert_allclose(spot(view.pixels), view.points[30], atol=0.35)
    other = mirrored(view)
    np.testing.assert_allclose(spot(other.pixels), other.points[30], atol=0.35)


def test_a_mirror_in_a_mirror_changes_nothing():
    shown = make_shown()
    view = cut(shown, 0, five_of(shown.points[0]))
    back = mirrored(mirrored(view))
    np.testing.assert_array_equal(back.pixels, view.pixels)
    np.testing.assert_allclose(back.points, view.points, atol=1e-4)
    np.testing.assert_allclose(back.turn, view.turn)
    np.testing.assert_allclose(mirrored(view).points[MIRROR] * (-1, 1) + (SIDE, 0), view.points, atol=1e-4)


def test_a_rolled_crop_rolls_the_head_the_other_way():
    shown = make_shown()
    angle, five = 0.3, five_of(shown.points[0])
    middle = five.mean(0)
    clockwise = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    plain = cut(shown, 0, five)
    rolled = cut(shown, 0, ((five - middle) @ clockwise.T + middle).astype(np.float32))
    # five points that lie clockwise are turned back: the head in the crop is turned anticlockwise, about +z
    expected = cv2.Rodrigues(np.array([0, 0, angle]))[0] @ cv2.Rodrigues(plain.turn.astype(float))[0]
    np.testing.assert_allclose(cv2.Rodrigues(rolled.turn.astype(float))[0], expected, atol=1e-4)


def test_what_lies_under_a_box_is_hidden_and_nothing_else():
    shown = make_shown()
    view = cut(shown, 0, five_of(shown.points[0]))
    for seed in range(10):
        after = covered(view, np.random.default_rng(seed))
        x, y = np.floor(view.points).astype(int).T
        changed = (
            after.pixels[y.clip(0, SIDE - 1), x.clip(0, SIDE - 1)]
            != view.pixels[y.clip(0, SIDE - 1), x.clip(0, SIDE - 1)]
        ).any(1)
        np.testing.assert_array_equal(after.visible == 0, changed)


def test_a_view_is_the_same_whenever_it_is_asked_for():
    shown = make_shown()
    one, two = Views(shown, shown, 1, 10), Views(shown, shown, 1, 10)
    for first, second in zip(one[7], two[7], strict=True):
        np.testing.assert_array_equal(first, second)
    assert (one[8][0] != one[7][0]).any()


def found(points: torch.Tensor, spread: float = 2.0) -> tuple[torch.Tensor, ...]:
    seen = torch.full(points.shape[:2], 0.9)
    return points, torch.full(points.shape[:2], spread), seen, torch.zeros(len(points), 3)


def test_losses_fall_towards_the_truth_and_the_spread_leaves_the_points_alone():
    truth = torch.rand(2, 68, 2) * SIDE
    ones, turn = torch.ones(2, 68), torch.zeros(2, 3)
    near, far = (losses(found(truth + off), truth, ones, ones, turn) for off in (0.5, 5.0))
    assert near["points"] < far["points"] and near["spread"] < far["spread"] and near["turn"] == 0
    sure, unsure = (
        losses(found(truth + 0.1, spread), truth, ones, ones, turn)["spread"] for spread in (0.5, 9.0)
    )
    assert sure < unsure
    moved = (truth + 3).requires_grad_()
    spread = torch.full((2, 68), 2.0, requires_grad=True)
    losses((moved, spread, ones * 0.9, turn), truth, ones, ones, turn)["spread"].backward()
    assert (
        moved.grad is None and spread.grad is not None and (spread.grad < 0).all()
    )  # the true spread is larger than 2


def test_visibility_that_is_not_known_is_not_asked_for():
    truth, turn = torch.rand(1, 68, 2) * SIDE, torch.zeros(1, 3)
    told = torch.ones(1, 68)
    told[:, :5] = 0
    answer = list(found(truth))
    right = losses(tuple(answer), truth, torch.ones(1, 68), told, turn)["seen"]
    answer[2] = answer[2].clone()
    answer[2][:, :5] = 0.01
    assert losses(tuple(answer), truth, torch.ones(1, 68), told, turn)["seen"] == right


@pytest.fixture(scope="module")
def net() -> LandmarksNet:
    torch.manual_seed(0)
    net = LandmarksNet().eval()
    usual = torch.rand(68, 2, generator=torch.Generator().manual_seed(1)) * 120 + 36
    net.expect(usual, torch.full((68,), 4.0))
    net.usual = usual  # pyright: ignore[reportAttributeAccessIssue]
    return net


def test_an_untrained_net_says_the_usual_face(net):
    with torch.no_grad():
        points, spread, visible, turn = net(torch.rand(2, 3, SIDE, SIDE))
    assert points.shape == (2, 68, 2) and turn.shape == (2, 3)
    assert (points[0] - net.usual).norm(dim=1).mean() < 6
    assert (spread > 0).all() and ((visible > 0) & (visible < 1)).all()


def test_the_file_answers_as_the_net_does(net, tmp_path):
    path = tmp_path / "landmarks.onnx"
    export(net, path)
    assert path.stat().st_size < 5_000_000
    crops = torch.rand(2, 3, SIDE, SIDE)
    with torch.no_grad():
        wanted = net(crops)
    got = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(
        None, {"crop": crops.numpy()}
    )
    for one, other in zip(wanted, got, strict=True):
        np.testing.assert_allclose(one.numpy(), np.asarray(other), atol=0.1)

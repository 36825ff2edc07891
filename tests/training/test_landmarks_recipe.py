"""The landmark net's recipe: labels move with the pixels, losses punish what they should, weights leave as they are."""

import cv2
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.stages.landmarks import MIRROR, SIDE, TEMPLATE, five_of
from faceplate_training.landmarks_face.losses import point_losses
from faceplate_training.landmarks_face.views import Shown, covered, cut, mirrored, misplaced


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


def found(points: torch.Tensor, spread: float = 2.0) -> tuple[torch.Tensor, ...]:
    seen = torch.full(points.shape[:2], 0.9)
    return points, torch.full(points.shape[:2], spread), seen, torch.zeros(len(points), 3)


def test_losses_fall_towards_the_truth_and_the_spread_leaves_the_points_alone():
    truth = torch.rand(2, 68, 2) * SIDE
    ones, turn = torch.ones(2, 68), torch.zeros(2, 3)
    near, far = (point_losses(found(truth + off), truth, ones, ones, turn) for off in (0.5, 5.0))
    assert near["points"] < far["points"] and near["spread"] < far["spread"] and near["turn"] == 0
    sure, unsure = (
        point_losses(found(truth + 0.1, spread), truth, ones, ones, turn)["spread"] for spread in (0.5, 9.0)
    )
    assert sure < unsure
    moved = (truth + 3).requires_grad_()
    spread = torch.full((2, 68), 2.0, requires_grad=True)
    point_losses((moved, spread, ones * 0.9, turn), truth, ones, ones, turn)["spread"].backward()
    assert (
        moved.grad is None and spread.grad is not None and (spread.grad < 0).all()
    )  # the true spread is larger than 2


def test_visibility_that_is_not_known_is_not_asked_for():
    truth, turn = torch.rand(1, 68, 2) * SIDE, torch.zeros(1, 3)
    told = torch.ones(1, 68)
    told[:, :5] = 0
    answer = list(found(truth))
    right = point_losses(tuple(answer), truth, torch.ones(1, 68), told, turn)["seen"]
    answer[2] = answer[2].clone()
    answer[2][:, :5] = 0.01
    assert point_losses(tuple(answer), truth, torch.ones(1, 68), told, turn)["seen"] == right

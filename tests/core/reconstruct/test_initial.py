"""What a net says of a head before anything is fitted: read into the head's order, refused where it is no such net."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from faceplate.errors import ShapeError
from faceplate.faces import FFHQ_512, Face
from faceplate.geometry import apply, scaling, translation
from faceplate.plate import Plate
from faceplate.reconstruct.camera import HeadPose, camera_for_lens, project
from faceplate.reconstruct.fit import fit_points
from faceplate.reconstruct.head_fit import FitParams, View
from faceplate.reconstruct.initial import Guess, guess_head
from faceplate.reconstruct.morphable import HeadModel
from faceplate.stages.landmarks import SIDE, TEMPLATE, Landmarks, crop_from_points

SIZE = 256


class Seen(NamedTuple):
    """A face on a plate, and its points."""

    plate: Plate
    face: Face
    landmarks: Landmarks

    def guess(self, net: "Guesser", head: HeadModel) -> Guess:
        return guess_head(self.plate, self.face, self.landmarks, net, head)


class Guesser:
    """A net that says the same of every face, and remembers what it was shown."""

    id, template, seconds = "stub-guess", "", 0.0

    def __init__(self, identity: np.ndarray, weights: np.ndarray, spread: float = 0.05):
        self.answer: tuple = (
            np.zeros((1, 68, 2)), np.ones((1, 68)), np.ones((1, 68)), np.zeros((1, 3)),
            identity[None], np.full((1, len(identity)), spread), weights[None], np.full((1, len(weights)), spread),
            np.linspace(0, 1, 3 * 256 * 256).reshape(1, 3, 256, 256),
        )  # fmt: skip
        self.answer = tuple(part.astype(np.float32) for part in self.answer)

    def __call__(self, batch: Any) -> Any:
        self.batch = batch
        return self.answer


@pytest.fixture
def seen() -> Seen:
    """A face in the middle of a plate whose red rises to the right, and its points."""
    placed = translation(64, 64) @ scaling(0.25)
    five = apply(placed, FFHQ_512)
    points = np.repeat(five.mean(0)[None], 68, 0)
    points[36:42], points[42:48], points[30], points[48], points[54] = five
    pixels = np.zeros((SIZE, SIZE, 3), np.float32)
    pixels[..., 0] = np.linspace(0, 1, SIZE)
    ones = np.ones(68, np.float32)
    landmarks = Landmarks(points.astype(np.float32), ones, ones, np.zeros(3, np.float32))
    return Seen(Plate.of(pixels), Face((64, 64, 192, 192), five, 0.9), landmarks)


def test_weights_go_to_the_heads_own_places_and_nothing_is_said_of_others(head, seen):
    weights = np.random.default_rng(1).random(len(head.arkit))
    net = Guesser(np.arange(60) / 60, weights)
    guess = seen.guess(net, head)
    np.testing.assert_allclose(guess.expression.mean[head.arkit], weights, rtol=1e-6)
    assert guess.expression.known.sum() == len(head.arkit) == 52
    np.testing.assert_allclose(guess.identity.mean, np.arange(60) / 60, rtol=1e-6)
    assert guess.texture.shape == (256, 256, 3)
    np.testing.assert_array_equal(guess.texture[:, :, 1], net.answer[8][0, 1])


def test_the_net_is_shown_the_crop_that_the_points_ask_for(head, seen):
    face = seen.face
    net = Guesser(np.zeros(60), np.zeros(52))
    seen.guess(net, head)
    assert net.batch.shape == (1, 3, SIDE, SIDE) and net.batch.dtype == np.float32
    eye = apply(crop_from_points(face.points), face.points[:1])[0]
    np.testing.assert_allclose(eye, TEMPLATE[0], atol=3)
    x, y = np.floor(TEMPLATE[0]).astype(int)
    assert net.batch[0, 0, y, x] == pytest.approx(face.points[0, 0] / SIZE, abs=0.02)


@pytest.mark.parametrize("wrong", [slice(0, 4), slice(0, 8)])
def test_a_net_of_another_kind_is_refused(head, seen, wrong):
    net = Guesser(np.zeros(60), np.zeros(52))
    net.answer = net.answer[wrong]
    with pytest.raises(ShapeError, match="should answer nine finite arrays"):
        seen.guess(net, head)


def test_a_net_for_another_head_or_that_says_nan_is_refused(head, seen):
    with pytest.raises(ShapeError, match="52 expression weights"):
        seen.guess(Guesser(np.zeros(60), np.zeros(40)), head)
    with pytest.raises(ShapeError, match="finite"):
        seen.guess(Guesser(np.full(60, np.nan), np.zeros(52)), head)


def test_what_a_sure_net_says_is_what_a_fit_says_where_points_are_silent(head, seen):
    """Where eyes look moves lids by next to nothing, and the points of the lids by less."""
    weights = np.zeros(52)
    names = [head.expression_names[place] for place in head.arkit]
    weights[names.index("eyeLookOutLeft")] = 0.8
    guess = seen.guess(Guesser(np.zeros(60), weights, 0.02), head)
    camera = camera_for_lens(SIZE, SIZE, millimetres=50)
    pose = HeadPose(np.zeros(3), np.array([0.0, 0.0, 600.0]))
    points = project(head.landmarks["68"].on(head.mean.astype(float)), pose, camera)[:, :2].astype(np.float32)
    place = head.expression_names.index("eyeLookOutLeft")
    plain = fit_points(head, [View(points, camera)], FitParams())
    told = fit_points(
        head, [View(points, camera, None, guess.expression)], FitParams(expected=guess.identity)
    )
    assert plain.expressions[0][place] < 0.2 and told.expressions[0][place] == pytest.approx(0.8, abs=0.1)

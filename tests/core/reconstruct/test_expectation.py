"""What a net expects of a photo: it holds where points say nothing, yields where they do, and is pooled with care."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.camera import HeadPose, camera_for_lens, project
from faceplate.reconstruct.descent import descend
from faceplate.reconstruct.expectation import Expectation, pooled
from faceplate.reconstruct.fit import fit_points
from faceplate.reconstruct.head_fit import FitParams, View
from faceplate.reconstruct.performance import ClipFrame, follow_performance
from faceplate.reconstruct.pipeline import ReconstructParams, Still, reconstruct_stills
from faceplate.reconstruct.points_problem import PointsProblem
from tests.support.heads import make_head

HEAD = make_head()
CAMERA = camera_for_lens(800, 600, millimetres=50)
WEIGHTS = (0.6, 0.3, 0.2)
PERSON = np.array([1.0, -0.8, 0.5, 0.3, -0.4])
COUNT = len(HEAD.expressions)


def view_of(yaw: float = 0.2, *, expected: Expectation | None = None) -> View:
    where = HeadPose(np.array([0.05, yaw, 0.0]), np.array([15.0, -10.0, 700.0]))
    points = HEAD.landmarks["68"].on(HEAD.rest(PERSON, WEIGHTS).astype(np.float64))
    return View(project(points, where, CAMERA)[:, :2].astype(np.float32), CAMERA, expected=expected)


def expects(mean: float, spread: float, count: int = COUNT) -> Expectation:
    return Expectation(np.full(count, mean), np.full(count, spread))


def test_points_that_say_nothing_leave_what_was_expected():
    told = Expectation(np.array([0.7, -0.3, np.nan, 0.2, 0.9]), np.array([0.3, 0.5, 0.1, np.inf, 0.01]))
    fit = fit_points(
        HEAD, [view_of(expected=expects(0.4, 0.1))], FitParams(noise=0.99, identity=5, expected=told)
    )
    np.testing.assert_allclose(fit.identity[:5], [0.7, -0.3, 0, 0, 0.9], atol=0.03)
    np.testing.assert_allclose(fit.expressions[0][HEAD.fitted], 0.4, atol=0.02)
    np.testing.assert_allclose(np.sqrt(fit.covariance.diagonal()), [0.3, 0.5, 1, 1, 0.01], rtol=0.03)


def test_points_that_say_much_are_believed_over_what_was_expected():
    params = FitParams(noise=1e-4, identity=5, rounds=60)
    views = [view_of(yaw, expected=expects(0.5, 0.3)) for yaw in (-0.6, 0.0, 0.6)]
    fit = fit_points(HEAD, views, replace(params, expected=expects(-0.5, 1.0, 5)))
    np.testing.assert_allclose(fit.identity, fit_points(HEAD, views, params).identity, atol=0.05)
    np.testing.assert_allclose(fit.expressions[0][:3], WEIGHTS, atol=0.05)


def test_whose_size_is_expected_is_not_made_larger():
    """The most probable size is asked for where points are all there is, and not where a net knew the person."""
    view = view_of()
    alone = fit_points(HEAD, [view], FitParams(identity=5, focal_spread=0.5, distance_spread=0.6))
    told = fit_points(
        HEAD,
        [view],
        FitParams(identity=5, focal_spread=0.5, distance_spread=0.6, expected=expects(0.0, 1.0, 5)),
    )
    assert any(entry.size != 0 for entry in alone.rounds) and all(entry.size == 0 for entry in told.rounds)


def test_an_expectation_of_nothing_changes_no_bit():
    plain = fit_points(HEAD, [view_of()], FitParams(identity=5))
    none = fit_points(
        HEAD,
        [view_of(expected=expects(np.nan, 1.0))],
        FitParams(identity=5, expected=expects(0.0, np.inf, 5)),
    )
    assert plain.identity.tobytes() == none.identity.tobytes()
    assert plain.expressions[0].tobytes() == none.expressions[0].tobytes()


def test_what_people_are_like_may_be_told_as_an_expectation():
    """But for the size that is asked for where nobody tells anything, the same head comes of it."""
    told = FitParams(identity=5, expected=expects(0.0, 1.0, 5))
    problems = [
        PointsProblem.of(HEAD, [view_of(expected=expected)], params)
        for expected, params in ((None, FitParams(identity=5)), (expects(0.0, 0.3), told))
    ]
    plain, usual = (descend(each, each.start(), rounds=30).state[:5] for each in problems)
    np.testing.assert_allclose(usual, plain, atol=1e-5)  # more shapes, which points do not move


def test_all_that_is_expected_is_fitted():
    """Components beyond those asked for, and shapes that the points do not show."""
    params = FitParams(noise=0.99, identity=2, expected=expects(0.5, 0.2, 4))
    fit = fit_points(HEAD, [view_of(expected=expects(0.4, 0.1))], params)
    np.testing.assert_allclose(fit.identity, [0.5, 0.5, 0.5, 0.5, 0.0], atol=0.02)
    assert (fit.expressions[0][HEAD.fitted] > 0.3).all()


def test_the_gradient_is_the_slope_of_the_cost():
    expected = Expectation(np.linspace(0.2, 0.7, COUNT), np.linspace(0.05, 0.3, COUNT))
    params = FitParams(identity=5, focal_spread=0.2, expected=expects(0.3, 0.4, 5), outlier=1e6)
    problem = PointsProblem.of(HEAD, [view_of(), view_of(0.5, expected=expected)], params)
    state = problem.start() + 0.02 * np.random.default_rng(0).normal(size=problem.size)
    gradient, _ = problem.linearise(state)
    for place in range(problem.size):
        step = np.zeros_like(state)
        step[place] = 1e-5
        slope = (problem.cost(state + step)[1] - problem.cost(state - step)[1]) / 2e-5
        assert slope == pytest.approx(2 * gradient[place], rel=2e-4, abs=1e-3), place


def test_the_fit_begins_at_what_is_expected():
    params = FitParams(identity=5, expected=expects(0.3, 0.4, 5))
    problem = PointsProblem.of(HEAD, [view_of(expected=expects(0.6, 0.2))], params)
    state = problem.start()
    np.testing.assert_allclose(state[:5], 0.3)
    np.testing.assert_allclose(state[problem.place(0)[0]], 0.6)
    assert problem.cost(state)[0]["identity"] == problem.cost(state)[0]["expression"] == 0


@given(means=st.lists(st.floats(-2, 2), min_size=1, max_size=5), spread=st.floats(0.05, 0.95))
def test_photos_that_share_their_errors_are_no_surer_than_one(means, spread):
    each = [Expectation(np.array([mean]), np.array([spread])) for mean in means]
    alike, apart = (pooled(each, shared) for shared in (1.0, 0.0))
    np.testing.assert_allclose(alike.mean, np.mean(means), atol=1e-6)
    np.testing.assert_allclose(alike.spread, spread, rtol=1e-6)
    precision = 1 + len(means) * (1 / spread**2 - 1)
    np.testing.assert_allclose(apart.spread, 1 / np.sqrt(precision), rtol=1e-6)


def test_what_no_photo_tells_stays_unknown_and_one_that_tells_is_believed():
    one = Expectation(np.array([0.5, np.nan]), np.array([0.2, 0.2]))
    other = Expectation(np.array([np.nan, 1.0]), np.array([0.1, np.inf]))
    found = pooled([one, other], 0.5)
    assert found.known.tolist() == [True, False]
    np.testing.assert_allclose([found.mean[0], found.spread[0]], [0.5, 0.2], rtol=1e-6)


def test_wrong_expectations_name_themselves():
    with pytest.raises(RangeError, match="spreads above 0"):
        Expectation(np.zeros(3), np.array([1.0, 0.0, 1.0]))
    with pytest.raises(ShapeError):
        Expectation(np.zeros(3), np.ones(4))
    with pytest.raises(ShapeError, match="expected"):
        fit_points(HEAD, [view_of(expected=expects(0.1, 0.1, COUNT - 1))], FitParams(identity=5))
    with pytest.raises(RangeError, match="5 identity components"):
        fit_points(HEAD, [view_of()], FitParams(identity=5, expected=expects(0, 1, 6)))
    with pytest.raises(RangeError, match="at least one"):
        pooled([], 0.5)


def test_photos_carry_what_is_expected_of_them_through_points_and_colours(head, albedo):
    """A face of 20 pixels, which says little: the head is the expected one, with colours and without."""
    camera = camera_for_lens(100, 100, millimetres=60)
    where = HeadPose(np.zeros(3), np.array([0.0, 0.0, 1400.0]))
    points = project(head.landmarks["68"].on(head.mean.astype(float)), where, camera)[:, :2]
    person = np.random.default_rng(3).normal(size=len(head.identity))
    acted = head.weights({"jawOpen": 0.5})
    still = Still(
        "small",
        np.full((100, 100, 3), 0.5, np.float32),
        points.astype(np.float32),
        camera,
        spread=10.0,
        expected=Expectation(acted, np.full(len(acted), 0.02)),
        expected_identity=Expectation(person, np.full(len(person), 0.05)),
    )
    for params in (ReconstructParams(texture=0), ReconstructParams(texture=0, albedo=albedo)):
        made = reconstruct_stills(head, [still], params)
        assert np.abs(made.fit.identity - person).max() < 0.2
        assert np.abs(made.fit.expressions[0] - acted)[head.fitted].max() < 0.1


def test_a_clips_frames_carry_what_is_expected_of_them(head):
    """Of two frames with the same points the one that is told of an open mouth opens it more."""
    where = HeadPose(np.zeros(3), np.array([0.0, 0.0, 900.0]))
    points = project(head.landmarks["68"].on(head.mean.astype(float)), where, CAMERA)[:, :2].astype(
        np.float32
    )
    told = np.full(len(head.expressions), np.nan)
    jaw = head.expression_names.index("jawOpen")
    told[jaw] = 0.8
    expected = Expectation(told, np.full(len(told), 0.02))
    blind, seeing = (
        follow_performance(
            head,
            np.zeros(0),
            [ClipFrame(1, points, np.ones(68, np.float32), 5.0, 0, each)],
            [1],
            Fraction(24),
            CAMERA,
        )
        for each in (None, expected)
    )
    assert blind.fitted[0, jaw] < 0.2 and seeing.fitted[0, jaw] > 0.6

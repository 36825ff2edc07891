"""The fit: known heads come back from their points, views help, priors hold, a wrong point loses its say."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.camera import HeadPose, camera_for_lens, project, seen_from
from faceplate.reconstruct.descent import descend
from faceplate.reconstruct.fit import fit_points
from faceplate.reconstruct.head_fit import Fit, FitParams, View
from faceplate.reconstruct.point_errors import PointErrors
from faceplate.reconstruct.points_problem import PointsProblem, place_head
from tests.support.heads import make_head

HEAD = make_head()
CAMERA = camera_for_lens(800, 600, millimetres=50)
SET = HEAD.landmarks["68"]
CERTAIN = FitParams(noise=1e-4, identity=5, rounds=60)


def pose(yaw=0.0, pitch=0.0, roll=0.0, distance=700.0) -> HeadPose:
    return HeadPose(np.array([pitch, yaw, roll]), np.array([15.0, -10.0, distance]))


def view_of(identity, expression, where, *, camera=CAMERA, noise=0.0, seed=0) -> View:
    points = project(SET.on(HEAD.rest(identity, expression).astype(np.float64)), where, camera)[:, :2]
    points = points + np.random.default_rng(seed).normal(0, 1, points.shape) * noise
    return View(points.astype(np.float32), camera)


def face_error(fit: Fit, identity) -> float:
    """mm RMS over vertices, on known correspondence and without alignment."""
    return float(np.sqrt(((HEAD.rest(fit.identity) - HEAD.rest(identity)) ** 2).sum(1).mean()))


people = st.lists(st.floats(-1.5, 1.5), min_size=5, max_size=5)
angles = st.tuples(st.floats(-0.6, 0.6), st.floats(-0.4, 0.4), st.floats(-0.5, 0.5))


@settings(max_examples=15)
@given(person=people, angle=angles)
def test_a_pose_comes_back_from_its_points(person, angle):
    """Whatever the rotation is called, the head's points lie where they lay."""
    where, points = pose(*angle), SET.on(HEAD.rest(person).astype(np.float64))
    found = place_head(points, view_of(person, (), where))
    np.testing.assert_allclose(seen_from(points, found), seen_from(points, where), atol=0.5)


@settings(max_examples=10)
@given(person=people, jaw=st.floats(0, 1), smile=st.floats(0, 1))
def test_a_known_head_comes_back_from_three_views(person, jaw, smile):
    weights = (jaw, smile, 0.2)
    views = [view_of(person, weights, pose(yaw)) for yaw in (-0.6, 0.0, 0.6)]
    fit = fit_points(HEAD, views, CERTAIN)
    assert fit.settled and max(fit.off) < 0.05
    assert face_error(fit, person) < 0.6
    for found in fit.expressions:
        np.testing.assert_allclose(found[:3], weights, atol=0.05)
        assert not found[3:].any()  # a viseme and a corrective are not fitted


def test_views_share_one_identity_and_keep_their_own_expression():
    person = (1.0, -1.0, 0.8, 0.5, -0.6)
    open_wide, shut = view_of(person, (0.9,), pose(-0.5)), view_of(person, (), pose(0.5))
    fit = fit_points(HEAD, [open_wide, shut], CERTAIN)
    assert fit.expressions[0][0] == pytest.approx(0.9, abs=0.05)
    assert fit.expressions[1][0] == pytest.approx(0.0, abs=0.05)
    swapped = fit_points(HEAD, [shut, open_wide], CERTAIN)
    np.testing.assert_allclose(swapped.identity, fit.identity, atol=2e-2)


def test_more_views_of_noisy_points_bring_the_head_nearer():
    errors = {1: [], 5: []}
    for seed in range(6):
        person = np.random.default_rng(seed).normal(size=5)
        views = [view_of(person, (), pose(yaw), noise=1.5, seed=seed) for yaw in (0, -0.7, 0.7, -0.35, 0.35)]
        for count, found in errors.items():
            params = FitParams(noise=0.008, identity=5)
            found.append(face_error(fit_points(HEAD, views[:count], params), person))
    assert np.mean(errors[5]) < 0.8 * np.mean(errors[1])


def test_points_that_say_nothing_leave_the_mean_head():
    """With noise as large as the face the statistics decide."""
    fit = fit_points(HEAD, [view_of((2, 2, 2, 2, 2), (1,), pose())], FitParams(noise=0.9, identity=5))
    assert np.abs(fit.identity).max() < 0.1


def test_one_point_far_off_does_not_bend_the_head():
    person = (1.0, 0.5, -0.5, 0.5, 0.0)
    clean = view_of(person, (), pose(), noise=0.5)
    wrong = replace(clean, points=clean.points.copy())
    wrong.points[30] += 150
    params = FitParams(noise=0.004, identity=5)
    without = replace(wrong, trust=np.where(np.arange(68) == 30, 0, 1).astype(np.float32))
    good, robust, told = (face_error(fit_points(HEAD, [v], params), person) for v in (clean, wrong, without))
    assert robust < good + 1.0 and abs(told - good) < 0.5
    blind = face_error(fit_points(HEAD, [wrong], replace(params, outlier=1e6)), person)
    assert blind > 2 * robust


def test_an_unknown_lens_is_found_from_perspective():
    true = camera_for_lens(800, 600, millimetres=35)
    guess = camera_for_lens(800, 600, millimetres=50)
    person = (0.5, -0.5, 0.5, 0.0, 0.0)
    views = [
        replace(view_of(person, (), pose(yaw, distance=420), camera=true), camera=guess)
        for yaw in (-0.6, 0, 0.6)
    ]
    fit = fit_points(HEAD, views, replace(CERTAIN, focal_spread=0.4))
    assert fit.cameras[0].focal == pytest.approx(true.focal, rel=0.03)
    kept = fit_points(HEAD, views, CERTAIN)
    assert kept.cameras[0].focal == guess.focal


def test_expressions_stay_within_their_range():
    pulled = view_of((), (1.8, -0.7), pose())
    fit = fit_points(HEAD, [pulled], CERTAIN)
    assert fit.expressions[0].min() >= 0 and fit.expressions[0].max() <= 1
    none = fit_points(HEAD, [pulled], replace(CERTAIN, expression_spread=0))
    assert not none.expressions[0].any()


def test_the_log_says_which_term_did_what_and_never_rises():
    fit = fit_points(HEAD, [view_of((1, 1, 0, 0, 0), (0.5,), pose(), noise=1)], FitParams(identity=5))
    totals = [step.total for step in fit.rounds]
    assert all(later <= earlier for earlier, later in pairwise(totals))
    assert fit.rounds[0].identity == 0 and fit.rounds[-1].identity > 0
    assert fit.rounds[-1].points < fit.rounds[0].points


def test_wrong_input_names_itself():
    view = view_of((), (), pose())
    with pytest.raises(RangeError, match="at least one view"):
        fit_points(HEAD, [])
    with pytest.raises(ShapeError, match="points should be 68 x 2"):
        fit_points(HEAD, [replace(view, points=view.points[:60])])
    with pytest.raises(RangeError, match="at least six trusted points, got 5"):
        fit_points(HEAD, [replace(view, trust=np.float32(np.arange(68) < 5))])
    with pytest.raises(RangeError, match="no landmarks 'mediapipe105'"):
        fit_points(HEAD, [view], FitParams(landmarks="mediapipe105"))
    with pytest.raises(RangeError, match="1-5 components"):
        fit_points(HEAD, [view], FitParams(identity=6))
    with pytest.raises(RangeError, match="noise"):
        fit_points(HEAD, [view], FitParams(identity=5, noise=0))


@pytest.mark.parametrize("alike", [0.0, 60.0])
def test_the_spread_is_how_far_fits_to_noisy_points_are_off(alike):
    """Many people of the model's own statistics, each seen with noise: their fits miss by what a fit says it may,
    whether errors of neighbouring points are alike or not.
    """
    params, off, told = FitParams(noise=0.01, identity=5, expression_spread=0, alike=alike), [], []
    errors = PointErrors.of(SET.on(HEAD.mean.astype(np.float64)), alike, 3.0)
    root = np.linalg.cholesky(errors.field + errors.own * np.eye(68))
    for seed in range(60):
        person = np.random.default_rng(seed).normal(size=5)
        clean = view_of(person, (), pose(0.3))
        sigma = params.noise * float(np.linalg.norm(np.ptp(clean.points, axis=0)))
        noise = root @ np.random.default_rng(seed).normal(0, sigma, clean.points.shape)
        fit = fit_points(HEAD, [replace(clean, points=(clean.points + noise).astype(np.float32))], params)
        off.append(((HEAD.rest(fit.identity) - HEAD.rest(person)) ** 2).sum(1).mean())
        told.append((fit.spread(HEAD) ** 2).mean())
    assert np.sqrt(np.mean(off)) == pytest.approx(np.sqrt(np.mean(told)), rel=0.25)


def test_more_points_make_it_surer_and_none_make_it_the_prior():
    one = fit_points(HEAD, [view_of((), (), pose())], FitParams(identity=5))
    three = fit_points(HEAD, [view_of((), (), pose(yaw)) for yaw in (-0.6, 0, 0.6)], FitParams(identity=5))
    nothing = fit_points(HEAD, [view_of((), (), pose())], FitParams(identity=5, noise=0.99))
    prior = np.sqrt((HEAD.identity**2).sum((0, 2)).mean())
    means = [np.sqrt((fit.spread(HEAD) ** 2).mean()) for fit in (three, one, nothing)]
    assert means[0] < means[1] < means[2] <= prior * 1.001 and means[2] > 0.9 * prior


def size(shape: np.ndarray) -> float:
    return float(np.sqrt(((shape - shape.mean(0)) ** 2).sum()))


def test_heads_are_on_average_as_large_as_they_are(head):
    """Pixels say nothing of size, statistics a little. The most probable coefficients would be those of small heads."""
    params, larger, plain = FitParams(noise=0.002, expression_spread=0), [], []
    face = head.mask("face") > 0.5
    points = head.landmarks["68"]
    for seed in range(10):
        person = head.rest(np.random.default_rng(seed).normal(size=len(head.identity)))
        shown = [
            project(points.on(person.astype(np.float64)), pose(yaw), CAMERA)[:, :2]
            for yaw in (-0.5, 0.0, 0.5)
        ]
        views = [View(each.astype(np.float32), CAMERA) for each in shown]
        problem = PointsProblem.of(head, views, params)
        likeliest = problem.answer(descend(problem, problem.start(), rounds=30).state, [], True)
        for fit, found in ((fit_points(head, views, params), larger), (likeliest, plain)):
            found.append(np.log(size(head.rest(fit.identity)[face]) / size(person[face])))
    assert abs(np.mean(larger)) < 0.5 * abs(np.mean(plain)), (np.mean(larger), np.mean(plain))
    assert np.sqrt(np.mean(np.square(larger))) < np.sqrt(np.mean(np.square(plain)))


def test_each_view_may_have_a_lens_of_its_own():
    """Two photos through different lenses, each from near: told that they may differ, the fit finds both."""
    lenses = [camera_for_lens(800, 600, millimetres=mm) for mm in (35, 70)]
    guess, person = camera_for_lens(800, 600, millimetres=50), (0.5, -0.5, 0.5, 0.0, 0.0)
    views = [
        replace(view_of(person, (), pose(yaw, distance=8 * mm), camera=camera), camera=guess)
        for mm, camera, yaw in zip((35, 70), lenses, (-0.5, 0.5), strict=True)
    ]
    fit = fit_points(HEAD, views, replace(CERTAIN, focal_spread=0.5, lens_spread=0.5))
    for found, true in zip(fit.cameras, lenses, strict=True):
        assert found.focal == pytest.approx(true.focal, rel=0.1)
    one = fit_points(HEAD, views, replace(CERTAIN, focal_spread=0.5))
    assert one.cameras[0].focal == one.cameras[1].focal


def test_a_lens_that_nothing_tells_leaves_the_head_where_heads_stand():
    """A coarse picture tells no perspective; of lens and distance what is believed most surely holds."""
    view = view_of((), (), pose(distance=700))
    params = FitParams(noise=0.05, identity=5, focal_spread=1.0, distance=1500.0, distance_spread=0.1)
    fit = fit_points(HEAD, [view], params)
    assert fit.poses[0].move[2] == pytest.approx(1500, rel=0.1)
    assert fit.cameras[0].focal == pytest.approx(CAMERA.focal * 1500 / 700, rel=0.15)


def test_size_is_no_reason_for_a_longer_lens():
    """What a head farther off through a lens as much longer shows is as large: its size speaks for neither."""
    person = (1.2, -0.8, 0.5, 0.4, -0.3)
    view = view_of(person, (0.4,), pose(0.2), noise=2.0)
    params = FitParams(identity=5, focal_spread=0.5, distance_spread=0.6)
    loose = PointsProblem.of(HEAD, [view], params)
    start = descend(loose, loose.start(), rounds=20).state
    made = loose.sized(start)
    assert made.pull > 0.5 and made.cost(start)[0]["size"] == pytest.approx(0, abs=1e-9)
    away = made.place(0)[2].start + 2
    farther = start.copy()
    farther[away] *= 3
    assert made.cost(farther)[0]["size"] < -1  # alone, a head farther off is a larger one
    farther[-1] += np.log(3)
    assert made.cost(farther)[0]["size"] == pytest.approx(0, abs=1e-9)
    # and the gradient is the slope of that
    gradient = made.linearise(start)[0] - loose.linearise(start)[0]
    for place, step in ((away, 0.5), (len(start) - 1, 1e-3), (made.lens(0), 1e-3)):
        moved = [start.copy(), start.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        rise = (made.cost(moved[0])[0]["size"] - made.cost(moved[1])[0]["size"]) / (2 * step)
        assert 2 * gradient[place] == pytest.approx(rise, rel=1e-3)
    assert 300 < fit_points(HEAD, [view], params).poses[0].move[2] < 2000


def test_coefficients_beyond_what_people_have_do_not_ask_for_ever_larger_heads():
    loose = PointsProblem.of(HEAD, [view_of((), (), pose())], FitParams(identity=5))
    strange = loose.start()
    strange[:5] = 6.0
    assert loose.cost(strange)[0]["identity"] == pytest.approx(180)
    assert 0 < loose.sized(strange).pull <= 5  # as many as the points tell, and no more than there are

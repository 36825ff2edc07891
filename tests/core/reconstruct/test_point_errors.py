"""Errors of points: what neighbours share is cheap, what is one point's own is robust, and the gradient is exact."""

import numpy as np
import pytest

from faceplate.reconstruct.point_errors import OWN, PointErrors

PLACES = np.stack([np.linspace(0, 120, 30), np.zeros(30), np.zeros(30)], 1)
SURE = np.ones(30)


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(30, 2))


def test_errors_that_neighbours_share_cost_less_than_errors_that_they_do_not():
    errors = PointErrors.of(PLACES, 60, 1e6)
    shared, apart = np.ones((30, 2)), np.ones((30, 2)) * np.where(np.arange(30) % 2, 1, -1)[:, None]
    alike, unlike = (errors.weighed(off, SURE)[0] for off in (shared, apart))
    assert alike < 0.1 * unlike and alike < 0.25 * (shared**2).sum()


def test_without_likeness_it_is_hubers_sum():
    off = noise(0) * 3
    length = np.linalg.norm(off, axis=1)
    huber = np.where(length < 2, length**2, 2 * (2 * length - 2))
    assert PointErrors.of(PLACES, 0, 2.0).weighed(off, SURE)[0] == pytest.approx(huber.sum())


def test_the_precision_is_the_inverse_of_the_covariance_where_nothing_is_far_off():
    errors = PointErrors.of(PLACES, 40, 1e6)
    apart = np.abs(PLACES[:, :1] - PLACES[:, 0])
    covariance = (1 - OWN) * np.exp(-apart / 40) + OWN * np.eye(30)
    cost, precision = errors.weighed(noise(1), SURE)
    np.testing.assert_allclose(precision @ covariance, np.eye(30), atol=1e-8)
    assert cost == pytest.approx(float((noise(1) * (precision @ noise(1))).sum()))


@pytest.mark.parametrize("alike", [0.0, 50.0])
def test_the_gradient_is_the_slope_of_the_cost(alike):
    errors, off = PointErrors.of(PLACES, alike, 3.0), noise(2)
    off[4] += 30
    trust = np.linspace(0.1, 1, 30)
    trust[7] = 0
    told = 2 * errors.weighed(off, trust)[1] @ off
    for place in (0, 4, 5, 7, 20):
        step = np.zeros_like(off)
        step[place, 1] = 1e-5
        slope = (errors.weighed(off + step, trust)[0] - errors.weighed(off - step, trust)[0]) / 2e-5
        assert slope == pytest.approx(told[place, 1], rel=1e-3, abs=1e-4)


def test_a_point_that_is_not_seen_counts_nothing_wherever_it_lies():
    errors, off = PointErrors.of(PLACES, 60, 3.0), noise(3)
    trust = np.where(np.arange(30) == 12, 0.0, 1.0)
    without = PointErrors.of(np.delete(PLACES, 12, 0), 60, 3.0).weighed(np.delete(off, 12, 0), np.ones(29))
    for far in (0.0, 100.0):
        off[12] = far
        cost, precision = errors.weighed(off, trust)
        assert cost == pytest.approx(without[0], rel=1e-6) and not precision[12].any()


def test_one_point_far_off_pulls_no_harder_the_farther_it_is():
    errors = PointErrors.of(PLACES, 60, 3.0)
    pulls = []
    for far in (20.0, 2000.0):
        off = np.zeros((30, 2))
        off[15, 0] = far
        pulls.append((errors.weighed(off, SURE)[1] @ off)[15, 0])
    assert pulls[1] == pytest.approx(pulls[0], rel=1e-3)

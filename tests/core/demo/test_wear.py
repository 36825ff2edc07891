"""The wear is seeded, keeps what a plate may hold, and is wear."""

import numpy as np

from faceplate.colour import srgb_from_linear
from faceplate.demo.wear import GRAIN, lay_speck, wear_frame

GREY = np.full((160, 200, 3), 0.18, np.float32)


def test_the_same_seed_gives_the_same_wear_and_another_frame_another():
    first, again = wear_frame(GREY, seed=3, frame=8), wear_frame(GREY, seed=3, frame=8)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, wear_frame(GREY, seed=3, frame=9))
    assert not np.array_equal(first, wear_frame(GREY, seed=4, frame=8))


def test_grain_has_the_strength_it_says_and_no_tint():
    shown = srgb_from_linear(wear_frame(GREY, seed=1, frame=1)) - srgb_from_linear(GREY)
    assert np.median(np.abs(shown)) / 0.6745 == np.clip(
        np.median(np.abs(shown)) / 0.6745, GRAIN * 0.8, GRAIN * 1.2
    )
    assert np.abs(np.median(shown, axis=(0, 1))).max() < 0.004


def test_a_light_stays_brighter_than_white():
    plate = GREY.copy()
    plate[60:100, 80:120] = 12.0
    worn = wear_frame(plate, seed=2, frame=1)
    assert np.median(worn[70:90, 90:110]) > 10
    assert np.isfinite(worn).all()


def test_the_clean_frame_is_left_as_it_was():
    plate = GREY.copy()
    wear_frame(plate, seed=2, frame=1)
    np.testing.assert_array_equal(plate, GREY)


def test_a_speck_touches_only_its_neighbourhood_and_may_lie_on_the_edge():
    plate = GREY.copy()
    lay_speck(plate, (0.2, 159.8), radius=1.5, tone=0.9)
    changed = np.argwhere((plate != GREY).any(axis=2))
    assert len(changed) > 0
    assert changed[:, 0].min() >= 156
    assert changed[:, 1].max() <= 3

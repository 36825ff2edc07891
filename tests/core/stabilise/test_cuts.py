"""A cut is found where it is, and nothing else that changes a picture is taken for one."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import ShapeError
from faceplate.stabilise.cuts import find_cuts, thumbnail
from tests.support.plates import make_picture

world = cache(lambda seed: make_picture(200, 120, seed=seed, finest=8.0))


def scene(seed: int, x: int = 0, y: int = 0) -> np.ndarray:
    """A thumbnail of a seeded scene, panned by (x, y) of its own pixels."""
    return world(seed)[40 + y : 76 + y, 60 + x : 124 + x]


@settings(max_examples=12)
@given(lengths=st.lists(st.integers(4, 12), min_size=1, max_size=4), grain=st.floats(0, 0.05))
def test_every_cut_is_found_and_only_those(lengths, grain):
    random = np.random.default_rng(1)
    shots = [[scene(number, x=place) for place in range(n)] for number, n in enumerate(lengths)]
    frames = [frame + random.normal(0, grain, frame.shape) for shot in shots for frame in shot]
    assert find_cuts([np.asarray(f, np.float32) for f in frames]) == [int(n) for n in np.cumsum(lengths)[:-1]]


def test_a_shot_of_one_frame_stands_between_two_cuts():
    frames = [scene(0)] * 6 + [scene(1)] + [scene(2)] * 6
    assert find_cuts(frames) == [6, 7]


@pytest.mark.parametrize("length", [1, 2])
def test_a_flash_is_no_cut(length):
    flash = np.clip(scene(0) * 0.1 + 0.95, 0, 1) + scene(5) * 0.02
    assert find_cuts([scene(0)] * 6 + [flash] * length + [scene(0)] * 6) == []


@settings(max_examples=10)
@given(step=st.integers(-9, 9))
def test_a_pan_is_no_cut(step):
    assert find_cuts([scene(3, x=step * place) for place in range(-2, 4)]) == []


def test_a_fade_and_a_flickering_lamp_are_no_cuts():
    fade = [scene(0) * np.float32(level) for level in np.linspace(1, 0.1, 16)]
    lamp = [scene(0) * np.float32(1 if place % 2 else 0.4) for place in range(12)]
    assert find_cuts(fade) == [] and find_cuts(lamp) == []


def test_leader_is_its_own_shot():
    black = np.zeros_like(scene(0))
    assert find_cuts([black] * 5 + [scene(0)] * 5) == [5]


def test_nothing_and_one_frame_have_no_cuts():
    assert find_cuts([]) == [] and find_cuts([scene(0)]) == []


def test_a_thumbnail_is_any_frame_made_small():
    made = thumbnail(make_picture(320, 240))
    assert find_cuts([made, made]) == []
    with pytest.raises(ShapeError, match="thumbnail should be"):
        find_cuts([make_picture(20, 20)])

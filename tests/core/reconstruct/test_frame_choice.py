"""Frames that a head is made of: sharp, differently turned, and always the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.errors import RangeError
from faceplate.reconstruct.frame_choice import Candidate, choose_frames

ANGLE = st.floats(-1.5, 1.5)


def test_different_turns_are_chosen():
    turned = [Candidate(1000 + k, np.radians(y), 0.0, 0.9) for k, y in enumerate(np.linspace(-40, 40, 81))]
    chosen = choose_frames(turned, 5)
    yaws = sorted(np.degrees(turned[number - 1000].yaw) for number in chosen)
    assert yaws[0] < -35 and yaws[-1] > 35 and np.diff(yaws).max() < 30


def test_soft_frames_are_left_out():
    frames = [Candidate(k, k / 100, 0.0, 0.3 if k % 2 else 0.8) for k in range(40)]
    assert all(number % 2 == 0 for number in choose_frames(frames, 5))


def test_heads_turned_far_away_are_chosen_only_where_there_are_no_others():
    far = [Candidate(k, np.radians(70), 0.0, 1.0) for k in range(5)]
    assert choose_frames([*far, Candidate(9, 0.0, 0.0, 0.2)], 5) == [9]
    assert len(choose_frames(far, 3)) == 3


def test_a_still_face_is_taken_from_all_over_the_clip():
    chosen = choose_frames([Candidate(k, 0.0, 0.0, 0.9) for k in range(101)], 3)
    assert chosen == [0, 50, 100]


@given(
    st.dictionaries(st.integers(1, 10**6), st.tuples(ANGLE, ANGLE, st.floats(0, 1)), min_size=1, max_size=30),
    st.integers(1, 8),
    st.randoms(use_true_random=False),
)
def test_any_order_gives_the_same_frames_and_never_one_twice(told, most, random):
    frames = [Candidate(number, *facts) for number, facts in told.items()]
    chosen = choose_frames(frames, most)
    assert 1 <= len(chosen) <= most and chosen == sorted(set(chosen)) and set(chosen) <= set(told)
    random.shuffle(frames)
    assert choose_frames(frames, most) == chosen


def test_nothing_to_choose_from_is_refused():
    with pytest.raises(RangeError, match="at least one"):
        choose_frames([], 5)

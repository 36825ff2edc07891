"""The channels' mean and largest, against numpy's own reductions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from faceplate.channels import channel_max, channel_mean

PICTURES = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3)),
    elements=st.floats(-8, 8, width=32),
)


@given(PICTURES)
def test_they_are_what_numpy_says(picture: np.ndarray) -> None:
    np.testing.assert_allclose(channel_mean(picture), picture.mean(axis=2), atol=1e-5)
    np.testing.assert_array_equal(channel_max(picture), picture.max(axis=2))


def test_a_number_that_is_none_is_not_lost() -> None:
    picture = np.array([[[0.1, np.nan, 0.3]]], np.float32)
    assert np.isnan(channel_max(picture)).all() and np.isnan(channel_mean(picture)).all()

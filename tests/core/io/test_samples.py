"""Every half there is, in both ways that halves become floats."""

import numpy as np

from faceplate.io.samples import as_float

HALVES = np.arange(2**16, dtype=np.uint16).view(np.float16).reshape(64, 256, 4)


def bits(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).view(np.uint32)


def test_every_half_keeps_its_value_and_its_sign_at_zero():
    plain = HALVES.astype(np.float32)
    told = np.where(
        np.isnan(plain), bits(plain) | 0x400000, bits(plain)
    )  # a signalling NaN becomes a quiet one
    np.testing.assert_array_equal(bits(as_float(HALVES)), told)


def test_it_does_not_matter_how_the_samples_lie_or_where_they_go():
    whole, given = as_float(HALVES), np.empty(HALVES.shape, np.float32)
    assert as_float(HALVES, given) is given
    np.testing.assert_array_equal(bits(given), bits(whole))
    np.testing.assert_array_equal(bits(as_float(HALVES[..., :3])), bits(whole[..., :3]))
    np.testing.assert_array_equal(bits(as_float(np.asfortranarray(HALVES))), bits(whole))
    np.testing.assert_array_equal(bits(as_float(HALVES[..., 0], given[..., 1])), bits(whole[..., 0]))
    assert as_float(HALVES[:0]).shape == (0, 256, 4)

"""Grain goes where it was taken out, at the plate's level, and nowhere else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.colour import LINEAR_REC709, SRGB
from faceplate.plate import Plate, Rect
from faceplate.stages.grain import measure_grain
from faceplate.stages.regrain import _islands, grain_taken, regrain

SIZE = (288, 288)
SMOOTH = np.broadcast_to(np.linspace(0.3, 0.6, SIZE[1], dtype=np.float32)[None, :, None], (*SIZE, 3)).copy()
NOISE = np.random.default_rng(1).normal(0, 0.03, (*SIZE, 3)).astype(np.float32)
GRAIN = measure_grain(SMOOTH + NOISE)
MATTE = np.zeros(SIZE, np.float32)
MATTE[60:228, 60:228] = 1.0


def plate(shown: np.ndarray, *, linear: bool = False, origin: int = 0) -> Plate:
    encoding = LINEAR_REC709 if linear else SRGB
    window = Rect(origin, origin, origin + SIZE[1], origin + SIZE[0])
    return Plate(np.asarray(encoding.decode(shown), np.float32), 7, window, Rect(0, 0, 288, 288), encoding)


@pytest.mark.parametrize("linear", [False, True])
def test_what_was_smoothed_is_as_grainy_as_its_plate(linear):
    assert GRAIN is not None
    comp = plate(SMOOTH + NOISE * (1 - MATTE)[..., None], linear=linear, origin=-9)
    done = regrain(comp, MATTE, GRAIN, seed=(7, 1))
    inside = (done.encoding.encode(done.pixels) - SMOOTH)[80:208, 80:208]
    assert inside.std() == pytest.approx(0.03, rel=0.08)
    np.testing.assert_array_equal(done.pixels[MATTE == 0], comp.pixels[MATTE == 0])


def test_what_kept_its_grain_gets_none():
    assert GRAIN is not None
    comp = plate(SMOOTH + NOISE)
    added = regrain(comp, MATTE, GRAIN, kept=GRAIN, seed=(7, 1)).pixels - comp.pixels
    assert added.std() < 0.01 * 0.03


def test_nan_highlights_and_amount_zero():
    assert GRAIN is not None
    comp = plate(SMOOTH, linear=True)
    comp.pixels[100, 100], comp.pixels[110, 110] = np.nan, 20.0
    done = regrain(comp, MATTE, GRAIN, seed=(7, 1))
    assert np.isnan(done.pixels[100, 100]).all() and np.isfinite(done.pixels[101:120, 101:120]).all()
    assert done.pixels[110, 110] == pytest.approx(20.0, rel=0.2)
    assert regrain(comp, MATTE, GRAIN, amount=0.0) is comp
    assert regrain(comp, np.zeros(SIZE, np.float32), GRAIN) is comp


@pytest.mark.parametrize("left", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("linear", [False, True])
def test_however_much_grain_is_left_it_becomes_the_plates(left, linear):
    """Skin texture under the grain, and a lifted tone, are not taken for it."""
    assert GRAIN is not None
    skin = 0.02 * np.sin(np.arange(SIZE[0])[:, None, None] * 1.1).astype(np.float32)
    before = plate(SMOOTH + skin + NOISE, linear=linear)
    after = plate(SMOOTH + skin + 0.02 + NOISE * (1 - (1 - left) * MATTE[..., None]), linear=linear)
    taken = grain_taken(before, after, MATTE, GRAIN)
    assert taken == pytest.approx(1 - left**2, abs=0.1)
    done = regrain(after, MATTE, GRAIN, amount=taken**0.5, seed=(7,))
    inside = (done.encoding.encode(done.pixels) - SMOOTH - skin)[80:208, 80:208]
    assert inside.std() == pytest.approx(0.03, rel=0.1)


def test_nothing_restored_lacks_nothing():
    assert GRAIN is not None
    assert grain_taken(plate(SMOOTH), plate(SMOOTH), np.zeros(SIZE, np.float32), GRAIN) == 0.0


def test_two_faces_are_grained_as_each_alone_and_nothing_between_them_is_looked_at():
    assert GRAIN is not None
    size = (96, 400)
    wide = Plate.of(np.full((*size, 3), 0.4, np.float32))
    first, second = np.zeros(size, np.float32), np.zeros(size, np.float32)
    first[10:80, 10:80], second[20:90, 320:390] = 1.0, 1.0
    both = regrain(wide, first + second, GRAIN, seed=(3,)).pixels
    alone = regrain(regrain(wide, first, GRAIN, seed=(3,)), second, GRAIN, seed=(3,)).pixels
    np.testing.assert_array_equal(both, alone)
    assert (both[:, 80:320] == wide.pixels[:, 80:320]).all()
    assert (both[10:80, 10:80] != wide.pixels[10:80, 10:80]).any()


@given(seed=st.integers(0, 10_000), count=st.integers(0, 6))
def test_islands_hold_every_pixel_and_none_overlap(seed, count):
    random = np.random.default_rng(seed)
    where = np.zeros(tuple(random.integers(1, 120, 2)), bool)
    for _ in range(count):
        y, x = (int(random.integers(0, length)) for length in where.shape)
        where[y : y + int(random.integers(1, 30)), x : x + int(random.integers(1, 30))] = True
    covered = np.zeros(where.shape, int)
    for part in _islands(where):
        assert where[part].any()
        covered[part] += 1
    assert covered.max(initial=0) <= 1 and (covered[where] == 1).all()

"""The plug-in's conversion of a host's pixels, by all their values and by layouts of rows, against numpy."""

import ctypes
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.cplusplus import PLUGIN, compiled

HERE = Path(__file__).resolve().parent
BYTE, SHORT, HALF, FLOAT = range(4)
DTYPES = {BYTE: np.uint8, SHORT: np.uint16, HALF: np.float16, FLOAT: np.float32}


@pytest.fixture(scope="module")
def probe() -> ctypes.CDLL:
    """The conversions."""
    sources = (HERE / "pixels_probe.cpp", PLUGIN / "pixels.cpp")
    found = ctypes.CDLL(str(compiled("pixels_probe", *sources, flags=("-shared",))))
    for name in ("decode", "encode"):
        getattr(found, f"probe_{name}").argtypes = [
            ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t, ctypes.c_void_p,
        ]  # fmt: skip
    picture = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t, *[ctypes.c_int] * 5, ctypes.c_void_p]
    found.probe_read.argtypes = found.probe_coverage.argtypes = picture
    found.probe_write.argtypes = [*picture, ctypes.c_int]
    return found


def decoded(probe, values: np.ndarray, depth: int) -> np.ndarray:
    out = np.empty(values.shape, np.float32)
    probe.probe_decode(values.ctypes.data, depth, values.size, out.ctypes.data)
    return out


def encoded(probe, values: np.ndarray, depth: int) -> np.ndarray:
    out = np.empty(values.shape, DTYPES[depth])
    probe.probe_encode(values.ctypes.data, depth, values.size, out.ctypes.data)
    return out


@pytest.mark.parametrize("depth", [BYTE, SHORT])
def test_every_whole_value_comes_back(probe, depth):
    most = np.iinfo(DTYPES[depth]).max
    values = np.arange(most + 1, dtype=DTYPES[depth])
    there = decoded(probe, values, depth)
    np.testing.assert_array_equal(there, values.astype(np.float32) / np.float32(most))
    np.testing.assert_array_equal(encoded(probe, there, depth), values)


def test_every_half_is_read_as_numpy_reads_it_and_comes_back(probe):
    bits = np.arange(1 << 16, dtype=np.uint16)
    there = decoded(probe, bits, HALF)
    np.testing.assert_array_equal(there, bits.view(np.float16).astype(np.float32))
    back = encoded(probe, there, HALF)
    number = ~np.isnan(there)
    np.testing.assert_array_equal(back.view(np.uint16)[number], bits[number])
    assert np.isnan(back[~number]).all()


def test_floats_are_rounded_to_half_as_numpy_rounds_them(probe):
    """Around every half: its neighbours in float, the points midway to the next, and their neighbours."""
    halves = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    middle = ((halves[:-1].astype(np.float64) + halves[1:]) / 2).astype(np.float32)
    around = np.concatenate([halves, middle, [65519.9, 65520, 65536, 1e30, np.inf]]).astype(np.float32)
    values = np.concatenate(
        [np.nextafter(around, np.float32(-1)), around, np.nextafter(around, np.float32(np.inf))]
    )
    values = np.concatenate([values, -values])
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(encoded(probe, values, HALF), values.astype(np.float16))


@pytest.mark.parametrize("depth", [BYTE, SHORT])
def test_what_a_whole_number_cannot_hold_is_clipped(probe, depth):
    most = np.iinfo(DTYPES[depth]).max
    values = np.array(
        [-1, -0.0, np.nan, -np.inf, 1, 1.0000001, 7, np.inf, 0.5, 0.4999 / most, 0.5001 / most], np.float32
    )
    wanted = [0, 0, 0, 0, most, most, most, most, (most + 1) // 2, 0, 1]
    np.testing.assert_array_equal(encoded(probe, values, depth), wanted)


def test_floats_pass_bit_for_bit(probe):
    bits = np.array([0, 0x80000000, 1, 0x7FC00001, 0xFF800000, 0x3F800001], np.uint32)
    np.testing.assert_array_equal(encoded(probe, bits.view(np.float32), FLOAT).view(np.uint32), bits)


class Canvas:
    """A host's image: rows padded, in memory upward or downward, at an offset; its margin must stay as it is."""

    def __init__(
        self, depth: int, channels: int, bounds: tuple[int, int, int, int], padding: int, upward: bool
    ):
        self.depth, self.channels, self.bounds, self.upward = depth, channels, bounds, upward
        self.width, self.height = bounds[2] - bounds[0], bounds[3] - bounds[1]
        self.memory = np.full((self.height, self.width * channels + padding), 77, DTYPES[depth])
        self.corners = np.array(bounds, np.int32)

    def arguments(self) -> tuple:
        stride = self.memory.strides[0]
        lowest = self.memory.ctypes.data + (0 if self.upward else stride * (self.height - 1))
        return lowest, self.corners.ctypes.data, stride if self.upward else -stride, self.depth, self.channels

    def row(self, y: int) -> np.ndarray:
        place = y - self.bounds[1]
        return self.memory[place if self.upward else self.height - 1 - place]

    def pixels(self, y: int) -> np.ndarray:
        return self.row(y)[: self.width * self.channels].reshape(self.width, self.channels)


canvases = st.builds(
    lambda depth, channels, x, y, width, height, padding, upward: Canvas(
        depth, channels, (x, y, x + width, y + height), padding, upward
    ),
    st.sampled_from(list(DTYPES)), st.sampled_from([4, 3, 1]), st.integers(-9, 9), st.integers(-9, 9),
    st.integers(1, 9), st.integers(1, 9), st.integers(0, 5), st.booleans(),
)  # fmt: skip
MANY = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])


@MANY
@given(canvas=canvases, data=st.data())
def test_a_row_is_found_in_any_layout(probe, canvas, data):
    generator = np.random.default_rng(1)
    canvas.memory[...] = generator.integers(0, 255, canvas.memory.shape)
    y = data.draw(st.integers(canvas.bounds[1], canvas.bounds[3] - 1))
    x1 = data.draw(st.integers(canvas.bounds[0], canvas.bounds[2] - 1))
    x2 = data.draw(st.integers(x1 + 1, canvas.bounds[2]))
    out = np.empty((x2 - x1, canvas.channels), np.float32)
    probe.probe_read(*canvas.arguments(), y, x1, x2, out.ctypes.data)
    there = canvas.pixels(y)[x1 - canvas.bounds[0] : x2 - canvas.bounds[0]]
    np.testing.assert_array_equal(out, decoded(probe, np.ascontiguousarray(there), canvas.depth))


@MANY
@given(canvas=canvases, channels=st.sampled_from([4, 3]), data=st.data())
def test_a_row_is_written_where_it_belongs_and_nowhere_else(probe, canvas, channels, data):
    y = data.draw(st.integers(canvas.bounds[1], canvas.bounds[3] - 1))
    x1 = data.draw(st.integers(canvas.bounds[0], canvas.bounds[2] - 1))
    x2 = data.draw(st.integers(x1 + 1, canvas.bounds[2]))
    row = np.random.default_rng(2).random((x2 - x1, channels), np.float32)
    before = canvas.memory.copy()
    probe.probe_write(*canvas.arguments(), y, x1, x2, row.ctypes.data, channels)
    alpha = row[:, 3:] if channels == 4 else np.ones((x2 - x1, 1), np.float32)
    wanted = {4: np.concatenate([row[:, :3], alpha], 1), 3: row[:, :3], 1: alpha}[canvas.channels]
    inside = slice(x1 - canvas.bounds[0], x2 - canvas.bounds[0])
    np.testing.assert_array_equal(
        canvas.pixels(y)[inside], encoded(probe, np.ascontiguousarray(wanted), canvas.depth)
    )
    canvas.pixels(y)[inside] = 77
    np.testing.assert_array_equal(canvas.memory, before)


@MANY
@given(canvas=canvases, y=st.integers(-12, 20), x1=st.integers(-12, 15), width=st.integers(1, 12))
def test_coverage_is_alpha_and_nothing_beyond_the_mask(probe, canvas, y, x1, width):
    canvas.memory[...] = np.random.default_rng(3).integers(1, 255, canvas.memory.shape)
    out = np.full(width, 9, np.float32)
    probe.probe_coverage(*canvas.arguments(), y, x1, x1 + width, out.ctypes.data)
    for place, x in enumerate(range(x1, x1 + width)):
        inside = canvas.bounds[0] <= x < canvas.bounds[2] and canvas.bounds[1] <= y < canvas.bounds[3]
        wanted = np.float32(0)
        if inside:
            alpha = canvas.pixels(y)[x - canvas.bounds[0]][-1:].copy()
            wanted = np.float32(1) if canvas.channels == 3 else decoded(probe, alpha, canvas.depth)[0]
        assert out[place] == wanted


def test_without_a_row_black_is_written(probe):
    canvas = Canvas(SHORT, 4, (0, 0, 3, 2), 1, True)
    probe.probe_write(*canvas.arguments(), 1, 1, 3, None, 4)
    np.testing.assert_array_equal(canvas.pixels(1), [[77] * 4, [0] * 4, [0] * 4])

"""Images in every depth, kind of components and layout of rows: a copy is a copy, and nothing else is touched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.ofx_host.clips import ClipFacts
from faceplate.ofx_host.effect import Effect
from faceplate.ofx_host.images import CHANNELS, TYPES, floats_of, image_of, new_image
from faceplate.ofx_host.rendering import canonical, in_pixels
from tests.support.ofx_hosting import COPY, need_host, opened

DEPTHS, COMPONENTS = st.sampled_from(sorted(TYPES)), st.sampled_from(sorted(CHANNELS))
LAYOUT = st.fixed_dictionaries({"padding": st.sampled_from([0, 4, 64]), "top_down": st.booleans()})
ORIGIN = st.tuples(st.integers(-7, 7), st.integers(-7, 7))
SIZE = st.tuples(st.integers(1, 9), st.integers(1, 9))


@pytest.fixture(scope="module")
def copying():
    """The copy effect, described."""
    with opened(COPY) as effect:
        effect.describe_in_context("Filter")
        yield effect


def samples(size: tuple[int, int], depth: str, components: str) -> np.ndarray:
    """Every kind of number a depth can hold, NaN and Inf included, as (H, W, C) of its type."""
    shape, kind = (size[1], size[0], CHANNELS[components]), TYPES[depth]
    seed = size[0] * 100 + size[1] * 10 + sorted(TYPES).index(depth)
    bits = np.random.default_rng(seed).integers(0, 2**32, shape, np.uint64)
    return bits.astype(f"u{kind.itemsize}").view(kind)


@given(DEPTHS, COMPONENTS, LAYOUT, ORIGIN, SIZE)
def test_pixels_read_back_as_they_were_written(depth, components, layout, origin, size):
    need_host()
    bounds = (*origin, origin[0] + size[0], origin[1] + size[1])
    image = new_image(bounds, depth=depth, components=components, **layout)
    values = samples(size, depth, components)
    assert image.pixels.dtype == TYPES[depth] and not image.pixels.view(np.uint8).any()
    image.pixels[...] = values
    assert image.pixels.tobytes() == values.tobytes()
    assert image.intact and image.bounds == bounds
    row = size[0] * CHANNELS[components] * TYPES[depth].itemsize + layout["padding"]
    assert image.row_bytes == (-row if layout["top_down"] else row)


@given(DEPTHS, COMPONENTS, LAYOUT, LAYOUT, ORIGIN, ORIGIN, SIZE, SIZE)
def test_a_copy_is_the_source_where_both_are_and_black_elsewhere(
    copying: Effect,
    depth,
    components,
    source_layout,
    output_layout,
    source_at,
    output_at,
    source_size,
    output_size,
):
    """The effect sees addresses and row bytes; what it makes of them is compared with slices of numpy."""
    kinds = {"depth": depth, "components": components}
    source = new_image(box(source_at, source_size), **kinds, **source_layout)
    source.pixels[...] = samples(source_size, depth, components)
    output = new_image(box(output_at, output_size), **kinds, **output_layout)
    output.pixels[...] = samples(output_size, depth, components)[..., ::-1]
    with copying.create("Filter") as instance:
        facts = ClipFacts(tuple(map(float, source.bounds)), components=components, depth=depth)  # type: ignore[arg-type]
        instance.connect("Source", facts)
        instance.clip_preferences()
        instance.running.put_image("Source", 1.0, source)
        instance.render(1, output.bounds, output)
    assert output.pixels.tobytes() == placed(source, output.bounds).tobytes()
    assert output.intact and source.intact


def box(at: tuple[int, int], size: tuple[int, int]) -> tuple[int, int, int, int]:
    return at[0], at[1], at[0] + size[0], at[1] + size[1]


def placed(image, bounds) -> np.ndarray:
    """An image's pixels over other bounds, black where it has none; y is up, rows are from the top."""
    x1, y1, x2, y2 = bounds
    whole = np.zeros((y2 - y1, x2 - x1, image.pixels.shape[2]), image.pixels.dtype)
    for y in range(y1, y2):
        for x in range(x1, x2):
            a1, b1, a2, b2 = image.bounds
            if a1 <= x < a2 and b1 <= y < b2:
                whole[y2 - 1 - y, x - x1] = image.pixels[b2 - 1 - y, x - a1]
    return whole


@given(DEPTHS, st.floats(0.25, 2.0, width=32))
def test_gain_multiplies_in_every_depth(copying: Effect, depth, gain):
    values = np.linspace(0, 1, 4 * 5 * 4, dtype=np.float32).reshape(4, 5, 4)
    source = image_of(values, depth=depth)
    output = new_image(source.bounds, depth=depth)
    with copying.create("Filter", values={"gain": [float(gain)]}) as instance:
        instance.connect("Source", ClipFacts((0.0, 0.0, 5.0, 4.0), depth=depth))
        instance.clip_preferences()
        instance.running.put_image("Source", 1.0, source)
        instance.render(1, source.bounds, output)
    wanted = floats_of(source) * gain
    step = {"Float": 1e-6, "Half": 2e-3, "Short": 1 / 65535, "Byte": 1 / 255}[depth]
    if depth in ("Short", "Byte"):
        wanted = wanted.clip(0, 1)
    np.testing.assert_allclose(floats_of(output), wanted, atol=step)


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        ({"bounds": (0, 0, 0, 4)}, "at least one pixel"),
        ({"bounds": (0, 0, 4, 4), "depth": "Double"}, "depth should be Byte, Short, Half or Float"),
        ({"bounds": (0, 0, 4, 4), "components": "YUVA"}, "components should be RGBA, RGB or Alpha"),
        ({"bounds": (0, 0, 4, 4), "padding": 3}, "whole number of samples"),
    ],
)
def test_an_image_that_cannot_be_is_refused(form, complaint):
    need_host()
    with pytest.raises(ValueError, match=complaint):
        new_image(form.pop("bounds"), **form)


@given(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), SIZE, st.sampled_from([0.25, 0.5, 1.0, 2.0]))
def test_pixels_and_canonical_regions_are_each_others_inverse(at, size, scale):
    window = box(at, size)
    assert in_pixels(canonical(window, (scale, scale), 2.0), (scale, scale), 2.0) == window

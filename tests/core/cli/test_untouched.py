"""The promise, through real files: outside the matte not one bit of any channel changes, whatever the plate holds."""

import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceplate.cli.__main__ import main
from tests.core.cli.conftest import GREEN, save

WIDTH, HEIGHT = 112, 96
ODD = np.array([np.nan, np.inf, -np.inf, -3.5, 0.0, -0.0, 1e-7, 1.0, 17.0, 60000.0], np.float32)

plates = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "kind": st.sampled_from([oiio.HALF, oiio.FLOAT]),
        "odd": st.integers(0, 200),
        "alpha": st.booleans(),
        "extra": st.lists(st.sampled_from(["Z", "id", "diffuse.R", "normal.x"]), unique=True),
        "origin": st.tuples(st.integers(-50, 50), st.integers(-50, 50)),
        "overscan": st.booleans(),
    }
)


def write_plate(path, facts):
    """A random plate with a green face; odd values anywhere, the face included."""
    random = np.random.default_rng(facts["seed"])
    names = ["R", "G", "B", *(["A"] if facts["alpha"] else []), *facts["extra"]]
    pixels = random.uniform(-0.1, 0.6, (HEIGHT, WIDTH, len(names))).astype(np.float32)
    pixels[36:60, 44:68, :3] = GREEN + random.uniform(-0.1, 0.1, (24, 24, 1))
    rows, columns = random.integers(0, HEIGHT, facts["odd"]), random.integers(0, WIDTH, facts["odd"])
    channels = random.integers(0, len(names), facts["odd"])
    pixels[rows, columns, channels] = random.choice(ODD, facts["odd"])
    if facts["alpha"]:
        pixels[..., 3] = np.clip(np.nan_to_num(pixels[..., 3]), 0, 1)
    spec = oiio.ImageSpec(WIDTH, HEIGHT, len(names), facts["kind"])
    spec.channelnames = tuple(names)
    float_ones = {"Z", "id"}
    spec.channelformats = tuple(oiio.FLOAT if name in float_ones else facts["kind"] for name in names)
    spec.x, spec.y = facts["origin"]
    spec.full_x, spec.full_y = (spec.x + 10, spec.y + 7) if facts["overscan"] else facts["origin"]
    spec.full_width, spec.full_height = (WIDTH - 20, HEIGHT - 14) if facts["overscan"] else (WIDTH, HEIGHT)
    save(path, spec, pixels)


def bits(path):
    """Every channel in its own type, as whole numbers."""
    file = oiio.ImageInput.open(str(path))
    assert file is not None, oiio.geterror()
    spec, found = file.spec(), {}
    for place, name in enumerate(spec.channelnames):
        kind = spec.channelformat(place)
        pixels = np.ascontiguousarray(file.read_image(0, 0, place, place + 1, kind))
        found[name] = pixels.reshape(HEIGHT, WIDTH).view(np.uint16 if kind == oiio.HALF else np.uint32)
    file.close()
    return found, spec


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("untouched")


def restored(folder, facts, *words):
    source, out = folder / "plate.exr", folder / "out"
    write_plate(source, facts)
    assert main(["restore", str(source), "-o", str(out), "--overwrite", "--quiet", *words]) == 0
    return bits(source), bits(out / "plate.exr")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=plates)
def test_outside_the_matte_every_bit_of_every_channel_is_the_plates(folder, facts):
    (before, spec), (after, made) = restored(folder, facts, "--layers", "matte", "--smallest", "8")
    outside = (
        after["matte.a"] & 0x7FFFFFFF if after["matte.a"].dtype == np.uint32 else after["matte.a"]
    ) == 0
    for name, plate in before.items():
        where = outside if name in "RGB" else np.ones_like(outside)
        np.testing.assert_array_equal(after[name][where], plate[where], err_msg=name)
    assert (made.x, made.y, made.full_x, made.full_width) == (spec.x, spec.y, spec.full_x, spec.full_width)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=plates)
def test_strength_0_gives_back_every_bit(folder, facts):
    (before, _), (after, _) = restored(folder, facts, "--strength", "0")
    assert before.keys() == after.keys()
    for name, plate in before.items():
        np.testing.assert_array_equal(after[name], plate, err_msg=name)


def test_the_face_of_these_plates_is_restored(folder):
    """The laws above would hold trivially if nothing were."""
    facts = {
        "seed": 1,
        "kind": oiio.FLOAT,
        "odd": 20,
        "alpha": True,
        "extra": ["Z"],
        "origin": (-9, 4),
        "overscan": True,
    }
    (before, _), (after, _) = restored(folder, facts, "--layers", "matte", "--smallest", "8")
    assert (after["matte.a"] != 0).sum() > 200 and (after["G"] != before["G"]).sum() > 100

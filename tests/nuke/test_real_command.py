"""A bake with the real `faceplate` command and weights; Nuke alone is a stand-in, whose Write copies a photograph."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.nuke.conftest import connected

oiio = pytest.importorskip("OpenImageIO")
pytestmark = [pytest.mark.weights, pytest.mark.slow]


@pytest.fixture
def plate() -> np.ndarray:
    """(192, 192, 4) scene-linear: a public photograph of an astronaut's face, with a highlight far above 1."""
    from skimage.data import astronaut

    from faceplate.colour import linear_from_srgb

    shown = astronaut()[20:212, 130:322].astype(np.float32) / 255
    plate = np.dstack([linear_from_srgb(shown), np.ones(shown.shape[:2], np.float32)])
    plate[2:6, 2:6, :3] = 14.0
    return plate.astype(np.float32)


def write(path: str, pixels: np.ndarray) -> None:
    image = oiio.ImageBuf(oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 4, oiio.FLOAT))
    image.set_pixels(oiio.ROI(), pixels)
    assert image.write(path), image.geterror()


def read(path: Path) -> tuple[list[str], np.ndarray]:
    image = oiio.ImageBuf(str(path))
    return list(image.spec().channelnames), image.get_pixels(oiio.FLOAT)


@pytest.fixture
def farm(start, plate, monkeypatch):
    """A farm whose input pans two pixels to the left each frame over the photograph."""
    monkeypatch.setenv("FACEPLATE_ENGINE", str(Path(sys.executable).with_name("faceplate")))
    farm = start(gui=False)
    farm.render_frame = lambda path, frame: write(path, shown_at(plate, frame))
    return farm


def shown_at(plate: np.ndarray, frame: int) -> np.ndarray:
    """(192, 192, 4): the plate of a frame, the photograph moved; what moves out at the left comes in at the right."""
    return np.roll(plate, -2 * (frame - 1001), axis=1)


def baked(farm, kind: str, last: int = 1001, **knobs):
    """A node of a kind, baked on frames 1001 to `last`; its answer beside it."""
    from faceplate_nuke import bake

    node = connected(farm, kind)
    for name, told in {"frames": "custom", "first": 1001, "last": last, **knobs}.items():
        farm.user_sets(node, name, told)
    return node, bake.bake(node)


def result_of(node, frame: int) -> dict[str, np.ndarray]:
    """Channels of a frame that was baked."""
    names, pixels = read(Path(node["result_file"].value().replace("####", str(frame))))
    return {name: pixels[..., place] for place, name in enumerate(names)}


def test_a_bake_restores_the_face_and_nothing_else(farm, plate):
    node, told = baked(farm, "FP_Restore")
    assert told["faces"] == 1
    result = result_of(node, 1001)
    assert set(result) == {*"RGBA", "matte.a", "invented.a", "confidence.a"}
    matte = result["matte.a"]
    assert matte.max() > 0.9 and (matte == 0).mean() > 0.2
    after = np.dstack([result[name] for name in "RGBA"])
    np.testing.assert_array_equal(after[matte == 0], plate[matte == 0])
    assert np.abs(after[matte > 0.9, :3] - plate[matte > 0.9, :3]).mean() > 1e-3
    assert node["state"].value() == "baked 1001-1001"


def test_a_steady_bake_brings_motion_as_nuke_counts_it(farm, plate):
    node, told = baked(farm, "FP_Steady", 1003, motion=True)
    assert told["frames"] == 3 and node["result_motion"].value() == 1
    result = result_of(node, 1002)
    assert {"forward.u", "forward.v", "backward.u", "backward.v", "stmap.u", "stmap.v"} <= set(result)
    face = np.s_[60:120, 60:120]
    assert np.median(result["forward.u"][face]) == pytest.approx(-2, abs=0.2)
    assert np.median(result["backward.u"][face]) == pytest.approx(2, abs=0.2)
    assert np.median(np.abs(result["forward.v"][face])) < 0.2
    # the map fetches the face from where it has moved to since the first frame
    across = result["stmap.u"][face] * 192 - (np.arange(60, 120) + 0.5)
    assert np.median(across) == pytest.approx(-2, abs=0.7)
    matte, before = result["matte.a"], shown_at(plate, 1002)
    np.testing.assert_array_equal(result["G"][matte == 0], before[..., 1][matte == 0])
    assert np.abs(result["G"][matte > 0.9] - before[..., 1][matte > 0.9]).mean() > 1e-3


def detail(pixels: np.ndarray) -> float:
    """Mean second difference across: how rough a picture is."""
    return float(np.abs(np.diff(pixels, 2)).mean())


def test_a_veil_hides_the_face_unless_it_may_stay(farm, plate):
    from faceplate_nuke import bake, shots

    node, _ = baked(farm, "FP_Veil", 1002)
    veiled, before = result_of(node, 1002), shown_at(plate, 1002)
    assert set(veiled) == {*"RGBA", "veiled.a"}
    face = veiled["veiled.a"] == 1
    assert 0.05 < face.mean() < 0.9
    assert detail(np.where(face, veiled["G"], 0)) < detail(np.where(face, before[..., 1], 0))
    outside = veiled["veiled.a"] == 0
    for place, name in enumerate("RGBA"):
        np.testing.assert_array_equal(veiled[name][outside], before[..., place][outside])

    (track,) = shots.analyse(node)["tracks"]
    farm.user_sets(node, "visible", track["name"])
    bake.bake(node)
    after = result_of(node, 1002)
    eyes = np.s_[70:100, 70:110]
    np.testing.assert_array_equal(after["G"][eyes], before[..., 1][eyes])
    assert veiled["veiled.a"][eyes].min() == 1 and after["veiled.a"][eyes].max() == 0

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


def test_a_bake_restores_the_face_and_nothing_else(start, plate, monkeypatch, tmp_path):
    monkeypatch.setenv("FACEPLATE_ENGINE", str(Path(sys.executable).with_name("faceplate")))
    farm = start(gui=False)
    farm.render_frame = lambda path, frame: write(path, plate)
    node = connected(farm)
    node["frames"].setValue("custom")
    node["first"].setValue(1001)
    node["last"].setValue(1001)
    from faceplate_nuke import bake

    assert bake.bake(node)["faces"] == 1
    names, result = read(Path(node["result_file"].value().replace("####", "1001")))
    assert names[:4] == ["R", "G", "B", "A"] and set(names[4:]) == {"matte.a", "invented.a", "confidence.a"}
    matte = result[..., names.index("matte.a")]
    assert matte.max() > 0.9 and (matte == 0).mean() > 0.2
    np.testing.assert_array_equal(result[matte == 0, :4], plate[matte == 0])
    assert np.abs(result[matte > 0.9, :3] - plate[matte > 0.9, :3]).mean() > 1e-3
    assert node["state"].value() == "baked 1001-1001"

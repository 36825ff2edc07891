"""A number for how much a face shows: of the crop that a recogniser would see, or a sentence why not."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from faceplate.errors import RangeError, ShapeError
from faceplate.faces import Face
from faceplate.plate import Plate
from faceplate.registry.catalogue import has_model, manifest_for
from faceplate.runtime.pool import open_net
from faceplate.stages.align import align_face
from faceplate.stages.quality import face_quality, quality_on
from faceplate_client.errors import ModelError
from tests.support.nets import StubNet
from tests.support.plates import make_face, make_plate


def saying(value: float) -> StubNet:
    return StubNet(lambda batch: np.array([[value]]))


def test_it_is_what_the_net_says_of_the_aligned_crop():
    plate, face = make_plate(linear=True), make_face(150)
    net = StubNet(lambda batch: batch.mean(axis=(1, 2, 3))[:, None])
    crop = align_face(plate, face, template="arcface_112", side=112, gain=2.0).pixels
    assert quality_on(plate, face, net, gain=2.0) == pytest.approx(float(crop.mean()), abs=1e-6)
    assert net.batches[0].shape == (1, 3, 112, 112)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_net_that_answers_with_no_share_is_refused(value):
    with pytest.raises(ModelError, match="not 0-1"):
        face_quality(np.zeros((112, 112, 3), np.float32), saying(value))


def test_a_net_of_another_kind_is_refused():
    with pytest.raises(ShapeError, match="one number a face"):
        face_quality(np.zeros((112, 112, 3), np.float32), StubNet(lambda batch: batch))
    with pytest.raises(ShapeError, match="crop should be"):
        face_quality(np.zeros((96, 112, 3), np.float32), saying(0.5))


def test_a_face_beyond_the_plate_has_none():
    with pytest.raises(RangeError, match="outside the data window"):
        quality_on(make_plate(), make_face(50, (4000, 4000)), saying(0.5))


# ------------------------------------------------------------ with the shipped weights


@pytest.fixture(scope="module")
def net():
    if not has_model("face.quality"):
        pytest.skip(
            "models/open holds no net for face.quality: its recipe is core/faceplate_training/quality_face"
        )
    return open_net(manifest_for("face.quality"), device="cpu")


@pytest.fixture(scope="module")
def photo(shared):
    """A London photo of somebody never trained on, (512, 512, 3) float32 0-1, and the five points of its 189."""
    file = shared / "photos" / "london" / "001_neutral.jpg"
    picture, marks = cv2.imread(str(file)), np.loadtxt(file.with_suffix(".pts189.txt")) / 2
    assert picture is not None
    five = np.stack([marks[0], marks[1], (marks[54] + marks[60]) / 2, marks[87], marks[93]])
    small = cv2.resize(picture, (512, 512), interpolation=cv2.INTER_AREA)[..., ::-1] / np.float32(255)
    return np.asarray(small, np.float32), Face((130, 100, 390, 420), five.astype(np.float32))


def recorded_at(pixels: np.ndarray, share: float) -> Plate:
    """The photo as a recording this much smaller shows it, enlarged again."""
    small = cv2.resize(pixels, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    return Plate.of(
        np.asarray(cv2.resize(small, pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.float32)
    )


@pytest.mark.weights
def test_the_fewer_pixels_a_face_had_the_less_it_shows(net, photo):
    pixels, face = photo
    shows = [quality_on(recorded_at(pixels, share), face, net) for share in (1, 1 / 4, 1 / 8, 1 / 16, 1 / 32)]
    assert all(more > less for more, less in pairwise(shows))
    assert shows[0] > 0.9 and shows[-1] < 0.5


@pytest.mark.weights
def test_neither_a_mirror_nor_another_exposure_is_damage(net, photo):
    pixels, face = photo
    here = quality_on(Plate.of(pixels), face, net)
    other = Face(face.box, (face.points * (-1, 1) + (512, 0))[[1, 0, 2, 4, 3]].astype(np.float32))
    mirrored = Plate.of(np.ascontiguousarray(pixels[:, ::-1]))
    darker = Plate.of(pixels * np.float32(0.75))
    assert quality_on(mirrored, other, net) == pytest.approx(here, abs=0.04)
    assert quality_on(darker, face, net) == pytest.approx(here, abs=0.04)

"""A number for how much a face shows: of the crop that a recogniser would see, or a sentence why not."""

import numpy as np
import pytest

from faceplate.errors import RangeError, ShapeError
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

"""Identity is a direction; likeness is the angle between two."""

import numpy as np
import pytest

from faceplate.errors import ShapeError
from faceplate.restore.likeness import identity, identity_on, similarity
from faceplate_client.errors import ModelError
from tests.support.nets import StubNet, identity_stub
from tests.support.plates import make_face, make_picture, make_plate

CROP = make_picture(112, 112)


def test_identity_has_length_one_and_is_like_itself():
    vector = identity(CROP, identity_stub())
    assert vector.shape == (128,) and vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1.0)
    assert similarity(vector, vector) == pytest.approx(1.0)


def test_similarity_is_symmetric_and_bounded():
    one, other = identity(CROP, identity_stub()), identity(make_picture(112, 112, seed=5), identity_stub())
    assert similarity(one, other) == similarity(other, one)
    assert -1.0 <= similarity(one, other) < 0.9
    assert similarity(one, -one) == pytest.approx(-1.0)


def test_a_face_is_the_same_person_wherever_it_stands():
    net = identity_stub()
    here = identity_on(make_plate(), make_face(200), net)
    there = identity_on(make_plate(origin=(50, -30)), make_face(200, (210, 120)), net)
    assert similarity(here, there) > 0.9999
    assert net.batches[0].shape == (1, 3, 112, 112)


def test_nets_and_crops_that_do_not_fit_are_named():
    with pytest.raises(ShapeError, match="crop should be 112 x 112 x 3"):
        identity(CROP[:100], identity_stub())
    with pytest.raises(ShapeError, match="one vector"):
        identity(CROP, StubNet(lambda batch: batch))
    with pytest.raises(ModelError, match="no direction"):
        identity(CROP, StubNet(lambda batch: np.zeros((1, 128))))
    with pytest.raises(ShapeError, match="other should be 128"):
        similarity(np.ones(128, np.float32), np.ones(64, np.float32))

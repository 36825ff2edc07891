"""Light taken out: a lit head comes back in its own colours, even light changes nothing, photos come together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.colour import srgb_from_linear
from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.camera import HeadPose, camera_for_lens
from faceplate.reconstruct.delight import BRIGHTEST, DARKEST, excess_light, keep_colour, without_light
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.shade import shading
from faceplate.reconstruct.visible import Shown, show
from tests.support.heads import make_head

HEAD = make_head()
NORMALS = vertex_normals(HEAD.mean, HEAD.quads).astype(float)
EVEN = np.zeros((9, 3))
EVEN[0] = np.sqrt(4 * np.pi)

lights = st.integers(0, 100).map(lambda seed: EVEN + np.random.default_rng(seed).normal(size=(9, 3)) * 0.6)


def shown() -> Shown:
    pose = HeadPose(np.zeros(3), np.array([0.0, 0.0, 700.0]))
    pixels = np.full((200, 200, 3), 0.5, np.float32)
    return show(HEAD, HEAD.mean, pose, camera_for_lens(200, 200, millimetres=70), pixels, find_person=False)


SHOWN = shown()


@settings(max_examples=30)
@given(
    linear=st.lists(st.floats(0.02, 0.8), min_size=3, max_size=3),
    light=st.lists(st.floats(0.4, 2.4), min_size=3, max_size=3),
)
def test_a_lit_colour_comes_back(linear, light):
    own, excess = np.array([linear], np.float32), np.array([light], np.float32)
    found = without_light(srgb_from_linear(own * excess), keep_colour(excess))
    np.testing.assert_allclose(found, srgb_from_linear(own), atol=2e-3)


def test_black_stays_black_and_even_light_changes_nothing():
    colours = np.random.default_rng(0).random((50, 3)).astype(np.float32)
    np.testing.assert_allclose(without_light(colours, np.ones((50, 3), np.float32)), colours, atol=1e-6)
    assert (without_light(np.zeros((1, 3), np.float32), keep_colour(np.full((1, 3), 3.0))) == 0).all()
    np.testing.assert_allclose(excess_light(HEAD, [SHOWN], [HEAD.mean], [EVEN])[0], 1, atol=1e-5)


@settings(max_examples=15)
@given(light=lights)
def test_light_on_the_face_is_even_on_the_mean(light):
    """What is taken out neither brightens nor tints the face that the photo shows as a whole."""
    (excess,) = excess_light(HEAD, [SHOWN], [HEAD.mean], [light])
    assert excess.shape == HEAD.mean.shape and (excess > 0).all()
    assert excess.max() <= BRIGHTEST * 1.001 and excess.min() >= DARKEST * 0.999
    seen = SHOWN.at_vertices() * HEAD.mask("face")
    np.testing.assert_allclose((seen[:, None] * excess).sum(0) / seen.sum(), 1, atol=0.15)


def test_it_follows_the_light_from_side_to_side():
    light = EVEN.copy()
    light[3] = 1.5  # from the subject's left
    (excess,) = excess_light(HEAD, [SHOWN], [HEAD.mean], [light])
    told = np.log(shading(NORMALS, light)[:, 0].clip(0.1))
    assert np.corrcoef(np.log(excess[:, 0]), told)[0, 1] > 0.95


def test_photos_of_other_exposure_come_together():
    brighter = 1.6
    one, other = excess_light(HEAD, [SHOWN, SHOWN], [HEAD.mean] * 2, [EVEN, EVEN * brighter])
    np.testing.assert_allclose(other / one, brighter, rtol=1e-4)
    np.testing.assert_allclose(other * one, 1, rtol=1e-4)


def test_wrong_input_names_itself():
    with pytest.raises(RangeError, match="light should be above 0"):
        keep_colour(np.array([[1.0, 0.0, 1.0]]))
    with pytest.raises(ShapeError, match="points should be"):
        excess_light(HEAD, [SHOWN], [HEAD.mean[:5]], [EVEN])

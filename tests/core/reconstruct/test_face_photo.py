"""A photo cut to size: what was at a point is at it still, a lens sees as before, slopes are those of the colours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.colour import srgb_from_linear
from faceplate.reconstruct.camera import Camera, HeadPose, project
from faceplate.reconstruct.face_photo import BlurredFace, FacePhoto
from faceplate.reconstruct.head_fit import View

HEIGHT, WIDTH = 900, 1200


def view(x: float, y: float, side: float) -> View:
    """68 points on a square of `side` pixels about (x, y)."""
    spread = np.random.default_rng(0).uniform(-0.5, 0.5, (68, 2))
    spread[:4] = ((-0.5, -0.5), (0.5, 0.5), (-0.5, 0.5), (0.5, -0.5))
    return View((spread * side + (x, y)).astype(np.float32), Camera(1500.0, (WIDTH / 2, HEIGHT / 2)))


@settings(max_examples=15)
@given(x=st.floats(100, 1100), y=st.floats(100, 800), side=st.floats(60, 800))
def test_what_is_at_a_point_stays_at_it_and_in_the_lens(x, y, side):
    """A ramp of brightness says where in the photo a pixel was."""
    ramp = np.stack(np.broadcast_arrays(np.arange(WIDTH) + 0.5, (np.arange(HEIGHT) + 0.5)[:, None], 0.0), -1)
    seen = view(x, y, side)
    made = FacePhoto.of(seen, ramp.astype(np.float32))
    assert made.scale <= 1 and max(made.pixels.shape) < 1100
    inside = ((made.view.points > 1) & (made.view.points < np.array(made.pixels.shape[1::-1]) - 1)).all(1)
    for (column, row), was in zip(made.view.points[inside], seen.points[inside], strict=True):
        shown = made.pixels[int(row), int(column), :2]
        np.testing.assert_allclose(shown, was, atol=1.5 / made.scale)
    places = np.random.default_rng(1).normal(size=(20, 3)) * 50
    pose = HeadPose(np.array([0.1, 0.2, 0.0]), np.array([10.0, 20.0, 800.0]))
    before, after = (project(places, pose, lens)[:, :2] for lens in (seen.camera, made.view.camera))
    np.testing.assert_allclose((before - made.corner) * made.scale, after, atol=1e-6)


@pytest.mark.parametrize(("x", "y"), [(-300, 400), (1500, 400), (600, -300), (600, 1300), (5000, 5000)])
def test_a_face_beyond_the_picture_is_cut_to_something(x, y):
    made = FacePhoto.of(view(x, y, 200), np.zeros((HEIGHT, WIDTH, 3), np.float32))
    assert min(made.pixels.shape[:2]) >= 1 and np.isfinite(made.scale)


def test_slopes_are_those_of_the_colours_and_blur_takes_detail():
    x, y = np.meshgrid(np.arange(80) + 0.5, np.arange(60) + 0.5)
    linear = np.stack([0.2 + 0.004 * x, 0.5 - 0.003 * y, np.full_like(x, 0.3)], -1)
    tone = np.array([0.4, 0.5, 0.3])
    seen = BlurredFace.of(srgb_from_linear(linear.astype(np.float32)), tone, 2.0)
    places = np.random.default_rng(2).uniform(15, 45, (30, 2))
    colours, slopes = seen.at(places)
    wanted = np.stack([0.2 + 0.004 * places[:, 0], 0.5 - 0.003 * places[:, 1], np.full(30, 0.3)], 1) / tone
    np.testing.assert_allclose(colours, wanted, atol=2e-3)
    np.testing.assert_allclose(slopes[:, 0], np.tile([0.01, 0], (30, 1)), atol=2e-4)
    np.testing.assert_allclose(slopes[:, 1], np.tile([0, -0.006], (30, 1)), atol=2e-4)
    noise = np.random.default_rng(3).uniform(0.3, 0.6, (60, 80, 3)).astype(np.float32)
    sharp, soft = (BlurredFace.of(noise, tone, sigma).colours.std((0, 1)) for sigma in (0.0, 3.0))
    assert (soft < 0.3 * sharp).all()

"""Relief: dark is deep, plain is flat, unseen is flat, and slopes lean the way glTF says."""

import cv2
import numpy as np
import pytest

from faceplate.reconstruct.relief import MOST, Relief, read_relief
from faceplate.reconstruct.texture import Texture
from faceplate.reconstruct.uv import UvTile
from tests.support.heads import make_head

HEAD = make_head()
SIZE = 1024
MIDDLE = (slice(SIZE // 2 - 120, SIZE // 2 + 120),) * 2


def texture(grey: np.ndarray, confidence: float = 1.0) -> Texture:
    colour = np.repeat(grey.astype(np.float32)[..., None], 3, 2)
    return Texture(colour, np.full(grey.shape, confidence, np.float32))


def read(grey: np.ndarray, confidence: float = 1.0) -> Relief:
    return read_relief(HEAD, HEAD.mean, texture(grey, confidence))


def line(width: float = 3.0, depth: float = 0.1, *, upright: bool = True) -> np.ndarray:
    """(SIZE, SIZE) skin with one dark line through the middle, `width` texels wide; a texel is about 0.2 mm."""
    away = np.arange(SIZE) - SIZE / 2 + 0.5
    profile = 0.6 - depth * np.exp(-0.5 * (away / width) ** 2)
    grey = np.broadcast_to(profile, (SIZE, SIZE))
    return grey if upright else grey.T


def test_plain_skin_is_flat():
    found = read(np.full((SIZE, SIZE), 0.5))
    np.testing.assert_allclose(found.height, 0, atol=1e-5)
    np.testing.assert_allclose(
        found.normals, np.broadcast_to([0.5, 0.5, 1.0], found.normals.shape), atol=1e-4
    )


def test_a_slow_change_of_colour_is_paint_and_flat():
    found = read(np.broadcast_to(np.linspace(0.3, 0.7, SIZE), (SIZE, SIZE)))
    assert np.abs(found.height[MIDDLE]).max() < 0.01


@pytest.mark.parametrize("upright", [True, False])
def test_a_dark_line_is_a_fold(upright):
    found = read(line(upright=upright))
    height = found.height[MIDDLE] if upright else found.height[MIDDLE].T
    profile = height.mean(0)
    assert abs(profile.argmin() - 119.5) <= 1 and -MOST <= profile.min() < -0.02
    assert profile.max() < 0.5 * -profile.min()


def test_normals_lean_into_a_fold_as_gltf_has_it():
    """Left of an upright fold the skin falls towards +u: its normal leans to +u. Above a level one it leans down."""
    upright, level = read(line()).normals[MIDDLE].mean(0), read(line(upright=False)).normals[MIDDLE].mean(1)
    left, right = upright[112:118, 0].mean(), upright[122:128, 0].mean()
    assert left > 0.504 and right < 0.496 and np.abs(upright[:, 1] - 0.5).max() < 0.001
    above, below = level[112:118, 1].mean(), level[122:128, 1].mean()
    assert above < 0.496 and below > 0.504 and np.abs(level[:, 0] - 0.5).max() < 0.001


def test_normals_have_length_one_and_look_out():
    normal = read(line(depth=0.4)).normals * 2 - 1
    np.testing.assert_allclose(np.linalg.norm(normal, axis=2), 1, atol=1e-5)
    assert normal[..., 2].min() > 0.3


def test_what_no_photo_shows_is_flat():
    assert np.abs(read(line(), confidence=0.0).height).max() == 0
    assert np.abs(read(line(), 0.5).height).max() < 0.6 * np.abs(read(line()).height).max()


def test_hair_is_no_relief():
    """Strong fine strokes side by side are a beard, not a hundred folds."""
    strokes = 0.5 + 0.25 * np.sign(np.sin(np.arange(SIZE) * 2 * np.pi / 8))
    found = read(np.broadcast_to(strokes, (SIZE, SIZE)))
    assert np.abs(found.height[MIDDLE]).max() < 0.02


def test_a_finer_texture_of_the_same_skin_has_the_same_slopes():
    coarse = cv2.resize(line().astype(np.float32), (512, 512), interpolation=cv2.INTER_AREA)
    one = read(line()).normals[MIDDLE]
    other = read_relief(HEAD, HEAD.mean, texture(coarse)).normals[256 - 60 : 256 + 60, 256 - 60 : 256 + 60]
    assert other[..., 0].max() == pytest.approx(one[..., 0].max(), rel=0.02)
    quarter = UvTile(1001, HEAD.uv * 2 - 0.5, np.arange(len(HEAD.quads)))  # its middle half, twice as large
    near = cv2.resize(line()[256:768, 256:768].astype(np.float32), (SIZE, SIZE))
    tile = read_relief(HEAD, HEAD.mean, texture(near), quarter).normals[MIDDLE]
    assert tile[..., 0].max() == pytest.approx(one[..., 0].max(), rel=0.05)
    large = read_relief(HEAD, HEAD.mean, texture(np.full((4096, 4096), 0.5)))
    assert large.height.shape == (2048, 2048)

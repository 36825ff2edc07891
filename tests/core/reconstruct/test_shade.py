"""Light in harmonics: orthonormal, what integration says, and found again from what it lights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.shade import fit_light, harmonics, light_of_surroundings, shading

RANDOM = np.random.default_rng(6)
NORMALS = RANDOM.normal(size=(400, 3))
NORMALS /= np.linalg.norm(NORMALS, axis=1, keepdims=True)

lights = st.integers(0, 1000).map(lambda seed: np.random.default_rng(seed).normal(size=(9, 3)))


def sphere(height=120):
    """Directions over the whole sphere (N, 3) and the solid angle of each (N,)."""
    down = (np.arange(height) + 0.5) / height * np.pi
    turn = np.arange(2 * height) / height * np.pi
    grid = np.stack([np.sin(down)[:, None] * np.cos(turn), np.cos(down)[:, None] + 0 * turn,
                     np.sin(down)[:, None] * np.sin(turn)], -1)  # fmt: skip
    rows = np.cos(np.arange(height) / height * np.pi) - np.cos((np.arange(height) + 1) / height * np.pi)
    return grid.reshape(-1, 3), np.repeat(rows * np.pi / height, 2 * height)


def test_harmonics_are_orthonormal():
    directions, solid = sphere()
    basis = harmonics(directions)
    np.testing.assert_allclose((basis * solid[:, None]).T @ basis, np.eye(9), atol=1e-3)


@settings(max_examples=20)
@given(light=lights)
def test_shading_is_the_integral_over_the_hemisphere(light):
    """Radiance times the cosine, over all that is above the surface, divided by pi."""
    directions, solid = sphere()
    radiance = harmonics(directions) @ light
    for normal in NORMALS[:5]:
        above = np.clip(directions @ normal, 0, None) * solid
        np.testing.assert_allclose(shading(normal[None], light)[0], above @ radiance / np.pi, atol=5e-3)


@pytest.mark.parametrize("size", [(4, 8), (64, 128)])
def test_uniform_surroundings_light_everything_alike(size):
    light = light_of_surroundings(np.full((*size, 3), (1.0, 0.5, 2.0)))
    np.testing.assert_allclose(light[0], np.sqrt(4 * np.pi) * np.array([1, 0.5, 2]))
    if size[0] > 32:
        np.testing.assert_allclose(shading(NORMALS, light), np.tile([1, 0.5, 2], (400, 1)), atol=1e-2)


@pytest.mark.parametrize(
    ("row", "column", "brightest"),
    [(0, None, (0, 1, 0)), (32, 64, (0, 0, 1)), (32, 96, (-1, 0, 0)), (32, 32, (1, 0, 0))],
)
def test_a_lamp_lights_the_side_that_it_is_on(row, column, brightest):
    panorama = np.zeros((64, 128, 3))
    panorama[row, slice(None) if column is None else slice(column - 1, column + 1)] = 50
    seen = shading(NORMALS, light_of_surroundings(panorama))[:, 0]
    assert NORMALS[seen.argmax()] @ np.array(brightest) > 0.95


@settings(max_examples=20)
@given(light=lights)
def test_a_light_is_found_again_from_what_it_lights(light):
    albedo = np.random.default_rng(2).uniform(0.2, 0.9, (400, 3))
    colours = albedo * shading(NORMALS, light)
    np.testing.assert_allclose(fit_light(colours, albedo, NORMALS, smoothness=0), light, atol=1e-9)
    spoilt = colours.copy()
    spoilt[:50] += 9
    weights = np.repeat([0.0, 1.0], [50, 350])
    np.testing.assert_allclose(fit_light(spoilt, albedo, NORMALS, weights, smoothness=0), light, atol=1e-8)


def test_normals_of_a_face_alone_leave_the_light_behind_it_small():
    """Seen from in front the light from behind is guesswork; it should not be invented large."""
    front = NORMALS[NORMALS[:, 2] > 0.3]
    light = light_of_surroundings(np.ones((32, 64, 3)))
    colours = 0.5 * shading(front, light) + RANDOM.normal(0, 0.02, (len(front), 3))
    found = fit_light(colours, np.full_like(colours, 0.5), front, smoothness=1e-2)
    assert np.abs(shading(NORMALS, found) - 1).max() < 0.35


def test_wrong_input_names_itself():
    with pytest.raises(ShapeError, match="light should be 9 x 3"):
        shading(NORMALS, np.zeros((4, 3)))
    with pytest.raises(RangeError, match="some above"):
        fit_light(NORMALS, NORMALS, NORMALS, np.zeros(400))

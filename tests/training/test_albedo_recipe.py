"""The albedo's recipe: tones are taken out, components are those that people differ by, and both sides count."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="recipes need scipy: install the extra `train`")

from faceplate_training.head_model.albedo import at_vertices, components, patterns, unsaid
from faceplate_training.renders.skins import SIDE
from tests.support.heads import make_head

HEAD = make_head()
RANDOM = np.random.default_rng(3)


def test_a_texture_of_one_colour_gives_that_colour():
    textures = np.zeros((2, SIDE, SIDE, 3), np.uint8)
    textures[0], textures[1] = (200, 128, 64), 255
    found = at_vertices(HEAD, textures)
    shown = found[1].max(1) > 0
    assert shown.sum() > 200
    np.testing.assert_allclose(found[1][shown], 1, atol=1e-4)
    np.testing.assert_allclose(found[0][shown], found[0][shown][:1].repeat(shown.sum(), 0), atol=1e-4)


def test_a_pattern_knows_nothing_of_the_tone():
    colours = RANDOM.uniform(0.2, 0.5, (4, len(HEAD.mean), 3)).astype(np.float32)
    darker = colours * np.array([0.5, 0.3, 0.2], np.float32)
    np.testing.assert_allclose(patterns(HEAD, darker), patterns(HEAD, colours), rtol=1e-4)


def people(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Patterns that differ in two ways, and the two."""
    ways = RANDOM.normal(size=(2, len(HEAD.mean), 3)) * 0.1
    weights = RANDOM.normal(size=(count, 2)) * (2.0, 1.0)
    return (1 + np.tensordot(weights, ways, 1)).astype(np.float32), ways


def test_components_are_the_ways_in_which_people_differ():
    made, ways = people(60)
    mean, basis = components(made, np.ones(len(HEAD.mean)), 2)
    left = made - mean
    flat, target = basis.reshape(2, -1), left.reshape(60, -1)
    off = target - target @ np.linalg.pinv(flat) @ flat
    assert np.abs(off).max() < 1e-3
    sizes = np.sqrt((basis**2).sum((1, 2)))
    assert sizes[0] > sizes[1] and np.isclose(sizes[0], 2 * np.linalg.norm(ways[0]), rtol=0.4)


def test_what_is_left_unsaid_is_what_is_each_persons_own():
    made, _ = people(48)
    own = np.zeros(len(HEAD.mean))
    own[:100] = 0.2
    spotted = made + own[:, None] * RANDOM.normal(size=(48, len(HEAD.mean), 1)).astype(np.float32)
    # the ways are lopsided here, so that mirror images bring two more
    found = unsaid(spotted, spotted[:, HEAD.mirror], np.ones(len(HEAD.mean)), 4)
    assert 0.12 < found[:100].mean() < 0.3 and found[100:].mean() < 0.06

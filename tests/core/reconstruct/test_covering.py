"""What covers skin is left out of a texture: hair, collars, earrings. What belongs to the face stays."""

from dataclasses import replace

import numpy as np
import pytest

from faceplate.colour import srgb_from_linear
from faceplate.errors import ShapeError
from faceplate.reconstruct.albedo import Albedo
from faceplate.reconstruct.camera import HeadPose, camera_for_lens, project
from faceplate.reconstruct.covering import BARE, bare, only_skin, own_face
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.raster import rasterise
from faceplate.reconstruct.texture import bake_texture
from faceplate.reconstruct.uv import texels
from faceplate.reconstruct.visible import Shown, opaque, show

SIZE = 480
CAMERA = camera_for_lens(SIZE, SIZE, millimetres=70)
POSE = HeadPose(np.array([0.05, 0.1, 0.0]), np.array([0.0, 0.0, 850.0]))
TONES = ((0.45, 0.28, 0.2), (0.09, 0.045, 0.03))
HAIR, CLOTH, GOLD = (0.02, 0.014, 0.01), (0.1, 0.15, 0.5), (0.9, 0.6, 0.1)


def photo(head: HeadModel, colours: np.ndarray) -> Shown:
    """A head whose vertices have these scene-linear colours (V, 3), before a grey wall, and the head laid over it."""
    placed, triangles = project(head.mean.astype(float), POSE, CAMERA), opaque(head)
    raster = rasterise(placed, triangles, (SIZE, SIZE))
    pixels = np.full((SIZE, SIZE, 3), 0.2)
    seen = raster.covered
    pixels[seen] = (colours[triangles[raster.triangle[seen]]] * raster.weights[seen][..., None]).sum(1)
    encoded = np.clip(srgb_from_linear(pixels.astype(np.float32)), 0, 1)
    return show(head, head.mean, POSE, CAMERA, encoded, find_person=False)


def skin(head: HeadModel, albedo: Albedo, tone=TONES[0]) -> tuple[np.ndarray, np.ndarray]:
    """A pattern (V, 3), and a person's colours by it."""
    pattern = bare(head, albedo.of(np.zeros(0)))
    return pattern, pattern * tone


def even(head: HeadModel) -> np.ndarray:
    return np.ones((len(head.mean), 3), np.float32)


@pytest.mark.parametrize("tone", TONES)
def test_bare_skin_is_believed(head, albedo, tone):
    pattern, colours = skin(head, albedo, tone)
    shade = np.exp(head.mean[:, :1] / 200)  # light from one side, and known
    shown = photo(head, colours * shade)
    seen = only_skin(head, shown, pattern, even(head) * shade)
    before, after = shown.at_vertices(), seen.at_vertices()
    ours = albedo.known & (before > 0.5)
    assert ours.sum() > 1000 and (after[ours] > 0.9 * before[ours]).mean() > 0.97


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("what", ["hair", "collar", "earring"])
def test_what_covers_skin_is_not_believed(head, albedo, tone, what):
    pattern, colours = skin(head, albedo, tone)
    y = head.mean[:, 1]
    where = {"hair": y > 100, "collar": y < -130, "earring": (head.mask("ears") > 0.5) & (y < 20)}[what]
    colours[where] = {
        "hair": np.array(HAIR) * (1 if tone == TONES[0] else 0.4),
        "collar": CLOTH,
        "earring": GOLD,
    }[what]
    shown = photo(head, colours)
    seen = only_skin(head, shown, pattern, even(head))
    covered = where & (shown.at_vertices() > 0.3)
    assert covered.sum() > 5 and (seen.at_vertices()[covered] < 0.05).mean() > 0.9
    away = (own_face(head) > 0.95) & (shown.at_vertices() > 0.5)
    np.testing.assert_allclose(seen.at_vertices()[away], shown.at_vertices()[away], atol=0.05)


def test_the_face_is_its_own_whatever_it_shows(head, albedo):
    """A black beard and a red cheek stay."""
    pattern, colours = skin(head, albedo)
    beard = (head.mask("face") > 0.5) & (head.mean[:, 1] < -25) & (np.abs(head.mean[:, 0]) < 45)
    cheek = (
        np.linalg.norm(head.mean - head.mean[head.landmarks["68"].vertices[2, 0]] * (0.6, 1, 1), axis=1) < 25
    )
    colours[beard], colours[cheek & ~beard] = HAIR, (0.6, 0.1, 0.1)
    shown = photo(head, colours)
    seen = only_skin(head, shown, pattern, even(head))
    own = (beard | cheek) & (own_face(head) > 0.95) & (shown.at_vertices() > 0.3)
    assert own.sum() > 200
    np.testing.assert_allclose(seen.at_vertices()[own], shown.at_vertices()[own], atol=0.1)


def test_a_mole_on_the_neck_stays(head, albedo):
    """What is smaller than hair or cloth is a mark on the skin."""
    pattern, colours = skin(head, albedo)
    shown = photo(head, colours)
    spots = np.flatnonzero(
        np.isin(np.arange(len(head.mean)), head.quads[head.quad_region == head.region_names.index("neck")])
    )
    spot = spots[shown.at_vertices()[spots].argmax()]
    pixels = shown.pixels.copy()
    x, y = shown.points[spot, :2].astype(int)
    pixels[y, x] = 0.1
    seen = only_skin(head, replace(shown, pixels=pixels), pattern, even(head))
    assert seen.at_vertices()[spot] > 0.9 * shown.at_vertices()[spot]


def test_a_texture_has_no_shirt(head, albedo):
    """Where a collar was, the neck has the colour of skin."""
    pattern, colours = skin(head, albedo)
    colours[head.mean[:, 1] < -120] = CLOTH
    shown = photo(head, colours)
    clean = bake_texture(head, [only_skin(head, shown, pattern, even(head))], 256, pattern=pattern)
    plain = bake_texture(head, [shown], 256)
    neck = head.region_names.index("neck")
    place = np.concatenate([part.place[head.quad_region[part.face] == neck] for part in texels(head, 256)])
    blue, bluer = (
        (each.colour.reshape(-1, 3)[place][:, 2] > each.colour.reshape(-1, 3)[place][:, 0]).mean()
        for each in (clean, plain)
    )
    assert bluer > 0.2 and blue < 0.01
    assert clean.confidence.reshape(-1)[place].mean() < plain.confidence.reshape(-1)[place].mean()


def test_bare_skin_has_no_hairline(head, albedo):
    hairy = np.clip(albedo.of([0, 0, 3.0]), 0.01, 3)
    found, own = bare(head, hairy), own_face(head)
    np.testing.assert_allclose(found[own == 1], hairy[own == 1], atol=1e-6)
    assert found[own == 0].min() >= BARE[0] - 1e-6 and found[own == 0].max() <= BARE[1] + 1e-6
    np.testing.assert_allclose(bare(head, found)[own == 0], found[own == 0], atol=1e-6)


def test_the_face_ends_at_the_brows_and_is_symmetric(head):
    own = own_face(head)
    np.testing.assert_allclose(own, own[head.mirror], atol=1e-4)
    assert own[head.mask("lips") > 0.9].min() > 0.95 and own[head.mask("nose") > 0.9].min() > 0.95
    assert own[head.mean[:, 1] > 85].max() == 0 and own[head.mask("ears") > 0.5].max() < 0.3


def test_too_little_face_is_left_alone_and_wrong_input_names_itself(head, albedo):
    pattern, colours = skin(head, albedo)
    shown = photo(head, colours)
    hidden = replace(shown, clear=np.zeros_like(shown.clear))
    assert only_skin(head, hidden, pattern, even(head)) is hidden
    with pytest.raises(ShapeError, match="pattern should be"):
        only_skin(head, shown, pattern[:7], even(head))

"""Baking: what a photo showed comes back, what none showed has no confidence, and no seam is left where two meet."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from faceplate.colour import linear_from_srgb, srgb_from_linear
from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.camera import HeadPose, camera_for_lens, project
from faceplate.reconstruct.delight import excess_light
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.morphable import HeadModel, rotation
from faceplate.reconstruct.raster import rasterise
from faceplate.reconstruct.shade import shading
from faceplate.reconstruct.texture import (
    BAKED,
    ENOUGH,
    Sources,
    Texture,
    bake_texture,
    has_skin,
    painted_tiles,
)
from faceplate.reconstruct.uv import texels
from faceplate.reconstruct.visible import Shown, opaque, person_in, show

SIZE = 512
CAMERA = camera_for_lens(480, 480, millimetres=70)


def pose(yaw: float) -> HeadPose:
    return HeadPose(np.array([0.05, yaw, 0.0]), np.array([0.0, 0.0, 800.0]))


def paint(head: HeadModel) -> np.ndarray:
    """(V, 3) a symmetric pattern of bands, some 5 cm wide."""
    x, y, z = head.mean.T / 16
    return 0.5 + 0.3 * np.stack([np.cos(x), np.sin(y), np.cos(y - z)], 1)


def photo_of(head: HeadModel, colours: np.ndarray, yaw: float, *, exposure: float = 1.0) -> Shown:
    """A picture of the painted head before a green wall, drawn by the rasteriser alone, and the head laid over it."""
    points = project(head.mean, pose(yaw), CAMERA)
    triangles = opaque(head)
    raster = rasterise(points, triangles, (480, 480))
    pixels = np.zeros((480, 480, 3), np.float32) + np.array([0, 1, 0], np.float32)
    seen = raster.covered
    corners = triangles[raster.triangle[seen]]
    pixels[seen] = (colours[corners] * raster.weights[seen][..., None]).sum(1) * exposure
    return show(head, head.mean, pose(yaw), CAMERA, pixels)


def baked_regions(head: HeadModel) -> list[int]:
    return [head.region_names.index(name) for name in BAKED]


def truth(head: HeadModel, colours: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The painted texture (S, S, 3), where it is skin (S, S), and the vertex nearest to each texel."""
    texture, skin = np.zeros((SIZE * SIZE, 3), np.float32), np.zeros(SIZE * SIZE, bool)
    nearest = np.full(SIZE * SIZE, -1)
    for part in texels(head, SIZE):
        texture[part.place] = part.of(colours)
        skin[part.place] = np.isin(head.quad_region[part.face], baked_regions(head))
        nearest[part.place] = part.corners[np.arange(len(part.place)), part.weights.argmax(1)]
    return texture.reshape(SIZE, SIZE, 3), skin.reshape(SIZE, SIZE), nearest.reshape(SIZE, SIZE)


@pytest.fixture(scope="module")
def front(head) -> Texture:
    return bake_texture(head, [photo_of(head, paint(head), 0.0)], SIZE)


def test_a_known_texture_comes_back_where_it_was_seen(head, front):
    known, skin, _ = truth(head, paint(head))
    sure = skin & (front.confidence >= ENOUGH[1])
    assert sure.sum() > 0.25 * skin.sum()
    off = np.abs(front.colour - known)[sure]
    assert off.mean() < 0.004 and np.percentile(off, 99) < 0.02


def test_nothing_seen_means_no_confidence(head, front):
    lens = rotation(pose(0.0).turn).T @ (pose(0.0).move * (-1, 1, 1))
    away = ((lens - head.mean) * vertex_normals(head.mean, head.quads)).sum(1) < -1.0
    confidence, skin = front.confidence.ravel(), np.isin(head.quad_region, baked_regions(head))
    behind = 0
    for part in texels(head, SIZE):
        hidden = away[part.corners].all(1) | ~skin[part.face]
        assert (confidence[part.place[hidden]] == 0).all()
        behind += int(hidden.sum())
    assert behind > 0.15 * SIZE * SIZE
    assert confidence.min() >= 0 and 0.9 < confidence.max() <= 1


def test_what_is_hidden_takes_nothing_from_what_hides_it(head):
    """A head from the side: behind the nose and the far cheek there is no green wall and no nose on the cheek."""
    colours = np.full((len(head.mean), 3), 0.4)
    nose = head.mask("nose") > 0.5
    colours[nose] = (0.9, 0.1, 0.1)
    baked = bake_texture(head, [photo_of(head, colours, 0.9)], SIZE)
    known, skin, nearest = truth(head, colours)
    cheek = skin & (head.mask("nose") == 0)[nearest]
    far = cv2.erode(cheek.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    assert np.abs(baked.colour - known)[far & (baked.confidence > 0)].max() < 0.1
    assert np.percentile(np.abs(baked.colour - known)[far], 99) < 0.15


def test_what_is_behind_the_person_is_not_painted_on_a_head_that_is_too_wide(head, monkeypatch):
    """The fitted head is seven per cent larger than the person: at its rim the photo shows the green wall."""
    shown = photo_of(head, np.full((len(head.mean), 3), 0.55), 0.0)
    larger = show(head, head.mean * 1.07, pose(0.0), CAMERA, shown.pixels)
    behind = larger.pixels[..., 1] > 0.9
    assert (cv2.resize(larger.clear, (480, 480)) > 0.5)[behind].mean() < 0.01
    monkeypatch.setattr("faceplate.reconstruct.visible.person_in", lambda pixels, covered, _: covered)
    blind = show(head, head.mean * 1.07, pose(0.0), CAMERA, shown.pixels)
    _, skin, _ = truth(head, paint(head))
    baked, careless = (bake_texture(head, [each], SIZE) for each in (larger, blind))
    green, greener = (
        (each.colour[..., 1] - each.colour[..., [0, 2]].max(2) > 0.1)[skin].mean()
        for each in (baked, careless)
    )
    assert green < 0.005 and green < 0.2 * greener
    assert np.median(baked.confidence[skin & (baked.confidence > 0)]) > 0.5


def test_what_covers_a_face_is_not_painted_on_it(head):
    """A green hand over the left of the picture, and a net that says so: none of it gets into the texture."""
    shown = photo_of(head, np.full((len(head.mean), 3), 0.55), 0.0)
    covered = np.zeros(shown.pixels.shape[:2], np.float32)
    covered[:, :230] = 1
    pixels = np.where(covered[..., None] > 0, np.array([0.1, 0.9, 0.1], np.float32), shown.pixels).astype(
        np.float32
    )
    shown = replace(shown, pixels=pixels)
    _, skin, _ = truth(head, paint(head))
    bare, careless = (bake_texture(head, [each], SIZE) for each in (shown.uncovered(covered), shown))
    green, greener = (
        (each.colour[..., 1] - each.colour[..., [0, 2]].max(2) > 0.1)[skin].mean()
        for each in (bare, careless)
    )
    assert greener > 0.1 and green < 0.01
    assert (bare.confidence[skin] > 0).mean() < (careless.confidence[skin] > 0).mean() - 0.1
    same = shown.uncovered(np.zeros_like(covered))
    np.testing.assert_array_equal(same.clear, shown.clear)


def test_the_same_photo_shows_the_same_person(head):
    """What tells a person from what is behind begins at random places: seeded, or two runs would differ."""
    noise = np.random.default_rng(0).random((480, 480, 3)).astype(np.float32)
    covered = np.zeros((480, 480), bool)
    covered[100:400, 120:360] = True
    first = person_in(noise, covered, 1.0)
    np.random.default_rng(1).random(1000)
    cv2.setRNGSeed(123)
    np.testing.assert_array_equal(person_in(noise, covered, 1.0), first)
    assert first[200:300, 200:280].all() and not first[:20].any()


def test_what_was_not_seen_comes_from_the_other_side(head):
    known, skin, nearest = truth(head, paint(head))
    baked = bake_texture(head, [photo_of(head, paint(head), 0.8)], SIZE)
    confidence = np.zeros(len(head.mean), np.float32)
    np.maximum.at(confidence, nearest[nearest >= 0], baked.confidence[nearest >= 0])
    only_other = (confidence == 0) & (confidence[head.mirror] > 0.5)
    there = skin & only_other[nearest]
    assert there.sum() > 2000
    assert np.median(np.abs(baked.colour - known)[there]) < 0.02


def test_photos_of_other_exposure_meet_without_a_seam(head):
    """The same wall of skin, once a fifth darker: no edge may be left that the painting does not have."""
    colours = paint(head)
    photos = [photo_of(head, colours, -0.6), photo_of(head, colours, 0.6, exposure=0.8)]
    baked = bake_texture(head, photos, SIZE)
    known, skin, _ = truth(head, colours)
    sure = cv2.erode((skin & (baked.confidence > 0.6)).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    ratio = np.where(known > 0.15, baked.colour / np.maximum(known, 0.15), np.nan)
    step = np.abs(np.diff(ratio, axis=1))[sure[:, 1:]]
    assert np.nanpercentile(step, 99.5) < 0.02
    plain = np.stack([photo.at_vertices() for photo in photos])
    assert ((plain > 0.3).all(0)).sum() > 300, "the photos should overlap, or nothing meets"


def test_light_is_taken_out_where_it_is_known(head):
    """A painted head under a lamp from the side: with its light the painting comes back, without it lopsided."""
    light = np.zeros((9, 3))
    light[0], light[2], light[3] = np.sqrt(4 * np.pi), 0.8, 1.2
    shade = shading(vertex_normals(head.mean, head.quads).astype(np.float64), light).clip(0.05)
    lit = srgb_from_linear((linear_from_srgb(paint(head).astype(np.float32)) * shade).astype(np.float32))
    photo = photo_of(head, lit, 0.0)
    (excess,) = excess_light(head, [photo], [head.mean], [light])
    known, skin, nearest = truth(head, paint(head))
    errors = []
    for taken in (None, [excess]):
        baked = bake_texture(head, [photo], SIZE, excess=taken)
        sure = skin & (baked.confidence > 0.5) & (head.mask("face") > 0.5)[nearest]
        ratio = baked.colour[sure] / known[sure]
        errors.append(np.abs(ratio / np.median(ratio, axis=0) - 1).mean())
    assert errors[1] < 0.35 * errors[0]


def test_uv_seams_are_closed(head, front):
    """Both sides of a cut in the UV map show one colour: a line across it is not seen on the head."""
    skin = np.isin(head.quad_region, baked_regions(head))
    pairs = np.unique(np.stack([head.quads[skin], head.quad_uv[skin]], -1).reshape(-1, 2), axis=0)
    vertex, count = np.unique(pairs[:, 0], return_counts=True)
    cut = vertex[count == 2]
    assert len(cut) > 50
    first = np.searchsorted(pairs[:, 0], cut)
    place = (head.uv[pairs[np.stack([first, first + 1]), 1]] * (SIZE, -SIZE) + (0, SIZE) - 0.5).astype(
        np.float32
    )
    here = cv2.remap(front.colour, place[..., 0], place[..., 1], cv2.INTER_LINEAR)
    off = np.abs(here[0] - here[1]).max(1)
    assert np.median(off) < 0.02 and np.percentile(off, 95) < 0.08


def test_eyes_and_teeth_have_their_own_colours(head, front):
    _, _, nearest = truth(head, paint(head))
    of_region = np.zeros(len(head.mean), int)
    of_region[head.quads.ravel()[head.quads.ravel() >= 0]] = np.repeat(head.quad_region, 4)[
        head.quads.ravel() >= 0
    ]
    teeth = [k for k, name in enumerate(head.region_names) if name.startswith("teeth")]
    texel = np.isin(np.where(nearest >= 0, of_region[nearest], -1), teeth)
    assert front.colour[texel].std(0).max() < 0.02 and front.colour[texel].mean() > 0.85


@pytest.mark.parametrize("shade", [0.35, 1.0])
def test_eyes_in_the_shade_of_their_lids_are_not_dark(head, shade):
    """The white of an eye comes out brighter than light skin, whatever lids keep from it; a lit eye as it is."""
    colours = np.full((len(head.mean), 3), (0.62, 0.5, 0.44))
    white = np.isin(head.quad_region, [k for k, n in enumerate(head.region_names) if n.startswith("sclera")])
    eyes = np.unique(head.quads[white])
    lit = np.array([0.85, 0.84, 0.82], np.float32)
    colours[eyes[eyes >= 0]] = srgb_from_linear(linear_from_srgb(lit) * np.float32(shade))
    baked = bake_texture(head, [photo_of(head, colours, 0.0)], SIZE)
    place = np.concatenate([part.place[white[part.face]] for part in texels(head, SIZE)])
    found = np.median(baked.colour.reshape(-1, 3)[place], axis=0)
    if shade == 1.0:
        np.testing.assert_allclose(found, lit, atol=0.05)
    plain = np.array([0.62, 0.5, 0.44], np.float32)
    assert linear_from_srgb(np.asarray(found)).mean() > 1.3 * linear_from_srgb(plain).mean()


def test_tiles_show_what_the_one_map_shows(head):
    """Every vertex has the colour and the confidence in its UDIM tile that it has in the map of one tile."""
    sources = Sources.of(head, [photo_of(head, paint(head), 0.5)])
    whole, tiles = sources.baked(SIZE), painted_tiles(head)
    assert [tile.number for tile in tiles] == list(range(1001, 1007)), "lashes have no picture"
    assert [has_skin(head, tile) for tile in tiles] == [True, True, False, False, False, False]
    for tile in tiles:
        baked = sources.baked(SIZE, tile)
        assert baked.colour.shape == (SIZE, SIZE, 3) and np.isfinite(baked.colour).all()
        middle = [uv[head.quad_uv[tile.faces, :3]].mean(1) for uv in (head.uv, tile.uv)]
        here, there = looked_up(whole.colour, middle[0]), looked_up(baked.colour, middle[1])
        off = np.abs(here - there).max(-1)
        assert np.median(off) < 0.005 and np.percentile(off, 95) < 0.06
        known, sure = looked_up(whole.confidence, middle[0]), looked_up(baked.confidence, middle[1])
        assert has_skin(head, tile) == bool(sure.max() > 0)
        assert np.abs(known - sure).mean() < 0.01


def looked_up(picture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """What a picture of a UV map shows at places (N, 2) of it."""
    place = (uv * (SIZE, -SIZE) + (0, SIZE) - 0.5).astype(np.float32)
    return cv2.remap(picture, place[:, :1], place[:, 1:], cv2.INTER_LINEAR)[:, 0]


def test_wrong_input_names_itself(head):
    shown = photo_of(head, paint(head), 0.0)
    with pytest.raises(RangeError, match="256-8192"):
        bake_texture(head, [shown], 100)
    with pytest.raises(RangeError, match="at least one photo"):
        bake_texture(head, [], 512)
    with pytest.raises(RangeError, match="show nothing of the face"):
        bake_texture(head, [replace(shown, clear=np.zeros_like(shown.clear))], 512)
    with pytest.raises(ShapeError, match="points should be"):
        show(head, head.mean[:9], pose(0), CAMERA, shown.pixels)
    with pytest.raises(RangeError, match="in front of the lens"):
        show(head, head.mean, HeadPose(np.zeros(3), np.zeros(3)), CAMERA, shown.pixels)

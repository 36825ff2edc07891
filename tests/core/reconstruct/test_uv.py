"""The UV map as a picture: texels know their place, bands change nothing, colours spread and never invent."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError
from faceplate.reconstruct.uv import picture_name, spread, texels, tile_numbers, udim_tiles
from tests.support.heads import make_head

HEAD = make_head()  # its UVs are its x and y, so that front and back lie over one another


def all_texels(size, band=128):
    parts = list(texels(HEAD, size, band=band))
    return {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("place", "corners", "weights", "face")
    }


def test_a_texel_lies_where_its_uv_says():
    size = 96
    for part in texels(HEAD, size):
        uv = part.of(HEAD.uv)
        row, column = np.divmod(part.place, size)
        np.testing.assert_allclose(uv[:, 0] * size, column + 0.5, atol=1e-3)
        np.testing.assert_allclose((1 - uv[:, 1]) * size, row + 0.5, atol=1e-3)
        assert all(set(c) <= set(HEAD.quads[f]) for c, f in zip(part.corners, part.face, strict=True))


def test_no_texel_comes_twice_and_none_is_missing():
    size = 64
    places = all_texels(size)["place"]
    assert len(np.unique(places)) == len(places)
    row, column = np.divmod(np.arange(size * size), size)
    x, y = ((column + 0.5) / size - 0.5) * 220, (0.5 - (row + 0.5) / size) * 220
    deep_inside = (x / 85) ** 2 + (y / 115) ** 2 < 0.9
    assert np.isin(np.flatnonzero(deep_inside), places).all()


@pytest.mark.parametrize("band", [1, 7, 64])
def test_bands_change_nothing(band):
    whole, cut = all_texels(64), all_texels(64, band=band)
    for name in whole:
        np.testing.assert_allclose(cut[name], whole[name], atol=1e-5)


def test_the_other_side_is_the_same_place_on_other_vertices():
    (part,) = texels(HEAD, 32)
    other = part.moved_to(HEAD.mirror)
    np.testing.assert_allclose(other.of(HEAD.mean), part.of(HEAD.mean) * (-1, 1, 1), atol=1e-3)


def test_a_tile_is_a_square_of_its_own(head):
    """Faces of every tile lie within it, and a texel of it is where its UDIM coordinates say."""
    tiles, size = udim_tiles(head), 128
    assert [tile.number for tile in tiles] == list(range(1001, 1008))
    assert sorted(np.concatenate([tile.faces for tile in tiles]).tolist()) == list(range(len(head.quads)))
    for tile in tiles:
        corners = head.quad_uv[tile.faces]
        inside = tile.uv[corners[corners >= 0]]
        assert inside.min() >= 0 and inside.max() <= 1
        part = next(iter(texels(head, size, tile=tile, band=size)))
        assert np.isin(part.face, tile.faces).all() and len(np.unique(part.place)) == len(part.place)
        row, column = np.divmod(part.place, size)
        (quad,) = np.nonzero(part.face == part.face[len(part.face) // 2])
        corner = tile.uv[head.quad_uv[part.face[quad[0]]]] * size
        assert (np.abs(corner[:, 0] - column[quad[0]]) < size / 4).all()
        assert (np.abs(size - corner[:, 1] - row[quad[0]]) < size / 4).all()


def test_tiles_are_counted_as_udim_counts():
    within = (HEAD.udim - 0.5) * np.float32(0.9) + np.float32(0.5)
    moved = replace(HEAD, udim=within + np.array([3, 2], np.float32))
    assert set(tile_numbers(moved).tolist()) == {1001 + 3 + 20}
    (tile,) = udim_tiles(moved)
    np.testing.assert_allclose(tile.uv, within, atol=1e-5)
    assert picture_name("anna", tile.number) == "anna.1024.png" and picture_name("anna") == "anna.png"


@settings(max_examples=20)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    share=st.floats(0.0, 1.0),
    seed=st.integers(0, 99),
)
def test_colours_spread_without_touching_what_is_there(size, share, seed):
    random = np.random.default_rng(seed)
    picture = random.random((*size, 3)).astype(np.float32)
    covered = random.random(size) < share
    found = spread(picture, covered)
    np.testing.assert_array_equal(found[covered], picture[covered])
    if covered.any():
        assert found.min() >= picture[covered].min() - 1e-5 and found.max() <= picture[covered].max() + 1e-5


def test_a_rim_takes_the_colour_beside_it():
    picture, covered = np.zeros((64, 64, 1), np.float32), np.zeros((64, 64), bool)
    covered[:, :20] = covered[:, 44:] = True
    picture[:, 44:] = 1
    found = spread(picture, covered)
    assert found[:, 20:22].max() < 0.2 and found[:, 42:44].min() > 0.8


def test_wrong_input_names_itself():
    with pytest.raises(RangeError, match="at least one texel"):
        next(iter(texels(HEAD, 0)))

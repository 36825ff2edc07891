"""Heads with pictures as the command writes them, imported by a real Blender: of one UV map, and of UDIM tiles."""

from pathlib import Path

import numpy as np
import pytest

from faceplate.head_output import Pictures, write_reconstructed
from faceplate.reconstruct.head_fit import Fit
from faceplate.reconstruct.mesh import BUMPY, UNTEXTURED, face_materials
from faceplate.reconstruct.pipeline import Reconstructed
from faceplate.reconstruct.relief import Relief
from faceplate.reconstruct.texture import Texture, has_skin, painted_tiles

pytest.importorskip("pxr", reason="usd-core is not installed: `pip install 'faceplate[usd]'`")

SIZE, TILES, SKIN = 32, range(1001, 1007), (1001, 1002)
ONE, TILED = ("one.obj", "one.usdc", "one.usdz", "one.glb"), ("udim.obj", "udim.usdc", "udim.usdz")


def plain() -> tuple[Texture, Relief]:
    grey, flat = np.full((SIZE, SIZE, 3), 0.5, np.float32), np.zeros((SIZE, SIZE), np.float32)
    return Texture(grey, flat), Relief(flat, grey)


@pytest.fixture(scope="module")
def facts(inside, head, tmp_path_factory) -> dict:
    """What Blender says of every file, by its name."""
    folder: Path = tmp_path_factory.mktemp("pictures")
    texture, relief = plain()
    spread = np.zeros(len(head.mean), np.float32)
    made = Reconstructed(
        head.mean, spread, Fit(np.zeros(1, np.float32), [], [], [], []), texture, None, relief
    )
    tiles = Pictures()
    for tile in painted_tiles(head):
        tiles.add(tile.number, texture, relief if has_skin(head, tile) else None)
    for name in ONE:
        write_reconstructed(folder / name, head, made)
    for name in TILED:
        write_reconstructed(folder / name, head, made, tiles=tiles)
    told = inside("pictures.py", *(folder / name for name in (*ONE, *TILED)))
    return {Path(path).name: found for path, found in told.items()}


@pytest.mark.parametrize("name", [*ONE, *TILED])
def test_all_vertices_and_faces_come_back(facts, head, name):
    found = facts[name]
    if not name.endswith(".glb"):
        assert (found["vertices"], found["faces"]) == (len(head.mean), len(head.quads))
        return
    # glTF has a vertex for every pair of a place and a UV, in every material, and triangles alone
    pairs = np.stack([head.quads, head.quad_uv], -1)
    owner = face_materials(head)
    split = [pairs[owner == kind].reshape(-1, 2) for kind in np.unique(owner)]
    assert found["vertices"] == sum(len(np.unique(each[each[:, 0] >= 0], axis=0)) for each in split)
    assert found["faces"] == len(head.triangles)


@pytest.mark.parametrize("name", ONE)
def test_skin_has_colour_and_normal_map(facts, name):
    found = facts[name]
    for material, picture in found["colours"].items():
        assert bool(picture) == (material not in UNTEXTURED), material
    bumps = {material for material, picture in found["normals"].items() if picture}
    assert bumps == (set() if name.endswith(".obj") else {BUMPY})  # of MTL's norm it knows nothing
    for material in bumps:
        assert found["pictures"][found["normals"][material]]["space"] == "Non-Color"
    assert found["pictures"][found["colours"][BUMPY]]["space"] == "sRGB"


@pytest.mark.parametrize("name", ["udim.usdc", "udim.usdz"])
def test_usd_has_one_picture_of_six_tiles(facts, name):
    found = facts[name]
    (picture,) = {each for each in found["colours"].values() if each}
    assert found["pictures"][picture]["tiles"] == list(TILES)
    for tile in SKIN:
        assert str(tile) in found["normals"][f"{BUMPY}_{tile}"]
        assert found["columns"][f"{BUMPY}_{tile}"] == [tile - 1001]


def test_obj_has_the_picture_of_its_tile_in_every_material(facts):
    found = facts["udim.obj"]
    shown = set()
    for material, picture in found["colours"].items():
        kind, _, tile = material.partition("_")
        assert bool(tile) == (kind not in UNTEXTURED) == bool(picture)
        if tile:
            assert tile in picture and found["columns"][material] == [int(tile) - 1001]
            shown.add(int(tile))
    assert shown == set(TILES)

"""A fitted head as files that other programs read: OBJ, npz; and what all of them need, normals and materials."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.reconstruct.morphable import HeadModel, triangles_of
from faceplate.reconstruct.uv import UDIM, tile_numbers

MATERIALS = {
    "skin": ((0.72, 0.52, 0.43, 1.0), 0.55),
    "mouth": ((0.55, 0.2, 0.2, 1.0), 0.35),
    "teeth": ((0.85, 0.82, 0.74, 1.0), 0.25),
    "sclera": ((0.85, 0.84, 0.82, 1.0), 0.15),
    "iris": ((0.2, 0.28, 0.35, 1.0), 0.4),
    "pupil": ((0.0, 0.0, 0.0, 1.0), 0.4),
    "cornea": ((0.0, 0.0, 0.0, 0.1), 0.02),
    "lashes": ((0.03, 0.02, 0.02, 0.16), 0.8),
}
"""Material -> base colour (scene-linear RGB, alpha) and roughness; a texture takes the base colour's place.

Lashes are cards without a picture of hairs: they veil as much as the hairs would cover, or they would hide the eyes.
"""

UNTEXTURED = ("cornea", "lashes", "pupil")
"""Materials that keep their plain colour whatever the texture holds."""

TEXTURED = tuple(name for name in MATERIALS if name not in UNTEXTURED)

BUMPY = "skin"
"""The material that has the normal map."""


def material_of(region: str) -> str:
    """The material of a region of faceplate-head; skin for regions that this does not know."""
    first = region.split("_")[0]
    if first in ("mouth", "gums", "tongue"):
        return "mouth"
    return first if first in MATERIALS else "skin"


def face_materials(head: HeadModel, *, by_tile: Collection[str] = ()) -> NDArray[np.str_]:
    """(F,) the material of each face; those named in `by_tile` are one for every UDIM tile, as skin_1001."""
    names = np.array([material_of(region) for region in head.region_names])[head.quad_region]
    if not by_tile:
        return names
    tiled = np.char.add(np.char.add(names, "_"), tile_numbers(head).astype(str))
    return np.where(np.isin(names, list(by_tile)), tiled, names)


def vertex_normals(points: np.ndarray, quads: np.ndarray) -> NDArray[np.float32]:
    """(V, 3) unit normals, the means of the faces about each vertex weighted by their area; +z where there is none."""
    triangles, _ = triangles_of(quads)
    corners = points[triangles].astype(np.float64)
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros((len(points), 3))
    for k in range(3):
        np.add.at(normals, triangles[:, k], face)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 1e-12, normals / np.maximum(length, 1e-12), (0, 0, 1)).astype(np.float32)


def normals_of_triangles(points: np.ndarray, triangles: np.ndarray) -> NDArray[np.float32]:
    """(T, 3) unit normals of triangles (T, 3) over points (V, 3); 0 where a triangle has no area."""
    corners = points[triangles].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return (normals / np.maximum(length, 1e-12)).astype(np.float32)


def strongest_joints(skin: np.ndarray, count: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The joints that hold each vertex most, and by how much.

    Args:
        skin: (V, J), rows sum to 1. count: how many for each vertex, 1-J.

    Returns:
        (V, count) places in `skin`'s second axis, 0 where a vertex has fewer; (V, count) shares, rows sum to 1.
    """
    order = np.argsort(-skin, axis=1, kind="stable")[:, :count]
    shares = np.take_along_axis(skin, order, 1)
    shares = shares / shares.sum(1, keepdims=True)
    return np.where(shares > 0, order, 0).astype(np.int32), shares.astype(np.float32)


def write_obj(
    path: Path, head: HeadModel, points: np.ndarray, *, materials: str = "", by_tile: bool = False
) -> None:
    """Write vertices, UVs and quads, one group for every region. Millimetres, y up.

    Args:
        head: whose topology and UVs are written.
        points: (V, 3) mm, from `HeadModel.rest` or `posed`.
        materials: name of the .mtl file beside it that `write_mtl` writes; none are named without.
        by_tile: a material with a texture is one for every UDIM tile, as skin_1001. MTL files know no tiles, and what
            knows none either repeats pictures beyond 0-1, so that each lies where it should.
    """
    expect_shapes({"V": len(head.mean)}, points=(points, "V 3"))
    lines = [f"# {head.id}, millimetres", f"# {head.credit}"]
    lines += [f"mtllib {materials}"] if materials else []
    lines += [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in points]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in head.uv]
    owner = face_materials(head, by_tile=TEXTURED if by_tile else ())
    for number, region in enumerate(head.region_names):
        lines.append(f"g {region}")
        ours = head.quad_region == number
        for name in np.unique(owner[ours]).tolist():
            lines += [f"usemtl {name}"] if materials else []
            for face in np.flatnonzero(ours & (owner == name)):
                corners = zip(head.quads[face] + 1, head.quad_uv[face] + 1, strict=True)
                lines.append("f " + " ".join(f"{v}/{t}" for v, t in corners if v > 0))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_mtl(
    path: Path,
    *,
    texture: str = "",
    normals: str = "",
    displacement: str = "",
    deep: float = 0.0,
    names: Collection[str] = tuple(MATERIALS),
) -> None:
    """Write the materials of an OBJ file.

    The normal map is `norm`, as MTL's extension for physically based materials has it, and not `map_Bump`: that is a
    picture of heights by the format's own description, and Blender, which takes it for normals, reads it as sRGB.

    Args:
        texture, normals, displacement: names of pictures beside it that give colours, and normals and heights of skin;
            with `uv.UDIM` in them where names of materials end in a tile.
        deep: mm that a displacement of 0 lies below the surface, and one of 1 above it.
        names: of the materials, as `face_materials` has them.
    """
    lines = []
    for name in names:
        kind, _, tile = name.partition("_")
        (*colour, alpha), roughness = MATERIALS[kind]
        lines += [f"newmtl {name}", "Kd " + " ".join(f"{c:.4f}" for c in colour)]
        lines += [f"Ns {2 / max(roughness, 0.02) ** 2 - 2:.1f}", f"d {alpha:.3f}", "illum 2"]
        maps = {"map_Kd": texture} if kind not in UNTEXTURED else {}
        maps |= {"norm": normals, f"disp -mm {-deep:g} {2 * deep:g}": displacement} if kind == BUMPY else {}
        lines += [f"{word} {picture.replace(UDIM, tile)}" for word, picture in maps.items() if picture]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_npz(path: Path, head: HeadModel, points: np.ndarray, **coefficients: np.ndarray) -> None:
    """Write what a script wants: `vertices` (V, 3) mm, `quads`, `uv`, `quad_uv`, `head` (its id), and coefficients
    under the names they are given. Nothing is deflated: pictures among them are already, and the rest takes a second.
    """
    expect_shapes({"V": len(head.mean)}, points=(points, "V 3"))
    own = {"vertices": points, "quads": head.quads, "uv": head.uv, "quad_uv": head.quad_uv, "head": head.id}
    with path.open("wb") as file:
        np.savez(file, **{**coefficients, **own})

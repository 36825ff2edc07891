"""A fitted head as USD: blend shapes, a skeleton that skins it, materials with the texture, all by UsdSkel's schemas.

After: Pixar, "OpenUSD 26.11": UsdSkel's schemas for blend shapes and skinning, UsdPreviewSurface 2.6 for materials.
"""

# pyright: reportAttributeAccessIssue=false
# usd-core carries no types, and its modules fill themselves when they are imported.

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from faceplate.arrays import expect_shapes
from faceplate.reconstruct.mesh import (
    BUMPY,
    MATERIALS,
    UNTEXTURED,
    face_materials,
    strongest_joints,
    vertex_normals,
)
from faceplate.reconstruct.morphable import HeadModel, quaternion
from faceplate.reconstruct.performance import Performance
from faceplate.reconstruct.uv import UDIM, picture_name
from faceplate_client.errors import OutputError

if TYPE_CHECKING:
    from pxr import Usd, UsdGeom, UsdShade

ENDINGS = (".usdc", ".usda", ".usdz")

_METRES = 0.001
_TURNED = 1e-3  # of a unit normal: what a shape turns less than this nobody sees
_IOR = {"cornea": 1.376}
_ROOT, _MESH, _RIG = "/head", "/head/mesh", "/head/rig"


def expect_usd() -> None:
    """Raise unless USD is installed: it is an extra, since it is larger than the rest of the base install together.

    Raises:
        OutputError: `output.usd`, with what to install.
    """
    try:
        import pxr.UsdSkel  # noqa: F401
    except ImportError as error:
        raise OutputError(
            "USD is not installed here, so no .usdc, .usda or .usdz can be written. Say "
            '`pip install "faceplate[usd]"`, or write a .glb.',
            code="output.usd",
        ) from error


def write_usd(
    path: Path,
    head: HeadModel,
    points: np.ndarray,
    *,
    expressions: Mapping[str, float] | None = None,
    texture: str = "",
    normals: str = "",
    performance: Performance | None = None,
) -> None:
    """Write a head as one USD layer, binary or text as the name's ending says.

    The layer is in metres, y up, the face along +z. `/head` is its default prim, a SkelRoot; below it lie `mesh` with a
    subset of faces for every material and a BlendShape for every expression, `rig`, the Skeleton, with `rig/pose`, its
    animation at rest, and `materials`. Quads stay quads. USD has no drivers: correctives are shapes as all others, and
    a host sets those that follow from others.

    Args:
        path: ends in .usdc or .usda.
        head: the model. points: (V, 3) mm, at rest: shapes and joints add to it.
        expressions: weights that the shapes have when the file is opened.
        texture: name of the picture beside it that gives the base colour, over the UVs of the model. With `uv.UDIM`
            in it there is one for every tile, and the head's UVs should lie over tiles (`uv.over_tiles`).
        normals: the same of the skin's normal map (`relief.Relief`); of tiles only with a texture of tiles. Materials
            are then one for every tile, as skin_1001: OpenUSD's validator finds no normal map of several tiles.
        performance: what the head does, or None: time samples of weights and joints at its own frame numbers; frames
            without the face have none.

    Raises:
        ShapeError, RangeError: points of another head; an expression that it does not have.
        OutputError: `output.usd`, USD is not installed; the file cannot be written.
    """
    expect_shapes({"V": len(head.mean)}, points=(points, "V 3"))
    weights = head.weights(expressions or {})
    expect_usd()
    from pxr import Kind, Usd, UsdGeom, UsdSkel

    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, UsdGeom.LinearUnits.meters)
    root = UsdSkel.Root.Define(stage, _ROOT)
    stage.SetDefaultPrim(root.GetPrim())
    stage.GetRootLayer().documentation = f"{head.id}. {head.credit}"
    Usd.ModelAPI(root).SetKind(Kind.Tokens.component)
    mesh = _add_mesh(stage, head, points)
    _add_shapes(stage, mesh, head, points)
    _add_rig(stage, mesh, head, points, weights)
    _add_materials(stage, mesh, head, texture, normals)
    if performance is not None:
        _add_performance(stage, head, performance)
    root.CreateExtentAttr(mesh.GetExtentAttr().Get())
    if not stage.GetRootLayer().Export(str(path)):
        raise OutputError(f"{path} cannot be written; check the folder and the space on its disk")


def write_usdz(
    path: Path,
    head: HeadModel,
    points: np.ndarray,
    *,
    texture: bytes | Mapping[int, bytes] | None = None,
    normals: bytes | Mapping[int, bytes] | None = None,
    performance: Performance | None = None,
) -> None:
    """Write a head and its pictures as one package; what is in it is said at `write_usd`.

    Args:
        head: the model. points: (V, 3) mm, at rest.
        texture, normals: PNG files of the base colour and of the skin's normal map; or one for each UDIM tile by its
            number, and the head's UVs lie over tiles.
        performance: as at `write_usd`.

    Raises:
        as `write_usd`.
    """
    expect_usd()
    from pxr import Sdf

    with TemporaryDirectory(prefix="faceplate-usdz-") as folder:
        layer, held = Path(folder) / "head.usdc", {}
        names = []
        for stem, given in (("head", texture), ("head.normal", normals)):
            tiles = given if isinstance(given, Mapping) else {0: given} if given else {}
            held |= {picture_name(stem, number): picture for number, picture in tiles.items()}
            names.append(picture_name(stem, 0 if 0 in tiles else UDIM) if tiles else "")
        write_usd(layer, head, points, texture=names[0], normals=names[1], performance=performance)
        with Sdf.ZipFileWriter.CreateNew(str(path)) as package:
            package.AddFile(str(layer), layer.name)
            for name, picture in held.items():
                file = Path(folder) / name
                file.write_bytes(picture)
                package.AddFile(str(file), name)


def vertices_in(path: Path) -> int:
    """How many vertices the head in a USD file has; 0 where there is none."""
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.Open(str(path))
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath(_MESH)) if stage else None
    return len(mesh.GetPointsAttr().Get() or ()) if mesh else 0


def _add_mesh(stage: "Usd.Stage", head: HeadModel, points: np.ndarray) -> "UsdGeom.Mesh":
    from pxr import Sdf, UsdGeom

    mesh = UsdGeom.Mesh.Define(stage, _MESH)
    corner = head.quads >= 0
    mesh.CreatePointsAttr(_vectors(points * _METRES))
    mesh.CreateFaceVertexCountsAttr(_whole(corner.sum(1)))
    mesh.CreateFaceVertexIndicesAttr(_whole(head.quads[corner]))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateNormalsAttr(_vectors(vertex_normals(points, head.quads)))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    mesh.CreateDoubleSidedAttr(True)  # cards of lashes are seen from both sides
    mesh.CreateExtentAttr(_vectors(np.stack([points.min(0), points.max(0)]) * _METRES))
    api = UsdGeom.PrimvarsAPI(mesh)
    uv = api.CreatePrimvar("st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.faceVarying)
    uv.Set(_pairs(head.uv))
    uv.SetIndices(_whole(head.quad_uv[corner]))
    return mesh


def _add_shapes(stage: "Usd.Stage", mesh: "UsdGeom.Mesh", head: HeadModel, points: np.ndarray) -> None:
    """A BlendShape for every expression: only the vertices that it moves or whose normals it turns."""
    from pxr import Sdf, UsdSkel

    rest = vertex_normals(points, head.quads)
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    targets = []
    for name, deltas in zip(head.expression_names, head.expressions, strict=True):
        turned = vertex_normals(points + deltas, head.quads) - rest
        moved = np.flatnonzero(deltas.any(1) | (np.abs(turned).max(1) > _TURNED))
        shape = UsdSkel.BlendShape.Define(stage, f"{_MESH}/{_word(name)}")
        shape.CreateOffsetsAttr(_vectors(deltas[moved] * _METRES))
        shape.CreateNormalOffsetsAttr(_vectors(turned[moved]))
        shape.CreatePointIndicesAttr(_whole(moved))
        targets.append(Sdf.Path(shape.GetPath()))
    binding.CreateBlendShapesAttr(list(head.expression_names))
    binding.CreateBlendShapeTargetsRel().SetTargets(targets)


def _add_rig(
    stage: "Usd.Stage", mesh: "UsdGeom.Mesh", head: HeadModel, points: np.ndarray, weights: np.ndarray
) -> None:
    """The skeleton, how it holds the mesh, and an animation that leaves it at rest and has the shapes' weights."""
    from pxr import Gf, UsdSkel, Vt

    rig, pose = UsdSkel.Skeleton.Define(stage, _RIG), UsdSkel.Animation.Define(stage, f"{_RIG}/pose")
    joints = head.joints(points).astype(float) * _METRES
    away = joints - np.where(head.joint_parents[:, None] < 0, 0, joints[head.joint_parents])
    names = _joint_paths(head)
    rig.CreateJointsAttr(names)
    rig.CreateJointNamesAttr(list(head.joint_names))
    rig.CreateBindTransformsAttr(_moves(joints))
    rig.CreateRestTransformsAttr(_moves(away))
    pose.CreateJointsAttr(names)
    pose.CreateTranslationsAttr(_vectors(away))
    pose.CreateRotationsAttr(Vt.QuatfArray([Gf.Quatf(1)] * len(names)))
    pose.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1)] * len(names)))
    pose.CreateBlendShapesAttr(list(head.expression_names))
    pose.CreateBlendShapeWeightsAttr(Vt.FloatArray.FromNumpy(weights.astype(np.float32)))
    UsdSkel.BindingAPI.Apply(rig.GetPrim()).CreateAnimationSourceRel().SetTargets([pose.GetPath()])
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([rig.GetPath()])
    held, shares = strongest_joints(head.skin, int((head.skin > 0).sum(1).max()))
    count = held.shape[1]
    binding.CreateJointIndicesPrimvar(False, count).Set(_whole(held.ravel()))
    binding.CreateJointWeightsPrimvar(False, count).Set(Vt.FloatArray.FromNumpy(shares.ravel()))
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1))


def _add_performance(stage: "Usd.Stage", head: HeadModel, performance: Performance) -> None:
    """Time samples of the rig's pose, a time code for each frame of the clip."""
    from pxr import Gf, UsdSkel, Vt

    stage.SetStartTimeCode(float(performance.frames[0]))
    stage.SetEndTimeCode(float(performance.frames[-1]))
    stage.SetTimeCodesPerSecond(float(performance.rate))
    stage.SetFramesPerSecond(float(performance.rate))
    pose = UsdSkel.Animation(stage.GetPrimAtPath(f"{_RIG}/pose"))
    for row in np.flatnonzero(performance.found):
        time, turns = float(performance.frames[row]), performance.joint_turns(head, int(row))
        pose.GetBlendShapeWeightsAttr().Set(Vt.FloatArray.FromNumpy(performance.weights[row].copy()), time)
        turned = [quaternion(turns.get(joint, np.zeros(3))).tolist() for joint in head.joint_names]
        pose.GetRotationsAttr().Set(Vt.QuatfArray([Gf.Quatf(w, x, y, z) for x, y, z, w in turned]), time)


def _joint_paths(head: HeadModel) -> list[str]:
    """Each joint with all above it, parted by slashes: so UsdSkel says who hangs on whom."""
    paths: list[str] = []
    for name, parent in zip(head.joint_names, head.joint_parents, strict=True):
        paths.append(_word(name) if parent < 0 else f"{paths[parent]}/{_word(name)}")
    return paths


def _add_materials(
    stage: "Usd.Stage", mesh: "UsdGeom.Mesh", head: HeadModel, texture: str, normals: str
) -> None:
    """A material for each that is used, bound to a subset of the faces; every face is in exactly one."""
    from pxr import UsdGeom, UsdShade

    owner = face_materials(head, by_tile=(BUMPY,) if UDIM in normals else ())
    UsdGeom.Scope.Define(stage, f"{_ROOT}/materials")
    for name in dict.fromkeys(owner.tolist()):
        kind, _, tile = name.partition("_")
        material = _add_material(
            stage,
            name,
            kind,
            "" if kind in UNTEXTURED else texture,
            normals.replace(UDIM, tile) if kind == BUMPY else "",
        )
        faces = UsdGeom.Subset.CreateGeomSubset(
            mesh, f"{name}_faces", UsdGeom.Tokens.face, _whole(np.flatnonzero(owner == name)),
            UsdShade.Tokens.materialBind,
        )  # fmt: skip
        UsdShade.MaterialBindingAPI.Apply(faces.GetPrim()).Bind(material)
    UsdGeom.Subset.SetFamilyType(mesh, UsdShade.Tokens.materialBind, UsdGeom.Tokens.partition)


def _add_material(
    stage: "Usd.Stage", name: str, kind: str, texture: str, normals: str
) -> "UsdShade.Material":
    from pxr import Gf, Sdf, UsdShade

    (*colour, alpha), roughness = MATERIALS[kind]
    kinds = Sdf.ValueTypeNames
    material = UsdShade.Material.Define(stage, f"{_ROOT}/materials/{name}")
    surface = _shader(stage, material, "surface", "UsdPreviewSurface")
    numbers = {"roughness": roughness, "metallic": 0.0, "opacity": alpha, "ior": _IOR.get(kind, 1.4)}
    for word, value in numbers.items():
        surface.CreateInput(word, kinds.Float).Set(value)
    base = surface.CreateInput("diffuseColor", kinds.Color3f)
    if texture or normals:
        uv = _shader(stage, material, "uv", "UsdPrimvarReader_float2")
        uv.CreateInput("varname", kinds.String).Set("st")
        uv.CreateOutput("result", kinds.Float2)
    if texture:
        base.ConnectToSource(_picture(stage, material, "colour", texture, "sRGB"))
    else:
        base.Set(Gf.Vec3f(*colour))
    if normals:
        bumps = surface.CreateInput("normal", kinds.Normal3f)
        bumps.ConnectToSource(_picture(stage, material, "bumps", normals, "raw"))
        # bytes hold 0-1, and a normal is -1 to 1
        shader = UsdShade.Shader(stage.GetPrimAtPath(material.GetPath().AppendChild("bumps")))
        shader.CreateInput("scale", kinds.Float4).Set(Gf.Vec4f(2, 2, 2, 1))
        shader.CreateInput("bias", kinds.Float4).Set(Gf.Vec4f(-1, -1, -1, 0))
    material.CreateSurfaceOutput().ConnectToSource(surface.CreateOutput("surface", kinds.Token))
    return material


def _picture(
    stage: "Usd.Stage", material: "UsdShade.Material", name: str, file: str, space: str
) -> "UsdShade.Output":
    """What a picture holds over the mesh's UVs, as its colour space says: sRGB, or raw for what is no colour."""
    from pxr import Sdf, UsdShade

    kinds = Sdf.ValueTypeNames
    picture = _shader(stage, material, name, "UsdUVTexture")
    picture.CreateInput("file", kinds.Asset).Set(Sdf.AssetPath(f"./{file}"))
    picture.CreateInput("sourceColorSpace", kinds.Token).Set(space)
    for side in ("wrapS", "wrapT"):
        # repeated, the picture of one tile lies on that tile as well
        picture.CreateInput(side, kinds.Token).Set("repeat")
    uv = UsdShade.Shader(stage.GetPrimAtPath(material.GetPath().AppendChild("uv")))
    picture.CreateInput("st", kinds.Float2).ConnectToSource(uv.GetOutput("result"))
    return picture.CreateOutput("rgb", kinds.Float3)


def _shader(stage: "Usd.Stage", material: "UsdShade.Material", name: str, kind: str) -> "UsdShade.Shader":
    from pxr import UsdShade

    shader = UsdShade.Shader.Define(stage, material.GetPath().AppendChild(name))
    shader.CreateIdAttr(kind)
    return shader


def _word(name: str) -> str:
    """A name as USD's paths can hold it."""
    from pxr import Tf

    return Tf.MakeValidIdentifier(name)


def _vectors(values: np.ndarray) -> Any:
    from pxr import Vt

    return Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(values, np.float32))


def _pairs(values: np.ndarray) -> Any:
    from pxr import Vt

    return Vt.Vec2fArray.FromNumpy(np.ascontiguousarray(values, np.float32))


def _whole(values: np.ndarray) -> Any:
    from pxr import Vt

    return Vt.IntArray.FromNumpy(np.ascontiguousarray(values, np.int32))


def _moves(places: np.ndarray) -> Any:
    from pxr import Gf, Vt

    return Vt.Matrix4dArray([Gf.Matrix4d(1).SetTranslate(Gf.Vec3d(*place.tolist())) for place in places])

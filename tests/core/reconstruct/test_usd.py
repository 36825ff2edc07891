"""USD files: valid by OpenUSD's own validators, and what UsdSkel makes of them is what the model says."""

# pyright: reportAttributeAccessIssue=false
# usd-core carries no types, and its modules fill themselves when they are imported.

import sys

import cv2
import numpy as np
import pytest

from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.mesh import material_of, strongest_joints
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.texture import painted_tiles
from faceplate.reconstruct.usd import expect_usd, vertices_in, write_usd, write_usdz
from faceplate.reconstruct.uv import over_tiles, picture_name, tile_numbers
from faceplate.registry.catalogue import manifest_for, read_weights
from faceplate_client.errors import OutputError
from tests.support.heads import make_head

pytest.importorskip("pxr", reason="usd-core is not installed: `pip install 'faceplate[usd]'`")
from pxr import Gf, Usd, UsdGeom, UsdShade, UsdSkel, UsdValidation, Vt

HEAD = make_head()
POINTS = HEAD.rest((1, -1, 0.5, 0, 0.3))
_, PNG = cv2.imencode(".png", np.full((8, 8, 3), 120, np.uint8))


@pytest.fixture(scope="module")
def shipped(root) -> HeadModel:
    if not any((root / "models" / "open").glob("faceplate-head-*.npz")):
        pytest.skip("models/open holds no faceplate-head: its recipe is core/faceplate_training/head_model")
    return read_head(read_weights(manifest_for("head.model")))


@pytest.fixture(params=["usdc", "usda"])
def stage(request, tmp_path) -> Usd.Stage:
    (tmp_path / "egg.png").write_bytes(PNG.tobytes())
    (tmp_path / "egg.normal.png").write_bytes(PNG.tobytes())
    write_usd(tmp_path / f"egg.{request.param}", HEAD, POINTS, texture="egg.png", normals="egg.normal.png")
    return Usd.Stage.Open(str(tmp_path / f"egg.{request.param}"))


def complaints(stage: Usd.Stage) -> list[str]:
    """What any validator that OpenUSD has, says of a stage."""
    every = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(every) >= 25
    return [error.GetMessage() for error in UsdValidation.ValidationContext(every).Validate(stage)]


def skinned(stage: Usd.Stage) -> np.ndarray:
    """(V, 3) mm, the mesh as UsdSkel moves it."""
    assert UsdSkel.BakeSkinning(UsdSkel.Root(stage.GetDefaultPrim()), Gf.Interval(0, 0))
    points = UsdGeom.Mesh(stage.GetPrimAtPath("/head/mesh")).GetPointsAttr()
    return np.array(points.Get(0)) * 1000


def pose_of(stage: Usd.Stage) -> UsdSkel.Animation:
    return UsdSkel.Animation(stage.GetPrimAtPath("/head/rig/pose"))


def test_no_validator_complains(stage):
    assert complaints(stage) == []


def test_the_validators_would_complain(stage):
    """The test above could not fail if they slept."""
    stage.GetPrimAtPath("/head/mesh").RemoveAPI(UsdSkel.BindingAPI)
    assert any("SkelBindingAPI" in complaint for complaint in complaints(stage))


def test_it_stands_in_metres_with_y_up(stage):
    assert UsdGeom.GetStageUpAxis(stage) == "Y" and UsdGeom.GetStageMetersPerUnit(stage) == 1
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/head/mesh"))
    np.testing.assert_allclose(np.array(mesh.GetPointsAttr().Get()) * 1000, POINTS, atol=1e-3)
    counts = np.array(mesh.GetFaceVertexCountsAttr().Get())
    corners = np.split(np.array(mesh.GetFaceVertexIndicesAttr().Get()), np.cumsum(counts)[:-1])
    assert [c.tolist() for c in corners] == [[v for v in q if v >= 0] for q in HEAD.quads.tolist()]
    uv = UsdGeom.PrimvarsAPI(mesh).GetPrimvar("st").ComputeFlattened()
    np.testing.assert_allclose(np.array(uv), HEAD.uv[HEAD.quad_uv[HEAD.quads >= 0]], atol=1e-6)


@pytest.mark.parametrize("named", [{"jawOpen": 0.6}, {"mouthSmileLeft": 1, "jawOpenHalf": 0.3}])
def test_shapes_move_as_the_model_says(tmp_path, named):
    write_usd(tmp_path / "egg.usdc", HEAD, POINTS, expressions=named)
    stage = Usd.Stage.Open(str(tmp_path / "egg.usdc"))
    wanted = POINTS + np.tensordot(HEAD.weights(named), HEAD.expressions, 1)
    np.testing.assert_allclose(skinned(stage), wanted, atol=1e-3)


def test_joints_turn_as_the_model_says(stage):
    angle, axis = 0.3, np.array([1.0, 0, 0])
    quaternion = Gf.Quatf(float(np.cos(angle / 2)), *(np.sin(angle / 2) * axis).tolist())
    turns = [quaternion if name == "jaw" else Gf.Quatf(1) for name in HEAD.joint_names]
    pose_of(stage).GetRotationsAttr().Set(Vt.QuatfArray(turns))
    wanted = HEAD.posed(POINTS, HEAD.joints(POINTS), {"jaw": angle * axis})
    assert np.abs(wanted - POINTS).max() > 5
    np.testing.assert_allclose(skinned(stage), wanted, atol=0.01)


def test_every_face_has_one_material_and_skin_has_the_texture(stage):
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/head/mesh"))
    subsets = UsdShade.MaterialBindingAPI(mesh).GetMaterialBindSubsets()
    faces = np.concatenate([np.array(subset.GetIndicesAttr().Get()) for subset in subsets])
    assert sorted(faces.tolist()) == list(range(len(HEAD.quads)))
    for subset in subsets:
        material, _ = UsdShade.MaterialBindingAPI(subset).ComputeBoundMaterial()
        regions = {HEAD.region_names[k] for k in HEAD.quad_region[np.array(subset.GetIndicesAttr().Get())]}
        assert {material_of(region) for region in regions} == {material.GetPrim().GetName()}
    file = UsdShade.Shader(stage.GetPrimAtPath("/head/materials/skin/colour")).GetInput("file").Get()
    assert file.path == "./egg.png" and file.resolvedPath.endswith("egg.png")


def test_a_normal_map_is_read_as_directions(stage):
    """Raw bytes, of which -1 to 1 is made: what UsdPreviewSurface asks of a normal map of 8 bits."""
    bumps = UsdShade.Shader(stage.GetPrimAtPath("/head/materials/skin/bumps"))
    assert bumps.GetInput("sourceColorSpace").Get() == "raw"
    scale, bias = (np.array(bumps.GetInput(name).Get()) for name in ("scale", "bias"))
    np.testing.assert_allclose(np.array([[0, 0.5, 1, 1]]) * scale + bias, [[-1, 0, 1, 1]])
    surface = UsdShade.Shader(stage.GetPrimAtPath("/head/materials/skin/surface"))
    source, output, _ = surface.GetInput("normal").GetConnectedSource()
    assert source.GetPrim() == bumps.GetPrim() and output == "rgb"
    bumps.GetInput("scale").Set(Gf.Vec4f(1, 1, 1, 1))
    assert any("scale" in complaint for complaint in complaints(stage)), "the validator looks at it"


@pytest.mark.parametrize("ending", ["usdc", "usdz"])
def test_tiles_are_found_on_disk_and_in_a_package(shipped, tmp_path, ending):
    """UVs lie over tiles; colours are one picture with <UDIM>, normals a material for every tile that has skin."""
    path, points, laid = tmp_path / f"head.{ending}", shipped.mean, over_tiles(shipped)
    tiles = {tile.number: PNG.tobytes() for tile in painted_tiles(shipped)}
    bumps = {number: PNG.tobytes() for number in (1001, 1002)}
    if ending == "usdz":
        write_usdz(path, laid, points, texture=tiles, normals=bumps)
    else:
        for stem, held in (("head", tiles), ("head.normal", bumps)):
            for number, picture in held.items():
                (tmp_path / picture_name(stem, number)).write_bytes(picture)
        write_usd(path, laid, points, texture="head.<UDIM>.png", normals="head.normal.<UDIM>.png")
    stage = Usd.Stage.Open(str(path))
    assert complaints(stage) == []
    uv = UsdGeom.PrimvarsAPI(stage.GetPrimAtPath("/head/mesh")).GetPrimvar("st").ComputeFlattened()
    st, numbers = np.array(uv), tile_numbers(shipped)
    starts = np.cumsum((shipped.quads >= 0).sum(1)) - (shipped.quads >= 0).sum(1)
    assert {int(u) + 1001 for u in st[starts, 0]} == set(numbers.tolist())
    found = UsdShade.UdimUtils.ResolveUdimTilePaths("./head.<UDIM>.png", stage.GetRootLayer())
    assert [int(number) for _, number in found] == sorted(tiles)
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/head/mesh"))
    for subset in UsdShade.MaterialBindingAPI(mesh).GetMaterialBindSubsets():
        material, _ = UsdShade.MaterialBindingAPI(subset).ComputeBoundMaterial()
        name = material.GetPrim().GetName()
        shader = UsdShade.Shader(stage.GetPrimAtPath(f"/head/materials/{name}/bumps"))
        assert bool(shader) == name.startswith("skin_")
        if shader:
            faces = np.array(subset.GetIndicesAttr().Get())
            assert {name[5:]} == set(numbers[faces].astype(str))
            assert shader.GetInput("file").Get().path == f"./head.normal.{name[5:]}.png"


def test_a_package_holds_its_texture(tmp_path):
    write_usdz(tmp_path / "egg.usdz", HEAD, POINTS, texture=PNG.tobytes(), normals=PNG.tobytes())
    stage = Usd.Stage.Open(str(tmp_path / "egg.usdz"))
    assert complaints(stage) == [] and vertices_in(tmp_path / "egg.usdz") == len(POINTS)
    file = UsdShade.Shader(stage.GetPrimAtPath("/head/materials/skin/colour")).GetInput("file").Get()
    assert file.resolvedPath.endswith("egg.usdz[head.png]")
    bumps = UsdShade.Shader(stage.GetPrimAtPath("/head/materials/skin/bumps")).GetInput("file").Get()
    assert bumps.resolvedPath.endswith("egg.usdz[head.normal.png]")


def test_the_shipped_head_is_valid_and_blinks(shipped, tmp_path):
    points = shipped.rest(np.random.default_rng(7).normal(size=20) * 0.7)
    named = {"eyeBlinkLeft": 1.0, "jawOpen": 0.5, "mouthSmileRight": 0.7}
    write_usd(tmp_path / "head.usdc", shipped, points, expressions=named)
    stage = Usd.Stage.Open(str(tmp_path / "head.usdc"))
    assert complaints(stage) == []
    assert list(pose_of(stage).GetBlendShapesAttr().Get()) == list(shipped.expression_names)
    wanted = points + np.tensordot(shipped.weights(named), shipped.expressions, 1)
    np.testing.assert_allclose(skinned(stage), wanted, atol=0.01)


def test_the_strongest_joints_hold_all_of_a_vertex():
    skin = np.array([[0.5, 0, 0.3, 0.2], [1, 0, 0, 0]])
    joints, shares = strongest_joints(skin, 2)
    np.testing.assert_array_equal(joints, [[0, 2], [0, 0]])
    np.testing.assert_allclose(shares, [[0.625, 0.375], [1, 0]])


def test_without_usd_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pxr.UsdSkel", None)
    with pytest.raises(OutputError, match=r'pip install "faceplate\[usd\]"'):
        expect_usd()


def test_wrong_input_names_itself(tmp_path):
    with pytest.raises(ShapeError, match="points should be 386 x 3"):
        write_usd(tmp_path / "egg.usdc", HEAD, POINTS[:9])
    with pytest.raises(RangeError, match="no expression"):
        write_usd(tmp_path / "egg.usdc", HEAD, POINTS, expressions={"wink": 1})
    assert not (tmp_path / "egg.usdc").exists()

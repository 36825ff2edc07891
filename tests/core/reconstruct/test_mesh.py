"""Files that leave: what was put in is read back out of their bytes."""

import json
import struct

import numpy as np
import pytest

from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.gltf import tangents, write_glb
from faceplate.reconstruct.mesh import (
    MATERIALS,
    TEXTURED,
    material_of,
    vertex_normals,
    write_mtl,
    write_npz,
    write_obj,
)
from faceplate.reconstruct.uv import over_tiles
from tests.support.heads import make_head

HEAD = make_head()
POINTS = HEAD.rest((1, -1, 0.5, 0, 0.3))

TYPES = {5121: np.uint8, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


class Glb:
    """A glTF file read as its specification says, accessor by accessor."""

    def __init__(self, content: bytes):
        magic, version, size = struct.unpack_from("<4sII", content)
        assert (magic, version, size) == (b"glTF", 2, len(content))
        length, kind = struct.unpack_from("<I4s", content, 12)
        assert kind == b"JSON" and length % 4 == 0
        self.json = json.loads(content[20 : 20 + length])
        held, kind = struct.unpack_from("<I4s", content, 20 + length)
        self.buffer = content[28 + length :]
        assert kind == b"BIN\0" and held == len(self.buffer) == self.json["buffers"][0]["byteLength"]

    def view(self, number, kind, count) -> np.ndarray:
        view = self.json["bufferViews"][number]
        assert view["byteOffset"] % np.dtype(kind).itemsize == 0
        found = np.frombuffer(self.buffer, kind, offset=view["byteOffset"], count=count)
        assert found.nbytes == view["byteLength"]
        return found

    def read(self, number):
        facts = self.json["accessors"][number]
        width, kind = WIDTHS[facts["type"]], TYPES[facts["componentType"]]
        shape = (facts["count"], width)
        if "bufferView" in facts:
            values = self.view(facts["bufferView"], kind, facts["count"] * width).reshape(shape)
        else:
            values = np.zeros(shape, kind)
        if "sparse" in facts:
            sparse, values = facts["sparse"], values.copy()
            places = self.view(sparse["indices"]["bufferView"], np.uint32, sparse["count"])
            assert (np.diff(places.astype(int)) > 0).all()
            values[places.astype(int)] = self.view(
                sparse["values"]["bufferView"], kind, sparse["count"] * width
            ).reshape(-1, width)
        for name, found in (("min", values.min(0)), ("max", values.max(0))):
            np.testing.assert_allclose(facts.get(name, found), found, rtol=1e-6)
        return values


@pytest.fixture(scope="module")
def glb(tmp_path_factory) -> Glb:
    path = tmp_path_factory.mktemp("glb") / "egg.glb"
    write_glb(path, HEAD, POINTS, expressions={"jawOpen": 0.4})
    return Glb(path.read_bytes())


def nearest(positions) -> np.ndarray:
    """Which vertex of the head each vertex of the file is; it must be one of them."""
    distance = np.linalg.norm(positions[:, None] * 1000 - POINTS[None], axis=2)
    assert distance.min(1).max() < 1e-3
    return distance.argmin(1)


def test_gltf_holds_every_face_in_metres(glb):
    (primitive,) = glb.json["meshes"][0]["primitives"]
    positions = glb.read(primitive["attributes"]["POSITION"])
    vertex = nearest(positions)
    faces = vertex[glb.read(primitive["indices"]).reshape(-1, 3)]
    assert {tuple(sorted(f)) for f in faces} == {tuple(sorted(f)) for f in HEAD.triangles.tolist()}
    corners = positions[glb.read(primitive["indices"]).reshape(-1, 3)]
    outwards = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((outwards * corners.mean(1)).sum(1) > 0).all()
    uv = glb.read(primitive["attributes"]["TEXCOORD_0"])
    np.testing.assert_allclose(uv, HEAD.uv[vertex] * (1, -1) + (0, 1), atol=1e-6)


def test_gltf_holds_every_expression_by_name(glb):
    mesh = glb.json["meshes"][0]
    assert mesh["extras"]["targetNames"] == list(HEAD.expression_names)
    np.testing.assert_allclose(mesh["weights"], [0.4, 0, 0, 0, 0], atol=1e-6)
    (primitive,) = mesh["primitives"]
    vertex = nearest(glb.read(primitive["attributes"]["POSITION"]))
    for target, deltas in zip(primitive["targets"], HEAD.expressions, strict=True):
        np.testing.assert_allclose(glb.read(target["POSITION"]) * 1000, deltas[vertex], atol=1e-4)


def test_gltf_armature_rests_where_the_joints_are(glb):
    skin, nodes = glb.json["skins"][0], glb.json["nodes"]
    parent = {child: k for k, node in enumerate(nodes) for child in node.get("children", ())}
    joints = HEAD.joints(POINTS)
    for place, number in enumerate(skin["joints"]):
        assert nodes[number]["name"] == HEAD.joint_names[place]
        world, at = np.zeros(3), number
        while at is not None:
            world, at = world + nodes[at]["translation"], parent.get(at)
        np.testing.assert_allclose(world * 1000, joints[place], atol=1e-3)
        inverse = glb.read(skin["inverseBindMatrices"])[place].reshape(4, 4).T
        np.testing.assert_allclose(inverse @ [*world, 1], [0, 0, 0, 1], atol=1e-6)
    (primitive,) = glb.json["meshes"][0]["primitives"]
    shares = glb.read(primitive["attributes"]["WEIGHTS_0"])
    held = glb.read(primitive["attributes"]["JOINTS_0"])
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)
    full = np.zeros((len(shares), len(joints)))
    np.add.at(full, (np.arange(len(shares))[:, None], held), shares)
    vertex = nearest(glb.read(primitive["attributes"]["POSITION"]))
    np.testing.assert_allclose(full, HEAD.skin[vertex], atol=1e-3)


def test_obj_keeps_quads_uvs_and_regions(tmp_path):
    write_obj(tmp_path / "egg.obj", HEAD, POINTS)
    lines = [line.split() for line in (tmp_path / "egg.obj").read_text().splitlines()]
    points = np.array([line[1:] for line in lines if line[0] == "v"], float)
    np.testing.assert_allclose(points, POINTS, atol=1e-5)
    assert [line[1] for line in lines if line[0] == "g"] == list(HEAD.region_names)
    faces = [[int(word.split("/")[0]) - 1 for word in line[1:]] for line in lines if line[0] == "f"]
    wanted = [[int(v) for v in quad if v >= 0] for quad in HEAD.quads]
    assert sorted(faces) == sorted(wanted)


def test_gltf_carries_its_texture_inside(tmp_path):
    picture = b"\x89PNG and so on, of a length that is no multiple of four"
    write_glb(tmp_path / "egg.glb", HEAD, POINTS, texture=picture)
    glb = Glb((tmp_path / "egg.glb").read_bytes())
    (image,) = glb.json["images"]
    view = glb.json["bufferViews"][image["bufferView"]]
    assert glb.buffer[view["byteOffset"] :][: view["byteLength"]] == picture
    assert image["mimeType"] == "image/png" and "uri" not in image
    (skin,) = glb.json["materials"]
    assert skin["pbrMetallicRoughness"]["baseColorTexture"] == {"index": 0}


def test_gltf_has_a_normal_map_beside_its_texture_and_on_skin_alone(tmp_path):
    colour, bumps = b"\x89PNG colour", b"\x89PNG normals"
    write_glb(tmp_path / "egg.glb", HEAD, POINTS, texture=colour, normal_map=bumps)
    glb = Glb((tmp_path / "egg.glb").read_bytes())
    held = [
        glb.buffer[view["byteOffset"] :][: view["byteLength"]]
        for view in (glb.json["bufferViews"][image["bufferView"]] for image in glb.json["images"])
    ]
    assert held == [colour, bumps] and [each["source"] for each in glb.json["textures"]] == [0, 1]
    assert [m["name"] for m in glb.json["materials"] if "normalTexture" in m] == ["skin"]
    assert glb.json["materials"][0]["normalTexture"] == {"index": 1}
    write_glb(tmp_path / "plain.glb", HEAD, POINTS, normal_map=bumps)
    assert "images" not in Glb((tmp_path / "plain.glb").read_bytes()).json


@pytest.mark.parametrize("flip", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_tangents_follow_u_and_say_on_which_side_v_rises(flip):
    """A flat sheet seen from in front, its UVs upright, mirrored, upside down, or both."""
    points = np.array([[0, 0, 0], [2, 0, 0], [2, 3, 0], [0, 3, 0]], np.float32)
    normals = np.tile(np.array([0, 0, 1], np.float32), (4, 1))
    found = tangents(points, normals, points[:, :2] * flip / 4 + 0.5, np.array([[0, 1, 2], [0, 2, 3]]))
    np.testing.assert_allclose(found[:, :3], np.tile([flip[0], 0, 0], (4, 1)), atol=1e-6)
    up = np.cross(normals, found[:, :3]) * found[:, 3:]
    np.testing.assert_allclose(up, np.tile([0, flip[1], 0], (4, 1)), atol=1e-6)


def test_tangents_are_square_to_normals_even_where_uvs_say_nothing():
    random = np.random.default_rng(0)
    points, normals = random.normal(size=(2, 30, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    for uv in (random.random((30, 2)), np.zeros((30, 2))):
        found = tangents(points, normals, uv, np.arange(30).reshape(10, 3))
        np.testing.assert_allclose((found[:, :3] * normals).sum(1), 0, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(found[:, :3], axis=1), 1, atol=1e-6)
        assert set(found[:, 3]) <= {-1.0, 1.0}


def test_obj_names_its_materials_and_they_their_texture(tmp_path):
    write_obj(tmp_path / "egg.obj", HEAD, POINTS, materials="egg.mtl")
    write_mtl(tmp_path / "egg.mtl", texture="egg.png")
    words = [line.split() for line in (tmp_path / "egg.obj").read_text().splitlines()]
    used = {line[1] for line in words if line[0] == "usemtl"}
    made = [line.split() for line in (tmp_path / "egg.mtl").read_text().splitlines()]
    assert ["mtllib", "egg.mtl"] in words and used == {"skin"}
    assert {line[1] for line in made if line[0] == "newmtl"} == set(MATERIALS)
    assert made.count(["map_Kd", "egg.png"]) == len(MATERIALS) - 3  # corneas, lashes and pupils have none


def test_obj_has_a_material_for_every_tile(head, tmp_path):
    """Each face is in the material of its tile, whose picture is that of the tile its UVs lie in."""
    laid = over_tiles(head)
    write_obj(tmp_path / "head.obj", laid, head.mean, materials="head.mtl", by_tile=True)
    uv, faces, current = [], {}, ""
    for words in (line.split() for line in (tmp_path / "head.obj").read_text().splitlines()):
        if words[0] == "vt":
            uv.append([float(word) for word in words[1:]])
        elif words[0] == "usemtl":
            current = words[1]
        elif words[0] == "f":
            faces.setdefault(current, []).append([int(word.split("/")[1]) - 1 for word in words[1:]])
    assert sum(map(len, faces.values())) == len(head.quads)
    places = np.array(uv)
    for name, corners in faces.items():
        inside = places[np.concatenate(corners)]
        kind, _, tile = name.partition("_")
        assert bool(tile) == (kind in TEXTURED), name
        if tile:
            column = int(tile) - 1001
            assert column <= inside[:, 0].min() and inside[:, 0].max() <= column + 1, name
    maps = {"texture": "a.<UDIM>.png", "normals": "a.n.<UDIM>.png", "displacement": "a.d.<UDIM>.png"}
    write_mtl(tmp_path / "head.mtl", deep=0.2, names=list(faces), **maps)
    said = (tmp_path / "head.mtl").read_text()
    assert {line[7:] for line in said.splitlines() if line.startswith("newmtl")} == set(faces)
    assert "<UDIM>" not in said and said.count("map_Kd") == sum("_" in name for name in faces)
    skin = said[said.index("newmtl skin_1002") :].splitlines()
    assert skin[5:8] == ["map_Kd a.1002.png", "norm a.n.1002.png", "disp -mm -0.2 0.4 a.d.1002.png"]


def test_npz_holds_vertices_and_coefficients(tmp_path):
    write_npz(tmp_path / "egg.npz", HEAD, POINTS, identity=np.array([1, -1, 0.5, 0, 0.3]))
    with np.load(tmp_path / "egg.npz", allow_pickle=False) as held:
        np.testing.assert_array_equal(held["vertices"], POINTS)
        np.testing.assert_array_equal(held["quads"], HEAD.quads)
        assert str(held["head"]) == HEAD.id and held["identity"].shape == (5,)


def test_normals_of_a_sphere_point_outwards():
    sphere = HEAD.mean / np.linalg.norm(HEAD.mean, axis=1, keepdims=True)
    normals = vertex_normals(sphere * 100, HEAD.quads)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    assert (normals * sphere).sum(1).min() > 0.98


def test_regions_have_materials():
    assert material_of("gums_upper") == material_of("tongue") == "mouth"
    assert material_of("cornea_left") == "cornea" and material_of("eye_socket_left") == "skin"


def test_wrong_input_names_itself(tmp_path):
    for write in (write_obj, write_glb, write_npz):
        with pytest.raises(ShapeError, match="points should be 386 x 3"):
            write(tmp_path / "wrong", HEAD, POINTS[:9])
        assert not (tmp_path / "wrong").exists()
    with pytest.raises(RangeError, match="no expression"):
        write_glb(tmp_path / "wrong", HEAD, POINTS, expressions={"wink": 1})

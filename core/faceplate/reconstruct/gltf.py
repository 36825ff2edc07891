"""A fitted head as binary glTF 2.0: shape keys, an armature that skins it, its texture inside the file.

After: Khronos Group, "glTF 2.0 Specification", 2021.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.reconstruct.mesh import (
    BUMPY,
    MATERIALS,
    UNTEXTURED,
    material_of,
    strongest_joints,
    vertex_normals,
)
from faceplate.reconstruct.morphable import HeadModel, quaternion, triangles_of
from faceplate.reconstruct.performance import Performance

_METRES = 0.001
_FLOAT, _BYTE, _INDEX = 5126, 5121, 5125  # glTF's numbers for component types
_ARRAY, _ELEMENTS = 34962, 34963  # and for what a buffer is bound to
_LINEAR, _MIPMAPS, _REPEAT = 9729, 9987, 10497  # and for how a texture is looked up


def write_glb(
    path: Path,
    head: HeadModel,
    points: np.ndarray,
    *,
    expressions: Mapping[str, float] | None = None,
    texture: bytes | None = None,
    normal_map: bytes | None = None,
    performance: Performance | None = None,
) -> None:
    """Write a binary glTF 2.0: one mesh, a primitive for every material, shape keys, an armature that skins it.

    glTF wants metres, y up, the face along +z, and UVs with v down. All expressions become shape keys by their names,
    correctives among them; glTF has no drivers, so a host sets those that follow from others.

    Args:
        head: the model. points: (V, 3) mm, at rest: shape keys and joints add to it.
        expressions: weights that the shape keys have when the file is opened.
        texture: a PNG or JPEG file of the base colour, over the UVs of the model; it goes into the file.
        normal_map: the same of the skin's normal map (`relief.Relief`), or None. Without a texture it is left out.
        performance: what the head does, or None: an animation of weights, head and eyes that begins at 0 seconds with
            the first of its frames; frames without the face have no key.
    """
    expect_shapes({"V": len(head.mean)}, points=(points, "V 3"))
    document = _Document()
    joints = head.joints(points) * _METRES
    materials = [material_of(region) for region in head.region_names]
    used = [name for name in MATERIALS if name in {materials[k] for k in head.quad_region}]
    normals = vertex_normals(points, head.quads)
    primitives = []
    for name in used:
        chosen = np.array([materials[k] == name for k in head.quad_region])
        made = _primitive(document, head, points, normals, chosen, bumpy=bool(normal_map) and name == BUMPY)
        primitives.append(made | {"material": used.index(name)})
    weights = head.weights(expressions or {})
    first = 1  # node 0 is the mesh, joints follow
    children = [
        [first + j for j in np.flatnonzero(head.joint_parents == k)] for k in range(len(head.joint_names))
    ]
    offset = np.where(head.joint_parents[:, None] < 0, 0, joints[head.joint_parents])
    nodes: list[dict[str, Any]] = [{"name": "head", "mesh": 0, "skin": 0}]
    for k, name in enumerate(head.joint_names):
        node: dict[str, Any] = {"name": name, "translation": (joints - offset)[k].astype(float).tolist()}
        nodes.append(node | ({"children": [int(c) for c in children[k]]} if children[k] else {}))
    inverse = np.tile(np.eye(4, dtype=np.float32), (len(joints), 1, 1))
    inverse[:, 3, :3] = -joints  # column by column, as glTF stores matrices
    document.json |= {
        "scene": 0,
        "scenes": [{"nodes": [0, first]}],
        "nodes": nodes,
        "meshes": [
            {
                "name": "head",
                "primitives": primitives,
                "weights": weights.astype(float).tolist(),
                "extras": {"targetNames": list(head.expression_names)},
            }
        ],
        "skins": [
            {
                "joints": list(range(first, first + len(joints))),
                "skeleton": first,
                "inverseBindMatrices": document.accessor(inverse.reshape(-1, 16), "MAT4"),
            }
        ],
        "materials": [
            _material(name, textured=texture is not None, bumpy=bool(texture and normal_map)) for name in used
        ],
    }
    if performance is not None:
        document.json["animations"] = [_animation(document, head, performance, first)]
    if texture is not None:
        pictures = {"base colour": texture} | ({"normal map": normal_map} if normal_map else {})
        document.json |= {
            "images": [
                {"name": name, "mimeType": _kind(picture), "bufferView": document.view(picture)}
                for name, picture in pictures.items()
            ],
            "samplers": [{"magFilter": _LINEAR, "minFilter": _MIPMAPS, "wrapS": _REPEAT, "wrapT": _REPEAT}],
            "textures": [{"source": k, "sampler": 0} for k in range(len(pictures))],
        }
    document.json["asset"] |= {"copyright": head.credit}
    path.write_bytes(document.packed())


def _primitive(
    document: "_Document",
    head: HeadModel,
    points: np.ndarray,
    normals: np.ndarray,
    chosen: np.ndarray,
    *,
    bumpy: bool,
) -> dict[str, Any]:
    """The faces of one material: a vertex for every pair of a vertex and a UV that they use."""
    triangles, _ = triangles_of(head.quads[chosen])
    in_uv, _ = triangles_of(head.quad_uv[chosen])
    pairs, corner = np.unique(np.stack([triangles, in_uv], -1).reshape(-1, 2), axis=0, return_inverse=True)
    vertex, uv = pairs[:, 0], head.uv[pairs[:, 1]] * (1, -1) + (0, 1)
    joints, shares = strongest_joints(head.skin[vertex], 4)
    attributes = {
        "POSITION": document.accessor(points[vertex] * _METRES, "VEC3", bounds=True, target=_ARRAY),
        "NORMAL": document.accessor(normals[vertex], "VEC3", target=_ARRAY),
        "TEXCOORD_0": document.accessor(uv, "VEC2", target=_ARRAY),
        "JOINTS_0": document.accessor(joints.astype(np.uint8), "VEC4", target=_ARRAY),
        "WEIGHTS_0": document.accessor(shares, "VEC4", target=_ARRAY),
    }
    if bumpy:
        along = tangents(points[vertex], normals[vertex], head.uv[pairs[:, 1]], corner.reshape(-1, 3))
        attributes["TANGENT"] = document.accessor(along, "VEC4", target=_ARRAY)
    targets = [{"POSITION": document.sparse(deltas[vertex] * _METRES)} for deltas in head.expressions]
    indices = document.accessor(corner.reshape(-1).astype(np.uint32), "SCALAR", target=_ELEMENTS)
    return {"attributes": attributes, "indices": indices, "targets": targets}


def _animation(
    document: "_Document", head: HeadModel, performance: Performance, first: int
) -> dict[str, Any]:
    """Keys for every frame with the face: the mesh's weights, the turns of head and eyes. `first`: node of joint 0."""
    rows = np.flatnonzero(performance.found)
    seconds = (performance.frames[rows] - performance.frames[0]) / float(performance.rate)
    times = document.accessor(seconds[:, None], "SCALAR", bounds=True)
    turns = [performance.joint_turns(head, int(row)) for row in rows]
    curves = {(0, "weights"): document.accessor(performance.weights[rows].reshape(-1), "SCALAR")}
    for joint in (name for name in head.joint_names if name in turns[0]):
        turned = np.array([quaternion(each[joint]) for each in turns])
        curves[first + head.joint_names.index(joint), "rotation"] = document.accessor(turned, "VEC4")
    return {
        "name": "performance",
        "samplers": [{"input": times, "output": output} for output in curves.values()],
        "channels": [
            {"sampler": number, "target": {"node": node, "path": path}}
            for number, (node, path) in enumerate(curves)
        ],
    }


def tangents(
    points: np.ndarray, normals: np.ndarray, uv: np.ndarray, triangles: np.ndarray
) -> NDArray[np.float32]:
    """(N, 4) for normal maps: the unit direction on the surface in which u rises, square to the normal, and 1 where v
    rises to the left of it seen from outside, else -1.

    Args:
        points, normals: (N, 3). uv: (N, 2), v up. triangles: (F, 3) of them.
    """
    a, b, c = (triangles[:, k] for k in range(3))
    one, other = points[b] - points[a], points[c] - points[a]
    first, second = uv[b] - uv[a], uv[c] - uv[a]
    turned = np.sign(first[:, 0] * second[:, 1] - second[:, 0] * first[:, 1])[:, None]
    rises = [turned * (one * second[:, k, None] - other * first[:, k, None]) for k in (1, 0)]
    along, up = np.zeros((2, len(points), 3))
    for corner in (a, b, c):
        np.add.at(along, corner, rises[0])
        np.add.at(up, corner, -rises[1])
    along -= normals * (normals * along).sum(1, keepdims=True)
    length = np.linalg.norm(along, axis=1, keepdims=True)
    # where UVs say nothing any direction will do that is square to the normal
    spare = np.cross(normals, np.where(np.abs(normals[:, :1]) < 0.9, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    spare /= np.linalg.norm(spare, axis=1, keepdims=True)
    along = np.where(length > 1e-12, along / np.maximum(length, 1e-12), spare)
    side = np.where((np.cross(normals, along) * up).sum(1) < 0, -1.0, 1.0)
    return np.column_stack([along, side]).astype(np.float32)


def _kind(texture: bytes) -> str:
    return "image/png" if texture.startswith(b"\x89PNG") else "image/jpeg"


def _material(name: str, *, textured: bool, bumpy: bool = False) -> dict[str, Any]:
    colour, roughness = MATERIALS[name]
    textured = textured and name not in UNTEXTURED
    look: dict[str, Any] = (
        {"baseColorTexture": {"index": 0}} if textured else {"baseColorFactor": list(colour)}
    )
    found: dict[str, Any] = {
        "name": name,
        "pbrMetallicRoughness": look | {"metallicFactor": 0.0, "roughnessFactor": roughness},
    }
    if colour[3] < 1:
        found["alphaMode"] = "BLEND"
    if bumpy and name == BUMPY:
        found["normalTexture"] = {"index": 1}
    if name == "lashes":
        found["doubleSided"] = True
    return found


@dataclass
class _Document:
    """A glTF file while it is made: its JSON, and the one buffer that every accessor is a view of."""

    json: dict[str, Any] = field(
        default_factory=lambda: {
            "asset": {"version": "2.0", "generator": "Faceplate"},
            "accessors": [],
            "bufferViews": [],
        }
    )
    buffer: bytearray = field(default_factory=bytearray)

    def view(self, content: np.ndarray | bytes, target: int | None = None) -> int:
        """A stretch of the buffer; begins on a multiple of four."""
        self.buffer += b"\0" * (-len(self.buffer) % 4)
        packed = content if isinstance(content, bytes) else np.ascontiguousarray(content).tobytes()
        self.json["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(self.buffer), "byteLength": len(packed)}
            | ({"target": target} if target else {})
        )
        self.buffer += packed
        return len(self.json["bufferViews"]) - 1

    def accessor(
        self, values: np.ndarray, kind: str, *, bounds: bool = False, target: int | None = None
    ) -> int:
        """An array (N, ...) as glTF reads it; bytes and indices keep their type, all else is float32."""
        types = {np.dtype(np.uint8): _BYTE, np.dtype(np.uint32): _INDEX}
        values = values if values.dtype in types else values.astype(np.float32)
        facts = {
            "bufferView": self.view(values, target),
            "componentType": types.get(values.dtype, _FLOAT),
            "count": len(values),
            "type": kind,
        }
        return self._add(facts, values if bounds else None)

    def sparse(self, deltas: np.ndarray) -> int:
        """Deltas (N, 3), of which only those that are not zero are stored."""
        deltas = deltas.astype(np.float32)
        moved = np.flatnonzero(deltas.any(1))
        facts: dict[str, Any] = {"componentType": _FLOAT, "count": len(deltas), "type": "VEC3"}
        if len(moved):
            facts["sparse"] = {
                "count": len(moved),
                "indices": {"bufferView": self.view(moved.astype(np.uint32)), "componentType": _INDEX},
                "values": {"bufferView": self.view(deltas[moved])},
            }
        return self._add(facts, deltas)

    def _add(self, facts: dict[str, Any], bounded: np.ndarray | None) -> int:
        if bounded is not None:
            facts |= {
                "min": bounded.min(0).astype(float).tolist(),
                "max": bounded.max(0).astype(float).tolist(),
            }
        self.json["accessors"].append(facts)
        return len(self.json["accessors"]) - 1

    def packed(self) -> bytes:
        """The whole file: header, JSON, buffer."""
        self.buffer += b"\0" * (-len(self.buffer) % 4)
        document = json.dumps(
            {**self.json, "buffers": [{"byteLength": len(self.buffer)}]}, separators=(",", ":")
        )
        words = document.encode()
        words += b" " * (-len(words) % 4)
        size = 12 + 8 + len(words) + 8 + len(self.buffer)
        return b"".join(
            (
                struct.pack("<4sII", b"glTF", 2, size),
                struct.pack("<I4s", len(words), b"JSON"),
                words,
                struct.pack("<I4s", len(self.buffer), b"BIN\0"),
                bytes(self.buffer),
            )
        )

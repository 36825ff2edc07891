# SPDX-License-Identifier: GPL-3.0-or-later
"""A head as the command writes it (docs/heads.md), brought into the scene: a collection with its mesh and its armature.

The file is in millimetres with y up and the face along +z; Blender has metres, z up, and faces look along -y. Arrays
come through numpy, which Blender carries.
"""

import bpy
import numpy as np

from . import materials, rig
from .faceplate_client.errors import InputError

_METRES = 0.001
_NEEDED = (
    "vertices", "quads", "uv", "quad_uv", "expression_names", "drivers", "key_index", "key_vertex", "key_move",
    "region_names", "region_materials", "quad_region", "joint_names", "joint_parents", "joints", "skin",
)  # fmt: skip


def read_arrays(path):
    """The arrays of a head's .npz, by name; nothing in the file is executed.

    Raises:
        InputError: it cannot be read, or is no head.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in held.files}
    except (OSError, ValueError) as error:
        raise InputError(f"The head {path} cannot be read: {error}. Make it again.") from error
    missing = [name for name in _NEEDED if name not in arrays]
    if missing:
        raise InputError(
            f"The head {path} has no {', '.join(missing)}. Add-on and faceplate command should be of one release."
        )
    return arrays


def bring_in(context, arrays, name):
    """Add a collection with the head to the scene, and select its mesh.

    Args:
        context: of the scene. arrays: from `read_arrays`. name: of the new things.

    Returns:
        The mesh's object: its parent is the armature, its shape keys have the names of the head's expressions.
    """
    collection = bpy.data.collections.new(name)
    context.scene.collection.children.link(collection)
    head = bpy.data.objects.new(name, _mesh(arrays, name))
    collection.objects.link(head)
    _add_keys(head, arrays)
    rig.drive_correctives(head, arrays)
    for material in materials.make(arrays, name):
        head.data.materials.append(material)
    armature = rig.make_armature(context, collection, arrays, places(arrays["joints"]), name)
    rig.bind(head, armature, arrays)
    for other in context.selected_objects:
        other.select_set(False)
    head.select_set(True)
    context.view_layer.objects.active = head
    return head


def reshape(context, head, arrays):
    """Give a head that is in the scene another shape: mesh, shape keys and joints; textures and weights of keys stay.

    Raises:
        InputError: the mesh or its keys are no longer those of the head that is given.
    """
    shapes = head.data.shape_keys
    names = arrays["expression_names"].tolist()
    if (
        len(head.data.vertices) != len(arrays["vertices"])
        or shapes is None
        or not {*names} <= {*shapes.key_blocks.keys()}
    ):
        raise InputError(
            f"{head.name} is no longer the mesh that was made: vertices or shape keys are others."
        )
    rest = places(arrays["vertices"])
    head.data.vertices.foreach_set("co", rest.ravel())
    shapes.reference_key.data.foreach_set("co", rest.ravel())
    for name, shape in _shapes(arrays, rest):
        shapes.key_blocks[name].data.foreach_set("co", shape.ravel())
    head.data.update()
    if head.parent is not None and head.parent.type == "ARMATURE":
        rig.move_joints(context, head.parent, arrays, places(arrays["joints"]))


def places(points):
    """Points (N, 3) of the head, millimetres, as Blender has them: metres, z up."""
    return np.stack([points[:, 0], -points[:, 2], points[:, 1]], 1).astype(np.float32) * np.float32(_METRES)


def _mesh(arrays, name):
    """Vertices, quads and triangles, UVs, materials by region, smooth."""
    mesh = bpy.data.meshes.new(name)
    quads, points = arrays["quads"], places(arrays["vertices"])
    corner = quads >= 0
    count = corner.sum(1)
    mesh.vertices.add(len(points))
    mesh.vertices.foreach_set("co", points.ravel())
    mesh.loops.add(int(count.sum()))
    mesh.loops.foreach_set("vertex_index", quads[corner].astype(np.int32))
    mesh.polygons.add(len(quads))
    mesh.polygons.foreach_set("loop_start", (np.cumsum(count) - count).astype(np.int32))
    used = materials.names(arrays)
    slot = np.array([used.index(material) for material in arrays["region_materials"].tolist()], np.int32)
    mesh.polygons.foreach_set("material_index", slot[arrays["quad_region"]])
    mesh.polygons.foreach_set("use_smooth", np.ones(len(quads), bool))
    mesh.update(calc_edges=True)
    layer = mesh.uv_layers.new(name="UVMap")
    layer.uv.foreach_set("vector", arrays["uv"][arrays["quad_uv"][corner]].astype(np.float32).ravel())
    if mesh.validate():
        raise InputError("The head's mesh is damaged. Make it again.")
    return mesh


def _add_keys(head, arrays):
    """The basis and a shape key for every expression."""
    head.shape_key_add(name="Basis", from_mix=False)
    for name, shape in _shapes(arrays, places(arrays["vertices"])):
        key = head.shape_key_add(name=name, from_mix=False)
        key.data.foreach_set("co", shape.ravel())
        key.value = 0.0


def _shapes(arrays, rest):
    """Every expression's name and where it has the vertices (V, 3), metres."""
    moves = places(arrays["key_move"])
    starts = np.searchsorted(arrays["key_index"], np.arange(len(arrays["expression_names"]) + 1))
    for number, name in enumerate(arrays["expression_names"].tolist()):
        part = slice(starts[number], starts[number + 1])
        shape = rest.copy()
        shape[arrays["key_vertex"][part]] += moves[part]
        yield name, shape

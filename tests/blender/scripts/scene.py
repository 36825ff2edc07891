"""In Blender: small meshes with shape keys, a transfer between two of them, and what a mesh looks like."""

# pyright: reportMissingImports=false
# bpy is there in Blender's Python alone.

import bpy
import numpy as np


def mesh_with(name, keys):
    """A triangle with these shape keys, all at 0."""
    data = bpy.data.meshes.new(name)
    data.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    thing = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(thing)
    for key in ("Basis", *keys):
        thing.shape_key_add(name=key).value = 0  # from Blender 5.0 on new ones are at 1
    return thing


def transferred(operator, source, target, **settings):
    """What a transferring operator answers with these two selected, or the error that it reports."""
    for each in bpy.data.objects:
        each.select_set(each in (source, target))
    bpy.context.view_layer.objects.active = target
    try:
        return list(operator(**settings))
    except RuntimeError as error:
        return str(error)


def shape(thing):
    """(V, 3) metres in the world, as it is drawn."""
    bpy.context.view_layer.update()
    seen = thing.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = seen.to_mesh()
    co = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", co)
    world = np.array(thing.matrix_world)
    return co.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]

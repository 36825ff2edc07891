"""In Blender: small meshes with shape keys, and a transfer between two of them."""

# pyright: reportMissingImports=false
# bpy is there in Blender's Python alone.

import bpy


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

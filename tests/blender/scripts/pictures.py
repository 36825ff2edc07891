"""In Blender: heads imported from files with pictures, and which pictures their materials show."""

# pyright: reportMissingImports=false
# bpy is there in Blender's Python alone.

import json
import os
import sys

import bpy


def shown(material, socket):
    """The name of the picture that reaches a socket of a material's surface, through a normal map or not."""
    surface = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    links = surface.inputs[socket].links
    while links:
        node = links[0].from_node
        if node.type == "TEX_IMAGE":
            return node.image.name
        links = node.inputs["Color"].links
    return ""


def imported(path):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if path.endswith(".obj"):
        bpy.ops.wm.obj_import(filepath=path)
    elif path.endswith(".glb"):
        bpy.ops.import_scene.gltf(filepath=path)
    else:
        bpy.ops.wm.usd_import(filepath=path)
    (head,) = (each for each in bpy.data.objects if each.type == "MESH" and len(each.data.vertices) > 1000)
    uv, columns = head.data.uv_layers[0].uv, {}
    for face in head.data.polygons:
        name = head.material_slots[face.material_index].material.name
        inside = [uv[corner].vector.x for corner in face.loop_indices]
        columns.setdefault(name, set()).add(int(sum(inside) / len(inside)))
    return {
        "vertices": len(head.data.vertices),
        "faces": len(head.data.polygons),
        "columns": {name: sorted(found) for name, found in columns.items()},
        "colours": {slot.material.name: shown(slot.material, "Base Color") for slot in head.material_slots},
        "normals": {slot.material.name: shown(slot.material, "Normal") for slot in head.material_slots},
        "pictures": {
            image.name: {
                "tiles": [tile.number for tile in image.tiles] if image.source == "TILED" else [],
                "space": image.colorspace_settings.name,
            }
            for image in bpy.data.images
            if image.users
        },
    }


print(json.dumps({path: imported(path) for path in sys.argv[1:]}), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends

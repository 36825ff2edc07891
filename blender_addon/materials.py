# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials of a head: skin with light under its surface, eyes, teeth; one texture, packed into the file."""

import bpy

from . import images

_LOOKS = {
    "skin": {
        "Roughness": 0.5,
        "Subsurface Weight": 0.15,
        "Subsurface Scale": 0.004,
        "Specular IOR Level": 0.4,
    },
    "mouth": {"Roughness": 0.3, "Subsurface Weight": 0.2, "Subsurface Scale": 0.004},
    "teeth": {"Roughness": 0.2, "Subsurface Weight": 0.2, "Subsurface Scale": 0.002},
    "sclera": {"Roughness": 0.2, "Subsurface Weight": 0.1, "Subsurface Scale": 0.003},
    "iris": {"Roughness": 0.5},
    "pupil": {"Roughness": 0.6, "Base Color": (0.0, 0.0, 0.0, 1.0)},
    "cornea": {"Roughness": 0.0, "Base Color": (0.0, 0.0, 0.0, 1.0), "Alpha": 0.2, "IOR": 1.376},
    "lashes": {"Roughness": 0.7, "Base Color": (0.012, 0.008, 0.006, 1.0)},
}
"""Material -> sockets of its Principled BSDF. A cornea is black, or its share of white would veil the iris.
Skin scatters red light farthest; its radius is that of `_RED`."""

_RED = (1.0, 0.35, 0.2)
_UNTEXTURED = ("pupil", "cornea", "lashes")
_PLAIN = {"skin": (0.72, 0.52, 0.43, 1.0), "mouth": (0.55, 0.2, 0.2, 1.0), "teeth": (0.85, 0.82, 0.74, 1.0)}
_SEE_THROUGH = ("cornea", "lashes")
_IN_VIEWPORT = _PLAIN | {
    "cornea": (1.0, 1.0, 1.0, 0.03),
    "lashes": (0.02, 0.015, 0.012, 0.3),
    "pupil": (0.0, 0.0, 0.0, 1.0),
}
"""What Workbench shows where it shows no texture."""

_HAIRS = 110.0  # hairs along a card of lashes


def names(arrays):
    """The materials that a head uses, in the order of its slots."""
    return list(dict.fromkeys(arrays["region_materials"].tolist()))


def make(arrays, name):
    """A new material for every slot; `texture` and `confidence` become packed images."""
    texture = _packed(arrays, "texture", f"{name} colour", "sRGB")
    confidence = _packed(arrays, "confidence", f"{name} confidence", "Non-Color")
    if confidence is not None:
        confidence.use_fake_user = True  # no material shows it, and what nothing shows is not saved
    return [_material(kind, f"{name} {kind}", texture) for kind in names(arrays)]


def _packed(arrays, key, name, space):
    """An image of the bytes of a PNG file, inside the .blend; None where the head has none."""
    if key not in arrays:
        return None
    return images.packed(name, arrays[key].tobytes(), space)


def _material(kind, name, texture):
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    material.diffuse_color = _IN_VIEWPORT.get(kind, (0.8, 0.8, 0.8, 1.0))
    if kind in _SEE_THROUGH:
        material.surface_render_method = "BLENDED"
    nodes, links = material.node_tree.nodes, material.node_tree.links
    surface = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    if kind in _PLAIN:
        surface.inputs["Base Color"].default_value = _PLAIN[kind]
    for socket, value in _LOOKS.get(kind, _LOOKS["skin"]).items():
        surface.inputs[socket].default_value = value
    if kind in ("skin", "mouth", "teeth", "sclera"):
        surface.inputs["Subsurface Radius"].default_value = _RED
    if texture is not None and kind not in _UNTEXTURED:
        picture = nodes.new("ShaderNodeTexImage")
        picture.image, picture.location = texture, (-320, 280)
        links.new(picture.outputs["Color"], surface.inputs["Base Color"])
    if kind == "lashes":
        _draw_hairs(nodes, links, surface)
    return material


def _draw_hairs(nodes, links, surface):
    """Cards of lashes show hairs: thin stripes across the UV map's first axis are opaque, the rest is not there."""
    place = nodes.new("ShaderNodeTexCoord")
    wave = nodes.new("ShaderNodeTexWave")
    thin = nodes.new("ShaderNodeMath")
    place.location, wave.location, thin.location = (-760, -200), (-560, -200), (-320, -200)
    wave.inputs["Scale"].default_value = _HAIRS
    wave.inputs["Distortion"].default_value = 3.0
    thin.operation = "GREATER_THAN"
    thin.inputs[1].default_value = 0.84
    links.new(place.outputs["UV"], wave.inputs["Vector"])
    links.new(wave.outputs["Fac"], thin.inputs[0])
    links.new(thin.outputs[0], surface.inputs["Alpha"])

# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object's shape keys are and show: which are free, what they move, their weights, now or in a photo."""

import json

import bpy
import numpy as np

from .faceplate_client.errors import RequestError


def has_keys(thing):
    """Whether an object is a mesh with shape keys."""
    return thing is not None and thing.type == "MESH" and thing.data.shape_keys is not None


def pair(context):
    """(source, target): of two selected meshes with shape keys the other one and the active one; None without such."""
    chosen = [each for each in context.selected_objects if has_keys(each)]
    target = context.active_object
    if len(chosen) != 2 or target not in chosen:
        return None
    return next(each for each in chosen if each is not target), target


def free_keys(thing):
    """The names of an object's keys that no driver sets and that are not its rest."""
    shapes = thing.data.shape_keys
    animation = shapes.animation_data
    driven = {driver.data_path for driver in animation.drivers} if animation else set()
    rest = shapes.reference_key.name
    return [
        key.name
        for key in shapes.key_blocks
        if key.name != rest and f'key_blocks["{bpy.utils.escape_identifier(key.name)}"].value' not in driven
    ]


def weights_of(source, photo=0):
    """{key: weight} of a source's free keys; with a photo's number, what a head shows in that photo.

    Raises:
        RequestError: there is no such photo.
    """
    if not photo:
        return {name: source.data.shape_keys.key_blocks[name].value for name in free_keys(source)}
    photos = json.loads(source.get("faceplate_report", "{}")).get("photos", [])
    if photo > len(photos):
        raise RequestError(f"{source.name} was made from {len(photos)} photos; there is no photo {photo}.")
    return photos[photo - 1]["expressions"]


def places(key):
    """(V, 3) where a shape key has the vertices."""
    co = np.empty(len(key.data) * 3, np.float32)
    key.data.foreach_get("co", co)
    return co.reshape(-1, 3)


def moves(key):
    """(V, 3) how far a shape key moves the vertices at 1."""
    return places(key) - places(key.relative_key)

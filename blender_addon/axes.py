# SPDX-License-Identifier: GPL-3.0-or-later
"""Places and turns between Blender's world (metres, z up, a face along -y) and the command's (mm, y up, along z)."""

import numpy as np
from mathutils import Matrix, Vector

from .faceplate_client.errors import RequestError

WORLD_FROM_OURS = Matrix(((1, 0, 0), (0, 0, -1), (0, 1, 0)))

_MILLIMETRES = 1000.0


def ours(points, matrix):
    """(N, 3) mm for the command, from points (N, 3) of an object with that matrix to the world."""
    to_ours = np.array(WORLD_FROM_OURS.transposed())
    whole = np.array(matrix)
    return ((points @ whole[:3, :3].T + whole[:3, 3]) @ to_ours.T * _MILLIMETRES).astype(np.float32)


def ours_moves(moves, matrix):
    """As `ours`, of moves (..., 3), which have no place."""
    turn = np.array(WORLD_FROM_OURS.transposed()) @ np.array(matrix)[:3, :3]
    return (moves @ turn.T * _MILLIMETRES).astype(np.float32)


def moves_from_ours(moves, matrix):
    """The inverse of `ours_moves`: moves (..., 3) of an object with that matrix, from the command's, mm.

    Raises:
        RequestError: a matrix that makes the object flat.
    """
    turn = np.array(WORLD_FROM_OURS.transposed()) @ np.array(matrix)[:3, :3]
    if abs(np.linalg.det(turn)) < 1e-12:
        raise RequestError("An object has a scale of 0. Give it another, and transfer again.")
    return (moves @ np.linalg.inv(turn).T / _MILLIMETRES).astype(np.float32)


def bone_from_ours(armature, bone):
    """(3 x 3) turn from the command's axes to those of a bone at rest."""
    held = (armature.matrix_world @ bone.matrix_local).to_3x3().normalized()
    return held.transposed() @ WORLD_FROM_OURS


def turn_in_bone(armature, bone, vector):
    """(3 x 3) a rotation vector (3,) of the command's, radians, as a turn about the bone's own axes."""
    axis = Vector(vector)
    turn = Matrix.Rotation(axis.length, 3, axis.normalized()) if axis.length > 0 else Matrix.Identity(3)
    change = bone_from_ours(armature, bone)
    return change @ turn @ change.transposed()

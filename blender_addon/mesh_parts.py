# SPDX-License-Identifier: GPL-3.0-or-later
"""A face's mesh taken apart: its skin, and the eyeballs, which are balls of one size side by side."""

import numpy as np

from . import axes
from .faceplate_client.errors import RequestError
from .keys import places

_FEWEST = 20  # vertices of a ball
_ROUND = 0.12  # of its radius, how far a ball's vertices may lie off it, on average
_DEEP = 0.8  # of its radius, how far a ball reaches at least in every direction; a lid is flatter
_ALIKE = 1.3  # times as large, at most, as the other ball
_APART = (2.2, 9.0)  # radii between the two balls
_SAME = 0.6  # radii from a ball's centre, up to which another part is of the same eye: its iris, its cornea


def face_parts(target, others):
    """What the command wants of a mesh that is to get keys: its arrays in the command's axes, mm.

    Args:
        target: the object of the mesh. others: objects beside it that may be its eyeballs, or empties in their middles.

    Returns:
        {"vertices": (V, 3), "triangles": (F, 3) of the skin, "eyes": (2, 3), and where balls were found "radii": (2,)}.

    Raises:
        RequestError: there are no eyes, or there is no skin.
    """
    points, triangles = _shape(target)
    if not len(triangles):
        raise RequestError(f"{target.name} has no faces.")
    labels = _islands(points, triangles)
    empties = [
        np.array(axes.ours(np.zeros((1, 3)), each.matrix_world)[0]) for each in others if each.type == "EMPTY"
    ]
    balls = _balls(points, labels)
    found = {"vertices": points}
    if len(empties) == 2:
        eyes = sorted(empties, key=lambda place: -place[0])
        pair = [
            ball for ball in balls if any(np.linalg.norm(ball[0] - eye) < _SAME * ball[1] for eye in eyes)
        ]
    else:
        beside = [_balls(*_parts(each)) for each in others if each.type == "MESH"]
        pair = _pair(balls + [(*ball[:2], None) for some in beside for ball in some])
        if pair is None:
            raise RequestError(
                f"No eyeballs were found in {target.name}: two balls of one size, side by side. Where they are objects "
                "of their own select them as well; or put an Empty into the middle of each eye and select both."
            )
        eyes = [ball[0] for ball in pair]
        found["radii"] = np.array([ball[1] for ball in pair], np.float32)
    held = {
        label
        for centre, _, label in balls
        if label is not None and any(np.linalg.norm(centre - each[0]) < _SAME * each[1] for each in pair)
    }
    skin = triangles[labels[triangles[:, 0]] == _largest(points, labels, held, target)]
    return {**found, "triangles": skin, "eyes": np.array(eyes, np.float32)}


def _shape(thing):
    """(V, 3) mm at rest and (F, 3), of an object's mesh."""
    mesh = thing.data
    if mesh.shape_keys is not None:
        rest = places(mesh.shape_keys.reference_key)
    else:
        rest = np.empty(len(mesh.vertices) * 3, np.float32)
        mesh.vertices.foreach_get("co", rest)
        rest = rest.reshape(-1, 3)
    mesh.calc_loop_triangles()
    triangles = np.empty(len(mesh.loop_triangles) * 3, np.int32)
    mesh.loop_triangles.foreach_get("vertices", triangles)
    triangles = triangles.reshape(-1, 3)
    mirrored = thing.matrix_world.determinant() < 0  # its triangles would look inwards
    return axes.ours(rest, thing.matrix_world), triangles[:, ::-1] if mirrored else triangles


def _parts(thing):
    points, triangles = _shape(thing)
    return points, _islands(points, triangles)


def _islands(points, triangles):
    """(V,) a number for each part that hangs together; vertices at one place do."""
    _, place = np.unique(points, axis=0, return_inverse=True)
    place = place.reshape(-1)
    ends = place[triangles[:, [0, 1, 1, 2]].reshape(-1, 2)]
    label = np.arange(place.max() + 1 if len(place) else 0)
    while True:
        before = label.copy()
        least = np.minimum(label[ends[:, 0]], label[ends[:, 1]])
        np.minimum.at(label, ends[:, 0], least)
        np.minimum.at(label, ends[:, 1], least)
        label = label[
            label
        ]  # a part's number is that of one of its places, so that numbers travel far at once
        if (label == before).all():
            return label[place]


def _balls(points, labels):
    """[(centre (3,), radius, label)] of the parts that are about balls, or front halves of such."""
    found = []
    order = np.argsort(labels, kind="stable")
    values, first = np.unique(labels[order], return_index=True)
    for label, vertices in zip(values.tolist(), np.split(order, first[1:]), strict=True):
        own = points[vertices].astype(np.float64)
        if len(own) < _FEWEST:
            continue
        middle = own.mean(0)
        near = own - middle
        solved = np.linalg.lstsq(
            np.column_stack([2 * near, np.ones(len(near))]), (near**2).sum(1), rcond=None
        )[0]
        radius = float(np.sqrt(max(solved[3] + (solved[:3] ** 2).sum(), 0.0)))
        off = np.abs(np.linalg.norm(near - solved[:3], axis=1) - radius).mean()
        if radius > 0 and off < _ROUND * radius and np.ptp(own, axis=0).min() > _DEEP * radius:
            found.append((middle + solved[:3], radius, label))
    return found


def _pair(balls):
    """The left and the right one of two balls of one size side by side, the largest such; None without."""
    low, high = _APART
    best = None
    for left in balls:
        for right in balls:
            size = (left[1] + right[1]) / 2
            apart = left[0] - right[0]
            alike = max(left[1], right[1]) < _ALIKE * min(left[1], right[1])
            level = abs(apart[0]) > 0.8 * np.linalg.norm(apart)
            if alike and level and low * size < apart[0] < high * size and (best is None or size > best[0]):
                best = size, (left, right)
    return None if best is None else best[1]


def _largest(points, labels, held, target):
    """The label of the part that takes the most room and is no eye."""
    sizes = {
        label: float(np.linalg.norm(np.ptp(points[labels == label], axis=0)))
        for label in np.unique(labels).tolist()
        if label not in held
    }
    if not sizes:
        raise RequestError(f"{target.name} has eyeballs and no face. Join them, or select both.")
    return max(sizes, key=sizes.get)

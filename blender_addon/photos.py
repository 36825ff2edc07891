# SPDX-License-Identifier: GPL-3.0-or-later
"""A head's photos in the scene: a camera where each photo's was, the photo behind the head, its points in front.

Who looks through the camera sees the head over the photo, and the 68 points where they were found. Points are vertices
of a mesh, to be moved with Blender's own tools; what counts is where the camera sees them.
"""

import json

import bpy
import numpy as np
from mathutils import Matrix, Vector

from .axes import WORLD_FROM_OURS
from .faceplate_client.errors import RequestError

_METRES = 0.001
_FILM = 36.0  # mm, Blender's sensor
_FACING = Matrix.Diagonal(
    (1, -1, -1)
)  # from the axes of a head that looks into a lens to the camera's, and back
_BEHIND, _BEFORE = 1.6, 0.4  # of the head's distance: where the photo hangs, and the points
_LINES = (
    (0, 17, False), (17, 22, False), (22, 27, False), (27, 31, False), (31, 36, False), (36, 42, True), (42, 48, True),
    (48, 60, True), (60, 68, True),
)  # fmt: skip
"""First point, the one after the last, and whether they close: jaw, brows, nose, eyes, lips, as iBUG counts them."""


def remember(head, arrays, report):
    """Keep with a head where it stood in each photo."""
    if "photo_turns" not in arrays:
        raise RequestError(
            "The head says nothing of its photos. Add-on and faceplate command should be of one release."
        )
    head["faceplate_report"] = json.dumps(report)
    head["faceplate_photos"] = json.dumps(
        [
            {
                "path": str(told["path"]),
                "size": arrays["photo_sizes"][k].tolist(),
                "points": arrays["photo_points"][k].tolist(),
                "turn": arrays["photo_turns"][k].tolist(),
                "move": arrays["photo_moves"][k].tolist(),
                "focal": float(arrays["photo_focals"][k]),
                "centre": arrays["photo_centres"][k].tolist(),
            }
            for k, told in enumerate(report["photos"])
        ]
    )


def remembered(head):
    """What `remember` kept, a dict for each photo.

    Raises:
        RequestError: the head was not made from photos, or by an older release.
    """
    photos = json.loads(head.get("faceplate_photos", "[]"))
    if not photos:
        raise RequestError(
            f"{head.name} was not made from photos by this release. Make it again from its photos."
        )
    return photos


def show(head, photo_number):
    """Add camera, photo and points of one photo, or bring those that are there to where the photo stood.

    Returns:
        The camera's object; the points are its child.
    """
    photo = remembered(head)[photo_number]
    camera = part_of(head, photo_number, "camera")
    if camera is None:
        camera = _new(
            head, photo_number, "camera", bpy.data.cameras.new(f"{head.name} photo {photo_number + 1}")
        )
        camera.parent = head.parent
        _new(head, photo_number, "photo", None).parent = camera
        _new(head, photo_number, "points", _lines(f"{head.name} points {photo_number + 1}")).parent = camera
    distance = photo["move"][2] * _METRES
    _place(camera, photo)
    _hang(part_of(head, photo_number, "photo"), photo, distance * _BEHIND)
    _draw(part_of(head, photo_number, "points"), photo, distance * _BEFORE)
    return camera


def part_of(head, photo_number, part):
    """The object that is a part ("camera", "photo", "points") of a head's photo; None where it is not shown."""
    wanted = {"faceplate_of": head.name, "faceplate_photo": photo_number, "faceplate_part": part}
    for each in bpy.data.objects:
        if all(each.get(word) == value for word, value in wanted.items()):
            return each
    return None


def moved_points(head, photo_number):
    """(68, 2) pixels, where the points of a photo are now; those that were found where they are not shown."""
    photo = remembered(head)[photo_number]
    points = part_of(head, photo_number, "points")
    if points is None:
        return photo["points"]
    points.update_from_editmode()
    (x, y), found = photo["centre"], []
    for vertex in points.data.vertices:
        # wherever along its ray a point was left, the camera sees it in the same place
        seen = points.matrix_local @ vertex.co
        if seen.z >= 0:
            raise RequestError(
                f"A point of {points.name} lies behind the camera. Undo that, or show the photo again."
            )
        found.append([x + photo["focal"] * seen.x / -seen.z, y - photo["focal"] * seen.y / -seen.z])
    if len(found) != len(photo["points"]):
        raise RequestError(
            f"{points.name} has {len(found)} vertices and not {len(photo['points'])}. Undo what was added or deleted, "
            "or delete it and show the photo again."
        )
    return found


def _new(head, photo_number, part, data):
    thing = bpy.data.objects.new(f"{head.name} {part} {photo_number + 1}", data)
    thing["faceplate_of"], thing["faceplate_photo"], thing["faceplate_part"] = head.name, photo_number, part
    head.users_collection[0].objects.link(thing)
    return thing


def _place(camera, photo):
    """The photo's camera: its lens, and where it stood from the head."""
    size = max(photo["size"])
    lens = camera.data
    lens.sensor_width, lens.sensor_fit, lens.lens = _FILM, "AUTO", photo["focal"] / size * _FILM
    lens.shift_x = (photo["size"][0] / 2 - photo["centre"][0]) / size
    lens.shift_y = (photo["centre"][1] - photo["size"][1] / 2) / size
    lens.clip_start, lens.clip_end = 0.001, 100.0
    turn = _turn(photo["turn"])
    place = WORLD_FROM_OURS @ (turn.transposed() @ -(_FACING @ Vector(photo["move"]))) * _METRES
    camera.matrix_local = Matrix.Translation(place) @ (WORLD_FROM_OURS @ turn.transposed()).to_4x4()


def _turn(vector):
    axis = Vector(vector)
    return Matrix.Rotation(axis.length, 3, axis.normalized()) if axis.length > 0 else Matrix.Identity(3)


def _hang(photo_object, photo, distance):
    """The picture itself, as large as the camera sees it there, half seen through the head."""
    if photo_object.data is None:
        photo_object.empty_display_type = "IMAGE"
        photo_object.data = bpy.data.images.load(photo["path"], check_existing=True)
    photo_object.empty_display_size = max(photo["size"]) / photo["focal"] * distance
    photo_object.empty_image_offset = (-0.5, -0.5)
    (width, height), (x, y) = photo["size"], photo["centre"]
    photo_object.location = (
        (width / 2 - x) / photo["focal"] * distance,
        (y - height / 2) / photo["focal"] * distance,
        -distance,
    )
    photo_object.hide_select = True


def _lines(name):
    """68 vertices, joined as jaw, brows, nose, eyes and lips; where they lie is said later."""
    mesh = bpy.data.meshes.new(name)
    edges = [(k, k + 1) for first, end, _ in _LINES for k in range(first, end - 1)]
    edges += [(end - 1, first) for first, end, closed in _LINES if closed]
    mesh.from_pydata([(0.0, 0.0, 0.0)] * 68, edges, [])
    return mesh


def _draw(points_object, photo, distance):
    pixels = np.array(photo["points"], np.float64) - photo["centre"]
    flat = pixels / photo["focal"] * distance * (1, -1)
    places = np.column_stack([flat, np.full(len(flat), -distance)])
    points_object.matrix_local = Matrix.Identity(4)
    points_object.data.vertices.foreach_set("co", places.astype(np.float32).ravel())
    points_object.data.update()
    points_object.show_in_front = True

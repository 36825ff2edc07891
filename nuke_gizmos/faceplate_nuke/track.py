"""A face's track, read from a shot file, and how the face lies on one frame against another.

A shot file counts y from the top of the display window, Nuke from its bottom: turned over here, and nowhere else.
"""

import json

from faceplate_client.errors import InputError, RequestError

_NEWEST = 1  # version of the shot file that is known here


def read_points(path, id):
    """The five points of a track: {frame: [complex, ...]}, pixels, real to the right, imaginary upwards.

    Raises:
        RequestError: no file is named; it has no such track. InputError: it cannot be read, or is no shot file.
    """
    if not path:
        raise RequestError("No Shot File is named. Choose the one that Analyse on FP_Restore made.")
    try:
        with open(path, encoding="utf-8") as file:
            shot = json.load(file)
        kind, version = shot["kind"], shot["version"]
    except OSError as error:
        raise InputError("The shot file {} cannot be read: {}.".format(path, error.strerror))
    except (ValueError, KeyError, TypeError):
        raise InputError("{} is no shot file. Choose one that faceplate analyse made.".format(path))
    if kind != "faceplate shot" or version > _NEWEST:
        raise InputError(
            "{} is a {}, version {}; this release reads version {}.".format(path, kind, version, _NEWEST)
        )
    found = [track for track in shot["tracks"] if track["id"] == id]
    if not found:
        there = ", ".join(str(track["id"]) for track in shot["tracks"]) or "none"
        raise RequestError("There is no track {} in {}; its tracks are {}.".format(id, path, there))
    height = shot["size"][1]
    return {
        int(frame): [complex(x, height - y) for x, y in face["points"]]
        for frame, face in sorted(found[0]["faces"].items(), key=lambda item: int(item[0]))
    }


def matrices(track, reference):
    """For each frame the similarity that says where a pixel of the reference frame lies on it.

    Args:
        track: {frame: five points}, as `read_points` gives them.

    Returns:
        {frame: (scale_x, scale_y, shift_x, shift_y)}: x, y goes to scale_x*x - scale_y*y + shift_x and
        scale_y*x + scale_x*y + shift_y. Pixels, y up.

    Raises:
        RequestError: the track is not on the reference frame.
    """
    if reference not in track:
        raise RequestError(
            "The track is not on frame {}; it runs from {} to {}. Choose a Reference in there.".format(
                reference, min(track), max(track)
            )
        )
    keys = {}
    for frame, points in track.items():
        turn, shift = similarity(track[reference], points)
        keys[frame] = (turn.real, turn.imag, shift.real, shift.imag)
    return keys


def similarity(source, destination):
    """The turn, scale and shift that brings points nearest to others: `turn * point + shift`, in the plane of complex
    numbers, where least squares over a similarity is one division.

    After: Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991;
    in two dimensions and without mirroring.

    Raises:
        InputError: all source points lie on one spot.
    """
    middle, other = sum(source) / len(source), sum(destination) / len(destination)
    spread = sum(abs(point - middle) ** 2 for point in source)
    if spread == 0:
        raise InputError(
            "The points of this track lie on one spot on the reference frame. Choose another Reference."
        )
    turn = sum((point - middle).conjugate() * (to - other) for point, to in zip(source, destination)) / spread
    return turn, other - turn * middle

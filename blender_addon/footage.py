# SPDX-License-Identifier: GPL-3.0-or-later
"""Footage as the command names it: numbered pictures by their pattern, frames by their ranges.

Nothing here knows Blender.
"""

import re

NUMBERED = re.compile(r"(?P<head>.*?)(?P<number>\d+)(?P<tail>\.[^.]+)$")
"""A file's name with digits right before its ending."""

_PADDED = 4  # digits that a number has from which it is taken to be padded, whatever its first


def pattern(head, width, tail):
    """The name of every picture of a sequence: `plate.%04d.exr`."""
    return f"{head}%0{width}d{tail}"


def sequence_of(path):
    """The pattern (a Path) of the sequence that a picture is of; None where its name has no number."""
    found = NUMBERED.match(path.name)
    if found is None:
        return None
    digits = found["number"]
    width = len(digits) if digits.startswith("0") or len(digits) >= _PADDED else 1
    return path.with_name(pattern(found["head"], width, found["tail"]))


def spelled(numbers):
    """Frames as artists write them: `1001-1004, 1009`."""
    runs = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)

# SPDX-License-Identifier: GPL-3.0-or-later
"""From the shape keys of one head to those of another rig: which name means which, and weights that fit best.

Nothing here knows Blender.
"""

import re
from fnmatch import fnmatchcase

import numpy as np

from .faceplate_client.errors import RequestError

ARKIT = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""The 52 names of ARKit."""

_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def canonical(name):
    """A name whatever its spelling: words in lower case, the side last. `EyeBlink_L` is `eyeblink left`."""
    words = [word.lower() for word in _WORDS.findall(name)]
    side = next((_SIDES[words[place]] for place in (-1, 0) if len(words) > 1 and words[place] in _SIDES), "")
    if side:
        words = words[:-1] if words[-1] in _SIDES else words[1:]
    return " ".join(["".join(words), *([side] if side else [])])


def match_names(source, target):
    """Which of the source's keys each key of the target shows.

    A key without a side shows both sides of a source that has them, `mouthSmile` for instance.

    Returns:
        {target key: [source keys]}, only those that were found, in the target's order.
    """
    known = {canonical(name): name for name in source}
    found = {}
    for name in target:
        own = canonical(name)
        both = [known[f"{own} {side}"] for side in ("left", "right") if f"{own} {side}" in known]
        if own in known:
            found[name] = [known[own]]
        elif len(both) == 2:
            found[name] = both
    return found


def picked(names, words):
    """The names that are meant by words with commas between them, `mouth*, jawOpen`; all of them by none.

    Raises:
        RequestError: a word that no name answers to.
    """
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    strangers = [word for word in wanted if not any(fnmatchcase(name, word) for name in names)]
    if strangers:
        raise RequestError(
            f"There is no shape key {', '.join(strangers)}. There are {', '.join(names) or 'none'}."
        )
    return [name for name in names if not wanted or any(fnmatchcase(name, word) for word in wanted)]


def map_as_text(names):
    """A name map as text that can be edited: a line for each key of the target."""
    lines = ["# key of the target = keys of the source, with + between; lines taken out are not transferred"]
    lines += [f"{key} = {' + '.join(shown)}" for key, shown in names.items()]
    return "\n".join(lines) + "\n"


def map_from_text(text, source, target):
    """The inverse of `map_as_text`.

    Raises:
        RequestError: a line that is none, or names a key that is not there.
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        key, equals, rest = (part.strip() for part in line.partition("="))
        shown = [word.strip() for word in rest.split("+")]
        if not equals or not all(shown):
            raise RequestError(f"Line {number} of the name map should read `key = key + key`, got `{line}`.")
        missing = [f"the target has no {key}"] if key not in target else []
        missing += [f"the source has no {word}" for word in shown if word not in source]
        if missing:
            raise RequestError(
                f"Line {number} of the name map names what is not there: {', '.join(missing)}."
            )
        found[key] = shown
    return found


def transferred(weights, names):
    """The target's weights that show the source's best: bounded least squares.

    Minimises the sum over the source's keys of |what all keys of the target together show of it - its weight|^2, every
    weight within 0-1. Where each key has one twin that is the same weights; where one key shows both sides it is their
    mean.

    Args:
        weights: {source key: weight}. names: from `match_names`.

    Returns:
        {target key: weight}.

    After: coordinate descent, as in Franc, Hlaváč and Navara, "Sequential Coordinate-Wise Algorithm for the Non-
    negative Least Squares Problem", 2005, with an upper bound as well.
    """
    keys = list(names)
    shown = sorted({word for words in names.values() for word in words})
    matrix = np.zeros((len(shown), len(keys)))
    for column, key in enumerate(keys):
        for word in names[key]:
            matrix[shown.index(word), column] = 1.0
    # of several keys that show the same, the least together: otherwise the answer would hang on their order
    gram = matrix.T @ matrix + 1e-6 * np.eye(len(keys))
    wanted = matrix.T @ np.array([weights.get(word, 0.0) for word in shown])
    found = np.zeros(len(keys))
    for _ in range(200):
        before = found.copy()
        for k in range(len(keys)):
            found[k] = np.clip(found[k] + (wanted[k] - gram[k] @ found) / gram[k, k], 0.0, 1.0)
        if np.abs(found - before).max(initial=0) < 1e-7:
            break
    return dict(zip(keys, found.tolist(), strict=True))

"""What the head's expressions are called, what ICT calls them, and how visemes are mixed from them."""

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
"""The 52 blend shapes of ARKit's face tracking, by the names its documentation gives them."""

EXTRA = (
    "browInnerUpLeft", "browInnerUpRight", "cheekPuffLeft", "cheekPuffRight", "cheekRaiserLeft", "cheekRaiserRight",
    "pupilDilateLeft", "pupilDilateRight",
)  # fmt: skip
"""What ICT has beyond ARKit: halves of shapes that ARKit knows as one, raised cheeks, wide pupils."""

WHOLE = {"browInnerUp": ("browInnerUp_L", "browInnerUp_R"), "cheekPuff": ("cheekPuff_L", "cheekPuff_R")}
"""Shapes of ARKit that ICT has in two halves."""

VISEMES = {
    "visemePP": {"mouthClose": 0.05, "mouthPressLeft": 0.5, "mouthPressRight": 0.5, "mouthRollLower": 0.25,
                 "mouthRollUpper": 0.2},
    "visemeFF": {"jawOpen": 0.06, "mouthRollLower": 0.45, "mouthUpperUpLeft": 0.3, "mouthUpperUpRight": 0.3},
    "visemeTH": {"jawOpen": 0.16, "mouthLowerDownLeft": 0.25, "mouthLowerDownRight": 0.25, "tongueOut": 0.25},
    "visemeDD": {"jawOpen": 0.14, "mouthLowerDownLeft": 0.35, "mouthLowerDownRight": 0.35,
                 "mouthUpperUpLeft": 0.15, "mouthUpperUpRight": 0.15},
    "visemeKK": {"jawOpen": 0.2, "mouthStretchLeft": 0.15, "mouthStretchRight": 0.15, "mouthLowerDownLeft": 0.2,
                 "mouthLowerDownRight": 0.2},
    "visemeCH": {"jawOpen": 0.1, "mouthFunnel": 0.65, "mouthPucker": 0.1},
    "visemeSS": {"jawOpen": 0.04, "mouthStretchLeft": 0.25, "mouthStretchRight": 0.25, "mouthLowerDownLeft": 0.4,
                 "mouthLowerDownRight": 0.4, "mouthUpperUpLeft": 0.2, "mouthUpperUpRight": 0.2},
    "visemeNN": {"jawOpen": 0.12, "mouthLowerDownLeft": 0.3, "mouthLowerDownRight": 0.3},
    "visemeRR": {"jawOpen": 0.12, "mouthFunnel": 0.35, "mouthPucker": 0.25},
    "visemeAA": {"jawOpen": 0.55, "mouthLowerDownLeft": 0.2, "mouthLowerDownRight": 0.2},
    "visemeE": {"jawOpen": 0.25, "mouthStretchLeft": 0.3, "mouthStretchRight": 0.3, "mouthSmileLeft": 0.15,
                "mouthSmileRight": 0.15},
    "visemeIH": {"jawOpen": 0.18, "mouthSmileLeft": 0.25, "mouthSmileRight": 0.25, "mouthLowerDownLeft": 0.25,
                 "mouthLowerDownRight": 0.25},
    "visemeOH": {"jawOpen": 0.35, "mouthFunnel": 0.5, "mouthPucker": 0.2},
    "visemeOU": {"jawOpen": 0.12, "mouthPucker": 0.75, "mouthFunnel": 0.3},
}  # fmt: skip
"""Mouth shapes of speech, by the usual fifteen less silence, as mixes of ARKit's; the weights are our own choice."""

CORRECTIVES = {
    "eyeBlinkLeftHalf": ("eyeBlinkLeft", "eyeBlinkLeft"),
    "eyeBlinkRightHalf": ("eyeBlinkRight", "eyeBlinkRight"),
    "jawOpenHalf": ("jawOpen", "jawOpen"),
    "eyeBlinkLookDownLeft": ("eyeBlinkLeft", "eyeLookDownLeft"),
    "eyeBlinkLookDownRight": ("eyeBlinkRight", "eyeLookDownRight"),
}
"""Corrective -> the two that drive it."""

ALL = (*ARKIT, *EXTRA, *VISEMES, *CORRECTIVES)


def role(name: str) -> str:
    """The role that docs/heads.md gives an expression of this head."""
    for kind, names in (("arkit", ARKIT), ("extra", EXTRA), ("viseme", VISEMES), ("corrective", CORRECTIVES)):
        if name in names:
            return kind
    raise KeyError(name)


def ict_name(name: str) -> str:
    """eyeBlinkLeft -> eyeBlink_L; names without a side are ICT's own."""
    name = name.replace("pupilDilate", "PupilDilate")
    for side in ("Left", "Right"):
        if name.endswith(side) and name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
            return f"{name.removesuffix(side)}_{side[0]}"
    return name


def other_side(name: str) -> str:
    """The name of the mirrored expression; itself where there is no side."""
    if "Left" in name:
        return name.replace("Left", "Right")
    return name.replace("Right", "Left")

"""A face whose tone breathes in its shot leaves it calm, while the light of the shot is left to the shot."""

import numpy as np
import pytest

from faceplate.frames.steady import SteadyShot
from faceplate.operations import RestoreTools, restore_request
from faceplate.plate import Plate
from faceplate.restore.pipeline import RestoreNets
from faceplate.stabilise.pipeline import SteadyParams
from faceplate.stages.shot import Shot, Track
from tests.support.nets import unchanged_net
from tests.support.plates import make_face, make_picture

FRAMES = range(1, 8)
FACE = make_face(200)
SCENE = make_picture(320, 300, finest=6.0)
TINT = np.array([0.02, 0.0, -0.02], np.float32)


def cover() -> np.ndarray:
    """Where the tint lies: well around the face's matte, soft at its border."""
    rows, columns = np.indices(SCENE.shape[:2]) + 0.5
    x, y = FACE.points.mean(axis=0)
    return np.clip((110 - np.hypot(columns - x, rows - y)) / 20, 0, 1)[..., None].astype(np.float32)


def plate(frame: int, *, breathes: bool, light: float = 0.0) -> Plate:
    """Every other frame is tinted where the face is, and lighter as a whole."""
    odd = np.float32(frame % 2)
    return Plate.of(SCENE + odd * (breathes * TINT * cover() + np.float32(light)), frame=frame)


def rendered(frame: int, strength: float, **how) -> np.ndarray:
    shot = Shot(
        "p", (320, 300), dict.fromkeys(FRAMES, ""), tracks=(Track(1, "anna", dict.fromkeys(FRAMES, FACE)),)
    )
    request = restore_request({"grain": 0}, shot=True)
    tools = RestoreTools(unchanged_net(), RestoreNets(unchanged_net()), {})
    steady = SteadyShot(shot, SteadyParams(strength, 2), ids={1}, request=request, tools=tools)
    near = {other: plate(other, **how) for other in steady.window(frame)}
    return steady.render(plate(frame, **how), near).plate.pixels


def face_of(pixels: np.ndarray) -> np.ndarray:
    """Mean colour in the middle of the face."""
    x, y = (int(value) for value in FACE.points.mean(axis=0))
    return pixels[y - 20 : y + 20, x - 20 : x + 20].mean(axis=(0, 1))


@pytest.mark.parametrize(("strength", "left"), [(0.0, 1.0), (1.0, 0.2)])
def test_a_breathing_face_is_calmed_by_steadying_alone(strength, left):
    """Of five frames three are of the one tone and two of the other: a fifth of the swing is left."""
    swing = face_of(rendered(3, strength, breathes=True)) - face_of(rendered(4, strength, breathes=True))
    plain = face_of(plate(3, breathes=True).pixels) - face_of(plate(4, breathes=True).pixels)
    assert np.abs(plain).max() > 0.015
    np.testing.assert_allclose(swing, left * plain, atol=1.5e-3)


def test_light_on_the_whole_shot_stays_with_the_shot():
    for frame in (3, 4):
        kept = face_of(rendered(frame, 1.0, breathes=False, light=0.05))
        np.testing.assert_allclose(kept, face_of(plate(frame, breathes=False, light=0.05).pixels), atol=2e-3)

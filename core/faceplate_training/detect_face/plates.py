"""Large worn film plates to measure false faces on: one with a face, the others with none. None of it is trained on.

All pictures come inside scikit-image, so nothing is downloaded.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from faceplate.colour import LINEAR_REC709, linear_from_srgb
from faceplate.demo.sample import shoot
from faceplate.demo.scene import build_set, read_portrait
from faceplate.demo.wear import wear_frame
from faceplate.plate import Plate

FACELESS = (
    "brick",
    "coffee",
    "grass",
    "gravel",
    "hubble_deep_field",
    "moon",
    "motorcycle",
    "retina",
    "rocket",
)
WIDTH, HEIGHT = 4096, 2160
FACE_IN_PORTRAIT = 91.0
"""How wide the face is in the sample's portrait, pixels."""


def plates_with_a_face(*, face: float = 400.0, count: int = 8) -> Iterator[Plate]:
    """The sample's scene at 4096x2160, worn, its one face this wide, the camera moving a little."""
    scene, scale = build_set(read_portrait()), face / FACE_IN_PORTRAIT
    for frame in range(count):
        across = (WIDTH - scale * scene.shape[1]) / 2 + 0.37 * frame
        matrix = np.array([[scale, 0, across], [0, scale, -20 + 0.37 * frame], [0, 0, 1.0]])
        yield worn(shoot(scene, matrix, size=(WIDTH, HEIGHT)), frame)


def plates_without(*, width: int = 2048, height: int = 1080) -> Iterator[Plate]:
    """Pictures without people, each filling the frame, worn."""
    from skimage import data

    for name in FACELESS:
        picture = np.asarray(data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)())
        picture = np.repeat(picture[..., None], 3, 2) if picture.ndim == 2 else picture[..., :3]
        zoom = max(width / picture.shape[1], height / picture.shape[0])
        large = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
        shown = np.asarray(large[:height, :width], np.float32) / np.float32(255)
        yield worn(linear_from_srgb(shown), 1)


def worn(linear: np.ndarray, frame: int) -> Plate:
    return Plate.of(wear_frame(linear, seed=4, frame=1001 + frame), encoding=LINEAR_REC709)

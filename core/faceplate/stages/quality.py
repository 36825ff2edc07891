"""How much a plate shows of a face: whether there is enough to go by before anything is made of it."""

import numpy as np

from faceplate.arrays import Image, expect_shapes
from faceplate.errors import ShapeError
from faceplate.faces import Face
from faceplate.plate import Plate
from faceplate.runtime.net import Net
from faceplate.stages.align import align_face
from faceplate_client.errors import ModelError


def face_quality(crop: Image, net: Net) -> float:
    """How much of a face's identity is left in a crop: 1 undamaged, towards 0 where it could be anybody.

    Args:
        crop: (112, 112, 3), display-encoded sRGB, 0-1, aligned to arcface_112.
        net: a face.quality net, (1, 3, 112, 112) 0-1 in, (1, 1) 0-1 out.

    Returns:
        0-1: 1 less the angle between the identities of this face and of the same face undamaged, as a share of a
        right angle, as far as the crop alone tells it.

    Raises:
        ShapeError: a crop of another size; an output that is not one number. ModelError: one that is not 0-1.
    """
    expect_shapes(crop=(crop, "112 112 3"))
    made = np.asarray(net(np.ascontiguousarray(crop.transpose(2, 0, 1)[None], np.float32))[0], np.float32)
    if made.shape != (1, 1):
        raise ShapeError(f"the quality net {net.id} should return one number a face, got shape {made.shape}")
    value = float(made[0, 0])
    if not 0.0 <= value <= 1.0:
        raise ModelError(f"the quality net {net.id} returned {value}, which is not 0-1; verify the model")
    return value


def quality_on(plate: Plate, face: Face, net: Net, *, gain: float = 1.0) -> float:
    """`face_quality` of a face where it stands on a plate, seen at an exposure gain.

    Raises:
        RangeError, ShapeError, ModelError: as `align_face` and `face_quality`.
    """
    return face_quality(align_face(plate, face, template="arcface_112", side=112, gain=gain).pixels, net)

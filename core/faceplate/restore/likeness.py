"""How near two pictures of a face are to the same person, in a recogniser's eyes."""

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, expect_shapes
from faceplate.errors import ShapeError
from faceplate.faces import Face
from faceplate.plate import Plate
from faceplate.runtime.net import Net
from faceplate.stages.align import align_face
from faceplate_client.errors import ModelError

Identity = NDArray[np.float32]
"""(N,) float32 of length 1."""


def identity(crop: Image, net: Net) -> Identity:
    """Who a face looks like, as a direction.

    Args:
        crop: (112, 112, 3), display-encoded sRGB, 0-1, aligned to arcface_112.
        net: (1, 3, 112, 112) 0-1 in, (1, N) out.

    Returns:
        (N,) float32 of length 1.

    Raises:
        ShapeError: a crop of another size; an output that is not one vector.
        ModelError: an output that has no direction.
    """
    expect_shapes(crop=(crop, "112 112 3"))
    made = np.asarray(net(np.ascontiguousarray(crop.transpose(2, 0, 1)[None], np.float32))[0], np.float32)
    if made.ndim != 2 or made.shape[0] != 1:
        raise ShapeError(f"the identity net {net.id} should return one vector a face, got shape {made.shape}")
    length = float(np.linalg.norm(made[0]))
    if not (np.isfinite(length) and length > 0.0):
        raise ModelError(f"the identity net {net.id} returned no direction; verify the model")
    return made[0] / np.float32(length)


def identity_on(plate: Plate, face: Face, net: Net, *, gain: float = 1.0) -> Identity:
    """`identity` of a face where it stands on a plate, seen at an exposure gain.

    Raises:
        RangeError, ShapeError, ModelError: as `align_face` and `identity`.
    """
    return identity(align_face(plate, face, template="arcface_112", side=112, gain=gain).pixels, net)


def similarity(one: Identity, other: Identity) -> float:
    """The cosine between two identities: 1 is the same direction, about 0 are strangers.

    Raises:
        ShapeError: vectors of different length, from different nets.
    """
    expect_shapes(one=(one, "N"), other=(other, "N"))
    return float(np.clip(one @ other, -1.0, 1.0))

"""A first guess at a head by a net that looks at the picture: who it is, what the face does, how it is coloured.

Points say little of lids that are nearly closed and nothing of where eyes look; a net that was shown heads whose
coefficients were known reads them off the pixels. What it says is no answer but an expectation: a fit weighs it against
the points, by how sure the net is.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image
from faceplate.errors import ShapeError
from faceplate.faces import Face
from faceplate.plate import Plate
from faceplate.reconstruct.expectation import Expectation
from faceplate.reconstruct.morphable import HeadModel
from faceplate.runtime.net import Net
from faceplate.stages.landmarks import Landmarks, cut_face, five_of

DOUBT = 1.5
"""How many times wider than the net says its word is taken: it was taught on renders and is asked about photos. On
held-out renders 1, 1.5 and 2 make no difference to blinks, smiles and jaws."""

_OUTPUTS = 9
_IDENTITY, _IDENTITY_SPREAD, _WEIGHTS, _WEIGHTS_SPREAD, _TEXTURE = range(4, _OUTPUTS)


@dataclass(frozen=True)
class Guess:
    """What a net says of one face, for one head model.

    `expression`: of the head's (E,) expressions; NaN for those that are not ARKit's. `identity`: of its first
    components. `texture`: (T, T, 3) RGB, display-encoded sRGB, 0-1, the face's albedo in the picture's exposure, over
    `nets.reconstruct_net.WINDOW` of the UV map, row 0 at the top.
    """

    expression: Expectation
    identity: Expectation
    texture: Image = field(repr=False)


def guess_head(
    plate: Plate, face: Face, landmarks: Landmarks, net: Net, head: HeadModel, *, gain: float = 1.0
) -> Guess:
    """Ask a net what it sees of a face whose points were found.

    Args:
        plate: in its own space, any values.
        face: as `detect_faces` gives it, and `landmarks` its points as `find_landmarks` found them.
        net: a head.guess net, see `faceplate.nets.reconstruct_net`: (1, 3, 192, 192) 0-1 in, nine arrays out.
        head: the model that the net was taught with.
        gain: exposure of the net's view, see `tone.expose`.

    Raises:
        ShapeError: the net does not answer as a head.guess net for this head does. RangeError: as `cut_face`.
    """
    crop = cut_face(plate, five_of(landmarks.points), face, gain=gain)
    batch = np.ascontiguousarray(crop.pixels.transpose(2, 0, 1)[None], np.float32)
    answer = _checked(net(batch), net, head)
    expression = np.full((2, len(head.expressions)), np.nan, np.float32)
    expression[:, head.arkit] = answer[_WEIGHTS][0], answer[_WEIGHTS_SPREAD][0] * DOUBT
    return Guess(
        Expectation(*expression),
        Expectation(answer[_IDENTITY][0], answer[_IDENTITY_SPREAD][0] * DOUBT),
        np.ascontiguousarray(answer[_TEXTURE][0].transpose(1, 2, 0)),
    )


def _checked(
    answer: tuple[NDArray[np.float32], ...], net: Net, head: HeadModel
) -> tuple[NDArray[np.float32], ...]:
    arkit, told = len(head.arkit), [np.shape(part) for part in answer]
    sound = (
        len(told) == _OUTPUTS
        and told[_WEIGHTS] == told[_WEIGHTS_SPREAD] == (1, arkit)
        and told[_IDENTITY] == told[_IDENTITY_SPREAD]
        and len(told[_IDENTITY]) == 2
        and told[_IDENTITY][1] <= len(head.identity)
        and len(told[_TEXTURE]) == 4
        and all(np.isfinite(part).all() for part in answer)
    )
    if not sound:
        raise ShapeError(
            f"the net {net.id} should answer nine finite arrays for {head.id}, {arkit} expression weights among them, "
            f"got shapes {told}; verify the model"
        )
    return answer

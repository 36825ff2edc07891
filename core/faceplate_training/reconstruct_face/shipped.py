"""The two files that ship of one training: the whole net, and its trunk with the points alone."""

from pathlib import Path

import torch
from torch import Tensor, nn

from faceplate.nets.reconstruct_net import SIDE, ReconstructNet
from faceplate.reconstruct.morphable import HeadModel
from faceplate.stages.landmarks import MIRROR
from faceplate_training.export import export_onnx
from faceplate_training.reconstruct_face.views import Mirror

LANDMARKS = ("points", "spread", "visible", "turn")
OUTPUTS = (*LANDMARKS, "identity", "identity_spread", "expression", "expression_spread", "texture")


class PointsAlone(nn.Module):
    """The trunk with its first head, which is all that a face.landmarks net is."""

    def __init__(self, whole: ReconstructNet) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.whole.landmarks(crop)


class Whole(nn.Module):
    """All heads, of a crop and of its mirror image, so that a mirrored face has mirrored coefficients.

    Input and output as `ReconstructNet`'s.
    """

    points_mirror: Tensor
    weights_mirror: Tensor
    identity_mirror: Tensor

    def __init__(self, whole: ReconstructNet, mirror: Mirror) -> None:
        super().__init__()
        self.whole = whole
        self.register_buffer("points_mirror", torch.from_numpy(MIRROR.astype("int64")))
        self.register_buffer("weights_mirror", torch.from_numpy(mirror.weights))
        self.register_buffer("identity_mirror", torch.from_numpy(mirror.identity))

    def forward(self, crop: Tensor) -> tuple[Tensor, ...]:
        points, spread, visible, turn, identity, doubt, weights, weights_doubt, texture = self.whole(crop)
        found = self.whole(crop.flip(3))
        back = (
            found[0][:, self.points_mirror] * crop.new_tensor([-1.0, 1.0])
            + crop.new_tensor([float(SIDE), 0.0]),
            found[1][:, self.points_mirror],
            found[2][:, self.points_mirror],
            found[3] * crop.new_tensor([1.0, -1.0, -1.0]),
            found[4] * self.identity_mirror,
            found[5],
            found[6][:, self.weights_mirror],
            found[7][:, self.weights_mirror],
            found[8].flip(3),
        )
        here = (points, spread, visible, turn, identity, doubt, weights, weights_doubt, texture)
        return tuple((one + other) / 2 for one, other in zip(here, back, strict=True))


def export(net: ReconstructNet, head: HeadModel, folder: Path) -> None:
    """Write reconstruct-face.onnx with all heads, and landmarks-face.onnx with the points alone.

    Both take `crop` (B, 3, 192, 192) RGB 0-1; `stages.landmarks` shows mirror images itself.
    """
    for name, module, outputs in (
        ("reconstruct-face", Whole(net, Mirror.of(head)), OUTPUTS),
        ("landmarks-face", PointsAlone(net), LANDMARKS),
    ):
        dynamic = {part: {0: "B"} for part in ("crop", *outputs)}
        example = torch.zeros(1, 3, SIDE, SIDE)
        export_onnx(
            module, example, folder / f"{name}.onnx", inputs=["crop"], outputs=list(outputs), dynamic=dynamic
        )

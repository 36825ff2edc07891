"""Writes a trained detector as the ONNX file that ships, and opens weights for measuring.

python -m faceplate_training.detect_face.export --checkpoint DIR/checkpoint.pt --to models/open/detect-face-0.3.0.onnx
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch
from torch.utils.hooks import RemovableHandle

from faceplate.nets.detect_net import DetectNet
from faceplate.runtime.net import Net
from faceplate.runtime.onnx_net import OnnxNet
from faceplate_training.export import export_onnx, load_onnx_weights


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--checkpoint", type=Path, required=True)
    words.add_argument("--to", type=Path, required=True)
    chosen = words.parse_args()
    write_onnx(load_averaged(chosen.checkpoint), chosen.to)
    print(f"{chosen.to.stat().st_size} bytes, sha256 {hashlib.sha256(chosen.to.read_bytes()).hexdigest()}")


def load_averaged(checkpoint: Path) -> DetectNet:
    """The averaged weights of a run: what is measured and shipped."""
    net = DetectNet()
    net.load_state_dict(torch.load(checkpoint, weights_only=True)["averaged"])
    return net.eval()


def write_onnx(net: DetectNet, path: Path) -> None:
    """Input "image" (B, 3, H, W), output "faces" (B, N, 15); B, H and W are free. Normalisation is folded away."""
    export_onnx(
        folded(net),
        torch.zeros(1, 3, 64, 96),
        path,
        inputs=["image"],
        outputs=["faces"],
        dynamic={"image": {0: "B", 2: "H", 3: "W"}, "faces": {0: "B", 1: "N"}},
    )


def folded(net: DetectNet) -> DetectNet:
    """The same net with every batch normalisation folded into the convolution before it."""
    net.eval()
    for parent in net.modules():
        if not isinstance(parent, torch.nn.Sequential):
            continue
        for number, (first, second) in enumerate(zip(parent, list(parent)[1:], strict=False)):
            if isinstance(first, torch.nn.Conv2d) and isinstance(second, torch.nn.BatchNorm2d):
                parent[number] = torch.nn.utils.fuse_conv_bn_eval(first, second)
                parent[number + 1] = torch.nn.Identity()
    return net


def unfold(net: DetectNet, path: Path, pictures: torch.Tensor) -> None:
    """Fill a net with the weights of a shipped file, its normalisation measured anew on `pictures` (B, 3, S, S).

    The net answers as the file does, and trains as one whose normalisation was never folded away.

    Raises:
        KeyError: the file holds no net of this architecture.
    """
    like_file = folded(DetectNet())
    load_onnx_weights(like_file, path)
    norms = normalised(net)
    ours = dict(net.named_modules())
    with torch.no_grad():
        seen = answers(like_file, pictures)
        for name, theirs in like_file.named_modules():
            if not isinstance(theirs, torch.nn.Conv2d):
                continue
            conv = ours[name]
            assert isinstance(conv, torch.nn.Conv2d) and theirs.bias is not None
            conv.weight.copy_(theirs.weight)
            if name not in norms:
                assert conv.bias is not None
                conv.bias.copy_(theirs.bias)
                continue
            norm, (mean, variance) = norms[name], seen[name]
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean.copy_(mean - theirs.bias)
            norm.running_var.copy_(variance)
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.copy_(mean)


def answers(net: DetectNet, pictures: torch.Tensor) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Mean and variance (C,) of every convolution's output on some pictures, by the convolution's name."""
    seen: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def listen(name: str, conv: torch.nn.Conv2d) -> RemovableHandle:
        def note(_module: torch.nn.Module, _inputs: tuple, out: torch.Tensor) -> None:
            seen[name] = out.mean((0, 2, 3)), out.var((0, 2, 3))

        return conv.register_forward_hook(note)

    convs = [(name, part) for name, part in net.named_modules() if isinstance(part, torch.nn.Conv2d)]
    ears = [listen(name, conv) for name, conv in convs]
    net(pictures)
    for ear in ears:
        ear.remove()
    return seen


def normalised(net: DetectNet) -> dict[str, torch.nn.BatchNorm2d]:
    """The batch normalisation that follows a convolution, by the convolution's name."""
    found = {}
    for name, parent in net.named_modules():
        if not isinstance(parent, torch.nn.Sequential):
            continue
        for number, (first, second) in enumerate(zip(parent, list(parent)[1:], strict=False)):
            if isinstance(first, torch.nn.Conv2d) and isinstance(second, torch.nn.BatchNorm2d):
                found[f"{name}.{number}"] = second
    return found


class TorchNet:
    """A net still in training, as the Net protocol wants it."""

    def __init__(self, net: DetectNet) -> None:
        self.net, self.id, self.template, self.seconds = net, "detect-face-in-training", "", 0.0

    def __call__(self, batch: np.ndarray) -> tuple[np.ndarray, ...]:
        with torch.no_grad():
            return (self.net(torch.from_numpy(np.ascontiguousarray(batch))).numpy(),)


def open_weights(path: Path, *, threads: int = 2) -> Net:
    """Weights as a Net: an ONNX file, or a checkpoint of a run."""
    if path.suffix == ".onnx":
        return OnnxNet(
            path.read_bytes(), id=path.stem, template="", providers=("CPUExecutionProvider",), threads=threads
        )
    return TorchNet(load_averaged(path))


if __name__ == "__main__":
    main()

"""A run's averaged weights, called as every net of the core is."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn


class TrainedNet:
    """A checkpoint as a `Net`: what evaluations measure before anything is exported."""

    def __init__(self, net: nn.Module, checkpoint: Path, *, template: str = "") -> None:
        """Load a checkpoint of `loop.save_checkpoint` into a net of its kind."""
        self.id, self.template, self.seconds = checkpoint.name, template, 0.0
        self.net = net.eval()
        self.net.load_state_dict(torch.load(checkpoint, weights_only=True)["averaged"])

    @torch.no_grad()
    def __call__(self, batch: np.ndarray) -> tuple[np.ndarray, ...]:
        made = self.net(torch.from_numpy(batch))
        return tuple(part.numpy() for part in ([made] if isinstance(made, Tensor) else made))

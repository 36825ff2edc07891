"""Nets that read a picture: restorers that give one back (GFPGAN and its kin), recognisers that give a vector."""

import numpy as np

from faceplate.adapters.scaling import Batch, as_fed, as_shown
from faceplate.errors import ShapeError
from faceplate.registry.manifest import Manifest
from faceplate.runtime.net import Net
from faceplate_client.errors import ModelError


class PictureNet:
    """A restorer: (B, 3, S, S) RGB 0-1 in, the same out. GFPGAN, CodeFormer, RestoreFormer and GPEN as ONNX.

    They take crops of one size only and one at a time; `side` tells the pipeline, which then aligns to it.
    """

    def __init__(self, net: Net, manifest: Manifest) -> None:
        size = manifest.input.size
        if size is not None and size[0] != size[1]:
            raise ModelError(
                f"{manifest.name} restores crops of {size[1]} x {size[0]}; the stages align faces to squares. "
                "Correct its manifest.",
                code="model.shape",
            )
        self.id, self.template, self.seconds = net.id, net.template, 0.0
        self.side = size[0] if size else 0
        self._net, self._reads, self._gives = net, manifest.input, manifest.output

    def __call__(self, batch: Batch) -> tuple[Batch, ...]:
        """Restore every picture of a batch.

        Args:
            batch: (B, 3, S, S), display-encoded sRGB, RGB, 0-1.

        Raises:
            ShapeError: S is not the side that the net takes, or it gives back another size.
        """
        if self.side and batch.shape[2:] != (self.side, self.side):
            raise ShapeError(f"{self.id} restores crops of {self.side} pixels, got {batch.shape[3]}")
        shown = [self._restored(batch[place : place + 1]) for place in range(len(batch))]
        self.seconds = self._net.seconds
        return (np.concatenate(shown),)

    def _restored(self, picture: Batch) -> Batch:
        made = np.asarray(self._net(as_fed(picture, self._reads))[0], np.float32)
        if made.shape != picture.shape:
            raise ShapeError(f"{self.id} should give back {picture.shape}, got {made.shape}")
        return as_shown(made, self._gives)


class EmbeddingNet:
    """A recogniser: (B, 3, 112, 112) RGB 0-1 in the arcface_112 template in, (B, N) out. SFace and ArcFace as ONNX.

    Not normalised here: whoever compares two vectors does that.
    """

    def __init__(self, net: Net, manifest: Manifest) -> None:
        self.id, self.template, self.seconds, self.side = net.id, net.template, 0.0, 0
        self._net, self._reads = net, manifest.input

    def __call__(self, batch: Batch) -> tuple[Batch, ...]:
        """The vector of every face of a batch, (B, N).

        Raises:
            ShapeError: the net does not give one vector for a picture.
        """
        vectors = []
        for place in range(len(batch)):
            made = np.asarray(self._net(as_fed(batch[place : place + 1], self._reads))[0], np.float32)
            if made.ndim < 2 or made.shape[0] != 1 or made.size != made.shape[1]:
                raise ShapeError(f"{self.id} should give one vector for a face, got shape {made.shape}")
            vectors.append(made.reshape(1, -1))
        self.seconds = self._net.seconds
        return (np.concatenate(vectors),)

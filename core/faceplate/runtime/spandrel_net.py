"""A restorer that spandrel knows, from safetensors, on torch: an optional extra, never needed by the default.

spandrel tells a model's architecture from the names of its weights, so one manifest serves GFPGAN, RestoreFormer and
what else it restores faces with. It wants torchvision, whose wheel for torch 2.13 is built for CUDA and fails to load
on a machine without it; that is said in one sentence, and no other model is any worse for it.
"""

import threading
import time
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceplate.errors import ShapeError
from faceplate.registry.manifest import Manifest
from faceplate.runtime.cuda_stream import torch_stream
from faceplate_client.errors import EngineError, ModelError


class SpandrelNet:
    """A verified safetensors model, open: (B, 3, S, S) RGB 0-1 in, the same out. Callers take turns."""

    def __init__(self, content: bytes, manifest: Manifest, *, cuda: bool = False) -> None:
        """Open a model from its bytes.

        Args:
            content: the safetensors file, verified.
            manifest: the model.
            cuda: run it on the graphics card instead of the CPU.

        Raises:
            EngineError: `engine.absent`, spandrel does not load here.
            ModelError: `model.damaged`, spandrel does not know such weights; `model.shape`, it is no restorer.
        """
        torch, load, spandrel = _packages()
        self.id, self.template, self.seconds = manifest.name, manifest.input.template, 0.0
        self.side = manifest.input.size[0] if manifest.input.size else 0
        self._torch, self._turn = torch, threading.Lock()
        self._stream = torch_stream(torch) if cuda else None
        try:
            model = spandrel.ModelLoader(device=torch.device("cuda" if cuda else "cpu")).load_from_state_dict(
                load(content)
            )
        except Exception as error:  # spandrel's and torch's own errors have no common parent
            raise ModelError(
                f"{self.id} cannot be opened by spandrel: {str(error).splitlines()[0] if str(error) else error!r}. "
                "Convert the weights again, or choose another model.",
                code="model.damaged",
            ) from error
        if not isinstance(model, spandrel.ImageModelDescriptor) or (model.scale, model.input_channels) != (
            1,
            3,
        ):
            raise ModelError(
                f"{self.id} does not give back a picture of the size it got, so it restores no face crops. "
                "Choose another model.",
                code="model.shape",
            )
        self._model: Any = model.eval()

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Restore every picture of a batch, one at a time.

        Raises:
            ShapeError: S is not the side that the manifest names.
            EngineError: `engine.memory` or `engine.failed`.
        """
        if self.side and batch.shape[2:] != (self.side, self.side):
            raise ShapeError(f"{self.id} restores crops of {self.side} pixels, got {batch.shape[3]}")
        with self._turn:
            start = time.perf_counter()
            made = [self._restored(batch[place : place + 1]) for place in range(len(batch))]
            self.seconds += time.perf_counter() - start
        return (np.concatenate(made),)

    def _restored(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            with self._torch.cuda.stream(self._stream) if self._stream else nullcontext():
                shown = self._torch.from_numpy(np.ascontiguousarray(picture)).to(self._model.device)
                return self._model(shown).float().cpu().numpy()
        except RuntimeError as error:
            if "memory" in str(error).lower():
                raise EngineError(
                    f"{self.id} ran out of memory. Close what else uses the device, or use device cpu; then try again.",
                    code="engine.memory",
                ) from error
            raise EngineError(
                f"{self.id} failed while it ran: {str(error).splitlines()[0]}. Try again.",
                code="engine.failed",
            ) from error


def _packages() -> tuple[Any, Any, Any]:
    """torch, the safetensors reader and spandrel.

    Raises:
        EngineError: `engine.absent`; says why in one sentence.
    """
    try:
        import spandrel  # pyright: ignore[reportMissingImports]  # an extra
        import torch
        from safetensors.torch import load
    except ImportError as error:
        why = f"{error.name or error} is not installed; install faceplate[spandrel]"
    except (RuntimeError, OSError, AttributeError) as error:  # torchvision's operators, or a library it lacks
        why = (
            f"torchvision does not load ({str(error).splitlines()[0]}): its wheel is built for CUDA, and "
            "this machine's torch is not"
        )
    else:
        return torch, load, spandrel
    raise EngineError(
        f"Spandrel does not load here: {why}. Use a model in ONNX instead.", code="engine.absent"
    )

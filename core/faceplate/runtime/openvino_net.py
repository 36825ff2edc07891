"""A net on OpenVINO, where it is installed: on CPUs with AMX four to six times faster than ONNX Runtime."""

import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceplate.errors import ShapeError
from faceplate.runtime.onnx_net import lacks_memory, parted, run_error
from faceplate_client.errors import EngineError, ModelError


class OpenVinoNet:
    """A verified ONNX model, compiled by OpenVINO for the CPU. Safe to call from several threads, which take turns.

    OpenVINO computes in bfloat16 where the processor has instructions for it: results then differ from ONNX
    Runtime's by up to about 1 % of the range, and are the same from run to run on the same kind of processor.
    """

    def __init__(
        self,
        content: bytes,
        *,
        id: str,
        template: str,
        threads: int,
        fixed: Mapping[str, float] | None = None,
        pictures: int = 1,
    ) -> None:
        """Compile a model from its bytes.

        Args:
            content: the ONNX file, verified.
            id: what reports call the model.
            template: its crop template, "" for none.
            threads: threads one run may use.
            fixed: inputs besides the pictures, and the number that each always gets.
            pictures: inputs that are pictures. A batch's channels are parted among them, in the graph's order.

        Raises:
            EngineError: `engine.absent`, OpenVINO is not installed or does not load here.
            ModelError: `model.damaged`, OpenVINO cannot open the model; `model.shape`, it has other inputs.
        """
        try:
            import openvino  # pyright: ignore[reportMissingImports]  # an extra
        except ImportError as error:
            raise EngineError(
                f"OpenVINO does not load here: {error}. Install faceplate[openvino] or use device cpu.",
                code="engine.absent",
            ) from error
        self.id = id
        self.template = template
        self.seconds = 0.0
        self._turn = threading.Lock()
        settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        try:
            core = openvino.Core()
            model = core.read_model(content)
            self._request = core.compile_model(model, "CPU", settings).create_infer_request()
        except RuntimeError as error:
            if lacks_memory(error):
                raise run_error(id, error) from error
            raise ModelError(
                f"{id} cannot be opened by OpenVINO: {_last_line(error)}. Install the model pack again, "
                "or use device cpu.",
                code="model.damaged",
            ) from error
        self._places, self._fixed = _inputs(model, dict(fixed or {}), id, pictures)

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Run the net once.

        Args:
            batch: (B, C, H, W) float32, in the manifest's input range; C channels for all pictures together.

        Returns:
            Every output of the graph, in order, float32.

        Raises:
            ShapeError: the net refuses the batch's shape.
            EngineError: `engine.memory` or `engine.failed`.
        """
        with self._turn:
            start = time.perf_counter()
            try:
                inputs = {**self._fixed, **parted(batch, self._places)}
                results = self._request.infer(inputs, share_inputs=True)
            except RuntimeError as error:
                if "shape" in str(error).lower() and "memory" not in str(error).lower():
                    raise ShapeError(
                        f"{self.id} does not take a batch of {batch.shape}: {_last_line(error)}. "
                        "Its manifest or its caller is wrong."
                    ) from error
                raise run_error(self.id, error) from error
            # Copied inside the turn: the request reuses its buffers for the next caller.
            outputs = tuple(np.array(results[port], np.float32) for port in self._request.model_outputs)
            self.seconds += time.perf_counter() - start
        return outputs


def _inputs(
    model: Any, fixed: dict[str, float], id: str, pictures: int
) -> tuple[list[int], dict[int, NDArray[Any]]]:
    """The places of the pictures among a model's inputs, and what every other input always gets."""
    places: list[int] = []
    always: dict[int, NDArray[Any]] = {}
    for place, port in enumerate(model.inputs):
        names = port.get_names() & fixed.keys()
        if not names:
            places.append(place)
            continue
        shape = [side.get_length() if side.is_static else 1 for side in port.partial_shape]
        always[place] = np.full(shape, fixed[names.pop()], port.element_type.to_dtype())
    if len(places) != pictures or len(always) != len(fixed):
        read = ", ".join(port.any_name for port in model.inputs) or "nothing"
        count = "one picture" if pictures == 1 else f"{pictures} pictures"
        raise ModelError(
            f"{id} should read {count} besides {', '.join(fixed) or 'nothing'}, it reads {read}. "
            "Correct input.fixed in its manifest.",
            code="model.shape",
        )
    return places, always


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__

"""A net on ONNX Runtime: CPU by default, CUDA where the installed package and the machine have it."""

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state  # pyright: ignore[reportAttributeAccessIssue]

from faceplate.errors import ShapeError
from faceplate.runtime import cuda_stream
from faceplate_client.errors import EngineError, ModelError

K = TypeVar("K")

_FAILURES = (
    state.EPFail,
    state.EngineError,
    state.Fail,
    state.InvalidArgument,
    state.InvalidGraph,
    state.InvalidProtobuf,
    state.ModelLoaded,
    state.NoModel,
    state.NoSuchFile,
    state.NotImplemented,
    state.RuntimeException,
)
"""ONNX Runtime raises these straight from Exception; they have no common parent to catch."""

_KINDS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64}
"""Types of inputs that always get the same number."""

_MEMORY_WORDS = (
    "out of memory", "failed to allocate", "smaller than requested bytes", "not enough memory", "bad_alloc",
    "alloc failed", "alloc_failed", "allocation_failed", "memoryallocation",
)  # fmt: skip
"""How ONNX Runtime's arena, CUDA, cuBLAS, cuDNN and the C++ library say that memory is short."""


class OnnxNet:
    """A verified ONNX model, open. Safe to call from several threads.

    Results do not depend on the thread count: kernels part their output among threads, never a sum, and
    `use_deterministic_compute` keeps CUDA to the same rule.
    """

    def __init__(
        self,
        content: bytes,
        *,
        id: str,
        template: str,
        providers: tuple[str, ...],
        threads: int,
        fixed: Mapping[str, float] | None = None,
        pictures: int = 1,
    ) -> None:
        """Open a model from its bytes.

        Args:
            content: the ONNX file, verified.
            id: what reports call the model.
            template: its crop template, "" for none.
            providers: ONNX Runtime's execution providers, preferred first.
            threads: threads one run may use on the CPU.
            fixed: inputs besides the pictures, and the number that each always gets.
            pictures: inputs that are pictures. A batch's channels are parted among them, in the graph's order.

        Raises:
            ModelError: `model.damaged`, the runtime cannot open it; `model.shape`, it has other inputs.
            EngineError: `engine.memory`, the device has no room for it.
        """
        self.id = id
        self.template = template
        self.seconds = 0.0
        self._counting = threading.Lock()
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.use_deterministic_compute = True
        options.log_severity_level = 3  # its warnings are for people who build graphs
        # A spinning pool would eat the cores that read and write frames meanwhile.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            # Its own way back to the CPU would print on stdout and tell nobody; ours is the caller's.
            self._session = ort.InferenceSession(
                content, options, providers=[_told(name) for name in providers], enable_fallback=0
            )
        except (*_FAILURES, MemoryError) as error:
            if lacks_memory(error):
                raise run_error(id, error) from error
            raise ModelError(
                f"{id} cannot be opened by ONNX Runtime {ort.__version__}: {_first_line(error)}. "
                "Install the model pack again, or a newer ONNX Runtime.",
                code="model.damaged",
            ) from error
        fixed = dict(fixed or {})
        inputs = self._session.get_inputs()
        shown = [each for each in inputs if each.name not in fixed]
        kinds = {each.type for each in shown}
        if len(shown) != pictures or kinds != {"tensor(float)"} or len(inputs) != len(fixed) + pictures:
            read = ", ".join(f"{each.name} {each.type}" for each in inputs) or "nothing"
            wanted = f" besides {', '.join(fixed)}" if fixed else ""
            count = "one float32 batch" if pictures == 1 else f"{pictures} float32 batches"
            raise ModelError(
                f"{id} should read {count}{wanted}, it reads {read}. Export it again with "
                f"{'one float input' if pictures == 1 else f'{pictures} float inputs'}, or name the others as "
                "input.fixed in its manifest.",
                code="model.shape",
            )
        self._inputs = [each.name for each in shown]
        self._fixed = {
            each.name: _always(each, fixed[each.name], id) for each in inputs if each.name in fixed
        }

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Run the net once.

        Args:
            batch: (B, C, H, W) float32, in the manifest's input range; C channels for all pictures together.

        Returns:
            Every output of the graph, in order.

        Raises:
            ShapeError: the net refuses the batch's shape.
            EngineError: `engine.memory`, the device is out of memory; `engine.failed`, any other failure.
        """
        start = time.perf_counter()
        try:
            outputs = self._session.run(None, {**self._fixed, **parted(batch, self._inputs)})
        except state.InvalidArgument as error:
            raise ShapeError(
                f"{self.id} does not take a batch of {batch.shape}: {_first_line(error)}. "
                "Its manifest or its caller is wrong."
            ) from error
        except (*_FAILURES, MemoryError) as error:
            raise run_error(self.id, error) from error
        with self._counting:
            self.seconds += time.perf_counter() - start
        return tuple(np.asarray(output) for output in outputs)


def parted(batch: NDArray[np.float32], inputs: Sequence[K]) -> dict[K, NDArray[np.float32]]:
    """A batch's channels dealt out among a graph's pictures, in their order, as evenly as they go."""
    parts = np.array_split(batch, len(inputs), axis=1)
    return {each: np.ascontiguousarray(part, np.float32) for each, part in zip(inputs, parts, strict=True)}


def _always(wanted: Any, number: float, id: str) -> NDArray[Any]:
    """A number in the type and shape of a graph's input."""
    kind = _KINDS.get(wanted.type)
    if kind is None:
        raise ModelError(
            f"{id}: its input {wanted.name} is {wanted.type}, which no number fits. Correct input.fixed.",
            code="model.shape",
        )
    return np.full([side if isinstance(side, int) else 1 for side in wanted.shape], number, kind)


def _told(provider: str) -> str | tuple[str, dict[str, str]]:
    """A provider as ONNX Runtime is told of it, with its options where it has any."""
    options = cuda_stream.provider_options() if provider == "CUDAExecutionProvider" else {}
    return (provider, options) if options else provider


def lacks_memory(error: Exception) -> bool:
    """Whether a runtime's error means that memory is short, here or on the device."""
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY_WORDS)


def run_error(id: str, error: Exception) -> EngineError:
    """The error of a run that failed: out of memory is worth a retry, and named as such."""
    if lacks_memory(error):
        return EngineError(
            f"{id} ran out of memory. Close what else uses the device, or use device cpu; then try again.",
            code="engine.memory",
        )
    return EngineError(f"{id} failed while it ran: {_first_line(error)}. Try again.", code="engine.failed")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

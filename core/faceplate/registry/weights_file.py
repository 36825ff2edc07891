"""What a weights file is, told from its bytes: ONNX, safetensors, plain arrays, or a pickle, which is never opened.

A pickle is a program: to load it is to run it. `.pth`, `.pt`, `.ckpt` and `.pkl` are pickles, bare or in a zip, and a
file that only has another ending stays one.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

from faceplate.registry.onnx_file import refuse_external_data
from faceplate_client.errors import ModelError

PICKLES = (".pth", ".pt", ".ckpt", ".pkl", ".pickle", ".bin", ".th")
RUNTIMES = {".onnx": "onnx", ".safetensors": "torch", ".npz": "npz"}
"""Ending -> what runs such a file."""

_LARGEST_HEADER = 100_000_000  # as the safetensors library itself
_WIDTHS = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4,
    "F16": 2, "BF16": 2, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1,
}  # fmt: skip

CONVERSION = (
    'python -c "import sys, torch; from safetensors.torch import save_file; '
    "d = torch.load(sys.argv[1], map_location='cpu', weights_only=True); "
    "d = next((d[k] for k in ('params_ema', 'params', 'state_dict') if k in d), d); "
    'save_file({k: v.contiguous().clone() for k, v in d.items() if torch.is_tensor(v)}, sys.argv[2])" '
)
"""Turns a pickled state dict into safetensors, where torch is installed; torch's own restricted reader opens it."""


def runtime_of(path: Path) -> str:
    """What runs a weights file: "onnx", "torch" (safetensors) or "npz" (numpy's arrays, nothing pickled).

    Raises:
        ModelError: `model.pickle`, with the command that converts it; `model.format`, it is neither;
            `model.external`, `model.damaged`, it is not whole; `model.missing`, it cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror}. Check the path.", "model.missing"
        ) from error
    if path.suffix.lower() == ".npz":
        _expect_arrays(path)
        return RUNTIMES[".npz"]
    if path.suffix.lower() in PICKLES or _looks_pickled(start):
        raise _pickle(path)
    runtime = RUNTIMES.get(path.suffix.lower())
    if runtime is None:
        raise ModelError(
            f"{path} is neither an .onnx nor a .safetensors file. Export the model to ONNX, or convert its weights.",
            code="model.format",
        )
    if runtime == "onnx":
        refuse_external_data(path.read_bytes(), str(path))
    else:
        _expect_safetensors(path)
    return runtime


def _looks_pickled(start: bytes) -> bool:
    """A pickle begins with the opcode PROTO and its version, torch's newer files are zips, very old ones are tars."""
    return start[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") or start[:4] == b"PK\x03\x04"


def _pickle(path: Path) -> ModelError:
    target = path.with_suffix(".safetensors").name
    return ModelError(
        f"{path} is a pickle: loading it would run whatever program is inside, so it is never opened. Convert it once, "
        f"where torch is installed and the file is trusted: {CONVERSION}{path.name} {target} - or export it to ONNX.",
        code="model.pickle",
    )


def _expect_arrays(path: Path) -> None:
    """Refuse a zip that holds anything but arrays; whether these hold objects is told by who reads them."""
    try:
        with zipfile.ZipFile(path) as packed:
            others = [name for name in packed.namelist() if not name.endswith(".npy")]
            broken = packed.testzip()
    except (zipfile.BadZipFile, OSError, NotImplementedError, EOFError) as error:
        raise ModelError(
            f"{path} is not a readable .npz file ({error}). Fetch the weights again.", code="model.damaged"
        ) from error
    if others or broken:
        raise ModelError(
            f"{path} holds {others[0] if others else f'a damaged {broken}'}; an .npz of whole arrays was expected. "
            "Fetch the weights again.",
            code="model.damaged",
        )


def _expect_safetensors(path: Path) -> None:
    """Refuse a file whose header does not describe its bytes exactly (the safetensors format, version 0.3 on)."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            size = path.stat().st_size
            if length > min(_LARGEST_HEADER, size - 8):
                raise ValueError("its header is longer than the file")
            header = json.loads(file.read(length))
        _expect_tight(header, size - 8 - length)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"{path} is not a readable safetensors file ({error}). Fetch or convert the weights again.",
            code="model.damaged",
        ) from error


def _expect_tight(header: dict[str, Any], size: int) -> None:
    """Every tensor's bytes follow the one before, and the last ends with the file."""
    header.pop("__metadata__", None)
    end = 0
    for tensor in sorted(header.values(), key=lambda each: tuple(each["data_offsets"])):
        first, last = tensor["data_offsets"]
        count = _WIDTHS[tensor["dtype"]]
        for side in tensor["shape"]:
            if type(side) is not int or side < 0:
                raise ValueError("a shape is no shape")
            count *= side
        if first != end or last - first != count:
            raise ValueError("its tensors do not lie one after the other")
        end = last
    if end != size:
        raise ValueError("it is cut short, or longer than its tensors")

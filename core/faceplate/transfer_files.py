"""Files by which a host hands a rig over and gets its poses back; what they hold is said in docs/heads.md."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import ShapeError
from faceplate.farm.store import publish
from faceplate.reconstruct.correspondence import OtherHead
from faceplate.reconstruct.packed_arrays import Unreadable, unpacked
from faceplate.reconstruct.rig_fit import Jaw, OtherRig
from faceplate_client.errors import InputError, OutputError

_SHAPES = {
    "vertices": "V 3", "triangles": "F 3", "eyes": "2 3", "keys": "K V 3", "low": "K", "high": "K", "weights": "N E",
}  # fmt: skip
_JAW = {"jaw": "3", "jaw_share": "V", "jaw_bends": "9 V 3"}
_LARGEST = 4_000_000_000  # bytes unpacked: a body of 10,475 vertices with 400 keys takes 50 million


@dataclass(frozen=True)
class TransferRequest:
    """A rig, and expressions of ours: `names` (E) and `weights` (N, E), a row for each frame."""

    rig: OtherRig
    names: tuple[str, ...]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class RigPoses:
    """N poses: `weights` (N, K); `jaw`, `eye_left`, `eye_right` (N, 3), rotation vectors about the rig's axes, radians;
    `off` (N,) mm, RMS of how far trusted vertices move otherwise than ours; `trust` (V,) 0-1.
    """

    weights: NDArray[np.float32]
    jaw: NDArray[np.float32]
    eye_left: NDArray[np.float32]
    eye_right: NDArray[np.float32]
    off: NDArray[np.float32]
    trust: NDArray[np.float32]


def read_request(path: Path) -> TransferRequest:
    """Read and check a request.

    Raises:
        InputError: it cannot be read, or an array is missing, of another size, or not finite.
    """
    held = _load(path)
    sizes: dict[str, int] = {}
    arrays = {}
    for name, pattern in (_SHAPES | {n: p for n, p in _JAW.items() if n in held}).items():
        if name not in held:
            raise _refused(path, f"has no {name}")
        try:
            sizes |= expect_shapes(sizes, **{name: (held[name], pattern)})
        except ShapeError as error:
            raise _refused(path, str(error)) from error
        if held[name].dtype.kind not in "iuf" or not np.isfinite(held[name]).all():
            raise _refused(path, f"has {name} that are no finite numbers")
        arrays[name] = np.asarray(held[name], np.int32 if name == "triangles" else np.float32)
    names = held.get("names")
    if names is None or names.dtype.kind != "U" or names.shape != (sizes["E"],):
        raise _refused(path, f"has not {sizes['E']} names of expressions")
    triangles = arrays["triangles"]
    if not len(triangles) or not 0 <= triangles.min() <= triangles.max() < sizes["V"]:
        raise _refused(path, "has triangles of vertices that are not there")
    if (arrays["low"] > arrays["high"]).any():
        raise _refused(path, "has keys whose low lies above their high")
    jaw = None
    if "jaw" in arrays:
        if "jaw_share" not in arrays:
            raise _refused(path, "has a jaw and no jaw_share")
        jaw = Jaw(arrays["jaw"], arrays["jaw_share"], arrays.get("jaw_bends"))
    other = OtherHead(arrays["vertices"], triangles, arrays["eyes"])
    rig = OtherRig(other, arrays["keys"], arrays["low"], arrays["high"], jaw)
    return TransferRequest(rig, tuple(map(str, names)), arrays["weights"])


def write_poses(path: Path, poses: RigPoses) -> None:
    """Write poses as .npz, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """

    def write(to: Path) -> None:
        with to.open("wb") as file:
            np.savez_compressed(file, **vars(poses))

    publish(path, write, verify=_expect_poses)


def _expect_poses(path: Path) -> None:
    with np.load(path, allow_pickle=False) as held:
        if "weights" not in held.files:
            raise OutputError(f"{path} is not what was written; check the disk and try again")


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        return unpacked(path.read_bytes(), largest=_LARGEST)
    except OSError as error:
        raise _refused(path, f"cannot be read ({error.strerror})") from error
    except Unreadable as error:
        raise _refused(path, str(error)) from error


def _refused(path: Path, what: str) -> InputError:
    return InputError(f"The rig in {path}: {what}. docs/heads.md says what a rig's file holds.")

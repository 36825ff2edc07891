"""Files by which a host hands a rig or a mesh over and gets poses or keys back; docs/heads.md says what they hold."""

from collections.abc import Sequence
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
from faceplate.reconstruct.shape_transfer import CarriedShapes
from faceplate_client.errors import InputError, OutputError

_SHAPES = {
    "vertices": "V 3", "triangles": "F 3", "eyes": "2 3", "keys": "K V 3", "low": "K", "high": "K", "weights": "N E",
}  # fmt: skip
_MESH = {"vertices": "V 3", "triangles": "F 3", "eyes": "2 3"}
_OF_KEYS = {"radii": "2", "moves": "E S 3"}
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


@dataclass(frozen=True)
class MeshRequest:
    """A mesh that is to get keys: `head` in any unit, and `radii` (2,) of its balls, or None.

    `names` of expressions, empty where nobody said; `moves` (E, ours, 3) mm, what each does on our mesh, or None: what
    our head has under those names.
    """

    head: OtherHead
    radii: NDArray[np.float32] | None
    names: tuple[str, ...]
    moves: NDArray[np.float32] | None


def read_request(path: Path) -> TransferRequest:
    """Read and check a request.

    Raises:
        InputError: it cannot be read, or an array is missing, of another size, or not finite.
    """
    held = _load(path)
    arrays, sizes = _arrays(path, held, _SHAPES | {n: p for n, p in _JAW.items() if n in held})
    names = _names(path, held, sizes["E"])
    if (arrays["low"] > arrays["high"]).any():
        raise _refused(path, "has keys whose low lies above their high")
    jaw = None
    if "jaw" in arrays:
        if "jaw_share" not in arrays:
            raise _refused(path, "has a jaw and no jaw_share")
        jaw = Jaw(arrays["jaw"], arrays["jaw_share"], arrays.get("jaw_bends"))
    other = OtherHead(arrays["vertices"], arrays["triangles"], arrays["eyes"])
    rig = OtherRig(other, arrays["keys"], arrays["low"], arrays["high"], jaw)
    return TransferRequest(rig, names, arrays["weights"])


def read_mesh(path: Path) -> MeshRequest:
    """Read and check a mesh that is to get keys.

    Raises:
        InputError: as `read_request`.
    """
    held = _load(path)
    arrays, sizes = _arrays(path, held, _MESH | {n: p for n, p in _OF_KEYS.items() if n in held})
    names = ()
    if "names" in held or "moves" in held:
        names = _names(path, held, sizes.get("E", len(held.get("names", ()))))
    if "radii" in arrays and (arrays["radii"] <= 0).any():
        raise _refused(path, "has radii that are not above 0")
    other = OtherHead(arrays["vertices"], arrays["triangles"], arrays["eyes"])
    return MeshRequest(other, arrays.get("radii"), names, arrays.get("moves"))


def write_keys(path: Path, names: Sequence[str], made: CarriedShapes) -> None:
    """Write keys as .npz, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    _write(path, {"names": np.array(names), "moves": made.moves, "trust": made.trust})


def write_poses(path: Path, poses: RigPoses) -> None:
    """Write poses as .npz, whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    _write(path, vars(poses))


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    def write(to: Path) -> None:
        with to.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)

    def expect_all(written: Path) -> None:
        with np.load(written, allow_pickle=False) as held:
            if not {*arrays} <= {*held.files}:
                raise OutputError(f"{written} is not what was written; check the disk and try again")

    publish(path, write, verify=expect_all)


def _arrays(
    path: Path, held: dict[str, np.ndarray], patterns: dict[str, str]
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """The arrays of these patterns, each seen to be there, of its size and finite; and the sizes."""
    sizes: dict[str, int] = {}
    arrays = {}
    for name, pattern in patterns.items():
        if name not in held:
            raise _refused(path, f"has no {name}")
        try:
            sizes |= expect_shapes(sizes, **{name: (held[name], pattern)})
        except ShapeError as error:
            raise _refused(path, str(error)) from error
        if held[name].dtype.kind not in "iuf" or not np.isfinite(held[name]).all():
            raise _refused(path, f"has {name} that are no finite numbers")
        arrays[name] = np.asarray(held[name], np.int32 if name == "triangles" else np.float32)
    triangles = arrays["triangles"]
    if not len(triangles) or not 0 <= triangles.min() <= triangles.max() < sizes["V"]:
        raise _refused(path, "has triangles of vertices that are not there")
    return arrays, sizes


def _names(path: Path, held: dict[str, np.ndarray], count: int) -> tuple[str, ...]:
    names = held.get("names")
    if names is None or names.dtype.kind != "U" or names.shape != (count,):
        raise _refused(path, f"has not {count} names of expressions")
    return tuple(map(str, names))


def _load(path: Path) -> dict[str, np.ndarray]:
    try:
        return unpacked(path.read_bytes(), largest=_LARGEST)
    except OSError as error:
        raise _refused(path, f"cannot be read ({error.strerror})") from error
    except Unreadable as error:
        raise _refused(path, str(error)) from error


def _refused(path: Path, what: str) -> InputError:
    return InputError(f"The rig in {path}: {what}. docs/heads.md says what a rig's file holds, and a mesh's.")

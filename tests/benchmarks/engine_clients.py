"""Three clients of different kinds at once: a Python client, the OFX plug-in in our host, the command.

    python tests/benchmarks/engine_clients.py [open]

Issue 5: each model loaded once, results equal to running alone, memory at most 1.1 times one client's. Models are
stubs, or with `open` those of the open pack. Where the bundle is not built, or not of these operations, Python clients
stand in.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "core")]

from faceplate.colour import LINEAR_REC709  # noqa: E402
from faceplate.demo.sample import shoot  # noqa: E402
from faceplate.demo.scene import build_set, read_portrait  # noqa: E402
from faceplate.demo.wear import wear_frame  # noqa: E402
from faceplate.io.images import read_picture  # noqa: E402
from faceplate.io.plates import to_plate  # noqa: E402
from faceplate.ofx_host.bundles import architecture  # noqa: E402
from faceplate_client.session import Engine, connect  # noqa: E402
from faceplate_client.wire import operations_hash  # noqa: E402
from tests.core.cli.conftest import write_exr  # noqa: E402
from tests.support.engine_process import own_engine, private_bytes  # noqa: E402
from tests.support.model_folder import add_stub_pack  # noqa: E402
from tests.support.pictures import save_picture  # noqa: E402

BUNDLE = ROOT / "ofx_bridge" / "build" / "Faceplate.ofx.bundle"
FRAMES = range(1001, 1005)
SIZE = (320, 240)
MORE = 1.1
"""Times what the engine holds for one client that it may hold for three."""

Start = Callable[[Path, Path], "subprocess.Popen[bytes]"]


@dataclass(frozen=True)
class Serving:
    """What became of clients that were there together: their results by name, the engine's memory and its models."""

    results: Mapping[str, str]
    held: int
    models: tuple[str, ...]


def of_python(plates: Path, out: Path) -> "subprocess.Popen[bytes]":
    """A process that is this file, asking through faceplate_client."""
    return subprocess.Popen([sys.executable, __file__, "--python", str(plates), str(out)])


def of_host(plates: Path, out: Path) -> "subprocess.Popen[bytes]":
    """A process that is this file, rendering with the plug-in in our host."""
    return subprocess.Popen([sys.executable, __file__, "--host", str(plates), str(out)])


def of_command(plates: Path, out: Path) -> "subprocess.Popen[bytes]":
    """`faceplate ofx render` with the plug-in."""
    words = ["ofx", "render", str(BUNDLE), "restore", str(plates), "-o", str(out), "--quiet", "--overwrite"]
    return subprocess.Popen([sys.executable, "-m", "faceplate.cli", *words], cwd=ROOT / "core")


def kinds() -> dict[str, Start]:
    """The clients there are."""
    library = BUNDLE / "Contents" / architecture() / "Faceplate.ofx"
    if library.is_file() and operations_hash().encode() in library.read_bytes():
        return {"python": of_python, "host": of_host, "command": of_command}
    return {"python": of_python, "another python": of_python, "third python": of_python}


def serve(folder: Path, clients: Mapping[str, Start], plates: Path, models: Mapping[str, str]) -> Serving:
    """Let clients ask a fresh engine for all plates at the same time."""
    with own_engine(folder / "run", **models), connect("clients", wait=60) as engine:
        outs = {name: folder / name.replace(" ", "-") for name in clients}
        for out in outs.values():
            out.mkdir(parents=True)
        started = {name: start(plates, outs[name]) for name, start in clients.items()}
        for name, process in started.items():
            if process.wait(300):
                raise RuntimeError(f"the client {name} ended with exit code {process.returncode}")
        told = engine.status(60)
        held = private_bytes(told["pid"])
    return Serving({name: digest_of(out) for name, out in outs.items()}, held, tuple(told["models"]))


def digest_of(out: Path) -> str:
    """sha256 of every pixel a client wrote."""
    found = hashlib.sha256()
    paths = sorted(path for path in out.iterdir() if path.suffix in (".exr", ".npy"))
    if len(paths) != len(FRAMES):
        raise RuntimeError(f"{len(paths)} frames of {len(FRAMES)} are in {out.name}")
    for path in paths:
        found.update(np.load(path).tobytes() if path.suffix == ".npy" else plate_in(path).tobytes())
    return found.hexdigest()


def plate_in(path: Path) -> np.ndarray:
    """(H, W, 4) float32, as the file has it."""
    plate = to_plate(read_picture(path), 1, LINEAR_REC709)
    assert plate.alpha is not None
    return np.dstack([plate.pixels, plate.alpha])


def compare(
    folder: Path,
    models: Mapping[str, str],
    *,
    alone: Collection[str] | None = None,
    portrait: bool = False,
) -> tuple[dict[str, Serving], Serving]:
    """Some clients each alone, or all of them, then all together; `portrait`: on plates with a person's face.

    Raises:
        RuntimeError: a client failed, or what it wrote is what it was given.
    """
    plates = folder / "plates"
    for frame in FRAMES:
        if portrait:
            write_portrait(plates / f"plate.{frame}.exr", frame)
        else:
            write_exr(plates / f"plate.{frame}.exr", seed=frame, size=SIZE)
    clients = kinds()
    first = {
        name: serve(folder / f"alone-{name}", {name: start}, plates, models)
        for name, start in clients.items()
        if alone is None or name in alone
    }
    together = serve(folder / "together", clients, plates, models)
    if digest_of(plates) in together.results.values():
        raise RuntimeError("a client was given back what it sent")
    return first, together


def write_portrait(path: Path, frame: int) -> None:
    """The demo's person, worn; the stub models' green faces are none to real ones."""
    scene = build_set(read_portrait())
    matrix = np.array([[1.0, 0, (SIZE[0] - scene.shape[1]) / 2 + frame % 8], [0, 1.0, 0], [0, 0, 1.0]])
    pixels = wear_frame(shoot(scene, matrix, size=SIZE), seed=4, frame=frame)
    rgba = np.dstack([pixels, np.ones(SIZE[::-1], np.float32)])
    path.parent.mkdir(parents=True, exist_ok=True)
    save_picture(path, rgba.astype(np.float16), compression="zip")


def ask_in_python(plates: Path, out: Path) -> None:
    """What the Python client does."""
    with Engine("python", wait=60) as engine:
        for path in sorted(plates.iterdir()):
            pixels = plate_in(path)
            window = (0, 0, pixels.shape[1], pixels.shape[0])
            plate, output = (engine.plane(window, alpha="premultiplied") for _ in range(2))
            plate.pixels[:] = pixels.tobytes()
            engine.submit("restore", inputs={"plate": plate}, outputs={"plate": output}).result(120)
            made = np.frombuffer(bytes(output.pixels), np.float32).reshape(pixels.shape)
            np.save(out / f"{path.stem}.npy", made)
            engine.free(plate)
            engine.free(output)


def ask_in_host(plates: Path, out: Path) -> None:
    """What a host with the plug-in does."""
    from tests.support.ofx_faces import RESTORE, at_work, plugin, rendered

    with plugin(RESTORE) as effect:
        for path in sorted(plates.iterdir()):
            with at_work(effect, plate_in(path)) as instance:
                np.save(out / f"{path.stem}.npy", rendered(instance, (0, 0, *SIZE)))


def main() -> None:
    words = sys.argv[1:]
    if words[:1] in (["--python"], ["--host"]):
        ask = ask_in_python if words[0] == "--python" else ask_in_host
        ask(Path(words[1]), Path(words[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        models = {"FACEPLATE_DATA": os.path.join(folder, "data")}
        if words != ["open"]:
            models["FACEPLATE_MODELS"] = str(add_stub_pack(Path(folder) / "models"))
        alone, together = compare(Path(folder), models, portrait=words == ["open"])
    one = max(each.held for each in alone.values())
    equal = all(together.results[name] == each.results[name] for name, each in alone.items())
    print(f"clients: {', '.join(alone)}; results equal to running alone: {equal}")
    print(f"models, each once: {', '.join(together.models)}")
    three = together.held
    print(f"engine memory: one client {one / 1e6:.1f} MB, three {three / 1e6:.1f} MB: {three / one:.3f} x")


if __name__ == "__main__":
    main()

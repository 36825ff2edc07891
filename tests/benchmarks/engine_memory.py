"""What the engine holds after many requests.

    python tests/benchmarks/engine_memory.py [2000]

Issue 5: it does not grow over 2,000 requests. They are of every operation, on pictures that differ and in buffers of
changing sizes, with stubs for nets; what counts is the process's own memory.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "core")]

from faceplate_client.planes import Plane  # noqa: E402
from faceplate_client.session import Engine, connect  # noqa: E402
from tests.support.engine_process import own_engine, private_bytes  # noqa: E402
from tests.support.model_folder import add_stub_pack  # noqa: E402

OPERATIONS = ("noop", "noop", "restore", "noop", "noop", "matte", "noop", "steady", "noop", "veil")
GROWTH = 1.1
"""Times what the engine held when everything that stays had been allocated that it may hold in the end."""


def filled(engine: Engine, number: int, frame: int) -> Plane:
    """A plate with a green face, at another place and of another size each time."""
    width, height = 128 + 32 * (number % 3), 128
    plane = engine.plane((0, 0, width, height), colourspace="srgb", frame=frame)
    pixels = np.frombuffer(plane.pixels, np.float32).reshape(height, width, 4)
    pixels[...] = np.random.default_rng(number).random((height, width, 1), np.float32) * (0.3, 0.1, 0.3, 1.0)
    x = 40 + (number * 7 + frame) % 40
    pixels[50:74, x : x + 24, :3] = (0.1, 0.9, 0.1)
    return plane


def ask(engine: Engine, number: int) -> None:
    """One request and its answer, and every buffer given back."""
    operation = OPERATIONS[number % len(OPERATIONS)]
    inputs = {"plate": filled(engine, number, 1)}
    if operation == "steady":
        inputs["plate+1"] = filled(engine, number, 2)
    window = inputs["plate"].data_window
    if operation == "matte":
        name, output = "matte", engine.plane(window, channels="A", colourspace="data")
    else:
        name, output = "plate", engine.plane(window, colourspace="srgb")
    engine.submit(operation, inputs=inputs, outputs={name: output}).result(120)
    for plane in (*inputs.values(), output):
        engine.free(plane)


def held_after(counts: tuple[int, ...]) -> list[int]:
    """Bytes of its own that an engine holds after so many requests each; the counts rise."""
    held = []
    with connect("memory", wait=60) as engine:
        for number in range(counts[-1]):
            ask(engine, number)
            if number + 1 in counts:
                held.append(private_bytes(engine.status()["pid"]))
    return held


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    counts = (count // 10, count // 2, count)
    with tempfile.TemporaryDirectory() as folder:
        models = add_stub_pack(Path(folder) / "models")
        with own_engine(Path(folder) / "run", FACEPLATE_MODELS=str(models)):
            held = held_after(counts)
    for number, each in zip(counts, held, strict=True):
        print(f"engine memory after {number} requests: {each / 1e6:.1f} MB")
    print(f"growth from the first tenth on: {held[-1] / held[0]:.3f} x, at most {GROWTH} x")


if __name__ == "__main__":
    main()

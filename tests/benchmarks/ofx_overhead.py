"""What the OpenFX plug-in costs beside a trivial effect in the same host, at 1080p, RGBA float.

    .venv/bin/python tests/benchmarks/ofx_overhead.py [--rounds 60]

Every round renders a frame with the testing bundle's copy effect, renders it with Faceplate Restore, and copies it once
more, so that a machine that is slowed down meanwhile slows all three. The engine lives in a process of its own and
answers at once without touching a pixel. The copy effect copies a frame once, the plug-in twice: into memory that it
shares with the engine, and out again. So, with the one copy from an image of the host's into such memory, row by row,

    overhead = plug-in - copy effect - one copy of the frame        (the median over the rounds, at most 1 ms)

and it holds everything else: parameters, messages, waiting, and the engine's answer on its way. How long an answer
takes by itself is printed beside it, measured with a frame of one pixel. Exit code 1 if the overhead is too large.
"""

import argparse
import mmap
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "core"), str(ROOT)]

from faceplate.engine.life import listen  # noqa: E402
from faceplate.engine.scheduler import Scheduler  # noqa: E402
from faceplate.engine.server import Server  # noqa: E402
from faceplate.ofx_host.clips import ClipFacts  # noqa: E402
from faceplate.ofx_host.effect import Bundle, Effect  # noqa: E402
from faceplate.ofx_host.images import image_of, new_image  # noqa: E402
from faceplate.ofx_host.instance import Instance  # noqa: E402
from faceplate.ofx_host.profiles import profile_named  # noqa: E402
from faceplate_client.launch import SOCKET  # noqa: E402

SIZE = (1920, 1080)
MOST = 1e-3
WARM = 5
BUNDLES = ROOT / "ofx_bridge" / "build"


def serve(folder: Path) -> None:
    """An engine that has nothing to do."""
    server = Server(
        listen(str(folder / SOCKET)), idle=600.0, scheduler=Scheduler({"restore": lambda job: {}})
    )
    server.run()


def prepared(effect: Effect, pixels: np.ndarray) -> tuple[Instance, Callable[[], None]]:
    """An instance, and what renders its one frame into an image that was there before."""
    height, width = pixels.shape[:2]
    window = (0, 0, width, height)
    instance = effect.create("Filter", size=(float(width), float(height)))
    instance.connect("Source", ClipFacts((0.0, 0.0, float(width), float(height))))
    instance.clip_preferences()
    instance.running.put_image("Source", 1.0, image_of(pixels))
    output = new_image(window)

    def render() -> None:
        instance.render(1, window, output)

    return instance, render


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def shared_like(pixels: np.ndarray) -> np.ndarray:
    """An array in memory of the kind that a client shares with the engine."""
    descriptor = os.memfd_create("faceplate-benchmark")
    os.ftruncate(descriptor, pixels.nbytes)
    memory = mmap.mmap(descriptor, pixels.nbytes)
    os.close(descriptor)
    return np.frombuffer(memory, pixels.dtype).reshape(pixels.shape)


def in_turn(work: Mapping[str, Callable[[], Any]], rounds: int) -> Iterator[tuple[str, float]]:
    """Each of them once a round, and what it took; the first rounds only warm up."""
    for turn in range(rounds + WARM):
        for name, each in work.items():
            taken = seconds(each)
            if turn >= WARM:
                yield name, taken


def measured(rounds: int) -> dict[str, list[float]]:
    """Seconds of each of the four, round by round."""
    pixels = np.random.default_rng(1).random((SIZE[1], SIZE[0], 4), np.float32)
    given, shared = image_of(pixels), shared_like(pixels)
    found: dict[str, list[float]] = {"plug-in": [], "copy effect": [], "one copy": [], "answer": []}
    profile = profile_named("full")
    with (
        Bundle(BUNDLES / "Faceplate.ofx.bundle", profile) as ours,
        Bundle(BUNDLES / "Testing.ofx.bundle", profile) as testing,
    ):
        restoring, restore = prepared(ours.effect("restore"), pixels)
        copying, copy = prepared(testing.effect("copy"), pixels)
        asking, ask = prepared(ours.effect("restore"), pixels[:1, :1])
        with restoring, copying, asking:
            for name, each in in_turn(
                {
                    "plug-in": restore,
                    "copy effect": copy,
                    "one copy": lambda: np.copyto(shared, given.pixels),
                },
                rounds,
            ):
                found[name].append(each)
            # Not in the same rounds: a frame of another size would have the shared memory made anew every time.
            for name, each in in_turn({"answer": ask}, rounds):
                found[name].append(each)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.serve:
        serve(words.serve)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FACEPLATE_RUNTIME"] = folder
        command = [sys.executable, __file__, "--serve", folder]
        with subprocess.Popen(command) as engine:
            try:
                wait_for(Path(folder) / SOCKET, engine)
                found = measured(words.rounds)
            finally:
                engine.kill()
    for name, each in found.items():
        print(f"{name}: median {statistics.median(each) * 1e3:.2f} ms, quickest {min(each) * 1e3:.2f} ms")
    sides = zip(found["plug-in"], found["copy effect"], found["one copy"], strict=True)
    overhead = statistics.median(ours - copy - one for ours, copy, one in sides)
    verdict = "within" if overhead <= MOST else "over"
    quickest = min(found["plug-in"]) - min(found["copy effect"]) - min(found["one copy"])
    beside = f"quickest against quickest {quickest * 1e3:.2f} ms"
    print(f"overhead: {overhead * 1e3:.2f} ms, {verdict} {MOST * 1e3:.0f} ms ({beside})")
    return int(overhead > MOST)


def wait_for(socket: Path, engine: subprocess.Popen) -> None:
    until = time.monotonic() + 60
    while not socket.exists():
        if engine.poll() is not None or time.monotonic() > until:
            sys.exit("the engine of this measurement did not start")
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())

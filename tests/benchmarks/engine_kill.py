"""kill -9 of the engine at random moments, under load from two clients.

    python tests/benchmarks/engine_kill.py [100]

Issue 5: every request ends in a right result or a clear failure, none hangs over 5 s, and nothing is left in shared
memory.
"""

import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "core")]

from faceplate_client.errors import FaceplateError  # noqa: E402
from faceplate_client.planes import Plane  # noqa: E402
from faceplate_client.session import Engine  # noqa: E402
from tests.support.engine_process import own_engine  # noqa: E402

CLEAR = ("engine.gone", "engine.absent")
WINDOW = (0, 0, 640, 360)


@dataclass
class Outcome:
    """What became of requests. `longest`: seconds that one took, from the asking to the answer."""

    right: int = 0
    failed: int = 0
    wrong: int = 0
    longest: float = 0.0


def kill_often(count: int, *, seed: int = 11, each: int = 3) -> Outcome:
    """Ask two clients for `each` frames at once and kill the engine on the way, `count` times."""
    chance, outcome = random.Random(seed), Outcome()
    with Engine("one", wait=60) as one, Engine("two", wait=60) as two:
        clients = (one, two)
        frames = {client: [filled(client) for _ in range(each)] for client in clients}
        for _ in range(count):
            pid = alive(one)
            began = time.perf_counter()
            jobs = [
                (plate, output, client.submit("noop", inputs={"plate": plate}, outputs={"plate": output}))
                for client in clients
                for plate, output in frames[client]
            ]
            time.sleep(chance.random() * 0.01)
            os.kill(pid, signal.SIGKILL)
            for plate, output, job in jobs:
                try:
                    job.result(60)
                    good = plate.pixels == output.pixels
                    outcome.right, outcome.wrong = outcome.right + good, outcome.wrong + (not good)
                except FaceplateError as error:
                    clear = error.code in CLEAR
                    outcome.failed, outcome.wrong = outcome.failed + clear, outcome.wrong + (not clear)
                outcome.longest = max(outcome.longest, time.perf_counter() - began)
                output.pixels[:] = bytes(output.size)
        for client in clients:
            for plane in (plane for pair in frames[client] for plane in pair):
                client.free(plane)
        alive(one)
    return outcome


def filled(client: Engine) -> tuple[Plane, Plane]:
    """A plate of noise and a plane for the answer."""
    plate, output = client.plane(WINDOW), client.plane(WINDOW)
    plate.pixels[:] = os.urandom(plate.size)
    return plate, output


def alive(client: Engine) -> int:
    """The process id of an engine that answers; one may be absent for a moment, which is a clear failure."""
    until = time.monotonic() + 60
    while True:
        try:
            return client.status(60)["pid"]
        except FaceplateError as error:
            if error.code not in CLEAR or time.monotonic() > until:
                raise
            time.sleep(0.2)


def shared_memory() -> set[str]:
    """Every name in the system's shared memory, and this process's own buffers."""
    named = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    mapped = Path("/proc/self/maps").read_text(encoding="ascii", errors="replace").splitlines()
    return named | {line.split()[0] for line in mapped if "memfd:faceplate" in line}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    before = shared_memory()
    with tempfile.TemporaryDirectory() as folder, own_engine(Path(folder) / "run"):
        found = kill_often(count)
    print(
        f"{count} kills: {found.right} right, {found.failed} clear failures, {found.wrong} wrong, longest wait "
        f"{found.longest:.2f} s, left in shared memory: {len(shared_memory() - before)}"
    )


if __name__ == "__main__":
    main()

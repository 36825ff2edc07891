"""What a frame's way to the engine and back costs, beside copies of the same frame in the same run.

    python tests/benchmarks/engine_round_trip.py

Issue 5: a 4K float RGBA plate to the engine and back, work that does nothing, in at most 1.5 times what two memcpys of
the frame take; 1080p, the 99th percentile of 500 within 3 times the median.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "core")]

from faceplate_client.session import Engine, connect  # noqa: E402
from tests.support.engine_process import own_engine  # noqa: E402

UHD, HD = (4096, 2160), (1920, 1080)


def round_trips(
    engine: Engine, size: tuple[int, int], count: int, *, apart: bool = False
) -> tuple[list[float], list[float]]:
    """Seconds of each round trip, host memory to host memory, and of two copies of the frame beside it.

    Args:
        size: of the frame, RGBA float32. apart: whether the engine writes into a buffer of its own.
    """
    window = (0, 0, *size)
    plate = engine.plane(window)
    output = engine.plane(window) if apart else plate
    host, copy = bytearray(os.urandom(4096)) * (plate.size // 4096 + 1), bytearray(plate.size)
    host = host[: plate.size]
    other = bytearray(plate.size)
    trips, copies = [], []
    for _ in range(count):
        began = time.perf_counter()
        plate.pixels[:] = host
        engine.submit("noop", inputs={"plate": plate}, outputs={"plate": output}).result(60)
        memoryview(copy)[:] = output.pixels
        between = time.perf_counter()
        memoryview(other)[:] = host
        memoryview(copy)[:] = other
        trips.append(between - began)
        copies.append(time.perf_counter() - between)
    assert copy == host
    return trips, copies


def late(seconds: list[float]) -> float:
    """The 99th percentile of measurements."""
    return sorted(seconds)[int(len(seconds) * 0.99)]


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        own_engine(Path(folder) / "run"),
        connect("benchmark", wait=60) as engine,
    ):
        for name, apart in (("in place", False), ("into a second buffer", True)):
            trips, copies = (each[5:] for each in round_trips(engine, UHD, 45, apart=apart))
            trip, both = statistics.median(trips), statistics.median(copies)
            print(
                f"4096x2160 RGBA float {name}: {trip * 1e3:.1f} ms, two memcpys {both * 1e3:.1f} ms: "
                f"{trip / both:.2f} x (quickest against quickest {min(trips) / min(copies):.2f} x)"
            )
        trips, copies = (each[10:] for each in round_trips(engine, HD, 510))
        for name, found in (("round trip", trips), ("two memcpys", copies)):
            median, slow = statistics.median(found), late(found)
            print(
                f"1920x1080 {name}: median {median * 1e3:.2f} ms, p99 {slow * 1e3:.2f} ms: {slow / median:.2f} x"
            )


if __name__ == "__main__":
    main()

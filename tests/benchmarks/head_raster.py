"""How fast a head is rasterised: our z-buffer against its vectorised numpy twin and a textbook z-buffer, in one run.

    .venv/bin/python tests/benchmarks/head_raster.py [--side 512] [--rounds 15]

The plain one is compiled here with the machine's own C++ compiler ($CXX or c++, -O3): boxes, edge functions, depth and
the nearest triangle's number, one thread, neither barycentric weights nor the rule of whose an edge is. All three draw
the shipped head, turned by 20 degrees, and each is to show the same triangles (99.5 % of pixels). Prints processor time
on one thread, the least of all rounds, which other work on the machine disturbs little.

Exit code 1 where ours is not at least 2 x faster than numpy and within 1.5 x of the plain one.
"""

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from faceplate.reconstruct.camera import HeadPose, camera_for_lens, project
from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.raster import rasterise
from faceplate.registry.catalogue import manifest_for, read_weights

FASTER_THAN_NUMPY, OF_PLAIN = 2.0, 1.5

PLAIN = r"""
#include <algorithm>
#include <cmath>
#include <limits>
extern "C" void draw(const double* p, const int* t, int count, int height, int width, int* id, double* depth) {
    std::fill_n(id, height * width, -1);
    std::fill_n(depth, height * width, std::numeric_limits<double>::infinity());
    for (int k = 0; k < count; ++k) {
        const double *a = p + 3 * t[3 * k], *b = p + 3 * t[3 * k + 1], *c = p + 3 * t[3 * k + 2];
        const double area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
        if (area == 0) continue;
        const int x0 = std::max(0, (int)std::floor(std::min({a[0], b[0], c[0]}) - 0.5));
        const int x1 = std::min(width - 1, (int)std::ceil(std::max({a[0], b[0], c[0]}) - 0.5));
        const int y0 = std::max(0, (int)std::floor(std::min({a[1], b[1], c[1]}) - 0.5));
        const int y1 = std::min(height - 1, (int)std::ceil(std::max({a[1], b[1], c[1]}) - 0.5));
        for (int y = y0; y <= y1; ++y)
            for (int x = x0; x <= x1; ++x) {
                const double px = x + 0.5, py = y + 0.5;
                const double u = ((c[0] - b[0]) * (py - b[1]) - (c[1] - b[1]) * (px - b[0])) / area;
                const double v = ((a[0] - c[0]) * (py - c[1]) - (a[1] - c[1]) * (px - c[0])) / area;
                const double w = 1 - u - v;
                if (u < 0 || v < 0 || w < 0) continue;
                const double z = 1 / (u / a[2] + v / b[2] + w / c[2]);
                const int at = y * width + x;
                if (z < depth[at]) { depth[at] = z; id[at] = k; }
            }
    }
}
"""


def plain_z_buffer(folder: Path) -> Callable[[np.ndarray, np.ndarray, int], np.ndarray]:
    """The textbook's, compiled: points (V, 3), triangles (F, 3), side -> (side, side) triangles."""
    source, library = folder / "plain.cpp", folder / "plain.so"
    source.write_text(PLAIN)
    words = [
        os.environ.get("CXX", "c++"),
        "-O3",
        "-std=c++17",
        "-shared",
        "-fPIC",
        str(source),
        "-o",
        str(library),
    ]
    subprocess.run(words, check=True)
    compiled = ctypes.CDLL(str(library)).draw

    def draw(points: np.ndarray, triangles: np.ndarray, side: int) -> np.ndarray:
        number, depth = np.empty((side, side), np.int32), np.empty((side, side))
        given = [array.ctypes.data_as(ctypes.c_void_p) for array in (points, triangles, number, depth)]
        compiled(given[0], given[1], len(triangles), side, side, given[2], given[3])
        return number

    return draw


def least(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds of processor time."""
    took = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return 1000 * min(took)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=15)
    asked = parser.parse_args()
    head = read_head(read_weights(manifest_for("head.model")))
    camera = camera_for_lens(asked.side, asked.side, millimetres=80)
    pose = HeadPose(np.array([0.05, np.radians(20), 0.0]), np.array([0.0, 0.0, 850.0]))
    points = np.ascontiguousarray(project(head.mean.astype(np.float64), pose, camera))
    triangles, side = np.ascontiguousarray(head.triangles, np.int32), asked.side
    with tempfile.TemporaryDirectory() as folder:
        plain = plain_z_buffer(Path(folder))
        ways: dict[str, Callable[[], np.ndarray]] = {
            "ours": lambda: rasterise(points, triangles, (side, side), by="native").triangle,
            "numpy": lambda: rasterise(points, triangles, (side, side), by="numpy").triangle,
            "plain": lambda: plain(points, triangles, side),
        }
        shown = {name: way() for name, way in ways.items()}
        if min((shown[name] == shown["ours"]).mean() for name in shown) < 0.995:
            sys.exit("they do not show the same triangles")
        took = {name: least(way, asked.rounds) for name, way in ways.items()}
    print(
        f"{len(triangles)} triangles, {side} x {side}, one thread, ms: "
        + ", ".join(f"{k} {v:.2f}" for k, v in took.items())
    )
    faster, of_plain = took["numpy"] / took["ours"], took["ours"] / took["plain"]
    print(f"ours is {faster:.1f} x faster than numpy and takes {of_plain:.2f} of the plain one's time")
    sys.exit(0 if faster >= FASTER_THAN_NUMPY and of_plain <= OF_PLAIN else 1)


if __name__ == "__main__":
    main()

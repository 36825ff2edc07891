"""How much the command costs beyond what nobody can avoid: reading, writing and the nets themselves.

    .venv/bin/python tests/benchmarks/restore_4k.py [--frames 8] [--folder DIR] [-- further options of the command]

Makes a sequence of 4096x2160 half EXR frames (ZIP) with one face some 400 pixels wide, restores it with the command,
frame by frame (`--as stills`; shot_4k.py measures a shot), and in the same run reads and writes the same frames with
OpenImageIO alone, before the command and after it, so that a machine that speeds up or slows down meanwhile moves both
sides alike. Prints

    ratio = wall time of the command / (plain read + plain write + the nets' own time), each for all frames

which should be at most 1.6, and the command's peak memory, which should stay below 2 GB. Exit code 1 if either fails.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from faceplate.demo.sample import shoot
from faceplate.demo.scene import build_set, read_portrait
from faceplate.demo.wear import wear_frame

WIDTH, HEIGHT = 4096, 2160
FACE = 400
FACE_IN_PORTRAIT = 91.0
"""How wide the face is in the portrait, pixels, from one side of its box to the other."""

MOST = 1.6
MEMORY_GB = 2.0


@dataclass(frozen=True)
class Command:
    """What the command took: wall seconds, peak resident memory in bytes, seconds inside the nets, faces found."""

    wall: float
    memory: int
    nets: float
    faces: int


def main() -> int:
    """Make, restore, measure, print; the exit code says whether the promises hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder otherwise")
    parser.add_argument("options", nargs="*", help="further options of `faceplate restore`")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="faceplate-4k-") as folder:
        plates = make_plates(Path(folder) / "plate", asked.frames)
        first = plain_seconds(plates, Path(folder) / "plain.exr")
        command = run_command(plates, Path(folder), ["--as", "stills", *asked.options])
        again = plain_seconds(plates, Path(folder) / "plain.exr")
        start_up = start_up_seconds()
    return verdict(asked.frames, (first + again) / 2, command, start_up)


def verdict(frames: int, plain: float, command: Command, start_up: float) -> int:
    ratio = command.wall / (plain + command.nets)
    rendering = (command.wall - start_up) / (plain + command.nets)
    print(f"frames                    {frames}, {command.faces} faces restored on them")
    print(f"plain read + write        {plain / frames:.3f} s a frame")
    print(f"the nets' own time        {command.nets / frames:.3f} s a frame")
    print(f"the command               {command.wall / frames:.3f} s a frame, start included")
    print(f"ratio                     {ratio:.2f} (at most {MOST})")
    print(f"ratio without the start   {rendering:.2f} (the start alone takes {start_up:.2f} s)")
    print(f"peak memory               {command.memory / 1e9:.2f} GB (below {MEMORY_GB})")
    return 0 if ratio <= MOST and command.memory < MEMORY_GB * 1e9 and command.faces >= frames else 1


def make_plates(folder: Path, count: int) -> list[Path]:
    """4K frames of the sample's scene, worn, the face FACE pixels wide; the camera moves a little between them."""
    folder.mkdir()
    scene = build_set(read_portrait())
    scale = FACE / FACE_IN_PORTRAIT
    plates = []
    for frame in range(1001, 1001 + count):
        drift = 0.37 * (frame - 1001)
        matrix = np.array(
            [[scale, 0, (WIDTH - scale * scene.shape[1]) / 2 + drift], [0, scale, -20 + drift], [0, 0, 1.0]]
        )
        pixels = wear_frame(shoot(scene, matrix, size=(WIDTH, HEIGHT)), seed=4, frame=frame)
        plates.append(folder / f"plate.{frame}.exr")
        write_half(plates[-1], pixels.astype(np.float16))
    return plates


def write_half(path: Path, pixels: np.ndarray) -> None:
    spec = oiio.ImageSpec(WIDTH, HEIGHT, 3, oiio.HALF)
    spec.attribute("compression", "zip")
    out = oiio.ImageOutput.create(str(path))
    assert out is not None and out.open(str(path), spec) and out.write_image(pixels) and out.close(), (
        oiio.geterror()
    )


def plain_seconds(plates: list[Path], scratch: Path) -> float:
    """Seconds to read every frame and write it again with OpenImageIO and nothing between: medians times frames."""
    reading, writing = [], []
    for path in plates:
        start = time.perf_counter()
        file = oiio.ImageInput.open(str(path))
        assert file is not None, oiio.geterror()
        pixels = file.read_image(oiio.HALF)
        file.close()
        assert pixels is not None, file.geterror()
        between = time.perf_counter()
        write_half(scratch, pixels)
        reading.append(between - start)
        writing.append(time.perf_counter() - between)
    scratch.unlink()
    return len(plates) * (statistics.median(reading) + statistics.median(writing))


def run_command(plates: list[Path], folder: Path, options: list[str]) -> Command:
    report = folder / "report.jsonl"
    words = [
        "restore",
        str(plates[0].parent),
        "-o",
        str(folder / "restored"),
        "--report",
        str(report),
        "--json",
    ]
    start = time.perf_counter()
    running = subprocess.Popen(
        [sys.executable, "-m", "faceplate.cli", *words, "--quiet", *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    memory = 0
    while running.poll() is None:
        memory = max(memory, peak_memory(running.pid))
        time.sleep(0.05)
    wall = time.perf_counter() - start
    assert running.stdout is not None
    told = running.stdout.read()
    if running.returncode != 0:
        raise SystemExit(f"the command ended with {running.returncode}: {told}")
    lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    tell_stages(lines)
    faces = sum(face["status"] in ("restored", "thin_evidence") for line in lines for face in line["faces"])
    return Command(wall, memory or children_memory(), json.loads(told)["seconds_in_nets"], faces)


def tell_stages(lines: list[dict]) -> None:
    """Print what the report says of each stage; reading and writing go on beside the others."""
    for stage in lines[0]["seconds"]:
        print(
            f"  {stage:24}{statistics.median(line['seconds'].get(stage, 0.0) for line in lines):.3f} s a frame"
        )


def peak_memory(pid: int) -> int:
    """The most a process has held in memory so far, bytes, as Linux tells it; 0 where it cannot be told."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peaks[0]) * 1024 if peaks else 0


def children_memory() -> int:
    """The same where there is no /proc: it may count this process's own memory in, so it errs on the high side."""
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def start_up_seconds() -> float:
    """How long the command takes to start and to find that it knows its models."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "faceplate.cli", "models", "verify"], stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())

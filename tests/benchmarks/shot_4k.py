"""What a 4K shot costs in steady state: reading, nets and writing beside each other, not after each other.

    .venv/bin/python tests/benchmarks/shot_4k.py [--frames 16] [--folder DIR] [-- further options of the command]

Makes 4096x2160 half EXR frames (ZIP) with one face some 400 pixels wide and analyses them once. Then it restores a
short and a long part of the shot with the command, radius 2, and takes the difference: what a further frame costs once
everything is running. Plain reading and writing with OpenImageIO is timed in the same run, before and after. Prints

    ratio = seconds a further frame / the larger of (plain read + write) and (the nets' own time)

which should be at most 1.25, peak memory, which should be at most 3 GB, what bounds the work, frames an hour, and how
long a film of 100 minutes would take. Exit code 1 if ratio or memory is too large.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from restore_4k import Command, make_plates, plain_seconds, run_command

SHORT = 4
"""Frames of the part that is subtracted."""

MOST, MEMORY_GB = 1.25, 3.0
FILM_FRAMES = 100 * 60 * 24


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder otherwise")
    parser.add_argument("options", nargs="*", help="further options of `faceplate restore`")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="faceplate-shot-4k-") as name:
        folder = Path(name)
        plates = make_plates(folder / "plate", asked.frames)
        shot = folder / "shot.json"
        words = [sys.executable, "-m", "faceplate.cli", "analyse", plates[0].parent, "-o", shot, "--quiet"]
        subprocess.run([str(word) for word in words], check=True)
        before = plain_seconds(plates, folder / "plain.exr")
        steady = ["--shot", str(shot), *asked.options, "--overwrite", "--frames"]
        short = run_command(plates, folder, [*steady, f"1001-{1000 + SHORT}"])
        whole = run_command(plates, folder, [*steady, f"1001-{1000 + asked.frames}"])
        after = plain_seconds(plates, folder / "plain.exr")
    return verdict(asked.frames, (before + after) / 2 / asked.frames, short, whole)


def verdict(frames: int, plain: float, short: Command, whole: Command) -> int:
    """Print what a further frame costs, and say by the exit code whether it is little enough."""
    further = frames - SHORT
    wall, nets = (whole.wall - short.wall) / further, (whole.nets - short.nets) / further
    ratio, bound = wall / max(plain, nets), "the nets" if nets > plain else "reading and writing"
    print(f"faces                     {whole.faces} on {frames} frames")
    print(f"plain read + write        {plain:.3f} s a frame")
    print(f"the nets' own time        {nets:.3f} s a frame")
    print(f"a further frame           {wall:.3f} s, bound by {bound}")
    print(f"ratio                     {ratio:.2f} (at most {MOST})")
    print(f"peak memory               {whole.memory / 1e9:.2f} GB (at most {MEMORY_GB})")
    print(
        f"frames an hour            {3600 / wall:.0f}; a film of 100 minutes {FILM_FRAMES * wall / 3600:.0f} hours"
    )
    return int(ratio > MOST or whole.memory > MEMORY_GB * 1e9 or whole.faces < frames)


if __name__ == "__main__":
    sys.exit(main())

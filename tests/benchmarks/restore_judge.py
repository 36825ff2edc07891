"""Restoration and identity on people the weights never saw, by the shared judge, through the real command.

    python tests/benchmarks/restore_judge.py --shared ../shared [--presets film web blur cctv32] [--sizes 512 256]
        [--sheet sheet.png] [-- more options of `faceplate restore`]

Damages the held-out London photos with the judge's presets, restores the folder with `faceplate restore`, and prints
the judge's line for each preset and size. `clean` as a preset gives the undamaged crops: what harm is done to them.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from faceplate_training.photos import photos


def held_out(shared: Path) -> list[Path]:
    """The photos that the recipes keep out of training: both of every fifth London person."""
    return [photo.path for photo in photos(shared / "photos") if photo.held_out]


def damage(judge: Path, people: list[Path], preset: str, size: int, folder: Path) -> None:
    """Fill `folder` with the judge's NAME.ref.png and NAME.in.png."""
    made = "film" if preset == "clean" else preset
    command = [sys.executable, judge, "degrade", *people, "--preset", made, "--size", size, "--out", folder]
    subprocess.run([str(word) for word in command], check=True)
    if preset == "clean":
        for reference in folder.glob("*.ref.png"):
            shutil.copy(reference, str(reference).replace(".ref.png", ".in.png"))


def restore(folder: Path, out: Path, options: list[str]) -> None:
    """`faceplate restore` over the damaged pictures alone."""
    inputs = folder / "in"
    inputs.mkdir()
    for path in folder.glob("*.in.png"):
        shutil.copy(path, inputs / path.name)
    command = [
        sys.executable,
        "-m",
        "faceplate.cli",
        "restore",
        str(inputs),
        "-o",
        str(out),
        "--quiet",
        *options,
    ]
    subprocess.run(command, check=True)


def columns(folder: Path, out: Path, names: list[str], side: int = 224) -> np.ndarray:
    """Input, restored and reference of the named faces, a column a face."""
    rows = []
    for path in (folder / "{}.in.png", out / "{}.in.png", folder / "{}.ref.png"):
        pictures = [np.asarray(cv2.imread(str(path).format(name))) for name in names]
        rows.append(np.hstack([cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA) for p in pictures]))
    return np.vstack(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--presets", nargs="+", default=["film", "web", "blur", "cctv32", "clean"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[512])
    parser.add_argument(
        "--sheet", type=Path, help="PNG to write: input, restored, reference for six faces a preset"
    )
    parser.add_argument("options", nargs="*", help="options handed to the command, after --")
    options = parser.parse_args()
    judge, people, sheet = options.shared / "tools" / "judge.py", held_out(options.shared), []
    for size in options.sizes:
        for preset in options.presets:
            with tempfile.TemporaryDirectory() as temporary:
                folder, out = Path(temporary) / "pairs", Path(temporary) / "restored"
                damage(judge, people, preset, size, folder)
                restore(folder, out, options.options)
                words = [sys.executable, str(judge), "pairs", str(folder), str(out)]
                print(f"{preset:7s} {size}  ", end="", flush=True)
                print(
                    subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip(),
                    flush=True,
                )
                names = sorted(path.name.removesuffix(".ref.png") for path in folder.glob("*.ref.png"))
                sheet.append(columns(folder, out, names[:: max(1, len(names) // 6)][:6]))
    if options.sheet:
        cv2.imwrite(str(options.sheet), np.vstack(sheet))


if __name__ == "__main__":
    main()

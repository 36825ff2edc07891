"""Restoration and identity on people the weights never saw, by the shared judge, through the real command.

    python tests/benchmarks/restore_judge.py --shared ../shared [--presets film web blur cctv32] [--sizes 512 256]
        [--registered] [--sheet sheet.jpg] [--faces 6] [--tones] [-- more options of `faceplate restore`]

Damages the held-out London photos with the judge's presets, restores the folder with `faceplate restore`, and prints
the judge's line for each preset and size. `clean` as a preset gives the undamaged crops: what harm is done to them.
`--registered` lays each reference where its damaged picture lies before anything is compared: the presets move pictures
by half a pixel or so (a scale that does not divide the side stretches them, a smear drawn between truncated ends shifts
them), and a restorer that leaves a face in its place is not to blame for that.
`--tones` prints the same for the darker, the middle and the lighter third of the faces, by their cheeks' individual
typology angle (Chardon et al., "Skin colour typology and suntanning pathways", 1991): how even the gain is. The photos
come without sex or age, so nothing is said of those.
"""

import argparse
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

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


def register(folder: Path) -> None:
    """Move every reference in `folder` onto its damaged picture: shift and stretch along both axes, by least squares.

    Only the two are looked at, blurred alike, so that nothing of what a restorer does has a say in it.
    """
    for path in folder.glob("*.ref.png"):
        reference = np.asarray(cv2.imread(str(path)))
        damaged = np.asarray(cv2.imread(str(path).replace(".ref.png", ".in.png")))
        matrix = in_its_place(reference, damaged)
        size, flags, border = reference.shape[1::-1], cv2.INTER_CUBIC, cv2.BORDER_REFLECT
        cv2.imwrite(str(path), cv2.warpAffine(reference, matrix, size, flags=flags, borderMode=border))


def in_its_place(reference: np.ndarray, damaged: np.ndarray) -> np.ndarray:
    """(2, 3), pixels of the reference to pixels of the damaged picture, (S, S, 3) uint8 both."""
    side = reference.shape[0]
    before, after = (
        cv2.GaussianBlur(picture[..., 1].astype(np.float32), (0, 0), side / 80)
        for picture in (reference, damaged)
    )
    down, right = np.gradient(before)
    y, x = np.mgrid[:side, :side] / side - 0.5
    inner = np.s_[side // 5 : -side // 8, side // 5 : -side // 5]
    terms = [before, np.ones_like(before), right, right * x, down, down * y]
    found = np.linalg.lstsq(
        np.stack([term[inner].ravel() for term in terms], 1), after[inner].ravel(), rcond=None
    )[0]
    (to_right, wider), (to_bottom, taller) = -found[2:4] / found[0], -found[4:6] / found[0]
    return np.array(
        [[1 + wider / side, 0, to_right - wider / 2], [0, 1 + taller / side, to_bottom - taller / 2]]
    )


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


def load(judge: Path) -> ModuleType:
    """The shared judge as a module, for its figures of single faces."""
    spec = importlib.util.spec_from_file_location("judge", judge)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def skin_angle(reference: np.ndarray) -> float:
    """Individual typology angle of both cheeks of an FFHQ-framed crop, (S, S, 3) uint8 BGR, degrees: above 55 very
    light, below -30 dark. Told by an uncalibrated photo, so good for an order and no more.
    """
    side = reference.shape[0]
    lab = cv2.cvtColor(reference.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    reach, row = side // 20, int(0.62 * side)
    cheeks = [
        lab[row - reach : row + reach, int(x * side) - reach : int(x * side) + reach] for x in (0.33, 0.67)
    ]
    light, _, yellow = np.median(np.concatenate([cheek.reshape(-1, 3) for cheek in cheeks]), axis=0)
    return float(np.degrees(np.arctan2(light - 50, yellow)))


def by_tone(judge: ModuleType, folder: Path, out: Path) -> str:
    """PSNR gain and identity before and after, for three equal groups of faces from dark to light skin."""
    eyes, rows = judge.Judge(), []
    for path in sorted(folder.glob("*.ref.png")):
        low = str(path).replace(".ref.png", ".in.png")
        ref, before, after = (np.asarray(cv2.imread(str(p))) for p in (path, low, out / Path(low).name))
        points = eyes.points(ref)
        same = [float(eyes.embed(ref, points) @ eyes.embed(each, points)) for each in (before, after)]
        middle = judge.centre(ref)
        level = [judge.psnr(middle, judge.level(middle, judge.centre(each))) for each in (before, after)]
        rows.append((skin_angle(ref), level[1] - level[0], *same))
    rows.sort()
    lines = []
    for name, group in zip(("darker", "middle", "lighter"), np.array_split(np.array(rows), 3), strict=True):
        angle, gain, was, now = group.mean(axis=0)
        worse = 100 * np.mean(group[:, 3] < group[:, 2] - 0.01)
        lines.append(
            f"    {name:8s} n {len(group)}  angle {angle:4.0f}  {gain:+.2f} dB  identity {was:.3f} -> {now:.3f}  "
            f"worse in {worse:.1f} %"
        )
    return "\n".join(lines)


def columns(folder: Path, out: Path, names: list[str], side: int) -> np.ndarray:
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
        "--sheet",
        type=Path,
        help="picture to write: input, restored, reference of some faces, a preset a row",
    )
    parser.add_argument("--faces", type=int, default=6, help="how many faces the sheet shows")
    parser.add_argument(
        "--tones", action="store_true", help="the figures for three groups of skin tone as well"
    )
    parser.add_argument("options", nargs="*", help="options handed to the command, after --")
    parser.add_argument(
        "--registered", action="store_true", help="with references laid where the damaged pictures lie"
    )
    options = parser.parse_args()
    judge, people, sheet = options.shared / "tools" / "judge.py", held_out(options.shared), []
    for size in options.sizes:
        for preset in options.presets:
            with tempfile.TemporaryDirectory() as temporary:
                folder, out = Path(temporary) / "pairs", Path(temporary) / "restored"
                damage(judge, people, preset, size, folder)
                if options.registered:
                    register(folder)
                restore(folder, out, options.options)
                words = [sys.executable, str(judge), "pairs", str(folder), str(out)]
                print(f"{preset:7s} {size}  ", end="", flush=True)
                print(
                    subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip(),
                    flush=True,
                )
                names = sorted(path.name.removesuffix(".ref.png") for path in folder.glob("*.ref.png"))
                if options.tones:
                    print(by_tone(load(judge), folder, out), flush=True)
                shown = names[:: max(1, len(names) // options.faces)][: options.faces]
                sheet.append(columns(folder, out, shown, side=224 if options.faces <= 8 else 112))
    if options.sheet:
        cv2.imwrite(str(options.sheet), np.vstack(sheet))


if __name__ == "__main__":
    main()

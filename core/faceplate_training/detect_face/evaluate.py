"""Measures a detector against the teacher on people and footage it was not trained on, and prints a table.

    python -m faceplate_training.detect_face.evaluate --weights WEIGHTS --shared DIR [--sheet FILE.png]

WEIGHTS is an ONNX file or a run's checkpoint.pt. Recall is of the teacher's faces (score 0.8 and more, 24 pixels and
higher). A false face is one of ours where the teacher sees none, even at score 0.3. Points are compared in
inter-ocular distances with one look of the teacher's and with the mean of six (see `sources.LOOKS`); on damaged faces
with its points on the undamaged one. Worn plates have one known face or none: what else is found on them is false.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from faceplate.faces import Face
from faceplate.plate import Plate
from faceplate.runtime.net import Net
from faceplate.stages.detect import THRESHOLD, detect_faces, overlap
from faceplate_training.detect_face.export import open_weights
from faceplate_training.detect_face.plates import plates_with_a_face, plates_without
from faceplate_training.detect_face.sources import Teacher, read_rgb
from faceplate_training.photos import TEACHER, photos

PRESETS = ("film", "web", "blur", "cctv32", "cctv24")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--weights", type=Path, required=True)
    words.add_argument(
        "--shared", type=Path, required=True, help="folder with photos, clips, models and tools"
    )
    words.add_argument("--threshold", type=float, default=THRESHOLD)
    words.add_argument("--every", type=int, default=1, help="use every n-th picture only")
    words.add_argument("--sheet", type=Path, help="where to write a contact sheet of misses and false faces")
    chosen = words.parse_args()
    net, shared = open_weights(chosen.weights), chosen.shared
    sets = {
        "lfw_dev": lfw(shared),
        "london": held_out(shared),
        "clips": clips(shared),
    }
    sheet: list[np.ndarray] = []
    print(f"{'':22}faces  recall  false  points median / 90 %, of one look    of six")
    for name, pictures in sets.items():
        report(name, compare(list(pictures)[:: chosen.every], net, shared, chosen.threshold, sheet))
    truth = mosaics(list(lfw(shared)) + list(held_out(shared)), shared)
    report("mosaics 24-40 px", compare_known(truth, net, chosen.threshold, sheet))
    for preset in PRESETS:
        report(f"london {preset}", damaged(shared, preset, net, chosen.threshold, sheet))
    worn_plates(net, chosen.threshold, sheet)
    times(net, shared)
    if chosen.sheet and sheet:
        cv2.imwrite(str(chosen.sheet), contact_sheet(sheet)[..., ::-1])


class Tally:
    """Faces looked for, found, falsely found, and how far the points were off, in inter-ocular distances."""

    def __init__(self) -> None:
        self.wanted = self.found = self.ours = self.false = 0
        self.off: list[float] = []
        self.off_mean: list[float] = []

    def count(
        self, wanted: np.ndarray, allowed: np.ndarray, ours: list[Face], means: list[np.ndarray | None]
    ) -> bool:
        """Add one picture; True when something was missed or made up.

        Args:
            wanted, allowed: (N, 15) as the teacher answers: faces that must, and that may be found.
            means: for each wanted face the points that six looks agree on, (5, 2), or None.
        """
        clean = True
        boxes = np.array([face.box for face in ours], np.float32).reshape(-1, 4)
        for row, mean in zip(wanted, means, strict=True):
            near = overlap(row[:4], boxes)[0] if len(boxes) else np.zeros(1)
            self.wanted += 1
            if near.max() < 0.4:
                clean = False
                continue
            self.found += 1
            points = ours[int(near.argmax())].points
            self.off.append(points_off(points, row[4:14].reshape(5, 2)))
            if mean is not None:
                self.off_mean.append(points_off(points, mean))
        for box in boxes:
            self.ours += 1
            if not len(allowed) or overlap(box, allowed[:, :4])[0].max() < 0.3:
                self.false += 1
                clean = False
        return not clean


def points_off(points: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of five points from the truth, over the distance between the true eyes."""
    return float(np.hypot(*(points - truth).T).mean() / max(np.hypot(*(truth[1] - truth[0])), 1e-6))


def report(name: str, tally: Tally) -> None:
    one, six = (np.percentile(off or [np.nan], [50, 90]) for off in (tally.off, tally.off_mean))
    recall, false = tally.found / max(1, tally.wanted), tally.false / max(1, tally.ours)
    points = "    ".join(f"{median:6.2%} / {late:6.2%}" for median, late in (one, six))
    print(f"{name:20}{tally.wanted:7}  {recall:6.1%} {false:6.1%}  {points}", flush=True)


def six_looks(teacher: Teacher, rgb: np.ndarray, rows: np.ndarray) -> list[np.ndarray | None]:
    """The steadier points of every row, None where the looks disagree."""
    seen = [teacher.steady(rgb, row[:4]) for row in rows]
    return [None if one is None else one[1] for one in seen]


def compare(pictures: list[np.ndarray], net: Net, shared: Path, threshold: float, sheet: list) -> Tally:
    """Ours against the teacher's, picture by picture."""
    teacher, tally = Teacher(shared / TEACHER, threshold=0.3), Tally()
    for rgb in pictures:
        seen = teacher.faces(rgb)
        wanted = seen[(seen[:, 14] >= 0.8) & (seen[:, 3] - seen[:, 1] >= 24)]
        ours = find(rgb, net, threshold)
        if tally.count(wanted, seen, ours, six_looks(teacher, rgb, wanted)):
            sheet.append(drawn_on(rgb, ours, wanted))
    return tally


def compare_known(
    truth: list[tuple[np.ndarray, np.ndarray]], net: Net, threshold: float, sheet: list
) -> Tally:
    """Ours against faces that are known to be there, and no others."""
    tally = Tally()
    for rgb, rows in truth:
        ours = find(rgb, net, threshold)
        if tally.count(rows, rows, ours, [None] * len(rows)):
            sheet.append(drawn_on(rgb, ours, rows))
    return tally


def find(rgb: np.ndarray, net: Net, threshold: float) -> list[Face]:
    return detect_faces(Plate.of(np.asarray(rgb, np.float32) / np.float32(255)), net, threshold=threshold)


def lfw(shared: Path) -> Iterator[np.ndarray]:
    for file in sorted((shared / "photos" / "lfw_dev").glob("*.jpg")):
        yield read_rgb(file)


def held_out(shared: Path) -> Iterator[np.ndarray]:
    """The photos of the people kept out, at 512 pixels."""
    for photo in photos(shared / "photos"):
        if photo.held_out:
            yield cv2.resize(read_rgb(photo.path), (512, 512), interpolation=cv2.INTER_AREA)


def clips(shared: Path, *, every: int = 15) -> Iterator[np.ndarray]:
    for file in sorted((shared / "clips").glob("*.mp4")):
        with av.open(str(file)) as container:
            for number, frame in enumerate(container.decode(video=0)):
                if number % every == 0:
                    yield frame.to_ndarray(format="rgb24")


def mosaics(
    pictures: list[np.ndarray], shared: Path, *, seed: int = 5
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pictures of 4 to 16 faces, 24 to 40 pixels high, with the teacher's rows moved along."""
    teacher, rng = Teacher(shared / TEACHER), np.random.default_rng(seed)
    labelled = [(rgb, rows[0]) for rgb in pictures if len(rows := teacher.faces(rgb)) == 1]
    made = []
    for _ in range(60):
        across, rows = int(rng.integers(2, 5)), []
        canvas = np.full((across * 96, across * 96, 3), rng.integers(0, 256, 3), np.uint8)
        for cell in range(across * across):
            rgb, row = labelled[int(rng.integers(len(labelled)))]
            scale = rng.uniform(24, 40) / float(row[3] - row[1])
            small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            ratio = np.array(small.shape[1::-1], np.float32) / np.array(rgb.shape[1::-1], np.float32)
            moved = row[:14].reshape(7, 2) * ratio
            # the face in the middle of its cell, what hangs over is cut
            shift = np.round(np.array([48, 48], np.float32) - moved[:2].mean(0)).astype(int)
            part = np.zeros((96, 96, 3), np.uint8) + canvas[0, 0]
            x0, y0 = np.maximum(shift, 0)
            x1, y1 = np.minimum(shift + small.shape[1::-1], 96)
            part[y0:y1, x0:x1] = small[y0 - shift[1] : y1 - shift[1], x0 - shift[0] : x1 - shift[0]]
            corner = np.array([cell % across, cell // across]) * 96
            canvas[corner[1] : corner[1] + 96, corner[0] : corner[0] + 96] = part
            rows.append([*(moved + shift + corner).ravel(), 1.0])
        made.append((canvas, np.array(rows, np.float32)))
    return made


def damaged(shared: Path, preset: str, net: Net, threshold: float, sheet: list) -> Tally:
    """Held-out people through the judge's degradations: are they found, and do the points stay?"""
    files = [str(photo.path) for photo in photos(shared / "photos") if photo.held_out]
    teacher, tally = Teacher(shared / TEACHER), Tally()
    with tempfile.TemporaryDirectory() as folder:
        judge = [sys.executable, str(shared / "tools" / "judge.py"), "degrade", *files]
        subprocess.run([*judge, "--preset", preset, "--out", folder], check=True, capture_output=True)
        for clean in sorted(Path(folder).glob("*.ref.png")):
            whole = read_rgb(clean)
            rows = teacher.faces(whole)[:1]
            rgb = read_rgb(clean.with_name(clean.name.replace(".ref.", ".in.")))
            ours = find(rgb, net, threshold)
            if tally.count(rows, rows, ours, six_looks(teacher, whole, rows)):
                sheet.append(drawn_on(rgb, ours, rows))
    return tally


def worn_plates(net: Net, threshold: float, sheet: list) -> None:
    """False faces on large plates with grain and dirt, and how many frames they were counted on."""
    for name, frames, known in (
        ("4K plates, one face", plates_with_a_face(), 1),
        ("worn, no face", plates_without(), 0),
    ):
        count = false = 0
        for plate in frames:
            count += 1
            faces = detect_faces(plate, net, threshold=threshold)
            false += len(faces[known:])
            for face in faces[known:]:
                sheet.append(around(plate, face))
        print(f"{name:20}{count:7} frames, {false} false faces", flush=True)


def around(plate: Plate, face: Face) -> np.ndarray:
    """(160, 160, 3) uint8 display-encoded: the face in the middle, four times its size around it."""
    reach = int(2 * face.height) + 1
    x, y = (round((face.box[i] + face.box[i + 2]) / 2) for i in (0, 1))
    part = plate.pixels[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
    shown = np.clip(plate.encoding.encode(part), 0, 1) * 255
    return cv2.resize(shown.astype(np.uint8), (160, 160), interpolation=cv2.INTER_AREA)


def times(net: Net, shared: Path, *, side: int = 640, rounds: int = 30) -> None:
    """Both nets opened in the same way, two threads, turn by turn."""
    teacher = open_weights(shared / TEACHER)
    picture = np.random.default_rng(0).random((1, 3, side, side), dtype=np.float32)
    spent: tuple[list, list] = ([], [])
    for _ in range(rounds):
        for number, run in enumerate((lambda: teacher(picture * 255), lambda: net(picture))):
            start = time.perf_counter()
            run()
            spent[number].append(time.perf_counter() - start)
    theirs, ours = (float(np.median(times)) for times in spent)
    print(
        f"time at {side} px: teacher {theirs * 1e3:.1f} ms, ours {ours * 1e3:.1f} ms, ratio {ours / theirs:.2f}"
    )


def drawn_on(rgb: np.ndarray, ours: list[Face], wanted: np.ndarray) -> np.ndarray:
    """Ours in green with points, the teacher's in red."""
    picture = rgb.copy()
    for row in wanted:
        box = row[:4].round().astype(int).tolist()
        cv2.rectangle(picture, box[:2], box[2:], (255, 60, 60), 1)
    for face in ours:
        box = [round(v) for v in face.box]
        cv2.rectangle(picture, box[:2], box[2:], (60, 255, 60), 1)
        cv2.putText(picture, f"{face.score:.2f}", box[:2], 0, 0.4, (60, 255, 60), 1)
        for x, y in face.points:
            cv2.circle(picture, (round(float(x)), round(float(y))), 1, (60, 255, 60), -1)
    return picture


def contact_sheet(pictures: list[np.ndarray], *, side: int = 220, across: int = 8) -> np.ndarray:
    """The first pictures, each fitted into a square."""
    tiles = np.zeros((-(-min(len(pictures), 48) // across) * across, side, side, 3), np.uint8)
    for tile, picture in zip(tiles, pictures, strict=False):
        scale = side / max(picture.shape[:2])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:side, :side]
        tile[: small.shape[0], : small.shape[1]] = small
    return np.vstack([np.hstack(list(row)) for row in tiles.reshape(-1, across, side, side, 3)])


if __name__ == "__main__":
    main()

"""Whether two people who cross, hide each other or leave keep their names.

    .venv/bin/python tests/benchmarks/crossing.py --shared ../shared [--clips 20] [--frames 24] [--keep DIR]

Composes seeded clips of two held-out London people: they pass each other, turn back where they meet, or one leaves the
frame and returns; the nearer hides the farther for some frames. `faceplate analyse` reads each clip, and every name is
held against who stands where it was seen. Prints a line a clip and the sums:

    swaps   names that were given to both people
    broken  further names for a person who already had one; no swap, but another person in a table of faces
    seen    share of the faces, less than half hidden, that have a track

Exit code 1 if there is a swap.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faceplate.farm.shot_files import read_shot
from faceplate.stages.face_rows import overlap
from faceplate.stages.shot import Shot
from faceplate_training.detect_face.canvas import draw, move_box, moved
from faceplate_training.detect_face.sources import Portrait, Teacher, read_rgb
from faceplate_training.photos import photos

SIZE = (640, 360)
MOST_HIDDEN = 0.5
WAYS = ("pass", "turn", "leave")


@dataclass(frozen=True)
class Actor:
    """A person in a clip: `places` (F, 2) of the face's middle, pixels, and how high the face is."""

    portrait: Portrait
    places: np.ndarray
    height: float

    def matrix(self, frame: int) -> np.ndarray:
        scale = self.height / float(self.portrait.box[3] - self.portrait.box[1])
        return moved(np.eye(2) * scale, self.portrait.box, self.places[frame])

    def box(self, frame: int) -> np.ndarray:
        return move_box(self.portrait.box, self.matrix(frame))


def people(shared: Path) -> list[list[Portrait]]:
    """The held-out people, two portraits each, with boxes and points by the teacher."""
    guide, found = Teacher(shared / "models" / "yunet_n_dynamic.onnx"), {}
    for photo in photos(shared / "photos"):
        if not photo.held_out:
            continue
        rgb = cv2.resize(read_rgb(photo.path), (512, 512), interpolation=cv2.INTER_AREA)
        label = guide.portrait(rgb)
        if label is not None:
            found.setdefault(photo.person, []).append(Portrait(rgb, *label))
    return list(found.values())


def cast(known: list[list[Portrait]], frames: int, way: str, rng: np.random.Generator) -> list[Actor]:
    """Two people and their ways across the frame; the first stands behind the second."""
    chosen = rng.choice(len(known), 2, replace=False)
    height = rng.uniform(70, 120)
    time, actors = np.linspace(-1, 1, frames), []
    for number, person in enumerate(chosen):
        side = 1 if number else -1
        reach = rng.uniform(0.25, 0.4) * SIZE[0]
        if way == "pass":
            along = side * time * reach
        elif way == "turn":
            along = side * np.abs(time) * reach + side * 0.15 * height
        else:
            along = side * time * reach * (2.2 if number else 0.4)
        lift = rng.uniform(-0.15, 0.15) * height + 4 * np.sin(time * rng.uniform(2, 5))
        places = np.column_stack([SIZE[0] / 2 + along, np.full(frames, SIZE[1] * 0.45) + lift])
        portraits = known[int(person)]
        actors.append(
            Actor(portraits[int(rng.integers(len(portraits)))], places, height * (1.15 if number else 1.0))
        )
    return actors


def shoot(actors: Sequence[Actor], frames: int, folder: Path, rng: np.random.Generator) -> None:
    """The clip as PNGs: the actors over a soft ground, with a little noise."""
    ground = cv2.resize(
        rng.uniform(40, 190, (5, 8, 3)).astype(np.float32), SIZE, interpolation=cv2.INTER_CUBIC
    )
    for frame in range(frames):
        canvas = np.clip(ground, 0, 255).astype(np.uint8)
        for actor in actors:
            draw(canvas, actor.portrait, actor.matrix(frame), shape="head")
        worn = np.clip(canvas + rng.normal(0, 3, canvas.shape), 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"clip.{1001 + frame}.png"), worn[..., ::-1])


def judged(shot: Shot, actors: Sequence[Actor], frames: int) -> tuple[int, int, int, int]:
    """Swaps, broken names, faces seen and faces to be seen."""
    names: dict[str, set[int]] = {}
    seen = wanted = 0
    for frame in range(frames):
        boxes = [actor.box(frame) for actor in actors]
        for person, box in enumerate(boxes):
            if not to_be_seen(box, boxes[1] if person == 0 else None):
                continue
            wanted += 1
            others = [other for other in boxes if other is not box]
            name = name_at(shot, 1001 + frame, box, others)
            if name is not None:
                seen += 1
                names.setdefault(name, set()).add(person)
    swaps = sum(len(who) > 1 for who in names.values())
    told = [sum(person in who for who in names.values()) for person in range(len(actors))]
    return swaps, sum(max(0, count - 1) for count in told), seen, wanted


def to_be_seen(box: np.ndarray, nearer: np.ndarray | None) -> bool:
    """Whether at least half of a face lies inside the frame and is not hidden."""
    area = float((box[2:] - box[:2]).prod())
    inside = np.clip(box, 0, np.tile(SIZE, 2))
    shown = float(np.maximum(inside[2:] - inside[:2], 0).prod())
    if nearer is not None:
        common = np.minimum(inside[2:], nearer[2:]) - np.maximum(inside[:2], nearer[:2])
        shown -= float(np.maximum(common, 0).prod())
    return shown > MOST_HIDDEN * area


def name_at(shot: Shot, frame: int, box: np.ndarray, others: list[np.ndarray]) -> str | None:
    """The name of the track whose face on this frame is this one, and not more another's."""
    best, name = 0.4, None
    for track, face in shot.tracks_at(frame):
        found = np.array(face.box, np.float32)
        share = float(overlap(box.astype(np.float32), found[None])[0][0])
        rival = max(float(overlap(other.astype(np.float32), found[None])[0][0]) for other in others)
        if share > max(best, rival):
            best, name = share, track.name
    return name


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--keep", type=Path, help="where to leave the clips and shot files")
    asked = parser.parse_args()
    known, sums = people(asked.shared), np.zeros(4, int)
    with tempfile.TemporaryDirectory(prefix="faceplate-crossing-") as name:
        for clip in range(asked.clips):
            rng, way = np.random.default_rng([17, clip]), WAYS[clip % len(WAYS)]
            folder = (asked.keep or Path(name)) / f"clip_{clip:02}"
            folder.mkdir(parents=True, exist_ok=True)
            actors = cast(known, asked.frames, way, rng)
            shoot(actors, asked.frames, folder, rng)
            words = ["analyse", str(folder), "-o", str(folder / "shot.json"), "--overwrite", "--quiet"]
            subprocess.run([sys.executable, "-m", "faceplate.cli", *words], check=True)
            told = np.array(judged(read_shot(folder / "shot.json"), actors, asked.frames))
            sums += told
            print(
                f"clip {clip:02} {way:6} swaps {told[0]}  broken {told[1]}  seen {told[2]}/{told[3]}",
                flush=True,
            )
    print(f"{asked.clips} clips      swaps {sums[0]}  broken {sums[1]}  seen {sums[2] / max(1, sums[3]):.1%}")
    return 1 if sums[0] else 0


if __name__ == "__main__":
    sys.exit(main())

"""Close-ups of what a detector takes for a face, right or wrong: what the second look has to judge.

A net that has only seen heads in the middle of its close-ups, and by chance drawn pieces of grounds beside them,
believes in whatever its own first look brings: ears, earrings, ties, gravel. So the stage goes over composed scenes
with the shipped weights, and what both looks leave is kept as the second one sees it, with the truth known from the
scene: its mistakes, and the true faces that it was not sure of.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from faceplate.arrays import Matrix
from faceplate.faces import Face
from faceplate.plate import Plate
from faceplate.runtime.net import Net
from faceplate.stages.detect import CLOSE_UP, close_up, close_up_matrix, detect_faces
from faceplate.stages.face_rows import moved_box, overlap
from faceplate_training.detect_face.canvas import Scene
from faceplate_training.detect_face.export import open_weights
from faceplate_training.detect_face.recording import Grain, record
from faceplate_training.detect_face.scenes import Director
from faceplate_training.detect_face.sources import WITNESS, Album, Teacher, processes

SCENES = 4000
"""How many are looked at."""

DOUBTED = 0.2
"""What scores less after both looks is no face already."""

KNOWN = 0.6
"""True faces that score this are kept only now and then, see KNOWN_SHARE: they teach little."""

KNOWN_SHARE = 0.12

STRANGER = 0.3
"""What overlaps no face by more is a mistake; a true face overlaps by SAME."""

SAME = 0.4
LARGER = 1.8
"""A face this many times as large as a mistake on it (an ear) is no part of that close-up's truth."""


@dataclass(frozen=True)
class Task:
    """What the processes that look need to know."""

    cache: Path
    weights: Path
    teacher: Path
    seed: int
    side: int


def mine(task: Task, *, scenes: int = SCENES) -> None:
    """Fill `task.cache` with mined.raw, (N, CLOSE_UP, CLOSE_UP, 3) uint8, and mined.json, the truth row by row.

    Every scene has a generator of its own, so the result does not depend on how many processes share the work.
    """
    if (task.cache / "mined.json").exists():
        return
    rows: list[dict] = []
    jobs = [(task, number) for number in range(scenes)]
    with open(task.cache / "mined.raw", "wb") as store, processes() as pool:
        for found in pool.imap(_look_over, jobs, chunksize=32):
            for scene, truly in found:
                store.write(scene.pixels.tobytes())
                rows.append(
                    {
                        "face": truly,
                        "boxes": scene.boxes.tolist(),
                        "points": scene.points.tolist(),
                        "asked": scene.asked.tolist(),
                    }
                )
    (task.cache / "mined.json").write_text(json.dumps(rows))


class Mined:
    """The close-ups, mapped from disk."""

    def __init__(self, cache: Path) -> None:
        self.rows = json.loads((cache / "mined.json").read_text())
        self.raw = np.memmap(cache / "mined.raw", np.uint8, "r").reshape(-1, CLOSE_UP, CLOSE_UP, 3)
        true = np.array([row["face"] for row in self.rows], bool)
        self.kinds = [numbers for numbers in (np.flatnonzero(~true), np.flatnonzero(true)) if len(numbers)]

    def scene(self, rng: np.random.Generator) -> Scene:
        """One of them, a mistake as often as a face, mirrored or not."""
        numbers = self.kinds[int(rng.integers(len(self.kinds)))]
        number = int(rng.choice(numbers))
        row = self.rows[number]
        scene = Scene(
            np.array(self.raw[number]),
            np.array(row["boxes"], np.float32).reshape(-1, 4),
            np.array(row["points"], np.float32).reshape(-1, 5, 2),
            np.array(row["asked"], bool),
        )
        return scene.mirrored() if rng.random() < 0.5 else scene


class _Looker:
    """One process's own eyes."""

    def __init__(self, task: Task) -> None:
        cv2.setNumThreads(1)
        self.task, self.grain = task, Grain(task.seed)
        self.net: Net = open_weights(task.weights, threads=1)
        self.teacher = Teacher(task.teacher, threshold=STRANGER)
        self.director = Director(Album(task.cache), task.side, Teacher(task.teacher, threshold=WITNESS))

    def over(self, number: int) -> list[tuple[Scene, bool]]:
        """Close-ups of one scene's finds, each with whether it is a face."""
        rng = np.random.default_rng([self.task.seed, 2, number])
        scene = record(self.director.compose(rng), self.grain, rng)
        plate = Plate.of(scene.pixels.astype(np.float32) / np.float32(255))
        doubtful = self.teacher.faces(scene.pixels)[:, :4]
        kept = []
        for face in detect_faces(plate, self.net, threshold=DOUBTED, smallest=9):
            truly = is_face(face, scene, doubtful)
            if truly and (face.score < KNOWN or rng.random() < KNOWN_SHARE):
                kept.append((close_scene(plate, scene, face), True))
            elif truly is False:
                kept.append((close_scene(plate, without_larger(scene, face), face), False))
        return kept


@cache
def _looker(task: Task) -> _Looker:
    """One a process: opening nets costs more than many scenes."""
    return _Looker(task)


def _look_over(job: tuple[Task, int]) -> list[tuple[Scene, bool]]:
    return _looker(job[0]).over(job[1])


def is_face(face: Face, scene: Scene, doubtful: np.ndarray) -> bool | None:
    """Whether a find is a face that the scene asks for; None where that is open: faces too small, too hidden or only
    near, and what else the teacher may see, boxes (N, 4).
    """
    box = np.array(face.box, np.float32)
    share = overlap(box, scene.boxes)[0]
    if len(share) and share.max() >= SAME:
        return True if scene.asked[int(share.argmax())] else None
    near = np.concatenate([share, overlap(box, doubtful)[0]])
    return False if not len(near) or near.max() < STRANGER else None


def without_larger(scene: Scene, face: Face) -> Scene:
    """The scene's truth less the faces that are far larger than this find: an ear is no face, whosever it is."""
    keep = (scene.boxes[:, 3] - scene.boxes[:, 1]) < LARGER * face.height
    return Scene(scene.pixels, scene.boxes[keep], scene.points[keep], scene.asked[keep])


def close_scene(plate: Plate, scene: Scene, face: Face) -> Scene:
    """What the second look sees of a find, and where the scene's faces lie in it."""
    matrix: Matrix = close_up_matrix(np.array(face.box, np.float32), face.points)
    pixels = np.round(close_up(plate, matrix) * 255).astype(np.uint8)
    boxes = np.array([moved_box(box, matrix) for box in scene.boxes], np.float32).reshape(-1, 4)
    points = (scene.points @ matrix[:2, :2].T + matrix[:2, 2]).astype(np.float32)
    inside = np.clip(boxes, 0, CLOSE_UP)
    meets = ((inside[:, 2:] - inside[:, :2]) > 0).all(1)
    return Scene(pixels, boxes[meets], points[meets], scene.asked[meets])

"""Scenes by step and place: the same seed gives the same batch, on any machine and with any number of loaders."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from faceplate_training.detect_face.canvas import Scene
from faceplate_training.detect_face.mining import Mined
from faceplate_training.detect_face.recording import Grain, magnified, record
from faceplate_training.detect_face.scenes import Director
from faceplate_training.detect_face.sources import WITNESS, Album, Teacher

Batch = tuple[Tensor, list[tuple[Tensor, Tensor, Tensor]]]
"""Pictures (B, 3, S, S) uint8, and per picture boxes (N, 4), points (N, 5, 2), asked (N,)."""


@dataclass(frozen=True)
class Course:
    """What is shown when. From step `close_from` on every second batch is of close-ups; `mined` of
    those are what another net's first look found, see `mining`, and `mistakes` of the others are of what is no face.

    `side` and `size` are a scene's side in pixels and a batch's length; those of close-ups are chosen so that a batch
    costs about the same.
    """

    seed: int
    side: int = 256
    size: int = 16
    close_side: int = 192
    close_size: int = 28
    close_from: int = 0
    mistakes: float = 0.2
    mined: float = 0.0

    def is_close(self, step: int) -> bool:
        return step >= self.close_from and step % 2 == 1

    def numbers(self, step: int) -> list[tuple[int, int]]:
        """The pictures of one step, each a step and a place in its batch."""
        return [(step, place) for place in range(self.close_size if self.is_close(step) else self.size)]


class Scenes(Dataset):
    """Endless scenes; opens its album in the process that reads it."""

    def __init__(self, cache: Path, course: Course, teacher: Path) -> None:
        self.cache, self.course, self.teacher = cache, course, teacher
        self.wide: Director | None = None

    def __getitem__(self, number: tuple[int, int]) -> Scene:
        course = self.course
        if self.wide is None:
            cv2.setNumThreads(1)
            album = Album(self.cache)
            witness = Teacher(self.teacher, threshold=WITNESS)
            self.wide = Director(album, course.side, witness)
            self.close = Director(album, course.close_side, witness)
            self.grain = Grain(course.seed)
            self.mined = Mined(self.cache) if course.mined else None
        step, place = number
        if course.is_close(step):
            rng = np.random.default_rng([course.seed, step, place])
            if self.mined is not None and rng.random() < course.mined:
                return self.mined.scene(rng)
            if rng.random() < course.mistakes:
                scene = record(self.wide.mistake(rng), self.grain, rng)
                return magnified(scene, rng, course.close_side)
            return record(self.close.close_up(rng), self.grain, rng)
        rng = np.random.default_rng([course.seed, step * course.size + place])
        return record(self.wide.compose(rng), self.grain, rng)


def collate(scenes: list[Scene]) -> Batch:
    """Scenes as tensors."""
    pictures = torch.from_numpy(np.stack([scene.pixels for scene in scenes])).permute(0, 3, 1, 2)
    faces = [
        (torch.from_numpy(s.boxes), torch.from_numpy(s.points), torch.from_numpy(s.asked)) for s in scenes
    ]
    return pictures, faces


def batches(
    cache: Path, course: Course, teacher: Path, *, start: int, steps: int, loaders: int
) -> Iterator[Batch]:
    """The batches of steps `start` to `steps`, prepared by `loaders` processes ahead of time."""
    numbers = [course.numbers(step) for step in range(start, steps)]
    return iter(
        DataLoader(
            Scenes(cache, course, teacher),
            batch_sampler=numbers,
            collate_fn=collate,
            num_workers=loaders,
            prefetch_factor=4 if loaders else None,
        )
    )

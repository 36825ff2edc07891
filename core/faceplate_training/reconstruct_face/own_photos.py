"""Photos of somebody's own, for fine-tuning: with 68 points beside them where somebody set them, else without."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.points_file import read_points
from faceplate_training.landmarks_face.views import Shown, cut_about_faces
from faceplate_training.photos import Frame, Photo, Teacher, cut_frame
from faceplate_training.renders.london import read_photo

PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
POINTS = (".pts", ".json", ".pts189.txt")


@dataclass(frozen=True)
class OwnPhotos:
    """`marked`: those with points, or None; `untold`: all others, cut by a detector's five points."""

    marked: Shown | None
    untold: list[Frame]


def own_photos(folder: Path, head: HeadModel, teacher: Teacher) -> OwnPhotos:
    """All pictures of a folder. Points lie beside a picture under its name, as `read_points` reads them.

    Raises:
        FileNotFoundError: no picture in the folder shows a face.
    """
    marked, untold = [], []
    for path in sorted(each for each in folder.iterdir() if each.suffix.lower() in PICTURES):
        pixels = read_photo(path)
        beside = next((found for found in map(path.with_suffix, POINTS) if found.is_file()), None)
        if beside is not None:
            marked.append((pixels, read_points(beside)))
            continue
        five = teacher.points(pixels)
        if five is not None:
            untold.append(cut_frame(pixels, five, Photo(path, path.stem, "own")))
    if not marked and not untold:
        raise FileNotFoundError(
            f"{folder} holds no picture with a face ({', '.join(PICTURES)}); give a folder of photos, at best with "
            "their 68 points beside them (.pts or .json)."
        )
    return OwnPhotos(cut_about_faces(marked, head) if marked else None, untold)


def joined(first: Shown, second: Shown) -> Shown:
    """Both, in this order."""
    return Shown(
        *(
            np.concatenate([getattr(each, name) for each in (first, second)])
            for name in Shown.__dataclass_fields__
        )
    )

"""What an analysis sees of each frame, kept line by line so that a stopped one goes on where it was."""

import base64
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from faceplate.faces import Face
from faceplate.farm.shot_files import OWNER_ONLY
from faceplate.frames.looking import Seen
from faceplate.restore.film_fields import Combing
from faceplate.stabilise.cuts import THUMBNAIL
from faceplate.stages.follow import Sighting
from faceplate.stages.grain import grain_of
from faceplate_client.errors import OutputError


class Notes:
    """The notes of an analysis that is under way: a hidden file beside the shot, only its owner may read it.

    Its first line says what the analysis was asked for; notes of another question are begun again.
    """

    def __init__(self, path: Path, asked: Mapping[str, Any], *, resume: bool) -> None:
        """Open the notes beside the shot `path`.

        Raises:
            OutputError: they cannot be written there.
        """
        self.path = notes_beside(path)
        self.earlier: dict[int, Seen] = {}
        head = json.dumps(asked, sort_keys=True)
        lines = self._read() if resume else []
        if lines and lines[0] == head:
            self.earlier = {seen.frame: seen for line in lines[1:] if (seen := _seen(line)) is not None}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                self.path.unlink()  # one that others may read would stay so
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, OWNER_ONLY)
        except OSError as error:
            raise self._refused(error) from error
        self._write(head)
        for seen in self.earlier.values():
            self.add(seen)

    def add(self, seen: Seen) -> None:
        """Note a frame.

        Raises:
            OutputError: the disk is full.
        """
        self._write(_line(seen))

    def close(self, *, done: bool) -> None:
        """Close the notes; `done` removes them."""
        os.close(self._file)
        if done:
            with suppress(OSError):
                self.path.unlink()

    def _read(self) -> list[str]:
        try:
            return self.path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError):
            return []

    def _write(self, line: str) -> None:
        content = line.encode() + b"\n"
        try:
            if os.write(self._file, content) < len(content):
                raise OSError(28, "No space left on device")
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.path} cannot be written ({error.strerror}); make room, or choose another -o"
        )


def notes_beside(path: Path) -> Path:
    """Where the notes for a shot file lie."""
    return path.with_name(f".{path.name}.notes")


def _line(seen: Seen) -> str:
    faces = [
        {
            "box": list(sighting.face.box),
            "points": np.asarray(sighting.face.points, np.float64).tolist(),
            "score": sighting.face.score,
            "quality": sighting.face.quality,
            "landmarks": None
            if sighting.face.landmarks is None
            else _packed(sighting.face.landmarks, np.float32),
            "turn": sighting.face.turn,
            "identity": None if sighting.identity is None else _packed(sighting.identity, np.float32),
        }
        for sighting in seen.faces
    ]
    grain = seen.grain
    words = {
        "frame": seen.frame,
        "hash": seen.hash,
        "size": seen.size,
        "faces": faces,
        "small": _packed(seen.small, np.float16),
        "grain": None if grain is None else {key: value.tolist() for key, value in vars(grain).items()},
        "combing": None if seen.combing is None else vars(seen.combing),
    }
    return json.dumps(words)


def _seen(line: str) -> Seen | None:
    """A frame from its line, or None where the line was cut off by a kill."""
    try:
        words = json.loads(line)
        frame, (width, height) = int(words["frame"]), words["size"]
        faces = tuple(_sighting(frame, face) for face in words["faces"])
        small = _unpacked(words["small"], np.float16).reshape(THUMBNAIL[1], THUMBNAIL[0], 3)
        grain = None if words["grain"] is None else grain_of(words["grain"])
        combing = None if words["combing"] is None else Combing(**words["combing"])
        return Seen(frame, str(words["hash"]), (int(width), int(height)), faces, small, grain, combing)
    except (ValueError, KeyError, TypeError):
        return None


def _sighting(frame: int, words: Mapping[str, Any]) -> Sighting:
    x0, y0, x1, y1 = words["box"]
    face = Face((x0, y0, x1, y1), np.array(words["points"], np.float32), words["score"], words["quality"])
    if words["landmarks"] is not None:
        x, y, z = words["turn"]
        landmarks = _unpacked(words["landmarks"], np.float32).reshape(68, 2)
        face = replace(face, landmarks=landmarks, turn=(x, y, z))
    identity = words["identity"]
    return Sighting(frame, face, None if identity is None else _unpacked(identity, np.float32))


def _packed(array: np.ndarray, kind: type) -> str:
    return base64.b64encode(np.ascontiguousarray(array, kind).tobytes()).decode()


def _unpacked(text: str, kind: type) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)

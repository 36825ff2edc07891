"""Planes in shared buffers and jobs over them, as the engine gets them, without any socket."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from faceplate.engine.jobs import Job
from faceplate.engine.plane_store import PlaneStore, planes_of
from faceplate.plate import Plate
from faceplate_client.planes import Buffer
from faceplate_client.wire import Kind

CHANNELS = {1: "A", 3: "RGB", 4: "RGBA"}


class Table:
    """One client's buffers and the jobs over them. `plate`: the first plane's words; `inputs`: all that are sent."""

    def __init__(self, pixels: np.ndarray, window: Sequence[int], **meaning: Any) -> None:
        self.store, self.buffers = PlaneStore(), []
        self.answers: list[tuple[Kind, dict[str, Any]]] = []
        self.inputs: dict[str, dict[str, Any]] = {}
        self.plate = self.add("plate", pixels, window, **meaning)

    @classmethod
    def of(cls, plate: Plate, colourspace: str) -> "Table":
        """A table with a plate on it."""
        return cls(pixels_of(plate), window_of(plate), **meaning_of(plate, colourspace))

    def add(self, name: str, pixels: np.ndarray, window: Sequence[int], **meaning: Any) -> dict[str, Any]:
        """One more plane to send."""
        self.inputs[name] = self.words(pixels.shape[2], window, **meaning)
        self.view(self.inputs[name])[...] = pixels
        return self.inputs[name]

    def add_plate(self, plate: Plate, colourspace: str) -> None:
        """One more plate of the same shot, named by its distance."""
        name = f"plate{plate.frame - self.plate['frame']:+d}"
        self.add(name, pixels_of(plate), window_of(plate), **meaning_of(plate, colourspace))

    def words(self, depth: int, window: Sequence[int], **meaning: Any) -> dict[str, Any]:
        """A new plane in a buffer of its own, rows padded, as docs/wire.md describes one."""
        number, width, height = len(self.buffers) + 1, window[2] - window[0], window[3] - window[1]
        row = width * depth * 4 + 16
        self.buffers.append(Buffer(number, row * height))
        self.store.share(number, row * height, self.buffers[-1].fd)
        usual = {"colourspace": "data", "alpha": "none"} if depth == 1 else {}
        return {
            "buffer": number, "offset": 0, "row_bytes": row, "channels": CHANNELS[depth], "dtype": "float32",
            "data_window": list(window), "display_window": [0, 0, width, height], "frame": 7, "colourspace": "srgb",
            "alpha": "premultiplied" if depth == 4 else "none", **usual, **meaning,
        }  # fmt: skip

    def like_plate(self) -> dict[str, Any]:
        """A new plane in the likeness of the first."""
        wanted = ("data_window", "display_window", "colourspace", "alpha", "frame")
        given = {name: self.plate[name] for name in wanted}
        return self.words(len(self.plate["channels"]), given.pop("data_window"), **given)

    def matte(self) -> dict[str, Any]:
        """A new matte over the first plane's data window."""
        return self.words(1, self.plate["data_window"])

    def view(self, words: dict[str, Any]) -> np.ndarray:
        """The pixels of a plane."""
        return self.store.plane(words).pixels

    def job(self, outputs: dict[str, Any], operation: str = "restore", **params: Any) -> Job:
        """A request with every input there is."""
        inputs, planes = planes_of(
            self.store, {"inputs": {**self.inputs, "plate": self.plate}, "outputs": outputs}
        )
        return Job(
            "test", 1, operation, params, inputs, planes, True,
            lambda job, kind, body: self.answers.append((kind, body)), began=1.0,
        )  # fmt: skip


def pixels_of(plate: Plate) -> np.ndarray:
    return plate.pixels if plate.alpha is None else np.dstack([plate.pixels, plate.alpha])


def window_of(plate: Plate) -> tuple[int, int, int, int]:
    window = plate.data_window
    return (window.x0, window.y0, window.x1, window.y1)


def meaning_of(plate: Plate, colourspace: str) -> dict[str, Any]:
    window = plate.display_window
    display = [window.x0, window.y0, window.x1, window.y1]
    return {
        "colourspace": colourspace,
        "alpha": plate.alpha_kind,
        "frame": plate.frame,
        "display_window": display,
    }

"""The plug-in at work: its bundle in our OFX host, and an engine in a thread whose nets are a few lines of numpy."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from faceplate.engine.jobs import Job
from faceplate.engine.plane_store import EnginePlane
from faceplate.ofx_host.clips import ClipFacts, Preferences, Window
from faceplate.ofx_host.effect import Effect
from faceplate.ofx_host.images import floats_of, image_of
from faceplate.ofx_host.instance import Instance
from faceplate.ofx_host.rendering import render_frame
from faceplate_client.wire import operations_hash
from tests.support.ofx_hosting import built_bundle, opened

RESTORE, MATTE, STEADY, VEIL = EFFECTS = tuple(
    f"studio.faceplate.{each}" for each in ("restore", "matte", "steady", "veil")
)

SIZE = (9, 6)
WINDOW = (0, 0, 9, 6)
"""The picture of these tests: width and height; the whole of it, in pixels, y up."""

LIFT = 0.25
"""What the stand-in for a restorer adds to the colour of a face."""


FACE = np.zeros((6, 9), np.float32)
FACE[1:3, 2:5] = 1.0
"""Where `Faces` finds a face on it, row 0 at the top."""


class Faces:
    """Every operation, with one face on the display window's pixels 2 to 5 across and 1 to 3 down.

    `asked`: for every request its operation, its params and its plate, without the pixels; `around`: the planes
    around the plate, copied, by name.
    """

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.work = dict.fromkeys(("restore", "matte", "steady", "veil"), self)

    def __call__(self, job: Job) -> Mapping[str, Any]:
        """Carry a request out."""
        plate = job.inputs["plate"]
        facts = {name: value for name, value in vars(plate).items() if name != "pixels"}
        windows = {name: dataclasses.astuple(facts[name]) for name in ("data_window", "display_window")}
        request = {"operation": job.operation, "params": dict(job.params), "outputs": sorted(job.outputs)}
        around = {name: _copied(plane) for name, plane in job.inputs.items() if name != "plate"}
        self.asked.append({**facts, **windows, **request, "around": around})
        face = np.zeros(plate.pixels.shape[:2], np.float32)
        x0, y0 = plate.data_window.x0, plate.data_window.y0
        face[max(0, 1 - y0) : max(0, 3 - y0), max(0, 2 - x0) : max(0, 5 - x0)] = 1.0
        with job.writing():
            if "plate" in job.outputs:
                job.outputs["plate"].pixels[...] = lifted(plate.pixels, face)
            if "matte" in job.outputs:
                job.outputs["matte"].pixels[..., 0] = face
        return {"faces": []}


def _copied(plane: EnginePlane) -> EnginePlane:
    return dataclasses.replace(plane, pixels=plane.pixels.copy())


def lifted(pixels: np.ndarray, face: np.ndarray) -> np.ndarray:
    """(H, W, C) with LIFT added to the colour where `face` (H, W) is not 0; alpha as it was."""
    found = pixels.copy()
    found[..., :3] = np.where(face[..., None] > 0, pixels[..., :3] + np.float32(LIFT), pixels[..., :3])
    return found


@contextmanager
def plugin(identifier: str, profile: str = "full") -> Iterator[Effect]:
    """An effect of the plug-in's; skips where the bundle is missing, or older than operations.json."""
    bundle = built_bundle("Faceplate")
    if not any(operations_hash().encode() in path.read_bytes() for path in bundle.rglob("*.ofx")):
        pytest.skip("Faceplate.ofx.bundle is older than operations.json: run build.py")
    with opened(identifier, profile, "Faceplate") as effect:
        yield effect


@contextmanager
def at_work(
    effect: Effect,
    pixels: np.ndarray,
    *,
    origin: tuple[int, int] = (0, 0),
    context: str | None = None,
    project: tuple[float, float] | None = None,
    image: Mapping[str, Any] | None = None,
    frames: Callable[[float], np.ndarray | None] | None = None,
    **facts: Any,
) -> Iterator[Instance]:
    """An instance whose Source shows these floats, (H, W, C), row 0 at the top, its lower left corner at `origin`.

    `project`: the project's size, else the source's. `image`: more of the image's form, as for `images.new_image`.
    `frames`: what it shows at a time instead, None where a frame is missing; the clip lasts from -10 to 10.
    """
    height, width = pixels.shape[:2]
    names = {4: "RGBA", 3: "RGB", 1: "Alpha"}
    x, y = float(origin[0]), float(origin[1])
    region = (x, y, x + width, y + height)
    told = ClipFacts(region, components=names[pixels.shape[2]], frame_range=(-10.0, 10.0), **facts)
    chosen = context or effect.contexts[0]
    with effect.create(
        chosen, size=project or (float(width), float(height)), frame_range=(-10.0, 10.0)
    ) as instance:

        def fetch(time: float) -> Any:
            settled, shown = settled_of(instance), frames(time) if frames else pixels
            if shown is None:
                return None
            form = {
                "premultiplication": told.premultiplication,
                "pixel_aspect": told.pixel_aspect,
                **(image or {}),
            }
            components, depth = settled.components["Source"], settled.depths["Source"]
            return image_of(shown, origin, depth=depth, components=components, **form)

        instance.connect("Source", told, fetch)
        instance.clip_preferences()
        yield instance


def settled_of(instance: Instance) -> Preferences:
    """What was settled of its clips."""
    assert instance.preferences is not None
    return instance.preferences


def rounded(pixels: np.ndarray, depth: str) -> np.ndarray:
    """Floats as an image of a depth holds them."""
    names = {4: "RGBA", 3: "RGB", 1: "Alpha"}
    return floats_of(image_of(pixels, depth=depth, components=names[pixels.shape[2]]))


def picture(channels: int = 4, seed: int = 1, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W, C), 0 to 0.7, exact in 8 bits."""
    random = np.random.default_rng(seed)
    return (random.integers(0, 180, (size[1], size[0], channels)) / 255.0).astype(np.float32)


def rendered(instance: Instance, window: Window = WINDOW, time: float = 1.0, **more: Any) -> np.ndarray:
    """A frame's floats; nothing was written outside the window, and every image was given back."""
    found = render_frame(instance, time, window, **more)
    assert found.identity is None
    assert found.image.intact and instance.running.images_out == 0
    return floats_of(found.image)


def connect_mask(instance: Instance, mask: np.ndarray, origin: tuple[int, int]) -> None:
    """Connect a Mask, (H, W, 1), its lower left corner at `origin`."""
    x, y = float(origin[0]), float(origin[1])
    region = (x, y, x + mask.shape[1], y + mask.shape[0])

    def fetch(_time: float) -> Any:
        return image_of(mask, origin, depth=settled_of(instance).depths["Mask"], components="Alpha")

    instance.connect("Mask", ClipFacts(region, components="Alpha"), fetch)
    instance.clip_preferences()

"""Steady and Veil in our host, over the engine's own operations: what the command gives for the same plates."""

import numpy as np
import OpenImageIO as oiio
import pytest

from faceplate.cli.__main__ import main
from faceplate.engine.work import WORK
from tests.core.cli.conftest import pixels_of, save
from tests.support.engines import engine_in
from tests.support.model_folder import add_stub_pack
from tests.support.ofx_faces import STEADY, VEIL, at_work, plugin, rendered
from tests.support.plates import make_picture

pytestmark = pytest.mark.slow

WIDTH, HEIGHT = 256, 192
WINDOW = (0, 0, WIDTH, HEIGHT)
FIRST, MIDDLE, LAST = 1, 3, 5


@pytest.fixture
def engine(folder, tmp_path, monkeypatch):
    """An engine with all it can do, on stub models: green is a face, restoring it doubles its detail."""
    monkeypatch.setenv("FACEPLATE_MODELS", str(add_stub_pack(tmp_path / "models")))
    with engine_in(folder, idle=60.0, **WORK):
        yield


def frame_at(time: float, faces: bool = True) -> np.ndarray:
    """(H, W, 4): a camera that pans two pixels a frame past a green face, with grain of its own."""
    step = 2 * (round(time) - FIRST)
    world = make_picture(400, 240, seed=3, finest=3.0) * np.array([1.0, 0.4, 1.0], np.float32)
    pixels = 0.5 * world[20 : 20 + HEIGHT, 20 + step : 20 + WIDTH + step]
    if faces:
        pixels[80:104, 60 - step : 84 - step] = (0.05, 0.9, 0.05)
    pixels = pixels + np.random.default_rng(round(time)).normal(0, 0.01, pixels.shape)
    return np.dstack([pixels, np.ones(pixels.shape[:2])]).astype(np.float32)


def shown_at(time: float) -> np.ndarray | None:
    return frame_at(time) if FIRST <= time <= LAST else None


def by_command(folder, *words) -> np.ndarray:
    """The middle frame as the command writes it from EXR files of the same plates."""
    for frame in range(FIRST, LAST + 1):
        spec = oiio.ImageSpec(WIDTH, HEIGHT, 4, oiio.FLOAT)
        spec.channelnames = ("R", "G", "B", "A")
        save(folder / "in" / f"take.{frame:04d}.exr", spec, frame_at(frame))
    told = ["restore", folder / "in", "-o", folder / "out", "--quiet", "--frames", MIDDLE, *words]
    assert main([str(word) for word in told]) == 0
    channels = pixels_of(next((folder / "out").glob("*.exr")))
    return np.dstack([channels[name] for name in "RGBA"])


def test_steady_gives_what_the_command_gives(engine, tmp_path):
    wanted = by_command(tmp_path, "--steady", 1)
    with (
        plugin(STEADY, "nuke") as effect,
        at_work(effect, frame_at(MIDDLE), frames=shown_at) as instance,
    ):
        after = rendered(instance, WINDOW, time=MIDDLE)
        np.testing.assert_array_equal(after, wanted)
        instance.set("radius", 0)
        alone = rendered(instance, WINDOW, time=MIDDLE)
    assert (after != frame_at(MIDDLE)).any() and (alone != after).any(), "neighbours count"


def test_everybody_else_is_veiled(engine, tmp_path):
    with plugin(VEIL, "nuke") as effect, at_work(effect, frame_at(MIDDLE), frames=shown_at) as instance:
        veiled = rendered(instance, WINDOW, time=MIDDLE)
        instance.set("faces", "1")
        instance.set("anonymise_others", 1)
        spared = rendered(instance, WINDOW, time=MIDDLE)
    before = frame_at(MIDDLE)
    face = np.s_[80:104, 56:80]
    assert (veiled[face][..., :3] != before[face][..., :3]).any()
    np.testing.assert_array_equal(spared[face], before[face])


def test_a_face_that_is_lost_for_a_frame_stays_veiled(engine):
    """What it is for that Veil looks around: the detector sees nothing on the frame itself."""

    def lost(time: float) -> np.ndarray | None:
        return frame_at(time, faces=time != MIDDLE) if FIRST <= time <= LAST else None

    before = frame_at(MIDDLE, faces=False)
    with plugin(VEIL, "nuke") as effect, at_work(effect, before, frames=lost) as instance:
        after = rendered(instance, WINDOW, time=MIDDLE)
    assert (after[85:99, 61:75, :3] != before[85:99, 61:75, :3]).any()

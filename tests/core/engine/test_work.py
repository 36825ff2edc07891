"""What the engine does for `restore`: the same pixels as the pipeline alone, into the client's own memory."""

import numpy as np
import pytest

from faceplate.engine import work
from faceplate.engine.nets import models_in_use
from faceplate.operations import open_restore, restore_request
from faceplate.plate import Plate, Rect
from faceplate.restore.pipeline import restore_frame
from faceplate.runtime import pool
from faceplate.stages.detect import detect_faces
from faceplate_client.errors import Cancelled, RequestError
from faceplate_client.wire import Kind, encode
from tests.support.engine_planes import Table
from tests.support.model_folder import add_stub_pack
from tests.support.plates import make_plate

WINDOW = (-16, 8, 224, 200)


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """Stub models: green is a face, restoring it doubles its detail."""
    folder = add_stub_pack(tmp_path_factory.mktemp("models"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEPLATE_MODELS", str(folder))
        yield folder


def rgba(alpha: float = 0.5) -> np.ndarray:
    """A plate with one green face on it."""
    plate = make_plate(240, 192, seed=3)
    pixels = plate.pixels * np.array([1.0, 0.4, 1.0], np.float32)
    pixels[80:100, 100:120] = (0.1, 0.9, 0.1)
    return np.dstack([pixels, np.full((192, 240), alpha, np.float32)]).astype(np.float32)


def alone(pixels: np.ndarray, **params):
    """The same frame through the pipeline, without any engine."""
    alpha = np.ascontiguousarray(pixels[..., 3]) if pixels.shape[2] == 4 else None
    plate = Plate(
        np.ascontiguousarray(pixels[..., :3]), 7, Rect(*WINDOW), Rect(0, 0, 240, 192), alpha=alpha,
        alpha_kind="none" if alpha is None else "premultiplied",
    )  # fmt: skip
    request = restore_request(params)
    tools = open_restore(upscale=request.params.wants_upscale)
    faces = request.chosen(detect_faces(plate, tools.detector, smallest=request.smallest))
    return restore_frame(plate, faces, nets=tools.nets, params=request.params)


@pytest.mark.parametrize("depth", [3, 4])
def test_the_engine_gives_what_the_pipeline_gives_alone(pack, depth):
    pixels = rgba()[..., :depth]
    table = Table(pixels, WINDOW)
    output, matte, invented = table.words(depth, WINDOW), table.words(1, WINDOW), table.words(1, WINDOW)
    report = work.restore(table.job({"plate": output, "matte": matte, "invented": invented}))
    expected = alone(pixels)
    assert expected.matte.any(), "the stub pack no longer finds the face"
    np.testing.assert_array_equal(table.view(output)[..., :3], expected.plate.pixels)
    np.testing.assert_array_equal(table.view(matte)[..., 0], expected.matte)
    np.testing.assert_array_equal(table.view(invented)[..., 0], expected.invented)
    np.testing.assert_array_equal(table.view(table.plate), pixels)
    if depth == 4:
        np.testing.assert_array_equal(table.view(output)[..., 3], pixels[..., 3])
    assert [face["status"] for face in report["faces"]] == [face.status for face in expected.faces]
    encode(Kind.RESULT, 1, {"report": report, "seconds": 1.0})


def test_in_place_only_the_faces_change(pack):
    pixels = rgba()
    table = Table(pixels, WINDOW)
    work.restore(table.job({"plate": table.plate}))
    expected = alone(pixels)
    np.testing.assert_array_equal(table.view(table.plate)[..., :3], expected.plate.pixels)
    np.testing.assert_array_equal(table.view(table.plate)[..., 3], pixels[..., 3])


def test_a_plate_without_faces_passes_bit_for_bit(pack):
    pixels = make_plate(240, 192, seed=3).pixels * np.array([1.0, 0.4, 1.0], np.float32)
    pixels[5, 5] = (np.nan, np.inf, -3.0)
    table = Table(pixels, WINDOW)
    output = table.words(3, WINDOW)
    report = work.restore(table.job({"plate": output}))
    assert report["faces"] == []
    assert table.view(output).tobytes() == pixels.tobytes()


def test_twice_the_size_wants_an_output_of_twice_the_size(pack):
    pixels = rgba()
    table = Table(pixels, WINDOW)
    double = [2 * corner for corner in WINDOW]
    output, matte = table.words(4, double, display_window=[0, 0, 480, 384]), table.words(1, double)
    work.restore(table.job({"plate": output, "matte": matte}, scale=2))
    expected = alone(pixels, scale=2)
    np.testing.assert_array_equal(table.view(output)[..., :3], expected.plate.pixels)
    with pytest.raises(RequestError) as told:
        work.restore(table.job({"plate": table.words(4, WINDOW)}, scale=2))
    assert told.value.code == "request.plane"


@pytest.mark.parametrize(
    "depth, change",
    [
        (3, {}),
        (4, {"colourspace": "lin_rec709"}),
        (4, {"alpha": "straight"}),
        (4, {"display_window": [0, 0, 240, 191]}),
    ],
)
def test_an_output_that_means_something_else_is_refused(pack, depth, change):
    table = Table(rgba(), WINDOW)
    with pytest.raises(RequestError) as told:
        work.restore(table.job({"plate": table.words(depth, WINDOW, **change)}))
    assert told.value.code == "request.plane"


def test_outputs_nobody_knows_and_no_outputs_are_refused(pack):
    table = Table(rgba(), WINDOW)
    for outputs in ({}, {"depth": table.words(1, WINDOW)}):
        with pytest.raises(RequestError, match="restore gives"):
            work.restore(table.job(outputs))


def test_parameters_are_checked_by_the_engine(pack):
    table = Table(rgba(), WINDOW)
    for params in ({"strength": 7}, {"colour": "red"}, {"strength": True}):
        with pytest.raises(RequestError):
            work.restore(table.job({"plate": table.plate}, "restore", **params))


def test_an_unknown_colour_space_is_refused(pack):
    table = Table(rgba(), WINDOW)
    table.plate = {**table.plate, "colourspace": "no such space"}
    with pytest.raises(RequestError) as told:
        work.restore(table.job({"plate": table.plate}))
    assert told.value.code == "plate.space"


def test_a_cancel_is_honoured_before_every_net_and_nothing_is_written(pack):
    stages = {"detect", "restore", "likeness", "write"}
    for wanted in stages:
        table = Table(rgba(), WINDOW)
        output = table.words(4, WINDOW)
        job = table.job({"plate": output})
        stage = job.stage

        def until(name, done, wanted=wanted, job=job, stage=stage):
            if name == wanted:
                job.take_back(Cancelled("enough"))
            stage(name, done)

        job.stage = until
        with pytest.raises(Cancelled):
            work.restore(job)
        assert not table.view(output).any()


def test_each_model_is_loaded_once_for_everybody(pack, monkeypatch):
    monkeypatch.setattr(pool, "_open", {})
    assert models_in_use() == []
    for _ in range(3):
        table = Table(rgba(), WINDOW)
        work.restore(table.job({"plate": table.plate}))
    used = models_in_use()  # the stubs, and what the open pack has for tasks that no stub serves
    assert {f"{stub}@1.0.0" for stub in ("crisper", "finder", "mean-colour", "content")} <= set(used)
    assert len(pool._open) == len(used)

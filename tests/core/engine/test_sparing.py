"""Where memory is short: the same faces from smaller pieces, then the CPU, and the reply says so."""

from copy import copy
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnxruntime.capi import onnxruntime_pybind11_state as state  # pyright: ignore[reportAttributeAccessIssue]

from faceplate import operations
from faceplate.engine import work
from faceplate.engine.sparing import OVERLAP, PIECE, in_tiles, one_by_one, starts
from faceplate.operations import RestoreTools, open_restore
from faceplate.plate import Plate
from faceplate.restore.pipeline import RestoreNets
from faceplate.stages.detect import detect_faces
from faceplate_client.errors import EngineError
from faceplate_client.wire import Kind, encode
from tests.support.engine_planes import Table
from tests.support.model_folder import add_stub_pack
from tests.support.plates import make_picture

WINDOW = (0, 0, 700, 400)


@pytest.fixture(scope="module", autouse=True)
def pack(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEPLATE_MODELS", str(add_stub_pack(tmp_path_factory.mktemp("models"))))
        yield


def plate() -> Plate:
    """A plate with three green faces, one of them across the seams of smaller tiles."""
    pixels = make_picture(WINDOW[2], WINDOW[3], seed=5) * np.array([0.8, 0.3, 0.8], np.float32)
    for x, y in ((100, 100), (300, 180), (560, 300)):
        pixels[y : y + 24, x : x + 24] = (0.1, 0.9, 0.1)
    return Plate.of(pixels)


class Choking:
    """A net on a device that has no room for a batch of more than `most` values."""

    def __init__(self, net, most: int) -> None:
        self._net, self.most, self.tried = net, most, 0
        self.id, self.template, self.seconds = net.id, net.template, 0.0

    def __call__(self, batch):
        self.tried += 1
        if batch.size > self.most:
            raise EngineError(f"{self.id} ran out of memory.", code="engine.memory")
        return self._net(batch)


@pytest.fixture
def short(monkeypatch):
    """Sets how many values a batch may have on the first device, for each of the nets; the CPU takes any."""
    really = open_restore

    def use(*, detector: int = 1 << 40, restore: int = 1 << 40, identity: int = 1 << 40, cpu: bool = True):
        usual = really()
        assert usual.nets.identity is not None
        nets = RestoreNets(Choking(usual.nets.restore, restore), Choking(usual.nets.identity, identity))
        poor = RestoreTools(Choking(usual.detector, detector), nets, usual.models)
        monkeypatch.setattr(
            operations, "open_restore", lambda device="auto": usual if cpu and device == "cpu" else poor
        )
        return poor

    return use


def restored():
    table = Table.of(plate(), "srgb")
    output = table.like_plate()
    report = work.restore(table.job({"plate": output}))
    encode(Kind.RESULT, 1, {"report": report, "seconds": 1.0})
    return report, table.view(output).copy()


@given(st.integers(1, 200))
def test_tiles_cover_a_side_and_reach_into_each_other(blocks):
    length = 32 * blocks
    found = starts(length)
    assert found[0] == 0 and found == sorted(set(found)) and all(start % 32 == 0 for start in found)
    assert max(found[-1] + PIECE, length) == max(length, PIECE)
    assert all(after - before <= PIECE - OVERLAP for before, after in pairwise(found))


class InTiles(Choking):
    """A net that always works in smaller tiles."""

    def __init__(self, net) -> None:
        super().__init__(net, 0)
        self._net = in_tiles(net)

    def __call__(self, batch):
        return self._net(batch)


def test_smaller_tiles_find_the_same_faces():
    """Within a stub's cell: it takes every green cell for a face, and those that a seam cuts count elsewhere."""
    tools = open_restore()
    whole, pieces = (
        sorted(detect_faces(plate(), net), key=lambda face: face.box)
        for net in (tools.detector, InTiles(tools.detector))
    )
    assert len(whole) == 3
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(other.box, one.box, atol=3.0)
        np.testing.assert_allclose(other.points, one.points, atol=3.0)


def test_a_batch_in_parts_is_the_same_batch():
    net = open_restore().detector
    batch = np.random.default_rng(1).random((3, 3, 64, 96), np.float32)
    np.testing.assert_array_equal(one_by_one(net)(batch)[0], net(batch)[0])


def test_where_there_is_room_nothing_is_said(short):
    usual = restored()
    short()
    report, pixels = restored()
    assert "notes" not in report
    np.testing.assert_array_equal(pixels, usual[1])


def test_a_detector_that_does_not_fit_works_in_smaller_tiles(short):
    tools = short(detector=3 * PIECE * PIECE)
    report, _ = restored()
    assert [face["status"] for face in report["faces"]] == ["restored"] * 3
    assert report["notes"] == ["The device ran out of memory: finder@1.0.0 worked in smaller pieces."]
    assert tools.detector.tried > 4, "the job goes on the way that worked"


@pytest.mark.parametrize("which", ["detector", "restore", "identity"])
def test_a_net_that_fits_in_no_piece_works_on_the_cpu(short, which):
    usual = restored()
    short(**{which: 0})
    report, pixels = restored()
    assert [face["status"] for face in report["faces"]] == [face["status"] for face in usual[0]["faces"]]
    assert len(report["notes"]) == 2 and report["notes"][1].endswith("worked on the CPU.")
    np.testing.assert_array_equal(pixels, usual[1])


class Provider:
    """A session of ONNX Runtime whose provider has no room for more than `most` values at a time."""

    def __init__(self, session, most: int) -> None:
        self._session, self._most = session, most

    def run(self, names, inputs):
        if sum(each.size for each in inputs.values()) > self._most:
            raise state.RuntimeException(
                "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Conv node. "
                "AllocateRawInternal Failed to allocate memory for requested buffer of size 939524096"
            )
        return self._session.run(names, inputs)


@pytest.mark.parametrize(
    ("most", "ways"), [(3 * PIECE * PIECE, ["in smaller pieces"]), (0, ["in smaller pieces", "on the CPU"])]
)
def test_what_onnx_runtime_says_of_memory_is_understood(monkeypatch, most, ways):
    """From the provider's own exception to the sentence in the reply."""
    usual = open_restore()
    detector: Any = copy(usual.detector)
    detector._session = Provider(detector._session, most)
    poor = replace(usual, detector=detector)
    monkeypatch.setattr(
        operations, "open_restore", lambda device="auto", **_: usual if device == "cpu" else poor
    )
    report, _ = restored()
    assert [face["status"] for face in report["faces"]] == ["restored"] * 3
    wanted = [f"The device ran out of memory: finder@1.0.0 worked {way}." for way in ways]
    assert report["notes"] == wanted


@pytest.mark.parametrize("code", ["engine.memory", "engine.failed"])
def test_models_that_find_no_room_are_opened_on_the_cpu(monkeypatch, code):
    usual = restored()
    tools = open_restore()

    def opened(device="auto", **_):
        if device == "auto":
            raise EngineError("restorer ran out of memory.", code=code)
        return tools

    monkeypatch.setattr(operations, "open_restore", opened)
    if code != "engine.memory":
        with pytest.raises(EngineError):
            restored()
        return
    report, pixels = restored()
    assert report["notes"] == ["The device has no room for the models: they worked on the CPU."]
    np.testing.assert_array_equal(pixels, usual[1])


def test_where_nothing_is_left_the_reply_is_an_error_and_nothing_was_written(short):
    short(restore=0, cpu=False)
    table = Table.of(plate(), "srgb")
    output = table.like_plate()
    with pytest.raises(EngineError) as told:
        work.restore(table.job({"plate": output}))
    assert told.value.code == "engine.memory"
    assert not table.view(output).any()


def test_another_fault_is_not_taken_for_a_lack_of_memory(short, monkeypatch):
    short()
    monkeypatch.setattr(
        Choking, "__call__", lambda *_: (_ for _ in ()).throw(EngineError("It broke.", code="engine.failed"))
    )
    with pytest.raises(EngineError, match="It broke"):
        restored()

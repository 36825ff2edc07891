"""`steady`, `veil` and `matte`: what the command gives for a frame, from a request's own plates."""

import json

import numpy as np
import OpenImageIO as oiio
import pytest

from faceplate.cli.__main__ import main
from faceplate.engine import window, work
from faceplate.engine.plates import FARTHEST
from faceplate.errors import RangeError
from faceplate.io.colourspaces import encoding_for, guess_space
from faceplate.io.images import read_picture
from faceplate.io.plates import to_plate
from faceplate.plate import Plate
from faceplate.stabilise.pipeline import Memory
from faceplate_client.errors import Cancelled, RequestError
from faceplate_client.wire import Kind, encode
from tests.core.cli.conftest import pixels_of, save
from tests.support.engine_planes import Table
from tests.support.foreign_models import add_foreign, foreign_flow
from tests.support.model_folder import add_stub_pack
from tests.support.plates import make_picture

FIRST, MIDDLE, LAST = 1001, 1003, 1005
LAYERS = ("matte", "invented", "confidence")


@pytest.fixture(scope="module", autouse=True)
def pack(tmp_path_factory):
    """Stub models: green is a face, restoring it doubles its detail; for `calm`, nothing ever moves."""
    folder = add_stub_pack(tmp_path_factory.mktemp("models"))
    read = {"shape": "1 3 H W", "range": [0.0, 255.0]}
    add_foreign(folder, "frames.flow", foreign_flow(still=True), id="calm", adapter="raft", input=read)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEPLATE_MODELS", str(folder))
        yield


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch):
    monkeypatch.setattr(window, "_seen", Memory(128))
    monkeypatch.setattr(window, "_grains", Memory(128))
    monkeypatch.setattr(window, "_crops", Memory(24))


def write_frame(path, frame: int, *, faces: int = 1, cut: bool = False) -> None:
    """A float EXR with alpha: a camera that pans two pixels a frame past green faces, with grain of its own."""
    world = make_picture(400, 240, seed=9 if cut else 3, finest=3.0) * np.array([1.0, 0.4, 1.0], np.float32)
    step = 2 * (frame - FIRST)
    pixels = 0.5 * world[20:212, 20 + step : 276 + step]
    for number in range(faces):
        x = 60 + 110 * number - step
        size = 24 - 4 * number
        pixels[80 : 80 + size, x : x + size] = (0.05, 0.9, 0.05)
    random = np.random.default_rng(frame)
    pixels = pixels + random.normal(0, 0.01, pixels.shape)
    whole = np.dstack([pixels, np.ones(pixels.shape[:2])]).astype(np.float32)
    spec = oiio.ImageSpec(256, 192, 4, oiio.FLOAT)
    spec.channelnames = ("R", "G", "B", "A")
    save(path, spec, whole)


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    """Five frames with two faces each, the window of the middle one."""
    folder = tmp_path_factory.mktemp("take")
    for frame in range(FIRST, LAST + 1):
        write_frame(folder / f"take.{frame}.exr", frame, faces=2)
    return folder


def read(folder, frame: int) -> tuple[Plate, str]:
    source = read_picture(next(folder.glob(f"*.{frame}.exr")))
    space = guess_space(source)
    return to_plate(source, frame, encoding_for(space)), space


def table_of(folder, frame: int, near) -> Table:
    table = Table.of(*read(folder, frame))
    for other in near:
        if other != frame:
            table.add_plate(*read(folder, other))
    return table


def by_command(folder, out, *words) -> dict[str, np.ndarray]:
    """A frame's channels as the command writes them."""
    assert main(["restore", str(folder), "-o", str(out), "--quiet", *map(str, words)]) == 0
    return pixels_of(next(out.glob("*.exr")))


def steady(table: Table, **params):
    """The request's report, its plate and its layers."""
    outputs = {"plate": table.like_plate(), **{name: table.matte() for name in LAYERS}}
    report = work.steady(table.job(outputs, "steady", **params))
    encode(Kind.RESULT, 1, {"report": report, "seconds": 1.0})
    return report, table.view(outputs["plate"]), {name: table.view(outputs[name])[..., 0] for name in LAYERS}


# ------------------------------------------------------------ steady


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"faces": "largest"},
        {"faces": "2"},
        {"flow": "calm"},
        {"steady": 0.5, "radius": 1, "grain": 0},
        {"style": "film", "mirror": True},
    ],
    ids=str,
)
def test_a_frame_and_its_window_give_what_the_command_gives(take, tmp_path, words):
    """The same pixels, bit for bit, where the command's input is the request's plates."""
    table = table_of(take, MIDDLE, range(FIRST, LAST + 1))
    report, plate, layers = steady(table, **words)
    typed = [
        text
        for name, value in words.items()
        for text in ([f"--{name}"] if value is True else [f"--{name}", value])
    ]
    typed = typed if "steady" in words else [*typed, "--steady", "1"]
    told = by_command(take, tmp_path / "out", *typed, "--frames", MIDDLE, "--layers", ",".join(LAYERS))
    assert [face["status"] for face in report["faces"]].count("restored") == (1 if words.get("faces") else 2)
    for place, name in enumerate("RGBA"):
        np.testing.assert_array_equal(plate[..., place], told[name])
    for name in LAYERS:
        np.testing.assert_array_equal(layers[name], told[f"{name}.a"])
    assert (plate[..., :3] != table.view(table.plate)[..., :3]).any()


def test_another_flow_is_another_frame_and_a_model_of_another_task_is_none(take):
    table = table_of(take, MIDDLE, range(FIRST, LAST + 1))
    (told, calm, _), (_, plate, _) = steady(table, flow="calm"), steady(table)
    assert (calm != plate).any() and "calm@1.0.0" in told["models"]
    with pytest.raises(RequestError, match="choose one of dis, calm"):
        steady(table, flow="crisper")


def test_neighbours_change_a_face_and_without_any_it_is_restored_by_itself(take):
    alone, around = table_of(take, MIDDLE, ()), table_of(take, MIDDLE, range(FIRST, LAST + 1))
    report, plate, _ = steady(alone, grain=0)
    output = alone.like_plate()
    work.restore(alone.job({"plate": output}, "restore"))
    np.testing.assert_array_equal(plate, alone.view(output))
    assert report["frames"] == [MIDDLE]
    report, other, layers = steady(around, grain=0)
    assert report["frames"] == [FIRST, 1002, MIDDLE, 1004, LAST]
    assert (other != plate)[layers["matte"] > 0].any()
    untouched = layers["matte"] == 0
    np.testing.assert_array_equal(other[untouched], around.view(around.plate)[untouched])


@pytest.mark.parametrize("kept", [(1004, 1005), (1001, 1002), (1002, 1005)])
def test_a_window_may_lack_frames(take, kept):
    report, _, _ = steady(table_of(take, MIDDLE, kept))
    assert report["frames"] == sorted([*kept, MIDDLE])


def test_nothing_leaks_across_a_cut(tmp_path):
    for frame in range(FIRST, LAST + 1):
        write_frame(tmp_path / f"take.{frame}.exr", frame, cut=frame > MIDDLE)
    report, plate, _ = steady(table_of(tmp_path, MIDDLE, range(FIRST, LAST + 1)), grain=0)
    assert report["frames"] == [FIRST, 1002, MIDDLE]
    _, without, _ = steady(table_of(tmp_path, MIDDLE, (FIRST, 1002)), grain=0)
    np.testing.assert_array_equal(plate, without)


def test_what_is_remembered_changes_no_bit_and_saves_the_looking(take, monkeypatch):
    looked = []
    really = window.look_at
    monkeypatch.setattr(
        window, "look_at", lambda plate, **more: looked.append(plate.frame) or really(plate, **more)
    )
    fresh = steady(table_of(take, MIDDLE, range(FIRST, LAST + 1)))
    assert sorted(looked) == list(range(FIRST, LAST + 1))
    looked.clear()
    again = steady(table_of(take, MIDDLE, range(FIRST, LAST + 1)))
    assert looked == []
    np.testing.assert_array_equal(fresh[1], again[1])
    steady(table_of(take, 1004, range(1002, LAST + 1)))
    assert looked == [], "a plate that was a neighbour is known when its turn comes"
    changed = table_of(take, MIDDLE, range(FIRST, LAST + 1))
    changed.view(changed.inputs["plate+1"])[0, 0, 0] += 0.5
    steady(changed)
    assert looked == [1004]


def test_numbers_count_the_faces_on_the_frame_itself(take):
    table = table_of(take, MIDDLE, range(FIRST, LAST + 1))
    for words, status in (
        ("1", ["restored", "not_chosen"]),
        ("2", ["not_chosen", "restored"]),
        ("7", ["not_chosen"] * 2),
    ):
        report, _, _ = steady(table, faces=words)
        assert [face["status"] for face in report["faces"]] == status


def test_a_small_face_is_left_alone(take):
    heights = [face["box"][3] - face["box"][1] for face in steady(table_of(take, MIDDLE, ()))[0]["faces"]]
    report, _, _ = steady(table_of(take, MIDDLE, (1002, 1004)), smallest=max(heights) + 1)
    assert report["faces"] == []


@pytest.mark.parametrize(
    "name, change",
    [
        ("plate+0", {}),
        ("plate+01", {}),
        ("plate1", {}),
        ("before", {}),
        (f"plate+{FARTHEST + 1}", {"frame": MIDDLE + FARTHEST + 1}),
        ("plate+2", {}),
        ("plate-1", {}),
        ("plate+1", {"colourspace": "srgb"}),
        ("plate+1", {"alpha": "straight"}),
        ("plate+1", {"display_window": [0, 0, 255, 192]}),
        ("plate+1", {"channels": "RGB", "alpha": "none"}),
    ],
)
def test_a_neighbour_that_is_none_is_refused(take, name, change):
    table = table_of(take, MIDDLE, (1004,))
    table.inputs[name] = {**table.inputs.pop("plate+1"), **change}
    with pytest.raises(RequestError) as told:
        steady(table)
    assert told.value.code == "request.plane"


@pytest.mark.parametrize(
    "params", [{"radius": 9}, {"steady": 2}, {"anonymise_others": True}, {"faces": "anna"}]
)
def test_parameters_of_steady_are_checked(take, params):
    with pytest.raises((RequestError, RangeError)):
        steady(table_of(take, MIDDLE, ()), **params)


@pytest.mark.parametrize("wanted", ["models", "detect", "likeness", "restore", "write"])
def test_a_cancel_is_honoured_before_every_net_and_nothing_is_written(take, wanted):
    table = table_of(take, MIDDLE, (1002, 1004))
    output = table.like_plate()
    job = table.job({"plate": output}, "steady")
    really = job.stage

    def stage(name, done):
        if name == wanted:
            job.take_back(Cancelled("enough"))
        really(name, done)

    job.stage = stage
    with pytest.raises(Cancelled):
        work.steady(job)
    assert not table.view(output).any()


# ------------------------------------------------------------ matte


@pytest.mark.parametrize("faces", ["all", "largest", "2"])
def test_a_matte_is_where_restoring_would_change_the_plate(take, faces):
    table = table_of(take, MIDDLE, ())
    matte, restored = table.matte(), table.matte()
    report = work.matte(table.job({"matte": matte}, "matte", faces=faces))
    work.restore(table.job({"matte": restored}, "restore", faces=faces))
    assert table.view(matte).any()
    np.testing.assert_array_equal(table.view(matte), table.view(restored))
    assert len(report["faces"]) == 2


def test_a_matte_asks_the_restoring_net_nothing(take):
    table = table_of(take, MIDDLE, ())
    stages = []
    job = table.job({"matte": table.matte()}, "matte")
    really = job.stage
    job.stage = lambda name, done: stages.append(name) or really(name, done)
    work.matte(job)
    assert "detect" in stages and not {"restore", "likeness"} & set(stages)


@pytest.mark.parametrize("params", [{"strength": 0.5}, {"scale": 2}, {"steady": 1}])
def test_a_matte_takes_no_look(take, params):
    table = table_of(take, MIDDLE, ())
    with pytest.raises(RequestError, match="matte has no parameter"):
        work.matte(table.job({"matte": table.matte()}, "matte", **params))


# ------------------------------------------------------------ veil


def veiled(table: Table, **params):
    outputs = {"plate": table.like_plate(), "matte": table.matte()}
    report = work.veil(table.job(outputs, "veil", **params))
    return report, table.view(outputs["plate"]), table.view(outputs["matte"])[..., 0]


def test_everybody_else_is_veiled_as_the_command_does_it(take, tmp_path):
    report, plate, matte = veiled(table_of(take, MIDDLE, ()), faces="largest", anonymise_others=True)
    told = by_command(
        take, tmp_path / "out", "--faces", "largest", "--anonymise-others", "--strength", 0, "--frames", MIDDLE,
        "--layers", "veiled",
    )  # fmt: skip
    assert matte.any()
    for place, name in enumerate("RGBA"):
        np.testing.assert_array_equal(plate[..., place], told[name])
    np.testing.assert_array_equal(matte, told["veiled.a"])
    assert [face["status"] for face in report["faces"]] == ["not_chosen", "veiled"]


@pytest.mark.parametrize("near", [(), (1002, 1004)])
def test_the_chosen_are_veiled_and_nobody_else(take, near):
    """With neighbours, everybody is veiled where they were seen and where their track lies: never less."""
    table = table_of(take, MIDDLE, near)
    mattes = {}
    for faces in ("all", "largest", "1", "2", "3"):
        report, plate, mattes[faces] = veiled(table, faces=faces)
        np.testing.assert_array_equal(plate[mattes[faces] == 0], table.view(table.plate)[mattes[faces] == 0])
        hidden = {"all": 2, "3": 0}.get(faces, 1)
        assert [face["status"] for face in report["faces"]].count("veiled") == hidden
    np.testing.assert_array_equal(mattes["1"], mattes["largest"])
    assert not mattes["3"].any() and mattes["1"].any() and mattes["2"].any()
    assert (mattes["all"] >= np.maximum(mattes["1"], mattes["2"])).all()
    everybody = veiled(table, faces="none", anonymise_others=True)[2]
    np.testing.assert_array_equal(everybody, mattes["all"])
    assert not veiled(table, faces="none")[2].any()
    others = veiled(table, faces="1", anonymise_others=True)[2]
    assert (others >= mattes["2"]).all() and not others[mattes["1"] == 1.0].any()
    if not near:
        np.testing.assert_array_equal(others, mattes["2"])


def test_a_face_that_is_lost_for_a_frame_stays_veiled(tmp_path):
    for frame in (1002, MIDDLE, 1004):
        write_frame(tmp_path / f"take.{frame}.exr", frame, faces=0 if frame == MIDDLE else 1)
    assert not veiled(table_of(tmp_path, MIDDLE, ()))[2].any()
    for params in ({}, {"faces": "largest"}, {"faces": "2", "anonymise_others": True}):
        report, _, matte = veiled(table_of(tmp_path, MIDDLE, (1002, 1004)), **params)
        assert matte[90, 60 + 12 - 4] == 1.0, params
        assert json.loads(json.dumps(report))["frames"] == [1002, MIDDLE, 1004]
    assert not veiled(table_of(tmp_path, MIDDLE, (1002, 1004)), faces="2")[2].any()


def test_a_plate_without_faces_passes_bit_for_bit(tmp_path):
    write_frame(tmp_path / f"take.{MIDDLE}.exr", MIDDLE, faces=0)
    table = table_of(tmp_path, MIDDLE, ())
    report, plate, matte = veiled(table)
    assert plate.tobytes() == table.view(table.plate).tobytes()
    assert not matte.any() and report["faces"] == []

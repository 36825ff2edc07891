"""`faceplate ofx list` and `render`: third-party effects on footage, and what is left when one of them crashes."""

import json
import threading
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from faceplate.cli.__main__ import main
from faceplate.farm.effect_order import render_with_effect
from faceplate.farm.effect_work import EffectOrder
from faceplate_client.errors import Cancelled
from tests.support.ofx_hosting import COPY, PROBE, built_bundle, need_host
from tests.support.pictures import save_picture

SIZE = (10, 8)


@pytest.fixture(scope="module")
def bundle() -> str:
    need_host()
    return str(built_bundle("Testing"))


@pytest.fixture
def footage(tmp_path) -> Path:
    """Four half EXRs with alpha and a float depth channel, a data window off the display window, and an attribute."""
    for number in range(1, 5):
        save_picture(
            tmp_path / f"plate.{number:04d}.exr",
            plate_pixels(number),
            names=("R", "G", "B", "A", "Z"),
            kinds=("half", "half", "half", "half", "float"),
            origin=(-2, 3),
            display=(0, 0, 12, 12),
            shot="sc042",
        )
    return tmp_path


def plate_pixels(number: int) -> np.ndarray:
    pixels = np.random.default_rng(number).random((SIZE[1], SIZE[0], 5)).astype(np.float32)
    return pixels.astype(np.float16).astype(np.float32)


def read(path: Path) -> tuple[np.ndarray, oiio.ImageSpec]:
    file = oiio.ImageInput.open(str(path))
    assert file is not None, oiio.geterror()
    spec = file.spec().copy()
    pixels = np.asarray(file.read_image(0, 0, 0, spec.nchannels, "float"))
    file.close()
    return pixels, spec


def render(bundle: str, footage: Path, effect: str, *more: str) -> int:
    words = [str(footage / "plate.####.exr"), "-o", str(footage / "out") + "/", "--quiet", *more]
    return main(["ofx", "render", bundle, effect, *words])


def made(footage: Path) -> list[str]:
    return sorted(path.name for path in (footage / "out").iterdir())


def test_list_tells_effects_versions_contexts_and_parameters(bundle, capfd):
    assert main(["ofx", "list", bundle, "--json"]) == 0
    (told,) = json.loads(capfd.readouterr().out)["bundles"]
    effects = {effect["identifier"]: effect for effect in told["effects"]}
    assert effects.keys() == {COPY, PROBE}
    assert effects[COPY]["version"] == [1, 2] and effects[COPY]["contexts"] == ["Filter", "General"]
    assert effects[COPY]["parameters"]["gain"] == {
        "type": "Double", "default": [1.0], "hint": "What Source is multiplied by.",
    }  # fmt: skip


def test_list_searches_a_folder_and_the_plugin_path(bundle, capfd, monkeypatch, tmp_path):
    folder = tmp_path / "whole"
    folder.mkdir()
    (folder / "Testing.ofx.bundle").symlink_to(bundle)
    (tmp_path / "Broken.ofx.bundle").mkdir()
    monkeypatch.setenv("OFX_PLUGIN_PATH", f"{tmp_path}")
    assert main(["ofx", "list"]) == 0  # a bad bundle in a search folder is told, and no failure of the search
    told = capfd.readouterr()
    assert "Broken.ofx.bundle has no" in told.err and f"searched {tmp_path}" in told.out
    assert main(["ofx", "list", str(folder)]) == 0
    assert COPY in capfd.readouterr().out


def test_a_bundle_that_crashes_while_it_loads_is_told_of(bundle, capfd, monkeypatch):
    monkeypatch.setenv("OFX_TESTING_CRASH", "describe")
    assert main(["ofx", "list", bundle]) == 65
    assert "crashed while it was loaded or described (SIGSEGV)" in capfd.readouterr().err


def test_render_changes_what_the_effect_changes_and_nothing_else(bundle, footage):
    assert render(bundle, footage, "copy", "--set", "gain=0.5", "--frames", "2-3") == 0
    assert made(footage) == ["plate.0002.exr", "plate.0003.exr"]
    pixels, spec = read(footage / "out" / "plate.0003.exr")
    source = plate_pixels(3)
    assert np.array_equal(pixels[..., :4], (source[..., :4] / 2).astype(np.float16))
    assert np.array_equal(pixels[..., 4], source[..., 4])
    assert (spec.x, spec.y, spec.full_width, spec.full_height) == (-2, 3, 12, 12)
    assert spec.get_string_attribute("shot") == "sc042"
    assert [str(spec.channelformat(place)) for place in range(5)] == ["half"] * 4 + ["float"]


def test_a_temporal_effect_sees_frames_outside_the_range(bundle, footage):
    assert render(bundle, footage, "probe", "--set", "behaviour=average", "--frames", "2") == 0
    pixels, _ = read(footage / "out" / "plate.0002.exr")
    wanted = np.mean([plate_pixels(n)[..., :4] for n in (1, 2, 3)], axis=0)
    np.testing.assert_allclose(pixels[..., :4], wanted, atol=1e-3)


def test_a_host_of_one_resolution_gives_the_whole_frame(bundle, footage):
    assert render(bundle, footage, "copy", "--set", "gain=0", "--profile", "resolve", "--frames", "1") == 0
    pixels, _ = read(footage / "out" / "plate.0001.exr")
    assert np.array_equal(pixels[:, :2], plate_pixels(1)[:, :2])  # left of the frame: as it was
    assert not pixels[:, 2:, :4].any()


def test_a_crash_loses_one_frame_and_leaves_no_broken_file(bundle, footage, capfd):
    report = footage / "report.jsonl"
    code = render(
        bundle, footage, "probe", "--set", "behaviour=crash at 2", "--report", str(report), "--json"
    )
    assert code == 65
    assert made(footage) == ["plate.0001.exr", "plate.0003.exr", "plate.0004.exr"]
    for number in (1, 3, 4):
        assert np.array_equal(read(footage / "out" / f"plate.{number:04d}.exr")[0], plate_pixels(number))
    told = capfd.readouterr()
    summary = json.loads(told.out)
    assert (summary["frames"], summary["rendered"], summary["failed"]) == (4, 3, 1)
    assert "frame 2: probe crashed (SIGSEGV)" in told.err
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert [(line["frame"], line["status"]) for line in lines] == [
        (1, "rendered"), (2, "failed"), (3, "rendered"), (4, "rendered"),
    ]  # fmt: skip


def test_an_effect_that_always_crashes_is_given_up(bundle, footage, capfd):
    assert render(bundle, footage, "probe", "--set", "behaviour=crash") == 65
    assert made(footage) == [] if (footage / "out").exists() else True
    assert capfd.readouterr().err.count("crashed (SIGSEGV)") == 4


def test_an_effect_that_fails_is_quoted(bundle, footage, capfd):
    assert render(bundle, footage, "probe", "--set", "behaviour=fail", "--frames", "4") == 65
    assert "The probe failed at 4." in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["copy", "--set", "gain"], 64, "--set should be NAME=VALUE, got gain"),
        (["copy", "--set", "loud=1"], 64, "the effect has no such parameter; it has gain"),
        (["blur"], 65, f"has no effect blur; it has {PROBE}, {COPY}"),
        (["copy", "--profile", "maya"], 64, "the host profile should be one of full"),
        (["probe", "--context", "general"], 64, "cannot be used in Faceplate as General; both know Filter"),
    ],
)
def test_a_request_that_cannot_be_met_says_why_and_writes_nothing(
    bundle, footage, capfd, words, code, sentence
):
    assert render(bundle, footage, *words) == code
    assert sentence in capfd.readouterr().err
    assert not (footage / "out").exists() or made(footage) == []


def test_what_is_there_is_not_replaced_unasked(bundle, footage, capfd):
    assert render(bundle, footage, "copy", "--frames", "1") == 0
    assert render(bundle, footage, "copy", "--frames", "1-2") == 64
    assert "is there already; use --overwrite" in capfd.readouterr().err
    assert render(bundle, footage, "copy", "--frames", "1-2", "--overwrite") == 0


def test_a_movie_is_not_written(bundle, footage, capfd):
    words = ["ofx", "render", bundle, "copy", str(footage / "plate.####.exr"), "-o", str(footage / "out.mov")]
    assert main(words) == 64
    assert "effects write pictures; give a pattern" in capfd.readouterr().err


def test_stopping_ends_an_effect_that_goes_on_and_on(bundle, footage):
    order = EffectOrder(
        bundle,
        "probe",
        str(footage / "plate.####.exr"),
        str(footage / "out") + "/",
        values={"behaviour": "wait"},
    )
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(Cancelled):
        render_with_effect(order, stop=stop, on_start=lambda frames: None, on_frame=lambda record: None)
    assert not (footage / "out").exists() or made(footage) == []

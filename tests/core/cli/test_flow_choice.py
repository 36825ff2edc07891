"""`restore --flow`: motion followed by a model that was named, accepted, and is part of what a frame was made with."""

import json

import pytest

from tests.core.cli.conftest import pixels_of, report_lines, write_exr
from tests.core.cli.test_steady import restored
from tests.support.foreign_models import add_foreign, foreign_flow
from tests.support.model_folder import add_stub_pack

RAFT = {"adapter": "raft", "input": {"shape": "1 3 H W", "range": [0.0, 255.0]}}


@pytest.fixture
def flows(tmp_path, monkeypatch):
    """A pack with two flow nets, for both of which nothing ever moves: `calm` is of class A, `theirs` of class B."""
    folder = add_stub_pack(tmp_path / "pack")
    add_foreign(folder, "frames.flow", foreign_flow(still=True), id="calm", **RAFT)
    add_foreign(
        folder, "frames.flow", foreign_flow(still=True, coarse=True), id="theirs", **{**RAFT, "class": "B"}
    )
    monkeypatch.setenv("FACEPLATE_MODELS", str(folder))
    monkeypatch.setenv("FACEPLATE_DATA", str(tmp_path / "data"))
    return folder


@pytest.fixture
def plates(tmp_path):
    for frame in range(1001, 1006):
        write_exr(tmp_path / "in" / f"plate.{frame}.exr", seed=frame)
    return tmp_path / "in"


@pytest.fixture
def shot(flows, plates, tmp_path, faceplate):
    assert faceplate("analyse", plates, "-o", tmp_path / "shot.json", "--quiet")[0] == 0
    return tmp_path / "shot.json"


def test_alone_in_chunks_and_whole_are_the_same_files(faceplate, plates, shot, tmp_path):
    words = ("--shot", shot, "--flow", "calm", "--layers", "matte,forward")
    whole = restored(faceplate, plates, tmp_path / "whole", *words)
    assert len(whole) == 5
    for place, frames in enumerate(("1005", "1003", "1001-1002")):
        part = restored(faceplate, plates, tmp_path / f"part{place}", *words, "--frames", frames)
        assert part == {name: whole[name] for name in part}
    other = restored(faceplate, plates, tmp_path / "dis", "--shot", shot, "--layers", "matte,forward")
    assert all(whole[name] != other[name] for name in whole)
    moved = pixels_of(tmp_path / "whole" / "plate.1002.exr")
    assert not moved["forward.u"].any() and not moved["forward.v"].any()
    assert pixels_of(tmp_path / "dis" / "plate.1002.exr")["forward.u"].any()


def test_what_another_flow_made_is_not_taken_for_done(faceplate, plates, shot, tmp_path):
    words = (
        "restore",
        plates,
        "-o",
        tmp_path / "out",
        "--shot",
        shot,
        "--frames",
        "1003",
        "--resume",
        "--json",
    )

    def resumed(*more):
        code, said, err = faceplate(*words, *more)
        assert code == 0, err
        return json.loads(said)["resumed"]

    assert [resumed(), resumed(), resumed("--flow", "dis")] == [0, 1, 1]
    assert [resumed("--flow", "calm"), resumed("--flow", "calm"), resumed()] == [0, 1, 0]


def test_the_report_names_it(faceplate, plates, shot, tmp_path):
    report = tmp_path / "report.jsonl"
    words = ("--shot", shot, "--flow", "calm", "--frames", "1003", "--report", report)
    restored(faceplate, plates, tmp_path / "out", *words)
    assert "calm@1.0.0" in report_lines(report)[0]["models"]


def test_it_serves_once_its_licence_was_accepted_and_no_policy_forbids_it(faceplate, plates, shot, tmp_path):
    text = tmp_path / "licence.txt"
    text.write_text("A licence of theirs.")
    words = (
        "restore",
        plates,
        "-o",
        tmp_path / "out",
        "--shot",
        shot,
        "--frames",
        "1003",
        "--flow",
        "theirs",
    )
    code, _, complained = faceplate(*words)
    assert code == 77 and "faceplate models accept theirs" in complained
    assert not (tmp_path / "out").exists()
    assert faceplate("models", "accept", "theirs", "--text", text, "--by", "Ada", "--yes")[0] == 0
    code, _, complained = faceplate(*words, "--policy", "A")
    assert code == 77 and "allows class A" in complained
    code, _, complained = faceplate(*words, "--quiet")
    assert code == 0, complained


@pytest.mark.parametrize(
    ("flow", "words"),
    [
        ("nobody", "no model nobody"),
        ("crisper", "choose one of dis, calm, theirs"),
        ("raft-small", "not recorded"),
    ],
)
def test_a_flow_that_is_none_is_refused(faceplate, plates, shot, tmp_path, flow, words):
    code, _, complained = faceplate(
        "restore", plates, "-o", tmp_path / "out", "--shot", shot, "--flow", flow, "--quiet"
    )
    assert code != 0 and words in complained and not (tmp_path / "out").exists()


def test_naming_it_as_any_other_model_says_how_it_is_named(faceplate, plates, shot, tmp_path):
    words = ("restore", plates, "-o", tmp_path / "out", "--shot", shot, "--model", "calm", "--quiet")
    code, _, complained = faceplate(*words)
    assert code != 0 and "--flow calm" in complained

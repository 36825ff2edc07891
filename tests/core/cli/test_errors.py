"""What is wrong is said in one sentence, with its exit code, and nothing half-written stays."""

import json
import resource
import shutil

import pytest

from tests.core.cli.conftest import names_in, write_exr

WRONG = {
    "missing file": (("nowhere.exr", "-o", "out"), 65, "nowhere.exr does not exist"),
    "missing sequence": (("in/other.####.exr", "-o", "out"), 65, "other.####.exr"),
    "gap": (("in/plate.####.exr", "-o", "out", "--frames", "1001-1009"), 65, "1007-1009"),
    "frame range": (("in", "-o", "out", "--frames", "first"), 64, "--frames"),
    "output is input": (("in", "-o", "in"), 64, "--overwrite"),
    "colour space": (("in", "-o", "out", "--colourspace", "ACESc"), 64, "ACEScg"),
    "range": (("in", "-o", "out", "--strength", "1.5"), 64, "strength should be a number 0-1"),
    "not a number": (("in", "-o", "out", "--smallest", "nan"), 64, "smallest should be a number"),
    "choice": (("in", "-o", "out", "--scale", "3"), 64, "scale should be one of 1, 2, 4"),
    "style": (("in", "-o", "out", "--style", "crisp"), 64, "natural, clear, film"),
    "faces": (("in", "-o", "out", "--faces", "0"), 64, "all, largest, none, or numbers"),
    "layers": (("in", "-o", "out", "--layers", "alpha"), 64, "matte, invented, confidence"),
    "device": (("in", "-o", "out", "--device", "tpu"), 64, "auto, cpu, cuda, openvino"),
    "no output": (("in",), 64, "-o"),
    "unknown option": (("in", "-o", "out", "--stregnth", "1"), 64, "--stregnth"),
    "resume and overwrite": (("in", "-o", "out", "--resume", "--overwrite"), 64, "not allowed with"),
    "one name for many frames": (("in", "-o", "out.exr"), 64, "####"),
    "output in a file": (("in", "-o", "in/plate.1001.exr/out/"), 73, "cannot be made"),
    "report in a file": (("in", "-o", "out", "--report", "in/plate.1001.exr/r.jsonl"), 74, "--report"),
}


@pytest.fixture
def place(plates, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said_before_anything_is_written(faceplate, place, wrong):
    words, exit_code, sentence = WRONG[wrong]
    before = names_in(place)
    code, said, complained = faceplate("restore", *words)
    assert (code, said) == (exit_code, "")
    assert complained.startswith("faceplate: ") and sentence in complained
    assert complained.count("\n") == 1 and "Traceback" not in complained
    assert names_in(place) == before


def test_with_json_the_error_is_json_too(faceplate, place):
    code, said, _ = faceplate("restore", "nowhere.exr", "-o", "out", "--json")
    assert code == 65
    error = json.loads(said)["error"]
    assert error["code"] == "input" and "nowhere.exr" in error["sentence"]


def test_what_is_there_already_is_not_replaced_unasked(faceplate, place):
    write_exr(place / "out" / "plate.1004.exr")
    before = (place / "out" / "plate.1004.exr").read_bytes()
    code, _, complained = faceplate("restore", "in", "-o", "out")
    assert code == 64 and "--resume" in complained and "--overwrite" in complained
    assert names_in(place / "out") == ["plate.1004.exr"]
    assert (place / "out" / "plate.1004.exr").read_bytes() == before


@pytest.fixture
def own_pack(pack, tmp_path, monkeypatch):
    """A pack of this test's own, to be damaged."""
    shutil.copytree(pack, tmp_path / "pack")
    monkeypatch.setenv("FACEPLATE_MODELS", str(tmp_path / "pack"))
    monkeypatch.setattr("faceplate.runtime.pool._open", {})
    return tmp_path / "pack"


def test_weights_with_a_wrong_hash_are_refused(faceplate, place, own_pack):
    weights = own_pack / "open" / "crisper-1.0.0.onnx"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    code, said, complained = faceplate("restore", "in", "-o", "out", "--json")
    assert code == 65 and json.loads(said)["error"]["code"] == "model.hash"
    assert str(weights) in complained and "install it again" in complained
    assert not (place / "out").exists()


def test_a_licence_nobody_accepted_stops_the_command(faceplate, place, own_pack, monkeypatch):
    for task in ("finder", "crisper", "mean-colour"):
        manifest = own_pack / "manifests" / f"{task}-1.0.0.toml"
        manifest.write_text(manifest.read_text().replace('class = "A"', 'class = "C"'))
    monkeypatch.setattr("faceplate.registry.catalogue._PACKAGE", place / "no_package")
    code, said, _ = faceplate("restore", "in", "-o", "out", "--json")
    assert code == 77 and json.loads(said)["error"]["code"] == "model.licence"


def test_a_full_disk_ends_with_74_and_leaves_no_temporary(process, place):
    write_exr(place / "large" / "plate.1.exr", size=(512, 512))

    def small_files_only():  # what a full disk looks like to a process: writing beyond a size fails
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    with process("restore", "large", "-o", "out", "--json", preexec_fn=small_files_only) as running:
        said, complained = running.communicate(timeout=60)
    assert running.returncode == 74, complained
    assert json.loads(said)["error"]["code"] == "output"
    assert complained.count("\n") == 1
    assert names_in(place / "out") == []


def test_a_device_that_is_not_here_says_what_to_do(faceplate, place, monkeypatch):
    monkeypatch.setattr("faceplate.runtime.devices._onnx_providers", lambda: ["CPUExecutionProvider"])
    code, said, _ = faceplate("restore", "in", "-o", "out", "--device", "cuda", "--json")
    assert code == 64 and json.loads(said)["error"]["code"] == "request.device"


def test_our_own_fault_is_one_sentence_and_a_traceback_only_when_asked_for(faceplate, place, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("the stage's own")

    monkeypatch.setattr("faceplate.frames.alone.detect_faces", broken)
    code, _, complained = faceplate("restore", "in", "-o", "out")
    assert code == 70 and "FACEPLATE_DEBUG=1" in complained and "Traceback" not in complained
    monkeypatch.setenv("FACEPLATE_DEBUG", "1")
    assert "Traceback" in faceplate("restore", "in", "-o", "out")[2]
    assert names_in(place / "out") == []

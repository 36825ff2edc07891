"""Only what is not proven done is rendered again; a killed or stopped run leaves whole frames and nothing else."""

import json
import os
import signal
import time

import pytest

from tests.core.cli.conftest import names_in, pixels_of, report_lines, write_exr

FRAMES = 40


def rendered_anew(report):
    return [line["frame"] for line in report_lines(report) if not line["resumed"]]


@pytest.fixture
def done(faceplate, plates, tmp_path):
    """A finished run, its bytes, and a way to resume it."""
    out = tmp_path / "out"
    assert faceplate("restore", plates, "-o", out)[0] == 0
    first = {name: (out / name).read_bytes() for name in names_in(plates)}

    def resume(*words):
        report = tmp_path / "report.jsonl"
        assert faceplate("restore", plates, "-o", out, "--resume", "--report", report, *words)[0] == 0
        assert [line["frame"] for line in report_lines(report)] == list(range(1001, 1007))
        return rendered_anew(report)

    return out, first, resume


def test_a_finished_run_has_nothing_to_do(done):
    _, _, resume = done
    assert resume() == []
    assert resume() == []


def test_the_report_of_a_resumed_frame_is_the_one_of_its_rendering(done, tmp_path):
    _, _, resume = done
    resume()
    line = report_lines(tmp_path / "report.jsonl")[0]
    assert line["resumed"] and line["status"] == "restored" and line["faces"][0]["status"] == "restored"


def test_what_was_deleted_or_changed_is_rendered_again_and_comes_out_the_same(done):
    out, first, resume = done
    (out / "plate.1002.exr").unlink()
    damaged = bytearray(first["plate.1004.exr"])
    damaged[len(damaged) // 2] ^= 1
    (out / "plate.1004.exr").write_bytes(damaged)
    (out / ".done" / "plate.1006.exr.json").unlink()
    assert resume() == [1002, 1004, 1006]
    assert {name: (out / name).read_bytes() for name in first} == first


def test_a_torn_proof_proves_nothing(done):
    out, _, resume = done
    proof = out / ".done" / "plate.1001.exr.json"
    proof.write_bytes(proof.read_bytes()[:100])
    assert resume() == [1001]


def test_another_input_is_another_frame(done, plates):
    _, _, resume = done
    write_exr(plates / "plate.1005.exr", seed=77)
    assert resume() == [1005]


@pytest.mark.parametrize("words", [("--strength", "0.5"), ("--layers", "matte"), ("--colourspace", "ACEScg")])
def test_other_parameters_are_other_frames(done, words):
    _, _, resume = done
    assert resume(*words) == list(range(1001, 1007))


@pytest.fixture
def long_shot(tmp_path):
    for frame in range(1, FRAMES + 1):
        write_exr(tmp_path / "in" / f"plate.{frame:04d}.exr", seed=frame)
    return tmp_path / "in"


def wait_for_frames(out, number, running):
    end = time.monotonic() + 30
    while time.monotonic() < end and running.poll() is None:
        names = os.listdir(out) if out.is_dir() else []
        if sum(name.endswith(".exr") and not name.startswith(".") for name in names) >= number:
            return
        time.sleep(0.01)
    raise AssertionError(f"no {number} frames came, the command ended with {running.poll()}")


def whole_frames(out):
    frames = [name for name in names_in(out) if not name.startswith(".")]
    for name in frames:
        assert pixels_of(out / name)["R"].shape == (144, 192)
    return frames


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(process, faceplate, long_shot, tmp_path):
    out, report = tmp_path / "out", tmp_path / "report.jsonl"
    with process("restore", long_shot, "-o", out, "--report", report) as running:
        wait_for_frames(out, 4, running)
        running.kill()
    kept = whole_frames(out)
    assert 4 <= len(kept) < FRAMES
    assert all(json.loads(line) for line in report.read_text().splitlines())
    code, said, _ = faceplate("restore", long_shot, "-o", out, "--report", report, "--resume", "--json")
    assert code == 0
    # The last frame before the kill may be there without its proof: it is rendered again, no other is.
    assert len(kept) - 1 <= json.loads(said)["resumed"] <= len(kept)
    assert [line["frame"] for line in report_lines(report)] == list(range(1, FRAMES + 1))
    assert not [name for name in names_in(out) if ".faceplate-" in name]
    assert faceplate("restore", long_shot, "-o", tmp_path / "whole")[0] == 0
    for name in names_in(long_shot):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_takes_two_seconds_and_leaves_whole_frames(process, long_shot, tmp_path, sent, exit_code):
    out = tmp_path / "out"
    with process("restore", long_shot, "-o", out, "--json") as running:
        wait_for_frames(out, 3, running)
        start = time.monotonic()
        running.send_signal(sent)
        said, complained = running.communicate(timeout=20)
        assert time.monotonic() - start < 2.0
    assert running.returncode == exit_code
    assert json.loads(said)["error"]["code"] == "cancelled"
    assert complained.startswith("faceplate: Stopped.") and complained.count("\n") == 1
    assert 3 <= len(whole_frames(out)) < FRAMES
    assert not [name for name in names_in(out) if ".faceplate-" in name]

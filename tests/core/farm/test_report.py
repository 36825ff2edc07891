"""Laws of a report: every frame once, in order, whole lines at any moment."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.farm.report import FrameRecord, Report
from faceplate_client.errors import OutputError


def record(frame, **facts):
    return FrameRecord(frame, facts.pop("status", "no_face"), f"in.{frame}.exr", f"out.{frame}.exr", **facts)


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@given(st.lists(st.integers(-50, 5000), max_size=30))
def test_every_frame_once_and_in_order_whatever_came_first(tmp_path_factory, frames):
    path = tmp_path_factory.mktemp("report") / "report.jsonl"
    report = Report(path)
    for frame in frames:
        report.add(record(frame))
    report.close()
    assert [line["frame"] for line in lines(path)] == sorted(set(frames))
    assert [entry.name for entry in path.parent.iterdir()] == ["report.jsonl"]


def test_it_can_be_read_while_it_grows(tmp_path):
    report = Report(tmp_path / "report.jsonl")
    for frame in (3, 1, 2):
        report.add(record(frame))
        assert lines(tmp_path / "report.jsonl")[-1]["frame"] == frame


def test_a_new_report_replaces_the_old_one(tmp_path):
    for frame in (1, 2):
        report = Report(tmp_path / "report.jsonl")
        report.add(record(frame))
        report.close()
    assert [line["frame"] for line in lines(tmp_path / "report.jsonl")] == [2]


def test_a_record_survives_its_own_json():
    one = record(7, status="restored", faces=[{"score": 0.5}], seconds={"read": 0.25}, models=["a@1.0.0"])
    again = FrameRecord.from_json(json.loads(json.dumps(one.as_json())))
    assert again.as_json() == one.as_json()
    assert again.as_resumed().resumed and not again.resumed


def test_numbers_that_json_has_no_word_for_become_null():
    faces = [{"similarity": np.float32("nan"), "points": np.ones((5, 2), np.float32), "box": (1, 2.0, 3, 4)}]
    told = record(1, faces=faces).as_json()["faces"][0]
    assert told == {"similarity": None, "points": [[1.0, 1.0]] * 5, "box": [1, 2.0, 3, 4]}


def test_a_report_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="--report") as caught:
        Report(tmp_path / "file" / "report.jsonl")
    assert caught.value.exit_code == 74

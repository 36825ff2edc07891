"""`analyse` and `shot`, through the command, on stub nets."""

import json
import os
import stat

import pytest

from tests.core.cli.conftest import write_exr


def facts(faceplate, path):
    code, out, _ = faceplate("shot", "show", path, "--json")
    assert code == 0
    return json.loads(out)


@pytest.fixture
def shot(plates, tmp_path, faceplate):
    code, _, err = faceplate("analyse", plates, "-o", tmp_path / "shot.json", "--quiet")
    assert code == 0, err
    return tmp_path / "shot.json"


def names_beside(path):
    return sorted(each.name for each in path.parent.iterdir() if each.is_file())


def test_a_face_that_is_lost_for_a_frame_is_one_track(shot, faceplate):
    told = facts(faceplate, shot)
    assert (told["first"], told["last"], told["frames"], told["cuts"]) == (1001, 1006, 6, [])
    (track,) = told["tracks"]
    assert (track["first"], track["last"], track["found"]) == (1001, 1006, 5)
    assert len(json.loads(shot.read_text())["plates"]["1003"]["hash"]) == 64


def test_identities_are_for_their_owner_only_or_not_there_at_all(shot, plates, tmp_path, faceplate):
    beside = tmp_path / "shot.identities.json"
    assert stat.S_IMODE(os.stat(beside).st_mode) == 0o600
    assert list(json.loads(beside.read_text())["tracks"]) == ["1"]
    assert "identit" not in shot.read_text()
    code, _, _ = faceplate("analyse", plates, "-o", shot, "--overwrite", "--no-identities", "--quiet")
    assert code == 0 and names_beside(shot) == ["shot.json"]


def test_the_same_plates_give_the_same_shot(shot, plates, tmp_path, faceplate):
    before = shot.read_text()
    code, out, _ = faceplate("analyse", plates, "-o", shot, "--overwrite", "--json", "--quiet")
    assert code == 0 and shot.read_text() == before
    assert json.loads(out)["tracks"] == 1


def test_a_shot_that_is_there_is_not_replaced_unasked(shot, plates, faceplate):
    before = shot.read_text()
    code, _, err = faceplate("analyse", plates, "-o", shot)
    assert code == 64 and "--overwrite" in err and shot.read_text() == before


def test_a_stopped_analysis_goes_on(plates, tmp_path, faceplate, monkeypatch):
    from faceplate.frames import looking

    looked, path = [], tmp_path / "shot.json"
    really = looking.detect_faces

    def counted(plate, *rest, **more):
        looked.append(plate.frame)
        if len(looked) == 4:
            raise KeyError("the lights went out")
        return really(plate, *rest, **more)

    monkeypatch.setattr(looking, "detect_faces", counted)
    assert faceplate("analyse", plates, "-o", path, "--quiet")[0] == 70
    notes = tmp_path / ".shot.json.notes"
    assert stat.S_IMODE(os.stat(notes).st_mode) == 0o600 and not path.exists()
    seen = len(notes.read_text().splitlines()) - 1
    assert seen >= 2
    notes.write_text(notes.read_text() + '{"frame": 1006, "ha')  # as a kill leaves it
    code, out, err = faceplate("analyse", plates, "-o", path, "--resume", "--json", "--quiet")
    assert code == 0, err
    assert json.loads(out)["resumed"] == seen and len(looked) == 4 + 6 - seen
    assert not notes.exists() and facts(faceplate, path)["frames"] == 6


def test_plates_of_different_sizes_are_no_shot(plates, tmp_path, faceplate):
    write_exr(plates / "plate.1005.exr", size=(160, 120))
    code, _, err = faceplate("analyse", plates, "-o", tmp_path / "shot.json", "--quiet")
    assert code == 64 and "frame 1005 is 160 x 120" in err and not (tmp_path / "shot.json").exists()


def test_a_damaged_frame_is_named_and_left_out(plates, tmp_path, faceplate):
    path = plates / "plate.1002.exr"
    path.write_bytes(path.read_bytes()[:400])
    code, _, err = faceplate("analyse", plates, "-o", tmp_path / "shot.json", "--quiet")
    assert code == 65 and "1002" in err
    told = facts(faceplate, tmp_path / "shot.json")
    assert told["frames"] == 5


def test_edits_by_hand(shot, faceplate):
    assert faceplate("shot", "rename", shot, 1, "anna")[0] == 0
    assert faceplate("shot", "split", shot, 1, 1004)[0] == 0
    told = facts(faceplate, shot)["tracks"]
    assert [(t["id"], t["name"], t["last"]) for t in told] == [(1, "anna", 1003), (2, "face2", 1006)]
    assert faceplate("shot", "merge", shot, 1, 2)[0] == 0
    assert faceplate("shot", "lock", shot, 1)[0] == 0
    code, _, err = faceplate("shot", "drop", shot, 1)
    assert code == 64 and "locked" in err
    assert faceplate("shot", "lock", shot, 1, "--off")[0] == 0
    assert faceplate("shot", "drop", shot, 1)[0] == 0
    assert facts(faceplate, shot)["tracks"] == [] and names_beside(shot) == ["shot.json"]


def test_a_locked_track_outlives_a_new_analysis(shot, plates, faceplate):
    faceplate("shot", "rename", shot, 1, "anna")
    faceplate("shot", "lock", shot, 1)
    assert faceplate("analyse", plates, "-o", shot, "--overwrite", "--quiet")[0] == 0
    (track,) = facts(faceplate, shot)["tracks"]
    assert track["name"] == "anna" and track["locked"]


def test_a_shot_that_is_damaged_names_its_line(shot, faceplate):
    lines = shot.read_text().splitlines()
    lines[3] = lines[3].replace(":", ";")
    shot.write_text("\n".join(lines))
    code, _, err = faceplate("shot", "show", shot)
    assert code == 65 and f"{shot}, line 4" in err
    shot.write_bytes(b"\n\n\xff")
    code, _, err = faceplate("shot", "show", shot)
    assert code == 65 and "line 3" in err
    assert faceplate("shot", "show", shot.with_name("none.json"))[0] == 65

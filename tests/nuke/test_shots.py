"""The shot of a node: analysed beside the interface, its faces shown, named, chosen and locked through the command."""

import json
import sys
from pathlib import Path

import pytest

from tests.nuke.conftest import SHOT, connected


def at_rest() -> bool:
    return not sys.modules["faceplate_nuke.background"]._busy


def press(app, node, button: str) -> None:
    node[button].execute()
    app.pump(at_rest)


@pytest.fixture
def analysed(app, restore):
    press(app, restore, "analyse")
    return restore


def test_analysing_renders_looks_and_shows(app, analysed, command):
    words = command.calls[0]
    assert words[0] == "analyse" and words[words.index("--frames") + 1] == "1001-1003"
    assert Path(analysed["shot"].value()).name == "shot.json"
    assert "<td>anna&nbsp;</td>" in analysed["tracks"].value() and "1001-1003" in analysed["tracks"].value()
    assert analysed["reuse_plates"].value() is True, "a shot file belongs to exactly these plates"
    assert Path(analysed["plates_file"].value()).parent.is_dir()


def test_the_words_are_ones_that_the_real_command_takes(app, analysed, command):
    from faceplate.cli.__main__ import _parser

    press(app, analysed, "analyse")
    for words in command.calls:
        _parser().parse_args(words)
    assert "--overwrite" in command.calls[2] and "--overwrite" not in command.calls[0]


def test_without_leave_nothing_biometric_is_asked_for(app, restore, command):
    app.user_sets(restore, "identities", False)
    press(app, restore, "analyse")
    assert "--no-identities" in command.calls[0]


def test_how_far_the_command_is_comes_from_its_log(app, restore, command, tmp_path):
    from faceplate_nuke import shots

    log = tmp_path / "log"
    assert shots._frames_counted(str(log)) == 0
    log.write_text("faceplate: 1/3 frames, 0 faces\nother\nfaceplate: 2/3 frames, 4 faces, 0.5 frames/s\n")
    assert shots._frames_counted(str(log)) == 2


def test_the_bar_counts_while_the_command_works(app, restore, command):
    command.behave(pause=0.5)
    restore["analyse"].execute()
    (bar,) = app.bars
    app.pump(lambda: any(message == "1 of 3 frames looked at" for message, _ in bar.said))
    app.pump(at_rest)
    assert [done for _, done in bar.said] == sorted(done for _, done in bar.said)


def test_cancelling_leaves_no_plates_and_no_shot(app, restore, command):
    command.behave(pause=5)
    restore["analyse"].execute()
    (bar,) = app.bars
    bar.cancelled = True
    app.pump(at_rest)
    assert restore["status"].value() == "Stopped."
    assert restore["shot"].value() == "" and restore["plates_file"].value() == ""
    assert (
        list((Path(app.root["name"].value()).parent / "faceplate" / "comp" / "FP_Restore1").iterdir()) == []
    )


def test_a_name_from_a_file_is_not_markup(app, analysed):
    assert "&lt;b&gt;&amp;" in analysed["tracks"].value()
    assert "<b>" not in analysed["tracks"].value()


def test_a_track_is_renamed_and_stays_chosen(app, analysed, command):
    app.user_sets(analysed, "track", 1)
    press(app, analysed, "choose")
    assert analysed["faces"].value() == "anna"
    app.user_sets(analysed, "track_name", "Bela")
    press(app, analysed, "rename")
    assert command.calls[-1][:5] == ["shot", "rename", analysed["shot"].value(), "1", "Bela"]
    assert analysed["faces"].value() == "Bela"
    assert "Bela" in analysed["tracks"].value() and "chosen" in analysed["tracks"].value()


def test_choosing_adds_and_takes_away_and_nobody_is_everybody(app, analysed):
    for track, faces in ((1, "anna"), (4, "anna,<b>&"), (1, "<b>&"), (4, "all")):
        app.user_sets(analysed, "track", track)
        press(app, analysed, "choose")
        assert analysed["faces"].value() == faces


def test_locking_is_a_switch(app, analysed):
    app.user_sets(analysed, "track", 1)
    for locked in (True, False):
        press(app, analysed, "lock")
        (anna, _) = json.loads(Path(analysed["shot"].value()).read_text())["tracks"]
        assert anna["locked"] is locked
    assert analysed["tracks"].value().count("locked") == 1


def test_a_track_that_is_not_there_is_named_with_those_that_are(app, analysed):
    app.user_sets(analysed, "track", 9)
    for button in ("choose", "lock", "rename"):
        press(app, analysed, button)
        assert analysed["status"].value() == "There is no track 9 in this shot; its tracks are 1, 4."


def test_without_a_shot_the_buttons_say_so(app, restore, command):
    for button in ("refresh", "rename", "choose", "lock"):
        press(app, restore, button)
        assert restore["status"].value() == "No Shot File is named. Press Analyse, or choose one."
    assert command.calls == []


def test_the_table_of_a_shot_without_faces(app):
    from faceplate_nuke.shots import table

    assert table({"cuts": [], "tracks": []}, []).endswith("cuts before: none")
    assert table(SHOT, []).count("<tr>") == 3


def test_two_nodes_work_at_once(app, restore, command):
    command.behave(pause=0.2)
    other = connected(app)
    restore["bake"].execute()
    other["analyse"].execute()
    app.pump(at_rest)
    assert restore["state"].value() == "baked 1001-1003" and other["shot"].value()

"""The faces of a node's shot: shown as a table, named, chosen and locked through the command."""

import html
import json
import re
from pathlib import Path

from tests.nuke.conftest import SHOT, connected, press


def cells(node) -> list[list[str]]:
    """The table on a node's panel, heads first."""
    lines = re.findall(r"<tr>(.*?)</tr>", node["tracks"].value())
    return [[html.unescape(cell) for cell in re.findall(r"<td>(.*?)&nbsp;</td>", line)] for line in lines]


def test_the_table_has_a_row_for_every_track(app, analysed):
    assert cells(analysed) == [
        ["track", "name", "frames", "found", "quality", "chosen", "locked"],
        ["1", "anna", "1001-1003", "3", "0.50", "", ""],
        ["4", "<b>&", "1002-1003", "2", "0.25", "", "yes"],
    ]
    assert analysed["tracks"].value().endswith("cuts before: 1002")


def test_a_track_that_may_be_no_face_is_said_to_be_doubtful(app):
    from faceplate_nuke.faces import rows

    sure, doubtful = (dict(track, doubtful=track["id"] == 4) for track in SHOT["tracks"])
    assert [row.quality for row in rows({"tracks": [sure, doubtful]}, [])] == ["0.50", "0.25, doubtful"]


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
    assert cells(analysed)[1] == ["1", "Bela", "1001-1003", "3", "0.50", "yes", ""]


def test_choosing_adds_and_takes_away_and_nobody_is_everybody(app, analysed):
    for track, faces in ((1, "anna"), (4, "anna,<b>&"), (1, "<b>&"), (4, "all")):
        app.user_sets(analysed, "track", track)
        press(app, analysed, "choose")
        assert analysed["faces"].value() == faces


def test_choosing_takes_away_who_was_listed_by_id(app, analysed):
    app.user_sets(analysed, "faces", "4,anna")
    press(app, analysed, "refresh")
    assert [line[5] for line in cells(analysed)[1:]] == ["yes", "yes"]
    app.user_sets(analysed, "track", 4)
    press(app, analysed, "choose")
    assert analysed["faces"].value() == "anna"


def test_of_a_veil_the_table_says_who_stays_visible_and_nobody_is_nobody(app, command):
    node = connected(app, "FP_Veil")
    press(app, node, "analyse")
    assert cells(node)[0][5] == "stays visible"
    for track, visible in ((4, "<b>&"), (1, "<b>&,anna"), (4, "anna"), (1, "")):
        app.user_sets(node, "track", track)
        press(app, node, "choose")
        assert node["visible"].value() == visible
        assert [line[5] for line in cells(node)[1:]] == [
            "yes" if name in visible else "" for name in ("anna", "<b>&")
        ]


def test_locking_is_a_switch(app, analysed):
    app.user_sets(analysed, "track", 1)
    for locked in (True, False):
        press(app, analysed, "lock")
        (anna, _) = json.loads(Path(analysed["shot"].value()).read_text())["tracks"]
        assert anna["locked"] is locked
        assert [line[-1] for line in cells(analysed)[1:]] == ["yes" if locked else "", "yes"]


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
    from faceplate_nuke.faces import table

    assert table({"cuts": [], "tracks": []}, [], "chosen").endswith("cuts before: none")
    assert table(SHOT, [], "chosen").count("<tr>") == 3

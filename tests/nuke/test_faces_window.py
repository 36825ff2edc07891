"""The window of faces: drawn with a real Qt where PySide6 is installed, in no real Nuke."""

import json
import os
import sys
from pathlib import Path

import pytest

from faceplate_client.errors import RequestError
from tests.nuke.conftest import at_rest, connected, press

CHOSEN, NAME, LOCKED = 0, 2, 6


@pytest.fixture
def qt(monkeypatch):
    """Qt without a screen."""
    monkeypatch.setenv("QT_QPA_PLATFORM", os.environ.get("QT_QPA_PLATFORM", "offscreen"))
    widgets = pytest.importorskip(
        "PySide6.QtWidgets", reason="PySide6 is not installed; Nuke 16 and newer carry it"
    )
    application = widgets.QApplication.instance() or widgets.QApplication([])
    yield application
    application.processEvents()


@pytest.fixture
def window(qt, app, analysed):
    """The window of a node whose shot is analysed, filled."""
    press(app, analysed, "edit_faces")
    qt.processEvents()
    (opened,) = sys.modules["faceplate_nuke.faces_window"]._open.values()
    yield opened
    opened.dialog.reject()


def settle(qt, app) -> None:
    """Be both main loops until nothing is left to do."""
    app.pump(at_rest)
    qt.processEvents()


def flags():
    """Qt's own namespace of flags."""
    return pytest.importorskip("PySide6.QtCore").Qt


def shown(window) -> list[list]:
    """The rows: switches as booleans, the rest as texts."""
    found = []
    for row in range(window.table.rowCount()):
        cells = [window.table.item(row, column) for column in range(window.table.columnCount())]
        switches = (CHOSEN, LOCKED)
        found.append(
            [
                cell.checkState().name == "Checked" if place in switches else cell.text()
                for place, cell in enumerate(cells)
            ]
        )
    return found


def click(window, row: int, column: int) -> None:
    qt = flags()
    cell = window.table.item(row, column)
    cell.setCheckState(qt.Unchecked if cell.checkState() == qt.Checked else qt.Checked)


def test_it_shows_what_the_shot_file_says(window):
    assert shown(window) == [
        [False, "1", "anna", "1001-1003", "3", "0.50", False],
        [False, "4", "<b>&", "1002-1003", "2", "0.25", True],
    ]


def test_names_alone_can_be_typed(window, qt):
    columns = range(window.table.columnCount())
    assert [bool(window.table.item(0, column).flags() & flags().ItemIsEditable) for column in columns] == [
        column == NAME for column in columns
    ]


def test_a_name_typed_is_a_name_in_the_shot_file(window, qt, app, analysed):
    window.table.item(0, NAME).setText("Bela")
    settle(qt, app)
    assert json.loads(Path(analysed["shot"].value()).read_text())["tracks"][0]["name"] == "Bela"
    assert shown(window)[0][NAME] == "Bela" and "Bela" in analysed["tracks"].value()


def test_a_click_chooses_and_another_takes_away(window, qt, app, analysed):
    for faces, chosen in (("<b>&", True), ("all", False)):
        click(window, 1, CHOSEN)
        settle(qt, app)
        assert analysed["faces"].value() == faces and shown(window)[1][CHOSEN] is chosen


def test_a_click_locks(window, qt, app, analysed):
    click(window, 0, LOCKED)
    settle(qt, app)
    assert json.loads(Path(analysed["shot"].value()).read_text())["tracks"][0]["locked"] is True
    assert shown(window)[0][LOCKED] is True


def test_filling_the_table_asks_for_nothing(window, qt, app, command):
    before = len(command.calls)
    window._fill({"tracks": json.loads(json.dumps(command_shot()))})
    settle(qt, app)
    assert len(command.calls) == before


def command_shot() -> list[dict]:
    from tests.nuke.conftest import SHOT

    return SHOT["tracks"]


def test_what_the_command_refuses_goes_back_to_what_was(window, qt, app, analysed, command):
    sentence = "a name should be 1-60 letters without a comma"
    command.behave(
        fails={"answer": {"error": {"code": "params.range", "sentence": sentence}}, "exit_code": 64}
    )
    window.table.item(0, NAME).setText("a,b")
    settle(qt, app)
    assert shown(window)[0][NAME] == "anna" and analysed["status"].value() == sentence


def test_while_the_node_is_at_work_nothing_is_changed(window, qt, app, analysed, command):
    command.behave(pause=0.2)
    analysed["bake"].execute()
    window.table.item(0, NAME).setText("Bela")
    qt.processEvents()
    assert "at work already" in analysed["status"].value() and shown(window)[0][NAME] == "anna"
    settle(qt, app)


def test_the_panels_buttons_are_seen_in_the_window(window, qt, app, analysed):
    app.user_sets(analysed, "track", 1)
    press(app, analysed, "lock")
    qt.processEvents()
    assert shown(window)[0][LOCKED] is True


def test_pressed_again_it_is_the_same_window_and_closed_it_is_forgotten(window, qt, app, analysed):
    from faceplate_nuke import faces, faces_window

    press(app, analysed, "edit_faces")
    assert list(faces_window._open.values()) == [window]
    window.dialog.reject()
    assert faces_window._open == {} and faces.watchers == []
    press(app, analysed, "refresh")


def test_a_window_whose_node_is_deleted_goes_at_the_next_click(window, qt, app, analysed):
    from faceplate_nuke import faces_window

    app.delete(analysed)
    click(window, 0, CHOSEN)
    assert faces_window._open == {}


def test_two_nodes_have_two_windows(window, qt, app, analysed):
    other = connected(app, "FP_Veil")
    press(app, other, "analyse")
    press(app, other, "edit_faces")
    qt.processEvents()
    from faceplate_nuke import faces_window

    second = faces_window._open["FP_Veil1"]
    assert second.table.horizontalHeaderItem(CHOSEN).text() == "stays visible"
    click(second, 0, CHOSEN)
    settle(qt, app)
    assert other["visible"].value() == "anna" and analysed["faces"].value() == "all"
    assert shown(second)[0][CHOSEN] is True and shown(window)[0][CHOSEN] is False
    second.dialog.reject()


# ------------------------------------------------------------ without Qt


def test_on_a_farm_there_is_no_window(start, command):
    farm = start(gui=False)
    node = connected(farm)
    with pytest.raises(RequestError, match="no window without an interface"):
        node["edit_faces"].execute()


@pytest.mark.parametrize(("version", "name"), [(13, "PySide2"), (15, "PySide2"), (16, "PySide6")])
def test_a_nuke_without_its_qt_says_what_to_use_instead(start, command, monkeypatch, version, name):
    app = start()
    monkeypatch.setattr(sys.modules["nuke"], "NUKE_VERSION_MAJOR", version)
    monkeypatch.setitem(sys.modules, f"{name}.QtCore", None)
    node = connected(app)
    node["edit_faces"].execute()
    assert f"no {name} to draw" in node["status"].value() and "the buttons below" in node["status"].value()

"""What Nuke calls by itself: reactions may come twice, for Python's own changes, or for a panel that opens."""

import sys

import pytest

from tests.nuke.conftest import connected


@pytest.fixture(params=[True, False], ids=["knobChanged for everything", "knobChanged for users only"])
def app(request, start, command):
    return start(eager=request.param)


def bake(node):
    from faceplate_nuke import bake

    return bake.bake(node)


def test_a_new_node_begins_in_the_way_that_works_here(start, command):
    for live, way, state in ((False, "bake", "not baked"), (True, "live", "live")):
        start(live=live)
        node = sys.modules["nuke"].createNode("FP_Restore")
        assert (node["way"].value(), node["state"].value()) == (way, state)


def test_the_state_follows_the_knobs(app):
    node = connected(app)
    bake(node)
    assert node["state"].value() == "baked 1001-1003"
    app.user_sets(node, "strength", 0.25)
    assert node["state"].value() == "old bake 1001-1003"
    app.user_sets(node, "strength", 1.0)
    assert node["state"].value() == "baked 1001-1003"
    app.user_sets(node, "way", "live")
    assert node["state"].value() == "no plug-in"
    assert "not installed" in node["status"].value()


def test_an_edited_shot_file_makes_a_bake_old(app, tmp_path):
    node = connected(app)
    shot = tmp_path / "shot.json"
    shot.write_text("{}")
    app.user_sets(node, "shot", str(shot))
    bake(node)
    assert node["state"].value() == "baked 1001-1003"
    shot.write_text('{"edited": 1}')
    app.show_panel(node)
    assert node["state"].value() == "old bake 1001-1003"


def test_reacting_again_sets_nothing(app):
    node = connected(app)
    app.show_panel(node)
    before = {name: knob.sets for name, knob in node._knobs.items()}
    for _ in range(3):
        app.show_panel(node)
    assert {name: knob.sets for name, knob in node._knobs.items()} == before


def test_a_reaction_is_not_entered_while_it_runs(app, monkeypatch):
    node = connected(app)
    callbacks = sys.modules["faceplate_nuke.callbacks"]
    entered = []

    def refresh(node):
        entered.append(len(entered))
        assert len(entered) < 5, "it called itself"
        node["working_space"].setValue("srgb" + "x" * len(entered))  # another knob that is reacted to

    monkeypatch.setattr(callbacks, "refresh", refresh)
    app.user_sets(node, "strength", 0.5)
    assert entered == [0]
    app.user_sets(node, "strength", 0.6)
    assert entered == [0, 1], "it came in again after it had left"


def test_after_a_reaction_that_fails_the_next_one_runs(app, monkeypatch):
    from faceplate_client.errors import InputError

    node = connected(app)
    callbacks = sys.modules["faceplate_nuke.callbacks"]
    real = callbacks.refresh

    def refresh(node):
        raise InputError("It is damaged.")

    monkeypatch.setattr(callbacks, "refresh", refresh)
    app.user_sets(node, "way", "live")
    assert node["status"].value() == "It is damaged."
    monkeypatch.setattr(callbacks, "refresh", real)
    app.user_sets(node, "way", "bake")
    assert node["state"].value() == "not baked"


def test_first_and_last_can_be_typed_only_when_they_count(app):
    node = connected(app)
    assert not node["first"].is_enabled
    app.user_sets(node, "frames", "custom")
    assert node["first"].is_enabled and node["last"].is_enabled


def test_texts_reach_the_effect_inside_when_they_change_and_when_a_script_is_loaded(start, command):
    app = start(live=True)
    node = connected(app)
    assert node.node("Live")["faces"].value() == "all"
    app.user_sets(node, "faces", "largest")
    assert node.node("Live")["faces"].value() == "largest"
    node.node("Live")["faces"].setValue("all")  # inside a gizmo nothing is saved: a loaded script begins here
    app.call_back("OnCreate", node)
    assert node.node("Live")["faces"].value() == "largest"


def test_the_effect_is_told_the_working_space(start, command):
    app = start(live=True)
    node = connected(app)
    for told, meant in (("ACEScg", "ACEScg"), (" ", "lin_rec709")):
        app.user_sets(node, "working_space", told)
        assert node.node("Live")["colourspace_name"].value() == meant


@pytest.mark.parametrize(
    ("kind", "knob", "told", "before", "label"),
    [
        ("FP_Restore", "scale", "2", "1", "Scale"),
        ("FP_Steady", "repair", True, False, "Repair Dirt"),
        ("FP_Steady", "deinterlace", "auto", "off", "Deinterlace"),
        ("FP_Steady", "motion", True, False, "Motion Layers"),
        ("FP_Veil", "visible", "anna", "", "Stay Visible"),
        ("FP_Restore", "faces", "anna,2", "2,1", "the names in Faces"),
        ("FP_Steady", "faces", "anna", "largest", "the names in Faces"),
    ],
)
def test_live_says_what_it_leaves_out(start, command, kind, knob, told, before, label):
    app = start(live=True)
    node = connected(app, kind)
    app.user_sets(node, knob, told)
    assert node["state"].value() == "live, incomplete"
    assert f"leaves out {label}:" in node["status"].value()
    app.user_sets(node, knob, before)
    assert node["state"].value() == "live"


def test_texts_reach_the_effect_when_a_script_was_loaded_after_its_nodes_were_made(start, command, tmp_path):
    """In case Nuke calls onCreate before the knobs have what the script says."""
    app = start(live=True)
    (tmp_path / "comp.nk").touch()

    def load() -> None:
        node = app.create("FP_Restore", parent=app.create("Group"))
        node._knobs["faces"]._told = "largest"  # as the reading of a file sets it: nobody is called

    app.script = load
    sys.modules["nuke"].scriptOpen(str(tmp_path / "comp.nk"))
    node = sys.modules["nuke"].toNode("Group1.FP_Restore1")
    assert node.node("Live")["faces"].value() == "largest"


def test_a_script_that_was_saved_while_it_rendered_renders_no_plates(app):
    node = connected(app)
    node["baking"].setValue(True)
    app.call_back("OnCreate", node)
    assert node["baking"].value() is False


def test_installing_again_hangs_nothing_up_twice(app):
    before = {event: list(added) for event, added in app.callbacks.items()}
    sys.modules["faceplate_nuke.callbacks"].install()
    assert {event: len(added) for event, added in app.callbacks.items()} == {
        event: len(added) for event, added in before.items()
    }
    assert {event for event, added in before.items() if added} == {
        "OnUserCreate", "OnCreate", "OnScriptLoad", "KnobChanged", "BeforeRender",
    }  # fmt: skip

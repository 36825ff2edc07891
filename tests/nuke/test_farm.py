"""On a farm: no interface, no dialog; what is wrong ends the render, stands in the log, and is an exit code."""

import runpy
import sys
from pathlib import Path

import pytest

from faceplate_client.errors import FaceplateError
from tests.nuke.conftest import PLUGIN, connected


@pytest.fixture
def farm(start, command):
    return start(gui=False)


def downstream(app, node, kind: str = "Write"):
    made = app.create(kind)
    made.setInput(0, node)
    if kind == "Write":
        made.add("file", str(Path(app.root["name"].value()).parent / "out.####.exr"))
    return made


def render(app, write) -> None:
    sys.modules["nuke"].execute(write, 1001, 1001)


def bake(node):
    from faceplate_nuke import bake

    return bake.bake(node)


def test_a_node_that_is_not_ready_ends_the_render_and_says_why(farm, capfd):
    write = downstream(farm, connected(farm))
    with pytest.raises(RuntimeError, match=r"FP_Restore1: Not baked yet, shows its input. Press Bake"):
        render(farm, write)
    assert farm.rendered == []
    assert "faceplate: FP_Restore1: Not baked yet" in capfd.readouterr().err


def test_a_baked_node_renders(farm):
    node = connected(farm)
    bake(node)
    write = downstream(farm, node)
    render(farm, write)
    assert farm.rendered[-1].endswith("out.1001.exr")


def test_an_old_bake_is_not_passed_off_as_a_new_one(farm):
    node = connected(farm)
    bake(node)
    node["strength"].setValue(0.5)
    with pytest.raises(RuntimeError, match="Bake again"):
        render(farm, downstream(farm, node))


def test_live_without_the_plug_in_on_this_machine_ends_the_render(farm):
    node = connected(farm)
    node["way"].setValue("live")
    with pytest.raises(RuntimeError, match="not installed on this machine"):
        render(farm, downstream(farm, node))


def test_live_with_the_plug_in_renders_with_the_texts_of_the_knobs(start, command):
    farm = start(gui=False, live=True, eager=False)  # a release where Python's own changes call nothing
    node = connected(farm)
    node["faces"].setValue("largest")
    render(farm, downstream(farm, node))
    assert node.node("Live")["faces"].value() == "largest"


@pytest.mark.parametrize("kind", ["FP_Restore", "FP_Steady", "FP_Veil", "FP_Matte"])
def test_every_node_that_is_not_what_it_promises_ends_the_render(farm, kind):
    node = connected(farm, kind)
    write = downstream(farm, node)
    with pytest.raises(RuntimeError, match=rf"{kind}1: Not baked yet"):
        render(farm, write)
    bake(node)
    render(farm, write)
    farm.user_sets(node, "smallest", 64.0)
    with pytest.raises(RuntimeError, match=rf"{kind}1: Shows frames 1001-1003 as baked before"):
        render(farm, write)


def test_somebody_who_may_stay_visible_no_longer_ends_the_render(farm, tmp_path):
    """What was baked shows a face that ought to be veiled by now."""
    (tmp_path / "shot.json").write_text("{}")
    node = connected(farm, "FP_Veil")
    node["shot"].setValue(str(tmp_path / "shot.json"))
    node["visible"].setValue("anna")
    bake(node)
    node["visible"].setValue("")
    with pytest.raises(RuntimeError, match="Bake again"):
        render(farm, downstream(farm, node))


def test_a_veil_that_cannot_be_had_live_ends_the_render(start, command):
    farm = start(gui=False, live=True)
    node = connected(farm, "FP_Veil")
    write = downstream(farm, node)
    render(farm, write)
    node["visible"].setValue("anna")
    with pytest.raises(RuntimeError, match="Live leaves out Stay Visible"):
        render(farm, write)


def test_a_node_that_is_off_or_elsewhere_stops_nobody(farm):
    off, elsewhere = connected(farm), connected(farm)
    off["disable"].setValue(True)
    assert elsewhere["way"].value() == "bake"
    render(farm, downstream(farm, off))
    assert len(farm.rendered) == 1


def test_nodes_are_found_through_groups_both_ways(farm):
    """A Write inside a group below, a restoring node inside a group above."""
    outer = farm.create("Group", "Treatment")
    outer.setInput(0, farm.source())
    inner = farm.create("FP_Restore", parent=outer)
    output = farm.create("Output", parent=outer)
    output.setInput(0, inner)
    below = farm.create("Group", "Delivery")
    below.setInput(0, outer)
    entry = farm.create("Input", parent=below)
    write = farm.create("Write", parent=below)
    write.setInput(0, entry)
    write.add("file", "unused.####.exr")
    with pytest.raises(RuntimeError, match=r"Treatment\.FP_Restore1"):
        render(farm, write)


def test_a_loop_of_inputs_is_walked_once(farm):
    one, two = farm.create("Dot"), farm.create("Dot")
    one.setInput(0, two)
    two.setInput(0, one)
    render(farm, downstream(farm, one))


def test_a_bake_of_its_own_is_not_stopped_by_the_node_itself_but_by_one_above(farm):
    above = connected(farm)
    below = sys.modules["nuke"].createNode("FP_Matte")
    below.setInput(0, above)
    below["frames"].setValue("custom")
    below["first"].setValue(1001)
    below["last"].setValue(1002)
    with pytest.raises(Exception, match="FP_Restore1: Not baked yet"):
        bake(below)
    bake(above)
    assert bake(below)["frames"] == 2


def test_baking_without_an_interface_says_how_far_it_is(farm):
    bake(connected(farm))
    assert any("of 3 frames" in line for line in farm.log)
    assert len(farm.bars) == 0


def test_a_button_pressed_by_a_script_works_at_once_and_raises(farm, command):
    node = connected(farm)
    node["bake"].execute()
    assert node["state"].value() == "baked 1001-1003"
    command.behave(
        fails={"answer": {"error": {"code": "input", "sentence": "It is damaged."}}, "exit_code": 65}
    )
    with pytest.raises(FaceplateError, match="It is damaged"):
        node["bake"].execute()
    assert node["status"].value() == "It is damaged."


# ------------------------------------------------------------ nuke -t bake_nodes.py


def run_script(*words: str) -> int:
    return runpy.run_path(str(PLUGIN / "bake_nodes.py"))["main"](list(words))


@pytest.fixture
def comp(farm, tmp_path) -> str:
    """A script with an FP_Veil below an FP_Steady below an FP_Restore, none baked, and one that is off."""

    def load() -> None:
        above = connected(farm)
        above.range = (1001, 1003)
        for kind in ("FP_Steady", "FP_Veil"):
            below = sys.modules["nuke"].createNode(kind)
            below.setInput(0, above)
            below.range = (1001, 1003)
            above = below
        off = connected(farm)
        off["disable"].setValue(True)

    farm.script = load
    (tmp_path / "comp.nk").touch()
    return str(tmp_path / "comp.nk")


def test_every_node_of_a_script_is_baked_from_above_to_below(farm, comp, command):
    assert run_script(comp) == 0
    names = [Path(call[1]).parents[2].name for call in command.calls]
    assert names == ["FP_Restore1", "FP_Steady1", "FP_Veil1"]
    assert farm.saved == 3


def test_named_nodes_are_baked_and_no_others(farm, comp, command):
    assert run_script(comp, "FP_Restore1") == 0
    assert len(command.calls) == 1


@pytest.mark.parametrize(("words", "said"), [((), "name the script"), (("gone.nk",), "no such file")])
def test_the_exit_code_and_the_log_say_what_was_wrong_with_the_words(farm, capfd, words, said):
    assert run_script(*words) in (64, 65)
    assert said in capfd.readouterr().err


def test_a_node_that_is_not_there_is_a_fault_of_the_request(farm, comp, capfd):
    assert run_script(comp, "Blur1") == 64
    assert "no FP_Restore or FP_Steady or FP_Veil or FP_Matte named Blur1" in capfd.readouterr().err


def test_the_commands_exit_code_is_the_scripts(farm, comp, command, capfd):
    """75 tells a farm that trying again may help."""
    answer = {"error": {"code": "engine.memory", "sentence": "This machine ran out of memory."}}
    command.behave(fails={"answer": answer, "exit_code": 75})
    assert run_script(comp) == 75
    assert "This machine ran out of memory. [engine.memory]" in capfd.readouterr().err
    assert farm.saved == 0

"""Bake: the plates are rendered, the command is run beside the interface, and the node shows what came of it."""

import importlib
import os
from pathlib import Path

import pytest

from faceplate_client.errors import FaceplateError
from tests.nuke.conftest import connected


def module(name: str):
    """A module of ours as it is now: each stand-in is imported anew."""
    return importlib.import_module(f"faceplate_nuke.{name}")


def at_rest(app) -> bool:
    return not module("background")._busy


def baked(app, node) -> None:
    node["bake"].execute()
    app.pump(lambda: at_rest(app))


def shown(node) -> str:
    """What the gizmo's switch lets through."""
    return node.node("WayToGo").input(int(node.node("WayToGo")["which"].value())).name()


def test_a_bake_renders_restores_and_shows(app, restore, command, tmp_path):
    assert shown(restore) == "Source"
    baked(app, restore)
    assert shown(restore) == "Larger"
    assert restore["state"].value() == "baked 1001-1003"
    folder = tmp_path / "show" / "faceplate" / "comp" / "FP_Restore1" / "v001"
    read = restore.node("Result")
    assert read["file"].value() == str(folder / "result.####.exr")
    assert (folder / "result.1002.exr").read_text() == "restored frame 1002"
    frames = restore.node("ResultFrames")
    assert (frames["first_frame"].value(), frames["last_frame"].value()) == (1001, 1003)


def test_the_command_is_asked_for_exactly_what_the_knobs_say(app, restore, command):
    app.user_sets(restore, "strength", 0.5)
    app.user_sets(restore, "mirror", True)
    app.user_sets(restore, "scale", "2")
    app.user_sets(restore, "working_space", "ACEScg")
    baked(app, restore)
    (words,) = command.calls
    assert words[0] == "restore" and words[-1] == "--json"
    assert {"--strength=0.5", "--mirror", "--scale=2", "--colourspace=ACEScg"} <= set(words)
    assert words[words.index("--layers") + 1] == "matte,invented,confidence"
    assert not [word for word in words if word.startswith(("--fidelity", "--style", "--steady", "--shot"))]
    assert "--as=stills" in words, "or the command would hold what agrees steady"
    assert shown(restore) == "Larger" and restore.node("Larger")["which"].value() == 1


def parsed(words: list[str]):
    """The words as the real command reads them: the script that stands in for it would take any."""
    from faceplate.cli.__main__ import _parser

    return _parser().parse_args(words)


@pytest.fixture
def shot(tmp_path) -> str:
    """A shot file; what is in it nobody here looks at."""
    (tmp_path / "shot.json").write_text("{}")
    return str(tmp_path / "shot.json")


def set_all(app, node, **knobs) -> None:
    for name, told in knobs.items():
        app.user_sets(node, name, told)


def test_a_restoring_node_asks_for_its_knobs_and_nothing_else(app, restore, command, shot):
    set_all(app, restore, mirror=True, shot=shot, faces="anna")
    baked(app, restore)
    options = parsed(command.calls[0])
    assert (options.mirror, options.faces, options.steady, options.anonymise_others) == (
        True,
        "anna",
        "0",
        None,
    )
    assert (str(options.shot), options.layers) == (shot, ("matte", "invented", "confidence"))


def test_a_steady_node_makes_a_shot_of_its_input(app, command):
    """Its Steady is told even where nobody moved it: that is what makes the input a shot."""
    node = connected(app, "FP_Steady")
    baked(app, node)
    options = parsed(command.calls[0])
    assert (float(options.steady), options.radius, options.shot) == (1.0, "2", None)
    assert options.layers == ("matte", "invented", "confidence")
    assert not {"--grain", "--style"} & {word.split("=")[0] for word in command.calls[0]}
    assert node["state"].value() == "baked 1001-1003"
    set_all(app, node, grain=0.0, radius=4, repair=True, deinterlace="auto", deflicker=0.5)
    assert node["state"].value() == "old bake 1001-1003"
    baked(app, node)
    options = parsed(command.calls[1])
    assert (float(options.grain), options.radius) == (0.0, "4")
    assert (options.repair, options.deinterlace, float(options.deflicker)) == (True, "auto", 0.5)


def test_motion_layers_come_with_the_bake_that_asked_for_them(app, command):
    node = connected(app, "FP_Steady")
    copies = [node.node(name)["disable"] for name in ("Motion", "HoldStill")]
    baked(app, node)
    assert [knob.value() for knob in copies] == [1, 1], "these files have none"
    app.user_sets(node, "motion", True)
    assert node["state"].value() == "old bake 1001-1003"
    assert [knob.value() for knob in copies] == [1, 1], "what is shown is still the old bake"
    baked(app, node)
    assert [knob.value() for knob in copies] == [0, 0]
    layers = ("matte", "invented", "confidence", "forward", "backward", "stmap")
    assert parsed(command.calls[1]).layers == layers
    node["forget"].execute()
    assert node["result_motion"].value() == 0


def test_a_veiling_node_veils_everybody_who_is_not_named(app, command, shot):
    """A shot it is in any case: a face that is lost for a frame stays veiled."""
    node = connected(app, "FP_Veil")
    baked(app, node)
    set_all(app, node, visible="anna, 4", shot=shot, smallest=12.0)
    baked(app, node)
    nobody, two = map(parsed, command.calls)
    for options in (nobody, two):
        assert options.anonymise_others is True and options.layers == ("veiled",)
        assert (float(options.strength), float(options.grain), float(options.steady)) == (0, 0, 0)
    assert (nobody.faces, nobody.shot, two.faces, str(two.shot)) == ("none", None, "anna,4", shot)
    assert float(two.smallest) == 12


@pytest.mark.parametrize(
    ("visible", "said"),
    [
        ("anna", "no Shot File is named"),
        ("1", "no Shot File is named"),
        ("all", "got all"),
        ("2,largest", "got 2,largest"),
    ],
)
def test_who_stays_visible_is_never_guessed(app, command, visible, said):
    node = connected(app, "FP_Veil")
    app.user_sets(node, "visible", visible)
    baked(app, node)
    assert said in node["status"].value()
    assert command.calls == [] and app.rendered == [] and shown(node) == "Hidden"


@pytest.mark.parametrize("visible", ["", " ", ",", "none"])
def test_a_list_of_nobody_veils_everybody(app, command, visible):
    node = connected(app, "FP_Veil")
    app.user_sets(node, "visible", visible)
    baked(app, node)
    assert parsed(command.calls[0]).faces == "none"


def test_naming_a_shot_does_not_switch_steadying_on(app, restore, command, tmp_path):
    (tmp_path / "shot.json").write_text("{}")
    app.user_sets(restore, "shot", str(tmp_path / "shot.json"))
    baked(app, restore)
    assert "--steady=0" in command.calls[0]


def test_the_matte_node_asks_only_for_what_it_shows(app, command):
    node = connected(app, "FP_Matte")
    app.user_sets(node, "smallest", 40.0)
    baked(app, node)
    assert "--smallest=40.0" in command.calls[0]
    assert node["state"].value() == "baked 1001-1003"


def test_the_command_sees_nothing_of_the_hosts_python_or_libraries(app, restore, command, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "nowhere")
    monkeypatch.setenv("LD_LIBRARY_PATH", "nowhere")
    monkeypatch.setenv("NUKE_PATH", "nowhere")
    baked(app, restore)
    assert not {"PYTHONPATH", "LD_LIBRARY_PATH", "NUKE_PATH"} & set(command.environment)
    assert "FACEPLATE_ENGINE" in command.environment


def test_the_plates_go_when_the_bake_is_done_and_stay_when_they_are_to_be_used_again(app, restore):
    baked(app, restore)
    assert not os.path.exists(app.rendered[0]) and restore["plates_file"].value() == ""
    shots = module("shots")
    shots.analyse(restore)
    rendered = len(app.rendered)
    baked(app, restore)
    assert len(app.rendered) == rendered, "the shot file belongs to the plates it was made from"
    assert os.path.exists(app.rendered[-1])


def test_a_second_bake_never_touches_the_first(app, restore, tmp_path):
    baked(app, restore)
    first = Path(restore["result_file"].value()).parent
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    app.user_sets(restore, "grain", 1.0)
    baked(app, restore)
    assert Path(restore["result_file"].value()).parent.name == "v002"
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == before


def test_a_cancelled_bake_leaves_nothing_and_the_old_bake_is_still_shown(app, restore, command):
    baked(app, restore)
    old = restore["result_file"].value()
    command.behave(pause=5)
    restore["bake"].execute()
    (bar,) = app.bars
    app.pump(lambda: bar.said != [])
    bar.cancelled = True
    app.pump(lambda: at_rest(app))
    assert restore["status"].value() == "Stopped."
    assert restore["result_file"].value() == old and shown(restore) == "Larger"
    assert sorted(path.name for path in Path(old).parent.parent.iterdir()) == ["v001"]


def test_the_bar_goes_when_the_work_is_done(app, restore):
    baked(app, restore)
    assert len(app.bars) == 0


def test_what_the_command_complains_of_is_shown_in_its_own_words(app, restore, command, tmp_path):
    sentence = "faces should be all, largest, none, or numbers such as 1,3, got 0"
    answer = {"error": {"code": "params.range", "sentence": sentence}}
    command.behave(fails={"answer": answer, "exit_code": 64})
    baked(app, restore)
    assert restore["status"].value() == sentence
    assert shown(restore) == "Source"
    assert list((tmp_path / "show" / "faceplate" / "comp" / "FP_Restore1").iterdir()) == []


def test_frames_that_failed_are_named(app, restore, command):
    failures = [{"frame": 1002, "code": "input", "sentence": "It is damaged."}, {"frame": 1003}]
    command.behave(fails={"answer": {"failures": failures}, "exit_code": 65})
    with pytest.raises(FaceplateError, match=r"Frame 1002: It is damaged\. 1 more frames failed.") as raised:
        module("bake").bake(restore)
    assert (raised.value.code, raised.value.exit_code) == ("input", 65)


def test_a_command_that_dies_without_a_word_is_quoted_from_its_log(app, restore, command):
    command.behave(fails={"answer": None, "exit_code": 3})
    baked(app, restore)
    assert (
        restore["status"].value()
        == "The faceplate command ended with exit code 3. It said last: a line for the log"
    )


def test_without_the_command_the_artist_learns_where_to_say_it_is(app, restore, monkeypatch, tmp_path):
    monkeypatch.setenv("FACEPLATE_ENGINE", str(tmp_path / "nowhere"))
    baked(app, restore)
    assert "FACEPLATE_ENGINE" in restore["status"].value()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda app, node: node.setInput(0, None), "Nothing is connected"),
        (lambda app, node: app.root["name"].setValue(""), "save the script first"),
        (lambda app, node: app.root["proxy"].setValue(True), "proxy mode"),
        (lambda app, node: app.views.append("right"), "one view"),
        (
            lambda app, node: [app.user_sets(node, "frames", "custom"), app.user_sets(node, "first", 9)],
            "come before",
        ),
        (lambda app, node: app.user_sets(node, "shot", "gone.json"), "is not there"),
    ],
)
def test_what_cannot_be_baked_is_refused_with_what_to_do(app, restore, command, change, said):
    change(app, restore)
    baked(app, restore)
    assert said in restore["status"].value()
    assert command.calls == [] and app.rendered == []


def test_a_render_that_is_cancelled_in_nuke_is_not_baked(app, restore, command):
    def cancelled(path, frame):
        raise RuntimeError("Cancelled")

    app.render_frame = cancelled
    baked(app, restore)
    assert restore["status"].value() == "Stopped while the input was rendered."
    assert command.calls == [] and restore["baking"].value() is False and restore["plates_file"].value() == ""


def test_a_write_that_writes_nothing_is_noticed(app, restore, command, tmp_path):
    app.render_frame = lambda path, frame: None
    baked(app, restore)
    assert "The plate of frame 1001 is not there" in restore["status"].value()
    assert command.calls == [] and not list(tmp_path.rglob("v001"))


def test_pressed_twice_it_bakes_once(app, restore, command):
    command.behave(pause=0.2)
    restore["bake"].execute()
    restore["bake"].execute()
    assert "at work already" in restore["status"].value()
    app.pump(lambda: at_rest(app))
    assert len(command.calls) == 1 and restore["state"].value() == "baked 1001-1003"


def test_a_node_that_is_deleted_while_it_bakes_is_no_error(app, restore, command):
    restore["bake"].execute()
    app.delete(restore)
    app.pump(lambda: at_rest(app))
    assert any("is gone" in line for line in app.log)


def test_a_node_that_is_renamed_while_it_bakes_gets_its_result(app, restore):
    restore["bake"].execute()
    restore._name = "Hero"
    app.pump(lambda: at_rest(app))
    assert restore["state"].value() == "baked 1001-1003"


def test_forgetting_shows_the_source_and_keeps_the_files(app, restore):
    baked(app, restore)
    result = Path(restore["result_file"].value()).parent / "result.1001.exr"
    restore["forget"].execute()
    assert shown(restore) == "Source" and restore["state"].value() == "not baked"
    assert result.exists()


def test_frames_below_nought_have_names_too(app):
    frame_path = module("plates").frame_path
    assert frame_path("plate.####.exr", 7) == "plate.0007.exr"
    assert frame_path("plate.####.exr", 12345) == "plate.12345.exr"
    assert frame_path("plate.####.exr", -7) == "plate.-007.exr"


def test_negative_frames_are_named_as_the_core_names_them(app):
    from faceplate.io.naming import pattern_of

    frame_path = module("plates").frame_path
    for number in (-1001, -7, 0, 3, 1001, 123456):
        assert frame_path("plate.####.exr", number) == pattern_of("plate.####.exr").name(number)

"""The shot of a node: its input rendered, and analysed beside the interface."""

from pathlib import Path

from tests.nuke.conftest import at_rest, connected, press


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


def test_two_nodes_work_at_once(app, restore, command):
    command.behave(pause=0.2)
    other = connected(app)
    restore["bake"].execute()
    other["analyse"].execute()
    app.pump(at_rest)
    assert restore["state"].value() == "baked 1001-1003" and other["shot"].value()

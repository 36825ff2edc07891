"""Where the engine's socket lies, what the engine may see of its host, and who may serve it."""

import os
import stat
import time

import pytest

from faceplate_client import launch
from faceplate_client.errors import EngineError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEPLATE_RUNTIME", str(tmp_path / "run"))
    return tmp_path / "run"


def test_the_folder_is_made_for_its_owner_alone(folder):
    assert launch.runtime_folder() == str(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert launch.runtime_folder() == str(folder), "a second client uses the same"


def test_a_folder_that_others_may_enter_is_refused(folder):
    folder.mkdir(mode=0o755)
    with pytest.raises(EngineError, match="others may look") as told:
        launch.runtime_folder()
    assert told.value.code == "engine.folder"


def test_a_link_in_place_of_the_folder_is_refused(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EngineError, match="no folder"):
        launch.runtime_folder()


def test_somebody_elses_folder_is_refused(folder, monkeypatch):
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(EngineError, match="belongs to somebody else"):
        launch.runtime_folder()


def test_a_name_too_long_for_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEPLATE_RUNTIME", str(tmp_path / ("long" * 30)))
    with pytest.raises(EngineError, match="too long"):
        launch.runtime_folder()


def test_the_users_runtime_folder_comes_before_the_temporary_one(tmp_path, monkeypatch):
    monkeypatch.delenv("FACEPLATE_RUNTIME", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert launch.runtime_folder() == str(tmp_path / "faceplate")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    assert not launch._folder_name().startswith(str(tmp_path))


def test_nothing_of_the_hosts_libraries_reaches_the_engine():
    host = {
        "LD_LIBRARY_PATH": "nuke", "LD_PRELOAD": "x", "PYTHONHOME": "nuke", "PYTHONPATH": "nuke", "QT_PLUGIN_PATH": "x",
        "HOME": "h", "PATH": "p", "LC_ALL": "C", "OCIO": "o", "FACEPLATE_MODELS": "m", "XDG_RUNTIME_DIR": "r",
    }  # fmt: skip
    kept = launch.clean_environment(host)
    assert set(kept) == {"HOME", "PATH", "LC_ALL", "OCIO", "FACEPLATE_MODELS", "XDG_RUNTIME_DIR"}


def test_without_an_engine_a_client_that_must_not_start_one_says_so(folder):
    with pytest.raises(EngineError, match="not running") as told:
        launch.reach(1.0, start=False)
    assert told.value.code == "engine.absent"


def test_a_command_that_is_not_there_is_named(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("FACEPLATE_ENGINE", str(tmp_path / "nowhere"))
    with pytest.raises(EngineError, match=r"nowhere.*FACEPLATE_ENGINE"):
        launch.reach(1.0)


def test_a_command_that_fails_is_reported_with_its_last_words(folder, monkeypatch, tmp_path):
    command = tmp_path / "broken"
    command.write_text("#!/bin/sh\necho one >&2\necho no such library >&2\nexit 9\n")
    command.chmod(0o755)
    monkeypatch.setenv("FACEPLATE_ENGINE", str(command))
    with pytest.raises(EngineError, match=r"exit code 9.*no such library") as told:
        launch.reach(20.0)
    assert told.value.code == "engine.absent"


def test_a_command_that_does_not_end_is_not_waited_for(folder, monkeypatch, tmp_path):
    command = tmp_path / "slow"
    command.write_text("#!/bin/sh\nexec sleep 60\n")
    command.chmod(0o755)
    monkeypatch.setenv("FACEPLATE_ENGINE", str(command))
    began = time.monotonic()
    with pytest.raises(EngineError, match="in time"):
        launch.reach(0.3)
    assert time.monotonic() - began < 10.0


def test_the_command_sees_nothing_of_the_hosts_libraries(folder, monkeypatch, tmp_path):
    command, seen = tmp_path / "looks", tmp_path / "seen"
    command.write_text(f"#!/bin/sh\nenv > {seen}\npwd >> {seen}\necho $* >> {seen}\n")
    command.chmod(0o755)
    monkeypatch.setenv("FACEPLATE_ENGINE", str(command))
    monkeypatch.setenv("PYTHONHOME", "nuke")
    with pytest.raises(EngineError):
        launch.reach(20.0)
    lines = seen.read_text().splitlines()
    assert not any(line.startswith("PYTHONHOME") for line in lines)
    assert lines[-2:] == ["/", "engine start --wait 20.000"]


def test_a_socket_that_a_killed_engine_left_is_nobody(folder):
    from faceplate.engine.life import listen

    launch.runtime_folder()
    listen(str(folder / launch.SOCKET)).close()
    assert (folder / launch.SOCKET).exists()
    assert launch.knock(str(folder)) is None


def test_a_socket_served_by_another_user_is_not_spoken_to(folder, monkeypatch):
    from faceplate.engine.life import listen

    launch.runtime_folder()
    listener = listen(str(folder / launch.SOCKET))
    monkeypatch.setattr(launch, "peer_of", lambda sock: (1, os.getuid() + 1))
    with pytest.raises(EngineError) as told:
        launch.knock(str(folder))
    assert told.value.code == "engine.peer"
    listener.close()

"""A file is there whole or not at all: after a refusal, a full disk, a kill."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from faceplate.farm import store
from faceplate.farm.store import publish, sweep, temporary_for
from faceplate.io.images import read_picture, verify_picture, write_picture
from faceplate_client.errors import InputError, OutputError
from tests.support.pictures import noise, save_picture


def accept(path):
    assert path.exists()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_under_its_name_alone(tmp_path):
    publish(tmp_path / "new" / "a.txt", lambda path: path.write_text("whole"), verify=accept)
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"
    assert names(tmp_path / "new") == ["a.txt"]


def test_it_is_written_in_its_own_folder_and_with_its_own_ending(tmp_path):
    temporary = temporary_for(tmp_path / "plate.1001.exr")
    assert temporary.parent == tmp_path
    assert temporary.name.startswith(".") and temporary.name.endswith("plate.1001.exr")
    assert len(temporary_for(tmp_path / ("x" * 240 + ".exr")).name) < 255


@pytest.mark.parametrize("failing", ["write", "verify"])
@pytest.mark.parametrize(
    "error", [OutputError("no"), InputError("no"), KeyboardInterrupt(), OSError(5, "I/O error")]
)
def test_what_failed_leaves_the_old_file_and_nothing_else(failing, error, tmp_path):
    (tmp_path / "a.txt").write_text("old")

    def fail(path):
        path.write_text("half")
        raise error

    write = fail if failing == "write" else lambda path: path.write_text("new")
    expected = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected):
        publish(tmp_path / "a.txt", write, verify=fail if failing == "verify" else accept)
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_that_cannot_be_made_ends_with_73(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be made") as refused:
        publish(tmp_path / "file" / "sub" / "a.txt", lambda path: path.write_text(""), verify=accept)
    assert refused.value.exit_code == 73
    assert OutputError.exit_code == 74


IN_A_SMALL_WORLD = """
    import resource, sys
    from pathlib import Path
    from faceplate.farm.store import publish
    from faceplate.io.images import read_picture, verify_picture, write_picture
    from faceplate_client.errors import FaceplateError

    picture = read_picture(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    try:
        publish(
            sys.argv[2],
            lambda path: write_picture(path, picture),
            verify=lambda path: verify_picture(path, picture),
        )
    except FaceplateError as error:
        print(error)
        sys.exit(error.exit_code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a POSIX thing")
@pytest.mark.parametrize("name", ["a.exr", "a.png", "a.tif", "a.dpx"])
def test_no_room_ends_with_74_and_leaves_nothing(name, tmp_path, root):
    dtype = np.float16 if name.endswith("exr") else np.uint16
    source = save_picture(tmp_path / name, noise((100, 120, 3), dtype))
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(IN_A_SMALL_WORLD), str(source), str(out / name)],
        capture_output=True, text=True, timeout=60, env={**os.environ, "PYTHONPATH": str(root / "core")},
    )  # fmt: skip
    assert done.returncode == 74, done.stdout + done.stderr
    assert name in done.stdout
    assert names(out) == []


def test_a_full_disk_is_called_one(tmp_path, monkeypatch):
    def full(path):
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"disk is full.*--resume"):
        publish(tmp_path / "a.exr", full, verify=accept)

    def told(path):
        raise OutputError("it could not be written") from OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"disk is full.*--resume"):
        publish(tmp_path / "a.exr", told, verify=accept)

    # a library that only says that it failed
    monkeypatch.setattr(store.shutil, "disk_usage", lambda folder: _Full())

    def vague(path):
        raise OutputError("something went wrong")

    with pytest.raises(OutputError, match="disk is full"):
        publish(tmp_path / "a.exr", vague, verify=accept)


class _Full:
    free = 0


ENDLESS = """
    import sys
    from pathlib import Path
    from faceplate.farm.store import publish
    from faceplate.io.images import read_picture, verify_picture, write_picture

    picture, out = read_picture(sys.argv[1]), Path(sys.argv[2])
    number = 0
    while True:
        number = number % 5 + 1
        publish(
            out / f"plate.{number:04}.exr",
            lambda path: write_picture(path, picture),
            verify=lambda path: verify_picture(path, picture),
        )
        print("one more", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX thing")
def test_a_kill_leaves_only_whole_files_and_the_next_run_sweeps(tmp_path, root):
    source = save_picture(tmp_path / "a.exr", noise((120, 160, 3), np.float16))
    picture, out = read_picture(source), tmp_path / "out"
    found = 0
    for attempt in range(6):
        render = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(ENDLESS), str(source), str(out)],
            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(root / "core")},
        )  # fmt: skip
        assert render.stdout is not None
        render.stdout.readline()
        time.sleep(0.05 + 0.013 * attempt)
        render.send_signal(signal.SIGKILL)
        render.wait(10)
        render.stdout.close()
        for path in out.glob("plate.*.exr"):
            verify_picture(path, picture)
            found += 1
        sweep(out)
        assert not list(out.glob(".*"))
    assert found > 0


def test_the_living_are_not_swept(tmp_path):
    mine = temporary_for(tmp_path / "a.exr")
    mine.write_bytes(b"being written")
    earlier = tmp_path / mine.name.replace(store._RUN, "0" * 8)
    earlier.write_bytes(b"the same number, another run")
    dead = tmp_path / f".faceplate-{store._host()}-{_dead_process()}-0a0b0c0d-b.exr"
    dead.write_bytes(b"left over")
    elsewhere = tmp_path / ".faceplate-another_machine-1-0a0b0c0d-c.exr"
    elsewhere.write_bytes(b"maybe alive")
    old = tmp_path / ".faceplate-another_machine-1-0a0b0c0d-d.exr"
    old.write_bytes(b"surely not")
    os.utime(old, (0.0, time.time() - 3 * 86400))
    stranger = tmp_path / ".faceplate-notes.txt"
    stranger.write_text("not ours to remove")
    assert set(sweep(tmp_path)) == {earlier, dead, old}
    assert mine.exists() and elsewhere.exists() and stranger.exists()


def _dead_process():
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_sweeping_where_nothing_is_does_nothing(tmp_path):
    assert sweep(tmp_path / "gone") == []


def test_a_picture_that_reads_back_differently_is_not_published(tmp_path):
    one = read_picture(save_picture(tmp_path / "a.exr", noise((8, 8, 3), np.float16, seed=1)))
    other = read_picture(save_picture(tmp_path / "b.exr", noise((8, 8, 3), np.float16, seed=2)))
    with pytest.raises(OutputError, match="other pixels"):
        publish(
            tmp_path / "out.exr",
            lambda path: write_picture(path, one),
            verify=lambda path: verify_picture(path, other),
        )
    assert not (tmp_path / "out.exr").exists()

"""The plug-in when it does not work: engines that are missing, refuse or die, and hosts that lose interest."""

import os
import subprocess
import sys
import threading
import time as clock

import numpy as np
import pytest

from faceplate.ofx_host.images import new_image
from faceplate.ofx_host.native import take_refusals
from faceplate.ofx_host.status import FAILED, OK
from tests.support.engines import engine_in
from tests.support.ofx_faces import (
    EFFECTS,
    FACE,
    RESTORE,
    WINDOW,
    Faces,
    at_work,
    lifted,
    picture,
    plugin,
    rendered,
    settled_of,
)
from tests.support.ofx_hosting import shares_its_child


@shares_its_child
@pytest.mark.parametrize("identifier", EFFECTS)
def test_without_an_engine_a_render_fails_and_says_so_until_there_is_one(folder, identifier):
    with plugin(identifier) as effect, at_work(effect, picture()) as instance:
        output = new_image(WINDOW)
        assert instance.render_status(1, WINDOW, output) == FAILED
        assert (output.pixels == 0).all(), "never the source, passed off as a result"
        shown = instance.running.persistent_message
        assert shown.kind == "OfxMessageError" and "FACEPLATE_ENGINE" in shown.text
        assert instance.running.images_out == 0
        with engine_in(folder, **Faces().work):
            assert instance.render_status(1, WINDOW, output) == OK
        assert instance.running.persistent_message.text == ""


def test_a_host_without_persistent_messages_gets_a_line_in_its_log_and_no_dialog(folder):
    for profile in ("fusion", "resolve"):
        with plugin(RESTORE, profile) as effect, at_work(effect, picture()) as instance:
            assert (
                instance.render_status(
                    1, WINDOW, new_image(WINDOW, depth=settled_of(instance).depths["Output"])
                )
                == FAILED
            )
            assert [message.kind for message in instance.running.messages] == ["OfxMessageLog"]
    take_refusals()


def test_what_the_engine_refuses_is_shown_in_its_words(folder):
    def refuses(job):
        raise ValueError("a fault of the test's")

    with (
        engine_in(folder, restore=refuses),
        plugin(RESTORE) as effect,
        at_work(effect, picture()) as instance,
    ):
        output = new_image(WINDOW)
        assert instance.render_status(1, WINDOW, output) == FAILED
        assert instance.running.persistent_message.text
        assert (output.pixels == 0).all()


def test_out_of_memory_is_told_as_such(folder):
    from faceplate_client.errors import EngineError

    def full(job):
        raise EngineError("no memory is left", code="engine.memory")

    with engine_in(folder, restore=full), plugin(RESTORE) as effect, at_work(effect, picture()) as instance:
        assert instance.render_status(1, WINDOW, new_image(WINDOW)) == 8


def test_what_the_engine_notes_of_a_render_is_shown_as_long_as_it_is_so(folder):
    """Such as that the device ran out of memory, and the frame was worked on elsewhere."""
    faces, said = Faces(), ["The device ran out of memory: it worked in smaller pieces.", "And on the CPU."]

    def noted(job):
        return {**faces(job), **({"notes": list(said)} if said else {})}

    with engine_in(folder, restore=noted), plugin(RESTORE) as effect, at_work(effect, picture()) as instance:
        rendered(instance)
        shown = instance.running.persistent_message
        assert (shown.kind, shown.text) == ("OfxMessageWarning", " ".join(said))
        rendered(instance, time=2)
        assert len(instance.running.messages) == 1, "said once, not on every frame"
        said.pop()
        rendered(instance, time=3)
        assert instance.running.persistent_message.text == said[0]
        said.clear()
        rendered(instance, time=4)
        assert instance.running.persistent_message.text == ""


@pytest.mark.parametrize("notes", ["a text", [1, None, {}], {"a": 1}, ["x" * 5000]])
def test_notes_that_are_none_are_not_shown_and_harm_nobody(folder, notes):
    faces = Faces()

    def noted(job):
        return {**faces(job), "notes": notes}

    with engine_in(folder, restore=noted), plugin(RESTORE) as effect, at_work(effect, picture()) as instance:
        np.testing.assert_array_equal(rendered(instance), lifted(picture(), FACE))
        assert instance.running.persistent_message.text == ""


def test_an_abort_ends_a_render_within_50_ms_without_a_word(folder):
    def slow(job):
        until = clock.monotonic() + 20
        while clock.monotonic() < until:
            job.stage("restore", 0.5)
            clock.sleep(0.002)
        return {}

    with engine_in(folder, restore=slow), plugin(RESTORE) as effect, at_work(effect, picture()) as instance:
        found, output = [], new_image(WINDOW)

        def render():
            found.append((instance.render_status(1, WINDOW, output), clock.monotonic()))

        thread = threading.Thread(target=render)
        thread.start()
        clock.sleep(0.3)
        asked = clock.monotonic()
        instance.abort()
        thread.join(10)
        status, ended = found[0]
        assert status == FAILED and ended - asked < 0.05
        assert instance.running.persistent_message.text == "" and instance.running.images_out == 0


ENGINE_THAT_NEVER_ENDS = """
import sys, time
from pathlib import Path
from tests.support.engines import engine_in
def restore(job):
    while True:
        job.stage("restore", 0.5)
        time.sleep(0.002)
with engine_in(Path(sys.argv[1]), restore=restore):
    time.sleep(60)
"""


@pytest.mark.slow
def test_an_engine_killed_at_work_is_a_failure_within_a_second(folder, root):
    words = [sys.executable, "-c", ENGINE_THAT_NEVER_ENDS, str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root / "core"), str(root)))}
    with subprocess.Popen(words, cwd=root, env=environment) as process:
        try:
            until = clock.monotonic() + 60
            while not (folder / "engine.sock").exists():
                assert process.poll() is None and clock.monotonic() < until
                clock.sleep(0.02)
            killed_at_work(process)
        finally:
            process.kill()
    with (
        plugin(RESTORE) as effect,
        engine_in(folder, **Faces().work),
        at_work(effect, picture()) as instance,
    ):
        np.testing.assert_array_equal(rendered(instance), lifted(picture(), FACE))


def killed_at_work(process: subprocess.Popen) -> None:
    """Render, kill the engine meanwhile, and look what is said."""
    with plugin(RESTORE) as effect, at_work(effect, picture()) as instance:
        found, output = [], new_image(WINDOW)

        def render():
            found.append((instance.render_status(1, WINDOW, output), clock.monotonic()))

        thread = threading.Thread(target=render)
        thread.start()
        clock.sleep(0.5)
        assert found == [], "it is at work"
        killed = clock.monotonic()
        process.kill()
        thread.join(10)
        status, ended = found[0]
        assert status == FAILED and ended - killed < 1.0
        assert "engine" in instance.running.persistent_message.text
        assert (output.pixels == 0).all() and instance.running.images_out == 0

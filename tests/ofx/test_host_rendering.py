"""Rendering: what is asked in which order, tiles and threads, aborting, and plug-ins that misbehave."""

import itertools
import os
import subprocess
import sys
import threading
import time as clock
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.ofx_host.clips import ClipFacts
from faceplate.ofx_host.images import floats_of, image_of, new_image
from faceplate.ofx_host.native import PluginError, live_handles, take_refusals
from faceplate.ofx_host.rendering import render_frame
from faceplate.ofx_host.status import ActionFailed
from tests.support.ofx_hosting import (
    COPY,
    PROBE,
    ROOT,
    built_bundle,
    nothing_left,
    opened,
    source_image,
    source_pixels,
    working,
)

SIZE = (16, 12)
WINDOW = (0, 0, 16, 12)
PROFILES = ("full", "nuke", "resolve", "fusion", "natron", "flame", "minimal")


@pytest.fixture
def copying():
    with opened(COPY) as effect:
        effect.describe_in_context("Filter")
        yield effect


@pytest.fixture
def probing():
    with opened(PROBE) as effect:
        effect.describe_in_context("Filter")
        yield effect


def behaving(effect, behaviour: str, **more):
    """An instance of the probe, or of another effect, that behaves like this."""
    return working(effect, size=SIZE, values={"behaviour": [behaviour]}, **more)


def said(instance) -> dict[str, str]:
    return {message.id: message.text for message in instance.running.messages}


# ------------------------------------------------------------ the order of things


@pytest.mark.parametrize("profile", PROFILES)
def test_a_copy_is_a_copy_in_every_profile(profile):
    with (
        nothing_left(),
        opened(COPY, profile) as effect,
        working(effect, context=effect.contexts[0]) as instance,
    ):
        rendered = render_frame(instance, 3, WINDOW)
        assert rendered.image.pixels.tobytes() == source_image(instance, SIZE, 3).pixels.tobytes()
        assert rendered.image.intact and instance.running.images_out == 0
    take_refusals()


@pytest.mark.parametrize("depth", ["Float", "Half", "Short", "Byte"])
def test_the_sources_own_depth_is_kept_where_both_have_it(copying, depth):
    with working(copying, depth=depth) as instance:
        assert instance.preferences is not None and instance.preferences.depths["Output"] == depth
        assert np.array_equal(
            floats_of(render_frame(instance, 1, WINDOW).image), floats_of(source_image(instance, SIZE, 1))
        )


def test_an_identity_is_fetched_and_not_rendered(copying):
    with working(copying, values={"identity": [1]}) as instance:
        rendered = render_frame(
            instance, 4, WINDOW, fetch_identity=lambda clip, time: source_image(instance, SIZE, time)
        )
        assert rendered.identity == ("Source", 4.0)
        instance.set("gain", 0.5)
        assert instance.is_identity(4, WINDOW) is None


def test_regions_and_frames_default_to_what_is_asked(copying):
    with working(copying) as instance:
        assert instance.region_of_definition(1) == (0.0, 0.0, 16.0, 12.0)
        assert instance.regions_of_interest(1, (2.0, 3.0, 4.0, 5.0)) == {"Source": (2.0, 3.0, 4.0, 5.0)}
        assert instance.frames_needed(7) == {"Source": [(7.0, 7.0)]}


def test_a_window_into_the_past_and_the_future(probing):
    with behaving(probing, "average") as instance:
        assert instance.frames_needed(5) == {"Source": [(4.0, 6.0)]}
        wanted = np.mean([source_pixels(SIZE, t) for t in (4, 5, 6)], axis=0)
        np.testing.assert_allclose(floats_of(render_frame(instance, 5, WINDOW).image), wanted, atol=1e-6)
        # At the end of the clip there is one frame less, which is not an error.
        wanted = np.mean([source_pixels(SIZE, t) for t in (9, 10)], axis=0)
        np.testing.assert_allclose(floats_of(render_frame(instance, 10, WINDOW).image), wanted, atol=1e-6)


def test_a_host_without_temporal_access_gives_one_frame():
    with opened(PROBE, "minimal") as effect, behaving(effect, "average") as instance:
        take_refusals()
        assert np.array_equal(floats_of(render_frame(instance, 5, WINDOW).image), source_pixels(SIZE, 5))
        assert [line.split(":")[1] for line in take_refusals()] == [
            " frame 4.000000 was not declared as needed",
            " frame 6.000000 was not declared as needed",
        ]


def test_a_frame_that_was_not_declared_is_not_given(probing):
    with behaving(probing, "undeclared") as instance:
        take_refusals()
        render_frame(instance, 2, WINDOW)
        assert said(instance)["got it"] == "0"
        assert take_refusals() == ["clip Source: frame 7.000000 was not declared as needed"]


def test_flame_gives_undeclared_frames_and_clamps_them():
    with opened(PROBE, "flame") as effect, behaving(effect, "undeclared") as instance:
        render_frame(instance, 9, WINDOW)  # asks for frame 14 of 10
        assert said(instance)["got it"] == "1"
    take_refusals()


def test_nothing_connected_is_black(copying):
    with copying.create("Filter", size=(16.0, 12.0)) as instance:
        instance.clip_preferences()
        assert not floats_of(render_frame(instance, 1, WINDOW).image).any()


def test_an_image_that_python_cannot_fetch_is_noted_and_black(copying):
    def broken(time: float):
        raise OSError(f"no disk at {time:g}")

    with working(copying) as instance:
        instance.running.fetch_with("Source", broken)
        take_refusals()
        assert not floats_of(render_frame(instance, 2, WINDOW).image).any()
        (refusal,) = take_refusals()
        assert refusal.startswith("clip Source: frame 2.000000: OSError: no disk at 2")


def test_nothing_in_common_is_a_sentence():
    with (
        opened(PROBE, "nuke") as effect,
        pytest.raises(PluginError, match="cannot be used in Nuke as General"),
    ):
        effect.create("General")
    with opened(COPY, "nuke") as effect:
        effect.describe_in_context("Filter")
        with pytest.raises(PluginError, match="have no pixel depth in common"):
            narrow(effect, "Float")
    take_refusals()


def narrow(effect, depth):
    """The same effect as if its host had every depth but one."""
    from dataclasses import replace

    before = effect.profile
    effect.profile = replace(before, depths=tuple(each for each in before.depths if each != depth))
    try:
        with effect.create("Filter") as instance:
            instance.connect("Source", ClipFacts((0.0, 0.0, 4.0, 4.0)))
            instance.clip_preferences()
    finally:
        effect.profile = before


# ------------------------------------------------------------ tiles, threads, instances


@settings(max_examples=25)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), st.booleans(), st.booleans())
def test_tiles_in_threads_make_the_same_picture(columns, rows, threads, top_down, threaded):
    values = {"gain": [0.5], "mode": [int(threaded)]}
    with nothing_left(), opened(COPY) as effect, working(effect, values=values) as instance:
        whole = render_frame(instance, 2, WINDOW).image
        tiled = new_image(WINDOW, padding=16, top_down=top_down)
        xs, ys = np.linspace(0, 16, columns + 1, dtype=int), np.linspace(0, 12, rows + 1, dtype=int)
        windows = [(x1, y1, x2, y2) for x1, x2 in pairs(xs) for y1, y2 in pairs(ys)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda window: instance.render(2, window, tiled), windows))
        assert np.array_equal(tiled.pixels, whole.pixels) and tiled.intact


def pairs(edges):
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges)]


def test_two_instances_do_not_disturb_each_other(copying):
    frames = [1, 2, 3, 4, 5] * 4
    with (
        working(copying, values={"gain": [0.5]}) as one,
        working(copying) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        halves = pool.submit(lambda: [floats_of(render_frame(one, time, WINDOW).image) for time in frames])
        wholes = pool.submit(lambda: [floats_of(render_frame(other, time, WINDOW).image) for time in frames])
        for time, half, whole in zip(frames, halves.result(), wholes.result(), strict=True):
            assert np.array_equal(whole, source_pixels(SIZE, time))
            np.testing.assert_allclose(half, whole / 2, atol=1e-7)


def test_half_size_and_wide_pixels_are_told_to_the_effect(copying):
    """At scale 0.5 and pixel aspect 2 a canonical 16 x 12 is 4 x 6 pixels; a tile asks for its part of it."""
    with working(copying, pixel_aspect=2.0) as instance:
        form = {"render_scale": (0.5, 0.5), "pixel_aspect": 2.0}
        pixels = source_pixels((4, 6), 1)
        instance.running.fetch_with("Source", lambda time: image_of(pixels, **form))
        rendered = render_frame(instance, 1, (0, 0, 4, 6), scale=(0.5, 0.5))
        assert np.array_equal(floats_of(rendered.image), pixels)
        assert instance.preferences is not None and instance.preferences.pixel_aspect == 2.0


def test_threads_of_the_host_and_of_the_effect(probing):
    with nothing_left(), behaving(probing, "threads") as instance:
        rendered = render_frame(instance, 1, WINDOW)
        assert said(instance)["sum"] == str(sum(range(1, 9)))
        assert said(instance)["nested"] == "6"  # ErrExists: no threads within threads
        assert np.array_equal(floats_of(rendered.image), source_pixels(SIZE, 1))
    with nothing_left(), behaving(probing, "own thread") as instance:
        # Only the render's own threads count as rendering, so frames are not checked; the output is found by time.
        assert np.array_equal(floats_of(render_frame(instance, 3, WINDOW).image), source_pixels(SIZE, 3))


def test_python_runs_while_a_plug_in_renders_and_can_stop_it(probing):
    with nothing_left(), behaving(probing, "wait") as instance:
        done: list[int] = []
        output = new_image(WINDOW)
        rendering = threading.Thread(target=lambda: done.append(instance.render_status(1, WINDOW, output)))
        rendering.start()
        clock.sleep(0.2)  # this line itself would not return if the render held Python's lock
        assert not done
        asked = clock.monotonic()
        instance.abort()
        rendering.join(5)
        assert done == [0] and clock.monotonic() - asked < 1.0
        assert instance.running.abort_polls >= 5
        assert 0.002 <= instance.running.longest_poll_gap < 1.0
        instance.go_on()


# ------------------------------------------------------------ plug-ins that misbehave


def test_a_failure_carries_the_persistent_message(probing):
    with nothing_left(), behaving(probing, "fail") as instance:
        with pytest.raises(
            ActionFailed, match=r"failed in .*Render \(Failed\): The probe failed at 6\."
        ) as caught:
            render_frame(instance, 6, WINDOW)
        assert caught.value.status == 1
        message = instance.running.persistent_message
        assert (message.kind, message.id, message.persistent) == ("OfxMessageError", "broken", True)


def test_a_host_with_null_members_in_its_message_suite_survives():
    refused = pytest.raises(ActionFailed, match="gave no reason")
    with opened(PROBE, "resolve") as effect, behaving(effect, "fail") as instance, refused:
        render_frame(instance, 6, WINDOW)
    take_refusals()


def test_an_exception_stops_at_the_border(probing):
    with behaving(probing, "throw") as instance:
        take_refusals()
        with pytest.raises(ActionFailed, match="ErrFatal"):
            render_frame(instance, 1, WINDOW)
        assert take_refusals() == [f"{PROBE} let an exception out of OfxImageEffectActionRender"]


def test_an_image_that_is_kept_is_counted_and_taken_back(probing):
    with nothing_left(), behaving(probing, "keep image") as instance:
        take_refusals()
        render_frame(instance, 1, WINDOW)
        render_frame(instance, 2, WINDOW)
        assert instance.running.images_out == 2
        instance.destroy()
        assert take_refusals() == ["an image was never released"] * 2


def test_memory_that_is_kept_is_counted(probing):
    before = live_handles()
    with behaving(probing, "keep memory") as instance:
        render_frame(instance, 1, WINDOW)
    after = live_handles()
    assert {kind: after[kind] - before.get(kind, 0) for kind in ("memory", "image_memory")} == {
        "memory": 1,
        "image_memory": 1,
    }


def test_a_write_beside_the_pixels_is_seen(probing):
    with behaving(probing, "write outside") as instance:
        assert not render_frame(instance, 1, WINDOW).image.intact


def test_bad_handles_are_refused_and_not_followed(probing):
    with nothing_left(), behaving(probing, "bad handles") as instance:
        render_frame(instance, 1, WINDOW)
        assert set(said(instance).values()) == {"9"} and len(said(instance)) == 6  # ErrBadHandle, every one


def test_parameters_cannot_be_set_while_rendering(probing):
    with behaving(probing, "set while rendering") as instance:
        take_refusals()
        render_frame(instance, 1, WINDOW)
        assert said(instance)["set"] == "5" and instance.value("amount") == 0.0
        assert take_refusals() == ["parameter amount cannot be set while rendering"]


def test_progress_is_kept_and_can_be_cancelled(probing):
    with behaving(probing, "progress") as instance:
        render_frame(instance, 1, WINDOW)
        instance.running.cancel_progress()
        render_frame(instance, 2, WINDOW)
        told = [(each.label, each.updates, each.last, each.ended) for each in instance.running.progress]
        assert told == [("Probing", 4, 1.0, True), ("Probing", 1, 0.25, True)]


def test_a_destroyed_instance_says_so(copying):
    with working(copying) as instance:
        instance.destroy()
        with pytest.raises(ValueError, match="was destroyed"):
            render_frame(instance, 1, WINDOW)


def test_two_hundred_instances_come_and_go_and_leave_nothing(copying):
    with nothing_left():
        for _ in range(200):
            with working(copying) as instance:
                render_frame(instance, 1, WINDOW)


def test_loading_and_unloading_leaves_nothing():
    with nothing_left():
        for _ in range(5):
            with opened(COPY) as effect:
                effect.params("Filter")


def test_a_binary_has_one_host_at_a_time(copying):
    with pytest.raises(PluginError, match="open in this process already"), opened(COPY, "nuke"):
        pass
    copying.bundle.close()
    with opened(COPY, "nuke") as effect:
        assert effect.depths == ("Float",)


def test_a_crash_takes_only_its_own_process():
    program = (
        "from tests.support.ofx_hosting import *\n"
        "from faceplate.ofx_host.rendering import render_frame\n"
        "with opened(PROBE) as e, working(e, values={'behaviour': ['crash']}) as i:\n"
        "    render_frame(i, 1, (0, 0, 16, 12))\n"
    )
    built_bundle("Testing")
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, env=_environment())
    assert told.returncode == -11


def _environment():
    return {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'core'}"}

"""Steady and Veil: effects that look at the frames around the one that is rendered."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceplate.ofx_host.clips import ClipFacts
from faceplate.ofx_host.effect import Bundle
from faceplate.ofx_host.images import image_of, new_image
from faceplate.ofx_host.native import take_refusals
from faceplate.ofx_host.profiles import profile_named
from faceplate.ofx_host.rendering import render_frame
from faceplate.ofx_host.status import FAILED, OK, ActionFailed
from tests.support.engines import open_files
from tests.support.ofx_faces import (
    FACE,
    RESTORE,
    STEADY,
    VEIL,
    WINDOW,
    at_work,
    connect_mask,
    lifted,
    picture,
    plugin,
    rendered,
    settled_of,
)
from tests.support.ofx_hosting import built_bundle

ANY = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
FIRST, LAST = -10, 10


def shown_at(time: float) -> np.ndarray:
    """Another picture at every time."""
    return picture(seed=int(2 * time) + 1000)


def names_around(asked) -> list[str]:
    return sorted(asked["around"])


# ------------------------------------------------------------ which frames


@ANY
@given(time=st.integers(FIRST, LAST) | st.just(0.5), radius=st.integers(0, 8))
def test_steady_asks_for_the_frames_of_its_radius_and_for_no_other(steady, time, radius):
    with at_work(steady, picture()) as instance:
        instance.set("radius", radius)
        wanted = [time + step for step in range(-radius, radius + 1) if FIRST <= time + step <= LAST]
        assert instance.frames_needed(time) == {"Source": [(min(wanted), max(wanted))]}


def test_the_radius_is_read_at_the_time_that_is_rendered(steady, faces):
    with at_work(steady, picture(), frames=shown_at) as instance:
        instance.set("radius", 1, time=1)
        instance.set("radius", 3, time=5)
        assert instance.frames_needed(1)["Source"] == [(0.0, 2.0)]
        assert instance.frames_needed(5)["Source"] == [(2.0, 8.0)]
        for time in (1.0, 5.0):
            rendered(instance, time=time)
    assert [len(one["around"]) for one in faces.asked] == [2, 6]


@ANY
@given(time=st.integers(FIRST, LAST) | st.just(0.5), missing=st.sets(st.integers(-12, 12)))
def test_the_engine_is_given_what_there_is_by_how_far_away_it_is(steady, faces, time, missing):
    """Beyond the clip's ends, and where a file is missing, there is no plane; nothing takes its place."""
    faces.asked.clear()
    gone = missing - {time}
    with at_work(steady, picture(), frames=lambda at: None if at in gone else shown_at(at)) as instance:
        after = rendered(instance, time=time)
    np.testing.assert_array_equal(after, lifted(shown_at(time), FACE))
    (asked,) = faces.asked
    steps = [step for step in (-2, -1, 1, 2) if FIRST <= time + step <= LAST and time + step not in gone]
    assert names_around(asked) == sorted(f"plate{step:+d}" for step in steps)
    for step in steps:
        plane = asked["around"][f"plate{step:+d}"]
        np.testing.assert_array_equal(plane.pixels, shown_at(time + step))
        assert plane.frame == asked["frame"] + step
        assert (plane.channels, plane.colourspace, plane.alpha) == tuple(
            asked[name] for name in ("channels", "colourspace", "alpha")
        )


def test_a_neighbour_of_another_size_lies_in_the_same_frame(steady, faces):
    """A source whose bounds change from frame to frame: cropped to what is there."""
    images = {
        1.0: ((-3, -2), picture()),
        0.0: ((0, 0), picture(size=(4, 3), seed=2)),
        2.0: ((-5, 4), picture(size=(30, 5), seed=3)),
    }
    with at_work(steady, picture(), origin=(-3, -2), project=(20.0, 10.0)) as instance:
        instance.running.fetch_with(
            "Source", lambda time: image_of(images[time][1], images[time][0]) if time in images else None
        )
        rendered(instance)
    (asked,) = faces.asked
    windows = {name: _corners(plane.data_window) for name, plane in asked["around"].items()}
    assert windows == {"plate-1": (0, 7, 4, 10), "plate+1": (-5, 1, 25, 6)}
    for plane in asked["around"].values():
        assert _corners(plane.display_window) == asked["display_window"] == (0, 0, 20, 10)
    np.testing.assert_array_equal(asked["around"]["plate+1"].pixels, images[2.0][1])


def _corners(window) -> tuple[int, int, int, int]:
    return window.x0, window.y0, window.x1, window.y1


def test_frames_of_different_kinds_are_an_error_and_no_picture(steady, faces):
    forms = {0.0: {"render_scale": (0.5, 0.5)}, 2.0: {}}
    with at_work(steady, picture()) as instance:
        instance.running.fetch_with("Source", lambda time: image_of(picture(), **forms.get(time, {})))
        with pytest.raises(ActionFailed, match="different kinds or proxy scales"):
            render_frame(instance, 1, WINDOW)
        assert instance.running.images_out == 0
    assert faces.asked == []


# ------------------------------------------------------------ hosts that give one frame


@contextmanager
def one_frame_host(identifier: str):
    """An effect in a host that has everything but temporal access."""
    whole = profile_named("full")
    properties = {**whole.properties, "OfxImageEffectPropTemporalClipAccess": 0}
    with Bundle(built_bundle("Faceplate"), replace(whole, properties=properties)) as bundle:
        yield bundle.effect(identifier)


@pytest.mark.parametrize("identifier, words", [(STEADY, "not held steady"), (VEIL, "stays visible")])
def test_a_host_that_gives_one_frame_gets_one_and_the_artist_is_told(faces, identifier, words):
    take_refusals()
    with one_frame_host(identifier) as effect, at_work(effect, picture(), frames=shown_at) as instance:
        np.testing.assert_array_equal(rendered(instance), lifted(shown_at(1), FACE))
        shown = instance.running.persistent_message
        assert shown.kind == "OfxMessageWarning" and words in shown.text
        rendered(instance, time=2)
        assert len(instance.running.messages) == 1, "said once, not on every frame"
        if identifier == STEADY:
            instance.set("radius", 0)
            rendered(instance)
            assert instance.running.persistent_message.text == "", "nothing is missing from a radius of 0"
    assert [one["around"] for one in faces.asked] == [{}] * len(faces.asked)
    assert take_refusals() == []


def test_an_error_in_between_does_not_swallow_the_warning(faces):
    with one_frame_host(STEADY) as effect, at_work(effect, picture()) as instance:
        rendered(instance)
        instance.set("colourspace", 6)
        assert instance.render_status(1, WINDOW, new_image(WINDOW)) == FAILED
        assert instance.running.persistent_message.kind == "OfxMessageError"
        instance.set("colourspace", 0)
        rendered(instance)
        assert instance.running.persistent_message.kind == "OfxMessageWarning"


def test_a_host_without_any_messages_gets_its_frame_all_the_same(faces):
    with plugin(STEADY, "minimal") as effect, at_work(effect, picture(), frames=shown_at) as instance:
        np.testing.assert_array_equal(rendered(instance), lifted(shown_at(1), FACE))
    assert faces.asked[0]["around"] == {}


# ------------------------------------------------------------ what is said, and what is shown


def test_steady_asks_for_its_operation_and_says_what_was_set_by_hand(steady, faces):
    with at_work(steady, picture()) as instance:
        rendered(instance)
        for name, value in {"steady": 0.5, "radius": 1, "grain": 0.0, "strength": 0.25}.items():
            instance.set(name, value)
        rendered(instance)
    told = [(one["operation"], one["params"]) for one in faces.asked]
    wanted = {"steady": 0.5, "radius": 1, "grain": 0.0, "strength": 0.25}
    assert told == [("steady", {}), ("steady", wanted)], (
        "no grain is something to say: all of it is the default"
    )


@pytest.mark.parametrize("name", ["mix", "strength"])
def test_nothing_steadied_is_the_source_itself(steady, faces, name):
    with at_work(steady, picture()) as instance:
        instance.set(name, 0.0)
        assert instance.is_identity(3, WINDOW) == ("Source", 3.0)
    assert faces.asked == []


def test_veil_asks_for_its_operation_with_three_frames_on_either_side(veil, faces):
    with at_work(veil, picture(), frames=shown_at) as instance:
        assert instance.frames_needed(1)["Source"] == [(-2.0, 4.0)]
        rendered(instance)
        instance.set("faces", "1,3")
        instance.set("anonymise_others", 1)
        rendered(instance)
    told = [(one["operation"], one["params"], len(one["around"])) for one in faces.asked]
    assert told == [("veil", {}, 6), ("veil", {"faces": "1,3", "anonymise_others": True}, 6)]


def test_a_veil_is_whole_wherever_its_mask_is_not_nothing(veil):
    """A mask's soft edge must not show half a face."""
    mask = np.zeros((6, 9, 1), np.float32)
    mask[:, 3] = 0.01
    with at_work(veil, picture(), context="General") as instance:
        connect_mask(instance, mask, (0, 0))
        np.testing.assert_array_equal(rendered(instance), lifted(picture(), FACE * (mask[..., 0] > 0)))


# ------------------------------------------------------------ memory, and effects upstream


def test_the_memory_of_many_frames_is_not_left_to_an_effect_that_looks_at_one(faces):
    with (
        Bundle(built_bundle("Faceplate"), profile_named("full")) as bundle,
        at_work(bundle.effect(RESTORE), picture()) as restoring,
        at_work(bundle.effect(STEADY), picture()) as steadying,
    ):
        rendered(restoring)
        before = open_files()
        rendered(steadying)
        assert open_files() > before, "four frames more"
        rendered(restoring)
        assert open_files() == before


@pytest.mark.slow
def test_effects_upstream_of_each_other_do_not_wait_for_each_other(faces):
    """Sixteen renders, and eight connections: all of them are at their masks, which Matte draws, at the same time."""
    together = threading.Barrier(16)
    with Bundle(built_bundle("Faceplate"), profile_named("full")) as bundle:
        steady, matte = bundle.effect(STEADY), bundle.effect("matte")
        with at_work(matte, picture()) as mask, at_work(steady, picture(), context="General") as instance:

            def drawn(_time: float):
                together.wait(20)  # nobody holds a connection yet, or not all of them would come here
                output = new_image(WINDOW, components="RGBA")
                assert mask.render_status(1, WINDOW, output) == OK
                return output

            instance.connect("Mask", ClipFacts((0.0, 0.0, 9.0, 6.0), components="RGBA"), drawn)
            instance.clip_preferences()
            assert settled_of(instance).components["Mask"] == "RGBA"
            mask.frames_needed(1)
            instance.frames_needed(1)
            with ThreadPoolExecutor(16) as pool:
                outputs = [new_image(WINDOW) for _ in range(16)]
                done = pool.map(lambda output: instance.render_status(1, WINDOW, output), outputs, timeout=60)
                try:
                    assert list(done) == [OK] * 16
                finally:
                    instance.abort()  # renders that wait for each other would wait for ever
                    mask.abort()
    for output in outputs:
        np.testing.assert_array_equal(output.pixels, lifted(picture(), FACE))

"""The plug-in's effects in our host: what the engine is told, and what becomes of every pixel on the way back."""

import os
import subprocess
import sys
import threading
import time as clock
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceplate.ofx_host.effect import FAILED, OK, ActionFailed, ClipFacts, take_refusals
from faceplate.ofx_host.images import floats_of, image_of, new_image
from faceplate.ofx_host.rendering import render_frame
from tests.support.engines import engine_in, open_files
from tests.support.ofx_faces import LIFT, MATTE, RESTORE, Faces, at_work, lifted, plugin, rounded, settled_of
from tests.support.ofx_hosting import nothing_left

SIZE = (9, 6)
WINDOW = (0, 0, 9, 6)
FACE = np.zeros((6, 9), np.float32)
FACE[1:3, 2:5] = 1.0


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The runtime folder; no engine can be started."""
    home = tmp_path / "run"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("FACEPLATE_RUNTIME", str(home))
    monkeypatch.setenv("FACEPLATE_ENGINE", str(tmp_path / "nobody"))
    return home


@pytest.fixture
def faces(folder):
    """An engine in a thread that finds one face."""
    found = Faces()
    with engine_in(folder, restore=found):
        yield found


@pytest.fixture
def restore(faces):
    yield from willing(RESTORE)


@pytest.fixture
def matte(faces):
    yield from willing(MATTE)


def willing(identifier: str):
    """An effect that asks the host for nothing that it does not have."""
    take_refusals()
    with plugin(identifier) as effect:
        yield effect
    assert take_refusals() == []


def picture(channels: int = 4, seed: int = 1, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W, C), 0 to 0.7, exact in 8 bits."""
    random = np.random.default_rng(seed)
    return (random.integers(0, 180, (size[1], size[0], channels)) / 255.0).astype(np.float32)


def rendered(instance, window=WINDOW, time=1.0, **more) -> np.ndarray:
    """A frame's floats; nothing was written outside the window, and every image was given back."""
    found = render_frame(instance, time, window, **more)
    assert found.identity is None
    assert found.image.intact and instance.running.images_out == 0
    return floats_of(found.image)


# ------------------------------------------------------------ pixels


@pytest.mark.parametrize("depth", ["Float", "Half", "Short", "Byte"])
@pytest.mark.parametrize("channels", [4, 3])
@pytest.mark.parametrize("top_down, padding", [(False, 0), (True, 0), (False, 12), (True, 20)])
def test_the_face_is_changed_and_nothing_else_in_every_kind_of_image(
    restore, depth, channels, top_down, padding
):
    before = picture(channels)
    form = {"top_down": top_down, "padding": padding}
    with at_work(restore, before, depth=depth, image=form) as instance:
        after = rendered(instance, **form)
    seen = rounded(before, depth)
    np.testing.assert_array_equal(after, rounded(lifted(seen, FACE), depth))
    np.testing.assert_array_equal(after[FACE == 0], seen[FACE == 0])


@pytest.mark.parametrize("profile", ["nuke", "resolve", "fusion", "natron", "flame", "minimal"])
@pytest.mark.parametrize("identifier", [RESTORE, MATTE])
def test_it_renders_in_every_profile_and_leaves_nothing_behind(faces, profile, identifier):
    with nothing_left():
        render_in(profile, identifier)


def render_in(profile: str, identifier: str) -> None:
    before = picture()
    with plugin(identifier, profile) as effect:
        for context in [each for each in effect.contexts if each in ("Filter", "General")]:
            with at_work(effect, before, context=context) as instance:
                after = rendered(instance)
                depth = settled_of(instance).depths["Output"]
            wanted = (
                lifted(rounded(before, depth), FACE)
                if identifier == RESTORE
                else FACE[..., None].repeat(4, 2)
            )
            np.testing.assert_array_equal(after, rounded(wanted, depth))


def test_values_that_no_screen_shows_pass_bit_for_bit(restore):
    bits = np.random.default_rng(3).integers(0, 1 << 32, (6, 9, 4), np.uint32)
    before = bits.view(np.float32)
    with at_work(restore, before) as instance:
        after = rendered(instance)
    np.testing.assert_array_equal(after.view(np.uint32)[FACE == 0], bits[FACE == 0])


ANY = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANY
@given(data=st.data(), x=st.integers(-7, 7), y=st.integers(-7, 7), depth=st.sampled_from(["Float", "Byte"]))
def test_any_part_of_the_frame_is_cut_from_the_same_whole(restore, data, x, y, depth):
    """Windows that are smaller, larger and beside the source; beyond the source there is black."""
    before = picture()
    corner = st.integers(-10, 14)
    x1, y1 = data.draw(corner), data.draw(corner)
    window = (x1, y1, x1 + data.draw(st.integers(1, 20)), y1 + data.draw(st.integers(1, 20)))
    with at_work(restore, before, origin=(x, y), depth=depth) as instance:
        whole = rendered(instance, (x, y, x + 9, y + 6))
        part = rendered(instance, window)
    wanted = np.zeros_like(part)
    for row in range(part.shape[0]):
        for column in range(part.shape[1]):
            at_x, at_y = window[0] + column - x, window[3] - 1 - row - y
            if 0 <= at_x < 9 and 0 <= at_y < 6:
                wanted[row, column] = whole[5 - at_y, at_x]
    np.testing.assert_array_equal(part, wanted)


def test_a_source_that_is_not_there_is_black_and_no_error(restore, faces):
    with at_work(restore, picture()) as instance:
        instance.running.fetch_with("Source", lambda time: None)
        assert (rendered(instance) == 0).all()
    assert faces.asked == []
    take_refusals()


@pytest.mark.parametrize("depth", ["Float", "Half", "Short", "Byte"])
def test_a_source_of_alpha_alone_shows_no_face(restore, faces, depth):
    before = picture(1)
    with at_work(restore, before, depth=depth) as instance:
        np.testing.assert_array_equal(rendered(instance), rounded(before, depth))
    assert faces.asked == []


# ------------------------------------------------------------ mix and mask


@ANY
@given(mix=st.floats(0.01, 1), masked=st.booleans(), depth=st.sampled_from(["Float", "Short"]))
def test_mix_and_mask_lie_between_source_and_result(restore, mix, masked, depth):
    before, mask = picture(), np.random.default_rng(5).random((4, 7, 1), np.float32)
    mask[:2, :2] = 0
    with at_work(restore, before, depth=depth, context="General") as instance:
        instance.set("mix", mix)
        if masked:
            connect_mask(instance, mask, (1, 1))
        after = rendered(instance)
    cover = np.ones((6, 9), np.float32)
    if masked:
        cover = np.zeros((6, 9), np.float32)
        cover[1:5, 1:8] = rounded(mask, depth)[..., 0]
    seen = rounded(before, depth)
    share = (np.float32(mix) * cover)[..., None]
    wanted = rounded(seen + share * (lifted(seen, FACE) - seen), depth)
    np.testing.assert_allclose(after, wanted, atol=1e-6 if depth == "Float" else 1.01 / 65535)
    untouched = (share[..., 0] == 0) | (FACE == 0)
    np.testing.assert_array_equal(after[untouched], seen[untouched])


def connect_mask(instance, mask: np.ndarray, origin: tuple[int, int]) -> None:
    x, y = float(origin[0]), float(origin[1])
    region = (x, y, x + mask.shape[1], y + mask.shape[0])

    def fetch(_time):
        return image_of(mask, origin, depth=settled_of(instance).depths["Mask"], components="Alpha")

    instance.connect("Mask", ClipFacts(region, components="Alpha"), fetch)
    instance.clip_preferences()


def test_a_mask_without_an_image_covers_nothing(restore):
    with at_work(restore, picture(), context="General") as instance:
        connect_mask(instance, np.ones((6, 9, 1), np.float32), (0, 0))
        instance.running.fetch_with("Mask", lambda time: None)
        np.testing.assert_array_equal(rendered(instance), picture())
    take_refusals()


def test_where_every_clip_says_it_is_connected_no_mask_is_no_mask(faces):
    with plugin(RESTORE, "resolve") as effect, at_work(effect, picture(), context="General") as instance:
        np.testing.assert_array_equal(rendered(instance), lifted(picture(), FACE))
    take_refusals()


@pytest.mark.parametrize("name", ["mix", "strength"])
def test_nothing_mixed_in_is_the_source_itself_and_asks_nobody(restore, faces, name):
    with at_work(restore, picture()) as instance:
        instance.set(name, 0.0)
        assert instance.is_identity(3, WINDOW) == ("Source", 3.0)
        instance.set(name, 0.5)
        assert instance.is_identity(3, WINDOW) is None
    assert faces.asked == []


# ------------------------------------------------------------ what the engine is told


def test_only_what_was_set_by_hand_is_said(restore, faces):
    with at_work(restore, picture()) as instance:
        rendered(instance)
        for name, value in {
            "faces": "1,3",
            "style": 2,
            "mirror": 1,
            "sharpen": 0.5,
            "smallest": 24.0,
        }.items():
            instance.set(name, value)
        instance.set("grain", 0.0, time=1)  # a key at the default is set by hand too
        rendered(instance)
    wanted = {"faces": "1,3", "style": "film", "mirror": True, "sharpen": 0.5, "smallest": 24.0, "grain": 0.0}
    assert [one["params"] for one in faces.asked] == [{}, wanted]


def test_parameters_are_read_at_the_time_that_is_rendered(restore, faces):
    with at_work(restore, picture()) as instance:
        instance.set("strength", 0.2, time=1)
        instance.set("strength", 0.6, time=3)
        rendered(instance, time=1)
        rendered(instance, time=3)
        rendered(instance, time=-2.0)
    assert [round(one["params"]["strength"], 6) for one in faces.asked] == [0.2, 0.6, 0.2]
    assert [one["frame"] for one in faces.asked] == [1, 3, -2]


@pytest.mark.parametrize(
    "premultiplication, alpha",
    [("OfxImageOpaque", "none"), ("OfxImageAlphaPremultiplied", "premultiplied"),
     ("OfxImageAlphaUnPremultiplied", "straight")],
)  # fmt: skip
def test_alpha_is_named_for_what_it_is(restore, faces, premultiplication, alpha):
    with at_work(restore, picture(), premultiplication=premultiplication) as instance:
        rendered(instance)
        assert settled_of(instance).premultiplication == premultiplication
    assert [one["alpha"] for one in faces.asked] == [alpha]


def test_a_picture_without_alpha_has_none(restore, faces):
    with at_work(restore, picture(3)) as instance:
        rendered(instance)
    assert (faces.asked[0]["channels"], faces.asked[0]["alpha"]) == ("RGB", "none")


@pytest.mark.parametrize(
    "profile, depth, space",
    [("nuke", "Float", "lin_rec709"), ("natron", "Float", "lin_rec709"), ("natron", "Byte", "srgb"),
     ("flame", "Half", "lin_rec709"), ("fusion", "Byte", "srgb"), ("resolve", "Float", "srgb"),
     ("minimal", "Float", "srgb")],
)  # fmt: skip
def test_the_colour_space_follows_host_and_depth_unless_it_is_named(faces, profile, depth, space):
    with plugin(RESTORE, profile) as effect, at_work(effect, picture(), depth=depth) as instance:
        rendered(instance)
        instance.set("colourspace", 3)
        rendered(instance)
        instance.set("colourspace", 6)
        instance.set("colourspace_name", "ARRI LogC4")
        rendered(instance)
    assert [one["colourspace"] for one in faces.asked] == [space, "ACEScg", "ARRI LogC4"]


def test_a_space_to_be_named_and_not_named_is_an_error(restore, faces):
    with at_work(restore, picture()) as instance:
        instance.set("colourspace", 6)
        with pytest.raises(ActionFailed, match="the name is missing"):
            render_frame(instance, 1, WINDOW)
    assert faces.asked == []


def test_windows_are_turned_over_at_the_top_of_the_frame(restore, faces):
    """Overscan: the project is 20 x 10, the source reaches below it and ends under its top."""
    with at_work(restore, picture(), origin=(-3, -2), project=(20.0, 10.0)) as instance:
        rendered(instance)
    assert faces.asked[0]["display_window"] == (0, 0, 20, 10)
    assert faces.asked[0]["data_window"] == (-3, 6, 6, 12)


def test_a_proxy_of_an_anamorphic_project_is_told_in_pixels(restore, faces):
    """Half size and pixels twice as wide: 40 x 10 canonical are 10 x 5 pixels; faces are half as high."""
    form = {"render_scale": (0.5, 0.5), "pixel_aspect": 2.0}
    with at_work(
        restore, picture(size=(10, 5)), project=(40.0, 10.0), image=form, pixel_aspect=2.0
    ) as instance:
        instance.set("smallest", 40.0)
        found = render_frame(instance, 1, (0, 0, 10, 5), scale=(0.5, 0.5))
        assert found.image.intact
        instance.set("smallest", 10.0)
        render_frame(instance, 1, (0, 0, 10, 5), scale=(0.5, 0.5))
    assert faces.asked[0]["display_window"] == (0, 0, 10, 5)
    assert [one["params"] for one in faces.asked] == [{"smallest": 20.0}, {"smallest": 8.0}]


# ------------------------------------------------------------ the matte


def test_a_matte_fills_all_channels_or_alpha_alone(matte, faces):
    before = picture()
    with at_work(matte, before) as instance:
        np.testing.assert_array_equal(rendered(instance), FACE[..., None].repeat(4, 2))
        instance.set("into", 1)
        assert instance.clip_preferences().premultiplication == "OfxImageAlphaUnPremultiplied"
        np.testing.assert_array_equal(rendered(instance), np.dstack([before[..., :3], FACE]))
    assert {tuple(one["outputs"]) for one in faces.asked} == {("matte",)}


def test_a_mask_takes_away_from_the_matte(matte):
    mask = np.zeros((6, 9, 1), np.float32)
    mask[:, :4] = 0.5
    with at_work(matte, picture(), context="General") as instance:
        connect_mask(instance, mask, (0, 0))
        np.testing.assert_array_equal(rendered(instance), (FACE * mask[..., 0])[..., None].repeat(4, 2))


def test_without_an_alpha_channel_the_matte_is_the_picture(matte):
    with at_work(matte, picture(3)) as instance:
        for into in (0, 1):
            instance.set("into", into)
            np.testing.assert_array_equal(rendered(instance), FACE[..., None].repeat(3, 2))


def test_alpha_alone_has_no_matte(matte, faces):
    with at_work(matte, picture(1)) as instance:
        assert (rendered(instance) == 0).all()
    assert faces.asked == []


# ------------------------------------------------------------ the engine's own operation


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize(
    "channels, premultiplication", [(4, "OfxImageAlphaUnPremultiplied"), (3, "OfxImageOpaque")]
)
def test_the_real_operation_takes_what_the_plug_in_sends(folder, channels, premultiplication):
    """A plate without a face, off the frame's corner: given back bit for bit by the real nets, and no matte."""
    from faceplate.engine.work import restore

    before = picture(channels, size=(70, 50))
    window = (-4, 3, 66, 53)
    with engine_in(folder, restore=restore):
        for identifier, wanted in ((RESTORE, before), (MATTE, np.zeros_like(before))):
            with (
                plugin(identifier) as effect,
                at_work(
                    effect, before, origin=(-4, 3), project=(64.0, 48.0), premultiplication=premultiplication
                ) as instance,
            ):
                instance.set("smallest", 30.0)
                np.testing.assert_array_equal(rendered(instance, window), wanted)


# ------------------------------------------------------------ when it does not work


def test_without_an_engine_a_render_fails_and_says_so_until_there_is_one(folder):
    with plugin(RESTORE) as effect, at_work(effect, picture()) as instance:
        output = new_image(WINDOW)
        assert instance.render_status(1, WINDOW, output) == FAILED
        assert (output.pixels == 0).all(), "never the source, passed off as a result"
        shown = instance.running.persistent_message
        assert shown.kind == "OfxMessageError" and "FACEPLATE_ENGINE" in shown.text
        assert instance.running.images_out == 0
        with engine_in(folder, restore=Faces()):
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
        engine_in(folder, restore=Faces()),
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


# ------------------------------------------------------------ life


def test_nobody_is_called_before_a_render(folder):
    with engine_in(folder, restore=Faces()) as server:
        with plugin(RESTORE) as effect, at_work(effect, picture(), context="General") as instance:
            instance.set("sharpen", 0.5)
            instance.region_of_definition(1)
            instance.is_identity(1, WINDOW)
            instance.frames_needed(1)
            instance.regions_of_interest(1, (0.0, 0.0, 9.0, 6.0))
            instance.begin_sequence((1.0, 1.0))
            assert server._numbers == 0
            render_frame(instance, 1, WINDOW)
        clock.sleep(0.2)
        assert server._numbers == 1 and server._status()["clients"] == 0, "gone with the last instance"


def test_the_whole_source_is_wanted_for_any_part(restore):
    with at_work(restore, picture(), origin=(2, 3)) as instance:
        assert instance.regions_of_interest(1, (4.0, 4.0, 5.0, 5.0))["Source"] == (2.0, 3.0, 11.0, 9.0)


def test_two_hundred_lives_leave_nothing(restore):
    with at_work(restore, picture()) as instance:
        rendered(instance)
    before, threads = open_files(), len(list(Path("/proc/self/task").iterdir()))
    for _ in range(200):
        with at_work(restore, picture()) as instance:
            pass
    with at_work(restore, picture()) as instance:
        rendered(instance)
    assert open_files() <= before  # the fake engine may close the first connection late
    assert len(list(Path("/proc/self/task").iterdir())) <= threads


def test_many_threads_and_instances_give_the_same_pixels(restore):
    found: list[bytes] = []

    def render(instance, time):
        output = new_image(WINDOW)
        instance.frames_needed(time)
        assert instance.render_status(time, WINDOW, output) == OK
        found.append(output.pixels.tobytes())

    with at_work(restore, picture()) as one, at_work(restore, picture()) as other:
        threads = [threading.Thread(target=render, args=(each, 1.0)) for each in (one, other) * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(found) == 8 and set(found) == {lifted(picture(), FACE).tobytes()}


def test_the_stand_in_for_a_restorer_does_something():
    assert LIFT > 0 and not np.array_equal(lifted(picture(), FACE), picture())

"""The plug-in's effects in our host: what becomes of every pixel on its way to the engine and back."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceplate.ofx_host.native import take_refusals
from tests.support.engines import engine_in
from tests.support.ofx_faces import (
    EFFECTS,
    FACE,
    LIFT,
    MATTE,
    RESTORE,
    WINDOW,
    at_work,
    connect_mask,
    lifted,
    picture,
    plugin,
    rendered,
    rounded,
    settled_of,
)
from tests.support.ofx_hosting import nothing_left

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
@pytest.mark.parametrize("identifier", EFFECTS)
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
                lifted(rounded(before, depth), FACE) if identifier != MATTE else FACE[..., None].repeat(4, 2)
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
    from faceplate.engine.work import WORK

    before = picture(channels, size=(70, 50))
    window = (-4, 3, 66, 53)
    with engine_in(folder, idle=60.0, **WORK):
        for identifier in EFFECTS:
            with (
                plugin(identifier) as effect,
                at_work(
                    effect, before, origin=(-4, 3), project=(64.0, 48.0), premultiplication=premultiplication
                ) as instance,
            ):
                instance.set("smallest", 30.0)
                wanted = np.zeros_like(before) if identifier == MATTE else before
                np.testing.assert_array_equal(rendered(instance, window), wanted)


def test_the_stand_in_for_a_restorer_does_something():
    assert LIFT > 0 and not np.array_equal(lifted(picture(), FACE), picture())

"""What the engine is told of a frame: parameters, meaning of the pixels, windows."""

import pytest

from faceplate.ofx_host.rendering import render_frame
from faceplate.ofx_host.status import ActionFailed
from tests.support.ofx_faces import RESTORE, WINDOW, at_work, picture, plugin, rendered, settled_of


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

"""What a host asks of an effect for one frame, in order: region, identity, frames, regions of interest, render."""

from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from faceplate.ofx_host.clips import OUTPUT, Region, Scale, Window
from faceplate.ofx_host.images import new_image
from faceplate.ofx_host.instance import Instance
from faceplate.ofx_host.native import PluginError


@dataclass(frozen=True)
class Rendered:
    """A frame that is done. `image`: the output; `identity`: the clip and time it equals, when nothing was rendered."""

    image: Any
    identity: tuple[str, float] | None = None


def render_frame(
    instance: Instance,
    time: float,
    window: Window,
    *,
    scale: Scale = (1.0, 1.0),
    sequence: bool = True,
    fetch_identity: Any = None,
    **form: Any,
) -> Rendered:
    """Render one frame as the instance's host profile would.

    Args:
        instance: with its inputs connected and its preferences settled.
        time: the frame.
        window: what to render, in pixels at `scale`, y up.
        scale: the render scale.
        sequence: begin and end a sequence around it; False when the caller does so for many frames.
        fetch_identity: `fetch_identity(clip, time) -> Image` gives what an identity stands for.
        form: of the output image, as for `images.new_image`.

    Returns:
        The output image over `window`, or the image that it equals.

    Raises:
        ActionFailed: the effect failed. PluginError: it named an identity that is no input.
    """
    preferences = instance.preferences or instance.clip_preferences()
    instance.running.set_time(float(time))
    instance.region_of_definition(time, scale)
    equal = instance.is_identity(time, window, scale)
    if equal is not None and fetch_identity is not None:
        return Rendered(_identity(instance, equal, fetch_identity), equal)
    if instance.supports("OfxImageEffectPropTemporalClipAccess"):
        for _ in range(instance.profile.frames_needed_calls):
            instance.frames_needed(time)
    else:
        for clip in instance.inputs:
            instance.running.declare(clip, [(float(time), float(time))])
    if instance.supports("OfxImageEffectPropSupportsTiles"):
        instance.regions_of_interest(time, canonical(window, scale, preferences.pixel_aspect), scale)
    output = new_image(
        window,
        depth=preferences.depths[OUTPUT],
        components=preferences.components[OUTPUT],
        render_scale=scale,
        pixel_aspect=preferences.pixel_aspect,
        premultiplication=preferences.premultiplication,
        **form,
    )
    if sequence:
        instance.begin_sequence((time, time), scale=scale)
    try:
        instance.render(time, window, output, scale)
    finally:
        if sequence:
            instance.end_sequence((time, time), scale=scale)
    return Rendered(output)


def canonical(window: Window, scale: Scale = (1.0, 1.0), pixel_aspect: float = 1.0) -> Region:
    """A window in pixels as a canonical region."""
    x1, y1, x2, y2 = window
    across, up = pixel_aspect / scale[0], 1.0 / scale[1]
    return x1 * across, y1 * up, x2 * across, y2 * up


def in_pixels(region: Region, scale: Scale = (1.0, 1.0), pixel_aspect: float = 1.0) -> Window:
    """A canonical region as a window in pixels, rounded outwards."""
    across, up = scale[0] / pixel_aspect, scale[1]
    return (
        floor(region[0] * across),
        floor(region[1] * up),
        ceil(region[2] * across),
        ceil(region[3] * up),
    )


def _identity(instance: Instance, equal: tuple[str, float], fetch: Any) -> Any:
    clip, time = equal
    if clip not in instance.inputs:
        raise PluginError(
            f"{instance.effect.identifier} says its output equals the clip {clip or 'without a name'}, which is not "
            "connected; its maker should know",
            code="ofx.effect",
        )
    return fetch(clip, time)

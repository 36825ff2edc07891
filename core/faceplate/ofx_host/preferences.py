"""GetClipPreferences: what the host would do, what the effect asks for, and what comes of the two.

After the OpenFX specification, "Image Effect Clip Preferences".
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from faceplate.ofx_host.clips import OUTPUT, Preferences
from faceplate.ofx_host.native import PluginError
from faceplate.ofx_host.profiles import Definition, definition

if TYPE_CHECKING:
    from faceplate.ofx_host.instance import Instance


def settle(instance: "Instance") -> Preferences:
    """Ask for preferences, check them, and set components and depth of every clip accordingly.

    Raises:
        PluginError: nothing in common, or the effect asks for what host or clip do not have.
    """
    clips = {name: facts for name, facts in instance.running.clips().items()}
    chosen = [name for name in clips if name in instance.inputs or name == OUTPUT]
    depth = _depth(instance)
    components = {name: _components(instance, name, clips[name]) for name in chosen}
    wanted = _defaults(instance, components, depth)
    told = instance.act("OfxImageEffectActionGetClipPreferences", None, wanted)
    answer = told if told is not None else {name: list(values) for name, (_, _, values) in wanted.items()}
    settled = _settled(instance, clips, chosen, answer)
    for name in chosen:
        _tell(instance, name, settled)
    return settled


def _depth(instance: "Instance") -> str:
    main = instance.main
    own = instance.inputs[main].depth if main else "Float"
    both = instance.effect.depths
    if not both:
        raise PluginError(
            f"{instance.effect.identifier} and {instance.profile.label} have no pixel depth in common; "
            "use another host profile",
            code="ofx.effect",
        )
    if own in both:
        return own
    # The next best keeps the most of what there is.
    return next(each for each in ("Float", "Half", "Short", "Byte") if each in both)


def _components(instance: "Instance", clip: str, facts: Mapping[str, Any]) -> str:
    main = instance.main
    source = instance.inputs.get(clip) or (instance.inputs[main] if main else None)
    own = source.components if source else "RGBA"
    allowed = [
        name.removeprefix("OfxImageComponent") for name in facts["OfxImageEffectPropSupportedComponents"]
    ]
    both = [each for each in instance.profile.components if each in allowed]
    if not both:
        raise PluginError(
            f"the clip {clip} of {instance.effect.identifier} takes {', '.join(allowed) or 'no components'}, and "
            f"{instance.profile.label} gives {', '.join(instance.profile.components)}; use another host profile",
            code="ofx.effect",
        )
    return own if own in both else both[0]


def _defaults(instance: "Instance", components: Mapping[str, str], depth: str) -> dict[str, Definition]:
    main = instance.inputs[instance.main] if instance.main else None
    wanted: dict[str, Definition] = {
        "OfxImageEffectPropFrameRate": definition(main.frame_rate if main else 24.0),
        "OfxImageClipPropFieldOrder": definition(main.fields if main else "OfxFieldNone"),
        "OfxImageEffectPropPreMultiplication": definition(_premultiplication(instance)),
        "OfxImageClipPropContinuousSamples": definition(0),
        "OfxImageEffectFrameVarying": definition(0),
    }
    for name, each in components.items():
        wanted[f"OfxImageClipPropComponents_{name}"] = definition(f"OfxImageComponent{each}")
        wanted[f"OfxImageClipPropDepth_{name}"] = definition(f"OfxBitDepth{depth}")
        wanted[f"OfxImageClipPropPreferredColourspaces_{name}"] = ("string", 0, [])
        aspect = instance.inputs[name].pixel_aspect if name in instance.inputs else None
        wanted[f"OfxImageClipPropPAR_{name}"] = definition(
            float(aspect if aspect is not None else (main.pixel_aspect if main else 1.0))
        )
    return wanted


def _premultiplication(instance: "Instance") -> str:
    main = instance.inputs[instance.main] if instance.main else None
    if main is None or main.premultiplication == "OfxImageOpaque":
        return "OfxImageOpaque" if main else "OfxImageAlphaPremultiplied"
    return instance.profile.premultiplication or main.premultiplication


def _settled(
    instance: "Instance", clips: Mapping[str, Any], chosen: list[str], answer: Mapping[str, list[Any]]
) -> Preferences:
    depths, components, spaces = {}, {}, {}
    for name in chosen:
        components[name] = answer[f"OfxImageClipPropComponents_{name}"][0].removeprefix("OfxImageComponent")
        depths[name] = answer[f"OfxImageClipPropDepth_{name}"][0].removeprefix("OfxBitDepth")
        spaces[name] = tuple(answer[f"OfxImageClipPropPreferredColourspaces_{name}"])
        supported = clips[name]["OfxImageEffectPropSupportedComponents"]
        if f"OfxImageComponent{components[name]}" not in supported or (
            components[name] not in instance.profile.components
        ):
            raise _refused(instance, name, components[name])
        if depths[name] not in instance.effect.depths:
            raise _refused(instance, name, depths[name])
    many = instance.supports("OfxImageEffectPropMultipleClipDepths")
    if len(set(depths.values())) > 1 and not many:
        raise _refused(instance, OUTPUT, "a depth of its own")
    return Preferences(
        components=components,
        depths=depths,
        premultiplication=answer["OfxImageEffectPropPreMultiplication"][0],
        frame_rate=answer["OfxImageEffectPropFrameRate"][0],
        pixel_aspect=answer[f"OfxImageClipPropPAR_{OUTPUT}"][0] if OUTPUT in chosen else 1.0,
        frame_varying=bool(answer["OfxImageEffectFrameVarying"][0]),
        colourspaces=spaces,
    )


def _refused(instance: "Instance", clip: str, what: str) -> PluginError:
    return PluginError(
        f"{instance.effect.identifier} asks for {what} on its clip {clip}, which it or {instance.profile.label} does "
        "not have; its maker should know",
        code="ofx.effect",
    )


def _tell(instance: "Instance", clip: str, settled: Preferences) -> None:
    put = instance.running.put_clip
    put(clip, "OfxImageEffectPropPixelDepth", [f"OfxBitDepth{settled.depths[clip]}"])
    put(clip, "OfxImageEffectPropComponents", [f"OfxImageComponent{settled.components[clip]}"])
    if clip == OUTPUT:
        put(clip, "OfxImageEffectPropPreMultiplication", [settled.premultiplication])
        put(clip, "OfxImageEffectPropFrameRate", [float(settled.frame_rate)])
        put(clip, "OfxImagePropPixelAspectRatio", [float(settled.pixel_aspect)])
    elif instance.inputs[clip].premultiplication != "OfxImageOpaque" and instance.profile.premultiplication:
        put(clip, "OfxImageEffectPropPreMultiplication", [instance.profile.premultiplication])

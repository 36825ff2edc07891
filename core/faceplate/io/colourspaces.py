"""Named colour spaces, through OpenColorIO: what a file's pixels are, and how a net may look at them.

`$OCIO` is used where it is set, else the studio config that OpenColorIO carries in itself. Three names mean the same
in every config and need none: `srgb` (shown as it is), `lin_rec709` and `cineon` (the film scans' log).
"""

# pyright: reportAttributeAccessIssue=false, reportOptionalMemberAccess=false
# PyOpenColorIO comes without types.

import difflib
import os
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import PyOpenColorIO as ocio

from faceplate.arrays import Image
from faceplate.colour import LINEAR_REC709, SRGB, Encoding, linear_from_srgb, srgb_from_linear
from faceplate.io.movie_frame import MovieFrame
from faceplate.io.picture import Picture
from faceplate_client.errors import InputError, RequestError

BUILT_IN = "ocio://studio-config-latest"

_LINEAR_NAMES = (
    "Linear Rec.709 (sRGB)",
    "lin_rec709",
    "Utility - Linear - sRGB",
    "lin_srgb",
    "Linear Rec.709",
)
_DISPLAY_NAMES = ("sRGB - Display", "srgb_display", "srgb_rec709_display")

_PRIMARIES = {
    "ACES2065-1": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077),
    "ACEScg": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044),
    "lin_rec709": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06),
    "Linear Rec.2020": (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    "Linear P3-D65": (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
"""Colour space -> xy of red, green and blue, as an EXR's `chromaticities` attribute lists them."""

_HDR_TRANSFERS = {16: ("PQ", "Rec.2100-PQ - Display"), 18: ("HLG", "Rec.2100-HLG - Display")}
_LOG_TRANSFERS = (9, 10)

_CINEON_BLACK = 10 ** ((95 - 685) / 300)


def _cineon_encode(pixels: Image) -> Image:
    light = np.power(np.float32(10), (pixels * np.float32(1023) - np.float32(685)) / np.float32(300))
    return srgb_from_linear((light - np.float32(_CINEON_BLACK)) / np.float32(1 - _CINEON_BLACK))


def _cineon_decode(encoded: Image) -> Image:
    light = linear_from_srgb(encoded) * np.float32(1 - _CINEON_BLACK) + np.float32(_CINEON_BLACK)
    return ((np.log10(np.maximum(light, np.float32(1e-10))) * 300 + 685) / 1023).astype(np.float32)


CINEON = Encoding("cineon", _cineon_encode, _cineon_decode)
"""Printing density of film scans, black at 95 and white at 685 of 1023. After Kodak, "Conversion of 10-bit log film
data to 8-bit linear or video data for the Cineon digital film system", 1995."""

_OWN = {"srgb": SRGB, "lin_rec709": LINEAR_REC709, "cineon": CINEON}


def config_in_use(config: str | None = None) -> str:
    """Path or address of the config that names are looked up in: the one given, `$OCIO`, or the built-in one."""
    return config or os.environ.get("OCIO") or BUILT_IN


@lru_cache(maxsize=8)
def _config(address: str) -> ocio.Config:
    try:
        return ocio.Config.CreateFromFile(address)
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        reason = str(error).splitlines()[0]
        raise RequestError(f"the colour config {address} cannot be used ({reason}); check $OCIO") from error


def encoding_for(name: str, *, config: str | None = None) -> Encoding:
    """How pixels of a named space are shown to a net: display-encoded sRGB, Rec.709, unclipped both ways.

    Scene-referred spaces go through linear Rec.709 and the sRGB curve, without any tone mapping, so that the way back
    is exact; display-referred ones go to the sRGB display. Names, aliases and roles are found without regard to case,
    first in the config in use, then in the built-in one.

    Raises:
        RequestError: no such space (names the nearest), data that is no colour, or a config that cannot be read.
    """
    own = _OWN.get(name.lower())
    return own or _named(name, config_in_use(config))


@lru_cache(maxsize=32)
def _named(name: str, address: str) -> Encoding:
    for each in dict.fromkeys((address, BUILT_IN)):
        space = _config(each).getColorSpace(name)
        if space is not None:
            return _encoding(_config(each), space, own_shortcuts=each == BUILT_IN)
    raise RequestError(
        f"there is no colour space {name!r} in {address}; {_nearest(name, address)}", "plate.space"
    )


def _encoding(config: ocio.Config, space: ocio.ColorSpace, *, own_shortcuts: bool) -> Encoding:
    name = space.getName()
    if space.isData():
        raise RequestError(f"{name} holds data, not colour; name the space the picture is in", "plate.space")
    if own_shortcuts and name == "Linear Rec.709 (sRGB)":
        return LINEAR_REC709
    if own_shortcuts and name == "sRGB Encoded Rec.709 (sRGB)":
        return SRGB
    if space.getReferenceSpaceType() == ocio.REFERENCE_SPACE_DISPLAY:
        return Encoding(name, *_transforms(config, name, _DISPLAY_NAMES))
    to_linear, from_linear = _transforms(config, name, _LINEAR_NAMES)
    return Encoding(
        name,
        lambda pixels: srgb_from_linear(to_linear(pixels)),
        lambda encoded: from_linear(linear_from_srgb(encoded)),
        scene_linear=space.getEncoding() == "scene-linear" or _is_linear(to_linear),
    )


def _is_linear(to_linear: Callable[[Image], Image]) -> bool:
    """Whether doubling the light doubles the values, for configs that do not say which spaces are linear."""
    grey = np.full((3, 3), 0.18, np.float32) * np.array([[1], [2], [0]], np.float32)
    once, twice, none = to_linear(grey)
    return bool(
        np.allclose(twice, 2 * once, rtol=1e-3) and np.allclose(none, 0, atol=1e-6) and once.min() > 0
    )


def _transforms(
    config: ocio.Config, name: str, targets: tuple[str, ...]
) -> tuple[Callable[[Image], Image], Callable[[Image], Image]]:
    """From the space `name` to the first of `targets` that is known, and back."""
    for target in targets:
        if config.getColorSpace(target) is not None:
            return _apply(config.getProcessor(name, target)), _apply(config.getProcessor(target, name))
    try:
        there = ocio.Config.GetProcessorToBuiltinColorSpace(config, name, targets[0])
        back = ocio.Config.GetProcessorFromBuiltinColorSpace(targets[0], config, name)
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        reason = str(error).splitlines()[0]
        raise RequestError(
            f"the colour config has no {targets[0]} and no way to it from {name} ({reason}); add the role "
            f"aces_interchange to the config or set $OCIO to one that has it",
            "plate.space",
        ) from error
    return _apply(there), _apply(back)


def _apply(processor: ocio.Processor) -> Callable[[Image], Image]:
    cpu = processor.getOptimizedCPUProcessor(
        ocio.BIT_DEPTH_F32, ocio.BIT_DEPTH_F32, ocio.OPTIMIZATION_LOSSLESS
    )

    def apply(pixels: Image) -> Image:
        result = np.array(pixels, np.float32, order="C")
        cpu.applyRGB(result.reshape(-1, 3))
        return result

    return apply


def spaces(config: str | None = None) -> list[str]:
    """Every colour space that can be named, the three built into Faceplate first."""
    return [*_OWN, *_config(config_in_use(config)).getColorSpaceNames()]


def _nearest(name: str, address: str) -> str:
    known = [*_OWN]
    for each in dict.fromkeys((address, BUILT_IN)):
        config = _config(each)
        for space in config.getColorSpaceNames():
            known += [space, *config.getColorSpace(space).getAliases()]
        known += [role for role, _ in config.getRoles()]
    lower = {word.lower(): word for word in reversed(known)}
    near = difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.4)
    if not near:
        return "'srgb', 'lin_rec709' and 'ACEScg' are some that there are"
    return "the nearest are " + ", ".join(repr(lower[word]) for word in near)


def guess_space(source: Picture | MovieFrame) -> str:
    """The colour space a file is in when nobody names one.

    EXR and float TIFF: what the file says of itself (interoperability id, ACES flag, chromaticities), else the
    config's `scene_linear` role when `$OCIO` is set, else linear Rec.709. DPX: `cineon` when its header says
    logarithmic, `lin_rec709` when it says linear, else as it is. Other pictures and movies: display-encoded, `srgb`.

    Raises:
        RequestError: an HDR or log movie, whose space has to be named.
        InputError: an EXR whose chromaticities are none that is known.
    """
    if isinstance(source, MovieFrame):
        return _movie_space(source)
    attributes = source.part.attributes()
    if source.format == "dpx":
        return _dpx_space(str(attributes.get("dpx:Transfer", "")))
    if source.part.channel(source.roles.rgb[0]).dtype.kind == "f":
        return _linear_space(source, attributes)
    return "srgb"


def _linear_space(source: Picture, attributes: dict) -> str:
    told = attributes.get("colorInteropID")
    if told and _config(BUILT_IN).getColorSpace(str(told)) is not None:
        return str(told)
    if attributes.get("acesImageContainerFlag"):
        return "ACES2065-1"
    primaries = attributes.get("chromaticities")
    if primaries is not None:
        for name, known in _PRIMARIES.items():
            if np.allclose(primaries[:6], known, atol=0.002):
                return name
        numbers = ", ".join(f"{value:.3g}" for value in primaries[:6])
        raise InputError(
            f"{source.path} has primaries that are not known ({numbers}); name its space: --colourspace"
        )
    if (
        os.environ.get("OCIO")
        and _config(os.environ["OCIO"]).getColorSpace(ocio.ROLE_SCENE_LINEAR) is not None
    ):
        return ocio.ROLE_SCENE_LINEAR
    return "lin_rec709"


def _dpx_space(transfer: str) -> str:
    if transfer.lower() in ("logarithmic", "printing density", "kodaklog"):
        return "cineon"
    return "lin_rec709" if transfer.lower() == "linear" else "srgb"


def _movie_space(frame: MovieFrame) -> str:
    transfer = frame.tags.transfer
    if transfer in _HDR_TRANSFERS:
        kind, space = _HDR_TRANSFERS[transfer]
        raise RequestError(
            f"{frame.path.name} is an HDR movie ({kind}), which looks wrong when read as video; "
            f"name its colour space: --colourspace '{space}'",
            "plate.space",
        )
    if transfer in _LOG_TRANSFERS:
        raise RequestError(
            f"{frame.path.name} is tagged as log; name its colour space: --colourspace", "plate.space"
        )
    return "lin_rec709" if transfer == 8 else "srgb"

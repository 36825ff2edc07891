"""The bundle as a host finds it: what it exports, what it needs, and what it describes."""

import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from faceplate.ofx_host.bundles import architecture
from faceplate.parameters import operation
from tests.support.ofx_faces import EFFECTS, MATTE, RESTORE, STEADY, VEIL, plugin
from tests.support.ofx_hosting import as_shipped, built_bundle

OLDEST_GLIBC = (2, 28)
PROFILES = ("full", "nuke", "resolve", "fusion", "natron", "flame", "minimal")
TYPES = {"float": "Double", "int": "Integer", "bool": "Boolean", "choice": "Choice", "string": "String"}
SPACE = {"colourspace", "colourspace_name"}
OWN = {RESTORE: SPACE | {"mix"}, MATTE: SPACE | {"into"}, STEADY: SPACE | {"mix"}, VEIL: SPACE}

RESTORING = [each for each in operation("restore").parameters if each.name not in ("scale", "enlarge")]
FINDING = [each for each in RESTORING if each.name in ("faces", "smallest")]
OFFERED = {
    RESTORE: RESTORING,
    MATTE: FINDING,
    STEADY: [
        *(replace(each, default=1) if each.name == "grain" else each for each in RESTORING),
        *operation("steady").parameters,
    ],
    VEIL: [*FINDING, *operation("veil").parameters],
}
"""Every parameter of the operation but the scale: an OFX host fixes the frame's size. For a matte and a veil, where
faces are. The engine's `steady` gives all grain back where nothing else is said (docs/wire.md).
"""


@pytest.fixture(scope="module")
def binary() -> str:
    return str(built_bundle("Faceplate") / "Contents" / architecture() / "Faceplate.ofx")


def told(*words: str) -> str:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@as_shipped
def test_only_what_a_host_looks_for_is_exported(binary):
    lines = [line for line in told("objdump", "-T", binary).splitlines() if re.match("[0-9a-f]{16} ", line)]
    seen = {line.split()[-1] for line in lines if "*UND*" not in line}
    assert seen == {"OfxGetNumberOfPlugins", "OfxGetPlugin", "OfxSetHost"}


@as_shipped
def test_it_loads_with_an_old_c_library(binary):
    wanted = {
        tuple(map(int, found.split(".")))
        for found in re.findall(r"GLIBC_([0-9.]+)", told("objdump", "-T", binary))
    }
    assert wanted and max(wanted) <= OLDEST_GLIBC


@as_shipped
def test_it_needs_the_c_library_alone(binary):
    needed = set(re.findall(r"NEEDED\s+(\S+)", told("objdump", "-p", binary)))
    assert needed <= {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "libpthread.so.0", "libdl.so.2"}


@pytest.mark.parametrize("identifier", EFFECTS)
@pytest.mark.parametrize("profile", PROFILES)
def test_what_is_described_is_what_operations_json_says(identifier, profile):
    with plugin(identifier, profile) as effect:
        for context in [each for each in effect.contexts if each in ("Filter", "General")]:
            described = {
                name: facts
                for name, facts in effect.params(context).items()
                if facts["type"] != "OfxParamTypeGroup"
            }
            assert set(described) == OWN[identifier] | {each.name for each in OFFERED[identifier]}
            for parameter in OFFERED[identifier]:
                assert_agrees(described[parameter.name], parameter)


def assert_agrees(facts, parameter):
    assert facts["type"] == f"OfxParamType{TYPES[parameter.type]}"
    assert facts["OfxPropLabel"] == [parameter.label]
    assert facts["OfxParamPropHint"] == [parameter.hint]
    if parameter.type == "choice":
        assert facts["OfxParamPropChoiceOption"] == [str(choice) for choice in parameter.choices]
        assert facts["OfxParamPropDefault"] == [parameter.choices.index(parameter.default)]
    else:
        assert facts["OfxParamPropDefault"] == [parameter.default]
    if parameter.type in ("float", "int"):
        for kind in ("Min", "Max", "DisplayMin", "DisplayMax"):
            assert facts[f"OfxParamProp{kind}"] == [parameter.min if "Min" in kind else parameter.max], kind


@pytest.mark.parametrize("identifier", EFFECTS)
@pytest.mark.parametrize("profile", PROFILES)
def test_what_every_host_must_know_is_described(identifier, profile):
    with plugin(identifier, profile) as effect:
        facts = effect.describe()
        assert facts["OfxImageEffectPluginPropGrouping"] == ["Faceplate"]
        assert facts["OfxImageEffectPropSupportsTiles"] == [0]
        looks_around = [int(identifier in (STEADY, VEIL))]
        assert facts["OfxImageEffectPropTemporalClipAccess"] == looks_around
        assert facts["OfxImageEffectPluginPropHostFrameThreading"] == [0]
        half = "OfxBitDepthHalf" in facts["OfxImageEffectPropSupportedPixelDepths"]
        assert half == ("Half" in effect.profile.depths)
        filtering = effect.clips("Filter") if "Filter" in effect.contexts else effect.clips("General")
        assert {"Source", "Output"} <= set(filtering)
        assert filtering["Source"]["OfxImageEffectPropTemporalClipAccess"] == looks_around
        if "General" in effect.contexts:
            mask = effect.clips("General")["Mask"]
            assert mask["OfxImageClipPropOptional"] == [1] and mask["OfxImageClipPropIsMask"] == [1]

"""The host profiles: what each is documented to be is what a plug-in sees."""

import pytest

from faceplate.ofx_host.native import take_refusals
from faceplate.ofx_host.profiles import definition, profile_named, profiles
from faceplate_client.errors import RequestError
from tests.support.ofx_hosting import COPY, need_host, opened, working

NAMES = ("full", "nuke", "resolve", "fusion", "natron", "flame", "minimal")


def test_the_profiles_are_those_that_are_documented(root):
    assert tuple(profiles()) == NAMES
    page = (root / "ofx_bridge" / "host" / "README.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"| `{name}` |" not in page] == []


def test_an_unknown_profile_is_told_which_there_are():
    with pytest.raises(RequestError, match=r"one of full, nuke, .*, got maya"):
        profile_named("maya")


def test_a_property_takes_its_type_from_its_values():
    assert definition(1) == ("int", 1, [1])
    assert definition((1.0, 2.0)) == ("double", 2, [1.0, 2.0])
    assert definition(["a", "b"], dimension=0) == ("string", 0, ["a", "b"])
    with pytest.raises(ValueError, match="no type"):
        definition([])


@pytest.mark.parametrize("name", NAMES)
def test_the_host_descriptor_says_what_the_profile_says(name):
    need_host()
    profile = profile_named(name)
    seen = profile.open().properties
    for each, value in profile.properties.items():
        assert seen[each] == (value if isinstance(value, list) else [value])
    assert seen["OfxImageEffectPropSupportedContexts"] == [
        f"OfxImageEffectContext{context}" for context in profile.contexts
    ]
    assert len(seen) == len(profile.properties) + 3


def test_a_missing_host_property_is_missing():
    need_host()
    assert "OfxPropAPIVersion" not in profile_named("fusion").open().properties
    assert "OfxPropAPIVersion" in profile_named("nuke").open().properties


@pytest.mark.parametrize("name", NAMES)
def test_an_effect_is_described_in_every_profile(name):
    with opened(COPY, name) as effect:
        assert effect.contexts[0] == next(c for c in effect.profile.contexts if c in ("Filter", "General"))
        assert set(effect.depths) == set(effect.profile.depths)
        described = effect.params(effect.contexts[0])
        missing = {"size", "step"} if name == "resolve" else set()
        missing |= set() if name == "full" else {"look"}
        assert {"size", "step", "look"} - described.keys() == missing
        assert described["gain"]["OfxParamPropMax"] == [8.0]
        assert described["mode"]["OfxParamPropChoiceOption"] == ["Plain", "Threaded"]
    take_refusals()


def test_what_a_host_refuses_is_noted():
    with opened(COPY, "resolve") as effect:
        take_refusals()
        effect.describe_in_context("Filter")
        assert take_refusals() == [
            "effect: OfxPropPluginDescription is no property of it",
            "parameter size: this host does not have OfxParamTypeInteger2D",
            "parameter step: this host does not have OfxParamTypeInteger3D",
            "parameter look: this host does not have OfxParamTypeStrChoice",
        ]


def test_a_number_without_a_range_is_tiny_in_resolve():
    """Documented of Resolve: without Min and Max a number runs from -1 to 1. The profile does so too."""
    with opened(COPY, "resolve") as effect, working(effect) as instance:
        take_refusals()
        instance.set("centre", (5.0, -5.0))
        assert instance.value("centre") == (1.0, -1.0)
        instance.set("gain", 5.0)
        assert instance.value("gain") == 5.0

"""Parameters of every type: defaults, values, keys, ranges, edits, as the plug-in itself reports them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.ofx_host.effect import Effect
from faceplate.ofx_host.images import new_image
from tests.support.ofx_hosting import COPY, opened, working

DEFAULTS = (
    "gain 1; centre 0 0.5; direction 0 0 1; tint 1 0 0; fill 0 0 0 1; count 3; size 1920 1080; step 0 0 2; mode 0; "
    "look natural; note none; blob v1"
)


@pytest.fixture(scope="module")
def copying():
    with opened(COPY) as effect:
        yield effect


def reported(instance) -> str:
    """What the effect read of all its parameters, through the suite's variable arguments."""
    instance.running.set_param("report", [1])
    instance.render(1, (0, 0, 16, 12), new_image((0, 0, 16, 12)))
    return instance.running.messages[-1].text


def test_what_is_described_is_what_an_instance_starts_with(copying: Effect):
    with working(copying) as instance:
        assert reported(instance) == DEFAULTS


def test_every_type_is_set_and_read(copying: Effect):
    given = {
        "gain": 2.5, "centre": (1.5, -2.0), "direction": (1.0, 2.0, 3.0), "tint": (0.25, 0.5, 2.0),
        "fill": (0.0, -1.0, 7.0, 0.5), "count": 9, "size": (4, -5), "step": (6, 7, 8), "mode": 1,
        "look": "clear", "note": "100% über", "blob": "<x/>",
    }  # fmt: skip
    with working(copying) as instance:
        for name, value in given.items():
            instance.set(name, value)
        assert {name: instance.value(name) for name in given} == given
        assert reported(instance) == (
            "gain 2.5; centre 1.5 -2; direction 1 2 3; tint 0.25 0.5 2; fill 0 -1 7 0.5; count 9; size 4 -5; "
            "step 6 7 8; mode 1; look clear; note 100% über; blob <x/>"
        )


def test_saved_values_are_there_before_the_effect_looks(copying: Effect):
    with working(copying, values={"gain": [3.0], "size": [1, 2]}) as instance:
        assert instance.value("gain") == 3.0 and instance.value("size") == (1, 2)


@given(st.floats(-20, 20), st.integers(-20, 20))
def test_numbers_stay_in_their_range(copying: Effect, gain, count):
    with working(copying) as instance:
        instance.set("gain", gain)
        instance.set("count", count)
        assert instance.value("gain") == min(max(gain, 0.0), 8.0)
        assert instance.value("count") == min(max(count, 0), 10)


@given(st.dictionaries(st.integers(1, 9), st.floats(0, 8), min_size=1), st.floats(0, 10))
def test_between_keys_numbers_go_straight(copying: Effect, keys, time):
    with working(copying) as instance:
        for at, value in keys.items():
            instance.set("gain", value, at)
        assert instance.running.keys("gain") == sorted(keys)
        assert instance.running.params()["gain"]["OfxParamPropIsAnimating"] == [1]
        before = max((at for at in keys if at <= time), default=min(keys))
        after = min((at for at in keys if at >= time), default=max(keys))
        share = (time - before) / (after - before) if after > before else 0.0
        wanted = keys[before] * (1 - share) + keys[after] * share
        assert math.isclose(instance.value("gain", time), wanted, abs_tol=1e-12)
        instance.running.delete_keys("gain")
        assert instance.running.keys("gain") == []
        assert instance.value("gain") == keys[min(keys)]


def test_a_button_may_set_parameters_and_hears_of_it(copying: Effect):
    with working(copying) as instance:
        instance.set("gain", 2.0)
        instance.changed("reset")
        assert instance.value("gain") == 1.0 and instance.value("note") == "reset"
        assert instance.running.take_edits() == []


def test_what_is_no_parameter_or_no_value_is_refused(copying: Effect):
    with working(copying) as instance:
        with pytest.raises(KeyError, match="loudness"):
            instance.set("loudness", 1.0)
        with pytest.raises(ValueError, match="tint should get 3 values"):
            instance.set("tint", 1.0)
        with pytest.raises(RuntimeError):
            instance.set("count", "many")

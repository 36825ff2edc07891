"""Names that mean the same, and weights that fit best: what needs no Blender of transferring an expression."""

import importlib
import sys
import types

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

OURS = (
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "jawOpen",
    "mouthSmileLeft",
    "mouthSmileRight",
    "browInnerUp",
    "tongueOut",
)


@pytest.fixture(scope="module")
def expressions(package):
    whole = types.ModuleType("faceplate_addon")
    whole.__path__ = [str(package / "faceplate_addon")]
    sys.modules["faceplate_addon"] = whole
    yield importlib.import_module("faceplate_addon.expressions")
    for name in [name for name in sys.modules if name.partition(".")[0] == "faceplate_addon"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "spelled",
    [
        "eyeBlinkLeft",
        "eyeBlink_L",
        "EyeBlink.L",
        "eye_blink_left",
        "Eye Blink Left",
        "L_eyeBlink",
        "EYE_BLINK_L",
    ],
)
def test_one_name_in_many_spellings(expressions, spelled):
    assert expressions.match_names(OURS, [spelled]) == {spelled: ["eyeBlinkLeft"]}


def test_a_key_without_a_side_shows_both_and_strangers_nothing(expressions):
    found = expressions.match_names(OURS, ["mouthSmile", "jaw_open", "Fist", "cheekPuff"])
    assert found == {"mouthSmile": ["mouthSmileLeft", "mouthSmileRight"], "jaw_open": ["jawOpen"]}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(values=st.lists(st.floats(0, 1), min_size=len(OURS), max_size=len(OURS)))
def test_twins_get_the_same_weights(expressions, values):
    weights = dict(zip(OURS, values, strict=True))
    found = expressions.transferred(weights, {name: [name] for name in OURS})
    assert found == pytest.approx(weights, abs=1e-4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(values=st.lists(st.floats(-0.5, 1.5), min_size=len(OURS), max_size=len(OURS)), seed=st.integers(0, 99))
def test_no_other_weights_within_0_and_1_fit_better(expressions, values, seed):
    """Any map, keys that overlap included; what is asked for may lie outside what a key can do."""
    random = np.random.default_rng(seed)
    weights = dict(zip(OURS, values, strict=True))
    names = {f"key{k}": list(random.choice(OURS, random.integers(1, 4), replace=False)) for k in range(6)}
    found = expressions.transferred(weights, names)
    shown = sorted({word for words in names.values() for word in words})

    def cost(tried) -> float:
        return sum(
            (sum(tried[key] for key, words in names.items() if word in words) - weights[word]) ** 2
            for word in shown
        )

    assert all(0 <= value <= 1 for value in found.values())
    for _ in range(50):
        other = {key: float(np.clip(value + random.normal(0, 0.1), 0, 1)) for key, value in found.items()}
        assert cost(found) <= cost(other) + 1e-4


def test_one_key_for_both_sides_takes_their_mean(expressions):
    names = {"mouthSmile": ["mouthSmileLeft", "mouthSmileRight"]}
    found = expressions.transferred({"mouthSmileLeft": 0.2, "mouthSmileRight": 0.8}, names)
    assert found["mouthSmile"] == pytest.approx(0.5, abs=1e-3)


def test_a_map_survives_being_text_and_wrong_lines_are_named(expressions):
    names = expressions.match_names(OURS, ["eyeBlink_L", "mouthSmile"])
    text = expressions.map_as_text(names)
    assert expressions.map_from_text(text, OURS, names) == names
    assert expressions.map_from_text("a = jawOpen # wide\n\n", OURS, ["a"]) == {"a": ["jawOpen"]}
    for line, said in (
        ("a jawOpen", "Line 1 of the name map should read"),
        ("a = jawOpen +", "Line 1 of the name map should read"),
        ("b = jawOpen", "the target has no b"),
        ("a = wink", "the source has no wink"),
    ):
        with pytest.raises(Exception, match=said):
            expressions.map_from_text(line, OURS, ["a"])

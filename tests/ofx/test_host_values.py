"""Words of the command line as parameter values, checked against what the effect describes."""

import pytest

from faceplate.ofx_host.values import values_from
from faceplate_client.errors import RequestError

PARAMS = {
    "gain": {"type": "OfxParamTypeDouble", "OfxParamPropMin": [0.0], "OfxParamPropMax": [8.0]},
    "size": {"type": "OfxParamTypeInteger2D", "OfxParamPropMin": [0, 0], "OfxParamPropMax": [99, 99]},
    "tint": {"type": "OfxParamTypeRGB"},
    "on": {"type": "OfxParamTypeBoolean"},
    "mode": {"type": "OfxParamTypeChoice", "OfxParamPropChoiceOption": ["Plain", "Very Fast"]},
    "look": {"type": "OfxParamTypeStrChoice", "OfxParamPropChoiceEnum": ["natural", "clear"]},
    "note": {"type": "OfxParamTypeString"},
    "go": {"type": "OfxParamTypePushButton"},
}


@pytest.mark.parametrize(
    ("name", "word", "values"),
    [
        ("gain", "2.5", [2.5]),
        ("size", "3,4", [3, 4]),
        ("tint", "1,-0.5,1e3", [1.0, -0.5, 1000.0]),
        ("on", "On", [1]),
        ("on", "false", [0]),
        ("mode", "very fast", [1]),
        ("mode", "0", [0]),
        ("look", "clear", ["clear"]),
        ("note", "a=b, c", ["a=b, c"]),
    ],
)
def test_a_word_becomes_values(name, word, values):
    assert values_from({name: word}, PARAMS) == {name: values}


@pytest.mark.parametrize(
    ("name", "word", "complaint"),
    [
        ("loud", "1", "no such parameter; it has gain, size, tint, on, mode, look, note"),
        ("go", "1", "no such parameter"),
        ("gain", "much", "should be a number, got much"),
        ("gain", "9", "should be 0 to 8, got 9"),
        ("gain", "nan", "should be 0 to 8, got nan"),
        ("size", "3", "should be 2 whole numbers with commas between, got 3"),
        ("size", "3.5,4", "should be 2 whole numbers"),
        ("size", "3,100", "should be 0 to 99"),
        ("on", "maybe", "should be on or off, got maybe"),
        ("mode", "2", "should be one of Plain, Very Fast, got 2"),
        ("look", "film", "should be one of natural, clear, got film"),
    ],
)
def test_a_word_that_is_no_value_says_what_is_expected(name, word, complaint):
    with pytest.raises(RequestError, match=complaint):
        values_from({name: word}, PARAMS)

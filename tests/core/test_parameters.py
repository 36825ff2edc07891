"""Laws of the parameter table: what it says is true of itself, and a value in range stays what it was."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.errors import RangeError
from faceplate.parameters import operation
from faceplate_client import read_operations
from faceplate_client.errors import RequestError

RESTORE = operation("restore")
EVERY = [p for name in read_operations() for p in operation(name).parameters]
NUMBERS = [p for p in EVERY if p.type in ("float", "int")]


@pytest.mark.parametrize("parameter", EVERY, ids=lambda p: p.name)
def test_a_parameter_says_all_a_host_must_know(parameter):
    assert parameter.type in ("float", "int", "bool", "choice", "string")
    assert parameter.label and parameter.page and parameter.hint.endswith(".")
    assert parameter.checked(parameter.default) == parameter.default
    assert (parameter.type == "choice") == bool(parameter.choices)


@pytest.mark.parametrize("parameter", NUMBERS, ids=lambda p: p.name)
@given(share=st.floats(0, 1))
def test_a_number_in_range_stays_what_it_was_also_as_typed_words(parameter, share):
    value = parameter.min + share * (parameter.max - parameter.min)
    value = round(value) if parameter.type == "int" else value
    assert parameter.checked(value) == value
    assert parameter.checked(repr(value)) == value


@pytest.mark.parametrize("parameter", NUMBERS, ids=lambda p: p.name)
@given(beyond=st.floats(1e-6, 1e30))
def test_a_number_outside_its_range_names_itself(parameter, beyond):
    for value in (parameter.min - beyond, parameter.max + beyond + parameter.max * 1e-6):
        with pytest.raises(RangeError, match=rf"^{parameter.name} should be a (whole )?number"):
            parameter.checked(value)


@pytest.mark.parametrize("parameter", NUMBERS, ids=lambda p: p.name)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "", "much", None, True, [1]])
def test_what_is_no_number_is_refused(parameter, value):
    with pytest.raises(RangeError, match=parameter.name):
        parameter.checked(value)


@pytest.mark.parametrize("value", [1.5, "1.5", "0.1"])
def test_half_a_frame_is_refused(value):
    with pytest.raises(RangeError, match="whole number"):
        operation("steady").checked({"radius": value})


@pytest.mark.parametrize(("typed", "value"), [("1", 1), ("2", 2), ("4", 4), (4, 4)])
def test_a_choice_of_numbers_may_be_typed(typed, value):
    assert RESTORE.checked({"scale": typed})["scale"] == value


@pytest.mark.parametrize("value", [3, "3", "", None, True])
def test_a_choice_that_is_none_names_the_choices(value):
    with pytest.raises(RangeError, match="1, 2, 4"):
        RESTORE.checked({"scale": value})


def test_an_unknown_parameter_names_those_there_are():
    with pytest.raises(RequestError, match="strength"):
        RESTORE.checked({"stregnth": 1.0})


def test_an_unknown_operation_names_those_there_are():
    with pytest.raises(RequestError, match="restore"):
        operation("restroe")

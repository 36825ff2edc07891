"""Frame names and ranges as the floor writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.io.naming import Pattern, frame_numbers, group, has_mark, missing, numbered, pattern_of, spell
from faceplate_client.errors import RequestError


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("plate.####.exr", "plate.0007.exr"),
        ("plate.%04d.exr", "plate.0007.exr"),
        ("plate.@@@@.exr", "plate.0007.exr"),
        ("plate.$F4.exr", "plate.0007.exr"),
        ("plate.#.exr", "plate.0007.exr"),
        ("plate.@.exr", "plate.7.exr"),
        ("plate.%d.exr", "plate.7.exr"),
        ("#####.dpx", "00007.dpx"),
    ],
)
def test_every_way_to_write_a_frame_number(words, name):
    assert has_mark(words)
    assert pattern_of(words).name(7) == name
    assert pattern_of(words).number_in(name) == 7


@pytest.mark.parametrize("words", ["plate.exr", "plate.####.####.exr"])
def test_a_name_needs_one_place_for_the_number(words):
    with pytest.raises(RequestError, match=r"plate\.####\.exr"):
        pattern_of(words)


@given(number=st.integers(-9999, 99999), width=st.integers(1, 6))
def test_a_name_gives_its_number_back(number, width):
    pattern = Pattern("a.", width, ".exr")
    assert pattern.number_in(pattern.name(number)) == number


@pytest.mark.parametrize(
    "name", ["plate.12.exr", "plate.00012.exr", "plate.0012.dpx", "bg.0012.exr", "plate.x.exr"]
)
def test_other_files_do_not_belong(name):
    assert Pattern("plate.", 4, ".exr").number_in(name) is None


def test_a_file_tells_its_sequence():
    assert numbered("plate.1001.exr") == (Pattern("plate.", 4, ".exr"), 1001)
    assert numbered("100.png") == (Pattern("", 1, ".png"), 100)
    assert numbered("plate.-005.exr") == (Pattern("plate.", 4, ".exr"), -5)
    assert numbered("plate-005.exr") == (Pattern("plate-", 3, ".exr"), 5)
    assert numbered("portrait.png") is None


def test_files_are_sorted_into_sequences():
    names = ["a.99.exr", "a.100.exr", "b.0001.exr", "b.0002.exr", "still.png"]
    sequences, single = group(names)
    assert {str(pattern): numbers for pattern, numbers in sequences.items()} == {
        "a.##.exr": [99, 100],
        "b.####.exr": [1, 2],
    }
    assert single == ["still.png"]


@given(numbers=st.sets(st.integers(0, 12000), min_size=1, max_size=30), width=st.integers(1, 5))
def test_a_sequence_of_any_padding_stays_one(numbers, width):
    pattern = Pattern("p.", width, ".exr")
    sequences, single = group(pattern.name(number) for number in numbers)
    assert single == []
    assert list(sequences.values()) == [sorted(numbers)]
    found = next(iter(sequences))
    assert {found.name(number) for number in numbers} == {pattern.name(number) for number in numbers}


@pytest.mark.parametrize(
    ("words", "numbers"),
    [("1001-1005", (1001, 1002, 1003, 1004, 1005)), ("1001-1009x4", (1001, 1005, 1009)), ("7,1-2", (1, 2, 7)),
     ("5-3", (3, 4, 5)), ("-2-1", (-2, -1, 0, 1))],
)  # fmt: skip
def test_frame_ranges(words, numbers):
    assert frame_numbers(words) == numbers


@pytest.mark.parametrize("words", ["", "all", "1-", "1..5", "1-5x0", "1.5", "1-99999999999"])
def test_what_is_no_frame_range_is_quoted(words):
    with pytest.raises(RequestError, match="--frames should read like"):
        frame_numbers(words)


@pytest.mark.parametrize(
    ("numbers", "gaps"),
    [
        ([1, 2, 3], []),
        ([1, 2, 5], [3, 4]),
        ([100, 102, 104], []),
        ([100, 102, 106], [104]),
        ([7], []),
        ([], []),
    ],
)
def test_gaps_are_measured_in_the_sequences_own_step(numbers, gaps):
    assert missing(numbers) == gaps


def test_numbers_are_spelled_as_artists_do():
    assert spell([1013, 1007, 1011, 1012]) == "1007, 1011-1013"

"""Which field frames are made of, and what an artist is told of it."""

import pytest

from faceplate.farm.interlacing import first_field, interlace_warning


@pytest.mark.parametrize(
    ("asked", "seen", "marked", "first", "told"),
    [
        ("off", "progressive", "progressive", "off", ""),
        ("off", "", "", "off", ""),
        (
            "off",
            "top",
            "progressive",
            "off",
            "interlaced, top field first, although the file calls them progressive",
        ),
        ("off", "bottom", "", "off", "bottom field first; faces that move are combed"),
        ("off", "", "top", "off", "interlaced, top field first"),
        ("off", "progressive", "top", "off", ""),
        ("auto", "top", "bottom", "top", ""),
        ("auto", "", "bottom", "bottom", ""),
        ("auto", "progressive", "top", "off", ""),
        ("auto", "", "", "off", "nothing says whether these plates are interlaced"),
        ("top", "", "", "top", ""),
        ("top", "bottom", "", "top", "look bottom field first, and top was asked for"),
        ("bottom", "progressive", "progressive", "bottom", ""),
    ],
)
def test_what_is_asked_seen_and_marked(asked, seen, marked, first, told):
    assert first_field(asked, seen, marked) == first
    sentence = interlace_warning(asked, seen, marked)
    assert told in sentence if told else sentence == ""

"""Whether plates are taken apart into fields, by what was asked, what their shot tells and what their file says."""

from typing import Literal

from faceplate.plate import Fields

Asked = Literal["off", "auto", "top", "bottom"]
"""What an artist asks of `--deinterlace`: nothing, what the plates say, or by name the field filmed first."""


def first_field(asked: Asked, seen: Fields, marked: Fields) -> Literal["off", "top", "bottom"]:
    """The field to make frames of, "off" to leave them as they are.

    Args:
        asked: by the artist; only "auto" believes the plates.
        seen: what the shot's pixels say. marked: what the file says, believed where its pixels say nothing.
    """
    if asked != "auto":
        return asked
    told = seen or marked
    return told if told in ("top", "bottom") else "off"


def interlace_warning(asked: Asked, seen: Fields, marked: Fields) -> str:
    """What an artist should know before a render, one sentence; "" where there is nothing.

    Args:
        asked, seen, marked: as for `first_field`.
    """
    told = seen or marked
    if asked == "auto" and not told:
        return (
            "nothing says whether these plates are interlaced, because little moves and the file has no mark; they are "
            "left as they are, give --deinterlace top or --deinterlace bottom if they are"
        )
    if told not in ("top", "bottom"):
        return ""
    if asked == "off":
        against = ", although the file calls them progressive" if marked == "progressive" else ""
        return (
            f"these plates are interlaced, {told} field first{against}; faces that move are combed, give "
            "--deinterlace auto to make frames of one field each"
        )
    if asked != "auto" and asked != told:
        return f"these plates look {told} field first, and {asked} was asked for; check --deinterlace"
    return ""

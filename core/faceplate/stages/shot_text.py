"""A shot as JSON: one line a face a frame, so that it can be read, compared and edited by hand."""

import json
import json.decoder
import json.scanner
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from faceplate.faces import Face
from faceplate.plate import Fields
from faceplate.stages.grain import Grain, grain_of
from faceplate.stages.shot import VERSION, Shot, Track
from faceplate_client.errors import InputError, RequestError

KIND = "faceplate shot"


def shot_as_text(shot: Shot) -> str:
    """The shot as JSON, ending in a line's end; the same shot is always the same text."""
    lines = [
        f'"kind": {_json(KIND)}',
        f'"version": {VERSION}',
        f'"source": {_json(shot.source)}',
        f'"size": {_json(shot.size)}',
        f'"models": {_json(dict(shot.models))}',
        f'"cuts": {_json(shot.cuts)}',
        f'"fields": {_json(shot.fields)}',
        f'"agree": {_json(None if shot.agree is None else round(shot.agree, 3))}',
        f'"grain": {_grain_words(shot.grain)}',
        f'"tracks": {_block([_track_words(track) for track in shot.tracks], "[]", 1)}',
        f'"plates": {_block([_plate_words(shot, frame) for frame in sorted(shot.plates)], "{}", 1)}',
    ]
    return _block(lines, "{}", 0) + "\n"


def shot_from_text(text: str, name: str) -> Shot:
    """Read a shot file.

    Args:
        text: its content.
        name: of the file, for what there is to complain about.

    Raises:
        InputError: it is no JSON, no shot, of a later version, or something in it does not fit; names the line.
    """
    try:
        top = json.loads(text)
    except json.JSONDecodeError as error:
        raise _damaged(name, error.lineno, error.msg.lower()) from error
    except RecursionError as error:
        raise _damaged(name, 1, "too many brackets inside each other") from error
    try:
        return _shot(top)
    except (_Unfit, RequestError):
        pass
    # Reading with line numbers takes Python's slow road, so only what does not fit goes down it.
    placed = _Decoder(text).decode(text)
    try:
        return _shot(placed)
    except _Unfit as error:
        raise _damaged(name, _line_of_key(text, error), str(error)) from error
    except RequestError as error:
        raise _damaged(name, getattr(placed, "line", 1), str(error)) from error


class _Unfit(Exception):
    """Something in a shot file does not fit; `line` where its object begins, `key` which of its values it is."""

    def __init__(self, sentence: str, line: int, key: str = "") -> None:
        super().__init__(sentence)
        self.line, self.key = line, key


def _line_of_key(text: str, error: _Unfit) -> int:
    """The line of the value that does not fit: of its key, the first from where its object begins."""
    lines = text.split("\n")
    for number in range(error.line, len(lines) + 1):
        if error.key and f'"{error.key}":' in lines[number - 1]:
            return number
    return error.line


class _Placed(dict):
    """A JSON object that knows the line it begins on."""

    line = 1


class _Decoder(json.JSONDecoder):
    """Reads JSON into objects that know their line."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._ends = np.array([place for place, letter in enumerate(text) if letter == "\n"])
        inner = json.decoder.JSONObject  # type: ignore[attr-defined]

        def parse(state: tuple[str, int], *rest: Any) -> tuple[_Placed, int]:
            found, end = inner(state, *rest)
            placed = _Placed(found)
            placed.line = int(np.searchsorted(self._ends, state[1] - 1)) + 1
            return placed, end

        self.parse_object = parse
        self.scan_once = json.scanner.py_make_scanner(self)  # type: ignore[attr-defined]


def _damaged(name: str, line: int, what: str) -> InputError:
    return InputError(
        f"{name}, line {line}: {what}; mend the line, or analyse the plates again", code="shot.damaged"
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _block(lines: Sequence[str], brackets: str, depth: int) -> str:
    if not lines:
        return brackets
    indent = " " * (depth + 1)
    return brackets[0] + "\n" + ",\n".join(indent + line for line in lines) + "\n" + " " * depth + brackets[1]


def _track_words(track: Track) -> str:
    faces = [f'"{frame}": {_face_words(face)}' for frame, face in track.faces.items()]
    head = f'"id": {track.id}, "name": {_json(track.name)}, "locked": {_json(track.locked)}'
    return f'{{{head}, "faces": {_block(faces, "{}", 2)}}}'


def _face_words(face: Face) -> str:
    points = [[round(float(x), 3), round(float(y), 3)] for x, y in face.points]
    box = [round(side, 2) for side in face.box]
    words: dict[str, Any] = {"box": box, "points": points, "score": round(face.score, 4)}
    if face.quality is not None:
        words["quality"] = round(face.quality, 3)
    if face.landmarks is not None and face.turn is not None:
        words["turn"] = [round(value, 4) for value in face.turn]
        words["landmarks"] = [[round(float(x), 1), round(float(y), 1)] for x, y in face.landmarks]
    return _json(words)


def _plate_words(shot: Shot, frame: int) -> str:
    flicker = shot.flicker.get(frame)
    words = {"hash": shot.plates[frame]}
    if flicker is not None:
        words["flicker"] = [round(value, 5) for value in flicker]  # type: ignore[assignment]
    return f'"{frame}": {_json(words)}'


def _grain_words(grain: Grain | None) -> str:
    if grain is None:
        return "null"
    names = ("sigma", "spectrum", "correlation")
    return _block(
        [f'"{name}": {_json(np.round(getattr(grain, name), 6).tolist())}' for name in names], "{}", 1
    )


def _shot(top: Any) -> Shot:
    if not isinstance(top, dict) or top.get("kind") != KIND:
        raise _Unfit("this is no shot file; the first lines of one say what it is", 1)
    version = _get(top, "version", int)
    if version > VERSION:
        raise _Unfit(
            f"version {version} is of a later Faceplate, this one reads up to {VERSION}",
            _line(top),
            "version",
        )
    plates = {
        _frame(key, words, top): _fit(words, dict, "a plate", top)
        for key, words in _get(top, "plates", dict).items()
    }
    if not plates:
        raise _Unfit("a shot should have plates, this one has none", _line(top))
    flicker = {
        frame: _numbers(words, "flicker", (3,)) for frame, words in plates.items() if "flicker" in words
    }
    grain = _get(top, "grain", dict, type(None))
    width, height = (int(side) for side in _numbers(top, "size", (2,)))
    return Shot(
        source=_get(top, "source", str),
        size=(width, height),
        plates={frame: _get(words, "hash", str) for frame, words in plates.items()},
        cuts=tuple(sorted(int(frame) for frame in _numbers(top, "cuts", (None,)))),
        tracks=tuple(_track(_fit(words, dict, "a track", top)) for words in _get(top, "tracks", list)),
        flicker={frame: (float(r), float(g), float(b)) for frame, (r, g, b) in flicker.items()},
        grain=None if grain is None else _checked(grain, lambda: grain_of(dict(grain))),
        models=dict(_get(top, "models", dict)),
        fields=_fields(top),
        agree=_agree(top),
    )


def _fields(top: Mapping[str, Any]) -> Fields:
    """Whether the plates are interlaced; files from before that was told have nothing."""
    told = top.get("fields", "")
    for known in get_args(Fields):
        if told == known:
            return known
    raise _Unfit('"fields" should be "", "progressive", "top" or "bottom"', _line(top), "fields")


def _agree(top: Mapping[str, Any]) -> float | None:
    """How far neighbours agree; files from before that was told have nothing."""
    told = _fit(top.get("agree"), (int, float, type(None)), '"agree"', top, "agree")
    if told is not None and not 0.0 <= told <= 1.0:
        raise _Unfit('"agree" should be 0-1 or null', _line(top), "agree")
    return told


def _track(words: Mapping[str, Any]) -> Track:
    faces = {
        _frame(key, face, words): _fit(face, dict, "a face", words)
        for key, face in _get(words, "faces", dict).items()
    }
    id, name = _get(words, "id", int), _get(words, "name", str)
    locked = _get(words, "locked", bool)
    ordered = {frame: _face(faces[frame]) for frame in sorted(faces)}
    return _checked(words, lambda: Track(id, name, ordered, locked))


def _face(words: Mapping[str, Any]) -> Face:
    x0, y0, x1, y1 = (float(side) for side in _numbers(words, "box", (4,)))
    score = _get(words, "score", int, float)
    if not (x1 > x0 and y1 > y0 and 0.0 <= score <= 1.0):
        raise _Unfit("a box should be x0, y0, x1, y1 with x1 > x0 and y1 > y0, and a score 0-1", _line(words))
    points = _numbers(words, "points", (5, 2)).astype(np.float32)
    face = Face((x0, y0, x1, y1), points, float(score), _quality(words))
    if "landmarks" not in words and "turn" not in words:
        return face
    x, y, z = (float(value) for value in _numbers(words, "turn", (3,)))
    landmarks = _numbers(words, "landmarks", (68, 2)).astype(np.float32)
    return replace(face, landmarks=landmarks, turn=(x, y, z))


def _quality(words: Mapping[str, Any]) -> float | None:
    """How much a face shows; files from before that was told have nothing."""
    told = None if "quality" not in words else float(_get(words, "quality", int, float))
    if told is not None and not 0.0 <= told <= 1.0:
        raise _Unfit('"quality" should be 0-1', _line(words), "quality")
    return told


def _get(words: Mapping[str, Any], key: str, *kinds: type) -> Any:
    if key not in words:
        raise _Unfit(f'"{key}" is missing here', _line(words))
    return _fit(words[key], kinds, f'"{key}"', words, key)


def _fit(
    value: Any, kinds: type | tuple[type, ...], what: str, around: Mapping[str, Any], key: str = ""
) -> Any:
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    wrong = isinstance(value, bool) and bool not in kinds  # to Python a bool is a whole number
    if wrong or not isinstance(value, kinds):
        wanted = " or ".join(_KINDS.get(kind, kind.__name__) for kind in kinds)
        raise _Unfit(f"{what} should be {wanted}", _line(value if isinstance(value, dict) else around), key)
    return value


_KINDS = {dict: "{...}", list: "[...]", str: "a text", int: "a whole number", float: "a number", bool: "true or false",
          type(None): "null"}  # fmt: skip


def _numbers(words: Mapping[str, Any], key: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """Finite numbers of a shape; None stands for any length."""
    try:
        array = np.array(_get(words, key, list), np.float64)
    except (ValueError, TypeError):
        array = np.array(np.nan)
    fits = array.size == 0 or np.isfinite(array).all()
    same = array.ndim == len(shape) and all(
        want in (None, has) for want, has in zip(shape, array.shape, strict=True)
    )
    if not (fits and same):
        wanted = " x ".join("any" if want is None else str(want) for want in shape)
        raise _Unfit(f'"{key}" should hold {wanted} numbers', _line(words), key)
    return array


def _frame(key: str, words: Any, around: Mapping[str, Any]) -> int:
    if not key.lstrip("-").isascii() or not key.lstrip("-").isdigit():
        raise _Unfit(f"a frame should be a whole number, got {key!r}", getattr(words, "line", _line(around)))
    return int(key)


def _checked(words: Mapping[str, Any], make: Callable[[], Any]) -> Any:
    """What `make` makes; whatever it complains about is placed on the line of `words`."""
    try:
        return make()
    except RequestError as error:
        raise _Unfit(str(error), _line(words)) from error


def _line(words: Any) -> int:
    return getattr(words, "line", 1)

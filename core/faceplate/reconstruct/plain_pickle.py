"""Pickled arrays read without running anything: numbers, words, lists, dicts and arrays come out, and nothing else.

A pickle is a program for a small stack machine, and the usual machine calls whatever the program names. This one
knows the instructions that arrays need, makes arrays by itself from their bytes, and refuses every other name and
instruction. Heads that were pickled by Python 2 hold arrays of numpy, of chumpy (whose class is not needed) and sparse
ones of scipy.

After: the instructions' descriptions in Python's `pickletools`; numpy's `ndarray.__reduce__` and `__setstate__`.
"""

import codecs
import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from faceplate_client.errors import ModelError

_LARGEST = 1_000_000_000  # bytes of one array; the largest of a FLAME file has 48 million
_DEEPEST = 50  # arrays within dicts within objects: a FLAME file has four levels

_ARRAY = ("numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct")
_SCALAR = ("numpy.core.multiarray scalar", "numpy._core.multiarray scalar")
_BUFFER = ("numpy.core.numeric _frombuffer", "numpy._core.numeric _frombuffer")
_REBUILT = ("copy_reg _reconstructor", "copyreg _reconstructor")
_SETS = ("__builtin__ set", "builtins set", "__builtin__ frozenset", "builtins frozenset")
_BARE = ("numpy ndarray", "__builtin__ object", "builtins object")
_KEPT = ("scipy.sparse.", "chumpy.")
"""Modules whose objects are kept as their state: nothing of them is imported."""

_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}


def read_plain(content: bytes, name: str) -> dict[str, Any]:
    """Read a pickled dict.

    Args:
        content: the file. name: of it, for sentences.

    Returns:
        The dict by its keys: numbers, words, lists, tuples, dicts and arrays. Arrays of chumpy and sparse matrices of
        scipy have become plain arrays; of other objects of those two None is left.

    Raises:
        ModelError: `model.damaged`, it is no pickle or cut short; `model.pickle`, there is something in it that is
            neither an array nor one of the above.
    """
    try:
        found = _Plain().of(_Machine(io.BytesIO(content), name).run())
    except ModelError:
        raise
    except Exception as error:  # whatever an instruction does on a stack that is not as it should be
        raise _damaged(name, f"{type(error).__name__}: {error}") from error
    if not isinstance(found, dict):
        raise _damaged(name, f"it holds a {type(found).__name__} and not a dict")
    return {str(key): value for key, value in found.items()}


@dataclass(frozen=True)
class _Name:
    """What a program names: a module and something in it."""

    words: str


@dataclass
class _Kind:
    """A dtype, while it is told: numbers alone."""

    word: str

    def tell(self, state: tuple[Any, ...]) -> None:
        order = state[1] if len(state) > 1 else "|"
        self.word = f"{order if order in '<>' else ''}{self.word}"

    @property
    def dtype(self) -> np.dtype:
        kind = np.dtype(self.word)
        if kind.kind not in "biuf":
            raise ValueError(f"an array of {self.word}")
        return kind


@dataclass
class _Array:
    """An array, while it is told; `array` is there once it was."""

    array: np.ndarray | None = None

    def tell(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, content = state
        if isinstance(content, list):
            raise ValueError("an array of objects")
        self.array = _array_of(_bytes(content), kind, shape, "F" if by_columns else "C")


@dataclass
class _Object:
    """An object of chumpy or scipy, of which its state is all that is kept."""

    words: str
    state: dict[str, Any] = field(default_factory=dict)

    def tell(self, state: Any) -> None:
        self.state = dict(state[0] if isinstance(state, tuple) else state)


def _array_of(content: bytes, kind: _Kind, shape: Any, order: str) -> np.ndarray:
    sides = tuple(int(side) for side in shape)
    size = int(np.prod([float(side) for side in sides])) * kind.dtype.itemsize
    if min(sides, default=0) < 0 or size > _LARGEST or size != len(content):
        raise ValueError(f"an array of shape {sides} in {len(content)} bytes")
    return np.frombuffer(content, kind.dtype).reshape(sides, order="F" if order == "F" else "C")


def _bytes(content: Any) -> bytes:
    """What Python 2 called a string is told as one whose letters are bytes."""
    return content.encode("latin1") if isinstance(content, str) else bytes(content)


_MARK = object()


class _Machine:
    """The stack machine. `_DO` says which method carries out which instruction; there are no others."""

    def __init__(self, file: io.BytesIO, name: str) -> None:
        self._file, self._name = file, name
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        while True:
            code = self._file.read(1).decode("latin1")
            opcode = _OPCODES.get(code)
            if opcode is None:
                raise _damaged(self._name, "it is no pickle" if code else "it is cut short")
            if opcode.name == "STOP":
                return self._stack.pop()
            do = _DO.get(opcode.name)
            if do is None:
                raise _refused(self._name, f"the instruction {opcode.name}")
            do(self, self._argument(opcode))

    def _argument(self, opcode: Any) -> Any:
        if opcode.name == "STRING":  # pickletools reads these as ASCII, and arrays are not
            return codecs.escape_decode(self._file.readline().rstrip(b"\r\n")[1:-1])[0].decode("latin1")
        return opcode.arg.reader(self._file) if opcode.arg else None

    # ------------------------------------------------------------ values and the stack

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def nothing(self, _: Any) -> None: ...

    def mark(self, _: Any) -> None:
        self._stack.append(_MARK)

    def to_mark(self) -> list[Any]:
        place = len(self._stack) - 1
        while self._stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise ValueError("a mark is missing")
        items = self._stack[place + 1 :]
        del self._stack[place:]
        return items

    def take(self, count: int) -> tuple[Any, ...]:
        if count > len(self._stack):
            raise ValueError("the stack is empty")
        items = tuple(self._stack[len(self._stack) - count :])
        del self._stack[len(self._stack) - count :]
        return items

    def pop(self, _: Any) -> None:
        self.take(1)

    def pop_mark(self, _: Any) -> None:
        self.to_mark()

    def duplicate(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def put(self, place: int) -> None:
        self._memo[int(place)] = self._stack[-1]

    def memoise(self, _: Any) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, place: int) -> None:
        self._stack.append(self._memo[int(place)])

    # ------------------------------------------------------------ lists and dicts

    def append(self, _: Any) -> None:
        (value,) = self.take(1)
        self._stack[-1].append(value)

    def appends(self, _: Any) -> None:
        items = self.to_mark()
        self._stack[-1].extend(items)

    def add_items(self, _: Any) -> None:
        items = self.to_mark()
        self._stack[-1].extend(items)  # sets are kept as lists: their items need no hash

    def set_item(self, _: Any) -> None:
        key, value = self.take(2)
        self._stack[-1][key] = value

    def set_items(self, _: Any) -> None:
        items = self.to_mark()
        self._stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def make_dict(self, _: Any) -> None:
        items = self.to_mark()
        self._stack.append(dict(zip(items[::2], items[1::2], strict=True)))

    # ------------------------------------------------------------ names, and the few things made of them

    def name(self, words: str) -> None:
        module, _, word = words.partition(" ")
        known = words in _MAKE or words in _BARE or module.startswith(_KEPT) or module == "chumpy"
        if not known:
            raise _refused(self._name, f"{module}.{word}")
        self._stack.append(_Name(words))

    def stack_name(self, _: Any) -> None:
        module, word = self.take(2)
        self.name(f"{module} {word}")

    def reduce(self, _: Any) -> None:
        called, words = self.take(2)
        self._stack.append(self._made(called, tuple(words)))

    def instance(self, words: str) -> None:
        given = self.to_mark()
        self.name(words)
        self._stack.append(self._made(self._stack.pop(), tuple(given)))

    def instance_of(self, _: Any) -> None:
        called, *given = self.to_mark()
        self._stack.append(self._made(called, tuple(given)))

    def build(self, _: Any) -> None:
        (state,) = self.take(1)
        built = self._stack[-1]
        if not isinstance(built, (_Array, _Kind, _Object)):
            raise _refused(self._name, f"the state of a {type(built).__name__}")
        built.tell(state)

    def _made(self, called: Any, words: tuple[Any, ...]) -> Any:
        if not isinstance(called, _Name):
            raise _refused(self._name, f"a call of a {type(called).__name__}")
        make = _MAKE.get(called.words)
        if make is not None:
            return make(*words)
        if called.words in _BARE:
            raise _refused(self._name, f"a call of {called.words.replace(' ', '.')}")
        return _Object(called.words)


def _rebuilt(kind: _Name, *_: Any) -> Any:
    return _Array() if kind.words == "numpy ndarray" else _Object(kind.words)


def _scalar(kind: _Kind, content: Any) -> Any:
    return _array_of(_bytes(content), kind, (), "C").item()


def _from_buffer(content: Any, kind: _Kind, shape: Any, order: str) -> _Array:
    return _Array(_array_of(_bytes(content), kind, shape, order))


_MAKE: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(_ARRAY, lambda *_: _Array()),
    **dict.fromkeys(_SCALAR, _scalar),
    **dict.fromkeys(_BUFFER, _from_buffer),
    **dict.fromkeys(_REBUILT, _rebuilt),
    **dict.fromkeys(_SETS, lambda items=(): list(items)),
    "numpy dtype": lambda word, *_: _Kind(str(word)),
    "_codecs encode": lambda text, *_: _bytes(text),
    "__builtin__ bytearray": lambda content=b"", *_: _bytes(content),
    "builtins bytearray": lambda content=b"", *_: _bytes(content),
    "__builtin__ bytes": lambda content=b"", *_: _bytes(content),
    "builtins bytes": lambda content=b"", *_: _bytes(content),
    "collections OrderedDict": lambda items=(): dict(items),
}
"""What may be called, and what is done instead of calling it."""

_DO: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME"), _Machine.nothing),
    **dict.fromkeys(
        (
            "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
            "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "UNICODE", "BINUNICODE",
            "SHORT_BINUNICODE", "BINUNICODE8",
        ),
        _Machine.push,
    ),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_SET": lambda machine, _: machine.push([]),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.to_mark())),
    "TUPLE1": lambda machine, _: machine.push(machine.take(1)),
    "TUPLE2": lambda machine, _: machine.push(machine.take(2)),
    "TUPLE3": lambda machine, _: machine.push(machine.take(3)),
    "LIST": lambda machine, _: machine.push(machine.to_mark()),
    "FROZENSET": lambda machine, _: machine.push(machine.to_mark()),
    "DICT": _Machine.make_dict,
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.duplicate,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "MEMOIZE": _Machine.memoise,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "ADDITEMS": _Machine.add_items,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.stack_name,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.reduce,
    "INST": _Machine.instance,
    "OBJ": _Machine.instance_of,
    "BUILD": _Machine.build,
}  # fmt: skip


class _Plain:
    """What was made, without the machine's own values; what is held in many places is made plain once."""

    def __init__(self) -> None:
        self._done: dict[int, Any] = {}

    def of(self, value: Any, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            raise ValueError("it is nested too deeply")
        if id(value) not in self._done:
            self._done[id(value)] = self._made(value, depth + 1)
        return self._done[id(value)]

    def _made(self, value: Any, depth: int) -> Any:
        if isinstance(value, _Array):
            if value.array is None:
                raise ValueError("an array without content")
            return value.array
        if isinstance(value, _Object):
            return self._of_object(value, depth)
        if isinstance(value, dict):
            return {key: self.of(item, depth) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self.of(item, depth) for item in value)
        return None if isinstance(value, (_Name, _Kind)) else value

    def _of_object(self, value: _Object, depth: int) -> Any:
        """chumpy's array is its `x`; a sparse matrix is filled; nothing is known of any other."""
        state = value.state
        if value.words.startswith("chumpy") and "x" in state:
            return self.of(state["x"], depth)
        if value.words.startswith("scipy.sparse") and {"indices", "indptr", "data"} <= state.keys():
            return _filled(value.words, {key: self.of(item, depth) for key, item in state.items()})
        return None


def _filled(words: str, state: dict[str, Any]) -> np.ndarray:
    """A compressed sparse matrix, by rows or by columns, as a plain array."""
    rows, columns = (int(side) for side in state.get("_shape", state.get("shape", ())))
    by_rows = "csr" in words
    if rows * columns * 8 > _LARGEST:
        raise ValueError(f"a matrix of {rows} x {columns}")
    owner = np.repeat(np.arange(rows if by_rows else columns), np.diff(state["indptr"]))
    found = np.zeros((rows, columns))
    places = (owner, state["indices"]) if by_rows else (state["indices"], owner)
    np.add.at(found, places, state["data"])
    return found


def _damaged(name: str, what: str) -> ModelError:
    return ModelError(
        f"{name} cannot be read as pickled arrays ({what}). Fetch the file again.", code="model.damaged"
    )


def _refused(name: str, what: str) -> ModelError:
    return ModelError(
        f"{name} is a pickle that asks for {what}, which no head model needs; nothing of it was run. Fetch the file "
        "from its authors.",
        code="model.pickle",
    )

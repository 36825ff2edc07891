"""Whether an ONNX file is all there is, told from its bytes alone.

An ONNX model may keep tensors in other files, named by a path inside the model. The hash in a manifest covers one
file, and a path from a stranger may point anywhere, so such a model is refused before a runtime sees it. This walks
the protobuf wire format (protobuf.dev, "Encoding") along the fields of onnx.proto that can lead to a tensor; the
onnx package is not needed, and nothing is allocated that the file claims.
"""

from collections.abc import Iterator

from faceplate_client.errors import ModelError

_WALK = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""Message -> field number -> the message in it, for every way from a ModelProto to a TensorProto."""

_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_DEEPEST = 64


def refuse_external_data(content: bytes, name: str) -> None:
    """Refuse a model that is not whole in itself.

    Raises:
        ModelError: `model.external` when tensors lie in other files, `model.damaged` when it is no ONNX file.
    """
    try:
        external = _has_external(memoryview(content), "model", 0)
    except (IndexError, ValueError) as error:
        raise ModelError(
            f"{name} is not a readable ONNX file ({error}). Fetch or export the weights again.",
            code="model.damaged",
        ) from error
    if external:
        raise ModelError(
            f"{name} keeps part of its weights in other files, which its hash does not cover. "
            "Export it again as one self-contained ONNX file.",
            code="model.external",
        )


def _has_external(message: memoryview, kind: str, depth: int) -> bool:
    if depth > _DEEPEST:
        raise ValueError("its graphs are nested too deeply")
    for number, value in _fields(message):
        if kind == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value == 1)):
            return True
        inner = _WALK[kind].get(number)
        if inner and isinstance(value, memoryview) and _has_external(value, inner, depth + 1):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, "int | memoryview"]]:
    """Every field of a message: number, and its integer or its bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == 2:
            length, at = _varint(message, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"an unknown wire type at byte {at}")
        if at + length > len(message):
            raise ValueError("it is cut short")
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("it is cut short")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError(f"a number without an end at byte {at}")

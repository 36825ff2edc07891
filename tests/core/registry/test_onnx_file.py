"""The walk over an ONNX file's bytes: agrees with the onnx package, and no bytes make it crash or hang."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from faceplate.registry.onnx_file import refuse_external_data
from faceplate_client.errors import ModelError
from tests.support.model_folder import brighter_model, external_model

WHOLE = brighter_model()


def test_a_whole_model_passes():
    refuse_external_data(WHOLE, "stub.onnx")


@given(st.binary(max_size=200))
@example(b"\x80" * 100)
@example(b"\x3a\xff\xff\xff\xff\x0f")
def test_no_bytes_make_anything_but_a_model_error(content):
    try:
        refuse_external_data(content, "noise.onnx")
    except ModelError as error:
        assert "noise.onnx" in str(error)


@given(st.integers(1, len(WHOLE) - 1))
def test_a_shortened_model_is_never_taken_for_one_with_other_files(length):
    try:
        refuse_external_data(WHOLE[:length], "short.onnx")
    except ModelError as error:
        assert error.code == "model.damaged"


def test_endless_nesting_is_refused():
    graph = b""
    for _ in range(500):  # graph > node > attribute > graph > ...
        for field in (6, 5, 1):
            graph = bytes([field << 3 | 2]) + _varint(len(graph)) + graph
    with pytest.raises(ModelError, match="nested"):
        refuse_external_data(b"\x3a" + _varint(len(graph)) + graph, "deep.onnx")


def test_the_file_is_named():
    with pytest.raises(ModelError, match=r"^/shows/a\.onnx"):
        refuse_external_data(external_model("initializer"), "/shows/a.onnx")


def _varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])

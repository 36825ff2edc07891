"""Pickled arrays come out whole; anything that would run is refused before it does."""

import os
import pickle
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from faceplate.reconstruct.plain_pickle import read_plain
from faceplate_client.errors import ModelError
from tests.support.flame import pickled, small_rig

KINDS = st.sampled_from(["f8", "f4", "i4", "u4", "i8", "?", ">f8"])


@given(
    array=arrays.arrays(KINDS, arrays.array_shapes(max_dims=3, max_side=4)),
    protocol=st.integers(0, 5),
    by_columns=st.booleans(),
)
def test_any_array_of_numbers_comes_back(array, protocol, by_columns):
    array = np.asfortranarray(array) if by_columns else array
    found = read_plain(pickle.dumps({"a": array, "again": [array, (1, 2.5, "é", None, True)]}, protocol), "x")
    assert found["a"].dtype == array.dtype and found["a"].shape == array.shape
    np.testing.assert_array_equal(found["a"], array)
    np.testing.assert_array_equal(found["again"][0], array)
    assert found["again"][1] == (1, 2.5, "é", None, True)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_arrays_of_chumpy_and_sparse_ones_become_plain(protocol):
    rig = small_rig()
    found = read_plain(pickled(rig, protocol), "rig")
    for name, array in rig.items():
        np.testing.assert_array_equal(found[name], array)
    assert found["bs_style"] == "lbs"


def test_what_python_2_wrote_is_read():
    content = np.array([1.5, -2, 3e200])
    escaped = "".join(f"\\x{byte:02x}" for byte in content.tobytes())
    program = (
        "(dp0\nS'a'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\ntp6\nRp7\n"
        "(I1\n(I3\ntp8\ncnumpy\ndtype\np9\n(S'f8'\np10\nI0\nI1\ntp11\nRp12\n(I3\nS'<'\np13\nNNNI-1\nI-1\nI0\ntp14\nbI00\n"
        f"S'{escaped}'\np15\ntp16\nbs."
    )
    np.testing.assert_array_equal(read_plain(program.encode(), "x")["a"], content)


class Runs:
    """Unpickled by Python itself, this would run a command."""

    def __init__(self, call, *words):
        self._call, self._words = call, words

    def __reduce__(self):
        return self._call, self._words


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize(
    "value",
    [Runs(os.system, "true"), Runs(eval, "1"), Runs(getattr, 1, "real"), Runs(np.load, "x"), len, Runs],
)
def test_whatever_would_run_is_refused_by_name(value, protocol):
    with pytest.raises(ModelError, match="nothing of it was run") as refused:
        read_plain(pickle.dumps({"a": value}, protocol), "bad.pkl")
    assert refused.value.code == "model.pickle" and "bad.pkl" in str(refused.value)


def test_refused_means_not_done(tmp_path):
    trace = tmp_path / "trace"
    program = pickle.dumps({"a": Runs(os.mkdir, str(trace))})
    with pytest.raises(ModelError):
        read_plain(program, "x")
    assert not trace.exists()
    pickle.loads(program)  # and it would have
    assert trace.exists()


def array_program(shape: str, kind: str = "f8", content: bytes = b"\0" * 8) -> bytes:
    """A pickle of an array that says of itself what it likes."""
    return (
        b"\x80\x02}U\x01acnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n("
        + shape.encode()
        + b"tcnumpy\ndtype\n(S'"
        + kind.encode()
        + b"'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nB"
        + len(content).to_bytes(4, "little")
        + content
        + b"tbs."
    )


def test_the_program_below_is_right_when_it_is_honest():
    np.testing.assert_array_equal(read_plain(array_program("I1\n"), "x")["a"], [0])


@pytest.mark.parametrize(
    "program",
    [
        array_program("I2\n"),
        array_program("I-1\n"),
        array_program("I100000000000\nI100000000000\n"),
        array_program("I1\n", kind="O8"),
        array_program("I1\n", kind="V8"),
        pickle.dumps({"a": np.array([{}], object)}),
        pickle.dumps({"a": np.zeros(3)})[:-20],
        pickle.dumps([1, 2]),
        b"",
        b"no pickle at all",
        b"(lp0\n" + b"g0\na" * 3 + b".",
        b"\x80\x02]q\x00" + b"".join(b"]q%ch%ch%c\x86" % (k + 1, k, k) for k in range(30)) + b".",
    ],
)  # fmt: skip
def test_damage_is_said_in_a_sentence_and_takes_no_memory(program):
    with pytest.raises(ModelError) as refused:
        read_plain(program, "bad.pkl")
    assert refused.value.code in ("model.damaged", "model.pickle") and "bad.pkl" in str(refused.value)


@given(content=st.binary(max_size=200))
def test_no_bytes_at_all_bring_anything_but_a_sentence(content):
    with suppress(ModelError):
        read_plain(content, "x")

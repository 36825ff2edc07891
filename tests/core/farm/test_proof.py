"""A frame is done only if it can be proven: this output, from this input, with these models and parameters."""

import pytest

from faceplate.farm.proof import hash_file, is_proven, proof_path, prove, read_proof
from faceplate_client.errors import InputError

MODELS = {"restore-face-1.0.0": "ab" * 32}
PARAMETERS = {"strength": 0.5, "layers": ("matte",), "frame": 1001}


@pytest.fixture
def done(tmp_path):
    output, beside, source = (
        tmp_path / name for name in ("plate.1001.png", "plate.matte.1001.png", "in.png")
    )
    for path in (output, beside, source):
        path.write_bytes(path.name.encode())
    prove([output, beside], inputs=[source], models=MODELS, parameters=PARAMETERS, notes={"faces": 2})
    return output, beside, source


def proven(done, **other):
    facts = {"inputs": [done[2]], "models": MODELS, "parameters": PARAMETERS, **other}
    return is_proven(done[0], **facts)


def test_what_was_proven_is_proven(done):
    assert proven(done)
    assert proof_path(done[0]).name == "plate.1001.png.json"
    assert proof_path(done[0]).parent.name == ".done"
    proof = read_proof(done[0])
    assert proof is not None and proof.notes == {"faces": 2}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_changed_file_is_not(done, place):
    done[place].write_bytes(b"something else")
    assert not proven(done)


def test_a_missing_output_is_not(done):
    done[1].unlink()
    assert not proven(done)


@pytest.mark.parametrize(
    "other", [{"models": {}}, {"parameters": {**PARAMETERS, "strength": 0.6}}, {"inputs": []}]
)
def test_other_circumstances_are_not(done, other):
    assert not proven(done, **other)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"outputs": {}}', b"\xff\xfe"])
def test_a_damaged_proof_proves_nothing(done, content):
    proof_path(done[0]).write_bytes(content)
    assert not proven(done)


def test_a_missing_input_is_an_input_error(done):
    done[2].unlink()
    with pytest.raises(InputError, match=r"in\.png"):
        proven(done)


def test_a_file_rewritten_in_place_hashes_anew(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    first = hash_file(path)
    path.write_bytes(b"three")
    assert hash_file(path) != first

"""What a weights file is: pickles are refused unopened, whatever they are called, and no bytes crash the look."""

import json
import pickle
import shlex
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.registry.weights_file import CONVERSION, PICKLES, runtime_of
from faceplate_client.errors import ModelError
from tests.support.model_folder import brighter_model, external_model


class Trap:
    """Unpickling this fails the test."""

    def __reduce__(self):
        return (exec, ("raise SystemError('a pickle was loaded')",))


def safetensors(tensors):
    """A safetensors file of float32 zeros: name -> shape."""
    header, end = {}, 0
    for name, shape in tensors.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    words = json.dumps(header).encode()
    return len(words).to_bytes(8, "little") + words + bytes(end)


@pytest.mark.parametrize("suffix", PICKLES)
def test_a_pickle_is_refused_with_the_reason_and_the_way_out(tmp_path, suffix):
    path = tmp_path / f"GFPGANv1.4{suffix}"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ModelError, match=r"would run whatever program") as caught:
        runtime_of(path)
    assert caught.value.code == "model.pickle" and caught.value.exit_code == 65
    assert CONVERSION in str(caught.value) and "GFPGANv1.4.safetensors" in str(caught.value)


@pytest.mark.parametrize("suffix", [".onnx", ".safetensors", ".weights"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_by_another_name_stays_one(tmp_path, suffix, protocol):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(pickle.dumps(Trap(), protocol=protocol))
    with pytest.raises(ModelError) as caught:
        runtime_of(path)
    assert caught.value.code == "model.pickle"


def test_the_two_formats_are_told_apart(tmp_path):
    (tmp_path / "a.onnx").write_bytes(brighter_model())
    (tmp_path / "b.safetensors").write_bytes(safetensors({"w": [2, 3], "b": []}))
    assert runtime_of(tmp_path / "a.onnx") == "onnx"
    assert runtime_of(tmp_path / "b.safetensors") == "torch"


@pytest.mark.parametrize("name", ["model.trt", "model", "model.zip.gz"])
def test_other_formats_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"engine")
    with pytest.raises(ModelError) as caught:
        runtime_of(tmp_path / name)
    assert caught.value.code == "model.format"


def test_arrays_are_told_from_other_zips(tmp_path):
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    assert runtime_of(tmp_path / "arrays.npz") == "npz"
    with zipfile.ZipFile(tmp_path / "torch.npz", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Trap()))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "arrays.npz").read_bytes()[:-30])
    for name, said in (
        ("torch.npz", "an .npz of whole arrays was expected"),
        ("cut.npz", "not a readable .npz"),
    ):
        with pytest.raises(ModelError, match=said) as refused:
            runtime_of(tmp_path / name)
        assert refused.value.code == "model.damaged"


def test_weights_in_another_file_are_refused(tmp_path):
    (tmp_path / "a.onnx").write_bytes(external_model("initializer"))
    with pytest.raises(ModelError) as caught:
        runtime_of(tmp_path / "a.onnx")
    assert caught.value.code == "model.external"


@given(
    length=st.integers(0, 200), place=st.integers(0, 199), bit=st.integers(0, 7), extra=st.binary(max_size=3)
)
def test_a_damaged_safetensors_file_is_named_or_still_describes_its_bytes(
    tmp_path_factory, length, place, bit, extra
):
    content = bytearray(safetensors({"weight": [3, 5], "bias": [5]})[:length] + extra)
    if place < len(content):
        content[place] ^= 1 << bit
    path = tmp_path_factory.getbasetemp() / "noise.safetensors"
    path.write_bytes(content)
    try:
        runtime_of(path)
    except ModelError as error:
        assert error.code in ("model.damaged", "model.pickle") and "noise.safetensors" in str(error)
    else:
        load = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed").load_file
        assert len(load(path)) == 2


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_conversion_it_names_works(tmp_path, wrapped):
    torch = pytest.importorskip("torch", reason="torch is not installed: the conversion cannot run here")
    state = {"layer.weight": torch.arange(6.0).reshape(2, 3).T, "layer.bias": torch.ones(2)}
    torch.save({"params_ema": state} if wrapped else state, tmp_path / "model.pth")
    words = shlex.split(CONVERSION + "model.pth model.safetensors")
    subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, check=True, capture_output=True)
    assert runtime_of(tmp_path / "model.safetensors") == "torch"
    from safetensors.torch import load_file

    made = load_file(tmp_path / "model.safetensors")
    assert set(made) == set(state) and all(torch.equal(made[name], state[name]) for name in state)

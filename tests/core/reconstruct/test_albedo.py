"""How skin is coloured: what is written comes back, what is damaged is refused, the shipped one is a face's."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.reconstruct.albedo import Albedo, read_albedo, write_albedo
from faceplate.reconstruct.head_file import read_head
from faceplate.registry.catalogue import manifest_for, read_weights
from faceplate_client.errors import ModelError
from tests.support.heads import make_albedo, make_head

HEAD = make_head()
ALBEDO = make_albedo(HEAD)


def written(tmp_path, albedo: Albedo = ALBEDO) -> bytes:
    write_albedo(albedo, HEAD, tmp_path / "albedo.npz")
    return (tmp_path / "albedo.npz").read_bytes()


def test_what_is_written_comes_back(tmp_path):
    found = read_albedo(written(tmp_path), HEAD)
    for name in ("mean", "basis", "detail"):
        np.testing.assert_allclose(getattr(found, name), getattr(ALBEDO, name), atol=1e-3)
    np.testing.assert_array_equal(found.known, ALBEDO.known)
    assert (found.id, found.licence, found.credit) == (ALBEDO.id, ALBEDO.licence, ALBEDO.credit)


@settings(max_examples=20)
@given(shades=st.lists(st.floats(-50, 50), max_size=2))
def test_a_pattern_is_a_colour_whatever_the_coefficients(shades):
    found = ALBEDO.of(shades)
    assert found.shape == ALBEDO.mean.shape and found.min() >= 0.01
    if not any(shades):
        np.testing.assert_allclose(found, np.maximum(ALBEDO.mean, 0.01))


def changed(content: bytes, **arrays) -> bytes:
    with np.load(io.BytesIO(content)) as held:
        kept = {name: held[name] for name in held.files} | arrays
    made = io.BytesIO()
    np.savez(made, **{name: array for name, array in kept.items() if array is not None})
    return made.getvalue()


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"schema": np.array("else")}, "is no faceplate-albedo"),
        ({"version": np.array(2)}, "version 1"),
        ({"head": np.array("other@1.0.0")}, "belongs to the head other@1.0.0"),
        ({"mean": None}, "holds no 'mean'"),
        ({"detail": np.ones(5)}, "detail should be"),
        ({"basis": np.full(ALBEDO.basis.shape, np.nan)}, "not finite"),
        ({"known": np.zeros(len(HEAD.mean), bool)}, "some vertex known"),
    ],
)
def test_a_damaged_file_says_what_is_wrong(tmp_path, arrays, said):
    with pytest.raises(ModelError, match=said) as raised:
        read_albedo(changed(written(tmp_path), **arrays), HEAD)
    assert raised.value.code == "model.damaged"


def test_no_file_and_no_archive(tmp_path):
    with pytest.raises(ModelError, match="install the model pack") as raised:
        read_albedo(tmp_path / "none.npz", HEAD)
    assert raised.value.code == "model.missing"
    with pytest.raises(ModelError, match="cannot be unpacked"):
        read_albedo(b"nothing of the kind", HEAD)


def test_the_shipped_one_is_symmetric_and_has_lips_and_brows(root):
    if not any((root / "models" / "open").glob("faceplate-albedo-*.npz")):
        pytest.skip(
            "models/open holds no faceplate-albedo: its recipe is core/faceplate_training/head_model/albedo.py"
        )
    head = read_head(read_weights(manifest_for("head.model")))
    albedo = read_albedo(read_weights(manifest_for("head.albedo")), head)
    np.testing.assert_allclose(albedo.mean, albedo.mean[head.mirror], atol=4e-3)
    for component in albedo.basis:
        twin = component[head.mirror]
        assert min(np.abs(twin - component).max(), np.abs(twin + component).max()) < 0.02
    lips, brows, cheek = (albedo.mean[albedo.known & where] for where in (
        head.mask("lips") > 0.9, head.mask("brows") > 0.9, head.mask("face") > 0.9))  # fmt: skip
    redness = [(skin[:, 0] / skin[:, 1]).mean() for skin in (lips, cheek)]
    assert redness[0] > 1.03 * redness[1] and brows.mean() < 0.9 * cheek.mean()
    detail = albedo.detail[albedo.known & (head.mask("face") > 0.9)]
    assert detail.min() > 0.01 and 0.03 < np.median(detail) < 0.1 and not albedo.detail[~albedo.known].any()
    assert albedo.mean[albedo.known].min() > 0.25

"""`faceplate transfer --keys`: our shapes for a mesh without any, and files that are none."""

import json

import numpy as np
import pytest

from tests.core.reconstruct.test_shape_transfer import somebody


@pytest.fixture(autouse=True)
def the_models_of_the_checkout(monkeypatch):
    monkeypatch.delenv("FACEPLATE_MODELS")


@pytest.fixture(scope="module")
def mesh(head):
    other, _, face, radii, unit = somebody(head, 1, 0.0)
    arrays = {"vertices": other.points, "triangles": other.triangles, "eyes": other.eyes, "radii": radii}
    return arrays, face, unit


def test_a_mesh_gets_the_keys_that_are_named(faceplate, head, mesh, tmp_path):
    arrays, face, unit = mesh
    moves = np.stack([head.expressions[head.expression_names.index("jawOpen")]] * 2)
    moves[1] *= 0.5
    np.savez(
        tmp_path / "mesh.npz", allow_pickle=False, names=np.array(["jawOpen", "mine"]), moves=moves, **arrays
    )
    code, said, told = faceplate(
        "transfer", tmp_path / "mesh.npz", "--keys", "-o", tmp_path / "k.npz", "--json"
    )
    assert code == 0, told
    report = json.loads(said)
    assert report["keys"] == 2 and report["lids"] and report["met_percent"] > 80
    assert "faceplate: finding our face on the mesh" in told and "faceplate: 2/2 keys" in told
    with np.load(tmp_path / "k.npz", allow_pickle=False) as held:
        keys, trust = held["moves"], held["trust"]
        assert held["names"].tolist() == ["jawOpen", "mine"]
    assert keys.shape == (2, len(arrays["vertices"]), 3) and trust.shape == (len(arrays["vertices"]),)
    size = np.linalg.norm(keys, axis=2)[:, face] / unit
    assert size[0].max() > 20  # what the source's own key does counts, whatever its name
    np.testing.assert_allclose(size[1][size[0] > 1], 0.5 * size[0][size[0] > 1], atol=0.05)


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"eyes": None}, 65, "has no eyes"),
        ({"radii": np.zeros(2)}, 65, "radii that are not above 0"),
        ({"names": np.array(["wink"])}, 64, "wink in"),
        ({"moves": np.zeros((1, 5, 3))}, 65, "has not 1 names"),
        (
            {"moves": np.zeros((1, 5, 3)), "names": np.array(["jawOpen"])},
            64,
            "they should be those of a head",
        ),
        ({"eyes": np.zeros((2, 3))}, 64, "both in one place"),
    ],
)
def test_what_is_wrong_with_a_mesh_is_told(faceplate, mesh, tmp_path, change, code, said):
    arrays = {name: array for name, array in (mesh[0] | change).items() if array is not None}
    np.savez(tmp_path / "mesh.npz", allow_pickle=False, **arrays)
    found, _, told = faceplate("transfer", tmp_path / "mesh.npz", "--keys", "-o", tmp_path / "keys.npz")
    assert found == code and said in told and not (tmp_path / "keys.npz").exists()

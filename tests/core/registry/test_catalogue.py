"""Laws of the catalogue: which model serves a task, and what is refused before anything parses it."""

import os

import pytest

from faceplate.registry import catalogue
from faceplate.registry.catalogue import find_manifests, has_model, manifest_for, read_weights, verify
from faceplate_client.errors import ModelError
from tests.support.model_folder import add_model, brighter_model, external_model


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A model folder that is the only one, so that the repository's own models do not decide a test."""
    (tmp_path / "models" / "manifests").mkdir(parents=True)
    monkeypatch.setattr(catalogue, "_PACKAGE", tmp_path / "no_package")
    monkeypatch.setenv("FACEPLATE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_the_newest_version_serves(folder):
    for version in ("1.9.0", "1.10.0", "1.2.0"):
        add_model(folder, "face.restore", id="restorer", version=version)
    assert manifest_for("face.restore").version == "1.10.0"


def test_the_first_folder_that_serves_a_task_serves_it(folder, tmp_path, monkeypatch):
    add_model(folder, "face.restore", id="pinned", version="1.0.0")
    add_model(tmp_path / "other", "face.restore", id="other", version="9.0.0")
    add_model(tmp_path / "other", "face.detect", id="finder", version="1.0.0")
    monkeypatch.setenv("FACEPLATE_MODELS", os.pathsep.join([str(folder), str(tmp_path / "other")]))
    assert manifest_for("face.restore").id == "pinned"
    assert manifest_for("face.detect").id == "finder"


def test_a_source_checkout_finds_its_own_models(tmp_path, monkeypatch):
    (tmp_path / "core" / "faceplate").mkdir(parents=True)
    add_model(tmp_path / "models", "face.restore", id="own")
    monkeypatch.setattr(catalogue, "_PACKAGE", tmp_path / "core" / "faceplate")
    assert manifest_for("face.restore").id == "own"


def test_an_installed_package_finds_the_models_inside_it(tmp_path, monkeypatch):
    add_model(tmp_path / "site" / "faceplate" / "models", "face.restore", id="packed")
    monkeypatch.setattr(catalogue, "_PACKAGE", tmp_path / "site" / "faceplate")
    assert manifest_for("face.restore").id == "packed"


def test_a_named_folder_that_is_not_there_is_not_replaced_by_another(folder, monkeypatch):
    monkeypatch.setenv("FACEPLATE_MODELS", str(folder / "gone"))
    with pytest.raises(ModelError, match="gone") as caught:
        manifest_for("face.restore")
    assert caught.value.code == "model.missing"


def test_a_task_nobody_serves_says_where_was_looked(folder):
    with pytest.raises(ModelError, match=str(folder)) as caught:
        manifest_for("face.restore")
    assert caught.value.code == "model.missing"
    assert not has_model("face.restore")


@pytest.mark.parametrize("licence_class", ["B", "C"])
def test_a_licence_nobody_accepted_is_refused_and_an_accepted_one_loads(folder, licence_class):
    weights = add_model(folder, "face.restore", id="research", licence_class=licence_class)
    manifest = find_manifests()[0]
    for refused in (lambda: manifest_for("face.restore"), lambda: verify(manifest)):
        with pytest.raises(ModelError, match=f"class {licence_class}") as caught:
            refused()
        assert caught.value.code == "model.licence"
    assert manifest_for("face.restore", accepted=["research@1.0.0"]) == manifest
    assert verify(manifest, accepted=["research@1.0.0"]) == weights


def test_a_model_free_for_use_serves_before_a_newer_one_that_is_not(folder):
    add_model(folder, "face.restore", id="a", version="1.0.0")
    add_model(folder, "face.restore", id="b", version="2.0.0", licence_class="C")
    assert manifest_for("face.restore").id == "a"


def test_two_manifests_of_one_model_are_refused(folder):
    add_model(folder, "face.restore", id="twin")
    first = folder / "manifests" / "twin-1.0.0.toml"
    (folder / "manifests" / "again.toml").write_text(first.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ModelError, match=r"again\.toml"):
        find_manifests()


def test_intact_weights_come_back_byte_for_byte(folder):
    content = brighter_model(2.0)
    add_model(folder, "face.restore", content=content)
    assert read_weights(find_manifests()[0]) == content


@pytest.mark.parametrize("position", [0, 40, -1])
def test_one_flipped_bit_is_refused_before_anything_parses_the_file(folder, position, monkeypatch):
    weights = add_model(folder, "face.restore")
    content = bytearray(weights.read_bytes())
    content[position] ^= 1
    weights.write_bytes(content)
    monkeypatch.setattr(
        catalogue, "refuse_external_data", lambda *_: pytest.fail("parsed before it was verified")
    )
    with pytest.raises(ModelError, match="not the ones its manifest pins") as caught:
        verify(find_manifests()[0])
    assert caught.value.code == "model.hash"


def test_missing_weights_are_named(folder):
    weights = add_model(folder, "face.restore")
    weights.unlink()
    with pytest.raises(ModelError, match=weights.name) as caught:
        verify(find_manifests()[0])
    assert caught.value.code == "model.missing"


def test_a_link_out_of_the_model_folder_is_refused(folder, tmp_path):
    weights = add_model(folder, "face.restore")
    weights.rename(tmp_path / "elsewhere.onnx")
    weights.symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(ModelError, match="link"):
        verify(find_manifests()[0])


@pytest.mark.parametrize("place", ["initializer", "constant", "branch", "function"])
def test_weights_in_another_file_are_refused_wherever_the_graph_hides_them(folder, place):
    add_model(folder, "face.restore", content=external_model(place))
    with pytest.raises(ModelError, match="other files") as caught:
        verify(find_manifests()[0])
    assert caught.value.code == "model.external"

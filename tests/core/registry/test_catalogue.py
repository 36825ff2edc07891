"""Laws of the catalogue: which model serves a task, and what is refused before anything parses it."""

import os

import pytest

from faceplate.registry import catalogue
from faceplate.registry.catalogue import (
    check_weights,
    chosen_manifests,
    find_manifests,
    find_weights,
    has_model,
    manifest_for,
    manifest_named,
    read_weights,
    verify,
)
from faceplate_client.errors import ModelError, RequestError
from tests.support.model_folder import add_model, brighter_model, external_model


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


def unship(folder, weights, source='"https://example.org/model.onnx"'):
    """Turn a model into one that is fetched: its manifest says from where, its weights are not here."""
    manifest = folder / "manifests" / f"{weights.stem}.toml"
    words = manifest.read_text(encoding="utf-8")
    manifest.write_text(words.replace("[input]", f"source = {source}\n[input]"), encoding="utf-8")
    content = weights.read_bytes()
    weights.unlink()
    return content


def test_a_model_that_was_not_fetched_serves_nothing_and_says_how_to_fetch_it(folder):
    add_model(folder, "face.restore", id="ours", version="1.0.0")
    unship(folder, add_model(folder, "face.restore", id="theirs", version="9.0.0"))
    assert manifest_for("face.restore").id == "ours"
    with pytest.raises(ModelError, match="models pull theirs") as caught:
        check_weights(manifest_named("theirs"))
    assert caught.value.code == "model.missing"


def test_fetched_weights_are_found_in_the_users_own_folder(folder, data):
    content = unship(folder, add_model(folder, "face.restore", id="theirs"))
    manifest = manifest_named("theirs")
    assert find_weights(manifest) is None and not has_model("face.restore")
    own = data / "models" / manifest.weights.file
    own.parent.mkdir(parents=True)
    own.write_bytes(content)
    assert find_weights(manifest) == own
    assert read_weights(manifest) == content and manifest_for("face.restore") == manifest


def test_weights_without_a_known_hash_are_never_loaded(folder):
    weights = add_model(folder, "face.restore", id="theirs")
    content = unship(folder, weights)
    weights.write_bytes(content)
    manifest = folder / "manifests" / f"{weights.stem}.toml"
    lines = [line for line in manifest.read_text().splitlines() if not line.startswith("sha256")]
    manifest.write_text("\n".join(lines))
    with pytest.raises(ModelError, match="import FILE --like theirs") as caught:
        read_weights(manifest_named("theirs"))
    assert caught.value.code == "model.unpinned"


def test_what_somebody_accepted_does_not_become_the_default(folder, tmp_path, monkeypatch):
    add_model(folder, "face.restore", id="research", version="9.0.0", licence_class="C")
    add_model(tmp_path / "other", "face.restore", id="free", version="1.0.0")
    monkeypatch.setenv("FACEPLATE_MODELS", os.pathsep.join([str(folder), str(tmp_path / "other")]))
    assert manifest_for("face.restore", accepted=["research@9.0.0"]).id == "free"


def test_a_model_is_named_by_its_id_or_its_version(folder):
    for version in ("1.0.0", "2.0.0"):
        add_model(folder, "face.restore", id="restorer", version=version)
    assert manifest_named("restorer").version == "2.0.0"
    assert manifest_named("restorer@1.0.0").version == "1.0.0"
    with pytest.raises(ModelError, match=r"restorer@2\.0\.0"):
        manifest_named("restorer@3.0.0")


def test_models_chosen_by_name_may_not_compete(folder):
    add_model(folder, "face.restore", id="one")
    add_model(folder, "face.restore", id="two")
    add_model(folder, "face.detect", id="finder")
    assert {task: m.id for task, m in chosen_manifests(["two", "finder"]).items()} == {
        "face.restore": "two",
        "face.detect": "finder",
    }
    with pytest.raises(RequestError, match=r"one@1\.0\.0 and two@1\.0\.0"):
        chosen_manifests(["one", "two"])

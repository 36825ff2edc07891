"""Laws of importing: the user's file is copied whole and pinned, and claims nothing that nobody checked."""

import pickle
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.registry.bring import as_toml, bring
from faceplate.registry.catalogue import find_manifests, manifest_for, manifest_named, read_weights
from faceplate_client.errors import ModelError, RequestError
from tests.support.model_folder import add_model, brighter_model

FILE = brighter_model(4.0)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "Some GFPGAN (v1.4).onnx"
    path.write_bytes(FILE)
    return path


@pytest.fixture
def like(folder):
    add_model(folder, "face.restore", id="known", version="2.0.0", licence_class="C", template="ffhq_512")
    return manifest_named("known")


def test_an_imported_model_is_like_the_known_one_with_its_own_hash(file, like, data):
    made = bring(file, like, data / "models")
    assert made.name == "some-gfpgan-v1.4@2.0.0"
    assert (made.task, made.input, made.licence_class) == (like.task, like.input, "C")
    assert made.weights.sha256 != like.weights.sha256 and made.shipped
    assert read_weights(manifest_named(made.id), accepted=[made.name]) == FILE
    assert "like" in made.card and made.card["evidence"] is False


def test_it_can_be_asked_for_and_does_not_serve_by_itself(file, like, folder, data):
    add_model(folder, "face.restore", id="ours", version="1.0.0")
    bring(file, like, data / "models", id="mine", version="9.0.0", licence="CC0-1.0", licence_class="A")
    assert manifest_named("mine").version == "9.0.0"
    assert manifest_for("face.restore").id == "ours"


def test_to_import_twice_is_to_import_once(file, like, data):
    first = bring(file, like, data / "models")
    assert bring(file, like, data / "models") == first
    assert len(find_manifests()) == 2


def test_a_taken_name_is_not_taken_over(file, like, data, tmp_path):
    bring(file, like, data / "models", id="mine")
    other = tmp_path / "other.onnx"
    other.write_bytes(brighter_model(5.0))
    for id, version in (("mine", ""), ("known", "2.0.0")):
        with pytest.raises(RequestError, match="already"):
            bring(other, like, data / "models", id=id, version=version)
    assert read_weights(manifest_named("mine"), accepted=["mine@2.0.0"]) == FILE


def test_the_very_file_that_a_manifest_pins_becomes_that_model(folder, data, tmp_path):
    weights = add_model(folder, "face.restore", id="known", licence_class="C", content=FILE)
    words = weights.parents[1] / "manifests" / "known-1.0.0.toml"
    words.write_text(words.read_text().replace("[input]", 'source = "a pack of theirs"\n[input]'))
    weights.rename(tmp_path / "renamed.onnx")
    known = manifest_named("known")
    assert bring(tmp_path / "renamed.onnx", known, data / "models") == known
    assert read_weights(known, accepted=[known.name]) == FILE
    assert len(find_manifests()) == 1


def test_what_is_like_ours_is_not_therefore_free(file, folder, data):
    add_model(folder, "face.restore", id="ours")
    for words in ({}, {"licence": "MIT"}, {"licence_class": "A"}):
        with pytest.raises(RequestError, match="--licence and its --class"):
            bring(file, manifest_named("ours"), data / "models", **words)
    made = bring(file, manifest_named("ours"), data / "models", licence="MIT", licence_class="B")
    assert (made.licence, made.licence_class) == ("MIT", "B")


def test_a_pickle_is_not_imported(like, data, tmp_path):
    path = tmp_path / "model.pth"
    path.write_bytes(pickle.dumps({}))
    with pytest.raises(ModelError) as caught:
        bring(path, like, data / "models")
    assert caught.value.code == "model.pickle"
    assert not data.exists()


def test_a_file_for_another_runtime_is_not_like_it(like, data, tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes((2).to_bytes(8, "little") + b"{}")
    with pytest.raises(ModelError) as caught:
        bring(path, like, data / "models")
    assert caught.value.code == "model.runtime"


@pytest.mark.parametrize(
    ("words", "named"),
    [({"id": "My Model"}, "--id"), ({"version": "1.2"}, "--version"), ({"licence_class": "D"}, "--class")],
)
def test_words_that_a_manifest_cannot_hold_are_refused(file, like, data, words, named):
    with pytest.raises(RequestError, match=named):
        bring(file, like, data / "models", **words)
    assert not data.exists()


WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
VALUES = st.one_of(
    WORDS, st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)
)


@given(
    st.dictionaries(
        st.sampled_from(["weights", "input", "output", "terms", "card"]),
        st.dictionaries(
            WORDS,
            st.one_of(VALUES, st.lists(VALUES, max_size=3), st.dictionaries(WORDS, VALUES, max_size=2)),
            max_size=3,
        ),
    ),
    WORDS,
)
def test_a_written_manifest_reads_back_the_same(tables, word):
    facts = {"id": word, **tables}
    assert tomllib.loads(as_toml(facts)) == facts

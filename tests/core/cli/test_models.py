"""`models pull|import|accept` and `restore --model`: a model of others, from its manifest to a restored plate."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from faceplate.reconstruct.flame import read_flame
from faceplate.registry.catalogue import find_manifests
from tests.core.cli.conftest import ROOT, names_in, pixels_of, report_lines, write_png
from tests.support.flame import pickled, small_rig
from tests.support.foreign_models import FORMS, add_foreign, foreign_detector, foreign_restorer
from tests.support.model_folder import brighter_model

DARK = foreign_restorer(256, gains=(1.0, 1.0, 1.0), weight=True)


@pytest.fixture
def studio(tmp_path, pack, monkeypatch):
    """A model folder with the stubs, a restorer of class C that was not fetched, and a mirror that has its file."""
    folder, mirror = tmp_path / "studio", tmp_path / "mirror"
    shutil.copytree(pack, folder)
    add_foreign(
        folder,
        "face.restore",
        DARK,
        adapter="picture",
        id="theirs",
        input={
            "shape": "1 3 256 256", "range": [-1.0, 1.0], "template": "ffhq_512", "fixed": {"weight": 0.0}
        },
        output={"range": [-1.0, 1.0]},
        **{"class": "C", "licence": "LicenseRef-research"},
    )  # fmt: skip
    manifest = folder / "manifests" / "theirs.toml"
    manifest.write_text(
        manifest.read_text().replace('runtime = "onnx"', 'runtime = "onnx"\nsource = "a pack of theirs"')
    )
    mirror.mkdir()
    shutil.move(folder / "open" / "theirs.onnx", mirror / "theirs.onnx")
    monkeypatch.setenv("FACEPLATE_MODELS", str(folder))
    monkeypatch.setenv("FACEPLATE_DATA", str(tmp_path / "data"))
    return mirror


@pytest.fixture
def licence(tmp_path):
    path = tmp_path / "LICENCE"
    path.write_text("For research only.")
    return path


def accepted(faceplate, studio, licence):
    assert faceplate("models", "pull", "theirs", "--from", studio)[0] == 0
    assert faceplate("models", "accept", "theirs", "--text", licence, "--by", "Ada", "--yes")[0] == 0


def test_a_model_of_others_goes_from_mirror_to_plate(faceplate, studio, licence, tmp_path):
    write_png(tmp_path / "in" / "a.png")
    words = (
        "restore",
        tmp_path / "in",
        "-o",
        tmp_path / "out",
        "--quiet",
        "--model",
        "theirs",
        "--report",
        tmp_path / "r.jsonl",
    )
    code, _, complained = faceplate(*words)
    assert code == 77 and "faceplate models accept theirs" in complained and complained.count("\n") == 1
    assert not (tmp_path / "out").exists()
    code, said, _ = faceplate("models", "pull", "theirs", "--from", studio)
    assert code == 0 and "then `faceplate models accept theirs`" in said
    assert faceplate("models", "accept", "theirs", "--text", licence, "--by", "Ada", "--yes")[0] == 0
    assert faceplate(*words)[0] == 0
    line = report_lines(tmp_path / "r.jsonl")[0]
    assert line["faces"][0]["side"] == 256
    noise = [
        np.abs(np.diff(pixels_of(tmp_path / folder / "a.png")["G"][44:52, 60:68])).mean()
        for folder in ("in", "out")
    ]
    assert noise[1] < 0.75 * noise[0], "a weight of 0 makes the face even"


def test_a_policy_forbids_what_was_accepted(faceplate, studio, licence, tmp_path, monkeypatch):
    accepted(faceplate, studio, licence)
    write_png(tmp_path / "in" / "a.png")
    words = ("restore", tmp_path / "in", "-o", tmp_path / "out", "--quiet", "--model", "theirs", "--json")
    code, said, _ = faceplate(*words, "--policy", "A")
    assert (code, json.loads(said)["error"]["code"]) == (77, "model.policy")
    monkeypatch.setenv("FACEPLATE_POLICY", "A")
    assert faceplate(*words, "--policy", "C")[0] == 77
    assert faceplate("analyse", tmp_path / "in", "-o", tmp_path / "shot.json", "--model", "theirs")[0] == 77
    assert faceplate("restore", tmp_path / "in", "-o", tmp_path / "out", "--quiet")[0] == 0


def test_another_detector_finds_other_faces(faceplate, studio, tmp_path):
    folder = tmp_path / "studio"
    add_foreign(
        folder,
        "face.detect",
        foreign_detector("yunet"),
        adapter="yunet",
        id="seer",
        input=FORMS["yunet"]["input"],
        version="0.9.0",  # older than the stub: it serves only where it is asked for
    )
    write_png(tmp_path / "in" / "green.png")
    words = ("restore", tmp_path / "in", "-o", tmp_path / "out", "--json")
    assert json.loads(faceplate(*words)[1])["no_face"] == 0
    code, said, _ = faceplate(*words, "--overwrite", "--model", "seer")
    assert (code, json.loads(said)["no_face"]) == (0, 1), "it takes red for a face, and there is none"


def test_what_another_model_made_is_not_taken_for_done(faceplate, studio, licence, tmp_path):
    accepted(faceplate, studio, licence)
    write_png(tmp_path / "in" / "a.png")
    words = ("restore", tmp_path / "in", "-o", tmp_path / "out", "--json", "--resume")
    assert json.loads(faceplate(*words)[1])["resumed"] == 0
    assert json.loads(faceplate(*words)[1])["resumed"] == 1
    assert json.loads(faceplate(*words, "--model", "theirs")[1])["resumed"] == 0
    manifest = tmp_path / "studio" / "manifests" / "theirs.toml"
    manifest.write_text(manifest.read_text().replace("weight = 0.0", "weight = 0.5"))
    assert json.loads(faceplate(*words, "--model", "theirs")[1])["resumed"] == 0


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["nobody"], "no model nobody"),
        (["theirs", "crisper"], "choose one"),
        (["raft-small"], "not needed here"),
    ],
)
def test_a_model_that_makes_no_sense_is_refused(faceplate, studio, tmp_path, names, words):
    write_png(tmp_path / "in" / "a.png")
    asked = [word for name in names for word in ("--model", name)]
    code, _, complained = faceplate("restore", tmp_path / "in", "-o", tmp_path / "out", *asked)
    assert code in (64, 65) and words in complained


def test_a_licence_is_not_accepted_by_a_script_that_did_not_say_so(faceplate, studio, licence, tmp_path):
    code, _, complained = faceplate("models", "accept", "theirs")
    assert code == 64 and "a pack of theirs" in complained and "--text FILE" in complained
    code, _, complained = faceplate("models", "accept", "theirs", "--text", licence)
    assert code == 64 and "--yes" in complained
    assert not (tmp_path / "data").exists()


def test_an_acceptance_can_be_read_and_taken_back(faceplate, studio, licence):
    accepted(faceplate, studio, licence)
    told = json.loads(faceplate("models", "list", "--json")[1])["models"]
    facts = next(model for model in told if model["id"] == "theirs")
    assert facts["present"] and facts["permitted"]
    said = json.loads(faceplate("models", "accept", "theirs", "--withdraw", "--json")[1])
    assert said == {"model": "theirs@1.0.0", "accepted": None}
    assert "not accepted" in faceplate("models", "card", "theirs")[1]


def test_a_mirror_is_made_and_read_in_place(faceplate, studio, licence, tmp_path, monkeypatch):
    made = tmp_path / "made"
    assert faceplate("models", "pull", "theirs", "--from", studio, "--to", made)[0] == 0
    assert names_in(made) == ["manifests/theirs.toml", "open/theirs.onnx"]
    monkeypatch.setenv("FACEPLATE_MODELS", str(made))
    assert faceplate("models", "verify", "theirs")[0] == 0
    code, said, _ = faceplate("models", "pull", "theirs", "--json")
    assert (code, json.loads(said)["models"][0]["origin"]) == (0, str(made / "open" / "theirs.onnx"))


def test_a_file_is_imported_and_named(faceplate, studio, tmp_path):
    path = tmp_path / "Mine.onnx"
    path.write_bytes(brighter_model(1.0))
    code, _, complained = faceplate("models", "import", path, "--like", "crisper")
    assert code == 64 and "--licence" in complained
    words = ("--licence", "MIT", "--class", "A", "--json")
    code, said, _ = faceplate("models", "import", path, "--like", "crisper", *words)
    assert (code, json.loads(said)["id"]) == (0, "mine")
    write_png(tmp_path / "in" / "a.png")
    assert faceplate("restore", tmp_path / "in", "-o", tmp_path / "out", "--quiet", "--model", "mine")[0] == 0


def test_a_pickle_is_refused_on_the_command_line(faceplate, studio, tmp_path):
    path = tmp_path / "GFPGANv1.4.pth"
    path.write_bytes(b"PK\x03\x04")
    code, said, _ = faceplate("models", "import", path, "--like", "gfpgan-torch", "--json")
    assert (code, json.loads(said)["error"]["code"]) == (65, "model.pickle")


def test_what_nobody_could_verify_is_not_fetched(faceplate, studio):
    code, said, _ = faceplate("models", "pull", "retinaface", "--json")
    assert (code, json.loads(said)["error"]["code"]) == (65, "model.unpinned")


def test_what_is_shipped_needs_no_fetching(faceplate, studio):
    code, _, complained = faceplate("models", "pull", "crisper")
    assert code == 64 and "nothing to fetch" in complained


def test_models_that_were_not_fetched_are_no_failure(faceplate, studio):
    code, said, _ = faceplate("models", "verify")
    assert code == 0 and "not fetched" in said and "theirs" in said
    assert faceplate("models", "verify", "theirs")[0] == 65
    assert "not fetched" in faceplate("doctor")[1]


def test_every_model_of_others_tells_its_licence_and_where_it_comes_from(studio):
    """The repository's own list: nothing of class A is fetched, nothing of others lacks terms or a card."""
    theirs = [m for m in find_manifests() if m.folder == ROOT / "models" and m.adapter]
    assert len(theirs) >= 10
    for manifest in theirs:
        assert manifest.licence_class in "BC" and not manifest.shipped, manifest.name
        assert manifest.terms.source and manifest.weights.file.startswith("fetched/"), manifest.name
        assert {"authors", "data", "hash", "measured", "weak_at", "evidence"} <= manifest.card.keys(), (
            manifest.name
        )
        assert manifest.weights.sha256 or not manifest.weights.address, manifest.name


# ------------------------------------------------------------ FLAME


@pytest.fixture
def flame(studio, tmp_path):
    """A file in FLAME's form as its authors give it, and the manifest of FLAME in a model folder."""
    shutil.copy(ROOT / "models" / "manifests" / "flame.toml", tmp_path / "studio" / "manifests")
    path = tmp_path / "generic_model.pkl"
    path.write_bytes(pickled(small_rig(), 2))
    return path


def test_flame_is_imported_without_its_pickle_and_wants_its_licence_read(faceplate, flame, licence, tmp_path):
    code, said, told = faceplate("models", "import", flame, "--like", "flame", "--json")
    assert code == 0, told
    facts = json.loads(said)
    assert (facts["id"], facts["task"], facts["class"]) == ("generic-model", "head.flame", "C")
    assert facts["present"] and not facts["permitted"]
    model = read_flame(Path(facts["weights"]))
    np.testing.assert_allclose(model.template, small_rig()["v_template"] * 1000, rtol=1e-5)
    assert not list((tmp_path / "data").rglob("*.pkl"))
    code, _, told = faceplate("reconstruct", "a.png", "-o", tmp_path / "a.glb", "--flame", "generic-model")
    assert code == 77 and "faceplate models accept generic-model" in told
    assert faceplate("models", "accept", "generic-model", "--text", licence, "--by", "Ada", "--yes")[0] == 0
    assert faceplate("models", "verify", "generic-model")[0] == 0


def test_a_flame_that_would_run_something_is_refused(faceplate, flame, tmp_path):
    class Trap:
        def __reduce__(self):
            return (exec, ("raise SystemError('a pickle was loaded')",))

    flame.write_bytes(pickle.dumps(small_rig() | {"f": Trap()}))
    code, _, told = faceplate("models", "import", flame, "--like", "flame")
    assert code == 65 and "builtin" in told and "nothing of it was run" in told
    assert not list((tmp_path / "data").rglob("*.npz"))


def test_what_is_no_flame_is_told(faceplate, flame, tmp_path):
    code, _, told = faceplate("reconstruct", "a.png", "-o", tmp_path / "a.glb", "--flame", "theirs")
    assert code == 64 and "is a model for face.restore and no FLAME" in told

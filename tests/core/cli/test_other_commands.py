"""`models`, `doctor`, `--version`: what they say, in words and in JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import faceplate as package

CORE = Path(package.__file__).parents[1]


def test_the_version_is_the_packages(capsys):
    from faceplate.cli.__main__ import main

    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out.strip() == f"faceplate {package.__version__}"


def test_the_models_are_listed(faceplate, pack):
    code, said, _ = faceplate("models", "list")
    assert code == 0
    for name in ("finder@1.0.0", "crisper@1.0.0", "mean-colour@1.0.0", str(pack)):
        assert name in said
    told = json.loads(faceplate("models", "list", "--json")[1])
    assert told["folders"][0] == str(pack)
    assert {"finder", "crisper", "mean-colour"} <= {model["id"] for model in told["models"]}
    assert all(model["present"] for model in told["models"] if model["id"] == "finder")


def test_a_card_says_licence_input_and_origin(faceplate):
    code, said, _ = faceplate("models", "card", "crisper")
    assert code == 0
    assert "CC0-1.0, class A" in said and "ffhq_512" in said and "sha256" in said


def test_an_unknown_model_names_those_there_are(faceplate):
    code, _, complained = faceplate("models", "card", "crispr")
    assert code == 65 and "crisper@1.0.0" in complained


def test_intact_weights_verify_and_damaged_ones_do_not(faceplate, tmp_path, pack, monkeypatch):
    assert faceplate("models", "verify", "finder", "crisper")[0] == 0
    import shutil

    shutil.copytree(pack, tmp_path / "pack")
    monkeypatch.setenv("FACEPLATE_MODELS", str(tmp_path / "pack"))
    weights = tmp_path / "pack" / "open" / "finder-1.0.0.onnx"
    weights.write_bytes(weights.read_bytes() + b"\0")
    code, said, _ = faceplate("models", "verify", "finder", "crisper", "--json")
    assert code == 65
    assert [(m["model"], m["ok"], m.get("code")) for m in json.loads(said)["models"]] == [
        ("finder@1.0.0", False, "model.hash"),
        ("crisper@1.0.0", True, None),
    ]


def test_the_doctor_finds_what_restore_needs(faceplate):
    code, said, _ = faceplate("doctor", "--json")
    told = json.loads(said)
    assert (code, told["problems"]) == (0, [])
    assert told["devices"]["auto"].startswith("takes ")
    assert told["codecs"]["H.264"] in ("yes", "no")
    assert told["models"]["crisper@1.0.0"].endswith("intact")
    assert "Everything that restore needs is here" in faceplate("doctor")[1]


def test_the_doctor_names_a_problem_and_goes_on(faceplate, monkeypatch, tmp_path):
    monkeypatch.setenv("FACEPLATE_MODELS", str(tmp_path))
    code, said, _ = faceplate("doctor")
    assert code == 65
    assert "PROBLEM in models" in said and str(tmp_path) in said and "one frame" in said


@pytest.mark.parametrize("words", [[], ["paint"], ["models"], ["models", "steal"]])
def test_a_command_that_is_none_is_a_usage_error(faceplate, words):
    code, _, complained = faceplate(*words)
    assert code == 64 and "--help" in complained and complained.count("\n") == 1


def test_help_and_version_do_not_wait_for_the_nets():
    """A host asks for these while an artist waits: nothing heavy is imported for them."""
    asks = (
        "import sys, contextlib, io; from faceplate.cli.__main__ import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main(['restore', '--help'])\n"
        "sys.exit(' '.join(sys.modules.keys() & {'onnxruntime', 'cv2', 'OpenImageIO', 'PyOpenColorIO', 'av'}) or 0)"
    )
    told = subprocess.run([sys.executable, "-c", asks], cwd=CORE, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")

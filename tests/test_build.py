"""build.py finds the right Python, installs only when something changed, and says in a sentence what it needs."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def build(tmp_path, monkeypatch):
    """build.py as a module that believes the checkout is an empty folder."""
    spec = importlib.util.spec_from_file_location("build_script", ROOT / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    core, venv = tmp_path / "core", tmp_path / ".venv"
    core.mkdir()
    (core / "pyproject.toml").write_text("one")
    (core / "constraints.txt").write_text("two")
    for name, value in {
        "ROOT": tmp_path, "CORE": core, "VENV": venv, "STAMP": venv / "installed.txt",
        "PYTHON": venv / "bin" / "python", "COMMAND": venv / "bin" / "faceplate",
    }.items():  # fmt: skip
        monkeypatch.setattr(module, name, value)
    return module


@pytest.fixture
def installs(build, monkeypatch):
    """What pip was asked for; a pip that always succeeds stands in for the real one."""
    asked = []

    def stand_in(extras):
        asked.append(sorted(extras))
        build.COMMAND.parent.mkdir(parents=True, exist_ok=True)
        build.COMMAND.touch()
        return True

    monkeypatch.setattr(build, "make_venv", lambda: build.VENV.mkdir(exist_ok=True))
    monkeypatch.setattr(build, "install", stand_in)
    return asked


def interpreter(folder, name, says):
    """A stand-in on PATH that prints what a Python's version question would print."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    return path


def test_it_runs_on_the_oldest_python_that_may_start_it():
    import ast

    ast.parse((ROOT / "build.py").read_text(encoding="utf-8"), feature_version=(3, 9))


def test_it_needs_the_standard_library_alone():
    told = subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "build.py", "--help"], capture_output=True, text=True
    )
    assert told.returncode == 0
    for verb in ("demo", "test", "check", "dist", "models"):
        assert f"build.py {verb}" in told.stdout


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
def test_a_shim_that_does_not_run_is_passed_over(build, tmp_path, monkeypatch):
    interpreter(tmp_path, "python3.11", "echo not found >&2; exit 127")
    good = interpreter(tmp_path, "python3", "echo 3 11")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(build.sys, "version_info", (3, 13, 0))
    assert build.find_python() == str(good)


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
def test_without_python_3_11_it_says_so(build, tmp_path, monkeypatch):
    interpreter(tmp_path, "python3", "echo 3 13")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(build.sys, "version_info", (3, 13, 0))
    with pytest.raises(build.BuildError, match=r"needs Python 3\.11"):
        build.find_python()


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
def test_an_environment_of_another_python_is_not_touched(build):
    build.PYTHON.parent.mkdir(parents=True)
    interpreter(build.PYTHON.parent, "python", "echo 3 10")
    with pytest.raises(build.BuildError, match=r"but 3\.10\. Delete"):
        build.make_venv()
    assert sorted(path.name for path in build.VENV.rglob("*")) == ["bin", "python"]


def test_setting_up_twice_installs_once(build, installs):
    build.set_up(("demo", "test"))
    build.set_up(("demo", "test"))
    assert installs == [["demo", "test"]]


def test_a_verb_that_needs_more_installs_more(build, installs):
    build.set_up(("demo", "test"))
    build.set_up(("demo", "test", "train"))
    build.set_up(("demo", "test"))
    assert installs == [["demo", "test"], ["train"]]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_pin_installs_again(build, installs, name):
    build.set_up(("test",))
    (build.CORE / name).write_text("three")
    build.set_up(("test",))
    assert installs == [["test"], ["test"]]


def test_a_failed_install_leaves_no_stamp(build, installs, monkeypatch):
    monkeypatch.setattr(build, "install", lambda extras: False)
    with pytest.raises(build.BuildError, match="package index"):
        build.set_up(("test",))
    assert not build.STAMP.exists()


def test_without_torch_the_rest_is_still_set_up(build, installs, monkeypatch, capsys):
    works = build.install
    monkeypatch.setattr(build, "install", lambda extras: "train" not in extras and works(extras))
    build.set_up(("test", "train"))
    assert build.installed_extras() == {"test"}
    assert "will skip" in capsys.readouterr().out


def test_every_extra_it_asks_for_exists():
    import tomllib

    facts = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text(encoding="utf-8"))
    offered = facts["project"]["optional-dependencies"]
    spec = importlib.util.spec_from_file_location("build_script", ROOT / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    asked = {
        *module.BASE_EXTRAS,
        *module.OPTIONAL_EXTRAS,
        *(e for es in module.VERB_EXTRAS.values() for e in es),
    }
    assert asked <= offered.keys()


def test_every_package_that_is_installed_is_pinned():
    """Requirements give ranges; what was tested stands in the constraints."""
    import re
    import tomllib

    facts = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *facts["dependencies"],
        *(r for n, e in facts["optional-dependencies"].items() if n != "gpu" for r in e),
    ]
    names = {re.split(r"[\[<>=~! ]", requirement)[0].lower() for requirement in wanted} - {"faceplate"}
    pins = (ROOT / "core" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert names <= {pin.split("==")[0].lower() for pin in pins if "==" in pin}


def test_measuring_the_nets_wants_the_photos(build, monkeypatch, tmp_path):
    ran = []
    monkeypatch.setattr(build, "run", lambda *words: ran.append(words) or 0)
    assert build.models([]) == 0 and len(ran) == 1
    with pytest.raises(build.BuildError, match="--shared DIR"):
        build.models(["--evaluate", "--shared", str(tmp_path / "nowhere")])


def test_every_shipped_net_that_has_a_measure_is_measured(build, monkeypatch):
    monkeypatch.setattr(build, "ROOT", ROOT)
    steps = build.evaluations(ROOT)
    for shipped in (ROOT / "models" / "open").glob("*.onnx"):
        assert any(title.startswith(shipped.stem.rsplit("-", 1)[0]) for title, _ in steps), shipped.name
    for _, words in steps:
        if words[0] == "-m":
            assert importlib.util.find_spec(words[1]) is not None
        else:
            assert (ROOT / words[0]).is_file()


def test_train_starts_the_recipe_of_a_net_with_its_words(build, monkeypatch, tmp_path):
    started = []
    monkeypatch.setattr(build, "CORE", ROOT / "core")
    monkeypatch.setattr(build, "run", lambda *words: started.append([str(word) for word in words]) or 0)
    words = ["train", "reconstruct", "--finetune", "people", "--freeze-trunk", "--shared"]
    asked, rest = build.read_words([*words, str(tmp_path)])
    assert asked.verb == "train" and build.VERBS["train"](rest) == 0
    module, *words = started[0][2:]
    assert module == "faceplate_training.reconstruct_face.train"
    assert words[:4:2] == ["--shared", "--out"] and words[3].endswith(os.path.join("training", "reconstruct"))
    assert words[4:] == ["--finetune", "people", "--freeze-trunk"]


def test_train_wants_the_photos(build, monkeypatch, tmp_path):
    monkeypatch.setattr(build, "CORE", ROOT / "core")
    with pytest.raises(build.BuildError, match=r"photos to train on.*--shared DIR"):
        build.train(["restore", "--shared", str(tmp_path / "nowhere")])


def test_train_names_the_nets_there_are(build, monkeypatch, capsys):
    monkeypatch.setattr(build, "CORE", ROOT / "core")
    with pytest.raises(SystemExit):
        build.train(["faces"])
    told = capsys.readouterr().err
    assert all(net in told for net in ("detect", "identity", "parse", "quality", "restore", "upscale"))

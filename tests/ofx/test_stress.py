"""The host's C++ core without Python, under the load of a busy host: threads, instances, aborts, lives.

Under ofx_bridge/host/sanitised.py every line of the program, the host and the bundle is instrumented.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from faceplate.ofx_host.bundles import binary_of
from tests.support.cplusplus import ROOT, compiled
from tests.support.engines import engine_in
from tests.support.ofx_faces import RESTORE, STEADY, Faces
from tests.support.ofx_hosting import COPY, SANITISED, built_bundle, shares_its_child

HOST = ROOT / "ofx_bridge" / "host"


@pytest.fixture(scope="module")
def program() -> Path:
    """The program, compiled here, or by the sanitised run that this is part of."""
    if SANITISED:
        return Path(os.environ["OFX_BUILD_FOLDER"]) / "stress"
    core = [path for path in sorted((HOST / "src").glob("*.cpp")) if path.name != "bindings.cpp"]
    return compiled("stress", HOST / "stress" / "stress.cpp", *core, flags=("-pthread",))


def stressed(program: Path, bundle: str, identifier: str, **environment: str) -> tuple[int, str]:
    """Four threads, two instances, 25 frames each: exit code and what was said.

    Leaks are looked for here: nothing of Python's is in the process.
    """
    kept = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    if "ASAN_OPTIONS" in kept:
        kept["ASAN_OPTIONS"] = kept["ASAN_OPTIONS"].replace("detect_leaks=0", "detect_leaks=1")
    words = [program, binary_of(built_bundle(bundle)), identifier, "4", "2", "25"]
    told = subprocess.run(words, env={**kept, **environment}, capture_output=True, text=True, timeout=300)
    return told.returncode, told.stdout + told.stderr


@pytest.mark.slow
def test_a_trivial_effect_under_load(program):
    code, said = stressed(program, "Testing", COPY)
    assert code == 0 and said.startswith("100 rendered") and said.endswith(" 0 wrong\n"), said


@pytest.mark.slow
@pytest.mark.parametrize("identifier", [RESTORE, STEADY])
def test_an_effect_of_ours_under_load(program, tmp_path, identifier):
    faces = Faces()
    with engine_in(tmp_path, **faces.work):
        code, said = stressed(program, "Faceplate", identifier, FACEPLATE_RUNTIME=str(tmp_path))
    assert code == 0 and said.startswith("100 rendered") and said.endswith(" 0 wrong\n"), said
    interrupted, lives = map(int, re.findall(r"(\d+) (?:interrupted|came and went)", said))
    assert interrupted > 0 and lives > 0
    assert len(faces.asked) > 100, "every one of them was asked for"


@pytest.mark.slow
@shares_its_child
def test_without_an_engine_the_program_says_what_the_effect_said(program, tmp_path):
    """That the load is real: it fails where nothing can be rendered."""
    os.chmod(tmp_path, 0o700)
    nobody = {"FACEPLATE_RUNTIME": str(tmp_path), "FACEPLATE_ENGINE": str(tmp_path / "nobody")}
    code, said = stressed(program, "Faceplate", RESTORE, **nobody)
    assert code == 1 and "FACEPLATE_ENGINE" in said

"""A Python that has Blender in it (bpy), in an environment of its own: bpy wants a numpy older than ours."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from faceplate.reconstruct.albedo import read_albedo
from faceplate.reconstruct.head_file import read_head
from faceplate.registry.catalogue import manifest_for, read_weights
from tests.support.head_clip import Acted, picture_of

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(__file__).resolve().parent / "scripts"
SIZE, LENS = 480, 70.0


@pytest.fixture(scope="session")
def blender_python() -> Path:
    """The Python of `build/blender-venv`, or the one that FACEPLATE_BLENDER_PYTHON names."""
    told = os.environ.get("FACEPLATE_BLENDER_PYTHON")
    python = Path(told) if told else ROOT / "build" / "blender-venv" / "bin" / "python"
    if not python.exists():
        pytest.skip(
            "no Python with bpy is here: docs/blender.md says how to make build/blender-venv "
            "(python3.11, `pip install bpy==4.5.15 'numpy<2'`)"
        )
    return python


@pytest.fixture(scope="session")
def extension(tmp_path_factory) -> Path:
    """The extension as it is shipped."""
    archive = tmp_path_factory.mktemp("extension") / "faceplate_blender.zip"
    subprocess.run(
        [sys.executable, ROOT / "blender_addon" / "pack.py", archive], check=True, capture_output=True
    )
    return archive


@pytest.fixture(scope="session")
def package(extension, tmp_path_factory) -> Path:
    """The folder that holds the unpacked add-on as the package `faceplate_addon`, as an extension is a package."""
    folder = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(extension) as archive:
        archive.extractall(folder / "faceplate_addon")
    return folder


@pytest.fixture(scope="session")
def photo(tmp_path_factory) -> Path:
    """A picture and, beside it, the points of a head that is known in it."""
    if not any((ROOT / "models" / "open").glob("faceplate-head-*.npz")):
        pytest.skip("models/open holds no faceplate-head: its recipe is core/faceplate_training/head_model")
    head = read_head(read_weights(manifest_for("head.model")))
    albedo = read_albedo(read_weights(manifest_for("head.albedo")), head)
    folder = tmp_path_factory.mktemp("photos")
    person = np.random.default_rng(7).normal(size=20) * 0.7
    still = Acted(
        person,
        np.zeros((1, len(head.expressions))),
        np.array([[0.05, 0.2, 0.0]]),
        side=SIZE,
        distance=800.0,
        lens=LENS,
    )
    (folder / "anna.json").write_text(json.dumps(still.points(head, 0).tolist()))
    pixels = picture_of(head, albedo, still, 0)
    file = oiio.ImageOutput.create(str(folder / "anna.png"))
    assert file is not None and file.open(str(folder / "anna.png"), oiio.ImageSpec(SIZE, SIZE, 3, "uint8"))
    assert file.write_image(pixels) and file.close()
    return folder / "anna.png"


@pytest.fixture(scope="session")
def inside(blender_python, package, tmp_path_factory) -> Callable[..., dict]:
    """Run one of `scripts/` in Blender's Python and read the JSON it prints last."""

    def run(script: str, *words: object, **settings: str) -> dict:
        environment = {
            **os.environ,
            "PYTHONPATH": str(package),
            "BLENDER_USER_RESOURCES": str(tmp_path_factory.mktemp("user")),
            "FACEPLATE_ENGINE": str(Path(sys.prefix) / "bin" / "faceplate"),
            **settings,
        }
        told = subprocess.run(
            [blender_python, SCRIPTS / script, *map(str, words)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-5000:]
        return json.loads(told.stdout.strip().splitlines()[-1])

    return run

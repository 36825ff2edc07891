"""Plates with green faces, stub models that find green, and the command, in this process or in one of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from faceplate.cli.__main__ import main
from tests.support.model_folder import add_stub_pack

ROOT = Path(__file__).resolve().parents[3]
GREEN = np.array([0.1, 0.9, 0.1], np.float32)


@pytest.fixture(scope="session")
def pack(tmp_path_factory):
    """A model folder with stubs for every task."""
    return add_stub_pack(tmp_path_factory.mktemp("pack"))


@pytest.fixture(autouse=True)
def use_the_stubs(pack, monkeypatch):
    monkeypatch.setenv("FACEPLATE_MODELS", str(pack))


def write_exr(path, *, face=True, size=(192, 144), seed=0, light=1.0):
    """A half EXR with alpha, float depth, extremes in its corner and, if asked, a green face in the middle."""
    width, height = size
    random = np.random.default_rng(seed)
    pixels = random.uniform(0.05, 0.2, (height, width, 5)).astype(np.float32)
    pixels[..., 3] = 1
    pixels[0, :4, :3] = np.array([[-0.5], [60.0], [np.nan], [np.inf]], np.float32)
    if face:
        pixels[60:84, 84:108, :3] = GREEN + random.uniform(-0.1, 0.1, (24, 24, 1))
    pixels[..., :3] *= light
    pixels[..., 4] = random.uniform(1, 1000, (height, width))
    spec = oiio.ImageSpec(width, height, 5, oiio.HALF)
    spec.channelnames = ("R", "G", "B", "A", "Z")
    spec.channelformats = (oiio.HALF, oiio.HALF, oiio.HALF, oiio.HALF, oiio.FLOAT)
    spec.attribute("compression", "zip")
    spec.attribute("shot", "sc042")
    save(path, spec, pixels)


def write_png(path, *, face=True, seed=0):
    random = np.random.default_rng(seed)
    pixels = random.integers(20, 90, (96, 128, 3), np.uint8)
    if face:
        pixels[36:60, 52:76] = np.array([30, 220, 30]) + random.integers(-20, 20, (24, 24, 1))
    save(path, oiio.ImageSpec(128, 96, 3, oiio.UINT8), pixels)


def save(path, spec, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    file = oiio.ImageOutput.create(str(path))
    assert file is not None, oiio.geterror()
    assert file.open(str(path), spec) and file.write_image(pixels) and file.close(), oiio.geterror()


def pixels_of(path, kind="float"):
    """Every channel by name, as float32 bits."""
    file = oiio.ImageInput.open(str(path))
    assert file is not None, oiio.geterror()
    spec, pixels = file.spec(), file.read_image(kind)
    file.close()
    assert pixels is not None, oiio.geterror()
    return {name: np.ascontiguousarray(pixels[..., place]) for place, name in enumerate(spec.channelnames)}


def bits_of(path):
    return {name: channel.view(np.uint32).tolist() for name, channel in pixels_of(path).items()}


def names_in(folder):
    """Every file under a folder, hidden ones included."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def plates(tmp_path):
    """Six frames, 1001-1006, of which 1003 has no face."""
    for frame in range(1001, 1007):
        write_exr(tmp_path / "in" / f"plate.{frame}.exr", face=frame != 1003, seed=frame)
    return tmp_path / "in"


@pytest.fixture
def faceplate(capfd):
    """Run the command in this process: (exit code, stdout, stderr)."""

    def run(*words):
        code = main([str(word) for word in words])
        told = capfd.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def process(pack):
    """Start the command as a process of its own."""

    def start(*words, **settings):
        environment = {**os.environ, "FACEPLATE_MODELS": str(pack), "PYTHONPATH": str(ROOT / "core")}
        return subprocess.Popen(
            [sys.executable, "-m", "faceplate.cli", *map(str, words)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **settings,
        )

    return start


def report_lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

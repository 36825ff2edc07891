"""The shipped nets, one thread and two: the same files to the byte, for EXR and PNG."""

import os
import subprocess
import sys

import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from faceplate.colour import srgb_from_linear
from faceplate.demo.scene import read_portrait
from tests.core.cli.conftest import ROOT, names_in, save

SHOT = ("--steady", "1", "--radius", "1", "--repair", "--deflicker", "1", "--deinterlace", "top", "--quiet")
CHILD = """
import sys, cv2
from faceplate.cli.__main__ import main
threads, folder, *words = sys.argv[1:]
cv2.setNumThreads(int(threads))
plates = {f"{folder}/{kind}": f"{folder}/{kind}-{threads}" for kind in ("exr", "png")}
sys.exit(sum(main(["restore", one, "-o", other, *words]) for one, other in plates.items()))
"""


@pytest.fixture
def portrait(tmp_path):
    """Three frames of a face that moves by a pixel, grainy, as half EXR and as 8-bit PNG."""
    pytest.importorskip("skimage", reason="scikit-image, in which the portrait comes, is not installed")
    scene = cv2.resize(read_portrait(), (288, 288), interpolation=cv2.INTER_AREA)
    random = np.random.default_rng(8)
    for place, frame in enumerate((1001, 1002, 1003)):
        light = scene[:192, 20 + place : 244 + place] * random.uniform(0.9, 1.1, (192, 224, 1)).astype(
            np.float32
        )
        spec = oiio.ImageSpec(224, 192, 3, oiio.HALF)
        save(tmp_path / "exr" / f"plate.{frame}.exr", spec, np.ascontiguousarray(light, np.float32))
        shown = np.round(np.clip(srgb_from_linear(light), 0, 1) * 255).astype(np.uint8)
        save(tmp_path / "png" / f"plate.{frame}.png", oiio.ImageSpec(224, 192, 3, oiio.UINT8), shown)
    return tmp_path


def test_one_thread_and_two_give_the_same_files(portrait):
    for threads in ("1", "2"):
        environment = {name: value for name, value in os.environ.items() if name != "FACEPLATE_MODELS"}
        environment |= {"FACEPLATE_THREADS": threads, "PYTHONPATH": str(ROOT / "core")}
        words = [sys.executable, "-c", CHILD, threads, str(portrait), *SHOT]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
    for kind in ("exr", "png"):
        source, one, two = (portrait / folder for folder in (kind, f"{kind}-1", f"{kind}-2"))
        pictures = [name for name in names_in(one) if name.endswith(kind)]
        assert pictures == names_in(source)
        for name in pictures:
            assert (one / name).read_bytes() == (two / name).read_bytes()
            assert (one / name).read_bytes() != (source / name).read_bytes()
    assert '"status": "restored"' in "".join(
        path.read_text() for path in (portrait / "exr-1" / ".done").glob("*.json")
    )

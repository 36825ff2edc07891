"""What Blender itself writes of a head, and reads again: nothing lost that the format can hold."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="module")
def facts(inside, photo, tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("exports")
    command = Path(sys.prefix) / "bin" / "faceplate"
    words = (
        "--points",
        photo.with_suffix(".json"),
        "--lens",
        "70",
        "--texture",
        "0",
        "-o",
        folder / "head.npz",
    )
    subprocess.run([command, "reconstruct", photo, *words, "--quiet"], check=True, capture_output=True)
    return inside("exports.py", folder / "head.npz", folder)


@pytest.mark.parametrize("way", ["usd", "fbx", "alembic"])
def test_a_head_that_blender_writes_comes_back(facts, way):
    before, after = facts[way]["before"], facts[way]["after"]
    assert (before["vertices"], before["faces"], len(before["keys"])) == (14915, 14704, 80)
    for name in ("vertices", "faces", "uv"):
        assert after[name] == before[name], name
    np.testing.assert_allclose([after["low"], after["high"]], [before["low"], before["high"]], atol=1e-4)
    if way != "alembic":  # which knows neither keys nor bones
        assert after["keys"] == before["keys"] and after["bones"] == before["bones"]

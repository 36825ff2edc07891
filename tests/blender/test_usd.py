"""USD files of ours, imported by a real Blender: the same vertices and keys, a person's size, upright."""

import numpy as np
import pytest

from faceplate.head_output import png_of
from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.usd import write_usd, write_usdz
from faceplate.registry.catalogue import manifest_for, read_weights

pytest.importorskip("pxr", reason="usd-core is not installed: `pip install 'faceplate[usd]'`")


def test_a_head_comes_back_whole(inside, root, tmp_path):
    if not any((root / "models" / "open").glob("faceplate-head-*.npz")):
        pytest.skip("models/open holds no faceplate-head: its recipe is core/faceplate_training/head_model")
    head = read_head(read_weights(manifest_for("head.model")))
    points = head.rest(np.random.default_rng(7).normal(size=20) * 0.7)
    picture = png_of(np.full((64, 32, 3), 0.5, np.float32))
    (tmp_path / "head.png").write_bytes(picture)
    write_usd(tmp_path / "head.usdc", head, points, texture="head.png")
    write_usdz(tmp_path / "whole.usdz", head, points, texture=picture)
    blink = head.expressions[head.expression_names.index("eyeBlinkLeft")]
    for found in inside("usd.py", tmp_path / "head.usdc", tmp_path / "whole.usdz"):
        assert (found["vertices"], found["faces"]) == (len(head.mean), len(head.quads))
        assert found["keys"] == ["Basis", *head.expression_names] and found["bones"] == [*head.joint_names]
        assert found["pictures"] == [[32, 64]] and len(found["materials"]) == 8
        # y up and z out of the face have become z up and -y
        low, high = points.min(0)[[0, 2, 1]] / 1000, points.max(0)[[0, 2, 1]] / 1000
        np.testing.assert_allclose(found["low"], [low[0], -high[1], low[2]], atol=1e-5)
        np.testing.assert_allclose(found["high"], [high[0], -low[1], high[2]], atol=1e-5)
        assert found["blink"] * 1000 == pytest.approx(np.linalg.norm(blink, axis=1).max(), abs=1e-3)

"""Which spot of ours belongs to which vertex of another head: on heads of ours as others, where the answer is known."""

import numpy as np
import pytest

from faceplate.errors import RangeError
from faceplate.reconstruct.correspondence import OtherHead, correspond
from faceplate.reconstruct.morphable import HeadModel, rotation, triangles_of


def a_stranger(head: HeadModel, seed: int) -> tuple[OtherHead, np.ndarray]:
    """Somebody with every second vertex's neighbours joined otherwise, elsewhere, larger; and our vertex of each."""
    random = np.random.default_rng(seed)
    person = head.rest(random.normal(size=60) * 0.7)
    skin = np.isin(head.quad_region, [head.region_names.index(name) for name in ("face", "skull", "neck")])
    quads = np.roll(head.quads[skin], 1, axis=1)
    quads = np.where(quads[:, :1] < 0, np.roll(quads, -1, axis=1), quads)
    ours = np.unique(quads[quads >= 0])
    order = random.permutation(ours)
    place = np.full(len(head.mean), -1)
    place[order] = np.arange(len(order))
    triangles = place[triangles_of(quads)[0]]

    def moved(points: np.ndarray) -> np.ndarray:
        return 1.1 * points @ rotation(np.array([0.1, -0.05, 0.03])).T + (3, 1500, -40)

    eyes = head.joints(person)[4:6]
    return OtherHead(
        moved(person)[order].astype(np.float32), triangles.astype(np.int32), moved(eyes).astype(np.float32)
    ), order


@pytest.mark.parametrize("seed", [1, 2])
def test_features_are_met_by_features(head, seed):
    other, truth = a_stranger(head, seed)
    found = correspond(head, other)
    off = np.linalg.norm(found.on(head.mean) - head.mean[truth], axis=1)
    face = (head.mask("face")[truth] > 0.5) & (found.trust > 0)
    assert face.sum() > 3000 and np.median(off[face]) < 0.8 and np.quantile(off[face], 0.95) < 2.5
    anybody = found.scale * head.mean @ found.turn.T + found.move
    unfitted = np.linalg.norm(other.points - anybody[truth], axis=1)[face]
    assert np.median(unfitted) > 2.5 * np.median(off[face])  # without who it is
    assert found.scale == pytest.approx(1.1, abs=0.05)


def test_lips_are_met_by_the_lip_they_are(head):
    other, truth = a_stranger(head, 3)
    found = correspond(head, other)
    jaw = head.expressions[head.expression_names.index("jawOpen"), :, 1]
    lips = (head.mask("lips")[truth] > 0.5) & (found.trust > 0)
    # a lower lip on an upper one stays behind by 15 mm and more
    wrong = np.abs(found.on(jaw) - jaw[truth]) > 10
    assert lips.sum() > 300 and wrong[lips].mean() < 0.01


def test_a_head_that_nods_is_found_all_the_same(head):
    """At 20 degrees a fit that starts upright ends beside the face; it is doubted, and begun again."""
    other, truth = a_stranger(head, 1)
    turn, middle = rotation(np.array([np.radians(20), 0, 0])), other.points.mean(0)
    points, eyes = (
        ((each - middle) @ turn.T + middle).astype(np.float32) for each in (other.points, other.eyes)
    )
    found = correspond(head, OtherHead(points, other.triangles, eyes))
    off = np.linalg.norm(found.on(head.mean) - head.mean[truth], axis=1)
    assert np.median(off[(head.mask("face")[truth] > 0.5) & (found.trust > 0)]) < 0.8


def test_a_head_in_metres_is_told_so(head):
    other, _ = a_stranger(head, 1)
    small = OtherHead(other.points / np.float32(1000), other.triangles, other.eyes / np.float32(1000))
    with pytest.raises(RangeError, match="should be in millimetres"):
        correspond(head, small)

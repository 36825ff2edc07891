"""Lids that are up are folded, lids that are down are not, and nothing else ever is."""

import numpy as np
import pytest

from faceplate.errors import ShapeError
from faceplate.reconstruct.folds import unfolded
from faceplate.reconstruct.morphable import HeadModel
from tests.support.heads import make_head


def blinking(head: HeadModel, left: float, right: float) -> np.ndarray:
    return head.rest((), head.weights({"eyeBlinkLeft": left, "eyeBlinkRight": right}))


def test_open_lids_are_folded_and_shut_ones_are_not(head):
    apart = unfolded(head, head.mean)
    folded = apart < 0.1
    assert 20 < folded.sum() < 400
    x, y, z = head.mean[folded].T
    assert (
        (np.abs(x) < 55).all()
        and (np.abs(x) > 8).all()
        and (y > 30).all()
        and (y < 50).all()
        and (z > 70).all()
    )
    assert unfolded(head, blinking(head, 1, 1)).min() > 0.9
    half = unfolded(head, blinking(head, 0.5, 0.5))
    assert apart[folded].mean() < half[folded].mean() < 1


def test_each_eye_for_itself(head):
    left = head.mean[:, 0] > 0
    winking = unfolded(head, blinking(head, 1, 0))
    assert winking[left].min() > 0.9 and winking[~left].min() < 0.1


def test_a_larger_head_is_no_more_folded(head):
    np.testing.assert_allclose(unfolded(head, head.mean * 1.15), unfolded(head, head.mean), atol=1e-3)


def test_other_expressions_and_heads_without_lids_fold_nothing(head):
    jaw = unfolded(head, head.rest((), head.weights({"jawOpen": 1.0, "mouthSmileLeft": 1.0})))
    np.testing.assert_allclose(jaw, unfolded(head, head.mean), atol=0.1)
    egg = make_head()
    assert (unfolded(egg, egg.mean) == 1).all()
    with pytest.raises(ShapeError, match="points should be"):
        unfolded(egg, egg.mean[:4])

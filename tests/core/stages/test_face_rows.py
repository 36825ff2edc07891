"""Laws of rows: what is one face, and what a mirror or a turn does to it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.stages.face_rows import as_rows, keep_best, mirrored, moved_box, overlap


@st.composite
def row_sets(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    rows = rng.uniform(0, 100, (draw(st.integers(0, 40)), 15)).astype(np.float32)
    rows[:, 0] = rng.uniform(0.1, 1, len(rows))
    rows[:, 3:5] = rows[:, 1:3] + rng.uniform(5, 60, (len(rows), 2))
    return rows


@given(row_sets())
def test_of_faces_that_overlap_one_is_kept(rows):
    kept = keep_best(rows.copy())
    assert len(kept) <= len(rows) and (np.diff(kept[:, 0]) <= 0).all()
    if len(rows):
        assert kept[0, 0] == rows[:, 0].max()


@given(row_sets(), st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(rows, seed):
    shuffled = rows[np.random.default_rng(seed).permutation(len(rows))]
    np.testing.assert_array_equal(keep_best(rows.copy()), keep_best(shuffled))


@given(row_sets())
def test_overlap_is_whole_with_oneself_and_never_beyond(rows):
    for row in rows[:5]:
        iou, inside = overlap(row[1:5], rows[:, 1:5])
        assert (iou >= 0).all() and (iou <= inside + 1e-6).all() and (inside <= 1 + 1e-5).all()
        assert overlap(row[1:5], row[None, 1:5])[0] == pytest.approx(1)


@given(row_sets(), st.floats(1, 500))
def test_a_mirror_undoes_itself(rows, width):
    for row in rows[:3]:
        np.testing.assert_allclose(mirrored(mirrored(row, width), width), row, atol=1e-3)


def test_a_mirrored_face_keeps_the_image_left_eye_first():
    row = np.array([0.9, 10, 0, 30, 20, 12, 5, 26, 5, 20, 10, 14, 16, 24, 16], np.float32)
    eyes = mirrored(row, 100)[5:9].reshape(2, 2)
    assert eyes[0, 0] < eyes[1, 0]


@given(st.floats(-3, 3), st.floats(0.1, 10))
def test_a_round_face_stays_round_however_it_is_turned(angle, scale):
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    x0, y0, x1, y1 = moved_box(
        np.array([-5, -5, 5, 5], np.float32), np.array([[c, -s, 7], [s, c, 3], [0, 0, 1]])
    )
    np.testing.assert_allclose(
        [x1 - x0, y1 - y0, x0 + x1, y0 + y1], [10 * scale, 10 * scale, 14, 6], rtol=1e-4
    )


def test_no_rows_are_still_rows():
    assert keep_best(as_rows([])).shape == (0, 15)

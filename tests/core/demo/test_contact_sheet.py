"""A contact sheet holds every picture, scaled to share the width."""

import cv2
import numpy as np
import pytest

from faceplate.demo.contact_sheet import Cell, contact_sheet, save_sheet
from faceplate_client.errors import OutputError

RED = np.tile(np.array([1, 0, 0], np.float32), (30, 40, 1))
HALF = np.full((60, 30), 0.5, np.float32)


def test_pictures_of_one_row_are_equally_high_and_fill_the_width():
    sheet = contact_sheet([[Cell(RED, "red"), Cell(HALF, "half")]], width=600)
    assert sheet.shape[1] == 600
    red = (sheet == (255, 0, 0)).all(axis=2)
    grey = (sheet == 128).all(axis=2)
    assert np.ptp(np.flatnonzero(red.any(axis=1))) == np.ptp(np.flatnonzero(grey.any(axis=1)))
    assert red.any(axis=0).sum() == pytest.approx(grey.any(axis=0).sum() * (40 / 30) / (30 / 60), rel=0.03)
    assert np.flatnonzero(grey.any(axis=0)).max() > 580


def test_values_beyond_the_screen_are_clipped_and_nan_is_black():
    strange = np.full((20, 20, 3), 7.0, np.float32)
    strange[:10] = np.nan
    sheet = contact_sheet([[Cell(strange, "")]], width=120)
    assert (sheet[2, 20:100] == 0).all()
    assert (sheet == 255).all(axis=2).any()


def test_rows_are_stacked_below_the_title():
    row = [Cell(RED, "")]
    one, two = contact_sheet([row], width=200), contact_sheet([row, row], width=200)
    titled = contact_sheet([row], width=200, title="frame 1001")
    assert two.shape[0] == 2 * one.shape[0]
    np.testing.assert_array_equal(titled[-one.shape[0] :], one)


def test_a_saved_sheet_reads_back_the_same(tmp_path):
    sheet = contact_sheet([[Cell(RED, "red")]], width=200)
    save_sheet(tmp_path / "sheet.png", sheet)
    read = np.asarray(cv2.imread(str(tmp_path / "sheet.png")))
    np.testing.assert_array_equal(read[..., ::-1], sheet)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(OutputError, match="nowhere"):
        save_sheet(tmp_path / "nowhere" / "sheet.png", contact_sheet([[Cell(RED, "red")]], width=200))

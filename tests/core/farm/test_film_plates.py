"""Which plates are cleaned with which: neighbours of the same shot, and never across a cut."""

from dataclasses import replace

import numpy as np
import pytest

from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.farm.film_plates import FilmParams, FilmPlates, eyes_on
from faceplate.plate import Plate, Rect
from faceplate.stages.shot import Shot, Track
from tests.support.plates import make_picture


def films(frames, *, cuts=(), repair=True, tracks=()):
    """Plates of one still scene, each with a speck of its own, and what cleans them."""
    scene = make_picture(96, 64, finest=4.0)
    plates = {}
    for place, frame in enumerate(frames):
        picture = scene.copy()
        picture[20:24, 8 + 6 * place : 12 + 6 * place] = 0.0 if scene[22, 10].mean() > 0.5 else 1.0
        plates[frame] = Plate.of(picture, frame=frame)
    shot = Shot("clip", (96, 64), dict.fromkeys(frames, ""), cuts=cuts, tracks=tracks)
    return FilmPlates(shot, FilmParams(repair=repair), plate_of=plates.__getitem__, keep=8), plates


@pytest.mark.parametrize("frames", [(7, 8, 9), (6, 8, 10), (6, 8, 9)])
def test_a_frame_is_cleaned_with_those_beside_it_also_in_footage_numbered_by_twos(frames):
    film, plates = films(frames)
    middle = frames[1]
    assert film.frames_for(middle) == [frames[0], frames[2]]
    done = film.clean(middle)
    assert done.matte[22, 16] == 1.0
    assert np.abs(done.plate.pixels - plates[frames[0]].pixels)[21:23, 15:17].max() < 0.05


def test_the_ends_of_a_shot_a_cut_and_a_gap_have_no_second_witness():
    film, plates = films((1, 2, 3, 4, 8, 9, 10), cuts=(3,))
    for frame in (1, 2, 3, 4, 8, 10):
        assert film.clean(frame).plate is plates[frame]
    assert film.clean(9).matte.any()


def test_frames_come_out_the_same_in_any_order():
    orders = ((1, 2, 3), (3, 1, 2), (2,))
    told = [
        {frame: film.clean(frame) for frame in order}
        for order in orders
        for film in [films((0, 1, 2, 3, 4))[0]]
    ]
    for each in told:
        np.testing.assert_array_equal(each[2].plate.pixels, told[0][2].plate.pixels)


def test_fields_are_made_frames_before_anything_else_looks():
    """What each stage reads adds up: dirt is looked for on frames beside, each of which is made of its own beside."""
    film, _ = films((1, 2, 3, 4, 5, 6, 7))
    assert film.frames_for(4) == [3, 5]
    both = FilmPlates(film._shot, FilmParams("top", repair=True), plate_of=film._plate_of, keep=8)
    assert both.frames_for(4) == [2, 3, 5, 6] and both.frames_for(1) == [2, 3]
    assert [params.reach for params in (FilmParams(), FilmParams("top"), FilmParams("top", repair=True))] == [
        0,
        1,
        2,
    ]
    fields = FilmPlates(film._shot, FilmParams("bottom"), plate_of=film._plate_of, keep=8)
    assert fields.frames_for(4) == [3, 5]
    top, plate = both.clean(4).plate.pixels, film._plate_of(4).pixels
    assert (top[20:24, 26:30] != plate[20:24, 26:30]).any()  # the speck is gone, though it was in both fields
    np.testing.assert_array_equal(fields.clean(4).plate.pixels[1::2], plate[1::2])
    unknown = FilmPlates(film._shot, FilmParams("auto"), plate_of=film._plate_of, keep=8)
    assert unknown.frames_for(4) == [] and unknown.clean(4).plate is film._plate_of(4)
    with pytest.raises(RangeError, match="deinterlace should be one of"):
        FilmParams(deinterlace="upper")  # type: ignore[arg-type]


def test_nothing_asked_for_is_nothing_done():
    film, plates = films((1, 2, 3), repair=False)
    assert film.frames_for(2) == [] and film.clean(2).plate is plates[2]
    with pytest.raises(RangeError, match="deflicker should be 0-1"):
        FilmParams(deflicker=1.5)


def test_data_windows_that_move_are_repaired_where_all_frames_have_pixels():
    film, plates = films((1, 2, 3))
    before, plate = plates[1], plates[2]
    cut = Rect(10, 0, 96, 64)
    plates[1] = replace(before, pixels=before.pixels[:, 10:], data_window=cut)
    done = film.clean(2)
    assert done.matte[22, 16] == 1.0 and not done.matte[:, :10].any()
    assert done.plate.data_window == plate.data_window

    film, plates = films((1, 2, 3))
    plates[3] = replace(plates[3], data_window=Rect(96, 0, 192, 64))
    assert film.clean(2).plate is plates[2]


def test_a_blink_of_one_frame_is_no_dirt():
    """The same mark on an eye stays, and beside the eye it goes."""
    points = np.array([[16, 22], [36, 22], [26, 30], [18, 40], [34, 40]], np.float32)
    faces = {frame: Face((8, 10, 44, 50), points) for frame in (1, 2, 3)}
    film, plates = films((1, 2, 3), tracks=(Track(1, "anna", faces),))
    assert film.clean(2).plate is plates[2]
    away = {frame: Face(face.box, points + 30) for frame, face in faces.items()}
    film, plates = films((1, 2, 3), tracks=(Track(1, "anna", away),))
    assert film.clean(2).matte[22, 16] == 1.0


def test_eyes_are_found_in_the_coordinates_of_the_display_window():
    plate = Plate(make_picture(64, 48), 1, Rect(-20, -10, 44, 38), Rect(0, 0, 40, 30))
    points = np.array([[0, 0], [20, 0], [10, 8], [2, 16], [18, 16]], np.float32)
    eyes = eyes_on(plate, [Face((-8, -10, 28, 30), points)])
    assert eyes[10, 20] and eyes[10, 40] and not eyes[10, 30] and not eyes[0, 0]
    assert eyes.sum() == pytest.approx(2 * np.pi * 7**2, rel=0.05)

"""A frame is the same alone, in any order and in a whole shot; and nothing leaks across a cut."""

import hashlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.plate import Plate
from faceplate.stabilise.pipeline import Memory, SteadyFaces, SteadyParams
from faceplate.stages.matte import face_matte
from faceplate.stages.shot import Shot, Track
from tests.support.plates import make_picture

SIDE, FRAMES = 64, range(1, 10)
WORLD = {seed: make_picture(160, 120, seed=seed, finest=4.0) for seed in (0, 1)}
CUT = 6


def plate(frame: int) -> Plate:
    """The camera pans two pixels a frame over one scene, and from the cut on over another."""
    world = WORLD[0] if frame < CUT else WORLD[1]
    return Plate.of(world[10:106, 2 * frame : 2 * frame + 120].copy(), frame=frame)


def boiling(crop: np.ndarray) -> np.ndarray:
    """A net that invents other pores for every crop it sees: a pure function of the crop, as nets are."""
    seed = int.from_bytes(hashlib.sha256(np.ascontiguousarray(crop).tobytes()).digest()[:8], "little")
    return crop + np.random.default_rng(seed).normal(0, 0.05, crop.shape).astype(np.float32)


class Room:
    """A shot of one face, and counts of what it cost."""

    def __init__(self, *, cuts=(CUT,), restore=boiling, **params):
        points = np.array([[45, 40], [65, 40], [55, 50], [47, 60], [63, 60]], np.float32)
        faces = {frame: Face((40.0, 30.0, 70.0, 70.0), points, 0.9) for frame in FRAMES}
        self.track = Track(1, "anna", faces)
        shot = Shot("p", (120, 96), {frame: "0" for frame in FRAMES}, tuple(cuts), (self.track,))
        self.restored, self.read = 0, []
        self._net = restore
        self.steady = SteadyFaces(shot, SteadyParams(**params), take=self.take, restore=self.restore)

    def take(self, plate, face, side):
        x, y = round(face.box[0]) - 17, round(face.box[1]) - 12
        return plate.pixels[y : y + side, x : x + side]

    def restore(self, crop):
        self.restored += 1
        return self._net(crop)

    def plate(self, frame):
        self.read.append(frame)
        return plate(frame)

    def render(self, frame):
        crop = self.take(plate(frame), self.track.faces[frame], SIDE)
        return self.steady.restored(frame, self.track, crop, plate_of=self.plate)


WHOLE = Room()
RENDERED = {frame: WHOLE.render(frame) for frame in FRAMES}


@settings(max_examples=8)
@given(order=st.permutations(list(FRAMES)), start=st.integers(0, 8))
def test_any_order_and_any_chunk_gives_the_same_bits(order, start):
    room = Room()
    for frame in order[start:]:
        np.testing.assert_array_equal(room.render(frame), RENDERED[frame])


def test_threads_change_nothing():
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        np.testing.assert_array_equal(Room().render(3), RENDERED[3])
    finally:
        cv2.setNumThreads(before)


def test_a_sequence_costs_one_restoration_a_frame_and_a_lone_frame_its_window():
    assert WHOLE.restored == len(FRAMES)
    lone = Room(cuts=())
    lone.render(5)
    assert lone.restored == 5 and sorted(lone.read) == [3, 4, 6, 7]
    assert lone.steady.frames_for(5) == [3, 4, 6, 7] and lone.steady.frames_for(1) == [2, 3]


def test_boiling_is_calmed_and_detail_stays():
    def far(frame, picture):
        inner = (slice(12, -12), slice(12, -12))
        return float(
            np.mean((picture - Room().take(plate(frame), WHOLE.track.faces[frame], SIDE))[inner] ** 2)
        )

    alone = Room(strength=0.0).render(3)
    assert far(3, RENDERED[3]) < 0.35 * far(3, alone)


def test_a_cut_blends_nothing():
    """What lies beyond the cut has no say at all."""
    for frame in (CUT - 1, CUT):
        room = Room()
        room.render(frame)
        assert all((other < CUT) == (frame < CUT) for other in room.read)


@pytest.mark.parametrize("params", [{"strength": 0.0}, {"radius": 0}])
def test_off_is_frame_by_frame(params):
    room = Room(**params)
    crop = room.take(plate(4), room.track.faces[4], SIDE)
    np.testing.assert_array_equal(room.render(4), boiling(crop))
    assert room.restored == 1 and room.read == []


def test_a_lamp_that_flickers_does_not_part_neighbours():
    """Exposure is brought to this frame's before anything is compared or averaged."""
    room = Room(cuts=(), restore=lambda crop: crop)
    lit = lambda frame: plate(frame).with_pixels(plate(frame).pixels * 0.8 + 0.15 * (frame % 2))  # noqa: E731
    room.plate = lit
    crop = room.take(lit(4), room.track.faces[4], SIDE)
    done = room.steady.restored(4, room.track, crop, plate_of=room.plate)
    np.testing.assert_allclose(done[10:-10, 10:-10].mean(), crop[10:-10, 10:-10].mean(), atol=0.004)


def test_a_face_that_breathes_is_told_and_alone_as_in_the_whole_shot():
    """Every other frame the face is warmer; the drift is asked for alone, and after all frames, and is the same."""
    matte = face_matte(SIDE, np.array([[20, 22], [44, 22], [32, 36], [24, 48], [40, 48]], np.float32))
    tint = np.array([0.02, 0.0, -0.02], np.float32)
    scene = WORLD[0][10:106, 10:130]

    def told(frame, room):
        def at(number):
            pixels = scene.copy()
            pixels[18 : 18 + SIDE, 23 : 23 + SIDE] += matte[..., None] * tint * (number % 2)
            return Plate.of(pixels, frame=number)

        crop = room.take(at(frame), room.track.faces[frame], SIDE)
        room.steady.restored(frame, room.track, crop, plate_of=at)
        return room.steady.drift(frame, room.track, crop, matte, plate_of=at)

    room = Room(radius=1)
    whole = {frame: told(frame, room) for frame in FRAMES}
    np.testing.assert_array_equal(told(3, Room(radius=1)), whole[3])
    inside = matte > 0.9
    assert np.abs(whole[3][inside].mean(axis=0) + tint * 2 / 3).max() < 0.003
    assert np.abs(whole[4][inside].mean(axis=0) - tint * 2 / 3).max() < 0.003
    for end in (1, 5, 6, 9):  # of the shot, and on either side of the cut: nobody beside both
        assert not whole[end].any()
    assert not told(3, Room(strength=0.0)).any()


def test_a_face_that_has_left_a_neighbour_is_no_neighbour():
    room = Room(cuts=())
    kept = room.take

    def leaves(plate, face, side):
        if plate.frame > 5:
            raise RangeError("outside the data window")
        return kept(plate, face, side)

    room.steady._take = leaves
    room.render(5)
    assert room.restored == 3


def test_a_memory_makes_again_what_fell_out():
    made, memory = [], Memory(2)
    for key in (1, 2, 1, 3, 1, 2):
        assert memory.of(key, lambda key=key: made.append(key) or key) == key
    assert made == [1, 2, 3, 2]


def test_parameters_outside_their_range_are_refused():
    for words in ({"strength": 1.1}, {"radius": -1}, {"radius": 9}, {"strength": float("nan")}):
        with pytest.raises(RangeError):
            SteadyParams(**words)  # type: ignore[arg-type]

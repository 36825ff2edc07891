"""Laws of the detector's recipe: scenes know where their faces are, and cells answer for the right ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from faceplate.faces import Face  # noqa: E402
from faceplate.nets.detect_net import STRIDES, DetectNet, decode  # noqa: E402
from faceplate.plate import Plate  # noqa: E402
from faceplate_training.detect_face.canvas import Scene, Stage, move_box, moved  # noqa: E402
from faceplate_training.detect_face.data import Course  # noqa: E402
from faceplate_training.detect_face.export import folded  # noqa: E402
from faceplate_training.detect_face.losses import (  # noqa: E402
    NOBODY,
    UNASKED,
    assign,
    detection_loss,
    overlap,
)
from faceplate_training.detect_face.mining import close_scene, is_face, without_larger  # noqa: E402
from faceplate_training.detect_face.recording import Grain, record  # noqa: E402
from faceplate_training.detect_face.sources import Portrait  # noqa: E402

SIDE = 128
EYES = [[40, 45], [60, 45], [50, 55], [42, 66], [58, 66]]


@pytest.fixture(scope="module")
def grain() -> Grain:
    return Grain(1, side=256)


def portrait() -> Portrait:
    """A grey photo whose five points are white dots."""
    pixels = np.full((100, 100, 3), 60, np.uint8)
    for x, y in EYES:
        pixels[y - 2 : y + 2, x - 2 : x + 2] = 255
    return Portrait(pixels, np.array([30, 25, 70, 80], np.float32), np.array(EYES, np.float32))


@settings(max_examples=40)
@given(angle=st.floats(-0.8, 0.8), scale=st.floats(0.6, 2.0), flip=st.booleans())
def test_points_travel_with_the_pixels(angle, scale, flip):
    stage, photo = Stage(np.zeros((SIDE, SIDE, 3), np.uint8)), portrait()
    photo = photo.mirrored() if flip else photo
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    stage.place(photo, np.array([[c, -s], [s, c]]), np.array([64.0, 64.0]), shape="photo")
    scene = stage.scene()
    for x, y in scene.points[0]:
        if 3 < x < SIDE - 3 and 3 < y < SIDE - 3:
            row, column = int(y), int(x)
            assert scene.pixels[row - 1 : row + 2, column - 1 : column + 2].max() > 150


def test_a_mirrored_portrait_keeps_the_image_left_eye_first():
    points = portrait().mirrored().points
    assert points[0, 0] < points[1, 0] and points[3, 0] < points[4, 0]


def test_halving_keeps_box_and_points_on_the_face():
    half = portrait().halved()
    assert half.pixels.shape == (50, 50, 3)
    np.testing.assert_allclose(half.points * 2, EYES)


@given(st.floats(-3, 3))
def test_a_face_is_as_large_after_a_turn(angle):
    c, s = np.cos(angle), np.sin(angle)
    box = np.array([0, 0, 30, 30], np.float32)
    x0, y0, x1, y1 = move_box(box, moved(np.array([[c, -s], [s, c]]), box, np.array([50.0, 60.0])))
    np.testing.assert_allclose([x1 - x0, y1 - y0, x0 + x1, y0 + y1], [30, 30, 100, 120], rtol=1e-4)


def test_faces_mostly_outside_are_not_asked_for():
    stage = Stage(np.zeros((SIDE, SIDE, 3), np.uint8))
    for x in (64.0, -15.0):
        stage.place(portrait(), np.eye(2), np.array([x, 64.0]), shape="head")
    assert stage.scene().asked.tolist() == [True, False]


def test_a_recording_is_the_same_for_the_same_seed_and_keeps_the_truth(grain):
    stage = Stage(np.full((SIDE, SIDE, 3), 90, np.uint8))
    stage.place(portrait(), np.eye(2), np.array([64.0, 64.0]), shape="photo")
    scene = stage.scene()
    for seed in range(12):
        first, second = (record(scene, grain, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(first.pixels, second.pixels)
        np.testing.assert_array_equal(first.points, scene.points)
        assert first.pixels.shape == scene.pixels.shape and first.pixels.dtype == np.uint8


def boxes_at(*squares):
    return torch.tensor([[x - s / 2, y - s / 2, x + s / 2, y + s / 2] for x, y, s in squares])


@settings(max_examples=50)
@given(x=st.floats(8, 120), y=st.floats(8, 120), size=st.floats(9, 100))
def test_every_asked_face_has_a_cell_that_answers_for_it(x, y, size):
    owners = assign(boxes_at((x, y, size)), torch.tensor([True]), SIDE)
    assert (owners == 0).any()


def test_unasked_faces_are_neither_answered_for_nor_punished():
    owners = assign(boxes_at((64, 64, 60)), torch.tensor([False]), SIDE)
    assert (owners == UNASKED).any() and not (owners >= 0).any()


def test_an_empty_scene_has_nobody():
    assert (assign(torch.zeros(0, 4), torch.zeros(0, dtype=torch.bool), SIDE) == NOBODY).all()


def test_a_box_overlaps_itself_wholly_and_a_far_one_negatively():
    a, b = boxes_at((20, 20, 10)), boxes_at((90, 90, 10))
    assert overlap(a, a)[0].item() == pytest.approx(1) and overlap(a, a)[1].item() == pytest.approx(1)
    assert overlap(a, b)[0].item() == 0 and overlap(a, b)[1].item() < -0.5


def true_grids(box, points, score: float) -> list:
    """Raw heads of a net that is right about one face everywhere."""
    grids = []
    for stride in STRIDES:
        cells = SIDE // stride
        centre = (torch.arange(cells) + 0.5) * stride
        x, y = centre.expand(cells, cells), centre[:, None].expand(cells, cells)
        reach = torch.stack([x - box[0], y - box[1], box[2] - x, box[3] - y]) / stride
        offsets = [(value - at) / stride for p in points for value, at in ((p[0], x), (p[1], y))]
        place = torch.cat([reach.clamp(min=0.05).log(), torch.stack(offsets)])
        grids.append((torch.full((1, 1, cells, cells), score), place[None]))
    return grids


def test_decoding_gives_back_what_was_meant():
    box, points = boxes_at((64, 64, 40))[0], torch.tensor(EYES, dtype=torch.float32)
    _, place = true_grids(box, points, 0.0)[0]
    middle = decode(place, STRIDES[0])[0, :, (SIDE // 8) * 8 + 8]
    np.testing.assert_allclose(middle, torch.cat([box, points.flatten()]), atol=1e-3)


def test_a_right_answer_costs_nothing_but_its_score():
    box, points = boxes_at((64, 64, 40)), torch.tensor([EYES], dtype=torch.float32)
    truth = [(box, points, torch.tensor([True]))]
    right = detection_loss(true_grids(box[0], points[0], 3.0), truth, SIDE)
    wrong = detection_loss(true_grids(box[0] + 12, points[0] + 12, 3.0), truth, SIDE)
    assert right["box"] < 1e-3 and right["points"] < 1e-5
    assert wrong["box"] > 0.3 and wrong["points"] > 0.1


def test_folding_the_normalisation_changes_nothing():
    torch.manual_seed(3)
    net = DetectNet((8, 8, 16, 16, 16), 16)
    with torch.no_grad():
        net(torch.rand(4, 3, 64, 64))  # in training mode: moves the running means
        net.eval()
        picture = torch.rand(1, 3, 64, 96)
        before = net(picture)
        after = folded(net)(picture)
    assert before.shape == (1, 8 * 12 + 4 * 6 + 2 * 3, 15)
    np.testing.assert_allclose(before, after, atol=2e-3)


def test_a_course_never_repeats_a_picture():
    course = Course(seed=1, close_from=3)
    scenes = [
        step * course.size + place
        for step in range(8)
        for step, place in course.numbers(step)
        if not course.is_close(step)
    ]
    assert len(scenes) == len(set(scenes))
    assert [course.is_close(step) for step in range(7)] == [False, False, False, True, False, True, False]


def test_a_scene_mirrored_twice_is_itself():
    stage = Stage(np.zeros((SIDE, SIDE, 3), np.uint8))
    stage.place(portrait(), np.eye(2), np.array([50.0, 64.0]), shape="photo")
    scene = stage.scene()
    again = scene.mirrored().mirrored()
    for before, after in zip(vars(scene).values(), vars(again).values(), strict=True):
        np.testing.assert_allclose(before, after)
    left, right, *_ = scene.mirrored().points[0]
    assert left[0] < right[0]


@settings(max_examples=25)
@given(angle=st.floats(-0.6, 0.6), scale=st.floats(0.4, 1.5))
def test_a_find_is_shown_upright_in_the_middle_with_its_truth(angle, scale):
    stage, (c, s) = (
        Stage(np.zeros((SIDE, SIDE, 3), np.uint8)),
        scale * np.array([np.cos(angle), np.sin(angle)]),
    )
    stage.place(portrait(), np.array([[c, -s], [s, c]]), np.array([64.0, 64.0]), shape="photo")
    scene = stage.scene()
    found = Face(tuple(scene.boxes[0].tolist()), scene.points[0], 0.5)
    close = close_scene(Plate.of(scene.pixels.astype(np.float32) / np.float32(255)), scene, found)
    (box,), ((left, right, *_),) = close.boxes, close.points
    np.testing.assert_allclose(box[:2] + box[2:], close.pixels.shape[0], atol=0.1)
    assert abs(left[1] - right[1]) < 0.1 and left[0] < right[0]
    for x, y in close.points[0, :2]:
        assert close.pixels[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3].max() > 150


def test_an_ear_is_shown_without_the_face_it_belongs_to():
    boxes = np.array([[0, 0, 90, 120], [100, 40, 124, 70]], np.float32)
    scene = Scene(
        np.zeros((SIDE, SIDE, 3), np.uint8), boxes, np.zeros((2, 5, 2), np.float32), np.ones(2, bool)
    )
    ear = Face((88.0, 40.0, 108.0, 70.0), np.zeros((5, 2), np.float32), 0.3)
    np.testing.assert_array_equal(without_larger(scene, ear).boxes, boxes[1:])


def test_what_may_be_a_face_is_no_mistake():
    boxes = np.array([[10, 10, 40, 50], [60, 10, 90, 50]], np.float32)
    scene = Scene(
        np.zeros((SIDE, SIDE, 3), np.uint8), boxes, np.zeros((2, 5, 2), np.float32), np.array([True, False])
    )
    nothing, teacher = np.zeros((0, 4), np.float32), np.array([[80, 80, 110, 120]], np.float32)

    def told(x, y, doubtful=nothing):
        return is_face(Face((x, y, x + 30.0, y + 40.0), np.zeros((5, 2), np.float32), 0.5), scene, doubtful)

    assert told(10, 10) is True  # a face that is asked for
    assert told(60, 10) is None  # one that is too hidden to ask for
    assert told(25, 10) is None  # beside one
    assert told(80, 80) is False  # nothing
    assert told(80, 80, teacher) is None  # nothing that was put there, yet the teacher sees something

"""Laws of what the detector learns from: heads turned away, six looks that agree, faces that others hide."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the train extra (torch) is not installed")

from faceplate.nets.detect_net import DetectNet  # noqa: E402
from faceplate.registry.catalogue import manifest_for, verify  # noqa: E402
from faceplate.stages.detect import CLOSE_UP  # noqa: E402
from faceplate_training.detect_face.canvas import Stage  # noqa: E402
from faceplate_training.detect_face.dirt import dirty  # noqa: E402
from faceplate_training.detect_face.export import folded, unfold, write_onnx  # noqa: E402
from faceplate_training.detect_face.losses import NOBODY, UNASKED, assign  # noqa: E402
from faceplate_training.detect_face.mining import Mined, Task, mine  # noqa: E402
from faceplate_training.detect_face.recording import magnified  # noqa: E402
from faceplate_training.detect_face.scenes import witnessed  # noqa: E402
from faceplate_training.detect_face.sources import (  # noqa: E402
    Portrait,
    Teacher,
    cut_around,
    prepare,
    read_rgb,
    share,
)
from faceplate_training.detect_face.strangers import heap  # noqa: E402
from faceplate_training.detect_face.turning import turn_away  # noqa: E402
from faceplate_training.photos import TEACHER  # noqa: E402

SIDE = 128
POINTS = np.array([[100, 90], [140, 90], [120, 109], [104, 133], [136, 133]], np.float32)


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An egg for a head, in the format of the ICT FaceKit head: 3 cm from the middle to an eye, a nose in front."""
    lower, around = np.meshgrid(np.linspace(0.02, np.pi - 0.02, 160), np.linspace(0, 2 * np.pi, 320))
    egg = np.stack(
        [8 * np.sin(lower) * np.cos(around), 11 * np.cos(lower), 9 * np.sin(lower) * np.sin(around)], -1
    ).reshape(-1, 3)
    marks = np.zeros(68, np.int32)
    places = {
        range(36, 42): (-3, 2),
        range(42, 48): (3, 2),
        range(48, 49): (-2.4, -4.4),
        range(54, 55): (2.4, -4.4),
    }
    for numbers, at in {**places, range(30, 31): (0, -0.8)}.items():
        near = np.hypot(*(egg[:, :2] - at).T) + 100 * (egg[:, 2] < 0)
        marks[list(numbers)] = int(near.argmin())
    file = tmp_path_factory.mktemp("head") / "egg.npz"
    np.savez(file, neutral_cm=egg.astype(np.float32), landmarks68=marks)
    return file


def photo() -> np.ndarray:
    """Smooth colours, so that a shift of a pixel changes little and a mistake much."""
    y, x = np.mgrid[0:240, 0:240] / 240
    return np.stack([255 * x, 255 * y, 127 + 120 * np.sin(9 * x)], 2).astype(np.uint8)


def test_a_head_that_is_not_turned_stays_as_it_is(head):
    np.testing.assert_allclose(turn_away(photo(), POINTS, 0.0, head), photo(), atol=4)


@pytest.mark.parametrize("yaw", [0.4, 0.9])
def test_a_turn_to_the_right_shows_what_is_in_front_further_right(head, yaw):
    rgb = np.zeros((240, 240, 3), np.uint8)
    rgb[104:114, 117:123] = 255  # the nose, in front of the axis
    turned = turn_away(rgb, POINTS, yaw, head)
    assert np.nonzero(turned[109, :, 0])[0].mean() > 120 + 40 * np.sin(yaw)


def test_the_far_cheek_is_hidden_and_the_near_one_grows(head):
    rgb = np.zeros((240, 640, 3), np.uint8)
    rgb[60:150, 280:296, 0], rgb[60:150, 344:360, 1] = 255, 255
    before, after = rgb.sum((0, 1)), turn_away(rgb, POINTS + np.array([200, 0]), 0.9, head).sum((0, 1))
    assert after[0] > before[0] and after[1] < 0.35 * before[1]


@pytest.mark.parametrize("yaw", [-0.8, 0.5])
def test_a_mirror_image_turns_the_other_way(head, yaw):
    other = (POINTS * (-1, 1) + (240, 0))[[1, 0, 2, 4, 3]].astype(np.float32)
    mirrored = turn_away(np.ascontiguousarray(photo()[:, ::-1]), other, -yaw, head)[:, ::-1]
    apart = np.abs(mirrored.astype(int) - turn_away(photo(), POINTS, yaw, head))
    assert np.percentile(apart, 95) <= 8


@settings(max_examples=30)
@given(x=st.integers(5, 94), y=st.integers(5, 74), scale=st.floats(0.5, 2.0))
def test_what_is_cut_around_a_point_lies_where_the_shift_says(x, y, scale):
    rgb = np.zeros((80, 100, 3), np.uint8)
    rgb[y - 2 : y + 3, x - 2 : x + 3] = 255
    cut, shift = cut_around(rgb, np.array([50.0, 40.0]), scale, 96)
    place = np.array([x + 0.5, y + 0.5]) * scale + shift
    if ((place > 4) & (place < 92)).all():
        rows, columns = np.nonzero(cut[..., 0] > 127)
        np.testing.assert_allclose([columns.mean() + 0.5, rows.mean() + 0.5], place, atol=1.0)


def test_six_looks_at_a_mirror_image_agree_with_six_looks(shared):
    rgb = read_rgb(shared / "photos" / "london" / "001_neutral.jpg")
    teacher = Teacher(shared / "models" / "yunet_n_dynamic.onnx")
    label = teacher.portrait(rgb)
    other = teacher.portrait(np.ascontiguousarray(rgb[:, ::-1]))
    assert label is not None and other is not None
    back = Portrait(rgb, *other).mirrored()
    apart = float(np.hypot(*(label[1][1] - label[1][0])))
    assert np.abs(back.points - label[1]).max() < 0.04 * apart and share(back.box, label[0]) > 0.9


def face() -> Portrait:
    return Portrait(
        np.full((100, 100, 3), 60, np.uint8), np.array([30, 25, 70, 80], np.float32), POINTS / 2 - (10, 10)
    )


def on_stage(*places: tuple[float, float]) -> Stage:
    stage = Stage(np.zeros((SIDE, SIDE, 3), np.uint8))
    for place in places:
        stage.place(face(), 0.6 * np.eye(2), np.array(place), shape="head")
    return stage


def test_only_what_came_before_can_be_hidden():
    assert on_stage((40, 60), (56, 60)).doubtful().tolist() == [True, False]
    assert on_stage((30, 60), (100, 60)).doubtful().tolist() == [False, False]


def test_a_face_that_the_frame_cuts_is_in_doubt():
    assert on_stage((4, 60)).doubtful().tolist() == [True]
    stage = on_stage((30, 60), (100, 60))
    stage.cut(np.array([100.0, 0.0]), np.array([1.0, 0.0]))
    assert stage.doubtful().tolist() == [False, True]


class Witness:
    """Sees what it is told to."""

    def __init__(self, *boxes: np.ndarray) -> None:
        self.rows = np.array([[*box, *[0.0] * 10, 0.9] for box in boxes], np.float32).reshape(-1, 15)

    def faces(self, _rgb: np.ndarray) -> np.ndarray:
        return self.rows


def test_a_hidden_face_is_asked_for_only_where_the_witness_sees_it():
    stage = on_stage((40, 60), (56, 60))
    assert witnessed(stage, Witness()).asked.tolist() == [False, True]  # type: ignore[arg-type]
    narrow = stage.boxes[0] * (1, 1, 0.9, 1)
    scene = witnessed(stage, Witness(narrow))  # type: ignore[arg-type]
    assert scene.asked.tolist() == [True, True]
    np.testing.assert_allclose(scene.boxes, [(stage.boxes[0] + narrow) / 2, stage.boxes[1]], rtol=1e-5)


def test_without_a_witness_every_face_counts():
    assert witnessed(on_stage((40, 60), (56, 60)), None).asked.tolist() == [True, True]


@given(st.integers(0, 1000))
def test_a_part_of_a_scene_shown_large_asks_for_no_face(seed):
    scene = on_stage((64, 64)).scene()
    shown = magnified(scene, np.random.default_rng(seed), 96)
    assert shown.pixels.shape == (96, 96, 3) and not shown.asked.any()
    if len(shown.boxes):  # enlarged by the same factor in both directions
        (before,), (after,) = scene.boxes, shown.boxes
        zoom = (after[2:] - after[:2]) / (before[2:] - before[:2])
        np.testing.assert_allclose(zoom, zoom[0], rtol=1e-4)


def test_an_eye_of_a_face_too_near_to_ask_for_is_punished_on_the_fine_grid_only():
    box = torch.tensor([[-60.0, -60.0, 300.0, 300.0]])
    owners = assign(box, torch.tensor([False]), 256)
    fine, coarse = owners[: 32 * 32], owners[-8 * 8 :]
    assert (fine == NOBODY).all() and (coarse == UNASKED).all()


@pytest.mark.parametrize("make", [heap, lambda side, rng: dirty(np.full((side, side, 3), 90, np.uint8), rng)])
def test_what_is_no_face_comes_out_the_same_for_the_same_seed(make):
    first, second = make(96, np.random.default_rng(3)), make(96, np.random.default_rng(3))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (96, 96, 3) and first.dtype == np.uint8 and first.std() > 1


def test_dirt_leaves_what_it_is_laid_on():
    clean = np.full((96, 96, 3), 90, np.uint8)
    before = clean.copy()
    dirty(clean, np.random.default_rng(1))
    np.testing.assert_array_equal(clean, before)


def test_training_goes_on_from_the_shipped_answers(tmp_path):
    torch.manual_seed(5)
    shipped = DetectNet()
    with torch.no_grad():
        for value in shipped.parameters():
            value.add_(0.01 * torch.randn_like(value))  # no two tensors alike
        shipped(torch.rand(4, 3, 64, 64))
    file, picture = tmp_path / "shipped.onnx", torch.rand(2, 3, 64, 64)
    write_onnx(folded(shipped), file)
    net = DetectNet()
    unfold(net, file, torch.rand(8, 3, 64, 64))
    with torch.no_grad():
        before, after = shipped.eval()(picture), net.eval()(picture)
    np.testing.assert_allclose(before, after, rtol=0.01, atol=0.1)  # weights are stored in half precision


@pytest.fixture(scope="module")
def album(shared, tmp_path_factory):
    """A folder with the portraits of four people."""
    cache = tmp_path_factory.mktemp("album")
    prepare(shared / "photos", shared / TEACHER, cache, limit=4)
    return cache


def test_what_is_mined_is_the_same_again_and_faces_lie_in_the_middle(album, shared, tmp_path):
    weights = verify(manifest_for("face.detect"))
    found = []
    for name in ("once", "again"):
        cache = tmp_path / name
        shutil.copytree(album, cache)
        mine(Task(cache, weights, shared / TEACHER, seed=3, side=128), scenes=24)
        found.append(Mined(cache))
    once, again = found
    assert once.rows == again.rows and len(once.rows) > 10
    np.testing.assert_array_equal(once.raw, again.raw)
    for row in once.rows:
        middles = [np.abs(np.reshape(box, (2, 2)).mean(0) - CLOSE_UP / 2).max() for box in row["boxes"]]
        assert not row["face"] or min(middles) < CLOSE_UP / 6
    scene = once.scene(np.random.default_rng(1))
    assert scene.pixels.shape == (CLOSE_UP, CLOSE_UP, 3) and len(scene.boxes) == len(scene.asked)

"""Laws of the 68 points, tried with a net that reads from a ramp's colours where it looks, and with the shipped one."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.faces import FFHQ_512, Face
from faceplate.geometry import apply, fit_similarity, scaling, translation
from faceplate.plate import Plate, Rect
from faceplate.reconstruct.camera import camera_for_lens
from faceplate.reconstruct.fit import fit_points
from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.head_fit import View
from faceplate.registry.catalogue import find_manifests, manifest_for, read_weights
from faceplate.runtime.pool import open_net
from faceplate.stages.landmarks import MIRROR, SIDE, TEMPLATE, find_landmarks, five_of
from tests.support.plates import make_face

WIDTH, HEIGHT = 360, 300


def face_points() -> np.ndarray:
    """(68, 2) about a face in the middle of the plate: iBUG's five are FFHQ's, the others where chance puts them."""
    rng = np.random.default_rng(3)
    points = rng.uniform(80, 430, (68, 2))
    for first, place in ((36, 0), (42, 1)):
        points[first : first + 6] += FFHQ_512[place] - points[first : first + 6].mean(0)
    points[[30, 48, 54]] = FFHQ_512[2:]
    return (points * 0.4 + (80, 40)).astype(np.float32)


class RampNet:
    """Knows every point's place on a plate whose red says x and whose green says y, mirrored or not."""

    id, template, seconds = "ramp", "", 0.0

    def __init__(self, points: np.ndarray, origin: tuple[int, int] = (0, 0)) -> None:
        self.points, self.origin = points, origin

    def __call__(self, batch):
        return tuple(np.stack(parts) for parts in zip(*map(self.answer, batch), strict=True))

    def answer(self, crop):
        assert crop.shape == (3, SIDE, SIDE) and 0 <= crop.min() <= crop.max() <= 1
        y, x = np.mgrid[70:120, 70:120]  # the middle of the crop, where no mirror at the plate's edge reaches
        places = np.stack([x.ravel() + 0.5, y.ravel() + 0.5, np.ones(x.size)], 1)
        shown = crop[:2, 70:120, 70:120].reshape(2, -1).T * (WIDTH, HEIGHT) + self.origin
        to_plate = np.linalg.lstsq(places, shown, rcond=None)[0].T
        crop_from_plate = np.linalg.inv(np.vstack([to_plate, (0, 0, 1)]))
        flipped = np.linalg.det(crop_from_plate[:2, :2]) < 0
        found = apply(crop_from_plate, self.points)
        found = found[MIRROR] if flipped else found
        visible = np.linspace(0, 1, 68, dtype=np.float32)
        return (
            found,
            np.full(68, 2.0, np.float32),
            visible[MIRROR] if flipped else visible,
            np.zeros(3, np.float32),
        )


def ramp(origin: tuple[int, int] = (0, 0)) -> Plate:
    x, y = np.meshgrid((np.arange(WIDTH) + 0.5) / WIDTH, (np.arange(HEIGHT) + 0.5) / HEIGHT)
    window = Rect(origin[0], origin[1], origin[0] + WIDTH, origin[1] + HEIGHT)
    return Plate(np.stack([x, y, 0 * x], 2).astype(np.float32), 1, window, Rect(0, 0, 400, 300))


def roughly(points: np.ndarray, turn: float, grow: float, shift: np.ndarray) -> Face:
    """A face found badly: all five points turned, grown and shifted."""
    middle = points.mean(0)
    c, s = np.cos(turn) * grow, np.sin(turn) * grow
    moved = (points - middle) @ np.array([[c, s], [-s, c]]) + middle + shift
    return Face((100.0, 60.0, 260.0, 240.0), moved.astype(np.float32))


def test_both_sides_of_a_face_are_named_for_each_other():
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(68))
    np.testing.assert_allclose((TEMPLATE * (-1, 1) + (SIDE, 0))[[1, 0, 2, 4, 3]], TEMPLATE, atol=1e-4)


@settings(max_examples=15)
@given(
    turn=st.floats(-0.5, 0.5),
    grow=st.floats(0.8, 1.25),
    shift=st.tuples(st.floats(-8, 8), st.floats(-8, 8)),
    looks=st.sampled_from([1, 2]),
)
def test_points_land_where_they_are_however_badly_the_face_was_found(turn, grow, shift, looks):
    points = face_points()
    face = roughly(five_of(points), turn, grow, np.array(shift))
    found = find_landmarks(ramp(), face, RampNet(points), looks=looks)
    np.testing.assert_allclose(found.points, points, atol=0.15)
    np.testing.assert_allclose(found.visible, np.linspace(0, 1, 68), atol=1e-6)


def test_points_are_in_display_window_coordinates():
    origin = (-37, 52)
    points = (face_points() + origin).astype(np.float32)
    found = find_landmarks(ramp(origin), Face((0, 0, 9, 9), five_of(points)), RampNet(points, origin))
    np.testing.assert_allclose(found.points, points, atol=0.15)


def test_the_spread_is_in_plate_pixels():
    points = face_points()
    found = find_landmarks(ramp(), Face((0, 0, 9, 9), five_of(points)), RampNet(points), looks=1)
    scale = np.hypot(*fit_similarity(five_of(points), TEMPLATE)[0, :2])
    np.testing.assert_allclose(found.spread, 2.0 / scale, rtol=0.02)


@pytest.mark.parametrize("angle", [-0.6, 0.0, 0.4])
def test_a_face_that_lies_aslant_is_a_head_that_rolls(angle):
    """The net sees every crop upright and says so; what the plate shows is turned clockwise by `angle`."""
    points = face_points()
    face = roughly(five_of(points), angle, 1.0, np.zeros(2))
    found = find_landmarks(ramp(), face, RampNet(points), looks=1)
    own = np.arctan2(*fit_similarity(TEMPLATE, five_of(points))[[1, 0], 0])
    np.testing.assert_allclose(found.turn, [0, 0, -(angle + own)], atol=1e-3)
    assert abs(found.yaw) < 1e-3 and abs(found.pitch) < 1e-3


@pytest.mark.parametrize(("axis", "name"), [((0.0, 0.5, 0.0), "yaw"), ((0.5, 0.0, 0.0), "pitch")])
def test_yaw_is_to_the_right_of_the_picture_and_pitch_is_down(axis, name):
    class Turned(RampNet):
        def answer(self, crop):
            mirrored = crop[0, 96, 70] > crop[0, 96, 120]
            turn = np.array(axis, np.float32) * ((1, -1, -1) if mirrored else (1, 1, 1))
            return (*super().answer(crop)[:3], turn.astype(np.float32))

    points = (FFHQ_512 * 0.4 + (80, 40)).astype(np.float32)
    found = find_landmarks(ramp(), Face((0, 0, 9, 9), points), Turned(face_points()), looks=1)
    assert getattr(found, name) == pytest.approx(0.5, abs=0.01)
    nose = cv2.Rodrigues(found.turn.astype(float))[0][:, 2]
    assert nose[0] > 0.4 if name == "yaw" else nose[1] < -0.4


def test_a_hidden_point_and_an_unsure_one_are_trusted_less():
    class Unsure(RampNet):
        def answer(self, crop):
            found, spread, _, turn = super().answer(crop)
            spread[[8, 27]] = 20.0  # both on the midline
            visible = np.ones(68, np.float32)
            visible[30] = 0
            return found, spread, visible, turn

    points = face_points()
    trust = find_landmarks(ramp(), Face((0, 0, 9, 9), five_of(points)), Unsure(points)).trust
    assert trust[30] == 0 and trust[[8, 27]].max() < 0.2 and np.median(trust) > 0.9


def test_a_net_that_answers_something_else_is_named():
    class Other(RampNet):
        def __call__(self, batch):
            return (np.zeros((2, 68, 2), np.float32),)

    with pytest.raises(ShapeError, match="landmarks net ramp should answer"):
        find_landmarks(ramp(), make_face(), Other(face_points()))
    with pytest.raises(RangeError, match="looks"):
        find_landmarks(ramp(), make_face(), Other(face_points()), looks=0)


# ------------------------------------------------------------ with the shipped weights


@pytest.fixture(scope="module")
def net():
    if not any(manifest.task == "face.landmarks" for manifest in find_manifests()):
        pytest.skip(
            "no face.landmarks model in the pack yet: its recipe is core/faceplate_training/landmarks_face"
        )
    return open_net(manifest_for("face.landmarks"), device="cpu")


@pytest.fixture(scope="module")
def photo(shared):
    """One London photo at 512 px, with five points read off its 189."""
    picture = cv2.imread(str(shared / "photos" / "london" / "003_neutral.jpg"))
    assert picture is not None
    marks = np.loadtxt(shared / "photos" / "london" / "003_neutral.pts189.txt") / 2
    five = np.stack([marks[0], marks[1], (marks[54] + marks[60]) / 2, marks[87], marks[93]]).astype(
        np.float32
    )
    small = cv2.resize(picture, (512, 512), interpolation=cv2.INTER_AREA)[..., ::-1] / np.float32(255)
    return np.ascontiguousarray(small), Face((130, 100, 390, 420), five), marks


@pytest.mark.weights
def test_a_mirrored_plate_has_mirrored_points(net, photo):
    pixels, face, _ = photo
    here = find_landmarks(Plate.of(pixels), face, net)
    other = Face(face.box, (face.points * (-1, 1) + (512, 0))[[1, 0, 2, 4, 3]].astype(np.float32))
    there = find_landmarks(Plate.of(np.ascontiguousarray(pixels[:, ::-1])), other, net)
    np.testing.assert_allclose((there.points * (-1, 1) + (512, 0))[MIRROR], here.points, atol=0.1)
    np.testing.assert_allclose(there.visible[MIRROR], here.visible, atol=0.01)
    np.testing.assert_allclose(there.turn * (1, -1, -1), here.turn, atol=0.01)


@pytest.mark.weights
def test_a_shifted_and_a_turned_plate_carry_their_points_along(net, photo):
    pixels, face, _ = photo
    here = find_landmarks(Plate.of(pixels), face, net)
    eyes = np.linalg.norm(face.points[1] - face.points[0])
    for matrix in (translation(17, -9), translation(30, 140) @ rolled(0.3) @ scaling(0.8)):
        moved = cv2.warpAffine(
            pixels, matrix[:2], (512, 512), flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT
        )
        there = find_landmarks(
            Plate.of(np.asarray(moved, np.float32)), Face(face.box, apply(matrix, face.points)), net
        )
        off = np.linalg.norm(there.points - apply(matrix, here.points), axis=1)
        assert off.mean() < 0.02 * eyes and off.max() < 0.08 * eyes


@pytest.mark.weights
def test_corners_of_eyes_and_mouth_are_found(net, photo):
    pixels, face, marks = photo
    found = find_landmarks(Plate.of(pixels), face, net)
    off = np.linalg.norm(found.points[[36, 39, 42, 45, 48, 54]] - marks[[18, 22, 23, 27, 87, 93]], axis=1)
    assert off.max() < 0.1 * np.linalg.norm(face.points[1] - face.points[0])
    assert found.visible.min() > 0.3 and abs(found.yaw) < 0.25


def rolled(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


@pytest.mark.weights
def test_a_head_can_be_fitted_to_what_was_found(net, photo, root):
    if not any((root / "models" / "open").glob("faceplate-head-*.npz")):
        pytest.skip("models/open holds no faceplate-head: its recipe is core/faceplate_training/head_model")
    pixels, face, _ = photo
    found = find_landmarks(Plate.of(pixels), face, net)
    head = read_head(read_weights(manifest_for("head.model")))
    view = View(found.points, camera_for_lens(512, 512, millimetres=90), found.trust)
    fit = fit_points(head, [view])
    assert fit.off[0] < 0.04 * np.linalg.norm(face.points[1] - face.points[0])
    assert np.linalg.norm(fit.poses[0].turn - found.turn) < 0.2

"""Laws of foreign detectors: decoded, they find what their graph sees, where it sees it, in the stages' own form."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.adapters.detectors import OURS, as_our_score, retinaface_rows, scrfd_rows, yunet_rows
from faceplate.adapters.opening import adapted
from faceplate.errors import ShapeError
from faceplate.plate import Plate
from faceplate.registry.manifest import Manifest, NetInput, Weights
from faceplate.runtime.onnx_net import OnnxNet
from faceplate.stages.detect import THRESHOLD, detect_faces
from tests.support.foreign_models import FORMS, POINTS, foreign_detector, foreign_restorer

RED, BLUE = (0.9, 0.1, 0.1), (0.1, 0.1, 0.9)
SIDE = 60.0


def picture(colour=RED, size=(256, 320), at=(120, 160)):
    """Grey with one cell of a colour, 8 px, corner at (y, x)."""
    shown = np.full((*size, 3), 0.5, np.float32)
    shown[at[0] : at[0] + 8, at[1] : at[1] + 8] = colour
    return shown


def batch_of(*pictures):
    return np.stack([shown.transpose(2, 0, 1) for shown in pictures])


def detector(opened, form, **facts):
    content = foreign_detector(form, side=SIDE, size=facts.pop("size", None))
    return opened(
        "face.detect",
        content,
        adapter=form,
        input={**FORMS[form]["input"], **facts.pop("input", {})},
        **facts,
    )


@pytest.mark.parametrize("form", sorted(FORMS))
def test_what_the_graph_sees_is_where_it_sees_it(opened, form):
    rows = detector(opened, form)(batch_of(picture()))[0][0]
    best = rows[np.argmax(rows[:, 0])]
    middle = np.array([164, 124])
    np.testing.assert_allclose(best[1:5], [*(middle - SIDE / 2), *(middle + SIDE / 2)], atol=1e-3)
    np.testing.assert_allclose(best[5:].reshape(5, 2), middle + SIDE * np.reshape(POINTS, (5, 2)), atol=1e-3)
    assert best[0] > 0.9 and (rows[:, 0] > 0.01).sum() <= 2


@pytest.mark.parametrize("form", sorted(FORMS))
def test_the_channels_arrive_in_the_models_own_order_and_range(opened, form):
    net = detector(opened, form)
    assert net(batch_of(picture(BLUE)))[0][..., 0].max() < 0.01
    assert net(batch_of(picture((0.6, 0.5, 0.55))))[0][..., 0].max() < 0.01, "a tinge is no face"


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_batch_is_its_pictures_one_by_one(opened, form):
    net = detector(opened, form)
    both = net(batch_of(picture(), picture(at=(40, 40))))[0]
    np.testing.assert_array_equal(both[0], net(batch_of(picture()))[0][0])
    np.testing.assert_array_equal(both[1], net(batch_of(picture(at=(40, 40))))[0][0])


@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_net_of_one_size_finds_the_same_in_a_smaller_picture(opened, form):
    free = detector(opened, form)(batch_of(picture()))[0][0]
    bound = detector(opened, form, id="foreign", size=(640, 640), input={"shape": "1 3 640 640"})(
        batch_of(picture())
    )[0][0]
    np.testing.assert_allclose(bound[np.argmax(bound[:, 0])], free[np.argmax(free[:, 0])], atol=1e-3)


def test_a_picture_larger_than_the_only_size_is_refused(opened):
    net = detector(opened, "yunet", size=(128, 128), input={"shape": "1 3 128 128"})
    with pytest.raises(ShapeError, match="128 x 128"):
        net(batch_of(picture()))


@pytest.mark.parametrize("form", sorted(FORMS))
def test_another_graph_than_the_manifest_says_is_named(opened, form):
    net = opened("face.detect", foreign_restorer(64), adapter=form)
    with pytest.raises(ShapeError, match="does not answer as its adapter expects"):
        net(np.zeros((1, 3, 64, 64), np.float32))


@pytest.mark.parametrize("form", sorted(FORMS))
def test_the_stage_finds_a_face_with_it(opened, form):
    pixels = np.full((360, 480, 3), 0.5, np.float32)
    pixels[150:182, 200:232] = RED
    faces = detect_faces(Plate.of(pixels), detector(opened, form), smallest=40.0, refine=False)
    assert len(faces) == 1
    x0, y0, x1, y1 = faces[0].box
    assert abs((x0 + x1) / 2 - 216) < 10 and abs((y0 + y1) / 2 - 166) < 10, "a cell or so from the red"


@given(st.floats(0.05, 0.95), st.lists(st.floats(-0.5, 1.5), min_size=2, max_size=8))
def test_scores_keep_their_order_and_their_threshold(threshold, scores):
    score = np.sort(np.array(scores, np.float32))
    ours = as_our_score(score, threshold)
    assert (np.diff(ours) >= 0).all() and ours.min() >= 0 and ours.max() <= 1
    ends = as_our_score(np.array([0.0, threshold, 1.0], np.float32), float(np.float32(threshold)))
    np.testing.assert_allclose(ends, [0.0, OURS, 1.0], atol=1e-5)


def test_the_threshold_is_the_stages_own():
    assert OURS == THRESHOLD


def test_a_models_own_threshold_decides(opened):
    """A cell at half the score counts where the model calls that a face, and not where it wants more."""
    shown = batch_of(picture((0.75, 0.25, 0.4)))
    scores = [detector(opened, "scrfd", output={"threshold": t})(shown)[0][..., 0].max() for t in (0.1, 0.9)]
    assert scores[0] > THRESHOLD > scores[1]


@given(st.sampled_from([yunet_rows, scrfd_rows, retinaface_rows]), st.integers(0, 12), st.integers(1, 12))
def test_outputs_of_any_shape_are_decoded_or_refused(decode, count, width):
    outputs = [np.zeros((4, width), np.float32)] * count
    try:
        rows = decode(outputs, (32, 32))
    except (ValueError, IndexError):
        return
    assert rows.shape[1] == 15


def test_yunet_is_decoded_as_opencv_decodes_it(shared, tmp_path):
    """The real net, on a real photo: the face that OpenCV finds is the best row, to a hundredth of a pixel."""
    weights = shared / "models" / "yunet_n_dynamic.onnx"
    bgr = cv2.imread(str(sorted((shared / "photos" / "london").glob("*.jpg"))[0]))
    assert bgr is not None
    bgr = cv2.resize(bgr, (320, 320), interpolation=cv2.INTER_AREA)
    found = cv2.FaceDetectorYN.create(str(weights), "", (320, 320), 0.3, 0.3).detect(bgr)[1]
    assert found is not None and len(found) == 1
    found[:, 2:4] += found[:, :2]
    facts = Manifest(
        "yunet", "face.detect", "1.0.0", "MIT", "B", Weights("yunet.onnx", "0" * 64, "onnx"),
        NetInput(("B", "3", "H", "W"), (0.0, 255.0), "sRGB", order="BGR"), tmp_path / "yunet.toml", tmp_path,
        adapter="yunet",
    )  # fmt: skip
    inner = OnnxNet(
        weights.read_bytes(), id="yunet", template="", providers=("CPUExecutionProvider",), threads=1
    )
    rows = adapted(inner, facts)(batch_of(np.float32(bgr[..., ::-1]) / 255))[0][0]
    best = rows[np.argmax(rows[:, 0])]
    np.testing.assert_allclose(best[1:], found[0, :14], atol=0.01)
    np.testing.assert_allclose(best[0], found[0, 14], atol=1e-4)

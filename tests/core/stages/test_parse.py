"""Laws of parsing, tried with a net that reads classes from colours; the shipped net on a portrait."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.faces import template_points
from faceplate.plate import Plate
from faceplate.registry.catalogue import has_model, manifest_for
from faceplate.runtime.pool import open_net
from faceplate.stages.align import align_face
from faceplate.stages.detect import detect_faces
from faceplate.stages.matte import clear_of_occluders, face_matte
from faceplate.stages.parse import CELLS, CLASSES, SIDE, Parsed, parse_crop
from faceplate_training.photos import photos
from tests.support.nets import StubNet, red_occludes_net

OCCLUDER, GLASSES, SKIN = (CLASSES.index(name) for name in ("occluder", "glasses", "skin"))


def shown(**places: tuple[slice, slice]) -> Parsed:
    """Skin everywhere but for a nose, and of each named class a rectangle of cells, all quite sure."""
    labels = np.full((CELLS, CELLS), SKIN)
    labels[32:46, 50:76] = CLASSES.index("nose")
    for name, place in places.items():
        labels[place] = CLASSES.index(name)
    return Parsed(np.eye(len(CLASSES), dtype=np.float32)[labels])


HAND = (slice(70, 128), slice(50, 90))
MATTE = face_matte(SIDE, template_points("ffhq_512", SIDE))

# ------------------------------------------------------------ parsing


@settings(max_examples=10)
@given(side=st.sampled_from([64, 200, 256, 512]), seed=st.integers(0, 999))
def test_a_mirrored_crop_is_parsed_in_a_mirror(side, seed):
    crop = np.random.default_rng(seed).random((side, side, 3), np.float32)
    one, other = (
        parse_crop(crop, red_occludes_net()),
        parse_crop(np.ascontiguousarray(crop[:, ::-1]), red_occludes_net()),
    )
    np.testing.assert_allclose(one.shares, other.shares[:, ::-1], atol=2e-3)
    np.testing.assert_allclose(one.shares.sum(2), 1.0, atol=1e-5)


def test_the_net_sees_the_crop_and_its_mirror_image_at_its_own_side_and_within_range():
    net = red_occludes_net()
    crop = np.linspace(-0.5, 1.5, 512 * 512 * 3, dtype=np.float32).reshape(512, 512, 3)
    parse_crop(crop, net)
    (batch,) = net.batches
    assert batch.shape == (2, 3, SIDE, SIDE) and batch.min() >= 0 and batch.max() <= 1
    np.testing.assert_array_equal(batch[0], batch[1, :, :, ::-1])


def test_what_is_likely_adds_up_and_is_found_at_any_side():
    parsed = shown(occluder=HAND, glasses=(slice(40, 50), slice(20, 100)))
    assert parsed.likely("occluder")[100, 70] == 1 and parsed.likely("occluder")[45, 50] == 0
    np.testing.assert_allclose(parsed.likely(*CLASSES), 1.0)
    for side in (64, 512):
        labels = parsed.labels(side)
        assert labels.shape == (side, side)
        assert labels[side * 100 // 128, side * 70 // 128] == OCCLUDER
        assert labels[side * 45 // 128, side * 60 // 128] == GLASSES
    with pytest.raises(RangeError, match="no class is called 'ears'"):
        parsed.likely("skin", "ears")


def test_a_net_that_answers_something_else_is_named():
    for answer in (lambda batch: batch, lambda batch: np.full((2, 11, CELLS, CELLS), np.nan)):
        with pytest.raises(ShapeError, match="parsing net stub-1 should answer"):
            parse_crop(np.zeros((SIDE, SIDE, 3), np.float32), StubNet(answer))
    with pytest.raises(ShapeError, match="crop should be"):
        parse_crop(np.zeros((SIDE, 100, 3), np.float32), red_occludes_net())


# ------------------------------------------------------------ the matte


@settings(max_examples=25)
@given(seed=st.integers(0, 9999), side=st.sampled_from([64, 256, 512]))
def test_a_matte_only_ever_gives_way(seed, side):
    rng = np.random.default_rng(seed)
    shares = rng.random((CELLS, CELLS, len(CLASSES)), np.float32) ** rng.integers(1, 60)
    parsed = Parsed(shares / shares.sum(2, keepdims=True))
    matte = face_matte(side, template_points("ffhq_512", side))
    cleared = clear_of_occluders(matte, parsed)
    assert cleared.dtype == np.float32 and cleared.min() >= 0 and (cleared <= matte).all()
    assert not cleared[matte == 0].any()


def test_a_hand_is_left_out_wholly_and_the_face_beside_it_is_not_touched():
    cleared = clear_of_occluders(MATTE, shown(occluder=HAND))
    assert cleared[2 * 73 : 2 * 115, 2 * 53 : 2 * 87].max() < 0.002
    np.testing.assert_array_equal(cleared[:120], MATTE[:120])
    np.testing.assert_array_equal(cleared[:, :80], MATTE[:, :80])


def test_the_edge_of_a_hand_is_soft():
    cleared = clear_of_occluders(MATTE, shown(occluder=HAND))
    down = cleared[110:160, 140]
    assert (np.diff(down) <= 1e-6).all() and 3 <= ((down > 0.02) & (down < 0.98)).sum() <= 16


def test_glasses_hair_and_single_cells_stay():
    specks = shown(glasses=(slice(40, 60), slice(20, 108)), hair=(slice(0, 30), slice(0, 128)))
    np.testing.assert_array_equal(clear_of_occluders(MATTE, specks), MATTE)
    single = shown(occluder=(slice(80, 81), slice(60, 70)))
    np.testing.assert_array_equal(clear_of_occluders(MATTE, single), MATTE)


def test_an_island_counts_the_more_the_larger_it_is_and_never_blinks():
    kept = []
    for width in range(1, 16):
        parsed = shown(occluder=(slice(60, 70), slice(60, 60 + width)))
        kept.append(float(clear_of_occluders(MATTE, parsed).sum()))
    whole = float(MATTE.sum())
    assert kept[0] == kept[3] == whole and kept[-1] < whole - 400
    drops = -np.diff([whole, *kept])
    assert (drops >= -1e-2).all() and drops.max() < 260


def test_a_net_that_is_not_sure_changes_nothing():
    """Half occluder, half anything: what a net says of a face of ten pixels."""
    shares = np.full((CELLS, CELLS, len(CLASSES)), 0.5 / (len(CLASSES) - 1), np.float32)
    shares[..., OCCLUDER] = 0.5
    np.testing.assert_array_equal(clear_of_occluders(MATTE, Parsed(shares)), MATTE)


def test_where_no_face_is_seen_nothing_lies_before_it():
    everywhere = (slice(0, CELLS), slice(0, CELLS))
    np.testing.assert_array_equal(clear_of_occluders(MATTE, shown(occluder=everywhere)), MATTE)
    half = clear_of_occluders(MATTE, shown(occluder=(slice(52, CELLS), slice(0, CELLS))))
    assert half[112:].max() < 1e-6 and half[:90].max() == 1.0


def test_a_little_more_doubt_changes_the_matte_a_little():
    """Between two frames the net's answer moves a little; so may the matte, and no more."""
    sure = shown(occluder=HAND).shares
    even = np.full_like(sure, 1 / len(CLASSES))
    mattes = [clear_of_occluders(MATTE, Parsed(sure * (1 - t) + even * t)) for t in np.linspace(0, 0.6, 121)]
    steps = [np.abs(one - other).max() for one, other in pairwise(mattes)]
    assert max(steps) < 0.08 and np.abs(mattes[0] - mattes[-1]).max() > 0.9


# ------------------------------------------------------------ the shipped net


@pytest.fixture(scope="module")
def portrait(shared):
    """(256, 256, 3) the crop of a London person who was never trained on."""
    photo = next(one.path for one in photos(shared / "photos") if one.held_out)
    pixels = np.asarray(cv2.imread(str(photo)), np.float32)[..., ::-1] / 255
    plate = Plate.of(np.ascontiguousarray(pixels, np.float32))
    face = detect_faces(plate, open_net(manifest_for("face.detect"), device="cpu"), smallest=200)[0]
    return align_face(plate, face, side=SIDE).pixels


@pytest.mark.weights
def test_the_shipped_net_sees_features_where_they_are_and_a_bar_where_it_is(portrait):
    if not has_model("face.parse"):
        pytest.skip("models/open holds no parsing net: its recipe is core/faceplate_training/parse_face")
    net = open_net(manifest_for("face.parse"), device="cpu")
    labels = parse_crop(portrait, net).labels(SIDE)
    for (x, y), names in zip(
        template_points("ffhq_512", SIDE).astype(int), (("iris", "eyes"),) * 2 + (("nose",),), strict=False
    ):
        around = labels[y - 6 : y + 7, x - 6 : x + 7]
        assert np.isin(around, [CLASSES.index(name) for name in names]).mean() > 0.3, names
    assert CLASSES[labels[160, 80]] == "skin" and CLASSES[labels[8, 8]] == "background"
    barred = portrait.copy()
    barred[170:215, 70:190] = (0.1, 0.5, 0.2)
    after = parse_crop(barred, net)
    assert (after.labels(SIDE)[178:208, 80:180] == OCCLUDER).mean() > 0.8
    assert clear_of_occluders(MATTE, after)[178:208, 80:180].mean() < 0.2
    assert clear_of_occluders(MATTE, parse_crop(portrait, net)).sum() > 0.97 * MATTE.sum()

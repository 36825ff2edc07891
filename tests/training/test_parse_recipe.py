"""The parsing net's recipe: labels move with the pixels, photos are asked where they went, weights leave whole."""

from types import SimpleNamespace

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.nets.parse_net import SIDE, ParseNet
from faceplate.stages.parse import CELLS, CLASSES
from faceplate_training.parse_face import views
from faceplate_training.parse_face.evaluate import counted, overlaps, ten
from faceplate_training.parse_face.portraits import CLASS_OF_REGION, UNTOLD, Portraits, told
from faceplate_training.parse_face.scenes import split_light
from faceplate_training.parse_face.train import expected, export, losses, shares
from faceplate_training.parse_face.views import (
    Sources,
    Views,
    covered,
    jitter,
    shown_as,
    warped,
    warped_labels,
)
from faceplate_training.photos import MARGIN, Frame
from faceplate_training.renders.light import Panorama
from faceplate_training.renders.make import Renders
from faceplate_training.renders.scene import REGIONS

BACKGROUND, SKIN, LIPS, HAIR, GLASSES, OCCLUDER = (
    CLASSES.index(name) for name in ("background", "skin", "lips", "hair", "glasses", "occluder")
)


def points_68(side: int) -> np.ndarray:
    """(68, 2) about a face in the middle, its five where FFHQ has them in a square of 0.8 of the side."""
    points = np.random.default_rng(2).uniform(0.35, 0.65, (68, 2)) * side
    five = (views.TEMPLATE / SIDE - 0.5) * 0.8 * side + side / 2
    for first, place in ((36, 0), (42, 1)):
        points[first : first + 6] += five[place] - points[first : first + 6].mean(0)
    points[[30, 48, 54]] = five[2:]
    return points.astype(np.float32)


def make_sources(side: int = 320) -> Sources:
    """One render, one portrait and one photo: a grey picture with a white disc, which is lips, on skin."""
    pixels = np.full((side, side, 3), 90, np.uint8)
    cv2.circle(pixels, (side // 2 + 20, side // 2 + 10), side // 8, (255, 255, 255), -1)
    lips = pixels[..., 0] > 200
    regions = np.where(lips, REGIONS.index("lips"), REGIONS.index("skin")).astype(np.uint8)
    points = points_68(side)[None]
    none = np.zeros((1, 68), bool)
    renders = Renders(
        pixels[None], points, none, np.zeros((1, 3), np.float32), regions[None], np.zeros(1, np.float32)
    )
    portraits = Portraits(pixels[None], CLASS_OF_REGION[regions][None], points)
    photo = Frame(pixels, side / MARGIN, SimpleNamespace())  # pyright: ignore[reportArgumentType]
    sky = Panorama(np.random.default_rng(1).random((32, 64, 3), np.float32))
    return Sources(renders, portraits, [photo], [sky])


# ------------------------------------------------------------ labels


def test_every_region_of_a_render_has_its_class():
    for number, region in enumerate(REGIONS):
        name = CLASSES[CLASS_OF_REGION[number]]
        assert name == {"nothing": "background", "teeth": "mouth"}.get(region, region)


@settings(max_examples=12)
@given(seed=st.integers(0, 9999))
def test_labels_move_with_the_pixels(seed):
    """Of what is bright, nearly all is labelled lips, and the other way round, wherever the crop was put."""
    rng, source = np.random.default_rng(seed), make_sources()
    matrix = jitter(rng) @ views.crop_matrix(source.renders.points[0], rng)
    pixels = warped(source.renders.pixels[0], matrix)
    labels = warped_labels(CLASS_OF_REGION[source.renders.regions[0]], matrix)
    bright, lips, known = pixels[..., 0] > 172, labels == LIPS, labels != UNTOLD
    assert lips.sum() > 500 and (bright != lips)[known].sum() < 0.06 * lips.sum()


def test_beyond_the_rim_nothing_is_told():
    labels = warped_labels(np.zeros((100, 100), np.uint8), np.diag([1.0, 1.0, 1.0]))
    assert (labels[:100, :100] == 0).all() and (labels[101:] == UNTOLD).all()


@settings(max_examples=10)
@given(seed=st.integers(0, 9999))
def test_what_is_laid_over_a_picture_is_labelled_and_nothing_else_changes(seed):
    """Shadows aside, which hands cast."""
    pixels = np.full((SIDE, SIDE, 3), 120, np.uint8)
    shown, labels = covered(pixels, make_sources(), np.random.default_rng(seed))
    assert set(np.unique(labels)) <= {GLASSES, OCCLUDER, UNTOLD}
    assert shown.shape == pixels.shape and shown.dtype == np.uint8
    far = cv2.dilate((labels != UNTOLD).astype(np.uint8), np.ones((41, 41))) == 0
    lens = (labels == GLASSES).any()  # clear lenses have no label
    if not lens:
        assert (np.abs(shown.astype(int) - 120).max(2)[far] <= 60).all() and (shown[far] <= 121).all()


def test_the_table_of_square_roots_is_the_curve():
    from faceplate.colour import SRGB

    linear = np.linspace(0, 1.2, 5000, dtype=np.float32)
    exact = 255 * np.clip(SRGB.encode(linear), 0, 1)
    assert np.abs(shown_as(linear) - exact).max() < 0.9


@pytest.mark.parametrize("number", range(6))
def test_a_view_is_a_function_of_its_number(number):
    one, other = (Views(make_sources(), 5, 10)[number] for _ in range(2))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.shown.shape == one.calm.shape == (SIDE, SIDE, 3) and one.labels.shape == (SIDE, SIDE)


def test_light_is_trained_under_or_held_out_and_never_both():
    skies = [Panorama(np.full((2, 4, 3), k, np.float32)) for k in range(8)]
    train, test = (split_light(skies, held_out=out) for out in (False, True))
    assert len(train) == 6 and len(test) == 2 and not {id(sky) for sky in train} & {id(sky) for sky in test}


# ------------------------------------------------------------ London


def test_a_person_before_a_pale_wall_is_told_apart():
    """A brown disc with black hair above, before grey: skin, hair and wall, each where it is."""
    side = 320
    pixels = np.full((side, side, 3), 200, np.uint8)
    cv2.ellipse(pixels, (160, 150), (95, 120), 0, 0, 360, (25, 18, 15), -1)
    cv2.ellipse(pixels, (160, 180), (75, 95), 0, 0, 360, (190, 140, 115), -1)
    pixels = np.clip(pixels + np.random.default_rng(0).normal(0, 3, pixels.shape), 0, 255).astype(np.uint8)
    angle = np.linspace(np.pi, 0, 17)
    points = np.full((68, 2), 160.0, np.float32) + np.random.default_rng(1).uniform(-20, 20, (68, 2))
    points[:17] = np.stack([160 + 72 * np.cos(angle), 190 + 80 * np.sin(angle)], 1)
    points[17:27] = np.stack([np.linspace(100, 220, 10), np.full(10, 150.0)], 1)
    points[48:68, 1] += 50
    fitted = np.zeros((side, side), np.uint8)
    cv2.ellipse(fitted, (160, 180), (75, 95), 0, 0, 360, (SKIN,), -1)
    labels = told(pixels, fitted, points.astype(np.float32))
    assert labels[180, 160] == SKIN and labels[20, 20] == BACKGROUND and labels[50, 160] == HAIR
    assert labels[180, 72] in (HAIR, UNTOLD)


# ------------------------------------------------------------ what is minimised


def test_shares_count_pixels_and_leave_out_what_is_untold():
    labels = torch.full((1, SIDE, SIDE), SKIN, dtype=torch.uint8)
    labels[0, 0, :3] = torch.tensor([HAIR, UNTOLD, UNTOLD], dtype=torch.uint8)
    labels[0, 1, 2:4] = UNTOLD
    labels[0, 0, 3] = UNTOLD
    target, weight = shares(labels)
    assert target.shape == (1, len(CLASSES), CELLS, CELLS) and weight.shape == (1, CELLS, CELLS)
    np.testing.assert_allclose(target[0, [HAIR, SKIN], 0, 0], [1 / 3, 2 / 3], atol=1e-6)
    assert weight[0, 0, 0] == 0.75 and weight[0, 0, 1] == 0 and weight[0, 5, 5] == 1
    np.testing.assert_allclose(target.sum(1)[weight > 0], 1, atol=1e-6)


def test_the_right_answer_costs_least_and_untold_cells_cost_nothing():
    labels = torch.from_numpy(np.random.default_rng(0).integers(0, len(CLASSES), (2, CELLS, CELLS)))
    labels = labels.repeat_interleave(2, 1).repeat_interleave(2, 2).to(torch.uint8)
    target, weight = shares(labels)
    right = sum(losses(30 * target, target, weight).values())
    wrong = sum(losses(30 * target.roll(1, 1), target, weight).values())
    assert right < 0.01 < 1 < wrong
    weight[:, :64] = 0
    spoilt = 30 * target.clone()
    spoilt[:, :, :64] = torch.randn(2, len(CLASSES), 64, CELLS) * 30
    assert sum(losses(spoilt, target, weight).values()) < 0.01


@settings(max_examples=8)
@given(number=st.integers(0, 500))
def test_a_calm_look_is_asked_where_the_other_look_shows_it(number):
    """A net that says lips where it is bright: moved to the other look, it says so where that is bright too."""
    calm_look = None
    rng = np.random.default_rng(number)
    source = make_sources()
    calm_look = views.agreeing(source, rng)

    class Bright(torch.nn.Module):
        def logits(self, crop: torch.Tensor) -> torch.Tensor:
            light = torch.nn.functional.avg_pool2d(crop[:, :1], 2)
            said = torch.full((len(crop), len(CLASSES), CELLS, CELLS), -20.0)
            said[:, LIPS], said[:, SKIN] = ((light - 0.67) * 200)[:, 0], ((0.67 - light) * 200)[:, 0]
            return said

    def batch(pixels: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255)

    theta = torch.from_numpy(calm_look.calm_from_shown[None])
    said, sure = expected(Bright(), batch(calm_look.calm), theta, CELLS)
    # the other look without its damage and cover, by the same map
    flat = np.vstack([calm_look.calm_from_shown, (0, 0, 1)])
    normal = np.array([[2 / SIDE, 0, -1], [0, 2 / SIDE, -1], [0, 0, 1]])
    moved = warped(calm_look.calm, np.linalg.inv(np.linalg.inv(normal) @ flat @ normal).astype(np.float64))
    bright = cv2.resize(moved[..., 0], (CELLS, CELLS), interpolation=cv2.INTER_AREA) > 171
    lips, known = said[0, LIPS].numpy() > 0.5, sure[0].numpy() > 0
    assert known.mean() > 0.5 and lips[known].sum() > 100
    assert (bright != lips)[known].sum() < 0.05 * lips.sum()


# ------------------------------------------------------------ what is measured


def test_overlap_is_intersection_over_union():
    labels = np.full((4, 4), SKIN, np.uint8)
    labels[0] = [HAIR, HAIR, GLASSES, UNTOLD]
    said = np.full((4, 4), SKIN, np.uint8)
    said[0] = [HAIR, SKIN, OCCLUDER, HAIR]
    counts = counted(said, labels)
    assert counts.sum() == 15 and overlaps(counts)[HAIR] == 0.5 and overlaps(counts)[SKIN] == 12 / 13
    assert overlaps(counts)[GLASSES] == 0 and np.isnan(overlaps(counts)[[LIPS, OCCLUDER]]).all()
    merged = overlaps(ten(counts))
    assert (
        len(merged) == len(CLASSES) - 1 and merged[-1] == 1.0
    )  # glasses taken for an occluder are an occluder


# ------------------------------------------------------------ the file


def test_exported_weights_answer_as_the_net_does(tmp_path):
    torch.manual_seed(0)
    net = ParseNet(len(CLASSES), (16, 16, 32, 32)).eval()
    export(net, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(
        (tmp_path / "net.onnx").read_bytes(), providers=["CPUExecutionProvider"]
    )
    crops = np.random.default_rng(0).random((3, 3, SIDE, SIDE), np.float32)
    got = np.asarray(session.run(None, {"crop": crops})[0])
    with torch.no_grad():
        wanted = net(torch.from_numpy(crops)).numpy()
    assert np.shape(got) == (3, len(CLASSES), CELLS, CELLS)
    np.testing.assert_allclose(got, wanted, atol=3e-3)
    np.testing.assert_allclose(np.sum(got, 1), 1, atol=1e-5)

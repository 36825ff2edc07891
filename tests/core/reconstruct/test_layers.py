"""Structure and regions as layers: blind to shade, least at the truth, weighed by measuring, with a true gradient."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from faceplate.errors import ShapeError
from faceplate.reconstruct.camera import HeadPose, camera_for_lens, project
from faceplate.reconstruct.colour_problem import ColourProblem, PhotometricParams
from faceplate.reconstruct.colour_round import layered, lit, pictured, weighed
from faceplate.reconstruct.face_photo import FacePhoto
from faceplate.reconstruct.head_fit import FitParams, View
from faceplate.reconstruct.layers import Layer, Regions, regions_on, structure_of, structure_on
from faceplate.reconstruct.points_problem import PointsProblem
from faceplate.reconstruct.raster import rasterise
from faceplate.reconstruct.skin import skin_of
from tests.support.heads import make_albedo, make_head

PLAIN = make_head()
X, Y, Z = (PLAIN.mean / 100).T
LIPS = ((X**2 + (Y + 0.45) ** 2 < 0.06) & (Z > 0)).astype(np.float32)
BROWS = (((np.abs(X) - 0.35) ** 2 + (Y - 0.4) ** 2 < 0.04) & (Z > 0)).astype(np.float32)
HEAD = replace(PLAIN, mask_names=("face", "lips", "brows"), masks=np.stack([*PLAIN.masks, LIPS, BROWS]))
ALBEDO = make_albedo(HEAD)
SIZE = 300
CAMERA = camera_for_lens(SIZE, SIZE, millimetres=70)
LAYERS = PhotometricParams(structure=1.0, regions=1.0, independent=10.0, edge=0.0)
WHERE = HeadPose(np.array([0.05, 0.1, 0.0]), np.array([5.0, -5.0, 700.0]))


def drawn(values: np.ndarray) -> np.ndarray:
    """(SIZE, SIZE, C) the egg with values (V, C) on its vertices."""
    placed = project(HEAD.mean.astype(float), WHERE, CAMERA)
    raster = rasterise(placed, HEAD.triangles, (SIZE, SIZE))
    shown = np.zeros((SIZE, SIZE, values.shape[1]), np.float32)
    corners = HEAD.triangles[raster.triangle[raster.covered]]
    shown[raster.covered] = (values[corners] * raster.weights[raster.covered][..., None]).sum(1)
    return shown


def regions() -> Regions:
    lips, brows = np.moveaxis(drawn(np.stack([LIPS, BROWS], 1)), -1, 0)
    return Regions(lips, brows, np.zeros_like(lips))


def problem(
    params: PhotometricParams, seen: Regions | None, level: float = 3.0
) -> tuple[ColourProblem, np.ndarray]:
    """All terms at the truth. The egg's vertices stand 20 mm apart, and structure wants to be coarser than that."""
    points = project(HEAD.landmarks["68"].on(HEAD.mean.astype(float)), WHERE, CAMERA)[:, :2].astype(
        np.float32
    )
    pixels = np.clip(drawn(np.asarray(ALBEDO.mean)) * np.float32(0.4), 0, 1).astype(np.float32)
    work = FacePhoto.of(View(points, CAMERA), pixels, seen)
    base = PointsProblem.of(HEAD, [work.view], FitParams(noise=0.05, identity=5, expression_spread=0))
    made = ColourProblem.of(HEAD, ALBEDO, base, skin_of(HEAD, ALBEDO), [work], params)
    state = np.zeros(made.size)
    state[base.place(0)[1]], state[base.place(0)[2]] = WHERE.turn, WHERE.move
    made = pictured(made, HEAD, ALBEDO, level, state)
    state = lit(made, state)
    return weighed(layered(made, HEAD, ALBEDO, level, state), state), state


@pytest.mark.parametrize(("name", "level"), [("structure", 15.0), ("regions", 3.0)])
def test_a_layer_is_cheapest_where_the_head_is(name, level):
    made, state = problem(LAYERS, regions(), level)
    at_truth = made.cost(state)[0][name]
    turn = made.base.place(0)[1].start
    for axis, by in ((0, 0.08), (0, -0.08), (1, 0.08), (1, -0.08)):
        moved = state.copy()
        moved[turn + axis] += by
        assert made.cost(moved)[0][name] > 1.1 * at_truth, (axis, by)


def test_structure_does_not_see_a_shadow_that_colours_see():
    pattern = np.random.default_rng(0).normal(size=(200, 200)).astype(np.float32)
    grey = 1 + cv2.GaussianBlur(pattern, (0, 0), 2.0) * 2
    shadow = np.linspace(1, 0.4, 200, dtype=np.float32)[None]
    whole = np.ones((200, 200), np.float32)
    clear, dim = structure_of(grey, 2.0, whole), structure_of(grey * shadow, 2.0, whole)
    assert np.corrcoef(clear.ravel(), dim.ravel())[0, 1] > 0.98
    assert np.abs(dim - clear).mean() < 0.15 * np.abs(clear).mean()


def test_a_head_without_pattern_has_no_structure():
    assert np.abs(structure_on(HEAD, np.full(len(HEAD.mean), 0.7), 2.0)).max() < 1e-5
    assert (
        np.abs(structure_of(np.full((50, 50), 0.7, np.float32), 2.0, np.ones((50, 50), np.float32))).max()
        < 1e-4
    )


def test_what_is_behind_the_head_is_not_in_its_structure():
    grey = np.full((60, 60), 0.7, np.float32)
    head = np.zeros((60, 60), np.float32)
    head[:, :30] = 1
    dark, light = (structure_of(np.where(head > 0, grey, behind), 2.0, head)[:, :30] for behind in (0.0, 2.0))
    assert np.abs(dark).max() < 1e-4 and np.abs(light).max() < 1e-4


def test_regions_on_a_head_are_its_masks_blurred():
    shares = regions_on(HEAD, ("lips", "brows"), 5.0)
    assert shares.min() >= 0 and shares.max() <= 1
    assert shares[LIPS > 0, 0].mean() > 3 * shares[LIPS == 0, 0].mean()


def test_what_counts_is_measured_on_the_photo():
    """Twice the misfit everywhere is twice the deviation: the cost stays, what a unit counts falls to a quarter."""
    places = np.random.default_rng(1).uniform(20, 80, (300, 2))
    off = np.random.default_rng(2).normal(size=(300, 1)) * 0.1
    blank, trust = np.zeros((100, 100, 1), np.float32), np.ones(300)
    one, two = (Layer.of(blank, k * off).weighed(places, trust, 1.5, np.ones(300)) for k in (1, 2))
    np.testing.assert_allclose(two.say, one.say / 4)
    sigma = np.median(np.abs(off)) / 0.67
    calm = np.abs(off[:, 0]) < sigma
    np.testing.assert_allclose(one.say[calm], 1 / sigma**2)
    assert (one.say[np.abs(off[:, 0]) > 2 * sigma] < 0.8 / sigma**2).all()


def test_the_gradient_is_the_slope_of_the_cost():
    made, state = problem(LAYERS, regions())
    state = state + 0.02 * np.random.default_rng(1).normal(size=len(state)) * (np.abs(state) < 5)
    bare = replace(made, layers=())
    turn, move = made.base.place(0)[1].start, made.base.place(0)[2].start
    measured, told = [], []
    for place, size in ((0, 0.05), (1, 0.05), (3, 0.05), (turn, 4e-3), (turn + 1, 4e-3), (move, 0.2)):
        step = np.zeros_like(state)
        step[place] = size
        rise = [p.cost(state + step)[1] - p.cost(state - step)[1] for p in (made, bare)]
        measured.append((rise[0] - rise[1]) / (2 * size))
        told.append(2 * (made.linearise(state)[0] - bare.linearise(state)[0])[place])
    assert np.abs(np.array(measured) - told).max() < 0.08 * np.abs(measured).max()


def test_what_a_net_sees_before_the_face_counts_nothing():
    covered = np.zeros((SIZE, SIZE), np.float32)
    covered[:, : SIZE // 2] = 1
    clear, hidden = (
        problem(PhotometricParams(), seen)[0] for seen in (regions(), replace(regions(), covered=covered))
    )
    assert hidden.trust[0].sum() < 0.7 * clear.trust[0].sum() and hidden.trust[0].max() > 0.9
    np.testing.assert_array_less(hidden.trust[0], clear.trust[0] + 1e-6)


def test_without_a_net_nothing_is_laid_on():
    made, state = problem(PhotometricParams(), None)
    assert made.layers == [{}] and made.cost(state)[0]["structure"] == made.cost(state)[0]["regions"] == 0


def test_regions_of_another_size_name_themselves():
    seen = Regions(*(np.zeros((20, 20), np.float32) for _ in range(3)))
    with pytest.raises(ShapeError, match="regions"):
        problem(PhotometricParams(), seen)

"""The reconstruction net's recipe: labels go with pixels and into mirrors, losses punish what they should, and weights
leave as they are and come back.
"""

import argparse
import json

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.nets.reconstruct_net import SIDE, TEXELS, WINDOW, ReconstructNet
from faceplate.reconstruct.gaze import eye_turns
from faceplate.reconstruct.morphable import rotation
from faceplate.stages.landmarks import MIRROR, TEMPLATE, five_of
from faceplate_training.export import load_onnx_weights
from faceplate_training.photos import MARGIN, Frame, Photo
from faceplate_training.reconstruct_face import train as recipe
from faceplate_training.reconstruct_face.acting import acted, other_side
from faceplate_training.reconstruct_face.losses import (
    Losses,
    Shape,
    agreement,
    decoded,
    encoded,
    exposed,
    projected,
    rotations,
)
from faceplate_training.reconstruct_face.own_photos import own_photos
from faceplate_training.reconstruct_face.scenes import SCENES, SIGHT, KnownRenders, KnownStudio, window_of
from faceplate_training.reconstruct_face.shipped import LANDMARKS, OUTPUTS, Whole, export
from faceplate_training.reconstruct_face.views import KNOWN, MARKED, UNTOLD, Mirror, Sample, Views
from faceplate_training.renders.light import Panorama
from faceplate_training.renders.make import make


@pytest.fixture(scope="module")
def studio(head):
    skins = np.stack([np.full((64, 64, 3), level, np.uint8) for level in (120, 180)])
    return KnownStudio(head, skins, [Panorama(np.ones((32, 64, 3), np.float32))])


@pytest.fixture(scope="module")
def renders(studio) -> KnownRenders:
    return KnownRenders.gathered([studio.render(np.random.default_rng([4, n])) for n in range(4)])


def frame() -> Frame:
    pixels = np.random.default_rng(3).integers(0, 255, (250, 250, 3), np.uint8)
    return Frame(cv2.GaussianBlur(pixels, (0, 0), 3), 250 / MARGIN, Photo(None, "x", "own"))  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="module")
def views(renders, head) -> Views:
    shown = Views(renders, None, [], head, 1, 1).shown  # pyright: ignore[reportArgumentType]
    return Views(renders, shown, [frame()], head, 7, 100, (0.3, 0.3))


# ------------------------------------------------------------ acting and scenes


@settings(max_examples=30)
@given(seed=st.integers(0, 100_000))
def test_what_faces_do_is_within_bounds_and_eyes_look_at_one_place(head, seed):
    weights = acted(head, np.random.default_rng(seed))
    assert weights.shape == (len(head.expressions),) and weights.min() >= 0 and weights.max() <= 1
    roles = np.array(head.expression_roles)
    assert not weights[(roles == "extra") | (roles == "viseme")].any()
    np.testing.assert_array_equal(head.with_correctives(weights), weights)
    turns = eye_turns(head, weights)
    apart = turns["eye_left"] - turns["eye_right"]
    assert abs(apart[0]) < 1e-6  # both as high
    assert apart[1] < np.radians(2)  # never apart, but for what the bounds of a weight cut off


def test_another_name_of_the_other_side_comes_back(head):
    names = [head.expression_names[place] for place in head.arkit]
    swap = other_side(names)
    np.testing.assert_array_equal(swap[swap], np.arange(len(names)))
    assert names[swap[names.index("eyeBlinkLeft")]] == "eyeBlinkRight"
    assert names[swap[names.index("jawLeft")]] == "jawRight"
    assert swap[names.index("jawOpen")] == names.index("jawOpen")


def test_mirrored_coefficients_make_the_mirrored_head(head):
    rng, mirror = np.random.default_rng(5), Mirror.of(head)
    identity, weights = rng.normal(size=60), np.zeros(len(head.expressions))
    weights[head.arkit] = rng.random(52)
    other = weights.copy()
    other[head.arkit] = weights[head.arkit][mirror.weights]
    here = head.rest(identity, weights)
    there = head.rest(identity * mirror.identity, other)
    np.testing.assert_allclose(here[head.mirror] * (-1, 1, 1), there, atol=0.02)


def test_the_window_holds_the_face_and_is_its_own_mirror(head):
    window = window_of(head, SIGHT)
    assert window.covered.mean() > 0.5
    middle = (WINDOW[0] + WINDOW[1]) / 2
    nose = head.landmarks["68"].vertices[30]
    face = head.quad_region == head.region_names.index("face")
    corners = np.isin(head.quads[face], nose)
    assert abs(head.uv[head.quad_uv[face][corners], 0].mean() - middle) < 0.01
    both = window.covered & window.covered[:, ::-1]
    assert both.sum() > 0.98 * window.covered.sum()
    sides = (head.mean[window.corners] * window.weights[..., None]).sum(2)
    np.testing.assert_allclose((sides[..., 0] + sides[:, ::-1, 0])[both], 0, atol=2.5)


def test_a_known_render_knows_itself(studio, renders, head, tmp_path):
    again = studio.render(np.random.default_rng([4, 2]))
    np.testing.assert_array_equal(again.pixels, renders.pixels[2])
    np.testing.assert_array_equal(again.weights, renders.weights[2])
    assert renders.identity.shape == (4, len(head.identity)) and renders.sight.shape == (4, SIGHT, SIGHT)
    make(studio, tmp_path, SCENES.prefix(held_out=True), seed=4, count=2, kind=KnownRenders)
    back = SCENES.read(tmp_path, held_out=True)
    np.testing.assert_array_equal(back.sight, renders.sight[:2])


def test_the_side_that_is_turned_away_is_not_seen(studio, renders):
    turned = [n for n in range(4) if abs(renders.yaw[n]) > 0.3]
    assert turned
    for n in turned:
        left, right = renders.sight[n][:, : SIGHT // 2].mean(), renders.sight[n][:, SIGHT // 2 :].mean()
        # a nose that points to the right of the picture shows the subject's right side, at the left of the map
        assert (left > right) == (renders.yaw[n] > 0)


# ------------------------------------------------------------ views


def test_every_kind_of_view_comes_and_is_the_same_whenever_asked_for(views):
    kinds = {views[n].kind for n in range(40)}
    assert kinds == {MARKED, UNTOLD, KNOWN}
    for first, second in zip(views[5], views[5], strict=True):
        np.testing.assert_array_equal(first, second)
    shapes = [[np.shape(part) for part in views[n]] for n in range(10)]
    assert all(each == shapes[0] for each in shapes)  # batches can be made of them


def test_a_mirrored_render_has_mirrored_labels(views, renders, head):
    mirror, seen = Mirror.of(head), set()
    for n in range(60):
        sample = views.known(np.random.default_rng(n))
        place = next(
            k for k in range(4) if np.allclose(np.abs(renders.identity[k, :60]), np.abs(sample.identity))
        )
        sign = mirror.identity if sample.flipped else np.ones(60)
        np.testing.assert_allclose(sample.identity, renders.identity[place, :60] * sign)
        sight = renders.sight[place] / np.float32(255)
        np.testing.assert_allclose(sample.sight, sight[:, ::-1] if sample.flipped else sight)
        seen.add(sample.flipped)
    assert seen == {0, 1}


def test_a_photo_that_nobody_marked_says_how_it_was_moved(views):
    """What lies at a place of the calm crop lies where the matrix says in the other."""
    sample = views.agreeing(np.random.default_rng(2))
    back = cv2.warpAffine(
        sample.pixels, np.linalg.inv(_for_opencv(sample.pixels_from_calm))[:2], (SIDE, SIDE)
    )
    middle = (slice(60, 130), slice(60, 130))
    one, other = (np.asarray(each[middle], float).mean(2).ravel() for each in (back, sample.calm))
    assert np.corrcoef(one, other)[0, 1] > 0.8


def _for_opencv(matrix: np.ndarray) -> np.ndarray:
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    return np.linalg.inv(half) @ matrix @ half


# ------------------------------------------------------------ losses


@pytest.fixture(scope="module")
def losses(head) -> Losses:
    skins = np.stack([np.full((64, 64, 3), level, np.uint8) for level in (120, 180)])
    return Losses(head, skins)


def batch_of(views: Views, *numbers: int) -> Sample:
    return Sample(
        *(torch.as_tensor(np.stack(parts)) for parts in zip(*(views[n] for n in numbers), strict=True))
    )


def test_rotations_are_those_of_the_head_model():
    turns = torch.tensor([[0.3, -0.8, 0.1], [0.0, 0.0, 0.0], [0.0, 1.2, 0.0]])
    expected = np.stack([rotation(turn.numpy()) for turn in turns])
    np.testing.assert_allclose(rotations(turns).numpy(), expected, atol=1e-5)


def test_a_head_that_looks_into_the_lens_is_laid_upright(head):
    shape = Shape.of(head)
    laid = projected(shape, torch.zeros(1, 60), torch.zeros(1, 52), torch.zeros(1, 3), torch.zeros(1, 4))[0]
    assert laid[36, 0] < laid[45, 0]  # the subject's right eye is at the left of the picture
    assert laid[8, 1] > laid[30, 1] > laid[27, 1]  # chin below nose below bridge
    scaled = projected(
        shape, torch.zeros(1, 60), torch.zeros(1, 52), torch.zeros(1, 3), torch.tensor([[0.3, 0.5, 0.0, 0.0]])
    )[0]
    assert (scaled[45] - scaled[36]).norm() > 1.3 * (laid[45] - laid[36]).norm()


def test_the_truth_costs_less_than_anything_else_and_the_doubt_does_not_move_it(views, losses):
    numbers = [n for n in range(60) if views[n].kind == KNOWN][:3]
    batch = batch_of(views, *numbers)

    def answer(off: float) -> tuple[torch.Tensor, ...]:
        ones = torch.ones(3, 68)
        return (
            batch.points + 10 * off, 2 * ones, 0.9 * ones, batch.turn + off, batch.identity + off, torch.ones(3, 60),
            batch.weights + off, torch.ones(3, 52) * 0.1, torch.zeros(3, 256), torch.zeros(3, 4),
        )  # fmt: skip

    true, wrong = losses(answer(0.0), batch, None), losses(answer(0.3), batch, None)
    for term in ("points", "weights", "identity", "turn", "doubt"):
        assert true[term] < wrong[term], term
    assert true["weights"] == 0 and true["identity"] == 0
    moved = [part.clone().requires_grad_() for part in answer(0.3)]
    losses(tuple(moved), batch, None)["doubt"].backward()
    assert moved[6].grad is None and moved[4].grad is None and moved[7].grad is not None


def test_agreement_is_in_the_changed_photos_pixels():
    matrix = torch.tensor([[[1.1, 0.0, 5.0], [0.0, 1.1, -3.0], [0.0, 0.0, 1.0]]])
    calm = torch.rand(1, 68, 2) * SIDE
    moved = calm * 1.1 + torch.tensor([5.0, -3.0])
    none = torch.zeros(0)
    rest = (torch.ones(1, 68), none, none, torch.zeros(1, 60), none, torch.zeros(1, 52), none)
    assert agreement((moved, *rest), (calm, *rest), matrix) < 1e-4
    assert agreement((calm, *rest), (calm, *rest), matrix) > 0.1


def test_true_textures_are_as_light_as_their_pictures(losses):
    albedo = torch.rand(1, 3, TEXELS, TEXELS) * 0.2 + 0.2
    shown = exposed(albedo, torch.ones(1, TEXELS, TEXELS), torch.tensor([0.25]))
    assert decoded(shown).mean() == pytest.approx(0.25, abs=0.01)
    levels = torch.linspace(0, 1, 50)
    np.testing.assert_allclose(encoded(decoded(levels)).numpy(), levels.numpy(), atol=1e-5)
    mixed = losses.albedo(torch.tensor([[0, 1]]), torch.tensor([0.25]), torch.ones(1, 3))
    plain = [float(decoded(torch.tensor(level / 255))) for level in (120, 180)]
    assert float(mixed.mean()) == pytest.approx(0.75 * plain[0] + 0.25 * plain[1], rel=1e-3)


# ------------------------------------------------------------ the net and its files


@pytest.fixture(scope="module")
def net() -> ReconstructNet:
    torch.manual_seed(0)
    net = ReconstructNet().eval()
    usual = torch.rand(68, 2, generator=torch.Generator().manual_seed(1)) * 120 + 36
    net.expect(usual, torch.full((68,), 4.0))
    with torch.no_grad():  # no two tensors alike, which a file would hold once: as after training
        for value in net.state_dict().values():
            if value.is_floating_point():
                value += 1e-3 * torch.rand_like(value)
    return net


def test_a_mirrored_crop_has_mirrored_answers(net, head):
    mirror = Mirror.of(head)
    whole, crop = Whole(net, mirror).eval(), torch.rand(1, 3, SIDE, SIDE)
    with torch.no_grad():
        here, there = (dict(zip(OUTPUTS, whole(each), strict=True)) for each in (crop, crop.flip(3)))
    np.testing.assert_allclose(
        here["points"][0].numpy(), there["points"][0, MIRROR].numpy() * (-1, 1) + (SIDE, 0), atol=1e-2
    )
    np.testing.assert_allclose(
        here["expression"].numpy(), there["expression"][:, mirror.weights].numpy(), atol=1e-5
    )
    np.testing.assert_allclose(
        here["identity"].numpy(), there["identity"].numpy() * mirror.identity, atol=1e-4
    )
    np.testing.assert_allclose(here["texture"].numpy(), there["texture"].flip(3).numpy(), atol=1e-5)


def test_both_files_answer_as_the_net_does_and_weights_come_back(net, head, tmp_path):
    export(net, head, tmp_path)
    crops = torch.rand(2, 3, SIDE, SIDE)
    with torch.no_grad():
        expected = {
            "reconstruct-face": Whole(net, Mirror.of(head)).eval()(crops),
            "landmarks-face": net.landmarks(crops),
        }
    for name, answer in expected.items():
        path = tmp_path / f"{name}.onnx"
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        got = session.run(None, {"crop": crops.numpy()})
        assert [out.name for out in session.get_outputs()] == list(OUTPUTS if len(got) == 9 else LANDMARKS)
        for one, other in zip(answer, got, strict=True):
            np.testing.assert_allclose(one.numpy(), np.asarray(other), atol=0.1)
    again = ReconstructNet().eval()
    load_onnx_weights(Whole(again, Mirror.of(head)), tmp_path / "reconstruct-face.onnx", partly=True)
    with torch.no_grad():
        np.testing.assert_allclose(
            again.landmarks(crops)[0].numpy(), expected["landmarks-face"][0].numpy(), atol=0.1
        )


def test_coefficients_can_still_be_told_apart_by_an_untrained_net(net):
    """Many inputs that are all above 0 shut rectified units for good; these answer to what they are shown."""
    crops = torch.rand(4, 3, SIDE, SIDE) * torch.linspace(0.3, 1, 4)[:, None, None, None]
    with torch.no_grad():
        answers = net.shape(crops)
    assert answers[4].std(0).mean() > 1e-4 and answers[6].std(0).mean() > 1e-4


# ------------------------------------------------------------ fine-tuning


@pytest.fixture
def own(tmp_path, renders) -> "object":
    folder = tmp_path / "own"
    folder.mkdir()
    for n in range(2):
        cv2.imwrite(str(folder / f"{n}.png"), np.ascontiguousarray(renders.pixels[n][..., ::-1]))
        (folder / f"{n}.json").write_text(json.dumps(renders.points[n].tolist()))
    return folder


def test_own_photos_are_found_with_their_points(own, head, renders):
    found = own_photos(own, head, None)  # pyright: ignore[reportArgumentType]
    assert found.marked is not None and len(found.marked.pixels) == 2 and not found.untold
    np.testing.assert_allclose(
        five_of(found.marked.points[0]).mean(0), (TEMPLATE - SIDE / 2).mean(0) * 1.2 + 160, atol=12
    )


def test_a_folder_without_photos_is_refused(tmp_path, head):
    with pytest.raises(FileNotFoundError, match="holds no picture with a face"):
        own_photos(tmp_path, head, None)  # pyright: ignore[reportArgumentType]


def test_a_frozen_trunk_stays_as_it_is(net, head, views, losses, tmp_path):
    export(net, head, tmp_path)
    options = argparse.Namespace(
        begin_with=tmp_path / "reconstruct-face.onnx", freeze_trunk=True, finetune=tmp_path
    )
    begun = recipe.begun(options, head, views)
    before = {name: value.clone() for name, value in begun.state_dict().items()}
    optimiser = torch.optim.AdamW([w for w in begun.parameters() if w.requires_grad], lr=1e-2)
    averaged = recipe.loop.Averaged(begun)
    terms = recipe.learn(begun, averaged, losses, batch_of(views, *range(6)), taught=True)
    recipe.loop.finite_step(torch.stack(list(terms.values())).sum(), begun, optimiser, clip=3.0, rate=1e-2)
    for name, value in begun.state_dict().items():
        moved = not torch.equal(before[name], value)
        if name.split(".")[0] in ("of_expression", "of_identity"):
            assert moved, name
        if any(name.startswith(part) for part in ("finest", "fine.", "coarse", "read")):
            assert not moved, name

"""The quality net's crops, labels and loop: the parts that can be wrong without anybody noticing."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training recipes need the `train` extra")
pytest.importorskip("onnx", reason="the training recipes need the `train` extra")

from faceplate.nets.identity_net import IdentityNet, frozen  # noqa: E402
from faceplate.nets.quality_net import SIDE, QualityNet  # noqa: E402
from faceplate.runtime.onnx_net import OnnxNet  # noqa: E402
from faceplate.stages.quality import face_quality  # noqa: E402
from faceplate_training.photos import MARGIN, Frame, Photo  # noqa: E402
from faceplate_training.quality_face.evaluate import rank_correlation  # noqa: E402
from faceplate_training.quality_face.pairs import Crops, sharp  # noqa: E402
from faceplate_training.quality_face.train import export, labelled, learn, left_of, shown  # noqa: E402
from tests.support.plates import make_picture  # noqa: E402


def frame(seed: int, source: str = "london", side: int = 260) -> Frame:
    total = round(side * MARGIN)
    pixels = (make_picture(total, total, seed=seed, finest=2.0) * 255).astype(np.uint8)
    return Frame(pixels, total / MARGIN, Photo(Path(f"{seed}.jpg"), f"{source}_{seed}", source))


POOL = [frame(1), frame(2), frame(3, "congress")]


def test_crops_are_pure_functions_of_their_number():
    one, other = Crops(POOL, 3, 10)[4], Crops(POOL, 3, 10)[4]
    for ours, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.shape == (SIDE, SIDE, 3) and ours.min() >= 0 and ours.max() <= 1


def test_a_damaged_crop_lies_where_its_clean_one_does():
    """Else the label would measure a shift: at a sixteenth of the size most pairs must look alike."""
    crops, alike = Crops(POOL, 5, 40), []
    for number in range(40):
        clean, damaged = (
            cv2.resize(each, (14, 14), interpolation=cv2.INTER_AREA).ravel() for each in crops[number]
        )
        alike.append(np.corrcoef(clean, damaged)[0, 1])
    assert np.median(alike) > 0.97


def test_only_sharp_large_faces_stand_for_an_undamaged_one():
    small, blurred = frame(4, side=180), frame(5, "congress")
    assert sharp([*POOL[:2], small]) == POOL[:2]
    noisy = np.random.default_rng(0).normal(128, 40, blurred.pixels.shape).clip(0, 255).astype(np.uint8)
    assert sharp([Frame(noisy, blurred.template_side, blurred.photo)]) == []


def test_a_label_is_one_less_the_share_of_a_right_angle():
    class Turned(torch.nn.Module):
        """An embedder that turns by a right angle as its picture goes from black to white."""

        def forward(self, crop):
            angle = crop.mean(dim=(1, 2, 3)) * torch.pi / 2
            return torch.stack([angle.cos(), angle.sin()], dim=1)

    black = torch.zeros(3, 3, SIDE, SIDE)
    greys = torch.tensor([0.0, 0.25, 1.0])[:, None, None, None].expand_as(black)
    left = left_of(Turned(), black, greys)  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(left[:, 0], [1.0, 0.75, 0.0], atol=1e-3)


def test_crops_are_labelled_once(tmp_path):
    torch.manual_seed(0)
    embedder, crops = frozen(IdentityNet()), Crops(POOL, 1, 3)
    damaged, left = labelled(crops, embedder, tmp_path)
    assert damaged.shape == (3, 3, SIDE, SIDE) and damaged.dtype == torch.uint8 and left.shape == (3, 1)
    expected = left_of(embedder, *(torch.from_numpy(each)[None].permute(0, 3, 1, 2) for each in crops[2]))
    np.testing.assert_allclose(left[2:], expected, atol=1e-4)

    class Never:
        seed = 1

        def __len__(self):
            return 3

    again = labelled(Never(), embedder, tmp_path)  # pyright: ignore[reportArgumentType]
    assert all(torch.equal(ours, theirs) for ours, theirs in zip((damaged, left), again, strict=True))


def test_a_crop_is_shown_a_little_aside_and_a_little_lighter_and_no_otherwise():
    crop = torch.full((2, 3, SIDE, SIDE), 100, dtype=torch.uint8)
    for seed in range(5):
        seen = shown(crop, np.random.default_rng(seed))
        assert seen.shape == (2, 3, SIDE, SIDE)
        assert all(float(each.std()) < 1e-6 and 0.8 <= float(each.mean()) * 2.55 <= 1.1 for each in seen)


def test_the_net_learns_what_blur_takes():
    torch.manual_seed(0)
    net = QualityNet((8, 8, 8, 8))
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3)
    sharp_crop = make_picture(SIDE, SIDE, finest=1.0)
    crops = [cv2.GaussianBlur(sharp_crop, (0, 0), sigma) for sigma in (0.1, 1.0, 2.0, 4.0)]
    batch = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).contiguous()
    wanted = torch.tensor([[0.9], [0.7], [0.4], [0.1]])
    losses = [learn(net, batch, wanted, optimiser, 3e-3)[0] for _ in range(60)]
    assert np.mean(losses[-5:]) < losses[0]
    net.train()
    with torch.no_grad():
        told = net(batch)[:, 0].tolist()
    assert all(more > less for more, less in pairwise(told))


def test_what_is_shipped_says_what_was_trained(tmp_path):
    torch.manual_seed(1)
    net = QualityNet()
    for norm in (module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.normal_(norm.weight, 1.0, 0.2)
        torch.nn.init.normal_(norm.get_buffer("running_mean"), 0.0, 0.1)
    export(net, tmp_path / "q.onnx")
    assert (tmp_path / "q.onnx").stat().st_size < 1_000_000
    content = (tmp_path / "q.onnx").read_bytes()
    opened = OnnxNet(content, id="q", template="arcface_112", providers=("CPUExecutionProvider",), threads=1)
    crop = make_picture(SIDE, SIDE)
    with torch.no_grad():
        expected = float(net.eval()(torch.from_numpy(crop)[None].permute(0, 3, 1, 2)))
    assert face_quality(crop, opened) == pytest.approx(expected, abs=5e-3)


def test_ranks_are_shared_by_equal_values():
    one = np.array([1.0, 2.0, 2.0, 9.0])
    assert rank_correlation(one, np.exp(one)) == pytest.approx(1.0)
    assert rank_correlation(one, -one) == pytest.approx(-1.0)
    assert rank_correlation(one, np.array([1.0, 3.0, 2.0, 9.0])) == pytest.approx(4.5 / np.sqrt(4.5 * 5))

"""The restorer's pairs, losses, loop and export: the parts that can be wrong without anybody noticing."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training recipes need the `train` extra")
pytest.importorskip("onnx", reason="the training recipes need the `train` extra")

from faceplate.nets.identity_net import IdentityNet, frozen  # noqa: E402
from faceplate.nets.restore_unet import RestoreUNet, flops  # noqa: E402
from faceplate_training import loop  # noqa: E402
from faceplate_training.export import export_onnx, load_onnx_weights  # noqa: E402
from faceplate_training.photos import Frame, Photo  # noqa: E402
from faceplate_training.restore_face.losses import band_loss, identity_loss, pixel_loss, to_crop  # noqa: E402
from faceplate_training.restore_face.pairs import Views, same_exposure  # noqa: E402


@pytest.fixture
def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.kron(rng.uniform(60, 180, (32, 32, 3)), np.ones((8, 8, 1))).astype(np.float32)


@pytest.mark.parametrize(("gain", "offset"), [(0.7, 20.0), (1.1, -5.0)])
def test_a_target_takes_its_inputs_exposure(picture: np.ndarray, gain: float, offset: float) -> None:
    graded = picture * gain + offset
    np.testing.assert_allclose(same_exposure(picture, graded), graded, atol=0.05)


def test_a_target_of_itself_is_itself(picture: np.ndarray) -> None:
    np.testing.assert_allclose(same_exposure(picture, picture), picture, atol=1e-3)


def test_views_are_pure_functions_of_their_number() -> None:
    rng = np.random.default_rng(1)
    photo = Photo(Path("x.jpg"), "x", "london")
    pool = [Frame(rng.integers(0, 255, (400, 400, 3), np.uint8), 320.0, photo) for _ in range(2)]
    one, other = Views(pool, 3, 10)[4], Views(pool, 3, 10)[4]
    for ours, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert one.damaged.shape == one.clean.shape


def test_losses_are_zero_only_for_the_clean_picture() -> None:
    clean, whole = (
        torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)),
        torch.tensor([1.0, 0.0]),
    )
    assert float(band_loss(clean, clean)) == 0 == float(pixel_loss(clean, clean, whole))
    assert float(band_loss(clean * 0.9, clean)) > 0 < float(pixel_loss(clean * 0.9, clean, whole))


def test_a_decibel_counts_the_same_however_bad_the_crop() -> None:
    clean, error = torch.full((1, 3, 64, 64), 0.5), torch.rand(1, 3, 64, 64) - 0.5
    patch = torch.zeros(1)
    won = [
        float(
            pixel_loss(clean + much * error, clean, patch)
            - pixel_loss(clean + 0.9 * much * error, clean, patch)
        )
        for much in (0.1, 0.3)
    ]
    assert won[0] == pytest.approx(won[1], rel=0.05)


def test_the_face_counts_more_than_what_is_beside_it() -> None:
    clean = torch.full((1, 3, 64, 64), 0.5)
    inside, outside = clean.clone(), clean.clone()
    inside[..., 30:34, 30:34] += 0.2
    outside[..., :4, :4] += 0.2
    for whole, more in ((torch.ones(1), True), (torch.zeros(1), False)):
        assert (pixel_loss(inside, clean, whole) > 1.2 * pixel_loss(outside, clean, whole)) == more


def test_a_net_of_fewer_blocks_goes_on_from_anothers_weights(tmp_path: Path) -> None:
    torch.manual_seed(1)
    larger, smaller = RestoreUNet((8, 8, 8, 8), (1, 2, 1, 1)), RestoreUNet((8, 8, 8, 8), (1, 1, 1, 2))
    for parameter in larger.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    path, example = tmp_path / "larger.onnx", torch.rand(1, 3, 64, 64)
    export_onnx(larger, example, path, inputs=["crop"], outputs=["restored"], dynamic={}, half=False)
    with pytest.raises(KeyError):
        load_onnx_weights(smaller, path)
    load_onnx_weights(smaller, path, partly=True)
    kept = "down.1.0.first.weight"
    torch.testing.assert_close(smaller.state_dict()[kept], larger.state_dict()[kept])


def test_the_identity_term_reaches_the_pixels_and_not_the_embedder() -> None:
    torch.manual_seed(0)
    net = frozen(IdentityNet())
    clean, restored = torch.rand(1, 3, 128, 128), torch.rand(1, 3, 128, 128, requires_grad=True)
    maps = torch.tensor([[[1.0, 0.0, 8.0], [0.0, 1.0, 8.0]]])
    identity_loss(net, restored, clean, maps).backward()
    assert restored.grad is not None and float(restored.grad.abs().sum()) > 0
    assert all(parameter.grad is None for parameter in net.parameters())
    assert float(identity_loss(net, clean, clean, maps)) == pytest.approx(0, abs=1e-5)


def test_a_crop_is_cut_where_its_matrix_says() -> None:
    view = torch.zeros(1, 3, 128, 128)
    view[:, :, 20, 30] = 1.0
    crop = to_crop(view, torch.tensor([[[1.0, 0.0, 25.0], [0.0, 1.0, 10.0]]]))
    assert np.unravel_index(int(crop[0, 0].argmax()), (112, 112)) == (10, 5)


def test_a_fresh_restorer_changes_nothing() -> None:
    crop = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(RestoreUNet()(crop), crop)


def test_the_restorer_stays_within_its_budget() -> None:
    net = RestoreUNet()
    assert flops(net, 512) < 20e9
    assert sum(parameter.numel() for parameter in net.parameters()) * 2 < 25e6


def test_weights_survive_the_export_and_the_way_back(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(1)
    net = RestoreUNet((8, 8, 8, 8), (1, 1, 1, 1))
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    dynamic = {name: {0: "B", 2: "H", 3: "W"} for name in ("crop", "restored")}
    example, path = torch.rand(1, 3, 64, 64), tmp_path / "net.onnx"
    export_onnx(net, example, path, inputs=["crop"], outputs=["restored"], dynamic=dynamic)
    again = RestoreUNet((8, 8, 8, 8), (1, 1, 1, 1))
    load_onnx_weights(again, path)
    crop = torch.rand(1, 3, 96, 64)
    with torch.no_grad():
        expected, loaded = net(crop).numpy(), again(crop).numpy()
    shipped = onnxruntime.InferenceSession(str(path)).run(None, {"crop": crop.numpy()})[0]
    np.testing.assert_allclose(loaded, expected, atol=2e-3)
    np.testing.assert_allclose(shipped, loaded, atol=1e-4)


def test_the_rate_warms_up_and_comes_down() -> None:
    rates = [loop.rate_at(step, 1000, peak=1.0, warm_up=100) for step in range(1001)]
    assert rates[0] < 0.02 and max(rates) == pytest.approx(1.0) and rates[1000] == pytest.approx(0.01)
    assert all(a >= b for a, b in pairwise(rates[100:]))


def test_a_run_is_taken_up_where_it_was_left(tmp_path: Path) -> None:
    def fresh():
        torch.manual_seed(0)
        net = torch.nn.Linear(3, 1)
        return net, loop.Averaged(net), torch.optim.AdamW(net.parameters(), lr=0.1)

    def learn(net, averaged, optimiser, steps: range) -> None:
        for step in steps:
            x = torch.full((4, 3), float(step))
            loop.finite_step((net(x) - 1).square().mean(), net, optimiser, clip=1.0, rate=0.1)
            averaged.follow(net, step)

    whole = fresh()
    learn(*whole, range(6))
    first, second = fresh(), fresh()
    learn(*first, range(3))
    loop.save_checkpoint(tmp_path / "c.pt", 3, *first)
    start = loop.load_checkpoint(tmp_path / "c.pt", *second)
    learn(*second, range(start, 6))
    torch.testing.assert_close(second[1].net.weight, whole[1].net.weight)


def test_a_step_that_is_not_finite_is_left_out() -> None:
    net = torch.nn.Linear(2, 1)
    before = net.weight.detach().clone()
    loss = net(torch.full((1, 2), float("nan"))).sum()
    assert not loop.finite_step(loss, net, torch.optim.SGD(net.parameters(), lr=1.0), clip=1.0, rate=1.0)
    torch.testing.assert_close(net.weight.detach(), before)

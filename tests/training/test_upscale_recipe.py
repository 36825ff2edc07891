"""The enlarger's pictures, pairs and export: the parts that can be wrong without anybody noticing."""

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training recipes need the `train` extra")
pytest.importorskip("onnx", reason="the training recipes need the `train` extra")

from faceplate.nets.upscale_net import UpscaleNet  # noqa: E402
from faceplate.plate import Plate  # noqa: E402
from faceplate.runtime.onnx_net import OnnxNet  # noqa: E402
from faceplate.stages.enlarge import REACH, enlarge, lanczos  # noqa: E402
from faceplate_training.upscale.leaves import leaves  # noqa: E402
from faceplate_training.upscale.pairs import PATCH, RIM, Pairs, damaged, reduced, sharp_view  # noqa: E402
from faceplate_training.upscale.pictures import Picture, surroundings  # noqa: E402
from faceplate_training.upscale.train import export, learn  # noqa: E402
from tests.support.plates import make_picture  # noqa: E402


def picture(seed: int = 0, side: int = 400) -> Picture:
    return Picture((make_picture(side, side, seed=seed, finest=1.0) * 255).astype(np.uint8), 1.2)


def opened(path: Path) -> OnnxNet:
    providers = ("CPUExecutionProvider",)
    return OnnxNet(path.read_bytes(), id="u", template="", providers=providers, threads=1)


def random_net() -> UpscaleNet:
    torch.manual_seed(1)
    net = UpscaleNet()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return net.eval()


def test_batches_are_pure_functions_of_their_number():
    pairs = Pairs([[picture(1)], [], [picture(2)], []], 7, views=2)
    one, other = pairs.batch(3), Pairs(pairs.shelves, 7, views=2).batch(3)
    for ours, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert one.small.shape == (8, PATCH + 2 * RIM, PATCH + 2 * RIM, 3)
    assert one.missing.shape == (8, 2 * PATCH, 2 * PATCH, 3)


def test_what_is_missing_makes_the_sharp_picture_whole():
    """Lanczos of a clean small patch plus what is asked of the net is a patch of the picture it was reduced from."""
    side, period = 512, 64.0
    x = np.arange(side) + 0.5
    wave = 120 + 60 * np.sin(2 * np.pi * x / period)[None, :, None] + np.zeros((side, 1, 3))
    pairs = Pairs([[Picture(np.round(wave).astype(np.uint8), 1.0)]], 1, views=1)
    for number in range(12):
        batch = pairs.batch(number)
        for small, missing in zip(batch.small, batch.missing, strict=True):
            whole = lanczos(small, 2)[2 * RIM : -2 * RIM, 2 * RIM : -2 * RIM] + missing
            assert whole.min() > (120 - 75) / 255 and whole.max() < (120 + 75) / 255


def test_noise_is_no_part_of_what_is_asked():
    """So grain passes as Lanczos lets it pass: the net sees it, and its target does not change for it."""
    rng = np.random.default_rng(0)
    flat = Picture(np.full((400, 400, 3), 90, np.uint8), 1.0)
    pairs = Pairs([[flat]], 2, views=2)
    batches = [pairs.batch(number) for number in range(6)]
    assert max(np.abs(batch.missing).max() for batch in batches) < 1e-3
    assert max(batch.small.std() for batch in batches) > 0.005
    assert damaged(np.full((64, 64, 3), 90, np.float32), rng).shape == (64, 64, 3)


@pytest.mark.parametrize("seed", range(12))
def test_a_reduced_picture_lies_where_it_lay(seed):
    large = make_picture(128, 128, seed=seed, finest=6.0) * np.float32(255)
    small = reduced(large, np.random.default_rng(seed))
    expected = cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA)
    assert small.shape == (64, 64, 3) and np.abs(small - expected).mean() < 1.0


def test_a_view_is_never_enlarged():
    """From a picture of a period of four pixels no view may have a longer one."""
    stripes = np.tile(np.array([40, 40, 200, 200], np.uint8), 150)[None, :, None].repeat(600, 0).repeat(3, 2)
    for seed in range(8):
        view = sharp_view(Picture(stripes, 1.0), np.random.default_rng(seed))[100, :, 0]
        power = np.abs(np.fft.rfft(view - view.mean()))
        assert len(view) / (power.argmax() or 1) <= 4.01 or power.max() < 100


def test_leaves_are_the_same_for_a_seed_and_cover_the_picture():
    colours = picture().pixels
    one, other = (leaves(96, colours, np.random.default_rng(4), count=60) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert one.shape == (96, 96, 3) and len(np.unique(one.reshape(-1, 3), axis=0)) > 30


def test_surroundings_have_three_exposures_each(tmp_path):
    light = make_picture(64, 32) * np.float32(4)
    cv2.imwrite(str(tmp_path / "around.hdr"), light)
    shown = surroundings(tmp_path, np.random.default_rng(0))
    assert len(shown) == 3 and all(each.dtype == np.uint8 for each in shown)
    assert len({round(float(each.mean())) for each in shown}) == 3


def test_a_fresh_net_finds_nothing_missing():
    with torch.no_grad():
        assert float(UpscaleNet()(torch.rand(1, 3, 20, 24)).abs().max()) == 0


def test_no_pixel_depends_on_more_than_the_stage_shows():
    net = random_net()
    assert net.reach == REACH
    picture = torch.rand(1, 3, 40, 40, requires_grad=True)
    net(picture)[0, :, 40, 40].sum().backward()
    assert picture.grad is not None
    rows = np.flatnonzero(picture.grad.abs().sum(dim=(0, 1, 3)).numpy())
    assert rows.min() >= 20 - REACH and rows.max() <= 20 + REACH and len(rows) > REACH


def test_a_shifted_picture_is_enlarged_to_the_same_pixels():
    net, picture = random_net(), torch.rand(1, 3, 48, 48)
    rim = 2 * (REACH + 1)
    with torch.no_grad():
        whole, shifted = net(picture), net(picture[:, :, 1:, 3:])
    torch.testing.assert_close(shifted[:, :, rim:-rim, rim:-rim], whole[:, :, 2 + rim : -rim, 6 + rim : -rim])


def test_the_net_learns_to_give_detail_back():
    pairs = Pairs([[picture(3)]], 1, views=1)
    torch.manual_seed(0)
    net = UpscaleNet(8, 1)
    optimiser = torch.optim.AdamW(net.parameters())
    gains = [learn(net, pairs.batch(0), optimiser, 3e-3, torch.device("cpu"))[1] for _ in range(60)]
    assert gains[0] == pytest.approx(0, abs=0.05) and np.mean(gains[-5:]) > 0.3


def test_what_is_shipped_says_what_was_trained(tmp_path):
    net = random_net()
    export(net, tmp_path / "u.onnx")
    assert (tmp_path / "u.onnx").stat().st_size < 250_000
    small = torch.from_numpy(make_picture(40, 30)).permute(2, 0, 1)[None]
    with torch.no_grad():
        expected = net(small).numpy()
    shipped = opened(tmp_path / "u.onnx")
    np.testing.assert_allclose(shipped(small.numpy())[0], expected, atol=2e-3)
    plate = Plate.of(make_picture(150, 140))
    np.testing.assert_array_equal(
        enlarge(plate, 2, shipped).plate.pixels, enlarge(plate, 2, shipped).plate.pixels
    )

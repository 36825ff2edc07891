"""Laws of foreign restorers and recognisers: pixels go in as they were trained on, and come back as ours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.adapters.scaling import as_fed, as_shown
from faceplate.errors import ShapeError
from faceplate.faces import Face, template_points
from faceplate.plate import Plate
from faceplate.registry.manifest import NetInput, NetOutput
from faceplate.restore.face import restore_crop
from faceplate.restore.likeness import identity
from faceplate.restore.pipeline import RestoreNets, RestoreParams, restore_frame
from faceplate.runtime.net import fixed_side
from faceplate_client.errors import ModelError
from tests.support.foreign_models import foreign_recogniser, foreign_restorer
from tests.support.model_folder import brighter_model

SIDE = 64
SIGNED = {"shape": f"1 3 {SIDE} {SIDE}", "range": [-1.0, 1.0], "template": "ffhq_512"}
CROP = np.random.default_rng(3).uniform(0, 1, (SIDE, SIDE, 3)).astype(np.float32)
BATCH = CROP.transpose(2, 0, 1)[None]


def kept(values, gains):
    """What the self-made restorer does to values that were fed as -1 to 1."""
    return ((values * 2 - 1) * np.array(gains)[:, None, None] + 1) / 2


def test_gfpgan_is_fed_minus_one_to_one_and_read_back(opened):
    net = opened(
        "face.restore", foreign_restorer(SIDE), adapter="picture", input=SIGNED, output={"range": [-1.0, 1.0]}
    )
    np.testing.assert_allclose(net(BATCH)[0], kept(BATCH, (1.0, 0.5, 0.0)), atol=1e-6)
    assert (net.template, net.id, fixed_side(net)) == ("ffhq_512", "foreign@1.0.0", SIDE)


def test_a_net_of_blue_green_red_sees_blue_first_and_gives_it_first(opened):
    net = opened(
        "face.restore",
        foreign_restorer(SIDE),
        adapter="picture",
        input={**SIGNED, "order": "BGR"},
        output={"range": [-1.0, 1.0], "order": "BGR"},
    )
    np.testing.assert_allclose(net(BATCH)[0], kept(BATCH, (0.0, 0.5, 1.0)), atol=1e-6)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
def test_codeformers_weight_is_the_manifests(opened, weight):
    net = opened(
        "face.restore",
        foreign_restorer(SIDE, gains=(1.0, 1.0, 1.0), weight=True),
        adapter="picture",
        input={**SIGNED, "fixed": {"weight": weight}},
        output={"range": [-1.0, 1.0]},
    )
    np.testing.assert_allclose(net(BATCH)[0], kept(BATCH, [weight] * 3), atol=1e-6)


@pytest.mark.parametrize(
    ("weight", "fixed"), [(True, {}), (False, {"weight": 0.5}), (True, {"strength": 0.5})]
)
def test_an_input_that_nobody_fills_is_named(opened, weight, fixed):
    with pytest.raises(ModelError, match=r"input\.fixed") as caught:
        opened(
            "face.restore",
            foreign_restorer(SIDE, weight=weight),
            adapter="picture",
            input={**SIGNED, "fixed": fixed},
        )
    assert caught.value.code == "model.shape"


def test_a_batch_is_its_pictures_one_by_one(opened):
    net = opened("face.restore", foreign_restorer(SIDE), adapter="picture", input=SIGNED)
    both = net(np.concatenate([BATCH, BATCH[..., ::-1]]))[0]
    np.testing.assert_array_equal(both[1], both[0][..., ::-1])


def test_a_crop_of_another_size_is_refused_not_resampled(opened):
    net = opened("face.restore", foreign_restorer(SIDE), adapter="picture", input=SIGNED)
    with pytest.raises(ShapeError, match=f"crops of {SIDE}"):
        net(np.zeros((1, 3, 32, 32), np.float32))


def test_a_crop_that_is_no_square_fits_no_face(opened):
    with pytest.raises(ModelError) as caught:
        opened("face.restore", brighter_model(), adapter="picture", input={**SIGNED, "shape": "1 3 64 96"})
    assert caught.value.code == "model.shape"


def test_a_large_net_of_one_size_sees_the_crop_once(opened):
    """Ours looks at a large crop twice, at two sizes; a net that takes one size must not be asked for another."""
    net = opened(
        "face.restore",
        foreign_restorer(512, gains=(0.5, 0.5, 0.5)),
        adapter="picture",
        input={**SIGNED, "shape": "1 3 512 512"},
        output={"range": [-1.0, 1.0]},
    )
    crop = np.random.default_rng(4).uniform(0, 1, (512, 512, 3)).astype(np.float32)
    np.testing.assert_allclose(restore_crop(crop, net), (crop * 2 - 1) * 0.25 + 0.5, atol=1e-5)


def test_the_pipeline_aligns_to_the_only_size_a_net_takes(opened):
    net = opened("face.restore", foreign_restorer(SIDE), adapter="picture", input=SIGNED)
    plate = Plate.of(np.random.default_rng(5).uniform(0.2, 0.8, (300, 300, 3)).astype(np.float32))
    face = Face((50, 50, 250, 250), template_points("ffhq_512", 300))
    done = restore_frame(plate, [face], nets=RestoreNets(net), params=RestoreParams())
    assert [report.side for report in done.faces] == [SIDE]


def test_arcface_is_fed_minus_one_to_one(opened):
    net = opened(
        "face.identity",
        foreign_recogniser(),
        adapter="embedding",
        input={"shape": "1 3 112 112", "range": [-1.0, 1.0], "template": "arcface_112"},
    )
    crop = np.random.default_rng(6).uniform(0, 0.5, (112, 112, 3)).astype(np.float32)
    expected = crop.mean((0, 1)) * 2 - 1
    np.testing.assert_allclose(net(crop.transpose(2, 0, 1)[None])[0], expected[None], atol=1e-5)
    np.testing.assert_allclose(identity(crop, net), expected / np.linalg.norm(expected), atol=1e-4)


def test_a_recogniser_that_gives_a_picture_is_none(opened):
    net = opened("face.identity", brighter_model(), adapter="embedding", input={"shape": "1 3 112 112"})
    with pytest.raises(ShapeError, match="one vector for a face"):
        net(np.zeros((1, 3, 112, 112), np.float32))


RANGES = st.tuples(st.floats(-300, 300), st.floats(0.1, 600)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(RANGES, st.sampled_from(["RGB", "BGR"]))
def test_fed_and_read_back_a_picture_is_itself(values, order):
    fed = as_fed(BATCH, NetInput(("1", "3", "H", "W"), values, "sRGB", order=order))
    np.testing.assert_allclose(as_shown(fed, NetOutput(values, order)), BATCH, atol=2e-3)
    assert fed.min() >= values[0] - 0.01 and fed.max() <= values[1] + 0.01


def test_mean_and_deviation_are_the_nets_channels():
    reads = NetInput(
        ("1", "3", "H", "W"), (0.0, 255.0), "sRGB", order="BGR", mean=(104, 117, 123), std=(2, 1, 1)
    )
    white = as_fed(np.ones((1, 3, 1, 1), np.float32), reads).ravel()
    np.testing.assert_allclose(white, [(255 - 104) / 2, 255 - 117, 255 - 123], rtol=1e-6)

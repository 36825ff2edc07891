"""The sample is what it says: frames of a film scan whose camera moves, with everything a plate may carry."""

from dataclasses import replace

import numpy as np
import OpenImageIO as oiio
import pytest

from faceplate.demo.preview import beside, write_preview
from faceplate.demo.sample import make_sample, plate_from_scene, shoot, timecode, write_scan
from faceplate.demo.scene import LAMP_LIGHT, SIDE_SET, build_set, read_portrait
from faceplate.demo.verdict import face_box, judge_frames, read_scan
from faceplate_client.errors import InputError


@pytest.fixture(scope="module")
def portrait():
    pytest.importorskip("skimage", reason="scikit-image, in which the portrait comes, is not installed")
    return read_portrait()


@pytest.fixture(scope="module")
def sample(tmp_path_factory, portrait):
    return make_sample(tmp_path_factory.mktemp("sample"), count=2)


def test_the_set_keeps_the_portrait_and_adds_a_light(portrait):
    scene = build_set(portrait)
    assert scene.shape == (512, 512 + 2 * SIDE_SET, 3)
    face = np.s_[60:200, SIDE_SET + 140 : SIDE_SET + 310]
    np.testing.assert_allclose(scene[face], portrait[60:200, 140:310], atol=1e-6)
    assert LAMP_LIGHT.max() <= scene.max() < LAMP_LIGHT.max() + 0.5  # the bulb's light adds to the wall's
    assert scene.min() >= 0


def test_the_camera_never_leaves_the_set():
    """A border would be mirrored into the picture."""
    for time in np.linspace(0, 1, 24):
        corners = np.linalg.inv(plate_from_scene(time)) @ np.array([[0, 0, 1], [1280, 720, 1]]).T
        assert corners[:2].min() >= 0
        assert (corners[0] <= 512 + 2 * SIDE_SET).all()
        assert (corners[1] <= 512).all()


def test_a_still_matrix_shoots_the_scene_as_it_is():
    scene = np.random.default_rng(1).uniform(0, 1, (720, 1280, 3)).astype(np.float32)
    np.testing.assert_allclose(shoot(scene, np.eye(3)), scene, atol=1e-6)
    moved = shoot(scene, np.array([[1, 0, 5], [0, 1, 0], [0, 0, 1.0]]))
    np.testing.assert_allclose(moved[:, 5:], scene[:, :-5], atol=1e-6)


def test_timecodes_count_at_24_frames_a_second():
    assert timecode(0) == (0x01000000, 0)
    assert timecode(23) == (0x01000023, 0)
    assert timecode(24) == (0x01000100, 0)
    assert timecode(24 * 60) == (0x01010000, 0)


def test_frames_carry_what_a_scan_carries(sample):
    spec = oiio.ImageBuf(str(sample.worn_path(1002))).nativespec()
    assert spec.channelnames == ("R", "G", "B", "depth.Z")
    assert spec.channelformats == (oiio.HALF, oiio.HALF, oiio.HALF, oiio.FLOAT)
    scan = read_scan(sample.worn_path(1002))
    assert scan.attributes["smpte:TimeCode"] == (0x01000001, 0)
    assert scan.pixels.max() > 10


def test_the_sample_is_the_same_every_time(sample, tmp_path):
    again = make_sample(tmp_path, count=1)
    assert again.worn_path(1001).read_bytes() == sample.worn_path(1001).read_bytes()


def restored_from(sample, folder, blend):
    """The worn frames moved towards the clean ones inside a square, as a restoration would."""
    folder.mkdir()
    for frame in sample.frames:
        clean, worn = read_scan(sample.clean_path(frame)), read_scan(sample.worn_path(frame))
        pixels = worn.pixels.copy()
        pixels[100:200, 500:620] += blend * (clean.pixels - worn.pixels)[100:200, 500:620]
        write_scan(folder / sample.worn_path(frame).name, pixels, frame)
        add_matte(folder / sample.worn_path(frame).name)
    return folder


def add_matte(path):
    picture = oiio.ImageBuf(str(path))
    pixels = np.zeros((720, 1280, 1), np.float32)
    pixels[100:200, 500:620] = 1
    matte = oiio.ImageBuf(pixels)
    matte.specmod().channelnames = ("matte.a",)
    joined = oiio.ImageBufAlgo.channel_append(picture, matte)
    assert joined.write(str(path)), joined.geterror()


@pytest.fixture(scope="module")
def one_frame(sample):
    return replace(sample, frames=(1001,))


@pytest.fixture(scope="module")
def perfect(one_frame, tmp_path_factory):
    return restored_from(one_frame, tmp_path_factory.mktemp("perfect") / "done", 1.0)


def test_a_perfect_restoration_is_measured_as_one(one_frame, perfect):
    verdict = judge_frames(one_frame, perfect)
    assert verdict.after.psnr > verdict.before.psnr + 20
    assert verdict.after.ssim > 0.99  # not 1: the window reaches over the matte's edge into the worn plate
    assert verdict.frames_with_face == verdict.frames == 1
    assert verdict.untouched == verdict.outside == 1280 * 720 - 100 * 120
    assert verdict.brightest > 10
    assert verdict.metadata_kept


def test_no_restoration_gains_nothing(one_frame, tmp_path):
    verdict = judge_frames(one_frame, restored_from(one_frame, tmp_path / "done", 0.0))
    assert verdict.after == verdict.before


def test_a_pixel_changed_outside_the_matte_is_noticed(one_frame, perfect, tmp_path):
    picture = oiio.ImageBuf(str(perfect / "plate.1001.exr"))
    picture.setpixel(3, 4, (0.5, 0.5, 0.5, 1.0, 0.0))
    assert picture.write(str(tmp_path / "plate.1001.exr"))
    verdict = judge_frames(one_frame, tmp_path)
    assert verdict.untouched == verdict.outside - 1
    assert not verdict.metadata_kept  # the depth of that pixel went with it


def test_a_missing_frame_is_named(sample, perfect):
    with pytest.raises(InputError, match=r"plate\.1002\.exr"):
        judge_frames(replace(sample, frames=(1002,)), perfect)


def test_the_box_of_a_matte():
    matte = np.zeros((20, 30), np.float32)
    assert face_box(matte) == (0, 0, 30, 20)
    matte[5:9, 11:14] = 0.2
    assert face_box(matte) == (11, 5, 14, 9)


def test_the_preview_shows_the_same_columns_twice():
    picture = np.random.default_rng(2).uniform(0, 1, (90, 120, 3)).astype(np.float32)
    both = beside(picture, picture, middle=1000.0)
    assert both.shape == (90, 120, 3)
    np.testing.assert_array_equal(both[:60, 1:58], both[:60, 61:118])


def test_a_written_preview_can_be_played(tmp_path):
    import av

    shade = [np.full((64, 96, 3), tone, np.uint8) for tone in (40, 120, 200)]
    write_preview(tmp_path / "preview.mp4", shade, fps=24)
    with av.open(str(tmp_path / "preview.mp4")) as movie:
        frames = [frame.to_ndarray(format="rgb24") for frame in movie.decode(video=0)]
    assert [round(float(frame.mean()) / 10) for frame in frames] == [4, 12, 20]
    assert [path.name for path in tmp_path.iterdir()] == ["preview.mp4"]

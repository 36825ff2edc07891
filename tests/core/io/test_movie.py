"""A movie's frames: each the same alone as in a run, with all its bits and the stream's own colours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.io.movie import MovieReader, is_movie
from faceplate_client.errors import InputError, RequestError
from tests.support.movies import ramp_planes, save_movie

DEPTHS = {
    "h264_8.mp4": ("libx264", "yuv420p", 8, (1, 1)),
    "h264_10.mp4": ("libx264", "yuv420p10le", 10, (1, 1)),
    "h264_422.mkv": ("libx264", "yuv422p10le", 10, (1, 0)),
    "h265_10.mov": ("libx265", "yuv420p10le", 10, (1, 1)),
    "h265_12.mp4": ("libx265", "yuv444p12le", 12, (0, 0)),
}


@pytest.mark.parametrize("name", DEPTHS)
def test_every_bit_of_every_plane_is_read(name, tmp_path):
    encoder, pix_fmt, bits, shift = DEPTHS[name]
    frames = [ramp_planes(place, bits=bits, shift=shift) for place in range(5)]
    path = save_movie(tmp_path / name, frames, encoder=encoder, pix_fmt=pix_fmt)
    with MovieReader(path) as movie:
        assert len(movie) == 5
        for number, planes in enumerate(frames, 1):
            frame = movie.read(number)
            assert frame.pix_fmt == pix_fmt
            for found, meant in zip(frame.planes, planes, strict=True):
                np.testing.assert_array_equal(found, meant)


@pytest.fixture(scope="module")
def long_movie(tmp_path_factory):
    frames = [ramp_planes(place) for place in range(40)]
    options = {"crf": "30", "preset": "fast", "x264-params": "bframes=3:b-pyramid=normal:open-gop=1"}
    return save_movie(tmp_path_factory.mktemp("movie") / "long.mp4", frames, options=options, gop=9)


@pytest.fixture(scope="module")
def in_a_run(long_movie):
    with MovieReader(long_movie) as movie:
        return [movie.read(number) for number in range(1, len(movie) + 1)]


@given(order=st.lists(st.integers(1, 40), min_size=1, max_size=8))
@settings(max_examples=25)
def test_a_frame_alone_is_the_frame_of_the_run(order, long_movie, in_a_run):
    with MovieReader(long_movie) as movie:
        for number in order:
            frame, meant = movie.read(number), in_a_run[number - 1]
            assert (frame.number, frame.pts) == (number, meant.pts)
            for found, plane in zip(frame.planes, meant.planes, strict=True):
                np.testing.assert_array_equal(found, plane)


def test_frames_outside_the_movie_are_named(long_movie):
    with MovieReader(long_movie) as movie, pytest.raises(RequestError, match=r"frames 1-40; frame 41"):
        movie.read(41)


@pytest.mark.parametrize(("tags", "matrix"), [((1, 1, 1, 1), 1), ((9, 14, 9, 1), 9), ((6, 6, 6, 2), 6)])
def test_the_streams_own_matrix_and_range_are_used(tags, matrix, tmp_path):
    full = tags[3] == 2
    luma, red = (129, 240) if full else (126, 240)
    planes = [np.full((16, 16), value, np.uint8) for value in (luma, 128, red)]
    path = save_movie(tmp_path / "a.mp4", [planes] * 2, pix_fmt="yuv444p", tags=tags)
    with MovieReader(path) as movie:
        assert tuple(vars(movie.facts.tags).values()) == tags
        pixel = movie.read(1).rgb()[3, 3]
    weight = {1: 0.2126, 6: 0.299, 9: 0.2627}[matrix]
    grey = 129 / 255 if full else 110 / 219
    expected = grey + (112 / (255 if full else 224)) * 2 * (1 - weight)
    assert pixel[0] == pytest.approx(expected, abs=1e-5)


def test_an_untagged_small_movie_is_read_as_601_and_a_large_one_as_709(tmp_path):
    frames = [ramp_planes(0, width=64, height=48)] * 2
    with MovieReader(save_movie(tmp_path / "a.mp4", frames, tags=(2, 2, 2, 0))) as movie:
        assert movie.facts.tags.matrix_for(*movie.facts.size) == 6
        assert movie.facts.tags.matrix_for(1280, 720) == 1


@pytest.mark.parametrize(("words", "fields"), [("", "progressive"), ("tff=1", "top"), ("bff=1", "bottom")])
def test_the_field_order_is_what_the_stream_says(words, fields, tmp_path):
    options = {"qp": "0"} | ({"x264-params": words, "flags": "+ildct+ilme"} if words else {})
    path = save_movie(tmp_path / "take.mp4", [ramp_planes(place) for place in range(3)], options=options)
    with MovieReader(path) as movie:
        assert movie.facts.fields == fields


def test_uneven_time_is_noticed(tmp_path):
    frames = [ramp_planes(place) for place in range(6)]
    steady = save_movie(tmp_path / "a.mp4", frames)
    uneven = save_movie(tmp_path / "b.mp4", frames, stamps=[0, 24, 48, 120, 144, 300])
    with MovieReader(steady) as movie:
        assert movie.facts.variable is False
        assert movie.facts.rate == 25
    with MovieReader(uneven) as movie:
        assert movie.facts.variable is True
        step = movie.facts.time_base
        assert [round(float(movie.stamp(number) * step) * 600) for number in range(1, 7)] == [
            0,
            24,
            48,
            120,
            144,
            300,
        ]


@pytest.mark.parametrize(
    ("rotation", "corner"), [(90, "bottom left"), (-90, "top right"), (180, "bottom right")]
)
def test_a_movie_on_its_side_is_seen_upright(rotation, corner, tmp_path):
    luma = np.full((48, 64), 60, np.uint8)
    luma[:8, :8] = 220
    grey = np.full((24, 32), 128, np.uint8)
    path = save_movie(tmp_path / "a.mp4", [[luma, grey, grey]] * 2, rotation=rotation)
    with MovieReader(path) as movie:
        frame = movie.read(1)
    picture = frame.rgb()
    assert picture.shape == ((48, 64, 3) if rotation == 180 else (64, 48, 3))
    y = -1 if "bottom" in corner else 0
    x = -1 if "right" in corner else 0
    assert picture[y, x, 0] > 0.8
    changed = picture.copy()
    changed[y, x] = 0
    out = frame.with_rgb(changed)
    assert out.planes[0][0, 0] == 16
    np.testing.assert_array_equal(out.planes[0][2:], frame.planes[0][2:])


def test_a_frame_that_was_not_changed_is_itself(long_movie, in_a_run):
    frame = in_a_run[3]
    assert frame.with_rgb(frame.rgb()) is frame
    larger = frame.with_rgb(frame.rgb().repeat(2, axis=0).repeat(2, axis=1), scale=2)
    assert larger.size == (128, 96)
    np.testing.assert_allclose(larger.planes[0][::2, ::2].astype(int), frame.planes[0], atol=3)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_a_truncated_movie_is_named(share, long_movie, tmp_path):
    path = tmp_path / "cut.mp4"
    data = long_movie.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=r"cut\.mp4"):
        MovieReader(path)


@pytest.mark.slow
def test_damaged_movies_are_read_or_refused(long_movie, tmp_path):
    random = np.random.default_rng(7)
    data = long_movie.read_bytes()
    outcomes = []
    for attempt in range(40):
        content = bytearray(data)
        for at in random.integers(0, len(content), 12):
            content[at] = int(random.integers(256))
        path = tmp_path / f"{attempt}.mp4"
        path.write_bytes(content)
        try:
            with MovieReader(path) as movie:
                for number in (1, len(movie), len(movie) // 2 + 1):
                    assert movie.read(number).rgb().shape[2] == 3
            outcomes.append("read")
        except InputError as error:
            assert str(path) in str(error)
            outcomes.append("refused")
    assert {"read", "refused"} == set(outcomes)


def test_a_playlist_cannot_pass_for_a_movie(long_movie, tmp_path):
    path = tmp_path / "list.mp4"
    path.write_text(f"ffconcat version 1.0\nfile {long_movie}\n")
    with pytest.raises(InputError, match=r"list\.mp4"):
        MovieReader(path)


def test_sound_alone_is_no_movie(tmp_path):
    import av

    path = tmp_path / "sound.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        container.mux(stream.encode(frame))
    with pytest.raises(InputError, match="no picture"):
        MovieReader(path)


def test_a_movie_too_large_is_refused(long_movie, monkeypatch, tmp_path):
    path = save_movie(tmp_path / "a.mp4", [ramp_planes(0, width=640, height=480)] * 2)
    monkeypatch.setenv("FACEPLATE_MAX_IMAGE_MB", "1")
    with pytest.raises(InputError, match="FACEPLATE_MAX_IMAGE_MB"):
        MovieReader(path)


def test_movies_are_known_by_their_ending(tmp_path):
    assert is_movie(tmp_path / "A.MOV")
    assert not is_movie(tmp_path / "a.exr")


def test_every_clip_is_read_to_its_end(shared):
    for path in sorted((shared / "clips").glob("*.mp4"))[:3]:
        with MovieReader(path) as movie:
            last = movie.read(len(movie))
            assert last.rgb().shape[:2] == movie.facts.size[::-1]

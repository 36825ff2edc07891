"""Movies written like the movie they come from: codec, bits, tags, time, sound; and never half."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from faceplate.io.movie import MovieReader
from faceplate.io.movie_format import MovieFormat, format_like, format_new
from faceplate.io.movie_writer import MovieWriter, codecs, verify_movie
from faceplate_client.errors import OutputError, RequestError
from tests.support.movies import packets_of, ramp_planes, save_movie

CODECS = {
    "h264_8.mp4": ("libx264", "yuv420p", 8, (1, 1), "h264"),
    "h264_10.mov": ("libx264", "yuv422p10le", 10, (1, 0), "h264"),
    "h265_10.mp4": ("libx265", "yuv420p10le", 10, (1, 1), "hevc"),
    "prores.mov": ("prores_ks", "yuv422p10le", 10, (1, 0), "prores"),
    "dnxhr.mov": ("dnxhd", "yuv422p10le", 10, (1, 0), "dnxhd"),
    "dnxhr_8.mxf": ("dnxhd", "yuv422p", 8, (1, 0), "dnxhd"),
}


def smooth_planes(place, bits, shift, width=256, height=128):
    """What a lossy codec should bring back nearly unharmed, with steps finer than eight bits."""
    top = 2**bits - 1
    planes = []
    for plane in range(3):
        across, down = (width >> shift[0], height >> shift[1]) if plane else (width, height)
        y, x = np.mgrid[0:down, 0:across]
        wave = 0.5 + 0.2 * np.sin(x / across * 3 + y / down * 2 + place * 0.1 + plane)
        planes.append(np.rint(wave * top).astype(np.uint8 if bits == 8 else np.uint16))
    return planes


def source(tmp_path, name, **told):
    encoder, pix_fmt, bits, shift, _ = CODECS[name]
    options = {"prores_ks": {"profile": "hq"}, "dnxhd": {"profile": "dnxhr_hqx" if bits > 8 else "dnxhr_hq"}}
    frames = [smooth_planes(place, bits, shift) for place in range(6)]
    return save_movie(
        tmp_path / name, frames, encoder=encoder, pix_fmt=pix_fmt, options=options.get(encoder), **told
    )


def copied(path, out, *, numbers=None, scale=1):
    """Frames read and written again, untouched."""
    with MovieReader(path) as movie:
        form = format_like(movie.facts, out, scale=scale)
        with MovieWriter(out, form) as writer:
            for number in numbers or range(1, len(movie) + 1):
                writer.write(movie.read(number))
    return form


@pytest.mark.parametrize("name", CODECS)
def test_codec_bits_and_tags_are_kept(name, tmp_path):
    path = source(tmp_path, name, tags=(9, 14, 9, 1))
    out = tmp_path / f"out_{name}"
    form = copied(path, out)
    verify_movie(out, form, 6)
    with MovieReader(path) as was, MovieReader(out) as now:
        assert now.facts.codec == was.facts.codec == CODECS[name][4]
        assert now.facts.pix_fmt == was.facts.pix_fmt == CODECS[name][1]
        assert now.facts.tags == was.facts.tags
        assert (now.facts.size, now.facts.rate, len(now)) == (was.facts.size, was.facts.rate, len(was))
        if CODECS[name][4] in ("prores", "dnxhd"):
            assert now.facts.profile == was.facts.profile
        for number in (1, 6):
            before, after = was.read(number), now.read(number)
            steps = 2 ** (before.layout.bits - 8)
            error = np.abs(after.planes[0].astype(int) - before.planes[0]).mean() / steps
            assert error < 0.6, "in steps of eight bits"


def test_ten_bits_are_ten_and_not_eight_padded(tmp_path):
    path = source(tmp_path, "h265_10.mp4")
    copied(path, tmp_path / "out.mp4")
    with MovieReader(tmp_path / "out.mp4") as movie:
        luma = movie.read(3).planes[0]
    assert len(np.unique(luma & 3)) == 4
    assert (luma & 3 != 0).mean() > 0.5


def test_time_stamps_are_kept_uneven_ones_too(tmp_path):
    frames = [ramp_planes(place) for place in range(6)]
    path = save_movie(tmp_path / "a.mp4", frames, stamps=[0, 24, 48, 120, 144, 300])
    copied(path, tmp_path / "out.mp4")
    with MovieReader(path) as was, MovieReader(tmp_path / "out.mp4") as now:
        assert now.facts.time_base == was.facts.time_base
        assert [now.stamp(n) for n in range(1, 7)] == [was.stamp(n) for n in range(1, 7)]


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_sound_is_copied_packet_by_packet(ending, tmp_path):
    frames = [ramp_planes(place) for place in range(20)]
    path = save_movie(tmp_path / f"a{ending}", frames, sound=True)
    copied(path, tmp_path / f"out{ending}")
    was, now = packets_of(path, "audio"), packets_of(tmp_path / f"out{ending}", "audio")
    assert len(was) > 10
    assert now == was


def test_a_part_of_a_movie_takes_its_part_of_the_sound(tmp_path):
    frames = [ramp_planes(place) for place in range(50)]
    path = save_movie(tmp_path / "a.mov", frames, sound=True)
    copied(path, tmp_path / "out.mov", numbers=range(26, 39))
    with MovieReader(tmp_path / "out.mov") as movie:
        assert len(movie) == 13
        assert movie.stamp(1) == 0
    was, now = packets_of(path, "audio"), packets_of(tmp_path / "out.mov", "audio")
    first = next(place for place, (_, content) in enumerate(was) if content == now[0][1])
    assert [content for _, content in now] == [content for _, content in was[first : first + len(now)]]
    assert was[first][0] == pytest.approx(1000, abs=30)
    assert now[-1][0] == pytest.approx(13 * 40, abs=40)


def test_timecode_and_rotation_are_kept(tmp_path):
    path = source(tmp_path, "prores.mov", timecode="01:00:10:05", rotation=90)
    copied(path, tmp_path / "out.mov")
    with MovieReader(tmp_path / "out.mov") as movie:
        assert movie.facts.stream_metadata["timecode"] == "01:00:10:05"
        assert movie.facts.rotation == 90


def test_a_larger_movie_is_larger(tmp_path):
    path = source(tmp_path, "h264_8.mp4")
    out = tmp_path / "out.mp4"
    with MovieReader(path) as movie:
        form = format_like(movie.facts, out, scale=2)
        with MovieWriter(out, form) as writer:
            frame = movie.read(1)
            writer.write(frame.with_rgb(frame.rgb().repeat(2, axis=0).repeat(2, axis=1), scale=2))
    verify_movie(out, form, 1)
    assert form.size == (512, 256)


@pytest.mark.parametrize(
    ("pix_fmt", "codec", "ending", "expected"),
    [
        ("yuv420p", "mpeg2video", ".mp4", ("h264", "yuv420p")),
        ("yuv420p10le", "vp9", ".mkv", ("h264", "yuv420p10le")),
        ("yuv422p10le", "prores", ".mp4", ("h264", "yuv422p10le")),
        ("yuv444p12le", "prores", ".mov", ("prores", "yuv444p10le")),
        ("yuva444p12le", "prores", ".mov", ("prores", "yuva444p10le")),
        ("yuv444p12le", "hevc", ".mov", ("hevc", "yuv444p12le")),
        ("gbrp", "rawvideo", ".mov", ("h264", "yuv444p10le")),
    ],
)
def test_what_cannot_be_kept_loses_least(pix_fmt, codec, ending, expected, tmp_path):
    with MovieReader(source(tmp_path, "h264_8.mp4")) as movie:
        facts = replace(movie.facts, codec=codec, pix_fmt=pix_fmt)
    form = format_like(facts, tmp_path / f"out{ending}")
    assert (form.codec, form.pix_fmt) == expected


def test_pictures_become_a_ten_bit_movie(tmp_path):
    assert format_new(tmp_path / "a.mov", (64, 48), Fraction(24)).pix_fmt == "yuv420p10le"
    assert format_new(tmp_path / "a.mov", (63, 48), Fraction(24)).pix_fmt == "yuv444p10le"
    with pytest.raises(RequestError, match=r"\.mov"):
        format_new(tmp_path / "a.avi", (64, 48), Fraction(24))


def test_a_movie_with_a_frame_missing_does_not_pass(tmp_path):
    path = source(tmp_path, "h264_8.mp4")
    form = copied(path, tmp_path / "out.mp4", numbers=[1, 2, 4])
    verify_movie(tmp_path / "out.mp4", form, 3)
    with pytest.raises(OutputError, match="should hold 4 frames"):
        verify_movie(tmp_path / "out.mp4", form, 4)


def test_an_interrupted_render_leaves_no_movie_to_mistake(tmp_path):
    path = source(tmp_path, "h264_8.mp4")
    out = tmp_path / "out.mp4"
    with MovieReader(path) as movie:
        form = format_like(movie.facts, out)
        with pytest.raises(KeyboardInterrupt), MovieWriter(out, form) as writer:
            writer.write(movie.read(1))
            raise KeyboardInterrupt
    with pytest.raises(OutputError):
        verify_movie(out, form, 6)


def test_frames_come_in_order(tmp_path):
    with MovieReader(source(tmp_path, "h264_8.mp4")) as movie:
        form = format_like(movie.facts, tmp_path / "out.mp4")
        with MovieWriter(tmp_path / "out.mp4", form) as writer:
            writer.write(movie.read(3))
            with pytest.raises(OutputError, match="in order"):
                writer.write(movie.read(2))


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path):
    form = MovieFormat("h264", "yuv420p", (64, 48), Fraction(25), Fraction(1, 25))
    with pytest.raises(OutputError, match="gone"):
        MovieWriter(tmp_path / "gone" / "out.mp4", form)


def test_the_codecs_of_this_machine_are_listed():
    assert codecs() == {"H.264": True, "H.265": True, "ProRes": True, "DNxHR": True}
    assert "libx264" in av.codecs_available

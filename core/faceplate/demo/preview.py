"""A small H.264 movie for anybody's player: before on the left, after on the right."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np

from faceplate.arrays import Image
from faceplate.demo.contact_sheet import write
from faceplate_client.errors import OutputError


def beside(before: Image, after: Image, *, middle: float) -> np.ndarray:
    """Two halves of one frame beside each other: the same columns of both, so that the eye can jump across.

    Args:
        before, after: (H, W, 3), display-encoded, 0-1.
        middle: the column that lies in the centre of either half, pixels.

    Returns:
        (H, W, 3) uint8 RGB, H and W even.
    """
    height, width = before.shape[0] // 2 * 2, before.shape[1] // 2 * 2
    half = width // 2
    left = int(np.clip(middle - half / 2, 0, before.shape[1] - half))
    halves = [np.clip(shown[:height, left : left + half], 0.0, 1.0) for shown in (before, after)]
    both = np.rint(np.concatenate(halves, axis=1) * 255).astype(np.uint8)
    for caption, x in (("before", 12), ("after", half + 12)):
        write(both, caption, x, height - 14)
    both[:, half - 1 : half + 1] = 255
    return both


def write_preview(path: Path, frames: Iterable[np.ndarray], *, fps: int) -> None:
    """Write 8-bit RGB frames of one size as H.264, Rec.709, for looking at and for nothing else.

    Raises:
        OutputError: the movie could not be written; nothing half-written is left behind.
    """
    unfinished = path.with_name(f".{path.name}.part.mp4")
    try:
        encode(unfinished, frames, fps)
        unfinished.replace(path)
    except (OSError, av.error.FFmpegError) as wrong:
        raise OutputError(f"the preview {path} could not be written: {wrong}") from wrong
    finally:
        unfinished.unlink(missing_ok=True)


def encode(path: Path, frames: Iterable[np.ndarray], fps: int) -> None:
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as movie:
        stream = movie.add_stream("libx264", rate=Fraction(fps), options={"crf": "14", "preset": "medium"})
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = 1  # 1 is Rec.709 in ITU-T H.273
        context.color_range = 1  # 16-235
        for pixels in frames:
            if not context.is_open:
                context.height, context.width = pixels.shape[:2]
            seen = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            movie.mux(
                stream.encode(
                    seen.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
                )
            )
        movie.mux(stream.encode())

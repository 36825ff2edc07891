"""The progress line on stderr: frames, speed, time left, faces so far.

tqdm draws the bar: one small package without dependencies, whose speed and time-left are smoothed and which gets
terminal widths and Windows consoles right. Where stderr is no terminal (a farm's log), a plain line every ten
seconds says the same.
"""

import sys
import threading
import time

from tqdm import tqdm

LOG_EVERY = 10.0
"""Seconds between lines where there is no terminal."""


class Progress:
    """Counts frames from any thread; draws on the main thread when `draw` is called."""

    def __init__(self, *, quiet: bool) -> None:
        self._lock = threading.Lock()
        self._total = self._done = self._faces = self._failed = 0
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._bar: tqdm | None = None
        self._start = self._last_line = time.monotonic()
        self._rendered = 0

    def expect(self, frames: int) -> None:
        """Say how many frames there are in all; said again, the counting begins anew for the next part of the work."""
        with self._lock:
            self._total = frames
            self._done = self._faces = self._failed = self._rendered = 0
            self._start = self._last_line = time.monotonic()

    def frame_done(self, *, faces: int, failed: bool = False, resumed: bool = False) -> None:
        """Count one frame, the faces found on it, and whether it was rendered now."""
        with self._lock:
            self._done += 1
            self._faces += faces
            self._failed += failed
            self._rendered += not resumed

    def warn(self, sentence: str) -> None:
        """Say something that an artist should know, quiet or not, without breaking the bar; from any thread."""
        tqdm.write(f"faceplate: {sentence}", file=sys.stderr)
        sys.stderr.flush()

    def draw(self, *, last: bool = False) -> None:
        """Bring the bar or the log up to date. `last`: the work is over; take the bar to its end."""
        with self._lock:
            total, done, faces, failed, rendered = (
                self._total, self._done, self._faces, self._failed, self._rendered
            )  # fmt: skip
        if self._quiet or not total:
            return
        if self._terminal:
            self._draw_bar(total, done, _counted(faces, failed), last=last)
            return
        now = time.monotonic()
        if now - self._last_line >= LOG_EVERY and not last:
            self._last_line = now
            print(
                _line(total, done, rendered, now - self._start, _counted(faces, failed)),
                file=sys.stderr,
                flush=True,
            )

    def _draw_bar(self, total: int, done: int, note: str, *, last: bool) -> None:
        if self._bar is None or self._bar.total != total:
            self._bar = tqdm(total=total, unit="frame", file=sys.stderr, dynamic_ncols=True)
        if done != self._bar.n or note != self._bar.postfix:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.n = done
            self._bar.refresh()
        if last:
            self._bar.close()


def _counted(faces: int, failed: int) -> str:
    words = f"{faces} face{'' if faces == 1 else 's'}"
    return f"{words}, {failed} failed" if failed else words


def _line(total: int, done: int, rendered: int, seconds: float, note: str) -> str:
    words = f"faceplate: {done}/{total} frames, {note}"
    if rendered and seconds > 0:
        speed = rendered / seconds
        words += f", {speed:.2f} frames/s, {round((total - done) / speed)} s left"
    return words

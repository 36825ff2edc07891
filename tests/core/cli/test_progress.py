"""What the progress line says, on a terminal, in a log, and when it should say nothing."""

import io

import pytest

from faceplate.cli import progress
from faceplate.cli.progress import Progress


class Screen(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self._terminal = terminal

    def isatty(self):
        return self._terminal


@pytest.fixture
def screen(monkeypatch):
    def show(terminal):
        made = Screen(terminal)
        monkeypatch.setattr(progress.sys, "stderr", made)
        return made

    return show


def test_a_terminal_sees_frames_time_left_and_faces(screen):
    shown = screen(True)
    bar = Progress(quiet=False)
    bar.expect(24)
    bar.frame_done(faces=2)
    bar.frame_done(faces=1)
    bar.draw()
    bar.draw(last=True)
    assert "2/24" in shown.getvalue() and "3 faces" in shown.getvalue()


def test_a_terminal_hears_of_failed_frames(screen):
    shown = screen(True)
    bar = Progress(quiet=False)
    bar.expect(2)
    bar.frame_done(faces=0, failed=True)
    bar.draw(last=True)
    assert "1 failed" in shown.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_is_quiet(screen, terminal):
    shown = screen(terminal)
    bar = Progress(quiet=True)
    bar.expect(5)
    bar.frame_done(faces=1)
    bar.draw(last=True)
    assert shown.getvalue() == ""


def test_a_log_gets_a_line_now_and_then_not_a_bar(screen, monkeypatch):
    shown, clock = screen(False), [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    bar = Progress(quiet=False)
    bar.expect(100)
    for second in range(1, 26):  # one frame a second
        clock[0] = float(second)
        bar.frame_done(faces=1)
        bar.draw()
    told = shown.getvalue().splitlines()
    assert told == [
        "faceplate: 10/100 frames, 10 faces, 1.00 frames/s, 90 s left",
        "faceplate: 20/100 frames, 20 faces, 1.00 frames/s, 80 s left",
    ]


def test_frames_of_an_earlier_run_do_not_flatter_the_speed(screen, monkeypatch):
    shown, clock = screen(False), [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    bar = Progress(quiet=False)
    bar.expect(100)
    for _ in range(50):
        bar.frame_done(faces=0, resumed=True)
    clock[0] = 10.0
    bar.frame_done(faces=0)
    bar.draw()
    assert "51/100 frames" in shown.getvalue() and "0.10 frames/s, 490 s left" in shown.getvalue()

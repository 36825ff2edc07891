"""Laws of a chunk: every frame once, never more than three at a time, and a clean end however it ends."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.farm.chunk import render_chunk
from faceplate.farm.report import FAILED, NO_FACE, FrameRecord
from faceplate_client.errors import Cancelled, InputError, OutputError

PATIENCE = 5.0


class Frames:
    """Work on numbers: a frame's picture is its number, restored it is a hundred more."""

    def __init__(self, frames, *, broken=(), proven=(), goes_on=True):
        self.frames, self.goes_on = list(frames), goes_on
        self.broken, self.proven = set(broken), set(proven)
        self.written, self.log = {}, []
        self.alive, self.most_alive = set(), 0
        self._lock = threading.Lock()

    def _note(self, what, frame):
        with self._lock:
            self.log.append((what, frame))
            if what == "fetch":
                self.alive.add(frame)
                self.most_alive = max(self.most_alive, len(self.alive))
            if what == "gone":
                self.alive.discard(frame)

    def fetch(self, frame):
        self._note("fetch", frame)
        if frame in self.broken:
            self._note("gone", frame)
            raise InputError(f"frame {frame} is damaged; render it again")
        if frame in self.proven:
            self._note("gone", frame)
            return self._record(frame, resumed=True)
        return frame

    def render(self, frame, fetched):
        self._note("render", frame)
        return fetched + 100

    def write(self, frame, rendered):
        self.written[frame] = rendered
        self._note("gone", frame)
        return self._record(frame)

    def failed(self, frame, error):
        told = {"code": error.code, "sentence": str(error)}
        return FrameRecord(frame, FAILED, "in", "out", error=told)

    def _record(self, frame, **facts):
        return FrameRecord(frame, NO_FACE, "in", "out", **facts)


def run(work, stop=None, on_frame=lambda record: None):
    return render_chunk(work, stop=stop or threading.Event(), on_frame=on_frame)


@given(
    st.lists(st.integers(1, 60), unique=True, max_size=15),
    st.sets(st.integers(1, 60)),
    st.sets(st.integers(1, 60)),
)
def test_every_frame_is_told_once_and_written_as_alone(frames, broken, proven):
    work, told = Frames(frames, broken=broken, proven=proven), []
    report = run(work, on_frame=lambda record: told.append(record.frame))
    assert sorted(told) == sorted(frames)
    assert [record.frame for record in report.records] == sorted(frames)
    assert work.written == {frame: frame + 100 for frame in frames if frame not in broken | proven}
    assert {record.frame for record in report.failed} == broken & set(frames)
    assert report.exit_code == (65 if report.failed else 0)
    assert work.most_alive <= 3


def test_the_next_frame_is_read_and_the_last_one_written_while_one_is_rendered():
    class Overlapping(Frames):
        seen = threading.Barrier(3, timeout=PATIENCE)

        def fetch(self, frame):
            if frame == 3:
                self.seen.wait()
            return super().fetch(frame)

        def render(self, frame, fetched):
            if frame == 2:
                self.seen.wait()
            return super().render(frame, fetched)

        def write(self, frame, rendered):
            if frame == 1:
                self.seen.wait()
            return super().write(frame, rendered)

    # Reading 3, rendering 2 and writing 1 wait for one another: only if all three overlap does any go on.
    assert len(run(Overlapping([1, 2, 3])).records) == 3


def test_a_stop_begins_no_frame_and_finishes_the_one_being_written():
    stop, told = threading.Event(), []

    class Stopped(Frames):
        def render(self, frame, fetched):
            if frame == 3:
                stop.set()
            return super().render(frame, fetched)

    work = Stopped(range(1, 9))
    with pytest.raises(Cancelled):
        run(work, stop, on_frame=lambda record: told.append(record.frame))
    assert [frame for what, frame in work.log if what == "render"] == [1, 2, 3]
    assert sorted(work.written) == told == [1, 2, 3]


def test_a_full_disk_ends_the_chunk_and_renders_no_further_than_the_frame_in_hand():
    class Full(Frames):
        def write(self, frame, rendered):
            raise OutputError("the disk is full")

    work = Full(range(1, 9))
    with pytest.raises(OutputError):
        run(work)
    assert [frame for what, frame in work.log if what == "render"] == [1, 2]


def test_a_movie_does_not_go_on_without_one_of_its_frames():
    work = Frames(range(1, 9), broken=[4], goes_on=False)
    with pytest.raises(InputError, match="frame 4"):
        run(work)
    assert sorted(work.written) == [1, 2, 3]


def test_a_fault_while_rendering_comes_through_and_the_frame_behind_is_finished():
    class Faulty(Frames):
        def render(self, frame, fetched):
            if frame == 3:
                raise ZeroDivisionError
            return super().render(frame, fetched)

    work = Faulty(range(1, 9))
    with pytest.raises(ZeroDivisionError):
        run(work)
    assert sorted(work.written) == [1, 2]

"""The plug-in over time and in parallel: whom it calls, what it leaves behind, and how a host may share its work."""

import gc
import hashlib
import itertools
import time as clock
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from faceplate.ofx_host.images import new_image
from faceplate.ofx_host.rendering import render_frame
from faceplate.ofx_host.status import OK
from tests.support.engines import engine_in, open_files
from tests.support.ofx_faces import (
    EFFECTS,
    FACE,
    RESTORE,
    WINDOW,
    Faces,
    at_work,
    lifted,
    picture,
    plugin,
    rendered,
)
from tests.support.ofx_hosting import SANITISED, nothing_left

# ------------------------------------------------------------ whom it calls


def test_nobody_is_called_before_a_render(folder):
    with engine_in(folder, **Faces().work) as server:
        with plugin(RESTORE) as effect, at_work(effect, picture(), context="General") as instance:
            instance.set("sharpen", 0.5)
            instance.region_of_definition(1)
            instance.is_identity(1, WINDOW)
            instance.frames_needed(1)
            instance.regions_of_interest(1, (0.0, 0.0, 9.0, 6.0))
            instance.begin_sequence((1.0, 1.0))
            assert server._numbers == 0
            render_frame(instance, 1, WINDOW)
        assert server._numbers == 1
        assert soon(lambda: server._status()["clients"] == 0), "gone with the last instance"


def test_the_whole_source_is_wanted_for_any_part(restore):
    with at_work(restore, picture(), origin=(2, 3)) as instance:
        assert instance.regions_of_interest(1, (4.0, 4.0, 5.0, 5.0))["Source"] == (2.0, 3.0, 11.0, 9.0)


def soon(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether something comes to hold; the engine's end of a connection closes a moment after the plug-in's."""
    until = clock.monotonic() + seconds
    while not holds() and clock.monotonic() < until:
        clock.sleep(0.01)
    return holds()


# ------------------------------------------------------------ how a host cuts and shares its work

LARGE = (23, 17)
EDGES = {
    "whole": ((0, 23), (0, 17)),
    "rows": ((0, 23), (0, 4, 8, 12, 16, 17)),
    "columns": ((0, 1, 11, 22, 23), (0, 17)),
    "uneven tiles": ((0, 3, 16, 23), (0, 2, 9, 17)),
}
"""Of every tiling, where its tiles begin and end, across and up."""

LAYOUTS = tuple({"padding": padding, "top_down": top_down} for padding in (0, 20) for top_down in (0, 1))
"""Rows packed and padded, the bottom row first in memory and the top row."""


@pytest.mark.slow
@pytest.mark.parametrize("identifier", EFFECTS)
def test_every_way_of_asking_gives_the_same_bits(faces, identifier):
    """Tilings, layouts of source and output, 1 and 4 threads, 1 and 2 instances: one hash."""
    before, seen = picture(size=LARGE), {}
    with plugin(identifier) as effect:
        for layout in LAYOUTS:
            with (
                at_work(effect, before, image=layout) as one,
                at_work(effect, before, image=layout) as other,
            ):
                for edges, threads, instances in itertools.product(EDGES, (1, 4), ((one,), (one, other))):
                    way = (*layout.values(), edges, threads, len(instances))
                    seen[way] = tiled(instances, tiles(*EDGES[edges]), threads, layout)
    assert len(seen) == 64 and len(set(seen.values())) == 1, seen
    assert next(iter(seen.values())) != hashlib.sha256(before.tobytes()).hexdigest(), "something was done"


def tiles(across: tuple[int, ...], up: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    return [(x1, y1, x2, y2) for x1, x2 in itertools.pairwise(across) for y1, y2 in itertools.pairwise(up)]


def tiled(instances, windows, threads: int, layout) -> str:
    """The hash of a frame's pixels, row 0 at the top, its windows rendered by so many threads and instances."""
    output = new_image((0, 0, *LARGE), **layout)
    for instance in instances:
        instance.frames_needed(1)
    turns = itertools.cycle(instances)
    with ThreadPoolExecutor(threads) as pool:
        done = pool.map(
            lambda each: each[0].render_status(1, each[1], output), zip(turns, windows, strict=False)
        )
        assert set(done) == {OK}
    assert output.intact
    return hashlib.sha256(output.pixels.tobytes()).hexdigest()


# ------------------------------------------------------------ what it leaves behind

MOST_GROWTH = 8_000_000
"""Bytes by which 200 lives may grow the process: a frame of them that stayed each time would be 200 MB."""


@pytest.mark.slow
def test_two_hundred_lives_leave_memory_handles_files_and_threads_as_they_were(restore):
    frame = picture(size=(256, 256))

    def live(times: int) -> None:
        for _ in range(times):
            with at_work(restore, frame) as instance:
                rendered(instance, (0, 0, 256, 256))

    live(20)  # what is made once and kept: pools, caches of the interpreter's
    before = left()
    with nothing_left():
        live(200)
    assert soon(lambda: left()[1:] <= before[1:]), (before, left())
    if not SANITISED:  # a sanitizer keeps what was freed, to see who still uses it
        assert left()[0] - before[0] < MOST_GROWTH


def left() -> tuple[int, int, int]:
    """Bytes of memory in use, open files, threads of this process, the engine in its thread included."""
    gc.collect()
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    facts = dict(line.split(":", 1) for line in lines)
    return int(facts["VmRSS"].split()[0]) * 1024, open_files(), int(facts["Threads"])


def test_lives_without_a_render_call_nobody_and_leave_nothing(folder):
    with nothing_left(), plugin(RESTORE) as effect:
        before = left()[1:]
        for _ in range(200):
            with at_work(effect, picture()):
                pass
        assert left()[1:] == before


def test_renders_in_many_threads_at_once_are_all_right(restore):
    wanted = lifted(picture(), FACE)
    with at_work(restore, picture()) as one, at_work(restore, picture()) as other:
        for instance in (one, other):
            instance.frames_needed(1)

        def render(instance) -> np.ndarray:
            output = new_image(WINDOW)
            assert instance.render_status(1, WINDOW, output) == OK
            return np.array(output.pixels)

        with ThreadPoolExecutor(8) as pool:
            for after in pool.map(render, (one, other) * 4):
                np.testing.assert_array_equal(after, wanted)

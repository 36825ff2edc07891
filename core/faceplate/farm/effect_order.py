"""Footage through a third-party effect, from outside: the child it runs in is started, followed, and outlived.

A frame is published by rename alone, so that a child which crashes leaves whole frames and one hidden temporary, which
is swept. The frame it crashed on is named as failed, and a new child goes on with the next.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from faceplate.farm.chunk import STOPPED, ChunkReport
from faceplate.farm.effect_work import EffectOrder
from faceplate.farm.report import FAILED, FrameRecord
from faceplate.farm.store import sweep
from faceplate.ofx_host.native import PluginError
from faceplate_client.errors import Cancelled, FaceplateError, RequestError

CRASHES_IN_A_ROW = 3
"""Frames in a row that may crash the effect before the rest is given up as well."""

GRACE = 1.0
"""Seconds a child has to end once it was asked to stop."""

OnFrame = Callable[[FrameRecord], None]

_TICK = 0.1  # seconds between looks at `stop`


class EffectCrashed(PluginError):
    """The effect took its process down."""

    code = "ofx.crash"


def describe_bundle(bundle: str, profile: str, *, patience: float = 60.0) -> list[dict[str, Any]]:
    """What is known of every effect in a bundle, asked in a process of its own.

    Args:
        bundle: a bundle or an .ofx file. profile: the host to be. patience: seconds that it may take.

    Returns:
        For each effect `identifier`, `version`, `label`, `group`, `contexts`, `depths`, `parameters`, or `error`.

    Raises:
        PluginError: it crashed, took too long, or is no bundle. RequestError: the host is not built here.
    """
    deadline = time.monotonic() + patience
    with _Child({"verb": "describe", "bundle": bundle, "profile": profile}) as child:
        for told in child.answers():
            if told is None:
                if time.monotonic() > deadline:
                    raise PluginError(
                        f"{bundle} said nothing for {patience:.0f} s; it seems to hang while it loads",
                        "ofx.crash",
                    )
            elif "effects" in told:
                return told["effects"]
        raise child.crash(f"{bundle} crashed while it was loaded or described")


def render_with_effect(
    order: EffectOrder, *, stop: threading.Event, on_start: Callable[[int], None], on_frame: OnFrame
) -> ChunkReport:
    """Carry out an order, and outlive the effect's crashes.

    Args:
        order: what to do.
        stop: set it to end the work; the frame in hand is given up.
        on_start: told how many frames there are, once input and output are checked.
        on_frame: told of every frame as it is done or failed.

    Returns:
        Every frame's record.

    Raises:
        RequestError, InputError: found before anything is written.
        EffectCrashed: before it made a single frame. OutputError, Cancelled: on the way; whole frames remain.
    """
    start = time.perf_counter()
    footage, target = order.open()
    if not order.overwrite:
        _refuse_existing([target.path_for(file) for file in footage.frames])
    on_start(len(footage))
    sweep(target.folder)
    work = _Work(order, [file.number for file in footage.frames], on_frame)
    paths = {file.number: (str(file.path), str(target.path_for(file))) for file in footage.frames}
    try:
        while work.left:
            try:
                work.run(stop)
            except EffectCrashed as crash:
                work.outlive(crash, paths)
    finally:
        sweep(target.folder)  # what a child that crashed or was stopped had half-written
    return ChunkReport(tuple(work.done[n] for n in sorted(work.done)), time.perf_counter() - start)


def _refuse_existing(paths: list[Any]) -> None:
    for path in paths:
        if path.exists():
            raise RequestError(
                f"{path} is there already; use --overwrite to replace it, or choose another -o",
                code="output.exists",
            )


@dataclass
class _Work:
    """What is left to do, over as many children as it takes."""

    order: EffectOrder
    left: list[int]
    on_frame: OnFrame
    done: dict[int, FrameRecord] = field(default_factory=dict)
    in_hand: int | None = None
    crashes: int = 0

    def run(self, stop: threading.Event) -> None:
        """One child, until it is done, says an error, or crashes."""
        order = replace(self.order, numbers=tuple(self.left))
        self.in_hand = None
        with _Child({"verb": "render", **order.as_words()}) as child:
            for told in child.answers():
                if stop.is_set():
                    raise Cancelled(STOPPED)
                if told is None:
                    continue
                if "begin" in told:
                    self.in_hand = told["begin"]
                elif "frame" in told:
                    self._finish(FrameRecord.from_json(told["frame"]))
                    self.crashes = 0
                elif "done" in told:
                    return
            raise child.crash(f"{self.order.effect} crashed")

    def outlive(self, crash: EffectCrashed, paths: Mapping[int, tuple[str, str]]) -> None:
        """Name the frame it crashed on; give the others up when every frame crashes.

        Raises:
            EffectCrashed: it never began a frame.
        """
        if self.in_hand is None:
            raise crash
        self.crashes += 1
        given_up = [self.in_hand] if self.crashes < CRASHES_IN_A_ROW else list(self.left)
        for number in given_up:
            told = {"code": crash.code, "sentence": str(crash)}
            self._finish(FrameRecord(number, FAILED, *paths[number], error=told))

    def _finish(self, record: FrameRecord) -> None:
        self.done[record.frame] = record
        self.left.remove(record.frame)
        self.on_frame(record)


class _Child:
    """A process of `effect_child`, from its order to its end. A context manager: it never outlives the block."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        # A session of its own, so that Ctrl-C reaches us alone and we say what becomes of it.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faceplate.farm.effect_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            env=_environment(),
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once; reading says so
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="faceplate-effect", daemon=True).start()

    def __enter__(self) -> "_Child":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def answers(self) -> Iterator[dict[str, Any] | None]:
        """What it says, and None now and then while it says nothing; ends when it does.

        Raises:
            FaceplateError: the error it ended with.
        """
        while True:
            try:
                line = self._lines.get(timeout=_TICK)
            except queue.Empty:
                yield None
                continue
            if line is None:
                return
            told = json.loads(line)
            if "error" in told:
                raise _error(told["error"])
            yield told

    def crash(self, what: str) -> EffectCrashed:
        """The error for a child that ended without having said that it was done."""
        code = self._process.wait()
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return EffectCrashed(f"{what} ({how}); try other parameters, or ask its maker")


def _environment() -> dict[str, str]:
    """This process's own, with the folders that modules were found in here."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _error(told: Mapping[str, Any]) -> FaceplateError:
    error = FaceplateError(told["sentence"], code=told["code"])
    error.exit_code = told["exit_code"]
    return error

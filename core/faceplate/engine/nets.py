"""The nets that a job runs on: open once for everybody, and stopped between two calls when the job is."""

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faceplate.engine.jobs import Job
from faceplate.engine.sparing import Call, in_tiles, one_by_one
from faceplate.runtime.net import Net, fixed_side
from faceplate_client.errors import EngineError

if TYPE_CHECKING:
    from faceplate.operations import RestoreTools


Way = tuple[Call, str]
"""A way to run a net, and how it is called in a report; an empty word for the usual one."""


class Watched:
    """A net that lets its job stop, or step aside, before every call, and goes another way where memory is short."""

    def __init__(
        self, net: Net, job: Job, stage: str, progress: tuple[float, float], others: Iterator[Way]
    ) -> None:
        """Args: `progress`: 0-1, when it is first called, and what each call is worth; `others`: ways left to it."""
        self._net, self._job, self._stage, self._others = net, job, stage, others
        self._done, self._share = progress
        self._call: Call = net
        self.id, self.template, self.side, self.seconds = net.id, net.template, fixed_side(net), net.seconds

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """As the net itself.

        Raises:
            Cancelled: the job was taken back. EngineError: `engine.memory`, no other way is left.
        """
        self._job.stage(self._stage, self._done)
        self._done = min(self._done + self._share, 0.9)
        answer = self._endured(batch)
        self.seconds = self._net.seconds
        return answer

    def _endured(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """The answer, by the first way that the memory suffices for; the job goes on that way."""
        while True:
            try:
                return self._call(batch)
            except EngineError as error:
                other = next(self._others, None) if error.code == "engine.memory" else None
                if other is None:
                    raise
                self._call, how = other
                self._job.notes.append(f"The device ran out of memory: {self.id} worked {how}.")


def watched_tools(job: Job, flow: str = "", *, upscale: bool = False) -> "RestoreTools":
    """The nets that restoring needs, each letting `job` stop or step aside before it is called.

    Asked for by every request: which model serves, and whether it may, can change while an engine lives.

    Args:
        job: what they work for.
        flow: how motion is followed, as `open_restore` takes it; "" where nothing moves.
        upscale: whether the plate will be enlarged by a net.

    Raises:
        ModelError: as `open_restore`. Cancelled: the job was taken back.
    """
    from faceplate.operations import RestoreTools, open_restore
    from faceplate.restore.pipeline import RestoreNets

    job.stage("models", 0.0)

    def opened(device: str) -> RestoreTools:
        asked: dict[str, Any] = {**({"flow": flow} if flow else {}), **({"upscale": True} if upscale else {})}
        return open_restore(device, **asked)

    try:
        tools = opened("auto")
    except EngineError as error:
        if error.code != "engine.memory":
            raise
        tools = opened("cpu")
        job.notes.append("The device has no room for the models: they worked on the CPU.")

    def others(of: Callable[["RestoreTools"], Net | None], pieces: Callable[[Call], Call]) -> Iterator[Way]:
        net = of(tools)
        assert net is not None
        yield pieces(net), "in smaller pieces"
        on_cpu = of(opened("cpu"))
        if on_cpu is not None and on_cpu is not net:
            yield on_cpu, "on the CPU"

    detector, restore, identity = tools.detector, tools.nets.restore, tools.nets.identity
    finds = others(lambda tools: tools.detector, in_tiles)
    makes = others(lambda tools: tools.nets.restore, one_by_one)
    knows = others(lambda tools: tools.nets.identity, one_by_one)
    # Both are small already: what is left to them is another device.
    judges = islice(others(lambda tools: tools.nets.quality, one_by_one), 1, None)
    enlarges = islice(others(lambda tools: tools.nets.upscale, one_by_one), 1, None)
    quality, enlarger, parser = tools.nets.quality, tools.nets.upscale, tools.nets.parse
    parses = others(lambda tools: tools.nets.parse, one_by_one)
    nets = RestoreNets(
        Watched(restore, job, "restore", (0.3, 0.05), makes),
        identity and Watched(identity, job, "likeness", (0.9, 0.0), knows),
        quality and Watched(quality, job, "quality", (0.9, 0.0), judges),
        enlarger and Watched(enlarger, job, "enlarge", (0.7, 0.001), enlarges),
        parser and Watched(parser, job, "matte", (0.6, 0.0), parses),
    )
    # A pair of pictures has no smaller pieces: motion from one tile to the next would be lost.
    follows = islice(others(lambda tools: tools.flow, one_by_one), 1, None)
    return RestoreTools(
        Watched(detector, job, "detect", (0.05, 0.01), finds),
        nets,
        tools.models,
        tools.flow and Watched(tools.flow, job, "flow", (0.6, 0.01), follows),
    )


def models_in_use() -> list[str]:
    """Names of the models that are open. Loads nothing: the socket's own thread asks this."""
    pool = sys.modules.get("faceplate.runtime.pool")
    return pool.open_models() if pool else []

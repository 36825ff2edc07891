"""The nets that a job runs on: open once for everybody, and stopped between two calls when the job is."""

import sys
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from faceplate.engine.jobs import Job
from faceplate.runtime.net import Net, fixed_side

if TYPE_CHECKING:
    from faceplate.operations import RestoreTools


class Watched:
    """A net that lets its job stop, or step aside, before every call. `share`: progress that each call is worth."""

    def __init__(self, net: Net, job: Job, stage: str, done: float, share: float = 0.0) -> None:
        self._net, self._job, self._stage, self._done, self._share = net, job, stage, done, share
        self.id, self.template, self.side, self.seconds = net.id, net.template, fixed_side(net), net.seconds

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """As the net itself.

        Raises:
            Cancelled: the job was taken back.
        """
        self._job.stage(self._stage, self._done)
        self._done = min(self._done + self._share, 0.9)
        answer = self._net(batch)
        self.seconds = self._net.seconds
        return answer


def watched_tools(job: Job) -> "RestoreTools":
    """The nets that restoring needs, each letting `job` stop or step aside before it is called.

    Asked for by every request: which model serves, and whether it may, can change while an engine lives.

    Raises:
        ModelError: as `open_restore`. Cancelled: the job was taken back.
    """
    from faceplate.operations import RestoreTools, open_restore
    from faceplate.restore.pipeline import RestoreNets

    job.stage("models", 0.0)
    tools = open_restore()
    identity = tools.nets.identity and Watched(tools.nets.identity, job, "likeness", 0.9)
    nets = RestoreNets(Watched(tools.nets.restore, job, "restore", 0.3, 0.05), identity)
    return RestoreTools(Watched(tools.detector, job, "detect", 0.05, 0.01), nets, tools.models)


def models_in_use() -> list[str]:
    """Names of the models that are open. Loads nothing: the socket's own thread asks this."""
    pool = sys.modules.get("faceplate.runtime.pool")
    return pool.open_models() if pool else []

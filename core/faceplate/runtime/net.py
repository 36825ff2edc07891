"""The Net protocol: all that a stage may know of a model."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Net(Protocol):
    """A model opened and ready: call it with a batch, get batches back.

    `id`: the manifest's id and version, for reports. `template`: crop template (`faces.TEMPLATES`) or "" for none.
    `seconds`: wall time spent inside the runtime so far, for reports and benchmarks.
    """

    id: str
    template: str
    seconds: float

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """(B, C, H, W) float32 in the manifest's input range -> every output of the graph, in order."""
        ...


def fixed_side(net: Net) -> int:
    """The side of the only crop that a net takes, 0 where it takes any: the net's own `side`, if it has one."""
    return getattr(net, "side", 0)

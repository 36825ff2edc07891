"""What is left to do when a device's memory does not suffice: smaller pieces, and then another device."""

from collections.abc import Callable
from math import ceil

import numpy as np
from numpy.typing import NDArray

Batch = NDArray[np.float32]
Call = Callable[[Batch], tuple[Batch, ...]]

PIECE, OVERLAP = 320, 128
"""Side of a smaller tile and how far it reaches into the next, pixels; both multiples of a net's stride."""

_STRIDE = 32


def one_by_one(net: Call) -> Call:
    """A net that is shown the pictures of a batch singly: the same answer, in less memory."""

    def call(batch: Batch) -> tuple[Batch, ...]:
        answers = [net(batch[place : place + 1]) for place in range(len(batch))]
        return tuple(np.concatenate(each) for each in zip(*answers, strict=True))

    return call


def in_tiles(net: Call) -> Call:
    """A face.detect net that is shown a picture in overlapping tiles of PIECE pixels.

    What a seam cuts is left to the tile beyond it, and a face larger than the overlap to a coarser look at the plate.
    """

    def call(batch: Batch) -> tuple[Batch, ...]:
        height, width = batch.shape[2:]
        rows = [
            _moved(one_by_one(net)(batch[:, :, y : y + PIECE, x : x + PIECE])[0], (x, y), (width, height))
            for y in starts(height)
            for x in starts(width)
        ]
        return (np.concatenate(rows, axis=1),)

    return call


def starts(length: int) -> list[int]:
    """Where tiles begin along a side: they cover all of it, each reaching into the next by OVERLAP or more."""
    if length <= PIECE:
        return [0]
    steps = ceil((length - PIECE) / (PIECE - OVERLAP))
    last = length - PIECE
    return [min(last, number * last // steps // _STRIDE * _STRIDE) for number in range(steps)] + [last]


def _moved(rows: Batch, start: tuple[int, int], size: tuple[int, int]) -> Batch:
    """(B, N, 15) rows of a tile in the whole picture's pixels; those that a seam cuts have a score of 0."""
    moved = rows.copy()
    moved[..., 1:] += np.tile(np.array(start, np.float32), 7)
    for axis in (0, 1):
        low, high = start[axis], start[axis] + PIECE
        cut = (low > 0) & (moved[..., 1 + axis] < low + 0.5)
        cut |= (high < size[axis]) & (moved[..., 3 + axis] > high - 0.5)
        moved[..., 0] = np.where(cut, 0.0, moved[..., 0])
    return moved

"""What every recipe's loop shares: the learning-rate curve, the averaged weights, the log, the checkpoint."""

import copy
import csv
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn


def rate_at(step: int, steps: int, *, peak: float, warm_up: int = 300, floor: float = 0.01) -> float:
    """Linear warm-up to `peak`, then a cosine down to `floor` x `peak` at the last step."""
    if step < warm_up:
        return peak * (step + 1) / warm_up
    along = min(1.0, (step - warm_up) / max(1, steps - warm_up))
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * along)))


class Averaged:
    """An exponential moving average of a net's weights: what is measured and shipped.

    Early on the average follows quickly, so that the random start is forgotten.
    """

    def __init__(self, net: nn.Module, decay: float = 0.999) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def follow(self, net: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for kept, new in zip(self.net.state_dict().values(), net.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)


class Log:
    """A CSV that grows by a row; rows after `step` are dropped when a run is taken up again."""

    def __init__(self, path: Path, columns: list[str], *, from_step: int = 0) -> None:
        self.path, self.columns, self.started = path, ["step", "seconds", *columns], time.monotonic()
        kept = []
        if path.exists():
            with open(path, newline="") as file:
                kept = [row for row in csv.DictReader(file) if int(row["step"]) <= from_step]
        self.before = float(kept[-1]["seconds"]) if kept else 0.0
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, self.columns)
            writer.writeheader()
            writer.writerows(kept)

    def row(self, step: int, **values: float) -> None:
        """Append one row and print it."""
        seconds = round(self.before + time.monotonic() - self.started, 1)
        shown = {name: round(float(values[name]), 5) for name in self.columns[2:] if name in values}
        with open(self.path, "a", newline="") as file:
            csv.DictWriter(file, self.columns).writerow({"step": step, "seconds": seconds, **shown})
        print(
            step,
            f"{seconds:.0f}s",
            " ".join(f"{name} {value:g}" for name, value in shown.items()),
            flush=True,
        )


def mean_of(seen: list[dict[str, float]]) -> dict[str, float]:
    """The mean of every value over the steps that have it."""
    names = {name for values in seen for name in values}
    return {name: float(np.mean([values[name] for values in seen if name in values])) for name in names}


def save_checkpoint(
    path: Path, step: int, net: nn.Module, averaged: Averaged, optimiser: torch.optim.Optimizer
) -> None:
    """Write the state of a run to `path` by rename, so that a killed run always finds a whole file."""
    state = {
        "step": step,
        "net": net.state_dict(),
        "averaged": averaged.net.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    temporary = path.with_suffix(".part")
    torch.save(state, temporary)
    temporary.replace(path)


def load_checkpoint(path: Path, net: nn.Module, averaged: Averaged, optimiser: torch.optim.Optimizer) -> int:
    """Put a run's state back; the step to go on from, 0 where there is no checkpoint."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    net.load_state_dict(state["net"])
    averaged.net.load_state_dict(state["averaged"])
    optimiser.load_state_dict(state["optimiser"])
    return state["step"]


def finite_step(
    loss: Tensor, net: nn.Module, optimiser: torch.optim.Optimizer, *, clip: float, rate: float
) -> bool:
    """One optimiser step with the gradient clipped to `clip`; skipped, and False, when it is not finite."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    size = nn.utils.clip_grad_norm_(net.parameters(), clip)
    if not torch.isfinite(size):
        return False
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.step()
    return True

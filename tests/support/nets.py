"""Nets that are a line of numpy: what a stage does with an answer, tested without any weights."""

from collections.abc import Callable

import cv2
import numpy as np

from faceplate.stages.parse import CELLS, CLASSES


class StubNet:
    """A Net that answers with a function of its batch and keeps what it was shown in `batches`."""

    def __init__(
        self, answer: Callable[[np.ndarray], np.ndarray], *, id: str = "stub-1", template: str = "ffhq_512"
    ):
        self.answer, self.id, self.template, self.seconds = answer, id, template, 0.0
        self.batches: list[np.ndarray] = []

    def __call__(self, batch: np.ndarray) -> tuple[np.ndarray, ...]:
        assert batch.dtype == np.float32 and batch.ndim == 4
        self.batches.append(batch)
        return (np.asarray(self.answer(batch), np.float32),)


def unchanged_net() -> StubNet:
    """A restorer with nothing to repair."""
    return StubNet(lambda batch: batch)


def brightening_net(amount: float = 0.2) -> StubNet:
    """A restorer that changes every pixel, low frequencies included."""
    return StubNet(lambda batch: batch + amount)


def detail_net(amplitude: float = 0.1, period: int = 4) -> StubNet:
    """A restorer that adds stripes of a known period, in crop pixels, and leaves low frequencies alone."""

    def answer(batch: np.ndarray) -> np.ndarray:
        wave = np.sin(2 * np.pi * (np.arange(batch.shape[3]) + 0.5) / period)
        return batch + amplitude * wave

    return StubNet(answer)


def softening_net(sigma: float = 2.0) -> StubNet:
    """A restorer that only blurs: what denoising looks like to the rest."""

    def answer(batch: np.ndarray) -> np.ndarray:
        image = np.ascontiguousarray(batch[0].transpose(1, 2, 0))
        return cv2.GaussianBlur(image, (0, 0), sigma).transpose(2, 0, 1)[None]

    return StubNet(answer)


def eager_net(amount: float = 0.5) -> StubNet:
    """An enlarger that finds detail wherever something stands out, and some that nothing calls for."""

    def answer(batch: np.ndarray) -> np.ndarray:
        picture = np.ascontiguousarray(batch[0].transpose(1, 2, 0))
        detail = amount * (picture - cv2.GaussianBlur(picture, (7, 7), 2.0)) + np.float32(0.01)
        return detail.repeat(2, axis=0).repeat(2, axis=1).transpose(2, 0, 1)[None]

    return StubNet(answer)


def identity_stub() -> StubNet:
    """An identity net: a coarse thumbnail of the crop, as a vector of 128 numbers."""

    def answer(batch: np.ndarray) -> np.ndarray:
        small = batch.reshape(1, 3, 7, 16, 7, 16).mean(axis=(3, 5)).reshape(1, -1)
        return (small - small.mean())[:, :128]

    return StubNet(answer, template="arcface_112")


def red_occludes_net() -> StubNet:
    """A parsing net that says `occluder` as surely as a pixel is red, `nose` for the rest."""

    def answer(batch: np.ndarray) -> np.ndarray:
        red = batch[:, 0].reshape(len(batch), CELLS, 2, CELLS, 2).mean((2, 4))
        shares = np.zeros((len(batch), len(CLASSES), CELLS, CELLS), np.float32)
        shares[:, CLASSES.index("occluder")], shares[:, CLASSES.index("nose")] = red, 1 - red
        return shares

    return StubNet(answer, id="parser-1")

"""The OFX host with the bundle it is tested with, for every test that renders through a plug-in."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceplate.ofx_host.bundles import architecture
from faceplate.ofx_host.clips import ClipFacts
from faceplate.ofx_host.effect import Bundle, Effect
from faceplate.ofx_host.images import CHANNELS, image_of
from faceplate.ofx_host.instance import Instance
from faceplate.ofx_host.native import native
from faceplate.ofx_host.profiles import profile_named
from faceplate_client.errors import FaceplateError

ROOT = Path(__file__).resolve().parents[2]

SANITISED = os.environ.get("OFX_SANITISED", "")
"""Which sanitizer host and bundles were compiled with, if any: address or thread (ofx_bridge/host/sanitised.py)."""

as_shipped = pytest.mark.skipif(bool(SANITISED), reason="a sanitised build is not what is shipped")
shares_its_child = pytest.mark.skipif(
    SANITISED == "thread", reason="ThreadSanitizer makes vfork a fork, whose child cannot tell why it failed"
)

COPY, PROBE = "studio.faceplate.testing.copy", "studio.faceplate.testing.probe"


def built_bundle(name: str) -> Path:
    """A bundle that build.py compiles, by its name without endings; skips where there was no compiler.

    OFX_BUILD_FOLDER names another folder to take it from: that of a sanitised build (ofx_bridge/host/sanitised.py).
    """
    folder = Path(os.environ.get("OFX_BUILD_FOLDER") or ROOT / "ofx_bridge" / "build")
    bundle = folder / f"{name}.ofx.bundle"
    if not (bundle / "Contents" / architecture() / f"{name}.ofx").is_file():
        pytest.skip(f"{bundle.name} is not built: run build.py where there is a C++ compiler")
    return bundle


def need_host() -> None:
    """Skip where the host is not built."""
    try:
        native()
    except FaceplateError as error:
        pytest.skip(str(error))


@contextmanager
def nothing_left() -> Iterator[None]:
    """Fails when plug-ins hold more handles afterwards than before."""
    gc.collect()
    before = native().live_handles()
    yield
    gc.collect()
    assert native().live_handles() == before


@contextmanager
def opened(identifier: str, profile: str = "full", bundle: str = "Testing") -> Iterator[Effect]:
    """An effect of a bundle in a host; unloaded afterwards."""
    need_host()
    with Bundle(built_bundle(bundle), profile_named(profile)) as opened_bundle:
        yield opened_bundle.effect(identifier)


@contextmanager
def working(
    effect: Effect,
    *,
    size: tuple[int, int] = (16, 12),
    context: str = "Filter",
    values: Any = None,
    **facts: Any,
) -> Iterator[Instance]:
    """An instance with a Source of (width, height) that is there on frames 1 to 10, its preferences settled.

    Frame n's image is `source_pixels(size, n)` in the depth and components that were settled.
    """
    width, height = size
    told = ClipFacts((0.0, 0.0, float(width), float(height)), frame_range=(1.0, 10.0), **facts)
    with effect.create(
        context, size=(float(width), float(height)), frame_range=(1.0, 10.0), values=values or {}
    ) as instance:
        instance.connect("Source", told, lambda time: source_image(instance, size, time))
        instance.clip_preferences()
        yield instance


def source_pixels(size: tuple[int, int], time: float, channels: int = 4) -> np.ndarray:
    """(H, W, C) float32, 0-1, another picture at every time; exact in 8 bits."""
    random = np.random.default_rng(int(time))
    return (random.integers(0, 256, (size[1], size[0], channels)) / 255.0).astype(np.float32)


def source_image(instance: Instance, size: tuple[int, int], time: float, **form: Any) -> Any:
    """The Source's image at a time, or None outside frames 1 to 10."""
    settled = instance.preferences
    assert settled is not None
    if not 1 <= time <= 10:
        return None
    components = settled.components["Source"]
    pixels = source_pixels(size, time, CHANNELS[components])
    return image_of(pixels, depth=settled.depths["Source"], components=components, **form)

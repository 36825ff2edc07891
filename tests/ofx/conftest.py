"""What tests of the OpenFX plug-in ask for: a runtime folder, engines in it, effects."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faceplate.ofx_host.effect import Effect
from faceplate.ofx_host.native import take_refusals
from tests.support.engines import engine_in
from tests.support.ofx_faces import MATTE, RESTORE, STEADY, VEIL, Faces, plugin


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """The runtime folder; no engine can be started unless the test says how."""
    home = tmp_path / "run"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("FACEPLATE_RUNTIME", str(home))
    monkeypatch.setenv("FACEPLATE_ENGINE", str(tmp_path / "nobody"))
    return home


@pytest.fixture
def faces(folder) -> Iterator[Faces]:
    """An engine in a thread that finds one face."""
    found = Faces()
    with engine_in(folder, **found.work):
        yield found


@pytest.fixture
def restore(faces) -> Iterator[Effect]:
    yield from willing(RESTORE)


@pytest.fixture
def matte(faces) -> Iterator[Effect]:
    yield from willing(MATTE)


@pytest.fixture
def steady(faces) -> Iterator[Effect]:
    yield from willing(STEADY)


@pytest.fixture
def veil(faces) -> Iterator[Effect]:
    yield from willing(VEIL)


def willing(identifier: str) -> Iterator[Effect]:
    """An effect that asks the host for nothing that it does not have."""
    take_refusals()
    with plugin(identifier) as effect:
        yield effect
    assert take_refusals() == []

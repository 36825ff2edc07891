"""A model folder for self-made models in other people's form, and nets opened from it."""

import pytest

from faceplate.registry.manifest import read_manifest
from faceplate.runtime import pool
from faceplate.runtime.pool import open_net
from tests.support.foreign_models import add_foreign


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Describe a model and open its net on the CPU, through the registry and its adapter."""
    monkeypatch.setattr(pool, "_open", {})

    def open_one(task, content, **facts):
        add_foreign(tmp_path, task, content, **facts)
        manifest = read_manifest(tmp_path / "manifests" / "foreign.toml", folder=tmp_path)
        return open_net(manifest, device="cpu")

    return open_one

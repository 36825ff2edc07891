"""A model folder and a data folder of their own, so that what is installed here does not decide a test."""

import pytest

from faceplate.registry import catalogue


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The user's own folder, which is not there yet."""
    monkeypatch.setenv("FACEPLATE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def folder(tmp_path, data, monkeypatch):
    """The only model folder there is."""
    (tmp_path / "models" / "manifests").mkdir(parents=True)
    monkeypatch.setattr(catalogue, "_PACKAGE", tmp_path / "no_package")
    monkeypatch.setenv("FACEPLATE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"

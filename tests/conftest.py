"""What every test may ask for, and what is skipped where it cannot run."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from faceplate.reconstruct.albedo import Albedo
    from faceplate.reconstruct.morphable import HeadModel

ROOT = Path(__file__).resolve().parents[1]

# The same examples on every machine and in every run: a failure elsewhere is a failure here.
settings.register_profile("house", derandomize=True, deadline=None, database=None, print_blob=True)
settings.load_profile("house")


_OF_THE_TESTS = ("FACEPLATE_SHARED", "FACEPLATE_BLENDER_PYTHON")
"""Variables that say where tests find what they need."""


def pytest_configure(config: pytest.Config) -> None:
    """Tests see the defaults, not what the user's shell happens to set."""
    for name in list(os.environ):
        if name == "OCIO" or (name.startswith("FACEPLATE_") and name not in _OF_THE_TESTS):
            del os.environ[name]
    # Nor do they see the models and acceptances of whoever runs them, and they leave nothing there.
    own = tempfile.TemporaryDirectory(prefix="faceplate-tests-")
    config.add_cleanup(own.cleanup)
    os.environ["FACEPLATE_DATA"] = own.name


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, and say why, what this machine cannot run."""
    if item.get_closest_marker("weights") and not any((ROOT / "models" / "open").glob("*.onnx")):
        pytest.skip("models/open holds no weights")
    if item.get_closest_marker("gpu") and not gpu_here():
        pytest.skip("no NVIDIA graphics card answers here")
    host = item.get_closest_marker("host")
    if host and not host_here(*host.args):
        pytest.skip(f"the host {host.args[0]} is not installed")


@cache
def gpu_here() -> bool:
    asks = shutil.which("nvidia-smi")
    if asks is None:
        return False
    told = subprocess.run([asks, "-L"], capture_output=True, text=True, timeout=30)
    return told.returncode == 0 and "GPU" in told.stdout


def host_here(name: str) -> bool:
    """Whether a host is here: as a Python module (bpy) or as a program on PATH (nuke)."""
    return importlib.util.find_spec(name) is not None or shutil.which(name) is not None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photos, clips and judges that lies beside the checkout, or at $FACEPLATE_SHARED."""
    folder = Path(os.environ.get("FACEPLATE_SHARED") or ROOT.parent / "shared")
    if not (folder / "README.md").is_file():
        pytest.skip(
            "no ../shared beside the checkout and FACEPLATE_SHARED names none: reference photos are missing"
        )
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="module")
def head(root: Path) -> "HeadModel":
    """The head of the open pack."""
    if not any((root / "models" / "open").glob("faceplate-head-*.npz")):
        pytest.skip("models/open holds no faceplate-head: its recipe is core/faceplate_training/head_model")
    from faceplate.reconstruct.head_file import read_head
    from faceplate.registry.catalogue import manifest_for, read_weights

    return read_head(read_weights(manifest_for("head.model")))


@pytest.fixture(scope="module")
def albedo(head: "HeadModel", root: Path) -> "Albedo":
    """How skin is coloured on that head."""
    if not any((root / "models" / "open").glob("faceplate-albedo-*.npz")):
        pytest.skip("models/open holds no faceplate-albedo: its recipe is core/faceplate_training/head_model")
    from faceplate.reconstruct.albedo import read_albedo
    from faceplate.registry.catalogue import manifest_for, read_weights

    return read_albedo(read_weights(manifest_for("head.albedo")), head)

"""The extension as it is packed: what is in it, what it imports, and that Blender's own tool accepts it."""

import ast
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "blender_addon"
SOURCES = sorted(path for path in ADDON.rglob("*.py") if path.name != "pack.py")


def test_it_holds_the_add_on_and_the_client(extension):
    with zipfile.ZipFile(extension) as archive:
        names = archive.namelist()
    ours = {path.relative_to(ADDON).as_posix() for path in SOURCES}
    assert ours | {"blender_manifest.toml", "LICENSE", "README.md"} <= set(names)
    client = {f"faceplate_client/{path.name}" for path in (ROOT / "core" / "faceplate_client").glob("*.py")}
    assert client | {"faceplate_client/operations.json", "faceplate_client/LICENSE"} <= set(names)
    assert names == sorted(names) and "pack.py" not in names


def test_the_same_sources_give_the_same_bytes(extension, tmp_path):
    again = tmp_path / "again.zip"
    subprocess.run([sys.executable, ADDON / "pack.py", again], check=True, capture_output=True)
    assert again.read_bytes() == extension.read_bytes()


def test_the_manifest_says_licence_and_version():
    facts = tomllib.loads((ADDON / "blender_manifest.toml").read_text())
    assert facts["license"] == ["SPDX:GPL-3.0-or-later"] and facts["blender_version_min"] == "4.2.0"
    assert "GNU GENERAL PUBLIC LICENSE" in (ADDON / "LICENSE").read_text()[:200]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_it_imports_blender_the_client_and_what_blender_carries(path):
    """Nothing of the core, no torch: the add-on is a thin client. numpy comes with Blender."""
    text = path.read_text()
    assert text.startswith("# SPDX-License-Identifier: GPL-3.0-or-later\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            tops = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            tops = [str(node.module).split(".")[0]]
        else:
            continue
        for top in tops:
            assert top in ("bpy", "mathutils", "numpy") or top in sys.stdlib_module_names, f"{path}: {top}"
            assert top not in ("threading", "concurrent", "multiprocessing"), (
                "nothing may touch bpy on a thread"
            )


def test_blender_accepts_it(extension, blender_python):
    tools = sorted(
        blender_python.parents[1].glob("lib/python*/site-packages/bpy/*/scripts/**/blender_ext.py")
    )
    if not tools:
        pytest.skip("this bpy carries no blender_ext.py")
    told = subprocess.run([blender_python, tools[0], "validate", extension], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr

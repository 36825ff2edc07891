#!/usr/bin/env python3
"""Pack the folder that Nuke is given, with the client inside: `python3 nuke_gizmos/pack.py dist/faceplate_nuke.zip`.

The same sources give the same bytes: entries are sorted and carry no time.
"""

import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FOLDER = "faceplate"
"""The one folder in the archive; put on NUKE_PATH as it is."""

OURS = ("init.py", "menu.py", "bake_nodes.py", "faceplate_nuke/*.py", "gizmos/*/*.gizmo")
CLIENT = ("*.py", "operations.json")


def contents():
    """What goes in: {name inside the folder: file}."""
    client = ROOT / "core" / "faceplate_client"
    found = {str(path.relative_to(HERE)): path for pattern in OURS for path in HERE.glob(pattern)}
    found.update(
        {f"faceplate_client/{path.name}": path for pattern in CLIENT for path in client.glob(pattern)}
    )
    found["README.md"] = ROOT / "docs" / "nuke.md"
    found["LICENSE"] = ROOT / "LICENSE"
    return {name.replace("\\", "/"): path for name, path in sorted(found.items())}


def pack(archive):
    """Write the archive, replacing an older one."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, path in contents().items():
            entry = zipfile.ZipInfo(f"{FOLDER}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            file.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
    print(f"-- wrote {sys.argv[1]}, {Path(sys.argv[1]).stat().st_size / 1e3:.0f} kB")

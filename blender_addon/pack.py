#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pack the add-on as a Blender extension, the client inside: `python3 blender_addon/pack.py ARCHIVE.zip`.

The same sources give the same bytes: entries are sorted and carry no time.
"""

import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

OURS = ("*.py", "operators/*.py", "blender_manifest.toml", "LICENSE")
CLIENT = ("*.py", "operations.json")


def contents():
    """What goes in: {name inside the archive: file}."""
    client = ROOT / "core" / "faceplate_client"
    found = {path.relative_to(HERE).as_posix(): path for pattern in OURS for path in HERE.glob(pattern)}
    found.pop("pack.py")
    found.update(
        {f"faceplate_client/{path.name}": path for pattern in CLIENT for path in client.glob(pattern)}
    )
    found["faceplate_client/LICENSE"] = ROOT / "LICENSE"
    found["README.md"] = ROOT / "docs" / "blender.md"
    return dict(sorted(found.items()))


def pack(archive):
    """Write the archive, replacing an older one."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, path in contents().items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            file.writestr(entry, path.read_bytes())


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
    print(f"-- wrote {sys.argv[1]}, {Path(sys.argv[1]).stat().st_size / 1e3:.0f} kB")

"""Engines in processes of their own, as hosts start them, and what such a process holds."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faceplate.cli.__main__ import main
from faceplate_client.session import connect


@contextmanager
def own_engine(folder: Path, **environment: str) -> Iterator[None]:
    """Clients within find an engine of their own in `folder`, or start it; it is gone at the end."""
    command = str(Path(sys.prefix) / "bin" / "faceplate")
    # An engine that was still starting as the one before it was told to go leaves by itself, soon.
    wanted = {
        "FACEPLATE_RUNTIME": str(folder),
        "FACEPLATE_ENGINE": command,
        "FACEPLATE_IDLE_SECONDS": "60",
        **environment,
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        main(["engine", "stop", "--json"])
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def private_bytes(pid: int) -> int:
    """Memory of a process that is its own: neither pixels shared with clients nor libraries."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"the system does not say what process {pid} holds")


def engine_pid() -> int:
    """The process id of the engine that is found, or started."""
    with connect("test", wait=60.0) as engine:
        return engine.status(60.0)["pid"]

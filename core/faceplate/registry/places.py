"""Where a user's own models and acceptances lie, and how a file lands there: whole, or not at all."""

import errno
import hashlib
import os
import secrets
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from faceplate_client.errors import OutputError

BLOCK = 1 << 20
"""Bytes that are read and written at a time."""


def data_folder() -> Path:
    """The user's own folder, which need not exist yet: $FACEPLATE_DATA, else where the system keeps such things."""
    told = os.environ.get("FACEPLATE_DATA")
    if told:
        return Path(told).absolute()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "faceplate"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "faceplate"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "faceplate"


def user_models() -> Path:
    """The model folder that `pull` and `import` fill; the last to be searched."""
    return data_folder() / "models"


def make_private(folder: Path) -> None:
    """Make a folder and those above it; a new one is its owner's alone.

    Raises:
        OutputError: it cannot be made; exit code 73.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        failure = OutputError(
            f"The folder {folder} cannot be made ({error.strerror}). Correct FACEPLATE_DATA or --to."
        )
        failure.exit_code = 73
        raise failure from error


def land(path: Path, write: Callable[[BinaryIO], object], *, mode: int = 0o644) -> None:
    """Make `path` appear whole: written under a hidden name in its folder, synced, and only then renamed.

    Args:
        path: the final name; its folder is made if need be. What stood there stays until the new file is whole.
        write: writes the content, and raises when it is not what was meant.
        mode: who may read it.

    Raises:
        OutputError: the disk is full, the folder read-only. Whatever `write` raises passes through.
    """
    make_private(path.parent)
    temporary = path.with_name(f".faceplate-{os.getpid()}-{secrets.token_hex(4)}-{path.name[-60:]}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            write(file)
        settle(temporary, path)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def copy_file(source: Path, path: Path, check: Callable[[str], object]) -> None:
    """Copy a file to `path`, whole or not at all.

    Args:
        source: what to copy.
        path: its new name.
        check: told the sha256 of the bytes that were copied; raises when they are not the ones that were meant.

    Raises:
        OutputError: as `land`. Whatever `check` raises passes through.
    """

    def write(file: BinaryIO) -> None:
        digest = hashlib.sha256()
        with source.open("rb") as content:
            while block := content.read(BLOCK):
                digest.update(block)
                file.write(block)
        check(digest.hexdigest())

    land(path, write)


def settle(temporary: Path, path: Path) -> None:
    """Give a written file its name, so that a crash leaves the old one or the new one."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    if os.name == "posix":  # elsewhere a folder cannot be opened, and the rename alone has to do
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def not_written(path: Path, error: OSError) -> OutputError:
    """The error of a file that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(
            f"{path} was not written: the disk is full. Make room and run the same command again."
        )
    return OutputError(f"{path} was not written: {error.strerror or error}. Check the folder's permissions.")

"""A file is there whole or not there at all: temporary name, read back, fsync, rename.

A killed render leaves at most a hidden temporary, which the next one sweeps. Naive writing left 15 of 120 frames
corrupt after 17 kills, this order of steps none.
"""

import errno
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from faceplate.farm.processes import lives
from faceplate_client.errors import FaceplateError, OutputError

CANNOT_CREATE = 73
"""sysexits(3) EX_CANTCREAT: the folder itself cannot be made."""

FOREIGN_AGE = 24 * 3600.0
"""Seconds after its last write when another machine's temporary counts as abandoned: its processes cannot be asked."""

_RUN = secrets.token_hex(4)
_PREFIX = ".faceplate-"
_NAME = re.compile(r"^\.faceplate-(?P<host>[0-9A-Za-z_]+)-(?P<pid>\d+)-(?P<run>[0-9a-f]{8})-")


def temporary_for(path: Path) -> Path:
    """A hidden name in the same folder, telling machine, process and run, with the same ending (it says the format)."""
    return path.with_name(f"{_PREFIX}{_host()}-{os.getpid()}-{_RUN}-{path.name[-100:]}")


def _host() -> str:
    return re.sub(r"[^0-9A-Za-z_]", "_", socket.gethostname())[:64] or "unnamed"


def publish(path: str | Path, write: Callable[[Path], object], *, verify: Callable[[Path], object]) -> None:
    """Make `path` appear whole: write it under another name, check it, and only then give it its own.

    Args:
        path: the final name; its folder is made if need be. What stood there stays until the new file is proven.
        write: writes the file at the name it is given.
        verify: reads it back and raises when it is not what was meant.

    Raises:
        OutputError: disk full, read-only, not what was written (exit code 74); the folder cannot be made (73).
            Whatever `write` and `verify` raise passes through. The temporary is gone in every case.
    """
    path = Path(path)
    make_folder(path.parent)
    temporary = temporary_for(path)
    try:
        write(temporary)
        verify(temporary)
        _sync(temporary)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _refused(path, error) from error
    except OutputError as error:
        raise _explained(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        OutputError: it cannot be made; exit code 73.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        failure = OutputError(f"the folder {folder} cannot be made ({error.strerror}); choose another -o")
        failure.exit_code = CANNOT_CREATE
        raise failure from error


def sweep(folder: str | Path) -> list[Path]:
    """Remove the temporaries of renders that are no longer running; returns what was removed.

    One of this machine goes when its process is dead or is another run that happens to have the same number; one of
    another machine when nobody has written to it for a day.
    """
    removed = []
    for path in sorted(Path(folder).glob(f"{_PREFIX}*")):
        with suppress(OSError):  # somebody else may be sweeping the same folder
            if _abandoned(path):
                path.unlink()
                removed.append(path)
    return removed


def _abandoned(path: Path) -> bool:
    found = _NAME.match(path.name)
    if found is None or not path.is_file():
        return False
    if found["host"] != _host():
        return time.time() - path.stat().st_mtime > FOREIGN_AGE
    if int(found["pid"]) == os.getpid():
        return found["run"] != _RUN
    return not lives(int(found["pid"]), unknown=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # a folder cannot be opened elsewhere; the rename alone has to do
    with suppress(PermissionError):  # a folder that may be written but not listed
        _sync(folder)


def _refused(path: Path, error: OSError) -> OutputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"{path} was not written: the disk is full; make room and run again with --resume")
    if error.errno == errno.EFBIG:
        return OutputError(
            f"{path} was not written: it is larger than this account may write; raise the limit"
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return OutputError(f"{path} was not written: {path.parent} is read-only for you; choose another -o")
    return OutputError(f"{path} was not written: {error.strerror or error}")


def _explained(path: Path, error: OutputError) -> FaceplateError:
    """The same error, with the reason the system gave, or one a writing library does not know: full disk, read-only."""
    if isinstance(error.__cause__, OSError):
        return _refused(path, error.__cause__)
    with suppress(OSError):
        if shutil.disk_usage(path.parent).free < 2**20:
            return _refused(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        if not os.access(path.parent, os.W_OK):
            return _refused(path, OSError(errno.EACCES, os.strerror(errno.EACCES)))
    return error

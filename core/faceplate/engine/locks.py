"""Locks on files that end with their holder, on every system."""

import os

if os.name == "nt":
    import msvcrt
else:
    import fcntl


def take(fd: int) -> None:
    """Lock an open file for this process alone, at once or not at all.

    Raises:
        OSError: another process holds it.
    """
    if os.name == "nt":
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue, reportPossiblyUnbound]
    else:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


_FAR = 1 << 20
"""Windows keeps others from reading what is locked: a byte far behind the process id that the file holds."""

"""Whether another process of this machine is still there."""

import os


def lives(pid: int, *, unknown: bool) -> bool:
    """Whether a process is there.

    Args:
        pid: its number. unknown: the answer on Windows, where to ask would end it: whichever does no harm.
    """
    if os.name == "nt":
        return unknown
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

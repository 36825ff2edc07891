"""Memory for frames, kept from one frame to the next.

A 4K frame is a hundred megabytes. The C library gives blocks of that size back to the system when they are freed and
asks for them again for the next frame, and the system clears every page before it hands it over: on a virtual
machine that took a fifth of the whole time.
"""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8
"""After malloc.h of the GNU C library, see mallopt(3)."""

_NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let this process hold on to the memory it frees, for its next frame. Meant for batches, which end by themselves.

    Returns:
        Whether the C library could be told; elsewhere than on Linux with the GNU C library nothing changes.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    mallopt.argtypes, mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    wishes = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _NEVER), (_M_ARENA_MAX, 1))
    return all([mallopt(*wish) == 1 for wish in wishes])

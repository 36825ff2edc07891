"""The engine's door where there are no Unix sockets or memfds: a loopback port behind a token, buffers known by name.

docs/wire.md says what travels. Port and token stand in a file that only the user can read, so that whoever knows the
token is the user; buffers are files beside it.
"""

import os
import re
import secrets
import socket
from contextlib import suppress

from faceplate.farm.processes import lives
from faceplate_client.launch import PORT
from faceplate_client.link import NAME_BYTES
from faceplate_client.wire import WireError

TOKEN_BYTES = 64
_NAME = re.compile("([0-9]{10})-[0-9a-f]{24}")
assert NAME_BYTES == 10 + 1 + 24


class GuardedPort(socket.socket):
    """A listening port of this machine alone. `token`: what a client says before anything else."""

    token = b""
    folder = ""

    def open_buffer(self, name: bytes) -> int:
        """The descriptor of a buffer that a client has made in the engine's folder.

        Raises:
            WireError: no name of ours, or there is none of that name.
        """
        words = name.decode("ascii", "replace")
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        try:
            if _NAME.fullmatch(words):
                return os.open(os.path.join(self.folder, words), flags | getattr(os, "O_BINARY", 0))
        except OSError:
            pass
        raise WireError("A shared buffer should be a file that the client has made in the engine's folder.")

    def sweep(self) -> None:
        """Remove the buffers of clients that have died."""
        for name in os.listdir(self.folder):
            maker = _NAME.fullmatch(name)
            if maker and not lives(int(maker[1]), unknown=False):
                with suppress(OSError):  # on Windows one that is still open somewhere stays for the next time
                    os.unlink(os.path.join(self.folder, name))


def listen_on_port(folder: str) -> GuardedPort:
    """A listening port of the system's choice on 127.0.0.1; port and token are written where clients look for them.

    Args:
        folder: the runtime folder, the user's alone. Call with the engine's lock held.
    """
    door = GuardedPort(socket.AF_INET, socket.SOCK_STREAM)
    door.bind(("127.0.0.1", 0))
    door.listen(64)
    door.folder, door.token = folder, secrets.token_hex(TOKEN_BYTES // 2).encode("ascii")
    written = os.path.join(folder, PORT + ".new")
    with suppress(FileNotFoundError):
        os.unlink(written)
    with open(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(b"%d %s\n" % (door.getsockname()[1], door.token))
    os.replace(written, os.path.join(folder, PORT))
    door.sweep()
    return door

"""One end of a connection: whole messages in and out of a socket that never blocks. Both ends use it."""

import collections
import os
import socket
import struct
from typing import Any, Deque, List, Optional, Tuple

from .errors import EngineError
from .wire import FROM_ENGINE, HEADER_BYTES, Kind, Message, WireError, encode, read_header, read_message

NAME_BYTES = 35  # of a buffer's name, which follows its message where descriptors cannot travel
MOST_WAITING = 4 << 20  # bytes that may wait for an end that does not read; more means that it never will
_AT_ONCE = 64  # messages taken in one go, so that one client cannot keep the others waiting


class LinkClosed(EngineError):
    """The other end hung up, or died."""

    code = "engine.gone"


def peer_of(sock: socket.socket) -> Tuple[int, int]:
    """Process id and user id of the process at the other end, as the kernel knows them."""
    told = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", told)
    return pid, uid


class Link:
    """Messages over one connected socket, in one thread. `forms`: what may be heard; `named`: opens a named buffer."""

    def __init__(self, sock: socket.socket, forms: Any = FROM_ENGINE, named: Any = None) -> None:
        sock.setblocking(False)
        self.socket, self._forms, self._named = sock, forms, named
        self._out: Deque[Tuple[memoryview, Optional[int]]] = collections.deque()
        self._waiting = 0
        self._data = bytearray()
        self._fds: List[int] = []

    @property
    def waits_to_write(self) -> bool:
        """Whether `flush` has something left to send."""
        return bool(self._out)

    def put(self, kind: Kind, request: int = 0, body: Any = None, fd: Any = None) -> None:
        """Encode and send a message; raises what `encode` and `send` do."""
        self.send(encode(kind, request, body, 0 if fd is None else 1), fd)

    def send(self, data: bytes, fd: Any = None) -> None:
        """Send a message's bytes, now or, if the socket is full, by `flush`. `fd` stays the caller's; or it is a name.

        Raises:
            LinkClosed: the other end is gone, or has not read for far too long.
        """
        if isinstance(fd, str):
            data, fd = data + fd.encode("ascii"), None
        self._waiting += len(data)
        if self._waiting > MOST_WAITING:
            raise LinkClosed("The other end of the connection has stopped reading.")
        self._out.append((memoryview(data), None if fd is None else os.dup(fd)))
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it; LinkClosed when the other end is gone."""
        while self._out:
            data, fd = self._out[0]
            try:
                sent = self.socket.send(data) if fd is None else socket.send_fds(self.socket, [data], [fd])
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                raise LinkClosed(f"The connection to the other end broke: {error.strerror}.") from error
            self._waiting -= sent
            if fd is not None:
                os.close(fd)
            if sent == len(data):
                self._out.popleft()
            else:
                self._out[0] = (data[sent:], None)

    def take(self) -> List[Message]:
        """Every whole message that has arrived, some dozens at most; the caller closes their descriptors.

        Raises:
            LinkClosed: the other end hung up. WireError, VersionError: what arrived breaks docs/wire.md.
        """
        found: List[Message] = []
        try:
            while len(found) < _AT_ONCE:
                message = self._read()
                if message is None:
                    break
                found.append(message)
        except EngineError as error:
            if found and isinstance(error, LinkClosed):
                return found  # the end is found again by the next call
            close_all(found)
            raise
        return found

    def _read(self) -> Optional[Message]:
        """Read on; None when a message is not yet whole."""
        try:
            while len(self._data) < HEADER_BYTES:
                # Not a byte beyond the header: descriptors belong to the message whose header they came with.
                # Not socket.recv_fds, which forgets its flags.
                piece, extra, flags = self._received(HEADER_BYTES - len(self._data))
                for level, kind, data in extra:
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                        self._fds += struct.unpack(f"{len(data) // 4}i", data[: len(data) // 4 * 4])
                self._keep(piece)
                if flags & getattr(socket, "MSG_CTRUNC", 0):
                    raise WireError("A message came with more file descriptors than any may.")
            _, _, size, fds, _ = read_header(bytes(self._data[:HEADER_BYTES]))
            whole = HEADER_BYTES + size + (NAME_BYTES if fds and self._named else 0)
            while len(self._data) < whole:
                self._keep(self.socket.recv(min(whole - len(self._data), 1 << 16)))
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            raise LinkClosed(f"The connection to the other end broke: {error.strerror}.") from error
        if fds and self._named:
            self._fds.append(self._named(bytes(self._data[HEADER_BYTES + size :])))
            del self._data[HEADER_BYTES + size :]
        if len(self._fds) != fds:
            raise WireError("A message came with another number of file descriptors than it announced.")
        message = read_message(bytes(self._data), self._forms)._replace(fds=tuple(self._fds))
        self._data, self._fds = bytearray(), []
        return message

    def _received(self, most: int) -> Tuple[bytes, Any, int]:
        """What has arrived, with its descriptors where any may."""
        if self.socket.family != getattr(socket, "AF_UNIX", None):
            return self.socket.recv(most), (), 0
        return self.socket.recvmsg(most, socket.CMSG_SPACE(2 * 4), socket.MSG_CMSG_CLOEXEC)[:3]

    def _keep(self, piece: bytes) -> None:
        if not piece:
            raise LinkClosed("The other end closed the connection.")
        self._data += piece

    def close(self) -> None:
        """Hang up and close every descriptor that was on its way."""
        for fd in [*self._fds, *(fd for _, fd in self._out if fd is not None)]:
            os.close(fd)
        self._fds, self._out = [], collections.deque()
        self.socket.close()


def close_all(messages: List[Message]) -> None:
    """Close the descriptors of messages that nobody will handle."""
    for fd in [fd for message in messages for fd in message.fds]:
        os.close(fd)

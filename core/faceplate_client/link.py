"""One end of a connection: whole messages in and out of a socket that never blocks. Both ends use it."""

import collections
import os
import socket
import struct
from typing import Any, Deque, List, Optional, Tuple

from .errors import EngineError
from .wire import HEADER_BYTES, Kind, Message, WireError, encode, read_body, read_header

MOST_WAITING = 4 << 20
"""Bytes that may wait for an end that does not read; more means that it never will."""

_DESCRIPTORS = socket.CMSG_SPACE(2 * 4) if hasattr(socket, "CMSG_SPACE") else 0
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
    """Messages over one connected Unix stream socket. Not for two threads at once."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.socket = sock
        self._out: Deque[Tuple[memoryview, Optional[int]]] = collections.deque()
        self._waiting = 0
        self._head = bytearray()
        self._body = bytearray()
        self._fds: List[int] = []

    def fileno(self) -> int:
        """For select."""
        return self.socket.fileno()

    @property
    def waits_to_write(self) -> bool:
        """Whether `flush` has something left to send."""
        return bool(self._out)

    def put(self, kind: Kind, request: int = 0, body: Any = None, fd: Optional[int] = None) -> None:
        """Send a message, now or, if the socket is full, by `flush`. `fd` stays the caller's.

        Raises:
            LinkClosed: the other end is gone, or has not read for far too long.
            WireError: the body is not what docs/wire.md allows.
        """
        data = encode(kind, request, body, 0 if fd is None else 1)
        self._waiting += len(data)
        if self._waiting > MOST_WAITING:
            raise LinkClosed("The other end of the connection has stopped reading.")
        self._out.append((memoryview(data), None if fd is None else os.dup(fd)))
        self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it.

        Raises:
            LinkClosed: the other end is gone.
        """
        while self._out:
            data, fd = self._out[0]
            with_fd = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fd))]
            try:
                sent = self.socket.sendmsg([data], with_fd)
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
            while len(found) < _AT_ONCE and self._read():
                found.append(self._whole())
        except (LinkClosed, EngineError) as error:
            if found and isinstance(error, LinkClosed):
                return found  # the end is found again by the next call
            close_all(found)
            raise
        return found

    def _read(self) -> bool:
        """Read on; True when a message is whole."""
        try:
            while len(self._head) < HEADER_BYTES:
                # Not a byte beyond the header: descriptors belong to the message whose header they came with.
                data, extra, flags, _ = self.socket.recvmsg(
                    HEADER_BYTES - len(self._head), _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
                )
                self._keep_descriptors(extra, flags)
                if not data:
                    raise LinkClosed("The other end closed the connection.")
                self._head += data
            missing = read_header(bytes(self._head)).body_bytes - len(self._body)
            while missing:
                data = self.socket.recv(min(missing, 1 << 16))
                if not data:
                    raise LinkClosed("The other end closed the connection in the middle of a message.")
                self._body += data
                missing -= len(data)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            raise LinkClosed(f"The connection to the other end broke: {error.strerror}.") from error
        return True

    def _keep_descriptors(self, extra: Any, flags: int) -> None:
        for level, kind, data in extra:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._fds += struct.unpack(f"{len(data) // 4}i", data[: len(data) // 4 * 4])
        if flags & socket.MSG_CTRUNC:
            raise WireError("A message came with more file descriptors than any may.")

    def _whole(self) -> Message:
        head, body, fds = bytes(self._head), bytes(self._body), tuple(self._fds)
        if len(fds) != read_header(head).fds:
            raise WireError(f"A message came with {len(fds)} file descriptors and announced another number.")
        message = read_body(head, body)._replace(fds=fds)
        self._head, self._body, self._fds = bytearray(), bytearray(), []
        return message

    def close(self) -> None:
        """Hang up and close every descriptor that was on its way."""
        for fd in [*self._fds, *(fd for _, fd in self._out if fd is not None)]:
            os.close(fd)
        self._fds, self._out = [], collections.deque()
        self.socket.close()


def close_all(messages: List[Message]) -> None:
    """Close the descriptors of messages that nobody will handle."""
    for message in messages:
        for fd in message.fds:
            os.close(fd)

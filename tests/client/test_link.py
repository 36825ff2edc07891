"""Whole messages over a socket that gives them in pieces, with descriptors, or with too many of them."""

import os
import socket
import struct

import pytest

from faceplate.engine.requests import FROM_CLIENT
from faceplate_client.link import MOST_WAITING, Link, LinkClosed, peer_of
from faceplate_client.wire import FROM_ENGINE, HEADER_BYTES, Kind, WireError, encode
from tests.support.engines import open_files, receive

EITHER = {**FROM_CLIENT, **FROM_ENGINE}


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    link = Link(ours, EITHER)
    yield link, theirs
    link.close()
    theirs.close()


def send_with(sock: socket.socket, data: bytes, fds: list[int]) -> None:
    sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"{len(fds)}i", *fds))])


def test_messages_arrive_whole_whatever_pieces_they_come_in(ends):
    link, theirs = ends
    data = (
        encode(Kind.PING, 1)
        + encode(Kind.ERROR, 5, {"code": "engine", "sentence": "no"})
        + encode(Kind.STATUS, 2)
    )
    found = []
    for place in range(len(data)):
        theirs.send(data[place : place + 1])
        found += link.take()
    assert [(message.kind, message.request) for message in found] == [
        (Kind.PING, 1), (Kind.ERROR, 5), (Kind.STATUS, 2),
    ]  # fmt: skip


def test_a_descriptor_belongs_to_its_message(ends):
    link, theirs = ends
    other = Link(theirs, EITHER)
    with open(os.devnull) as file:
        other.put(Kind.PING, 1)
        other.put(Kind.SHARE, 0, {"buffer": 1, "bytes": 4}, fd=file.fileno())
        other.put(Kind.PING, 2)
        found = link.take()
        assert [len(message.fds) for message in found] == [0, 1, 0]
        assert os.fstat(found[1].fds[0]).st_rdev == os.fstat(file.fileno()).st_rdev
        assert not os.get_inheritable(found[1].fds[0])
    os.close(found[1].fds[0])


@pytest.mark.parametrize("kind, count", [(Kind.PING, 1), (Kind.SHARE, 2), (Kind.SHARE, 200), (Kind.SHARE, 0)])
def test_descriptors_that_were_not_announced_are_refused_and_closed(ends, kind, count):
    link, theirs = ends
    before = open_files()
    body = {"buffer": 1, "bytes": 4} if kind is Kind.SHARE else {}
    data = encode(kind, 0 if body else 1, body, 1 if body else 0)
    if count:
        send_with(theirs, data, [theirs.fileno()] * count)
    else:
        theirs.send(data)
    with pytest.raises(WireError):
        link.take()
    link.close()
    assert open_files() == before - 1


def test_a_hang_up_is_noticed_after_what_was_said_before(ends):
    link, theirs = ends
    theirs.send(encode(Kind.PING, 1))
    theirs.close()
    assert receive(link).request == 1
    with pytest.raises(LinkClosed):
        link.take()
    with pytest.raises(LinkClosed):
        link.put(Kind.PONG, 1)


def test_a_hang_up_in_the_middle_is_noticed(ends):
    link, theirs = ends
    theirs.send(encode(Kind.ERROR, 5, {"code": "engine", "sentence": "no"})[: HEADER_BYTES + 3])
    theirs.close()
    with pytest.raises(LinkClosed):
        link.take()


def test_what_does_not_fit_the_socket_waits_and_is_sent_later(ends):
    link, theirs = ends
    other = Link(theirs, EITHER)
    note = "x" * 500_000
    for number in range(1, 6):
        link.put(Kind.RESULT, number, {"report": {"note": note}, "seconds": 0.0})
    assert link.waits_to_write
    found = []
    while len(found) < 5:
        found += other.take()
        link.flush()
    assert [message.request for message in found] == [1, 2, 3, 4, 5]
    assert not link.waits_to_write


def test_an_end_that_never_reads_is_given_up(ends):
    link, _ = ends
    report = {"report": {"note": "x" * 900_000}, "seconds": 0.0}
    with pytest.raises(LinkClosed, match="stopped reading"):
        for number in range(1, 3 + MOST_WAITING // 900_000):
            link.put(Kind.RESULT, number, report)


def test_the_kernel_says_who_is_at_the_other_end(ends):
    _, theirs = ends
    assert peer_of(theirs) == (os.getpid(), os.getuid())

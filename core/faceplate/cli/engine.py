"""`faceplate engine`: the process that all hosts share. Hosts start it themselves; this is for looking after it."""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from faceplate_client.errors import EngineError, FaceplateError
from faceplate_client.launch import LOCK, LOG, knock, loopback, runtime_folder
from faceplate_client.line import greet
from faceplate_client.link import Link, peer_of
from faceplate_client.session import connect
from faceplate_client.wire import Kind

_LEAVING = 3.0
"""Seconds that an engine has to leave by itself before it is killed."""


def add_parser(commands: Any) -> None:
    """Add `engine start`, `status`, `stop` and `logs`."""
    parser = commands.add_parser("engine", help="the process that all hosts share: start, status, stop, logs")
    verbs = parser.add_subparsers(metavar="start|status|stop|logs", required=True)
    runs: dict[str, tuple[Callable[[argparse.Namespace], int], str]] = {
        "start": (_start, "start the engine, or find that it runs; hosts do this by themselves"),
        "status": (_status, "what the engine is doing"),
        "stop": (_stop, "end the engine; what it was working on fails and can be asked for again"),
        "logs": (_logs, "the end of the engine's log"),
    }
    for name, (run, line) in runs.items():
        verb = verbs.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        verb.add_argument("--json", action="store_true", help="JSON on stdout")
        if name == "start":
            verb.add_argument("--foreground", action="store_true", help="be the engine, in this process")
            verb.add_argument("--wait", type=float, default=10.0, metavar="SECONDS", help="give up after, 10")
        if name == "logs":
            verb.add_argument("--lines", type=int, default=40, metavar="N", help="how many lines, 40")
        verb.set_defaults(run=run)


def _start(options: argparse.Namespace) -> int:
    if options.foreground:
        from faceplate.engine.life import live

        live()
        # Its nets may still be at work in a thread that hears nothing; everything is answered and closed.
        sys.stderr.flush()
        os._exit(0)
    from faceplate.engine.starting import start_engine

    start_engine(options.wait)
    return _status(options)


def _status(options: argparse.Namespace) -> int:
    with connect("faceplate engine", start=False) as engine:
        return _tell(engine.status(), options)


def _tell(status: dict[str, Any], options: argparse.Namespace) -> int:
    if options.json:
        print(json.dumps(status))
        return 0
    models = ", ".join(status["models"]) or "none yet"
    print(f"engine {status['pid']}, Faceplate {status['product']}, for {status['uptime_seconds']:.0f} s")
    print(f"clients {status['clients']}, waiting {status['queued']}, running {status['running']}")
    print(f"done {status['done']}, failed {status['failed']}")
    print(f"models open: {models}; memory {status['resident_bytes'] / 1e6:.0f} MB")
    return 0


def _stop(options: argparse.Namespace) -> int:
    """Ask it to leave; one that does not answer, or does not speak our version, is ended by a signal."""
    folder = runtime_folder()
    sock = knock(folder)
    if sock is None:
        return _said("no engine is running", options, stopped=False)
    pid, ended = _pid_of(folder) if loopback() else peer_of(sock)[0], False
    link = Link(sock)
    with suppress(FaceplateError):
        greet(link, "faceplate engine")
        link.put(Kind.SHUTDOWN)
        ended = _gone(folder, pid)
    link.close()
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        if not ended and pid:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            ended = _gone(folder, pid)
    if not ended:
        raise EngineError(f"The engine, process {pid}, does not end.")
    return _said(f"engine {pid} has ended", options, stopped=True)


def _pid_of(folder: str) -> int:
    """The process that holds the engine's lock, as it has written there; 0 where nobody has."""
    try:
        with open(os.path.join(folder, LOCK), encoding="ascii", errors="replace") as file:
            words = file.read(16).strip()
    except FileNotFoundError:
        return 0
    return int(words) if words.isdigit() else 0


def _gone(folder: str, pid: int) -> bool:
    """Whether this engine lets go of its lock within some seconds; another may have taken it since."""
    from faceplate.engine import locks

    until = time.monotonic() + _LEAVING
    lock = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        while time.monotonic() < until:
            if _pid_of(folder) != pid:
                return True
            with suppress(OSError):
                locks.take(lock)
                return True
            time.sleep(0.02)
        return False
    finally:
        os.close(lock)


def _said(words: str, options: argparse.Namespace, *, stopped: bool) -> int:
    print(json.dumps({"stopped": stopped}) if options.json else words)
    return 0


def _logs(options: argparse.Namespace) -> int:
    path = os.path.join(runtime_folder(), LOG)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()[-max(1, options.lines) :]
    except FileNotFoundError:
        lines = []
    if options.json:
        print(json.dumps({"path": path, "lines": lines}))
    else:
        print("\n".join(lines) if lines else f"{path} is empty")
    return 0

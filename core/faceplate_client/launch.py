"""Find the engine of this user on this machine, and start it when there is none. docs/wire.md says where it lives."""

import errno
import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import Dict, Iterator, List, NoReturn, Optional, Tuple

from .errors import EngineError
from .link import peer_of

SOCKET, LOCK, SPAWN_LOCK, LOG = "engine.sock", "engine.lock", "spawn.lock", "engine.log"

_LONGEST_PATH = 107  # of a Unix socket's address
_KEPT = ("HOME", "USER", "LOGNAME", "PATH", "LANG", "TZ", "TMPDIR", "OCIO", "CUDA_VISIBLE_DEVICES")
_KEPT_STARTS = ("LC_", "XDG_", "FACEPLATE_")
_PAUSE = 0.015
_LARGEST_LOG = 1 << 20


def runtime_folder() -> str:
    """The folder that the engine's socket lies in: made if it is missing, and nobody's but the user's.

    Raises:
        EngineError: `engine.folder`, it is somebody else's, a link, or open to others.
    """
    folder = _folder_name()
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise _bad_folder(folder, f"it cannot be made ({error.strerror})") from error
    facts = os.lstat(folder)
    if not stat.S_ISDIR(facts.st_mode):
        raise _bad_folder(folder, "it is no folder")
    if facts.st_uid != os.getuid():
        raise _bad_folder(folder, "it belongs to somebody else")
    if facts.st_mode & 0o077:
        raise _bad_folder(folder, "others may look into it; `chmod 700` it")
    if len(os.path.join(folder, SOCKET).encode()) > _LONGEST_PATH:
        raise _bad_folder(folder, "its name is too long for a socket")
    return folder


def _folder_name() -> str:
    told = os.environ.get("FACEPLATE_RUNTIME")
    if told:
        return os.path.abspath(told)
    user = os.getuid()
    for parent in (os.environ.get("XDG_RUNTIME_DIR", ""), os.path.join(os.sep, "run", "user", str(user))):
        if parent and os.path.isdir(parent) and os.stat(parent).st_uid == user:
            return os.path.join(parent, "faceplate")
    return os.path.join(os.sep, "tmp", f"faceplate-{user}")  # not TMPDIR: two shells, one engine


def _bad_folder(folder: str, why: str) -> EngineError:
    return EngineError(
        f"The folder {folder} cannot hold the engine's socket: {why}. Put that right, or set FACEPLATE_RUNTIME to "
        "a folder of your own.",
        code="engine.folder",
    )


def reach(wait: float = 10.0, start: bool = True) -> socket.socket:
    """A socket connected to the engine, which is started if need be.

    Args:
        wait: seconds until giving up on an engine that is starting.
        start: False only connects.

    Raises:
        EngineError: `engine.absent`, none is there and none could be started; `engine.folder`, `engine.peer`.
    """
    until, folder = time.monotonic() + wait, runtime_folder()
    found = knock(folder)
    if found or not start:
        return found or _absent("it is not running")
    with _one_at_a_time(folder, until):
        return knock(folder) or _started(folder, until)


def knock(folder: str) -> Optional[socket.socket]:
    """A socket connected to the engine that lives in a folder, None when there is none.

    Raises:
        EngineError: `engine.peer`, another user's process answers there.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(2.0)
    try:
        sock.connect(os.path.join(folder, SOCKET))
    except OSError as error:
        sock.close()
        if error.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN, errno.ECONNRESET):
            return None
        _absent(f"connecting to it failed ({error})")
    if peer_of(sock)[1] != os.getuid():
        sock.close()
        raise EngineError(
            "The engine's socket is served by another user; nothing was sent.", code="engine.peer"
        )
    return sock


def _started(folder: str, until: float) -> socket.socket:
    process, command = _spawn(folder)
    while time.monotonic() < until:
        found = knock(folder)
        if found:
            return found
        if process.poll() is not None:
            _absent(f"it ended at once with exit code {process.returncode}; {_last_words(folder)}")
        time.sleep(_PAUSE)
    _absent(f"{command[0]} did not answer in time; {_last_words(folder)}")


def _absent(why: str) -> NoReturn:
    raise EngineError(
        f"There is no Faceplate engine: {why}. Run `faceplate engine start` to see more.",
        code="engine.absent",
    )


def _spawn(folder: str) -> "Tuple[subprocess.Popen[bytes], List[str]]":
    command = [engine_command(), "engine", "start", "--foreground"]
    path = os.path.join(folder, LOG)
    if os.path.exists(path) and os.path.getsize(path) > _LARGEST_LOG:
        os.replace(path, path + ".1")
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment(dict(os.environ)),
            cwd=os.sep, start_new_session=True, close_fds=True,
        )  # fmt: skip
    except OSError as error:
        raise EngineError(
            f"The engine could not be started: {command[0]}: {error.strerror}. Set FACEPLATE_ENGINE to the path of "
            "the faceplate command.",
            code="engine.absent",
        ) from error
    finally:
        os.close(log)
    return process, command


def engine_command() -> str:
    """Path of the `faceplate` command: $FACEPLATE_ENGINE, on PATH, beside this Python, or in the checkout's .venv.

    Raises:
        EngineError: there is none.
    """
    told = os.environ.get("FACEPLATE_ENGINE")
    if told:
        return told
    checkout = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    beside = (os.path.join(sys.prefix, "bin"), os.path.join(checkout, ".venv", "bin"))
    found = shutil.which("faceplate") or shutil.which("faceplate", path=os.pathsep.join(beside))
    if not found:
        raise EngineError(
            "The faceplate command was not found. Install Faceplate, or set FACEPLATE_ENGINE to the command's path.",
            code="engine.absent",
        )
    return found


def clean_environment(host: Dict[str, str]) -> Dict[str, str]:
    """What of a host's environment the engine may see: a host's libraries and Python settings would break it."""
    return {name: value for name, value in host.items() if name in _KEPT or name.startswith(_KEPT_STARTS)}


@contextmanager
def _one_at_a_time(folder: str, until: float) -> Iterator[None]:
    """Hold the lock behind which engines are started."""
    import fcntl

    lock = os.open(os.path.join(folder, SPAWN_LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > until:
                    _absent("another program has been starting it for too long")
                time.sleep(_PAUSE)
        yield
    finally:
        os.close(lock)


def _last_words(folder: str) -> str:
    try:
        with open(os.path.join(folder, LOG), encoding="utf-8", errors="replace") as file:
            lines = file.read()[-2000:].strip().splitlines()
    except OSError:
        lines = []
    return f"its log ends: {lines[-1]}" if lines else "its log is empty"

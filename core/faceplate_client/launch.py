"""Find the engine of this user on this machine, and start it when there is none. docs/wire.md says where it lives."""

import errno
import os
import shutil
import socket
import stat
import subprocess
import sys
from contextlib import suppress
from typing import Dict, NoReturn, Optional

from .errors import EngineError
from .link import peer_of

SOCKET, PORT, LOCK, SPAWN_LOCK, LOG = "engine.sock", "engine.port", "engine.lock", "spawn.lock", "engine.log"

_LONGEST_PATH = 107  # of a Unix socket's address
_KEPT = {"HOME", "USER", "LOGNAME", "PATH", "LANG", "TZ", "TMPDIR", "OCIO", "CUDA_VISIBLE_DEVICES"}
_KEPT |= {"SYSTEMROOT", "LOCALAPPDATA", "APPDATA", "USERPROFILE", "TEMP"}  # what Windows cannot do without
_KEPT_STARTS = ("LC_", "XDG_", "FACEPLATE_")


def loopback() -> bool:
    """Whether a guarded port and files stand in for Unix socket and memfd: they are missing, or it is asked for."""
    asked = os.environ.get("FACEPLATE_TRANSPORT") == "loopback"
    return asked or not (hasattr(socket, "AF_UNIX") and hasattr(os, "memfd_create"))


def runtime_folder() -> str:
    """The folder that the engine's socket lies in: made if it is missing, and nobody's but the user's.

    Raises:
        EngineError: `engine.folder`, it is somebody else's, a link, or open to others.
    """
    folder = _folder_name()
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(folder, 0o700)
        facts = os.lstat(folder)
    except OSError as error:
        raise _bad_folder(folder, f"it cannot be made ({error.strerror})") from error
    posix = os.name != "nt"  # Windows keeps a user's own folders to them
    for wrong, why in (
        (not stat.S_ISDIR(facts.st_mode), "it is no folder"),
        (posix and facts.st_uid != os.getuid(), "it belongs to somebody else"),
        (posix and facts.st_mode & 0o077, "others may look into it; `chmod 700` it"),
        (len(os.path.join(folder, SOCKET).encode()) > _LONGEST_PATH, "its name is too long for a socket"),
    ):
        if wrong:
            raise _bad_folder(folder, why)
    return folder


def _folder_name() -> str:
    told = os.environ.get("FACEPLATE_RUNTIME")
    if told:
        return os.path.abspath(told)
    if os.name == "nt":
        return os.path.join(os.environ.get("LOCALAPPDATA") or os.path.expanduser("~"), "faceplate")
    user = os.getuid()
    for parent in (os.environ.get("XDG_RUNTIME_DIR", ""), os.path.join(os.sep, "run", "user", str(user))):
        if parent and os.path.isdir(parent) and os.stat(parent).st_uid == user:
            return os.path.join(parent, "faceplate")
    return os.path.join(os.sep, "tmp", f"faceplate-{user}")  # not TMPDIR: two shells, one engine


def _bad_folder(folder: str, why: str) -> EngineError:
    sentence = f"The folder {folder} cannot hold the engine's socket: {why}. Put that right, or set FACEPLATE_RUNTIME."
    return EngineError(sentence, "engine.folder")


def reach(wait: float = 10.0, start: bool = True) -> socket.socket:
    """A socket connected to the engine, started if it is not there and `start` allows, within `wait` seconds.

    Raises:
        EngineError: `engine.absent`, none is there and none could be started; `engine.folder`, `engine.peer`.
    """
    folder = runtime_folder()
    found = knock(folder)
    if not found and start:
        _start(wait)
        found = knock(folder)
    return found or _absent("it is not running")


def knock(folder: str) -> Optional[socket.socket]:
    """A socket connected to the engine of a folder, None when there is none; `engine.peer` if it is another user's."""
    if loopback():
        return _knock_on_port(folder)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(2.0)
    try:
        sock.connect(os.path.join(folder, SOCKET))
        if peer_of(sock)[1] == os.getuid():
            return sock
    except OSError as error:
        sock.close()
        if error.errno not in (errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN, errno.ECONNRESET):
            _absent(f"connecting to it failed ({error})")
        return None
    sock.close()
    raise EngineError("The engine's socket is served by another user; nothing was sent.", "engine.peer")


def _knock_on_port(folder: str) -> Optional[socket.socket]:
    """The same, on the port that the engine has written beside its token: only who can read the file is let in."""
    try:
        with open(os.path.join(folder, PORT), encoding="ascii") as file:
            port, token = file.read().split()
        sock = socket.create_connection(("127.0.0.1", int(port)), 2.0)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(token.encode("ascii"))
    except (OSError, ValueError):
        return None
    return sock


def _absent(why: str) -> NoReturn:
    sentence = f"There is no Faceplate engine: {why}. Run `faceplate engine start` to see more."
    raise EngineError(sentence, "engine.absent")


def _start(wait: float) -> None:
    """Run the command that starts an engine, one for however many ask at once, and returns when it answers."""
    command, limit = engine_command(), max(wait, 0.1)
    try:
        told = subprocess.run(
            [command, "engine", "start", "--wait", f"{limit:.3f}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=clean_environment(dict(os.environ)), cwd=os.sep, timeout=limit, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        _absent("it did not answer in time")
    except OSError as error:
        _absent(f"{command}: {error.strerror}. Set FACEPLATE_ENGINE to the path of the faceplate command")
    if told.returncode:
        last = told.stdout.decode("utf-8", "replace").strip().split("\n")[-1]
        _absent(f"`{command} engine start` ended with exit code {told.returncode}: {last}")


def engine_command() -> str:
    """The `faceplate` command: $FACEPLATE_ENGINE, on PATH, beside this Python, the checkout's; or `engine.absent`."""
    told = os.environ.get("FACEPLATE_ENGINE")
    if told:
        return told
    checkout = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    beside = (os.path.join(sys.prefix, "bin"), os.path.join(checkout, ".venv", "bin"))
    found = shutil.which("faceplate") or shutil.which("faceplate", path=os.pathsep.join(beside))
    if not found:
        _absent("the faceplate command was not found; install it, or set FACEPLATE_ENGINE to its path")
    return found


def clean_environment(host: Dict[str, str]) -> Dict[str, str]:
    """What of a host's environment the engine may see: a host's libraries and Python settings would break it."""
    return {name: value for name, value in host.items() if name in _KEPT or name.startswith(_KEPT_STARTS)}

"""Work that takes minutes, beside Nuke's interface: a thread, a progress bar that can be cancelled, one way back.

The thread itself never touches Nuke. It asks Nuke to call a function on the main thread, and goes on without waiting:
waiting for the main thread would hang both when the main thread waits for the thread.
"""

import threading
from typing import Set

import nuke

from faceplate_client.errors import FaceplateError, RequestError

_busy: Set[str] = set()
"""Names of the nodes that work in the background; looked at on the main thread alone."""


def refuse_if_busy(name):
    """Raises RequestError when the node of this name is at work already."""
    if name in _busy:
        raise RequestError(
            "{} is at work already. Wait for it, or cancel it in its progress bar.".format(name)
        )


class Task:
    """What a piece of work may say of itself, from any thread. `stop` is set when the artist presses Cancel."""

    def __init__(self):
        self.stop = threading.Event()
        self.message, self.done = "", 0.0

    def say(self, message, done):
        """Say what is being done, and how much of all of it is done, 0-1."""
        self.message, self.done = message, done


class _Shown(Task):
    """A task with Nuke's progress bar. The bar is made, changed and taken away on the main thread alone."""

    def __init__(self, title):
        super().__init__()
        self._bar = nuke.ProgressTask(title)
        self._asked = False

    def say(self, message, done):
        super().say(message, done)
        if not self._asked:  # one at a time, or a busy interface would find hundreds of them waiting
            self._asked = True
            nuke.executeInMainThread(self._draw)

    def _draw(self):
        self._asked = False
        if self._bar is None:
            return
        if self._bar.isCancelled():
            self.stop.set()
        self._bar.setMessage(self.message)
        self._bar.setProgress(int(100 * self.done))

    def close(self):
        """Take the bar away; Nuke does so when nothing refers to it any more."""
        self._bar = None


def start(name, work, finished, failed):
    """Do work for a node in a thread, with a progress bar. Call this on the main thread.

    Without an interface there is nobody to wait beside: the work is done here and now, and an error is raised, too.

    Args:
        name: the node's full name; one piece of work at a time for each.
        work: `work(task)`, called in the thread; touches nothing of Nuke, says how far it is now and then.
        finished: called on the main thread with what `work` returned.
        failed: called on the main thread with the FaceplateError that it raised.

    Returns:
        The thread; None when the work is done.

    Raises:
        RequestError: the node is at work already. FaceplateError: without an interface, what `work` raised.
    """
    refuse_if_busy(name)
    if not nuke.GUI:
        return _at_once(name, work, finished, failed)
    task = _Shown("Faceplate: " + name)
    _busy.add(name)

    def back(call, told):
        _busy.discard(name)
        task.close()
        call(told)

    def run():
        try:
            result = work(task)
        except FaceplateError as error:
            nuke.executeInMainThread(back, (failed, error))
        except Exception as error:  # a fault of ours must not leave the node waiting for ever
            fault = FaceplateError(
                "Something went wrong that should not have: {!r}.".format(error), code="fault"
            )
            nuke.executeInMainThread(back, (failed, fault))
        else:
            nuke.executeInMainThread(back, (finished, result))

    thread = threading.Thread(target=run, name="faceplate", daemon=True)
    thread.start()
    return thread


def _at_once(name, work, finished, failed):
    try:
        result = run_here(name, work)
    except FaceplateError as error:
        failed(error)
        raise
    finished(result)


class _Logged(Task):
    """A task without an interface: every tenth of the work is a line in the log."""

    def __init__(self, title):
        super().__init__()
        self._title, self._tenth = title, -1

    def say(self, message, done):
        super().say(message, done)
        if int(10 * done) > self._tenth:
            self._tenth = int(10 * done)
            nuke.tprint("{}: {}, {:.0f} %".format(self._title, message, 100 * done))


def run_here(title, work):
    """Do work now and wait for it, as on a farm. Returns and raises what `work` does."""
    return work(_Logged(title))

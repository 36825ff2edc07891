# SPDX-License-Identifier: GPL-3.0-or-later
"""The `faceplate` command as a child process that nobody waits for: started, looked at, cancelled, its answer read.

Nothing here knows Blender.
"""

import atexit
import json
import os
import subprocess
import time

from .faceplate_client.errors import EngineError, FaceplateError
from .faceplate_client.launch import clean_environment, engine_command

_GRACE = 5.0  # seconds that a command has to stop by itself; it promises two

_running = set()
"""Commands at work; none of them outlives Blender."""


class Command:
    """One run of `faceplate WORDS --json`, whose answer and log lie in `folder` as long as that is there.

    Raises:
        EngineError: `engine.absent`, the command was not found or could not be started.
    """

    def __init__(self, words, folder):
        self._answer, self._log = folder / "answer.json", folder / "log.txt"
        command = [engine_command(), *map(str, words), "--json"]
        try:
            with open(self._answer, "wb") as answer, open(self._log, "wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=answer,
                    stderr=log,
                    env=clean_environment(dict(os.environ)),
                )
        except OSError as error:
            raise EngineError(
                f"The command {command[0]} cannot be started: {error.strerror}. Set FACEPLATE_ENGINE to the path "
                "of the faceplate command.",
                code="engine.absent",
            ) from error
        _running.add(self)

    @property
    def done(self):
        """Whether it has ended; asking costs nothing."""
        return self._process.poll() is not None

    @property
    def stage(self):
        """What it said last of what it is doing, for instance `2/4 fitting the head`; empty before that."""
        lines = _text(self._log).splitlines()
        return lines[-1].partition("faceplate: ")[2] if lines else ""

    def wait(self, seconds=None):
        """Wait until it ends, where nobody looks: in background mode and in tests."""
        until = None if seconds is None else time.monotonic() + seconds
        while not self.done and (until is None or time.monotonic() < until):
            time.sleep(0.05)

    def cancel(self):
        """End it; safe to call twice, and after it has ended."""
        if not self.done:
            self._process.terminate()
            try:
                self._process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        _running.discard(self)

    def result(self):
        """The object that it printed, once it is done.

        Raises:
            FaceplateError: what it complained of, in its own sentence.
        """
        code = self._process.wait()
        _running.discard(self)
        last = self.stage
        try:
            answer = json.loads(_text(self._answer))
        except ValueError:
            answer = {}
        if code == 0 and answer:
            return answer
        told = (
            answer.get("error")
            or _first_failure(answer)
            or {
                "code": "engine.failed",
                "sentence": f"The faceplate command ended with exit code {code}. It said last: {last or 'nothing'}",
            }
        )
        raise FaceplateError(told["sentence"], code=told["code"])


def _first_failure(answer):
    """What was wrong with the first of the frames that failed; None where none did."""
    failed = answer.get("failures")
    if not failed:
        return None
    sentence = f"Frame {failed[0]['frame']}: {failed[0]['sentence']}"
    more = f" {len(failed) - 1} more failed." if len(failed) > 1 else ""
    return {"code": failed[0]["code"], "sentence": sentence + more}


def _text(path):
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@atexit.register
def _end_all():
    for command in list(_running):
        command.cancel()

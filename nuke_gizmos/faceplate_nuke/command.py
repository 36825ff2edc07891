"""The `faceplate` command as a child process: started clean, watched, stopped, and its answer read."""

import atexit
import json
import os
import subprocess
import tempfile
import time
from typing import Set

from faceplate_client.errors import Cancelled, EngineError, FaceplateError
from faceplate_client.launch import clean_environment, engine_command

_PAUSE = 0.1
_GRACE = 5.0  # seconds that a command has to stop by itself; it promises two

_running: Set["subprocess.Popen[bytes]"] = set()
"""Processes that are at work; none of them outlives Nuke."""


def run(words, log=os.devnull, tick=None, stop=None):
    """Run `faceplate WORDS --json` to its end.

    Args:
        words: the words after `faceplate`.
        log: file that what it says on stderr is appended to.
        tick: called about ten times a second while it runs.
        stop: threading.Event; set, it ends the command.

    Returns:
        The JSON object that the command printed.

    Raises:
        Cancelled: `stop` was set.
        FaceplateError: what the command complained of, with its code and exit code; or that it could not be started.
    """
    with open(log, "ab") as errors, tempfile.TemporaryFile() as answer:
        process = _started([engine_command(), *words, "--json"], answer, errors)
        _running.add(process)
        try:
            while process.poll() is None:
                if stop is not None and stop.is_set():
                    raise Cancelled("Stopped.")
                if tick is not None:
                    tick()
                time.sleep(_PAUSE)
        finally:
            _end(process)
            _running.discard(process)
        answer.seek(0)
        return _checked(process.returncode, answer.read(), log)


def _started(command, answer, errors):
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=errors,
            env=clean_environment(dict(os.environ)),
        )
    except OSError as error:
        raise EngineError(
            "The command {} cannot be started: {}. Set FACEPLATE_ENGINE to the path of the faceplate "
            "command.".format(command[0], error.strerror),
            code="engine.absent",
        )


def _end(process):
    """Leave no process behind, whatever happened here."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@atexit.register
def _end_all():
    """Nuke quits while a bake runs: its thread is not waited for, so nobody else would stop the command."""
    for process in list(_running):
        _end(process)


def _checked(exit_code, said, log):
    """The command's answer, or its complaint raised."""
    try:
        answer = json.loads(said.decode("utf-8"))
    except ValueError:
        answer = {}
    if exit_code == 0 and answer:
        return answer
    told = answer.get("error") or _first_failure(answer)
    if told is None:
        told = {
            "code": "engine.failed",
            "sentence": "The faceplate command ended with exit code {}. {}".format(
                exit_code, _last_words(log)
            ),
        }
    failed = FaceplateError(told["sentence"], code=told["code"])
    failed.exit_code = exit_code if exit_code > 0 else FaceplateError.exit_code
    raise failed


def _last_words(log):
    """The end of the log, said here because a bake that failed takes its log along."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            lines = file.read()[-2000:].strip().splitlines()
    except OSError:
        lines = []
    return "It said last: {}".format(lines[-1]) if lines else "It said nothing."


def _first_failure(answer):
    """Frames that failed, as one complaint; None when there are none."""
    failures = answer.get("failures")
    if not failures:
        return None
    first = failures[0]
    more = " {} more frames failed.".format(len(failures) - 1) if len(failures) > 1 else ""
    sentence = "Frame {}: {}{}".format(first["frame"], first.get("sentence", "it failed."), more)
    return {"code": first.get("code", "error"), "sentence": sentence}

# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that wait for the `faceplate` command: the one place that knows timers, Esc and background mode.

The command runs in a process of its own and Blender's data is touched on the main thread only, when it is done. While
it runs every event is passed on, so that the interface stays live.
"""

import shutil
import tempfile
from pathlib import Path

import bpy

from .command import Command
from .faceplate_client.errors import FaceplateError, OutputError

_PERIOD = 0.1  # seconds between looks


class JobOperator:
    """Mix into a bpy.types.Operator; give it `words(context, folder)` and `apply(context, folder, report)`."""

    _command = _timer = _folder = None

    def words(self, context, folder):
        """The words after `faceplate`; results go into `folder`. May raise FaceplateError."""
        raise NotImplementedError

    def disk(self, context):
        """The folder whose disk results are to stay on, so that they are moved and not copied; None: any."""
        return None

    def apply(self, context, folder, report):
        """Bring the result into the file; returns a sentence for the status line. May raise FaceplateError."""
        raise NotImplementedError

    def execute(self, context):
        try:
            self._folder = _new_folder(self.disk(context))
            self._command = Command(self.words(context, self._folder), self._folder)
        except FaceplateError as error:
            return self._failed(context, error)
        if bpy.app.background or context.window is None:
            self._command.wait()
            return self._finish(context)
        manager = context.window_manager
        self._timer = manager.event_timer_add(_PERIOD, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        if event.type == "ESC" and event.value == "PRESS":
            self.cancel(context)
            self.report({"INFO"}, "Stopped. Nothing was changed.")
            return {"CANCELLED"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        if self._command.done:
            return self._finish(context)
        stage = self._command.stage or "starting"
        self._status(context, f"Faceplate: {stage}. Esc cancels")
        return {"PASS_THROUGH"}

    def cancel(self, context):
        """Blender calls this as well, when it quits or loads another file."""
        if self._command is not None:
            self._command.cancel()
        self._clean(context)

    def _finish(self, context):
        try:
            said = self.apply(context, self._folder, self._command.result())
        except FaceplateError as error:
            return self._failed(context, error)
        self._clean(context)
        self.report({"INFO"}, said)
        return {"FINISHED"}

    def _failed(self, context, error):
        self._clean(context)
        # an error report is an exception where a script called the operator, and a pop-up where a person did
        self.report({"ERROR"}, str(error))
        return {"CANCELLED"}

    def _clean(self, context):
        if self._timer is not None:
            context.window_manager.event_timer_remove(self._timer)
            self._timer = None
        self._status(context, None)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _status(self, context, text):
        if context.workspace is not None:
            context.workspace.status_text_set(text)


def _new_folder(parent):
    """A folder for one job, out of sight where it lies among somebody's files."""
    try:
        return Path(tempfile.mkdtemp(prefix="faceplate-" if parent is None else ".faceplate-", dir=parent))
    except OSError as error:
        where = parent or "temporary files"
        raise OutputError(f"Nothing can be written in the folder {where}: {error.strerror}.") from error

"""What scripts share: operators as a button runs them, undone, stopped by Esc."""

# pyright: reportMissingImports=false
# bpy and the add-on are there in Blender's Python alone.

import os
import sys
import traceback
import types

import bpy
from faceplate_addon import job_operator


def end_on_error(kind, error, trace):
    """Say what was wrong and go: bpy 4.5 may wait for itself for ever when Python ends."""
    traceback.print_exception(kind, error, trace)
    sys.stderr.flush()
    os._exit(1)


sys.excepthook = end_on_error


def run(operator):
    """What an operator answers, or the sentence of its complaint."""
    try:
        return list(operator())
    except RuntimeError as error:
        return str(error)


def one_step(operator, look):
    """What there is before, after the operator as from a button, and after one step back."""
    bpy.ops.ed.undo_push(message="start")
    seen = [look()]
    operator()
    seen.append(look())
    bpy.ops.ed.undo()
    return [*seen, look()]


class Window:
    """A context with a window, which no Blender without a screen has, and what is done to it."""

    def __init__(self, **more):
        self.timers, self.window, self.space_data = [], object(), None
        self.scene, self.workspace = (
            bpy.context.scene,
            types.SimpleNamespace(status_text_set=lambda text: None),
        )
        self.window_manager = types.SimpleNamespace(
            event_timer_add=lambda period, window: self.timers.append(period) or self.timers,
            event_timer_remove=lambda timer: self.timers.clear(),
            modal_handler_add=lambda operator: None,
        )
        vars(self).update(more)


def stopped(operator, context, look, **settings):
    """What there is before and after an operator that is stopped while the command runs."""
    held = dict(operator.__dict__, report=lambda *_: None, **settings)
    kind = type("Stopped", (job_operator.JobOperator,), held)
    job, before = kind(), look()
    job_operator.bpy = types.SimpleNamespace(app=types.SimpleNamespace(background=False))
    answers = [job.execute(context)]
    job_operator.bpy = bpy
    folder, running = job._folder, not job._command.done
    answers.append(job.modal(context, types.SimpleNamespace(type="MOUSEMOVE", value="NOTHING")))
    answers.append(job.modal(context, types.SimpleNamespace(type="ESC", value="PRESS")))
    return {
        "answers": [list(answer) for answer in answers], "ran": running, "ended": job._command.done,
        "same": look() == before, "folder": folder.exists(), "timers": len(context.timers),
    }  # fmt: skip

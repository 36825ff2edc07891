"""The process that a third-party effect runs in, so that its crash is not ours.

It reads one order, a JSON line, from standard input and answers in JSON lines: {"begin": frame}, {"frame": record},
{"effects": [...]}, and at last {"done": true} or {"error": {"code", "sentence", "exit_code"}}. When standard input
ends, whoever asked is gone or wants it to stop. What a plug-in itself prints goes to standard error.
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any

from faceplate.farm.effect_work import EffectOrder, render_effect
from faceplate.ofx_host.effect import Bundle, Effect
from faceplate.ofx_host.profiles import profile_named
from faceplate_client.errors import FaceplateError

Say = Callable[[Mapping[str, Any]], None]


def main() -> int:
    """Carry out the order on standard input; the exit code is 0 as long as the answer got out."""
    say = _answers()
    order = json.loads(sys.stdin.readline())
    try:
        if order.pop("verb") == "describe":
            say({"effects": described(order["bundle"], order["profile"])})
        else:
            _render(EffectOrder.from_words(order), say)
        say({"done": True})
    except FaceplateError as error:
        say({"error": {"code": error.code, "sentence": str(error), "exit_code": error.exit_code}})
    return 0


def described(bundle: str, profile: str) -> list[dict[str, Any]]:
    """What is known of every effect in a bundle: identifier, version, label, group, contexts, depths, parameters."""
    with Bundle(bundle, profile_named(profile)) as opened:
        return [_facts(effect) for effect in opened.effects.values()]


def _facts(effect: Effect) -> dict[str, Any]:
    try:
        properties = effect.describe()
        params = effect.params(effect.contexts[0]) if effect.contexts else {}
    except FaceplateError as error:
        return {"identifier": effect.identifier, "version": list(effect.version), "error": str(error)}
    return {
        "identifier": effect.identifier,
        "version": list(effect.version),
        "label": (properties["OfxPropLabel"] or [""])[0],
        "group": properties["OfxImageEffectPluginPropGrouping"][0],
        "contexts": list(effect.contexts),
        "depths": list(effect.depths),
        "parameters": {
            name: {
                "type": facts["type"].removeprefix("OfxParamType"),
                "default": facts.get("OfxParamPropDefault", []),
                "hint": facts["OfxParamPropHint"][0],
            }
            for name, facts in params.items()
        },
    }


def _render(order: EffectOrder, say: Say) -> None:
    stop, aborts = threading.Event(), []

    def stop_with_the_asker() -> None:
        # Not through sys.stdin, whose lock a waiting thread would hold when the interpreter ends.
        while os.read(sys.stdin.fileno(), 4096):
            pass
        stop.set()
        for abort in aborts:
            abort()

    threading.Thread(target=stop_with_the_asker, name="faceplate-asker", daemon=True).start()
    render_effect(
        order,
        stop=stop,
        on_begin=lambda frame: say({"begin": frame}),
        on_frame=lambda record: say({"frame": record.as_json()}),
        on_abort=aborts.append,
    )


def _answers() -> Say:
    """A way to answer that a plug-in which prints cannot disturb: standard output becomes standard error."""
    pipe: IO[str] = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lock = threading.Lock()

    def say(told: Mapping[str, Any]) -> None:
        with lock:
            pipe.write(json.dumps(told) + "\n")
            pipe.flush()

    return say


if __name__ == "__main__":
    sys.exit(main())

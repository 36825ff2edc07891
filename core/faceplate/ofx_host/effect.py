"""Effects: loaded, described, and at work. One method an action, in the words of the OpenFX specification.

`Bundle` opens a binary, `Effect` is one plug-in in it, `Instance` one of its instances. Times are frames, regions are
canonical (x1, y1, x2, y2), windows count pixels; y is up in both.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from faceplate.ofx_host.bundles import binary_of
from faceplate.ofx_host.clips import OUTPUT, ClipFacts, Preferences, Region
from faceplate.ofx_host.native import PluginError, native
from faceplate.ofx_host.preferences import settle
from faceplate.ofx_host.profiles import Definition, Profile, definition

OK, FAILED, FATAL, REPLY_DEFAULT = 0, 1, 2, 14

STATUS: Mapping[int, str] = {
    0: "OK", 1: "Failed", 2: "ErrFatal", 3: "ErrUnknown", 4: "ErrMissingHostFeature", 5: "ErrUnsupported",
    6: "ErrExists", 7: "ErrFormat", 8: "ErrMemory", 9: "ErrBadHandle", 10: "ErrBadIndex", 11: "ErrValue",
    12: "ReplyYes", 13: "ReplyNo", 14: "ReplyDefault", 1000: "ErrImageFormat", 1001: "GPUOutOfMemory",
    1002: "GPURenderFailed",
}  # fmt: skip

Window = tuple[int, int, int, int]
Scale = tuple[float, float]


class ActionFailed(PluginError):
    """An action answered with something other than OK or "do as you would without me"."""

    code = "ofx.failed"

    def __init__(self, identifier: str, action: str, status: int, said: str = "") -> None:
        told = f"{identifier} failed in {action} ({STATUS.get(status, status)})"
        super().__init__(f"{told}: {said}" if said else f"{told} and gave no reason")
        self.status = status


class Bundle:
    """A binary, opened as one host, with its effects by identifier (of several versions the newest). Close it.

    A plug-in knows one host: the same binary cannot be open twice in a process.
    """

    def __init__(self, path: str | Path, profile: Profile) -> None:
        """Open a bundle or a bare .ofx file; nothing of it is loaded or described yet.

        Raises:
            PluginError: it is none, has no binary for this machine, or cannot be opened.
            RequestError: the host is not built here.
        """
        self.path, self.profile = Path(path), profile
        host, binary = native(), binary_of(path)
        self.host = profile.open()
        try:
            self._library = host.Library(self.host, str(binary), str(path))
        except host.BundleError as error:
            raise PluginError(f"{error}; rebuild it, or ask its maker", code="ofx.bundle") from error
        newest = sorted(self._library.plugins(), key=lambda plugin: plugin.version)
        self.effects = {plugin.identifier: Effect(self, plugin) for plugin in newest}

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def effect(self, identifier: str) -> "Effect":
        """An effect by its identifier, or by the last part of it when that is one effect's alone.

        Raises:
            PluginError: there is none; says which there are.
        """
        if identifier in self.effects:
            return self.effects[identifier]
        short = [each for each in self.effects if each.rpartition(".")[2].lower() == identifier.lower()]
        if len(short) == 1:
            return self.effects[short[0]]
        here = ", ".join(self.effects) or "none"
        raise PluginError(f"{self.path} has no effect {identifier}; it has {here}", code="ofx.effect")

    def close(self) -> None:
        """Destroy what is at work, unload every effect, and let go of the binary, also when one of them objects."""
        with ExitStack() as stack:
            stack.callback(self._library.close)
            for effect in self.effects.values():
                stack.callback(effect.close)


class Effect:
    """One plug-in: load, describe, describe in a context, create instances, unload."""

    def __init__(self, bundle: Bundle, plugin: Any) -> None:
        self.bundle, self.profile, self._plugin = bundle, bundle.profile, plugin
        self.identifier: str = plugin.identifier
        self.version: tuple[int, int] = plugin.version
        self._loaded = False
        self._described = False
        self._contexts: list[str] = []
        self.instances: list[Instance] = []

    def load(self) -> None:
        """Load it, once.

        Raises:
            ActionFailed: it will not run in this host.
        """
        if not self._loaded:
            self._call("OfxActionLoad", load_or_unload=True)
            self._loaded = True

    def describe(self) -> Mapping[str, list[Any]]:
        """Load and describe it, once: the descriptor's properties by OpenFX name."""
        self.load()
        if not self._described:
            self._call("OfxActionDescribe")
            self._described = True
        return self._plugin.properties

    @property
    def contexts(self) -> tuple[str, ...]:
        """The contexts that both sides have, the host's favourite first (short names)."""
        offered = _short(self.describe()["OfxImageEffectPropSupportedContexts"], "OfxImageEffectContext")
        return tuple(each for each in self.profile.contexts if each in offered)

    @property
    def depths(self) -> tuple[str, ...]:
        """The depths that both sides have, the host's favourite first (short names)."""
        offered = _short(self.describe()["OfxImageEffectPropSupportedPixelDepths"], "OfxBitDepth")
        return tuple(each for each in self.profile.depths if each in offered)

    def describe_in_context(self, context: str) -> None:
        """Describe it in a context, once: its clips and parameters.

        Raises:
            PluginError: one of the two sides does not have the context.
        """
        if context in self._contexts:
            return
        if context not in self.contexts:
            both = ", ".join(self.contexts) or "no context"
            raise PluginError(
                f"{self.identifier} cannot be used in {self.profile.label} as {context}; both know {both}",
                code="ofx.effect",
            )
        self._call("OfxImageEffectActionDescribeInContext", f"OfxImageEffectContext{context}")
        self._contexts.append(context)

    def params(self, context: str) -> Mapping[str, Mapping[str, Any]]:
        """Parameters in the order of their definition: name -> properties, and `type`."""
        self.describe_in_context(context)
        return self._plugin.params(f"OfxImageEffectContext{context}")

    def clips(self, context: str) -> Mapping[str, Mapping[str, Any]]:
        """Clips in the order of their definition: name -> properties."""
        self.describe_in_context(context)
        return self._plugin.clips(f"OfxImageEffectContext{context}")

    def create(self, context: str, **project: Any) -> "Instance":
        """An instance. `project`: as for `Instance`."""
        self.describe_in_context(context)
        return Instance(self, self._plugin, context, **project)

    def unload(self) -> None:
        """Destroy what is left of its instances and unload it; not an error when it was never loaded."""
        for instance in list(self.instances):
            instance.destroy()
        if self._loaded:
            self._loaded = self._described = False
            self._contexts = []
            self._call("OfxActionUnload", load_or_unload=True)

    def close(self) -> None:
        """Unload it and forget its descriptions, for good."""
        try:
            self.unload()
        finally:
            self._plugin.close()

    def _call(self, action: str, context: str | None = None, *, load_or_unload: bool = False) -> None:
        status, _ = self._plugin.call(action, context, load_or_unload=load_or_unload)
        if status not in (OK, REPLY_DEFAULT):
            said = "; ".join(message.text for message in self.bundle.host.messages[-1:])
            raise ActionFailed(self.identifier, action, status, said)


class Instance:
    """An effect at work. A context manager: it is destroyed at the end."""

    def __init__(
        self,
        effect: Effect,
        plugin: Any,
        context: str,
        *,
        size: tuple[float, float] = (1920.0, 1080.0),
        pixel_aspect: float = 1.0,
        frame_range: tuple[float, float] = (1.0, 1.0),
        frame_rate: float = 24.0,
        values: Mapping[str, Sequence[Any]] | None = None,
    ) -> None:
        """Create it.

        Args:
            effect, plugin, context: see `Effect.create`.
            size: the project's, canonical. frame_range: the time line's. values: parameters as a saved project would
                hold them, there before the effect looks.

        Raises:
            ActionFailed: it refused.
        """
        self.effect, self.profile, self.context = effect, effect.profile, context
        self.running = native().Running(plugin, f"OfxImageEffectContext{context}")
        self.inputs: dict[str, ClipFacts] = {}
        self.preferences: Preferences | None = None
        for name, value in {
            "OfxImageEffectPropProjectSize": size,
            "OfxImageEffectPropProjectExtent": size,
            "OfxImageEffectPropPixelAspectRatio": (pixel_aspect,),
            "OfxImageEffectPropFrameRate": (frame_rate,),
            "OfxImageEffectInstancePropEffectDuration": (frame_range[1] - frame_range[0] + 1,),
        }.items():
            self.running.put(name, [float(each) for each in value])
        self.running.set_time_bounds(*frame_range)
        self.running.set_time(frame_range[0])
        for name, given in (values or {}).items():
            self.running.set_param(name, list(given))
        self._alive = True
        self.act("OfxActionCreateInstance")
        effect.instances.append(self)

    def __enter__(self) -> "Instance":
        return self

    def __exit__(self, kind: type[BaseException] | None, _e: object, _t: TracebackType | None) -> None:
        self.destroy()

    def destroy(self) -> None:
        """Destroy it, once; what its plug-in did not give back is freed and noted as a refusal."""
        if self._alive:
            self._alive = False
            if self in self.effect.instances:
                self.effect.instances.remove(self)
            self.running.act("OfxActionDestroyInstance", {}, {})
            self.running.release()

    def ask(
        self,
        action: str,
        given: Mapping[str, Definition] | None = None,
        wanted: Mapping[str, Definition] | None = None,
    ) -> tuple[int, dict[str, list[Any]]]:
        """Any action, raw: the status, and the results as the effect left them."""
        return self.running.act(action, dict(given or {}), dict(wanted or {}))

    def act(
        self,
        action: str,
        given: Mapping[str, Definition] | None = None,
        wanted: Mapping[str, Definition] | None = None,
    ) -> dict[str, list[Any]] | None:
        """An action's results, or None when the effect leaves it to the host.

        Raises:
            ActionFailed: it answered with an error.
        """
        status, told = self.ask(action, given, wanted)
        self._check(action, status)
        return told if status == OK else None

    def _check(self, action: str, status: int) -> None:
        if status not in (OK, REPLY_DEFAULT):
            said = self.running.persistent_message.text or next(
                (
                    m.text
                    for m in reversed(self.running.messages)
                    if m.kind in ("OfxMessageError", "OfxMessageFatal")
                ),
                "",
            )
            raise ActionFailed(self.effect.identifier, action, status, said)

    # ------------------------------------------------------------ what it is given

    def connect(self, clip: str, facts: ClipFacts, fetch: Callable[[float], Any] | None = None) -> None:
        """Connect a clip. `fetch` gives the image of a time, or None; `put_image` on `running` works as well."""
        self.inputs[clip] = facts
        self.running.connect(clip, True)
        self._put_facts(clip, facts)
        if fetch is not None:
            self.running.fetch_with(clip, fetch)

    def _put_facts(self, clip: str, facts: ClipFacts) -> None:
        first, last = map(float, facts.frame_range)
        for name, values in {
            "OfxImageClipPropUnmappedPixelDepth": [f"OfxBitDepth{facts.depth}"],
            "OfxImageClipPropUnmappedComponents": [f"OfxImageComponent{facts.components}"],
            "OfxImageEffectPropPreMultiplication": [facts.premultiplication],
            "OfxImagePropPixelAspectRatio": [float(facts.pixel_aspect)],
            "OfxImageEffectPropFrameRate": [float(facts.frame_rate)],
            "OfxImageEffectPropUnmappedFrameRate": [float(facts.frame_rate)],
            "OfxImageEffectPropFrameRange": [first, last],
            "OfxImageEffectPropUnmappedFrameRange": [first, last],
            "OfxImageClipPropFieldOrder": [facts.fields],
        }.items():
            self.running.put_clip(clip, name, values)
        self.running.put_region(clip, tuple(map(float, facts.region)))

    @property
    def main(self) -> str | None:
        """The clip that Output takes its defaults from: Source, else the first that is connected."""
        return "Source" if "Source" in self.inputs else next(iter(self.inputs), None)

    def supports(self, name: str) -> bool:
        """Whether the host's profile and the effect both say yes to a property."""
        return self.profile.allows(name) and bool(self.running.properties[name][0])

    def value(self, param: str, time: float | None = None) -> Any:
        """A parameter's value: a number or a string, or a tuple for several dimensions."""
        values = self.running.param_values(param, self.running.time if time is None else float(time))
        return values[0] if len(values) == 1 else tuple(values)

    def set(self, param: str, value: Any, time: float | None = None) -> None:
        """Set a parameter as a user would, a key when there is a time, and tell the effect so.

        Raises:
            KeyError: it has no such parameter. ValueError: the wrong number of values.
        """
        values = list(value) if isinstance(value, tuple | list) else [value]
        if time is None:
            self.running.set_param(param, values)
        else:
            self.running.set_key(param, float(time), values)
        self.changed(param)

    # ------------------------------------------------------------ what changed

    def changed(
        self, name: str, *, kind: str = "OfxTypeParameter", reason: str = "OfxChangeUserEdited"
    ) -> None:
        """Tell it that a parameter or a clip changed, and then of what it changed itself in return."""
        why = {"OfxPropChangeReason": definition(reason)}
        self.act("OfxActionBeginInstanceChanged", why)
        self._tell_change(name, kind, reason)
        for each in dict.fromkeys(self.running.take_edits()):
            self._tell_change(each, "OfxTypeParameter", "OfxChangePluginEdited")
        # What it sets while hearing of its own edits is not told again, or two parameters could go on for ever.
        self.running.take_edits()
        self.act("OfxActionEndInstanceChanged", why)

    def _tell_change(self, name: str, kind: str, reason: str) -> None:
        self.act(
            "OfxActionInstanceChanged",
            {
                "OfxPropType": definition(kind),
                "OfxPropName": definition(name),
                "OfxPropChangeReason": definition(reason),
                "OfxPropTime": definition(float(self.running.time)),
                "OfxImageEffectPropRenderScale": definition((1.0, 1.0)),
            },
        )

    # ------------------------------------------------------------ what it answers

    def clip_preferences(self) -> Preferences:
        """Settle components and depths of all clips, and tell them to the clips.

        Raises:
            PluginError: host and effect have no depth or no components in common.
        """
        self.preferences = settle(self)
        return self.preferences

    def region_of_definition(self, time: float, scale: Scale = (1.0, 1.0)) -> Region:
        """Where it has pixels, canonical; where it does not say, that of the main input, or the project's size."""
        base = self.inputs[self.main].region if self.main else (0.0, 0.0, *self._project_size())
        told = self.act(
            "OfxImageEffectActionGetRegionOfDefinition",
            {"OfxPropTime": definition(float(time)), "OfxImageEffectPropRenderScale": definition(scale)},
            {"OfxImageEffectPropRegionOfDefinition": definition(tuple(map(float, base)))},
        )
        found = _region(told["OfxImageEffectPropRegionOfDefinition"]) if told else _region(base)
        self.running.put_region(OUTPUT, found)
        return found

    def _project_size(self) -> tuple[float, float]:
        width, height = self.running.properties["OfxImageEffectPropProjectSize"]
        return width, height

    def regions_of_interest(
        self, time: float, region: Region, scale: Scale = (1.0, 1.0)
    ) -> dict[str, Region]:
        """What it needs of each input to make `region` of its output, canonical."""
        names = {f"OfxImageClipPropRoI_{clip}": clip for clip in self.inputs}
        told = self.act(
            "OfxImageEffectActionGetRegionsOfInterest",
            {
                "OfxPropTime": definition(float(time)),
                "OfxImageEffectPropRenderScale": definition(scale),
                "OfxImageEffectPropRegionOfInterest": definition(region),
            },
            {name: definition(tuple(map(float, region))) for name in names},
        )
        return {clip: _region(told[name]) if told else region for name, clip in names.items()}

    def frames_needed(self, time: float) -> dict[str, list[tuple[float, float]]]:
        """The times it needs of each input, as ranges; only they may be fetched while it renders."""
        names = {f"OfxImageClipPropFrameRange_{clip}": clip for clip in self.inputs}
        same = (float(time), float(time))
        told = self.act(
            "OfxImageEffectActionGetFramesNeeded",
            {"OfxPropTime": definition(float(time))},
            {name: definition(same, dimension=0) for name in names},
        )
        needed = {clip: _ranges(told[name]) if told else [same] for name, clip in names.items()}
        for clip, ranges in needed.items():
            self.running.declare(clip, ranges)
        return needed

    def is_identity(
        self, time: float, window: Window, scale: Scale = (1.0, 1.0), field_: str = "OfxFieldNone"
    ) -> tuple[str, float] | None:
        """The clip and time that the output equals, or None when it has to be rendered."""
        told = self.act(
            "OfxImageEffectActionIsIdentity",
            self._frame(time, window, scale, field_),
            {"OfxPropName": definition(""), "OfxPropTime": definition(float(time))},
        )
        return (told["OfxPropName"][0], told["OfxPropTime"][0]) if told else None

    # ------------------------------------------------------------ rendering

    def begin_sequence(
        self, frames: tuple[float, float], step: float = 1.0, scale: Scale = (1.0, 1.0)
    ) -> None:
        """Say that frames from first to last are about to be rendered."""
        self.act("OfxImageEffectActionBeginSequenceRender", self._sequence(frames, step, scale))

    def end_sequence(self, frames: tuple[float, float], step: float = 1.0, scale: Scale = (1.0, 1.0)) -> None:
        """Say that they were."""
        self.act("OfxImageEffectActionEndSequenceRender", self._sequence(frames, step, scale))

    def render(
        self,
        time: float,
        window: Window,
        output: Any,
        scale: Scale = (1.0, 1.0),
        field_: str = "OfxFieldNone",
    ) -> None:
        """Render a window of a frame into an image. Python's lock is free meanwhile; call it from any thread.

        Raises:
            ActionFailed: it failed, with what it said last.
        """
        self._check("OfxImageEffectActionRender", self.render_status(time, window, output, scale, field_))

    def render_status(
        self,
        time: float,
        window: Window,
        output: Any,
        scale: Scale = (1.0, 1.0),
        field_: str = "OfxFieldNone",
    ) -> int:
        """As `render`, but the status is the answer; an abort may end with OK or Failed."""
        given = self._frame(time, window, scale, field_)
        given["OfxImageEffectPropRenderQualityDraft"] = definition(0)
        given.update(self._order())
        status, _ = self.running.act("OfxImageEffectActionRender", given, {}, output, float(time))
        return status

    def abort(self) -> None:
        """Ask what is rendering to stop, from any thread; holds until `go_on`."""
        self.running.abort()

    def go_on(self) -> None:
        """Take an abort back."""
        self.running.go_on()

    def _frame(self, time: float, window: Window, scale: Scale, field_: str) -> dict[str, Definition]:
        return {
            "OfxPropTime": definition(float(time)),
            "OfxImageEffectPropFieldToRender": definition(field_),
            "OfxImageEffectPropRenderWindow": definition(tuple(map(int, window))),
            "OfxImageEffectPropRenderScale": definition(tuple(map(float, scale))),
        }

    def _order(self) -> dict[str, Definition]:
        return {
            "OfxImageEffectPropSequentialRenderStatus": definition(self.profile.sequential_status),
            "OfxImageEffectPropInteractiveRenderStatus": definition(0),
        }

    def _sequence(self, frames: tuple[float, float], step: float, scale: Scale) -> dict[str, Definition]:
        return {
            "OfxImageEffectPropFrameRange": definition(tuple(map(float, frames))),
            "OfxImageEffectPropFrameStep": definition(float(step)),
            "OfxPropIsInteractive": definition(0),
            "OfxImageEffectPropRenderScale": definition(tuple(map(float, scale))),
            **self._order(),
        }


def live_handles() -> dict[str, int]:
    """Kind of handle -> how many plug-ins could still hold, in this process; empty when nothing was left behind."""
    return native().live_handles()


def take_refusals() -> list[str]:
    """What plug-ins asked for and were refused since the last call, a sentence each."""
    return native().take_refusals()


def _short(names: Iterable[str], prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in names]


def _region(values: Sequence[float]) -> Region:
    x1, y1, x2, y2 = map(float, values)
    return x1, y1, x2, y2


def _ranges(values: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(values[::2], values[1::2], strict=True))

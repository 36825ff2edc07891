"""An effect at work: one method an action, in the words of the OpenFX specification.

Times are frames, regions are canonical (x1, y1, x2, y2), windows count pixels; y is up in both.
"""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from faceplate.ofx_host.clips import OUTPUT, ClipFacts, Preferences, Region, Scale, Window
from faceplate.ofx_host.native import native
from faceplate.ofx_host.preferences import settle
from faceplate.ofx_host.profiles import Definition, definition
from faceplate.ofx_host.status import OK, REPLY_DEFAULT, ActionFailed

if TYPE_CHECKING:
    from faceplate.ofx_host.effect import Effect


class Instance:
    """An effect at work. A context manager: it is destroyed at the end."""

    def __init__(
        self,
        effect: "Effect",
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


def _region(values: Sequence[float]) -> Region:
    x1, y1, x2, y2 = map(float, values)
    return x1, y1, x2, y2


def _ranges(values: Sequence[float]) -> list[tuple[float, float]]:
    return list(zip(values[::2], values[1::2], strict=True))

"""Footage through a third-party effect, frame by frame: what happens in the process that may crash."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from time import perf_counter
from typing import Any

from faceplate.farm.chunk import STOPPED, ChunkReport, render_chunk
from faceplate.farm.report import FAILED, FrameRecord
from faceplate.farm.store import publish
from faceplate.io.colourspaces import encoding_for, guess_space
from faceplate.io.conversion import picture_of
from faceplate.io.images import verify_picture, write_picture
from faceplate.io.limits import format_for
from faceplate.io.movie_frame import MovieFrame
from faceplate.io.picture import Picture
from faceplate.io.plates import to_plate, with_result
from faceplate.io.sequence import Footage, FrameFile, open_input
from faceplate.io.target import Target, open_output
from faceplate.ofx_host.clips import ClipFacts
from faceplate.ofx_host.effect import Bundle, Effect
from faceplate.ofx_host.instance import Instance
from faceplate.ofx_host.native import PluginError
from faceplate.ofx_host.plates import image_from, plate_from, premultiplication_of, window_of
from faceplate.ofx_host.profiles import profile_named
from faceplate.ofx_host.rendering import canonical, render_frame
from faceplate.ofx_host.values import values_from
from faceplate.plate import Plate
from faceplate_client.errors import Cancelled, FaceplateError, InputError, RequestError

RENDERED = "rendered"
"""Status of a frame that the effect made; the others are those of report.py."""

PLATES_KEPT = 8
"""Frames around the present one that an effect may look at without reading them again."""

SOURCE = "Source"


@dataclass(frozen=True)
class EffectOrder:
    """What was ordered, in the words of the command line.

    `bundle`: a bundle or an .ofx file. `effect`: an identifier, or its last part. `values`: parameters, as words.
    `context`: Filter or General, None for what the effect has. `numbers`: only these frames of `frames`, None for all.
    """

    bundle: str
    effect: str
    input: str
    output: str
    frames: str | None = None
    skip_missing: bool = False
    overwrite: bool = False
    profile: str = "full"
    context: str | None = None
    colourspace: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    numbers: tuple[int, ...] | None = None

    def as_words(self) -> dict[str, Any]:
        """Plain values, for another process."""
        return asdict(self)

    @classmethod
    def from_words(cls, words: Mapping[str, Any]) -> "EffectOrder":
        """The inverse of `as_words`, also after JSON made lists of tuples."""
        numbers = words.get("numbers")
        return cls(**{**words, "numbers": None if numbers is None else tuple(numbers)})

    def open(self) -> tuple[Footage, Target]:
        """Input and output, checked; nothing is written.

        Raises:
            InputError, RequestError: as for `restore`; a movie as output.
        """
        footage = open_input(self.input, frames=self.frames, skip_missing=self.skip_missing)
        target = open_output(self.output, footage, overwrite=self.overwrite)
        if target.kind == "movie":
            raise RequestError(
                f"-o {self.output} would be a movie, and effects write pictures; give a pattern like out.####.exr"
            )
        if self.numbers is not None:
            chosen = set(self.numbers)
            footage = replace(footage, frames=tuple(f for f in footage.frames if f.number in chosen))
        return footage, target


def render_effect(
    order: EffectOrder,
    *,
    stop: threading.Event,
    on_begin: Callable[[int], None],
    on_frame: Callable[[FrameRecord], None],
    on_abort: Callable[[Callable[[], None]], None],
) -> ChunkReport:
    """Carry out an order in this process.

    Args:
        order: what to do.
        stop: ends the work after the frame in hand.
        on_begin: told of a frame before the effect gets it.
        on_frame: told of every frame as it is done.
        on_abort: given a function that asks the effect to stop at once, for any thread.

    Raises:
        PluginError: the effect cannot be used at all. What `render_chunk` raises.
    """
    footage, target = order.open()
    with Bundle(order.bundle, profile_named(order.profile)) as bundle:
        effect = bundle.effect(order.effect)
        with closing(EffectWork(order, effect, footage, target, on_begin)) as work:
            on_abort(work.abort)
            return render_chunk(work, stop=stop, on_frame=on_frame)


@dataclass(frozen=True)
class Fetched:
    """A frame as it was read."""

    file: FrameFile
    source: Picture | MovieFrame
    plate: Plate
    seconds: float


@dataclass(frozen=True)
class Made:
    """A frame the effect has made."""

    fetched: Fetched
    plate: Plate
    seconds: Mapping[str, float]


class EffectWork:
    """Frames through one instance of an effect, into pictures."""

    goes_on = True

    def __init__(
        self,
        order: EffectOrder,
        effect: Effect,
        footage: Footage,
        target: Target,
        on_begin: Callable[[int], None] = lambda frame: None,
    ) -> None:
        self._order, self._effect, self._target, self._on_begin = order, effect, target, on_begin
        self._files = {file.number: file for file in footage.frames}
        self._plates = _Plates(order, footage)
        self._instance: Instance | None = None
        self._aborted = threading.Event()
        self.frames: Sequence[int] = list(self._files)

    def close(self) -> None:
        """Destroy the instance and let go of the input."""
        if self._instance is not None:
            self._instance.destroy()
        self._plates.close()

    def abort(self) -> None:
        """Ask the effect to stop at once; whatever it gives from now on is nobody's picture."""
        self._aborted.set()
        if self._instance is not None:
            self._instance.abort()

    def fetch(self, frame: int) -> Fetched:
        """Read a frame."""
        start = perf_counter()
        source, plate = self._plates.read(self._files[frame])
        return Fetched(self._files[frame], source, plate, perf_counter() - start)

    def render(self, frame: int, fetched: Fetched) -> Made:
        """Put it through the effect.

        Raises:
            PluginError: the effect failed on it.
            Cancelled: it was aborted, whatever it says itself.
        """
        instance = self._instance or self._begun(fetched)
        self._on_begin(frame)
        start = perf_counter()
        plate = fetched.plate
        rendered = render_frame(
            instance,
            frame,
            window_of(plate, whole=self._whole),
            fetch_identity=lambda _, time: self._image(time),
        )
        if self._aborted.is_set():
            raise Cancelled(STOPPED)
        if rendered.image is None:
            raise PluginError(f"{self._effect.identifier} asks for a frame that is not there as its result")
        made = plate_from(plate, rendered.image)
        return Made(fetched, made, {"read": fetched.seconds, "render": perf_counter() - start})

    def write(self, frame: int, rendered: Made) -> FrameRecord:
        """Publish the picture and read it back."""
        start = perf_counter()
        source, file = rendered.fetched.source, rendered.fetched.file
        path = self._target.path_for(file)
        if isinstance(source, Picture) and source.format == format_for(path):
            picture = with_result(source, rendered.plate, before=rendered.fetched.plate)
        else:
            picture = picture_of(rendered.plate, path)
        publish(path, lambda at: write_picture(at, picture), verify=lambda at: verify_picture(at, picture))
        return FrameRecord(
            frame,
            RENDERED,
            str(file.path),
            str(path),
            seconds={**rendered.seconds, "write": perf_counter() - start},
            models=[f"{self._effect.identifier} {'.'.join(map(str, self._effect.version))}"],
        )

    def failed(self, frame: int, error: InputError) -> FrameRecord:
        """A frame that could not be read, or on which the effect failed."""
        file = self._files[frame]
        told = {"code": error.code, "sentence": str(error)}
        return FrameRecord(frame, FAILED, str(file.path), str(self._target.path_for(file)), error=told)

    @property
    def _whole(self) -> bool:
        assert self._instance is not None
        return not self._instance.supports("OfxImageEffectPropSupportsMultiResolution")

    def _begun(self, first: Fetched) -> Instance:
        """As `_begin`; what goes wrong there would go wrong on every frame, and so ends the work."""
        try:
            return self._begin(first)
        except PluginError as error:
            raise RequestError(str(error), code=error.code) from error

    def _begin(self, first: Fetched) -> Instance:
        """The instance, made when the first frame says what the footage is like."""
        effect, plate = self._effect, first.plate
        context = self._order.context or _context_of(effect)
        display = plate.display_window
        aspect = _pixel_aspect(first.source)
        size = (display.width * aspect, float(display.height))
        instance = effect.create(
            context,
            size=size,
            pixel_aspect=aspect,
            frame_range=self._plates.range,
            frame_rate=self._plates.rate,
            values=values_from(self._order.values, effect.params(context)),
        )
        self._instance = instance
        _check_clips(effect, context)
        facts = ClipFacts(
            region=canonical(window_of(plate, whole=self._whole), pixel_aspect=aspect),
            components="RGB" if plate.alpha is None else "RGBA",
            premultiplication=premultiplication_of(plate),
            pixel_aspect=aspect,
            frame_range=self._plates.range,
            frame_rate=self._plates.rate,
        )
        instance.connect(SOURCE, facts, self._image)
        instance.clip_preferences()
        return instance

    def _image(self, time: float) -> Any:
        """The Source's image at a time; None where there is no such frame."""
        instance = self._instance
        assert instance is not None and instance.preferences is not None
        plate = self._plates.at(time)
        if plate is None:
            return None
        settled = instance.preferences
        opaque = plate.alpha is None
        wanted = instance.profile.premultiplication or premultiplication_of(plate)
        return image_from(
            plate,
            whole=self._whole,
            depth=settled.depths[SOURCE],
            components=settled.components[SOURCE],
            premultiplication=premultiplication_of(plate) if opaque else wanted,
            pixel_aspect=instance.inputs[SOURCE].pixel_aspect,
            identifier=f"{self._order.input}:{time:g}",
        )


class _Plates:
    """The footage's plates by number: read once, the last few kept, from any thread."""

    def __init__(self, order: EffectOrder, chosen: Footage) -> None:
        self._colourspace = order.colourspace
        # Neighbours of a chosen frame may lie outside --frames.
        whole = open_input(order.input, skip_missing=True)
        self._files = {file.number: file for file in whole.frames}
        self._reader = whole.reader()
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, tuple[Picture | MovieFrame, Plate]] = OrderedDict()
        self.range = (float(whole.frames[0].number), float(whole.frames[-1].number))
        self.rate = float(chosen.rate)

    def close(self) -> None:
        self._reader.close()

    def read(self, file: FrameFile) -> tuple[Picture | MovieFrame, Plate]:
        with self._lock:
            if file.number not in self._kept:
                source = self._reader.read(file)
                encoding = encoding_for(self._colourspace or guess_space(source))
                self._kept[file.number] = (source, to_plate(source, file.number, encoding))
            self._kept.move_to_end(file.number)
            while len(self._kept) > PLATES_KEPT:
                self._kept.popitem(last=False)
            return self._kept[file.number]

    def at(self, time: float) -> Plate | None:
        """A plate by its time: between frames the one before; None outside the footage and in its gaps."""
        file = self._files.get(int(time // 1))
        if file is None:
            return None
        try:
            return self.read(file)[1]
        except FaceplateError:
            return None  # a neighbour that cannot be read is one that is not there


def _context_of(effect: Effect) -> str:
    for context in ("Filter", "General"):
        if context in effect.contexts:
            return context
    offered = ", ".join(effect.contexts) or "neither"
    raise PluginError(
        f"{effect.identifier} should be a Filter or General effect, but here is {offered}; "
        "it cannot be used on footage",
        code="ofx.effect",
    )


def _check_clips(effect: Effect, context: str) -> None:
    clips = effect.clips(context)
    needed = [
        name
        for name, facts in clips.items()
        if name not in (SOURCE, "Output") and not facts["OfxImageClipPropOptional"][0]
    ]
    if SOURCE not in clips or needed:
        inputs = ", ".join(needed) or "no input called Source"
        raise PluginError(
            f"{effect.identifier} should need Source alone, but needs {inputs}; it cannot be used on one input",
            code="ofx.effect",
        )


def _pixel_aspect(source: Picture | MovieFrame) -> float:
    told = (
        source.part.spec.get_float_attribute("PixelAspectRatio", 1.0) if isinstance(source, Picture) else 1.0
    )
    return float(told) if told > 0 else 1.0

"""The shot that a restoration is held steady by: the one that was named, or one made for the occasion."""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from faceplate.farm.analysing import AnalyseOrder, analyse_footage
from faceplate.farm.film_plates import FilmParams
from faceplate.farm.interlacing import first_field, interlace_warning
from faceplate.farm.proof import FOLDER
from faceplate.farm.report import FrameRecord
from faceplate.farm.shot_files import forget_identities, read_shot
from faceplate.farm.steadying import Steadying
from faceplate.io.sequence import Footage, open_input
from faceplate.io.target import Target
from faceplate.model_choice import ModelChoice
from faceplate.parameters import operation
from faceplate.plate import Fields
from faceplate.stabilise.pipeline import SteadyParams
from faceplate.stages.shot import Shot
from faceplate.stages.shot_text import shot_as_text
from faceplate_client.errors import InputError


class ShotOrder(Protocol):
    """What is asked of an order to restore."""

    @property
    def input(self) -> str: ...
    @property
    def colourspace(self) -> str | None: ...
    @property
    def device(self) -> str: ...
    @property
    def models(self) -> ModelChoice: ...
    @property
    def shot(self) -> Path | None: ...
    @property
    def steady(self) -> Mapping[str, Any]: ...
    @property
    def film(self) -> Mapping[str, Any]: ...


def known_shot(order: ShotOrder, target: Target, smallest: float, whole: Footage) -> Shot | None:
    """The shot that was made of an input before, though nobody named it, if it is still true."""
    return _still_true(_hidden(target, _question(order, smallest)), whole)


def steadying_for(
    order: ShotOrder,
    target: Target,
    smallest: float,
    *,
    agree: float | None = None,
    stop: threading.Event,
    on_start: Callable[[int], None],
    on_frame: Callable[[FrameRecord], None],
    on_warning: Callable[[str], None],
) -> Steadying:
    """The shot of an order's input, and how it is to be used. Analyses the input where there is no shot yet.

    A shot always covers the whole input, whatever part of it is rendered: so that every part comes out as the whole.

    Args:
        order: `shot` names the file; without one it lies hidden among the output's proofs, without identities.
        target: where the output goes.
        smallest: height of the lowest face to follow, pixels.
        agree: how far neighbouring plates agree, where that was looked at; the shot keeps it.
        stop, on_start, on_frame: as `analyse_footage`.
        on_warning: told what the artist should know before the render, a sentence each.

    Raises:
        RangeError: a parameter out of its range.
        RequestError, InputError, ModelError, OutputError, Cancelled: as `analyse_footage` and `read_shot`.
    """
    values = operation("steady").checked(order.steady)
    params = SteadyParams(strength=values["steady"], radius=values["radius"])
    film = FilmParams(**operation("film").checked(order.film))
    whole = open_input(order.input, skip_missing=True)
    marked: Fields = whole.movie.fields if whole.movie else ""
    path = order.shot or _hidden(target, _question(order, smallest))
    if order.shot is not None and path.exists():
        shot = read_shot(path)
    elif (known := _still_true(path, whole)) is not None:
        shot = known
    else:
        looking = AnalyseOrder(
            input=order.input,
            output=path,
            skip_missing=True,
            colourspace=order.colourspace,
            smallest=smallest,
            resume=True,
            overwrite=True,
            device=order.device,
            models=order.models,
            agree=agree,
            landmarks=order.shot is not None,  # a shot that nobody reads holds what restoring needs
        )
        shot = analyse_footage(looking, stop=stop, on_start=on_start, on_frame=on_frame).shot
        if order.shot is None:
            forget_identities(path, keep=())
    warning = interlace_warning(film.deinterlace, shot.fields, marked)
    if warning:
        on_warning(warning)
    film = replace(film, deinterlace=first_field(film.deinterlace, shot.fields, marked))
    digest = hashlib.sha256(shot_as_text(shot).encode()).hexdigest()
    files = {file.number: file for file in whole.frames}
    return Steadying(shot, params, film, digest, files, values["flow"], by_size=order.shot is None)


def _question(order: ShotOrder, smallest: float) -> str:
    """What a shot is the answer to."""
    return " ".join([order.input, str(order.colourspace), str(smallest), *order.models.names])


def _hidden(target: Target, question: str) -> Path:
    """Where a shot lies that nobody named; another question about the plates is another shot."""
    asked = hashlib.sha256(question.encode()).hexdigest()[:8]
    return target.folder / FOLDER / f"shot-{asked}.json"


def _still_true(path: Path, whole: Footage) -> Shot | None:
    """A shot made earlier for the same frames, none changed since; each is checked again as it is read."""
    try:
        made = path.stat().st_mtime_ns
        if any(file.path.stat().st_mtime_ns > made for file in whole.frames):
            return None
        shot = read_shot(path)
    except (OSError, InputError):
        return None
    return shot if set(shot.plates) == {file.number for file in whole.frames} else None

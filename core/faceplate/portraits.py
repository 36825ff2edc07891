"""Photos of faces made ready for a head: read upright, one face chosen in each, its 68 points found or given."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Points
from faceplate.faces import Face
from faceplate.io.colourspaces import encoding_for, guess_space
from faceplate.io.images import read_picture
from faceplate.io.picture import Picture
from faceplate.io.plates import to_plate
from faceplate.model_choice import PLAIN_CHOICE, ModelChoice, choose_models
from faceplate.plate import Plate
from faceplate.reconstruct.camera import FULL_FRAME_WIDTH, Camera
from faceplate.reconstruct.initial import Guess, guess_head
from faceplate.reconstruct.layers import Regions
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.pipeline import Still, expect_no_profile, see_regions
from faceplate.reconstruct.points_file import read_points
from faceplate.registry.catalogue import has_model
from faceplate.restore.likeness import Identity, identity_on, similarity
from faceplate.runtime.net import Net
from faceplate.runtime.pool import open_net
from faceplate.stages.detect import detect_faces
from faceplate.stages.landmarks import Landmarks, find_landmarks, five_of
from faceplate.stages.view import view_plate
from faceplate_client.errors import InputError, ModelError, RequestError

SAME_PERSON = 0.25
"""Cosine of two identities below which photos are said to be of different people. On 288 photos of LFW our net refuses
95 % of the pairs of strangers so, and 5 % of 312 pairs of one person, for whom there is `--force`."""

BESIDE = 1 / 3
"""Of the largest face's height, below which another face is somebody in the background and nobody asks about it."""

SMALL = 64.0
"""Pixels, the height of a face below which a head is said to be uncertain."""

LENS = 50.0
"""mm, full-frame equivalent, when neither the file nor anybody says."""

LOST = 0.6
"""Share of a face that may be covered, as the parsing net says, before the net is not believed."""

BARE = 0.05
"""Share of a face that something may cover before the artist is told."""

GUESSED = "faceplate-head@0."
"""What the ids of the heads begin with whose coefficients the nets of task head.guess tell."""

_GREY = 0.01  # how far apart a colour picture's channels are at least, on average


@dataclass(frozen=True)
class PortraitNets:
    """The nets that look at portraits; those that are not here, or not needed, are None."""

    detect: Net | None = None
    landmarks: Net | None = None
    identity: Net | None = None
    quality: Net | None = None
    guess: Net | None = None
    parse: Net | None = None


@dataclass(frozen=True)
class Portrait:
    """A photo with one face in it.

    `still`: for the fit. `identity`: who it looks like, None without a net. `lens`: mm full-frame equivalent as the
    file or somebody told it, None where it is a guess. `height`: of the face, pixels. `notes`: for the artist.
    """

    still: Still
    identity: Identity | None
    lens: float | None
    height: float
    notes: list[str] = field(default_factory=list)


def open_portrait_nets(
    device: str = "auto",
    choice: ModelChoice = PLAIN_CHOICE,
    *,
    find: bool,
    compare: bool,
    rank: bool = False,
    guess: bool = True,
) -> PortraitNets:
    """Open the nets that portraits need; one that says what covers a face always, where there is one.

    Args:
        device: "auto", "cpu", "cuda" or "openvino".
        choice: models asked for by name, and the policy.
        find: whether faces and their points have to be found; not where files give them.
        compare: whether it is to be asked if photos show one person.
        rank: whether the best of many are to be chosen.
        guess: whether a net may say what it sees of the head, where there is one and points have to be found.

    Raises:
        ModelError: points have to be found and no model here finds them; whatever else `choose_models` raises.
    """
    needs = ("face.detect", "face.landmarks") if find else ()
    if find and not has_model("face.landmarks", policy=choice.policy):
        raise ModelError(
            "No model here finds the 68 points of a face (face.landmarks). Install the model pack, or give the "
            "points of each photo with --points FILE.",
            code="model.missing",
        )
    asked = {"face.identity": compare, "face.quality": rank, "head.guess": guess and find}
    wants = [*(task for task, wanted in asked.items() if wanted), "face.parse"]
    every = ("face.detect", "face.landmarks", "face.identity", "face.quality", "head.guess", "face.parse")
    used = choose_models(choice, needs=needs, wants=wants, knows=every)
    nets = {task: open_net(manifest, device=device, policy=choice.policy) for task, manifest in used.items()}
    return PortraitNets(*(nets.get(task) for task in every))


def read_portrait(
    path: Path,
    nets: PortraitNets,
    head: HeadModel | None = None,
    *,
    points: Path | None = None,
    face: int | None = None,
    lens: float | None = None,
    colourspace: str | None = None,
) -> Portrait:
    """Read a photo and find the one face that is meant.

    Args:
        path: a picture; EXIF's orientation is obeyed.
        nets: open.
        head: the model that is to be fitted, for the net that says what it sees of the head; None asks no net.
        points: a file of the 68 points (`reconstruct.points_file`), which no net then looks for.
        face: which face, 1 is the largest; None where there is but one.
        lens: mm, full-frame equivalent; None reads it from the file, or takes 50.
        colourspace: of the picture, None for what the file says.

    Raises:
        InputError: the picture cannot be read; no face in it. RequestError: several faces and none chosen, or no such
        face. RangeError: a profile.
    """
    picture = read_picture(path)
    plate = to_plate(picture, 1, encoding_for(colourspace or guess_space(picture)))
    told = lens or _lens_of(picture)
    trust, spread, guess = None, 0.0, None
    if points is not None:
        found = read_points(points)
        _expect_inside(found, plate, points, path)
        box = (*found.min(0).tolist(), *found.max(0).tolist())
        chosen = Face(box, five_of(found))
    else:
        if nets.detect is None or nets.landmarks is None:
            raise ModelError("no net looks for faces here; give points", code="model.missing")
        chosen = choose_face(detect_faces(plate, nets.detect), path, face)
        seen = find_landmarks(plate, chosen, nets.landmarks)
        expect_no_profile(str(path), seen.yaw)
        found, trust, spread = seen.points, seen.trust, float(np.median(seen.spread))
        guess = guess_of(plate, chosen, seen, nets, head)
    identity = None if nets.identity is None else identity_on(plate, chosen, nets.identity)
    still = still_of(str(path), plate, found, told or LENS, trust, spread, guess, nets.parse)
    notes = _notes(path, picture, still, chosen.height)
    return Portrait(still, identity, told, chosen.height, notes)


def guess_of(
    plate: Plate, face: Face, seen: Landmarks, nets: PortraitNets, head: HeadModel | None
) -> Guess | None:
    """What the net says of a face whose points were found; None without a net, and of heads that it does not know."""
    if nets.guess is None or head is None or not head.id.startswith(GUESSED):
        return None
    return guess_head(plate, face, seen, nets.guess, head)


def choose_face(faces: Sequence[Face], path: Path, number: int | None) -> Face:
    """The face that is meant, of those found, largest first.

    Raises:
        InputError: none was found. RequestError: several, and nobody said which; or not as many as said.
    """
    if not faces:
        raise InputError(
            f"No face was found in {path}. Give a photo in which one is at least 24 pixels high, sharp and not "
            "covered, or its points with --points FILE.",
            code="input.face",
        )
    if number is not None:
        if not 1 <= number <= len(faces):
            raise RequestError(
                f"--face {number} was asked for, and {path} has {len(faces)}; 1 is the largest.",
                code="request.face",
            )
        return faces[number - 1]
    near = [face for face in faces if face.height >= BESIDE * faces[0].height]
    if len(near) > 1:
        listed = ", ".join(
            f"{k} at x {sum(face.box[::2]) / 2:.0f}, y {sum(face.box[1::2]) / 2:.0f} ({face.height:.0f} px high)"
            for k, face in enumerate(near, 1)
        )
        raise RequestError(
            f"There are {len(near)} faces in {path}: {listed}. Say which is meant with --face N.",
            code="request.face",
        )
    return near[0]


def expect_one_person(portraits: Sequence[Portrait]) -> None:
    """Refuse photos of different people, as far as the net can tell.

    Raises:
        RequestError: names the photo that is least like the others.
    """
    known = [(portrait, portrait.identity) for portrait in portraits if portrait.identity is not None]
    if len(known) < 2:
        return
    likest = [
        max(similarity(own, other) for j, (_, other) in enumerate(known) if j != k)
        for k, (_, own) in enumerate(known)
    ]
    least = int(np.argmin(likest))
    if likest[least] < SAME_PERSON:
        raise RequestError(
            f"{known[least][0].still.name} seems to show somebody else than the other photos (likeness "
            f"{likest[least]:.2f}, expected {SAME_PERSON:.2f} or more). Leave it out, or say --force if it is one "
            "person.",
            code="request.person",
        )


def _expect_inside(points: Points, plate: Plate, file: Path, path: Path) -> None:
    window = plate.display_window
    inside = (points > (window.x0, window.y0)) & (points < (window.x1, window.y1))
    if inside.all(1).sum() < 34:
        raise InputError(
            f"Most of the points in {file} lie outside {path}, which is {window.width} x {window.height} pixels; "
            "points are expected in pixels of the upright photo."
        )


def still_of(
    name: str,
    plate: Plate,
    points: Points,
    lens: float,
    trust: NDArray[np.float32] | None,
    spread: float,
    guess: Guess | None = None,
    parse: Net | None = None,
) -> Still:
    """A plate as a fit takes it, over its data window; the lens looks at the middle of the display window.

    Args:
        name: for sentences about it. plate: upright, in its own space.
        points: (68, 2), display window coordinates. lens: mm, full-frame equivalent.
        trust: (68,) 0-1, or None for all 1. spread: pixels, how far points may be off, 0 where nobody said.
        guess: what a net says of the head, or None.
        parse: the net that says what covers the face, or None.
    """
    display, data = plate.display_window, plate.data_window
    shift = np.array([data.x0, data.y0], np.float32)
    centre = ((display.x0 + display.x1) / 2 - data.x0, (display.y0 + display.y1) / 2 - data.y0)
    focal = max(display.width, display.height) * lens / FULL_FRAME_WIDTH
    pixels = view_plate(plate).pixels
    expected = (None, None) if guess is None else (guess.expression, guess.identity)
    placed = points - shift
    regions = None if parse is None else _believed(see_regions(pixels, placed, parse), placed)
    return Still(name, pixels, placed, Camera(focal, centre), trust, spread, *expected, regions)


def _believed(regions: Regions, points: Points) -> Regions | None:
    """What a net sees before a face, unless it sees next to nothing of the face: then it is the net that is lost."""
    return regions if _covered(regions, points) < LOST else None


def _covered(regions: Regions, points: Points) -> float:
    """0-1, how much of a face between its points (68, 2) something covers; 1 where none of it lies in the photo."""
    inside = np.zeros(regions.covered.shape, np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(points.astype(np.float32)).astype(np.int32), (1,))
    covered = regions.covered[inside > 0]
    return float(covered.mean()) if len(covered) else 1.0


def _lens_of(picture: Picture) -> float | None:
    """mm, full-frame equivalent, as a camera wrote it."""
    told = picture.part.attributes().get("Exif:FocalLengthIn35mmFilm")
    try:
        millimetres = float(told)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return millimetres if 8 <= millimetres <= 1200 else None


def _notes(path: Path, picture: Picture, still: Still, height: float) -> list[str]:
    notes = []
    if height < SMALL:
        notes.append(
            f"The face in {path} is only {height:.0f} pixels high, so that the head is uncertain and its texture soft; "
            "give a larger one if there is."
        )
    covered = 0.0 if still.regions is None else _covered(still.regions, still.points)
    if covered > BARE:
        notes.append(
            f"Hair, glasses or something else covers {covered:.0%} of the face in {path}; what is behind it is taken "
            "from the other side of the face or made up. Give a photo that shows it, if there is."
        )
    wide = np.ptp(still.pixels[::4, ::4], axis=2)
    if picture.roles.grey or float(wide.mean()) < _GREY:
        notes.append(f"{path} is grey, and so is the texture made of it.")
    return notes

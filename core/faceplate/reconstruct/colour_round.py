"""What one round of a fit to photos looks up before it moves anything: pictures at its blur, what is visible, the
light, and how much every colour counts.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.colour import linear_from_srgb
from faceplate.reconstruct.albedo import Albedo
from faceplate.reconstruct.camera import project
from faceplate.reconstruct.colour_problem import ColourProblem, patterns
from faceplate.reconstruct.face_photo import BlurredFace, FacePhoto
from faceplate.reconstruct.layers import NAMES, Layer, regions_on, structure_of, structure_on
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.outline import Rim, find_outline, outline_vertices
from faceplate.reconstruct.shade import BLUR, fit_light, harmonics, shading
from faceplate.reconstruct.skin import smoothed
from faceplate.reconstruct.visible import Shown, show

_REACH = 6.0  # mm to either side of an outline in which its edge is looked for
_FEW = 30  # spots seen, below which nothing is said of a photo's light
_GREY = np.array([0.3, 0.5, 0.2])  # of shading: how bright, for weighing


def ready(
    problem: ColourProblem, head: HeadModel, albedo: Albedo, level: float, state: np.ndarray
) -> tuple[ColourProblem, NDArray[np.float64]]:
    """The problem as it is to be solved from this state on at a blur of `level` mm, and the state with its light."""
    problem = pictured(problem, head, albedo, level, state)
    state = lit(problem, state)
    return weighed(layered(problem, head, albedo, level, state), state), state


def pictured(
    problem: ColourProblem, head: HeadModel, albedo: Albedo, level: float, state: np.ndarray
) -> ColourProblem:
    """The same at another blur (mm): pictures, pattern, and what is visible now."""
    works, seen, trust, heads, rims = [], [], [], [], []
    for view, work in enumerate(problem.works):
        shown = _shown(problem, head, state, view)
        spots = shown.at_vertices()[problem.skin.spots]
        places = shown.points[problem.skin.spots]
        spots = spots * _exposed(shown.colours(places[:, 0], places[:, 1])) * _bare(work, places)
        pixel = problem.placed(state, view)[3].focal / float(np.median(places[:, 2]))
        tone = _tone(shown, places, spots)
        seen.append(BlurredFace.of(work.pixels, tone, level * pixel))
        works.append(replace(work, tone=tone))
        trust.append(spots)
        heads.append(np.isfinite(shown.depth).astype(np.float32))
        if problem.params.edge:
            rims.append(_rim(problem, head, state, view, shown, seen[-1], pixel))
    pattern, basis, detail = patterns(head, albedo, problem.skin, level)
    now = replace(problem, works=works, seen=seen, trust=trust, heads=heads, rims=rims)
    return replace(now, pattern=pattern, basis=basis, detail=detail)


def layered(
    problem: ColourProblem, head: HeadModel, albedo: Albedo, level: float, state: np.ndarray
) -> ColourProblem:
    """The same with structure and regions to be met, as far as they are wanted and there."""
    layers = []
    for view, seen in enumerate(problem.seen):
        spots, _, pose, camera = problem.placed(state, view)
        places = project(spots, pose, camera)
        blur = level * camera.focal / float(np.median(places[:, 2]))
        found = {}
        if problem.params.structure:
            grey = smoothed(head, albedo.of(state[problem.shades]), level)
            points = _points(problem, head, state, view)
            grey = (grey * shading(vertex_normals(points, head.quads), problem.light(state, view))) @ _GREY
            wanted = structure_on(head, grey, level)[problem.skin.spots]
            found["structure"] = Layer.of(
                structure_of(seen.colours @ _GREY.astype(np.float32), blur, problem.heads[view]),
                wanted[:, None],
            )
        parsed = problem.works[view].regions
        if problem.params.regions and parsed is not None and set(NAMES) <= set(head.mask_names):
            wanted = regions_on(head, NAMES, level)[problem.skin.spots]
            shown = cv2.GaussianBlur(parsed[..., : len(NAMES)], (0, 0), max(blur, 0.3))
            found["regions"] = Layer.of(np.asarray(shown, np.float32), wanted)
        share = problem.skin.area / problem.params.independent**2
        weight = {"structure": problem.params.structure, "regions": problem.params.regions}
        layers.append(
            {
                name: layer.weighed(
                    places[:, :2], problem.trust[view], problem.params.outlier, weight[name] * share
                )
                for name, layer in found.items()
            }
        )
    return replace(problem, layers=layers)


def _rim(
    problem: ColourProblem,
    head: HeadModel,
    state: np.ndarray,
    view: int,
    shown: Shown,
    seen: BlurredFace,
    pixel: float,
) -> Rim:
    points, (_, _, pose, camera) = _points(problem, head, state, view), problem.placed(state, view)
    found = find_outline(
        head,
        points,
        pose,
        camera,
        shown.depth,
        seen.colours,
        reach=_REACH * pixel,
        allowed=outline_vertices(head),
    )
    moves = np.concatenate([head.identity[: problem.base.people], head.expressions[problem.base.fitted]])
    off = found.off(found.middles(points), pose, camera) / (problem.params.edge * pixel)
    robust = np.minimum(1, problem.params.outlier / np.maximum(np.abs(off), 1e-9))
    long = np.linalg.norm(points[found.ends[:, 0]] - points[found.ends[:, 1]], axis=1)
    say = np.sqrt(found.say * robust * long / problem.params.independent) / (problem.params.edge * pixel)
    return Rim(found, found.middles(head.mean).astype(np.float64), found.middles(moves), say)


def _points(problem: ColourProblem, head: HeadModel, state: np.ndarray, view: int) -> np.ndarray:
    expression = np.zeros(len(head.expressions), np.float32)
    expression[problem.base.fitted] = state[problem.base.place(view)[0]]
    return head.rest(state[: problem.base.people].astype(np.float32), expression)


def _shown(problem: ColourProblem, head: HeadModel, state: np.ndarray, view: int) -> Shown:
    _, _, pose, camera = problem.placed(state, view)
    points, pixels = _points(problem, head, state, view), problem.works[view].pixels
    return show(head, points, pose, camera, pixels, find_person=False)


def lit(problem: ColourProblem, state: np.ndarray) -> np.ndarray:
    """The state with every view's light as its colours ask for it."""
    state = state.copy()
    pattern = problem.pattern_at(state)
    for view, seen in enumerate(problem.seen):
        spots, normals, pose, camera = problem.placed(state, view)
        colours, _ = seen.at(project(spots, pose, camera)[:, :2])
        weights = problem.trust[view] * problem.skin.area / (problem.detail**2 + problem.params.noise**2)
        if (weights > 0).sum() < _FEW:
            state[problem.lamp(view)][:3] = np.sqrt(4 * np.pi)  # nothing to go by: light from all around
            continue
        light = fit_light(colours, pattern, normals, weights, smoothness=1e-3)
        for _ in range(3):  # away from what is no skin
            off = np.abs(colours - pattern * (harmonics(normals) * BLUR @ light)).mean(1)
            sigma = np.sqrt(problem.detail**2 + problem.params.noise**2)
            robust = weights / np.maximum(1, off / (problem.params.outlier * sigma)) ** 2
            light = fit_light(colours, pattern, normals, robust, smoothness=1e-3)
        state[problem.lamp(view)] = light.ravel()
    return state


def weighed(problem: ColourProblem, state: np.ndarray) -> ColourProblem:
    """The same with every colour counting as much as it should from this state on (L1's weights)."""
    slots = 2 * len(problem.works)
    deviation, own = np.zeros((2, len(problem.skin.pairs), slots))
    for view in range(len(problem.works)):
        off, light = problem.off(state, view)
        bright = np.maximum(light @ _GREY, 0.05)
        own_part = problem.detail * bright
        noise = problem.params.noise * (0.3 + 0.7 * bright)
        length = np.sqrt((off**2).mean(1) / (own_part**2 + noise**2)) / problem.params.outlier
        say = problem.trust[view] / np.maximum(length, 1) * (length < 3)
        variance = noise**2 / np.maximum(say, 1e-8)
        for side in (0, 1):
            spot = problem.skin.pairs[:, side]
            deviation[:, 2 * view + side] = variance[spot]
            own[:, 2 * view + side] = own_part[spot]
    middle = problem.skin.pairs[:, 0] == problem.skin.pairs[:, 1]
    deviation[middle, 1::2] = 1e8
    side = np.arange(slots) % 2
    alike = np.where(side[:, None] == side[None], 1.0, problem.params.symmetry)
    covariance = own[:, :, None] * own[:, None] * alike
    covariance[:, np.arange(slots), np.arange(slots)] += np.minimum(deviation, 1e8)
    root = np.linalg.inv(np.linalg.cholesky(covariance))
    share = problem.skin.area[problem.skin.pairs[:, 0]] / problem.params.independent**2 / 3
    return replace(problem, whiten=(root * np.sqrt(share)[:, None, None]).astype(np.float32))


def _bare(work: FacePhoto, places: np.ndarray) -> NDArray[np.float32] | float:
    """(n,) 0-1: 0 where a net saw something before the face at places (n, 2 or more)."""
    if work.regions is None:
        return 1.0
    x, y = (places[:, k].astype(np.float32)[None] - np.float32(0.5) for k in range(2))
    covered = cv2.remap(work.regions[..., 2], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(1 - covered[0], 0, 1).astype(np.float32)


def _exposed(colours: np.ndarray) -> np.ndarray:
    """(n,) 0-1: 0 where a photo is burnt out or black, and says nothing of light."""
    return np.clip((0.99 - colours.max(1)) / 0.04, 0, 1) * np.clip((colours.max(1) - 0.02) / 0.03, 0, 1)


def _tone(shown: Shown, places: np.ndarray, trust: np.ndarray) -> NDArray[np.float64]:
    """(3,) scene-linear, the middle of what a photo shows of the skin."""
    seen = trust > 0.3 if (trust > 0.3).sum() > 20 else trust >= 0
    colours = linear_from_srgb(shown.colours(places[seen, 0], places[seen, 1]))
    return np.maximum(np.median(colours, axis=0), 1e-3).astype(np.float64)

"""From photos of one person to a head: points, pose and identity by the fit, colours by the bake."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, Points
from faceplate.errors import RangeError
from faceplate.faces import template_points
from faceplate.geometry import fit_similarity, inverse, scaling, warp
from faceplate.reconstruct.albedo import Albedo
from faceplate.reconstruct.camera import Camera, HeadPose
from faceplate.reconstruct.covering import bare, only_skin
from faceplate.reconstruct.delight import excess_light
from faceplate.reconstruct.expectation import Expectation, pooled
from faceplate.reconstruct.fit import fit_points
from faceplate.reconstruct.folds import unfolded
from faceplate.reconstruct.head_fit import Fit, FitParams, View
from faceplate.reconstruct.layers import Regions
from faceplate.reconstruct.morphable import HeadModel, rotation
from faceplate.reconstruct.photometric import Refined, refine
from faceplate.reconstruct.relief import Relief, read_relief
from faceplate.reconstruct.texture import Sources, Texture, has_skin, painted_tiles
from faceplate.reconstruct.visible import Shown, show
from faceplate.runtime.net import Net
from faceplate.stages.landmarks import five_of
from faceplate.stages.parse import CELLS, SIDE, parse_crop

PROFILE = np.radians(75)
"""A head turned farther than this shows too little of a face."""

_TURNED = 0.25  # radians, from which the jaw's far side is an outline and no longer the same spots of skin
_PICKED = 1.0  # pixels: nobody and no net places a point better than to about one
_CALM = 0.2
"""Spread of an expression's weight. 0.3 explains the width of calm faces by puffed cheeks (30 London portraits: weights
sum to 6.0, here to 4.0); less explains laughing by identity (10 renders with four strong expressions each: neutral
faces off by 1.96 mm at 0.3, 2.13 here, 2.61 at 0.12; calm ones 2.4 throughout)."""

UNKNOWN_LENS = 0.5
"""Standard deviation of the logarithm of a focal length that nobody told: for `ReconstructParams.focal_spread`."""

_LENSES = 0.4  # the same of several photos' lenses about each other, where nobody told them
_STANDS = 0.6
"""Standard deviation of the logarithm of how far a head stands from the lens: 0.5-1.6 m two times in three. Photos are
cropped, and then their size says nothing of the lens; where people stand is not changed by that."""

_DOUBT = 1.5
"""How many times farther off a refined head is than its fit can tell, from one photo; from several, more by the cube
root of their number, since what the fit has wrong about light, skin and size it has wrong in all of them."""

_SURE = 0.006  # nor better than this share of the face's size
_GIVEN = 0.008
"""The same where nobody says how sure: points that people place are not quite those that a model means. On five London
portraits with given points the coefficients' squares, of which the model expects at most 99, came to 87-180 with 0.006
and to 50-105 with this."""


@dataclass(frozen=True)
class Still:
    """One photo.

    `name`: for sentences about it. `pixels`: (H, W, 3) float32, display-encoded sRGB, 0-1. `points`: (68, 2) pixels of
    it. `camera`: of it. `trust`: (68,) 0-1, or None for all 1. `spread`: pixels, how far points may be off, 0 where
    nobody said. `expected`: of the (E,) expressions, and `expected_identity`: of up to K identity components, what is
    known from this photo before its points are seen, by a net say; or None. `regions`: where a net sees lips, brows and
    what covers the face (`see_regions`), or None.
    """

    name: str
    pixels: Image = field(repr=False)
    points: Points = field(repr=False)
    camera: Camera
    trust: NDArray[np.float32] | None = field(default=None, repr=False)
    spread: float = 0.0
    expected: Expectation | None = field(default=None, repr=False)
    expected_identity: Expectation | None = field(default=None, repr=False)
    regions: Regions | None = field(default=None, repr=False)

    @property
    def eyes_apart(self) -> float:
        """Pixels between the outer corners of the eyes."""
        return float(np.linalg.norm(self.points[36] - self.points[45]))

    @property
    def noise(self) -> float:
        """How far points may be off, as a share of the face's size in the picture."""
        return noise_of_points(self.points, self.spread)


@dataclass(frozen=True)
class ReconstructParams:
    """What is wanted.

    `texture`: texels of a side, 0 for none. `focal_spread`: as `FitParams`, 0 where the lens is known, `UNKNOWN_LENS`
    where it is not. `same_lens`: whether one that is not known took all photos, as in a clip. `albedo`: how
    skin is coloured on this head, by which the fit is refined; None stays with what points say. `shared`: 0-1, how much
    of the errors of several photos' `expected_identity` is the same in all of them, as `expectation.pooled`.
    """

    texture: int = 4096
    focal_spread: float = 0.0
    albedo: Albedo | None = None
    shared: float = 1.0
    same_lens: bool = False


@dataclass(frozen=True)
class Reconstructed:
    """A head.

    `neutral`: (V, 3) mm, its identity without expression. `spread`: (V,) mm, the standard deviation of that. `fit`:
    with each photo's expression, pose and camera. `texture`: or None. `refined`: the albedo and light that the fit was
    refined by, and what each round did; None where points alone were fitted. `relief`: what the texture shows finely,
    None without one.
    """

    neutral: NDArray[np.float32]
    spread: NDArray[np.float32]
    fit: Fit
    texture: Texture | None
    refined: Refined | None = None
    relief: Relief | None = None


def reconstruct_stills(
    head: HeadModel,
    stills: Sequence[Still],
    params: ReconstructParams | None = None,
    *,
    on_stage: Callable[[str], object] = lambda _: None,
    on_tile: Callable[[int, Texture, Relief | None], object] | None = None,
) -> Reconstructed:
    """Fit a head to photos of one person and bake their colours.

    Args:
        head: a model with the landmark set `68`.
        stills: at least one, of one person; expressions may differ.
        params: see `ReconstructParams`.
        on_stage: told in a word what begins: fit, bake. It may raise to stop the work.
        on_tile: None for a texture of one tile. Else UDIM's tiles are baked one by one, each of `params.texture`, and
            given to it: number, texture, and relief where there is skin. None is kept, so that seven take the memory of
            one; the result has no texture then.

    Raises:
        RangeError: a profile; points that are no face's; what `fit_points` and `bake_texture` raise.
    """
    params = params or ReconstructParams()
    on_stage("fit")
    fit, views, settings = _fitted(head, stills, params)
    for still, pose in zip(stills, fit.poses, strict=True):
        expect_no_profile(still.name, yaw_of(pose))
    refined, texture, relief = None, None, None
    if params.albedo is not None:
        photos, regions = [still.pixels for still in stills], [still.regions for still in stills]
        refined = refine(head, params.albedo, views, photos, fit, settings, regions=regions)
        fit = refined.fit
    neutral = head.rest(fit.identity)
    if params.texture:
        on_stage("bake")
        points = [head.rest(fit.identity, expression) for expression in fit.expressions]
        seen = [
            show(head, where, pose, camera, still.pixels)
            for still, where, pose, camera in zip(stills, points, fit.poses, fit.cameras, strict=True)
        ]
        seen = [
            photo if still.regions is None else photo.uncovered(still.regions.covered)
            for photo, still in zip(seen, stills, strict=True)
        ]
        seen = [
            replace(photo, facing=photo.facing * unfolded(head, where))
            for photo, where in zip(seen, points, strict=True)
        ]
        sources = _sources(head, seen, points, refined, params)
        if on_tile is None:
            texture = sources.baked(params.texture)
            relief = read_relief(head, neutral, texture)
        else:
            for tile in painted_tiles(head):
                part = sources.baked(params.texture, tile)
                bumps = read_relief(head, neutral, part, tile) if has_skin(head, tile) else None
                on_tile(tile.number, part, bumps)
    spread = fit.spread(head) * (1.0 if refined is None else _DOUBT * len(stills) ** (1 / 3))
    return Reconstructed(neutral, spread, fit, texture, refined, relief)


def _sources(
    head: HeadModel,
    seen: Sequence[Shown],
    points: Sequence[np.ndarray],
    refined: Refined | None,
    params: ReconstructParams,
) -> Sources:
    """What the texture is mixed from; without light, hair and clothes where albedo and light are known."""
    if refined is None or params.albedo is None:
        return Sources.of(head, seen)
    excess = excess_light(head, seen, points, refined.lights)
    pattern = bare(head, params.albedo.of(refined.albedo))
    skin = [only_skin(head, photo, pattern, light) for photo, light in zip(seen, excess, strict=True)]
    return Sources.of(head, skin, excess=excess, pattern=pattern)


def see_regions(pixels: Image, points: Points, net: Net) -> Regions:
    """Where a photo shows lips and brows, and what covers the face.

    Args:
        pixels: (H, W, 3) display-encoded sRGB, 0-1. points: (68, 2) pixels of it. net: of task face.parse.

    Raises:
        RangeError: points that lie in one spot. ShapeError: as `stages.parse.parse_crop`.
    """
    crop_from_photo = fit_similarity(five_of(points), template_points("ffhq_512", SIDE))
    crop = np.clip(warp(pixels, crop_from_photo, (SIDE, SIDE)), 0, 1)
    parsed = parse_crop(crop, net)
    seen = np.stack(
        [parsed.likely("lips"), parsed.likely("brows"), parsed.likely("hair", "glasses", "occluder")], -1
    )
    photo_from_cells = inverse(crop_from_photo) @ scaling(SIDE / CELLS)
    size = (pixels.shape[1], pixels.shape[0])
    lips, brows, covered = np.moveaxis(
        warp(seen, photo_from_cells, size, border="zero", kernel="linear").clip(0, 1), -1, 0
    )
    return Regions(lips, brows, covered)


def noise_of_points(points: Points, spread: float) -> float:
    """How far points (68, 2) may be off, as a share of the face's size in the picture.

    Args:
        spread: pixels, how far they may be off as whoever found them says; 0 where nobody said.
    """
    size = max(float(np.linalg.norm(np.ptp(points, axis=0))), 1.0)
    least = _SURE if spread > 0 else _GIVEN
    return float(np.clip(max(least, _PICKED / size, spread / size), least, 0.5))


def yaw_of(pose: HeadPose) -> float:
    """Radians to a side; above 0 the nose points to the right of the picture."""
    forward = rotation(pose.turn)[:, 2]
    return float(np.arctan2(forward[0], forward[2]))


def expect_no_profile(name: str, yaw: float) -> None:
    """Refuse a head that is turned too far.

    Raises:
        RangeError: says how far it is turned.
    """
    if abs(yaw) > PROFILE:
        raise RangeError(
            f"The face in {name} is turned {np.degrees(abs(yaw)):.0f} degrees to the side, and half of it cannot be "
            f"seen; give a photo turned at most {np.degrees(PROFILE):.0f} degrees."
        )


def _fitted(
    head: HeadModel, stills: Sequence[Still], params: ReconstructParams
) -> tuple[Fit, list[View], FitParams]:
    """The fit to points, and where a head is turned the fit again, with less belief in the outline that its jaw has
    become; with it the views and parameters that gave it.
    """
    noise = float(np.median([still.noise for still in stills]))
    told = [still.expected_identity for still in stills if still.expected_identity is not None]
    settings = FitParams(
        noise=noise,
        focal_spread=params.focal_spread,
        lens_spread=0.0 if params.same_lens or not params.focal_spread else _LENSES,
        distance_spread=_STANDS if params.focal_spread else 0.0,
        expression_spread=_CALM,
        expected=pooled(told, params.shared) if told else None,
    )
    views = [View(still.points, still.camera, still.trust, still.expected) for still in stills]
    fit = fit_points(head, views, settings)
    turned = [yaw_of(pose) for pose in fit.poses]
    if max(map(abs, turned)) < _TURNED:
        return fit, views, settings
    views = [
        less_jaw(view, yaw, 0.1) if abs(yaw) >= _TURNED else view
        for view, yaw in zip(views, turned, strict=True)
    ]
    return fit_points(head, views, settings), views, settings


def less_jaw(view: View, yaw: float, share: float) -> View:
    """The view with a share (0-1) of the trust in the jaw's far side, where the head is turned by `yaw` radians."""
    trust = np.ones(68, np.float32) if view.trust is None else view.trust.astype(np.float32)
    # a nose that points to the right of the picture hides the jaw at the right of it: points 9-16
    trust[9:17] *= share if yaw > 0 else 1.0
    trust[0:8] *= share if yaw < 0 else 1.0
    return replace(view, trust=trust)

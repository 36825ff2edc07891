"""From points to a head, second stage: the same head, moved until it also explains the colours of the photos.

Spots of skin (`skin.py`) are looked up where the head puts them in every photo, and compared with what an albedo of
known statistics would show there under nine harmonics of light. All is solved at once, coarse to fine: identity,
expressions, poses and lens as in the fit to points, which goes on to hold, and beside them albedo and light.

What a person's skin has of its own, the statistics do not know. It is the same in all photos though, and half of it the
same on both sides of the face; so it is taken for noise that views and sides have in common. Where one photo is matched
with statistics alone, several are matched with one another, and sharply.

After: Blanz and Vetter, "A Morphable Model for the Synthesis of 3D Faces", SIGGRAPH 1999; Gauss-Newton on a sparse set
of places as in Booth et al., "3D Face Morphable Models 'In-the-Wild'", CVPR 2017; harmonics after `shade.py`. A skin's
own colours are marginalised as a Gaussian, what fits badly is reweighted (Huber).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image
from faceplate.colour import linear_from_srgb
from faceplate.reconstruct.albedo import Albedo
from faceplate.reconstruct.camera import Camera, HeadPose, project, projection_derivatives
from faceplate.reconstruct.face_photo import BlurredFace, FacePhoto
from faceplate.reconstruct.fit import Fit, FitParams, PointsProblem, View, descend
from faceplate.reconstruct.layers import NAMES, Layer, Regions, regions_on, structure_of, structure_on
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.outline import Rim, find_outline, outline_vertices
from faceplate.reconstruct.shade import BLUR, fit_light, harmonic_slopes, harmonics, shading
from faceplate.reconstruct.skin import Skin, skin_of, smoothed
from faceplate.reconstruct.visible import Shown, show

_REACH = 6.0  # mm to either side of an outline in which its edge is looked for
_FEW = 30  # spots seen, below which nothing is said of a photo's light
_GREY = np.array([0.3, 0.5, 0.2])  # of shading: how bright, for weighing


@dataclass(frozen=True)
class PhotometricParams:
    """What is believed of colours before they are seen.

    Attributes:
        levels: mm, how far pictures are blurred in each round, coarse to fine.
        steps: at most so many steps of Levenberg-Marquardt a round.
        noise: how far a colour may be off that skin, albedo and light do not explain; 1 is the face's own tone.
        symmetry: 0-1, how much of a skin's own pattern is the same on both sides.
        independent: mm, how far apart colours tell different things.
        outlier: standard deviations from which a colour counts as L1 does; three times that and it counts nothing.
        light: standard deviation of the light's harmonics beyond the constant; uniform light of the face's own
            brightness has a constant of 3.5.
        edge: mm, how far an outline may be off its edge; 0 looks for none.
        structure: how much the photo's structure counts (`layers`), 1 as much as its own misfit says; 0 leaves it out.
        regions: the same for lips and brows, where a net saw them.
    """

    levels: tuple[float, ...] = (3.0, 2.0, 1.3, 1.0)
    steps: int = 4
    noise: float = 0.05
    symmetry: float = 0.5
    independent: float = 12.0
    outlier: float = 1.5
    light: float = 3.0
    edge: float = 1.0
    structure: float = 0.0
    regions: float = 0.0


@dataclass(frozen=True)
class PhotoRound:
    """One round: its blur in mm, every term's share of the cost at its start and end, and the steps it took."""

    level: float
    before: dict[str, float]
    after: dict[str, float]
    steps: int


@dataclass(frozen=True)
class Refined:
    """A fit that explains colours too.

    `fit`: as `fit_points` gives it, with the rounds that it took there. `albedo`: (K,) coefficients. `lights`: for
    each view (9, 3), in the head's own axes, scene-linear, such that pattern times shading is the photo's colour.
    `rounds`: what each did. `settled`: whether the last round moved nothing more.
    """

    fit: Fit
    albedo: NDArray[np.float32]
    lights: list[NDArray[np.float64]]
    rounds: list[PhotoRound] = field(default_factory=list)
    settled: bool = True


def refine(
    head: HeadModel,
    albedo: Albedo,
    views: Sequence[View],
    photos: Sequence[Image],
    fit: Fit,
    points: FitParams,
    params: PhotometricParams | None = None,
    regions: Sequence[Regions | None] | None = None,
) -> Refined:
    """Move a head that was fitted to points until it explains the photos.

    Args:
        head, albedo: the models.
        views: as they were given to `fit_points`. photos: (H, W, 3) float32 of each, display-encoded sRGB, 0-1.
        fit: what `fit_points` made of the views. points: with which parameters.
        params: see `PhotometricParams`.
        regions: of each photo, None where no net looked.

    Raises:
        ShapeError, RangeError: what `fit_points` and `visible.show` raise.
    """
    params = params or PhotometricParams()
    regions = regions or [None] * len(views)
    works = [FacePhoto.of(*each) for each in zip(views, photos, regions, strict=True)]
    base = PointsProblem.of(head, [work.view for work in works], points)
    skin = skin_of(head, albedo)
    problem = ColourProblem.of(head, albedo, base, skin, works, params)
    state = problem.start(fit)
    rounds, settled, damping = [], False, 1e-3
    for level in params.levels:
        problem = problem.at(head, albedo, level, state)
        state = problem.lit(state)
        problem = problem.layered(head, albedo, level, state).weighed(state).sized(state)
        descent = descend(problem, state, rounds=params.steps, damping=damping, enough=1e-3)
        state, damping = descent.state, max(descent.damping, 1e-6)
        rounds.append(PhotoRound(level, descent.log[0][0], descent.log[-1][0], len(descent.log) - 1))
        settled = descent.settled
    found = problem.refined(state, views, rounds, settled)
    return replace(found, fit=replace(found.fit, rounds=fit.rounds))


@dataclass(frozen=True)
class ColourProblem:
    """Points, colours and coefficients together, for `descend`.

    The unknowns are those of `PointsProblem`, then the albedo's coefficients, then (9, 3) harmonics for every view.
    """

    base: PointsProblem
    skin: Skin
    works: Sequence[FacePhoto]
    params: PhotometricParams
    triangles: NDArray[np.int32]
    mean: NDArray[np.float64]
    moves: NDArray[np.float32]
    turns: NDArray[np.float32]
    pattern: NDArray[np.float64]
    basis: NDArray[np.float64]
    detail: NDArray[np.float64]
    seen: Sequence[BlurredFace] = ()
    trust: Sequence[np.ndarray] = ()
    heads: Sequence[np.ndarray] = ()
    rims: Sequence["Rim"] = ()
    layers: Sequence[dict[str, Layer]] = ()
    whiten: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0, 0), np.float32))

    @classmethod
    def of(
        cls,
        head: HeadModel,
        albedo: Albedo,
        base: PointsProblem,
        skin: Skin,
        works: Sequence[FacePhoto],
        params: PhotometricParams,
    ) -> "ColourProblem":
        moves = np.concatenate([head.identity[: base.people], head.expressions[base.fitted]])[:, skin.around]
        mean = head.mean[skin.around].astype(np.float64)
        turns = skin.normal_moves(mean, moves)
        return cls(
            base, skin, works, params, head.triangles, mean, moves, turns, *_patterns(head, albedo, skin, 0.0)
        )

    # ------------------------------------------------------------ the vector and its parts

    @property
    def size(self) -> int:
        return self.base.size + len(self.basis) + 27 * len(self.works)

    @property
    def shades(self) -> slice:
        """Where the albedo's coefficients are."""
        return slice(self.base.size, self.base.size + len(self.basis))

    def lamp(self, view: int) -> slice:
        """Where a view's light is."""
        at = self.base.size + len(self.basis) + 27 * view
        return slice(at, at + 27)

    def start(self, fit: Fit) -> np.ndarray:
        """What the points said; mean albedo, and no light yet."""
        state = np.zeros(self.size)
        state[: self.base.people] = fit.identity[: self.base.people]
        for view, (weights, pose) in enumerate(zip(fit.expressions, fit.poses, strict=True)):
            expression, turn, move = self.base.place(view)
            state[expression], state[turn], state[move] = weights[self.base.fitted], pose.turn, pose.move
        factors = [
            np.log(camera.focal * work.scale / view.camera.focal)
            for camera, work, view in zip(fit.cameras, self.works, self.base.views, strict=True)
        ]
        # one lens for all, as far as it was; what each view has of its own is the rest
        state[self.base.size - 1] = common = float(np.mean(factors))
        state[self.base.lens(0) : self.base.size - 1] = np.array(factors) - common
        return state

    def placed(self, state: np.ndarray, view: int) -> tuple[np.ndarray, np.ndarray, HeadPose, Camera]:
        """Spots (n, 3) mm on the head, their normals (n, 3), and how a view sees them."""
        expression, turn, move = self.base.place(view)
        weights = np.concatenate([state[: self.base.people], state[expression]]).astype(np.float32)
        around = self.mean + np.tensordot(weights, self.moves, 1)
        pose, camera = HeadPose(state[turn], state[move]), self.base.camera(state, view)
        return around[self.skin.own], self.skin.normals(around), pose, camera

    def within(self, state: np.ndarray) -> np.ndarray:
        state = state.copy()
        state[: self.base.size] = self.base.within(state[: self.base.size])
        return state

    def free(self, state: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        free = self.base.free(state[: self.base.size], gradient[: self.base.size])
        return np.concatenate([free, np.arange(self.base.size, self.size)])

    # ------------------------------------------------------------ a round's pictures, light and weights

    def at(self, head: HeadModel, albedo: Albedo, level: float, state: np.ndarray) -> "ColourProblem":
        """The same at another blur (mm): pictures, pattern, and what is visible now."""
        works, seen, trust, heads, rims = [], [], [], [], []
        for view, work in enumerate(self.works):
            shown = self._shown(head, state, view)
            spots = shown.at_vertices()[self.skin.spots]
            places = shown.points[self.skin.spots]
            spots = spots * _exposed(shown.colours(places[:, 0], places[:, 1])) * _bare(work, places)
            pixel = self.placed(state, view)[3].focal / float(np.median(places[:, 2]))
            tone = _tone(shown, places, spots)
            seen.append(BlurredFace.of(work.pixels, tone, level * pixel))
            works.append(replace(work, tone=tone))
            trust.append(spots)
            heads.append(np.isfinite(shown.depth).astype(np.float32))
            if self.params.edge:
                rims.append(self._rim(head, state, view, shown, seen[-1], pixel))
        pattern, basis, detail = _patterns(head, albedo, self.skin, level)
        now = replace(self, works=works, seen=seen, trust=trust, heads=heads, rims=rims)
        return replace(now, pattern=pattern, basis=basis, detail=detail)

    def layered(self, head: HeadModel, albedo: Albedo, level: float, state: np.ndarray) -> "ColourProblem":
        """The same with structure and regions to be met, as far as they are wanted and there."""
        layers = []
        for view, seen in enumerate(self.seen):
            spots, _, pose, camera = self.placed(state, view)
            places = project(spots, pose, camera)
            blur = level * camera.focal / float(np.median(places[:, 2]))
            found = {}
            if self.params.structure:
                grey = smoothed(head, albedo.of(state[self.shades]), level)
                points = self._points(head, state, view)
                grey = (grey * shading(vertex_normals(points, head.quads), self._light(state, view))) @ _GREY
                wanted = structure_on(head, grey, level)[self.skin.spots]
                found["structure"] = Layer.of(
                    structure_of(seen.colours @ _GREY.astype(np.float32), blur, self.heads[view]),
                    wanted[:, None],
                )
            parsed = self.works[view].regions
            if self.params.regions and parsed is not None and set(NAMES) <= set(head.mask_names):
                wanted = regions_on(head, NAMES, level)[self.skin.spots]
                shown = cv2.GaussianBlur(parsed[..., : len(NAMES)], (0, 0), max(blur, 0.3))
                found["regions"] = Layer.of(np.asarray(shown, np.float32), wanted)
            share = self.skin.area / self.params.independent**2
            weight = {"structure": self.params.structure, "regions": self.params.regions}
            layers.append(
                {
                    name: layer.weighed(
                        places[:, :2], self.trust[view], self.params.outlier, weight[name] * share
                    )
                    for name, layer in found.items()
                }
            )
        return replace(self, layers=layers)

    def _rim(
        self, head: HeadModel, state: np.ndarray, view: int, shown: Shown, seen: BlurredFace, pixel: float
    ) -> "Rim":
        points, (_, _, pose, camera) = self._points(head, state, view), self.placed(state, view)
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
        moves = np.concatenate([head.identity[: self.base.people], head.expressions[self.base.fitted]])
        off = found.off(found.middles(points), pose, camera) / (self.params.edge * pixel)
        robust = np.minimum(1, self.params.outlier / np.maximum(np.abs(off), 1e-9))
        long = np.linalg.norm(points[found.ends[:, 0]] - points[found.ends[:, 1]], axis=1)
        say = np.sqrt(found.say * robust * long / self.params.independent) / (self.params.edge * pixel)
        return Rim(found, found.middles(head.mean).astype(np.float64), found.middles(moves), say)

    def _points(self, head: HeadModel, state: np.ndarray, view: int) -> np.ndarray:
        expression = np.zeros(len(head.expressions), np.float32)
        expression[self.base.fitted] = state[self.base.place(view)[0]]
        return head.rest(state[: self.base.people].astype(np.float32), expression)

    def _shown(self, head: HeadModel, state: np.ndarray, view: int) -> Shown:
        _, _, pose, camera = self.placed(state, view)
        points, pixels = self._points(head, state, view), self.works[view].pixels
        return show(head, points, pose, camera, pixels, find_person=False)

    def lit(self, state: np.ndarray) -> np.ndarray:
        """The state with every view's light as its colours ask for it."""
        state = state.copy()
        pattern = self._pattern(state)
        for view, seen in enumerate(self.seen):
            spots, normals, pose, camera = self.placed(state, view)
            colours, _ = seen.at(project(spots, pose, camera)[:, :2])
            weights = self.trust[view] * self.skin.area / (self.detail**2 + self.params.noise**2)
            if (weights > 0).sum() < _FEW:
                state[self.lamp(view)][:3] = np.sqrt(4 * np.pi)  # nothing to go by: light from all around
                continue
            light = fit_light(colours, pattern, normals, weights, smoothness=1e-3)
            for _ in range(3):  # away from what is no skin
                off = np.abs(colours - pattern * (harmonics(normals) * BLUR @ light)).mean(1)
                sigma = np.sqrt(self.detail**2 + self.params.noise**2)
                robust = weights / np.maximum(1, off / (self.params.outlier * sigma)) ** 2
                light = fit_light(colours, pattern, normals, robust, smoothness=1e-3)
            state[self.lamp(view)] = light.ravel()
        return state

    def weighed(self, state: np.ndarray) -> "ColourProblem":
        """The same with every colour counting as much as it should from this state on (L1's weights)."""
        slots = 2 * len(self.works)
        deviation, own = np.zeros((2, len(self.skin.pairs), slots))
        for view in range(len(self.works)):
            off, light = self._off(state, view)
            bright = np.maximum(light @ _GREY, 0.05)
            own_part = self.detail * bright
            noise = self.params.noise * (0.3 + 0.7 * bright)
            length = np.sqrt((off**2).mean(1) / (own_part**2 + noise**2)) / self.params.outlier
            say = self.trust[view] / np.maximum(length, 1) * (length < 3)
            variance = noise**2 / np.maximum(say, 1e-8)
            for side in (0, 1):
                spot = self.skin.pairs[:, side]
                deviation[:, 2 * view + side] = variance[spot]
                own[:, 2 * view + side] = own_part[spot]
        middle = self.skin.pairs[:, 0] == self.skin.pairs[:, 1]
        deviation[middle, 1::2] = 1e8
        side = np.arange(slots) % 2
        alike = np.where(side[:, None] == side[None], 1.0, self.params.symmetry)
        covariance = own[:, :, None] * own[:, None] * alike
        covariance[:, np.arange(slots), np.arange(slots)] += np.minimum(deviation, 1e8)
        root = np.linalg.inv(np.linalg.cholesky(covariance))
        share = self.skin.area[self.skin.pairs[:, 0]] / self.params.independent**2 / 3
        return replace(self, whiten=(root * np.sqrt(share)[:, None, None]).astype(np.float32))

    def sized(self, state: np.ndarray) -> "ColourProblem":
        """The same, with the coefficients' pull towards a smaller head made up for, see `PointsProblem`."""
        return replace(self, base=self.base.sized(state, self.linearise(state)[1]))

    # ------------------------------------------------------------ what is to be small

    def _light(self, state: np.ndarray, view: int) -> np.ndarray:
        """(9, 3) harmonics."""
        return state[self.lamp(view)].reshape(9, 3)

    def _pattern(self, state: np.ndarray) -> np.ndarray:
        return np.maximum(self.pattern + np.tensordot(state[self.shades], self.basis, 1), 0.01)

    def _off(self, state: np.ndarray, view: int) -> tuple[np.ndarray, np.ndarray]:
        """(n, 3) what a photo shows less what the model shows, and (n, 3) the shading."""
        spots, normals, pose, camera = self.placed(state, view)
        colours, _ = self.seen[view].at(project(spots, pose, camera)[:, :2])
        light = harmonics(normals) * BLUR @ self._light(state, view)
        return colours - self._pattern(state) * light, light

    def _whitened(self, of_views: Sequence[np.ndarray]) -> np.ndarray:
        """(p, slots, ...) residuals or derivatives of all views (n, ...), in standard deviations."""
        slots = np.stack([of_views[k // 2][self.skin.pairs[:, k % 2]] for k in range(2 * len(of_views))], 1)
        flat = slots.reshape(*slots.shape[:2], -1).astype(np.float32)
        return (self.whiten @ flat).reshape(slots.shape)

    def cost(self, state: np.ndarray) -> tuple[dict[str, float], float]:
        terms, _ = self.base.cost(state[: self.base.size])
        off = self._whitened([self._off(state, view)[0] for view in range(len(self.works))])
        terms["colours"] = float((off.astype(np.float64) ** 2).sum())
        rims = [
            rim.say * rim.outline.off(*self._rim_places(state, view)) for view, rim in enumerate(self.rims)
        ]
        terms["edges"] = float(sum((rim**2).sum() for rim in rims))
        for name in ("structure", "regions"):
            terms[name] = sum(self._layer_cost(state, view, name) for view in range(len(self.layers)))
        terms["albedo"] = float((state[self.shades] ** 2).sum())
        terms["light"] = float(
            sum((self._lamp_prior * state[self.lamp(v)] ** 2).sum() for v in range(len(self.works)))
        )
        return terms, sum(terms.values())

    @property
    def _lamp_prior(self) -> np.ndarray:
        return np.repeat([0.0] + [1.0] * 8, 3) / self.params.light**2

    def linearise(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gradient, curvature = np.zeros(self.size), np.zeros((self.size, self.size))
        inner = slice(0, self.base.size)
        gradient[inner], curvature[inner, inner] = self.base.linearise(state[inner])
        off = self._whitened([self._off(state, view)[0] for view in range(len(self.works))])
        jacobian = self._whitened([self._jacobian(state, view) for view in range(len(self.works))])
        flat = jacobian.reshape(-1, self.size)
        gradient += flat.T @ off.ravel()
        curvature += flat.T @ flat
        for view, rim in enumerate(self.rims):
            off, by = self._rim_jacobian(state, view, rim)
            gradient += by.T @ off
            curvature += by.T @ by
        for view, layers in enumerate(self.layers):
            for layer in layers.values():
                off, by = self._layer_jacobian(state, view, layer)
                gradient[inner] += by.T @ off
                curvature[inner, inner] += by.T @ by
        prior = np.zeros(self.size)
        prior[self.shades] = 1
        for view in range(len(self.works)):
            prior[self.lamp(view)] = self._lamp_prior
        curvature[np.diag_indices(self.size)] += prior
        return gradient + prior * state, curvature

    def _layer_cost(self, state: np.ndarray, view: int, name: str) -> float:
        layer = self.layers[view].get(name)
        if layer is None:
            return 0.0
        spots, _, pose, camera = self.placed(state, view)
        off = layer.at(project(spots, pose, camera)[:, :2])[0]
        return float((layer.say[:, None] * off**2).sum())

    def _layer_jacobian(self, state: np.ndarray, view: int, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
        """(n C,) how far a layer is off, in standard deviations, and (n C, the base's unknowns) how that changes."""
        used = layer.say > 0
        spots, _, pose, camera = self.placed(state, view)
        off, slopes = layer.at(project(spots, pose, camera)[:, :2])
        root = np.sqrt(layer.say[used])[:, None]
        by = self._sliding(slopes[used], spots[used], used, view, pose, camera) * root[..., None]
        return (off[used] * root).ravel(), by.reshape(-1, self.base.size).astype(np.float64)

    def _sliding(
        self,
        slopes: np.ndarray,
        spots: np.ndarray,
        which: np.ndarray,
        view: int,
        pose: HeadPose,
        camera: Camera,
    ) -> np.ndarray:
        """(n, C, the base's unknowns) how a picture changes under spots (n, 3), which of the skin's, as they move; from
        its slopes (n, C, 2).
        """
        by = projection_derivatives(spots, pose, camera)
        expression, turn, move = self.base.place(view)
        found = np.zeros((*slopes.shape[:2], self.base.size), np.float32)
        at_spots = self.moves[:, self.skin.own[which]].transpose(1, 2, 0)  # (n, 3, K)
        by_shape = (slopes @ by.point.astype(np.float32)) @ at_spots
        found[..., : self.base.people] = by_shape[..., : self.base.people]
        found[..., expression] = by_shape[..., self.base.people :]
        found[..., turn], found[..., move] = slopes @ by.turn, slopes @ by.move
        zoom = np.einsum("ncx,nx->nc", slopes, by.focal * camera.focal)
        found[..., [self.base.lens(view), self.base.size - 1]] = zoom[..., None]
        return found

    def _rim_places(self, state: np.ndarray, view: int) -> tuple[np.ndarray, HeadPose, Camera]:
        """An outline's points (n, 3) mm on the head, and how a view sees them."""
        rim, (expression, turn, move) = self.rims[view], self.base.place(view)
        weights = np.concatenate([state[: self.base.people], state[expression]]).astype(np.float32)
        pose, camera = HeadPose(state[turn], state[move]), self.base.camera(state, view)
        return rim.mean + np.tensordot(weights, rim.moves, 1), pose, camera

    def _rim_jacobian(self, state: np.ndarray, view: int, rim: "Rim") -> tuple[np.ndarray, np.ndarray]:
        """(n,) how far the outline is off, in standard deviations, and (n, unknowns) how that changes."""
        points, pose, camera = self._rim_places(state, view)
        by_point, by_turn, by_move, by_focal = rim.outline.moves(points, pose, camera)
        expression, turn, move = self.base.place(view)
        found = np.zeros((len(points), self.size))
        by_shape = np.einsum("nx,knx->nk", by_point, rim.moves)
        found[:, : self.base.people], found[:, expression] = (
            by_shape[:, : self.base.people],
            by_shape[:, self.base.people :],
        )
        found[:, turn], found[:, move] = by_turn, by_move
        found[:, [self.base.lens(view), self.base.size - 1]] = (by_focal * camera.focal)[:, None]
        return rim.say * rim.outline.off(points, pose, camera), rim.say[:, None] * found

    def _jacobian(self, state: np.ndarray, view: int) -> np.ndarray:
        """(n, 3, unknowns) how what is left of each colour changes."""
        spots, normals, pose, camera = self.placed(state, view)
        _, slopes = self.seen[view].at(project(spots, pose, camera)[:, :2])
        expression = self.base.place(view)[0]
        light = self._light(state, view)
        pattern = self._pattern(state)
        lobes = harmonics(normals) * BLUR
        found = np.zeros((len(spots), 3, self.size), np.float32)
        every = np.ones(len(spots), bool)
        found[..., : self.base.size] = self._sliding(slopes, spots, every, view, pose, camera)
        bend = -pattern[:, :, None] * np.einsum(
            "nhx,hc->ncx", harmonic_slopes(normals) * BLUR[:, None], light
        )
        turned = bend.astype(np.float32) @ self.turns
        found[..., : self.base.people] += turned[..., : self.base.people]
        found[..., expression] += turned[..., self.base.people :]
        found[..., self.shades] = -(lobes @ light)[..., None] * np.moveaxis(self.basis, 0, -1)
        for channel in range(3):
            found[:, channel, self.lamp(view)][:, channel::3] = -pattern[:, channel, None] * lobes
        return found

    # ------------------------------------------------------------ the answer

    def refined(
        self, state: np.ndarray, views: Sequence[View], rounds: list[PhotoRound], settled: bool
    ) -> Refined:
        """The state in words, cameras and distances in the photos' own pixels."""
        inner = self.base.answer(state[: self.base.size], [], settled)
        _, curvature = self.linearise(state)
        gradient = np.zeros(self.size)
        free = self.free(state, gradient)
        covariance = np.eye(len(inner.identity))
        people = self.base.people
        covariance[:people, :people] = np.linalg.inv(curvature[np.ix_(free, free)])[:people, :people]
        cameras = [
            Camera(camera.focal / work.scale, view.camera.centre)
            for camera, work, view in zip(inner.cameras, self.works, views, strict=True)
        ]
        off = [far / work.scale for far, work in zip(inner.off, self.works, strict=True)]
        fit = replace(inner, cameras=cameras, off=off, covariance=covariance)
        lights = [state[self.lamp(view)].reshape(9, 3) * work.tone for view, work in enumerate(self.works)]
        return Refined(fit, state[self.shades].astype(np.float32), lights, rounds, settled)


def _patterns(
    head: HeadModel, albedo: Albedo, skin: Skin, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (n, 3), basis (K, n, 3) and detail (n,) at the spots, as blurred as the pictures are."""
    count = len(albedo.basis)
    together = (
        np.concatenate([albedo.mean[None], albedo.basis]).transpose(1, 0, 2).reshape(len(head.mean), -1)
    )
    found = smoothed(head, together, level)[skin.spots].reshape(-1, count + 1, 3).transpose(1, 0, 2)
    return (
        found[0].astype(np.float64),
        found[1:].astype(np.float64),
        albedo.detail[skin.spots].astype(np.float64),
    )


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

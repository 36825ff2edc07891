"""What a fit to photos makes small: points, colours, outlines and coefficients together.

The unknowns are those of `points_problem`, then the albedo's coefficients, then every view's light. What the photos
show at the moment, and how much of it counts, is looked up anew in every round (`colour_round`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faceplate.reconstruct.albedo import Albedo
from faceplate.reconstruct.camera import Camera, HeadPose, project, projection_derivatives
from faceplate.reconstruct.face_photo import BlurredFace, FacePhoto
from faceplate.reconstruct.head_fit import Fit
from faceplate.reconstruct.layers import Layer
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.outline import Rim
from faceplate.reconstruct.points_problem import PointsProblem
from faceplate.reconstruct.shade import BLUR, harmonic_slopes, harmonics
from faceplate.reconstruct.skin import Skin, smoothed


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
    rims: Sequence[Rim] = ()
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
            base, skin, works, params, head.triangles, mean, moves, turns, *patterns(head, albedo, skin, 0.0)
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

    # ------------------------------------------------------------ what is to be small

    def light(self, state: np.ndarray, view: int) -> np.ndarray:
        """(9, 3) harmonics."""
        return state[self.lamp(view)].reshape(9, 3)

    def pattern_at(self, state: np.ndarray) -> np.ndarray:
        return np.maximum(self.pattern + np.tensordot(state[self.shades], self.basis, 1), 0.01)

    def off(self, state: np.ndarray, view: int) -> tuple[np.ndarray, np.ndarray]:
        """(n, 3) what a photo shows less what the model shows, and (n, 3) the shading."""
        spots, normals, pose, camera = self.placed(state, view)
        colours, _ = self.seen[view].at(project(spots, pose, camera)[:, :2])
        light = harmonics(normals) * BLUR @ self.light(state, view)
        return colours - self.pattern_at(state) * light, light

    def _whitened(self, of_views: Sequence[np.ndarray]) -> np.ndarray:
        """(p, slots, ...) residuals or derivatives of all views (n, ...), in standard deviations."""
        slots = np.stack([of_views[k // 2][self.skin.pairs[:, k % 2]] for k in range(2 * len(of_views))], 1)
        flat = slots.reshape(*slots.shape[:2], -1).astype(np.float32)
        return (self.whiten @ flat).reshape(slots.shape)

    def cost(self, state: np.ndarray) -> tuple[dict[str, float], float]:
        terms, _ = self.base.cost(state[: self.base.size])
        off = self._whitened([self.off(state, view)[0] for view in range(len(self.works))])
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
        off = self._whitened([self.off(state, view)[0] for view in range(len(self.works))])
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

    def _rim_jacobian(self, state: np.ndarray, view: int, rim: Rim) -> tuple[np.ndarray, np.ndarray]:
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
        light = self.light(state, view)
        pattern = self.pattern_at(state)
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


def patterns(
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

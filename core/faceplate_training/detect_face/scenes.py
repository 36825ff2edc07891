"""Scenes made up for training: faces of every size on every ground, with their boxes and points known exactly."""

import cv2
import numpy as np

from faceplate_training.detect_face.canvas import REACH, SMALLEST, Scene, Stage, move_box, moved
from faceplate_training.detect_face.dirt import dirty
from faceplate_training.detect_face.sources import Album, Portrait, Teacher, share
from faceplate_training.detect_face.strangers import colour, drawn, heap, texture

SEEN = 0.4
"""Least overlap of the witness's box with the true one for a face that is hidden in part."""


def attitude(
    height: float, portrait: Portrait, rng: np.random.Generator, *, widest: float = 0.6
) -> np.ndarray:
    """A (2, 2) map that makes the face `height` pixels high: mostly upright, at times far tilted, squeezed a bit."""
    scale = height / float(portrait.box[3] - portrait.box[1])
    angle = (
        float(np.clip(rng.normal(0, 0.22), -widest, widest)) if rng.random() < 0.8 else rng.uniform(-0.7, 0.7)
    )
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    squeeze = np.diag([rng.uniform(0.82, 1.08), 1.0])
    shear = np.array([[1.0, rng.normal(0, 0.04)], [0.0, 1.0]])
    return scale * turn @ shear @ squeeze


def witnessed(stage: Stage, witness: Teacher | None) -> Scene:
    """The scene, every face that is hidden or cut in part asked for only where the witness still sees it.

    The teacher has learnt from people's marks how large a face is of which only a part shows: such a box is the mean
    of the true one and the teacher's.
    """
    scene = stage.scene()
    doubtful = np.flatnonzero(stage.doubtful() & scene.asked)
    if witness is None or not len(doubtful):
        return scene
    seen = witness.faces(scene.pixels)
    for number in doubtful:
        shares = [share(row[:4], scene.boxes[number]) for row in seen]
        best = int(np.argmax(shares)) if shares else -1
        if best < 0 or shares[best] < SEEN:
            scene.asked[number] = False
        else:
            scene.boxes[number] = (scene.boxes[number] + seen[best, :4]) / 2
    return scene


def _cut_by_frame(stage: Stage, rng: np.random.Generator, share: float) -> None:
    """Black beyond a straight edge that takes about `share` of the picture's side, tilted or not."""
    side, angle = stage.side, rng.choice([0.0, 1.0, 2.0, 3.0]) * np.pi / 2
    angle += rng.normal(0, 0.2) if rng.random() < 0.5 else 0.0
    outward = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([-outward[1], outward[0]])
    edge = side / 2 + outward * side * (0.5 - share)
    corners = [edge + along * 2 * side, edge - along * 2 * side]
    corners += [corners[1] + outward * 2 * side, corners[0] + outward * 2 * side]
    cv2.fillConvexPoly(stage.pixels, np.round(corners).astype(np.int32), (0, 0, 0))
    stage.cut(edge, outward)


class Director:
    """Composes scenes from an album; every scene depends on the generator it is given and nothing else."""

    def __init__(self, album: Album, side: int = 256, witness: Teacher | None = None) -> None:
        """`witness` says which faces that others hide or the frame cuts can still be seen; without one all are."""
        self.album, self.side, self.witness = album, side, witness

    def compose(self, rng: np.random.Generator) -> Scene:
        """One scene, undamaged."""
        kind = rng.random()
        if kind < 0.20:
            stage = self._portrait(rng)
        elif kind < 0.40:
            stage = self._mosaic(rng)
        elif kind < 0.58:
            stage = self._crowd(rng)
        elif kind < 0.82:
            stage = self._group(rng)
        elif kind < 0.90:
            stage = self._near(rng)
        else:
            stage = Stage(self._plate(rng))
        self._obstruct(stage, rng)
        return witnessed(stage, self.witness)

    def close_up(self, rng: np.random.Generator) -> Scene:
        """One nearly upright face in the middle, half as high as the picture: what the stage's second look shows."""
        stage, portrait = Stage(self.ground(rng)), self._pick(rng)
        height = 0.5 * self.side * np.exp(rng.normal(0, 0.16))
        linear = attitude(height, portrait, rng, widest=0.3)
        at = self.side * (0.5 + rng.normal(0, 0.04, 2))
        company = rng.random()
        if company < 0.15:
            self._neighbour(stage, height, at, rng)
        stage.place(portrait, linear, at, shape="photo" if rng.random() < 0.7 and company > 0.15 else "head")
        if 0.15 < company < 0.35:
            self._neighbour(stage, height, at, rng)
        self._obstruct(stage, rng)
        if rng.random() < 0.16:  # the frame's edge cuts into the close-up, at any angle
            _cut_by_frame(stage, rng, float(rng.uniform(0.15, 0.55)))
        return witnessed(stage, self.witness)

    def mistake(self, rng: np.random.Generator) -> Scene:
        """No face at all, or one so near that only parts of it are seen: what small parts of are shown close up."""
        return (self._near(rng) if rng.random() < 0.4 else Stage(self._plate(rng))).scene()

    def _neighbour(self, stage: Stage, height: float, at: np.ndarray, rng: np.random.Generator) -> None:
        """A second head beside a face of this height at `at`, near enough to be hidden or to hide."""
        portrait, tall = self._pick(rng), height * np.exp(rng.normal(0, 0.25))
        away = rng.uniform(0.45, 1.2) * height * np.array([rng.choice([-1, 1]), 0.6 * rng.normal()])
        stage.place(portrait, attitude(tall, portrait, rng), at + away, shape="head")

    def _group(self, rng: np.random.Generator) -> Stage:
        """One person in front of others, as press photos show them: half hidden, out of focus, cut by the frame."""
        stage = Stage(self.ground(rng))
        height, at = self.side * rng.uniform(0.22, 0.55), self.side * rng.uniform(0.3, 0.7, 2)
        for _ in range(int(rng.integers(1, 6))):
            other = self._pick(rng)
            tall = height * np.exp(rng.uniform(np.log(0.25), np.log(1.25)))
            place = self.side * np.array([rng.uniform(-0.1, 1.1), rng.uniform(-0.05, 0.8)])
            if rng.random() < 0.5:
                place = at + rng.uniform(0.5, 1.4) * height * np.array(
                    [rng.choice([-1, 1]), rng.normal(-0.1, 0.4)]
                )
            stage.place(other, attitude(tall, other, rng), place, shape="head")
        if rng.random() < 0.5:
            stage.pixels[:] = cv2.GaussianBlur(stage.pixels, (0, 0), 0.3 + height * rng.uniform(0.0, 0.035))
        subject = self._pick(rng)
        stage.place(subject, attitude(height, subject, rng, widest=0.3), at, shape="head")
        if rng.random() < 0.3:
            self._neighbour(stage, height, at, rng)
        if rng.random() < 0.3:
            _cut_by_frame(stage, rng, float(rng.uniform(0.02, 0.25)))
        return stage

    def _near(self, rng: np.random.Generator) -> Stage:
        """A sharp face larger than the picture or nearly so: its ears, eyes and earrings are no faces of their own."""
        fine = self.album.fine
        number = int(rng.choice(fine)) if len(fine) and rng.random() < 0.8 else None
        portrait = self._pick(rng) if number is None else self.album.portrait(number)
        stage, height = Stage(self.ground(rng)), self.side * np.exp(rng.uniform(np.log(0.7), np.log(2.6)))
        at = self.side * 0.5 + rng.uniform(-0.75, 0.75, 2) * height
        stage.place(portrait, attitude(height, portrait, rng), at, shape="photo")
        if rng.random() < 0.4:
            stage.pixels[:] = dirty(stage.pixels, rng)
        return stage

    def _plate(self, rng: np.random.Generator) -> np.ndarray:
        """No face: a part of a large plate, mostly out of focus, with the dirt that film gathers."""
        ground = self.ground(rng)
        if rng.random() < 0.6:
            ground = cv2.GaussianBlur(ground, (0, 0), float(np.exp(rng.uniform(np.log(0.7), np.log(9)))))
        return dirty(ground, rng) if rng.random() < 0.7 else ground

    def _pick(self, rng: np.random.Generator) -> Portrait:
        portrait = self.album.portrait(int(rng.integers(len(self.album))))
        return portrait.mirrored() if rng.random() < 0.5 else portrait

    def _portrait(self, rng: np.random.Generator) -> Stage:
        """A whole photo, the face anywhere, now and then cut by the frame."""
        stage, portrait = Stage(self.ground(rng)), self._pick(rng)
        height = np.exp(rng.uniform(np.log(40), np.log(0.95 * self.side)))
        chance = rng.random()
        if chance < 0.15:  # so near that only ears, hair and cheeks show: no faces of their own
            height *= 3
        at = rng.uniform(*((0.3, 0.7) if chance > 0.55 else (-0.05, 1.05)), 2) * self.side
        stage.place(portrait, attitude(height, portrait, rng), at, shape="photo")
        return stage

    def _mosaic(self, rng: np.random.Generator) -> Stage:
        """Photos side by side, 4 to 36; some tiles have no face."""
        stage, tiles = (
            Stage(self.ground(rng)),
            int(rng.choice([2, 3, 4, 5, 6], p=[0.34, 0.3, 0.2, 0.1, 0.06])),
        )
        edges = np.linspace(0, self.side, tiles + 1).astype(int)
        for row in range(tiles):
            for column in range(tiles):
                cell = (edges[column], edges[row], edges[column + 1], edges[row + 1])
                middle, wide = np.array([cell[0] + cell[2], cell[1] + cell[3]]) / 2, self.side / tiles
                chance, portrait = rng.random(), self._pick(rng)
                if chance < 0.18:
                    continue
                height, at = wide * rng.uniform(0.35, 0.72), middle + rng.normal(0, 0.12, 2) * wide
                portrait = self._faceless(portrait, rng) if chance < 0.26 else portrait
                put = stage.cover if chance < 0.26 else stage.place
                put(portrait, attitude(height, portrait, rng, widest=0.4), at, shape="photo", cell=cell)
        return stage

    def _crowd(self, rng: np.random.Generator) -> Stage:
        """Heads and shoulders of very different sizes on one ground, none hiding another's face."""
        stage = Stage(self.ground(rng))
        tallest = self.side * np.exp(rng.uniform(np.log(0.06), np.log(0.8)))
        for _ in range(int(rng.integers(1, 13))):
            portrait, empty = self._pick(rng), rng.random() < 0.1
            portrait = self._faceless(portrait, rng) if empty else portrait
            height = np.exp(rng.uniform(np.log(SMALLEST), np.log(max(tallest, 14))))
            at = rng.uniform(-0.02, 1.02, 2) * self.side
            linear = attitude(height, portrait, rng)
            matrix = moved(linear, portrait.box, at)
            box = move_box(portrait.box, matrix)
            if not stage.is_free(box + REACH * np.float32(height)):
                continue
            if empty:
                stage.cover(portrait, linear, at, shape="head")
            else:
                stage.place(portrait, linear, at, shape="head" if rng.random() < 0.8 else "photo")
        return stage

    def _faceless(self, portrait: Portrait, rng: np.random.Generator) -> Portrait:
        """The portrait with something else where its face was: hair, collars and ears alone are no face."""
        while min(portrait.pixels.shape[:2]) > 2 * self.side / 3:
            portrait = portrait.halved()
        pixels = portrait.pixels.copy()
        width, height = portrait.box[2] - portrait.box[0], portrait.box[3] - portrait.box[1]
        middle = ((portrait.box[:2] + portrait.box[2:]) / 2).round().astype(int)
        axes = (max(1, int(width * rng.uniform(0.5, 0.62))), max(1, int(height * rng.uniform(0.48, 0.6))))
        top, left = max(0, middle[1] - axes[1] - 4), max(0, middle[0] - axes[0] - 4)
        part = pixels[top : middle[1] + axes[1] + 4, left : middle[0] + axes[0] + 4]
        cover = np.zeros(part.shape[:2], np.uint8)
        cv2.ellipse(cover, (int(middle[0] - left), int(middle[1] - top)), axes, 0, 0, 360, 255, -1)
        filling = self.ground(rng, side=max(part.shape[:2]))[: part.shape[0], : part.shape[1]]
        if rng.random() < 0.3:  # skin without features
            skin = np.median(part[cover > 0][::4], axis=0) * rng.uniform(0.8, 1.2)
            filling = np.clip(skin + rng.integers(-9, 10, filling.shape, np.int8), 0, 255).astype(np.uint8)
        soft = cv2.blur(cover, (5, 5))[..., None].astype(np.uint16)
        part[:] = (filling * soft + part * (255 - soft)) // 255
        return Portrait(pixels, portrait.box, portrait.points)

    def _obstruct(self, stage: Stage, rng: np.random.Generator) -> None:
        """Hands, bars, microphones, sunglasses: something over a part of some faces, which stay faces."""
        for box, points in zip(stage.boxes, stage.points, strict=True):
            chance = rng.random()
            if chance > 0.22:
                continue
            width, height = box[2] - box[0], box[3] - box[1]
            tone = colour(rng)
            if chance < 0.03:  # sunglasses
                radius = max(1, int(0.2 * np.hypot(*(points[1] - points[0])) * rng.uniform(1.3, 2.0)))
                for eye in points[:2]:
                    centre = (round(float(eye[0])), round(float(eye[1])))
                    cv2.ellipse(
                        stage.pixels, centre, (radius, max(1, int(0.7 * radius))), 0, 0, 360, (20, 20, 24), -1
                    )
                continue
            if chance > 0.17:
                _cap(stage.pixels, box, points, tone, rng)
                continue
            start = box[:2] + rng.uniform(-0.1, 1.1, 2) * (width, height)
            if chance < 0.09:
                end = start + rng.normal(0, 0.8, 2) * (width, height)
                thick = max(1, int(width * rng.uniform(0.04, 0.2)))
                cv2.line(stage.pixels, _whole(start), _whole(end), tone, thick, cv2.LINE_AA)
            else:
                edge = box[:2] + np.array([rng.choice([0.0, 1.0]), rng.uniform(0.3, 1.1)]) * (width, height)
                axes = (
                    max(1, int(width * rng.uniform(0.15, 0.36))),
                    max(1, int(height * rng.uniform(0.15, 0.36))),
                )
                cv2.ellipse(stage.pixels, _whole(edge), axes, float(rng.uniform(0, 180)), 0, 360, tone, -1)

    def ground(self, rng: np.random.Generator, side: int = 0) -> np.ndarray:
        """(side, side, 3) uint8 without a face: a piece of the world, a texture, drawings, portraits without faces."""
        side, kind = side or self.side, rng.random()
        if kind < 0.52:
            ground = self._world(side, rng)
        elif kind < 0.68:
            ground = heap(side, rng)
        elif kind < 0.83:
            ground = texture(side, rng)
        else:
            ground = drawn(side, rng)
        if rng.random() < 0.25:
            ground = drawn(side, rng, over=ground)
        if side == self.side and rng.random() < 0.2:
            hidden, stage = self._faceless(self._pick(rng), rng), Stage(ground)
            height = side * np.exp(rng.uniform(np.log(0.1), np.log(0.8)))
            at = rng.uniform(0.1, 0.9, 2) * side
            stage.cover(
                hidden, attitude(height, hidden, rng), at, shape="photo" if rng.random() < 0.5 else "head"
            )
            ground = stage.pixels
        return ground

    def _world(self, side: int, rng: np.random.Generator) -> np.ndarray:
        """A piece of an environment map, near or far, or the suits below a portrait's chin."""
        if rng.random() < 0.3:
            portrait = self._pick(rng)
            top = int(portrait.box[3] + 0.12 * (portrait.box[3] - portrait.box[1]))
            below = portrait.pixels[top:]
            if below.shape[0] >= 24:
                return cv2.resize(below, (side, side), interpolation=cv2.INTER_LINEAR)
        view = self.album.scenery[int(rng.integers(len(self.album.scenery)))]
        size = int(np.exp(rng.uniform(np.log(60), np.log(511))))
        y, x = int(rng.integers(0, 512 - size)), int(rng.integers(0, 1024 - size))
        piece = np.array(view[y : y + size, x : x + size])
        if rng.random() < 0.5:
            piece = piece[:, ::-1]
        return cv2.resize(piece, (side, side), interpolation=cv2.INTER_LINEAR)


def _cap(
    pixels: np.ndarray, box: np.ndarray, points: np.ndarray, tone: tuple, rng: np.random.Generator
) -> None:
    """A cap or a helmet down to the brows, with a peak; a darker peak below a lighter crown."""
    across = points[1] - points[0]
    turn, height = float(np.arctan2(across[1], across[0])), float(box[3] - box[1])
    down = np.array([-np.sin(turn), np.cos(turn)])
    brows = points[:2].mean(0) - down * height * rng.uniform(0.08, 0.16)
    half, angle = 0.5 * float(box[2] - box[0]), float(np.degrees(turn))
    crown = brows - down * height * 0.12
    axes = (max(1, round(half * rng.uniform(1.0, 1.25))), max(1, round(height * rng.uniform(0.15, 0.3))))
    cv2.ellipse(pixels, _whole(crown), axes, angle, 180, 360, tone, -1, cv2.LINE_AA)
    axes = (max(1, round(half * rng.uniform(0.8, 1.2))), max(1, round(height * rng.uniform(0.03, 0.09))))
    shade = tuple(int(v * 0.6) for v in tone)
    cv2.ellipse(pixels, _whole(brows), axes, angle + float(rng.normal(0, 8)), 0, 360, shade, -1, cv2.LINE_AA)


def _whole(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))

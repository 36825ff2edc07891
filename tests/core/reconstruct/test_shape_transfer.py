"""Our shapes on meshes of others: they come back where the answer is known, FLAME's lids close and its mouth opens."""

import numpy as np
import pytest

from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.correspondence import OtherHead
from faceplate.reconstruct.eye_opening import Eye, opening
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.morphable import HeadModel, rotation
from faceplate.reconstruct.shape_transfer import carry_shapes
from tests.support.flame import points_of, topology

SKIN = ("face", "skull", "neck", "mouth", "eye_socket_left", "eye_socket_right")
SHOWN = (
    "jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "browInnerUp", "mouthPucker", "noseSneerLeft",
    "mouthLowerDownRight",
)  # fmt: skip


def chosen(head: HeadModel, names=SHOWN) -> np.ndarray:
    return head.expressions[[head.expression_names.index(name) for name in names]]


def dual(head: HeadModel, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Another mesh over the same skin: a vertex in the middle of each face, triangles about each vertex of ours.

    Returns:
        (F, 3) its vertices, (T, 3) its triangles, (F, 4) our vertices that each is the mean of, -1 for none.
    """
    skin = np.isin(head.quad_region, [head.region_names.index(name) for name in SKIN])
    quads = head.quads[skin]
    corner = quads >= 0
    middles = (points[quads] * corner[..., None]).sum(1) / corner.sum(1)[:, None]
    normals = vertex_normals(points, quads)
    owner, vertex = np.nonzero(corner)
    order = np.argsort(quads[owner, vertex], kind="stable")
    used, first = np.unique(quads[owner, vertex][order], return_index=True)
    edges = np.sort(_edges(quads), axis=1)
    every, count = np.unique(edges, axis=0, return_counts=True)
    border = set(np.unique(every[count == 1]).tolist())
    triangles = []
    for own, faces in zip(used.tolist(), np.split(owner[order], first[1:]), strict=True):
        if own in border or len(faces) < 3:
            continue
        out = normals[own]
        along = np.cross(out, [1.0, 0, 0] if abs(out[0]) < 0.9 else [0, 1.0, 0])
        away = middles[faces] - points[own]
        around = np.arctan2(away @ np.cross(out, along), away @ along)
        ring = faces[np.argsort(around)]
        triangles += [(ring[0], ring[k], ring[k + 1]) for k in range(1, len(ring) - 1)]
    return middles, np.array(triangles, np.int32), quads


def _edges(quads: np.ndarray) -> np.ndarray:
    ends = [np.stack([quads[:, k], quads[:, (k + 1) % 4]], 1) for k in range(4)]
    three = quads[:, 3] < 0
    ends[2] = np.where(three[:, None], np.stack([quads[:, 2], quads[:, 0]], 1), ends[2])
    ends[3] = ends[3][~three]
    return np.concatenate(ends)


def bumps(points: np.ndarray, size: float, seed: int) -> np.ndarray:
    """(N, 3) mm, a smooth random field of this RMS that no model knows."""
    random = np.random.default_rng(seed)
    waves, phases = random.normal(size=(12, 3)) / 45, random.uniform(0, 2 * np.pi, 12)
    field = np.sin(points @ waves.T + phases) @ random.normal(size=(12, 3))
    return field * size / np.sqrt((field**2).sum(1).mean())


def somebody(head: HeadModel, seed: int, bent: float):
    """Another person on another mesh in another unit and place; what our shapes do there, and who is of the face."""
    random = np.random.default_rng(seed)
    person = head.rest(random.normal(size=40) * 0.6).astype(np.float64)
    person += bumps(person, bent, seed) if bent else 0
    points, triangles, quads = dual(head, person)
    turn, unit = rotation(np.array([0.08, -0.05, 0.02])), 0.1
    corner = (quads >= 0)[..., None]

    def mean(values: np.ndarray) -> np.ndarray:
        return (values[quads] * corner).sum(1) / corner.sum(1)

    def moved(place: np.ndarray) -> np.ndarray:
        return (place @ turn.T + (10, 1500, 30)) * unit

    eyes = head.joints(person.astype(np.float32))[4:6]
    other = OtherHead(moved(points).astype(np.float32), triangles, moved(eyes).astype(np.float32))
    truth = np.stack([mean(shape) @ turn.T * unit for shape in chosen(head)])
    face = mean(np.repeat(head.mask("face")[:, None], 3, 1))[:, 0] > 0.5
    radius = np.linalg.norm(head.mean[_ball(head)] - head.joints(head.mean)[4], axis=1)
    return other, truth, face, np.full(2, np.median(radius) * unit), unit


def _ball(head: HeadModel) -> np.ndarray:
    quads = head.quads[head.quad_region == head.region_names.index("sclera_left")]
    return np.unique(quads[quads >= 0])


def area_of(points: np.ndarray, skin: np.ndarray, eye: Eye) -> float:
    """mm² of the ball that are seen."""
    seen = opening(points, skin, eye)
    return 0.0 if seen is None else seen.area


@pytest.mark.parametrize(("seed", "bent", "mean", "far"), [(1, 0.0, 0.3, 0.8), (2, 1.5, 0.6, 1.6)])
def test_shapes_come_back_on_another_mesh_of_somebody_else(head, seed, bent, mean, far):
    """In mm; without and with bumps that no head of ours has."""
    other, truth, face, radii, unit = somebody(head, seed, bent)
    made = carry_shapes(head, other, chosen(head), radii=radii)
    assert made.lids and made.moves.shape == truth.shape
    off = np.linalg.norm(made.moves - truth, axis=2) / unit
    size = np.linalg.norm(truth, axis=2) / unit
    for number, name in enumerate(SHOWN):
        where = face & (size[number] > 1)
        if "Blink" not in name:
            assert off[number][where].mean() < mean and np.quantile(off[number][where], 0.95) < far, name
    # the other mesh has coarser rims, and what closes ours would leave its lids open by a slit
    for side, blink in enumerate(("eyeBlinkLeft", "eyeBlinkRight")):
        eye = Eye(other.eyes[side] / unit, float(radii[side]) / unit, np.eye(3))
        number = SHOWN.index(blink)
        before = area_of(other.points / unit, other.triangles, eye)
        after = area_of((other.points + made.moves[number]) / unit, other.triangles, eye)
        assert before > 150 and after < 0.02 * before


@pytest.fixture(scope="module")
def flame(head, shared):
    """FLAME's mesh, its skin, what is carried over, and its eyes."""
    mesh = topology(shared)
    points = (mesh["v_template_m"] * 1000).astype(np.float32)
    balls = [mesh["mask_left_eyeball"], mesh["mask_right_eyeball"]]
    rigid = np.zeros(len(points), bool)
    rigid[np.concatenate(balls)] = True
    skin = mesh["triangles"][~rigid[mesh["triangles"]].any(1)].astype(np.int32)
    centres = np.stack([points[ball].mean(0) for ball in balls])
    radii = [np.linalg.norm(points[ball] - points[ball].mean(0), axis=1).mean() for ball in balls]
    made = carry_shapes(head, OtherHead(points, skin, centres), chosen(head), radii=radii)
    eyes = [
        Eye(centre.astype(np.float64), float(radius), np.eye(3))
        for centre, radius in zip(centres, radii, strict=True)
    ]
    return mesh, points, skin, dict(zip(SHOWN, made.moves, strict=True)), eyes, rigid


def test_lids_close_and_only_those_that_blink(flame):
    _, points, skin, moves, eyes, _ = flame
    areas = [area_of(points, skin, eye) for eye in eyes]
    assert min(areas) > 60
    for blink, shut, other in (("eyeBlinkLeft", 0, 1), ("eyeBlinkRight", 1, 0)):
        # FLAME's lids lie in places within a sphere as large as its ball is on average, and are left there
        assert area_of(points + moves[blink], skin, eyes[shut]) < 0.04 * areas[shut]
        assert area_of(points + moves[blink], skin, eyes[other]) == pytest.approx(areas[other], rel=0.01)
    half = area_of(points + 0.5 * moves["eyeBlinkLeft"], skin, eyes[0])
    assert 0.25 < half / areas[0] < 0.8


def test_no_lid_goes_into_the_ball(flame):
    _, points, _, moves, eyes, rigid = flame
    before = np.linalg.norm(points - eyes[0].centre, axis=1)
    after = np.linalg.norm(points + moves["eyeBlinkLeft"] - eyes[0].centre, axis=1)
    outside = ~rigid & (before > eyes[0].radius)
    assert after[outside].min() > eyes[0].radius - 0.01


def test_the_mouth_opens_at_the_lips(flame):
    mesh, points, _, moves, _, _ = flame
    move = points_of(mesh, points + moves["jawOpen"]) - points_of(mesh, points)
    assert move[66, 1] < -20 and abs(move[62, 1]) < 3  # inner lips, lower and upper, touch at rest
    assert move[8, 1] < -20 and np.abs(move[36:48]).max() < 0.3
    smile = points_of(mesh, points + moves["mouthSmileLeft"]) - points_of(mesh, points)
    assert smile[54, 1] > 3 and np.linalg.norm(smile[48]) < 1.5


def test_nothing_else_moves_and_nothing_tears(flame):
    _, points, skin, moves, _, rigid = flame
    edges = np.unique(np.sort(skin[:, [0, 1, 1, 2]].reshape(-1, 2), axis=1), axis=0)
    long = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    for name, move in moves.items():
        assert (move[rigid] == 0).all(), name
        still = np.linalg.norm(move, axis=1) == 0
        assert still[~rigid].mean() > (0.15 if name == "jawOpen" else 0.35), name
        # where what moves meets what does not, nothing jumps
        rim = still[edges[:, 0]] != still[edges[:, 1]]
        step = np.linalg.norm(move[edges[:, 0]] - move[edges[:, 1]], axis=1)
        assert step[rim].max() < 0.3, name
        assert np.quantile(step / long, 0.99) < 1.2, name


def test_meshes_cut_along_seams_are_taken_for_whole(head):
    other, _, _, radii, _ = somebody(head, 1, 0.0)
    cut = OtherHead(
        other.points[other.triangles].reshape(-1, 3),
        np.arange(3 * len(other.triangles), dtype=np.int32).reshape(-1, 3),
        other.eyes,
    )
    names = ("jawOpen",)
    whole = carry_shapes(head, other, chosen(head, names), radii=radii)
    split = carry_shapes(head, cut, chosen(head, names), radii=radii)
    np.testing.assert_allclose(split.moves[0], whole.moves[0][other.triangles].reshape(-1, 3), atol=1e-4)


def test_what_cannot_be_carried_is_refused(head):
    other, _, _, _, _ = somebody(head, 1, 0.0)
    with pytest.raises(ShapeError, match="moves"):
        carry_shapes(head, other, np.zeros((1, 5, 3)))
    with pytest.raises(RangeError, match="both in one place"):
        carry_shapes(
            head, OtherHead(other.points, other.triangles, np.zeros((2, 3), np.float32)), chosen(head)
        )

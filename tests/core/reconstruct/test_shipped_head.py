"""The head in the open pack: what its manifest pins, symmetric, with eyes in their sockets and lids that meet."""

import numpy as np
import pytest

from faceplate.reconstruct.mesh import MATERIALS, material_of
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.raster import rasterise

FLIP = np.array([-1, 1, 1])


def regions(head: HeadModel, *names: str) -> np.ndarray:
    """(F,) whether a face's region begins with one of the names."""
    chosen = [k for k, region in enumerate(head.region_names) if region.startswith(names)]
    return np.isin(head.quad_region, chosen)


def test_it_has_what_the_schema_promises(head):
    assert head.identity.shape[0] == 99 and head.expressions.shape[0] == 79
    assert head.expression_roles.count("arkit") == 52 and head.expression_roles[:52] == ("arkit",) * 52
    assert set(head.landmarks) == {"68", "mediapipe105"}
    assert len(head.landmarks["mediapipe105"].vertices) == 105
    assert head.uv.min() >= 0 and head.uv.max() <= 1


def test_it_is_symmetric_to_the_last_bit(head):
    np.testing.assert_array_equal(head.mean[head.mirror] * FLIP, head.mean)
    for component in head.identity:
        twin = component[head.mirror] * FLIP
        assert (twin == component).all() or (twin == -component).all()
    points = head.landmarks["68"].on(head.mean)
    order = [*range(16, -1, -1), *range(26, 16, -1)]
    np.testing.assert_allclose(points[order] * FLIP, points[:27], atol=0.05)


def test_every_part_is_closed_or_has_a_rim_and_no_edge_has_three_faces(head):
    from collections import Counter

    edges = Counter()
    for quad in head.quads:
        corners = quad[quad >= 0]
        edges.update(tuple(sorted(pair)) for pair in zip(corners, np.roll(corners, -1), strict=True))
    assert max(edges.values()) == 2


def test_eyes_are_behind_their_lids_and_within_their_sockets(head):
    for side, joint in (("left", 4), ("right", 5)):
        centre = head.joints(head.mean)[joint]
        ball = np.unique(head.quads[regions(head, f"sclera_{side}", f"cornea_{side}")])
        face = np.unique(head.quads[regions(head, "face")])
        directions = head.mean[ball] - centre
        outline = np.linalg.norm(directions, axis=1)
        around = head.mean[face] - centre
        near = np.linalg.norm(around, axis=1) < 20
        nearest = (around[near] / np.linalg.norm(around[near], axis=1, keepdims=True)) @ (
            directions / outline[:, None]
        ).T
        gap = np.linalg.norm(around[near], axis=1) - outline[nearest.argmax(1)]
        assert gap.min() > -0.5  # mm; between neighbouring vertices of a sphere some play is left


@pytest.mark.parametrize("side", ["Left", "Right"])
def test_a_blink_hides_the_eye_and_half_a_blink_does_not(head, side):
    centre = head.joints(head.mean)[4 if side == "Left" else 5]
    kept = np.repeat(~regions(head, "lashes"), (head.quads[:, 3] >= 0) + 1)
    balls = np.repeat(regions(head, "sclera", "cornea", "iris", "pupil"), (head.quads[:, 3] >= 0) + 1)[kept]

    def seen(weight: float) -> int:
        expression = head.with_correctives(head.weights({f"eyeBlink{side}": weight}))
        points = head.rest((), expression) - centre
        screen = np.column_stack([75 + 4 * points[:, 0], 50 - 4 * points[:, 1], 500 - points[:, 2]])
        raster = rasterise(screen, head.triangles[kept], (100, 150))
        return int(balls[raster.triangle[raster.covered]].sum())

    open_eye = seen(0)
    assert seen(1) == 0 and 0.1 * open_eye < seen(0.5) < 0.8 * open_eye


def test_teeth_and_tongue_are_seen_only_through_the_slit_between_the_lips(head):
    """The lips at rest stand 0.8 mm apart, as ICT's do; nothing pokes through them."""
    points = head.mean
    screen = np.column_stack([400 + 4 * points[:, 0], 400 - 4 * points[:, 1], 500 - points[:, 2]])
    raster = rasterise(screen, head.triangles, (1000, 800))
    inside = np.repeat(regions(head, "teeth", "gums", "tongue"), (head.quads[:, 3] >= 0) + 1)
    rows, columns = np.nonzero(raster.covered)
    through = inside[raster.triangle[rows, columns]]
    slit = head.landmarks["68"].on(points)[[61, 62, 63, 65, 66, 67], 1]
    height = 100 - (rows[through] + 0.5) / 4
    assert height.max() < slit.max() + 0.6 and height.min() > slit.min() - 0.6
    assert through.sum() / 16 < 45  # mm², of a mouth 44 mm wide


def test_the_materials_that_other_programs_read_let_the_irises_be_seen(head):
    """Cards of lashes and corneas stand before the eyes: in a program that knows plain materials only, too."""
    points = head.mean
    screen = np.column_stack([400 + 4 * points[:, 0], 400 - 4 * points[:, 1], 500 - points[:, 2]])

    def seen(quads: np.ndarray) -> int:
        kept = np.repeat(quads, (head.quads[:, 3] >= 0) + 1)
        irises = np.repeat(regions(head, "iris", "pupil"), (head.quads[:, 3] >= 0) + 1)[kept]
        raster = rasterise(screen, head.triangles[kept], (1000, 800))
        return int(irises[raster.triangle[raster.covered]].sum())

    opaque = np.array([MATERIALS[material_of(region)][0][3] > 0.5 for region in head.region_names])
    bare = seen(~regions(head, "lashes", "cornea"))
    assert bare > 500 and seen(opaque[head.quad_region]) == bare

"""Outlines: found where a head ends, their edges where the picture has them, and how they move."""

import cv2
import numpy as np
import pytest

from faceplate.reconstruct.camera import Camera, HeadPose, camera_for_lens, project
from faceplate.reconstruct.outline import Outline, find_outline, outline_vertices
from faceplate.reconstruct.raster import rasterise
from tests.support.heads import make_head

HEAD = make_head()
SIZE = 240
CAMERA = camera_for_lens(SIZE, SIZE, millimetres=60)


def pose(yaw: float = 0.0, aside: float = 0.0) -> HeadPose:
    return HeadPose(np.array([0.0, yaw, 0.0]), np.array([aside, 0.0, 700.0]))


def seen(where: HeadPose, camera: Camera = CAMERA) -> np.ndarray:
    """(SIZE, SIZE) mm, infinite beside the head."""
    return rasterise(project(HEAD.mean.astype(float), where, camera), HEAD.triangles, (SIZE, SIZE)).depth


def picture(where: HeadPose, *, behind: float = 0.2) -> np.ndarray:
    """A grey head of brightness 1 before a wall, blurred by a pixel and a half."""
    flat = np.where(np.isfinite(seen(where)), 1.0, behind).astype(np.float32)
    return cv2.GaussianBlur(np.repeat(flat[..., None], 3, 2), (0, 0), 1.5)


def found(there: HeadPose, here: HeadPose, *, reach: float = 8.0, **how) -> Outline:
    """The outline of a head fitted to be `here`, in a picture in which it is `there`."""
    allowed = outline_vertices(HEAD)
    return find_outline(
        HEAD, HEAD.mean, here, CAMERA, seen(here), picture(there, **how), reach=reach, allowed=allowed
    )


def test_a_head_that_fits_lies_on_its_edges():
    outline = found(pose(0.3), pose(0.3))
    assert len(outline.say) > 8 and outline.say.min() > 0.9
    off = outline.off(outline.middles(HEAD.mean), pose(0.3), CAMERA)
    assert np.abs(off).max() < 1.2  # the egg has flat sides, between whose corners the outline runs
    np.testing.assert_allclose(np.linalg.norm(outline.across, axis=1), 1, atol=1e-9)


@pytest.mark.parametrize("aside", [-6.0, 4.0, 8.0])
def test_a_head_beside_its_edges_is_told_how_far(aside):
    outline = found(pose(0.0), pose(0.0, aside))
    off = outline.off(outline.middles(HEAD.mean), pose(0.0, aside), CAMERA)
    pixels = aside * CAMERA.focal / 700
    level = np.abs(outline.across[:, 0]) > 0.8
    assert level.sum() > 4
    np.testing.assert_allclose((off * np.sign(outline.across[:, 0]))[level], pixels, atol=1.5)


def test_a_faint_edge_counts_little_and_none_counts_nothing():
    clear, faint, none = (found(pose(), pose(), behind=b).say.mean() for b in (0.2, 0.95, 1.0))
    assert clear > 0.9 and faint < 0.4 * clear and none < 1e-6


def test_what_is_not_skin_has_no_outline():
    nothing = np.zeros(len(HEAD.mean), bool)
    outline = find_outline(
        HEAD, HEAD.mean, pose(), CAMERA, seen(pose()), picture(pose()), reach=5, allowed=nothing
    )
    assert outline.ends.shape == (0, 2) and outline.say.shape == (0,)
    assert not outline_vertices(HEAD)[HEAD.mean[:, 2] < -40].any()


def test_an_outline_before_the_head_itself_is_none():
    """Its edge would be that of a shadow, or of nothing."""
    depth = np.minimum(seen(pose()), 900.0)  # shoulders behind it
    outline = find_outline(
        HEAD, HEAD.mean, pose(), CAMERA, depth, picture(pose()), reach=5, allowed=outline_vertices(HEAD)
    )
    assert len(outline.say) == 0 < len(found(pose(), pose()).say)


def test_derivatives_are_those_of_small_steps():
    where = pose(0.2)
    outline = found(where, where)
    points = outline.middles(HEAD.mean).astype(float)
    by_point, by_turn, by_move, by_focal = outline.moves(points, where, CAMERA)

    def off(at=points, turn=where.turn, move=where.move, focal=CAMERA.focal):
        return outline.off(at, HeadPose(turn, move), Camera(focal, CAMERA.centre))

    for k in range(3):
        step = np.eye(3)[k] * 1e-4
        np.testing.assert_allclose(
            by_point[:, k], (off(points + step) - off(points - step)) / 2e-4, atol=1e-5
        )
        turned = (off(turn=where.turn + step) - off(turn=where.turn - step)) / 2e-4
        np.testing.assert_allclose(by_turn[:, k], turned, atol=1e-3)
        moved = (off(move=where.move + step) - off(move=where.move - step)) / 2e-4
        np.testing.assert_allclose(by_move[:, k], moved, atol=1e-5)
    zoomed = (off(focal=CAMERA.focal + 1e-3) - off(focal=CAMERA.focal - 1e-3)) / 2e-3
    np.testing.assert_allclose(by_focal, zoomed, atol=1e-5)

"""The differentiable rasteriser: gradients are what finite differences of its own pictures say, outlines too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed: the extra `train` brings it")

from faceplate.errors import RangeError, ShapeError  # noqa: E402
from faceplate.reconstruct.camera import HeadPose, camera_for_lens, project  # noqa: E402
from faceplate.reconstruct.render import make_surface, render  # noqa: E402
from tests.support.heads import make_head  # noqa: E402

HEAD = make_head()
SURFACE = make_surface(HEAD.triangles)
SIZE = (72, 88)
COLOURS = np.random.default_rng(0).uniform(0, 1, (len(HEAD.mean), 2)) * 0.3 + 0.5
SQUARE = make_surface(np.array([[0, 1, 2], [0, 2, 3]]))


def egg(turn=(0.2, 0.4, 0.1)):
    camera = camera_for_lens(SIZE[1], SIZE[0], millimetres=50)
    return torch.from_numpy(project(HEAD.mean, HeadPose(np.array(turn), np.array([0, 0, 420.0])), camera))


def square(left, right, top, bottom):
    return torch.tensor(
        [[left, top, 2.0], [right, top, 2], [right, bottom, 2], [left, bottom, 2]], dtype=torch.float64
    )


halves = st.integers(6, 18).map(lambda n: n / 2), st.integers(28, 50).map(lambda n: n / 2)
"""Edges right through pixel centres and right between them."""

sides = st.floats(3.0, 9.0) | halves[0], st.floats(14.0, 25.0) | halves[1]


@given(left=sides[0], right=sides[1], top=sides[0], bottom=sides[1])
def test_coverage_of_an_upright_square_is_its_area(left, right, top, bottom):
    """Exact but for the four corner pixels."""
    cover = render(square(left, right, top, bottom), torch.ones(4, 1, dtype=torch.float64), SQUARE, (30, 30))[
        ..., 1
    ]
    assert float(cover.sum()) == pytest.approx((right - left) * (bottom - top), abs=1.01)
    assert cover.min() > -0.3 and cover.max() <= 1 + 1e-9
    inner = cover[11:13, 11:13]
    torch.testing.assert_close(inner, torch.ones_like(inner))


@settings(max_examples=20)
@given(left=sides[0], right=sides[1])
def test_an_edge_moves_its_pixels_by_as_much_as_it_moves(left, right):
    """One pixel to the right is one more column covered: the derivative of a row's coverage is exactly 1."""
    points = square(left, right, -5.0, 40.0).requires_grad_()
    cover = render(points, torch.ones(4, 1, dtype=torch.float64), SQUARE, (30, 30))[..., 1]
    assert float(cover[10].sum().detach()) == pytest.approx(right - left, abs=1e-9)
    cover[10].sum().backward()
    moved = points.grad[:, 0]
    assert float(moved[[1, 2]].sum()) == pytest.approx(1)
    assert float(moved[[0, 3]].sum()) == pytest.approx(-1)


def finite_difference(change, loss, step):
    with torch.no_grad():
        return float(loss(change(step)) - loss(change(-step))) / (2 * step)


def weighted(seed):
    """A loss that weighs pixels smoothly, and tells colours and coverage apart."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] / 20
    phase = np.random.default_rng(seed).uniform(0, 6, (3, 2))
    waves = np.stack([np.sin(x + p) * np.cos(y + q) + 0.5 for p, q in phase], -1)
    scale = torch.from_numpy(waves)
    return lambda picture: (picture * scale).sum()


MOVES = {
    "right": lambda p: torch.tensor([1.0, 0, 0]).to(p).expand_as(p),
    "down": lambda p: torch.tensor([0, 1.0, 0]).to(p).expand_as(p),
    "larger": lambda p: (p - p.mean(0)) * torch.tensor([1 / 20, 1 / 20, 0]).to(p),
    "turned": lambda p: torch.stack([-(p - p.mean(0))[:, 1], (p - p.mean(0))[:, 0], 0 * p[:, 0]], 1) / 20,
    "waved": lambda p: torch.stack([torch.sin(p[:, 1] / 6), torch.cos(p[:, 0] / 7), 0 * p[:, 0]], 1),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gradients_are_what_finite_differences_say(move, seed):
    points = egg().requires_grad_()
    colours = torch.from_numpy(COLOURS)
    direction, loss = MOVES[move](points.detach()), weighted(seed)
    loss(render(points, colours, SURFACE, SIZE)).backward()
    told = float((points.grad * direction).sum())

    def change(step):
        return render(points.detach() + step * direction, colours, SURFACE, SIZE)

    measured = np.mean([finite_difference(change, loss, step) for step in (0.11, 0.23, 0.37)])
    scale = float((points.grad.abs() * direction.abs()).sum())
    assert told == pytest.approx(measured, abs=0.03 * scale), (told, measured, scale)


def test_without_the_outline_the_gradient_would_miss_what_moves():
    """Coverage has no gradient but at the outline: this is what the blending is for."""
    points = egg().requires_grad_()
    larger = MOVES["larger"](points.detach())
    cover = render(points, torch.ones(len(points), 1, dtype=torch.float64), SURFACE, SIZE)[..., 1].sum()
    cover.backward()
    told = float((points.grad * larger).sum())
    assert told == pytest.approx(2 * float(cover.detach()) / 20, rel=0.03)  # an area grows by twice its scale


def test_attributes_have_exact_gradients():
    points, colours = egg(), torch.from_numpy(COLOURS).requires_grad_()
    weight = torch.from_numpy(np.random.default_rng(7).normal(size=(*SIZE, 3)))
    (render(points, colours, SURFACE, SIZE) * weight).sum().backward()
    direction = torch.from_numpy(np.random.default_rng(8).normal(size=COLOURS.shape))
    with torch.no_grad():
        ahead, behind = (
            (render(points, colours + s * direction, SURFACE, SIZE) * weight).sum() for s in (0.5, -0.5)
        )
    assert float((colours.grad * direction).sum()) == pytest.approx(float(ahead - behind), rel=1e-9)


def test_an_outline_behind_something_is_not_blended():
    """A small square behind a large one changes nothing."""
    front, behind = square(2, 28, 2, 28), square(10.3, 18.6, 10.3, 18.6)
    behind[:, 2] = 5
    both = make_surface(np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]]))
    colours = torch.cat([torch.zeros(4, 1), torch.ones(4, 1)]).double()
    alone = render(front, colours[:4], SQUARE, (30, 30))
    torch.testing.assert_close(render(torch.cat([front, behind]), colours, both, (30, 30)), alone)
    behind[:, 2] = 1  # now it is in front, and blended with what it covers
    seen = render(torch.cat([front, behind]), colours, both, (30, 30))
    assert float(seen[..., 0].sum()) == pytest.approx(8.3**2, abs=1.01)
    torch.testing.assert_close(seen[..., 1], alone[..., 1])


def test_edges_know_both_their_sides():
    assert len(SURFACE.edges) == len(HEAD.triangles) * 3 // 2  # closed
    assert (SURFACE.sides >= 0).all()
    for edge, faces in zip(SURFACE.edges, SURFACE.sides, strict=True):
        assert all(set(edge) <= set(SURFACE.triangles[face]) for face in faces)
    assert (SQUARE.sides[:, 1] < 0).sum() == 4


def test_wrong_input_names_itself():
    with pytest.raises(ShapeError, match="points should be V x 3"):
        render(egg()[:, :2], torch.ones(3, 1), SURFACE, SIZE)
    with pytest.raises(RangeError, match="finite"):
        render(egg() * np.nan, torch.from_numpy(COLOURS), SURFACE, SIZE)

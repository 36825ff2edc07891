"""Renders: the labels are true, the same seed gives the same picture, and what covers a point hides it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.reconstruct.camera import project
from faceplate.reconstruct.morphable import rotation
from faceplate_training.renders import make as drawing
from faceplate_training.renders import people, wear
from faceplate_training.renders.light import Panorama
from faceplate_training.renders.london import SAME, along, points_68
from faceplate_training.renders.make import Renders, Series, make
from faceplate_training.renders.people import PITCH, YAW, rotation_vector, seat
from faceplate_training.renders.scene import REGIONS, SIDE, Studio, in_sight, parts_of, turn_in_view
from faceplate_training.renders.skins import spread

# ------------------------------------------------------------ points


@settings(max_examples=20)
@given(angle=st.floats(-3, 3), grow=st.floats(0.1, 5), x=st.floats(-500, 500), seed=st.integers(0, 99))
def test_the_68_follow_the_189_wherever_they_are_taken(angle, grow, x, seed):
    points = np.random.default_rng(seed).normal(0, 100, (189, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * grow
    np.testing.assert_allclose(points_68(points @ turn.T + x), points_68(points) @ turn.T + x, atol=1e-2)


def test_points_that_both_sets_have_are_taken_as_they_are():
    points = np.random.default_rng(0).normal(0, 100, (189, 2))
    found = points_68(points)
    for place, sources in SAME.items():
        if len(sources) == 1:
            np.testing.assert_allclose(found[place], points[sources[0]], atol=1e-4)
    assert len(set(SAME)) == 34 and np.isfinite(found).all()


def test_shares_of_a_line_are_shares_of_its_length():
    corner = np.array([[0.0, 0], [3, 0], [3, 1]])
    np.testing.assert_allclose(along(corner, (0, 0.5, 0.75, 1)), [[0, 0], [2, 0], [3, 0], [3, 1]])


# ------------------------------------------------------------ skin and light


def test_what_is_known_of_a_skin_stays_and_the_rest_is_filled_from_it():
    rng = np.random.default_rng(1)
    texture = rng.uniform(0.2, 0.4, (64, 64, 3)).astype(np.float32)
    cover = (rng.random((64, 64)) < 0.05).astype(np.float32)
    filled = spread(texture * cover[..., None], cover)
    known = cover > 0
    np.testing.assert_allclose(filled[known], texture[known], atol=1e-5)
    assert texture[known].min() - 1e-4 <= filled.min() and filled.max() <= texture[known].max() + 1e-4


def test_the_camera_sees_what_lies_behind_the_head():
    pixels = np.zeros((64, 128, 3), np.float32)
    pixels[28:36, [0, 1, 126, 127]] = 9.0  # the seam is what the back of the head faces
    shown = Panorama(pixels).behind(65, focal=60.0, turn=0.0)[..., 0]
    assert shown[32, 32] > 4 and shown[32, :8].max() == 0 and shown[:8].max() == 0
    turned = Panorama(pixels).behind(65, focal=60.0, turn=0.5)
    assert turned.max() == 0


@settings(max_examples=30)
@given(vector=st.tuples(*[st.floats(-1.7, 1.7)] * 3))
def test_a_rotation_has_its_vector_back(vector):
    np.testing.assert_allclose(rotation_vector(rotation(np.array(vector))), vector, atol=1e-6)


# ------------------------------------------------------------ what is seen


def test_points_behind_something_or_beside_the_picture_are_not_in_sight():
    depth = np.full((20, 20), np.inf)
    depth[5:15, 5:15] = 100.0
    points = np.array([[10, 10, 101], [10, 10, 120], [2, 2, 500], [10, 30, 90], [5.5, 10, 120]], float)
    np.testing.assert_array_equal(in_sight(points, depth), [True, False, True, False, True])


def test_what_is_laid_over_a_picture_covers_it():
    canvas = wear.Canvas(np.ones((8, 8, 3)), np.zeros((8, 8)), np.full((8, 8), np.inf))
    shape = np.zeros((8, 8))
    shape[2:4, 2:4] = 0.75
    canvas.lay(np.array([0.0, 0.0, 1.0]), shape)
    np.testing.assert_allclose(canvas.pixels[3, 3], [0.25, 0.25, 1.0])
    assert canvas.cover[3, 3] == 0.75 and canvas.cover[5, 5] == 0 and canvas.pixels[5, 5, 0] == 1


@pytest.fixture(scope="module")
def studio(head):
    """The shipped head with one plain skin, under one plain sky."""
    skin = np.full((1, 64, 64, 3), 160, np.uint8)
    return Studio(head, skin, [Panorama(np.ones((32, 64, 3), np.float32))])


def test_sitters_stay_within_what_is_promised(head):
    for n in range(12):
        sitter = seat(head, 320, np.random.default_rng([5, n]))
        seen = project(head.landmarks["68"].on(sitter.vertices).astype(float), sitter.pose, sitter.camera)
        assert abs(sitter.yaw) <= YAW and abs(sitter.pitch) <= PITCH
        middle = seen[:, :2].mean(0)
        assert (middle > 30).all() and (middle < 290).all() and seen[:, 2].min() > 100


def test_the_turn_in_view_is_the_pose_for_a_head_straight_ahead(head):
    sitter = seat(head, 320, np.random.default_rng(1))
    ahead = SimpleNamespace(pose=SimpleNamespace(turn=sitter.pose.turn, move=np.array([0, 0, 600.0])))
    np.testing.assert_allclose(turn_in_view(ahead), sitter.pose.turn, atol=1e-9)  # pyright: ignore[reportArgumentType]


def test_a_head_that_faces_away_by_as_much_as_it_stands_aside_is_seen_from_in_front():
    """A head at 30 degrees to the right of the axis, turned to look along it, shows its side to the lens."""
    ahead = SimpleNamespace(pose=SimpleNamespace(turn=np.zeros(3), move=np.array([0.5, 0, np.sqrt(0.75)])))
    found = turn_in_view(ahead)  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(np.abs(found), [0, np.radians(30), 0], atol=1e-6)
    # its nose points past the lens on the side where it stands: to the right of the picture
    assert found[1] > 0


def test_the_same_seed_gives_the_same_picture_and_another_one_another(studio):
    one, two = (studio.render(np.random.default_rng([3, 1])) for _ in range(2))
    np.testing.assert_array_equal(one.pixels, two.pixels)
    np.testing.assert_array_equal(one.points, two.points)
    np.testing.assert_array_equal(one.regions, two.regions)
    assert (studio.render(np.random.default_rng([3, 2])).pixels != one.pixels).any()


def test_regions_agree_with_points(studio, monkeypatch):
    """Bare heads: the tip of a nose in sight lies on the nose, and iris, eyes and lips are where their points are."""
    monkeypatch.setattr(Studio, "dress", lambda *_: None)
    for n in range(4):
        render = studio.render(np.random.default_rng([9, n]))
        x, y = np.floor(render.points[30]).astype(int)
        if render.visible[30]:
            assert REGIONS[render.regions[y, x]] == "nose"
        rows, columns = np.nonzero(render.regions == REGIONS.index("lips"))
        mouth = render.points[48:60]
        inside = (columns > mouth[:, 0].min() - 8) & (columns < mouth[:, 0].max() + 8)
        assert inside.mean() > 0.95 and len(rows) > 30


def test_what_is_laid_last_is_what_is_labelled(head):
    """Glasses over hair, then a hand over both: every pixel that a hand changed says occluder."""
    skin, sky = np.full((1, 64, 64, 3), 160, np.uint8), [Panorama(np.ones((32, 64, 3), np.float32))]
    always = {"glasses": 1.0, "hand": 0.0, "thing": 0.0, "full_hair": True}
    before, after = (
        Studio(head, skin, sky, wear.Wardrobe(**always, palm=palm), side=128) for palm in (0.0, 1.0)
    )
    seen = set()
    for n in range(8):
        one, two = (studio.render(np.random.default_rng([6, n])) for studio in (before, after))
        assert one.pixels.shape == two.pixels.shape == (128, 128, 3) and one.regions.shape == (128, 128)
        changed = one.regions != two.regions
        assert (two.regions[changed] == REGIONS.index("occluder")).mean() > 0.97  # edges are shared by three
        assert REGIONS.index("occluder") not in one.regions
        seen |= set(np.unique(one.regions)) | set(np.unique(one.regions[changed]))
    assert {REGIONS.index(name) for name in ("hair", "glasses", "brows", "nose")} <= seen


def test_features_lie_about_their_points_on_the_mean_head(head):
    parts = parts_of(head)
    points = head.landmarks["68"].on(head.mean)
    for name, chosen in (("nose", range(28, 36)), ("lips", range(61, 68)), ("brows", range(17, 27))):
        inside = head.mean[(parts[name] > 0) & (head.mask("face") > 0.5)]
        assert len(inside) > 40, name
        nearest = np.linalg.norm(inside[:, None] - points[None, list(chosen)], axis=2).min(1)
        assert nearest.max() < 22 and abs(inside[:, 0].mean()) < 1, name
    together = [(parts[name] > 0).astype(int) for name in parts]
    assert np.sum(together, 0).max() == 1


def test_a_profile_hides_its_far_side(studio, monkeypatch):
    monkeypatch.setattr(Studio, "dress", lambda *_: None)
    usual = people.seat

    def aside(head, side, rng):
        sitter = usual(head, side, rng)
        pose = SimpleNamespace(turn=np.array([0, 1.2, 0.0]), move=np.array([0, 0, 900.0]))
        camera = SimpleNamespace(focal=900.0, centre=(160.0, 160.0))
        return SimpleNamespace(vertices=sitter.vertices, pose=pose, camera=camera, yaw=1.2, pitch=0.0)

    monkeypatch.setattr("faceplate_training.renders.scene.seat", aside)
    render = studio.render(np.random.default_rng(4))
    near, far = render.visible[0:4].mean(), render.visible[13:17].mean()
    assert near == 1.0 and far == 0.0  # turned to the picture's right, the subject's right ear is in front
    assert not render.visible[45:47].any() and render.visible[36:38].all()


def test_renders_come_back_from_their_files_and_are_not_drawn_twice(studio, tmp_path, monkeypatch):
    make(studio, tmp_path, "train", seed=8, count=2)
    found = Renders.read(tmp_path, "train")
    again = Renders.gathered([studio.render(np.random.default_rng([8, n])) for n in range(2)])
    for name in Renders.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(found, name), getattr(again, name))
    assert found.pixels.shape == (2, SIDE, SIDE, 3)
    monkeypatch.setattr(Studio, "render", lambda *_: pytest.fail("drawn twice"))
    make(studio, tmp_path, "train", seed=8, count=2)
    with pytest.raises(FileNotFoundError, match=r"README says what draws them"):
        Renders.read(tmp_path, "held_out")


# ------------------------------------------------------------ London


def test_the_sides_of_a_series_share_no_seed_no_skin_no_light_and_no_file(head, tmp_path, monkeypatch):
    seen = {}

    def noted(_head, *made_of) -> Any:
        return made_of

    monkeypatch.setattr(drawing, "skins", lambda head, root, store, held_out: (store.name, held_out))
    monkeypatch.setattr(drawing, "panoramas", lambda folder: ["day", "night"])
    monkeypatch.setattr(drawing, "make", lambda studio, *told: seen.update({told[1]: (studio, *told[2:])}))
    series = Series("one", Renders, seed=5, count=9, studio=noted, light=lambda all_of, out: [all_of[out]])
    for out in (False, True):
        series.draw(tmp_path, tmp_path, head, 3, held_out=out)
    assert seen == {
        "one_train": ((("skins_train.npz", False), ["day"]), 5, 3, Renders),
        "one_held_out": ((("skins_held_out.npz", True), ["night"]), 1_000_005, 3, Renders),
    }


def test_held_out_renders_are_drawn_once(studio, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(drawing, "skins", lambda *_, **__: drawn.append("skins"))
    monkeypatch.setattr(drawing, "panoramas", lambda folder: [])
    series = Series("two", Renders, seed=5, count=9, studio=lambda *_: studio)
    first, second = series.held_out(tmp_path, tmp_path, 1), series.held_out(tmp_path, tmp_path, 1)
    assert drawn == ["skins"] and len(first) == 1
    np.testing.assert_array_equal(first.pixels, second.pixels)


def test_heads_fitted_to_london_meet_their_points(head, shared):
    """A guard for the correspondence: points of the wrong kind or order would not fit a head to within 3 per cent."""
    from faceplate_training.renders.london import fit_head, marked

    items = marked(shared / "photos")
    assert len(items) == 70 and sum(item.photo.held_out for item in items) == 14
    for item in items[::23]:
        fitted = fit_head(head, item.points, (1024, 1024))
        eyes = np.linalg.norm(item.points[36:42].mean(0) - item.points[42:48].mean(0))
        assert fitted.off < 0.04 * eyes
        turn = rotation_vector(rotation(fitted.pose.turn))
        assert np.linalg.norm(turn) < 0.35

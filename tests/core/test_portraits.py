"""Photos made ready for a head: upright, one face, its points; and every photo that is none says so in a sentence."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from faceplate.errors import RangeError
from faceplate.faces import FFHQ_512, Face
from faceplate.geometry import apply, scaling, translation
from faceplate.portraits import LENS, PortraitNets, choose_face, expect_one_person, read_portrait
from faceplate.stages.landmarks import SIDE, TEMPLATE
from faceplate.stages.parse import CELLS, CLASSES
from faceplate_client.errors import InputError, ModelError, RequestError

WIDTH, HEIGHT = 320, 240


class StubNets:
    """Nets that find a face at given places and points in a given shape, whatever the picture."""

    def __init__(self, *, boxes=((100, 60, 220, 200),), turn=0.0, id="stub-1"):
        self.boxes, self.turn, self.id, self.template, self.seconds = boxes, turn, id, "", 0.0

    def landmarks(self, batch):
        spot = np.repeat(TEMPLATE.mean(0)[None], 68, 0)
        spot[[36, 42, 30, 48, 54]] = TEMPLATE
        both = np.stack([spot, spot]).astype(np.float32)
        turn = np.array([[0, self.turn, 0], [0, -self.turn, 0]], np.float32)
        return both, np.ones((2, 68), np.float32), np.ones((2, 68), np.float32), turn


class Landmarker(StubNets):
    def __call__(self, batch):
        assert batch.shape == (2, 3, SIDE, SIDE)
        return self.landmarks(batch)


def face_at(x0, y0, x1, y1) -> Face:
    placed = translation(x0, y0) @ scaling((y1 - y0) / 512)
    return Face((x0, y0, x1, y1), apply(placed, FFHQ_512), 0.9)


def picture(seed=0, *, grey=False) -> np.ndarray:
    random = np.random.default_rng(seed)
    small = random.uniform(0.2, 0.8, (HEIGHT // 20, WIDTH // 20, 1 if grey else 3))
    return np.repeat(np.repeat(np.broadcast_to(small, (*small.shape[:2], 3)), 20, 0), 20, 1).astype(
        np.float32
    )


def save(path: Path, pixels: np.ndarray, **attributes) -> Path:
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 3, "uint8")
    spec.attribute("Compression", "jpeg:100")
    for name, value in attributes.items():
        spec.attribute(name.replace("__", ":"), value)
    file = oiio.ImageOutput.create(str(path))
    assert (
        file
        and file.open(str(path), spec)
        and file.write_image(np.ascontiguousarray(pixels))
        and file.close()
    )
    return path


def points_file(folder: Path, box=(100, 60, 220, 200)) -> Path:
    random = np.random.default_rng(5)
    points = random.uniform(box[:2], box[2:], (68, 2))
    (folder / "points.json").write_text(json.dumps(points.tolist()))
    return folder / "points.json"


# ------------------------------------------------------------ which face


def test_no_face_asks_for_another_photo():
    with pytest.raises(InputError, match=r"No face was found in a\.jpg.*--points") as raised:
        choose_face([], Path("a.jpg"), None)
    assert raised.value.code == "input.face"


def test_two_faces_ask_which_and_a_number_answers():
    two = [face_at(10, 10, 90, 110), face_at(150, 20, 220, 110)]
    with pytest.raises(RequestError, match=r"2 faces in a\.jpg: 1 at x 50.*2 at x 185.*--face N") as raised:
        choose_face(two, Path("a.jpg"), None)
    assert raised.value.code == "request.face"
    assert choose_face(two, Path("a.jpg"), 2) is two[1]
    with pytest.raises(RequestError, match="--face 3 was asked for"):
        choose_face(two, Path("a.jpg"), 3)
    with pytest.raises(RequestError, match="--face 0"):
        choose_face(two, Path("a.jpg"), 0)


def test_somebody_far_behind_is_not_asked_about():
    two = [face_at(10, 10, 90, 110), face_at(150, 20, 170, 45)]
    assert choose_face(two, Path("a.jpg"), None) is two[0]


def test_a_profile_is_refused_by_the_net_that_sees_it(tmp_path, monkeypatch):
    monkeypatch.setattr("faceplate.portraits.detect_faces", lambda plate, net: [face_at(100, 60, 220, 200)])
    photo = save(tmp_path / "a.jpg", picture())
    nets = PortraitNets(detect=Landmarker(), landmarks=Landmarker(turn=np.radians(82)))
    with pytest.raises(RangeError, match="turned 82 degrees to the side"):
        read_portrait(photo, nets)
    found = read_portrait(photo, PortraitNets(detect=Landmarker(), landmarks=Landmarker(turn=0.3)))
    assert found.still.points.shape == (68, 2) and found.still.trust is not None and found.still.spread > 0


def test_what_a_net_says_of_the_head_goes_with_the_photo(tmp_path, monkeypatch, head):
    monkeypatch.setattr("faceplate.portraits.detect_faces", lambda plate, net: [face_at(100, 60, 220, 200)])
    told = [np.zeros((1, 68, 2)), np.ones((1, 68)), np.ones((1, 68)), np.zeros((1, 3))]
    told += [
        np.zeros((1, 60)),
        np.ones((1, 60)),
        np.full((1, 52), 0.25),
        np.full((1, 52), 0.1),
        np.zeros((1, 3, 8, 8)),
    ]

    def guess(batch):
        return tuple(part.astype(np.float32) for part in told)

    photo = save(tmp_path / "a.jpg", picture())
    nets = PortraitNets(detect=Landmarker(), landmarks=Landmarker(turn=0.1), guess=guess)  # pyright: ignore
    still = read_portrait(photo, nets, head).still
    assert still.expected is not None and still.expected_identity is not None
    np.testing.assert_allclose(still.expected.mean[head.arkit], 0.25)
    # nobody asks about a head whose coefficients the net does not tell, nor where points are given
    assert read_portrait(photo, nets, replace(head, id="flame@2023")).still.expected is None
    assert read_portrait(photo, nets).still.expected is None
    assert read_portrait(photo, nets, head, points=points_file(tmp_path)).still.expected is None


class Parser:
    """Sees a hand over the left half of a crop, or over all of it, wherever it looks."""

    def __init__(self, share: float):
        self.share = share

    def __call__(self, batch):
        likely = np.zeros((len(CLASSES), CELLS, CELLS), np.float32)
        wide = round(self.share * CELLS)
        likely[CLASSES.index("occluder"), :, :wide] = 1
        likely[CLASSES.index("skin"), :, wide:] = 1
        return (np.stack([likely, likely[..., ::-1]]),)


def upright_points(folder: Path) -> Path:
    """The 68 of a face that stands upright in the middle of the picture."""
    five = face_at(100, 60, 220, 180).points
    points = np.repeat(five.mean(0)[None], 68, 0)
    for first, last, spot in ((36, 42, 0), (42, 48, 1), (27, 36, 2), (48, 51, 3), (54, 60, 4)):
        points[first:last] = five[spot]
    points[:17] = np.column_stack([np.linspace(110, 210, 17), 70 + 100 * np.sin(np.linspace(0, np.pi, 17))])
    (folder / "points.json").write_text(json.dumps(points.tolist()))
    return folder / "points.json"


def test_what_covers_a_face_goes_with_the_photo(tmp_path):
    photo, points = save(tmp_path / "a.jpg", picture()), upright_points(tmp_path)
    portrait = read_portrait(photo, PortraitNets(parse=Parser(0.5)), points=points)  # pyright: ignore
    regions = portrait.still.regions
    assert regions is not None and any("covers 5" in note for note in portrait.notes)
    middle = regions.covered[120]
    assert middle[130] > 0.9 and middle[190] < 0.1
    assert read_portrait(photo, PortraitNets(), points=points).still.regions is None


def test_a_net_that_sees_no_skin_at_all_is_not_believed(tmp_path):
    photo, points = save(tmp_path / "a.jpg", picture()), upright_points(tmp_path)
    assert read_portrait(photo, PortraitNets(parse=Parser(1.0)), points=points).still.regions is None  # pyright: ignore


def test_nobody_looks_for_faces_without_nets(tmp_path):
    with pytest.raises(ModelError, match="give points"):
        read_portrait(save(tmp_path / "a.jpg", picture()), PortraitNets())


# ------------------------------------------------------------ the photo


def test_a_photo_on_its_side_is_seen_upright(tmp_path):
    """EXIF 6: the camera stood on its side. Points are those of the upright photo, so both are one portrait."""
    upright = picture()
    lying = np.ascontiguousarray(np.rot90(upright, 1))
    points = points_file(tmp_path)
    plain = read_portrait(save(tmp_path / "a.jpg", upright), PortraitNets(), points=points)
    turned = read_portrait(save(tmp_path / "b.jpg", lying, Orientation=6), PortraitNets(), points=points)
    assert turned.still.pixels.shape == plain.still.pixels.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(turned.still.pixels - plain.still.pixels).mean() < 0.01
    assert turned.still.camera == plain.still.camera


def test_a_grey_photo_says_that_its_texture_is_grey(tmp_path):
    points = points_file(tmp_path)
    grey = read_portrait(save(tmp_path / "a.jpg", picture(grey=True)), PortraitNets(), points=points)
    assert [note for note in grey.notes if "is grey" in note]
    coloured = read_portrait(save(tmp_path / "b.jpg", picture()), PortraitNets(), points=points)
    assert coloured.notes == []


def test_a_small_face_says_how_small(tmp_path):
    points = points_file(tmp_path, (100, 60, 140, 100))
    (note,) = read_portrait(save(tmp_path / "a.jpg", picture()), PortraitNets(), points=points).notes
    assert "only 3" in note or "only 4" in note


def test_the_lens_is_read_from_the_file_unless_it_is_told(tmp_path):
    points = points_file(tmp_path)
    photo = save(tmp_path / "a.jpg", picture(), Exif__FocalLengthIn35mmFilm=85)
    assert read_portrait(photo, PortraitNets(), points=points).lens == 85
    assert read_portrait(photo, PortraitNets(), points=points, lens=35).lens == 35
    plain = read_portrait(save(tmp_path / "b.jpg", picture()), PortraitNets(), points=points)
    assert plain.lens is None and plain.still.camera.focal == pytest.approx(WIDTH * LENS / 36)


def test_points_of_another_photo_are_noticed(tmp_path):
    points = points_file(tmp_path, (900, 900, 1800, 1900))
    with pytest.raises(InputError, match="320 x 240 pixels"):
        read_portrait(save(tmp_path / "a.jpg", picture()), PortraitNets(), points=points)


# ------------------------------------------------------------ who it is


def portraits_of(tmp_path, *vectors):
    points, found = points_file(tmp_path), []
    for k, vector in enumerate(vectors):
        photo = save(tmp_path / f"{k}.jpg", picture(k))

        class Who(StubNets):
            def __call__(self, batch, vector=vector):
                return (np.asarray([vector], np.float32),)

        found.append(read_portrait(photo, PortraitNets(identity=Who()), points=points))
    return found


def test_photos_of_different_people_are_refused_and_named(tmp_path):
    one, like, other = (1, 0, 0), (0.9, 0.4, 0), (0, 0, 1)
    expect_one_person(portraits_of(tmp_path, one, like))
    expect_one_person(portraits_of(tmp_path, one))
    with pytest.raises(RequestError, match=r"2\.jpg seems to show somebody else.*--force") as raised:
        expect_one_person(portraits_of(tmp_path, one, like, other))
    assert raised.value.code == "request.person"

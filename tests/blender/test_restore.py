"""In a real Blender: faces restored on images and strips, as one step of undo; Esc leaves everything as it was."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import OpenImageIO as oiio
import pytest

from faceplate_client import read_operations

pytestmark = pytest.mark.weights

SIZE = 240
FRAMES = 3


@pytest.fixture(scope="module")
def work(shared, tmp_path_factory) -> Path:
    """A folder with a soft portrait, a pan over it as numbered pictures, and the same as a movie."""
    photo = shared / "photos" / "london" / "017_neutral.jpg"
    if not photo.is_file():
        pytest.skip("photo 017 of the Face Research Lab London Set is not in ../shared")
    folder = tmp_path_factory.mktemp("restore")
    small = cv2.resize(_picture(photo), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small, (0, 0), 1.5)
    cv2.imwrite(str(folder / "portrait.png"), soft)
    (folder / "plates").mkdir()
    pan = [np.roll(soft, 2 * number, axis=1) for number in range(FRAMES)]
    for number, frame in enumerate(pan, 1001):
        cv2.imwrite(str(folder / "plates" / f"plate.{number}.png"), frame)
    _write_movie(folder / "reel.mp4", pan)
    _write_layers(folder / "layers.exr")
    return folder


@pytest.fixture(scope="module")
def on_images(inside, work):
    """What the script for images said, and the pixels it saw."""
    facts = inside("restore_images.py", work / "portrait.png", work)
    with np.load(work / "seen.npz") as held:
        return facts, {name: held[name] for name in held.files}


@pytest.fixture(scope="module")
def on_strips(inside, work):
    """What the script for strips said."""
    return inside("restore_strips.py", work / "reel.mp4", work)


def _picture(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path))
    assert pixels is not None, path
    return pixels


def _write_movie(path: Path, frames: list[np.ndarray]) -> None:
    with av.open(str(path), "w") as movie:
        stream = movie.add_stream("libx264", rate=Fraction(24))
        stream.width = stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        movie.mux(stream.encode())


def _write_layers(path: Path) -> None:
    names = ("R", "G", "B", "glow.R", "glow.G", "glow.B")
    spec = oiio.ImageSpec(8, 8, len(names), "half")
    spec.channelnames = names
    file = oiio.ImageOutput.create(str(path))
    assert file is not None and file.open(str(path), spec)
    assert file.write_image(np.zeros((8, 8, len(names)), np.float32)) and file.close()


def moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(H, W) which pixels are not the same, bit for bit."""
    return (before.view(np.uint32) != after.view(np.uint32)).any(-1)


def rim_and_face(mask: np.ndarray) -> tuple[float, float]:
    """How much of a mask lies along the picture's rim, and in its middle."""
    middle = slice(SIZE // 3, 2 * SIZE // 3)
    rim = np.ones_like(mask)
    rim[SIZE // 8 : -SIZE // 8, SIZE // 8 : -SIZE // 8] = False
    return float(mask[rim].mean()), float(mask[middle, middle].mean())


def test_the_settings_are_those_of_the_table(on_strips):
    """And what is Blender's own, the folder of a strip's files."""
    shown = dict(on_strips["settings"])
    assert shown.pop("folder")[0] == "Folder"
    table = read_operations()
    every = [each for name in ("restore", "veil", "steady", "film") for each in table[name]["parameters"]]
    assert shown == {
        each["name"]: [each["label"], each["hint"].rstrip("."), _as_blender_says(each)] for each in every
    }


def _as_blender_says(parameter) -> str:
    default = parameter["default"]
    return str(float(default)) if parameter["type"] == "float" else str(default)


def test_the_panels_show_every_setting(on_strips):
    table = read_operations()
    named = {name: [each["name"] for each in table[name]["parameters"]] for name in table}
    assert on_strips["panels"] == {
        "IMAGE_EDITOR": [*named["restore"], *named["veil"], "faceplate.restore_image"],
        "SEQUENCE_EDITOR": [
            *named["restore"], *named["veil"], *named["steady"], *named["film"], "folder", "faceplate.restore_strip",
        ],
    }  # fmt: skip


STOPPED = {
    "answers": [["RUNNING_MODAL"], ["PASS_THROUGH"], ["CANCELLED"]], "ran": True, "ended": True, "same": True,
    "folder": False, "timers": 0,
}  # fmt: skip


# ------------------------------------------------------------ images


@pytest.mark.parametrize("kind", ["byte", "float"])
def test_a_face_is_restored_beside_the_old_image(on_images, kind):
    facts, seen = on_images
    assert facts[kind]["answer"] == ["FINISHED"]
    np.testing.assert_array_equal(seen[f"{kind}_before"], seen[f"{kind}_kept"])
    rim, face = rim_and_face(moved(seen[f"{kind}_before"], seen[f"{kind}_after"]))
    assert rim == 0 and face > 0.8
    after = facts[kind]["after"]
    for name in ("space", "float", "size"):
        assert after[name] == facts[kind]["before"][name], name
    assert after["packed"] and after["kept"] and after["source"] == "FILE"


def test_light_beyond_one_stays_as_it_was(on_images):
    """In the untouched corner, bit for bit, and on the face; the .blend opened again has the same bits."""
    facts, seen = on_images
    before, after = seen["float_before"], seen["float_after"]
    assert not moved(before, after)[:40, :40].any() and before[:40, :40].max() > 13 and before.min() < -0.4
    assert after[SIZE // 2, SIZE // 2, 0] > 20
    assert not moved(after, seen["float_opened"]).any()
    assert facts["float_opened"] == facts["float"]["after"]


def test_a_larger_image_of_data_keeps_its_space(on_images):
    facts, _ = on_images
    assert facts["data"]["answer"] == ["FINISHED"]
    assert facts["data"]["after"]["size"] == [2 * SIZE, 2 * SIZE]
    assert facts["data"]["after"]["space"] == "Non-Color"


def test_no_face_is_no_error(on_images):
    facts, seen = on_images
    assert facts["faceless"]["answer"] == ["FINISHED"]
    assert not moved(seen["faceless_before"], seen["faceless_after"]).any()


def test_what_cannot_be_restored_is_said_in_a_sentence(on_images):
    facts, _ = on_images
    refused = facts["refused"]
    for name, said in (
        ("SEQUENCE", "has several frames. Add it to the Sequencer"),
        ("MOVIE", "has several frames. Add it to the Sequencer"),
        ("TILED", "is made of tiles"),
        ("layers", "has layers"),
        ("render", "holds no pixels of its own"),
        ("gone", "cannot be read from"),
        ("channel", "Channel Packed"),
        ("space", "there is no colour space 'AgX Log'"),
        ("none", "poll() failed"),
    ):
        assert said in refused[name], name
    assert facts["left"] == ["data restored", "light restored", "portrait.png restored", "wall restored"]


def test_an_image_comes_in_one_step_of_undo(on_images):
    facts, _ = on_images
    before, made, after = facts["image_undo"]
    assert set(made) - set(before) == {"wall restored.001"} and after == before


def test_esc_leaves_images_as_they_were(on_images):
    facts, _ = on_images
    assert facts["image_esc"] == STOPPED


# ------------------------------------------------------------ strips


@pytest.mark.parametrize("name", ["pictures", "held", "movie", "inside"])
def test_a_twin_lies_above_in_the_same_place(on_strips, name):
    assert on_strips[name]["answer"] == ["FINISHED"] and on_strips[name]["active"]
    before, after = on_strips[name]["before"], on_strips[name]["after"]
    for each in ("range", "start", "offsets", "blend", "mute", "space"):
        assert after[each] == before[each], each
    assert after["channel"] > before["channel"]


def test_pictures_keep_their_names_in_a_folder_of_their_own(on_strips, work):
    """Channel 2 has a strip and channel 3 is locked; what is twice as large is shown at half the scale."""
    before, after = on_strips["pictures"]["before"], on_strips["pictures"]["after"]
    assert after["channel"] == 4 and after["files"] == before["files"] and len(after["files"]) == FRAMES
    assert (after["scale"], after["crop"]) == (before["scale"] / 2, before["crop"] * 2)
    folder = work / "plates" / "plate restored"
    assert Path(after["folder"]) == folder and sorted(p.name for p in folder.iterdir()) == after["files"]
    for name in after["files"]:
        plate, restored = _picture(work / "plates" / name), _picture(folder / name)
        assert restored.shape == (2 * SIZE, 2 * SIZE, 3)
        smaller = cv2.resize(restored, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        assert 0 < np.abs(smaller - plate.astype(int)).mean() < 8


def test_a_movie_is_kept_where_somebody_said(on_strips, work):
    path = work / "kept" / "reel restored.mp4"
    assert on_strips["movie"]["after"]["files"] == [str(path)]
    assert sorted(p.name for p in (work / "kept").iterdir()) == [path.name]
    with av.open(str(path)) as movie:
        assert sum(1 for _ in movie.decode(video=0)) == FRAMES


def test_a_strip_inside_a_meta_strip_gets_its_twin_there(on_strips):
    assert on_strips["in_meta"] == ["inner", "inner restored"]


def test_strips_that_cannot_be_restored_are_told_why(on_strips):
    assert "no numbered sequence" in on_strips["mixed"]["answer"] and "poll() failed" in on_strips["colour"]
    assert "is not there" in on_strips["no_folder"]


def test_a_strip_comes_in_one_step_of_undo(on_strips):
    before, made, after = on_strips["strip_undo"]
    assert set(made) - set(before) == {"held restored.001"} and after == before


def test_esc_leaves_strips_and_folders_as_they_were(on_strips):
    assert on_strips["strip_esc"] == STOPPED

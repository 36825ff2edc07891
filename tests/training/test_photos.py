"""Who is trained on and who is not, and what a frame must be to serve as a target."""

from pathlib import Path

import numpy as np
import pytest

from faceplate.faces import FFHQ_512
from faceplate_training.photos import Frame, Photo, cut_frame, grain, is_clean, is_photograph, photos


def test_every_fifth_london_person_is_held_out_with_both_photos(shared: Path) -> None:
    london = [photo for photo in photos(shared / "photos") if photo.source == "london"]
    out = {photo.person for photo in london if photo.held_out}
    kept = {photo.person for photo in london if not photo.held_out}
    assert len(out) == 14 and not out & kept
    assert sum(photo.held_out for photo in london) == 28


def test_evaluation_sets_are_never_listed(shared: Path) -> None:
    folders = {photo.path.parts[-2] for photo in photos(shared / "photos")}
    assert "lfw_dev" not in folders


@pytest.mark.parametrize(
    ("born", "grey", "laplacian", "expected"),
    [
        (1950, 0.0, 300, True),
        (1850, 0.0, 300, False),
        (1890, 20.0, 300, True),
        (1890, 20.0, 9000, False),
        (1950, 9, 5, False),
    ],
)
def test_prints_are_told_from_photographs(born: int, grey: float, laplacian: float, expected: bool) -> None:
    row = {"born": str(born), "saturation_gray": str(grey), "laplacian": str(laplacian)}
    assert is_photograph(row) is expected


def test_a_grainy_portrait_is_no_target() -> None:
    rng = np.random.default_rng(0)
    photo = Photo(Path("x.jpg"), "congress_x", "congress")
    ramp = np.repeat(np.linspace(60, 180, 250)[None, :, None], 250, axis=0) * np.array([1.0, 0.8, 0.6])
    smooth = Frame(np.round(ramp).astype(np.uint8), 200.0, photo)
    rough = Frame(np.clip(ramp + rng.normal(0, 9, (250, 250, 1)), 0, 255).astype(np.uint8), 200.0, photo)
    assert grain(rough) > grain(smooth)
    assert not is_clean(rough)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7])
def test_a_frame_is_never_enlarged_beyond_its_photo(scale: float) -> None:
    picture = np.full((900, 900, 3), 128, np.uint8)
    frame = cut_frame(picture, FFHQ_512 * scale, Photo(Path("x.jpg"), "x", "london"))
    assert frame.template_side == pytest.approx(min(512, 512 * scale), rel=1e-3)
    assert frame.pixels.shape[0] == round(frame.template_side * 1.25)

"""Points from files: every form gives the same 68 points, and what is none says what was expected."""

import json

import numpy as np
import pytest

from faceplate.reconstruct.points_file import LONDON, from_london, read_points
from faceplate_client.errors import InputError

POINTS = np.random.default_rng(0).uniform(100, 900, (68, 2)).round(2).astype(np.float32)
PLAIN = "\n".join(f"{x:.2f} {y:.2f}" for x, y in POINTS)


def test_every_form_gives_the_same_points(tmp_path):
    ibug = "\n".join(f"{x + 0.5:.2f} {y + 0.5:.2f}" for x, y in POINTS)  # whose first pixel is (1, 1)
    files = {
        "a.pts": f"version: 1\nn_points: 68\n{{\n{ibug}\n}}\n",
        "b.json": json.dumps(POINTS.tolist()),
        "c.json": json.dumps({"points": POINTS.tolist(), "about": "anything"}),
        "d.txt": PLAIN,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        np.testing.assert_allclose(read_points(tmp_path / name), POINTS, atol=1e-3)


def test_london_points_move_with_the_face():
    """By correspondence means linear but for the spacing along two curves: shifted and enlarged faces agree."""
    random = np.random.default_rng(1)
    face = np.cumsum(random.uniform(0.5, 2, (LONDON, 2)), axis=0)
    found = from_london(face)
    assert found.shape == (68, 2)
    np.testing.assert_allclose(from_london(face * 3 + (40, -7)), found * 3 + (40, -7), rtol=1e-4)


def test_london_photos_put_points_where_ibug_does(shared):
    """Eyes left of one another, brows above eyes, the nose between them and the mouth, chin lowest."""
    files = sorted((shared / "photos" / "london").glob("*.pts189.txt"))
    assert len(files) > 40
    for path in files:
        p = read_points(path)
        assert p[36, 0] < p[39, 0] < p[42, 0] < p[45, 0]
        assert p[17:22, 1].max() < p[36:42, 1].max() and p[22:27, 1].max() < p[42:48, 1].max()
        assert (np.diff(p[27:31, 1]) > 0).all() and p[30, 1] < p[33, 1] < p[51, 1] < p[57, 1] < p[8, 1]
        assert p[0, 0] < p[36, 0] and p[16, 0] > p[45, 0]
        apart = np.linalg.norm(np.diff(p[:17], axis=0), axis=1)
        assert apart.max() < 1.3 * apart.min()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.pts", "version: 1\n{\n1 2\n3 4\n}", "holds 2 x 2 numbers"),
        ("a.json", "[[1, 2], [3]]", "not a list of pairs"),
        ("a.json", '{"landmarks": []}', "not a list of pairs"),
        ("a.txt", "one two", "not two numbers"),
        ("a.txt", PLAIN.replace(PLAIN.split()[0], "nan", 1), "not finite"),
    ],
)
def test_what_is_no_face_says_what_was_expected(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=said) as raised:
        read_points(tmp_path / name)
    assert "expected the 68 points of one face" in str(raised.value)


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_points(tmp_path / "none.pts")

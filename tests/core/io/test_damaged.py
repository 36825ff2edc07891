"""Mutated and truncated files: read, or refused in a sentence; never a crash, never a hang."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from faceplate.io.images import read_picture
from faceplate_client.errors import InputError
from tests.support.pictures import noise, save_picture

KINDS = ["zip.exr", "piz.exr", "none.exr", "ten.dpx", "zip.tif", "none.tif", "eight.png", "colour.jpg"]
EACH = 25
"""Damaged files of each kind: 200 together."""

READER = """
    import sys, time
    from pathlib import Path
    from faceplate.io.colourspaces import encoding_for, guess_space
    from faceplate.io.images import read_picture
    from faceplate.io.plates import to_plate
    from faceplate_client.errors import FaceplateError

    for path in sorted(Path(sys.argv[1]).iterdir()):
        start = time.perf_counter()
        try:
            picture = read_picture(path)
            plate = to_plate(picture, 1, encoding_for("srgb"))
            guess_space(picture)
            told = f"read {plate.pixels.shape}"
        except FaceplateError as error:
            assert error.exit_code in (64, 65), error
            assert str(path) in str(error) and "\\n" not in str(error), error
            told = f"refused {error}"
        print(path.name, f"{time.perf_counter() - start:.3f}", told)
"""


def sound_file(folder, kind):
    name, ending = kind.split(".")
    ramp = np.add.outer(np.arange(60), np.arange(80)) % 97 / 97
    pixels = (ramp[..., None] + noise((60, 80, 3), np.uint8) / 2550).astype(np.float32)
    if ending == "exr":
        return save_picture(folder / kind, pixels.astype(np.float16), compression=name)
    if ending == "dpx":
        return save_picture(folder / kind, (pixels * 60000).astype(np.uint16), oiio__BitsPerSample=10)
    if ending == "tif":
        return save_picture(folder / kind, (pixels * 60000).astype(np.uint16), compression=name)
    return save_picture(folder / kind, (pixels * 230).astype(np.uint8))


def damaged(data: bytes, random: np.random.Generator) -> bytes:
    """One accident: cut short, bits flipped, header overwritten, a block zeroed, doubled or taken out."""
    content, accident = bytearray(data), random.integers(6)
    place = int(random.integers(len(content)))
    if accident == 0:
        return bytes(content[:place])
    if accident == 1:
        for at in random.integers(len(content), size=random.integers(1, 20)):
            content[at] ^= 1 << int(random.integers(8))
    elif accident == 2:
        head = min(len(content), 600)
        for at in random.integers(4, head, size=8):
            content[at] = int(random.integers(256))
    elif accident == 3:
        content[place : place + 64] = bytes(len(content[place : place + 64]))
    elif accident == 4:
        content[place:place] = content[place : place + 100]
    else:
        del content[place : place + 50]
    return bytes(content)


@pytest.mark.slow
def test_two_hundred_damaged_files_neither_crash_nor_hang(tmp_path, root):
    sound, broken = tmp_path / "sound", tmp_path / "broken"
    sound.mkdir()
    broken.mkdir()
    random = np.random.default_rng(20_24)
    for kind in KINDS:
        data = sound_file(sound, kind).read_bytes()
        for number in range(EACH):
            (broken / f"{number:02}_{kind}").write_bytes(damaged(data, random))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(READER), str(broken)],
        capture_output=True, text=True, timeout=120, cwd=root, env={"PYTHONPATH": str(root / "core"), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert len(lines) == len(KINDS) * EACH
    slowest = max(float(line.split()[1]) for line in lines)
    assert slowest < 5, [line for line in lines if float(line.split()[1]) == slowest]
    refused = sum(" refused " in line for line in lines)
    assert refused > 60, "most accidents should be noticed"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_a_truncated_file_is_named_and_not_half_read(kind, share, tmp_path):
    path = sound_file(tmp_path, kind)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=kind):
        read_picture(path)


def test_a_flipped_bit_in_a_zip_exr_is_noticed(tmp_path):
    path = sound_file(tmp_path, "zip.exr")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        read_picture(path)

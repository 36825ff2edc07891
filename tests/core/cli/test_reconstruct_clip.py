"""`faceplate reconstruct CLIP`: a head that moves as the clip does, with the nets that ship, and what is refused."""

import json
import shutil
import subprocess

import cv2
import numpy as np
import pytest

from faceplate.reconstruct.albedo import read_albedo
from faceplate.reconstruct.head_file import read_head
from faceplate.registry.catalogue import has_model, manifest_for, read_weights
from tests.support.flame import make_rig, pickled, topology
from tests.support.head_clip import Acted, picture_of, weights_of

FRAMES, FIRST, BLANK = 24, 1001, 1013
STRONG = ("jawOpen", "mouthSmileLeft", "browInnerUp")


@pytest.fixture
def ours(monkeypatch):
    """The models of the checkout instead of stubs."""
    monkeypatch.delenv("FACEPLATE_MODELS")
    for task in ("face.landmarks", "head.model", "head.albedo"):
        if not has_model(task):
            pytest.skip(f"models/open holds nothing for {task}: the recipes are in core/faceplate_training")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A clip that was rendered from a head, 1001-1024 with a wall on 1013, and its true weights by name."""
    folder = tmp_path_factory.mktemp("clip")
    head = read_head(read_weights(manifest_for("head.model")))
    albedo = read_albedo(read_weights(manifest_for("head.albedo")), head)
    time = np.arange(FRAMES)
    smile = np.clip(np.sin((time - 10) / 4), 0, 1) * 0.9
    curves = {
        "jawOpen": 0.4 - 0.4 * np.cos(time * 2 * np.pi / 8),
        "mouthSmileLeft": smile,
        "mouthSmileRight": smile,
        "browInnerUp": np.clip(np.sin(time / 4), 0, 1) * 0.9,
    }
    turns = np.stack([0.05 * np.sin(time / 5), 0.3 * np.sin(time / 5), 0 * time], 1)
    acted = Acted(np.random.default_rng(5).normal(size=30) * 0.8, weights_of(head, curves), turns)
    for k in range(FRAMES):
        wall = np.full((acted.side, acted.side, 3), 90, np.uint8)
        pixels = wall if k == BLANK - FIRST else picture_of(head, albedo, acted, k)
        cv2.imwrite(str(folder / f"plate.{FIRST + k}.png"), pixels[..., ::-1])
    return folder, {name: curves[name] for name in STRONG}


def run(faceplate, clip, output, *words):
    return faceplate(
        "reconstruct", clip[0] / "plate.####.png", "-o", output, "--texture", "0", "--quick", *words
    )


def arrays(path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def test_a_clip_gives_a_head_and_what_it_does(ours, faceplate, clip, tmp_path):
    code, said, told = run(faceplate, clip, tmp_path / "head.npz", "--json")
    assert code == 0, told
    report, held = json.loads(said), arrays(tmp_path / "head.npz")
    assert report["clip"]["frames"] == FRAMES and report["clip"]["lost"] == [BLANK]
    assert "1/5 looking through the clip" in told and f"not seen on frame {BLANK}" not in said
    assert len(report["photos"]) == 5 and BLANK not in report["clip"]["chosen"]
    assert held["clip_frames"].tolist() == list(range(FIRST, FIRST + FRAMES))
    assert held["clip_rate"].tolist() == [24, 1] and held["clip_poses"].shape == (FRAMES, 21)
    names = held["expression_names"].tolist()
    kept = held["clip_frames"] != BLANK
    kinds = ("weights", "fitted", "poses", "jaw_turns", "jaw_moves")
    for rows in (held[f"clip_{kind}"] for kind in kinds):
        assert np.isnan(rows[~kept]).all() and np.isfinite(rows[kept]).all()
    assert held["clip_weights"][kept].min() >= 0 and held["clip_weights"][kept].max() <= 1
    before, after = (
        [np.corrcoef(held[kind][kept, names.index(name)], true[kept])[0, 1] for name, true in clip[1].items()]
        for kind in ("clip_fitted", "clip_weights")
    )
    assert min(after) > 0.8 and np.mean(after) > np.mean(before) - 0.01

    assert run(faceplate, clip, tmp_path / "again.npz")[0] == 0
    again = arrays(tmp_path / "again.npz")
    for name in ("vertices", "clip_weights", "clip_poses", "clip_fitted"):
        assert again[name].tobytes() == held[name].tobytes(), name


def test_a_moving_head_passes_the_validator_of_khronos(ours, faceplate, clip, tmp_path, root):
    node = shutil.which("node")
    package = root / "build" / "node_modules" / "gltf-validator"
    if not (node and package.is_dir()):
        pytest.skip("gltf-validator is not here: `npm install --prefix build gltf-validator` brings it")
    code, _, told = run(faceplate, clip, tmp_path / "head.glb", "--frames", "1011-1015")
    assert code == 0 and f"the face was not seen on frame {BLANK} and has no key there" in told, told
    asks = (
        f"const file = require('fs').readFileSync(process.argv[1]), it = require({json.dumps(str(package))});"
        "it.validateBytes(new Uint8Array(file)).then(report => console.log(JSON.stringify(report)))"
    )
    command = [node, "-e", asks, str(tmp_path / "head.glb")]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    issues = report["issues"]
    assert issues["numErrors"] == 0 and issues["numWarnings"] == 0, issues["messages"]
    assert report["info"]["animationCount"] == 1


def test_a_clip_is_put_on_flame(ours, faceplate, clip, shared, head, tmp_path, monkeypatch):
    """On a rig of FLAME's form: a row for every frame, none where the wall is, and the jaw goes as the mouth does."""
    (tmp_path / "rig.pkl").write_bytes(pickled(make_rig(head, topology(shared)), 2))
    monkeypatch.setenv("FACEPLATE_DATA", str(tmp_path / "data"))
    assert faceplate("models", "import", tmp_path / "rig.pkl", "--like", "flame", "--id", "rig")[0] == 0
    (tmp_path / "terms").write_text("ours")
    assert faceplate("models", "accept", "rig", "--text", tmp_path / "terms", "--by", "Ada", "--yes")[0] == 0
    words = ["--frames", "1007-1014", "--flame", "rig", "--json"]
    code, said, told = run(faceplate, clip, tmp_path / "head.npz", *words)
    assert code == 0, told
    report, held = json.loads(said), arrays(tmp_path / "head.flame.npz")
    assert len(report["flame"]["expression_off_mm"]) == 2 and report["clip"]["lost"] == [BLANK]
    assert held["frames"].tolist() == list(range(1007, 1015)) and held["jaw_pose"].shape == (8, 3)
    kept = held["frames"] != BLANK
    assert np.isnan(held["expression"][~kept]).all() and np.isfinite(held["expression"][kept]).all()
    ours_turns = arrays(tmp_path / "head.npz")["clip_jaw_turns"]
    assert np.corrcoef(held["jaw_pose"][kept, 0], ours_turns[kept, 0])[0, 1] > 0.9


def test_a_clip_without_a_face_says_so(ours, faceplate, clip, tmp_path):
    code, _, told = run(faceplate, clip, tmp_path / "head.npz", "--frames", str(BLANK))
    assert code == 65 and "No face was found in" in told and not (tmp_path / "head.npz").exists()


def test_a_real_clip(ours, faceplate, shared, tmp_path):
    movie = shared / "clips" / "liveportrait_d0.mp4"
    if not movie.exists():
        pytest.skip("../shared/clips holds no liveportrait_d0.mp4")
    words = ["--frames", "1-6", "--texture", "0", "--quick", "--json"]
    code, said, told = faceplate("reconstruct", movie, "-o", tmp_path / "head.npz", *words)
    assert code == 0, told
    clip = json.loads(said)["clip"]
    assert clip["rate"] == 25 and clip["lost"] == [] and clip["points_error_px"] < 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--frames", "2001-2010"], "check --frames"),
        (["--frames", "ten"], "--frames should read like 1001-1100"),
        (["--points", "p.json"], "a net finds those of a clip"),
    ],
)
def test_what_a_clip_cannot_have_is_refused_in_a_sentence(faceplate, plates, tmp_path, words, said):
    code, _, told = faceplate("reconstruct", plates / "plate.####.exr", "-o", tmp_path / "head.glb", *words)
    assert code in (64, 65) and said in told and not (tmp_path / "head.glb").exists()


def test_a_still_form_and_a_clip_among_photos_are_refused(faceplate, plates, tmp_path):
    pattern = plates / "plate.####.exr"
    code, _, told = faceplate("reconstruct", pattern, "-o", tmp_path / "head.obj")
    assert code == 64 and "can hold no movement" in told
    code, _, told = faceplate("reconstruct", plates / "plate.1001.exr", pattern, "-o", tmp_path / "head.glb")
    assert code == 64 and "is a clip" in told and "name the clip alone" in told
    photos = [plates / "plate.1001.exr", plates / "plate.1002.exr"]
    code, _, told = faceplate("reconstruct", *photos, "--frames", "1001", "-o", tmp_path / "head.glb")
    assert code == 64 and "--frames chooses frames of a clip" in told

"""Laws of manifests: what is right is read, what is wrong is named by file and key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.registry.manifest import read_manifest
from faceplate_client.errors import ModelError

GOOD = """
id = "restore-face-512"
task = "face.restore"
version = "1.2.0"
licence = "Apache-2.0"
class = "A"
[weights]
file = "open/restore-face-512-1.2.0.onnx"
sha256 = "{hash}"
runtime = "onnx"
[input]
shape = "B 3 H W"
range = [0.0, 1.0]
space = "sRGB"
template = "ffhq_512"
[card]
weak_at = "profiles"
""".format(hash="ab" * 32)


def read(folder, text):
    path = folder / "model.toml"
    path.write_text(text, encoding="utf-8")
    return read_manifest(path, folder=folder)


def test_a_manifest_is_read_whole(tmp_path):
    manifest = read(tmp_path, GOOD)
    assert (manifest.name, manifest.task, manifest.licence_class) == (
        "restore-face-512@1.2.0",
        "face.restore",
        "A",
    )
    assert manifest.weights_path == tmp_path / "open/restore-face-512-1.2.0.onnx"
    assert manifest.input.shape == ("B", "3", "H", "W")
    assert manifest.input.range == (0.0, 1.0)
    assert manifest.input.template == "ffhq_512"
    assert manifest.card["weak_at"] == "profiles"


def test_the_template_may_be_left_out(tmp_path):
    assert read(tmp_path, GOOD.replace('template = "ffhq_512"\n', "")).input.template == ""


@pytest.mark.parametrize(
    ("was", "becomes", "key"),
    [
        ('id = "restore-face-512"', 'id = "Restore Face"', "id"),
        ('task = "face.restore"', 'task = "face.reshape"', "task"),
        ('version = "1.2.0"', 'version = "1.2"', "version"),
        ('version = "1.2.0"', "version = 1.2", "version"),
        ('licence = "Apache-2.0"', 'licence = ""', "licence"),
        ('class = "A"', 'class = "D"', "class"),
        ('class = "A"', "", "class"),
        ('file = "open/', 'file = "/open/', "weights.file"),
        ('file = "open/', 'file = "../open/', "weights.file"),
        ('file = "open/', 'file = "C:/open/', "weights.file"),
        ('sha256 = "ab', 'sha256 = "AB', "weights.sha256"),
        ("sha256 =", "sha265 =", "weights.sha265"),
        ('runtime = "onnx"', 'runtime = "pickle"', "weights.runtime"),
        ("[0.0, 1.0]", "[1.0, 0.0]", "input.range"),
        ("[0.0, 1.0]", "[true, false]", "input.range"),
        ("[0.0, 1.0]", "[0.0, nan]", "input.range"),
        ('shape = "B 3 H W"', 'shape = "3 H W"', "input.shape"),
        ('space = "sRGB"', 'space = "guess"', "input.space"),
        ('template = "ffhq_512"', 'template = "mugshot"', "input.template"),
        ("[input]", "[inputs]", "inputs"),
        ("[weights]", 'adapter = "yunet"\n[weights]', "adapter"),
        ("[card]", "[output]\nthreshold = 1.5\n[card]", "output.threshold"),
        ("[card]", '[output]\norder = "RGBA"\n[card]', "output.order"),
        ("[card]", '[terms]\nsource = "http://example.org/x"\n[card]', "terms.source"),
        ('template = "ffhq_512"', "mean = [0.0, 0.0]", "input.mean"),
        ('template = "ffhq_512"', "std = [1.0, 0.0, 1.0]", "input.std"),
        ('template = "ffhq_512"', "mean = [0.0, inf, 0.0]", "input.mean"),
        ('template = "ffhq_512"', 'fixed = { weight = "much" }', "input.fixed.weight"),
        ('runtime = "onnx"', 'runtime = "onnx"\nsource = ""', "weights.source"),
    ],
)
def test_a_wrong_key_names_itself_and_the_file(tmp_path, was, becomes, key):
    assert was in GOOD
    with pytest.raises(ModelError) as caught:
        read(tmp_path, GOOD.replace(was, becomes, 1))
    assert caught.value.code == "model.manifest"
    assert f"{tmp_path / 'model.toml'}: {key} " in str(caught.value)


@given(cut=st.integers(0, len(GOOD) - 1), dirt=st.text(max_size=4))
def test_no_damage_makes_anything_but_a_model_error(tmp_path_factory, cut, dirt):
    folder = tmp_path_factory.getbasetemp()
    try:
        read(folder, GOOD[:cut] + dirt + GOOD[cut + 1 :])
    except ModelError as error:
        assert "model.toml" in str(error)


def test_versions_are_compared_as_numbers(tmp_path):
    newer, older = (read(tmp_path, GOOD.replace("1.2.0", v)) for v in ("1.10.0", "1.9.0"))
    assert newer.order > older.order


def test_a_shipped_model_has_a_hash_and_another_may_lack_one(tmp_path):
    bare = GOOD.replace('sha256 = "' + "ab" * 32 + '"\n', "")
    with pytest.raises(ModelError, match=r"weights\.sha256 is missing"):
        read(tmp_path, bare)
    manifest = read(tmp_path, bare.replace("[input]", 'source = "a pack of theirs"\n[input]'))
    assert manifest.weights.sha256 == "" and not manifest.shipped and manifest.weights.address == ""


@pytest.mark.parametrize(
    ("source", "may"),
    [
        ("https://example.org/a.onnx", True),
        ("http://127.0.0.1:8000/a.onnx", True),
        ("http://localhost/a.onnx", True),
        ("http://example.org/a.onnx", False),
        ("http://127.0.0.1.example.org/a.onnx", False),
        ("http://localhost@example.org/a.onnx", False),
        ("file:///models/a.onnx", False),
        ("https:///a.onnx", False),
        ("https://example.org/a b.onnx", False),
        ("see the authors' page, https://example.org/a.onnx", False),
    ],
)
def test_only_an_address_is_fetched(tmp_path, source, may):
    manifest = read(tmp_path, GOOD.replace("[input]", f'source = "{source}"\n[input]'))
    assert manifest.weights.address == (source if may else "")


def test_what_an_adapter_needs_is_read(tmp_path):
    manifest = read(
        tmp_path,
        GOOD.replace("[weights]", 'adapter = "picture"\n[weights]')
        .replace("B 3 H W", "1 3 512 512")
        .replace("[0.0, 1.0]", '[-1.0, 1.0]\norder = "BGR"\nmean = [1, 2, 3]\nfixed = { weight = 0.5 }')
        .replace("[card]", "[output]\nrange = [-1.0, 1.0]\nthreshold = 0.25\n[card]"),
    )
    assert (manifest.adapter, manifest.input.size) == ("picture", (512, 512))
    assert (manifest.input.order, manifest.input.mean, manifest.input.std) == ("BGR", (1, 2, 3), (1, 1, 1))
    assert dict(manifest.input.fixed) == {"weight": 0.5}
    assert (manifest.output.range, manifest.output.threshold) == ((-1.0, 1.0), 0.25)


def test_a_fingerprint_changes_with_all_that_changes_the_answer(tmp_path):
    adapted = GOOD.replace("[weights]", 'adapter = "picture"\n[weights]')
    texts = [
        GOOD,
        adapted,
        adapted.replace("[0.0, 1.0]", "[-1.0, 1.0]"),
        adapted.replace("[0.0, 1.0]", "[0.0, 1.0]\nfixed = { weight = 0.5 }"),
        adapted.replace("[card]", "[output]\nrange = [-1.0, 1.0]\n[card]"),
        adapted.replace("ab" * 32, "cd" * 32),
    ]
    prints = [read(tmp_path, text).fingerprint for text in texts]
    assert len(set(prints)) == len(texts) and prints[0] == "ab" * 32
    assert read(tmp_path, adapted.replace("profiles", "beards")).fingerprint == prints[1]

"""Laws of a restore request: hand-set values win, a style is visible parameters, faces are chosen by number."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.operations import open_restore, restore_request
from faceplate.parameters import operation
from faceplate.registry import catalogue
from faceplate.restore.pipeline import RestoreParams
from faceplate.restore.styles import STYLES
from faceplate.runtime import pool
from faceplate_client.errors import ModelError
from tests.support.model_folder import add_model

RESTORE = operation("restore")
FACES = [Face((0, 0, size, size), np.zeros((5, 2), np.float32)) for size in (50, 40, 30, 20)]


def test_every_style_is_offered_and_sets_only_parameters_that_can_be_seen():
    choices = next(p.choices for p in RESTORE.parameters if p.name == "style")
    assert set(choices) == set(STYLES)
    for style in STYLES.values():
        RESTORE.checked(style)


def test_the_defaults_are_the_pipelines_own():
    """One truth: what a host shows as the default is what the pipeline does by default."""
    assert restore_request({}).params == RestoreParams()


@pytest.mark.parametrize("style", sorted(STYLES))
def test_a_style_sets_its_parameters_and_a_hand_wins(style):
    params = dataclasses.asdict(restore_request({"style": style}).params)
    assert STYLES[style].items() <= params.items()
    for name in STYLES[style]:
        by_hand = restore_request({"style": style, name: "0.125"})
        assert getattr(by_hand.params, name) == 0.125


def test_no_style_takes_grain_from_a_shot():
    for style in STYLES:
        assert restore_request({"style": style}, shot=True).params.grain == 1.0


@pytest.mark.parametrize(
    ("words", "sizes"),
    [
        ("all", [50, 40, 30, 20]),
        ("largest", [50]),
        ("1", [50]),
        ("2,4", [40, 20]),
        ("4, 2,2", [40, 20]),
        ("9", []),
        ("none", []),
    ],
)
def test_faces_are_chosen_by_number_largest_first(words, sizes):
    chosen = restore_request({"faces": words}).chosen(FACES)
    assert [face.width for face in chosen] == sizes


@given(st.text(max_size=6))
def test_words_that_choose_no_face_are_refused_not_guessed(words):
    try:
        faces = restore_request({"faces": words}).faces
    except RangeError as error:
        assert "all, largest, none, or numbers" in str(error)
    else:
        assert faces in ("all", "largest", "none") or all(int(number) > 0 for number in faces.split(","))


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_requests_that_differ_say_so_in_their_words(values):
    """What a proof of done hashes must change whenever the picture may."""
    given_values: dict[str, float] = dict(zip(("strength", "fidelity", "sharpen"), values, strict=True))
    one, plain = restore_request(given_values), restore_request({})
    assert (one.as_words() == plain.as_words()) == (one.params == plain.params)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "_PACKAGE", tmp_path / "no_package")
    monkeypatch.setattr(pool, "_open", {})
    monkeypatch.setenv("FACEPLATE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_the_nets_are_opened_and_named(folder):
    add_model(folder, "face.detect", id="finder")
    add_model(folder, "face.restore", id="restorer", template="ffhq_512")
    tools = open_restore("cpu")
    assert list(tools.models) == ["finder@1.0.0", "restorer@1.0.0"]
    assert tools.nets.restore.template == "ffhq_512"
    assert tools.nets.identity is None


def test_an_identity_net_is_used_where_there_is_one(folder):
    for task in ("face.detect", "face.restore", "face.identity"):
        add_model(folder, task, id=task.replace(".", "-"))
    tools = open_restore("cpu")
    assert tools.nets.identity is not None
    assert "face-identity@1.0.0" in tools.models


def test_an_enlarging_net_is_opened_only_where_there_is_something_to_enlarge(folder):
    for task in ("face.detect", "face.restore", "face.quality", "frames.upscale"):
        add_model(folder, task, id=task.replace(".", "-"))
    tools = open_restore("cpu")
    assert tools.nets.quality is not None and tools.nets.upscale is None
    assert "frames-upscale@1.0.0" not in tools.models
    larger = restore_request({"scale": 2}).params.wants_upscale
    assert open_restore("cpu", upscale=larger).nets.upscale is not None
    assert not restore_request({"scale": 1}).params.wants_upscale


def test_the_time_in_all_nets_adds_up(folder):
    for task in ("face.detect", "face.restore"):
        add_model(folder, task, id=task.replace(".", "-"))
    tools = open_restore("cpu")
    tools.detector(np.zeros((1, 3, 8, 8), np.float32))
    alone = tools.seconds
    tools.nets.restore(np.zeros((1, 3, 8, 8), np.float32))
    assert 0 < alone < tools.seconds


@pytest.mark.parametrize("missing", ["face.detect", "face.restore"])
def test_a_missing_net_is_named(folder, missing):
    for task in ("face.detect", "face.restore"):
        if task != missing:
            add_model(folder, task, id="only")
    with pytest.raises(ModelError, match=missing):
        open_restore("cpu")


def test_a_model_that_reads_another_range_is_refused_not_fed_wrong_numbers(folder):
    for task in ("face.detect", "face.restore"):
        weights = add_model(folder, task, id=task.replace(".", "-"))
        manifest = folder / "manifests" / f"{weights.stem}.toml"
        manifest.write_text(manifest.read_text().replace("[0.0, 1.0]", "[-1.0, 1.0]"))
    with pytest.raises(ModelError, match="-1 to 1"):
        open_restore("cpu")

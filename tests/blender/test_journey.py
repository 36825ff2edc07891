"""In a real Blender: from a photo to a head in the scene, saved, opened, exported, imported; every step counted."""

import pytest

from faceplate_client import read_operations

VERTICES, FACES, EXPRESSIONS = 14915, 14704, 79


@pytest.fixture(scope="module")
def facts(inside, photo, tmp_path_factory) -> dict:
    return inside("journey.py", photo, tmp_path_factory.mktemp("journey"))


def test_it_registers_and_leaves_nothing_behind(facts):
    assert facts["registered"] and facts["unregistered"]


def test_the_panel_shows_what_the_table_of_operations_says(facts):
    """And what is Blender's own, the points beside the photos; Restore Faces has a group of its own. Tiles are left
    out: the add-on brings pictures in as one map.
    """
    kinds = {"int": "INT", "float": "FLOAT", "bool": "BOOLEAN"}
    every = {each["name"]: each for each in read_operations()["reconstruct"]["parameters"]}
    del every["udim"]
    shown = dict(facts["settings"])
    assert shown.pop("points")["type"] == "BOOLEAN" and shown.pop("restore")["type"] == "POINTER"
    assert set(shown) == set(every)
    for name, parameter in every.items():
        number = parameter["type"] in ("int", "float")
        assert shown[name] == {
            "label": parameter["label"],
            "hint": parameter["hint"].rstrip("."),
            "type": kinds[parameter["type"]],
            "default": parameter["default"],
            "limits": [parameter["min"], parameter["max"]] if number else None,
        }


def test_the_operator_makes_a_head(facts):
    made = facts["made"]
    assert facts["answer"] == ["FINISHED"] and made["collection"] == "anna"
    assert (made["vertices"], made["faces"]) == (VERTICES, FACES)
    assert made["keys"][0] == "Basis" and len(made["keys"]) == 1 + EXPRESSIONS and "jawOpen" in made["keys"]
    assert made["bones"] == ["root", "neck", "head", "jaw", "eye_left", "eye_right"]
    assert made["drivers"] == 5 + 4  # correctives, and two axes of each eye
    assert made["loose"] == 0 and 0.98 < facts["shares"][0] <= facts["shares"][1] < 1.02
    assert facts["report"]["photos"][0]["points_error_percent"] < 1


def test_it_is_a_head_of_a_person_standing_in_blender(facts):
    """Metres, z up, facing -y."""
    low, high = facts["made"]["low"], facts["made"]["high"]
    assert 0.15 < high[0] - low[0] < 0.35 and 0.25 < high[2] - low[2] < 0.5
    assert -low[1] > high[1]  # the nose reaches farther than the back of the head


def test_textures_are_packed_and_whole(facts):
    assert facts["made"]["packed"] == ["anna colour", "anna confidence"]
    assert facts["made"]["sizes"] == {"anna colour": [1024, 1024], "anna confidence": [1024, 1024]}


def test_keys_turn_eyes_and_bones_turn_jaws(facts):
    """Up is +z, the subject's left is +x, and a jaw opens downwards by its key and by its bone."""
    assert facts["look_up"][2] > 0.003 and facts["look_out"][0] > 0.003
    assert facts["jaw_open"][2] < -0.005 and facts["jaw_bone"][2] < -0.003
    assert facts["half"] == pytest.approx(1.0)  # 4 w (1 - w) at a half


def test_it_is_the_same_when_the_file_is_opened_again(facts):
    made, opened = facts["made"], facts["opened"]
    for name in (
        "vertices",
        "faces",
        "keys",
        "bones",
        "drivers",
        "materials",
        "packed",
        "sizes",
        "low",
        "high",
    ):
        assert opened[name] == made[name], name


def test_gltf_comes_back_with_the_same_vertices_and_keys(facts):
    assert facts["gltf"]["vertices"] == VERTICES and facts["gltf"]["keys"] == facts["made"]["keys"]


def test_undo_takes_the_head_away_in_one_step(inside, photo):
    undone = inside("undo.py", photo)
    assert undone["before"] == [] and undone["made"] and undone["after_one_undo"] == []


def test_an_expression_is_transferred_to_a_rig_of_other_names(inside):
    facts = inside("transfer.py")
    assert facts["answer"] == ["FINISHED"]
    assert facts["set"] == pytest.approx(
        {"Jaw_Open": 0.7, "eyeBlink_L": 0.3, "mouthSmile": 0.4, "Wink": 0}, abs=1e-3
    )
    assert "mouthSmile = mouthSmileLeft + mouthSmileRight" in facts["map"]
    assert facts["edited"] == pytest.approx(0.3, abs=1e-3)  # the map's text was edited, and is obeyed
    assert facts["photo"]["Jaw_Open"] == pytest.approx(0.25, abs=1e-3)
    assert "made from 1 photos" in facts["no_photo"]
    assert all(ours == pytest.approx(theirs, abs=2e-3) for ours, theirs in facts["baked"])
    assert facts["baked"][0][0] == 0 and facts["baked"][-1][0] == 1
    assert "stranger has no shape key" in facts["stranger"] and "jawOpen" in facts["stranger"]


def test_the_extension_installs_from_its_zip(inside, extension):
    facts = inside("install.py", extension)
    assert facts == {
        "before": False, "answer": ["FINISHED"], "installed": True, "enabled": True, "disabled": False,
    }  # fmt: skip

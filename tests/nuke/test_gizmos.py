"""The gizmos: made from the table of operations, whole as files, and meaning what our Python takes them for."""

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.nuke_expression import evaluate
from tests.support.nuke_script import Expression, ScriptError, ScriptNode, read_script

ROOT = Path(__file__).resolve().parents[2]
GIZMOS = ROOT / "nuke_gizmos" / "gizmos"
FILES = sorted(GIZMOS.rglob("*.gizmo"))
BAKEABLE = [path for path in FILES if path.stem != "FP_SteadyApply"]
LIVE = [path for path in BAKEABLE if path.parent.name == "live"]
KINDS = {"string": 1, "int": 3, "choice": 4, "bool": 6, "float": 7}


def label(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


@cache
def gizmo(path: Path) -> ScriptNode:
    (read,) = read_script(path.read_text(encoding="utf-8"))
    return read


def operations() -> dict:
    path = ROOT / "core" / "faceplate_client" / "operations.json"
    return json.loads(path.read_text(encoding="utf-8"))["operations"]


def expected_parameters(path: Path) -> list[dict]:
    every = {name: facts["parameters"] for name, facts in operations().items()}
    if path.stem == "FP_Matte":
        return [each for each in every["restore"] if each["page"] == "Faces"]
    if path.stem == "FP_Veil":
        return [each for each in every["restore"] if each["name"] == "smallest"]
    if path.stem == "FP_Restore":
        return every["restore"]
    # as the effect Steady and a shot of the command: grain is given back, unless told otherwise
    restore = [{**each, "default": 1} if each["name"] == "grain" else each for each in every["restore"]]
    return [*restore, *every["steady"], *every["film"]]


def test_there_are_five_nodes_in_two_ways():
    names = ("Matte", "Restore", "Steady", "SteadyApply", "Veil")
    assert sorted(map(label, FILES)) == [f"{way}-FP_{name}" for way in ("bake", "live") for name in names]


def test_every_parameter_of_the_table_is_a_knob_somewhere():
    """But for those of heads, and for the switch that FP_Veil always has on: it veils whoever is not named."""
    knobs = {knob.name for path in FILES for knob in gizmo(path).user_knobs}
    plates = [facts for name, facts in operations().items() if name != "reconstruct"]
    every = {each["name"] for facts in plates for each in facts["parameters"]}
    assert every - knobs == {"anonymise_others"}


def test_they_are_what_the_generator_writes():
    told = subprocess.run(
        [sys.executable, ROOT / "nuke_gizmos" / "generate.py", "--check"], capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("path", BAKEABLE, ids=label)
def test_every_parameter_of_the_operation_is_a_knob_as_it_is_described(path):
    knobs = {knob.name: knob for knob in gizmo(path).user_knobs}
    set_to = gizmo(path).knobs
    for parameter in expected_parameters(path):
        knob = knobs[parameter["name"]]
        assert (knob.kind, knob.label) == (KINDS[parameter["type"]], parameter["label"])
        assert parameter["hint"] in knob.hint
        assert knob.items == [str(choice) for choice in parameter.get("choices", [])]
        assert knob.limits == ((parameter["min"], parameter["max"]) if "min" in parameter else None)
        zero = {"string": "", "bool": "false", "choice": knob.items[0] if knob.items else ""}
        told = set_to.get(knob.name, zero.get(parameter["type"], "0"))
        assert told == str(parameter["default"]).replace("True", "true").replace("False", "false")


@pytest.mark.parametrize("name", ("FP_Restore", "FP_Steady", "FP_Veil", "FP_Matte"))
def test_a_script_saved_with_one_way_loads_with_the_other(name):
    live, bake = (gizmo(GIZMOS / way / f"{name}.gizmo") for way in ("live", "bake"))
    assert live.user_knobs == bake.user_knobs
    assert live.knobs == bake.knobs


@pytest.mark.parametrize("path", LIVE, ids=label)
def test_the_effect_is_linked_to_every_knob_that_it_can_be_linked_to(path):
    effect = gizmo(path).child("Live")
    assert re.fullmatch(r"OFXstudio\.faceplate\.[a-z]+_v\d+", effect.kind)
    film = [each["name"] for each in operations()["film"]["parameters"]]
    for parameter in expected_parameters(path):
        if parameter["name"] in ("scale", "enlarge", *film):
            assert parameter["name"] not in effect.knobs, (
                "the effect has none, and Nuke would refuse the gizmo"
            )
        elif parameter["type"] == "string":
            assert parameter["name"] not in effect.knobs, "an OFX text knob evaluates no Tcl"
        else:
            assert effect.knobs[parameter["name"]] == Expression(f"parent.{parameter['name']}")


@pytest.mark.parametrize("path", LIVE, ids=label)
def test_the_plug_in_as_it_is_built_has_every_knob_that_the_gizmo_sets(path):
    """Our own OFX host asks the bundle: identifier, major version, names, kinds, choices and defaults."""
    identifier = path.stem.replace("FP_", "studio.faceplate.").lower()
    major, parameters = the_effect(identifier)
    node = gizmo(path).child("Live")
    assert node.kind == f"OFX{identifier}_v{major}"
    own = {knob.name: knob for knob in gizmo(path).user_knobs}
    kinds = {1: "String", 3: "Integer", 4: "Choice", 6: "Boolean", 7: "Double"}
    assert {"faces", "colourspace_name"} <= set(parameters), "what live.py pushes"
    for name, told in node.knobs.items():
        if name == "name":
            continue
        facts = parameters[name]
        if isinstance(told, Expression):
            assert facts["type"] == f"OfxParamType{kinds[own[name].kind]}"
            assert facts.get("OfxParamPropChoiceOption", []) == own[name].items
            (default,) = facts["OfxParamPropDefault"]
            assert default == (0 if own[name].items else float(told_default(path, name))), name
        else:
            assert told in facts["OfxParamPropChoiceOption"]


def told_default(path: Path, name: str) -> str:
    """What a knob begins with: an effect at its own default is not told, so the two must be one."""
    told = str(gizmo(path).knobs.get(name, "0"))
    return {"true": "1", "false": "0"}.get(told, told)


def test_veiling_is_what_the_effect_does_by_itself():
    """FP_Veil sets none of the knobs that could spare somebody, so that no callback can come too late."""
    effect = gizmo(GIZMOS / "live" / "FP_Veil.gizmo").child("Live")
    assert not {"faces", "anonymise_others"} & set(effect.knobs)
    parameters = the_effect("studio.faceplate.veil")[1]
    assert parameters["faces"]["OfxParamPropDefault"] == ["all"]
    assert parameters["anonymise_others"]["OfxParamPropDefault"] == [0]


def the_effect(identifier: str) -> tuple[int, dict]:
    """Major version and parameters of an effect, as the bundle that build.py makes describes it to a host like Nuke."""
    from faceplate.ofx_host.bundles import binary_of
    from faceplate.ofx_host.effect import Bundle
    from faceplate.ofx_host.native import native
    from faceplate.ofx_host.profiles import profile_named
    from faceplate_client.errors import FaceplateError

    bundle = ROOT / "ofx_bridge" / "build" / "Faceplate.ofx.bundle"
    try:
        binary_of(bundle)
        native()
    except FaceplateError as error:
        pytest.skip(f"the OFX plug-in, or the host that would ask it, is not built here: {error}")
    with Bundle(bundle, profile_named("nuke")) as opened:
        effect = opened.effect(identifier)
        return effect.version[0], dict(effect.params("General"))


def test_no_effect_is_named_where_none_is_installed():
    """Nuke refuses a script whose gizmo names a class it does not have."""
    for path in FILES:
        if path.parent.name == "bake":
            assert "OFX" not in re.sub(r' (t|T|help) "[^"]*"', "", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=label)
def test_each_has_one_output_and_every_reference_is_to_a_knob(path):
    read = gizmo(path)
    assert [child.kind for child in read.children].count("Output") == 1
    names = [child.name for child in read.children]
    assert len(names) == len(set(names))
    knobs = {knob.name for knob in read.user_knobs}
    for child in read.children:
        for told in child.knobs.values():
            used = set(re.findall(r"parent\.(\w+)", told))
            assert used <= knobs, f"{child.name} asks for {used - knobs}"


@pytest.mark.parametrize("path", BAKEABLE, ids=label)
def test_the_plates_are_written_by_nobody_but_a_bake(path):
    write = gizmo(path).child("Plates")
    assert write.inputs[0].kind == "Input"
    assert evaluate(write.knobs["disable"], {"parent.baking": 0.0}.__getitem__) == 1
    assert evaluate(write.knobs["disable"], {"parent.baking": 1.0}.__getitem__) == 0


@pytest.mark.parametrize("path", BAKEABLE, ids=label)
def test_the_switch_shows_live_or_the_bake_or_what_is_empty(path):
    switch = gizmo(path).child("WayToGo")
    empty, live, baked = switch.inputs

    def goes(way: float, scale: float):
        told = {"parent.way": way, "parent.result_scale": scale}
        return switch.inputs[int(evaluate(switch.knobs["which"], told.__getitem__))]

    assert empty.kind == ("Remove" if path.stem == "FP_Veil" else "Input")
    assert goes(0, 0) is goes(0, 2) is live
    assert goes(1, 0) is empty
    assert goes(1, 1) is goes(1, 4) is baked
    assert live.kind.startswith("OFX") == (path.parent.name == "live")


def lets_source_through(node: ScriptNode) -> bool:
    """Whether the source may reach a node by a way that neither the effect nor the removal of all channels is on."""
    if node.kind.startswith("OFX"):
        return False
    if node.kind == "Remove" and (node.knobs["operation"], node.knobs["channels"]) == ("remove", "all"):
        return False
    return node.name == "Source" or any(map(lets_source_through, node.inputs))


@pytest.mark.parametrize("path", BAKEABLE, ids=label)
def test_a_veil_shows_nothing_of_its_source_whatever_its_knobs_say(path):
    """No channel gets past it: not before a bake, not where the plug-in is missing, not in another layer."""
    output = next(child for child in gizmo(path).children if child.kind == "Output")
    assert lets_source_through(output) == (path.stem != "FP_Veil")
    if path.stem == "FP_Veil" and path.parent.name == "live":
        (seen,) = gizmo(path).child("Live").inputs
        assert (seen.knobs["operation"], seen.knobs["channels"]) == ("keep", "rgba")


@pytest.mark.parametrize("path", BAKEABLE, ids=label)
def test_every_layer_that_is_copied_is_made_known_to_nuke(path):
    text = path.read_text(encoding="utf-8")
    known = {
        f"{layer}.{channel.split('.')[1]}" for layer, *channels in added_layers(text) for channel in channels
    }
    copied = {
        told
        for child in gizmo(path).children
        for name, told in child.knobs.items()
        if re.fullmatch(r"to\d", name) and not told.startswith("rgba.")
    }
    assert copied <= known
    wanted = {"FP_Veil": {"veiled.alpha"}, "FP_Matte": known}.get(path.stem, known)
    assert copied - {"matte.alpha"} == wanted - {"matte.alpha"}


def added_layers(text: str) -> list[list[str]]:
    """Layer and channels of every add_layer."""
    return [words.split() for words in re.findall(r"^add_layer \{(.*)\}$", text, re.M)]


def test_motion_layers_are_copied_from_a_bake_that_has_them():
    for way in ("live", "bake"):
        read = gizmo(GIZMOS / way / "FP_Steady.gizmo")
        for name, channels in (("Motion", 4), ("HoldStill", 2)):
            copy = read.child(name)
            assert sum(knob.startswith("from") for knob in copy.knobs) == channels
            for has in (0.0, 1.0):
                off = evaluate(copy.knobs["disable"], {"parent.result_motion": has}.__getitem__)
                assert off == 1.0 - has


@pytest.mark.parametrize("path", FILES, ids=label)
def test_buttons_hold_python_that_calls_what_there_is(path):
    for knob in gizmo(path).user_knobs:
        if knob.kind != 22:
            continue
        compile(knob.script, knob.name, "exec")
        module, function = re.findall(r"faceplate_nuke\.(\w+)\.(\w+)\(nuke\.thisNode\(\)\)", knob.script)[0]
        source = (ROOT / "nuke_gizmos" / "faceplate_nuke" / f"{module}.py").read_text(encoding="utf-8")
        assert f"def {function}(node: nuke.Node):" in source


def test_tcl_reads_them(shared):
    tclsh, checker = shutil.which("tclsh"), shared / "tools" / "nkcheck.tcl"
    if tclsh is None:
        pytest.skip("no tclsh is installed here (Debian's package tcl)")
    told = subprocess.run([tclsh, checker, *FILES], capture_output=True, text=True)
    assert f"good {len(FILES)} bad 0" in told.stdout, told.stdout


@pytest.mark.parametrize("cut", ['"', "{", "}", "end_group"])
def test_the_reader_of_these_tests_refuses_a_file_that_lacks_something(cut):
    text = (GIZMOS / "live" / "FP_Restore.gizmo").read_text(encoding="utf-8")
    place = text.rindex(cut)
    with pytest.raises((ScriptError, ValueError)):
        read_script(text[:place] + text[place + len(cut) :])


# ------------------------------------------------------------ FP_SteadyApply does in pixels what stmap.py promises

numbers = st.floats(-50, 50).map(lambda x: round(x, 3))


def mapped(x: float, y: float, keys: dict, direction: float) -> tuple[float, float]:
    """Where the STMap that TrackMap makes sends the pixel with this index, in pixels of a 640 x 360 frame."""
    track_map = gizmo(GIZMOS / "bake" / "FP_SteadyApply.gizmo").child("TrackMap")
    known = {"x": x, "y": y, "width": 640, "height": 360, "parent.direction": direction}
    known |= {f"parent.{name}": told for name, told in keys.items()}
    across, up = (evaluate(track_map.knobs[name], known.__getitem__) for name in ("expr0", "expr1"))
    return across * 640, up * 360


@given(x=numbers, y=numbers, a=st.floats(0.2, 2), b=numbers.map(lambda t: t / 50), u=numbers, v=numbers)
def test_put_back_undoes_hold_still(x, y, a, b, u, v):
    keys = {"scale_x": a, "scale_y": b, "shift_x": u, "shift_y": v}
    there = mapped(x, y, keys, 0)
    assert there == pytest.approx(
        (a * (x + 0.5) - b * (y + 0.5) + u, b * (x + 0.5) + a * (y + 0.5) + v), abs=1e-6
    )
    back = mapped(
        there[0] - 0.5, there[1] - 0.5, keys, 1
    )  # a position as the index of the pixel whose centre it is
    assert back == pytest.approx((x + 0.5, y + 0.5), abs=1e-6)


@pytest.mark.parametrize("way", ["live", "bake"])
def test_the_map_is_the_one_that_is_asked_for(way):
    read = gizmo(GIZMOS / way / "FP_SteadyApply.gizmo")
    switch, source = read.child("MapToUse"), read.child("Source")
    items = next(knob.items for knob in read.user_knobs if knob.name == "map")
    chosen = {
        item: switch.inputs[int(evaluate(switch.knobs["which"], {"parent.map": float(place)}.__getitem__))]
        for place, item in enumerate(items)
    }
    assert {item: each.name for item, each in chosen.items()} == {
        "face track": "TrackMap", "STMap input": "STMap", "layer stmap": "LayerMap",
    }  # fmt: skip
    layer = chosen["layer stmap"]
    assert layer.inputs == [source, source] and (layer.knobs["from0"], layer.knobs["to0"]) == (
        "stmap.u",
        "rgba.red",
    )
    assert (layer.knobs["from1"], layer.knobs["to1"]) == ("stmap.v", "rgba.green")
    warp = read.child("Warp")
    assert warp.inputs == [source, switch] and warp.knobs["uv"] == "rgb"


def test_without_a_track_the_map_is_the_identity_at_pixel_centres():
    keys = {"scale_x": 1, "scale_y": 0, "shift_x": 0, "shift_y": 0}
    for direction in (0, 1):
        assert mapped(10, 20, keys, direction) == pytest.approx((10.5, 20.5))

"""In a real Blender: shape keys for a mesh that has none, FLAME's, from a head of ours."""

import numpy as np
import pytest

from faceplate.reconstruct.mesh import material_of
from faceplate.reconstruct.morphable import HeadModel
from tests.support.flame import points_of, topology


def arrays_of(head: HeadModel) -> dict[str, np.ndarray]:
    """The mean head as the command writes one."""
    index, vertex = np.nonzero(np.abs(head.expressions).max(2) > 0)
    return {
        "vertices": head.mean, "quads": head.quads, "uv": head.uv, "quad_uv": head.quad_uv,
        "expression_names": np.array(head.expression_names), "drivers": head.drivers,
        "key_index": index.astype(np.int32), "key_vertex": vertex.astype(np.int32),
        "key_move": head.expressions[index, vertex], "region_names": np.array(head.region_names),
        "region_materials": np.array([material_of(name) for name in head.region_names]),
        "quad_region": head.quad_region, "joint_names": np.array(head.joint_names),
        "joint_parents": head.joint_parents, "joints": head.joints(head.mean), "skin": head.skin,
    }  # fmt: skip


@pytest.fixture(scope="module")
def mesh(shared):
    return topology(shared)


@pytest.fixture(scope="module")
def done(inside, head, mesh, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shapes")
    np.savez(folder / "head.npz", allow_pickle=False, **arrays_of(head))
    np.savez(folder / "mesh.npz", allow_pickle=False, **mesh)
    facts = inside("shapes.py", folder / "head.npz", folder / "mesh.npz", folder / "seen.npz")
    with np.load(folder / "seen.npz") as held:
        return facts, {name: held[name] for name in held.files}


def moved(seen, mesh, name) -> np.ndarray:
    """(68, 3) mm of FLAME's own size, y up."""
    own = seen[name] @ np.linalg.inv(seen["turn"]).T
    move = points_of(mesh, own)
    return np.stack([move[:, 0], move[:, 2], -move[:, 1]], 1) * 1000


def test_eyes_are_found_inside_beside_and_as_empties(done, mesh):
    facts, _ = done
    balls = [mesh[f"mask_{side}_eyeball"] for side in ("left", "right")]
    centres = np.stack([mesh["v_template_m"][ball].mean(0) for ball in balls]) * 1000
    skin = ~np.isin(mesh["triangles"], np.concatenate(balls)).any(1)
    for where, off in (("inside", 1.5), ("beside", 1.5), ("empties", 0.01)):
        np.testing.assert_allclose(facts[where]["eyes"], centres, atol=off)
        assert facts[where]["skin"] == skin.sum()
    assert facts["inside"]["radii"] == pytest.approx([12.5, 12.5], abs=0.5)
    assert "radii" not in facts["empties"]


def test_the_names_are_those_of_our_head(done, head):
    facts, _ = done
    roles = zip(head.expression_names, head.expression_roles, strict=True)
    assert facts["arkit"] == [name for name, role in roles if role == "arkit"]


def test_the_mesh_gets_the_keys_in_one_step(done):
    facts, _ = done
    names = ["Basis", "eyeBlinkLeft", "jawOpen", "jawOpenHalf"]
    assert facts["answer"] == ["FINISHED"] and facts["undo"] == [[], names, []]
    assert facts["keys"] == names and facts["values"][1:] == [0, 0, 0]  # the rest has 1 from Blender 5.0 on
    assert facts["half"] == pytest.approx(1.0)  # 4 w (1 - w), as on the head itself


def test_the_mouth_opens_and_the_lid_closes(done, mesh):
    _, seen = done
    jaw, blink = moved(seen, mesh, "jawOpen"), moved(seen, mesh, "eyeBlinkLeft")
    assert jaw[66, 1] < -20 and abs(jaw[62, 1]) < 3 and jaw[8, 1] < -20
    assert blink[43:45, 1].max() < -5 and np.abs(blink[36:42]).max() < 0.3


def test_what_is_wrong_is_told(done):
    facts, _ = done
    assert "No eyeballs were found in skin" in facts["no_eyes"]
    assert "There is no shape key fist" in facts["no_such"]
    assert "no shape key browDownLeft, browDownRight" in facts["no_head"]
    assert "has shape keys already that it would get: jawOpen" in facts["again"]


def test_esc_leaves_nothing(done):
    stop = done[0]["stopped"]
    assert stop["answers"] == [["RUNNING_MODAL"], ["PASS_THROUGH"], ["CANCELLED"]]
    assert stop["ran"] and stop["ended"] and stop["same"] and not stop["folder"] and stop["timers"] == 0

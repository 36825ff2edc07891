"""The folder that Nuke is given: it starts anywhere, carries what it needs, and asks Nuke only for what Nuke has."""

import ast
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.nuke.conftest import PLUGIN, ROOT
from tests.support import nuke_stand_in
from tests.support.nuke_stand_in import App, OffTheMainThread

RUN_IN_NUKE = [PLUGIN / name for name in ("init.py", "menu.py", "bake_nodes.py")]
RUN_IN_NUKE += sorted((PLUGIN / "faceplate_nuke").glob("*.py"))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


# ------------------------------------------------------------ starting


@pytest.mark.parametrize("gui", [True, False])
def test_it_starts_with_and_without_an_interface(start, gui):
    app = start(gui=gui)
    assert Path(app.plugin_path[0]) == PLUGIN / "gizmos" / "bake"
    assert len(app.callbacks["BeforeRender"]) == 1


def test_with_the_bundle_installed_the_gizmos_are_the_live_ones(start, monkeypatch):
    assert Path(start(live=True).plugin_path[0]) == PLUGIN / "gizmos" / "live"
    monkeypatch.setenv("FACEPLATE_NUKE_LIVE", "0")
    assert Path(start(live=True).plugin_path[0]) == PLUGIN / "gizmos" / "bake"


def test_the_bundle_is_found_on_the_path_of_the_standard(start, monkeypatch, tmp_path):
    from tests.nuke.conftest import bundle

    app = start()
    monkeypatch.setenv("OFX_PLUGIN_PATH", f"{tmp_path / 'other'}:{bundle(tmp_path / 'here')}")
    live = sys.modules["faceplate_nuke.live"]
    monkeypatch.setattr(live, "_found", None)
    assert live.installed() and app.ofx_path == []


def test_the_search_for_the_bundle_ends(start, tmp_path):
    """A folder that leads back to itself, and one that may not be read."""
    (tmp_path / "round").mkdir()
    (tmp_path / "round" / "again").symlink_to(tmp_path / "round")
    start()
    assert sys.modules["faceplate_nuke.live"]._holds_bundle(str(tmp_path)) is False


def test_every_menu_entry_makes_a_node(start, command):
    app = start()
    entries = app.menu.menus["Nodes"].menus["Faceplate"].commands
    assert len(entries) == 5
    for text in entries.values():
        exec(text, {"nuke": sys.modules["nuke"]})
    assert {node._kind for node in app.root.inside} == {
        "FP_Restore", "FP_Steady", "FP_Veil", "FP_Matte", "FP_SteadyApply",
    }  # fmt: skip


@pytest.mark.parametrize("gui", [False, True])
def test_nuke_starts_even_if_half_of_the_folder_is_missing(start, tmp_path, capfd, monkeypatch, gui):
    (tmp_path / "half").mkdir()
    for name in ("init.py", "menu.py"):
        (tmp_path / "half" / name).write_text((PLUGIN / name).read_text())
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(PLUGIN)])
    app = start(gui=gui, folder=tmp_path / "half")
    assert not app.menu.addMenu("Nodes").menus
    assert app.plugin_path == [] and app.callbacks == {}
    told = capfd.readouterr().err
    assert told.startswith("faceplate: the Nuke nodes are not available") and told.count("\n") == 1


# ------------------------------------------------------------ what it carries


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """The folder as it comes out of the archive."""
    folder = tmp_path_factory.mktemp("installed")
    archive = folder / "faceplate_nuke.zip"
    subprocess.run([sys.executable, PLUGIN / "pack.py", archive], check=True, capture_output=True)
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder / "faceplate"


def test_the_archive_is_the_same_twice(tmp_path):
    archives = [tmp_path / "one.zip", tmp_path / "two.zip"]
    for archive in archives:
        subprocess.run([sys.executable, PLUGIN / "pack.py", archive], check=True, capture_output=True)
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_the_archive_holds_the_folder_and_nothing_of_its_making(unpacked):
    names = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert {"init.py", "menu.py", "faceplate_client/operations.json", "gizmos/live/FP_Restore.gizmo"} <= names
    assert not {"generate.py", "pack.py"} & names and not [each for each in names if "gizmo_writer" in each]
    assert not [name for name in names if name.endswith((".pyc", ".zip"))]


STARTS = """
import runpy, sys, types
class Anything:
    def __init__(self, *words, **named): pass
    def __call__(self, *words, **named): return self
    def __getattr__(self, name): return self
    def __iter__(self): return iter(())
nuke = types.ModuleType("nuke")
called = []
def pluginAddPath(path): called.append(path)
nuke.pluginAddPath = pluginAddPath
for name in {names!r}:
    if name != "pluginAddPath":
        setattr(nuke, name, type(name, (Anything,), {{}}) if name[0].isupper() else Anything())
sys.modules["nuke"] = nuke
runpy.run_path({init!r})
runpy.run_path({menu!r})
import faceplate_nuke.bake, faceplate_nuke.shots, faceplate_nuke.stmap, faceplate_nuke.faces_window, faceplate_client
assert called and faceplate_client.__file__.startswith({folder!r}), (called, faceplate_client.__file__)
beyond = sorted(name for name in sys.modules if name in ("numpy", "faceplate", "PySide2", "PySide6"))
assert not beyond, beyond
"""


@pytest.mark.parametrize("version", ["3.7", "3.9"])
def test_it_starts_in_the_pythons_of_old_nukes_with_nothing_else_installed(unpacked, version):
    python = python_of(version)
    if python is None:
        pytest.skip(f"no Python {version} is installed here")
    asks = STARTS.format(
        names=sorted(used_names()),
        init=str(unpacked / "init.py"),
        menu=str(unpacked / "menu.py"),
        folder=str(unpacked),
    )
    told = subprocess.run([python, "-I", "-S", "-B", "-c", asks], capture_output=True, text=True)
    assert told.returncode == 0 and told.stderr == "", told.stderr


def python_of(version: str) -> str | None:
    """An interpreter of this version: on PATH, or one of pyenv's."""
    folders = Path.home().glob(f".pyenv/versions/{version}*/bin/python{version}")
    for python in (f"python{version}", *map(str, folders)):
        try:
            asked = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            told = subprocess.run(asked, capture_output=True, text=True)
        except OSError:
            continue
        if told.stdout.strip() == version:
            return python
    return None


@pytest.mark.parametrize("path", RUN_IN_NUKE, ids=lambda path: path.stem)
def test_the_syntax_is_that_of_python_3_7(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize("path", RUN_IN_NUKE, ids=lambda path: path.stem)
def test_it_imports_the_standard_library_nuke_and_the_client_alone(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            tops = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            tops = ["faceplate_nuke" if node.level else (node.module or "").split(".")[0]]
        else:
            continue
        for top in tops:
            assert top in sys.stdlib_module_names or top in ("nuke", "faceplate_client", "faceplate_nuke")


# ------------------------------------------------------------ what it asks of Nuke


@cache
def used_names() -> frozenset[str]:
    """Every `nuke.name` that our Python, or a button of a gizmo, uses."""
    sources = [path.read_text(encoding="utf-8") for path in RUN_IN_NUKE]
    found = {
        node.attr
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "nuke"
    }
    for path in (PLUGIN / "gizmos").rglob("*.gizmo"):
        found |= set(re.findall(r"\bnuke\.(\w+)\(", path.read_text(encoding="utf-8")))
    found |= set(re.findall(r"nuke\.(\w+)\(\{", (PLUGIN / "menu.py").read_text(encoding="utf-8")))
    return frozenset(found)


@cache
def documented() -> dict[str, set[str]]:
    """Every name that types-nuke knows: {"": those of the module, class: those of the class and its bases}."""
    try:
        files = importlib.metadata.files("types-nuke") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("types-nuke is not installed; it comes with the extra test")
    names: dict[str, set[str]] = {"": set()}
    bases: dict[str, list[str]] = {}
    for file in files:
        if file.suffix != ".pyi":
            continue
        for node in ast.parse(Path(str(file.locate())).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                names[""].add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names[""].add(node.target.id)
            elif isinstance(node, ast.ClassDef):
                names[""].add(node.name)
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
                names[node.name] = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
    for name in bases:
        for above in bases[name]:
            names[name] |= names.get(above, set())
    return names


def test_every_name_that_we_use_is_one_that_nuke_has():
    assert used_names() - documented()[""] == set()
    assert {"execute", "executeInMainThread", "ProgressTask", "thisNode"} <= used_names(), (
        "the walk sees too little"
    )


def test_the_stand_in_has_no_function_that_nuke_lacks():
    """What works against the stand-in must not work because the stand-in made it up."""
    offered = {name for name in vars(App().module()) if not name.startswith("__")}
    assert offered - documented()[""] == set()
    assert used_names() <= offered


FOR_TESTS = {"value_at", "add"}
"""What the stand-in's classes have for the tests alone."""


@pytest.mark.parametrize("name", ["Knob", "Node", "Group", "ProgressTask", "Menu"])
def test_the_stand_ins_classes_have_no_method_that_nukes_lack(name):
    offered = {each for each, told in vars(getattr(nuke_stand_in, name)).items() if callable(told)}
    offered = {each for each in offered if not each.startswith("_")} - FOR_TESTS
    kinds = [name] + ([each for each in documented() if each.endswith("_Knob")] if name == "Knob" else [])
    assert offered
    assert offered - set().union(*(documented()[kind] for kind in kinds)) == set()


def every_call(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr


@pytest.mark.parametrize("path", RUN_IN_NUKE, ids=lambda path: path.stem)
def test_nothing_asks_for_a_dialog(path):
    dialogs = {
        "message",
        "ask",
        "askWithCancel",
        "alert",
        "choice",
        "getInput",
        "getFilename",
        "critical",
        "Panel",
    }
    assert dialogs & set(every_call(path)) == set()


# ------------------------------------------------------------ the stand-in keeps the rules it was written from


def in_a_thread(call) -> BaseException | None:
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return raised[0] if raised else None


def test_off_the_main_thread_everything_but_the_way_back_is_refused(app, restore):
    nuke = sys.modules["nuke"]
    for call in (
        nuke.root,
        lambda: restore.name(),
        lambda: restore["way"].value(),
        lambda: nuke.ProgressTask("x"),
    ):
        assert isinstance(in_a_thread(call), OffTheMainThread)
    assert in_a_thread(lambda: nuke.executeInMainThread(print, ())) is None
    with pytest.raises(RuntimeError, match="from the main thread"):
        nuke.executeInMainThread(print, ())


def test_callbacks_of_a_class_come_before_those_of_all_and_a_second_adding_moves_to_the_end(app, restore):
    nuke, heard = sys.modules["nuke"], []

    def one():
        heard.append("one")

    def two():
        heard.append("two")

    nuke.addOnCreate(one, nodeClass="Blur")
    nuke.addOnCreate(heard.append, "star")
    nuke.addOnCreate(two, nodeClass="Blur")
    nuke.addOnCreate(one, nodeClass="Blur")
    app.create("Blur")
    assert heard == ["two", "one", "star"]
    with pytest.raises(ValueError):
        nuke.addOnCreate("no callable")


def test_a_class_that_is_not_installed_is_an_unknown_command(start, command):
    app = start()
    app.plugin_path.insert(0, str(PLUGIN / "gizmos" / "live"))
    with pytest.raises(RuntimeError, match=r"OFXstudio\.faceplate\.restore_v0: Unknown command"):
        app.create("FP_Restore")


def test_build_py_writes_the_gizmos_and_then_the_archive(monkeypatch):
    spec = importlib.util.spec_from_file_location("build_script", ROOT / "build.py")
    assert spec and spec.loader
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    ran = []
    monkeypatch.setattr(build, "run", lambda *words: ran.append(words) or 0)
    assert build.VERBS["nuke"]([]) == 0
    assert [Path(words[1]).name for words in ran] == ["generate.py", "pack.py"]
    assert all((ROOT / words[1]).is_file() for words in ran)

"""The house keeps its own rules: who imports whom, what syntax, what is named where."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "core"

VALUES = ("errors", "arrays", "channels", "colour", "faces", "plate", "geometry")
"""The values everything is said in; each may import those before it."""

TABLE = """
who                         | of ours                             | of others
faceplate_client            | faceplate_client                    |
faceplate.nets              | values nets                         | torch numpy
faceplate.stages            | values stages runtime.net           | numpy cv2
faceplate.provenance        | values provenance runtime.net       | numpy cv2
faceplate.restore           | values stages restore runtime.net   | numpy cv2
faceplate.stabilise         | values stages stabilise runtime.net | numpy cv2
faceplate.lowlight          | values stages lowlight runtime.net  | numpy cv2
faceplate.reconstruct       | values stages reconstruct runtime.net | numpy cv2 torch pxr
faceplate.io                | values io                           | numpy cv2 OpenImageIO PyOpenColorIO av fileseq
faceplate.registry          | values registry                     |
faceplate.adapters          | values adapters registry runtime.net | numpy
faceplate.runtime.torch_net | values runtime registry nets        | numpy torch safetensors
faceplate.runtime.spandrel_net | values runtime registry          | numpy torch safetensors spandrel
faceplate.runtime           | values runtime registry adapters    | numpy onnxruntime openvino
faceplate.farm.store        | values farm                         | numpy
faceplate.frames            | values stages restore stabilise operations runtime.net frames | numpy cv2
faceplate_training          | faceplate faceplate_client faceplate_training | *
faceplate                   | faceplate faceplate_client          | *
"""
"""House rules, section 3: the first row that fits a module counts; a value's own row is made from VALUES.

Names of ours are short for faceplate.<name>; everybody may raise the errors of faceplate_client.
"""

TORCH_LIVES_IN = (
    "faceplate.nets",
    "faceplate.reconstruct",
    "faceplate.runtime.torch_net",
    "faceplate.runtime.spandrel_net",
    "faceplate_training",
)


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (CORE / folder).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(CORE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, at its top or inside a function, by full name."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            # `from faceplate.runtime import net` imports a module, `from faceplate.plate import Rect` does not
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield inner if is_module(inner) else origin


def is_module(name: str) -> bool:
    path = CORE.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def within(name: str, *places: str) -> bool:
    return any(name == place or name.startswith(place + ".") for place in places)


def row_of(module: str) -> tuple[list[str], set[str]]:
    """What a module may import: places of ours, and packages of others ("*" is any)."""
    errors = "faceplate_client.errors"
    for place, name in enumerate(VALUES):
        if module == f"faceplate.{name}":
            return [errors, *(f"faceplate.{earlier}" for earlier in VALUES[:place])], {"numpy", "cv2"}
    for line in TABLE.strip().splitlines()[1:]:
        who, ours, others = (cell.strip() for cell in line.split("|"))
        if within(module, who):
            named = [name for word in ours.split() for name in (VALUES if word == "values" else [word])]
            return [errors, *(n if n.startswith("faceplate") else f"faceplate.{n}" for n in named)], set(
                others.split()
            )
    raise AssertionError(f"{module} has no row in the import table")


PACKAGES = ("faceplate", "faceplate_client", "faceplate_training")
EVERY_SOURCE = sources(*PACKAGES)


@pytest.mark.parametrize("path", EVERY_SOURCE, ids=module_name)
def test_nobody_imports_whom_the_table_forbids(path):
    module = module_name(path)
    ours, others = row_of(module)
    for name in imports(path):
        top = name.split(".")[0]
        if top in PACKAGES:
            assert within(name, *ours), f"{module} may not import {name}"
        elif top not in sys.stdlib_module_names:
            assert top in others or "*" in others, f"{module} may not import {name}"


def test_the_walk_sees_imports_inside_functions():
    """The rule above would hold trivially if the walk found nothing."""
    found = {name for path in EVERY_SOURCE for name in imports(path)}
    assert {"numpy", "torch", "faceplate.arrays", "faceplate_client.errors"} <= found


@pytest.mark.parametrize("path", EVERY_SOURCE, ids=module_name)
def test_torch_appears_only_where_it_may(path):
    module = module_name(path)
    if not within(module, *TORCH_LIVES_IN):
        assert not [name for name in imports(path) if within(name, "torch")], f"{module} may not need torch"


def test_nobody_imports_training_and_only_training_the_demonstration():
    """A recipe may draw its contact sheets with the demonstration's; the product rests on neither."""
    for path in EVERY_SOURCE:
        module = module_name(path)
        for name in imports(path):
            if not within(module, "faceplate_training"):
                assert not within(name, "faceplate_training"), f"{module} may not import {name}"
                assert within(module, "faceplate.demo") or not within(name, "faceplate.demo"), module


def test_the_command_starts_without_torch():
    """The base install has none, and importing it would cost two seconds where it is installed."""
    asks = (
        "import sys, faceplate.cli.__main__\n"
        "sys.exit(' '.join(sys.modules.keys() & {'torch', 'skimage', 'onnx'}) or 0)"
    )
    told = subprocess.run([sys.executable, "-c", asks], cwd=CORE, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr


# ------------------------------------------------------------ Python 3.9 for the hosts


@pytest.mark.parametrize("path", sources("faceplate_client"), ids=module_name)
def test_the_client_is_python_3_9(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_the_client_imports_under_python_3_9():
    """Syntax is one thing; `int | None` in a signature fails only when it runs."""
    python = python_3_9()
    if python is None:
        pytest.skip("no Python 3.9 is installed here")
    modules = [module_name(path) for path in sources("faceplate_client")]
    asks = (
        f"import sys, importlib; sys.path.insert(0, {str(CORE)!r}); "
        f"[importlib.import_module(module) for module in {modules}]"
    )
    told = subprocess.run([python, "-I", "-S", "-B", "-c", asks], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr


def python_3_9() -> str | None:
    for python in ("python3.9", *map(str, Path.home().glob(".pyenv/versions/3.9*/bin/python3.9"))):
        try:
            told = subprocess.run(
                [python, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True
            )
        except OSError:
            continue
        if told.stdout.strip() == b"(3, 9)":
            return python
    return None


# ------------------------------------------------------------ names


def project_files() -> Iterator[Path]:
    """Every file of the project; what tools and the demonstration leave behind is not part of it."""
    made_here = {ROOT / name for name in (".venv", ".git", "demo", "dist", "build", "ofx_bridge/build")}
    folders = [ROOT]
    while folders:
        for path in folders.pop().iterdir():
            left_behind = (
                path in made_here or path.name == "__pycache__" or path.name.endswith(("_cache", ".egg-info"))
            )
            if path.is_dir() and not left_behind and path.name != ".hypothesis":
                folders.append(path)
            elif path.is_file():
                yield path


TEXT = {".py", ".md", ".toml", ".txt", ".json", ".ini", ".cfg", ".yml", ".yaml", ".sh", ""}


def test_no_file_has_a_name_without_a_meaning():
    nameless = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base_model"}
    assert [path for path in project_files() if path.stem.lower() in nameless] == []


def test_no_file_names_a_machine_or_an_index():
    """What is written down must be true on every machine."""
    # put together here, or this file would find itself
    places = "|".join(("work", "root", "tmp", "home", "opt", "Users"))
    hosts = "|".join((r"pypi" r"\.org", r"pytorch" r"\.org/whl", r"python" r"hosted\.org"))
    machine = re.compile(rf"""(?<![\w.*}}~])/(?:{places})/\w|['"`]/(?:{places})['"`]|{hosts}""")
    found = []
    for path in project_files():
        if path.suffix not in TEXT or path.name in ("LICENSE", ".git"):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if machine.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert found == []


@pytest.mark.parametrize("path", [p for p in EVERY_SOURCE if p.stat().st_size], ids=module_name)
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


# ------------------------------------------------------------ the docs name what there is


def commands_page() -> str:
    return (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def operations() -> dict:
    return json.loads((CORE / "faceplate_client" / "operations.json").read_text(encoding="utf-8"))


def test_the_docs_name_every_command():
    told = subprocess.run(
        [sys.executable, "-m", "faceplate.cli", "--help"],
        cwd=CORE,
        capture_output=True,
        text=True,
        check=True,
    )
    listed = re.findall(r"^    ([a-z]+)(?: |$)", told.stdout, re.MULTILINE)
    assert "restore" in listed, "the command's help no longer lists its subcommands as it did"
    for name in listed:
        assert f"## `faceplate {name}" in commands_page(), f"docs/commands.md does not name faceplate {name}"


def test_the_docs_name_every_operation_and_parameter():
    for name, facts in operations()["operations"].items():
        headed = (f"## `faceplate {name}", f"(operation `{name}`)")
        assert any(head in commands_page() for head in headed), (
            f"docs/commands.md does not name the operation {name}"
        )
        for parameter in facts["parameters"]:
            flag = "--" + parameter["name"].replace("_", "-")
            assert f"`{flag}" in commands_page(), f"docs/commands.md does not name {flag} of {name}"


def exit_codes_and_codes() -> Iterator[tuple[str, int]]:
    from faceplate import errors  # noqa: F401  its leaves are in the tree once imported
    from faceplate_client.errors import FaceplateError

    kinds = [FaceplateError]
    while kinds:
        kind = kinds.pop()
        if kind.__module__.startswith("faceplate"):
            yield kind.code, kind.exit_code
        kinds += kind.__subclasses__()


def test_the_codes_that_cross_the_wire_are_the_ones_agreed():
    """A farm and a host act on these; renaming one breaks a script nobody here knows."""
    agreed = {
        "error": 70, "request": 64, "params.range": 64, "array.shape": 64, "input": 65, "output": 74, "model": 65,
        "consent.missing": 77, "engine": 75, "cancelled": 143,
    }  # fmt: skip
    assert agreed.items() <= dict(exit_codes_and_codes()).items()


CODE = r"(request|params|array|input|output|plate|model|consent|engine)\.(?!sock$|port$|lock$|log$)[a-z_]+"
"""What an error code looks like; the engine's files are named alike and are none."""


def test_the_docs_name_every_error_code():
    raised = {code for code, _ in exit_codes_and_codes()}
    for path in sources("faceplate", "faceplate_client"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and re.fullmatch(CODE, str(node.value)):
                raised.add(str(node.value))
    missing = sorted(code for code in raised if f"`{code}`" not in commands_page())
    assert missing == [], "docs/commands.md does not name these codes"

"""Host and bundles compiled with a sanitizer, and the tests of both run under it.

    python3 ofx_bridge/host/sanitised.py address|thread [words for pytest]

Without words it runs the host's own tests; the plug-in is compiled as well when a word names one of its tests
(tests/ofx/test_plugin_render.py, for instance).

Needs GCC's libasan or libtsan beside the compiler, and the environment that build.py makes. What is compiled goes to
ofx_bridge/build/<sanitizer>/ and nothing else is touched. Leaks are not looked for: Python keeps what it keeps until it
ends, and what plug-ins keep is counted by the host itself (`live_handles`). Under `thread` the interpreter is not
instrumented, so that only races within the host and the bundles are seen.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = {"address": "libasan.so", "thread": "libtsan.so"}
OPTIONS = {
    "address": {"ASAN_OPTIONS": "detect_leaks=0:handle_segv=0:abort_on_error=1"},
    "thread": {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:handle_segv=0"},
}

# Taken in place of the module that build.py made, before any test imports it.
PRELUDE = """
import importlib.machinery, importlib.util, os, sys
import faceplate.ofx_host
path = os.environ["OFX_SANITISED_HOST"]
spec = importlib.util.spec_from_file_location("faceplate.ofx_host._host", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.modules["faceplate.ofx_host._host"] = faceplate.ofx_host._host = module
import pytest
sys.exit(pytest.main(sys.argv[1:]))
"""

HOST, PLUGIN = "the OFX host", "the OpenFX plug-in"
"""Names in build.py's table."""

TESTS = ("tests/ofx/test_host_images.py", "tests/ofx/test_host_params.py", "tests/ofx/test_host_rendering.py")


def main(words: list[str]) -> int:
    if not words or words[0] not in LIBRARIES:
        print(__doc__, file=sys.stderr)
        return 64
    kind, rest = words[0], words[1:]
    build = build_script()
    folder = ROOT / "ofx_bridge" / "build" / kind
    host = None
    for part in build.NATIVE:
        if part.name == HOST:
            host = compiled(build, part, folder / f"_host{build.told('ext_suffix')}", kind)
        elif ".ofx.bundle/" in part.output and (
            part.name != PLUGIN or any("test_plugin" in word for word in rest)
        ):
            compiled(build, part, folder / part.output.partition("ofx_bridge/build/")[2], kind)
    environment = {
        **os.environ,
        **OPTIONS[kind],
        # With libstdc++ beside it, or the sanitizer looks for __cxa_throw before Python has loaded any C++.
        "LD_PRELOAD": f"{library(LIBRARIES[kind])} {library('libstdc++.so.6')}",
        "OFX_BUILD_FOLDER": str(folder),
        "OFX_SANITISED_HOST": str(host),
        "PYTHONPATH": f"{ROOT / 'core'}{os.pathsep}{ROOT}",
    }
    command = [str(build.PYTHON), "-c", PRELUDE, "-q", "-p", "no:cacheprovider", *(rest or TESTS)]
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def build_script():
    """build.py as a module: it knows what there is to compile, and how."""
    spec = importlib.util.spec_from_file_location("faceplate_build", ROOT / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def compiled(build, part, output: Path, kind: str) -> Path:
    """A part of build.py's table with the sanitizer in it, unless nothing changed."""
    flags = [
        flag for flag in part.flags if not flag.startswith("-static")
    ]  # the sanitizers' own runtime is shared
    words = [os.environ.get("CXX", "c++"), *build.COMPILE, *flags, f"-fsanitize={kind}", "-g", "-O1"]
    words += build.includes() if part.python else ()
    sources = sorted((ROOT / part.sources).rglob("*.cpp"))
    files = [*sorted((ROOT / part.sources).rglob("*.[ch]*")), *(ROOT / name for name in part.also)]
    key, stamp = build.native_key(words, files), output.with_name(output.name + ".built")
    if not (output.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == key):
        print(f"-- compiling {part.name} with the {kind} sanitizer", flush=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*words, "-o", str(output), *map(str, sources)], cwd=ROOT, check=True)
        stamp.write_text(key, encoding="utf-8")
    return output


def library(name: str) -> str:
    """The sanitizer's runtime, which has to be there before anything else is."""
    told = subprocess.run(
        [os.environ.get("CXX", "c++"), f"-print-file-name={name}"], capture_output=True, text=True, check=True
    )
    return told.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

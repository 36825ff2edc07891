"""Host and bundles compiled with a sanitizer, and their tests run under it.

    python3 ofx_bridge/host/sanitised.py address|thread [words for pytest]

Without words it runs all of tests/ofx. The exit code is 0 if the tests passed and the sanitizer found nothing; what it
found is printed at the end.

Needs GCC's libasan or libtsan beside the compiler, and the environment that build.py makes. What is compiled goes to
ofx_bridge/build/<sanitizer>/ and nothing else is touched. Python itself is not instrumented: within it, leaks are not
looked for, since it keeps what it keeps until it ends, and of races only those between the host and the bundles are
seen. `stress/stress.cpp` is a host without Python: test_stress.py runs it, leaks and all.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LIBRARIES = {"address": "libasan.so", "thread": "libtsan.so"}
OPTIONS = {
    "address": ("ASAN_OPTIONS", "detect_leaks=0:handle_segv=0:abort_on_error=1"),
    "thread": (
        "TSAN_OPTIONS",
        f"second_deadlock_stack=1:handle_segv=0:suppressions={HERE / 'not_instrumented.txt'}",
    ),
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

HOST = "the OFX host"
"""Its name in build.py's table."""

TESTS = ("tests/ofx",)


def main(words: list[str]) -> int:
    if not words or words[0] not in LIBRARIES:
        print(__doc__, file=sys.stderr)
        return 64
    kind, rest = words[0], words[1:]
    build = build_script()
    folder = ROOT / "ofx_bridge" / "build" / kind
    host = build_all(build, folder, kind)
    name, options = OPTIONS[kind]
    environment = {
        **os.environ,
        name: f"{options}:log_path={folder / 'report'}",
        # With libstdc++ beside it, or the sanitizer looks for __cxa_throw before Python has loaded any C++.
        "LD_PRELOAD": f"{library(LIBRARIES[kind])} {library('libstdc++.so.6')}",
        "OFX_BUILD_FOLDER": str(folder),
        "OFX_SANITISED": kind,
        "OFX_SANITISED_HOST": str(host),
        "PYTHONPATH": f"{ROOT / 'core'}{os.pathsep}{ROOT}",
    }
    for old in folder.glob("report.*"):
        old.unlink()
    command = [str(build.PYTHON), "-c", PRELUDE, "-q", "-p", "no:cacheprovider", *(rest or TESTS)]
    code = subprocess.run(command, cwd=ROOT, env=environment).returncode
    reports = sorted(folder.glob("report.*"))
    for report in reports:
        print(report.read_text(encoding="utf-8", errors="replace"), file=sys.stderr)
    print(f"-- the {kind} sanitizer wrote {len(reports)} reports", flush=True)
    return code or int(bool(reports))


def build_all(build, folder: Path, kind: str) -> Path:
    """Host, bundles and the host without Python, each with the sanitizer in it; gives the host for Python."""
    host = None
    for part in build.NATIVE:
        if part.name == HOST:
            host = compiled(build, part, folder / f"_host{build.told('ext_suffix')}", kind)
        elif ".ofx.bundle/" in part.output:
            compiled(build, part, folder / part.output.partition("ofx_bridge/build/")[2], kind)
    assert host, "build.py no longer knows the OFX host"
    core = [path for path in sorted((HERE / "src").glob("*.cpp")) if path.name != "bindings.cpp"]
    words = [flag for flag in build.COMPILE if flag != "-shared"] + ["-Iofx_bridge/src", "-pthread"]
    files = [*core, HERE / "stress" / "stress.cpp", *sorted((HERE / "src").glob("*.h"))]
    make(build, "the host without Python", words, files, folder / "stress", kind)
    return host


def build_script():
    """build.py as a module: it knows what there is to compile, and how."""
    spec = importlib.util.spec_from_file_location("faceplate_build", ROOT / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def compiled(build, part, output: Path, kind: str) -> Path:
    """A part of build.py's table with the sanitizer in it."""
    # The sanitizers' own runtime is shared, and so is what it stands on.
    flags = [flag for flag in part.flags if not flag.startswith("-static")]
    words = [*build.COMPILE, *flags, *(build.includes() if part.python else ())]
    files = [*sorted((ROOT / part.sources).rglob("*.[ch]*")), *(ROOT / name for name in part.also)]
    return make(build, part.name, words, files, output, kind)


def make(build, name: str, words: list[str], files: list[Path], output: Path, kind: str) -> Path:
    """Compile the C++ among these files, unless nothing has changed."""
    command = [os.environ.get("CXX", "c++"), *words, f"-fsanitize={kind}", "-g", "-O1"]
    key, stamp = build.native_key(command, files), output.with_name(output.name + ".built")
    if not (output.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == key):
        print(f"-- compiling {name} with the {kind} sanitizer", flush=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        sources = [str(path) for path in files if path.suffix == ".cpp"]
        subprocess.run([*command, "-o", str(output), *sources], cwd=ROOT, check=True)
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

#!/usr/bin/env python3
"""Set up Faceplate and run it: one file, standard library only, nothing clever.

    python3 build.py            make .venv, install the pinned packages, build what is native
    python3 build.py demo       the same, then restore a sample plate of 24 frames into demo/
    python3 build.py test       the same, then every test this machine can run; words after it go to pytest
    python3 build.py check      ruff and pyright
    python3 build.py dist       a wheel in dist/, weights inside
    python3 build.py nuke       the gizmos from operations.json, and the folder for Nuke as dist/faceplate_nuke.zip
    python3 build.py blender    the extension as dist/faceplate_blender.zip, looked over by Blender's tool if it is here
    python3 build.py train NET  train a net of the open pack anew or go on: restore, say; with --shared DIR --out DIR
    python3 build.py models     check every weight file against its manifest; with --evaluate [--shared DIR] measure
                                each net on people it never saw, beside the bars that it is to reach

Any Python 3.9 or newer may start it; the environment itself is Python 3.11, the one the pins were tested with.
Setting up again is quick when nothing changed: a stamp in .venv holds the hash of what was installed.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent
CORE = ROOT / "core"
VENV = ROOT / ".venv"
STAMP = VENV / "faceplate-installed.txt"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
COMMAND = BIN / ("faceplate.exe" if os.name == "nt" else "faceplate")
WANTED = (3, 11)

BASE_EXTRAS = ("demo", "native", "test")
VERB_EXTRAS = {"check": ("check", "train"), "test": ("train",), "models": ("train",), "train": ("train",)}
OPTIONAL_EXTRAS = ("train",)  # some tests want torch; without it they skip and say so


class BuildError(Exception):
    """A sentence for whoever typed the command."""


def main(words=None):
    """Read the command line, set up, do what the verb says; the exit code is the answer."""
    asked, rest = read_words(words)
    try:
        set_up(BASE_EXTRAS + VERB_EXTRAS.get(asked.verb, ()))
        build_native()
        return VERBS[asked.verb](rest)
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def read_words(words):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("verb", nargs="?", default="setup", choices=sorted(VERBS))
    asked, rest = parser.parse_known_args(words)
    if rest and asked.verb not in ("test", "demo", "models", "train"):
        parser.error(f"{asked.verb} takes no further words, got {' '.join(rest)}")
    return asked, rest


# ---------------------------------------------------------------- the environment


def set_up(extras):
    """Bring .venv to the state that core/pyproject.toml and core/constraints.txt describe."""
    make_venv()
    done = installed_extras()
    missing = [extra for extra in extras if extra not in done]
    if not missing and COMMAND.exists():
        return
    needed = [extra for extra in extras if extra not in OPTIONAL_EXTRAS]
    if not done or not COMMAND.exists() or any(extra in missing for extra in needed):
        say(f"installing faceplate [{', '.join(sorted(needed))}] into .venv")
        if not install(needed):
            raise BuildError(
                "pip could not install what core/constraints.txt pins; its own message is above. "
                "Check that a package index can be reached, then run the same command again."
            )
        done = done | set(needed)
    for extra in missing:
        if extra in OPTIONAL_EXTRAS:
            say(f"installing the extra {extra!r} (torch)")
            if install([extra]):
                done = done | {extra}
            else:
                say(f"the extra {extra!r} could not be installed: tests that need it will skip and say so")
    STAMP.write_text("\n".join([wanted_hash(), *sorted(done)]) + "\n", encoding="utf-8")


def make_venv():
    """Make .venv with Python 3.11, or accept the one that is there."""
    if PYTHON.exists() or PYTHON.is_symlink():
        if version_of(PYTHON) != WANTED:
            raise BuildError(
                f".venv does not hold a working Python 3.11{found_instead(PYTHON)}. "
                "Delete the folder .venv and run the same command again."
            )
        if (
            STAMP.exists()
            or subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0
        ):
            return
    python = find_python()
    say("making .venv")
    made = subprocess.run([python, "-m", "venv", str(VENV)])
    if made.returncode != 0:
        raise BuildError(
            "Python 3.11 is here, but could not make a virtual environment; its own message is above. "
            "On Debian and Ubuntu the package python3.11-venv is often what is missing."
        )


def find_python():
    """A Python 3.11 to make the environment from: this one, or one on PATH."""
    if sys.version_info[:2] == WANTED:
        return sys.executable
    for name in ("python3.11", "python3", "python"):
        found = shutil.which(name)
        if found and version_of(found) == WANTED:
            return found
    raise BuildError(
        f"Faceplate needs Python 3.11 and found none (this is {sys.version.split()[0]}). "
        "Install Python 3.11, make sure `python3.11` is on PATH, and run the same command again."
    )


def found_instead(python):
    found = version_of(python)
    return ", but {}.{}".format(*found) if found else ""


def version_of(python):
    """(major, minor) of an interpreter, or None when it does not run: a shim or a dangling link, perhaps."""
    try:
        told = subprocess.run(
            [python, "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        major, minor = told.stdout.split()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return int(major), int(minor)


def install(extras):
    wanted = f"{CORE}[{','.join(sorted(extras))}]"
    words = [PYTHON, "-m", "pip", "install", "--quiet", "-c", CORE / "constraints.txt", "-e", wanted]
    return subprocess.run([str(word) for word in words]).returncode == 0


def wanted_hash():
    """The hash of everything that says what .venv should hold."""
    told = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        told.update((CORE / name).read_bytes())
    return told.hexdigest()


def installed_extras():
    """The extras .venv holds for the present pyproject and constraints; none when either changed."""
    try:
        told, *extras = STAMP.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return set()
    return set(extras) if told == wanted_hash() else set()


# ---------------------------------------------------------------- what is native


class Native(NamedTuple):
    """One shared library: every C++ file below `sources`, compiled and linked in one go."""

    name: str
    sources: str
    output: str
    flags: tuple = ()
    python: bool = False  # a Python module, through pybind11
    generator: str = ""  # a script that writes some of what is compiled
    also: tuple = ()  # files outside `sources`, or no C++, that decide what comes of it
    linux_only: bool = False


OFX_SYSTEM = f"Linux-{'x86-64' if platform.machine() == 'x86_64' else platform.machine()}"
"""The folder of a bundle in which OpenFX hosts look for this system's plug-in."""


NATIVE = (
    Native(
        name="the z-buffer",
        sources="core/native/raster",
        output="core/faceplate/reconstruct/_raster",
        flags=("-O3", "-ffp-contract=off", "-fopenmp"),
        python=True,
    ),
    Native(
        name="the OpenFX plug-in",
        sources="ofx_bridge/src",
        output=f"ofx_bridge/build/Faceplate.ofx.bundle/Contents/{OFX_SYSTEM}/Faceplate.ofx",
        flags=(
            *("-O3", "-static-libstdc++", "-static-libgcc", "-Wl,-Bsymbolic", "-Wl,--gc-sections"),
            "-Wl,--version-script=ofx_bridge/src/exports.map",
        ),
        generator="ofx_bridge/generate_operations.py",
        also=("ofx_bridge/generated/operations.h", "ofx_bridge/src/exports.map"),
        linux_only=True,
    ),
    Native(
        name="the OFX host",
        sources="ofx_bridge/host/src",
        output="core/faceplate/ofx_host/_host",
        flags=("-Iofx_bridge/src", "-pthread"),
        python=True,
        also=("ofx_bridge/src/ofx_abi.h",),
        linux_only=True,
    ),
    Native(
        name="the bundle that the OFX host is tested with",
        sources="ofx_bridge/host/testing",
        output=f"ofx_bridge/build/Testing.ofx.bundle/Contents/{OFX_SYSTEM}/Testing.ofx",
        flags=("-Iofx_bridge/src", "-pthread"),
        also=("ofx_bridge/src/ofx_abi.h",),
        linux_only=True,
    ),
)
"""What there is to compile. Nothing here is needed to restore from the command line."""

COMPILE = ("-std=c++17", "-O2", "-g0", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")


def build_native():
    """Compile what changed. Without a compiler everything else still works, and the tests of these parts skip."""
    compiler = shutil.which(os.environ.get("CXX", "c++"))
    for part in NATIVE:
        output = ROOT / (part.output + (told("ext_suffix") if part.python else ""))
        if not compiler:
            say(f"no C++ compiler found (c++, or the one named in CXX): {part.name} is left out")
            continue
        if part.linux_only and not sys.platform.startswith("linux"):
            say(f"{part.name} is for Linux only so far, and left out")
            continue
        if part.generator and run(PYTHON, part.generator) != 0:
            raise BuildError(f"{part.generator} failed; its own message is above")
        sources = sorted((ROOT / part.sources).rglob("*.cpp"))
        words = [compiler, *COMPILE, *part.flags, *(includes() if part.python else ())]
        headers = sorted((ROOT / part.sources).rglob("*.[ch]*"))
        key = native_key(words, [*headers, *(ROOT / name for name in part.also)])
        stamp = output.with_name(output.name + ".built")
        if output.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == key:
            continue
        say(f"compiling {part.name}")
        output.parent.mkdir(parents=True, exist_ok=True)
        if run(*words, "-o", output, *sources) != 0:
            raise BuildError(f"{part.name} did not compile; the compiler's own message is above")
        stamp.write_text(key, encoding="utf-8")


def includes():
    """Where Python's and pybind11's headers lie."""
    return (f"-I{told('include')}", f"-I{told('pybind11')}")


def told(what):
    """A fact about the environment's Python, asked of that Python."""
    questions = {
        "ext_suffix": "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'))",
        "include": "import sysconfig; print(sysconfig.get_paths()['include'])",
        "pybind11": "import pybind11; print(pybind11.get_include())",
    }
    answer = subprocess.run([str(PYTHON), "-c", questions[what]], capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def native_key(words, files):
    """The hash of everything that decides what a part is compiled to."""
    seen = hashlib.sha256("\n".join(str(word) for word in words).encode())
    for path in files:
        seen.update(path.read_bytes())
    return seen.hexdigest()


# ---------------------------------------------------------------- the verbs


def setup(_words):
    say(f"ready: {COMMAND.relative_to(ROOT)} --help")
    return 0


def demo(words):
    return run(PYTHON, "-m", "faceplate.demo", *(words or ["--out", "demo"]))


def test(words):
    return run(PYTHON, "-m", "pytest", *words)


def check(_words):
    steps = (
        ("ruff", (PYTHON, "-m", "ruff", "check", ".")),
        ("ruff format", (PYTHON, "-m", "ruff", "format", "--check", ".")),
        ("pyright", (PYTHON, "-m", "pyright")),
    )
    failed = []
    for name, words in steps:
        say(name)
        if run(*words) != 0:
            failed.append(name)
    if failed:
        raise BuildError(f"not clean: {', '.join(failed)}")
    return 0


def dist(_words):
    """A wheel from core/ with the weights of models/ inside. No sdist: it could not reach ../models."""
    code = run(PYTHON, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", "dist", "./core")
    if code == 0:
        newest = max((ROOT / "dist").glob("faceplate-*.whl"), key=lambda path: path.stat().st_mtime)
        say(f"wrote {newest.relative_to(ROOT)}, {newest.stat().st_size / 1e6:.1f} MB")
    return code


def nuke(_words):
    """Nuke's gizmos, made from operations.json, and the folder that Nuke is given, the client inside."""
    made = run(PYTHON, "nuke_gizmos/generate.py")
    return made or run(PYTHON, "nuke_gizmos/pack.py", "dist/faceplate_nuke.zip")


def blender(_words):
    """Blender's extension, the client inside, looked over by Blender's own tool where there is one."""
    archive = "dist/faceplate_blender.zip"
    packed = run(PYTHON, "blender_addon/pack.py", archive)
    if packed != 0:
        return packed
    tools = sorted(ROOT.glob("build/blender-venv/lib/*/site-packages/bpy/*/scripts/**/blender_ext.py"))
    if tools:
        return run(PYTHON, tools[-1], "validate", archive)
    if shutil.which("blender"):
        return run("blender", "--command", "extension", "validate", archive)
    say("neither build/blender-venv nor Blender is here: the extension was not validated")
    return 0


def models(words):
    """Every weight file against its manifest; on demand every shipped net on people it was not trained on."""
    parser = argparse.ArgumentParser(prog="build.py models")
    parser.add_argument("--evaluate", action="store_true", help="measure every net; takes some minutes")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="photos, clips and judge")
    asked = parser.parse_args(words)
    code = run(COMMAND, "models", "verify")
    if code or not asked.evaluate:
        return code
    expect_photos(asked.shared, "measure")
    for title, steps in evaluations(asked.shared.resolve()):
        say(title)
        code = run(PYTHON, *steps) or code
    return code


def train(words):
    """One net's recipe, by the net's name; further words go to the recipe, whose own first lines name them."""
    recipes = sorted((CORE / "faceplate_training").glob("*/train.py"))
    names = {path.parent.name.removesuffix("_face"): path.parent.name for path in recipes}
    parser = argparse.ArgumentParser(prog="build.py train", add_help=False)
    parser.add_argument("net", choices=sorted(names))
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--out", type=Path)
    asked, rest = parser.parse_known_args(words)
    expect_photos(asked.shared, "train")
    out = asked.out or ROOT / "build" / "training" / asked.net
    where = ("--shared", asked.shared.resolve(), "--out", out.resolve())
    return run(PYTHON, "-m", f"faceplate_training.{names[asked.net]}.train", *where, *rest)


def expect_photos(shared, what):
    if not shared.is_dir():
        raise BuildError(f"the photos to {what} on should lie in {shared}; name their folder: --shared DIR")


def evaluations(shared):
    """(what is measured and its bars, the words after python), net by net."""
    recipes, found = "faceplate_training", []
    told = {
        "detect": "recall 98.5 %, false 2 %, points 2.5 %; mosaics 97 %; time 1.5 x the teacher's",
        "identity": "EER 6 %, rank 1 85 %",
        "landmarks": "London 3.5 %, renders to 60 degrees 4 %",
        "parse": "mean overlap on renders 0.85, occluder 0.8",
        "reconstruct": "weights 0.95 of correlation, 80 ms",
        "quality": "rank correlation 0.75; 3 ms",
    }
    for net, bars in told.items():
        for weights in sorted((ROOT / "models" / "open").glob(f"{net}-face-*.onnx")):
            words = ["-m", f"{recipes}.{net}_face.evaluate", "--weights", weights, "--shared", shared]
            found.append((f"{weights.stem}; bars: {bars}", words))
    for weights in sorted((ROOT / "models" / "open").glob("upscale-*.onnx")):
        words = ["-m", f"{recipes}.upscale.evaluate", "--weights", weights, "--shared", shared]
        found.append((f"{weights.stem}; bars: better than Lanczos; 1080p to 4K in 2 s", words))
    restore = "film +4.5, web +1.8, blur +3.0, cctv32 +2.2 dB; identity worse 2 %; clean 38 dB"
    judged = ["tests/benchmarks/restore_judge.py", "--shared", shared, "--sizes", "256", "512"]
    found.append((f"restore-face; bars: {restore}", judged))
    found.append(("restore-face's time; bar: 20 x", ["tests/benchmarks/restore_speed.py"]))
    beside = ["tests/benchmarks/matte_parse.py", "--shared", shared]
    found.append(
        ("the matte beside hands; bars: a quarter of the change, 97 % of the face, no flicker", beside)
    )
    return found


VERBS = {
    "setup": setup,
    "demo": demo,
    "test": test,
    "check": check,
    "dist": dist,
    "nuke": nuke,
    "blender": blender,
    "models": models,
    "train": train,
}


def run(*words):
    """Run a command at the root with .venv's programs first on PATH; its exit code is the answer."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    environment.pop("PYTHONHOME", None)
    return subprocess.run([str(word) for word in words], cwd=ROOT, env=environment).returncode


def say(sentence):
    print(f"-- {sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

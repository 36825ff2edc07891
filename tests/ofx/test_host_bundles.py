"""Bundles are found by the rules of the OpenFX specification, and bad ones are refused in a sentence."""

import sys
from pathlib import Path

import pytest

from faceplate.ofx_host.bundles import architecture, binary_of, find_bundles, search_folders
from faceplate.ofx_host.effect import Bundle
from faceplate.ofx_host.native import PluginError
from faceplate.ofx_host.profiles import profile_named
from tests.support.ofx_hosting import need_host

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the folders of Linux")


def make_bundle(folder: Path, name: str, *, system: str | None = None) -> Path:
    bundle = folder / f"{name}.ofx.bundle"
    binary = bundle / "Contents" / (system or architecture()) / f"{name}.ofx"
    binary.parent.mkdir(parents=True)
    binary.write_bytes(b"")
    return bundle


@linux
def test_named_folders_come_before_the_systems_own():
    assert search_folders({"OFX_PLUGIN_PATH": "/b:/a::/b"}) == [
        Path("/b"),
        Path("/a"),
        Path("/usr/OFX/Plugins"),
    ]
    assert search_folders({}) == [Path("/usr/OFX/Plugins")]


def test_bundles_are_found_at_any_depth_but_not_in_bundles_and_not_behind_an_at(tmp_path):
    wanted = [make_bundle(tmp_path, "a"), make_bundle(tmp_path / "maker" / "set", "b")]
    make_bundle(tmp_path / "@off", "c")
    make_bundle(wanted[0] / "Contents" / "Resources", "d")
    (tmp_path / "@e.ofx.bundle").mkdir()
    assert find_bundles([tmp_path, tmp_path / "nowhere", tmp_path]) == wanted


@linux
def test_a_link_in_a_circle_ends(tmp_path):
    bundle = make_bundle(tmp_path / "set", "a")
    (tmp_path / "set" / "again").symlink_to(tmp_path)
    assert find_bundles([tmp_path])[0] == bundle


def test_the_binary_is_that_of_this_machine(tmp_path):
    bundle = make_bundle(tmp_path, "a")
    assert binary_of(bundle) == bundle / "Contents" / architecture() / "a.ofx"
    assert binary_of(binary_of(bundle)) == binary_of(bundle)


def test_a_bundle_for_other_machines_says_which(tmp_path):
    make_bundle(tmp_path, "a", system="Win64")
    with pytest.raises(PluginError, match="it holds Win64: get the plug-in for this machine"):
        binary_of(tmp_path / "a.ofx.bundle")


def test_what_is_no_bundle_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing.ofx.bundle"):
        with pytest.raises(PluginError, match=r"should be a folder that ends in \.ofx\.bundle"):
            binary_of(path)


def test_a_binary_that_cannot_be_loaded_says_why(tmp_path):
    need_host()
    bundle = make_bundle(tmp_path, "a")
    with pytest.raises(PluginError, match=r"cannot be loaded: .*; rebuild it"):
        Bundle(bundle, profile_named("full"))


def test_a_library_that_is_no_plug_in_is_refused(tmp_path):
    need_host()
    from faceplate.ofx_host.native import native

    bundle = make_bundle(tmp_path, "a")
    binary_of(bundle).write_bytes(Path(str(native().__file__)).read_bytes())
    with pytest.raises(PluginError, match="no OpenFX plug-in"):
        Bundle(bundle, profile_named("full"))

"""Laws of fetching: the right bytes under their name or nothing, however the network, the mirror or the user fails."""

import ast
import hashlib
import os
from pathlib import Path

import pytest

import faceplate
from faceplate.registry import fetch
from faceplate.registry.acceptance import expect_permitted, record_acceptance
from faceplate.registry.catalogue import manifest_named, read_weights
from faceplate.registry.fetch import copy_manifest, pull
from faceplate_client.errors import ModelError, OutputError
from tests.support.file_server import serving
from tests.support.model_folder import brighter_model

CORE = Path(faceplate.__file__).parents[1]
CONTENT = brighter_model(2.0)

MANIFEST = """
id = "theirs"
task = "face.restore"
version = "1.0.0"
licence = "LicenseRef-research"
class = "C"
[weights]
file = "fetched/theirs.onnx"
{sha256}
runtime = "onnx"
source = "{source}"
[input]
shape = "B 3 H W"
range = [0.0, 1.0]
space = "sRGB"
[terms]
source = "{terms}"
"""


@pytest.fixture
def server():
    with serving() as files:
        files.files = {"/theirs.onnx": CONTENT, "/LICENSE": b"Research only."}
        yield files


@pytest.fixture
def theirs(folder, server, monkeypatch):
    """A model that a server on this machine has, and nobody else; no proxy of the user's is asked for it."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    return describe(folder, f"{server.address}/theirs.onnx", f"{server.address}/LICENSE")


def describe(folder, source, terms="https://example.org/terms", sha256=None):
    pinned = hashlib.sha256(CONTENT).hexdigest() if sha256 is None else sha256
    words = MANIFEST.format(source=source, terms=terms, sha256=f'sha256 = "{pinned}"' if pinned else "")
    (folder / "manifests" / "theirs.toml").write_text(words, encoding="utf-8")
    return manifest_named("theirs")


def left_behind(data):
    """Every file under the user's folder but the licence's text."""
    return sorted(path.name for path in data.rglob("*") if path.is_file() and path.parent.name != "terms")


def test_what_was_pulled_loads_once_it_is_accepted(theirs, data, server):
    done = pull(theirs, data / "models")
    assert done.path.read_bytes() == CONTENT and done.origin == f"{server.address}/theirs.onnx"
    assert left_behind(data) == ["theirs.onnx"]
    with pytest.raises(ModelError) as caught:
        read_weights(theirs)
    assert caught.value.code == "model.licence"
    assert done.terms is not None and done.terms.read_bytes() == b"Research only."
    record_acceptance(theirs, who="Ada", terms=done.terms.read_bytes())
    assert read_weights(theirs) == CONTENT


def test_what_is_here_is_not_fetched_again(theirs, data, server):
    pull(theirs, data / "models")
    server.asked.clear()
    assert pull(theirs, data / "models").origin == "here"
    assert server.asked == []


@pytest.mark.parametrize("cut", [[1], [100], [len(CONTENT) - 1], [40, 40, 40], [0 + 10, 1, 1, 1]])
def test_a_broken_download_goes_on_where_it_ended(theirs, data, server, cut):
    server.cut = list(cut)
    assert pull(theirs, data / "models").path.read_bytes() == CONTENT
    starts = [asked for path, asked in server.asked if path == "/theirs.onnx"]
    ends = [sum(cut[: place + 1]) for place in range(len(cut))]
    assert starts == ["", *(f"bytes={end}-" for end in ends)]


def test_what_arrived_is_kept_for_the_next_time(theirs, data, server):
    server.cut = [50, 0]
    with pytest.raises(ModelError, match="run the same command again") as caught:
        pull(theirs, data / "models")
    assert (caught.value.code, caught.value.exit_code) == ("model.fetch", 75)
    server.asked.clear()
    assert pull(theirs, data / "models").path.read_bytes() == CONTENT
    assert server.asked[0] == ("/theirs.onnx", "bytes=50-")
    assert left_behind(data) == ["theirs.onnx"]


def test_a_server_without_ranges_is_asked_for_the_whole(theirs, data, server):
    server.ranges, server.cut = False, [50]
    assert pull(theirs, data / "models").path.read_bytes() == CONTENT


def test_a_complete_part_is_not_added_to(theirs, data, server):
    """The last run was killed between the last byte and the rename."""
    part = data / "models" / "fetched" / f".faceplate-{theirs.weights.sha256}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    assert pull(theirs, data / "models").path.read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [CONTENT[:-1] + b"\0", CONTENT + b"\0", b"", b"<html>Please log in</html>"])
def test_other_bytes_are_thrown_away_and_never_get_the_name(theirs, data, server, wrong, monkeypatch):
    monkeypatch.setattr("faceplate.registry.onnx_file.refuse_external_data", lambda *_: pytest.fail("parsed"))
    server.files["/theirs.onnx"] = wrong
    with pytest.raises(ModelError, match=r"is not theirs@1\.0\.0") as caught:
        pull(theirs, data / "models")
    assert caught.value.code == "model.hash"
    assert left_behind(data) == []


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final_and_one_sentence(theirs, data, server, status):
    server.says["/theirs.onnx"] = (status, {})
    with pytest.raises(ModelError, match=str(status)) as caught:
        pull(theirs, data / "models")
    assert (caught.value.code, caught.value.exit_code) == ("model.fetch", 65)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_in_trouble_is_worth_another_try(theirs, data, server, status):
    server.says["/theirs.onnx"] = (status, {})
    with pytest.raises(ModelError, match=str(status)) as caught:
        pull(theirs, data / "models")
    assert caught.value.exit_code == 75


def test_nobody_at_home_is_worth_another_try(folder, data, monkeypatch):
    monkeypatch.setattr(fetch, "PATIENCE", 2.0)
    with serving() as gone:
        address = gone.address
    with pytest.raises(ModelError) as caught:
        pull(describe(folder, f"{address}/theirs.onnx"), data / "models")
    assert (caught.value.code, caught.value.exit_code) == ("model.fetch", 75)


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://example.org/x", "http://example.org/x"])
def test_a_redirect_leads_only_where_a_manifest_may_point(theirs, data, server, target):
    server.says["/theirs.onnx"] = (302, {"Location": target})
    with pytest.raises(ModelError):
        pull(theirs, data / "models")
    assert left_behind(data) in ([], [f".faceplate-{theirs.weights.sha256}.part"])


def test_a_redirect_within_the_same_machine_is_followed(theirs, data, server):
    server.says["/theirs.onnx"] = (302, {"Location": f"{server.address}/elsewhere"})
    server.files["/elsewhere"] = CONTENT
    assert pull(theirs, data / "models").path.read_bytes() == CONTENT


def test_an_endless_answer_is_cut_short(theirs, data, server, monkeypatch):
    monkeypatch.setattr(fetch, "LARGEST", 64)
    with pytest.raises(ModelError, match="larger than") as caught:
        pull(theirs, data / "models")
    assert caught.value.code == "model.fetch"


def test_two_pulls_of_one_model_do_not_write_into_one_file(theirs, data):
    part = data / "models" / "fetched" / f".faceplate-{theirs.weights.sha256}.part"
    part.parent.mkdir(parents=True)
    fcntl = pytest.importorskip("fcntl", reason="locks of this kind are not on Windows")
    with part.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ModelError, match="Another command") as caught:
            pull(theirs, data / "models")
    assert caught.value.exit_code == 75


@pytest.mark.parametrize("place", ["fetched/theirs.onnx", "theirs.onnx"])
def test_a_mirror_needs_no_network(theirs, data, server, tmp_path, place):
    mirror = tmp_path / "mirror"
    (mirror / place).parent.mkdir(parents=True)
    (mirror / place).write_bytes(CONTENT)
    (mirror / "terms").mkdir()
    (mirror / "terms" / "theirs@1.0.0.txt").write_bytes(b"Research only.")
    done = pull(theirs, data / "models", mirrors=[mirror], network=False)
    assert (done.path.read_bytes(), done.origin) == (CONTENT, str(mirror / place))
    assert done.terms is not None and done.terms.is_relative_to(data)
    assert server.asked == []


def test_a_damaged_mirror_is_named_and_not_passed_over(theirs, data, server, tmp_path):
    (tmp_path / "theirs.onnx").write_bytes(CONTENT[:-1])
    with pytest.raises(ModelError, match=str(tmp_path / "theirs.onnx")) as caught:
        pull(theirs, data / "models", mirrors=[tmp_path])
    assert caught.value.code == "model.hash"
    assert server.asked == [] and left_behind(data) == []


def test_an_empty_mirror_does_not_open_the_network_behind_the_users_back(theirs, data, server, tmp_path):
    with pytest.raises(ModelError, match="network is not used") as caught:
        pull(theirs, data / "models", mirrors=[tmp_path], network=False)
    assert caught.value.code == "model.missing"
    assert server.asked == []


def test_a_model_without_an_address_says_where_it_comes_from(folder, data):
    with pytest.raises(ModelError, match=r"a pack of theirs.*--from FOLDER"):
        pull(describe(folder, "a pack of theirs, unpacked"), data / "models")


def test_nothing_is_fetched_whose_hash_nobody_knows(folder, data, server):
    manifest = describe(folder, f"{server.address}/theirs.onnx", sha256="")
    with pytest.raises(ModelError, match="pins no hash") as caught:
        pull(manifest, data / "models")
    assert caught.value.code == "model.unpinned"
    assert server.asked == []


def test_what_a_policy_forbids_is_not_even_fetched(theirs, data, server):
    with pytest.raises(ModelError) as caught:
        pull(theirs, data / "models", policy="B")
    assert (caught.value.code, caught.value.exit_code) == ("model.policy", 77)
    assert server.asked == []


def test_a_licence_that_cannot_be_fetched_is_no_reason_to_fail(theirs, data, server):
    del server.files["/LICENSE"]
    assert pull(theirs, data / "models").terms is None


def test_a_mirror_is_a_model_folder_of_its_own(theirs, tmp_path, monkeypatch):
    pull(theirs, tmp_path / "mirror")
    copy_manifest(theirs, tmp_path / "mirror")
    monkeypatch.setenv("FACEPLATE_MODELS", str(tmp_path / "mirror"))
    there = manifest_named("theirs")
    assert there.folder == tmp_path / "mirror"
    record_acceptance(there, who="Ada", terms=b"Research only.")
    expect_permitted(there)
    assert read_weights(there) == CONTENT


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(theirs, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="locked"):
        pull(theirs, tmp_path / "locked")


def test_only_this_file_reaches_for_the_network():
    """The engine's own socket is a file of the user's; everything else of Python that can call out is here alone."""
    outward = {
        "urllib.request",
        "http",
        "ftplib",
        "smtplib",
        "requests",
        "httpx",
        "aiohttp",
        "pooch",
        "socketserver",
    }
    found = set()
    for path in sorted(CORE.glob("faceplate*/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            if any(name == each or name.startswith(each + ".") for name in names for each in outward):
                found.add(str(path.relative_to(CORE)))
    assert found == {str(Path("faceplate", "registry", "fetch.py"))}

"""Laws of licences: what loads, what was accepted for how long, and what no acceptance outweighs."""

import hashlib
import json
import os
import stat

import pytest

from faceplate.registry.acceptance import (
    acceptance_path,
    expect_permitted,
    is_permitted,
    read_acceptance,
    record_acceptance,
    strictest,
    withdraw_acceptance,
)
from faceplate.registry.catalogue import find_manifests, manifest_for, read_weights
from faceplate_client.errors import ModelError, RequestError
from tests.support.model_folder import add_model, brighter_model

TERMS = b"You may look, and you may not sell."


@pytest.fixture
def research(folder):
    """A model of class C, not accepted by anybody."""
    add_model(folder, "face.restore", id="research", licence_class="C")
    return find_manifests()[0]


def test_an_acceptance_is_what_makes_a_model_load(research):
    assert not is_permitted(research)
    record_acceptance(research, who="Ada", terms=TERMS)
    assert is_permitted(research) and manifest_for("face.restore") == research
    read_weights(research)
    assert withdraw_acceptance(research) and not is_permitted(research)
    assert not withdraw_acceptance(research)


def test_the_record_says_who_when_and_of_which_text(research):
    made = record_acceptance(research, who=" Ada ", terms=TERMS)
    assert read_acceptance(research) == made
    told = json.loads(acceptance_path(research).read_text(encoding="utf-8"))
    assert told["who"] == "Ada" and told["when"].endswith("+00:00") and told["model"] == "research@1.0.0"
    assert told["terms_sha256"] == hashlib.sha256(TERMS).hexdigest()


def test_the_record_is_its_owners_alone(research):
    record_acceptance(research, who="Ada", terms=TERMS)
    path = acceptance_path(research)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_record_that_others_may_write_does_not_count(research, mode):
    record_acceptance(research, who="Ada", terms=TERMS)
    acceptance_path(research).chmod(mode)
    with pytest.raises(ModelError, match="not yours alone") as caught:
        expect_permitted(research)
    assert caught.value.exit_code == 77


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"yes", b'{"model": "research@1.0.0"}'])
def test_a_damaged_record_does_not_count(research, content):
    record_acceptance(research, who="Ada", terms=TERMS)
    acceptance_path(research).write_bytes(content)
    assert not is_permitted(research)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('licence = "CC0-1.0"', 'licence = "MIT"'),
        ('class = "C"', 'class = "B"'),
        ("[input]", '[terms]\nsha256 = "' + "0" * 64 + '"\n[input]'),
    ],
)
def test_an_acceptance_ends_when_what_was_accepted_changes(research, was, becomes):
    record_acceptance(research, who="Ada", terms=TERMS)
    words = research.path.read_text(encoding="utf-8").replace(was, becomes, 1)
    research.path.write_text(words, encoding="utf-8")
    assert not is_permitted(find_manifests()[0])


def test_an_acceptance_is_of_these_weights_and_no_others(research, folder):
    record_acceptance(research, who="Ada", terms=TERMS)
    add_model(folder, "face.restore", id="research", licence_class="C", content=brighter_model(3.0))
    assert not is_permitted(find_manifests()[0])


def test_only_the_text_that_the_manifest_names_can_be_accepted(research):
    research.path.write_text(
        research.path.read_text(encoding="utf-8").replace(
            "[input]", f'[terms]\nsource = "https://example.org/terms"\nsha256 = "{"0" * 64}"\n[input]'
        ),
        encoding="utf-8",
    )
    with pytest.raises(ModelError, match=r"https://example\.org/terms") as caught:
        record_acceptance(find_manifests()[0], who="Ada", terms=TERMS)
    assert caught.value.code == "model.terms"


@pytest.mark.parametrize(("who", "terms"), [("", TERMS), ("  ", TERMS), ("Ada", b""), ("Ada", b" \n")])
def test_nobody_accepts_nothing(research, who, terms):
    with pytest.raises(RequestError):
        record_acceptance(research, who=who, terms=terms)
    assert not is_permitted(research)


def test_a_free_model_needs_no_acceptance(folder):
    add_model(folder, "face.restore", id="free")
    expect_permitted(find_manifests()[0], policy="A")
    with pytest.raises(RequestError, match="class A"):
        record_acceptance(find_manifests()[0], who="Ada", terms=TERMS)


@pytest.mark.parametrize("licence_class", ["A", "B", "C"])
@pytest.mark.parametrize("policy", ["", "A", "B", "C"])
@pytest.mark.parametrize("variable", ["", "A", "B", "C"])
def test_the_stricter_of_command_and_farm_wins(folder, monkeypatch, licence_class, policy, variable):
    monkeypatch.setenv("FACEPLATE_POLICY", variable)
    add_model(folder, "face.restore", id="model", licence_class=licence_class)
    manifest = find_manifests()[0]
    may = licence_class <= min(policy or "C", variable or "C")
    assert is_permitted(manifest, accepted=[manifest.name], policy=policy) == may
    assert strictest(policy) == min(policy or "C", variable or "C")


def test_a_policy_outweighs_an_acceptance_in_one_sentence(research):
    record_acceptance(research, who="Ada", terms=TERMS)
    with pytest.raises(ModelError, match="policy here allows class A at most") as caught:
        manifest_for("face.restore", policy="A")
    assert (caught.value.code, caught.value.exit_code) == ("model.policy", 77)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("words", ["D", "a", "AB", "none"])
def test_a_policy_that_is_none_is_refused_and_not_taken_for_no_bound(research, monkeypatch, words):
    with pytest.raises(RequestError, match="--policy"):
        is_permitted(research, policy=words)
    monkeypatch.setenv("FACEPLATE_POLICY", words)
    with pytest.raises(RequestError, match="FACEPLATE_POLICY"):
        is_permitted(research)


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root can give a file away")
def test_somebody_elses_record_does_not_count(research):
    record_acceptance(research, who="Ada", terms=TERMS)
    os.chown(acceptance_path(research), 12345, -1)
    assert not is_permitted(research)

"""Licences that somebody has accepted, and the policy that may forbid them all the same.

A model of class A loads. One of class B or C loads once somebody has accepted its licence: a small file says who, when,
and the hash of the text that was read. It lies in the user's own folder, for nobody else to write. A policy
forbids classes whatever was accepted: the command's `--policy` and $FACEPLATE_POLICY both count, the stricter wins, so
that no job on a farm loosens what the farm has set.
"""

import hashlib
import json
import os
import stat
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from faceplate.registry.manifest import CLASSES, Manifest
from faceplate.registry.places import data_folder, land
from faceplate_client.errors import ModelError, RequestError

NOT_PERMITTED = 77
"""sysexits(3) EX_NOPERM: a farm does not try again."""


@dataclass(frozen=True)
class Acceptance:
    """One licence accepted: the model's `id@version`, what its manifest said then, who read the text and when (UTC)."""

    model: str
    licence: str
    licence_class: str
    weights_sha256: str
    terms_sha256: str
    who: str
    when: str

    def covers(self, manifest: Manifest) -> bool:
        """Whether this is still about the model as its manifest describes it now."""
        facts = (manifest.name, manifest.licence, manifest.licence_class, manifest.weights.sha256)
        same = (self.model, self.licence, self.licence_class, self.weights_sha256) == facts
        return same and manifest.terms.sha256 in ("", self.terms_sha256)


def acceptance_path(manifest: Manifest) -> Path:
    """The file that records a model's acceptance."""
    return data_folder() / "accepted" / f"{manifest.name}.json"


def record_acceptance(manifest: Manifest, *, who: str, terms: bytes) -> Acceptance:
    """Record that somebody has read a model's licence and accepts it.

    Args:
        manifest: the model.
        who: a person's name, not empty.
        terms: the text that was read.

    Raises:
        RequestError: no name, no text, or a class A model, which needs no acceptance.
        ModelError: `model.terms`, the text is not the one its manifest names.
        OutputError: the record cannot be written.
    """
    if manifest.licence_class == "A":
        raise RequestError(f"{manifest.name} is of class A and loads without an acceptance")
    if not who.strip():
        raise RequestError("an acceptance needs a name; say --by NAME")
    if not terms.strip():
        raise RequestError("the licence's text is empty; give the file that was read with --text FILE")
    found = hashlib.sha256(terms).hexdigest()
    if manifest.terms.sha256 not in ("", found):
        raise ModelError(
            f"This is not the licence that the manifest of {manifest.name} names: its text has sha256 "
            f"{found[:12]}..., expected {manifest.terms.sha256[:12]}.... Read {manifest.terms.source} instead.",
            code="model.terms",
        )
    accepted = Acceptance(
        manifest.name, manifest.licence, manifest.licence_class, manifest.weights.sha256, found, who.strip(),
        datetime.now(UTC).isoformat(timespec="seconds"),
    )  # fmt: skip
    words = json.dumps(asdict(accepted), indent=2, ensure_ascii=False) + "\n"
    land(acceptance_path(manifest), lambda file: file.write(words.encode()), mode=0o600)
    return accepted


def withdraw_acceptance(manifest: Manifest) -> bool:
    """Take an acceptance back; False when there was none."""
    try:
        acceptance_path(manifest).unlink()
    except FileNotFoundError:
        return False
    return True


def read_acceptance(manifest: Manifest) -> Acceptance | None:
    """The acceptance that covers a model as it is now, None when there is none.

    Raises:
        ModelError: `model.licence`, there is a record that others may have written, or that cannot be read.
    """
    path = acceptance_path(manifest)
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            content = file.read(1 << 16)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _no_record(path, error.strerror or str(error)) from error
    if os.name == "posix" and (facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o022):
        raise _no_record(path, "it is not yours alone to write")
    try:
        accepted = Acceptance(**json.loads(content))
    except (ValueError, TypeError) as error:
        raise _no_record(path, "it is damaged") from error
    return accepted if accepted.covers(manifest) else None


def expect_permitted(
    manifest: Manifest, *, accepted: Collection[str] | None = None, policy: str = ""
) -> None:
    """Refuse a model that may not be loaded here.

    Args:
        manifest: the model.
        accepted: names ("id@version") that count as accepted; None asks the user's records.
        policy: the highest class that may load, "A", "B" or "C"; "" sets no bound of its own.

    Raises:
        ModelError: `model.policy` or `model.licence`, exit code 77.
        RequestError: the policy, or $FACEPLATE_POLICY, is no class.
    """
    bound = strictest(policy)
    if manifest.licence_class > bound:
        raise _not_permitted(
            f"{manifest.name} is of licence class {manifest.licence_class} ({CLASSES[manifest.licence_class]}; "
            f"{manifest.licence}) and the policy here allows class {bound} at most. Use another model.",
            "model.policy",
        )
    if manifest.licence_class == "A":
        return
    known = read_acceptance(manifest) is not None if accepted is None else manifest.name in accepted
    if not known:
        raise _not_permitted(
            f"{manifest.name} is of licence class {manifest.licence_class} ({CLASSES[manifest.licence_class]}; "
            f"{manifest.licence}) and loads only after somebody has accepted that, which is not recorded here: "
            f"use a model of class A, or say `faceplate models accept {manifest.id}`.",
            "model.licence",
        )


def is_permitted(manifest: Manifest, *, accepted: Collection[str] | None = None, policy: str = "") -> bool:
    """Whether `expect_permitted` would let a model pass.

    Raises:
        RequestError: as `expect_permitted`.
    """
    try:
        expect_permitted(manifest, accepted=accepted, policy=policy)
    except ModelError:
        return False
    return True


def strictest(policy: str = "") -> str:
    """The highest licence class that may load: the stricter of a policy and $FACEPLATE_POLICY; "C" without either.

    Raises:
        RequestError: one of them is no class.
    """
    bounds = ["C"]
    for name, words in (("--policy", policy), ("FACEPLATE_POLICY", os.environ.get("FACEPLATE_POLICY", ""))):
        if words and words not in CLASSES:
            raise RequestError(f"{name} should be one of {', '.join(CLASSES)}, got {words}")
        bounds += [words] if words else []
    return min(bounds)


def _no_record(path: Path, why: str) -> ModelError:
    return _not_permitted(
        f"The record of acceptance {path} does not count: {why}. Remove it and accept the licence again.",
        "model.licence",
    )


def _not_permitted(sentence: str, code: str) -> ModelError:
    error = ModelError(sentence, code=code)
    error.exit_code = NOT_PERMITTED
    return error

"""Find the models that are here, choose the one that serves a task, and verify it before anything parses it.

Model folders, in this order; each holds `manifests/*.toml` and the weights that these name:

1. every folder of $FACEPLATE_MODELS (several are parted as in $PATH), so that a show can pin its own models;
2. `faceplate/models` inside an installed package;
3. `models/` at the root of a source checkout;
4. the user's own model folder, which `pull` and `import` fill.

The first folder that serves a task serves it; within a folder the newest version wins. A model of class A serves before
any other, and one that is not shipped only where its weights are: what somebody fetched and accepted is there to be
asked for by name, and does not change what everybody else's command does.
"""

import hashlib
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from faceplate.registry.acceptance import expect_permitted, is_permitted
from faceplate.registry.manifest import Manifest, read_manifest
from faceplate.registry.onnx_file import refuse_external_data
from faceplate.registry.places import user_models
from faceplate_client.errors import ModelError, RequestError

_PACKAGE = Path(__file__).resolve().parents[1]


def model_folders() -> list[Path]:
    """The model folders that exist here, in the order they are searched.

    Raises:
        ModelError: `model.missing` when $FACEPLATE_MODELS names a folder without manifests. A pinned model that is
            not there must not be replaced silently by another.
    """
    named = named_folders()
    own = [_PACKAGE / "models"]
    if _PACKAGE.parent.name == "core":
        own.append(_PACKAGE.parents[1] / "models")
    own.append(user_models())
    return named + [folder for folder in own if (folder / "manifests").is_dir()]


def named_folders() -> list[Path]:
    """The model folders that $FACEPLATE_MODELS names.

    Raises:
        ModelError: as `model_folders`.
    """
    named = [Path(word) for word in os.environ.get("FACEPLATE_MODELS", "").split(os.pathsep) if word]
    for folder in named:
        if not (folder / "manifests").is_dir():
            raise ModelError(
                f"FACEPLATE_MODELS names {folder}, which has no folder manifests in it. "
                "Correct the variable or unset it.",
                code="model.missing",
            )
    return named


def find_manifests() -> list[Manifest]:
    """Every model here, best first: folders in their order, in a folder by id and the newest version first.

    A model that several folders hold in the same version is listed once, from the first of them.

    Raises:
        ModelError: a manifest is wrong (`model.manifest`), or $FACEPLATE_MODELS is (`model.missing`).
    """
    found: dict[str, Manifest] = {}
    for folder in model_folders():
        here = [read_manifest(path, folder=folder) for path in sorted((folder / "manifests").glob("*.toml"))]
        for manifest in sorted(sorted(here, key=lambda m: m.order, reverse=True), key=lambda m: m.id):
            twin = found.setdefault(manifest.name, manifest)
            if twin is not manifest and twin.folder == folder:
                raise ModelError(
                    f"{twin.path.name} and {manifest.path.name} in {folder / 'manifests'} both describe "
                    f"{manifest.name}. Remove one or raise its version.",
                    code="model.manifest",
                )
    return list(found.values())


def manifest_named(words: str) -> Manifest:
    """The newest model of an id, or exactly the one of an "id@version".

    Raises:
        ModelError: `model.missing`; names those there are.
    """
    found = find_manifests()
    match = next((manifest for manifest in found if words in (manifest.id, manifest.name)), None)
    if match is None:
        here = ", ".join(manifest.name for manifest in found) or "none"
        raise ModelError(f"There is no model {words} here. There are: {here}.", code="model.missing")
    return match


def chosen_manifests(names: Sequence[str]) -> dict[str, Manifest]:
    """Models asked for by name, by the task that each serves.

    Raises:
        ModelError: as `manifest_named`.
        RequestError: two of them serve the same task.
    """
    chosen: dict[str, Manifest] = {}
    for name in names:
        manifest = manifest_named(name)
        other = chosen.setdefault(manifest.task, manifest)
        if other.name != manifest.name:
            raise RequestError(f"{other.name} and {manifest.name} both serve {manifest.task}; choose one")
    return chosen


def manifest_for(task: str, *, accepted: Collection[str] | None = None, policy: str = "") -> Manifest:
    """The model that serves a task here.

    Args:
        task: as manifests spell it, for instance "face.restore".
        accepted: names ("id@version") of class B and C models that count as accepted; None asks the user's records.
        policy: the highest licence class that may load, see `acceptance.strictest`.

    Raises:
        ModelError: `model.missing` when no model serves the task; `model.licence` or `model.policy` when only models
            do that may not be loaded here.
    """
    serving = [m for m in find_manifests() if m.task == task and (m.shipped or find_weights(m))]
    usable = [m for m in serving if is_permitted(m, accepted=accepted, policy=policy)]
    candidates = [m for m in usable if m.licence_class == "A"] or usable
    if candidates:
        first = candidates[0].folder
        return max((m for m in candidates if m.folder == first), key=lambda m: (m.order, m.id))
    if serving:
        expect_permitted(serving[0], accepted=accepted, policy=policy)
    searched = ", ".join(map(str, model_folders())) or "nowhere: no model folder was found"
    raise ModelError(
        f"No model here serves {task}. Looked in {searched}. Install the model pack, or point FACEPLATE_MODELS at it.",
        code="model.missing",
    )


def has_model(task: str, *, policy: str = "") -> bool:
    """Whether some model here serves a task and may be loaded."""
    return any(
        m.task == task and (m.shipped or find_weights(m)) and is_permitted(m, policy=policy)
        for m in find_manifests()
    )


def find_weights(manifest: Manifest) -> Path | None:
    """The weights of a model, None where they are not.

    Those of a shipped model lie in its manifest's folder. Others may lie in any model folder, a mirror on the net or
    the user's own: the hash decides, not the place.
    """
    folders = [manifest.folder] if manifest.shipped else [manifest.folder, *model_folders(), user_models()]
    paths = (folder / manifest.weights.file for folder in folders)
    return next((path for path in paths if path.is_file()), None)


def verify(manifest: Manifest, *, accepted: Collection[str] | None = None, policy: str = "") -> Path:
    """Check that a model may be loaded, that its weights are the ones its manifest pins, and whole in themselves.

    Returns:
        The weights' path.

    Raises:
        ModelError: `model.licence`, `model.policy`, `model.missing`, `model.hash`, `model.external`, `model.damaged`.
    """
    expect_permitted(manifest, accepted=accepted, policy=policy)
    return check_weights(manifest)


def check_weights(manifest: Manifest) -> Path:
    """`verify` without asking whether the model may be loaded: is the file intact?"""
    _intact_weights(manifest)
    return find_weights(manifest) or manifest.weights_path


def read_weights(manifest: Manifest, *, accepted: Collection[str] | None = None, policy: str = "") -> bytes:
    """A model's weights as bytes, verified; a runtime opens these and not the file, which could change in between.

    Raises:
        ModelError: as for `verify`.
    """
    expect_permitted(manifest, accepted=accepted, policy=policy)
    return _intact_weights(manifest)


def _intact_weights(manifest: Manifest) -> bytes:
    if not manifest.weights.sha256:
        raise ModelError(
            f"Nobody here knows the hash of {manifest.name}, so its weights cannot be verified. If you have a file "
            f"that you trust, say `faceplate models import FILE --like {manifest.id}`.",
            code="model.unpinned",
        )
    path = find_weights(manifest)
    if path is None and not manifest.shipped:
        raise ModelError(
            f"The weights of {manifest.name} are not here yet. Say `faceplate models pull {manifest.id}`.",
            code="model.missing",
        )
    path = path or manifest.weights_path
    folder = path.parents[len(Path(manifest.weights.file).parts) - 1]
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ModelError(
            f"{path} is a link that leads out of the model folder. Copy the weights into {folder}.",
            code="model.missing",
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"The weights of {manifest.name} cannot be read: {path}: {error.strerror}. "
            "Install the model pack again, or correct FACEPLATE_MODELS.",
            code="model.missing",
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != manifest.weights.sha256:
        raise ModelError(
            f"The weights of {manifest.name} are not the ones its manifest pins: {path} has sha256 {found[:12]}..., "
            f"expected {manifest.weights.sha256[:12]}.... The file is damaged or was exchanged; install it again.",
            code="model.hash",
        )
    if manifest.weights.runtime == "onnx":
        refuse_external_data(content, str(path))
    return content

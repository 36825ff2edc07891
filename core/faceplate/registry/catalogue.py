"""Find the models that are here, choose the one that serves a task, and verify it before anything parses it.

Model folders, in this order; each holds `manifests/*.toml` and the weights that these name:

1. every folder of $FACEPLATE_MODELS (several are parted as in $PATH), so that a show can pin its own models;
2. `faceplate/models` inside an installed package;
3. `models/` at the root of a source checkout.

The first folder that serves a task serves it; within a folder the newest version wins.
"""

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

from faceplate.registry.manifest import CLASSES, Manifest, read_manifest
from faceplate.registry.onnx_file import refuse_external_data
from faceplate_client.errors import ModelError

_PACKAGE = Path(__file__).resolve().parents[1]


def model_folders() -> list[Path]:
    """The model folders that exist here, in the order they are searched.

    Raises:
        ModelError: `model.missing` when $FACEPLATE_MODELS names a folder without manifests. A pinned model that is
            not there must not be replaced silently by another.
    """
    named = [Path(word) for word in os.environ.get("FACEPLATE_MODELS", "").split(os.pathsep) if word]
    for folder in named:
        if not (folder / "manifests").is_dir():
            raise ModelError(
                f"FACEPLATE_MODELS names {folder}, which has no folder manifests in it. "
                "Correct the variable or unset it.",
                code="model.missing",
            )
    own = [_PACKAGE / "models"]
    if _PACKAGE.parent.name == "core":
        own.append(_PACKAGE.parents[1] / "models")
    return named + [folder for folder in own if (folder / "manifests").is_dir()]


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


def manifest_for(task: str, *, accepted: Collection[str] = ()) -> Manifest:
    """The model that serves a task here.

    Args:
        task: as manifests spell it, for instance "face.restore".
        accepted: names ("id@version") of class B and C models whose licence somebody has accepted.

    Raises:
        ModelError: `model.missing` when no model serves the task, `model.licence` when only models do whose
            licence was not accepted.
    """
    serving = [manifest for manifest in find_manifests() if manifest.task == task]
    usable = [manifest for manifest in serving if _may_load(manifest, accepted)]
    if usable:
        first = usable[0].folder
        return max((m for m in usable if m.folder == first), key=lambda m: (m.order, m.id))
    if serving:
        raise _licence_error(serving[0])
    searched = ", ".join(map(str, model_folders())) or "nowhere: no model folder was found"
    raise ModelError(
        f"No model here serves {task}. Looked in {searched}. Install the model pack, or point FACEPLATE_MODELS at it.",
        code="model.missing",
    )


def has_model(task: str) -> bool:
    """Whether some model here serves a task and may be loaded."""
    return any(manifest.task == task and _may_load(manifest, ()) for manifest in find_manifests())


def verify(manifest: Manifest, *, accepted: Collection[str] = ()) -> Path:
    """Check that a model's weights are there, are the ones its manifest pins, and are whole in themselves.

    Returns:
        The weights' path.

    Raises:
        ModelError: `model.licence`, `model.missing`, `model.hash`, `model.external` or `model.damaged`.
    """
    read_weights(manifest, accepted=accepted)
    return manifest.weights_path


def read_weights(manifest: Manifest, *, accepted: Collection[str] = ()) -> bytes:
    """A model's weights as bytes, verified; a runtime opens these and not the file, which could change in between.

    Raises:
        ModelError: as for `verify`.
    """
    if not _may_load(manifest, accepted):
        raise _licence_error(manifest)
    path = manifest.weights_path
    if not path.resolve().is_relative_to(manifest.folder.resolve()):
        raise ModelError(
            f"{path} is a link that leads out of the model folder. Copy the weights into {manifest.folder}.",
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


def _may_load(manifest: Manifest, accepted: Collection[str]) -> bool:
    return manifest.licence_class == "A" or manifest.name in accepted


def _licence_error(manifest: Manifest) -> ModelError:
    return ModelError(
        f"{manifest.name} is of licence class {manifest.licence_class} ({CLASSES[manifest.licence_class]}; "
        f"{manifest.licence}) and loads only after somebody has accepted that, which is not recorded here. "
        "Use a model of class A.",
        code="model.licence",
    )

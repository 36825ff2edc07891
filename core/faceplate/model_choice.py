"""Which models a request runs on: those asked for by name, and for every other task the one that serves it here."""

from collections.abc import Sequence
from dataclasses import dataclass

from faceplate.registry.acceptance import expect_permitted
from faceplate.registry.catalogue import (
    chosen_manifests,
    find_manifests,
    has_model,
    manifest_for,
    manifest_named,
)
from faceplate.registry.manifest import Manifest
from faceplate_client.errors import ModelError, RequestError

TEMPLATES = {
    "face.restore": "ffhq_512",
    "face.parse": "ffhq_512",
    "face.identity": "arcface_112",
    "face.quality": "arcface_112",
}
"""Task -> the template that the stages align its crops to; all others see a plate, or cut out a face themselves."""


@dataclass(frozen=True)
class ModelChoice:
    """`names`: models by id or "id@version". `policy`: the highest licence class that may load, "" for no bound."""

    names: tuple[str, ...] = ()
    policy: str = ""


PLAIN_CHOICE = ModelChoice()
"""The models that serve here, with no bound but the environment's."""


def choose_models(
    choice: ModelChoice, *, needs: Sequence[str], wants: Sequence[str] = (), knows: Sequence[str] = ()
) -> dict[str, Manifest]:
    """The model for every task, by task, in the order given.

    Args:
        choice: what was asked for.
        needs: tasks that must be served.
        wants: tasks that are served where some model here can.
        knows: tasks that may be named all the same, because another part of the work asks for them.

    Raises:
        ModelError: a model is missing, was not accepted, is forbidden here, or is none that the stages can use.
        RequestError: a model was asked for that serves another task; two serve the same.
    """
    named = chosen_manifests(choice.names)
    for task, manifest in named.items():
        if task not in (*needs, *wants, *knows):
            instead = f" and say --flow {manifest.id}" if task == "frames.flow" else ""
            raise RequestError(
                f"{manifest.name} serves {task}, which is not needed here; leave it out of --model{instead}"
            )
        expect_permitted(manifest, policy=choice.policy)
    chosen: dict[str, Manifest] = {}
    for task in (*needs, *wants):
        if task in named:
            chosen[task] = named[task]
        elif task in needs or has_model(task, policy=choice.policy):
            chosen[task] = manifest_for(task, policy=choice.policy)
    for manifest in chosen.values():
        _expect_usable(manifest)
    return chosen


def named_model(name: str, task: str, *, policy: str = "", others: str = "") -> Manifest:
    """The model of a name that a parameter gives, where only one of a certain task will do.

    Args:
        name: an id or "id@version".
        task: what it must serve.
        policy: the highest licence class that may load.
        others: words that the parameter takes besides names of models.

    Raises:
        ModelError: there is none of that name, it was not accepted, is forbidden here, or cannot be used.
        RequestError: it serves another task.
    """
    manifest = manifest_named(name)
    if manifest.task != task:
        known = [other.id for other in find_manifests() if other.task == task]
        raise RequestError(
            f"{manifest.name} serves {manifest.task}, and {task} is asked for; choose one of "
            f"{', '.join([*([others] if others else []), *dict.fromkeys(known)])}"
        )
    expect_permitted(manifest, policy=policy)
    _expect_usable(manifest)
    return manifest


def _expect_usable(manifest: Manifest) -> None:
    """Refuse what the stages would feed wrongly."""
    if not manifest.adapter and manifest.input.range != (0.0, 1.0):
        low, high = manifest.input.range
        raise ModelError(
            f"{manifest.name} reads values {low:g} to {high:g}; the stages give 0 to 1. "
            "Name an adapter in its manifest, or export it with the scaling inside the graph.",
            code="model.range",
        )
    wanted = TEMPLATES.get(manifest.task, "")
    if manifest.input.template not in ("", wanted):
        raise ModelError(
            f"{manifest.name} reads faces aligned to {manifest.input.template}; the stages align them to "
            f"{wanted or 'no template'}. Choose another model.",
            code="model.shape",
        )

"""`faceplate models`: what models are here, what is known of them, whether they are intact."""

import argparse
import json
from typing import Any

from faceplate.registry.catalogue import find_manifests, model_folders, verify
from faceplate.registry.manifest import CLASSES, Manifest
from faceplate_client.errors import FaceplateError, ModelError

_NONE_FOUND = "No model was found. Install the model pack, or point FACEPLATE_MODELS at it."


def add_parser(commands: Any) -> None:
    """Add `models list`, `models card` and `models verify`."""
    parser = commands.add_parser("models", help="list the models, show a model's card, verify the weights")
    verbs = parser.add_subparsers(metavar="list|card|verify", required=True)
    for name, run, line in (
        ("list", _list, "every model found, and where"),
        ("card", _card, "what a model is, where it comes from and where it is weak"),
        ("verify", _verify, "check the weights against the hashes in the manifests"),
    ):
        verb = verbs.add_parser(name, help=line, description=line[0].upper() + line[1:] + ".")
        if name != "list":
            verb.add_argument(
                "ids", nargs="+" if name == "card" else "*", metavar="ID", help="id, or id@version"
            )
        verb.add_argument("--json", action="store_true", help="JSON on stdout")
        verb.set_defaults(run=run)


def _list(options: argparse.Namespace) -> int:
    found = find_manifests()
    if options.json:
        print(
            json.dumps(
                {"folders": list(map(str, model_folders())), "models": [_facts(m) for m in found]}, indent=2
            )
        )
        return 0
    for manifest in found:
        size = _megabytes(manifest)
        print(
            f"{manifest.name:32} {manifest.task:14} class {manifest.licence_class}  {manifest.licence:14} {size}"
        )
    for folder in model_folders():
        print(f"searched {folder}")
    if not found:
        print(_NONE_FOUND)
    return 0


def _card(options: argparse.Namespace) -> int:
    chosen = _chosen(options.ids)
    if options.json:
        print(json.dumps([_facts(manifest) for manifest in chosen], indent=2, default=str))
        return 0
    for manifest in chosen:
        print(f"{manifest.name}: {manifest.task}")
        print(
            f"  licence   {manifest.licence}, class {manifest.licence_class}: {CLASSES[manifest.licence_class]}"
        )
        print(f"  weights   {manifest.weights_path} {_megabytes(manifest)}")
        print(f"  sha256    {manifest.weights.sha256}")
        low, high = manifest.input.range
        template = manifest.input.template or "no template"
        print(
            f"  reads     {' '.join(manifest.input.shape)}, {manifest.input.space} {low:g}-{high:g}, {template}"
        )
        for key, value in manifest.card.items():
            print(f"  {key.replace('_', ' '):9} {value}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    """Verify every model asked for, report each, and end with the first failure's exit code."""
    chosen = _chosen(options.ids) if options.ids else find_manifests()
    if not chosen:
        raise ModelError(
            "No model was found. Install the model pack, or point FACEPLATE_MODELS at it.", "model.missing"
        )
    results, exit_code = [], 0
    for manifest in chosen:
        # What is asked here is whether the file is intact; its licence is asked when it is used.
        try:
            verify(manifest, accepted=(manifest.name,))
            results.append({"model": manifest.name, "ok": True})
        except FaceplateError as error:
            exit_code = exit_code or error.exit_code
            results.append({"model": manifest.name, "ok": False, "code": error.code, "sentence": str(error)})
    if options.json:
        print(json.dumps({"models": results}, indent=2))
    else:
        for result in results:
            print(f"{result['model']:32} {'intact' if result['ok'] else result['sentence']}")
    return exit_code


def _chosen(ids: list[str]) -> list[Manifest]:
    """The newest model of each id, or exactly the one of an "id@version"."""
    found = find_manifests()
    chosen = []
    for word in ids:
        match = next((m for m in found if word in (m.id, m.name)), None)
        if match is None:
            here = ", ".join(m.name for m in found) or "none"
            raise ModelError(f"There is no model {word} here. There are: {here}.", code="model.missing")
        chosen.append(match)
    return chosen


def _facts(manifest: Manifest) -> dict[str, Any]:
    return {
        "id": manifest.id,
        "version": manifest.version,
        "task": manifest.task,
        "licence": manifest.licence,
        "class": manifest.licence_class,
        "weights": str(manifest.weights_path),
        "sha256": manifest.weights.sha256,
        "present": manifest.weights_path.is_file(),
        "manifest": str(manifest.path),
        "card": dict(manifest.card),
    }


def _megabytes(manifest: Manifest) -> str:
    path = manifest.weights_path
    return f"{path.stat().st_size / 1e6:.1f} MB" if path.is_file() else "weights missing"

"""`faceplate models`: what models are here, what is known of them, and how others come here."""

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from faceplate.cli.options import add_policy
from faceplate.registry.acceptance import (
    is_permitted,
    read_acceptance,
    record_acceptance,
    withdraw_acceptance,
)
from faceplate.registry.bring import bring
from faceplate.registry.catalogue import (
    check_weights,
    find_manifests,
    find_weights,
    manifest_named,
    model_folders,
    named_folders,
)
from faceplate.registry.fetch import copy_manifest, find_terms, pull
from faceplate.registry.manifest import CLASSES, Manifest
from faceplate.registry.places import user_models
from faceplate_client.errors import FaceplateError, ModelError, RequestError

_NONE_FOUND = "No model was found. Install the model pack, or point FACEPLATE_MODELS at it."

_LINES = {
    "list": "every model found, and where",
    "card": "what a model is, where it comes from and where it is weak",
    "verify": "check the weights against the hashes in the manifests",
    "pull": "fetch the weights of a model that is not shipped, from a mirror or over the network",
    "import": "register a weights file that you have, as a model like one that is known",
    "accept": "record that you have read the licence of a model of class B or C and accept it",
}


_OPTIONS = {"head.flame": "flame", "frames.flow": "flow"}
"""Task -> the option that names its models, where that is not --model."""


def add_parser(commands: Any) -> None:
    """Add `models` and its verbs."""
    parser = commands.add_parser(
        "models", help="list, verify, fetch and import models; accept their licences"
    )
    verbs = parser.add_subparsers(metavar="|".join(_LINES), required=True)
    made = {
        name: verbs.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.")
        for name, line in _LINES.items()
    }
    runs: dict[str, Callable[[argparse.Namespace], int]] = {
        "list": _list, "card": _card, "verify": _verify, "pull": _pull, "import": _import, "accept": _accept,
    }  # fmt: skip
    for name, nargs in (("card", "+"), ("verify", "*"), ("pull", "+")):
        made[name].add_argument("ids", nargs=nargs, metavar="ID", help="id, or id@version")
    _pull_options(made["pull"])
    _import_options(made["import"])
    _accept_options(made["accept"])
    for name, verb in made.items():
        verb.add_argument("--json", action="store_true", help="JSON on stdout")
        verb.set_defaults(run=runs[name])


def _pull_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--from",
        dest="mirror",
        type=Path,
        metavar="FOLDER",
        help="take it from here and leave the network alone",
    )
    verb.add_argument(
        "--to", type=Path, metavar="FOLDER", help="make or fill a mirror instead of your own model folder"
    )
    add_policy(verb)


def _import_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("file", type=Path, metavar="FILE", help="an .onnx or .safetensors file; FLAME's .pkl")
    verb.add_argument(
        "--like", required=True, metavar="ID", help="the model whose adapter and input it shares"
    )
    verb.add_argument("--id", default="", help="the new model's id; default: made of the file's name")
    verb.add_argument("--version", default="", metavar="1.2.0", help="default: that of --like")
    verb.add_argument("--licence", default="", metavar="SPDX", help="default: that of --like")
    verb.add_argument(
        "--class", dest="licence_class", default="", metavar="A|B|C", help="default: that of --like"
    )


def _accept_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("id", metavar="ID", help="id, or id@version")
    verb.add_argument("--text", type=Path, metavar="FILE", help="the licence as you read it")
    verb.add_argument("--by", default="", metavar="NAME", help="who accepts it; default: the user's name")
    verb.add_argument("--yes", action="store_true", help="do not ask")
    verb.add_argument("--withdraw", action="store_true", help="take an acceptance back")


# ------------------------------------------------------------ what is here


def _list(options: argparse.Namespace) -> int:
    found = find_manifests()
    if options.json:
        folders = list(map(str, model_folders()))
        print(json.dumps({"folders": folders, "models": [_facts(m) for m in found]}, indent=2))
        return 0
    for m in found:
        print(f"{m.name:32} {m.task:14} class {m.licence_class}  {m.licence:37} {_state(m)}")
    for folder in model_folders():
        print(f"searched {folder}")
    if not found:
        print(_NONE_FOUND)
    return 0


def _card(options: argparse.Namespace) -> int:
    chosen = [manifest_named(word) for word in options.ids]
    if options.json:
        print(json.dumps([_facts(manifest) for manifest in chosen], indent=2, default=str))
        return 0
    for manifest in chosen:
        for line in _told(manifest):
            print(line)
    return 0


def _told(m: Manifest) -> list[str]:
    low, high = m.input.range
    lines = [
        f"{m.name}: {m.task}",
        f"  licence   {m.licence}, class {m.licence_class}: {CLASSES[m.licence_class]}",
        f"  weights   {find_weights(m) or m.weights_path} {_state(m)}",
        f"  sha256    {m.weights.sha256 or 'not known'}",
    ]
    if m.input.shape:
        lines.append(
            f"  reads     {' '.join(m.input.shape)}, {m.input.space} {low:g}-{high:g} {m.input.order}, "
            f"{m.input.template or 'no template'}"
        )
    if m.adapter:
        lines.append(f"  adapter   {m.adapter}")
    if m.weights.source:
        lines.append(f"  source    {m.weights.source}")
    if m.terms.source:
        lines.append(f"  terms     {m.terms.source}")
    return lines + [f"  {key.replace('_', ' '):9} {value}" for key, value in m.card.items()]


def _verify(options: argparse.Namespace) -> int:
    """Verify every model asked for, report each, and end with the first failure's exit code.

    What is asked is whether a file is intact, not whether it may be used. Without names a model that was not fetched is
    no failure: there is nothing to verify.
    """
    every = find_manifests()
    chosen = [manifest_named(word) for word in options.ids] if options.ids else every
    if not chosen:
        raise ModelError(_NONE_FOUND, "model.missing")
    results: list[dict[str, Any]] = []
    exit_code = 0
    for manifest in chosen:
        if not options.ids and not manifest.shipped and find_weights(manifest) is None:
            results.append({"model": manifest.name, "ok": True, "fetched": False})
            continue
        try:
            check_weights(manifest)
            results.append({"model": manifest.name, "ok": True, "fetched": True})
        except FaceplateError as error:
            exit_code = exit_code or error.exit_code
            results.append({"model": manifest.name, "ok": False, "code": error.code, "sentence": str(error)})
    if options.json:
        print(json.dumps({"models": results}, indent=2))
        return exit_code
    for result in results:
        good = "intact" if result.get("fetched") else "not fetched"
        print(f"{result['model']:32} {good if result['ok'] else result['sentence']}")
    return exit_code


def _facts(m: Manifest) -> dict[str, Any]:
    place = find_weights(m)
    return {
        "id": m.id,
        "version": m.version,
        "task": m.task,
        "licence": m.licence,
        "class": m.licence_class,
        "adapter": m.adapter,
        "weights": str(place or m.weights_path),
        "sha256": m.weights.sha256,
        "source": m.weights.source,
        "terms": m.terms.source,
        "present": place is not None,
        "permitted": is_permitted(m),
        "manifest": str(m.path),
        "card": dict(m.card),
    }


def _state(m: Manifest) -> str:
    """In a few words: how large it is, or why it is not here; and whether it may be loaded."""
    path = find_weights(m)
    if path is None:
        return "weights missing" if m.shipped else "not fetched"
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    return size if is_permitted(m) else f"{size}, not accepted or not allowed"


# ------------------------------------------------------------ what comes here


def _pull(options: argparse.Namespace) -> int:
    folder = options.to or user_models()
    results = []
    for manifest in [manifest_named(word) for word in options.ids]:
        if manifest.shipped:
            raise RequestError(f"{manifest.name} is part of {manifest.folder}; there is nothing to fetch")
        done = pull(
            manifest,
            folder,
            mirrors=[options.mirror] if options.mirror else _other_mirrors(folder),
            network=options.mirror is None,
            policy=options.policy,
            on_progress=None if options.json else _Meter(manifest.name),
        )
        if options.to:
            copy_manifest(manifest, folder)
        results.append({"model": manifest.name, "weights": str(done.path), "origin": done.origin})
        if not options.json:
            came = "was there already" if done.origin == "here" else f"from {done.origin}"
            print(f"{manifest.name} {came}: {done.path}{_next_step(manifest, done.terms)}")
    if options.json:
        print(json.dumps({"models": results}, indent=2))
    return 0


def _other_mirrors(folder: Path) -> list[Path]:
    return [mirror for mirror in named_folders() if mirror.resolve() != folder.resolve()]


def _next_step(manifest: Manifest, terms: Path | None) -> str:
    if manifest.licence_class == "A" or is_permitted(manifest):
        return ""
    read = terms or manifest.terms.source or "its licence where it comes from"
    return f"\n  class {manifest.licence_class}: read {read}, then `faceplate models accept {manifest.id}`"


class _Meter:
    """Bytes fetched so far, on one line of stderr where a person looks at it."""

    def __init__(self, name: str) -> None:
        self._name, self._shown = name, -1

    def __call__(self, have: int, total: int) -> None:
        percent = have * 100 // total if total else have >> 20
        if percent != self._shown and sys.stderr.isatty():
            unit = "%" if total else " MB"
            print(
                f"\r{self._name}: {percent}{unit}",
                end="\n" if have == total else "",
                file=sys.stderr,
                flush=True,
            )
        self._shown = percent


def _import(options: argparse.Namespace) -> int:
    like = manifest_named(options.like)
    with _registrable(options.file, like) as file:
        made = bring(
            file,
            like,
            user_models(),
            id=options.id,
            version=options.version,
            licence=options.licence,
            licence_class=options.licence_class,
        )
    if options.json:
        print(json.dumps(_facts(made), indent=2, default=str))
    else:
        print(f"{made.name} is registered: {find_weights(made)}{_next_step(made, None)}")
        print(f"  use it with --{_OPTIONS.get(made.task, 'model')} {made.id}")
    return 0


@contextmanager
def _registrable(file: Path, like: Manifest) -> Iterator[Path]:
    """The file itself, or, of FLAME's pickle, its arrays in a file of their own: nothing else of it is kept."""
    if like.task != "head.flame":
        yield file
        return
    from faceplate.reconstruct.flame import read_flame, write_flame

    model = read_flame(file)
    with TemporaryDirectory(prefix="faceplate-import-") as folder:
        plain = Path(folder) / f"{file.stem}.npz"
        write_flame(model, plain)
        yield plain


# ------------------------------------------------------------ licences


def _accept(options: argparse.Namespace) -> int:
    manifest = manifest_named(options.id)
    if options.withdraw:
        had = withdraw_acceptance(manifest)
        return _report(options, manifest, "is accepted no longer" if had else "was not accepted")
    terms = _terms(options, manifest)
    if read_acceptance(manifest) is not None:
        return _report(options, manifest, "was accepted before")
    if not options.yes:
        _ask(manifest, terms, quiet=options.text is not None)
    accepted = record_acceptance(manifest, who=options.by or getpass.getuser(), terms=terms)
    return _report(options, manifest, f"is accepted by {accepted.who}, {accepted.when}")


def _terms(options: argparse.Namespace, manifest: Manifest) -> bytes:
    """The licence's text: the file that was named, or the one that came with the weights."""
    path = options.text or find_terms(manifest, [*model_folders(), user_models()])
    if path is None:
        where = (
            manifest.terms.source or f"the place that {manifest.name} comes from: {manifest.weights.source}"
        )
        raise RequestError(
            f"The licence of {manifest.name} is not here. Read it at {where}, save it, and say "
            f"`faceplate models accept {manifest.id} --text FILE`."
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}. Check the path of --text.") from error


def _ask(manifest: Manifest, terms: bytes, *, quiet: bool) -> None:
    """Show what is accepted and wait for a yes.

    Raises:
        RequestError: nobody is there to ask, or the answer is another one.
    """
    if not sys.stdin.isatty():
        raise RequestError(
            f"Nobody is here to ask. Read the licence of {manifest.name} and say --yes with --by NAME."
        )
    if not quiet:
        print(terms.decode("utf-8", "replace"))
    print(
        f"{manifest.name}: {manifest.licence}, class {manifest.licence_class}: {CLASSES[manifest.licence_class]}."
    )
    if input("Do you accept this licence? Type yes: ").strip().lower() != "yes":
        raise RequestError(f"The licence of {manifest.name} was not accepted; nothing was recorded.")


def _report(options: argparse.Namespace, manifest: Manifest, what: str) -> int:
    accepted = read_acceptance(manifest)
    if options.json:
        record = (
            {"who": accepted.who, "when": accepted.when, "terms_sha256": accepted.terms_sha256}
            if accepted
            else None
        )
        print(json.dumps({"model": manifest.name, "accepted": record}, indent=2))
    else:
        print(f"{manifest.name} {what}")
    return 0

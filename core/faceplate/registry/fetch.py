"""Fetch a model's weights: from a mirror folder, or over the network when the user says so.

This is the only file of Faceplate that opens a network connection, and only `faceplate models pull` calls it. Nothing
that it fetches is parsed: what arrives is hashed, and gets its name when the hash is the one that the manifest pins.
A download that breaks off is kept and continued (HTTP ranges, RFC 9110, section 14); it belongs to one hash, so that no
two versions are ever joined.
"""

import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from faceplate.registry.acceptance import NOT_PERMITTED, strictest
from faceplate.registry.manifest import Manifest, is_address
from faceplate.registry.places import BLOCK, copy_file, land, make_private, not_written, settle
from faceplate_client.errors import ModelError

LARGEST = 4 << 30
"""Bytes of the largest file that is fetched; the largest face models are under a tenth of it."""

LARGEST_TERMS = 1 << 20
TRIES = 5
"""Connections in a row that may break off; each goes on where the one before ended."""

PATIENCE = 30.0
"""Seconds without a byte until a connection counts as broken off."""

AGAIN = 75
"""sysexits(3) EX_TEMPFAIL: trying again may help."""

OnProgress = Callable[[int, int], object]
"""(bytes so far, bytes in all or 0 where the server does not say)."""


@dataclass(frozen=True)
class Pulled:
    """Where a model's weights lie now, and where they came from: "here", a mirror's path, or an address."""

    path: Path
    origin: str
    terms: Path | None = None


def pull(
    manifest: Manifest,
    folder: Path,
    *,
    mirrors: Sequence[Path] = (),
    network: bool = True,
    policy: str = "",
    on_progress: OnProgress | None = None,
) -> Pulled:
    """Bring a model's weights into a model folder, and its licence's text where its manifest says where that is.

    Args:
        manifest: the model.
        folder: the model folder.
        mirrors: folders to look in first, each laid out like a model folder or holding the bare file.
        network: whether the manifest's own address may be used.
        policy: the highest licence class to fetch, see `acceptance.strictest`.
        on_progress: told while bytes arrive.

    Raises:
        ModelError: `model.policy`; `model.unpinned`, no hash is known; `model.missing`, nobody has the file;
            `model.hash`, what is there is another file; `model.fetch`, the network or the server failed (exit code
            75) or refused (65).
        OutputError: the folder cannot be written.
    """
    _expect_fetchable(manifest, policy)
    path = folder / manifest.weights.file
    if path.is_file() and hash_of(path) == manifest.weights.sha256:
        return Pulled(path, "here", find_terms(manifest, [folder]))
    found = _in_mirrors(manifest, mirrors)
    if found is not None:
        copy_file(found, path, lambda sha256: _expect_hash(manifest, sha256, str(found)))
        return Pulled(path, str(found), _mirrored_terms(manifest, folder, mirrors))
    if not network or not manifest.weights.address:
        raise _nowhere(manifest, mirrors, network=network)
    _download(manifest, path, on_progress or (lambda *_: None))
    return Pulled(path, manifest.weights.address, _fetch_terms(manifest, folder))


def hash_of(path: Path) -> str:
    """The sha256 of a file, in hex.

    Raises:
        ModelError: `model.missing`, it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror}. Check the path.", "model.missing"
        ) from error


def terms_path(manifest: Manifest, folder: Path) -> Path:
    """Where a model folder keeps the text of a model's licence."""
    return folder / "terms" / f"{manifest.name}.txt"


def find_terms(manifest: Manifest, folders: Sequence[Path]) -> Path | None:
    """The text of a model's licence in the first folder that has it."""
    return next((path for path in (terms_path(manifest, f) for f in folders) if path.is_file()), None)


def _expect_fetchable(manifest: Manifest, policy: str) -> None:
    bound = strictest(policy)
    if manifest.licence_class > bound:
        error = ModelError(
            f"{manifest.name} is of licence class {manifest.licence_class} and the policy here allows class {bound} "
            "at most; it was not fetched. Use another model.",
            code="model.policy",
        )
        error.exit_code = NOT_PERMITTED
        raise error
    if not manifest.weights.sha256:
        raise ModelError(
            f"{manifest.name} was not fetched: its manifest pins no hash, because nobody could verify one. If you have "
            f"a file that you trust ({manifest.weights.source}), say "
            f"`faceplate models import FILE --like {manifest.id}`.",
            code="model.unpinned",
        )


# ------------------------------------------------------------ mirrors


def _in_mirrors(manifest: Manifest, mirrors: Sequence[Path]) -> Path | None:
    """The file in the first mirror that has it.

    Raises:
        ModelError: `model.hash`, a mirror has a file of this name with other content. To pass on to the next place in
            silence would hide a damaged mirror until the day the network is off.
    """
    for mirror in mirrors:
        for path in (mirror / manifest.weights.file, mirror / Path(manifest.weights.file).name):
            if path.is_file():
                _expect_hash(manifest, hash_of(path), str(path))
                return path
    return None


def _mirrored_terms(manifest: Manifest, folder: Path, mirrors: Sequence[Path]) -> Path | None:
    found = find_terms(manifest, mirrors)
    if found is None:
        return find_terms(manifest, [folder])
    content = found.read_bytes()[:LARGEST_TERMS]
    land(terms_path(manifest, folder), lambda file: file.write(content))
    return terms_path(manifest, folder)


def _nowhere(manifest: Manifest, mirrors: Sequence[Path], *, network: bool) -> ModelError:
    looked = f"It is not in {', '.join(map(str, mirrors))}" if mirrors else "No mirror was named"
    if not network:
        advice = "and the network is not used with --from. Put the file there, or leave --from out."
    else:
        name = Path(manifest.weights.file).name
        advice = (
            f"and it cannot be fetched: it comes from {manifest.weights.source or 'the model pack'}. "
            f"Get {name} there and say `faceplate models pull {manifest.id} --from FOLDER`."
        )
    return ModelError(f"{manifest.name} was not fetched. {looked}, {advice}", code="model.missing")


def _expect_hash(manifest: Manifest, found: str, where: str) -> None:
    if found != manifest.weights.sha256:
        raise ModelError(
            f"What {where} holds is not {manifest.name}: it has sha256 {found[:12]}..., expected "
            f"{manifest.weights.sha256[:12]}.... It was not used; get the file from {manifest.weights.source}.",
            code="model.hash",
        )


# ------------------------------------------------------------ the network


def _download(manifest: Manifest, path: Path, on_progress: OnProgress) -> None:
    make_private(path.parent)
    part = path.with_name(f".faceplate-{manifest.weights.sha256}.part")
    with _held(part, manifest) as file:
        _receive_all(manifest.weights.address, file, on_progress)
        file.flush()
        found = hash_of(part)
        if found != manifest.weights.sha256:
            with suppress(OSError):
                part.unlink()
        _expect_hash(manifest, found, manifest.weights.address)
        try:
            settle(part, path)
        except OSError as error:
            raise not_written(path, error) from error


@contextmanager
def _held(part: Path, manifest: Manifest) -> Iterator[BinaryIO]:
    """The unfinished file, open at its end, for this process alone."""
    try:
        part.touch()
        opened = part.open("r+b")
    except OSError as error:
        raise not_written(part, error) from error
    with opened as file:
        with suppress(ImportError):  # not on Windows, where two pulls at once are for the user to avoid
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise _failed(f"Another command is fetching {manifest.name}. Wait for it.", AGAIN) from None
        file.seek(0, os.SEEK_END)
        yield file


def _receive_all(address: str, file: BinaryIO, on_progress: OnProgress) -> None:
    """Receive until the server has nothing more to give, over as many connections as make progress."""
    for left in range(TRIES - 1, -1, -1):
        before = file.tell()
        try:
            if _receive(address, file, on_progress):
                return
            reason = "the connection ended early"
        except urllib.error.HTTPError as error:
            reason = _answered(address, error, file)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            reason = str(getattr(error, "reason", "") or error or type(error).__name__)
        if left == 0 or file.tell() == before:
            raise _failed(
                f"{address} could not be fetched: {reason}. What has arrived is kept; run the same command again, or "
                "fetch it elsewhere and use --from FOLDER.",
                AGAIN,
            )


def _receive(address: str, file: BinaryIO, on_progress: OnProgress) -> bool:
    """One connection; whether everything has arrived."""
    have = file.tell()
    with _opened(address, {"Range": f"bytes={have}-"} if have else {}) as answer:
        if answer.status != 206:
            have = 0  # the server gives the whole file, whatever was asked
            file.seek(0)
            file.truncate()
        elif not _starts_at(answer.headers.get("Content-Range", ""), have):
            raise http.client.HTTPException(
                "the server gives another part of the file than the one asked for"
            )
        length = answer.headers.get("Content-Length", "")
        total = have + int(length) if length.isdigit() else 0
        _expect_room(address, total)
        while block := answer.read(BLOCK):
            _expect_room(address, file.tell() + len(block))
            _write(file, block)
            on_progress(file.tell(), total)
    return not total or file.tell() >= total


def _write(file: BinaryIO, block: bytes) -> None:
    try:
        file.write(block)
    except OSError as error:
        raise not_written(Path(file.name), error) from error


def _answered(address: str, error: urllib.error.HTTPError, file: BinaryIO) -> str:
    """Why a server said no; clears what it cannot continue.

    Raises:
        ModelError: `model.fetch`, exit code 65: it will not say anything else the next time.
    """
    with error:
        if (
            error.code == 416 and file.tell()
        ):  # more is here than there: another file lies at that address now
            file.seek(0)
            file.truncate()
        elif error.code < 500 and error.code not in (408, 429):
            raise _failed(
                f"{address} could not be fetched: the server answers {error.code} {error.reason}. "
                "Fetch the file elsewhere and use --from FOLDER.",
                ModelError.exit_code,
            )
    return f"the server answers {error.code} {error.reason}"


def _starts_at(content_range: str, have: int) -> bool:
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", content_range.strip())
    return match is not None and int(match[1]) == have


def _expect_room(address: str, size: int) -> None:
    if size > LARGEST:
        raise _failed(f"{address} is larger than {LARGEST >> 30} GiB; no model is. It was not fetched.", 65)


def _fetch_terms(manifest: Manifest, folder: Path) -> Path | None:
    """The licence's text beside the weights; to do without it is no reason to fail, `accept` asks for it."""
    if not manifest.terms.source:
        return None
    try:
        with _opened(manifest.terms.source, {}) as answer:
            content = answer.read(LARGEST_TERMS)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError):
        return None
    if manifest.terms.sha256 not in ("", hashlib.sha256(content).hexdigest()):
        return None
    land(terms_path(manifest, folder), lambda file: file.write(content))
    return terms_path(manifest, folder)


def _opened(address: str, headers: dict[str, str]) -> Any:
    opener = urllib.request.build_opener(_Redirects)
    wanted = {"User-Agent": "faceplate", "Accept-Encoding": "identity", **headers}
    return opener.open(urllib.request.Request(address, headers=wanted), timeout=PATIENCE)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to where a manifest may point as well: never to plain http, ftp or a file."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        local = is_address(newurl) and not req.full_url.startswith("https:")
        if not (newurl.startswith("https://") or local):
            raise _failed(f"{req.full_url} sends elsewhere, to {newurl}, which is not trusted.", 65)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _failed(sentence: str, exit_code: int) -> ModelError:
    error = ModelError(sentence, code="model.fetch")
    error.exit_code = exit_code
    return error


def copy_manifest(manifest: Manifest, folder: Path) -> Path:
    """Put a manifest into a model folder, so that a mirror is a model folder of its own."""
    path = folder / "manifests" / manifest.path.name
    if path.resolve() != manifest.path.resolve():
        content = manifest.path.read_bytes()
        land(path, lambda file: file.write(content))
    return path

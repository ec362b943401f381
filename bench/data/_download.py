"""Downloads and verifies the remote files of a dataset; invalid downloads are removed.

If no checksum is published, the first download records one next to the file
(``<file>.sha256``); later downloads must match it.  The first download must look like the kind of
file that its name says (:mod:`bench.data._kinds`).
"""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.core.dataset import Source, why_not_trusted
from bench.core.errors import Finding, UserError
from bench.core.files import write_text
from bench.data._kinds import why_wrong_kind

RETRIES = 3

MIRROR = "SCVAEBENCH_MIRROR"
"""Environment variable: an address in which all files lie under their names."""


REASONS = {
    "Timeout": "the server does not answer",
    "SSLError": "the server's certificate cannot be verified",
    "ChunkedEncodingError": "the transfer broke off",
    "ConnectionError": "no connection to the server",
}
"""By the class of an error of requests, which pooch brings: what happened, in one line."""


class WrongKindError(Exception):
    """A download that is not the kind of file that its name says."""


def fetch(
    sources: Sequence[Source],
    folder: Path,
    retries: int = RETRIES,
    tell: Callable[[str], None] = print,
) -> dict[str, Path]:
    """The verified files by name; missing files are downloaded into ``folder``.

    An interrupted transfer starts again up to ``retries`` times.  ``tell`` receives one sentence
    per download, with its checksum.  Raises one :class:`UserError` with all files that could not
    be downloaded, do not match their checksum, or are of another kind.
    """
    findings, files = [], {}
    for source in sources:
        try:
            files[source.file] = _fetched(source, folder, retries, tell)
        except (ValueError, OSError, WrongKindError) as error:
            # requests' errors are OSErrors; pooch reports a wrong checksum as ValueError.
            findings.append(_finding(source, folder, error))
    if findings:
        raise UserError("These files could not be downloaded:", findings)
    return files


def address_of(source: Source) -> str:
    """Where a file is downloaded from: the mirror if there is one, else its own address."""
    mirror = os.environ.get(MIRROR, "")
    return f"{mirror.rstrip('/')}/{source.file}" if mirror else source.address


def _fetched(source: Source, folder: Path, retries: int, tell: Callable[[str], None]) -> Path:
    import pooch

    known, existed = _expected(source, folder), (Path(folder) / source.file).exists()
    store = pooch.create(
        path=folder,
        base_url="",
        registry={source.file: known or None},
        urls={source.file: address_of(source)},
        retry_if_failed=retries,
    )
    if not existed:
        _need_trust(address_of(source), known)
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), hooks={"response": _trusted(known)}
    )
    path = Path(store.fetch(source.file, downloader=downloader))
    if not known:
        _need_kind(path, existed)
    checksum = pooch.file_hash(str(path), alg="sha256")
    if not known:
        write_text(_record(source, folder), f"{checksum}  {source.file}\n")
        tell(
            f"{source.file}: no published checksum; recorded {checksum} "
            f"in {_record(source, folder).name}, and later downloads must match it"
        )
    elif not existed:
        tell(f"{source.file}: downloaded; its sha256 is {checksum}, as expected")
    return path


def _need_trust(address: str, checksum: str) -> None:
    if reason := why_not_trusted(address, checksum):
        raise OSError(reason)


def _trusted(checksum: str) -> Callable[..., None]:
    """A hook of requests that refuses a redirect to an address that is not trusted."""

    def check(response: Any, **_: Any) -> None:
        _need_trust(response.url, checksum)

    return check


def _need_kind(path: Path, existed: bool) -> None:
    """Remove a download of another kind; a file put there by hand stays."""
    if reason := why_wrong_kind(path):
        if not existed:
            path.unlink()
        raise WrongKindError(reason)


def _record(source: Source, folder: Path) -> Path:
    return Path(folder) / f"{source.file}.sha256"


def _expected(source: Source, folder: Path) -> str:
    """The expected checksum; empty if none is published or recorded yet."""
    record = _record(source, folder)
    if source.sha256 or not record.is_file():
        return source.sha256
    return record.read_text(encoding="utf8").split()[0]


def _finding(source: Source, folder: Path, error: Exception) -> Finding:
    here, address = Path(folder) / source.file, address_of(source)
    if isinstance(error, WrongKindError):
        fix = f"download the file by hand to {here}"
        return Finding(address, None, f"{source.file} {error}", fix)
    if isinstance(error, OSError):
        by_hand = f"download the file by hand to {here}"
        fix = f"check the network, name a mirror in {MIRROR}, or {by_hand}"
        return Finding(address, None, f"could not be downloaded: {_reason(error)}", fix)
    checksum = _expected(source, folder)
    expected = f"the download does not have the sha256 {checksum} and was removed"
    fix = "try again later; the published file may have changed"
    if not source.sha256:
        fix = f"if the change is correct, delete {_record(source, folder)} and {here}"
    return Finding(address, None, expected, fix)


def _reason(error: OSError) -> str:
    """The reason in one line, without the chain of causes that requests prints."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    known = [reason for kind, reason in REASONS.items() if kind in kinds]
    return known[0] if known else " ".join(str(error).split())

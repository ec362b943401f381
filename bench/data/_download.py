"""Downloads and verifies the remote files of a dataset; invalid downloads are removed.

If no checksum is published, the first download records one next to the file
(``<file>.sha256``); later downloads must match it.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.core.dataset import Source
from bench.core.errors import Finding, UserError
from bench.core.files import write_text

RETRIES = 3


def fetch(
    sources: Sequence[Source],
    folder: Path,
    retries: int = RETRIES,
    tell: Callable[[str], None] = print,
) -> dict[str, Path]:
    """The verified files by name; missing files are downloaded into ``folder``.

    An interrupted transfer starts again up to ``retries`` times.  ``tell`` receives one sentence
    per new checksum.  Raises one :class:`UserError` with all files that could not be downloaded or
    do not match their checksum.
    """
    findings, files = [], {}
    for source in sources:
        try:
            files[source.file] = _fetched(source, folder, retries, tell)
        except (ValueError, OSError) as error:
            # requests' errors are OSErrors; pooch reports a wrong checksum as ValueError.
            findings.append(_finding(source, folder, error))
    if findings:
        raise UserError("These files could not be downloaded:", findings)
    return files


def _fetched(source: Source, folder: Path, retries: int, tell: Callable[[str], None]) -> Path:
    import pooch

    store = pooch.create(
        path=folder,
        base_url="",
        registry={source.file: _expected(source, folder) or None},
        urls={source.file: source.address},
        retry_if_failed=retries,
    )
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty())
    path = Path(store.fetch(source.file, downloader=downloader))
    if not _expected(source, folder):
        checksum = pooch.file_hash(str(path), alg="sha256")
        write_text(_record(source, folder), f"{checksum}  {source.file}\n")
        tell(
            f"{source.file}: no published checksum; recorded {checksum} "
            f"in {_record(source, folder).name}, and later downloads must match it"
        )
    return path


def _record(source: Source, folder: Path) -> Path:
    return Path(folder) / f"{source.file}.sha256"


def _expected(source: Source, folder: Path) -> str:
    """The expected checksum; empty if none is published or recorded yet."""
    record = _record(source, folder)
    if source.sha256 or not record.is_file():
        return source.sha256
    return record.read_text(encoding="utf8").split()[0]


def _finding(source: Source, folder: Path, error: Exception) -> Finding:
    here = Path(folder) / source.file
    if isinstance(error, OSError):
        fix = f"check the network, or download the file by hand to {here}"
        return Finding(source.address, None, f"could not be downloaded: {error}", fix)
    checksum = _expected(source, folder)
    expected = f"the download does not have the sha256 {checksum} and was removed"
    fix = "try again later; the published file may have changed"
    if not source.sha256:
        fix = f"if the change is correct, delete {_record(source, folder)} and {here}"
    return Finding(source.address, None, expected, fix)

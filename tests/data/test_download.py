"""Downloads against a server in a thread: verified, retried, kept, or refused without a trace."""

from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bench.core.dataset import Source
from bench.core.errors import UserError
from bench.data._download import MIRROR, fetch

CONTENT = b"counts " * 5000
CHECKSUM = sha256(CONTENT).hexdigest()
PATHS = ("/counts.bin", "/mirror/counts.bin", "/mirror/other.bin")
PAGE = b"  <!DOCTYPE html><title>Log in</title>"


class Shop:
    """What the server offers, how often it was asked, and how many transfers it breaks off."""

    def __init__(self) -> None:
        self.content, self.asked, self.to_break, self.address = CONTENT, 0, 0, ""
        self.paths: list[str] = []
        self.redirect = ""


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    offer = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            offer.asked += 1
            offer.paths.append(self.path)
            if offer.redirect:
                self.send_response(302)
                self.send_header("Location", offer.redirect)
                self.end_headers()
                return
            self.send_response(200 if self.path in PATHS else 404)
            self.send_header("Content-Length", str(len(offer.content)))
            self.end_headers()
            broken = offer.to_break > 0
            offer.to_break -= 1
            self.wfile.write(offer.content[:1000] if broken else offer.content)

        def log_message(self, *args: object) -> None:
            """Quiet."""

    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        offer.address = f"http://127.0.0.1:{server.server_port}/counts.bin"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield offer
        server.shutdown()
        thread.join()


def source(shop: Shop, checksum: str = "", file: str = "counts.bin") -> Source:
    return Source(
        file=file, address=shop.address, licence="CC BY 4.0", citation="nobody", sha256=checksum
    )


def test_a_file_is_fetched_once_and_kept(shop: Shop, tmp_path: Path) -> None:
    for _ in range(2):
        files = fetch([source(shop, CHECKSUM)], tmp_path / "new")
        assert files["counts.bin"].read_bytes() == CONTENT
    assert shop.asked == 1
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["counts.bin"]


def test_a_wrong_checksum_is_refused_and_leaves_nothing(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"does not have the sha256 {'0' * 64}"):
        fetch([source(shop, "0" * 64)], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_transfer_that_breaks_off_starts_again(shop: Shop, tmp_path: Path) -> None:
    shop.to_break = 2
    files = fetch([source(shop, CHECKSUM)], tmp_path)
    assert files["counts.bin"].read_bytes() == CONTENT
    assert shop.asked == 3


def test_half_a_file_is_never_taken_for_a_whole_one(shop: Shop, tmp_path: Path) -> None:
    shop.to_break = 99
    with pytest.raises(UserError, match="could not be downloaded"):
        fetch([source(shop)], tmp_path, retries=1)
    assert list(tmp_path.iterdir()) == []


def test_the_first_download_records_a_checksum_and_says_so(shop: Shop, tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(2):
        fetch([source(shop)], tmp_path, tell=told.append)
    assert len(told) == 1
    assert CHECKSUM in told[0]
    assert (tmp_path / "counts.bin.sha256").read_text() == f"{CHECKSUM}  counts.bin\n"
    assert shop.asked == 1


def test_later_downloads_must_match_the_record(shop: Shop, tmp_path: Path) -> None:
    fetch([source(shop)], tmp_path, tell=lambda said: None)
    (tmp_path / "counts.bin").unlink()
    shop.content = b"something else"
    with pytest.raises(UserError, match=r"counts\.bin\.sha256"):
        fetch([source(shop)], tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["counts.bin.sha256"]


def test_a_file_changed_on_disk_is_fetched_again(shop: Shop, tmp_path: Path) -> None:
    fetch([source(shop)], tmp_path, tell=lambda said: None)
    (tmp_path / "counts.bin").write_bytes(b"changed")
    fetch([source(shop)], tmp_path)
    assert (tmp_path / "counts.bin").read_bytes() == CONTENT
    assert shop.asked == 2


def test_a_file_put_there_by_hand_is_taken(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "counts.bin").write_bytes(CONTENT)
    fetch([source(shop, CHECKSUM)], tmp_path)
    assert shop.asked == 0


def test_without_a_network_the_way_by_hand_is_told(tmp_path: Path, shop: Shop) -> None:
    nowhere = Source(
        file="counts.bin", address="http://127.0.0.1:9/counts.bin", licence="", citation=""
    )
    with pytest.raises(UserError) as caught:
        fetch([nowhere, source(shop, "0" * 64, file="other.bin")], tmp_path, retries=0)
    assert len(caught.value.findings) == 2
    assert "http://127.0.0.1:9/counts.bin" in str(caught.value)
    assert f"download the file by hand to {tmp_path / 'counts.bin'}" in str(caught.value)


def test_an_address_that_holds_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.address += ".gone"
    with pytest.raises(UserError, match="404"):
        fetch([source(shop)], tmp_path, retries=0)
    assert list(tmp_path.iterdir()) == []


def test_a_published_checksum_is_shown_when_a_file_is_downloaded(
    shop: Shop, tmp_path: Path
) -> None:
    told: list[str] = []
    for _ in range(2):
        fetch([source(shop, CHECKSUM)], tmp_path, tell=told.append)
    assert told == [f"counts.bin: downloaded; its sha256 is {CHECKSUM}, as expected"]


@pytest.mark.parametrize(
    ("content", "file", "words"),
    [
        (PAGE, "counts.bin", "counts.bin is a page of a web server"),
        (PAGE, "counts.h5ad", "counts.h5ad is a page of a web server"),
        (b"", "counts.bin", "counts.bin is empty"),
        (b"PK\x03\x04", "counts.h5ad", "does not begin as a file that ends in .h5ad does"),
        (b"\x89HDF\r\n\x1a\n", "counts.tar.gz", "a file that ends in .gz does"),
        (b"\x1f\x8b", "counts.zip", "a file that ends in .zip does"),
    ],
)
def test_the_first_download_must_be_the_kind_of_file_that_its_name_says(
    shop: Shop, tmp_path: Path, content: bytes, file: str, words: str
) -> None:
    shop.content = content
    with pytest.raises(UserError, match=words):
        fetch([source(shop, file=file)], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "file"),
    [(b"\x89HDF\r\n\x1a\n...", "a.h5ad"), (b"\x1f\x8b...", "a.tar.gz"), (b"{}", "a.ipynb")],
)
def test_a_download_of_its_kind_is_taken(
    shop: Shop, tmp_path: Path, content: bytes, file: str
) -> None:
    shop.content = content
    files = fetch([source(shop, file=file)], tmp_path, tell=lambda said: None)
    assert files[file].read_bytes() == content


def test_a_page_put_there_by_hand_is_refused_and_stays(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "counts.bin").write_bytes(PAGE)
    with pytest.raises(UserError, match="is a page of a web server"):
        fetch([source(shop)], tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["counts.bin"]


@pytest.mark.parametrize("file", ["../x", "a/b", "/etc/x", "..", ".", "", "a\\b", "x/"])
def test_a_file_cannot_leave_its_folder(shop: Shop, file: str) -> None:
    with pytest.raises(ValueError, match="expected a name without folders"):
        source(shop, file=file)


@pytest.mark.parametrize("address", ["http://arxiv.org/x", "file:/etc/passwd", "ftp://a/x", ""])
def test_an_address_must_be_encrypted_or_have_a_checksum(address: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Source(file="x", address=address, licence="", citation="")
    if address.startswith("http:"):
        Source(file="x", address=address, licence="", citation="", sha256=CHECKSUM)


def test_a_redirect_without_encryption_needs_a_checksum(shop: Shop, tmp_path: Path) -> None:
    real, shop.redirect = shop.address, shop.address.replace("127.0.0.1", "0.0.0.0")
    with pytest.raises(UserError, match="plain http needs a checksum"):
        fetch([source(shop)], tmp_path, retries=0)
    assert list(tmp_path.iterdir()) == []
    shop.redirect, shop.address = "", real


def test_a_mirror_has_all_files_under_their_names(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR, shop.address.replace("counts.bin", "mirror/"))
    nowhere = Source(file="other.bin", address="https://localhost:9/1", licence="", citation="")
    fetch([source(shop, CHECKSUM), nowhere], tmp_path, tell=lambda said: None)
    assert shop.paths == ["/mirror/counts.bin", "/mirror/other.bin"]


def test_a_mirror_needs_a_checksum_too(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MIRROR, "http://arxiv.org/mirror")
    with pytest.raises(UserError, match="plain http needs a checksum"):
        fetch([source(shop)], tmp_path)


def test_without_a_network_the_reason_is_one_line(tmp_path: Path) -> None:
    nowhere = Source(
        file="counts.bin", address="https://127.0.0.1:9/counts.bin", licence="", citation=""
    )
    with pytest.raises(UserError, match="could not be downloaded: no connection to the server; "):
        fetch([nowhere], tmp_path, retries=0)
